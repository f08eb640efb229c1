//! The course of an incident on a virtual clock: every ladder to its end, every role to whoever is on duty.

use std::collections::BTreeMap;

use super::{Answers, Entry, Plan, PlannedAlert, PlannedRole, Way, What, letters};
use crate::{
    addressee::{Addressee, WhoIsWho},
    alert::{AddressBook, ContactPoint, Rule, State, Tally, Verdict, judge},
    effect::{Effect, Fact, Occasion, Outgoing},
    ladder::{Input, Recipient, Scene, advance, raise},
    playbook::{AckRule, AskKind, CountsAs, IncidentEvent, Meaning, PartyRef, ResponseOption, Role, StopOn},
    text::Text,
    time::{Span, Timestamp},
};

/// What a start would bring about.
pub(super) struct Course {
    pub(super) alerts: Vec<PlannedAlert>,
    pub(super) roles: Vec<PlannedRole>,
    pub(super) entries: Vec<Entry>,
}

/// Follows a start to its end.
pub(super) fn run(plan: &Plan<'_>) -> Course {
    let mut walk = Walk { plan, holders: BTreeMap::new(), entries: Vec::new() };
    let roles = plan.playbook.roles.iter().map(|role| walk.offer(role)).collect();
    let mut alerts = Vec::new();
    for alert in &plan.playbook.alerts {
        let Some(send) = alert.send.filter(|send| send.event == IncidentEvent::Activated) else { continue };
        let Some(rule) = Rule::of(plan.playbook, &alert.key) else { continue };
        let raised = plan.at + send.delay;
        let addressees = walk.who().addressees(&alert.to, raised);
        alerts.push(PlannedAlert {
            key: alert.key.clone(),
            subject: letters::subject(plan, alert),
            to: alert.to.iter().map(|party| walk.who().name(party)).collect(),
            offset_ms: send.delay.0,
            recipients: addressees.len(),
            line: plan.playbook.lines.of("alerts", &alert.key),
        });
        walk.alert(&rule, addressees, raised);
    }
    let mut entries = walk.entries;
    // Stable: what happens at the same time stays in the order of alerts and recipients.
    entries.sort_by_key(|entry| entry.offset_ms);
    Course { alerts, roles, entries }
}

struct Walk<'w> {
    plan: &'w Plan<'w>,
    /// Who has accepted which role: nobody, or with [`Answers::All`] the first who is asked.
    holders: BTreeMap<String, String>,
    entries: Vec<Entry>,
}

/// A recipient on its ladder.
struct Climber {
    addressee: Addressee,
    recipient: Recipient,
    /// Whether a first letter can reach it, so that it could answer.
    reached: bool,
}

impl Walk<'_> {
    fn who(&self) -> WhoIsWho<'_> {
        WhoIsWho { playbook: self.plan.playbook, directory: self.plan.directory, holders: &self.holders }
    }

    /// Offers a role to one after the other until somebody accepts.
    fn offer(&mut self, role: &Role) -> PlannedRole {
        let plan = self.plan;
        let party = PartyRef::Role(role.key.clone());
        let people = self.who().people(&party, plan.at);
        let line = plan.playbook.lines.of("roles", &role.key);
        let asked = if plan.answers == Answers::All { 1 } else { people.len() };
        for (turn, person) in people.iter().take(asked).enumerate() {
            let offset = Span(role.accept_within.0.saturating_mul(i64::try_from(turn).unwrap_or(i64::MAX)));
            let now = plan.at + offset;
            let entry = Entry {
                line,
                by: Some(party.clone()),
                person: Some(person.clone()),
                person_name: self.name_of(person),
                ..self.entry(None, party.to_string(), role.title.clone(), now, What::Offer)
            };
            self.entries.push(entry.clone());
            self.letters_to(&entry, person);
            if plan.answers == Answers::All {
                self.holders.insert(role.key.clone(), person.clone());
                self.entries.push(Entry { what: What::Accept, ..entry });
            }
        }
        PlannedRole {
            role: role.key.clone(),
            title: role.title.clone(),
            name: people.first().and_then(|person| self.name_of(person)),
            behind: people.len().saturating_sub(1),
            person: people.into_iter().next(),
            line,
        }
    }

    /// One alert: everybody's first letters, the answers, and then each ladder that still runs.
    fn alert(&mut self, rule: &Rule, addressees: Vec<Addressee>, raised: Timestamp) {
        let mut climbers: Vec<Climber> = Vec::with_capacity(addressees.len());
        for addressee in addressees {
            let book = self.book(rule, raised);
            let scene = Scene { rule, contacts: &addressee.contacts, book: &book, now: raised };
            let (mut recipient, effects) = raise(&scene);
            let reached = !recipient.pending.is_empty();
            if reached {
                (recipient, _) = advance(&scene, &recipient, &Input::Tried);
            }
            self.note(rule, &addressee, raised, None, &effects);
            climbers.push(Climber { addressee, recipient, reached });
        }
        self.answer(rule, &mut climbers, raised);
        for climber in climbers {
            self.climb(rule, climber);
        }
    }

    /// Everybody who was reached answers, one after the other, until enough have.
    fn answer(&mut self, rule: &Rule, climbers: &mut [Climber], now: Timestamp) {
        let Some(option) = self.willing(rule) else { return };
        let accepts = option.meaning == Meaning::Accept;
        let book = self.book(rule, now);
        let mut tally = Tally { open: u32::try_from(climbers.len()).unwrap_or(u32::MAX), ..Tally::default() };
        let mut verdict = Verdict::Open;
        for climber in climbers.iter_mut() {
            let scene = Scene { rule, contacts: &climber.addressee.contacts, book: &book, now };
            if verdict == Verdict::Reached {
                let stop = Input::Stopped { why: StopOn::Superseded, tell: true };
                let (recipient, effects) = advance(&scene, &climber.recipient, &stop);
                climber.recipient = recipient;
                self.note(rule, &climber.addressee, now, None, &effects);
                continue;
            }
            if !climber.reached {
                continue;
            }
            let input = Input::Answered { meaning: option.meaning, counts_as: option.counts_as, at: now };
            (climber.recipient, _) = advance(&scene, &climber.recipient, &input);
            let entry = self.of(rule, &climber.addressee, now, What::Answer, None);
            self.entries.push(entry);
            tally.acked += 1;
            tally.open -= u32::from(climber.recipient.state == State::Answered);
            if accepts {
                tally.accepts += 1;
                tally.teams += fewest_teams(option);
            }
            verdict = judge(rule.quorum(), &tally);
        }
        if let (Verdict::Short { .. }, Some(decider)) = (verdict, rule.decider()) {
            let key = format!("alert:{}", rule.plan.key);
            let name = letters::subject(self.plan, &rule.plan);
            let entry = self.entry(Some(&rule.plan.key), key, name, now, What::Decide);
            let line = rule.ladder.as_ref().and_then(|ladder| ladder.steps.last()).map(|step| step.line);
            self.ask(Entry { line, ..entry }, decider, now);
        }
    }

    /// One recipient to the end of its ladder.
    fn climb(&mut self, rule: &Rule, climber: Climber) {
        let Climber { addressee, mut recipient, .. } = climber;
        while let Some(due) = recipient.due {
            let book = self.book(rule, due);
            let scene = Scene { rule, contacts: &addressee.contacts, book: &book, now: due };
            let step = recipient.step;
            let (next, effects) = advance(&scene, &recipient, &Input::TimerFired { step });
            // Each firing takes a step, so this ends; a firing that changes nothing would not.
            if next == recipient {
                return;
            }
            self.note(rule, &addressee, due, Some(step), &effects);
            recipient = next;
        }
    }

    /// Turns what the ladder asks for into entries. `step` is the first step that was taken.
    fn note(
        &mut self,
        rule: &Rule,
        addressee: &Addressee,
        now: Timestamp,
        step: Option<u16>,
        effects: &[Effect],
    ) {
        let mut step = step;
        for effect in effects {
            let begins = matches!(effect, Effect::Send(letter)
                if matches!(letter.occasion, Occasion::Alert | Occasion::StandDown));
            // Where no first letter can leave, the ladder begins with its first step at once.
            if step.is_none() && !begins {
                step = Some(0);
            }
            match effect {
                Effect::Send(letter) => {
                    let entry = self.of(rule, addressee, now, what_of(letter), step);
                    self.entries.push(Entry { way: Some(way(&letter.point)), ..entry });
                }
                Effect::AskCall { to } => self.ask(self.of(rule, addressee, now, What::Call, step), to, now),
                Effect::AskDecision { to } => {
                    self.ask(self.of(rule, addressee, now, What::Decide, step), to, now);
                }
                Effect::Record(Fact::StepReachedNobody { .. }) => {
                    let entry = self.of(rule, addressee, now, What::NobodyReached, step);
                    self.entries.push(entry);
                    step = step.map(|step| step + 1);
                }
                Effect::SetTimer { .. } | Effect::DropTimer | Effect::Withdraw | Effect::Record(_) => {}
            }
        }
    }

    /// A person is asked to telephone or to decide, and gets a letter about it by every address.
    fn ask(&mut self, entry: Entry, to: &PartyRef, now: Timestamp) {
        let people = self.who().people(to, now);
        let reachable = people.iter().find(|person| !self.letter_points(person).is_empty());
        let person = reachable.or(people.first()).cloned();
        let entry = Entry {
            by: Some(to.clone()),
            person_name: person.as_deref().and_then(|person| self.name_of(person)),
            person,
            ..entry
        };
        self.entries.push(entry.clone());
        match reachable {
            Some(person) => self.letters_to(&entry, person),
            None => self.plan.admins.iter().for_each(|admin| self.letters_to(&entry, admin)),
        }
    }

    /// Writes down the letters to a person about what they are asked.
    fn letters_to(&mut self, entry: &Entry, person: &str) {
        for point in self.letter_points(person) {
            self.entries.push(Entry {
                what: What::RoleLetter,
                way: Some(way(&point)),
                person: Some(person.to_owned()),
                person_name: self.name_of(person),
                ..entry.clone()
            });
        }
    }

    /// The addresses of a person to which a letter can be written: a telephone number is for people.
    fn letter_points(&self, person: &str) -> Vec<ContactPoint> {
        let points = self.who().person_points(person);
        let can_be_written = |point: &ContactPoint| {
            let driver = self.plan.directory.transports.get(&point.transport).map(|it| it.driver.as_str());
            driver.is_some_and(|driver| driver != crate::addressee::BY_HAND && self.plan.can_leave(driver))
        };
        points.into_iter().filter(can_be_written).collect()
    }

    fn name_of(&self, person: &str) -> Option<Text> {
        self.plan.directory.people.get(person).map(|person| person.name.clone())
    }

    fn of(&self, rule: &Rule, addressee: &Addressee, now: Timestamp, what: What, step: Option<u16>) -> Entry {
        let steps = rule.ladder.as_ref().map(|ladder| ladder.steps.as_slice()).unwrap_or_default();
        let line = match step {
            Some(step) => steps.get(usize::from(step)).map(|step| step.line),
            None => self.plan.playbook.lines.of("alerts", &rule.plan.key),
        };
        let (key, name) = (addressee.key().to_owned(), addressee.name.clone());
        let entry = self.entry(Some(&rule.plan.key), key, name, now, what);
        Entry { step: step.map(|step| step + 1), line, ..entry }
    }

    fn entry(&self, alert: Option<&str>, recipient: String, name: Text, now: Timestamp, what: What) -> Entry {
        Entry {
            offset_ms: (now - self.plan.at).0,
            alert: alert.map(str::to_owned),
            recipient,
            name,
            what,
            step: None,
            line: None,
            way: None,
            by: None,
            person: None,
            person_name: None,
        }
    }

    /// The option that a willing recipient chooses; `None` where nobody answers.
    fn willing<'r>(&self, rule: &'r Rule) -> Option<&'r ResponseOption> {
        if self.plan.answers == Answers::None || matches!(rule.plan.ack, AckRule::None { .. }) {
            return None;
        }
        let first = |meaning: Meaning| {
            rule.responses.iter().find(|option| {
                option.meaning == meaning && option.counts_as == CountsAs::Ack && option.after.is_none()
            })
        };
        first(Meaning::Accept).or_else(|| first(Meaning::Decline))
    }

    /// The addresses of the parties that the ladder's steps name.
    fn book(&self, rule: &Rule, now: Timestamp) -> AddressBook {
        self.who().book(rule, |driver| self.plan.can_leave(driver), now)
    }
}

fn what_of(letter: &Outgoing) -> What {
    match letter.occasion {
        _ if letter.unserved => What::Unserved,
        Occasion::Alert => What::Letter,
        Occasion::Resend => What::Resend,
        Occasion::Notify => What::Notify,
        Occasion::StandDown => What::StandDown,
    }
}

fn way(point: &ContactPoint) -> Way {
    Way {
        via: point.transport.clone(),
        contact: point.contact.clone(),
        desk: point.name.clone(),
        address: point.address.clone(),
    }
}

/// The fewest teams that an accepting answer can bring.
fn fewest_teams(option: &ResponseOption) -> u32 {
    let teams = option.ask.iter().find(|ask| ask.key == "teams");
    match teams.map(|ask| &ask.kind) {
        Some(AskKind::Int { min, .. }) => u32::try_from(*min).unwrap_or(0),
        _ => 0,
    }
}
