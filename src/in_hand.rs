//! Which letters this process has in hand, from their claim until their outcome is on disk.
//!
//! Only their leases are renewed. What a process has leased and does not know of (the answer to its claim was lost) or
//! lets go for whatever reason comes back into the outbox when its lease ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

/// The letters in hand, each as often as it is held: a lease may end while a sender still sends, and begin anew.
#[derive(Debug, Default)]
pub struct InHand(Mutex<BTreeMap<Uuid, usize>>);

/// A letter in hand; let go when it is dropped.
#[derive(Debug)]
pub struct Held {
    all: Arc<InHand>,
    id: Uuid,
}

impl InHand {
    /// Takes a letter into the hand.
    pub fn take(self: &Arc<Self>, id: Uuid) -> Held {
        *self.all().entry(id).or_default() += 1;
        Held { all: Arc::clone(self), id }
    }

    /// All of them.
    pub fn ids(&self) -> Vec<Uuid> {
        self.all().keys().copied().collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Uuid, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = self.all.all();
        match all.get_mut(&self.id) {
            Some(times) if *times > 1 => *times -= 1,
            _ => drop(all.remove(&self.id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_in_hand_until_nobody_holds_it_any_more() {
        let (hand, id) = (Arc::new(InHand::default()), Uuid::from_u128(1));
        let first = hand.take(id);
        let again = hand.take(id);
        drop(first);
        assert_eq!(hand.ids(), [id]);
        drop(again);
        assert!(hand.ids().is_empty());
    }
}
