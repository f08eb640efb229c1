//! An answer as the board and the pages tell it.

use chrono::{NaiveTime, TimeZone};
use chrono_tz::Tz;
use noroshi_core::{
    alert::Rule,
    playbook::{AskKind, Meaning, ResponseOption},
    time::Timestamp,
};
use serde_json::Value;

use super::super::{board::AnswerFacts, mark::Mark, when::When};
use crate::operation::alert::Given;

/// The option that an answer stands on: a follow-up (到着予定) stands on the one before it.
pub fn base_option<'r>(rule: &'r Rule, key: &str) -> Option<&'r ResponseOption> {
    let option = rule.option(key)?;
    match &option.after {
        Some(first) => rule.option(first).or(Some(option)),
        None => Some(option),
    }
}

/// An answer in force, as the board says it.
pub fn answer_facts(rule: &Rule, answer: &Given, decided_at: Option<Timestamp>, when: &When) -> AnswerFacts {
    let language = when.words.0;
    let option = base_option(rule, &answer.option);
    let at = Timestamp(answer.at_ms);
    let arrival_key =
        rule.responses.iter().filter(|option| option.meaning == Meaning::Arrival).find_map(|option| {
            option.ask.iter().find(|ask| ask.kind == AskKind::Time).map(|ask| ask.key.as_str())
        });
    let arrival = arrival_key
        .and_then(|key| answer.fields.get(key)?.as_str())
        .and_then(|clock| on_clock(clock, at, when.zone));
    let teams =
        answer.fields.get("teams").and_then(Value::as_u64).and_then(|teams| usize::try_from(teams).ok());
    let details = answer_fields(rule, answer, when)
        .into_iter()
        .filter(|(key, ..)| key != "teams" && Some(key.as_str()) != arrival_key)
        .map(|(_, label, value)| format!("{label} {value}"))
        .chain((!answer.note.is_empty()).then(|| answer.note.clone()))
        .collect::<Vec<_>>();
    AnswerFacts {
        label: option.map_or_else(|| answer.option.clone(), |option| option.label.get(language).to_owned()),
        mark: option.map_or(Mark::Ok, |option| Mark::of_answer(option, &rule.responses)),
        teams,
        arrival,
        details: details.join(&when.words.get("list-join")),
        by: answer.by_name.clone(),
        proxy: answer.proxy,
        late: answer.late,
        suspect: answer.suspect,
        after_decision: decided_at.is_some_and(|decided| at > decided),
        refresh_due: None,
    }
}

/// The fields of an answer in the order of the form: key, words, value in words.
pub fn answer_fields(rule: &Rule, answer: &Given, when: &When) -> Vec<(String, String, String)> {
    let language = when.words.0;
    let mut found: Vec<(String, String, String)> = Vec::new();
    let option = base_option(rule, &answer.option);
    let chosen = option.into_iter().chain(rule.option(&answer.option));
    let follow = rule
        .responses
        .iter()
        .filter(|follow| follow.after.is_some() && follow.after.as_deref() == option.map(|o| o.key.as_str()));
    for ask in chosen.chain(follow).flat_map(|option| &option.ask) {
        if found.iter().any(|(key, ..)| *key == ask.key) {
            continue;
        }
        let Some(value) = answer.fields.get(&ask.key) else { continue };
        let value = match (value, &ask.kind) {
            (Value::Bool(true), _) => when.words.get("answer-yes"),
            (Value::Bool(false), _) => when.words.get("answer-no"),
            (Value::String(word), AskKind::Choice { options }) => options
                .iter()
                .find(|option| option.ja == *word)
                .map_or_else(|| word.clone(), |option| option.get(language).to_owned()),
            (Value::String(word), _) => word.clone(),
            (other, _) => other.to_string(),
        };
        found.push((ask.key.clone(), ask.label.get(language).to_owned(), value));
    }
    found
}

/// The first moment with this clock that lies not more than an hour before `near`.
fn on_clock(clock: &str, near: Timestamp, zone: Tz) -> Option<Timestamp> {
    let time = NaiveTime::parse_from_str(clock, "%H:%M").ok()?;
    let earliest = near.to_utc().with_timezone(&zone) - chrono::Duration::hours(1);
    (0..=1).find_map(|days| {
        let day = earliest.date_naive() + chrono::Duration::days(days);
        let moment = zone.from_local_datetime(&day.and_time(time)).earliest()?;
        (moment >= earliest).then(|| Timestamp(moment.timestamp_millis()))
    })
}

#[cfg(test)]
mod tests {
    use noroshi_core::time::Span;

    use super::{super::super::sample::at, *};

    #[test]
    fn a_clock_means_the_next_time_that_it_shows_this() {
        let zone = chrono_tz::Asia::Tokyo;
        assert_eq!(on_clock("05:40", at("03:19:00"), zone), Some(at("05:40:00")));
        assert_eq!(on_clock("03:10", at("03:19:00"), zone), Some(at("03:10:00")));
        let tomorrow = at("01:00:00") + Span::minutes(24 * 60);
        assert_eq!(on_clock("01:00", at("03:19:00"), zone), Some(tomorrow));
    }
}
