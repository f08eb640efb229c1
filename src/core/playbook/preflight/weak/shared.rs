//! One thing on which several hang: a person, a number, an address, a mail domain.

use std::collections::{BTreeMap, BTreeSet};

use super::{FindingKind, Look, Subject, is_number};
use crate::{directory::Contact, problem::Severity, text::Text};

/// A domain is worth a word when so many agencies hang on it.
const MANY: usize = 2;

impl Look<'_> {
    pub(super) fn shared(&mut self) {
        let mut persons: BTreeMap<String, Vec<Subject>> = BTreeMap::new();
        let mut addresses: BTreeMap<String, Vec<Subject>> = BTreeMap::new();
        let mut domains: BTreeMap<String, Vec<Subject>> = BTreeMap::new();
        let mut own = Vec::new();
        for (key, name) in self.recipients_of_start() {
            let Some(agency) = self.plan.directory.agencies.get(key) else { continue };
            let subject = Subject::new(key, name);
            let (first, second) = (self.things(&agency.primary), self.things(&agency.alternate));
            if first.intersection(&second).next().is_some() {
                own.push(subject.clone());
            }
            for thing in first.union(&second) {
                let list = match thing {
                    Thing::Person(person) => persons.entry(person.clone()),
                    Thing::Address(address) => addresses.entry(address.clone()),
                    Thing::Domain(domain) => domains.entry(domain.clone()),
                };
                list.or_default().push(subject.clone());
            }
        }
        self.tell_of(
            FindingKind::OwnAlternate,
            Severity::Warning,
            own,
            "第1と代替の連絡先が、同じ人・番号・メールのドメインに頼っています。",
            "The first and the alternate contact share a person, a number or a mail domain.",
        );
        let several = |list: BTreeMap<String, Vec<Subject>>| {
            list.into_iter().filter(|(_, subjects)| subjects.len() >= MANY)
        };
        for (person, subjects) in several(persons) {
            let name = self.person_name(&person);
            let n = subjects.len();
            let detail = Text::both(
                format!("{} が {n} 機関の連絡先を兼ねています。", name.ja),
                format!("{} stands behind {n} agencies.", name.en.as_deref().unwrap_or(&name.ja)),
            );
            self.tell(FindingKind::OnePerson, Severity::Warning, detail, subjects);
        }
        for (address, subjects) in several(addresses) {
            let n = subjects.len();
            let detail = Text::both(
                format!("{n} 機関が同じ連絡先 {address} を使っています。"),
                format!("{n} agencies have the same address {address}."),
            );
            self.tell(FindingKind::SharedAddress, Severity::Warning, detail, subjects);
        }
        for (domain, subjects) in several(domains) {
            let n = subjects.len();
            let detail = Text::both(
                format!("{n} 機関のメールが同じドメイン {domain} に頼っています。"),
                format!("The mail of {n} agencies hangs on the domain {domain}."),
            );
            self.tell(FindingKind::SharedDomain, Severity::Warning, detail, subjects);
        }
    }

    /// Everything that a contact hangs on.
    fn things(&self, contact: &Contact) -> BTreeSet<Thing> {
        let mut things: BTreeSet<Thing> = contact.person.iter().cloned().map(Thing::Person).collect();
        for (via, address) in self.plan.directory.reach(contact) {
            let driver = self.plan.directory.transports.get(via).map_or("", |it| it.driver.as_str());
            let plain = plain(address, driver);
            // A number of zeros alone is a sample and nobody's.
            if plain.chars().any(|c| c != '0') {
                things.insert(Thing::Address(plain));
            }
            if driver == "smtp"
                && let Some((_, domain)) = address.rsplit_once('@')
            {
                things.insert(Thing::Domain(domain.to_lowercase()));
            }
        }
        things
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Person(String),
    Address(String),
    Domain(String),
}

/// An address without what may be typed one way or the other: blanks and hyphens of numbers, case of mail.
fn plain(address: &str, driver: &str) -> String {
    let folded = crate::answer::plain(address);
    if is_number(driver) {
        folded.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
    } else {
        folded.to_lowercase()
    }
}
