//! What stands in the directory, in the words of one reader.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use entity::address_health;
use noroshi_core::{
    addressee::{Way, agency_place, person_place},
    directory::{Agency, Directory, Person},
    text::Text,
    time::{Span, Timestamp},
};

use super::{
    super::{facts, when::When},
    Doubt, Entry,
};
use crate::web::body::escape;

/// The directory with what is doubted about it, in words.
pub(super) struct Reader<'d> {
    pub(super) directory: &'d Directory,
    pub(super) doubts: &'d [&'d address_health::Model],
    pub(super) when: &'d When,
}

impl Reader<'_> {
    pub(super) fn words(&self, text: &Text) -> String {
        text.get(self.when.words.0).to_owned()
    }

    /// Whether a date of verification lies longer back than the directory allows.
    pub(super) fn is_stale(&self, on: Option<NaiveDate>, every: Option<Span>) -> bool {
        let today = self.when.now.to_utc().with_timezone(&self.when.zone).date_naive();
        on.zip(every).is_some_and(|(on, every)| on + chrono::Duration::milliseconds(every.0) < today)
    }

    pub(super) fn verified(&self, on: Option<NaiveDate>, every: Option<Span>) -> String {
        let overdue = self.is_stale(on, every);
        let Some(on) = on else { return String::new() };
        let key = if overdue { "directory-verify-overdue" } else { "directory-verified" };
        self.when.words.with(key, &[("date", self.when.date(on).into())])
    }

    /// How many agencies and people are past their date of verification, in a sentence; empty where nobody is.
    pub(super) fn stale(&self) -> String {
        let every = self.directory.verify_every;
        let agencies =
            self.directory.agencies.values().filter(|it| self.is_stale(it.verified_on, every)).count();
        let people = self.directory.people.values().filter(|it| self.is_stale(it.verified_on, every)).count();
        if agencies + people == 0 {
            return String::new();
        }
        let counts = [("agencies", agencies.into()), ("people", people.into())];
        self.when.words.with("directory-stale-count", &counts)
    }

    pub(super) fn doubt(&self, row: &address_health::Model) -> Doubt {
        let at = |key: &str, ms: i64| {
            let at = self.when.day_and_clock(Timestamp(ms));
            self.when.words.with(key, &[("at", at.into())])
        };
        let refused = row.refused_at_ms.map(|ms| at("directory-refused", ms));
        let reported = row.wrong_at_ms.map(|ms| at("directory-reported", ms));
        let what: Vec<String> = [refused, reported].into_iter().flatten().collect();
        let note =
            row.wrong_note.clone().filter(|note| !note.is_empty()).or_else(|| row.refused_reason.clone());
        Doubt {
            id: row.contact.clone(),
            whose: self.whose(&row.contact),
            address: format!("{} {}", facts::transport(&row.transport, self.when), row.address),
            what: what.join(" "),
            note: note.unwrap_or_default(),
        }
    }

    /// The name behind `agency:hosp_a primary` or `person:p_sato`.
    fn whose(&self, contact: &str) -> String {
        let (kind, rest) = contact.split_once(':').unwrap_or(("", contact));
        let key = rest.split(' ').next().unwrap_or(rest);
        let name = match kind {
            "agency" => self.directory.agencies.get(key).map(|agency| self.words(&agency.title)),
            "person" => self.directory.people.get(key).map(|person| self.words(&person.name)),
            _ => None,
        };
        name.unwrap_or_else(|| contact.to_owned())
    }

    fn ways(
        &self,
        way: &str,
        contact: &str,
        reach: &BTreeMap<&str, &str>,
    ) -> Vec<(String, String, String, bool)> {
        reach
            .iter()
            .map(|(transport, address)| {
                let doubted = self.doubts.iter().any(|row| {
                    row.contact == contact && row.transport == *transport && row.address == *address
                });
                (way.to_owned(), facts::transport(transport, self.when), (*address).to_owned(), doubted)
            })
            .collect()
    }

    pub(super) fn agency(&self, key: &str, agency: &Agency) -> Entry {
        let words = self.when.words;
        let mut ways = Vec::new();
        for (word, which, contact) in [
            ("directory-primary", Way::Primary, &agency.primary),
            ("directory-alternate", Way::Alternate, &agency.alternate),
        ] {
            let desk = contact.name.as_ref().map(|name| self.words(name)).unwrap_or_default();
            let way = format!("{} {desk}", words.get(word)).trim().to_owned();
            ways.extend(self.ways(&way, &agency_place(key, which), &self.directory.reach(contact)));
        }
        let detail = self.verified(agency.verified_on, self.directory.verify_every);
        let href = format!("/directory/agencies/{}", escape(key));
        Entry {
            name: self.words(&agency.title),
            kana: agency.kana.clone().unwrap_or_default(),
            detail,
            ways,
            href,
        }
    }

    pub(super) fn person(&self, key: &str, person: &Person) -> Entry {
        let reach =
            person.reach.iter().map(|(transport, address)| (transport.as_str(), address.as_str())).collect();
        let detail = self.verified(person.verified_on, self.directory.verify_every);
        Entry {
            name: self.words(&person.name),
            kana: person.kana.clone().unwrap_or_default(),
            detail,
            ways: self.ways("", &person_place(key), &reach),
            href: format!("/directory/people/{}", escape(key)),
        }
    }

    pub(super) fn duty(&self) -> Vec<(String, String)> {
        let name = |key: &&str| {
            self.directory.people.get(*key).map_or_else(|| (*key).to_owned(), |p| self.words(&p.name))
        };
        self.directory
            .rosters
            .iter()
            .map(|(key, roster)| {
                let title = roster.title.as_ref().map_or_else(|| key.clone(), |title| self.words(title));
                let names: Vec<String> =
                    self.directory.on_duty(key, self.when.now).iter().map(name).collect();
                let names = if names.is_empty() {
                    self.when.words.get("nobody")
                } else {
                    names.join(&self.when.words.get("list-join"))
                };
                (title, names)
            })
            .collect()
    }
}
