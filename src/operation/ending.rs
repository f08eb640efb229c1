//! Closing and cancelling: the ladders end, and exactly those who were told hear of it.

use entity::incident;
use noroshi_core::{
    alert::Rule,
    id::IncidentId,
    incident::{State, Verb},
    playbook::{IncidentEvent, Playbook, StopOn, Urgency},
    rights::Action,
    text::Text,
};

use super::{
    Once, OperationError, Reply, Work,
    alert::{Raised, raise_alert, stop_all},
    closing,
    incident::timer_of,
    role::Opened,
    scene::Scene,
    telling,
    told::Told,
};
use crate::store;

/// How an incident ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Cancelled,
}

/// Closes an incident: its ladders end, whoever was told gets the closing alerts. A reason may be given.
pub async fn close(
    work: Work<'_>,
    id: IncidentId,
    reason: &str,
    once: Option<&Once>,
    reply: impl FnOnce(&incident::Model) -> String,
) -> Result<Reply, OperationError> {
    end(work, id, End::Closed, reason, None, once, reply).await
}

/// Closes an incident by the link of the letter that asks whether to.
pub async fn close_by_link(work: Work<'_>, opened: &Opened, reason: &str) -> Result<(), OperationError> {
    let id = IncidentId::new(opened.link.incident_id);
    end(work, id, End::Closed, reason, Some(opened), None, |_| String::new()).await.map(drop)
}

/// Cancels an incident with a reason: everybody who was told hears of it, by the transports that were used.
pub async fn cancel(
    work: Work<'_>,
    id: IncidentId,
    reason: &str,
    once: Option<&Once>,
    reply: impl FnOnce(&incident::Model) -> String,
) -> Result<Reply, OperationError> {
    end(work, id, End::Cancelled, reason, None, once, reply).await
}

async fn end(
    mut work: Work<'_>,
    id: IncidentId,
    how: End,
    reason: &str,
    link: Option<&Opened>,
    once: Option<&Once>,
    reply: impl FnOnce(&incident::Model) -> String,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    work.enter([id.raw()]).await?;
    let mut scene = Scene::load(work.app, &work.tx, id).await?;
    match link {
        Some(opened) => closing::must_decide_by_link(&work, &scene, opened)?,
        None => may_end(&work, &scene, how)?,
    }
    let reason = checked_reason(how, reason)?;
    let verb = match how {
        End::Closed => Verb::Close,
        End::Cancelled => Verb::Cancel,
    };
    let state = super::scene::after(&scene, verb)?;
    if how == End::Closed {
        set_review(&mut work, &mut scene);
    }
    finish(&mut work, &mut scene, state, reason.as_deref()).await?;

    let told = Told::of(&work.tx, &scene, None).await?;
    if !told.is_empty() {
        let raised = Raised { ending: true, everybody: how == End::Cancelled, ..Raised::default() };
        for mut rule in last_alerts(&scene.playbook, verb) {
            told.widen(&mut rule.plan.via);
            raise_alert(&mut work, &scene, &rule, Some(&told), raised).await?;
        }
    }
    let reply = work.keep(once, 200, reply(&scene.incident)).await?;
    work.commit().await?;
    Ok(reply)
}

/// What an end sends: the alerts that the playbook names for it, and those that wait for its event, each once.
///
/// - `verb`: closing or cancelling; no other verb ends an incident with a letter.
pub fn last_alerts(playbook: &Playbook, verb: Verb) -> Vec<Rule> {
    let (event, named): (_, Vec<&String>) = match verb {
        Verb::Close => (IncidentEvent::Closing, playbook.close.alerts.iter().collect()),
        Verb::Cancel => (IncidentEvent::Cancelled, playbook.cancel.alert.iter().collect()),
        _ => return Vec::new(),
    };
    let waiting = playbook.alerts.iter().filter(|plan| plan.send.is_some_and(|on| on.event == event));
    let waiting = waiting.map(|plan| &plan.key).filter(|key| !named.contains(key));
    let keys: Vec<&String> = named.iter().copied().chain(waiting).collect();
    keys.into_iter().filter_map(|key| Rule::of(playbook, key)).collect()
}

/// Notes until when the incident has to be looked back at, where the playbook says so.
fn set_review(work: &mut Work<'_>, scene: &mut Scene) {
    let Some(due) = scene.playbook.close.review_due else { return };
    let due = scene.timeline.own(work.now) + due;
    let timer = timer_of(work, scene, Urgency::Normal, "review", None, due);
    scene.incident.review_due_ms = timer.due_at_ms;
    work.gathered.timers.insert(timer.id, Some(timer));
}

/// Commanders and administrators may end an incident, and whoever holds a role that the playbook names for it.
fn may_end(work: &Work<'_>, scene: &Scene, how: End) -> Result<(), OperationError> {
    let holds = |role: &String| scene.holds(role, &work.actor, work.now);
    let plan = &scene.playbook;
    match how {
        End::Closed => {
            let named = plan.close.approve.as_ref().is_some_and(holds);
            work.actor.must_named(Action::Close, named, "close the incident")
        }
        End::Cancelled => {
            let named = plan.cancel.allow.iter().any(holds);
            work.actor.must_named(Action::Cancel, named, "cancel the incident")
        }
    }
}

fn checked_reason(how: End, reason: &str) -> Result<Option<String>, OperationError> {
    const LONGEST: usize = 500;
    let reason = noroshi_core::answer::clean(reason.trim());
    if reason.chars().count() > LONGEST {
        return Err(OperationError::invalid(
            "reason",
            format!("理由は{LONGEST}文字までです"),
            format!("a reason has at most {LONGEST} characters"),
        ));
    }
    match (how, reason.is_empty()) {
        (End::Cancelled, true) => {
            Err(OperationError::invalid("reason", "取り消す理由を入れてください", "a reason is required"))
        }
        (End::Closed, true) => Ok(None),
        _ => Ok(Some(reason)),
    }
}

/// Ends the row and every ladder, withdraws what has not left, drops what was to be raised later.
pub(super) async fn finish(
    work: &mut Work<'_>,
    scene: &mut Scene,
    state: State,
    reason: Option<&str>,
) -> Result<(), OperationError> {
    let id = scene.id();
    let before = store::incident::state(&scene.incident)?;
    scene.incident.state = state.key().to_owned();
    scene.incident.ended_at_ms = Some(work.now.0);
    scene.incident.ended_by = Some(work.actor.id.clone());
    scene.incident.end_reason = reason.map(str::to_owned);
    work.save_incident(scene, before).await?;
    super::role::end(work, scene).await?;
    store::timer::drop_kinds(&work.tx, id, &["raise", "hold", "role"]).await?;
    store::delivery::withdraw_role_letters(&work.tx, id, work.now).await?;
    let why = if state == State::Closed { StopOn::IncidentClosed } else { StopOn::Superseded };
    let open = store::recipient::unsettled(&work.tx, id).await?;
    stop_all(work, scene, open, why, false).await?;
    end_duties(work, scene).await?;
    let reason = reason.unwrap_or_default();
    let (kind, ja, en) = match state {
        State::Cancelled if before.is_waiting() => {
            ("dismissed", "発報せずに取消", "Dismissed, nothing was sent")
        }
        State::Cancelled => ("cancelled", "取消", "Cancelled"),
        State::Merged => ("merged", "統合により終了", "Merged"),
        _ => ("closed", "終結", "Closed"),
    };
    let told = match (state, reason) {
        (_, "") => Text::both(ja, en),
        (State::Cancelled, reason) => Text::both(format!("{ja}。理由: {reason}"), format!("{en}: {reason}")),
        (_, reason) => Text::both(format!("{ja}。{reason}"), format!("{en}: {reason}")),
    };
    let line = telling::by(&work.actor, kind, telling::service(), told, work.now);
    work.line(id, line);
    work.changed(id, "incident");
    // What is raised next must not be withdrawn with what was raised before.
    work.flush_quietly().await?;
    Ok(())
}

/// Open tasks and reports end with the incident; the chronology says how many were left.
async fn end_duties(work: &mut Work<'_>, scene: &Scene) -> Result<(), OperationError> {
    let tasks = super::task::end(work, scene).await?;
    let reports = super::report::end(work, scene).await?;
    if tasks + reports > 0 {
        let told = Text::both(
            format!("未完の課題{tasks}件、出していない報告{reports}件が終わった"),
            format!("{tasks} open tasks and {reports} reports that were due end with it"),
        );
        let line = telling::line("task", telling::service(), told, work.now);
        work.line(scene.id(), line);
    }
    Ok(())
}

/// A real event ends a drill: at once, without further letters.
pub(super) async fn abort_drill(work: &mut Work<'_>, id: IncidentId) -> Result<(), OperationError> {
    let mut scene = Scene::load(work.app, &work.tx, id).await?;
    finish(work, &mut scene, State::Cancelled, Some("実災害の発動により訓練を中止")).await
}
