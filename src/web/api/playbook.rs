//! Playbooks: those in force, their versions, and bringing one in. Looking ahead is in `preflight.rs`.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Path, Query},
};
use entity::playbook_version;
use noroshi_core::{
    playbook::difference::{Change, RunKind},
    text::Language,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list::{List, Page};
use crate::{
    app::App,
    operation::{
        OperationError, Work,
        playbook::{InForce, changes, import},
        scene::text,
    },
    store::{self, StoreError},
    web::{
        body::{Raw, language, moment},
        problem::{Detail, WebError, file_detail},
        session::Caller,
    },
};

/// A version of a playbook.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlaybookView {
    /// Readable key.
    pub key: String,
    /// The author's label.
    pub version: String,
    /// Running number of the version.
    pub number: i32,
    /// Hash of its content.
    pub sha256: String,
    /// Title for people.
    pub title: String,
    /// When it was imported.
    pub imported_at: String,
    /// Who imported it.
    pub imported_by: String,
    /// What the checker says about it now, with the directory and the other playbooks in force.
    pub problems: Vec<Detail>,
    /// The file as it was imported; only where one playbook is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

fn view(
    app: &App,
    in_force: &InForce,
    row: playbook_version::Model,
    language: Language,
    whole: bool,
) -> PlaybookView {
    let problems = in_force.problems(&row, app.clock.now());
    PlaybookView {
        key: row.key,
        version: row.version,
        number: row.number,
        sha256: row.sha256,
        title: text(&row.title).get(language).to_owned(),
        imported_at: moment(app, row.imported_at_ms),
        imported_by: row.imported_by_name,
        problems: problems.iter().map(|problem| file_detail(problem, language)).collect(),
        source: whole.then_some(row.source),
    }
}

/// The playbooks in force, by key.
#[utoipa::path(get, path = "/api/v1/playbooks", tag = "playbooks", params(Page),
    responses((status = 200, body = List<PlaybookView>)))]
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    page: Query<Page>,
) -> Result<Json<List<PlaybookView>>, WebError> {
    let rows = store::playbook::all_latest(app.store.read()).await?;
    let limit = page.limit();
    let in_force = InForce::read(&app, app.store.read()).await?;
    let rows =
        rows.into_iter().filter(|row| page.after.as_deref().is_none_or(|after| row.key.as_str() > after));
    let views = rows.map(|row| view(&app, &in_force, row, language(&request), false));
    Ok(Json(List::cut(views.collect(), limit, |view| view.key.clone())))
}

/// Which version of a playbook.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WhichVersion {
    /// Its number; the one in force where absent.
    pub version: Option<i32>,
}

/// The row of a version; the one in force where no number is given.
async fn row(app: &App, key: &str, number: Option<i32>) -> Result<playbook_version::Model, WebError> {
    let db = app.store.read();
    let row = match number {
        Some(number) => store::playbook::by_number(db, key, number).await?,
        None => store::playbook::latest(db, key).await?,
    };
    let id = number.map_or_else(|| key.to_owned(), |number| format!("{key} number {number}"));
    Ok(row.ok_or(StoreError::NotFound { what: "playbook", id })?)
}

/// One playbook: the version in force, or an earlier one.
#[utoipa::path(get, path = "/api/v1/playbooks/{key}", tag = "playbooks",
    params(("key" = String, Path), WhichVersion),
    responses((status = 200, body = PlaybookView), (status = 404, body = crate::web::problem::ProblemDocument)))]
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    key: Path<String>,
    which: Query<WhichVersion>,
) -> Result<Json<PlaybookView>, WebError> {
    let row = row(&app, &key, which.version).await?;
    let in_force = InForce::read(&app, app.store.read()).await?;
    Ok(Json(view(&app, &in_force, row, language(&request), true)))
}

/// A version in the history of a playbook.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// Running number.
    pub number: i32,
    /// The author's label.
    pub version: String,
    /// Hash of its content.
    pub sha256: String,
    /// Title for people.
    pub title: String,
    /// When it was imported.
    pub imported_at: String,
    /// Who imported it.
    pub imported_by: String,
    /// Whether a start uses it.
    pub in_force: bool,
}

/// Every version of a playbook, the newest first; `after` takes a number.
#[utoipa::path(get, path = "/api/v1/playbooks/{key}/versions", tag = "playbooks",
    params(("key" = String, Path), Page),
    responses((status = 200, body = List<VersionView>), (status = 404, body = crate::web::problem::ProblemDocument)))]
pub async fn versions(
    request: HttpRequest,
    app: Data<App>,
    key: Path<String>,
    page: Query<Page>,
) -> Result<Json<List<VersionView>>, WebError> {
    let rows = store::playbook::history(app.store.read(), &key).await?;
    let Some(newest) = rows.first().map(|row| row.number) else {
        return Err(StoreError::NotFound { what: "playbook", id: key.into_inner() }.into());
    };
    let before: Option<i32> = page.after.as_deref().and_then(|after| after.parse().ok());
    let limit = page.limit();
    let rows = rows.into_iter().filter(|row| before.is_none_or(|before| row.number < before));
    let views = rows.map(|row| VersionView {
        number: row.number,
        version: row.version,
        sha256: row.sha256,
        title: text(&row.title).get(language(&request)).to_owned(),
        imported_at: moment(&app, row.imported_at_ms),
        imported_by: row.imported_by_name,
        in_force: row.number == newest,
    });
    Ok(Json(List::cut(views.collect(), limit, |view| view.number.to_string())))
}

/// Which two versions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WhichTwo {
    /// Number of the former; the one before `to` where absent.
    pub from: Option<i32>,
    /// Number of the later; the one in force where absent.
    pub to: Option<i32>,
}

/// The difference between two versions of a playbook.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceView {
    /// Number of the former.
    pub from: i32,
    /// Number of the later.
    pub to: i32,
    /// In the order of the later file; empty where only blanks or comments differ.
    pub changes: Vec<ChangeView>,
}

/// One thing that is not as before.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// The block of the file: `ladders`.
    pub block: String,
    /// The way through the file: `ladders.climb.steps[2].at`.
    pub path: String,
    /// `added`, `removed`, `changed` or `reordered`.
    pub kind: String,
    /// In one sentence.
    pub sentence: String,
    /// What stood there.
    pub before: Option<String>,
    /// What stands there.
    pub after: Option<String>,
    /// For texts: what stayed (`same`), went (`gone`) and came (`new`), in order.
    pub runs: Vec<RunView>,
    /// Line of the former file.
    pub line_before: Option<u32>,
    /// Line of the later file.
    pub line_after: Option<u32>,
}

/// A piece of a text.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunView {
    /// `same`, `gone` or `new`.
    pub kind: String,
    /// The words.
    pub text: String,
}

impl ChangeView {
    /// A change in words of one language.
    pub fn of(change: Change, language: Language) -> Self {
        Self {
            sentence: change.sentence(language),
            kind: change.kind.key().to_owned(),
            runs: change.runs.into_iter().map(RunView::of).collect(),
            block: change.block,
            path: change.path,
            before: change.before,
            after: change.after,
            line_before: change.line_before,
            line_after: change.line_after,
        }
    }
}

impl RunView {
    fn of(run: noroshi_core::playbook::difference::Run) -> Self {
        let kind = match run.kind {
            RunKind::Same => "same",
            RunKind::Gone => "gone",
            RunKind::New => "new",
        };
        Self { kind: kind.to_owned(), text: run.text }
    }
}

/// The two rows of a comparison: the one in force and the one before it, where nothing is named.
pub async fn two(
    app: &App,
    key: &str,
    from: Option<i32>,
    to: Option<i32>,
) -> Result<(playbook_version::Model, playbook_version::Model), WebError> {
    let later = row(app, key, to).await?;
    let former = row(app, key, Some(from.unwrap_or((later.number - 1).max(1)))).await?;
    Ok((former, later))
}

/// The difference between two versions, in the playbook's own terms.
#[utoipa::path(get, path = "/api/v1/playbooks/{key}/difference", tag = "playbooks",
    params(("key" = String, Path), WhichTwo),
    responses((status = 200, body = DifferenceView), (status = 404, body = crate::web::problem::ProblemDocument)))]
pub async fn compare(
    request: HttpRequest,
    app: Data<App>,
    key: Path<String>,
    which: Query<WhichTwo>,
) -> Result<Json<DifferenceView>, WebError> {
    let (former, later) = two(&app, &key, which.from, which.to).await?;
    let language = language(&request);
    let changes = changes(&app, &former, &later).await?;
    Ok(Json(DifferenceView {
        from: former.number,
        to: later.number,
        changes: changes.into_iter().map(|change| ChangeView::of(change, language)).collect(),
    }))
}

/// Imports a playbook; the body is the YAML. With errors, nothing changes.
#[utoipa::path(put, path = "/api/v1/playbooks/{key}", tag = "playbooks", params(("key" = String, Path)),
    request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = PlaybookView), (status = 201, body = PlaybookView),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn put(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    key: Path<String>,
    body: Raw,
) -> Result<HttpResponse, WebError> {
    crate::web::body::check_session(&request)?;
    // The key in the address and the key in the file must agree, or the wrong playbook would be replaced.
    if let Some(parsed) = noroshi_core::playbook::read_checked(&body.0)
        && parsed.key != *key
    {
        return Err(OperationError::invalid(
            "metadata.key",
            format!("ファイルの key は {} です。URL の {key} と同じにしてください", parsed.key),
            format!("the file's key is {}, not {key} as in the address", parsed.key),
        )
        .into());
    }
    let work = Work::begin(&app, caller.actor).await?;
    let done = import(work, &body.0, None).await?;
    let row = row(&app, &done.key, None).await?;
    let in_force = InForce::read(&app, app.store.read()).await?;
    let view = view(&app, &in_force, row, language(&request), false);
    Ok(if done.changed && done.number == 1 { HttpResponse::Created() } else { HttpResponse::Ok() }.json(view))
}
