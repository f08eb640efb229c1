//! What a start would send, and what happens without answers: the short form of the timetable.

use noroshi_core::{
    playbook::{Action, Ladder, PartyRef, Target},
    time::Span,
};

use super::super::{facts, mark::Mark, preflight::weak_points, when::When};
use crate::{
    app::App,
    operation::preflight::{Outlook, Question},
};

/// What would be sent, by the playbook's timetable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// How many alerts.
    pub alerts: usize,
    /// How many recipients.
    pub recipients: usize,
    /// How many people are asked to take a role.
    pub roles: usize,
    /// When, to whom, what, how many.
    pub rows: Vec<(String, String, String, usize)>,
    /// What happens without an answer: after how long, what.
    pub silence: Vec<(String, String)>,
    /// Weak points: of whom, what.
    pub warnings: Vec<(String, String)>,
}

/// What would be sent when it starts now, and what happens without answers: the short form of the timetable.
pub(in crate::web::page) fn short(
    app: &App,
    outlook: &Outlook,
    question: &Question,
    when: &When,
) -> Preflight {
    let (words, language) = (when.words, when.words.0);
    let playbook = &outlook.playbook;
    let timetable = outlook.timetable(app, question);
    let join = words.get("list-join");
    let rows = timetable.alerts.iter().map(|alert| {
        let after = match alert.offset_ms {
            0 => words.get("start-at-once"),
            ms => words.with("start-after", &[("span", when.length(Span(ms)).into())]),
        };
        let whom: Vec<&str> = alert.to.iter().map(|name| name.get(language)).collect();
        (after, whom.join(&join), alert.subject.get(language).to_owned(), alert.recipients)
    });
    let mut rows: Vec<_> = timetable.alerts.iter().map(|alert| alert.offset_ms).zip(rows).collect();
    rows.sort_by_key(|(offset_ms, _)| *offset_ms);
    // The ladder of the most urgent alert stands for the others.
    let urgency = |key: &str| playbook.alert(key).map(|alert| alert.severity);
    let laddered = timetable
        .alerts
        .iter()
        .filter(|alert| playbook.alert(&alert.key).is_some_and(|alert| alert.ladder.is_some()));
    let ladder = laddered
        .min_by_key(|alert| urgency(&alert.key))
        .and_then(|alert| playbook.ladder(playbook.alert(&alert.key)?.ladder.as_deref()?));
    let party = |party: &PartyRef| match party {
        PartyRef::Role(key) => {
            let account = || outlook.directory.role_accounts.get(key).map(|account| &account.title);
            let title = playbook.role(key).map(|role| &role.title).or_else(account);
            title.map(|title| title.get(language).to_owned())
        }
        PartyRef::Agency(key) => {
            outlook.directory.agencies.get(key).map(|agency| agency.title.get(language).to_owned())
        }
        PartyRef::Roster(key) => {
            let roster = outlook.directory.rosters.get(key);
            roster.and_then(|roster| roster.title.as_ref()).map(|title| title.get(language).to_owned())
        }
    };
    let mut silence = steps_in_words(ladder, &party, when);
    if !silence.is_empty() {
        silence.push((words.get("start-silence-after"), words.get("start-silence-red")));
    }
    let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
    Preflight {
        alerts: rows.len(),
        recipients: rows.iter().map(|(.., count)| *count).sum(),
        roles: timetable.roles.len(),
        rows,
        silence,
        warnings: weak_points(&timetable.findings, when)
            .into_iter()
            .filter(|weak| weak.mark != Mark::Unknown)
            .map(|weak| (weak.subjects, weak.detail))
            .collect(),
    }
}

/// The steps of a ladder: after how long, what.
pub(in crate::web::page) fn steps_in_words(
    ladder: Option<&Ladder>,
    party: &dyn Fn(&PartyRef) -> Option<String>,
    when: &When,
) -> Vec<(String, String)> {
    let words = when.words;
    let join = words.get("list-join");
    let name = |of: &PartyRef| party(of).unwrap_or_else(|| of.to_string());
    let steps = ladder.into_iter().flat_map(|ladder| &ladder.steps).map(|step| {
        let named = |key: &str, name: String| words.with(key, &[("name", name.into())]);
        let told = match &step.action {
            Action::Resend { to: Target::Alternate, .. } | Action::Notify { to: Target::Alternate, .. } => {
                words.get("start-silence-alternate")
            }
            Action::Resend { to: Target::Party(party), .. }
            | Action::Notify { to: Target::Party(party), .. } => named("start-silence-notify", name(party)),
            Action::Resend { via, .. } | Action::Notify { via, .. } => {
                let ways = via.iter().map(|via| facts::transport(via, when)).collect::<Vec<_>>();
                named("start-silence-resend", ways.join(&join))
            }
            Action::Call { to: Target::Party(party), .. } => named("start-silence-call", name(party)),
            Action::Decide { to: Target::Party(party), .. } => named("start-silence-decide", name(party)),
            Action::Call { .. } => named("start-silence-call", String::new()),
            Action::Decide { .. } => named("start-silence-decide", String::new()),
        };
        (when.length(step.at), told)
    });
    steps.collect()
}
