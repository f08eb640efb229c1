//! A document that goes with an alert, for whoever holds the link and for people who are signed in.

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Path},
};
use noroshi_core::{
    id::{AlertId, IncidentId},
    text::DRILL_MARK,
};

use crate::{app::App, store, web::problem::WebError};

/// `GET /incidents/{id}/alerts/{aid}/documents/{n}`.
pub async fn get(app: Data<App>, path: Path<(String, String, usize)>) -> Result<HttpResponse, WebError> {
    let (_, alert, place) = path.into_inner();
    serve(&app, alert.parse().map_err(|_| WebError::NotFound)?, place).await
}

/// Sends the document that stands at `place` in the alert's list. A drill's carries the drill mark in its name.
pub(super) async fn serve(app: &App, alert: AlertId, place: usize) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let alert = store::alert::get(db, alert).await?;
    let rule = store::alert::rule(&alert)?;
    let wanted = rule.plan.attach.get(place).ok_or(WebError::NotFound)?;
    let incident = store::incident::get(db, IncidentId::new(alert.incident_id)).await?;
    let document = store::attachment::get(db, incident.playbook_version_id, &wanted.name).await?;
    let mark = if incident.mode == "drill" { DRILL_MARK } else { "" };
    let name = encoded(&format!("{mark}{}", wanted.file_name()));
    // A viewer inside the browser would fall under our own strict policy.
    let way = if document.media_type == "application/pdf" { "attachment" } else { "inline" };
    Ok(HttpResponse::Ok()
        .content_type(document.media_type)
        .insert_header((header::CONTENT_DISPOSITION, format!("{way}; filename*=UTF-8''{name}")))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'"))
        .body(document.bytes))
}

/// Every byte that RFC 8187 does not let stand as it is, as `%XX`.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
