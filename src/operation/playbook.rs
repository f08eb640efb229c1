//! Importing playbooks: a new version, or nothing.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use noroshi_core::{
    directory::Directory,
    playbook::{
        Neighbour, Playbook, Site,
        difference::{Change, difference},
    },
    problem::{Position, Problem, Severity},
    rights::Action,
    text::Text,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;
use sha2::{Digest, Sha256};

use super::{OperationError, Work};
use crate::{
    app::{App, BrokenFile},
    attachment::{self, Document, Known},
    store::{self, StoreError, to_json},
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
    /// Whether it may come in before there is any directory to satisfy its `requires`: the folder of the first start
    /// may, and the directory's import then tells what is missing.
    pub may_wait: bool,
}

/// Takes a playbook in. It is checked against the directory in force; with errors, nothing changes.
///
/// - `folder`: where its documents lie; `None` takes those of the version in force along.
pub async fn import(work: Work<'_>, text: &[u8], folder: Option<&Path>) -> Result<Imported, OperationError> {
    take(work, Source { text, folder, may_wait: false }, true).await
}

/// Takes a playbook of the folder in, as [`import`] does; before there is a directory too.
pub async fn import_at_start(work: Work<'_>, text: &[u8], folder: &Path) -> Result<Imported, OperationError> {
    take(work, Source { text, folder: Some(folder), may_wait: true }, true).await
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
    take(work, Source { text, folder: None, may_wait: false }, false).await
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
    let in_force = InForce::read(work.app, &work.tx).await?;
    let coming: Vec<_> = sources.iter().map(|source| Neighbour::read(source.text)).collect();
    let (mut read, mut broken) = (Vec::new(), Vec::new());
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    for (place, source) in sources.iter().enumerate() {
        let neighbours = in_force.beside(&coming, place);
        let (playbook, problems) = in_force.check(source.text, &neighbours, work.now);
        let Some(playbook) = playbook else {
            let errors = problems.into_iter().filter(|problem| problem.severity == Severity::Error);
            broken.push((place, errors.collect()));
            continue;
        };
        if keys.insert(playbook.key.clone(), place).is_some() {
            broken.push((place, vec![twice(&playbook.key)]));
            continue;
        }
        let waits = in_force.directory.is_none() && !source.may_wait;
        if let Some(problem) = waits.then(|| without_directory(&playbook)).flatten() {
            broken.push((place, vec![problem]));
            continue;
        }
        let former = store::playbook::latest(&work.tx, &playbook.key).await?;
        let known = match &former {
            Some(former) => store::attachment::of_version(&work.tx, former.id).await?,
            None => Vec::new(),
        };
        match attachment::gather(&playbook, source.folder, &known) {
            Ok(documents) => read.push((playbook, problems, source.text, former.zip(Some(known)), documents)),
            Err(missing) => broken.push((place, missing)),
        }
    }
    if !broken.is_empty() {
        return Err(Refusal::Files(broken));
    }
    let mut done = Vec::with_capacity(read.len());
    for (playbook, problems, source, former, documents) in read {
        let sha256 = content_hash(source, &documents);
        let changed = former.as_ref().is_none_or(|(former, _)| former.sha256 != sha256);
        let number = former.as_ref().map_or(0, |(former, _)| former.number) + i32::from(changed);
        let changes = match &former {
            Some((former, known)) if changed => {
                let before: Vec<_> = known.iter().map(Known::of_row).collect();
                let after: Vec<_> =
                    documents.iter().map(|it| Known::of_document(it, hash(&it.bytes))).collect();
                let mut changes = difference(former.source.as_bytes(), source);
                changes.extend(attachment::changes(&playbook, &before, &after));
                changes
            }
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
            former: former.map(|(former, _)| former.number),
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

/// What a playbook requires of a directory, where there is none yet; `None` where it requires nothing.
fn without_directory(playbook: &Playbook) -> Option<Problem> {
    let requires = playbook.requires.as_ref()?;
    let lists = [&requires.agencies, &requires.rosters, &requires.transports, &requires.role_accounts];
    let needed: Vec<&str> = lists.into_iter().flatten().map(String::as_str).collect();
    let line_of = |list| playbook.lines.of("requires", list);
    let line = ["agencies", "rosters", "transports", "role_accounts"]
        .into_iter()
        .filter_map(line_of)
        .min()
        .unwrap_or(1);
    (!needed.is_empty()).then(|| Problem {
        code: "R03",
        severity: Severity::Error,
        at: Position { line, column: 1 },
        path: "requires".into(),
        detail: Text::both(
            format!("台帳がまだありません。この手順書には次が必要です: {}", needed.join("、")),
            format!("There is no directory yet, and this playbook needs: {}.", needed.join(", ")),
        ),
        help: Text::both(
            "先に台帳を取り込んでください(noroshi directory import 台帳.yaml、または画面の「連絡先」)。",
            "Import the directory first (noroshi directory import directory.yaml, or the page Contacts).",
        ),
    })
}

/// What is not as in another version, in the playbook's own terms, its documents included.
pub async fn changes(
    app: &App,
    former: &entity::playbook_version::Model,
    later: &entity::playbook_version::Model,
) -> Result<Vec<Change>, StoreError> {
    let db = app.store.read();
    let mut changes = difference(former.source.as_bytes(), later.source.as_bytes());
    let playbook = app.library.playbook(db, later.id).await?;
    if playbook.alerts.iter().any(|alert| !alert.attach.is_empty()) {
        let [before, after] = [
            store::attachment::of_version(db, former.id).await?,
            store::attachment::of_version(db, later.id).await?,
        ]
        .map(|rows| rows.iter().map(Known::of_row).collect::<Vec<_>>());
        changes.extend(attachment::changes(&playbook, &before, &after));
    }
    Ok(changes)
}

/// What a playbook is checked against: the directory and the playbooks in force.
#[derive(Debug)]
pub struct InForce {
    /// The directory, where there is one.
    pub directory: Option<Arc<Directory>>,
    playbooks: Vec<Neighbour>,
}

impl InForce {
    /// Reads what is in force.
    pub async fn read(app: &App, db: &impl ConnectionTrait) -> Result<Self, StoreError> {
        let directory = app.library.in_force(db).await?.map(|(_, directory)| directory);
        let rows = store::playbook::all_latest(db).await?;
        let playbooks = rows.iter().filter_map(|row| Neighbour::read(row.source.as_bytes())).collect();
        Ok(Self { directory, playbooks })
    }

    /// What the checker says now about a version that was taken in. Its own other versions are not its neighbours.
    pub fn problems(&self, row: &entity::playbook_version::Model, now: Timestamp) -> Vec<Problem> {
        let others: Vec<Neighbour> =
            self.playbooks.iter().filter(|other| other.key() != row.key).cloned().collect();
        self.check(row.source.as_bytes(), &others, now).1
    }

    fn check(
        &self,
        source: &[u8],
        neighbours: &[Neighbour],
        now: Timestamp,
    ) -> (Option<Playbook>, Vec<Problem>) {
        let directory = self.directory.as_deref();
        let site = Site { directory, at: Some(now), neighbours: Some(neighbours) };
        noroshi_core::playbook::check(source, &site)
    }

    /// The neighbours of one of several files that come in together: its own former version, the other playbooks in
    /// force, and in the stead of those that are replaced the files before it.
    fn beside(&self, coming: &[Option<Neighbour>], place: usize) -> Vec<Neighbour> {
        let own = coming[place].as_ref().map(Neighbour::key);
        let is_own = |it: &&Neighbour| Some(it.key()) == own;
        let is_replaced = |it: &&Neighbour| coming.iter().flatten().any(|other| other.key() == it.key());
        let stay = self.playbooks.iter().filter(|it| is_own(it) || !is_replaced(it));
        let before = coming[..place].iter().flatten().filter(|it| !is_own(it));
        stay.chain(before).cloned().collect()
    }
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
