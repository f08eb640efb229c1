//! Recipients: evidence, answers, decisions.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Path, Query},
};
use entity::{delivery, recipient};
use noroshi_core::{
    alert::{ContactPoint, Rule},
    id::{AlertId, DeliveryId, RecipientId},
    readdress::Moved,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    incident::{incident_id, into_operation},
    json,
    list::{List, Page},
    reply,
};
use crate::{
    app::App,
    operation::{
        Work,
        alert::{Given, given},
        answer::{Typed, on_behalf},
        decision, readdress,
        scene::{Scene, text},
    },
    store,
    web::{
        body::{Body, moment},
        problem::WebError,
        session::Caller,
    },
};

/// When which evidence came.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct EvidenceView {
    /// A relay took the letter; in a drill, the rehearsal.
    pub accepted_at: Option<String>,
    /// A gateway says it arrived.
    pub delivered_at: Option<String>,
    /// A person looked at the page.
    pub opened_at: Option<String>,
    /// An acknowledgement came.
    pub acked_at: Option<String>,
    /// A full answer came.
    pub answered_at: Option<String>,
}

/// An answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AnswerView {
    /// Key of the option.
    pub option: String,
    /// The fields by key.
    #[schema(value_type = Object)]
    pub fields: BTreeMap<String, Value>,
    /// Free words.
    pub note: String,
    /// The contact whose link was used, or the account that typed it in.
    pub by: String,
    /// Taken by telephone.
    pub proxy: bool,
    /// After its deadline, or after a decision.
    pub late: bool,
    /// Perhaps pressed by a mail scanner: it counts for nothing until a person has looked.
    pub suspect: bool,
    /// When.
    pub at: String,
    /// When it wants to be told again (`refresh_every` of its option).
    pub refresh_due_at: Option<String>,
}

/// A decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecisionView {
    /// What was decided, word for word.
    pub option: String,
    /// Free words.
    pub note: String,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: String,
}

/// A delivery: one message by one transport to one address.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    /// `dlv_…`, also the Message-ID of its mail.
    pub id: String,
    /// `alert`, `resend`, `notify` or `stand_down`.
    pub occasion: String,
    /// The directory's transport.
    pub via: String,
    /// What carries it: `mail`, `phone`, `rehearsal`.
    pub transport: String,
    /// Where the address stands in the directory.
    pub contact: String,
    /// `queued leased accepted delivered refused given_up unknown withdrawn`.
    pub state: String,
    /// Tries so far.
    pub attempts: i32,
    /// When it is tried next, while it is queued.
    pub due_at: Option<String>,
    /// Until when it is held back because its mail domain lets us wait or takes only so many letters; null where it is
    /// not.
    pub held_until: Option<String>,
    /// What the relay said, or what happened.
    pub reason: Option<String>,
    /// The relay that took it.
    pub relay: Option<String>,
    /// Whether the way to the relay was encrypted.
    pub encrypted: Option<bool>,
    /// For when it was written; written down then, or later after an absence.
    pub created_at: String,
    /// When it was handed over last.
    pub handed_at: Option<String>,
    /// When its end was known.
    pub ended_at: Option<String>,
}

/// An address that the directory in force says otherwise than when the alert was raised.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContactChangeView {
    /// Where it stands in the directory.
    pub contact: String,
    /// Key of the transport.
    pub transport: String,
    /// As it was; null where there was none.
    pub old: Option<String>,
    /// As it is; null where there is none any more.
    pub new: Option<String>,
}

/// A recipient.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecipientView {
    /// `rcp_…`
    pub id: String,
    /// Key of the alert in the playbook.
    pub alert: String,
    /// `alr_…`
    pub alert_id: String,
    /// Key of the agency.
    pub agency: Option<String>,
    /// Key of the person.
    pub person: Option<String>,
    /// Name for people.
    pub name: String,
    /// `waiting answered to_decide decided stood_down informed`.
    pub state: String,
    /// The best evidence.
    pub grade: String,
    /// When which evidence came.
    pub evidence: EvidenceView,
    /// The answer in force.
    pub answer: Option<AnswerView>,
    /// The decision.
    pub decision: Option<DecisionView>,
    /// Index of the next step of the ladder, from 0.
    pub step: i32,
    /// When it is taken, if nobody answers.
    pub next_step_at: Option<String>,
    /// Everything that was sent.
    pub deliveries: Vec<DeliveryView>,
    /// Whether the directory has other addresses now than when the alert was raised.
    pub contacts_changed: bool,
    /// Which.
    pub contact_changes: Vec<ContactChangeView>,
}

/// What holds a letter back that has not left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBack {
    /// Its domain lets us wait, and is left alone until then.
    ByDomain(Timestamp),
    /// Its domain gets so many letters a second, and the next one then.
    ToPace(Timestamp),
}

impl HeldBack {
    /// Why this letter is held, on this node.
    pub fn of(app: &App, row: &delivery::Model) -> Option<Self> {
        let waits = row.state == "queued" || (row.state == "leased" && row.handed_at_ms.is_none());
        let now = app.clock.now();
        let back = || app.domains.held_until(&row.domain, now).map(Self::ByDomain);
        let to_pace = || {
            let next = app.domains.paced_until(&row.domain, now).map(Self::ToPace);
            next.filter(|_| row.due_at_ms <= now.0)
        };
        if waits { back().or_else(to_pace) } else { None }
    }

    /// Until when.
    pub const fn until(self) -> Timestamp {
        match self {
            Self::ByDomain(until) | Self::ToPace(until) => until,
        }
    }
}

/// The view of a delivery.
pub fn delivery_view(app: &App, row: &delivery::Model) -> DeliveryView {
    DeliveryView {
        id: DeliveryId::new(row.id).to_string(),
        occasion: row.occasion.clone(),
        via: row.via.clone(),
        transport: row.transport.clone(),
        contact: row.contact.clone(),
        state: row.state.clone(),
        attempts: row.attempts,
        due_at: (row.state == "queued").then(|| moment(app, row.due_at_ms)),
        held_until: HeldBack::of(app, row).map(|held| moment(app, held.until().0)),
        reason: row.reason.clone(),
        relay: row.relay.clone(),
        encrypted: row.encrypted,
        created_at: moment(app, row.created_at_ms),
        handed_at: row.handed_at_ms.map(|at| moment(app, at)),
        ended_at: row.ended_at_ms.map(|at| moment(app, at)),
    }
}

/// The view of an answer in force.
pub fn answer_view(app: &App, scene: &Scene, rule: &Rule, given: Given) -> AnswerView {
    AnswerView {
        refresh_due_at: given.refresh_due(rule, &scene.timeline).map(|at| moment(app, at.0)),
        option: given.option,
        fields: given.fields,
        note: given.note,
        by: given.by,
        proxy: given.proxy,
        late: given.late,
        suspect: given.suspect,
        at: moment(app, given.at_ms),
    }
}

/// The views of recipients of one incident, with their deliveries.
pub async fn views(
    app: &App,
    db: &impl ConnectionTrait,
    scene: &Scene,
    rows: Vec<recipient::Model>,
) -> Result<Vec<RecipientView>, WebError> {
    let mut rules: BTreeMap<Uuid, Rule> = BTreeMap::new();
    let mut endings: BTreeSet<Uuid> = BTreeSet::new();
    for alert in store::alert::of_incident(db, scene.id()).await? {
        endings.extend(alert.ending.then_some(alert.id));
        rules.insert(alert.id, store::alert::rule(&alert)?);
    }
    let mut deliveries: BTreeMap<Uuid, Vec<DeliveryView>> = BTreeMap::new();
    for chunk in rows.chunks(store::CHUNK) {
        let ids = chunk.iter().map(|row| row.id).collect();
        for row in store::delivery::of_recipients(db, ids).await? {
            let Some(recipient) = row.recipient_id else { continue };
            deliveries.entry(recipient).or_default().push(delivery_view(app, &row));
        }
    }
    let newer = readdress::newer(app, db, scene).await?;
    let at = |ms: Option<i64>| ms.map(|ms| moment(app, ms));
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let rule = rules.get(&row.alert_id);
        let answer = given(&row)?.zip(rule);
        let moved = match (&newer, rule) {
            (Some(directory), Some(rule)) => {
                let ending = endings.contains(&row.alert_id);
                readdress::of_recipient(directory, rule, &row, ending)?
            }
            _ => Vec::new(),
        };
        let contact_changes: Vec<_> = moved.iter().filter_map(contact_change).collect();
        views.push(RecipientView {
            id: RecipientId::new(row.id).to_string(),
            alert: rule.map(|rule| rule.plan.key.clone()).unwrap_or_default(),
            alert_id: AlertId::new(row.alert_id).to_string(),
            name: text(&row.name).ja,
            grade: store::recipient::evidence(&row).grade().key().to_owned(),
            evidence: EvidenceView {
                accepted_at: at(row.accepted_at_ms),
                delivered_at: at(row.delivered_at_ms),
                opened_at: at(row.opened_at_ms),
                acked_at: at(row.acked_at_ms),
                answered_at: at(row.answered_at_ms),
            },
            answer: answer.map(|(answer, rule)| answer_view(app, scene, rule, answer)),
            decision: row.decision.as_ref().and_then(|json| decision_view(app, json)),
            step: row.step,
            next_step_at: row
                .due_own_ms
                .and_then(|due| scene.timeline.real_time_of(Timestamp(due)))
                .map(|due| due.rfc3339(app.zone)),
            deliveries: deliveries.remove(&row.id).unwrap_or_default(),
            contacts_changed: !contact_changes.is_empty(),
            contact_changes,
            agency: row.agency,
            person: row.person,
            state: row.state,
        });
    }
    Ok(views)
}

fn contact_change(moved: &Moved) -> Option<ContactChangeView> {
    let point = moved.point()?;
    let address = |point: &Option<ContactPoint>| point.as_ref().map(|point| point.address.clone());
    Some(ContactChangeView {
        contact: point.contact.clone(),
        transport: point.transport.clone(),
        old: address(&moved.old),
        new: address(&moved.new),
    })
}

/// The view of a decision as it is kept.
pub fn decision_view(app: &App, json: &Value) -> Option<DecisionView> {
    let word = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(DecisionView {
        option: word("option"),
        note: word("note"),
        by: word("by"),
        at: moment(app, json.get("at_ms")?.as_i64()?),
    })
}

/// The recipients of an incident, with evidence.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/recipients", tag = "recipients",
    params(("id" = String, Path, description = "inc_…"), Page),
    responses((status = 200, body = List<RecipientView>)))]
pub async fn list(
    app: Data<App>,
    id: Path<String>,
    page: Query<Page>,
) -> Result<Json<List<RecipientView>>, WebError> {
    let id = incident_id(&id)?;
    // Letters go out meanwhile: what is said of a recipient has to fit what is said of its letters.
    let db = &app.store.snapshot().await?;
    let scene = Scene::load(&app, db, id).await?;
    let after = page.after.as_deref().map(str::parse).transpose().map_err(|_| WebError::NotFound)?;
    let limit = page.limit();
    let rows = store::recipient::of_incident(db, id, after, limit + 1).await?;
    let views = views(&app, db, &scene, rows).await?;
    Ok(Json(List::cut(views, limit, |view| view.id.clone())))
}

/// An answer taken by telephone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// Key of the option.
    pub option: String,
    /// The fields by key.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub fields: BTreeMap<String, Value>,
    /// Free words.
    #[serde(default)]
    pub note: String,
    /// Must be true: this route is for answers that somebody else gave.
    pub on_behalf: bool,
}

/// Types in an answer that was taken by telephone.
#[utoipa::path(post, path = "/api/v1/recipients/{id}/answer", tag = "recipients", request_body = AnswerRequest,
    params(("id" = String, Path, description = "rcp_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RecipientView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn answer(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<AnswerRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let wish = body.value;
    if !wish.on_behalf {
        return Err(crate::operation::OperationError::invalid(
            "on_behalf",
            "代理入力では true にしてください",
            "must be true: the answer is somebody else's",
        )
        .into());
    }
    let field = |key: &str| match wish.fields.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    };
    let typed = Typed { option: &wish.option, field: &field, note: &wish.note };
    let work = Work::begin(&app, caller.actor).await?;
    let done = on_behalf(work, recipient_id(&id)?, typed, once.as_ref(), one).await?;
    Ok(reply(done))
}

/// One recipient as JSON, inside the transaction of the verb that changed it.
async fn one(
    work: &mut Work<'_>,
    scene: &Scene,
    row: &recipient::Model,
) -> Result<String, crate::operation::OperationError> {
    let views = views(work.app, &work.tx, scene, vec![row.clone()]).await.map_err(into_operation)?;
    Ok(json(&views.first()))
}

/// Reads an id of a path; what is no id is not found.
pub fn recipient_id(text: &str) -> Result<RecipientId, WebError> {
    text.parse().map_err(|_| WebError::NotFound)
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideRequest {
    /// One of the last step's options, word for word.
    pub option: String,
    /// Free words.
    #[serde(default)]
    pub note: String,
}

/// Decides about a recipient, where its ladder has ended or earlier.
#[utoipa::path(post, path = "/api/v1/recipients/{id}/decide", tag = "recipients", request_body = DecideRequest,
    params(("id" = String, Path, description = "rcp_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RecipientView), (status = 409, body = crate::web::problem::ProblemDocument),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn decide(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<DecideRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let work = Work::begin(&app, caller.actor).await?;
    let wish = body.value;
    let done = decision::decide(work, recipient_id(&id)?, &wish.option, &wish.note, None, once.as_ref(), one)
        .await?;
    Ok(reply(done))
}

/// A recipient whose teams are back.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleasedView {
    /// `rcp_…`
    pub id: String,
    /// Since when.
    pub released_at: Option<String>,
}

/// Notes that the teams of a recipient are back: they count no more among those in the field.
#[utoipa::path(post, path = "/api/v1/recipients/{id}/release", tag = "recipients",
    params(("id" = String, Path, description = "rcp_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = ReleasedView), (status = 409, body = crate::web::problem::ProblemDocument)))]
pub async fn release(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<super::incident::Nothing>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let id = id.parse().map_err(|_| WebError::NotFound)?;
    let work = Work::begin(&app, caller.actor).await?;
    let done = crate::operation::closing::release(work, id, once.as_ref(), |row| {
        json(&ReleasedView {
            id: RecipientId::new(row.id).to_string(),
            released_at: row.released_at_ms.map(|at| moment(&app, at)),
        })
    })
    .await?;
    Ok(reply(done))
}

/// Takes the addresses of the directory in force over and sends the alert there once more; the ladder stays where it
/// is.
#[utoipa::path(post, path = "/api/v1/recipients/{id}/readdress", tag = "recipients",
    params(("id" = String, Path, description = "rcp_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = RecipientView), (status = 409, body = crate::web::problem::ProblemDocument)))]
pub async fn readdress(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<super::incident::Nothing>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let work = Work::begin(&app, caller.actor).await?;
    Ok(reply(readdress::readdress(work, recipient_id(&id)?, once.as_ref(), one).await?))
}
