//! What is done with an incident as a whole, besides starting and ending it.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    incident::{Ended, IncidentView, ended, incident_id, into_operation, view},
    json, reply,
};
use crate::{
    app::App,
    operation::{OperationError, Work, hold, scene::Scene},
    web::{body::Body, problem::WebError, session::Caller},
};

/// Writes the answer of a verb from its scene.
pub(super) async fn whole(work: &mut Work<'_>, scene: &Scene) -> Result<String, OperationError> {
    let view = view(work.app, &work.tx, scene.incident.clone()).await;
    view.map(|view| json(&view)).map_err(into_operation)
}

/// Starting what is proposed or held.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ActivateRequest {
    /// Values that are filled in or mended; the others stay.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub variables: BTreeMap<String, Value>,
}

/// Sends what is proposed or held, now.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/activate", tag = "incidents", request_body = ActivateRequest,
    params(("id" = String, Path, description = "inc_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IncidentView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn activate(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<ActivateRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let id = incident_id(&id)?;
    let work = Work::begin(&app, caller.actor).await?;
    Ok(reply(hold::activate(work, id, &body.value.variables, once.as_ref(), whole).await?))
}

/// Dropping what is proposed or held.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DismissRequest {
    /// Why; 誤報 where nothing is said.
    #[serde(default)]
    pub reason: String,
}

/// Drops what is proposed or held: nobody outside has heard of it, and nobody does.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/dismiss", tag = "incidents", request_body = DismissRequest,
    params(("id" = String, Path, description = "inc_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Ended), (status = 409, body = crate::web::problem::ProblemDocument)))]
pub async fn dismiss(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<DismissRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let id = incident_id(&id)?;
    let work = Work::begin(&app, caller.actor).await?;
    let done = hold::dismiss(work, id, &body.value.reason, once.as_ref(), |row| ended(&app, row)).await?;
    Ok(reply(done))
}
