//! Trigger events: told by programs, and listed with what each led to.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Query},
};
use entity::{trigger_event, trigger_outcome};
use noroshi_core::{
    id::{IncidentId, TriggerEventId},
    playbook::Source,
    rights::Action,
    time::Timestamp,
    trigger::Event,
};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    incident::Mode,
    json,
    list::{List, Page},
    reply,
};
use crate::{
    app::App,
    failpoint::reached,
    operation::{
        Invalid, OperationError, Work,
        scene::text,
        trigger::{Report, take, takes},
    },
    store::{self, StoreError},
    web::{
        body::{Body, moment},
        problem::WebError,
        session::Caller,
    },
};

/// Something happened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventRequest {
    /// `jma.earthquake`, `jma.tsunami`, `cap`, `webhook` or `schedule`.
    pub source: String,
    /// Only triggers of this key listen; all of the source where absent.
    pub trigger: Option<String>,
    /// The source's own name for the happening: the same when it is told again.
    pub id: String,
    /// What it says, by name.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub values: BTreeMap<String, Value>,
    /// When it happened, RFC 3339; now where absent.
    pub occurred_at: Option<String>,
    /// `live` where absent.
    pub mode: Option<Mode>,
}

/// An event, and what it led to.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// `trg_…`
    pub id: String,
    /// Who said so.
    pub source: String,
    /// Only triggers of this key listened.
    pub trigger: Option<String>,
    /// The source's own name for the happening.
    pub event_id: String,
    /// `live` or `drill`.
    pub mode: String,
    /// What it said.
    #[schema(value_type = Object)]
    pub values: Value,
    /// When it happened.
    pub occurred_at: String,
    /// When it was told.
    pub recorded_at: String,
    /// How many seconds later than the calendar said.
    pub late_by_s: Option<i64>,
    /// What it led to, one for each trigger that heard it.
    pub outcomes: Vec<OutcomeView>,
}

/// What an event led to in one playbook.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomeView {
    /// Key of the playbook.
    pub playbook: String,
    /// Key of its trigger.
    pub trigger: String,
    /// `suggest`, `hold`, `send`: an incident was opened; `attach`: it was noted in one; `ignore`, `nothing`, `refused`.
    pub decision: String,
    /// Why.
    pub reason: String,
    /// The incident, where there is one.
    pub incident: Option<String>,
}

/// Tells of a happening: every playbook in force is asked what it does about it.
#[utoipa::path(post, path = "/api/v1/trigger-events", tag = "triggers", request_body = EventRequest,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = EventView), (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn report(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    body: Body<EventRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let report = read(body.value).map_err(OperationError::Invalid)?;
    let mut work = Work::begin(&app, caller.actor).await?;
    work.actor.must(Action::Start, "report a trigger event")?;
    if let Some(again) = work.once(once.as_ref()).await? {
        return Ok(reply(again));
    }
    let (row, _) = take(&mut work, report, None).await?;
    let view = views(&app, &work.tx, vec![row]).await?.remove(0);
    let done = work.keep(once.as_ref(), 201, json(&view)).await?;
    work.commit().await?;
    reached("trigger.committed");
    Ok(reply(done))
}

fn read(wish: EventRequest) -> Result<Report, Vec<Invalid>> {
    let mut problems = Vec::new();
    let source = Source::from_key(&wish.source).filter(|source| takes(*source));
    if source.is_none() {
        let known = Source::ALL.into_iter().filter(|source| takes(*source)).map(Source::key);
        let known = known.collect::<Vec<_>>().join(", ");
        problems.push(Invalid::new(
            "source",
            format!("次のどれかにしてください: {known}。人が始める場合は POST /api/v1/incidents です"),
            format!("must be one of {known}; what a person starts goes to POST /api/v1/incidents"),
        ));
    }
    if wish.id.trim().is_empty() || wish.id.chars().count() > 200 {
        problems.push(Invalid::new(
            "id",
            "1文字から200文字で入れてください",
            "must have 1 to 200 characters",
        ));
    }
    let occurred_at = wish.occurred_at.as_deref().map(Timestamp::parse_rfc3339);
    if occurred_at == Some(None) {
        problems.push(Invalid::new(
            "occurred_at",
            "2026-11-24T03:14:00+09:00 のように書いてください",
            "must be RFC 3339 with an offset",
        ));
    }
    match (source, problems.is_empty()) {
        (Some(source), true) => Ok(Report {
            event: Event { source, trigger: wish.trigger, id: wish.id, values: wish.values },
            drill: wish.mode == Some(Mode::Drill),
            occurred_at: occurred_at.flatten(),
            once: None,
            late_by: None,
        }),
        _ => Err(problems),
    }
}

/// Events, newest first.
#[utoipa::path(get, path = "/api/v1/trigger-events", tag = "triggers", params(Page),
    responses((status = 200, body = List<EventView>)))]
pub async fn list(app: Data<App>, page: Query<Page>) -> Result<Json<List<EventView>>, WebError> {
    let db = app.store.read();
    let after: Option<TriggerEventId> =
        page.after.as_deref().map(str::parse).transpose().map_err(|_| WebError::NotFound)?;
    let limit = page.limit();
    let rows = store::trigger::list(db, after.map(TriggerEventId::raw), limit + 1).await?;
    let views = views(&app, db, rows).await?;
    Ok(Json(List::cut(views, limit, |view| view.id.clone())))
}

/// The views of events, in their order.
pub async fn views(
    app: &App,
    db: &impl ConnectionTrait,
    rows: Vec<trigger_event::Model>,
) -> Result<Vec<EventView>, StoreError> {
    let mut outcomes: BTreeMap<_, Vec<trigger_outcome::Model>> = BTreeMap::new();
    for row in store::trigger::outcomes(db, rows.iter().map(|row| row.id).collect()).await? {
        outcomes.entry(row.trigger_event_id).or_default().push(row);
    }
    let view = |row: trigger_event::Model| EventView {
        id: TriggerEventId::new(row.id).to_string(),
        outcomes: outcomes.remove(&row.id).unwrap_or_default().into_iter().map(outcome).collect(),
        source: row.source,
        trigger: row.trigger_key,
        event_id: row.event_id,
        mode: row.mode,
        values: row.content,
        occurred_at: moment(app, row.occurred_at_ms),
        recorded_at: moment(app, row.recorded_at_ms),
        late_by_s: row.late_by_ms.map(|late| late / 1000),
    };
    Ok(rows.into_iter().map(view).collect())
}

fn outcome(row: trigger_outcome::Model) -> OutcomeView {
    OutcomeView {
        playbook: row.playbook,
        trigger: row.trigger_key,
        decision: row.decision,
        reason: text(&row.reason).ja,
        incident: row.incident_id.map(|id| IncidentId::new(id).to_string()),
    }
}
