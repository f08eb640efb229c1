//! Where a recipient stands on its ladder, in words: what comes next, what was tried, what failed.

use entity::{delivery, recipient};
use noroshi_core::{
    alert::Rule,
    playbook::{Action, PartyRef, Target},
    time::Timestamp,
};

use super::super::{board::Next, when::When};
use crate::{app::App, operation::scene::Scene, transport::reason, web::api::recipient::HeldBack};

/// What happens next when nobody does anything.
pub(super) fn next(
    app: &App,
    scene: &Scene,
    rule: &Rule,
    row: &recipient::Model,
    letters: &[delivery::Model],
    when: &When,
) -> Option<(Next, Timestamp)> {
    let language = when.words.0;
    let who = |party: &PartyRef| scene.party_name(party).get(language).to_owned();
    if row.state == "to_decide" {
        let decider = row.decider.as_ref().and_then(|json| serde_json::from_value(json.clone()).ok());
        let party = decider.as_ref().or(rule.decider())?;
        return Some((Next::Decide(who(party)), when.now));
    }
    let unsent = letters
        .iter()
        .filter(|letter| matches!(letter.state.as_str(), "queued" | "leased") && letter.transport != "phone")
        .min_by_key(|letter| letter.due_at_ms);
    if let Some(letter) = unsent {
        match HeldBack::of(app, letter) {
            Some(HeldBack::ByDomain(until)) => return Some((Next::Held, until)),
            Some(HeldBack::ToPace(next)) => return Some((Next::ToPace, next)),
            None => {}
        }
        let way = app.transports.get(&letter.transport);
        if letter.attempts > 0 && way.is_some_and(|way| way.is_away(when.now)) {
            return Some((Next::Away, Timestamp(letter.created_at_ms)));
        }
        let kind = if letter.attempts > 0 { Next::Retry } else { Next::Send };
        return Some((kind, Timestamp(letter.due_at_ms)));
    }
    if row.state != "waiting" {
        return None;
    }
    let due = scene.timeline.real_time_of(Timestamp(row.due_own_ms?))?;
    let step = rule.ladder.as_ref()?.steps.get(usize::try_from(row.step).ok()?)?;
    let via = |via: &[String]| {
        via.iter().map(|key| transport(key, when)).collect::<Vec<_>>().join(&when.words.get("list-join"))
    };
    let whom = |to: &Target| match to {
        Target::Party(party) => Some(who(party)),
        Target::Same | Target::Alternate => None,
    };
    let next = match &step.action {
        Action::Resend { to: Target::Alternate, .. } | Action::Notify { to: Target::Alternate, .. } => {
            Next::Alternate
        }
        Action::Resend { to, via: by } | Action::Notify { to, via: by } => match whom(to) {
            Some(name) => Next::Notify(name),
            None => Next::Resend(via(by)),
        },
        Action::Call { to, .. } => Next::Call(whom(to).unwrap_or_default()),
        Action::Decide { to, .. } => Next::Decide(whom(to).unwrap_or_default()),
    };
    Some((next, due))
}

/// A transport in words: メール.
pub fn transport(key: &str, when: &When) -> String {
    let word = format!("transport-{key}");
    let told = when.words.get(&word);
    if told == word { key.to_owned() } else { told }
}

pub(super) fn failure(letters: &[delivery::Model], when: &When) -> Option<String> {
    let failed =
        letters.iter().rev().find(|letter| matches!(letter.state.as_str(), "refused" | "given_up"))?;
    let reason = reason::in_words(failed.reason.as_deref().unwrap_or_default());
    let reason: String = reason.get(when.words.0).chars().take(120).collect();
    Some(format!("{} {reason}", transport(&failed.via, when)).trim().to_owned())
}

pub(super) fn tried(letters: &[delivery::Model], when: &When) -> String {
    let mut ways: Vec<String> = Vec::new();
    for letter in letters.iter().filter(|letter| letter.attempts > 0 || letter.state == "accepted") {
        let way = transport(&letter.via, when);
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways.join(&when.words.get("list-join"))
}
