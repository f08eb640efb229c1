//! Playbooks.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Path, Query},
};
use entity::playbook_version;
use noroshi_core::{
    playbook::preflight::{Answers, Plan},
    text::Language,
    time::Timestamp,
    variable,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::list::{List, Page};
use crate::{
    app::App,
    operation::{Invalid, OperationError, Work, playbook::import, scene::text},
    store::{self, StoreError},
    web::{
        body::{Body, Raw, language, moment},
        problem::{Detail, WebError, file_detail},
        session::Caller,
    },
};

/// The version of a playbook that is in force.
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
    /// What the checker says about it and the directory in force.
    pub problems: Vec<Detail>,
    /// The file as it was imported; only where one playbook is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

async fn view(
    app: &App,
    row: playbook_version::Model,
    language: Language,
    whole: bool,
) -> Result<PlaybookView, WebError> {
    let directory = match store::directory::latest(app.store.read()).await? {
        Some(version) => Some(app.library.directory(app.store.read(), version.id).await?),
        None => None,
    };
    let (_, problems) = noroshi_core::playbook::read(row.source.as_bytes(), directory.as_deref());
    Ok(PlaybookView {
        key: row.key,
        version: row.version,
        number: row.number,
        sha256: row.sha256,
        title: text(&row.title).get(language).to_owned(),
        imported_at: moment(app, row.imported_at_ms),
        problems: problems.iter().map(|problem| file_detail(problem, language)).collect(),
        source: whole.then_some(row.source),
    })
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
    let mut views = Vec::new();
    for row in rows {
        if page.after.as_deref().is_none_or(|after| row.key.as_str() > after) {
            views.push(view(&app, row, language(&request), false).await?);
        }
    }
    Ok(Json(List::cut(views, limit, |view| view.key.clone())))
}

/// One playbook.
#[utoipa::path(get, path = "/api/v1/playbooks/{key}", tag = "playbooks", params(("key" = String, Path)),
    responses((status = 200, body = PlaybookView), (status = 404, body = crate::web::problem::ProblemDocument)))]
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    key: Path<String>,
) -> Result<Json<PlaybookView>, WebError> {
    let row = store::playbook::latest(app.store.read(), &key).await?;
    let row = row.ok_or_else(|| StoreError::NotFound { what: "playbook", id: key.into_inner() })?;
    Ok(Json(view(&app, row, language(&request), true).await?))
}

/// What is to be looked at without sending.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreflightRequest {
    /// Values of its variables by name; missing ones print 調整中.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub variables: BTreeMap<String, Value>,
    /// When it would start, RFC 3339; now where absent.
    pub at: Option<String>,
    /// `none` (every ladder to its end) or `all`.
    pub answers: Option<String>,
}

/// The timetable: who would get what, when, by which transport, if it started now. Sends nothing.
#[utoipa::path(post, path = "/api/v1/playbooks/{key}/preflight", tag = "playbooks", params(("key" = String, Path)),
    request_body = PreflightRequest,
    responses((status = 200, description = "alerts, roles and entries with offsets and moments", body = Object),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn preflight(
    app: Data<App>,
    key: Path<String>,
    body: Body<PreflightRequest>,
) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let missing = |what: &'static str| StoreError::NotFound { what, id: key.to_string() };
    let version = store::playbook::latest(db, &key).await?.ok_or_else(|| missing("playbook"))?;
    let directory =
        store::directory::latest(db).await?.ok_or_else(|| missing("directory for the playbook"))?;
    let playbook = app.library.playbook(db, version.id).await?;
    let directory = app.library.directory(db, directory.id).await?;
    let wish = body.value;
    let mut invalid = Vec::new();
    let at = match wish.at.as_deref() {
        None => app.clock.now(),
        Some(text) => Timestamp::parse_rfc3339(text).unwrap_or_else(|| {
            invalid.push(Invalid::new(
                "at",
                "2026-11-24T03:14:00+09:00 の形で入れてください",
                "must be like 2026-11-24T03:14:00+09:00",
            ));
            app.clock.now()
        }),
    };
    let answers = match wish.answers.as_deref() {
        None | Some("none") => Answers::None,
        Some("all") => Answers::All,
        Some(_) => {
            invalid.push(Invalid::new("answers", "none か all にしてください", "must be none or all"));
            Answers::None
        }
    };
    // A required value that is missing does not matter yet.
    let mut relaxed = (*playbook).clone();
    relaxed.variables.iter_mut().for_each(|variable| variable.required = false);
    let values =
        variable::resolve(&relaxed, &directory, &wish.variables, at, app.zone).unwrap_or_else(|found| {
            let found = found.into_iter();
            invalid.extend(found.map(|p| Invalid { path: format!("variables.{}", p.key), detail: p.detail }));
            BTreeMap::new()
        });
    if !invalid.is_empty() {
        return Err(OperationError::Invalid(invalid).into());
    }
    let timetable = noroshi_core::playbook::preflight::preflight(&Plan {
        playbook: &playbook,
        directory: &directory,
        values: &values,
        at,
        zone: app.zone,
        answers,
        serves: &|driver| app.serves(driver),
    });
    Ok(HttpResponse::Ok().json(timetable.document(app.zone)))
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
    let (parsed, _) = noroshi_core::playbook::read(&body.0, None);
    if let Some(parsed) = parsed
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
    let row = store::playbook::latest(app.store.read(), &done.key).await?;
    let row = row.ok_or_else(|| StoreError::NotFound { what: "playbook", id: done.key })?;
    let view = view(&app, row, language(&request), false).await?;
    Ok(if done.changed && done.number == 1 { HttpResponse::Created() } else { HttpResponse::Ok() }.json(view))
}
