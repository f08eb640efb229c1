//! The hall of the simulated service: each verb loads rows, asks the core, and performs its effects, as `operation` does
//! with a database. [`Work`] is one transaction.

mod duty;
mod outbox;

use std::{collections::BTreeMap, rc::Rc};

use uuid::Uuid;

use super::{
    history::Entry,
    site::Site,
    store::{About, Answer, Delivery, Fate, Id, Incident, Recipient, Subject, Tables, Timer},
};
use crate::{
    addressee::person_place,
    alert::{ContactPoint, State, Tally, Verdict, judge},
    effect::{Effect, Fact, Occasion},
    id::IncidentId,
    incident::{self, Verb},
    ladder::{Input, Scene, advance, raise},
    playbook::{Meaning, OnTimeout, Quorum, Source, StopOn, Then},
    role,
    task::Task,
    text::{Language, Text},
    time::{Timeline, Timestamp},
    trigger::{self, Decision, Event, Opening},
};

pub(super) use outbox::Outcome;

/// One transaction: a copy of the rows, and what the outside may see of it once it is committed.
pub(super) struct Work<'a> {
    pub(super) site: &'a Site,
    pub(super) tables: Tables,
    pub(super) now: Timestamp,
    pub(super) seen: Vec<Entry>,
    /// Spreads retries, 0 to 1.
    pub(super) chance: f64,
}

impl Work<'_> {
    fn own(&self, incident: Id) -> Timestamp {
        self.tables.incidents[incident].timeline.own(self.now)
    }

    /// A trigger event; the same key again is the same request.
    pub(super) fn trigger(&mut self, key: u32, id: &str) -> Option<Id> {
        if let Some(led_to) = self.tables.once.get(&key) {
            return *led_to;
        }
        let trigger = &self.site.trigger;
        let event = Event { source: Source::Webhook, trigger: None, id: id.into(), values: BTreeMap::new() };
        let same = trigger::dedupe_key(trigger, &event).unwrap_or_default();
        let named = |incident: Id| IncidentId::new(Uuid::from_u128(incident as u128));
        let known = self.tables.openings.iter().filter(|(known, ..)| *known == same);
        let past: Vec<Opening> =
            known.map(|(_, incident, at)| Opening { incident: named(*incident), at: *at }).collect();
        let incidents = 0..self.tables.incidents.len();
        let led_to = match trigger::decide(trigger, &self.site.directory, &event, &past, self.now) {
            Decision::Attach(known) | Decision::Ignore(known) => {
                incidents.into_iter().find(|incident| named(*incident) == known)
            }
            Decision::Nothing(_) => None,
            decision => {
                let incident = self.open(false, Timeline::real(self.now));
                self.tables.openings.push((same, incident, self.now));
                match decision {
                    Decision::Hold { hold, on_timeout } => {
                        self.tables.incidents[incident].on_timeout = on_timeout;
                        let timer = Timer { due: self.now + hold, number: 0 };
                        self.tables.timers.insert(Subject::Hold(incident), timer);
                    }
                    Decision::Send => self.activate(incident),
                    _ => self.tables.incidents[incident].state = incident::State::Proposed,
                }
                Some(incident)
            }
        };
        self.tables.once.insert(key, led_to);
        led_to
    }

    /// A drill is started by hand; its own time may run faster.
    pub(super) fn drill(&mut self, key: u32, rate: u32) -> Option<Id> {
        if let Some(led_to) = self.tables.once.get(&key) {
            return *led_to;
        }
        let live = self.tables.incidents.iter().any(|row| !row.drill && !row.state.is_over());
        let led_to = (!live).then(|| {
            let incident = self.open(true, Timeline::at_rate(self.now, rate));
            self.activate(incident);
            incident
        });
        self.tables.once.insert(key, led_to);
        led_to
    }

    fn open(&mut self, drill: bool, timeline: Timeline) -> Id {
        let incident = self.tables.incidents.len();
        self.tables.incidents.push(Incident {
            state: incident::State::Held,
            drill,
            timeline,
            on_timeout: OnTimeout::Suggest,
            verdict: None,
            chair: role::Chair::default(),
            task: Task::new(),
            report: None,
        });
        self.seen.push(Entry::Opened { incident, drill });
        incident
    }

    /// Whether the incident goes on to another state by `verb`.
    fn go(&mut self, incident: Id, verb: Verb) -> bool {
        let row = &mut self.tables.incidents[incident];
        let next = incident::next(row.state, verb, false);
        row.state = next.unwrap_or(row.state);
        next.is_some()
    }

    /// Starts what was proposed or held: its own time begins, everybody is told. A live start ends every drill.
    pub(super) fn activate(&mut self, incident: Id) {
        if !self.go(incident, Verb::Activate) {
            return;
        }
        self.tables.timers.remove(&Subject::Hold(incident));
        let row = &mut self.tables.incidents[incident];
        row.timeline = Timeline { real_origin: self.now, own_origin: self.now, rate: row.timeline.rate };
        if !row.drill {
            let drills = (0..self.tables.incidents.len()).filter(|other| self.tables.incidents[*other].drill);
            for drill in drills.collect::<Vec<_>>() {
                self.end(drill, Verb::Close);
            }
        }
        self.raise(incident);
        self.take_up_duties(incident);
    }

    fn hold_ran_out(&mut self, incident: Id) {
        if self.tables.incidents[incident].state != incident::State::Held {
            return;
        }
        match trigger::after_hold(self.tables.incidents[incident].on_timeout, true) {
            Decision::Send => self.activate(incident),
            _ => drop(self.go(incident, Verb::HoldRanOut)),
        }
    }

    /// Ends an incident: closed, cancelled, or dismissed before it began.
    pub(super) fn end(&mut self, incident: Id, verb: Verb) {
        if !self.go(incident, verb) {
            return;
        }
        self.tables.timers.remove(&Subject::Hold(incident));
        self.drop_duties(incident);
        self.stop_all(incident, StopOn::IncidentClosed, false);
    }

    fn raise(&mut self, incident: Id) {
        self.tables.incidents[incident].verdict = Some(Verdict::Open);
        for who in 0..self.site.world.recipients.len() {
            let own = self.own(incident);
            let (value, effects) = raise(&self.site.world.scene(who, own));
            let recipient = self.tables.recipients.len();
            let leaves = effects.iter().any(|effect| {
                matches!(effect, Effect::Send(letter) if letter.occasion == Occasion::Alert
                    && !letter.unserved && !self.is_by_hand(&letter.point))
            });
            self.tables.recipients.push(Recipient { incident, who, value, answers: Vec::new() });
            self.seen.push(Entry::Raised { recipient, incident, own, leaves });
            self.perform(recipient, 0, effects);
        }
    }

    /// Takes one input for one recipient: asks the core, keeps the row, performs the effects.
    pub(super) fn step(&mut self, recipient: Id, input: &Input) {
        let row = &self.tables.recipients[recipient];
        let world = &self.site.world;
        let scene = Scene {
            rule: &world.rule,
            contacts: &world.recipients[row.who],
            book: &world.book,
            now: self.own(row.incident),
        };
        let before = row.value.clone();
        let (next, effects) = advance(&scene, &before, input);
        if next.state != before.state {
            self.seen.push(Entry::Now { recipient, state: next.state });
        }
        self.tables.recipients[recipient].value = next;
        self.perform(recipient, before.step.into(), effects);
    }

    /// Turns the effects for a recipient into rows; `step` is where it stood on its ladder before.
    fn perform(&mut self, recipient: Id, mut step: usize, effects: Vec<Effect>) {
        let incident = self.tables.recipients[recipient].incident;
        let own = self.own(incident);
        for effect in effects {
            match effect {
                Effect::Send(letter) => {
                    let about = About::Alert { recipient, letter: letter.letter, occasion: letter.occasion };
                    let delivery = self.write(incident, about, Rc::new(letter.point));
                    let (letter, occasion, unserved) = (letter.letter, letter.occasion, letter.unserved);
                    self.seen.push(Entry::Wrote { delivery, recipient, letter, occasion, unserved });
                    if unserved {
                        self.tables.deliveries[delivery].fate = Fate::Refused;
                    }
                }
                Effect::SetTimer { step, due } => {
                    self.set_timer(Subject::Step(recipient), incident, due, step.into());
                }
                Effect::DropTimer => drop(self.tables.timers.remove(&Subject::Step(recipient))),
                Effect::Withdraw => self.tables.withdraw(|row| {
                    row.about.recipient() == Some(recipient) && !row.about.is_stand_down()
                        || matches!(row.about, About::Call { recipient: about } | About::Decision { recipient: about }
                            if about == recipient)
                }),
                Effect::AskCall { .. } => {
                    self.write(incident, About::Call { recipient }, staff("chief"));
                }
                Effect::AskDecision { .. } => {
                    self.seen.push(Entry::DecisionAsked { recipient });
                    self.write(incident, About::Decision { recipient }, staff("chief"));
                }
                Effect::Record(Fact::StepTaken { brought_forward, .. }) => {
                    self.seen.push(Entry::Step { recipient, step, own, brought_forward });
                    step += 1;
                }
                Effect::Record(Fact::StepReachedNobody { .. }) => {
                    self.seen.push(Entry::PassedOver { recipient, step, own });
                    step += 1;
                }
                Effect::Record(Fact::DecisionDue { .. }) => {
                    self.seen.push(Entry::DecisionDue { recipient, step, own });
                }
                Effect::Record(Fact::NobodyTold | Fact::AnsweredAfterDecision) => {}
            }
        }
    }

    fn set_timer(&mut self, subject: Subject, incident: Id, due: Timestamp, number: u32) {
        if let Some(due) = self.tables.incidents[incident].timeline.real_time_of(due) {
            self.tables.timers.insert(subject, Timer { due, number });
        }
    }

    fn is_by_hand(&self, point: &ContactPoint) -> bool {
        self.site.world.book.by_hand.contains(&point.transport)
    }

    fn write(&mut self, incident: Id, about: About, point: Rc<ContactPoint>) -> Id {
        self.tables.deliveries.push(Delivery {
            incident,
            rehearsed: self.tables.incidents[incident].drill,
            by_hand: self.is_by_hand(&point),
            about,
            point,
            fate: Fate::Queued,
            due: self.now,
            holder: None,
            lease_until: Timestamp(0),
            fence: 0,
            handed: None,
            attempts: 0,
            repeat: false,
        });
        self.tables.deliveries.len() - 1
    }

    /// A timer of which a worker has heard. Fired or not, it is done; the effects may set the next one.
    pub(super) fn fire(&mut self, subject: Subject, timer: Timer) {
        if timer.due <= self.now && self.tables.timers.get(&subject) == Some(&timer) {
            self.tables.timers.remove(&subject);
            self.seen.push(Entry::Fired { subject, due: timer.due, number: timer.number });
        }
        let number = u16::try_from(timer.number).unwrap_or(u16::MAX);
        match subject {
            Subject::Step(recipient) => {
                self.step(recipient, &Input::TimerFired { step: number });
                if self.tables.recipients[recipient].value.state == State::Answered {
                    self.count_answers(self.tables.recipients[recipient].incident);
                }
            }
            Subject::Hold(incident) => {
                if !self.tables.timers.contains_key(&subject) {
                    self.hold_ran_out(incident);
                }
            }
            Subject::Chair(incident) => self.chair_timer(incident, timer.number),
            Subject::Task(incident) => self.task_timer(incident, number),
            Subject::Report(incident) => self.report_timer(incident, number),
        }
    }

    /// Takes an answer, unless all is over. The same one again changes nothing; another one replaces it, both stay.
    pub(super) fn answer(&mut self, recipient: Id, answer: &Answer) -> bool {
        let row = &mut self.tables.recipients[recipient];
        if self.tables.incidents[row.incident].state.is_over() {
            return false;
        }
        let same = |before: &Answer| before.option == answer.option && before.teams == answer.teams;
        if row.answers.last().is_some_and(same) {
            return true;
        }
        row.answers.push(answer.clone());
        let incident = row.incident;
        let Some(option) = self.site.world.rule.option(&answer.option) else { return false };
        let (meaning, counts_as, at) = (option.meaning, option.counts_as, self.now);
        self.step(recipient, &Input::Answered { meaning, counts_as, at });
        self.count_answers(incident);
        true
    }

    /// A person looked at the page. Where reading ends the ladder, one less is waited for.
    pub(super) fn opened(&mut self, recipient: Id) {
        self.step(recipient, &Input::Opened { at: self.now });
        if self.tables.recipients[recipient].value.state.is_settled() {
            self.count_answers(self.tables.recipients[recipient].incident);
        }
    }

    pub(super) fn decide(&mut self, recipient: Id, then: &Then) {
        let row = &self.tables.recipients[recipient];
        if row.value.state != State::ToDecide && !(row.value.state == State::Waiting && *then == Then::End) {
            return;
        }
        let incident = row.incident;
        self.seen.push(Entry::Decided { recipient, then: then.clone(), own: self.own(incident) });
        self.step(recipient, &Input::Decided { then: then.clone() });
        self.count_answers(incident);
    }

    fn count_answers(&mut self, incident: Id) {
        let quorum = self.site.world.rule.quorum();
        if quorum == Quorum::All || self.tables.incidents[incident].verdict != Some(Verdict::Open) {
            return;
        }
        let verdict = judge(quorum, &self.tally(incident));
        self.tables.incidents[incident].verdict = Some(verdict);
        match verdict {
            Verdict::Open => {}
            Verdict::Reached => self.stop_all(incident, StopOn::Superseded, true),
            Verdict::Short { .. } => {
                self.seen.push(Entry::Told { incident, what: "short" });
                self.write(incident, About::Shortage, staff("chief"));
            }
        }
    }

    fn tally(&self, incident: Id) -> Tally {
        let mut tally = Tally::default();
        for (_, row) in self.tables.of_incident(incident) {
            tally.open += u32::from(!row.value.state.is_settled());
            let evidence = &row.value.evidence;
            tally.acked += u32::from(evidence.acked_at.is_some() || evidence.answered_at.is_some());
            let accepts = |answer: &&Answer| matches!(answer.meaning, Meaning::Accept | Meaning::Arrival);
            if let Some(answer) = row.answers.last().filter(accepts) {
                tally.accepts += 1;
                tally.teams += answer.teams;
            }
        }
        tally
    }

    fn stop_all(&mut self, incident: Id, why: StopOn, tell: bool) {
        let rest: Vec<Id> = self.tables.of_incident(incident).map(|(id, _)| id).collect();
        for recipient in rest {
            self.step(recipient, &Input::Stopped { why, tell });
        }
    }
}

/// The address of somebody of the house.
fn staff(name: &str) -> Rc<ContactPoint> {
    Rc::new(ContactPoint {
        contact: person_place(name),
        name: Text::plain(name),
        transport: "email".to_owned(),
        address: format!("{name}@house.example"),
        language: Language::Ja,
    })
}
