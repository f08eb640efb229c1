//! Tasks: what is to be done by whom until when, and what was done.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Json, Path, Query},
};
use entity::task;
use noroshi_core::{
    form,
    id::{PhotoId, TaskId},
    playbook::{Ask, AskKind},
    task::State,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
        AsTyped, OperationError, Work, photo,
        scene::{Scene, text},
        task::{self as tasks, ByHand, Change, shown},
    },
    store,
    web::{
        body::{Body, Raw, check_session, moment, raw_once},
        problem::WebError,
        session::Caller,
    },
};

/// One field that is asked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AskView {
    /// Its key.
    pub key: String,
    /// Words beside it.
    pub label: String,
    /// `text int number time choice bool phone photo`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it must be given.
    pub required: bool,
    /// What can be chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// The view of a field.
pub fn ask_view(ask: &Ask) -> AskView {
    let (kind, options) = match &ask.kind {
        AskKind::Text { .. } => ("text", Vec::new()),
        AskKind::Int { .. } => ("int", Vec::new()),
        AskKind::Number => ("number", Vec::new()),
        AskKind::Time => ("time", Vec::new()),
        AskKind::Choice { options } => ("choice", options.iter().map(|option| option.ja.clone()).collect()),
        AskKind::Bool => ("bool", Vec::new()),
        AskKind::Phone => ("phone", Vec::new()),
        AskKind::Photo => ("photo", Vec::new()),
    };
    AskView {
        key: ask.key.clone(),
        label: ask.label.ja.clone(),
        kind: kind.to_owned(),
        required: ask.required,
        options,
    }
}

/// A task.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TaskView {
    /// `tsk_…`
    pub id: String,
    /// Key in the playbook; null for one made by hand.
    pub key: Option<String>,
    /// The how-manieth of its key: a repeating task comes back with the next number.
    pub number: i32,
    /// Title of its group.
    pub group: Option<String>,
    /// What is to be done.
    pub title: String,
    /// Whom or what it concerns, where an answer opened it.
    pub about: Option<String>,
    /// Key of the role that does it.
    pub role: String,
    /// Key of the person who holds the role; null while it is empty.
    pub person: Option<String>,
    /// Whether the incident waits for it.
    pub required: bool,
    /// `open done not_needed ended`.
    pub state: String,
    /// Keys of tasks that have to be settled first.
    pub blocked_by: Vec<String>,
    /// When it is due; null while what that counts from has not happened, and without a deadline.
    pub due_at: Option<String>,
    /// Whether it is open past its deadline.
    pub late: bool,
    /// Reminders so far.
    pub reminders: i32,
    /// When the next reminder is given.
    pub next_reminder_at: Option<String>,
    /// What is asked for as evidence.
    pub evidence_wanted: Option<AskView>,
    /// The evidence; for photos a list of `pho_…`.
    #[schema(value_type = Object)]
    pub evidence: Option<Value>,
    /// Key of its form.
    pub form: Option<String>,
    /// The fields of the form.
    pub form_fields: Vec<AskView>,
    /// Their values by key.
    #[schema(value_type = Object)]
    pub fields: Option<Value>,
    /// Free words, or the reason why it is not needed.
    pub note: String,
    /// When it was made.
    pub created_at: String,
    /// By whom.
    pub created_by: String,
    /// When it was done, or decided to be not needed, or ended.
    pub settled_at: Option<String>,
    /// By whom.
    pub settled_by: Option<String>,
}

/// The views of tasks of one incident. `all`: every task of the incident, for what they wait for.
pub fn views(app: &App, scene: &Scene, all: &[task::Model], rows: &[task::Model]) -> Vec<TaskView> {
    let now = app.clock.now();
    let own_now = scene.timeline.own(now);
    let at = |own: Option<i64>| {
        let real = own.and_then(|own| scene.timeline.real_time_of(Timestamp(own)));
        real.map(|real| real.rfc3339(app.zone))
    };
    let view = |row: &task::Model| {
        let plan = row.key.as_deref().and_then(|key| scene.playbook.task(key));
        let group = scene.playbook.tasks.iter().find(|group| {
            row.key.is_some() && group.items.iter().any(|item| Some(&item.key) == row.key.as_ref())
        });
        let form = plan.and_then(|plan| form::find(&scene.playbook, plan.form.as_deref()?));
        let open = row.state == State::Open.key();
        TaskView {
            id: TaskId::new(row.id).to_string(),
            key: row.key.clone(),
            number: row.number,
            group: group.and_then(|group| Some(group.title.as_ref()?.ja.clone())),
            title: text(&row.title).ja,
            about: row.about.as_ref().map(|about| text(about).ja),
            role: row.role.clone(),
            person: scene.holder(&row.role, now),
            required: row.required,
            state: row.state.clone(),
            blocked_by: if open { tasks::waits_for(scene, all, row) } else { Vec::new() },
            due_at: at(row.due_own_ms),
            late: open && row.due_own_ms.is_some_and(|due| due < own_now.0),
            reminders: row.reminded,
            next_reminder_at: at(row.next_own_ms),
            evidence_wanted: plan.and_then(|plan| plan.evidence.as_ref()).map(ask_view),
            evidence: row.evidence.clone(),
            form: plan.and_then(|plan| plan.form.clone()),
            form_fields: form.map(|form| form.fields.iter().map(ask_view).collect()).unwrap_or_default(),
            fields: row.fields.clone(),
            note: row.note.clone(),
            created_at: moment(app, row.created_at_ms),
            created_by: row.created_by.clone(),
            settled_at: row.settled_at_ms.map(|at| moment(app, at)),
            settled_by: row.settled_by.clone(),
        }
    };
    rows.iter().map(view).collect()
}

async fn one(work: &mut Work<'_>, scene: &Scene, row: &task::Model) -> Result<String, OperationError> {
    let all = store::task::of_incident(&work.tx, scene.id()).await?;
    Ok(json(&views(work.app, scene, &all, std::slice::from_ref(row)).first()))
}

/// The tasks of an incident, in the playbook's order, those by hand at the end.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/tasks", tag = "tasks",
    params(("id" = String, Path, description = "inc_…"), Page),
    responses((status = 200, body = List<TaskView>)))]
pub async fn list(
    app: Data<App>,
    id: Path<String>,
    page: Query<Page>,
) -> Result<Json<List<TaskView>>, WebError> {
    let db = app.store.read();
    let scene = Scene::load(&app, db, incident_id(&id)?).await?;
    let rows = store::task::of_incident(db, scene.id()).await?;
    let mut views = views(&app, &scene, &rows, &rows);
    if let Some(after) = &page.after {
        let place = views.iter().position(|view| view.id == *after).ok_or(WebError::NotFound)?;
        views.drain(..=place);
    }
    Ok(Json(List::cut(views, page.limit(), |view| view.id.clone())))
}

/// A task by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRequest {
    /// Key of an on-demand task of the playbook; absent is one of your own.
    pub task: Option<String>,
    /// What is to be done; for a task of the playbook, whom or what it concerns.
    #[serde(default)]
    pub title: String,
    /// Key of the role that does it; the playbook's where absent, or one that you hold.
    pub role: Option<String>,
    /// Until when, counted from now: `15m`, `1h30m`.
    pub within: Option<String>,
    /// Whether the incident waits for it.
    #[serde(default)]
    pub required: bool,
}

/// Adds a task by hand.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/tasks", tag = "tasks", request_body = TaskRequest,
    params(("id" = String, Path, description = "inc_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = TaskView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn create(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<TaskRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let wish = body.value;
    let wish = ByHand {
        task: wish.task,
        title: wish.title,
        role: wish.role,
        within: wish.within,
        required: wish.required,
    };
    let work = Work::begin(&app, caller.actor).await?;
    Ok(reply(tasks::create(work, incident_id(&id)?, wish, once.as_ref(), one).await?))
}

/// What becomes of a task.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// `done`, `not_needed` (with the reason as note), `open` (not done after all); absent only keeps what is sent.
    pub state: Option<String>,
    /// The evidence, where the task asks for one: a string, or a number or a boolean where `evidence_wanted.kind` says
    /// so; lists and objects are refused (422). Photos go to `/photos`.
    #[schema(value_type = Option<String>)]
    pub evidence: Option<Value>,
    /// The fields of its form by key.
    #[schema(value_type = Object)]
    pub fields: Option<BTreeMap<String, Value>>,
    /// Free words.
    pub note: Option<String>,
}

/// Marks a task as done, as not needed, or opens it again.
#[utoipa::path(patch, path = "/api/v1/tasks/{id}", tag = "tasks", request_body = ChangeRequest,
    params(("id" = String, Path, description = "tsk_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = TaskView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn change(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<ChangeRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let wish = body.value;
    let state = match wish.state.as_deref().map(State::from_key) {
        None => None,
        Some(Some(state)) if state != State::Ended => Some(state),
        Some(_) => {
            return Err(OperationError::invalid(
                "state",
                "done、not_needed、open のどれかにしてください",
                "must be done, not_needed or open",
            )
            .into());
        }
    };
    let typed = |key: &str| match wish.fields.as_ref()?.get(key)? {
        Value::Null => None,
        value => Some(shown(value)),
    };
    let change = Change {
        state,
        evidence: wish.evidence,
        field: wish.fields.is_some().then_some(&typed as AsTyped<'_>),
        note: wish.note,
    };
    let work = Work::begin(&app, caller.actor).await?;
    Ok(reply(tasks::change(work, task_id(&id)?, change, once.as_ref(), one).await?))
}

/// Adds a photo, JPEG or PNG, as the body of the request. It is kept as it is, with what the camera wrote into it.
#[utoipa::path(post, path = "/api/v1/tasks/{id}/photos", tag = "tasks",
    request_body(content = Vec<u8>, content_type = "image/jpeg"),
    params(("id" = String, Path, description = "tsk_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = TaskView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn add_photo(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Raw,
) -> Result<HttpResponse, WebError> {
    check_session(&request)?;
    let once = raw_once(&request, &caller, &body.0)?;
    let work = Work::begin(&app, caller.actor).await?;
    Ok(reply(photo::add(work, task_id(&id)?, "", &body.0, once.as_ref(), one).await?))
}

/// A photo, as it came.
#[utoipa::path(get, path = "/api/v1/photos/{id}", tag = "tasks",
    params(("id" = String, Path, description = "pho_…")),
    responses((status = 200, content_type = "image/jpeg", description = "the photo")))]
pub async fn photo(app: Data<App>, id: Path<String>) -> Result<HttpResponse, WebError> {
    let id: PhotoId = id.parse().map_err(|_| WebError::NotFound)?;
    let row = store::task::photo(app.store.read(), id).await?;
    let ending = if row.media_type == "image/png" { "png" } else { "jpg" };
    Ok(HttpResponse::Ok()
        .content_type(row.media_type)
        .insert_header((header::CONTENT_DISPOSITION, format!("inline; filename=\"{id}.{ending}\"")))
        // What somebody sent in is shown as a picture and does nothing else.
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((header::CACHE_CONTROL, "private, max-age=86400, immutable"))
        .body(row.bytes))
}

/// Reads an id of a path; what is no id is not found.
pub fn task_id(text: &str) -> Result<TaskId, WebError> {
    text.parse().map_err(|_| WebError::NotFound)
}
