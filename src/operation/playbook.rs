//! Importing playbooks: a new version, or nothing.

use noroshi_core::{
    problem::{Problem, Severity},
    rights::Action,
};
use sha2::{Digest, Sha256};

use super::{OperationError, Work};
use crate::store::{self, to_json};

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The playbook's key.
    pub key: String,
    /// The author's label.
    pub version: String,
    /// Number of the version that is now in force.
    pub number: i32,
    /// Hash of its content.
    pub sha256: String,
    /// Whether the content was new.
    pub changed: bool,
    /// Warnings that were left.
    pub problems: Vec<Problem>,
}

/// Takes a playbook in. It is checked against the directory in force; with errors, nothing changes.
pub async fn import(work: Work<'_>, source: &[u8]) -> Result<Imported, OperationError> {
    work.actor.must(Action::ImportPlaybook, "import a playbook")?;
    let directory = match store::directory::latest(&work.tx).await? {
        Some(row) => Some(work.app.library.directory(&work.tx, row.id).await?),
        None => None,
    };
    let (playbook, problems) = noroshi_core::playbook::read(source, directory.as_deref());
    let Some(playbook) = playbook else {
        return Err(OperationError::Problems(
            problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect(),
        ));
    };
    let sha256 = hash(source);
    let former = store::playbook::latest(&work.tx, &playbook.key).await?;
    if let Some(former) = former.as_ref().filter(|former| former.sha256 == sha256) {
        return Ok(Imported {
            key: playbook.key,
            version: former.version.clone(),
            number: former.number,
            sha256,
            changed: false,
            problems,
        });
    }
    let number = former.map_or(0, |former| former.number) + 1;
    store::playbook::put(
        &work.tx,
        entity::playbook_version::Model {
            id: work.app.chance.uuid(work.now),
            key: playbook.key.clone(),
            number,
            version: playbook.version.clone(),
            sha256: sha256.clone(),
            source: String::from_utf8_lossy(source).into_owned(),
            title: to_json(&playbook.title),
            imported_at_ms: work.now.0,
            imported_by: work.actor.id.clone(),
        },
    )
    .await?;
    super::schedule::set(&work, &playbook).await?;
    work.commit().await?;
    Ok(Imported { key: playbook.key, version: playbook.version, number, sha256, changed: true, problems })
}

/// SHA-256 in hexadecimal digits.
pub fn hash(source: &[u8]) -> String {
    Sha256::digest(source).iter().map(|byte| format!("{byte:02x}")).collect()
}
