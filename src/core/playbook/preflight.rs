//! The timetable: who would get what, when, by which transport, if it started now. Nothing is sent.
//!
//! 1. Each alert that the start raises gets its recipients, as the start itself would choose them.
//! 2. Each recipient climbs its ladder by the very [`advance`] that runs an incident, on a virtual clock that jumps from
//!    one due time to the next.
//! 3. What the ladder asks for becomes an [`Entry`].
//!
//! Every letter is taken to arrive: a timetable of refused addresses would be shorter, never longer. Deliberately
//! absent: alerts of closing and cancelling, which nobody can foresee.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use chrono_tz::Tz;
use serde::Serialize;

use crate::{
    alert::{AddressBook, ContactPoint, Contacts, Rule},
    directory::{Contact, Directory, SiteValue},
    effect::{Effect, Occasion},
    ladder::{Input, Recipient, Scene, advance, raise},
    playbook::{
        AckRule, Action, AlertPlan, CountsAs, IncidentEvent, Meaning, PartyRef, Playbook, ResponseOption,
        Target,
    },
    text::{Language, Text, fill},
    time::{Span, Timestamp},
    variable,
};

/// What a timetable is made for.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// A checked playbook.
    pub playbook: &'a Playbook,
    /// A checked directory.
    pub directory: &'a Directory,
    /// The values of the variables, as [`variable::resolve`] gives them; missing ones print 調整中.
    pub values: &'a BTreeMap<String, serde_json::Value>,
    /// When it would start.
    pub at: Timestamp,
    /// The zone in which moments are written in texts.
    pub zone: Tz,
    /// Who answers.
    pub answers: Answers,
    /// Whether the service has a driver of this name.
    pub serves: &'a dyn Fn(&str) -> bool,
}

/// Who answers in a timetable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Nobody: every ladder to its end.
    None,
    /// Everybody, as soon as the first letter is there.
    All,
}

/// Who would get what, when. Made by [`preflight`]; printed by the command line, the API and the start page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timetable {
    /// When it would start, in milliseconds since 1970 (UTC).
    pub at_ms: i64,
    /// The alerts that the start raises, in the order of the file.
    pub alerts: Vec<PlannedAlert>,
    /// Whom each role is offered to, as long as nobody accepts.
    pub roles: Vec<PlannedOffer>,
    /// Everything that happens, in order of time.
    pub entries: Vec<Entry>,
}

/// One alert of a timetable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedAlert {
    /// Its key.
    pub key: String,
    /// The subject line with its values, in Japanese.
    pub subject: String,
    /// When it is raised, milliseconds after the start.
    pub offset_ms: i64,
    /// How many recipients it has.
    pub recipients: usize,
}

/// An offer of a role in a timetable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedOffer {
    /// The role's key.
    pub role: String,
    /// The role's title.
    pub title: Text,
    /// Who is asked; `None` where nobody is on duty.
    pub person: Option<String>,
    /// When, milliseconds after the start.
    pub offset_ms: i64,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// When, milliseconds after the start.
    pub offset_ms: i64,
    /// The alert's key.
    pub alert: String,
    /// The agency's or person's key; `role:…` or `roster.…` where nobody is behind it.
    pub recipient: String,
    /// The recipient's name.
    pub name: Text,
    /// What happens.
    pub what: What,
    /// Which step of the ladder it is, from 1; `None` for the first letters.
    pub step: Option<u16>,
    /// The line of the playbook that says so; `None` for the first letters.
    pub line: Option<u32>,
    /// The transport of a letter.
    pub via: Option<String>,
    /// The contact of a letter: `agency:hosp_a alternate`.
    pub contact: Option<String>,
    /// Who telephones or decides.
    pub by: Option<PartyRef>,
}

/// What happens at an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The first letter.
    Letter,
    /// The letter again.
    Resend,
    /// The letter to somebody else.
    Notify,
    /// A letter that cannot leave, because the service has no driver for its transport.
    Unserved,
    /// A step finds nobody to reach; the next one is taken at once.
    NobodyReached,
    /// A person is asked to telephone.
    Call,
    /// A person is asked to decide.
    Decide,
    /// The recipient answers.
    Answer,
}

/// Somebody who gets an alert.
struct Addressee {
    key: String,
    name: Text,
    contacts: Contacts,
}

/// Makes the timetable of a start.
pub fn preflight(plan: &Plan<'_>) -> Timetable {
    let mut alerts = Vec::new();
    let mut entries = Vec::new();
    for alert in &plan.playbook.alerts {
        let Some(send) = alert.send.filter(|send| send.event == IncidentEvent::Activated) else { continue };
        let Some(rule) = Rule::of(plan.playbook, &alert.key) else { continue };
        let addressees = plan.addressees(&alert.to, plan.at + send.delay);
        alerts.push(PlannedAlert {
            key: alert.key.clone(),
            subject: plan.subject(alert),
            offset_ms: send.delay.0,
            recipients: addressees.len(),
        });
        for addressee in addressees {
            plan.climb(&rule, &addressee, plan.at + send.delay, &mut entries);
        }
    }
    // Stable: what happens at the same time stays in the order of alerts and recipients.
    entries.sort_by_key(|entry| entry.offset_ms);
    Timetable { at_ms: plan.at.0, alerts, roles: plan.offers(), entries }
}

impl Plan<'_> {
    /// One recipient from the first letter to the end.
    fn climb(&self, rule: &Rule, addressee: &Addressee, raised: Timestamp, entries: &mut Vec<Entry>) {
        let mut now = raised;
        let book = self.book(rule, now);
        let scene = Scene { rule, contacts: &addressee.contacts, book: &book, now };
        let (mut recipient, effects) = raise(&scene);
        let reached = !recipient.pending.is_empty();
        self.note(rule, addressee, now, None, &effects, entries);
        if reached {
            let (started, _) = advance(&scene, &recipient, &Input::Tried);
            recipient = started;
            if let Some(option) = self.answer(rule) {
                let answered =
                    Input::Answered { meaning: option.meaning, counts_as: option.counts_as, at: now };
                (recipient, _) = advance(&scene, &recipient, &answered);
                entries.push(self.entry(rule, addressee, now, What::Answer, None));
            }
        }
        while let Some((due, next)) = self.next(rule, addressee, &recipient) {
            now = due;
            self.note(rule, addressee, now, Some(recipient.step), &next.1, entries);
            recipient = next.0;
        }
    }

    /// What happens at the recipient's due time; `None` when no timer runs.
    fn next(
        &self,
        rule: &Rule,
        addressee: &Addressee,
        recipient: &Recipient,
    ) -> Option<(Timestamp, (Recipient, Vec<Effect>))> {
        let due = recipient.due?;
        let book = self.book(rule, due);
        let scene = Scene { rule, contacts: &addressee.contacts, book: &book, now: due };
        let next = advance(&scene, recipient, &Input::TimerFired { step: recipient.step });
        // Each firing takes a step, so this ends; a firing that changes nothing would not.
        (next.0 != *recipient).then_some((due, next))
    }

    /// Turns what the ladder asks for into entries. `step` is the first step that was taken.
    fn note(
        &self,
        rule: &Rule,
        addressee: &Addressee,
        now: Timestamp,
        step: Option<u16>,
        effects: &[Effect],
        entries: &mut Vec<Entry>,
    ) {
        let mut step = step;
        for effect in effects {
            let is_first_letter =
                matches!(effect, Effect::Send(letter) if letter.occasion == Occasion::Alert);
            // Where no first letter can leave, the ladder begins with its first step at once.
            if step.is_none() && !is_first_letter {
                step = Some(0);
            }
            let entry = |what| self.entry(rule, addressee, now, what, step);
            match effect {
                Effect::Send(letter) => {
                    let what = match letter.occasion {
                        _ if letter.unserved => What::Unserved,
                        Occasion::Alert => What::Letter,
                        Occasion::Resend => What::Resend,
                        Occasion::Notify | Occasion::StandDown => What::Notify,
                    };
                    entries.push(Entry {
                        via: Some(letter.point.transport.clone()),
                        contact: Some(letter.point.contact.clone()),
                        ..entry(what)
                    });
                }
                Effect::AskCall { to } => entries.push(Entry { by: Some(to.clone()), ..entry(What::Call) }),
                Effect::AskDecision { to } => {
                    entries.push(Entry { by: Some(to.clone()), ..entry(What::Decide) })
                }
                Effect::Record(crate::effect::Fact::StepReachedNobody { .. }) => {
                    entries.push(entry(What::NobodyReached));
                    step = step.map(|step| step + 1);
                }
                Effect::SetTimer { .. } | Effect::DropTimer | Effect::Withdraw | Effect::Record(_) => {}
            }
        }
    }

    fn entry(
        &self,
        rule: &Rule,
        addressee: &Addressee,
        now: Timestamp,
        what: What,
        step: Option<u16>,
    ) -> Entry {
        let line = step.and_then(|step| Some(rule.ladder.as_ref()?.steps.get(usize::from(step))?.line));
        Entry {
            offset_ms: (now - self.at).0,
            alert: rule.plan.key.clone(),
            recipient: addressee.key.clone(),
            name: addressee.name.clone(),
            what,
            step: step.map(|step| step + 1),
            line,
            via: None,
            contact: None,
            by: None,
        }
    }

    /// The option that a willing recipient chooses; `None` where nobody answers.
    fn answer<'r>(&self, rule: &'r Rule) -> Option<&'r ResponseOption> {
        if self.answers == Answers::None || matches!(rule.plan.ack, AckRule::None { .. }) {
            return None;
        }
        let first = |meaning: Meaning| {
            rule.responses.iter().find(|option| {
                option.meaning == meaning && option.counts_as == CountsAs::Ack && option.after.is_none()
            })
        };
        first(Meaning::Accept).or_else(|| first(Meaning::Decline))
    }

    fn subject(&self, alert: &AlertPlan) -> String {
        fill(&alert.subject.ja, Language::Ja, |name| {
            if let Some(key) = name.strip_prefix("site.") {
                return Some(match self.directory.site.get(key)? {
                    SiteValue::One(one) => Cow::Borrowed(one.as_str()),
                    SiteValue::List(several) => Cow::Owned(several.join("、")),
                });
            }
            let variable = self.playbook.variables.iter().find(|variable| variable.key == name)?;
            Some(variable::shown(&variable.kind, self.values.get(name)?, Language::Ja, self.zone))
        })
    }

    /// Everybody whom `to` names, each once, groups expanded.
    fn addressees(&self, to: &[PartyRef], now: Timestamp) -> Vec<Addressee> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for party in to {
            let before = found.len();
            match party {
                PartyRef::Agency(key) => {
                    for member in self.directory.expand(key) {
                        let Some(agency) = self.directory.agencies.get(member) else { continue };
                        if seen.insert(format!("agency:{member}")) {
                            let contacts = self.agency(member);
                            found.push(Addressee {
                                key: member.to_owned(),
                                name: agency.title.clone(),
                                contacts,
                            });
                        }
                    }
                }
                PartyRef::Role(_) | PartyRef::Roster(_) => {
                    let people = self.people(party, now);
                    // A role is one chair, a roster is everybody on duty.
                    let most = if matches!(party, PartyRef::Role(_)) { 1 } else { people.len() };
                    for key in people.into_iter().take(most) {
                        let Some(person) = self.directory.people.get(key) else { continue };
                        if seen.insert(format!("person:{key}")) {
                            let contacts = Contacts { primary: self.person(key), alternate: Vec::new() };
                            found.push(Addressee {
                                key: key.to_owned(),
                                name: person.name.clone(),
                                contacts,
                            });
                        }
                    }
                }
            }
            if found.len() == before && seen.insert(party.to_string()) {
                found.push(Addressee {
                    key: party.to_string(),
                    name: Text::plain(party.to_string()),
                    contacts: Contacts::default(),
                });
            }
        }
        found
    }

    /// The people who would be behind a role or roster, the first to ask first.
    fn people(&self, party: &PartyRef, now: Timestamp) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        let mut roles = BTreeSet::new();
        let mut people = Vec::new();
        let mut open = vec![party.clone()];
        while let Some(party) = open.pop() {
            match &party {
                PartyRef::Roster(key) => people.extend(self.directory.on_duty(key, now)),
                PartyRef::Role(key) if roles.insert(key.clone()) => {
                    let role = self.playbook.role(key);
                    open.extend(role.into_iter().flat_map(|role| role.fill_from.iter().rev().cloned()));
                }
                PartyRef::Role(_) | PartyRef::Agency(_) => {}
            }
        }
        people.retain(|person| seen.insert(*person));
        people
    }

    fn agency(&self, key: &str) -> Contacts {
        let Some(agency) = self.directory.agencies.get(key) else { return Contacts::default() };
        let points = |contact: &Contact, way: &str| {
            let name = contact.name.clone().unwrap_or_else(|| agency.title.clone());
            self.directory
                .reach(contact)
                .into_iter()
                .map(|(transport, address)| ContactPoint {
                    contact: format!("agency:{key} {way}"),
                    name: name.clone(),
                    transport: transport.to_owned(),
                    address: address.to_owned(),
                    language: agency.language,
                })
                .collect()
        };
        Contacts {
            primary: points(&agency.primary, "primary"),
            alternate: points(&agency.alternate, "alternate"),
        }
    }

    fn person(&self, key: &str) -> Vec<ContactPoint> {
        let Some(person) = self.directory.people.get(key) else { return Vec::new() };
        let point = |(transport, address): (&String, &String)| ContactPoint {
            contact: format!("person:{key}"),
            name: person.name.clone(),
            transport: transport.clone(),
            address: address.clone(),
            language: person.language,
        };
        person.reach.iter().map(point).collect()
    }

    /// The addresses of the parties that the ladder's steps name.
    fn book(&self, rule: &Rule, now: Timestamp) -> AddressBook {
        let mut parties = BTreeMap::new();
        for step in rule.ladder.iter().flat_map(|ladder| &ladder.steps) {
            let (Action::Resend { to, .. } | Action::Notify { to, .. }) = &step.action else { continue };
            let Target::Party(party) = to else { continue };
            let points = match party {
                PartyRef::Agency(key) => self
                    .directory
                    .expand(key)
                    .into_iter()
                    .flat_map(|member| self.agency(member).primary)
                    .collect(),
                PartyRef::Role(_) => {
                    self.people(party, now).first().map(|person| self.person(person)).unwrap_or_default()
                }
                PartyRef::Roster(_) => {
                    self.people(party, now).into_iter().flat_map(|person| self.person(person)).collect()
                }
            };
            parties.insert(party.clone(), points);
        }
        let served = self
            .directory
            .transports
            .iter()
            .filter(|(_, transport)| (self.serves)(&transport.driver))
            .map(|(key, _)| key.clone())
            .collect();
        AddressBook { parties, served }
    }

    /// Whom each role is offered to, one after the other while nobody accepts.
    fn offers(&self) -> Vec<PlannedOffer> {
        let mut offers = Vec::new();
        for role in &self.playbook.roles {
            let people = self.people(&PartyRef::Role(role.key.clone()), self.at);
            let offer = |person: Option<&str>, offset: Span| PlannedOffer {
                role: role.key.clone(),
                title: role.title.clone(),
                person: person.map(str::to_owned),
                offset_ms: offset.0,
            };
            if people.is_empty() {
                offers.push(offer(None, Span::ZERO));
            }
            let mut offset = Span::ZERO;
            for person in people {
                offers.push(offer(Some(person), offset));
                offset = Span(offset.0.saturating_add(role.accept_within.0));
            }
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYBOOK: &[u8] = include_bytes!("../../../playbooks/eq-6upper-initial.yaml");
    const DIRECTORY: &[u8] = include_bytes!("../../../playbooks/directory.example.yaml");

    fn timetable(answers: Answers, serves: &dyn Fn(&str) -> bool) -> Timetable {
        let directory = crate::directory::read(DIRECTORY).0.expect("the shipped directory");
        let playbook = crate::playbook::read(PLAYBOOK, Some(&directory)).0.expect("the shipped playbook");
        let values = BTreeMap::from([("intensity".to_owned(), serde_json::Value::from("6+"))]);
        preflight(&Plan {
            playbook: &playbook,
            directory: &directory,
            values: &values,
            at: Timestamp::parse_rfc3339("2026-11-24T03:14:00+09:00").expect("a moment"),
            zone: chrono_tz::Asia::Tokyo,
            answers,
            serves,
        })
    }

    fn of<'t>(timetable: &'t Timetable, alert: &str, recipient: &str) -> Vec<(i64, What, Option<&'t str>)> {
        timetable
            .entries
            .iter()
            .filter(|entry| entry.alert == alert && entry.recipient == recipient)
            .map(|entry| (entry.offset_ms / 1000, entry.what, entry.via.as_deref()))
            .collect()
    }

    #[test]
    fn a_silent_hospital_climbs_to_the_commander_at_the_times_of_the_file() {
        let timetable = timetable(Answers::None, &|_| true);
        assert_eq!(
            of(&timetable, "dmat_standby", "hosp_kitamino"),
            [
                (0, What::Letter, Some("email")),
                (0, What::Letter, Some("sms")),
                (300, What::Resend, Some("sms")),
                (600, What::Notify, Some("email")),
                (600, What::Notify, Some("phone")),
                (900, What::Call, None),
                (1800, What::Decide, None),
            ]
        );
        assert_eq!(timetable.alerts[0].subject, "DMAT待機・出動照会 最大震度6強 調整中");
        assert!(timetable.entries.windows(2).all(|pair| pair[0].offset_ms <= pair[1].offset_ms));
        let decisions = timetable.entries.iter().filter(|entry| entry.what == What::Decide);
        let recipients: usize = timetable.alerts.iter().map(|alert| alert.recipients).sum();
        assert_eq!(decisions.count(), recipients, "everybody ends at a person");
    }

    #[test]
    fn a_delay_moves_the_whole_ladder() {
        let timetable = timetable(Answers::None, &|_| true);
        let first = of(&timetable, "med_assoc_request", "med_assoc");
        assert_eq!((first[0].0, first.last().map(|entry| entry.0)), (600, Some(600 + 2700)));
    }

    #[test]
    fn a_step_without_a_driver_is_passed_over_at_once() {
        let timetable = timetable(Answers::None, &|driver| driver != "http_gateway");
        assert_eq!(
            of(&timetable, "dmat_standby", "hosp_monsawa"),
            [
                (0, What::Letter, Some("email")),
                (0, What::Unserved, Some("sms")),
                (300, What::Unserved, Some("sms")),
                (300, What::NobodyReached, None),
                (300, What::Notify, Some("phone")),
                (900, What::Call, None),
                (1800, What::Decide, None),
            ]
        );
    }

    #[test]
    fn whoever_answers_gets_nothing_more() {
        let timetable = timetable(Answers::All, &|_| true);
        assert_eq!(
            of(&timetable, "fire_notice", "fire_hq"),
            [(0, What::Letter, Some("email")), (0, What::Letter, Some("sms")), (0, What::Answer, None),]
        );
    }

    #[test]
    fn each_role_is_offered_to_those_on_duty() {
        let timetable = timetable(Answers::None, &|_| true);
        let offers: Vec<_> = timetable
            .roles
            .iter()
            .filter(|offer| offer.role == "incident_commander")
            .map(|offer| (offer.person.as_deref(), offer.offset_ms / 1000))
            .collect();
        assert_eq!(offers, [(Some("p_sato"), 0), (Some("p_tanaka"), 600), (Some("p_watanabe"), 1200)]);
    }
}
