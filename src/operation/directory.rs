//! Importing the directory: looked at first, then a new version, or nothing.
//!
//! 1. [`plan`] reads the file (YAML, CSV, XLSX) beside any transaction, and says what would change and what is wrong.
//! 2. [`put`] makes it the directory in force, if that is still the one that was planned upon.
//! 3. On the pages there are two requests between: the plan waits as a draft ([`keep_draft`]).

use std::{collections::BTreeSet, sync::Arc};

use entity::{directory_draft, directory_version};
use noroshi_core::{
    directory::{
        Directory,
        difference::{Change, difference},
        import::import as from_sheets,
        read, tables, write,
    },
    id::IncidentId,
    problem::{Position, Problem, Severity},
    rights::Action,
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{Actor, OperationError, Work, playbook::hash, role, scene::Scene};
use crate::{app::App, spreadsheet, store};

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The whole directory.
    Yaml,
    /// A list of agencies or people: CSV or XLSX.
    Sheets,
}

impl Shape {
    /// XLSX by its first bytes; else by the file's name or media type; YAML where neither says anything.
    pub fn of(bytes: &[u8], name: &str, media_type: &str) -> Self {
        let name = name.to_lowercase();
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        let says = |words: &[&str]| words.iter().any(|word| media_type.contains(word));
        let is_old_excel = bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]);
        if spreadsheet::is_xlsx(bytes) || is_old_excel || ends(&[".csv", ".tsv", ".txt", ".xlsx", ".xls"]) {
            return Self::Sheets;
        }
        // Windows calls a CSV file application/vnd.ms-excel.
        match !ends(&[".yaml", ".yml"]) && says(&["csv", "tab-separated", "excel"]) {
            true => Self::Sheets,
            false => Self::Yaml,
        }
    }
}

/// A file that could become the directory in force.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The version that it was compared with.
    pub base: Option<Uuid>,
    /// The whole directory as it would be stored.
    pub source: String,
    /// Its key.
    pub key: String,
    /// Everything that would change.
    pub changes: Vec<Change>,
    /// Warnings and notes that were left.
    pub problems: Vec<Problem>,
    /// The playbooks in force that this directory would no longer satisfy.
    pub broken: Vec<BrokenPlaybook>,
    /// Whether there is anything to store.
    pub is_new: bool,
}

/// A playbook that a directory does not satisfy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenPlaybook {
    /// Its key.
    pub key: String,
    /// What is missing, that the directory in force has.
    pub problems: Vec<Problem>,
}

/// Looks at a file: what would change, and what is wrong. Changes nothing.
///
/// - `remove_missing`: sheets are the whole list too, as YAML always is.
///
/// Errors: [`OperationError::Problems`] with every bad place or row.
pub async fn plan(
    app: &App,
    actor: &Actor,
    bytes: Vec<u8>,
    shape: Shape,
    remove_missing: bool,
) -> Result<Plan, OperationError> {
    actor.must(Action::EditDirectory, "import the directory")?;
    let db = app.store.read();
    let (former, before) = in_force(app, db).await?;
    let today = app.clock.now().to_utc().with_timezone(&app.zone).date_naive();
    let known = before.clone();
    // A large list takes a second: not on a thread that answers requests.
    let read = tokio::task::spawn_blocking(move || {
        let (source, notes) = match shape {
            Shape::Yaml => (bytes, Vec::new()),
            Shape::Sheets => from_table(known.as_deref(), &bytes, remove_missing, today)?,
        };
        let (directory, mut problems) = read(&source);
        problems.extend(notes);
        match directory {
            Some(directory) => {
                let changes = difference(known.as_deref(), &directory);
                Ok((source, directory, changes, problems))
            }
            None => Err(problems),
        }
    });
    let read = match read.await {
        Ok(read) => read,
        // A panic is a bug of ours and told as one; the thread that answers goes on.
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    };
    let (source, directory, changes, problems) = read.map_err(|problems| {
        OperationError::Problems(problems.into_iter().filter(|it| it.severity == Severity::Error).collect())
    })?;
    let is_new = match (&former, shape) {
        (None, _) => true,
        (Some(former), Shape::Yaml) => former.sha256 != hash(&source),
        // Written anew, a sheet that changes nothing would only take the comments out of the file.
        (Some(_), Shape::Sheets) => !changes.is_empty(),
    };
    Ok(Plan {
        base: former.map(|former| former.id),
        source: String::from_utf8_lossy(&source).into_owned(),
        broken: broken_playbooks(db, before.as_deref(), &directory).await?,
        key: directory.key,
        changes,
        problems,
        is_new,
    })
}

/// The version in force, and what stands in it.
pub async fn in_force(
    app: &App,
    db: &impl ConnectionTrait,
) -> Result<(Option<directory_version::Model>, Option<Arc<Directory>>), OperationError> {
    let Some(row) = store::directory::latest(db).await? else { return Ok((None, None)) };
    let directory = app.library.directory(db, row.id).await?;
    Ok((Some(row), Some(directory)))
}

/// What is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Export {
    /// The whole directory, as it was imported.
    #[default]
    Yaml,
    /// Agencies and people as an Excel workbook.
    Xlsx,
    /// One of both as CSV that Excel opens.
    Csv,
}

/// Which list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum List {
    /// Agencies.
    #[default]
    Agencies,
    /// People.
    People,
}

/// The directory in force as a file; `None` where there is none. Imported again, it changes nothing.
pub async fn export(app: &App, export: Export, list: List) -> Result<Option<Vec<u8>>, OperationError> {
    let (Some(row), Some(directory)) = in_force(app, app.store.read()).await? else { return Ok(None) };
    let sheets = || [tables::agencies(&directory), tables::people(&directory)];
    Ok(Some(match (export, list) {
        (Export::Yaml, _) => row.source.into_bytes(),
        (Export::Xlsx, _) => spreadsheet::write_xlsx(&sheets(), app.clock.now().0 / 1000),
        (Export::Csv, List::Agencies) => spreadsheet::write_csv(&sheets()[0]),
        (Export::Csv, List::People) => spreadsheet::write_csv(&sheets()[1]),
    }))
}

/// The whole directory that sheets make of the one in force, as YAML, and what was noted about them.
fn from_table(
    former: Option<&Directory>,
    bytes: &[u8],
    remove_missing: bool,
    today: chrono::NaiveDate,
) -> Result<(Vec<u8>, Vec<Problem>), Vec<Problem>> {
    let sheets = spreadsheet::read(bytes).map_err(|unreadable| {
        vec![Problem {
            code: "R02",
            severity: Severity::Error,
            at: Position { line: 1, column: 1 },
            path: String::new(),
            detail: unreadable.detail,
            help: unreadable.help,
        }]
    })?;
    let imported = from_sheets(former, &sheets, remove_missing, today);
    if imported.problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(imported.problems);
    }
    Ok((write(&imported.directory).into_bytes(), imported.problems))
}

/// The playbooks in force that get new errors by a directory.
async fn broken_playbooks(
    db: &impl ConnectionTrait,
    before: Option<&Directory>,
    after: &Directory,
) -> Result<Vec<BrokenPlaybook>, OperationError> {
    let mut broken = Vec::new();
    for row in store::playbook::all_latest(db).await? {
        let errors = |directory: Option<&Directory>| -> Vec<Problem> {
            let (_, problems) = noroshi_core::playbook::read(row.source.as_bytes(), directory);
            problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect()
        };
        let known = errors(before);
        // What is missing is told where the playbook names it first.
        let mut told = BTreeSet::new();
        let problems: Vec<Problem> = errors(Some(after))
            .into_iter()
            .filter(|problem| !known.contains(problem) && told.insert(problem.detail.ja.clone()))
            .collect();
        if !problems.is_empty() {
            broken.push(BrokenPlaybook { key: row.key, problems });
        }
    }
    Ok(broken)
}

/// Makes a plan the directory in force. Returns whether anything was stored.
///
/// Errors: [`store::StoreError::Conflict`] where another directory has come into force since it was made.
pub async fn put(work: Work<'_>, plan: &Plan) -> Result<bool, OperationError> {
    work.actor.must(Action::EditDirectory, "import the directory")?;
    let former = store::directory::latest(&work.tx).await?;
    if former.as_ref().map(|former| former.id) != plan.base {
        return Err(moved_on(&plan.key));
    }
    if !plan.is_new {
        return Ok(false);
    }
    store_version(work, former, &plan.key, &plan.source).await?;
    Ok(true)
}

fn moved_on(key: &str) -> OperationError {
    store::StoreError::Conflict { what: "directory", id: key.to_owned() }.into()
}

async fn store_version(
    mut work: Work<'_>,
    former: Option<directory_version::Model>,
    key: &str,
    source: &str,
) -> Result<(), OperationError> {
    let row = directory_version::Model {
        id: work.app.chance.uuid(work.now),
        number: former.map_or(0, |former| former.number) + 1,
        key: key.to_owned(),
        sha256: hash(source.as_bytes()),
        source: source.to_owned(),
        imported_at_ms: work.now.0,
        imported_by: work.actor.id.clone(),
    };
    store::directory::put(&work.tx, row).await?;
    // Boards say which of their addresses have changed; empty chairs are offered to whoever is on duty now.
    let open = store::incident::open(&work.tx).await?;
    work.enter(open.iter().map(|incident| incident.id)).await?;
    for incident in open {
        let id = IncidentId::new(incident.id);
        let mut scene = Scene::load(work.app, &work.tx, id).await?;
        if scene.is_open() {
            role::directory_changed(&mut work, &mut scene).await?;
        }
        work.changed(id, "directory");
    }
    work.commit().await
}

/// Keeps a plan for whoever made it, until they confirm it or make another. Returns what names it.
pub async fn keep_draft(work: Work<'_>, plan: &Plan, file_name: &str) -> Result<String, OperationError> {
    work.actor.must(Action::EditDirectory, "import the directory")?;
    let sha256 = hash(plan.source.as_bytes());
    let row = directory_draft::Model {
        account: work.actor.id.clone(),
        base_id: plan.base,
        key: plan.key.clone(),
        file_name: file_name.chars().take(200).collect(),
        sha256: sha256.clone(),
        source: plan.source.clone(),
        made_at_ms: work.now.0,
    };
    // Drafts are personal data too: what nobody confirmed within a day goes.
    store::directory::drop_drafts_before(&work.tx, work.now.0 - 86_400_000).await?;
    store::directory::put_draft(&work.tx, row).await?;
    work.commit().await?;
    Ok(sha256)
}

/// Makes the draft that was looked at the directory in force.
///
/// Errors: not found where it was confirmed, thrown away or replaced since; conflict where another directory has come
/// into force.
pub async fn confirm_draft(work: Work<'_>, sha256: &str) -> Result<(), OperationError> {
    work.actor.must(Action::EditDirectory, "import the directory")?;
    let draft = store::directory::draft(&work.tx, &work.actor.id).await?;
    let draft = draft.filter(|draft| draft.sha256 == sha256).ok_or_else(|| {
        OperationError::from(store::StoreError::NotFound { what: "directory draft", id: sha256.to_owned() })
    })?;
    let former = store::directory::latest(&work.tx).await?;
    if former.as_ref().map(|former| former.id) != draft.base_id {
        return Err(moved_on(&draft.key));
    }
    store::directory::drop_draft(&work.tx, &work.actor.id).await?;
    store_version(work, former, &draft.key, &draft.source).await
}

/// Throws a draft away.
pub async fn drop_draft(work: Work<'_>) -> Result<(), OperationError> {
    work.actor.must(Action::EditDirectory, "import the directory")?;
    store::directory::drop_draft(&work.tx, &work.actor.id).await?;
    work.commit().await
}

/// Somebody has looked into a contact's marks (wrong address, refused): they are taken off.
pub async fn clear_marks(work: Work<'_>, contact: &str) -> Result<(), OperationError> {
    work.actor.must(Action::EditDirectory, "clear an address mark")?;
    store::directory::clear_marks(&work.tx, contact).await?;
    work.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_list_by_its_bytes_its_name_or_its_media_type() {
        let shape = |bytes: &[u8], name, media_type| Shape::of(bytes, name, media_type);
        assert_eq!(shape(b"PK\x03\x04", "a.yaml", ""), Shape::Sheets);
        assert_eq!(shape(b"a,b", "C:\\LIST.CSV", ""), Shape::Sheets);
        assert_eq!(shape(b"a,b", "", "application/vnd.ms-excel"), Shape::Sheets);
        assert_eq!(shape(b"a,b", "", "text/csv; charset=shift_jis"), Shape::Sheets);
        assert_eq!(shape(b"kind: x", "", "application/yaml"), Shape::Yaml);
        assert_eq!(shape(b"kind: x", "", ""), Shape::Yaml);
    }
}
