//! Numbers of a timetable, and who would be woken by it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Timelike as _;
use serde::Serialize;

use super::{Entry, Plan, What};
use crate::{
    addressee::{BY_HAND, Way, agency_place, person_place},
    text::Text,
    time::{Span, Timestamp},
};

/// It is night from this hour …
const NIGHT_FROM: u32 = 22;
/// … to this one, by the site's clock.
const NIGHT_TO: u32 = 7;

/// How much a start would bring about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Letters that can leave, those to role holders too.
    pub letters: usize,
    /// How often a person is asked to telephone.
    pub calls: usize,
    /// How often a person is asked to decide.
    pub decisions: usize,
    /// By transport, the most used first.
    pub transports: Vec<TransportCount>,
    /// By recipient, in order of first appearance.
    pub recipients: Vec<RecipientCount>,
}

/// One transport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TransportCount {
    /// Its key.
    pub via: String,
    /// Letters that can leave.
    pub letters: usize,
    /// Letters that cannot, for want of a driver.
    pub unserved: usize,
    /// Different addresses.
    pub addresses: usize,
}

/// One agency or person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecipientCount {
    /// Its key, as in the entries; `person:…` for role holders.
    pub key: String,
    /// Its name.
    pub name: Text,
    /// Whether it is outside our house.
    pub outside: bool,
    /// Letters that can leave, by transport.
    pub letters: BTreeMap<String, usize>,
    /// When the first thing happens, milliseconds after the start.
    pub first_ms: i64,
    /// When the last thing happens.
    pub last_ms: i64,
}

/// Somebody whom a telephone or a short message would wake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Woken {
    /// When for the first time, milliseconds after the start.
    pub offset_ms: i64,
    /// The contact: `agency:hosp_a alternate`, `person:p_sato`.
    pub contact: String,
    /// Whose it is: the agency or the person.
    pub name: Text,
    /// The desk: 当直室.
    pub desk: Text,
    /// By which transports during the night.
    pub via: BTreeSet<String>,
}

/// Counts what happens.
pub(super) fn counts(plan: &Plan<'_>, entries: &[Entry]) -> Counts {
    let mut counts = Counts::default();
    let mut transports: BTreeMap<&str, (usize, usize, BTreeSet<&str>)> = BTreeMap::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for entry in entries {
        counts.calls += usize::from(entry.what == What::Call);
        counts.decisions += usize::from(entry.what == What::Decide);
        let letter = entry.way.as_ref();
        if let Some(way) = letter {
            let (leave, stay, addresses) = transports.entry(&way.via).or_default();
            *(if entry.what == What::Unserved { stay } else { leave }) += 1;
            addresses.insert(&way.address);
        }
        if entry.is_duty() {
            continue;
        }
        let (key, name) = whose(entry);
        let place = *places.entry(key.clone()).or_insert_with(|| {
            let outside = plan.directory.agencies.get(&entry.recipient).is_some_and(|agency| agency.outside);
            counts.recipients.push(RecipientCount {
                outside: outside && !key.starts_with("person:"),
                key,
                name,
                letters: BTreeMap::new(),
                first_ms: entry.offset_ms,
                last_ms: entry.offset_ms,
            });
            counts.recipients.len() - 1
        });
        let recipient = &mut counts.recipients[place];
        recipient.last_ms = recipient.last_ms.max(entry.offset_ms);
        if let Some(way) = letter.filter(|_| entry.what != What::Unserved) {
            *recipient.letters.entry(way.via.clone()).or_default() += 1;
        }
    }
    counts.letters = transports.values().map(|(leave, ..)| leave).sum();
    counts.transports = transports
        .into_iter()
        .map(|(via, (letters, unserved, addresses))| TransportCount {
            via: via.to_owned(),
            letters,
            unserved,
            addresses: addresses.len(),
        })
        .collect();
    counts.transports.sort_by_key(|transport| std::cmp::Reverse(transport.letters));
    counts
}

/// Whom an entry concerns: a role holder for what a role is asked, else the recipient.
fn whose(entry: &Entry) -> (String, Text) {
    let asked = matches!(entry.what, What::Offer | What::Accept | What::RoleLetter);
    match (&entry.person, &entry.person_name) {
        (Some(person), Some(name)) if asked => (person_place(person), name.clone()),
        _ => (entry.recipient.clone(), entry.name.clone()),
    }
}

/// Who would be woken: at night, by what rings. A mail wakes nobody, and in a drill nothing leaves the house.
pub(super) fn woken(plan: &Plan<'_>, entries: &[Entry]) -> Vec<Woken> {
    let mut found: Vec<Woken> = Vec::new();
    if plan.drill {
        return found;
    }
    let night = entries.iter().filter(|entry| is_night(plan, plan.at + Span(entry.offset_ms)));
    for entry in night {
        for (contact, desk, via) in rings(plan, entry) {
            let name = whose(entry).1;
            match found.iter_mut().find(|woken| woken.contact == contact) {
                Some(woken) => drop(woken.via.insert(via)),
                None => found.push(Woken {
                    offset_ms: entry.offset_ms,
                    contact,
                    name,
                    desk,
                    via: BTreeSet::from([via]),
                }),
            }
        }
    }
    found
}

/// What rings at an entry: contact, desk, transport.
fn rings(plan: &Plan<'_>, entry: &Entry) -> Vec<(String, Text, String)> {
    if let Some(way) = entry.way.as_ref().filter(|_| entry.what != What::Unserved) {
        let loud = plan.directory.transports.get(&way.via).is_some_and(|it| is_loud(&it.driver));
        return if loud {
            vec![(way.contact.clone(), way.desk.clone(), way.via.clone())]
        } else {
            Vec::new()
        };
    }
    // Whoever is asked to telephone rings the recipient, at the first number there is.
    let Some(agency) = plan.directory.agencies.get(&entry.recipient).filter(|_| entry.what == What::Call)
    else {
        return Vec::new();
    };
    let ways = [(Way::Primary, &agency.primary), (Way::Alternate, &agency.alternate)];
    let number = ways.into_iter().find_map(|(way, contact)| {
        let by_hand = |via: &&str| plan.directory.transports.get(*via).is_some_and(|it| it.driver == BY_HAND);
        let via = plan.directory.reach(contact).into_keys().find(by_hand)?;
        let desk = contact.name.clone().unwrap_or_else(|| agency.title.clone());
        Some((agency_place(&entry.recipient, way), desk, via.to_owned()))
    });
    number.into_iter().collect()
}

fn is_loud(driver: &str) -> bool {
    matches!(driver, BY_HAND | "http_gateway")
}

fn is_night(plan: &Plan<'_>, at: Timestamp) -> bool {
    let hour = at.to_utc().with_timezone(&plan.zone).hour();
    !(NIGHT_TO..NIGHT_FROM).contains(&hour)
}
