//! What the playbooks of a site do to each other: two that fire on one condition (T04), two versions of one name (R07).

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::Site;
use crate::{
    directory::Directory,
    document::{self, Kind},
    playbook::{Mode, Source},
    text::Text,
    variable::JMA_INTENSITIES,
    yaml::{Limits, Problems, fields::Spot},
};

/// A playbook of the site, as far as others have to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbour {
    key: String,
    version: String,
    triggers: Vec<Firing>,
    recipients: BTreeSet<String>,
    /// The whole file, to tell another version from the same one.
    content: Arc<[u8]>,
}

/// What an automatic trigger waits for.
#[derive(Clone, Debug, PartialEq)]
struct Firing {
    source: Source,
    when: Value,
    schedule: Value,
    /// The key of a webhook's trigger: several playbooks may hear one.
    hook: Option<String>,
}

impl Neighbour {
    /// Reads what has to be known of a playbook; `None` where the file is none. Works on files with problems.
    pub fn read(source: &[u8]) -> Option<Self> {
        let problems = Problems::default();
        let (_, root) = document::tree(source, Limits::PLAYBOOK, &problems)?;
        let root = Spot::root(&root, &problems);
        let is_playbook = root.child("kind").is_some_and(|kind| kind.words() == Some(Kind::Playbook.name()));
        let metadata = |name| Some(root.descend(&["metadata", name])?.words()?.to_owned());
        is_playbook.then_some(())?;
        Some(Self {
            key: metadata("key")?,
            version: metadata("version")?,
            triggers: firings(&root).into_iter().map(|(_, firing)| firing).collect(),
            recipients: recipients(&root),
            content: source.into(),
        })
    }

    /// The playbook's key.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Tells what collides with the neighbours.
pub(super) fn all(site: &Site<'_>, source: &str, root: &Spot<'_>) {
    let Some(neighbours) = site.neighbours else { return };
    let word = |name| root.descend(&["metadata", name]).and_then(|spot| spot.words());
    let Some((key, version)) = word("key").zip(word("version")) else { return };
    let ours = reached(&recipients(root), site.directory);
    for neighbour in neighbours {
        if neighbour.key != key {
            both_fire(neighbour, root, &ours, site.directory);
        } else if neighbour.version == version
            && neighbour.content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&neighbour.content)
                != source.as_bytes()
        {
            one_name_for_two(neighbour, root);
        }
    }
}

fn one_name_for_two(former: &Neighbour, root: &Spot<'_>) {
    let Some(version) = root.descend(&["metadata", "version"]) else { return };
    version.warning(
        "R07",
        Text::both(
            format!("内容が変わったのに、版の名が前と同じ「{}」です。", former.version),
            format!("The content has changed, and the version is \"{}\" as before.", former.version),
        ),
        Text::both("version を新しくしてください。", "Write a new version."),
    );
}

fn both_fire(neighbour: &Neighbour, root: &Spot<'_>, ours: &BTreeSet<String>, directory: Option<&Directory>) {
    let theirs = reached(&neighbour.recipients, directory);
    let shared: Vec<&str> = ours.intersection(&theirs).map(String::as_str).take(5).collect();
    if shared.is_empty() {
        return;
    }
    for (place, firing) in firings(root) {
        if !neighbour.triggers.iter().any(|other| other.coincides(&firing)) {
            continue;
        }
        let key = &neighbour.key;
        place.warning(
            "T04",
            Text::both(
                format!("手順書「{key}」も同じ条件で起動し、宛先が重なります: {}", shared.join("、")),
                format!(
                    "The playbook \"{key}\" fires on the same condition, and both go to: {}.",
                    shared.join(", ")
                ),
            ),
            Text::both(
                "条件を分けるか、片方を mode: suggest にするか、理由を書いて免除してください。",
                "Keep the conditions apart, make one of them mode: suggest, or waive this with your reason.",
            ),
        );
    }
}

/// The triggers that start something by themselves, each with the place of its condition.
fn firings<'a>(root: &Spot<'a>) -> Vec<(Spot<'a>, Firing)> {
    let triggers = root.child("triggers").map(|spot| spot.elements()).unwrap_or_default();
    let firing = |trigger: Spot<'a>| {
        let word = |name| trigger.child(name).and_then(|spot| spot.words());
        let source = word("source").and_then(Source::from_key)?;
        // Without a mode it only suggests.
        let is_opened = word("mode").is_some_and(|mode| mode != Mode::Suggest.key());
        (is_opened && source != Source::Manual).then_some(())?;
        let block = |name| trigger.child(name).map_or(Value::Null, |spot| spot.node.to_json());
        let hook = (source == Source::Webhook).then(|| word("key")).flatten().map(str::to_owned);
        let firing = Firing { source, when: block("when"), schedule: block("schedule"), hook };
        let place = ["when", "schedule", "source"].iter().find_map(|name| trigger.child(name));
        Some((place.unwrap_or(trigger), firing))
    };
    triggers.into_iter().filter_map(firing).collect()
}

impl Firing {
    /// Whether one event can fire both.
    fn coincides(&self, other: &Self) -> bool {
        if self.source != other.source || self.schedule != other.schedule || self.hook != other.hook {
            return false;
        }
        let empty = serde_json::Map::new();
        let [ours, theirs] = [self, other].map(|firing| firing.when.as_object().unwrap_or(&empty));
        ours.iter().all(|(name, condition)| match theirs.get(name) {
            None => true,
            Some(other) => may_both_hold(name, condition, other),
        })
    }
}

fn may_both_hold(name: &str, one: &Value, other: &Value) -> bool {
    match name {
        "max_intensity" => {
            let [(low, high), (from, to)] = [one, other].map(intensities);
            low.max(from) <= high.min(to)
        }
        name if name.ends_with("_in") => match (one.as_array(), other.as_array()) {
            (Some(one), Some(other)) => one.iter().any(|item| other.contains(item)),
            // A list of the site holds what the other names.
            _ => one == other || one.is_array() != other.is_array(),
        },
        _ => one == other,
    }
}

/// The first and the last place on the scale that a condition allows.
fn intensities(condition: &Value) -> (usize, usize) {
    let place = |name: &str| {
        let word = condition.get(name)?.as_str()?;
        JMA_INTENSITIES.iter().position(|known| *known == word)
    };
    let last = JMA_INTENSITIES.len() - 1;
    match place("eq") {
        Some(exactly) => (exactly, exactly),
        None => (
            place("gte").or_else(|| Some(place("gt")? + 1)).unwrap_or(0),
            place("lte").or_else(|| place("lt")?.checked_sub(1)).unwrap_or(last),
        ),
    }
}

/// The parties of the alerts that a start raises.
fn recipients(root: &Spot<'_>) -> BTreeSet<String> {
    let alerts = root.child("alerts").map(|spot| spot.children()).unwrap_or_default();
    let at_start = alerts.iter().filter(|(_, alert)| {
        alert.descend(&["send", "event"]).is_some_and(|event| event.words() == Some("incident.activated"))
    });
    at_start
        .filter_map(|(_, alert)| alert.child("to"))
        .flat_map(|to| to.list_of_words().into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// The agencies behind the parties, groups expanded where the directory is known. Roles are each playbook's own.
fn reached(parties: &BTreeSet<String>, directory: Option<&Directory>) -> BTreeSet<String> {
    let agencies = parties.iter().filter_map(|party| party.strip_prefix("agency:"));
    let mut found: BTreeSet<String> = match directory {
        Some(directory) => {
            agencies.flat_map(|key| directory.expand(key)).map(|key| format!("agency:{key}")).collect()
        }
        None => agencies.map(|key| format!("agency:{key}")).collect(),
    };
    found.extend(parties.iter().filter(|party| party.starts_with("roster.")).cloned());
    found
}
