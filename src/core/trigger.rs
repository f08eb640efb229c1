//! What a trigger event does.
//!
//! # Cast
//! - [`Event`]: something happened, says a source: a bulletin, a program's call, the calendar.
//! - [`Trigger`]: a playbook's ear for it. - [`Opening`]: what the same ear has opened before.
//! - [`Decision`]: proposed, held, sent, noted in what is there, or nothing; always with its reason.
//!
//! # Flow
//! 1. [`hears`] says whether the trigger listens to this source at all.
//! 2. [`decide`] tests its conditions, then looks whether the happening is known ([`dedupe_key`]).
//! 3. [`given`] hands the event's values to the playbook's variables.
//! 4. When a hold runs out, [`after_hold`] says what silence means.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    directory::{Directory, SiteValue},
    id::IncidentId,
    playbook::{Again, Among, Bound, Comparison, EventTest, Mode, OnTimeout, Playbook, Source, Trigger},
    text::{Language, Text},
    time::{Span, Timestamp},
    variable::{JMA_INTENSITIES, intensity, label},
};

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Who says so.
    pub source: Source,
    /// Only triggers of this key listen; `None` is all.
    pub trigger: Option<String>,
    /// The source's own name for the happening.
    pub id: String,
    /// What it says.
    pub values: BTreeMap<String, Value>,
}

impl Event {
    /// A value by name; `id` and `event_id` are the event's own where it says nothing else.
    fn value(&self, name: &str) -> Option<Value> {
        match (self.values.get(name), name) {
            (Some(value), _) if !value.is_null() => Some(value.clone()),
            (_, "id" | "event_id") => Some(Value::from(self.id.clone())),
            (_, "source") => Some(Value::from(self.source.key())),
            _ => None,
        }
    }
}

/// What a trigger has opened before for one [`dedupe_key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The incident.
    pub incident: IncidentId,
    /// When.
    pub at: Timestamp,
}

/// What an event does with one playbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A proposal is put before the people on duty.
    Suggest,
    /// An incident is opened and held.
    Hold {
        /// For how long.
        hold: Span,
        /// What silence means.
        on_timeout: OnTimeout,
    },
    /// An incident is opened and sent.
    Send,
    /// It is noted in this incident, which tells of the same.
    Attach(IncidentId),
    /// It tells of the same as this incident, and the file says to leave it.
    Ignore(IncidentId),
    /// A condition does not hold.
    Nothing(EventTest),
}

impl Decision {
    /// The word in table and API.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Suggest => "suggest",
            Self::Hold { .. } => "hold",
            Self::Send => "send",
            Self::Attach(_) => "attach",
            Self::Ignore(_) => "ignore",
            Self::Nothing(_) => "nothing",
        }
    }
}

/// Whether the trigger listens to this event at all.
pub fn hears(trigger: &Trigger, event: &Event) -> bool {
    !trigger.is_manual()
        && trigger.source == event.source
        && event.trigger.as_ref().is_none_or(|key| *key == trigger.key)
}

/// What an event that the trigger hears does.
///
/// - `past`: what this trigger has opened for the same [`dedupe_key`].
///
/// Pure; equal arguments give equal decisions. Within the window of `dedupe`, counted from the last opening, nothing
/// is opened a second time unless the file says `then: open`.
pub fn decide(
    trigger: &Trigger,
    directory: &Directory,
    event: &Event,
    past: &[Opening],
    now: Timestamp,
) -> Decision {
    if let Some(failed) = trigger.when.iter().find(|test| !holds(test, directory, event)) {
        return Decision::Nothing(failed.clone());
    }
    let known = trigger.dedupe.as_ref().and_then(|dedupe| {
        let last = past.iter().max_by_key(|opening| opening.at)?;
        ((now - last.at) < dedupe.window).then_some((dedupe.then, last.incident))
    });
    match (known, trigger.mode) {
        (Some((Again::Attach, incident)), _) => Decision::Attach(incident),
        (Some((Again::Ignore, incident)), _) => Decision::Ignore(incident),
        (_, Mode::Suggest) => Decision::Suggest,
        (_, Mode::OpenAndHold { hold, on_timeout }) => Decision::Hold { hold, on_timeout },
        (_, Mode::OpenAndSend) => Decision::Send,
    }
}

/// What silence at the end of a hold means. Without its required values nothing can be sent: it waits as a proposal.
pub fn after_hold(on_timeout: OnTimeout, complete: bool) -> Decision {
    match on_timeout {
        OnTimeout::Send if complete => Decision::Send,
        OnTimeout::Send | OnTimeout::Suggest => Decision::Suggest,
    }
}

/// What the event has in common with others that tell of the same; `None` where the trigger does not say by what.
pub fn dedupe_key(trigger: &Trigger, event: &Event) -> Option<String> {
    let by = &trigger.dedupe.as_ref()?.by;
    let value = event.value(by).unwrap_or_else(|| Value::from(event.id.clone()));
    Some(words(&value))
}

/// The event's values for the playbook's variables: by `from: trigger.<name>`, else by the variable's own name.
pub fn given(playbook: &Playbook, event: &Event) -> BTreeMap<String, Value> {
    let of = |variable: &crate::playbook::Variable| {
        let named = variable.from.as_deref().and_then(|from| from.strip_prefix("trigger."));
        named.and_then(|name| event.value(name)).or_else(|| event.values.get(&variable.key).cloned())
    };
    let found = playbook.variables.iter().filter_map(|variable| Some((variable.key.clone(), of(variable)?)));
    found.filter(|(_, value)| !value.is_null()).collect()
}

fn holds(test: &EventTest, directory: &Directory, event: &Event) -> bool {
    let value = match &test.bound {
        // `area_in` looks at `area` and at `areas`.
        Bound::Among(_) => event.value(&test.name).or_else(|| event.value(&format!("{}s", test.name))),
        Bound::Compare(..) => event.value(&test.name),
    };
    let Some(value) = value else { return false };
    let among = |words_known: &[String]| each(&value).any(|one| words_known.contains(&words(one)));
    match &test.bound {
        Bound::Compare(comparison, bound) => each(&value).any(|one| compare(one, *comparison, bound)),
        Bound::Among(Among::Words(known)) => among(known),
        Bound::Among(Among::Site(key)) => match directory.site.get(key) {
            Some(SiteValue::List(known)) => among(known),
            Some(SiteValue::One(known)) => among(std::slice::from_ref(known)),
            None => false,
        },
    }
}

/// The elements of a list, or the value itself.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

fn compare(value: &Value, comparison: Comparison, bound: &Value) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let (one, other) = (words(value), words(bound));
    let rank = |text: &str| {
        let known = intensity(&crate::answer::plain(text))?;
        JMA_INTENSITIES.iter().position(|level| *level == known)
    };
    // As at the start by hand: full-width digits are digits.
    let number = |text: &str| crate::answer::plain(text).parse::<f64>().ok();
    let order = match (rank(&one), rank(&other), number(&one), number(&other)) {
        (Some(one), Some(other), ..) => Some(one.cmp(&other)),
        (.., Some(one), Some(other)) => one.partial_cmp(&other),
        _ => None,
    };
    match comparison {
        Comparison::Eq => order.map_or(one == other, |order| order == Equal),
        Comparison::Ne => order.map_or(one != other, |order| order != Equal),
        Comparison::Gte => matches!(order, Some(Greater | Equal)),
        Comparison::Gt => order == Some(Greater),
        Comparison::Lte => matches!(order, Some(Less | Equal)),
        Comparison::Lt => order == Some(Less),
        Comparison::Contains => one.contains(&other),
    }
}

/// What the people of a playbook call a value of an event: the words by which its variable is asked for, else the
/// value's own name.
pub fn name_of(playbook: &Playbook, name: &str) -> Text {
    let from = format!("trigger.{name}");
    let own = |variable: &&crate::playbook::Variable| variable.from.as_ref() == Some(&from);
    let variables = &playbook.variables;
    let found = variables.iter().find(own).or_else(|| variables.iter().find(|variable| variable.key == name));
    found.map_or_else(|| Text::plain(name), label)
}

/// `条件に当たらない: 最大震度 は 5-（条件: 6+ 以上）`
pub fn why_not(name: &Text, test: &EventTest, event: &Event) -> Text {
    let plural = || event.value(&format!("{}s", test.name));
    let said = match event.value(&test.name).or_else(plural) {
        Some(value) => {
            let shown = each(&value).map(words).collect::<Vec<_>>().join(", ");
            Text::plain(shown.chars().take(60).collect::<String>())
        }
        None => Text::both("値なし", "no value"),
    };
    let wanted = match &test.bound {
        Bound::Compare(comparison, bound) => bounded(*comparison, &words(bound)),
        Bound::Among(Among::Site(key)) => {
            Text::both(format!("site.{key} のどれか"), format!("one of site.{key}"))
        }
        Bound::Among(Among::Words(known)) => {
            Text::both(format!("{} のどれか", known.join("、")), format!("one of {}", known.join(", ")))
        }
    };
    Text::both(
        format!("条件に当たらない: {} は {}（条件: {}）", name.ja, said.ja, wanted.ja),
        format!(
            "a condition does not hold: {} is {} (wanted: {})",
            name.get(Language::En),
            said.get(Language::En),
            wanted.get(Language::En)
        ),
    )
}

/// A comparison in words.
fn bounded(comparison: Comparison, bound: &str) -> Text {
    match comparison {
        Comparison::Eq => Text::both(format!("{bound} と同じ"), bound),
        Comparison::Ne => Text::both(format!("{bound} 以外"), format!("not {bound}")),
        Comparison::Gte => Text::both(format!("{bound} 以上"), format!("{bound} or more")),
        Comparison::Gt => Text::both(format!("{bound} を超える"), format!("more than {bound}")),
        Comparison::Lte => Text::both(format!("{bound} 以下"), format!("{bound} or less")),
        Comparison::Lt => Text::both(format!("{bound} 未満"), format!("less than {bound}")),
        Comparison::Contains => Text::both(format!("{bound} を含む"), format!("contains {bound}")),
    }
}

#[cfg(test)]
mod tests;
