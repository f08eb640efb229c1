//! Incidents.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Path, Query},
};
use entity::incident;
use noroshi_core::{
    alert::{Evidence, Grade},
    id::IncidentId,
    text::Language,
};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    json,
    list::{List, Page},
    reply,
    role::{self, RoleView},
};
use crate::{
    app::App,
    operation::{
        OperationError, Work,
        ending::{cancel as cancel_incident, close as close_incident},
        incident::{Start, start as start_incident},
        scene::Scene,
    },
    store::{self, StoreError},
    web::{
        body::{Body, language, moment},
        problem::WebError,
        session::Caller,
    },
};

/// The version of a playbook that an incident runs by.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunsBy {
    /// Readable key.
    pub key: String,
    /// The author's label.
    pub version: String,
    /// Hash of its content.
    pub sha256: String,
    /// Running number of the version.
    pub number: i32,
    /// Number of the version in force; another one where the playbook was imported again meanwhile.
    pub in_force: i32,
}

/// An incident.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IncidentView {
    /// `inc_…`
    pub id: String,
    /// The short number that people say on the telephone: 事案12.
    pub number: i32,
    /// What it runs by.
    pub playbook: RunsBy,
    /// `live` or `drill`.
    pub mode: String,
    /// `proposed held active stabilised closing closed reviewed cancelled merged`.
    pub state: String,
    /// Title for people; a drill's begins with 【訓練】.
    pub title: String,
    /// Own seconds for each real one.
    pub rate: i32,
    /// When it was opened.
    pub opened_at: String,
    /// When it was activated; null while it is proposed or held.
    pub activated_at: Option<String>,
    /// The trigger that opened it; null where a person did.
    pub trigger: Option<String>,
    /// While it is held: until when.
    pub hold_until: Option<String>,
    /// While it is held: what silence means, `send` or `suggest`.
    pub on_hold_timeout: Option<String>,
    /// When it was stabilised.
    pub stabilised_at: Option<String>,
    /// Since when closing is proposed.
    pub closing_at: Option<String>,
    /// The incident as which it goes on.
    pub merged_into: Option<String>,
    /// Until when it has to be looked back at.
    pub review_due_at: Option<String>,
    /// When it was looked back at.
    pub reviewed_at: Option<String>,
    /// When it was closed, cancelled or merged.
    pub closed_at: Option<String>,
    /// Why it ended.
    pub reason: Option<String>,
    /// The values of its variables.
    #[schema(value_type = Object)]
    pub variables: Value,
    /// Its chairs.
    pub roles: Vec<RoleView>,
    /// Recipients by their best evidence: `queued accepted delivered opened acked answered failed unknown`.
    pub counts: BTreeMap<String, u64>,
    /// Recipients by where they stand: `waiting answered to_decide decided stood_down informed`.
    pub states: BTreeMap<String, u64>,
}

/// The view of an incident, with counts; titles in the reader's language.
pub async fn view(
    app: &App,
    db: &impl ConnectionTrait,
    row: incident::Model,
    language: Language,
) -> Result<IncidentView, WebError> {
    let id = IncidentId::new(row.id);
    let version = store::playbook::version(db, row.playbook_version_id).await?;
    let in_force = store::playbook::latest(db, &version.key).await?;
    let scene = Scene::of(app, db, row.clone()).await?;
    let (counts, states) = counts(store::recipient::alike(db, id).await?);
    Ok(IncidentView {
        id: id.to_string(),
        playbook: RunsBy {
            in_force: in_force.map_or(version.number, |row| row.number),
            key: version.key,
            version: version.version,
            sha256: version.sha256,
            number: version.number,
        },
        title: title(&scene, language),
        mode: row.mode,
        rate: row.rate,
        number: row.number,
        opened_at: moment(app, row.opened_at_ms),
        activated_at: row.activated_at_ms.map(|at| moment(app, at)),
        hold_until: row.hold_until_ms.filter(|_| row.state == "held").map(|at| moment(app, at)),
        on_hold_timeout: row.on_hold_timeout.filter(|_| row.state == "held"),
        trigger: row.trigger_key,
        stabilised_at: row.stabilised_at_ms.map(|at| moment(app, at)),
        closing_at: row.closing_at_ms.map(|at| moment(app, at)),
        merged_into: row.merged_into.map(|id| IncidentId::new(id).to_string()),
        review_due_at: row.review_due_ms.map(|at| moment(app, at)),
        reviewed_at: row.reviewed_at_ms.map(|at| moment(app, at)),
        closed_at: row.ended_at_ms.map(|at| moment(app, at)),
        reason: row.end_reason,
        state: row.state,
        variables: row.variables,
        roles: scene.roles.iter().map(|role| role::view(app, &scene, role, language)).collect(),
        counts,
        states,
    })
}

/// A drill's title carries the mark, whoever typed it.
fn title(scene: &Scene, language: Language) -> String {
    let (mark, title) = (noroshi_core::text::DRILL_MARK, scene.title(language));
    if scene.is_drill() { format!("{mark}{}", title.replace(mark, "")) } else { title.to_owned() }
}

/// Recipients by grade and by state; every grade and state is there, zeros too.
fn counts(alike: Vec<(String, Evidence, u64)>) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let mut grades: BTreeMap<String, u64> =
        Grade::ALL.iter().map(|grade| (grade.key().to_owned(), 0)).collect();
    let names = ["waiting", "answered", "to_decide", "decided", "stood_down", "informed"];
    let mut states: BTreeMap<String, u64> = names.iter().map(|name| ((*name).to_owned(), 0)).collect();
    for (state, evidence, recipients) in alike {
        *grades.entry(evidence.grade().key().to_owned()).or_default() += recipients;
        *states.entry(state).or_default() += recipients;
    }
    (grades, states)
}

/// What is to be started.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// Key of the playbook.
    pub playbook: String,
    /// `live` or `drill`.
    pub mode: Mode,
    /// Values of its variables by name.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub variables: BTreeMap<String, Value>,
    /// A title of its own.
    pub title: Option<String>,
    /// In a drill: own seconds for each real one, 1 to 600.
    pub rate: Option<u32>,
}

/// Real, or exercise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Letters go to the real recipients.
    Live,
    /// Letters stay in the house.
    Drill,
}

/// Opens and activates an incident at once.
#[utoipa::path(post, path = "/api/v1/incidents", tag = "incidents", request_body = StartRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = IncidentView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn start(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    body: Body<StartRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let wish = body.value;
    let wish = Start {
        playbook: wish.playbook,
        drill: wish.mode == Mode::Drill,
        variables: wish.variables,
        title: wish.title,
        rate: wish.rate,
    };
    let language = language(&request);
    let work = Work::begin(&app, caller.actor).await?;
    Ok(reply(start_incident(work, wish, once.as_ref(), whole(language)).await?))
}

/// Writes the answer of a verb from its scene.
pub(super) fn whole(
    language: Language,
) -> impl AsyncFnOnce(&mut Work<'_>, &Scene) -> Result<String, OperationError> {
    async move |work: &mut Work<'_>, scene: &Scene| {
        let view = view(work.app, &work.tx, scene.incident.clone(), language).await;
        view.map(|view| json(&view)).map_err(into_operation)
    }
}

/// A view that is made inside a verb fails as the verb does.
pub fn into_operation(error: WebError) -> OperationError {
    match error {
        WebError::Operation(error) => error,
        other => StoreError::Corrupt { what: "answer", id: String::new(), found: other.to_string() }.into(),
    }
}

/// Incidents, newest first.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "incidents", params(Page),
    responses((status = 200, body = List<IncidentView>)))]
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    page: Query<Page>,
) -> Result<Json<List<IncidentView>>, WebError> {
    let (db, language) = (app.store.read(), language(&request));
    let after = page.after.as_deref().map(str::parse).transpose().map_err(|_| WebError::NotFound)?;
    let limit = page.limit();
    let rows = store::incident::list(db, after, limit + 1).await?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        views.push(view(&app, db, row, language).await?);
    }
    Ok(Json(List::cut(views, limit, |view| view.id.clone())))
}

/// One incident, with counts by evidence grade.
#[utoipa::path(get, path = "/api/v1/incidents/{id}", tag = "incidents",
    params(("id" = String, Path, description = "inc_…")),
    responses((status = 200, body = IncidentView), (status = 404, body = crate::web::problem::ProblemDocument)))]
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
) -> Result<Json<IncidentView>, WebError> {
    let row = store::incident::get(app.store.read(), incident_id(&id)?).await?;
    Ok(Json(view(&app, app.store.read(), row, language(&request)).await?))
}

/// Reads an id of a path; what is no id is not found.
pub fn incident_id(text: &str) -> Result<IncidentId, WebError> {
    text.parse().map_err(|_| WebError::NotFound)
}

/// Nothing to say.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// How an incident ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ended {
    /// `inc_…`
    pub id: String,
    /// `closed` or `cancelled`.
    pub state: String,
    /// When.
    pub closed_at: Option<String>,
    /// Why it was cancelled.
    pub reason: Option<String>,
}

pub(super) fn ended(app: &App, row: &incident::Model) -> String {
    json(&Ended {
        id: IncidentId::new(row.id).to_string(),
        state: row.state.clone(),
        closed_at: row.ended_at_ms.map(|at| moment(app, at)),
        reason: row.end_reason.clone(),
    })
}

/// Why an incident is closed or cancelled.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndRequest {
    /// Cancelling needs one: it is told to everybody who was told of the incident. Closing may have one.
    #[serde(default)]
    pub reason: String,
}

/// Closes an incident.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/close", tag = "incidents", request_body = EndRequest,
    params(("id" = String, Path, description = "inc_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Ended), (status = 409, body = crate::web::problem::ProblemDocument)))]
pub async fn close(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<EndRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let work = Work::begin(&app, caller.actor).await?;
    let reason = body.value.reason;
    let done =
        close_incident(work, incident_id(&id)?, &reason, once.as_ref(), |row| ended(&app, row)).await?;
    Ok(reply(done))
}

/// Cancels an incident.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/cancel", tag = "incidents", request_body = EndRequest,
    params(("id" = String, Path, description = "inc_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Ended), (status = 409, body = crate::web::problem::ProblemDocument)))]
pub async fn cancel(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<EndRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let work = Work::begin(&app, caller.actor).await?;
    let reason = body.value.reason;
    let done =
        cancel_incident(work, incident_id(&id)?, &reason, once.as_ref(), |row| ended(&app, row)).await?;
    Ok(reply(done))
}
