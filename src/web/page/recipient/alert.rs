//! `/incidents/{id}/alerts/{aid}`: one alert as a whole, and the decision about it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{
    id::{AlertId, IncidentId},
    rights::{Action, may},
    text::fill,
};

use super::{
    super::{
        board::{Group, Row},
        decide::DecideForm,
        facts,
        frame::{Frame, Room},
        incident::{Head, Stage, Tab},
        leave::{frame_of, html, html_with, see},
    },
    decide_form,
};
use crate::{
    app::App,
    operation::{self, Work, scene::Scene},
    web::{
        body::{self, Posted},
        problem::WebError,
        session::Caller,
    },
};

/// `/incidents/{id}/alerts/{aid}`: the decision about an alert whose quorum can no longer be met.
#[derive(Clone, Debug, Template)]
#[template(path = "page/alert.html", config = "src/web/askama.toml")]
pub struct AlertPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// `alr_…`.
    pub id: String,
    /// Whom it went to.
    pub audience: String,
    /// Its line as on the board.
    pub line: String,
    /// The letter's body.
    pub body: String,
    /// 不足2: what is missing, where something is.
    pub short: Option<String>,
    /// The recipients, as on the board.
    pub rows: Vec<Row>,
    /// The form; none where nothing is to decide.
    pub decide: Option<DecideForm>,
}

/// `GET /incidents/{id}/alerts/{aid}`.
pub async fn alert(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    let page = alert_page(&request, &app, &caller, &path).await?;
    Ok(html(&request, &page))
}

/// `POST /incidents/{id}/alerts/{aid}/decide`.
pub async fn decide_alert(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let aid: AlertId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let option = form.get("option").unwrap_or_default();
    let note = form.get("note").unwrap_or_default();
    if !option.is_empty() {
        let work = Work::begin(&app, caller.actor.clone()).await?;
        operation::decision::decide_alert(work, aid, option, note, None, None, String::new).await?;
        return Ok(see(&format!("/incidents/{}/alerts/{}", path.0, path.1)));
    }
    let mut page = alert_page(&request, &app, &caller, &path).await?;
    if let Some(form) = &mut page.decide {
        form.note = note.to_owned();
        form.problem = Some(page.frame.words.get("decide-problem"));
    }
    Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
}

async fn alert_page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    path: &(String, String),
) -> Result<AlertPage, WebError> {
    let id: IncidentId = path.0.parse().map_err(|_| WebError::NotFound)?;
    let aid: AlertId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let scene = Scene::load(app, app.store.read(), id).await?;
    let language = body::language(request);
    let frame =
        frame_of(request, app, caller, Room::Incidents, scene.directory.office().get(language).to_owned());
    let alerts = facts::alerts(app, &scene).await?;
    let alert = alerts.iter().find(|alert| alert.row.id == aid.raw()).ok_or(WebError::NotFound)?;
    let letters = facts::letters(app, id).await?;
    let known = facts::alert_facts(app, &scene, alert, &letters, &frame.when)?;
    let head = facts::head(app, &scene, caller, &frame, Tab::Board).await?;
    let group = Group::new(&known, head.drill, &frame);
    let theirs =
        alert.rule.decider().is_some_and(|party| scene.is_theirs(party, &caller.actor, frame.when.now));
    let may_decide = caller.actor.role.is_some_and(|role| may(role, Action::Decide, theirs));
    let decide = (alert.row.state == "to_decide" && may_decide).then(|| decide_form(&alert.rule, language));
    let body = fill(alert.rule.plan.body.get(language), language, |name| match name {
        "alert.link" => Some("…".into()),
        _ => scene.value(name, language, app),
    });
    Ok(AlertPage {
        id: group.id,
        audience: group.audience,
        line: group.line,
        body,
        short: group.short,
        rows: group.rows,
        decide,
        frame,
        head,
    })
}
