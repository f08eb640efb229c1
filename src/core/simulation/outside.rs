//! Everything outside the house: relays, and people who read, answer, decide, press twice and fall silent.

use super::{
    Happening, Simulation,
    hall::{Outcome, Work},
    history::Entry,
    nodes::InHand,
    site::Nature,
    store::{About, Answer, Id, Process},
};
use crate::{
    incident::Verb,
    ladder::Input,
    playbook::{Meaning, Then},
    report, role, task,
    time::Span,
};

/// Something that a person or a program asks of the service.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Trigger { key: u32, id: String },
    Drill { key: u32, rate: u32 },
    Activate(Id),
    End(Id, Verb),
    Open(Id),
    Receipt(Id),
    Answer(Id, Answer),
    Decide(Id, Then),
    Accept(Id, String),
    Decline(Id, String),
    Offer(Id, String),
    Release(Id),
    TaskDone(Id),
    TaskNotNeeded(Id),
    TaskReopened(Id),
    Submit(Id),
    Approve(Id),
    Return(Id),
    DecideReport(Id, Then),
}

/// What the service says, once it has committed.
enum Said {
    Done,
    LedTo(Option<Id>),
    Closed,
}

impl Simulation {
    /// A request goes to any node that serves. Whoever hears nothing asks again, or gives it up.
    pub(super) fn ask(&mut self, deed: Deed) {
        let serving: Vec<usize> = (0..self.nodes.len()).filter(|node| self.nodes[*node].serves()).collect();
        if !serving.is_empty() {
            let node = *self.dice.pick(&serving);
            if let Ok(said) = self.transact(node, |work| take(work, &deed)) {
                return self.hear(&deed, &said);
            }
        }
        if !self.dice.happens(100) {
            let patience = Span(self.dice.between(500, 30_000));
            self.plan(patience, Happening::Ask(deed));
        }
    }

    fn hear(&mut self, deed: &Deed, said: &Said) {
        let now = self.clock();
        match (deed, said) {
            (Deed::Trigger { key, .. } | Deed::Drill { key, .. }, Said::LedTo(incident)) => {
                self.history.see(now, Entry::Said { key: *key, incident: *incident });
                if let Some(incident) = *incident {
                    self.somebody_looks_at(incident);
                }
            }
            (Deed::Answer(recipient, answer), Said::Done) => {
                let (recipient, by, option) = (*recipient, answer.by.clone(), answer.option.clone());
                self.history.see(now, Entry::Answered { recipient, by, option, meaning: answer.meaning });
            }
            _ => {}
        }
    }

    fn somebody_looks_at(&mut self, incident: Id) {
        if self.tables.incidents[incident].state.is_waiting() && self.dice.happens(600) {
            let dismiss = self.dice.happens(200);
            let deed = if dismiss { Deed::End(incident, Verb::Dismiss) } else { Deed::Activate(incident) };
            self.soon(900_000, deed);
        }
        if self.dice.happens(200) {
            let verb = *self.dice.pick(&[Verb::Close, Verb::Cancel]);
            self.soon(7_200_000, Deed::End(incident, verb));
        }
    }

    /// A relay takes a letter, or does not, and says so, or does not.
    pub(super) fn hand_to_relay(&mut self, process: Process, line: usize, letter: InHand) {
        let id = letter.delivery;
        let address = self.tables.deliveries[id].point.address.clone();
        let nature = self.site.nature(&address, &mut self.dice);
        let longest = if nature == Nature::Slow { 60_000 } else { 400 };
        let takes = Span(self.dice.between(5, longest));
        let outcome = match nature {
            _ if self.stormy && self.dice.happens(50) => Outcome::TryAgain,
            Nature::Refuses => Outcome::Refused,
            Nature::Defers(chance) if self.dice.happens(chance) => Outcome::TryAgain,
            _ if self.stormy && self.dice.happens(50) => Outcome::Unknown,
            _ => Outcome::Accepted,
        };
        if matches!(outcome, Outcome::Accepted | Outcome::Unknown) {
            if nature == Nature::Bounces {
                let back = Span(takes.0 + self.dice.between(1_000, 600_000));
                self.plan(back, Happening::Bounce(id));
            } else {
                self.plan(takes, Happening::Arrive { delivery: id, repeat: letter.repeat });
            }
        }
        let answered = Span(takes.0 + self.dice.between(0, 100));
        self.plan(answered, Happening::Reply(process, line, outcome));
    }

    pub(super) fn arrive(&mut self, delivery: Id, repeat: bool) {
        let row = &self.tables.deliveries[delivery];
        let incident = row.incident;
        // The mark 【訓練】 is the sender's, made of the incident; the transport is the row's.
        let drill_mark = self.tables.incidents[incident].drill;
        let rehearsal = row.rehearsed;
        let (about, by) = (row.about.clone(), row.point.contact.clone());
        self.history.see(self.clock(), Entry::Arrived { delivery, incident, repeat, drill_mark, rehearsal });
        self.react(incident, &about, &by);
    }

    /// What a reader does about a letter, now or in a while.
    fn react(&mut self, incident: Id, about: &About, by: &str) {
        match about {
            About::Alert { recipient, .. } => self.react_to_alert(*recipient, by),
            About::Call { recipient } => {
                if self.dice.happens(300) {
                    self.answer_somehow(*recipient, "telephone", 600_000);
                }
            }
            About::Offer { to, .. } => {
                let deeds = [
                    Deed::Accept(incident, to.clone()),
                    Deed::Accept(incident, to.clone()),
                    Deed::Decline(incident, to.clone()),
                    Deed::Offer(incident, "doi".to_owned()),
                ];
                self.perhaps(600, &deeds);
                self.perhaps(100, &[Deed::Release(incident)]);
            }
            About::Task => {
                self.perhaps(
                    300,
                    &[Deed::TaskDone(incident), Deed::TaskDone(incident), Deed::TaskNotNeeded(incident)],
                );
                self.perhaps(50, &[Deed::TaskReopened(incident)]);
            }
            About::Report => {
                let late = Then::Extend { by: Span::minutes(15) };
                let deeds = [
                    Deed::Submit(incident),
                    Deed::Approve(incident),
                    Deed::Return(incident),
                    Deed::DecideReport(incident, Then::End),
                    Deed::DecideReport(incident, late),
                ];
                self.perhaps(500, &deeds);
            }
            About::Decision { recipient } => {
                let decisions = self.site.world.decisions();
                if !decisions.is_empty() && self.dice.happens(400) {
                    let then = self.dice.pick(&decisions).clone();
                    self.soon(900_000, Deed::Decide(*recipient, then));
                }
            }
            About::Shortage => {}
        }
    }

    fn react_to_alert(&mut self, recipient: Id, by: &str) {
        self.perhaps(300, &[Deed::Open(recipient), Deed::Receipt(recipient)]);
        if self.dice.happens(self.site.talkative) {
            let within = *self.dice.pick(&[20, 5_000, 900_000]);
            self.answer_somehow(recipient, by, within);
            if self.dice.happens(100) {
                self.answer_somehow(recipient, by, 1_800_000);
            }
        }
        if self.dice.happens(20) {
            self.soon(900_000, Deed::Decide(recipient, Then::End));
        }
    }

    fn answer_somehow(&mut self, recipient: Id, by: &str, within: i64) {
        let first = |option: &&crate::playbook::ResponseOption| option.after.is_none();
        let options: Vec<_> = self.site.world.rule.responses.iter().filter(first).cloned().collect();
        if options.is_empty() {
            return;
        }
        let option = self.dice.pick(&options);
        let teams = if option.meaning == Meaning::Accept { u32::from(self.dice.happens(800)) * 2 } else { 0 };
        let answer = Answer { option: option.key.clone(), meaning: option.meaning, teams, by: by.to_owned() };
        self.soon(within, Deed::Answer(recipient, answer.clone()));
        if self.dice.happens(200) {
            // Pressed twice.
            self.soon(within, Deed::Answer(recipient, answer));
        }
    }

    fn perhaps(&mut self, in_a_thousand: usize, deeds: &[Deed]) {
        if self.dice.happens(in_a_thousand) {
            let deed = self.dice.pick(deeds).clone();
            self.soon(900_000, deed);
        }
    }

    fn soon(&mut self, within: i64, deed: Deed) {
        let wait = Span(self.dice.between(0, within));
        self.plan(wait, Happening::Ask(deed));
    }
}

fn take(work: &mut Work<'_>, deed: &Deed) -> Said {
    match deed {
        Deed::Trigger { key, id } => return Said::LedTo(work.trigger(*key, id)),
        Deed::Drill { key, rate } => return Said::LedTo(work.drill(*key, *rate)),
        Deed::Answer(recipient, answer) => {
            if !work.answer(*recipient, answer) {
                return Said::Closed;
            }
        }
        Deed::Activate(incident) => work.activate(*incident),
        Deed::End(incident, verb) => work.end(*incident, *verb),
        Deed::Open(recipient) => work.opened(*recipient),
        Deed::Receipt(recipient) => work.step(*recipient, &Input::Delivered { at: work.now }),
        Deed::Decide(recipient, then) => work.decide(*recipient, then),
        Deed::TaskDone(incident) => work.task(*incident, task::Input::Done),
        Deed::TaskNotNeeded(incident) => work.task(*incident, task::Input::NotNeeded),
        Deed::TaskReopened(incident) => work.task(*incident, task::Input::Reopened),
        Deed::Submit(incident) => {
            let approved = work.site.approved_at_once;
            work.report(*incident, &report::Input::Submitted { approved });
        }
        Deed::Approve(incident) => work.report(*incident, &report::Input::Approved),
        Deed::Return(incident) => work.report(*incident, &report::Input::Returned),
        Deed::DecideReport(incident, then) => work.decide_report(*incident, then.clone()),
        Deed::Accept(incident, by) => return chair(work, *incident, role::Input::Accepted { by }),
        Deed::Decline(incident, by) => return chair(work, *incident, role::Input::Declined { by }),
        Deed::Offer(incident, to) => return chair(work, *incident, role::Input::Offered { to }),
        Deed::Release(incident) => return chair(work, *incident, role::Input::Released),
    }
    Said::Done
}

fn chair(work: &mut Work<'_>, incident: Id, input: role::Input<'_>) -> Said {
    work.chair(incident, input).map_or(Said::Closed, |()| Said::Done)
}
