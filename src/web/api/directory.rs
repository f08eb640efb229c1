//! The directory.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest,
    web::{Data, Json, Query},
};
use noroshi_core::directory::{Contact, Directory};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    operation::{
        Work,
        directory::{Changes, import as import_directory},
    },
    store::{self, StoreError},
    web::{
        body::{Raw, check_session, language, moment},
        problem::{Detail, WebError, file_detail},
        session::Caller,
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
    /// Whether it is outside our house.
    pub outside: bool,
    /// The members of a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<String>>,
    /// Addresses by transport.
    pub primary: BTreeMap<String, String>,
    /// Addresses of the second way in.
    pub alternate: BTreeMap<String, String>,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonView {
    /// Name for people.
    pub name: String,
    /// Addresses by transport.
    pub reach: BTreeMap<String, String>,
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
                (key.clone(), PersonView { name: person.name.ja.clone(), reach: person.reach.clone() })
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

/// Whether to look first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DryRun {
    /// `true`: say what would change, change nothing.
    #[serde(default)]
    pub dry_run: bool,
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
    /// Warnings that were left.
    pub problems: Vec<Detail>,
}

/// Imports a directory; the body is the YAML. With errors, nothing changes.
#[utoipa::path(post, path = "/api/v1/directory/import", tag = "directory", params(DryRun),
    request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = ImportView), (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn import(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    wish: Query<DryRun>,
    body: Raw,
) -> Result<Json<ImportView>, WebError> {
    take(&request, &app, caller, &body, wish.dry_run).await
}

/// Puts the whole directory in place; the body is the YAML.
#[utoipa::path(put, path = "/api/v1/directory", tag = "directory",
    request_body(content = String, content_type = "application/yaml"),
    responses((status = 200, body = ImportView), (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn put(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    body: Raw,
) -> Result<Json<ImportView>, WebError> {
    take(&request, &app, caller, &body, false).await
}

async fn take(
    request: &HttpRequest,
    app: &App,
    caller: Caller,
    body: &Raw,
    dry_run: bool,
) -> Result<Json<ImportView>, WebError> {
    check_session(request)?;
    let work = Work::begin(app, caller.actor).await?;
    let (Changes { added, changed, removed }, problems) = import_directory(work, &body.0, dry_run).await?;
    let language = language(request);
    let problems = problems.iter().map(|problem| file_detail(problem, language)).collect();
    Ok(Json(ImportView { dry_run, added, changed, removed, problems }))
}
