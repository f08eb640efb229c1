//! `/incidents/{id}/hold`: something was opened by itself and nobody outside has heard of it. Send it, or not?
//!
//! Read at three in the morning on a telephone: what happened, until when, how many would be told, two buttons. The
//! whole timetable stands below.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{
    id::IncidentId,
    incident::State,
    playbook::preflight::Answers,
    rights::{Action, may},
    time::Timestamp,
    variable,
};
use serde_json::Value as Json;

use super::{
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{frame_of, html, html_with, see},
    start::{Preflight, Value, short, value},
    when::Moment,
};
use crate::{
    app::App,
    operation::{
        self, OperationError, Work, hold,
        preflight::{Outlook, Question},
        scene::{Scene, text},
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
#[template(path = "page/hold.html", config = "src/web/askama.toml")]
pub struct HoldPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// Until when it is held, and minutes and seconds until then; `None` for a proposal.
    pub until: Option<(Moment, String)>,
    /// Whether it is sent when nobody decides.
    pub sends_by_itself: bool,
    /// What rang.
    pub rang: String,
    /// What is known: label and value.
    pub known: Vec<(String, String)>,
    /// What a person has to fill in before it can be sent.
    pub missing: Vec<Value>,
    /// What would be sent.
    pub preflight: Preflight,
    /// Whether this reader may decide.
    pub may_decide: bool,
    /// What is wrong with what was pressed.
    pub problem: Option<String>,
    /// The idempotency key.
    pub once: String,
}

impl HoldPage {
    /// 12宛先に通知し、4人に役割を打診します。
    pub fn reach(&self) -> String {
        let key = if self.head.drill { "start-reach-drill" } else { "start-reach-live" };
        let values =
            [("recipients", self.preflight.recipients.into()), ("roles", self.preflight.roles.into())];
        self.frame.words.with(key, &values)
    }
}

/// `2:31`, never below zero: minutes and seconds, because a hold is short.
fn countdown(until: Timestamp, now: Timestamp) -> String {
    let seconds = ((until - now).0 / 1000).max(0);
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// `GET /incidents/{id}/hold`: away to the board once it runs or is over.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, WebError> {
    match page(&request, &app, &caller, &id, &BTreeMap::new()).await? {
        Some(page) => Ok(html(&request, &page)),
        None => Ok(see(&format!("/incidents/{id}"))),
    }
}

/// `POST /incidents/{id}/activate`.
pub async fn activate(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let incident: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let typed: BTreeMap<String, String> = form
        .pairs()
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("v-")?.to_owned(), value.clone())))
        .collect();
    let given = typed.iter().filter(|(_, value)| !value.trim().is_empty());
    let given: BTreeMap<String, Json> =
        given.map(|(key, value)| (key.clone(), Json::from(value.clone()))).collect();
    let once = form.once(&caller);
    let work = Work::begin(&app, caller.actor.clone()).await?;
    let done = hold::activate(work, incident, &given, once.as_ref(), async |_, _| Ok(String::new())).await;
    refused(&request, &app, &caller, &id, &typed, done.map(|_| ())).await
}

/// `POST /incidents/{id}/dismiss`.
pub async fn dismiss(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let incident: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let once = form.once(&caller);
    let work = Work::begin(&app, caller.actor.clone()).await?;
    let reason = form.get("reason").unwrap_or_default();
    let done = hold::dismiss(work, incident, reason, once.as_ref(), |_| String::new()).await;
    refused(&request, &app, &caller, &id, &BTreeMap::new(), done.map(|_| ())).await
}

/// Away to the incident where it is done; else the page again with what is wrong.
async fn refused(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    id: &str,
    typed: &BTreeMap<String, String>,
    done: Result<(), OperationError>,
) -> Result<HttpResponse, WebError> {
    let board = format!("/incidents/{id}");
    let (status, told) = match done {
        Ok(()) => return Ok(see(&board)),
        Err(OperationError::Invalid(found)) => {
            let language = body::language(request);
            let told = found.iter().map(|invalid| invalid.detail.get(language).to_owned());
            (StatusCode::UNPROCESSABLE_ENTITY, told.collect::<Vec<_>>().join(" "))
        }
        Err(OperationError::Closed(text)) => {
            (StatusCode::CONFLICT, text.get(body::language(request)).to_owned())
        }
        Err(error) => return Err(error.into()),
    };
    match page(request, app, caller, id, typed).await? {
        Some(mut page) => {
            page.problem = Some(told);
            Ok(html_with(request, status, &page))
        }
        // Somebody else was quicker: the board says what became of it.
        None => Ok(see(&board)),
    }
}

async fn page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    id: &str,
    typed: &BTreeMap<String, String>,
) -> Result<Option<HoldPage>, WebError> {
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let db = app.store.read();
    let scene = Scene::load(app, db, id).await?;
    if !scene.is_waiting() {
        return Ok(None);
    }
    let language = body::language(request);
    let office = scene.directory.office().get(language).to_owned();
    let frame = frame_of(request, app, caller, Room::Incidents, office);
    let when = frame.when;
    let resolved = variable::resolve(&scene.playbook, &scene.directory, &scene.values, when.now, app.zone);
    let problems = resolved.err().unwrap_or_default();
    let lacks = |key: &str| problems.iter().any(|problem| problem.key == key);
    let (missing, there): (Vec<_>, Vec<_>) =
        scene.playbook.variables.iter().partition(|variable| lacks(&variable.key));
    let shown = there.into_iter().filter_map(|variable| {
        let known = scene.values.get(&variable.key)?;
        let shown = variable::told(variable, known, language, app.zone).into_owned();
        Some((variable::label(variable).get(language).to_owned(), shown))
    });
    let until = scene.incident.hold_until_ms.filter(|_| scene.state() == State::Held).map(Timestamp);
    let parties = operation::hold::duty(&scene.playbook, scene.incident.trigger_key.as_deref());
    let named = parties
        .iter()
        .flat_map(|party| scene.people(party, when.now))
        .any(|person| caller.actor.is_person(&person));
    let rang = store::trigger::opening(db, scene.incident.id).await?;
    let outlook = Outlook::of_scene(app, db, &scene).await?;
    let question = Question {
        values: scene.values.clone(),
        at: when.now,
        answers: Answers::None,
        drill: scene.is_drill(),
        starter: caller.actor.person.clone(),
    };
    Ok(Some(HoldPage {
        head: facts::head(app, &scene, caller, &frame, Tab::Board).await?,
        until: until.map(|at| (when.moment(at), countdown(at, when.now))),
        sends_by_itself: scene.incident.on_hold_timeout.as_deref() == Some("send"),
        rang: rang.map(|row| text(&row.reason).get(language).to_owned()).unwrap_or_default(),
        known: shown.collect(),
        missing: missing
            .into_iter()
            .map(|variable| {
                let typed = typed.get(&variable.key).map(String::as_str);
                value(variable, &scene.directory, typed, &scene.values, &[], &when)
            })
            .collect(),
        preflight: short(app, &outlook, &question, &when),
        may_decide: caller.actor.role.is_some_and(|role| may(role, Action::Start, named)),
        problem: None,
        once: app.chance.token(),
        frame,
    }))
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{at, frame, head, keep},
        *,
    };

    #[test]
    fn the_page_says_until_when_and_has_two_buttons() {
        for language in [Language::Ja, Language::En] {
            let frame = frame(language, Room::Incidents);
            let until = at("03:50:00");
            let page = HoldPage {
                head: Head { stage: Stage::Held, ..head(language, false, Tab::Board) },
                until: Some((frame.when.moment(until), countdown(until, frame.when.now))),
                sends_by_itself: true,
                rang: "トリガー jma（jma.earthquake 20261124031400）".into(),
                known: vec![("最大震度".into(), "6強".into()), ("震央".into(), "青葉県沖".into())],
                missing: vec![Value {
                    key: "occurred_at".into(),
                    label: "発生時刻".into(),
                    required: true,
                    ..Value::default()
                }],
                preflight: Preflight { alerts: 3, recipients: 12, roles: 4, ..Preflight::default() },
                may_decide: true,
                problem: None,
                once: "once".into(),
                frame,
            };
            let html = keep(&format!("hold-{}", language.key()), page.render().unwrap());
            assert!(html.contains("6強") && html.contains("/activate") && html.contains("/dismiss"));
            let calm = HoldPage { may_decide: false, ..page };
            assert!(!calm.render().unwrap().contains("/activate"));
        }
    }
}
