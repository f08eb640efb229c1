//! The strip over the board: what waits for a person.

use super::{
    super::{frame::Frame, incident::Head, mark::Mark},
    known::{AlertFacts, RecipientFacts},
    row::{Row, RowKind},
};

/// One cell of the strip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Its shape; grey where the count is zero.
    pub mark: Mark,
    /// Its words.
    pub words: String,
    /// Of whom it speaks.
    pub whom: String,
    /// How many.
    pub count: usize,
    /// Where it leads.
    pub href: String,
    /// Whether it burns: a decision is due.
    pub burns: bool,
}

/// The strip: decisions, silence, failure, and answers that came after a decision.
pub(super) fn waits(rows: &[&Row], alerts: &[AlertFacts], head: &Head, frame: &Frame) -> Vec<Wait> {
    let words = frame.words;
    let cell = |mark, key: &str, found: &[&&Row]| Wait {
        mark,
        words: words.get(key),
        whom: whom(found, frame),
        count: found.len(),
        href: found.first().map_or_else(|| "#board".to_owned(), |row| format!("#{}", row.id)),
        burns: false,
    };
    let of = |wanted: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| wanted(row)).collect::<Vec<_>>();
    let decide = of(&|row| row.kind == RowKind::Decide);
    let short: Vec<&AlertFacts> = alerts.iter().filter(|alert| alert.short.is_some()).collect();
    let mut first = cell(Mark::Decide, "wait-decide", &decide);
    first.count += short.len();
    first.burns = first.count > 0;
    if let Some(row) = decide.first() {
        let due = row.next.as_ref().and_then(|next| next.due.clone());
        if let (Some((elapsed, _)), 1) = (due, decide.len()) {
            first.whom =
                format!("{} {}", first.whom, words.with("wait-elapsed", &[("span", elapsed.into())]));
        }
        first.href = format!("/incidents/{}/recipients/{}#decide", head.id, row.id);
    } else if let Some(alert) = short.first() {
        first.whom = alert.audience.clone();
        first.href = format!("/incidents/{}/alerts/{}", head.id, alert.id);
    }
    let silent =
        of(&|row| row.mark == Mark::Silent || (row.kind == RowKind::Alarm && row.mark == Mark::Seen));
    let failed = of(&|row| matches!(row.mark, Mark::Fail | Mark::Unknown));
    let mut cells =
        vec![first, cell(Mark::Silent, "wait-silent", &silent), cell(Mark::Fail, "wait-failed", &failed)];
    let after: Vec<&RecipientFacts> = alerts
        .iter()
        .flat_map(|alert| &alert.recipients)
        .filter(|facts| facts.answer.as_ref().is_some_and(|answer| answer.after_decision))
        .collect();
    if let Some(facts) = after.first() {
        cells.push(Wait {
            mark: Mark::Late,
            words: words.get("wait-after-decision"),
            whom: facts.name.clone(),
            count: after.len(),
            href: format!("#{}", facts.id),
            burns: false,
        });
    }
    cells
}

fn whom(rows: &[&&Row], frame: &Frame) -> String {
    match rows {
        [] => frame.words.get("nobody"),
        [row] => row.name.clone(),
        [one, two] => format!("{}{}{}", one.name, frame.words.get("list-join"), two.name),
        [row, rest @ ..] => {
            let count = rest.len();
            frame.words.with("and-others", &[("name", row.name.clone().into()), ("n", count.into())])
        }
    }
}
