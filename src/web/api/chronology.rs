//! The chronology: two clocks, hash-chained, CSV.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Json, Path, Query},
};
use noroshi_core::{id::IncidentId, text::Language, time::Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    incident::incident_id,
    json,
    list::{List, Page},
    reply,
};
use crate::{
    app::App,
    operation::{
        OperationError, Work,
        chronology::{Entry, write},
        scene::text,
    },
    store,
    web::{
        body::{Body, language, moment},
        problem::WebError,
        session::Caller,
    },
};

/// A line.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineView {
    /// Its number in the incident, from 1.
    pub seq: i32,
    /// When it happened.
    pub occurred_at: String,
    /// When it was written down.
    pub recorded_at: String,
    /// What kind of thing.
    pub kind: String,
    /// Who said or did it.
    pub from: String,
    /// Whom it concerns.
    pub to: String,
    /// What.
    pub text: String,
    /// Who wrote it down.
    pub actor: String,
    /// The line that it corrects.
    pub corrects: Option<i32>,
    /// SHA-256 over the hash before it and every field.
    pub hash: String,
}

/// The view of a line in one language.
pub fn view(app: &App, row: &entity::chronology::Model, language: Language) -> LineView {
    LineView {
        seq: row.seq,
        occurred_at: moment(app, row.occurred_at_ms),
        recorded_at: moment(app, row.recorded_at_ms),
        kind: row.kind.clone(),
        from: text(&row.from_party).get(language).to_owned(),
        to: text(&row.to_party).get(language).to_owned(),
        text: text(&row.text).get(language).to_owned(),
        actor: row.actor.clone(),
        corrects: row.corrects,
        hash: row.hash.clone(),
    }
}

/// The chronology of an incident, in order.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/chronology", tag = "chronology",
    params(("id" = String, Path, description = "inc_…"), Page),
    responses((status = 200, body = List<LineView>)))]
pub async fn list(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
    page: Query<Page>,
) -> Result<Json<List<LineView>>, WebError> {
    let db = app.store.read();
    let id: IncidentId = incident_id(&id)?;
    store::incident::get(db, id).await?;
    let after = page.after.as_deref().map(str::parse).transpose().map_err(|_| WebError::NotFound)?;
    let limit = page.limit();
    let rows = store::chronology::list(db, id, after.unwrap_or(0), limit + 1).await?;
    let language = language(&request);
    let views = rows.iter().map(|row| view(&app, row, language)).collect();
    Ok(Json(List::cut(views, limit, |view: &LineView| view.seq.to_string())))
}

/// The chronology as CSV: UTF-8 with BOM, as spreadsheets in Japan want it.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/chronology.csv", tag = "chronology",
    params(("id" = String, Path, description = "inc_…")),
    responses((status = 200, content_type = "text/csv", body = String)))]
pub async fn csv(request: HttpRequest, app: Data<App>, id: Path<String>) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let id: IncidentId = incident_id(&id)?;
    let incident = store::incident::get(db, id).await?;
    let drill = incident.mode == "drill";
    let language = language(&request);
    let rows = store::chronology::list(db, id, 0, i64::MAX as u64).await?;
    let heads = match language {
        Language::En => {
            ["No.", "Occurred", "Recorded", "Kind", "From", "To", "Text", "Recorded by", "Corrects"]
        }
        _ => ["№", "発生", "記録", "種類", "発信元", "受信先", "内容", "記録者", "訂正"],
    };
    let mut out = String::from("\u{feff}");
    let mark = if drill { noroshi_core::text::DRILL_MARK } else { "" };
    let first = format!("{mark}{}", heads[0]);
    line(&mut out, std::iter::once(first.as_str()).chain(heads[1..].iter().copied()));
    for row in &rows {
        let view = view(&app, row, language);
        let (seq, corrects) =
            (view.seq.to_string(), view.corrects.map(|seq| seq.to_string()).unwrap_or_default());
        let told = format!("{mark}{}", view.text);
        line(
            &mut out,
            [
                &seq,
                &view.occurred_at,
                &view.recorded_at,
                &view.kind,
                &view.from,
                &view.to,
                &told,
                &view.actor,
                &corrects,
            ]
            .into_iter()
            .map(String::as_str),
        );
    }
    let name = format!("{}chronology-{id}.csv", if drill { "drill-kunren-" } else { "" });
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(out))
}

/// One line of CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe.
fn line<'c>(out: &mut String, cells: impl Iterator<Item = &'c str>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            out.push(',');
        }
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
        if cell.contains(['"', ',', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}

/// A line by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineRequest {
    /// When it happened, RFC 3339; now where absent.
    pub occurred_at: Option<String>,
    /// Who said or did it.
    #[serde(default)]
    pub from: String,
    /// Whom it concerns.
    #[serde(default)]
    pub to: String,
    /// What.
    pub text: String,
    /// The line that it corrects.
    pub corrects: Option<i32>,
}

/// Adds a line.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/chronology", tag = "chronology", request_body = LineRequest,
    params(("id" = String, Path, description = "inc_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = LineView), (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn add(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<LineRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let wish = body.value;
    let occurred_at = match wish.occurred_at.as_deref() {
        None => None,
        Some(text) => Some(Timestamp::parse_rfc3339(text).ok_or_else(|| {
            OperationError::invalid(
                "occurred_at",
                "2026-11-24T03:14:00+09:00 の形で入れてください",
                "must be like 2026-11-24T03:14:00+09:00",
            )
        })?),
    };
    let entry = Entry { occurred_at, from: wish.from, to: wish.to, text: wish.text, corrects: wish.corrects };
    let language = language(&request);
    let work = Work::begin(&app, caller.actor).await?;
    let done =
        write(work, incident_id(&id)?, entry, once.as_ref(), |row| json(&view(&app, row, language))).await?;
    Ok(reply(done))
}
