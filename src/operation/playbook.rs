//! Importing playbooks: a new version, or nothing.

use std::path::Path;

use noroshi_core::{
    playbook::{Neighbour, Site},
    problem::{Problem, Severity},
    rights::Action,
};
use sha2::{Digest, Sha256};

use super::{OperationError, Work};
use crate::{
    attachment::{self, Document},
    store::{self, to_json},
};

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
///
/// - `folder`: where its documents lie; `None` takes those of the version in force along.
pub async fn import(
    work: Work<'_>,
    source: &[u8],
    folder: Option<&Path>,
) -> Result<Imported, OperationError> {
    work.actor.must(Action::ImportPlaybook, "import a playbook")?;
    let directory = match store::directory::latest(&work.tx).await? {
        Some(row) => Some(work.app.library.directory(&work.tx, row.id).await?),
        None => None,
    };
    let neighbours = neighbours(&work).await?;
    let site = Site { directory: directory.as_deref(), at: Some(work.now), neighbours: Some(&neighbours) };
    let (playbook, problems) = noroshi_core::playbook::check(source, &site);
    let Some(playbook) = playbook else {
        return Err(OperationError::Problems(
            problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect(),
        ));
    };
    let former = store::playbook::latest(&work.tx, &playbook.key).await?;
    let known = match &former {
        Some(former) => store::attachment::of_version(&work.tx, former.id).await?,
        None => Vec::new(),
    };
    let documents = attachment::gather(&playbook, folder, &known).map_err(OperationError::Problems)?;
    let sha256 = content_hash(source, &documents);
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
    let id = work.app.chance.uuid(work.now);
    store::playbook::put(
        &work.tx,
        entity::playbook_version::Model {
            id,
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
    let rows = documents.into_iter().map(|document| entity::attachment::Model {
        playbook_version_id: id,
        name: document.name,
        media_type: document.media_type.to_owned(),
        sha256: hash(&document.bytes),
        bytes: document.bytes,
    });
    store::attachment::put(&work.tx, rows.collect()).await?;
    work.commit().await?;
    Ok(Imported { key: playbook.key, version: playbook.version, number, sha256, changed: true, problems })
}

/// The playbooks in force, the former version of the one that comes in among them.
async fn neighbours(work: &Work<'_>) -> Result<Vec<Neighbour>, OperationError> {
    let rows = store::playbook::all_latest(&work.tx).await?;
    Ok(rows.iter().filter_map(|row| Neighbour::read(row.source.as_bytes())).collect())
}

/// The hash of a version: of its file, and of its documents where it has any.
fn content_hash(source: &[u8], documents: &[Document]) -> String {
    if documents.is_empty() {
        return hash(source);
    }
    let parts = documents.iter().map(|document| format!("{} {}\n", hash(&document.bytes), document.name));
    hash(format!("{}\n{}", hash(source), parts.collect::<String>()).as_bytes())
}

/// SHA-256 in hexadecimal digits.
pub fn hash(source: &[u8]) -> String {
    Sha256::digest(source).iter().map(|byte| format!("{byte:02x}")).collect()
}
