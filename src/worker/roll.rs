//! Which nodes come and go, for the log, as this one sees them.

use std::collections::BTreeMap;

use tracing::{info, warn};
use uuid::Uuid;

use crate::operation::node::{NodeState, Seen};

/// The other nodes, as the last call found them.
#[derive(Debug, Default)]
pub(super) struct Roll {
    known: BTreeMap<Uuid, NodeState>,
}

/// What has happened to another node since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Here,
    FellSilent,
    Back,
    Left,
}

impl Roll {
    /// Calls the roll and says what has changed since the last time; the first call says who is there.
    pub(super) fn call(&mut self, seen: &[Seen]) {
        let others: BTreeMap<Uuid, NodeState> =
            seen.iter().filter(|node| !node.here).map(|node| (node.id, node.state)).collect();
        for (node, change) in changes(&self.known, &others) {
            match change {
                Change::Here => info!(%node, "Another node is here"),
                Change::FellSilent => {
                    warn!(%node, "Another node fell silent; what it had in hand goes to the others");
                }
                Change::Back => info!(%node, "Another node is heard again"),
                Change::Left => info!(%node, "Another node has left"),
            }
        }
        self.known = others;
    }
}

/// A silent node whose row goes has not left: it was forgotten, or is there again as another.
fn changes(before: &BTreeMap<Uuid, NodeState>, now: &BTreeMap<Uuid, NodeState>) -> Vec<(Uuid, Change)> {
    let silent = |state: &NodeState| *state == NodeState::Silent;
    let here = now.iter().filter_map(|(node, state)| {
        let change = match (before.get(node).map(silent), silent(state)) {
            (None, false) => Change::Here,
            (Some(false), true) => Change::FellSilent,
            (Some(true), false) => Change::Back,
            _ => return None,
        };
        Some((*node, change))
    });
    let gone = before.iter().filter(|(node, state)| !now.contains_key(node) && !silent(state));
    here.chain(gone.map(|(node, _)| (*node, Change::Left))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use NodeState::{Draining, Serving, Silent};

    #[test]
    fn each_change_of_another_node_is_told_once() {
        let told = |before: Option<NodeState>, now: Option<NodeState>| {
            let roll =
                |state: Option<NodeState>| state.map(|state| (Uuid::nil(), state)).into_iter().collect();
            changes(&roll(before), &roll(now)).pop().map(|(_, change)| change)
        };
        assert_eq!(told(None, Some(Serving)), Some(Change::Here));
        assert_eq!(told(Some(Serving), Some(Silent)), Some(Change::FellSilent));
        assert_eq!(told(Some(Silent), Some(Serving)), Some(Change::Back));
        assert_eq!(told(Some(Draining), None), Some(Change::Left));
        for (before, now) in [(Serving, Some(Serving)), (Serving, Some(Draining)), (Silent, None)] {
            assert_eq!(told(Some(before), now), None, "{before:?} {now:?}");
        }
        assert_eq!(told(None, Some(Silent)), None, "it was lost before this one came");
    }
}
