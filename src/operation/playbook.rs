//! Importing playbooks: a new version, or nothing.

use std::collections::BTreeMap;

use noroshi_core::{
    playbook::difference::{Change, difference},
    problem::{Position, Problem, Severity},
    rights::Action,
    text::Text,
};
use sha2::{Digest, Sha256};

use super::{OperationError, Work};
use crate::store::{self, to_json};

/// What an import did, or would do.
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
    /// Number of the version that was in force before, where there was one.
    pub former: Option<i32>,
    /// What is not as in that version, in the playbook's own terms.
    pub changes: Vec<Change>,
    /// Warnings that were left.
    pub problems: Vec<Problem>,
}

/// Why several files were not taken.
#[derive(Debug)]
pub enum Refusal {
    /// Files with errors: the place in the list, and everything that is wrong.
    Files(Vec<(usize, Vec<Problem>)>),
    /// Something else kept them out.
    Operation(OperationError),
}

impl<E: Into<OperationError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Operation(error.into())
    }
}

/// Takes a playbook in. It is checked against the directory in force; with errors, nothing changes.
pub async fn import(work: Work<'_>, source: &[u8]) -> Result<Imported, OperationError> {
    take(work, source, true).await
}

/// Says what an import would do, and does nothing.
pub async fn look(work: Work<'_>, source: &[u8]) -> Result<Imported, OperationError> {
    take(work, source, false).await
}

async fn take(work: Work<'_>, source: &[u8], for_good: bool) -> Result<Imported, OperationError> {
    match import_all(work, &[source], for_good).await {
        Ok(mut done) => Ok(done.remove(0)),
        Err(Refusal::Files(mut broken)) => Err(OperationError::Problems(broken.remove(0).1)),
        Err(Refusal::Operation(error)) => Err(error),
    }
}

/// Takes several playbooks in, all of them or none.
///
/// - `for_good`: otherwise it only says what would change.
pub async fn import_all(work: Work<'_>, sources: &[&[u8]], for_good: bool) -> Result<Vec<Imported>, Refusal> {
    work.actor.must(Action::ImportPlaybook, "import a playbook")?;
    let directory = match store::directory::latest(&work.tx).await? {
        Some(row) => Some(work.app.library.directory(&work.tx, row.id).await?),
        None => None,
    };
    let (mut read, mut broken) = (Vec::new(), Vec::new());
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    for (place, source) in sources.iter().enumerate() {
        let (playbook, problems) = noroshi_core::playbook::read(source, directory.as_deref());
        match playbook {
            None => {
                let errors = problems.into_iter().filter(|problem| problem.severity == Severity::Error);
                broken.push((place, errors.collect()));
            }
            Some(playbook) => match keys.insert(playbook.key.clone(), place) {
                Some(_) => broken.push((place, vec![twice(&playbook.key)])),
                None => read.push((playbook, problems, *source)),
            },
        }
    }
    if !broken.is_empty() {
        return Err(Refusal::Files(broken));
    }
    let mut done = Vec::with_capacity(read.len());
    for (playbook, problems, source) in read {
        let sha256 = hash(source);
        let former = store::playbook::latest(&work.tx, &playbook.key).await?;
        let changed = former.as_ref().is_none_or(|former| former.sha256 != sha256);
        let number = former.as_ref().map_or(0, |former| former.number) + i32::from(changed);
        let changes = match &former {
            Some(former) if changed => difference(former.source.as_bytes(), source),
            _ => Vec::new(),
        };
        if changed && for_good {
            let row = entity::playbook_version::Model {
                id: work.app.chance.uuid(work.now),
                key: playbook.key.clone(),
                number,
                version: playbook.version.clone(),
                sha256: sha256.clone(),
                source: String::from_utf8_lossy(source).into_owned(),
                title: to_json(&playbook.title),
                imported_at_ms: work.now.0,
                imported_by: work.actor.id.clone(),
                imported_by_name: work.actor.name.clone(),
            };
            store::playbook::put(&work.tx, row).await?;
        }
        done.push(Imported {
            key: playbook.key,
            version: playbook.version,
            number,
            sha256,
            changed,
            former: former.map(|former| former.number),
            changes,
            problems,
        });
    }
    if for_good && done.iter().any(|one| one.changed) {
        work.commit().await?;
    }
    Ok(done)
}

/// Two files of one import with the same key: one of them would be lost.
fn twice(key: &str) -> Problem {
    Problem {
        code: "R02",
        severity: Severity::Error,
        at: Position { line: 1, column: 1 },
        path: "metadata.key".into(),
        detail: Text::both(
            format!("手順書 {key} が、この取り込みの中に2つあります。"),
            format!("The playbook {key} is in this import twice."),
        ),
        help: Text::both(
            "どちらかを除くか、metadata.key を変えてください。",
            "Leave one of them out, or change its metadata.key.",
        ),
    }
}

/// SHA-256 in hexadecimal digits.
pub fn hash(source: &[u8]) -> String {
    Sha256::digest(source).iter().map(|byte| format!("{byte:02x}")).collect()
}
