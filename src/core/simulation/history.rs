//! What somebody who stands outside has seen: letters that arrived, requests that were answered, commits, crashes. The
//! invariants are read from this alone, not from the service's own opinion.

#![expect(dead_code, reason = "what no invariant asks for is there for whoever reads a failed run")]

use std::fmt;

use super::store::{Fate, Id, Process, Subject};
use crate::{
    alert::State,
    effect::Occasion,
    ladder,
    playbook::{Meaning, Then},
    time::Timestamp,
};

/// One observation.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A caller's trigger was answered 2xx.
    Said {
        key: u32,
        incident: Option<Id>,
    },
    Opened {
        incident: Id,
        drill: bool,
    },
    Raised {
        recipient: Id,
        incident: Id,
        own: Timestamp,
        leaves: bool,
    },
    Wrote {
        delivery: Id,
        recipient: Id,
        letter: u16,
        occasion: Occasion,
        unserved: bool,
    },
    /// A step was taken; `step` counts from 0.
    Step {
        recipient: Id,
        step: usize,
        own: Timestamp,
        brought_forward: bool,
    },
    PassedOver {
        recipient: Id,
        step: usize,
        own: Timestamp,
    },
    DecisionDue {
        recipient: Id,
        step: usize,
        own: Timestamp,
    },
    DecisionAsked {
        recipient: Id,
    },
    Fired {
        subject: Subject,
        due: Timestamp,
        number: u32,
    },
    Claimed {
        delivery: Id,
        by: Process,
    },
    TakenBack {
        delivery: Id,
    },
    HandedOver {
        delivery: Id,
        by: Process,
        own: Timestamp,
    },
    /// A process lets a letter out of the house.
    Left {
        delivery: Id,
        by: Process,
    },
    /// The other end has a letter.
    Arrived {
        delivery: Id,
        incident: Id,
        repeat: bool,
        drill_mark: bool,
        rehearsal: bool,
    },
    Recorded {
        delivery: Id,
        fate: Fate,
        own: Timestamp,
    },
    /// A relay took a letter and sent it back later.
    Bounced {
        delivery: Id,
        own: Timestamp,
    },
    /// An answer was answered 2xx.
    Answered {
        recipient: Id,
        by: String,
        option: String,
        meaning: Meaning,
    },
    /// What the core was told, and where the recipient stands since.
    Now {
        recipient: Id,
        state: State,
    },
    Decided {
        recipient: Id,
        then: Then,
        own: Timestamp,
    },
    Reminded {
        incident: Id,
        what: &'static str,
        number: u16,
        own: Timestamp,
    },
    Told {
        incident: Id,
        what: &'static str,
    },
    Crashed {
        node: usize,
        in_hand: usize,
    },
    Started {
        node: usize,
    },
    Paused {
        node: usize,
    },
    Resumed {
        node: usize,
    },
    /// The clock leapt from where it was.
    Jumped {
        from: Timestamp,
    },
    Healed,
}

/// Everything in the order in which it was seen, with the moment on the wall clock.
#[derive(Default)]
pub(super) struct History(pub(super) Vec<(Timestamp, Entry)>);

impl History {
    pub(super) fn see(&mut self, at: Timestamp, entry: Entry) {
        self.0.push((at, entry));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Timestamp, &Entry)> {
        self.0.iter().map(|(at, entry)| (*at, entry))
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, entry) in self.iter() {
            let passed = (at - ladder::laws::world::START).0;
            writeln!(f, "{:>7}.{:03}s  {entry:?}", passed / 1000, passed % 1000)?;
        }
        Ok(())
    }
}
