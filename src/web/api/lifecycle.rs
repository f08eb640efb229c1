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
    incident::{Ended, IncidentView, Nothing, ended, incident_id, whole},
    reply,
};
use crate::{
    app::App,
    operation::{OperationError, Work, closing, hold},
    web::{
        body::{Body, language},
        problem::WebError,
        session::Caller,
    },
};

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
    Ok(reply(
        hold::activate(work, id, &body.value.variables, once.as_ref(), whole(language(&request))).await?,
    ))
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

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident $path:literal $verb:path;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "incidents", request_body = Nothing,
            params(("id" = String, Path, description = "inc_…"), ("Idempotency-Key" = Option<String>, Header)),
            responses((status = 200, body = IncidentView),
                (status = 409, body = crate::web::problem::ProblemDocument)))]
        pub async fn $name(
            request: HttpRequest,
            app: Data<App>,
            caller: Caller,
            id: Path<String>,
            body: Body<Nothing>,
        ) -> Result<HttpResponse, WebError> {
            let once = body.once(&request, &caller)?;
            let id = incident_id(&id)?;
            let work = Work::begin(&app, caller.actor).await?;
            Ok(reply($verb(work, id, once.as_ref(), whole(language(&request))).await?))
        }
    )*};
}

steps! {
    /// The worst is over.
    stabilise "/api/v1/incidents/{id}/stabilise" closing::stabilise;
    /// Proposes to close; `/close` is the approval.
    propose_close "/api/v1/incidents/{id}/propose-close" closing::propose_close;
    /// Says no to a proposal to close.
    keep_open "/api/v1/incidents/{id}/keep-open" closing::keep_open;
    /// The incident was looked back at.
    review "/api/v1/incidents/{id}/review" closing::review;
}

/// Where an incident goes on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeRequest {
    /// `inc_…`: another one that runs.
    pub into: String,
}

/// Merges an incident into another one: it ends, and whoever was told of it is told once where it goes on.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/merge", tag = "incidents", request_body = MergeRequest,
    params(("id" = String, Path, description = "inc_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = IncidentView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn merge(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<MergeRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let id = incident_id(&id)?;
    let into = body.value.into.parse().map_err(|_| {
        OperationError::invalid("into", "事案のidを入れてください", "must be the id of an incident")
    })?;
    let work = Work::begin(&app, caller.actor).await?;
    Ok(reply(crate::operation::merge::merge(work, id, into, once.as_ref(), whole(language(&request))).await?))
}
