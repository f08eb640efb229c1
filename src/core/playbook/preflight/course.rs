//! The course of an incident on a virtual clock: every ladder to its end.

use std::collections::BTreeMap;

use super::{Answers, Entry, Plan, PlannedAlert, PlannedRole, Way, What, chairs::Seats, letters};
use crate::{
    addressee::{Addressee, WhoIsWho},
    alert::{AddressBook, ContactPoint, Rule, State, Tally, Verdict, judge},
    effect::{Effect, Fact, Occasion, Outgoing},
    ladder::{Input, Recipient, Scene, advance, raise},
    playbook::{AckRule, AskKind, CountsAs, IncidentEvent, Meaning, PartyRef, ResponseOption, StopOn},
    text::Text,
    time::Timestamp,
};

/// What a start would bring about.
pub(super) struct Course {
    pub(super) alerts: Vec<PlannedAlert>,
    pub(super) roles: Vec<PlannedRole>,
    pub(super) entries: Vec<Entry>,
}

/// Follows a start to its end.
pub(super) fn run(plan: &Plan<'_>) -> Course {
    let mut walk = Walk { plan, seats: Seats::default(), answered: BTreeMap::new(), entries: Vec::new() };
    let roles = walk.chairs();
    let mut alerts = Vec::new();
    for alert in &plan.playbook.alerts {
        let Some(send) = alert.send.filter(|send| send.event == IncidentEvent::Activated) else { continue };
        let Some(rule) = Rule::of(plan.playbook, &alert.key) else { continue };
        let raised = plan.at + send.delay;
        let addressees = walk.who(raised).addressees(&alert.to, raised);
        alerts.push(PlannedAlert {
            key: alert.key.clone(),
            subject: letters::subject(plan, alert),
            to: alert.to.iter().map(|party| walk.who(raised).name(party)).collect(),
            offset_ms: send.delay.0,
            recipients: addressees.len(),
            line: plan.playbook.lines.of("alerts", &alert.key),
        });
        walk.alert(&rule, addressees, raised);
    }
    walk.tasks();
    walk.reports();
    let mut entries = walk.entries;
    // Stable: what happens at the same time stays in the order of alerts and recipients.
    entries.sort_by_key(|entry| entry.offset_ms);
    Course { alerts, roles, entries }
}

/// A start on its way through virtual time.
pub(super) struct Walk<'w> {
    pub(super) plan: &'w Plan<'w>,
    pub(super) seats: Seats,
    /// When each alert has its first answer, by key.
    pub(super) answered: BTreeMap<String, Timestamp>,
    pub(super) entries: Vec<Entry>,
}

/// A recipient on its ladder.
struct Climber {
    addressee: Addressee,
    recipient: Recipient,
    /// Whether a first letter can reach it, so that it could answer.
    reached: bool,
}

impl Walk<'_> {
    /// Who is who, with the chairs as they stand at `now`.
    pub(super) fn who(&self, now: Timestamp) -> WhoIsWho<'_> {
        let Plan { playbook, directory, .. } = *self.plan;
        WhoIsWho { playbook, directory, holders: self.seats.at(now) }
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
            self.answered.entry(rule.plan.key.clone()).or_insert(now);
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
                if matches!(letter.occasion, Occasion::Alert | Occasion::StandDown))
                || *effect == Effect::Record(Fact::NobodyTold);
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
                Effect::Record(Fact::NobodyTold) => {
                    let entry = self.of(rule, addressee, now, What::NobodyTold, None);
                    self.entries.push(entry);
                }
                Effect::SetTimer { .. } | Effect::DropTimer | Effect::Withdraw | Effect::Record(_) => {}
            }
        }
    }

    /// A person is asked for something, and gets a letter about it by every address.
    pub(super) fn ask(&mut self, entry: Entry, to: &PartyRef, now: Timestamp) {
        let reader = self.who(now).reader(to, |driver| self.plan.can_leave(driver), now);
        let person = match &reader {
            Some((person, _)) => Some(person.clone()),
            None => self.who(now).people(to, now).into_iter().next(),
        };
        let entry = Entry {
            by: Some(to.clone()),
            person_name: person.as_deref().and_then(|person| self.name_of(person)),
            person,
            ..entry
        };
        self.entries.push(entry.clone());
        match reader {
            Some((person, points)) => self.letters_to(&entry, &person, points),
            None => self.letters_to_each(&entry, self.plan.admins),
        }
    }

    /// Writes down the letters to each of these people.
    pub(super) fn letters_to_each(&mut self, entry: &Entry, people: &[String]) {
        for person in people {
            let points = self.letter_points(person);
            self.letters_to(entry, person, points);
        }
    }

    fn letters_to(&mut self, entry: &Entry, person: &str, points: Vec<ContactPoint>) {
        for point in points {
            self.entries.push(Entry {
                what: What::RoleLetter,
                way: Some(way(&point)),
                person: Some(person.to_owned()),
                person_name: self.name_of(person),
                ..entry.clone()
            });
        }
    }

    /// The addresses of a person to which a letter can be written.
    pub(super) fn letter_points(&self, person: &str) -> Vec<ContactPoint> {
        self.who(self.plan.at).letter_points(person, |driver| self.plan.can_leave(driver))
    }

    pub(super) fn name_of(&self, person: &str) -> Option<Text> {
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

    pub(super) fn entry(
        &self,
        alert: Option<&str>,
        recipient: String,
        name: Text,
        now: Timestamp,
        what: What,
    ) -> Entry {
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
            every_ms: None,
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
        self.who(now).book(rule, |driver| self.plan.can_leave(driver), now)
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
