//! Starting, closing and cancelling an incident.

use std::collections::BTreeMap;

use entity::{channel, incident, timer};
use noroshi_core::{
    alert::Rule,
    id::IncidentId,
    playbook::{IncidentEvent, PartyRef, StopOn},
    problem::Severity,
    rights::Action,
    text::{Language, Text},
    time::{Span, Timeline},
    variable,
};
use serde_json::Value;

use super::{
    Invalid, Once, OperationError, Reply, Work,
    alert::{Told, raise_alert, stop_all},
    role,
    scene::Scene,
    telling,
};
use crate::store::{self, StoreError, to_json};

/// What somebody wants to start.
#[derive(Clone, Debug)]
pub struct Start {
    /// Key of the playbook.
    pub playbook: String,
    /// Drill, or live.
    pub drill: bool,
    /// Values of its variables.
    pub variables: BTreeMap<String, Value>,
    /// The incident's title; absent is the playbook's.
    pub title: Option<String>,
    /// Own seconds for each real one: 1, in a drill up to 600.
    pub rate: Option<u32>,
}

/// Most own seconds for each real one.
pub const FASTEST: u32 = 600;

/// Opens and activates an incident: chairs, channels, first alerts, timers of the later ones.
///
/// `reply` writes the answer from the new scene, in the same transaction. Errors: an unknown playbook, a directory
/// that does not satisfy it, missing or wrong variables (all at once), a drill while a live incident is open, no right.
pub async fn start(
    mut work: Work<'_>,
    wish: Start,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let version = store::playbook::latest(&work.tx, &wish.playbook)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "playbook", id: wish.playbook.clone() })?;
    let directory_version = store::directory::latest(&work.tx).await?.ok_or_else(|| {
        OperationError::Closed(Text::both(
            "連絡先台帳がまだありません。noroshi directory import で取り込んでから発動してください",
            "there is no directory yet; bring one in with noroshi directory import, then start",
        ))
    })?;
    let directory = work.app.library.directory(&work.tx, directory_version.id).await?;
    let playbook = work.app.library.playbook(&work.tx, version.id).await?;
    may_start(&work, &playbook, &directory)?;

    // A directory imported since may no longer give the playbook what it needs.
    let (checked, mut problems) = noroshi_core::playbook::read(version.source.as_bytes(), Some(&directory));
    if checked.is_none() {
        problems.retain(|problem| problem.severity == Severity::Error);
        return Err(OperationError::Problems(problems));
    }
    let mut invalid = Vec::new();
    let rate = match (wish.rate, wish.drill) {
        (None, _) => 1,
        (Some(rate), true) if (1..=FASTEST).contains(&rate) => rate,
        _ => {
            invalid.push(Invalid::new(
                "rate",
                format!("速さは訓練だけで、1から{FASTEST}までです"),
                format!("a rate is for drills only, from 1 to {FASTEST}"),
            ));
            1
        }
    };
    if wish.drill && !playbook.drills.allowed {
        invalid.push(Invalid::new(
            "mode",
            "この手順書は訓練を許していません",
            "this playbook does not allow drills",
        ));
    }
    let title =
        wish.title.as_deref().map(noroshi_core::answer::clean).filter(|title| !title.trim().is_empty());
    if title.as_ref().is_some_and(|title| title.chars().count() > 120) {
        invalid.push(Invalid::new("title", "題名は120文字までです", "a title has at most 120 characters"));
    }
    let values = match variable::resolve(&playbook, &directory, &wish.variables, work.now, work.app.zone) {
        Ok(values) => values,
        Err(found) => {
            invalid.extend(found.into_iter().map(|problem| Invalid {
                path: format!("variables.{}", problem.key),
                detail: problem.detail,
            }));
            BTreeMap::new()
        }
    };
    if !invalid.is_empty() {
        return Err(OperationError::Invalid(invalid));
    }

    let open = store::incident::open(&work.tx).await?;
    if wish.drill && open.iter().any(|other| other.mode == "live") {
        return Err(OperationError::Closed(Text::both(
            "実災害の事案が開いている間は、訓練を始められません",
            "a drill cannot start while a live incident is open",
        )));
    }
    if !wish.drill {
        let drills: Vec<_> = open.into_iter().filter(|other| other.mode == "drill").collect();
        work.enter(drills.iter().map(|drill| drill.id)).await?;
        for drill in drills {
            abort_drill(&mut work, IncidentId::new(drill.id)).await?;
        }
    }

    let id = IncidentId::new(work.app.chance.uuid(work.now));
    let timeline = Timeline::at_rate(work.now, rate);
    let row = incident::Model {
        id: id.raw(),
        playbook_version_id: version.id,
        directory_version_id: directory_version.id,
        mode: if wish.drill { "drill" } else { "live" }.into(),
        state: "active".into(),
        title: title.unwrap_or_else(|| playbook.title.get(Language::Ja).to_owned()),
        variables: to_json(&values),
        opened_at_ms: work.now.0,
        opened_by: work.actor.id.clone(),
        ended_at_ms: None,
        ended_by: None,
        end_reason: None,
        real_origin_ms: timeline.real_origin.0,
        own_origin_ms: timeline.own_origin.0,
        rate: i32::try_from(rate).expect("at most 600"),
    };
    let mut scene = Scene::new(row, playbook, directory, Vec::new(), values);
    scene.seat(role::chairs(&work, &scene));
    store::incident::put(&work.tx, scene.incident.clone(), scene.roles.clone()).await?;
    store::chronology::begin(&work.tx, id).await?;
    store::channel::put(&work.tx, channels(&work, &scene)).await?;

    let told = Text::both(
        format!(
            "{}「{}」を発動（手順書 {}）",
            if wish.drill { "訓練 " } else { "" },
            scene.incident.title,
            version.version
        ),
        format!(
            "{}{} activated (playbook {})",
            if wish.drill { "Drill: " } else { "" },
            scene.incident.title,
            version.version
        ),
    );
    let line = telling::by(&work.actor, "activated", telling::service(), told, work.now);
    work.line(id, line);
    role::begin(&mut work, &mut scene).await?;

    let playbook = std::sync::Arc::clone(&scene.playbook);
    for plan in &playbook.alerts {
        let Some(on) = plan.send.filter(|on| on.event == IncidentEvent::Activated) else { continue };
        if on.delay == Span::ZERO {
            let rule = Rule::of(&playbook, &plan.key).expect("the alert is the playbook's own");
            raise_alert(&mut work, &scene, &rule, None, false).await?;
        } else {
            let timer = raise_timer(&work, &scene, &plan.key, on.delay);
            work.gathered.timers.insert(timer.id, Some(timer));
        }
    }
    super::task::begin(&mut work, &scene).await?;
    super::report::begin(&mut work, &scene).await?;
    work.changed(id, "incident");
    work.flush_quietly().await?;
    let body = reply(&mut work, &scene).await?;
    let reply = work.keep(once, 201, body).await?;
    work.commit().await?;
    Ok(reply)
}

/// Who may start by hand: commanders and administrators, and whom the trigger's `allow` names.
fn may_start(
    work: &Work<'_>,
    playbook: &noroshi_core::playbook::Playbook,
    directory: &noroshi_core::directory::Directory,
) -> Result<(), OperationError> {
    let named = work.actor.person.as_deref().is_some_and(|person| {
        playbook
            .triggers
            .iter()
            .filter(|trigger| trigger.source == "manual")
            .flat_map(|trigger| &trigger.allow)
            .any(|party| match party {
                PartyRef::Roster(key) => directory.on_duty(key, work.now).contains(&person),
                _ => false,
            })
    });
    work.actor.must_named(Action::Start, named, "start an incident")
}

fn channels(work: &Work<'_>, scene: &Scene) -> Vec<channel::Model> {
    let plans = scene.playbook.channels.iter().enumerate();
    plans
        .map(|(position, plan)| channel::Model {
            id: work.app.chance.uuid(work.now),
            incident_id: scene.incident.id,
            key: plan.key.clone(),
            position: i32::try_from(position).unwrap_or(i32::MAX),
            title: to_json(&plan.title),
            outside: plan.outside,
            relay_to: plan.relay_to.clone(),
            members: to_json(&plan.members),
        })
        .collect()
}

fn raise_timer(work: &Work<'_>, scene: &Scene, key: &str, delay: Span) -> timer::Model {
    let due = scene.timeline.own(work.now) + delay;
    timer::Model {
        id: work.app.chance.uuid(work.now),
        incident_id: scene.incident.id,
        kind: "raise".into(),
        subject_id: None,
        subject_key: Some(key.to_owned()),
        step: 0,
        due_own_ms: due.0,
        due_at_ms: scene.timeline.real_time_of(due).map(|at| at.0),
        fired_at_ms: None,
        late_by_ms: None,
    }
}

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
    end(work, id, End::Closed, reason, once, reply).await
}

/// Cancels an incident with a reason: everybody who was told hears of it, by the transports that were used.
pub async fn cancel(
    work: Work<'_>,
    id: IncidentId,
    reason: &str,
    once: Option<&Once>,
    reply: impl FnOnce(&incident::Model) -> String,
) -> Result<Reply, OperationError> {
    end(work, id, End::Cancelled, reason, once, reply).await
}

async fn end(
    mut work: Work<'_>,
    id: IncidentId,
    how: End,
    reason: &str,
    once: Option<&Once>,
    reply: impl FnOnce(&incident::Model) -> String,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    work.enter([id.raw()]).await?;
    let mut scene = Scene::load(work.app, &work.tx, id).await?;
    may_end(&work, &scene, how)?;
    let reason = checked_reason(how, reason)?;
    if !scene.is_open() {
        return Err(OperationError::Closed(super::alert::over()));
    }
    let plan = &scene.playbook;
    let (state, event, mut keys) = match how {
        End::Closed => ("closed", IncidentEvent::Closing, plan.close.alerts.clone()),
        End::Cancelled => {
            ("cancelled", IncidentEvent::Cancelled, plan.cancel.alert.iter().cloned().collect())
        }
    };
    finish(&mut work, &mut scene, state, reason.as_deref()).await?;

    // Named by close or cancel, or sent on the event: each once.
    for plan in &scene.playbook.alerts {
        if plan.send.is_some_and(|on| on.event == event) && !keys.contains(&plan.key) {
            keys.push(plan.key.clone());
        }
    }
    let told = Told::of(&work, &scene).await?;
    if !told.is_empty() {
        for key in keys {
            let Some(mut rule) = Rule::of(&scene.playbook, &key) else { continue };
            for transport in told.transports() {
                if !rule.plan.via.contains(&transport) {
                    rule.plan.via.push(transport);
                }
            }
            raise_alert(&mut work, &scene, &rule, Some(&told), true).await?;
        }
    }
    let reply = work.keep(once, 200, reply(&scene.incident)).await?;
    work.commit().await?;
    Ok(reply)
}

/// Commanders and administrators may end an incident, and whoever holds a role that the playbook names for it.
fn may_end(work: &Work<'_>, scene: &Scene, how: End) -> Result<(), OperationError> {
    let holds = |role: &String| scene.holders.get(role).is_some_and(|person| work.actor.is_person(person));
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
async fn finish(
    work: &mut Work<'_>,
    scene: &mut Scene,
    state: &str,
    reason: Option<&str>,
) -> Result<(), OperationError> {
    let id = scene.id();
    store::incident::end(&work.tx, id, state, &work.actor.id, reason, work.now).await?;
    scene.incident.state = state.to_owned();
    scene.incident.ended_at_ms = Some(work.now.0);
    scene.incident.ended_by = Some(work.actor.id.clone());
    scene.incident.end_reason = reason.map(str::to_owned);
    role::end(work, scene).await?;
    store::timer::drop_unraised(&work.tx, id).await?;
    store::delivery::withdraw_role_letters(&work.tx, id, work.now).await?;
    let why = if state == "cancelled" { StopOn::Superseded } else { StopOn::IncidentClosed };
    let open = store::recipient::unsettled(&work.tx, id).await?;
    stop_all(work, scene, open, why, false).await?;
    end_duties(work, scene).await?;
    let cancelled = state == "cancelled";
    let told = match (cancelled, reason.unwrap_or_default()) {
        (true, reason) => Text::both(format!("取消。理由: {reason}"), format!("Cancelled: {reason}")),
        (false, "") => Text::both("終結", "Closed"),
        (false, reason) => Text::both(format!("終結。{reason}"), format!("Closed: {reason}")),
    };
    let line = telling::by(
        &work.actor,
        if cancelled { "cancelled" } else { "closed" },
        telling::service(),
        told,
        work.now,
    );
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
async fn abort_drill(work: &mut Work<'_>, id: IncidentId) -> Result<(), OperationError> {
    let mut scene = Scene::load(work.app, &work.tx, id).await?;
    finish(work, &mut scene, "cancelled", Some("実災害の発動により訓練を中止")).await
}
