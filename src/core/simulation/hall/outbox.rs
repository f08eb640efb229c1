//! What becomes of letters: the outcome of a try is recorded, what was left behind is taken back.

use super::{Entry, Fate, Id, State, Work};
use crate::{
    ladder::Input,
    retry, role,
    simulation::store::{About, Process},
};

/// What a sender learns of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    TryAgain,
    Refused,
    /// The line broke after the end: nobody knows.
    Unknown,
}

impl Work<'_> {
    /// Notes that letters leave from now on, and returns those that may. The first one starts its recipient's ladder.
    pub(crate) fn hand_over(&mut self, id: Id, by: Process) -> bool {
        if !self.tables.hand_over(id, by, self.now) {
            return false;
        }
        let own = self.own(self.tables.deliveries[id].incident);
        self.seen.push(Entry::HandedOver { delivery: id, by, own });
        if let Some(recipient) = self.tables.deliveries[id].about.recipient()
            && self.tables.recipients[recipient].value.started_at.is_none()
        {
            self.step(recipient, &Input::Tried);
        }
        true
    }

    /// Records what became of a try, unless another lease has begun meanwhile.
    pub(crate) fn record(&mut self, id: Id, by: Process, fence: u32, outcome: Outcome) {
        if self.tables.holds(id, by, fence) {
            self.record_one(id, outcome);
        }
    }

    fn record_one(&mut self, id: Id, outcome: Outcome) {
        let (now, chance) = (self.now, self.chance);
        let delivery = &mut self.tables.deliveries[id];
        delivery.holder = None;
        let letter = match delivery.about {
            About::Alert { letter, .. } => Some(letter),
            _ => None,
        };
        let failed = letter.map(|letter| Input::Failed { letter, at: now });
        let mut input = None;
        match outcome {
            Outcome::Accepted => {
                delivery.fate = Fate::Accepted;
                input = Some(Input::Accepted { at: now });
            }
            Outcome::Refused => {
                delivery.fate = Fate::Refused;
                input = failed;
            }
            Outcome::TryAgain => match retry::delay_after(delivery.attempts, chance) {
                Some(delay) => {
                    delivery.fate = Fate::Queued;
                    delivery.due = now + delay;
                    delivery.handed = None;
                }
                None => {
                    delivery.fate = Fate::GivenUp;
                    input = failed;
                }
            },
            Outcome::Unknown if delivery.repeat => {
                delivery.fate = Fate::Unknown;
                input = failed;
            }
            Outcome::Unknown => {
                delivery.repeat = true;
                delivery.fate = Fate::Queued;
                delivery.due = now;
                delivery.handed = None;
                input = Some(Input::Unknown { at: now });
            }
        }
        // A recipient who answered while the letter was under way gets no further try of it.
        let settled = delivery.about.recipient().is_some_and(|recipient| {
            !matches!(self.tables.recipients[recipient].value.state, State::Waiting | State::Informed)
        });
        if delivery.fate == Fate::Queued && settled && !delivery.about.is_stand_down() {
            delivery.fate = Fate::Withdrawn;
        }
        let (fate, incident, about) = (delivery.fate, delivery.incident, delivery.about.clone());
        let own = self.own(incident);
        self.seen.push(Entry::Recorded { delivery: id, fate, own });
        match about {
            About::Offer { number, .. } if matches!(fate, Fate::Refused | Fate::GivenUp) => {
                // A chair that was taken meanwhile has nothing against it.
                let _ = self.chair(incident, role::Input::Undelivered { number });
            }
            About::Alert { recipient, .. } => {
                if let Some(input) = input {
                    self.step(recipient, &input);
                }
            }
            _ => {}
        }
    }

    /// A relay sent a letter back that it had taken.
    pub(crate) fn bounced(&mut self, id: Id) {
        let delivery = &self.tables.deliveries[id];
        let own = self.own(delivery.incident);
        if let About::Alert { recipient, letter, .. } = delivery.about {
            self.seen.push(Entry::Bounced { delivery: id, own });
            self.step(recipient, &Input::Failed { letter, at: self.now });
        }
    }

    /// Letters whose lease has ended: queued again where they were never handed over, else their outcome is unknown.
    pub(crate) fn take_back(&mut self, everyone: bool) {
        for id in self.tables.abandoned(self.now, everyone) {
            self.seen.push(Entry::TakenBack { delivery: id });
            let delivery = &mut self.tables.deliveries[id];
            if delivery.handed.is_none() {
                delivery.fate = Fate::Queued;
                delivery.holder = None;
            } else {
                self.record_one(id, Outcome::Unknown);
            }
        }
    }
}
