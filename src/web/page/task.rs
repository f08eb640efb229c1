//! `/incidents/{id}/tasks/{tid}`: one task with its form, its evidence, its photos; done, not needed, open again.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use entity::task;
use noroshi_core::{
    form,
    id::{IncidentId, TaskId},
    playbook::{Ask, AskKind},
    rights::Action,
    task::State,
};

use super::{
    answer::{Field, FieldKind, Typed},
    duty::{Desk, TaskLine},
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{asked, frame_of, html, html_with, see, when},
};
use crate::{
    app::App,
    operation::{
        AsTyped, OperationError, Work, photo as photos,
        scene::Scene,
        task::{Change, change, shown},
    },
    store,
    web::{
        body::{self, Posted},
        problem::WebError,
        session::Caller,
        upload::Upload,
    },
};

/// What stands before the key of a field of the form, so that it is never taken for one of the page's own.
pub const FIELD: &str = "f-";

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/task.html", config = "src/web/askama.toml")]
pub struct TaskPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// The task as in the list.
    pub line: TaskLine,
    /// What its deadline counts from, while that has not happened.
    pub anchor: Option<String>,
    /// What was just done, in a sentence.
    pub done: Option<String>,
    /// Title of its form.
    pub form: Option<String>,
    /// The form and the evidence, while it can be changed.
    pub fields: Vec<Field>,
    /// What was recorded, label and value, where it cannot be changed any more.
    pub recorded: Vec<(String, String)>,
    /// Photos by id; none where it asks for none.
    pub photos: Option<Vec<String>>,
    /// What is wrong with the photo.
    pub photo_problem: Option<String>,
    /// The note, as it stands or was typed.
    pub note: String,
    /// What is wrong with the note.
    pub note_problem: Option<String>,
    /// Whether it can be done now.
    pub may_do: bool,
    /// Whether what is typed can be kept.
    pub may_write: bool,
    /// Whether the reader may decide that it is not needed.
    pub may_drop: bool,
    /// The reason that was typed for it, and what is wrong with it.
    pub drop: (String, Option<String>),
    /// Whether it can be opened again.
    pub may_reopen: bool,
    /// The idempotency key.
    pub once: String,
}

impl TaskPage {
    /// `8分超過`.
    pub fn over(&self, late: &str) -> String {
        self.frame.words.with("tasks-elapsed", &[("span", late.to_owned().into())])
    }

    /// `期限は … から数えます`.
    pub fn later(&self, anchor: &str) -> String {
        self.frame.named("tasks-due-later", anchor)
    }
}

/// `GET /incidents/{id}/tasks/{tid}`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    let done = asked(&request, "done");
    let mut page = page(&request, &app, &caller, &path, None).await?;
    let clock = page.frame.clock();
    page.done = done.as_deref().and_then(|done| match done {
        "saved" => Some(page.frame.words.with("task-saved", &[("clock", clock.into())])),
        "photo" => Some(page.frame.words.with("task-photo-added", &[("clock", clock.into())])),
        _ => None,
    });
    Ok(html(&request, &page))
}

/// `POST /incidents/{id}/tasks/{tid}`: `state`, `evidence`, the form's fields, `note`.
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let tid: TaskId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let state = form.get("state").and_then(State::from_key);
    let mut came = Typed::read(form.pairs().iter().cloned());
    let typed = |key: &str| came.values.get(&format!("{FIELD}{key}")).cloned();
    let has_form = form.pairs().iter().any(|(name, _)| name.starts_with(FIELD));
    // The note beside the record and the reason for dropping are two boxes of one page.
    let reason = form.get("reason").map(str::to_owned);
    let wish = Change {
        state,
        evidence: form.get("evidence").map(serde_json::Value::from),
        field: has_form.then_some(&typed as AsTyped<'_>),
        note: reason.clone().or_else(|| form.get("note").map(str::to_owned)),
    };
    let work = Work::begin(&app, caller.actor.clone()).await?;
    let once = form.once(&caller);
    match change(work, tid, wish, once.as_ref(), async |_, _, _| Ok(String::new())).await {
        Ok(_) if state.is_some() => Ok(see(&format!("/incidents/{}/tasks#{}", path.0, path.1))),
        Ok(_) => Ok(see(&format!("/incidents/{}/tasks/{}?done=saved", path.0, path.1))),
        Err(OperationError::Invalid(found)) => {
            let language = when(&request, &app).words.0;
            for invalid in found {
                let key = invalid.path.strip_prefix("fields.").unwrap_or(&invalid.path).to_owned();
                came.problems.insert(key, invalid.detail.get(language).to_owned());
            }
            let mut page = page(&request, &app, &caller, &path, Some(&came)).await?;
            let problem = came.problems.get("note").cloned();
            match reason {
                Some(reason) => page.drop = (reason, problem),
                None => {
                    page.note = form.get("note").unwrap_or_default().to_owned();
                    page.note_problem = problem;
                    page.photo_problem = came.problems.get("evidence").cloned();
                }
            }
            Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /incidents/{id}/tasks/{tid}/photos`.
pub async fn photo(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    upload: Upload,
) -> Result<HttpResponse, WebError> {
    let tid: TaskId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let work = Work::begin(&app, caller.actor.clone()).await?;
    let done = photos::add(work, tid, &upload.name, &upload.bytes, None, async |_, _, _| Ok(String::new()));
    match done.await {
        Ok(_) => Ok(see(&format!("/incidents/{}/tasks/{}?done=photo", path.0, path.1))),
        Err(OperationError::Invalid(found)) => {
            let mut page = page(&request, &app, &caller, &path, None).await?;
            page.photo_problem =
                found.first().map(|invalid| invalid.detail.get(page.frame.words.0).to_owned());
            Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    path: &(String, String),
    typed: Option<&Typed>,
) -> Result<TaskPage, WebError> {
    let id: IncidentId = path.0.parse().map_err(|_| WebError::NotFound)?;
    let tid: TaskId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let db = app.store.read();
    let row = store::task::get(db, tid).await?;
    if row.incident_id != id.raw() {
        return Err(WebError::NotFound);
    }
    let all = store::task::of_incident(db, id).await?;
    let scene = Scene::load(app, db, id).await?;
    let office = scene.directory.office().get(body::language(request)).to_owned();
    let frame = frame_of(request, app, caller, Room::Incidents, office);
    let desk = Desk { scene: &scene, frame: &frame, caller };
    let plan = row.key.as_deref().and_then(|key| scene.playbook.task(key));
    let is_open = row.state == State::Open.key();
    let may_write = is_open && desk.may_write();
    let wants_photo =
        plan.and_then(|plan| plan.evidence.as_ref()).is_some_and(|ask| ask.kind == AskKind::Photo);
    let (fields, recorded) = asked_and_said(&scene, &frame, &row, typed, may_write);
    let photos = wants_photo.then(|| {
        let photos = row.evidence.as_ref().and_then(|json| json.as_array()).into_iter().flatten();
        photos.filter_map(|photo| photo.as_str().map(str::to_owned)).collect()
    });
    let settled = State::from_key(&row.state).is_some_and(State::is_settled);
    Ok(TaskPage {
        line: desk.task(&all, &row),
        anchor: row.due_own_ms.is_none().then(|| desk.anchor(&row)).flatten(),
        done: None,
        form: plan
            .and_then(|plan| plan.form.as_deref())
            .map(|key| form::title(key).get(frame.words.0).to_owned()),
        fields,
        recorded,
        photos,
        photo_problem: None,
        note: row.note.clone(),
        note_problem: None,
        may_do: may_write && !row.blocked,
        may_write,
        may_drop: is_open && desk.may(Action::Decide, desk.holds(&row.role)),
        drop: (String::new(), None),
        may_reopen: settled && scene.is_open() && desk.may_write(),
        once: app.chance.token(),
        head: facts::head(app, &scene, caller, &frame, Tab::Tasks).await?,
        frame,
    })
}

/// A field that may be filled in already: a time is one line then, so that a kept one never stands over a tapped one.
pub fn filled_in(ask: &Ask, name: String, frame: &Frame, typed: &Typed) -> Field {
    let mut field = Field::new(ask, name, frame.words, typed);
    if matches!(field.kind, FieldKind::Time(_)) {
        field.kind = FieldKind::Line { keys: "text", max: 0 };
    }
    field
}

/// What is asked while it can be changed, and what was said where it cannot.
fn asked_and_said(
    scene: &Scene,
    frame: &Frame,
    row: &task::Model,
    came: Option<&Typed>,
    may_write: bool,
) -> (Vec<Field>, Vec<(String, String)>) {
    let language = frame.words.0;
    let plan = row.key.as_deref().and_then(|key| scene.playbook.task(key));
    let evidence = plan.and_then(|plan| plan.evidence.as_ref()).filter(|ask| ask.kind != AskKind::Photo);
    let form = plan.and_then(|plan| form::find(&scene.playbook, plan.form.as_deref()?));
    let kept = |key: &str| row.fields.as_ref().and_then(|fields| fields.get(key));
    if !may_write {
        let label = |ask: &Ask, value| {
            (ask.label.get(language).to_owned(), form::shown(ask, value, language).into_owned())
        };
        let of_form = form.iter().flat_map(|form| &form.fields);
        let mut said: Vec<_> = of_form.filter_map(|ask| Some(label(ask, kept(&ask.key)?))).collect();
        said.extend(evidence.and_then(|ask| Some(label(ask, row.evidence.as_ref()?))));
        return (Vec::new(), said);
    }
    let mut typed = Typed::default();
    for ask in form.iter().flat_map(|form| &form.fields) {
        if let Some(value) = kept(&ask.key) {
            typed.values.insert(format!("{FIELD}{}", ask.key), shown(value));
        }
    }
    if let Some(value) = &row.evidence {
        typed.values.insert("evidence".into(), shown(value));
    }
    if let Some(came) = came {
        typed.problems = came.problems.clone();
        // What came in stands over what was kept, blank fields too.
        typed.values = came.values.clone();
    }
    let of_form = form.iter().flat_map(|form| &form.fields);
    let mut fields: Vec<Field> =
        of_form.map(|ask| filled_in(ask, format!("{FIELD}{}", ask.key), frame, &typed)).collect();
    fields.extend(evidence.map(|ask| filled_in(ask, "evidence".into(), frame, &typed)));
    fields.retain(Field::askable);
    (fields, Vec::new())
}
