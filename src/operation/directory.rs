//! Importing the directory: a new version, or nothing.

use noroshi_core::{
    directory::Directory,
    problem::{Problem, Severity},
    rights::Action,
};

use super::{OperationError, Work, playbook::hash};
use crate::store;

/// What an import changes, by the directory's own keys (`agency:hosp_a`, `person:p_sato`, `roster.eoc_duty` …).
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Changes {
    /// New ones.
    pub added: Vec<String>,
    /// Others than before.
    pub changed: Vec<String>,
    /// No longer there.
    pub removed: Vec<String>,
}

/// Takes a directory in, or, with `dry_run`, says what would change.
pub async fn import(
    work: Work<'_>,
    source: &[u8],
    dry_run: bool,
) -> Result<(Changes, Vec<Problem>), OperationError> {
    work.actor.must(Action::EditDirectory, "import the directory")?;
    let (directory, problems) = noroshi_core::directory::read(source);
    let Some(directory) = directory else {
        return Err(OperationError::Problems(
            problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect(),
        ));
    };
    let former = store::directory::latest(&work.tx).await?;
    let before = match &former {
        Some(row) => Some(work.app.library.directory(&work.tx, row.id).await?),
        None => None,
    };
    let changes = compare(before.as_deref(), &directory);
    let sha256 = hash(source);
    if dry_run || former.as_ref().is_some_and(|former| former.sha256 == sha256) {
        return Ok((changes, problems));
    }
    store::directory::put(
        &work.tx,
        entity::directory_version::Model {
            id: work.app.chance.uuid(work.now),
            number: former.map_or(0, |former| former.number) + 1,
            key: directory.key,
            sha256,
            source: String::from_utf8_lossy(source).into_owned(),
            imported_at_ms: work.now.0,
            imported_by: work.actor.id.clone(),
        },
    )
    .await?;
    work.commit().await?;
    Ok((changes, problems))
}

fn compare(before: Option<&Directory>, after: &Directory) -> Changes {
    let mut changes = Changes::default();
    macro_rules! kind {
        ($prefix:literal, $field:ident) => {
            let empty = Default::default();
            let old = before.map_or(&empty, |directory| &directory.$field);
            for (key, value) in &after.$field {
                match old.get(key) {
                    None => changes.added.push(format!("{}{key}", $prefix)),
                    Some(former) if former != value => changes.changed.push(format!("{}{key}", $prefix)),
                    Some(_) => {}
                }
            }
            changes.removed.extend(
                old.keys()
                    .filter(|key| !after.$field.contains_key(*key))
                    .map(|key| format!("{}{key}", $prefix)),
            );
        };
    }
    kind!("agency:", agencies);
    kind!("person:", people);
    kind!("roster.", rosters);
    kind!("transport:", transports);
    changes
}

/// Somebody has looked into a contact's marks (wrong address, refused): they are taken off.
pub async fn clear_marks(work: Work<'_>, contact: &str) -> Result<(), OperationError> {
    work.actor.must(Action::EditDirectory, "clear an address mark")?;
    store::directory::clear_marks(&work.tx, contact).await?;
    work.commit().await
}
