//! Alerts by hand, and decisions about an alert as a whole.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Path},
};
use noroshi_core::{
    id::{AlertId, IncidentId},
    text::Text,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{incident::incident_id, json, list::List, recipient::DecideRequest, reply};
use crate::{
    app::App,
    operation::{
        Work,
        alert::{ByHand, by_hand},
        decision,
        follow::{self, FollowUp},
        scene::Scene,
    },
    store,
    web::{
        body::{Body, moment},
        problem::WebError,
        session::Caller,
    },
};

/// A text in one language, or in several.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum TextRequest {
    /// The same for everybody.
    Plain(String),
    /// By language.
    Languages {
        /// Japanese.
        ja: String,
        /// Easy Japanese.
        easy_ja: Option<String>,
        /// English.
        en: Option<String>,
    },
}

impl From<TextRequest> for Text {
    fn from(text: TextRequest) -> Self {
        match text {
            TextRequest::Plain(text) => Self::plain(text),
            TextRequest::Languages { ja, easy_ja, en } => Self { ja, easy_ja, en },
        }
    }
}

/// An alert by hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertRequest {
    /// `agency:…`, `role:…`, `roster.…`.
    pub to: Vec<String>,
    /// Key of the channel.
    pub channel: Option<String>,
    /// Subject line.
    pub subject: TextRequest,
    /// Body.
    pub body: TextRequest,
    /// Key of a response set; without one it is information only.
    pub responses: Option<String>,
    /// Key of a ladder; goes with `responses`.
    pub ladder: Option<String>,
    /// Transports; `["email"]` where absent.
    pub via: Option<Vec<String>>,
}

/// An alert that was raised.
#[derive(Debug, Serialize, ToSchema)]
pub struct RaisedView {
    /// `alr_…`
    pub id: String,
    /// How many recipients it has.
    pub recipients: usize,
}

/// Raises an alert by hand.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/alerts", tag = "alerts", request_body = AlertRequest,
    params(("id" = String, Path, description = "inc_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = RaisedView), (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn raise(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<AlertRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let wish = body.value;
    let work = Work::begin(&app, caller.actor).await?;
    let scene = Scene::load(&app, &work.tx, incident_id(&id)?).await?;
    let wish = ByHand {
        to: wish.to,
        channel: wish.channel,
        subject: wish.subject.into(),
        body: wish.body.into(),
        responses: wish.responses,
        ladder: wish.ladder,
        via: wish.via,
    };
    let done = by_hand(work, &scene, wish, once.as_ref(), |alert, recipients| {
        json(&RaisedView { id: alert.to_string(), recipients })
    })
    .await?;
    Ok(reply(done))
}

/// What follows an alert up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowUpRequest {
    /// `update`, `correction` or `withdrawal`.
    pub kind: FollowUpKind,
    /// Subject line; the service puts 【続報】, 【訂正】 or 【撤回】 before it.
    pub subject: TextRequest,
    /// Body.
    pub body: TextRequest,
}

/// How an alert follows up another one.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FollowUpKind {
    /// More is known; nothing is asked.
    Update,
    /// The former was wrong; it is asked again.
    Correction,
    /// The former no longer holds.
    Withdrawal,
}

/// Follows an alert up: to exactly its recipients, by the same transports.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/follow-up", tag = "alerts", request_body = FollowUpRequest,
    params(("id" = String, Path, description = "alr_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = RaisedView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn follow_up(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<FollowUpRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let id: AlertId = id.parse().map_err(|_| WebError::NotFound)?;
    let wish = follow::Wish {
        kind: match body.value.kind {
            FollowUpKind::Update => FollowUp::Update,
            FollowUpKind::Correction => FollowUp::Correction,
            FollowUpKind::Withdrawal => FollowUp::Withdrawal,
        },
        subject: body.value.subject.into(),
        body: body.value.body.into(),
    };
    let work = Work::begin(&app, caller.actor).await?;
    let done = follow::follow_up(work, id, wish, once.as_ref(), |alert, recipients| {
        json(&RaisedView { id: alert.to_string(), recipients })
    })
    .await?;
    Ok(reply(done))
}

/// An alert as a whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlertView {
    /// `alr_…`
    pub id: String,
    /// Key in the playbook; `by_hand` for one that is not.
    pub key: String,
    /// 第n報: the highest among its recipients, from 1.
    pub number: i32,
    /// `open`, `reached`, `to_decide`, `decided`, or `superseded`: corrected or withdrawn.
    pub state: String,
    /// The alert that it follows up.
    pub follows: Option<String>,
    /// How: `update`, `correction` or `withdrawal`.
    pub follow_up: Option<String>,
    /// How many are missing, where it is `to_decide`.
    pub missing: i32,
    /// When it was raised.
    pub raised_at: String,
    /// What can be decided.
    pub decide_options: Vec<String>,
}

/// The alerts of an incident, in the order in which they were raised.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/alerts", tag = "alerts",
    params(("id" = String, Path, description = "inc_…")),
    responses((status = 200, body = List<AlertView>)))]
pub async fn list(app: Data<App>, id: Path<String>) -> Result<Json<List<AlertView>>, WebError> {
    let db = app.store.read();
    let id: IncidentId = incident_id(&id)?;
    store::incident::get(db, id).await?;
    let mut items = Vec::new();
    for row in store::alert::of_incident(db, id).await? {
        let rule = store::alert::rule(&row)?;
        items.push(AlertView {
            id: AlertId::new(row.id).to_string(),
            follows: row.follows.map(|id| AlertId::new(id).to_string()),
            follow_up: row.follow_up,
            key: row.key,
            number: row.number,
            state: row.state,
            missing: row.missing,
            raised_at: moment(&app, row.raised_at_ms),
            decide_options: rule.decide_options().iter().map(|option| option.label.ja.clone()).collect(),
        });
    }
    Ok(Json(List { items, next: None }))
}

/// Decides about an alert whose quorum can no longer be reached.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/decide", tag = "alerts", request_body = DecideRequest,
    params(("id" = String, Path, description = "alr_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = DecidedView), (status = 409, body = crate::web::problem::ProblemDocument)))]
pub async fn decide(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<DecideRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let wish = body.value;
    let id: AlertId = id.parse().map_err(|_| WebError::NotFound)?;
    let work = Work::begin(&app, caller.actor).await?;
    let view = DecidedView { id: id.to_string(), state: "decided", option: wish.option.clone() };
    let done =
        decision::decide_alert(work, id, &wish.option, &wish.note, None, once.as_ref(), || json(&view))
            .await?;
    Ok(reply(done))
}

/// An alert that was decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecidedView {
    /// `alr_…`
    pub id: String,
    /// `decided`.
    pub state: &'static str,
    /// What was decided.
    pub option: String,
}
