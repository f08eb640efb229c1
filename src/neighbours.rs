//! Other nodes on the same database: what changed here is told to them, what changed there is told to our live pages.
//!
//! Every node tells its changes by `NOTIFY`, gathered, and hears those of the others by `LISTEN`. Both are hints: each
//! node also looks into the table of events once a second, and a change that came by both ways is told once.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use noroshi_core::id::IncidentId;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use uuid::Uuid;

use crate::store::event::Event;

/// The name by which nodes of PostgreSQL call each other.
pub const CALL: &str = "noroshi";
/// Changes in one call: PostgreSQL takes 8,000 bytes.
pub const IN_ONE_CALL: usize = 64;
/// Numbers are given before the commit, so a lower one may become visible after a higher one: so far back a look goes.
const LOOK_BACK: i64 = 256;
/// Numbers that are remembered.
const REMEMBERED: usize = 4096;

/// What this node knows of the changes of all.
#[derive(Debug)]
pub struct Neighbours {
    known: Mutex<Known>,
    news: UnboundedSender<Event>,
    waiting: Mutex<Option<UnboundedReceiver<Event>>>,
}

#[derive(Debug, Default)]
struct Known {
    floor: i64,
    recent: BTreeSet<i64>,
}

/// Changes as one node calls them out to the others.
#[derive(Debug, Serialize, Deserialize)]
pub struct Call {
    /// Who calls.
    pub node: Uuid,
    /// Number, incident and kind of each change.
    pub changes: Vec<(i64, IncidentId, String)>,
}

impl Neighbours {
    /// A node that knows all changes up to number `newest`.
    pub fn new(newest: i64) -> Self {
        let (news, waiting) = unbounded_channel();
        Self {
            known: Mutex::new(Known { floor: newest, recent: BTreeSet::new() }),
            news,
            waiting: Mutex::new(Some(waiting)),
        }
    }

    /// Something changed here.
    pub fn tell(&self, event: &Event) {
        self.is_new(event.id);
        // Nobody takes it in a command, which ends soon: the others find it when they look.
        let _ = self.news.send(event.clone());
    }

    /// Whether a change is heard of for the first time.
    pub fn is_new(&self, id: i64) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let new = id > known.floor && known.recent.insert(id);
        while known.recent.len() > REMEMBERED {
            known.floor = known.recent.pop_first().unwrap_or(known.floor);
        }
        new
    }

    /// The number after which a look into the table finds everything that may be new.
    pub fn look_after(&self) -> i64 {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.recent.last().map_or(known.floor, |newest| known.floor.max(newest - LOOK_BACK))
    }

    /// What is to be told to the others; whoever asks first has it.
    pub fn take_news(&self) -> Option<UnboundedReceiver<Event>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_new_once_also_when_a_lower_number_comes_later() {
        let neighbours = Neighbours::new(10);
        assert!(!neighbours.is_new(10));
        assert!(neighbours.is_new(13));
        assert!(neighbours.is_new(12));
        assert!(!neighbours.is_new(13));
        assert_eq!(neighbours.look_after(), 10);
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_is_not_new_again() {
        let neighbours = Neighbours::new(0);
        for id in 1..=10_000 {
            assert!(neighbours.is_new(id));
        }
        assert!(!neighbours.is_new(1));
        assert_eq!(neighbours.look_after(), 10_000 - LOOK_BACK);
        assert!(neighbours.known.lock().unwrap().recent.len() <= REMEMBERED);
    }

    #[test]
    fn a_full_call_fits_into_a_notification() {
        let change = (i64::MAX, IncidentId::new(Uuid::max()), "chronology".to_owned());
        let call = Call { node: Uuid::max(), changes: vec![change; IN_ONE_CALL] };
        let text = serde_json::to_string(&call).unwrap();
        assert!(text.len() < 8000, "{}", text.len());
    }
}
