//! The API for programs: JSON in and out, one file for each thing.

pub mod alert;
pub mod channel;
pub mod chronology;
pub mod directory;
pub mod doc;
pub mod health;
pub mod hook;
pub mod incident;
pub mod lifecycle;
pub mod list;
pub mod metrics;
pub mod playbook;
pub mod preflight;
pub mod receipt;
pub mod recipient;
pub mod report;
pub mod role;
pub mod roster;
pub mod task;
pub mod trigger;

use actix_web::HttpResponse;

use super::problem::WebError;
use crate::operation::Reply;

/// The answer of a verb that may have been asked before: the first answer again, word for word.
pub fn reply(reply: Reply) -> HttpResponse {
    let (status, body, again) = match reply {
        Reply::Fresh(status, body) => (status, body, false),
        Reply::Again(status, body) => (status, body, true),
    };
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or(actix_web::http::StatusCode::OK);
    let mut answer = HttpResponse::build(status);
    if again {
        answer.insert_header(("idempotent-replayed", "true"));
    }
    answer.content_type("application/json").body(body)
}

/// Writes one of our own views as JSON.
pub fn json<T: serde::Serialize>(view: &T) -> String {
    serde_json::to_string(view).expect("our own views have only text keys")
}

/// The body of a verb that needs no word more.
#[derive(Debug, Default, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Nothing {}

/// A route that the interface names and a later version fills.
pub async fn not_yet() -> Result<HttpResponse, WebError> {
    Err(WebError::NotYet)
}
