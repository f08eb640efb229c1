//! The recipients that one transaction has locked: each is changed in memory, as often as needed, and all of them are
//! written together.

use std::collections::{BTreeMap, BTreeSet};

use entity::recipient;
use noroshi_core::{alert::Rule, ladder::Input};
use uuid::Uuid;

use super::{OperationError, Work, alert::decide, scene::Scene};
use crate::store;

/// Locked rows by their ids. What was changed is lost without [`Recipients::save`].
#[derive(Debug, Default)]
pub(super) struct Recipients {
    rows: BTreeMap<Uuid, recipient::Model>,
    changed: BTreeSet<Uuid>,
}

impl Recipients {
    /// Locks these recipients, in the order of their ids.
    pub(super) async fn lock(work: &Work<'_>, ids: Vec<Uuid>) -> Result<Self, OperationError> {
        let rows = store::recipient::lock(&work.tx, ids).await?;
        Ok(Self { rows: rows.into_iter().map(|row| (row.id, row)).collect(), changed: BTreeSet::new() })
    }

    /// One of them, as it stands now.
    pub(super) fn get(&self, id: Uuid) -> Option<&recipient::Model> {
        self.rows.get(&id)
    }

    /// All of them, as they stand now.
    pub(super) fn into_rows(self) -> BTreeMap<Uuid, recipient::Model> {
        self.rows
    }

    /// Takes one input for one of them: asks the core and performs the effects. Returns whether anything changed.
    pub(super) async fn step(
        &mut self,
        work: &mut Work<'_>,
        scene: &Scene,
        rule: &Rule,
        id: Uuid,
        input: &Input,
    ) -> Result<bool, OperationError> {
        let Some(row) = self.rows.get_mut(&id) else { return Ok(false) };
        let changed = decide(work, scene, rule, row, input).await?;
        if changed {
            self.changed.insert(id);
        }
        Ok(changed)
    }

    /// Takes a row that was changed elsewhere in this transaction, and not written.
    pub(super) fn put(&mut self, row: recipient::Model) {
        self.changed.insert(row.id);
        self.rows.insert(row.id, row);
    }

    /// Writes what has changed since it was written last. Queries over recipients in this transaction come after it.
    pub(super) async fn save(&mut self, work: &Work<'_>) -> Result<(), OperationError> {
        let changed = std::mem::take(&mut self.changed);
        let rows = self.rows.values_mut().filter(|row| changed.contains(&row.id));
        Ok(store::recipient::save_all(&work.tx, rows.collect()).await?)
    }
}
