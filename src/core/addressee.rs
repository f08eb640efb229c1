//! Who gets an alert, and at which addresses: the one answer for the service and for the timetable.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    alert::{AddressBook, ContactPoint, Contacts, Rule},
    directory::{Contact, Directory},
    playbook::{Action, PartyRef, Playbook, Target},
    text::Text,
    time::Timestamp,
};

/// The driver of a transport that a person carries: somebody telephones.
pub const BY_HAND: &str = "human_call";

/// Somebody who is to get an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressee {
    /// Key of the agency.
    pub agency: Option<String>,
    /// Key of the person.
    pub person: Option<String>,
    /// `agency:…`, `person:…`, or the party itself where nobody is behind it.
    pub party: String,
    /// Name for people.
    pub name: Text,
    /// Whether it is outside our house.
    pub outside: bool,
    /// Its addresses.
    pub contacts: Contacts,
}

impl Addressee {
    /// The key of the agency or person, or the party itself where nobody is behind it.
    pub fn key(&self) -> &str {
        self.agency.as_deref().or(self.person.as_deref()).unwrap_or(&self.party)
    }
}

/// A playbook's parties, looked up in a directory.
#[derive(Clone, Copy, Debug)]
pub struct WhoIsWho<'a> {
    /// Says who is asked for a role.
    pub playbook: &'a Playbook,
    /// Says who is on duty, and where they are reached.
    pub directory: &'a Directory,
    /// Who holds a role already, or is asked to, by role: person. Empty before a start.
    pub holders: &'a BTreeMap<String, String>,
}

impl WhoIsWho<'_> {
    /// Everybody whom `to` names at `now` (real time), each once, groups expanded.
    ///
    /// A role without holder or a roster without anybody on duty stays an addressee without addresses: its ladder
    /// takes the next step at once, and the empty chair stands on the board.
    pub fn addressees(&self, to: &[PartyRef], now: Timestamp) -> Vec<Addressee> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for party in to {
            let before = found.len();
            match party {
                PartyRef::Agency(key) => {
                    let members = self.directory.expand(key).into_iter();
                    found.extend(
                        members
                            .filter(|key| seen.insert(format!("agency:{key}")))
                            .map(|key| self.agency(key)),
                    );
                }
                PartyRef::Role(_) | PartyRef::Roster(_) => {
                    let people = self.people(party, now);
                    // A role is one chair: its holder alone. A roster is everybody on duty.
                    let most = if matches!(party, PartyRef::Role(_)) { 1 } else { people.len() };
                    let people = people.into_iter().take(most);
                    found.extend(
                        people
                            .filter(|key| seen.insert(format!("person:{key}")))
                            .map(|key| self.person(&key)),
                    );
                }
            }
            if found.len() == before && seen.insert(party.to_string()) {
                found.push(Addressee {
                    agency: None,
                    person: None,
                    party: party.to_string(),
                    name: self.name(party),
                    outside: false,
                    contacts: Contacts::default(),
                });
            }
        }
        found
    }

    fn agency(&self, key: &str) -> Addressee {
        let agency = self.directory.agencies.get(key);
        Addressee {
            agency: Some(key.to_owned()),
            person: None,
            party: format!("agency:{key}"),
            name: agency.map_or_else(|| Text::plain(key), |agency| agency.title.clone()),
            outside: agency.is_some_and(|agency| agency.outside),
            contacts: self.agency_contacts(key),
        }
    }

    fn person(&self, key: &str) -> Addressee {
        let person = self.directory.people.get(key);
        Addressee {
            agency: None,
            person: Some(key.to_owned()),
            party: format!("person:{key}"),
            name: person.map_or_else(|| Text::plain(key), |person| person.name.clone()),
            outside: false,
            contacts: Contacts { primary: self.person_points(key), alternate: Vec::new() },
        }
    }

    /// The addresses of an agency.
    pub fn agency_contacts(&self, key: &str) -> Contacts {
        agency_contacts(self.directory, key)
    }

    /// The addresses of a person.
    pub fn person_points(&self, key: &str) -> Vec<ContactPoint> {
        person_points(self.directory, key)
    }

    /// The addresses of a person to which a letter can be written: a telephone number is for people.
    ///
    /// - `serves`: whether letters of a transport with this driver can leave.
    pub fn letter_points(&self, person: &str, serves: impl Fn(&str) -> bool) -> Vec<ContactPoint> {
        let can_be_written = |point: &ContactPoint| {
            let transport = self.directory.transports.get(&point.transport);
            transport.is_some_and(|transport| transport.driver != BY_HAND && serves(&transport.driver))
        };
        self.person_points(person).into_iter().filter(can_be_written).collect()
    }

    /// Who gets a letter to a role or roster at `now`, and where: the first of the people behind it to whom one can
    /// be written. `None` where that is nobody: then administrators are written to.
    pub fn reader(
        &self,
        party: &PartyRef,
        serves: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Option<(String, Vec<ContactPoint>)> {
        let people = self.people(party, now).into_iter();
        let mut reached = people.map(|person| {
            let points = self.letter_points(&person, &serves);
            (person, points)
        });
        reached.find(|(_, points)| !points.is_empty())
    }

    /// Everybody whom a role's `fill` names and who is on duty at `now`, in order, each once.
    pub fn fill(&self, role: &str, now: Timestamp) -> Vec<String> {
        let mut people: Vec<String> = Vec::new();
        for party in self.playbook.role(role).into_iter().flat_map(|role| &role.fill_from) {
            for person in self.people(party, now) {
                if !people.contains(&person) {
                    people.push(person);
                }
            }
        }
        people
    }

    /// The rosters that a role is filled from, those of the roles in its `fill` included.
    pub fn rosters(&self, role: &str) -> BTreeSet<&str> {
        let mut rosters = BTreeSet::new();
        let mut roles = BTreeSet::new();
        let mut open = vec![role];
        while let Some(key) = open.pop() {
            if !roles.insert(key) {
                continue;
            }
            if self.playbook.role(key).is_none() {
                rosters.extend(self.directory.role_accounts.get(key).map(|account| account.roster.as_str()));
            }
            for party in self.playbook.role(key).into_iter().flat_map(|role| &role.fill_from) {
                match party {
                    PartyRef::Roster(key) => drop(rosters.insert(key.as_str())),
                    PartyRef::Role(key) => open.push(key),
                    PartyRef::Agency(_) => {}
                }
            }
        }
        rosters
    }

    /// The people behind a role or roster at `now`, the first to ask first: a role's holder, then everybody whom its
    /// `fill` names and who is on duty. A role account of the directory (当直師長) is whoever is on duty for it.
    pub fn people(&self, party: &PartyRef, now: Timestamp) -> Vec<String> {
        let mut people = Vec::new();
        let mut roles = BTreeSet::new();
        let mut open = vec![party.clone()];
        while let Some(party) = open.pop() {
            match party {
                PartyRef::Roster(key) => {
                    people.extend(self.directory.on_duty(&key, now).into_iter().map(str::to_owned));
                }
                // A role that names itself through others is met a second time here, and left alone.
                PartyRef::Role(key) if roles.insert(key.clone()) => {
                    people.extend(self.holders.get(&key).cloned());
                    if self.playbook.role(&key).is_none() {
                        let account = self.directory.role_accounts.get(&key);
                        open.extend(account.map(|account| PartyRef::Roster(account.roster.clone())));
                    }
                    let fill =
                        self.playbook.role(&key).into_iter().flat_map(|role| role.fill_from.iter().rev());
                    open.extend(fill.cloned());
                }
                PartyRef::Role(_) | PartyRef::Agency(_) => {}
            }
        }
        let mut seen = BTreeSet::new();
        people.retain(|person| seen.insert(person.clone()));
        people
    }

    /// All addresses of a party at `now`.
    pub fn points(&self, party: &PartyRef, now: Timestamp) -> Vec<ContactPoint> {
        match party {
            PartyRef::Agency(key) => {
                let members = self.directory.expand(key).into_iter();
                members.flat_map(|member| self.agency_contacts(member).primary).collect()
            }
            PartyRef::Role(_) => {
                let people = self.people(party, now);
                people.first().map(|person| self.person_points(person)).unwrap_or_default()
            }
            PartyRef::Roster(_) => {
                self.people(party, now).iter().flat_map(|person| self.person_points(person)).collect()
            }
        }
    }

    /// Who is who, for the parties that the rule's ladder names.
    ///
    /// - `serves`: whether letters of a transport with this driver can leave.
    pub fn book(&self, rule: &Rule, serves: impl Fn(&str) -> bool, now: Timestamp) -> AddressBook {
        let mut parties = BTreeMap::new();
        for step in rule.ladder.iter().flat_map(|ladder| &ladder.steps) {
            let (Action::Resend { to, .. } | Action::Notify { to, .. }) = &step.action else { continue };
            if let Target::Party(party) = to {
                parties.entry(party.clone()).or_insert_with(|| self.points(party, now));
            }
        }
        let with = |wanted: &dyn Fn(&str) -> bool| -> BTreeSet<String> {
            let transports = self.directory.transports.iter();
            transports
                .filter(|(_, transport)| wanted(&transport.driver))
                .map(|(key, _)| key.clone())
                .collect()
        };
        AddressBook { parties, served: with(&serves), by_hand: with(&|driver| driver == BY_HAND) }
    }

    /// The name of a party for people: 本部長（指揮）, 青葉消防本部, the roster's title.
    pub fn name(&self, party: &PartyRef) -> Text {
        let (key, name) = match party {
            PartyRef::Role(key) => {
                let account = || self.directory.role_accounts.get(key).map(|account| account.title.clone());
                (key, self.playbook.role(key).map(|role| role.title.clone()).or_else(account))
            }
            PartyRef::Agency(key) => {
                (key, self.directory.agencies.get(key).map(|agency| agency.title.clone()))
            }
            PartyRef::Roster(key) => {
                (key, self.directory.rosters.get(key).and_then(|roster| roster.title.clone()))
            }
        };
        name.unwrap_or_else(|| Text::plain(key.clone()))
    }
}

/// Which of an agency's two contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The first way in.
    Primary,
    /// The second one.
    Alternate,
}

/// Where an agency's contact stands in the directory: `agency:hosp_a primary`.
pub fn agency_place(key: &str, way: Way) -> String {
    let way = match way {
        Way::Primary => "primary",
        Way::Alternate => "alternate",
    };
    format!("agency:{key} {way}")
}

/// Where a person stands in the directory: `person:p_sato`.
pub fn person_place(key: &str) -> String {
    format!("person:{key}")
}

/// The addresses of an agency. A person named in a contact lends their own where the contact has none.
pub fn agency_contacts(directory: &Directory, key: &str) -> Contacts {
    let Some(agency) = directory.agencies.get(key) else { return Contacts::default() };
    let points = |contact: &Contact, way: Way| {
        let name = contact.name.clone().unwrap_or_else(|| agency.title.clone());
        let reach = directory.reach(contact).into_iter();
        reach
            .map(|(transport, address)| ContactPoint {
                contact: agency_place(key, way),
                name: name.clone(),
                transport: transport.to_owned(),
                address: address.to_owned(),
                language: agency.language,
            })
            .collect()
    };
    Contacts {
        primary: points(&agency.primary, Way::Primary),
        alternate: points(&agency.alternate, Way::Alternate),
    }
}

/// The addresses of a person.
pub fn person_points(directory: &Directory, key: &str) -> Vec<ContactPoint> {
    let Some(person) = directory.people.get(key) else { return Vec::new() };
    let point = |(transport, address): (&String, &String)| ContactPoint {
        contact: person_place(key),
        name: person.name.clone(),
        transport: transport.clone(),
        address: address.clone(),
        language: person.language,
    };
    person.reach.iter().map(point).collect()
}
