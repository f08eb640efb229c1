//! The checked directory: agencies, people, rosters and how to reach them. Local, personal data, verified by date.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    text::{Language, Text},
    time::{Span, Timestamp},
};

mod check;
mod cover;
pub mod difference;
pub mod fold;
pub mod import;
pub mod roster;
pub mod search;
pub(crate) mod syntax;
pub mod tables;
mod write;

pub use syntax::{check, read};
pub use write::write;

/// A directory without errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Directory {
    /// Readable key.
    pub key: String,
    /// Title for people: the head office's name on every page.
    pub title: Text,
    /// When it was last verified as a whole.
    pub verified_on: NaiveDate,
    /// How often it has to be verified.
    pub verify_every: Option<Span>,
    /// Values that texts may use as `site.<key>`; lists are joined with 、.
    pub site: BTreeMap<String, SiteValue>,
    /// By key.
    pub transports: BTreeMap<String, Transport>,
    /// By key.
    pub people: BTreeMap<String, Person>,
    /// By key, groups included.
    pub agencies: BTreeMap<String, Agency>,
    /// By key.
    pub rosters: BTreeMap<String, Roster>,
    /// By key.
    pub role_accounts: BTreeMap<String, RoleAccount>,
    /// Who stands in for whom: made in the running service, never in the file.
    pub covers: Vec<Cover>,
}

impl Directory {
    /// The name of the head office that speaks: `site.eoc_name`, else the directory's own title.
    pub fn office(&self) -> Text {
        match self.site.get("eoc_name") {
            Some(SiteValue::One(name)) => {
                Text { en: self.title.en.clone().filter(|_| name == &self.title.ja), ..Text::plain(name) }
            }
            _ => self.title.clone(),
        }
    }

    /// The agencies that a key stands for: itself, or the members of a group and of the groups in it, each once, in
    /// the order of the file. Empty for an unknown key.
    pub fn expand<'d>(&'d self, agency: &str) -> Vec<&'d str> {
        self.members(agency).collect()
    }

    /// The same, one after the other: for whoever needs to see a few of them only.
    pub fn members<'d>(&'d self, agency: &str) -> impl Iterator<Item = &'d str> {
        let mut seen = HashSet::new();
        let mut open: Vec<&'d str> =
            self.agencies.get_key_value(agency).map(|(key, _)| key.as_str()).into_iter().collect();
        std::iter::from_fn(move || {
            while let Some(key) = open.pop() {
                let Some((key, agency)) = self.agencies.get_key_value(key) else { continue };
                // A group inside itself is met a second time here, and left alone.
                if !seen.insert(key) {
                    continue;
                }
                match &agency.members {
                    None => return Some(key.as_str()),
                    Some(members) => open.extend(members.iter().rev().map(String::as_str)),
                }
            }
            None
        })
    }

    /// Everybody who is ever on duty of a roster, each once.
    pub fn ever_on_duty<'d>(&'d self, roster: &str) -> Vec<&'d str> {
        let Some(roster) = self.rosters.get(roster) else { return Vec::new() };
        let mut seen = BTreeSet::new();
        roster
            .members
            .iter()
            .chain(roster.overrides.iter().flat_map(|other| &other.members))
            .map(String::as_str)
            .filter(|person| seen.insert(*person))
            .collect()
    }

    /// Whether a contact has an address for this transport: its own, or that of the person behind it.
    pub fn reaches(&self, contact: &Contact, transport: &str) -> bool {
        contact.reach.contains_key(transport)
            || self.behind(contact).is_some_and(|person| person.reach.contains_key(transport))
    }

    /// Whether a contact has any address.
    pub fn has_address(&self, contact: &Contact) -> bool {
        !contact.reach.is_empty() || self.behind(contact).is_some_and(|person| !person.reach.is_empty())
    }

    fn behind(&self, contact: &Contact) -> Option<&Person> {
        self.people.get(contact.person.as_deref()?)
    }

    /// A contact's addresses: its own, and for other transports those of the person behind it.
    pub fn reach<'d>(&'d self, contact: &'d Contact) -> BTreeMap<&'d str, &'d str> {
        let addresses =
            self.behind(contact).into_iter().flat_map(|person| &person.reach).chain(&contact.reach);
        addresses.map(|(transport, address)| (transport.as_str(), address.as_str())).collect()
    }
}

/// A value of the site block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteValue {
    /// One.
    One(String),
    /// Several.
    List(Vec<String>),
}

/// How a message travels, and what that can prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport {
    /// `smtp`, `http_gateway`, `webhook`, `human_call` …
    pub driver: String,
    /// Evidence it can give: `accepted`, `delivered`, `bounced`, `failed`, `answered`.
    pub proves: Vec<String>,
    /// Longest text, in characters.
    pub max_chars: Option<u32>,
}

/// A person of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Name for people.
    pub name: Text,
    /// How the name is read, where given (ふりがな).
    pub kana: Option<String>,
    /// Where they work and as what, where given (所属・役職).
    pub post: Option<Text>,
    /// Whether a human being answers there; only such a person can decide.
    pub human: bool,
    /// Addresses by transport key.
    pub reach: BTreeMap<String, String>,
    /// The reader's language.
    pub language: Language,
    /// When the addresses were last verified.
    pub verified_on: Option<NaiveDate>,
}

/// An agency, or a group of agencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agency {
    /// Name for people; a group without title shows its key.
    pub title: Text,
    /// How the name is read, where given (ふりがな).
    pub kana: Option<String>,
    /// Whether it is outside our house.
    pub outside: bool,
    /// The members' keys of a group; `None` for an agency.
    pub members: Option<Vec<String>>,
    /// Addresses by transport key.
    pub primary: Contact,
    /// The second way in.
    pub alternate: Contact,
    /// The reader's language.
    pub language: Language,
    /// When the addresses were last verified.
    pub verified_on: Option<NaiveDate>,
}

/// One way into an agency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The desk's name (当直室), where given.
    pub name: Option<Text>,
    /// The person behind it, where given: a key of `people`.
    pub person: Option<String>,
    /// Addresses by transport key.
    pub reach: BTreeMap<String, String>,
}

/// Who is on duty when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// Title for people, where given.
    pub title: Option<Text>,
    /// People keys, in order of turn.
    pub members: Vec<String>,
    /// How the turn passes on; `None`: all are on duty, the first first.
    pub rotate: Option<Rotation>,
    /// Local wall time.
    pub zone: Tz,
    /// Days on which others are on duty.
    pub overrides: Vec<Override>,
    /// Planned times without anybody.
    pub gaps: Vec<Gap>,
}

/// How a turn passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The length of a turn.
    pub every: Turn,
    /// The day of the first member's first turn.
    pub since: NaiveDate,
    /// The wall time at which the turn passes on.
    pub handover: NaiveTime,
}

/// The length of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A day.
    Daily,
    /// Seven days.
    Weekly,
    /// So many hours.
    Every(Span),
}

/// Somebody else is on duty for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// From, local wall time.
    pub from: NaiveDateTime,
    /// Until, local wall time, not included.
    pub to: NaiveDateTime,
    /// Who.
    pub members: Vec<String>,
    /// Why.
    pub because: Option<Text>,
}

/// Nobody is on duty for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// From, local wall time.
    pub from: NaiveDateTime,
    /// Until, local wall time, not included.
    pub to: NaiveDateTime,
    /// Why.
    pub because: Option<Text>,
}

/// Somebody stands in for somebody for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// On this roster alone; `None`: on every roster.
    pub roster: Option<String>,
    /// Who is away: a person's key.
    pub absent: String,
    /// Who stands in: a person's key.
    pub stand_in: String,
    /// Included.
    pub from: Timestamp,
    /// Not included.
    pub to: Timestamp,
}

/// A chair like 当直師長: people sign in as themselves and act as the role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleAccount {
    /// Title for people.
    pub title: Text,
    /// The roster that says who it is now.
    pub roster: String,
}
