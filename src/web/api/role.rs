//! The chairs of an incident: who sits in them, who is asked to.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Path},
};
use entity::incident_role;
use noroshi_core::{id::IncidentId, text::Language, time::Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{Nothing, json, list::List, reply};
use crate::{
    app::App,
    operation::{
        Work,
        role::{Deed, act},
        scene::{Scene, text},
    },
    web::{
        body::{Body, language, moment},
        problem::{ProblemDocument, WebError},
        session::Caller,
    },
};

/// A chair.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RoleView {
    /// Readable key.
    pub key: String,
    /// Title for people.
    pub title: String,
    /// `vacant`, `offered`, `accepted` or `handing_over`.
    pub state: String,
    /// Key of the person who has accepted; null while nobody has.
    pub person: Option<String>,
    /// Name of that person.
    pub name: Option<String>,
    /// When the chair was accepted for the first time.
    pub accepted_at: Option<String>,
    /// Since when it has been held by this person, or empty.
    pub since: String,
    /// Who is asked now.
    pub offer: Option<OfferView>,
}

/// A running offer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OfferView {
    /// Key of the person who is asked.
    pub to: String,
    /// Name of that person.
    pub name: Option<String>,
    /// Until when the answer is waited for.
    pub until: Option<String>,
    /// Who asks, where it is a person.
    pub by: Option<String>,
}

/// The view of a chair; titles and names in the reader's language.
pub fn view(app: &App, scene: &Scene, row: &incident_role::Model, language: Language) -> RoleView {
    let name = |name: &Option<Value>| name.as_ref().map(|name| text(name).get(language).to_owned());
    let until = row.offer_until_own_ms.and_then(|until| scene.timeline.real_time_of(Timestamp(until)));
    RoleView {
        key: row.key.clone(),
        title: text(&row.title).get(language).to_owned(),
        state: row.state.clone(),
        person: row.person.clone(),
        name: name(&row.name),
        accepted_at: row.accepted_at_ms.map(|at| moment(app, at)),
        since: moment(app, row.since_ms),
        offer: row.offered_to.as_ref().map(|to| OfferView {
            to: to.clone(),
            name: name(&row.offered_name),
            until: until.map(|until| until.rfc3339(app.zone)),
            by: row.offered_by.clone(),
        }),
    }
}

/// The chairs of an incident, in the playbook's order.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/roles", tag = "roles",
    params(("id" = String, Path, description = "inc_…")), responses((status = 200, body = List<RoleView>)))]
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
) -> Result<Json<List<RoleView>>, WebError> {
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let scene = Scene::load(&app, app.store.read(), id).await?;
    let items = scene.roles.iter().map(|row| view(&app, &scene, row, language(&request))).collect();
    Ok(Json(List { items, next: None }))
}

/// Whom to ask.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferRequest {
    /// Key of a person of the directory.
    pub to: String,
}

/// Whose word it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerRequest {
    /// Key of the person whose word by telephone is typed in; absent is the account's own person.
    pub person: Option<String>,
}

/// Offers an empty chair to a person of the directory, instead of whoever is asked now.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/roles/{key}/offer", tag = "roles", request_body = OfferRequest,
    params(("id" = String, Path, description = "inc_…"), ("key" = String, Path, description = "the role"),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RoleView), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub async fn offer(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    body: Body<OfferRequest>,
) -> Result<HttpResponse, WebError> {
    let deed = Deed::Offer { to: body.value.to.clone() };
    answer(&request, &app, caller, &path, &body, deed).await
}

/// Takes a chair that was offered, or that is empty and whose `fill` names the person. A late acceptance is taken
/// while nobody holds the chair.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/roles/{key}/accept", tag = "roles", request_body = AnswerRequest,
    params(("id" = String, Path, description = "inc_…"), ("key" = String, Path, description = "the role"),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RoleView), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub async fn accept(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    body: Body<AnswerRequest>,
) -> Result<HttpResponse, WebError> {
    let deed = Deed::Accept { person: body.value.person.clone() };
    answer(&request, &app, caller, &path, &body, deed).await
}

/// Does not take a chair that was offered: the next one is asked at once.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/roles/{key}/decline", tag = "roles", request_body = AnswerRequest,
    params(("id" = String, Path, description = "inc_…"), ("key" = String, Path, description = "the role"),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RoleView), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub async fn decline(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    body: Body<AnswerRequest>,
) -> Result<HttpResponse, WebError> {
    let deed = Deed::Decline { person: body.value.person.clone() };
    answer(&request, &app, caller, &path, &body, deed).await
}

/// Asks a person of the directory to take over a chair; its holder keeps it until that person has accepted.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/roles/{key}/hand-over", tag = "roles",
    request_body = OfferRequest,
    params(("id" = String, Path, description = "inc_…"), ("key" = String, Path, description = "the role"),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RoleView), (status = 409, body = ProblemDocument),
        (status = 422, body = ProblemDocument)))]
pub async fn hand_over(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    body: Body<OfferRequest>,
) -> Result<HttpResponse, WebError> {
    let deed = Deed::HandOver { to: body.value.to.clone() };
    answer(&request, &app, caller, &path, &body, deed).await
}

/// Gives a chair up: the others of its `fill` are asked.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/roles/{key}/release", tag = "roles", request_body = Nothing,
    params(("id" = String, Path, description = "inc_…"), ("key" = String, Path, description = "the role"),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RoleView), (status = 409, body = ProblemDocument)))]
pub async fn release(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    body: Body<Nothing>,
) -> Result<HttpResponse, WebError> {
    answer(&request, &app, caller, &path, &body, Deed::Release).await
}

async fn answer<T: serde::de::DeserializeOwned + 'static>(
    request: &HttpRequest,
    app: &App,
    caller: Caller,
    (id, key): &(String, String),
    body: &Body<T>,
    deed: Deed,
) -> Result<HttpResponse, WebError> {
    let once = body.once(request, &caller)?;
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let work = Work::begin(app, caller.actor).await?;
    let done = act(work, id, key, deed, once.as_ref(), |work, scene| {
        json(&scene.role(key).map(|row| view(work.app, scene, row, language(request))))
    })
    .await?;
    Ok(reply(done))
}
