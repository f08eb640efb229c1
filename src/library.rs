//! Playbooks, directories and the rules of alerts as the core reads them, each parsed once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use noroshi_core::{
    alert::Rule,
    directory::{Cover, Directory, search::Index},
    id::AlertId,
    playbook::Playbook,
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::store::{self, StoreError};

/// So many rules of alerts are kept; an alert may stand open for days, and few are spoken of at the same time.
const RULES: usize = 64;

/// Versions never change, nor does the rule that an alert was raised by, so what was read once stays right.
#[derive(Debug, Default)]
pub struct Library {
    playbooks: Mutex<HashMap<Uuid, Arc<Playbook>>>,
    directories: Mutex<HashMap<Uuid, Arc<Directory>>>,
    /// For searching the version in force; an older one is never searched.
    index: Mutex<Option<(Uuid, Arc<Index>)>>,
    /// With the covers that it was last asked for with.
    covered: Mutex<HashMap<Uuid, Arc<Directory>>>,
    rules: Mutex<HashMap<Uuid, Arc<Rule>>>,
}

impl Library {
    /// The playbook of a version. It was checked when it was imported.
    pub async fn playbook(
        &self,
        db: &impl ConnectionTrait,
        version: Uuid,
    ) -> Result<Arc<Playbook>, StoreError> {
        if let Some(known) = self.playbooks.lock().unwrap_or_else(PoisonError::into_inner).get(&version) {
            return Ok(Arc::clone(known));
        }
        let row = store::playbook::version(db, version).await?;
        let playbook = noroshi_core::playbook::read_checked(row.source.as_bytes());
        let playbook = Arc::new(playbook.ok_or_else(|| corrupt("playbook version", version))?);
        self.playbooks.lock().unwrap_or_else(PoisonError::into_inner).insert(version, Arc::clone(&playbook));
        Ok(playbook)
    }

    /// The rule that an alert was raised by.
    pub async fn rule(&self, db: &impl ConnectionTrait, alert: Uuid) -> Result<Arc<Rule>, StoreError> {
        if let Some(known) = self.rules.lock().unwrap_or_else(PoisonError::into_inner).get(&alert) {
            return Ok(Arc::clone(known));
        }
        let row = store::alert::get(db, AlertId::new(alert)).await?;
        let rule = Arc::new(store::alert::rule(&row)?);
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if rules.len() >= RULES {
            rules.clear();
        }
        rules.insert(alert, Arc::clone(&rule));
        Ok(rule)
    }

    /// The directory of a version, with the covers that stand: who is on duty is asked of it.
    pub async fn directory(
        &self,
        db: &impl ConnectionTrait,
        version: Uuid,
    ) -> Result<Arc<Directory>, StoreError> {
        let plain = self.plain_directory(db, version).await?;
        let covers: Vec<Cover> = store::cover::standing(db).await?.iter().map(store::cover::cover).collect();
        if covers.is_empty() {
            return Ok(plain);
        }
        let mut covered = self.covered.lock().unwrap_or_else(PoisonError::into_inner);
        match covered.get(&version) {
            Some(known) if known.covers == covers => Ok(Arc::clone(known)),
            _ => {
                let directory = Arc::new(Directory { covers, ..(*plain).clone() });
                covered.insert(version, Arc::clone(&directory));
                Ok(directory)
            }
        }
    }

    /// The directory in force and its version; `None` before the first one was brought in.
    pub async fn in_force(
        &self,
        db: &impl ConnectionTrait,
    ) -> Result<Option<(Uuid, Arc<Directory>)>, StoreError> {
        match store::directory::latest_id(db).await? {
            Some(version) => Ok(Some((version, self.directory(db, version).await?))),
            None => Ok(None),
        }
    }

    /// The directory of a version as its file says.
    async fn plain_directory(
        &self,
        db: &impl ConnectionTrait,
        version: Uuid,
    ) -> Result<Arc<Directory>, StoreError> {
        if let Some(known) = self.directories.lock().unwrap_or_else(PoisonError::into_inner).get(&version) {
            return Ok(Arc::clone(known));
        }
        let row = store::directory::version(db, version).await?;
        let (directory, _) = noroshi_core::directory::read(row.source.as_bytes());
        let directory = Arc::new(directory.ok_or_else(|| corrupt("directory version", version))?);
        self.directories
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(version, Arc::clone(&directory));
        Ok(directory)
    }

    /// A directory folded for searching, once for each version that comes into force.
    pub async fn index(&self, db: &impl ConnectionTrait, version: Uuid) -> Result<Arc<Index>, StoreError> {
        if let Some((known, index)) = &*self.index.lock().unwrap_or_else(PoisonError::into_inner)
            && *known == version
        {
            return Ok(Arc::clone(index));
        }
        let index = Arc::new(Index::of(&*self.directory(db, version).await?));
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, Arc::clone(&index)));
        Ok(index)
    }
}

fn corrupt(what: &'static str, id: Uuid) -> StoreError {
    StoreError::Corrupt {
        what,
        id: id.to_string(),
        found: "a file that this version of Noroshi refuses".to_owned(),
    }
}
