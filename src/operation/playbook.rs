//! Importing playbooks: a new version, or nothing.

use std::{collections::BTreeMap, path::Path};

use noroshi_core::{
    playbook::{
        Neighbour, Site,
        difference::{Change, difference},
    },
    problem::{Position, Problem, Severity},
    rights::Action,
    text::Text,
};
use sea_orm::ConnectionTrait;
use sha2::{Digest, Sha256};

use super::{OperationError, Work};
use crate::{
    app::{App, BrokenFile},
    attachment::{self, Document},
    store::{self, to_json},
};

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

/// A file that is to be taken in.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    /// Its content.
    pub text: &'s [u8],
    /// Where its documents lie; `None` takes those of the version in force along.
    pub folder: Option<&'s Path>,
}

/// Takes a playbook in. It is checked against the directory in force; with errors, nothing changes.
///
/// - `folder`: where its documents lie; `None` takes those of the version in force along.
pub async fn import(work: Work<'_>, text: &[u8], folder: Option<&Path>) -> Result<Imported, OperationError> {
    take(work, Source { text, folder }, true).await
}

/// The files that were refused and whose key no good file has come in for since; with each, whether a good version of
/// its key is in force.
pub async fn broken_files(
    app: &App,
    db: &impl ConnectionTrait,
) -> Result<Vec<(BrokenFile, bool)>, OperationError> {
    let broken = app.troubles.files();
    if broken.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let latest = store::playbook::all_latest(db).await?;
    for broken in broken {
        let good = latest.iter().find(|row| Some(&row.key) == broken.key.as_ref());
        // Another node may have taken it in.
        if good.is_none_or(|row| row.imported_at_ms <= broken.found_at.0) {
            found.push((broken, good.is_some()));
        }
    }
    Ok(found)
}

/// Says what an import would do, and does nothing.
pub async fn look(work: Work<'_>, text: &[u8]) -> Result<Imported, OperationError> {
    take(work, Source { text, folder: None }, false).await
}

async fn take(work: Work<'_>, source: Source<'_>, for_good: bool) -> Result<Imported, OperationError> {
    match import_all(work, &[source], for_good).await {
        Ok(mut done) => Ok(done.remove(0)),
        Err(Refusal::Files(mut broken)) => Err(OperationError::Problems(broken.remove(0).1)),
        Err(Refusal::Operation(error)) => Err(error),
    }
}

/// Takes several playbooks in, all of them or none.
///
/// - `for_good`: otherwise it only says what would change.
pub async fn import_all(
    work: Work<'_>,
    sources: &[Source<'_>],
    for_good: bool,
) -> Result<Vec<Imported>, Refusal> {
    work.actor.must(Action::ImportPlaybook, "import a playbook")?;
    let directory = match store::directory::latest(&work.tx).await? {
        Some(row) => Some(work.app.library.directory(&work.tx, row.id).await?),
        None => None,
    };
    let neighbours = neighbours(&work).await?;
    let site = Site { directory: directory.as_deref(), at: Some(work.now), neighbours: Some(&neighbours) };
    let (mut read, mut broken) = (Vec::new(), Vec::new());
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    for (place, source) in sources.iter().enumerate() {
        let (playbook, problems) = noroshi_core::playbook::check(source.text, &site);
        let Some(playbook) = playbook else {
            let errors = problems.into_iter().filter(|problem| problem.severity == Severity::Error);
            broken.push((place, errors.collect()));
            continue;
        };
        if keys.insert(playbook.key.clone(), place).is_some() {
            broken.push((place, vec![twice(&playbook.key)]));
            continue;
        }
        let former = store::playbook::latest(&work.tx, &playbook.key).await?;
        let known = match &former {
            Some(former) => store::attachment::of_version(&work.tx, former.id).await?,
            None => Vec::new(),
        };
        match attachment::gather(&playbook, source.folder, &known) {
            Ok(documents) => read.push((playbook, problems, source.text, former, documents)),
            Err(missing) => broken.push((place, missing)),
        }
    }
    if !broken.is_empty() {
        return Err(Refusal::Files(broken));
    }
    let mut done = Vec::with_capacity(read.len());
    for (playbook, problems, source, former, documents) in read {
        let sha256 = content_hash(source, &documents);
        let changed = former.as_ref().is_none_or(|former| former.sha256 != sha256);
        let number = former.as_ref().map_or(0, |former| former.number) + i32::from(changed);
        let changes = match &former {
            Some(former) if changed => difference(former.source.as_bytes(), source),
            _ => Vec::new(),
        };
        if changed && for_good {
            let id = work.app.chance.uuid(work.now);
            let row = entity::playbook_version::Model {
                id,
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
            let rows = documents.into_iter().map(|document| entity::attachment::Model {
                playbook_version_id: id,
                name: document.name,
                media_type: document.media_type.to_owned(),
                sha256: hash(&document.bytes),
                bytes: document.bytes,
            });
            store::attachment::put(&work.tx, rows.collect()).await?;
            super::schedule::set(&work, &playbook).await?;
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
    let app = work.app;
    if for_good && done.iter().any(|one| one.changed) {
        work.commit().await?;
    }
    if for_good {
        done.iter().for_each(|one| app.troubles.mended(&one.key));
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
