//! One alert with its rows: what was sent, when, until when an answer is wanted.

use noroshi_core::time::Timestamp;

use super::{
    super::{
        frame::Frame,
        relay::{Evidence, relay},
    },
    known::{AlertFacts, RecipientState},
    row::Row,
};

/// One alert.
#[derive(Clone, Debug)]
pub struct Group {
    /// `alr_…`.
    pub id: String,
    /// Whom it goes to.
    pub audience: String,
    /// 回答 4/5.
    pub tally: String,
    /// What was sent, when, and until when an answer is wanted.
    pub line: String,
    /// 不足1隊: the alert itself waits for a decision.
    pub short: Option<String>,
    /// What it belongs to among the alerts: words, and the id of the other one.
    pub linked: Vec<(String, String)>,
    /// Whether it was raised and may be followed up.
    pub may_follow: bool,
    /// Names of the five hills.
    pub hills: [String; 5],
    /// Its recipients, stuck ones first.
    pub rows: Vec<Row>,
}

impl Group {
    /// Says the facts of one alert.
    pub fn new(alert: &AlertFacts, drill: bool, frame: &Frame) -> Self {
        let words = frame.words;
        let mut rows: Vec<Row> = alert.recipients.iter().map(|facts| Row::new(facts, alert, frame)).collect();
        rows.sort_by_key(|row| row.kind);
        let answered = alert.recipients.iter().filter(|facts| facts.is_answered()).count();
        let asked = alert.recipients.iter().filter(|facts| facts.state != RecipientState::Informed).count();
        let clock = |key: &str, at: Timestamp| words.with(key, &[("clock", frame.when.short(at).into())]);
        let mut line = vec![format!(
            "{}{} {}",
            if drill { words.get("drill-mark") } else { String::new() },
            alert.subject,
            words.with("report-number", &[("n", alert.number.into())])
        )];
        line.extend(alert.raised.map(|at| clock("board-raised", at)));
        if alert.raised.is_none() {
            line.extend(alert.due.map(|at| clock("board-will-be-raised", at)));
        }
        match (alert.respond_by, alert.ack_by) {
            (Some(at), _) => line.push(clock("board-respond-by", at)),
            (None, Some(at)) => line.push(clock("board-ack-by", at)),
            (None, None) => {}
        }
        Self {
            id: alert.id.clone(),
            audience: alert.audience.clone(),
            tally: match asked {
                _ if alert.replaced.is_some() => String::new(),
                0 => String::new(),
                _ => words.with("board-tally", &[("answered", answered.into()), ("asked", asked.into())]),
            },
            line: line.join("　"),
            linked: linked(alert, frame),
            may_follow: alert.raised.is_some() && alert.replaced.is_none() && !alert.ending,
            short: alert.short.map(|(_, missing)| frame.count("board-short", missing)),
            hills: relay(&Evidence::default(), &frame.when).map(|hill| hill.name),
            rows,
        }
    }
}

/// 「DMAT待機・出動照会」を受けた訂正; 「…」に替わりました.
fn linked(alert: &AlertFacts, frame: &Frame) -> Vec<(String, String)> {
    let words = frame.words;
    let follows = alert.follows.as_ref().map(|(id, subject, kind)| {
        let kind = words.get(&format!("follow-mark-{kind}"));
        let values = [("name", subject.clone().into()), ("kind", kind.into())];
        (words.with("follow-after", &values), id.clone())
    });
    let replaced =
        alert.replaced.as_ref().map(|(id, subject)| (frame.named("follow-replaced", subject), id.clone()));
    follows.into_iter().chain(replaced).collect()
}
