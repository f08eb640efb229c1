//! The directory.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Json, Query},
};
use noroshi_core::{
    directory::{
        Contact, Directory,
        difference::{Fate, Shown, references},
    },
    problem::Problem,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    operation::{
        Work,
        directory::{self, Export, List, Shape},
    },
    store::{self, StoreError},
    web::{
        body::{language, moment},
        problem::{Detail, WebError, file_detail},
        session::Caller,
        upload::Upload,
    },
};

/// What is known of an address beside the directory.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthView {
    /// Where it stands: `agency:hosp_a primary`.
    pub contact: String,
    /// Key of the transport.
    pub transport: String,
    /// The address.
    pub address: String,
    /// When its reader said that it is the wrong one.
    pub wrong_at: Option<String>,
    /// What the reader wrote.
    pub wrong_note: Option<String>,
    /// When a relay refused it for good.
    pub refused_at: Option<String>,
    /// What the relay said.
    pub refused_reason: Option<String>,
    /// When somebody last opened or answered there.
    pub proved_at: Option<String>,
}

/// An agency or a group.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgencyView {
    /// Name for people.
    pub title: String,
    /// How it is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kana: Option<String>,
    /// Whether it is outside our house.
    pub outside: bool,
    /// The members of a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<String>>,
    /// Addresses by transport.
    pub primary: BTreeMap<String, String>,
    /// Addresses of the second way in.
    pub alternate: BTreeMap<String, String>,
    /// When its addresses were last verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_on: Option<String>,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonView {
    /// Name for people.
    pub name: String,
    /// How it is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kana: Option<String>,
    /// Where they work and as what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post: Option<String>,
    /// Addresses by transport.
    pub reach: BTreeMap<String, String>,
    /// When their addresses were last verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_on: Option<String>,
}

/// A roster and who is on duty now.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterView {
    /// Keys of its members.
    pub members: Vec<String>,
    /// Keys of those on duty now, the first to ask first.
    pub on_duty: Vec<String>,
}

/// A transport.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransportView {
    /// Its driver.
    pub driver: String,
    /// Evidence it can give.
    pub proves: Vec<String>,
    /// Whether this service can use it.
    pub served: bool,
}

/// The directory in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct DirectoryView {
    /// Readable key.
    pub key: String,
    /// Title for people.
    pub title: String,
    /// Hash of its content.
    pub sha256: String,
    /// When it was last verified as a whole.
    pub verified_on: String,
    /// By key.
    pub agencies: BTreeMap<String, AgencyView>,
    /// By key.
    pub people: BTreeMap<String, PersonView>,
    /// By key.
    pub rosters: BTreeMap<String, RosterView>,
    /// By key.
    pub transports: BTreeMap<String, TransportView>,
    /// What was learned of addresses.
    pub health: Vec<HealthView>,
}

/// The directory in force, with what is known of its addresses.
#[utoipa::path(get, path = "/api/v1/directory", tag = "directory",
    responses((status = 200, body = DirectoryView), (status = 404, body = crate::web::problem::ProblemDocument)))]
pub async fn get(app: Data<App>) -> Result<Json<DirectoryView>, WebError> {
    let db = app.store.read();
    let version = store::directory::latest(db).await?;
    let version =
        version.ok_or_else(|| StoreError::NotFound { what: "directory", id: "of this site".into() })?;
    let directory = app.library.directory(db, version.id).await?;
    let health = store::directory::health(db).await?;
    let at = |ms: Option<i64>| ms.map(|ms| moment(&app, ms));
    let health = health.into_iter().map(|row| HealthView {
        contact: row.contact,
        transport: row.transport,
        address: row.address,
        wrong_at: at(row.wrong_at_ms),
        wrong_note: row.wrong_note,
        refused_at: at(row.refused_at_ms),
        refused_reason: row.refused_reason,
        proved_at: at(row.proved_at_ms),
    });
    Ok(Json(DirectoryView { health: health.collect(), ..view(&app, &directory, version.sha256) }))
}

fn view(app: &App, directory: &Directory, sha256: String) -> DirectoryView {
    let now = app.clock.now();
    let reach = |contact: &Contact| contact.reach.clone();
    DirectoryView {
        key: directory.key.clone(),
        title: directory.title.ja.clone(),
        sha256,
        verified_on: directory.verified_on.to_string(),
        agencies: directory
            .agencies
            .iter()
            .map(|(key, agency)| {
                let view = AgencyView {
                    title: agency.title.ja.clone(),
                    kana: agency.kana.clone(),
                    verified_on: agency.verified_on.map(|on| on.to_string()),
                    outside: agency.outside,
                    members: agency.members.clone(),
                    primary: reach(&agency.primary),
                    alternate: reach(&agency.alternate),
                };
                (key.clone(), view)
            })
            .collect(),
        people: directory
            .people
            .iter()
            .map(|(key, person)| {
                let view = PersonView {
                    name: person.name.ja.clone(),
                    kana: person.kana.clone(),
                    post: person.post.as_ref().map(|post| post.ja.clone()),
                    reach: person.reach.clone(),
                    verified_on: person.verified_on.map(|on| on.to_string()),
                };
                (key.clone(), view)
            })
            .collect(),
        rosters: directory
            .rosters
            .iter()
            .map(|(key, roster)| {
                let on_duty = directory.on_duty(key, now);
                let on_duty = on_duty.into_iter().map(str::to_owned).collect();
                (key.clone(), RosterView { members: roster.members.clone(), on_duty })
            })
            .collect(),
        transports: directory
            .transports
            .iter()
            .map(|(key, transport)| {
                let view = TransportView {
                    driver: transport.driver.clone(),
                    proves: transport.proves.clone(),
                    served: app.serves(&transport.driver),
                };
                (key.clone(), view)
            })
            .collect(),
        health: Vec::new(),
    }
}

/// How to import.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportWish {
    /// `true`: say what would change, change nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// `true`: a CSV or XLSX list is the whole one; what it does not name is removed, an empty cell empties.
    #[serde(default)]
    pub remove_missing: bool,
}

/// What an import changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportView {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Keys that are new.
    pub added: Vec<String>,
    /// Keys that are other than before.
    pub changed: Vec<String>,
    /// Keys that are no longer there.
    pub removed: Vec<String>,
    /// Each of them: `{key, name, change, fields: [{field, label, old, new}]}`.
    #[schema(value_type = Vec<Object>)]
    pub differences: Vec<Shown>,
    /// Playbooks in force that this directory no longer satisfies.
    pub playbooks: Vec<BrokenView>,
    /// Warnings and notes that were left; of a list, `line` is the row and `path` the column.
    pub problems: Vec<Detail>,
}

/// A playbook that a directory does not satisfy.
#[derive(Debug, Serialize, ToSchema)]
pub struct BrokenView {
    /// Its key.
    pub key: String,
    /// What is missing.
    pub problems: Vec<Detail>,
}

/// Imports a directory: YAML is the whole of it, CSV and XLSX add and change. The body is the file, with its media
/// type, or a form with a file. With errors, nothing changes.
#[utoipa::path(post, path = "/api/v1/directory/import", tag = "directory", params(ImportWish),
    request_body(content(
        (String = "application/yaml"), (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), (String = "multipart/form-data"),
    )),
    responses((status = 200, body = ImportView), (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn import(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    wish: Query<ImportWish>,
    upload: Upload,
) -> Result<Json<ImportView>, WebError> {
    take(&request, &app, caller, upload, &wish).await
}

/// Puts the whole directory in place; the body is the YAML.
#[utoipa::path(put, path = "/api/v1/directory", tag = "directory",
    request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = ImportView), (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn put(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    upload: Upload,
) -> Result<Json<ImportView>, WebError> {
    take(&request, &app, caller, upload, &ImportWish { dry_run: false, remove_missing: true }).await
}

async fn take(
    request: &HttpRequest,
    app: &App,
    caller: Caller,
    upload: Upload,
    wish: &ImportWish,
) -> Result<Json<ImportView>, WebError> {
    let shape = Shape::of(&upload.bytes, &upload.name, &upload.media_type);
    let plan = directory::plan(app, &caller.actor, upload.bytes, shape, wish.remove_missing).await?;
    if !wish.dry_run {
        directory::put(Work::begin(app, caller.actor).await?, &plan).await?;
    }
    let language = language(request);
    let details = |problems: &[Problem]| problems.iter().map(|it| file_detail(it, language)).collect();
    Ok(Json(ImportView {
        dry_run: wish.dry_run,
        added: references(&plan.changes, Fate::Added),
        changed: references(&plan.changes, Fate::Changed),
        removed: references(&plan.changes, Fate::Removed),
        differences: plan.changes.iter().map(|change| change.shown(language)).collect(),
        playbooks: plan
            .broken
            .iter()
            .map(|broken| BrokenView { key: broken.key.clone(), problems: details(&broken.problems) })
            .collect(),
        problems: details(&plan.problems),
    }))
}

/// What to export.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportWish {
    /// `yaml` (all of it, the default), `xlsx` (agencies and people) or `csv` (one of both).
    #[serde(default)]
    #[param(value_type = String)]
    pub format: Export,
    /// `agencies` (the default) or `people`.
    #[serde(default)]
    #[param(value_type = String)]
    pub list: List,
}

/// The directory in force as a file; imported again it changes nothing.
#[utoipa::path(get, path = "/api/v1/directory/export", tag = "directory", params(ExportWish),
    responses((status = 200, description = "the file"), (status = 404, body = crate::web::problem::ProblemDocument)))]
pub async fn export(app: Data<App>, wish: Query<ExportWish>) -> Result<HttpResponse, WebError> {
    let file = directory::export(&app, wish.format, wish.list).await?.ok_or(WebError::NotFound)?;
    let (media_type, name) = match (wish.format, wish.list) {
        (Export::Yaml, _) => ("application/yaml; charset=utf-8", "directory.yaml"),
        (Export::Xlsx, _) => {
            ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "directory.xlsx")
        }
        (Export::Csv, List::Agencies) => ("text/csv; charset=utf-8", "agencies.csv"),
        (Export::Csv, List::People) => ("text/csv; charset=utf-8", "people.csv"),
    };
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"noroshi-{name}\"")))
        .body(file))
}
