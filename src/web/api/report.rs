//! Situation reports: planned, written, approved, missed.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Path, Query},
};
use entity::report;
use noroshi_core::{id::ReportId, report::State, time::Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    incident::{EndRequest, incident_id},
    json,
    list::{List, Page},
    recipient::{DecideRequest, DecisionView, decision_view},
    reply,
    task::{AskView, ask_view},
};
use crate::{
    app::App,
    operation::{
        OperationError, Work,
        report::{self as reports, Wish, form_of, former, kind_of, values},
        scene::Scene,
        task::shown,
    },
    store::{self, StoreError},
    web::{
        body::{Body, moment},
        problem::WebError,
        session::Caller,
    },
};

/// A report.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReportView {
    /// `rpt_…`
    pub id: String,
    /// Key of its kind in the playbook.
    pub report: String,
    /// The how-manieth of its kind.
    pub number: i32,
    /// Title of its kind.
    pub title: String,
    /// `due submitted returned approved skipped ended`.
    pub state: String,
    /// Whether a person has to decide about it.
    pub to_decide: bool,
    /// Whether it is past its due moment and neither sent out nor decided.
    pub late: bool,
    /// When it is due.
    pub due_at: Option<String>,
    /// When the next reminder or the decision comes.
    pub next_step_at: Option<String>,
    /// Key of the role that writes it.
    pub author: String,
    /// Key of the role that approves it.
    pub approver: Option<String>,
    /// Keys of the channels that hear it.
    pub audience: Vec<String>,
    /// Key of its form.
    pub form: String,
    /// The fields of the form.
    pub form_fields: Vec<AskView>,
    /// The values by key; null while nothing was written.
    #[schema(value_type = Object)]
    pub fields: Option<Value>,
    /// The values of the report before it.
    #[schema(value_type = Object)]
    pub former: BTreeMap<String, Value>,
    /// Keys whose values differ from the report before it.
    pub changed: Vec<String>,
    /// When it was written last.
    pub written_at: Option<String>,
    /// By whom.
    pub written_by: Option<String>,
    /// When it was approved and went out.
    pub approved_at: Option<String>,
    /// By whom.
    pub approved_by: Option<String>,
    /// Why it came back, where it did.
    pub returned_because: Option<String>,
    /// What can be decided when it does not come.
    pub options: Vec<String>,
    /// What was decided.
    pub decision: Option<DecisionView>,
}

/// The views of reports of one incident. `all`: every report of the incident, for the values before.
pub fn views(
    app: &App,
    scene: &Scene,
    all: &[report::Model],
    rows: &[report::Model],
) -> Result<Vec<ReportView>, StoreError> {
    let own_now = scene.timeline.own(app.clock.now());
    let at = |own: Option<i64>| {
        let real = own.and_then(|own| scene.timeline.real_time_of(Timestamp(own)));
        real.map(|real| real.rfc3339(app.zone))
    };
    let view = |row: &report::Model| {
        let kind = kind_of(scene, row)?;
        let open = State::from_key(&row.state).is_some_and(State::is_open);
        let changed = row.changed.clone().and_then(|json| serde_json::from_value(json).ok());
        Ok(ReportView {
            id: ReportId::new(row.id).to_string(),
            report: row.key.clone(),
            number: row.number,
            title: kind.title.ja.clone(),
            state: row.state.clone(),
            to_decide: row.decide_since_ms.is_some(),
            late: open && row.due_own_ms < own_now.0,
            due_at: at(Some(row.due_own_ms)),
            next_step_at: at(row.next_own_ms),
            author: kind.author.clone(),
            approver: kind.approver.clone(),
            audience: kind.audience.clone(),
            form: kind.form.clone(),
            form_fields: form_of(scene, kind)?.fields.iter().map(ask_view).collect(),
            fields: row.fields.clone(),
            former: former(all, row).map(values).unwrap_or_default(),
            changed: changed.unwrap_or_default(),
            written_at: row.written_at_ms.map(|at| moment(app, at)),
            written_by: row.written_by.clone(),
            approved_at: row.approved_at_ms.map(|at| moment(app, at)),
            approved_by: row.approved_by.clone(),
            returned_because: row.returned_because.clone(),
            options: kind.if_missed.options.iter().map(|option| option.label.ja.clone()).collect(),
            decision: row.decision.as_ref().and_then(|json| decision_view(app, json)),
        })
    };
    rows.iter().map(view).collect()
}

async fn one(work: &mut Work<'_>, scene: &Scene, row: &report::Model) -> Result<String, OperationError> {
    let all = store::report::of_incident(&work.tx, scene.id()).await?;
    Ok(json(&views(work.app, scene, &all, std::slice::from_ref(row))?.first()))
}

/// The reports of an incident, by kind and number: what went out, what is due, what comes next.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/reports", tag = "reports",
    params(("id" = String, Path, description = "inc_…"), Page),
    responses((status = 200, body = List<ReportView>)))]
pub async fn list(
    app: Data<App>,
    id: Path<String>,
    page: Query<Page>,
) -> Result<Json<List<ReportView>>, WebError> {
    let db = app.store.read();
    let scene = Scene::load(&app, db, incident_id(&id)?).await?;
    let rows = store::report::of_incident(db, scene.id()).await?;
    let mut views = views(&app, &scene, &rows, &rows)?;
    if let Some(after) = &page.after {
        let place = views.iter().position(|view| view.id == *after).ok_or(WebError::NotFound)?;
        views.drain(..=place);
    }
    Ok(Json(List::cut(views, page.limit(), |view| view.id.clone())))
}

/// What is written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportRequest {
    /// Key of the report in the playbook; not needed where it has one kind.
    pub report: Option<String>,
    /// Which number; absent is the one whose turn it is.
    pub number: Option<i32>,
    /// The fields by key. What is not sent keeps its former value where the playbook carries values forward; null
    /// clears it.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: BTreeMap<String, Value>,
    /// Whether it is handed in; `false` only keeps it. `true` where absent.
    pub submit: Option<bool>,
}

/// Writes a report. Where the writer may approve it, or nobody has to, it goes out at once.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/reports", tag = "reports", request_body = ReportRequest,
    params(("id" = String, Path, description = "inc_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = ReportView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn write(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<ReportRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let wish = body.value;
    let typed = |key: &str| match wish.fields.get(key)? {
        Value::Null => Some(String::new()),
        value => Some(shown(value)),
    };
    let wish = Wish {
        report: wish.report.clone(),
        number: wish.number,
        field: &typed,
        keys: wish.fields.keys().cloned().collect(),
        submit: wish.submit.unwrap_or(true),
    };
    let work = Work::begin(&app, caller.actor).await?;
    Ok(reply(reports::write(work, incident_id(&id)?, wish, once.as_ref(), one).await?))
}

/// Approves a report; it goes out.
#[utoipa::path(post, path = "/api/v1/reports/{id}/approve", tag = "reports",
    params(("id" = String, Path, description = "rpt_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = ReportView), (status = 409, body = crate::web::problem::ProblemDocument)))]
pub async fn approve(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<Nothing>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let work = Work::begin(&app, caller.actor).await?;
    Ok(reply(reports::approve(work, report_id(&id)?, once.as_ref(), one).await?))
}

/// Nothing but the wish itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Sends a report back to its author.
#[utoipa::path(post, path = "/api/v1/reports/{id}/return", tag = "reports", request_body = EndRequest,
    params(("id" = String, Path, description = "rpt_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = ReportView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn send_back(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<EndRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let work = Work::begin(&app, caller.actor).await?;
    let reason = &body.value.reason;
    Ok(reply(reports::send_back(work, report_id(&id)?, reason, once.as_ref(), one).await?))
}

/// Decides about a report that did not come.
#[utoipa::path(post, path = "/api/v1/reports/{id}/decide", tag = "reports", request_body = DecideRequest,
    params(("id" = String, Path, description = "rpt_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = ReportView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn decide(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<DecideRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let wish = body.value;
    let work = Work::begin(&app, caller.actor).await?;
    let done = reports::decide(work, report_id(&id)?, &wish.option, &wish.note, None, once.as_ref(), one);
    Ok(reply(done.await?))
}

/// Reads an id of a path; what is no id is not found.
pub fn report_id(text: &str) -> Result<ReportId, WebError> {
    text.parse().map_err(|_| WebError::NotFound)
}
