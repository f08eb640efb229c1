//! Towards the end: stabilised, closing proposed (by a person, or by the service when the playbook's numbers say so),
//! declined, and the look back afterwards. Closing itself is [`ending::close`](super::ending::close).

use entity::incident;
use noroshi_core::{
    alert::Rule,
    id::{AlertId, IncidentId},
    incident::{State, Verb},
    playbook::{IncidentEvent, Metrics, PartyRef, Urgency},
    rights::Action,
    text::{Language, Text},
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use super::{
    Actor, Once, OperationError, Reply, Work,
    alert::tally,
    decision,
    errand::{Errand, Matter},
    incident::raise_on,
    role::{Opened, may_decide_by_link},
    scene::{Scene, after},
    telling,
};
use crate::{app::App, i18n::Words, store};

/// The worst is over.
pub async fn stabilise(
    work: Work<'_>,
    id: IncidentId,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    change(work, id, Verb::Stabilise, None, once, reply).await
}

/// Proposes to close: whoever approves is written to, and decides.
pub async fn propose_close(
    work: Work<'_>,
    id: IncidentId,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    change(work, id, Verb::ProposeClose, None, once, reply).await
}

/// Says no to a proposal. The service proposes again only when its reasons have gone and come back.
pub async fn keep_open(
    work: Work<'_>,
    id: IncidentId,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    change(work, id, Verb::KeepOpen, None, once, reply).await
}

/// Says no to a proposal by the link of the letter that asks.
pub async fn keep_open_by_link(work: Work<'_>, opened: &Opened) -> Result<(), OperationError> {
    let id = IncidentId::new(opened.link.incident_id);
    let reply = async |_: &mut Work<'_>, _: &Scene| Ok(String::new());
    change(work, id, Verb::KeepOpen, Some(opened), None, reply).await.map(drop)
}

/// Whether a proposal to close waits for the reader of this letter.
pub fn waits_for_link(scene: &Scene, opened: &Opened) -> bool {
    scene.state() == State::Closing
        && approver(scene).as_ref() == Some(&opened.errand.role)
        && may_decide_by_link(scene, opened)
}

pub(super) fn must_decide_by_link(
    work: &Work<'_>,
    scene: &Scene,
    opened: &Opened,
) -> Result<(), OperationError> {
    if scene.state() != State::Closing {
        return Err(OperationError::Closed(Text::both(
            "終結の提案は、もう判断を待っていません",
            "no proposal to close waits for a decision any more",
        )));
    }
    decision::must_decide(work, scene, approver(scene).as_ref(), Some(opened))
}

/// The incident was looked back at.
pub async fn review(
    work: Work<'_>,
    id: IncidentId,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    change(work, id, Verb::Review, None, once, reply).await
}

async fn change(
    mut work: Work<'_>,
    id: IncidentId,
    verb: Verb,
    link: Option<&Opened>,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    work.enter([id.raw()]).await?;
    let mut scene = Scene::load(work.app, &work.tx, id).await?;
    let approver = scene.playbook.close.approve.as_ref();
    let approves = approver.is_some_and(|role| scene.holds(role, &work.actor, work.now));
    match (verb, link) {
        (_, Some(opened)) => must_decide_by_link(&work, &scene, opened)?,
        // Anybody of the house may say that it is time.
        (Verb::ProposeClose, None) => work.actor.must(Action::Talk, "propose to close the incident")?,
        (_, None) => work.actor.must_named(Action::Close, approves, "decide about closing the incident")?,
    }
    take(&mut work, &mut scene, verb).await?;
    work.flush_quietly().await?;
    let body = reply(&mut work, &scene).await?;
    let reply = work.keep(once, 200, body).await?;
    work.commit().await?;
    Ok(reply)
}

/// Takes a step towards the end: row, chronology, letters.
async fn take(work: &mut Work<'_>, scene: &mut Scene, verb: Verb) -> Result<(), OperationError> {
    let before = scene.state();
    let next = after(scene, verb)?;
    let row = &mut scene.incident;
    row.state = next.key().into();
    let (kind, told) = match verb {
        Verb::Stabilise => {
            row.stabilised_at_ms = Some(work.now.0);
            ("stabilised", Text::both("安定化", "Stabilised"))
        }
        Verb::ProposeClose => {
            row.closing_at_ms = Some(work.now.0);
            row.closing_by = Some(work.actor.id.clone());
            ("closing", Text::both("終結を提案。判断待ち", "Closing is proposed; a decision is due"))
        }
        Verb::KeepOpen => {
            row.closing_at_ms = None;
            row.closing_by = None;
            // The service takes its own proposal back when its reasons have gone; a person declines it.
            row.closing_declined = work.actor.role.is_some();
            match row.closing_declined {
                true => {
                    ("closing", Text::both("終結の提案を見送り、続行", "Not closed: the response goes on"))
                }
                false => (
                    "closing",
                    Text::both(
                        "終結の条件が崩れたため、提案を取り下げ",
                        "The proposal to close is taken back: its conditions no longer hold",
                    ),
                ),
            }
        }
        _ => {
            row.reviewed_at_ms = Some(work.now.0);
            row.reviewed_by = Some(work.actor.id.clone());
            ("reviewed", Text::both("振り返りを完了", "Looked back at"))
        }
    };
    work.save_incident(scene, before).await?;
    work.line(scene.id(), telling::by(&work.actor, kind, telling::service(), told, work.now));
    work.changed(scene.id(), "incident");
    super::task::follow(work, scene).await?;
    match verb {
        Verb::Stabilise => raise_on(work, scene, IncidentEvent::Stabilised).await?,
        Verb::ProposeClose => ask(work, scene).await?,
        Verb::Review => {
            store::timer::drop_kinds(&work.tx, scene.id(), &["review"]).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Whoever approves the closing: the playbook's role, else the first role.
fn approver(scene: &Scene) -> Option<PartyRef> {
    let first = || scene.playbook.roles.first().map(|role| role.key.clone());
    scene.playbook.close.approve.clone().or_else(first).map(PartyRef::Role)
}

async fn ask(work: &mut Work<'_>, scene: &Scene) -> Result<(), OperationError> {
    let Some(role) = approver(scene) else { return Ok(()) };
    let metrics = metrics(&work.tx, scene, work.now).await?;
    let title = &scene.incident.title;
    let words = |key: &str| Text::both(Words(Language::Ja).get(key), Words(Language::En).get(key));
    let about = Errand::Notice {
        subject: Text::both(format!("終結の判断 {title}"), format!("Decide about closing: {title}")),
        body: Text::both(
            format!(
                "「{title}」の終結が提案されました。終結するか、続けるかを決めてください。\n未解決の宛先: {}\n活動中の隊: {}",
                metrics.alerts_unresolved, metrics.teams_active
            ),
            format!(
                "Closing {title} is proposed. Please close it or keep it open.\nUnresolved recipients: {}\nActive teams: {}",
                metrics.alerts_unresolved, metrics.teams_active
            ),
        ),
        matter: Matter::Closing,
        options: vec![words("errand-close"), words("errand-keep-open")],
        severity: Urgency::High,
    };
    work.write_to_role(scene, Urgency::High, &role, about).await
}

/// The look back is due: whoever approved the closing is reminded; it stands on the home page until it is done.
pub(super) async fn remind_review(work: &mut Work<'_>, scene: &Scene) -> Result<(), OperationError> {
    let Some(role) = approver(scene).filter(|_| scene.state() == State::Closed) else { return Ok(()) };
    let title = &scene.incident.title;
    let about = Errand::Notice {
        subject: Text::both(format!("振り返りの期限 {title}"), format!("Look back is due: {title}")),
        body: Text::both(
            format!("「{title}」の振り返り（AAR）の期限です。済んだら「振り返り済み」にしてください。"),
            format!("The after-action review of {title} is due. Please mark it when it is done."),
        ),
        matter: Matter::Review,
        options: Vec::new(),
        severity: Urgency::Normal,
    };
    let told = Text::both("振り返りの期限", "The look back is due");
    work.line(scene.id(), telling::line("review", telling::service(), told, work.now));
    work.changed(scene.id(), "incident");
    work.write_to_role(scene, Urgency::Normal, &role, about).await
}

/// The numbers that a proposal looks at.
///
/// A team is active from the accepting answer that promises it until the recipient is stood down, the alert is
/// corrected or withdrawn, or somebody notes that it is back ([`release`]).
pub async fn metrics(
    db: &impl ConnectionTrait,
    scene: &Scene,
    now: Timestamp,
) -> Result<Metrics, OperationError> {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let rows = store::recipient::of_incident(db, scene.id(), None, u64::MAX >> 1).await?;
    let unsettled = rows.iter().filter(|row| matches!(row.state.as_str(), "waiting" | "to_decide")).count();
    let timers = store::timer::of_incident(db, scene.id()).await?;
    let coming = timers.iter().filter(|timer| timer.kind == "raise").count();
    let (mut short, mut teams) = (0, 0);
    for alert in store::alert::of_incident(db, scene.id()).await? {
        if alert.state == "to_decide" {
            short += 1;
        }
        if alert.ending || alert.state == "superseded" {
            continue;
        }
        let rule: Rule = store::alert::rule(&alert)?;
        let out: Vec<_> = rows
            .iter()
            .filter(|row| row.alert_id == alert.id)
            .filter(|row| row.released_at_ms.is_none() && row.state != "stood_down")
            .cloned()
            .collect();
        teams += tally(&rule, &out).teams;
    }
    Ok(Metrics {
        alerts_unresolved: i64::try_from(unsettled + coming + short).unwrap_or(i64::MAX),
        tasks_required_open: i64::try_from(super::task::required_open(db, scene).await?).unwrap_or(i64::MAX),
        teams_active: teams.into(),
        reports_overdue: count(super::report::overdue(db, scene, now).await?),
    })
}

/// Looks whether closing has to be proposed, or a proposal of the service taken back, and does it.
pub async fn consider(app: &App, id: IncidentId) -> Result<(), OperationError> {
    let db = app.store.read();
    let row = store::incident::get(db, id).await?;
    // A look without a lock first: most of the time nothing is to be done, and nothing is written then.
    if wanted(app, db, row).await?.is_none() {
        return Ok(());
    }
    let mut work = Work::begin(app, Actor::system()).await?;
    work.enter([id.raw()]).await?;
    let row = store::incident::get(&work.tx, id).await?;
    let Some(step) = wanted(app, &work.tx, row).await? else { return Ok(()) };
    let mut scene = Scene::load(app, &work.tx, id).await?;
    match step {
        Some(verb) => take(&mut work, &mut scene, verb).await?,
        None => {
            scene.incident.closing_declined = false;
            work.save_incident(&scene, scene.state()).await?;
        }
    }
    work.commit().await
}

/// What the service has to do about closing: `Some(Some(verb))` a step, `Some(None)` forget that a person declined.
async fn wanted(
    app: &App,
    db: &impl ConnectionTrait,
    row: incident::Model,
) -> Result<Option<Option<Verb>>, OperationError> {
    let state = store::incident::state(&row)?;
    if !state.is_running() {
        return Ok(None);
    }
    let playbook = app.library.playbook(db, row.playbook_version_id).await?;
    let Some(when) = &playbook.close.propose_when else { return Ok(None) };
    let scene = Scene::of(app, db, row).await?;
    let holds = when.holds(&metrics(db, &scene, app.clock.now()).await?);
    let (row, by_service) = (&scene.incident, scene.incident.closing_by.as_deref() == Some("system"));
    Ok(match (state, holds) {
        (State::Active | State::Stabilised, true) if !row.closing_declined => Some(Some(Verb::ProposeClose)),
        (State::Active | State::Stabilised, false) if row.closing_declined => Some(None),
        (State::Closing, false) if by_service => Some(Some(Verb::KeepOpen)),
        _ => None,
    })
}

/// Notes that the teams of a recipient are back.
pub async fn release(
    mut work: Work<'_>,
    id: noroshi_core::id::RecipientId,
    once: Option<&Once>,
    reply: impl FnOnce(&entity::recipient::Model) -> String,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::AnswerForOthers, "note that a team is back")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let incident = store::recipient::get(&work.tx, id).await?.incident_id;
    work.enter([incident]).await?;
    let scene = Scene::load(work.app, &work.tx, IncidentId::new(incident)).await?;
    if !scene.is_open() {
        return Err(OperationError::Closed(super::alert::not_running(&scene)));
    }
    let mut row = store::recipient::get(&work.tx, id).await?;
    let rule = store::alert::rule(&store::alert::get(&work.tx, AlertId::new(row.alert_id)).await?)?;
    let teams = tally(&rule, std::slice::from_ref(&row)).teams;
    if teams == 0 {
        return Err(OperationError::Closed(Text::both(
            "この宛先には、活動中の隊がありません",
            "this recipient has no team in the field",
        )));
    }
    if row.released_at_ms.is_none() {
        row.released_at_ms = Some(work.now.0);
        store::recipient::save(&work.tx, &mut row).await?;
        let told = Text::both(format!("撤収 {teams}隊"), format!("{teams} teams are back"));
        let mut line = telling::by(&work.actor, "released", telling::service(), told, work.now);
        line.from = super::scene::text(&row.name);
        work.line(scene.id(), line);
        work.changed(scene.id(), "recipient");
    }
    let reply = work.keep(once, 200, reply(&row)).await?;
    work.commit().await?;
    Ok(reply)
}
