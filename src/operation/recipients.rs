//! The recipients that one transaction has to itself: each is changed in memory, as often as needed, and all of them are
//! written together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use entity::recipient;
use noroshi_core::{alert::Rule, ladder::Input};
use uuid::Uuid;

use super::{OperationError, Work, alert::decide, scene::Scene};
use crate::store;

/// No row is of this version.
const UNREAD: i32 = -1;

/// Their rows by their ids. What was changed is lost without [`Recipients::save`].
#[derive(Debug, Default)]
pub(super) struct Recipients {
    rows: BTreeMap<Uuid, Arc<recipient::Model>>,
    /// Those that were changed, as the database has them.
    stored: BTreeMap<Uuid, Arc<recipient::Model>>,
}

impl Recipients {
    /// Locks these recipients, in the order of their ids.
    pub(super) async fn lock(work: &Work<'_>, ids: Vec<Uuid>) -> Result<Self, OperationError> {
        let rows = store::recipient::lock(&work.tx, ids).await?;
        Ok(Self {
            rows: rows.into_iter().map(|row| (row.id, Arc::new(row))).collect(),
            stored: BTreeMap::new(),
        })
    }

    /// Recipients of incidents that this work has entered, so that nobody else changes them; some are `known` as they
    /// stood a moment ago, and only whoever has changed since is read.
    pub(super) async fn read(
        work: &Work<'_>,
        ids: BTreeSet<Uuid>,
        known: Vec<Arc<recipient::Model>>,
    ) -> Result<Self, OperationError> {
        let known = known.into_iter().filter(|row| ids.contains(&row.id));
        let mut rows: BTreeMap<Uuid, Arc<recipient::Model>> = known.map(|row| (row.id, row)).collect();
        let version = |id| (id, rows.get(&id).map_or(UNREAD, |row| row.version));
        let versions = ids.into_iter().map(version).collect();
        let changed = store::recipient::changed(&work.tx, versions).await?;
        rows.extend(changed.into_iter().map(|row| (row.id, Arc::new(row))));
        Ok(Self { rows, stored: BTreeMap::new() })
    }

    /// One of them, as it stands now.
    pub(super) fn get(&self, id: Uuid) -> Option<&recipient::Model> {
        self.rows.get(&id).map(|row| &**row)
    }

    /// All of them, as they stand now.
    pub(super) fn into_rows(self) -> BTreeMap<Uuid, Arc<recipient::Model>> {
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
        let before = Arc::clone(row);
        let changed = decide(work, scene, rule, Arc::make_mut(row), input).await?;
        if changed {
            self.stored.entry(id).or_insert(before);
        }
        Ok(changed)
    }

    /// Takes one of them back that was changed elsewhere in this transaction, and not written.
    pub(super) fn put(&mut self, row: recipient::Model) {
        let id = row.id;
        if let Some(before) = self.rows.insert(id, Arc::new(row)) {
            self.stored.entry(id).or_insert(before);
        }
    }

    /// Writes what has changed since it was written last. Queries over recipients in this transaction come after it.
    pub(super) async fn save(&mut self, work: &Work<'_>) -> Result<(), OperationError> {
        let stored = std::mem::take(&mut self.stored);
        let rows =
            self.rows.values_mut().filter_map(|row| Some((&**stored.get(&row.id)?, Arc::make_mut(row))));
        Ok(store::recipient::save_all(&work.tx, rows.collect()).await?)
    }
}
