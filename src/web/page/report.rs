//! `/incidents/{id}/reports/{rid}`: one report. Its form with the former values beside it; approval; the decision about
//! one that did not come.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use entity::report;
use noroshi_core::{
    form,
    id::{IncidentId, ReportId},
    playbook::Ask,
    report::State,
    time::Timestamp,
};

use super::{
    answer::{Field, FieldKind, Typed},
    decide::DecideForm,
    duty::Desk,
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{asked, frame_of, html, html_with, see, when},
    mark::Mark,
    task::{FIELD, filled_in},
    when::Moment,
};
use crate::{
    app::App,
    operation::{
        OperationError, Work,
        report::{self as reports, Wish, carried, form_of, former, kind_of, values},
        scene::Scene,
        task::shown,
    },
    store,
    web::{
        body::{self, Posted},
        problem::WebError,
        session::Caller,
    },
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/report.html", config = "src/web/askama.toml")]
pub struct ReportPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// `rpt_…`.
    pub id: String,
    /// 状況報告 第2報.
    pub name: String,
    /// Its shape.
    pub mark: Mark,
    /// Its state in a word.
    pub word: String,
    /// When it is due.
    pub due: Moment,
    /// Who writes, approves and hears it; who did when.
    pub facts: Vec<String>,
    /// What was just done, in a sentence.
    pub done: Option<String>,
    /// Why it came back.
    pub reason: Option<String>,
    /// The form; none where it cannot be written now.
    pub form: Option<Vec<FormLine>>,
    /// Whether whoever hands it in sends it out at once.
    pub sends_out: bool,
    /// What it says, where it was written and is only read.
    pub content: Vec<ContentLine>,
    /// The channels that hear it, where the reader may approve it now.
    pub approval: Option<String>,
    /// The reason for sending it back that was typed, and what is wrong with it.
    pub back: (String, Option<String>),
    /// The form for the decision; none where nothing can be decided.
    pub decide: Option<DecideForm>,
    /// Whether the decision is due; otherwise it is only possible.
    pub decision_due: bool,
    /// The idempotency key.
    pub once: String,
}

/// One field of the form, with the value that it had before.
#[derive(Clone, Debug)]
pub struct FormLine {
    /// The field.
    pub field: Field,
    /// `前回 9`, where there was a value before.
    pub former: Option<String>,
    /// The value before as it is typed, where there was a report before: what differs from it is marked.
    pub baseline: Option<String>,
    /// Whether what stands in the field differs from it.
    pub changed: bool,
}

/// One field as it is read.
#[derive(Clone, Debug)]
pub struct ContentLine {
    /// Words beside it.
    pub label: String,
    /// The value; empty where there is none.
    pub value: String,
    /// `前回 9`, where it has changed.
    pub former: Option<String>,
}

impl ReportPage {
    /// Whether the form begins with values of the report before.
    pub fn has_former(&self) -> bool {
        self.form.iter().flatten().any(|line| line.former.is_some())
    }

    /// `期限 03:29`.
    pub fn due_at(&self) -> String {
        self.frame.words.with("tasks-due", &[("clock", self.due.clock.clone().into())])
    }

    /// `承認すると、すぐに 指揮本部、DMAT へ発信します。`
    pub fn goes_to(&self, channels: &str) -> String {
        self.frame.named("report-approval-why", channels)
    }
}

/// `GET /incidents/{id}/reports/{rid}`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    let done = asked(&request, "done");
    let mut page = page(&request, &app, &caller, &path, None).await?;
    let clock = page.frame.clock();
    page.done = done.as_deref().and_then(|done| {
        let key = match done {
            "saved" => "report-saved",
            "submitted" => "report-done-submitted",
            "approved" => "report-done-approved",
            "returned" => "report-done-returned",
            "decided" => "report-done-decided",
            _ => return None,
        };
        Some(page.frame.words.with(key, &[("clock", clock.into())]))
    });
    Ok(html(&request, &page))
}

/// `POST /incidents/{id}/reports/{rid}`: what is written, handed in or kept.
pub async fn write(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let incident: IncidentId = path.0.parse().map_err(|_| WebError::NotFound)?;
    let row = store::report::get(app.store.read(), rid(&path)?).await?;
    // A group of buttons of which none is pressed sends nothing: on the page that means that nothing is chosen.
    let mut came = Typed::read(form.pairs().iter().cloned());
    let typed = |key: &str| Some(came.values.get(&format!("{FIELD}{key}")).cloned().unwrap_or_default());
    let submit = form.get("save").is_none();
    let wish =
        Wish { report: Some(row.key), number: Some(row.number), field: &typed, keys: Vec::new(), submit };
    let work = Work::begin(&app, caller.actor.clone()).await?;
    let once = form.once(&caller);
    let state = async |_: &mut Work<'_>, _: &Scene, row: &report::Model| Ok(row.state.clone());
    match reports::write(work, incident, wish, once.as_ref(), state).await {
        Ok(_) if !submit => Ok(away(&path, "saved")),
        Ok(_) => {
            let state = store::report::get(app.store.read(), rid(&path)?).await?.state;
            Ok(away(&path, if state == State::Approved.key() { "approved" } else { "submitted" }))
        }
        Err(OperationError::Invalid(found)) => {
            let language = when(&request, &app).words.0;
            for invalid in found {
                let key = invalid.path.strip_prefix("fields.").unwrap_or(&invalid.path).to_owned();
                came.problems.insert(key, invalid.detail.get(language).to_owned());
            }
            let page = page(&request, &app, &caller, &path, Some(&came)).await?;
            Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST …/approve`.
pub async fn approve(
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    _form: Posted,
) -> Result<HttpResponse, WebError> {
    let work = Work::begin(&app, caller.actor).await?;
    reports::approve(work, rid(&path)?, None, async |_, _, _| Ok(String::new())).await?;
    Ok(away(&path, "approved"))
}

/// `POST …/return`.
pub async fn send_back(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let reason = form.get("reason").unwrap_or_default();
    let work = Work::begin(&app, caller.actor.clone()).await?;
    match reports::send_back(work, rid(&path)?, reason, None, async |_, _, _| Ok(String::new())).await {
        Ok(_) => Ok(away(&path, "returned")),
        Err(OperationError::Invalid(found)) => {
            let mut page = page(&request, &app, &caller, &path, None).await?;
            let problem = found.first().map(|invalid| invalid.detail.get(page.frame.words.0).to_owned());
            page.back = (reason.to_owned(), problem);
            Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST …/decide`.
pub async fn decide(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let (option, note) = (form.get("option").unwrap_or_default(), form.get("note").unwrap_or_default());
    let work = Work::begin(&app, caller.actor.clone()).await?;
    match reports::decide(work, rid(&path)?, option, note, None, None, async |_, _, _| Ok(String::new()))
        .await
    {
        Ok(_) => Ok(away(&path, "decided")),
        Err(OperationError::Invalid(found)) => {
            let mut page = page(&request, &app, &caller, &path, None).await?;
            let problem = found.first().map(|invalid| invalid.detail.get(page.frame.words.0).to_owned());
            let nothing = option.is_empty().then(|| page.frame.words.get("decide-problem"));
            if let Some(form) = &mut page.decide {
                form.chosen = option.to_owned();
                form.note = note.to_owned();
                form.problem = nothing.or(problem);
            }
            Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error.into()),
    }
}

fn rid(path: &(String, String)) -> Result<ReportId, WebError> {
    path.1.parse().map_err(|_| WebError::NotFound)
}

fn away(path: &(String, String), done: &str) -> HttpResponse {
    see(&format!("/incidents/{}/reports/{}?done={done}", path.0, path.1))
}

async fn page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    path: &(String, String),
    came: Option<&Typed>,
) -> Result<ReportPage, WebError> {
    let id: IncidentId = path.0.parse().map_err(|_| WebError::NotFound)?;
    let db = app.store.read();
    let row = store::report::get(db, rid(path)?).await?;
    if row.incident_id != id.raw() {
        return Err(WebError::NotFound);
    }
    let rows = store::report::of_incident(db, id).await?;
    let scene = Scene::load(app, db, id).await?;
    let language = body::language(request);
    let office = scene.directory.office().get(language).to_owned();
    let frame = frame_of(request, app, caller, Room::Incidents, office);
    let words = frame.words;
    let desk = Desk { scene: &scene, frame: &frame, caller };
    let kind = kind_of(&scene, &row)?;
    let asks = &form_of(&scene, kind)?.fields;
    let (mark, word, _) = desk.report_state(&row);
    let open = State::from_key(&row.state).is_some_and(State::is_open) && scene.is_open();
    let submitted = row.state == State::Submitted.key();
    let before = former(&rows, &row);

    let channels = kind.audience.iter().filter_map(|key| scene.playbook.channel(key));
    let channels: Vec<&str> = channels.map(|channel| channel.title.get(language)).collect();
    let channels = channels.join(&words.get("list-join"));
    let mut facts = vec![frame.named("reports-author", &desk.holder(&kind.author))];
    facts.extend(kind.approver.as_deref().map(|role| frame.named("reports-approver", &desk.holder(role))));
    if !channels.is_empty() {
        facts.push(frame.named("reports-audience", &channels));
    }
    for (key, at, by) in [
        ("report-written", row.written_at_ms, &row.written_by),
        ("report-approved", row.approved_at_ms, &row.approved_by),
    ] {
        if let (Some(at), Some(by)) = (at, by) {
            let clock = frame.when.short(Timestamp(at));
            facts.push(words.with(key, &[("clock", clock.into()), ("name", by.clone().into())]));
        }
    }
    let writable = open && desk.may_write() && (!submitted || desk.may_approve(&row));
    let approves = kind.approver.as_deref().is_none_or(|role| desk.holds(role));
    let may_decide = open && desk.may_decide(&row);
    let decision_due = row.decide_since_ms.is_some();
    let options = kind
        .if_missed
        .options
        .iter()
        .filter(|option| decision_due || matches!(option.then, noroshi_core::playbook::Then::End));
    let options: Vec<_> =
        options.map(|option| (option.label.ja.clone(), option.label.get(language).to_owned())).collect();
    let content = if writable && !submitted { Vec::new() } else { content(asks, &row, before, &frame) };
    Ok(ReportPage {
        id: ReportId::new(row.id).to_string(),
        name: desk.report_name(&row),
        mark,
        word,
        due: desk.moment(row.due_own_ms),
        facts,
        done: None,
        reason: row.returned_because.clone().filter(|_| row.state == State::Returned.key()),
        form: writable.then(|| form_lines(asks, &row, before, kind.carry_forward, &frame, came)),
        sends_out: approves,
        content,
        approval: (open && submitted && desk.may_approve(&row)).then_some(channels),
        back: (String::new(), None),
        decide: may_decide.then(|| DecideForm { options, ..DecideForm::default() }),
        decision_due,
        once: app.chance.token(),
        head: facts::head(app, &scene, caller, &frame, Tab::Tasks).await?,
        frame,
    })
}

/// The form: what was typed, else what was kept, else what is carried forward; with the former value beside it.
fn form_lines(
    asks: &[Ask],
    row: &report::Model,
    before: Option<&report::Model>,
    carry_forward: bool,
    frame: &Frame,
    came: Option<&Typed>,
) -> Vec<FormLine> {
    let words = frame.words;
    let former = before.map(values);
    let kept = match (&row.fields, carry_forward) {
        (Some(_), _) => values(row),
        (None, true) => before.map(|before| carried(asks, before)).unwrap_or_default(),
        (None, false) => std::collections::BTreeMap::new(),
    };
    let mut typed = Typed::default();
    for (key, value) in &kept {
        typed.values.insert(format!("{FIELD}{key}"), shown(value));
    }
    if let Some(came) = came {
        typed = came.clone();
    }
    let line = |ask: &Ask| {
        let value = former.as_ref().and_then(|former| former.get(&ask.key));
        let name = format!("{FIELD}{}", ask.key);
        let now = typed.values.get(&name).map(|text| text.replace("\r\n", "\n")).unwrap_or_default();
        let baseline = former.as_ref().map(|_| value.map(shown).unwrap_or_default());
        FormLine {
            changed: baseline.as_ref().is_some_and(|baseline| baseline.trim() != now.trim()),
            baseline,
            former: value.map(|value| frame.named("report-former", &form::shown(ask, value, words.0))),
            field: filled_in(ask, name, frame, &typed),
        }
    };
    asks.iter().map(line).filter(|line| line.field.askable()).collect()
}

/// What a report says, with what has changed since the one before.
fn content(
    asks: &[Ask],
    row: &report::Model,
    before: Option<&report::Model>,
    frame: &Frame,
) -> Vec<ContentLine> {
    let words = frame.words;
    let (values, former) = (values(row), before.map(values));
    let changed: Vec<String> =
        row.changed.clone().and_then(|json| serde_json::from_value(json).ok()).unwrap_or_default();
    let line = |ask: &Ask| {
        let value = values.get(&ask.key).map(|value| form::shown(ask, value, words.0).into_owned());
        let has_changed = changed.contains(&ask.key);
        if value.is_none() && !has_changed {
            return None;
        }
        let former = former.as_ref().filter(|_| has_changed).map(|former| match former.get(&ask.key) {
            Some(value) => frame.named("report-former", &form::shown(ask, value, words.0)),
            None => words.get("report-former-none"),
        });
        Some(ContentLine {
            label: ask.label.get(words.0).to_owned(),
            value: value.unwrap_or_else(|| words.get("report-no-value")),
            former,
        })
    };
    asks.iter().filter_map(line).collect()
}
