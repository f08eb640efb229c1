//! Tasks: there from the activation, by hand, or because an answer opens one; done with evidence, or decided to be not
//! needed; followed whenever something happens that a deadline counts from.

use std::collections::{BTreeMap, BTreeSet};

use entity::{recipient, task};
use noroshi_core::{
    id::{IncidentId, TaskId},
    playbook::{Anchor, IncidentMoment, PartyRef, Playbook, TaskPlan},
    task::{Input, Moments, Rule, State, Task, advance, is_blocked},
    text::Text,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;
use serde_json::Value;
use uuid::Uuid;

use super::{
    OperationError, Work,
    scene::{Scene, text},
    telling,
};
use crate::store::{self, to_json};

mod change;
mod create;

pub use change::{Change, change, shown};
pub use create::{ByHand, create};

/// Tasks by hand stand after those of the playbook.
const AFTER_THE_PLAYBOOK: i32 = 100_000;

/// Makes the tasks that a playbook has from the beginning, as far as their conditions hold. For the activation.
pub(super) async fn begin(work: &mut Work<'_>, scene: &Scene) -> Result<(), OperationError> {
    let there = |plan: &&TaskPlan| !plan.on_demand && plan.is_there(&scene.playbook, &scene.values);
    let plans = scene.playbook.task_plans().filter(there);
    let rows: Vec<task::Model> = plans.map(|plan| of_plan(work, scene, plan, 1, None)).collect();
    let count = rows.len();
    store::task::put(&work.tx, rows).await?;
    if count > 0 {
        let told = Text::both(format!("課題{count}件を割り当て"), format!("{count} tasks assigned"));
        let line = telling::line("task", telling::service(), told, work.now);
        work.line(scene.id(), line);
        work.changed(scene.id(), "task");
        follow(work, scene).await?;
    }
    Ok(())
}

fn of_plan(
    work: &Work<'_>,
    scene: &Scene,
    plan: &TaskPlan,
    number: i32,
    opened_by: Option<&recipient::Model>,
) -> task::Model {
    let position = scene.playbook.task_plans().position(|other| other.key == plan.key).unwrap_or_default();
    task::Model {
        key: Some(plan.key.clone()),
        number,
        position: i32::try_from(position).unwrap_or(AFTER_THE_PLAYBOOK),
        required: plan.required,
        recipient_id: opened_by.map(|row| row.id),
        ..blank(work, scene, to_json(&plan.title), &plan.role)
    }
}

fn blank(work: &Work<'_>, scene: &Scene, title: Value, role: &str) -> task::Model {
    let mut row = task::Model {
        id: work.app.chance.uuid(work.now),
        incident_id: scene.incident.id,
        key: None,
        number: 1,
        position: AFTER_THE_PLAYBOOK,
        title,
        role: role.to_owned(),
        required: false,
        about: None,
        recipient_id: None,
        state: String::new(),
        version: 0,
        created_at_ms: work.now.0,
        created_own_ms: scene.timeline.own(work.now).0,
        created_by: work.actor.name.clone(),
        due_own_ms: None,
        blocked: false,
        reminded: 0,
        next_own_ms: None,
        evidence: None,
        fields: None,
        note: String::new(),
        settled_at_ms: None,
        settled_own_ms: None,
        settled_by: None,
    };
    store::task::set_value(&mut row, &Task::new());
    row
}

/// Looks at what every open task waits for: deadlines whose moment has come are set, what is free gets its timer.
///
/// Called in the transaction in which something happened that a deadline may count from. Doing it once too often is
/// harmless.
pub(super) async fn follow(work: &mut Work<'_>, scene: &Scene) -> Result<(), OperationError> {
    let rows = store::task::of_incident(&work.tx, scene.id()).await?;
    if rows.iter().all(|row| row.state != State::Open.key()) {
        return Ok(());
    }
    let moments = moments(work, scene, &rows).await?;
    let states: Vec<(String, State)> =
        rows.iter().filter_map(|row| Some((row.key.clone()?, State::from_key(&row.state)?))).collect();
    let states: Vec<(&str, State)> = states.iter().map(|(key, state)| (key.as_str(), *state)).collect();
    for mut row in rows.into_iter().filter(|row| row.state == State::Open.key()) {
        let created = Timestamp(row.created_own_ms);
        let plan = row.key.as_deref().and_then(|key| scene.playbook.task(key));
        let due = match plan {
            Some(plan) => moments.due(plan, created, work.app.zone),
            None => None,
        };
        let due = row.due_own_ms.map(Timestamp).or(due);
        let blocked = plan.is_some_and(|plan| is_blocked(&plan.requires, &states));
        step(work, scene, &mut row, Input::Followed { due, blocked }).await?;
    }
    Ok(())
}

/// What deadlines count from, as far as it has happened, in the incident's own time.
async fn moments(work: &Work<'_>, scene: &Scene, rows: &[task::Model]) -> Result<Moments, OperationError> {
    let own = |ms: i64| scene.timeline.own(Timestamp(ms));
    let mut moments = Moments::default();
    let incident = &scene.incident;
    moments.incident.insert(IncidentMoment::Opened, own(incident.opened_at_ms));
    let activated = incident.activated_at_ms.unwrap_or(incident.opened_at_ms);
    moments.incident.insert(IncidentMoment::Activated, own(activated));
    let later = [
        (IncidentMoment::Stabilised, incident.stabilised_at_ms),
        (IncidentMoment::Closing, incident.closing_at_ms),
    ];
    for (moment, at) in later {
        if let Some(at) = at {
            moments.incident.insert(moment, own(at));
        }
    }
    if let Some(ended) = incident.ended_at_ms {
        let moment = match incident.state.as_str() {
            "cancelled" => IncidentMoment::Cancelled,
            _ => IncidentMoment::Closed,
        };
        moments.incident.insert(moment, own(ended));
    }
    for row in rows {
        let settled = State::from_key(&row.state).is_some_and(State::is_settled);
        if let (true, Some(key), Some(at)) = (settled, &row.key, row.settled_own_ms) {
            earliest(&mut moments.done, key, Timestamp(at));
        }
    }
    for role in &scene.roles {
        if let Some(accepted) = role.accepted_at_ms {
            moments.accepted.insert(role.key.clone(), own(accepted));
        }
    }
    let alerts = answers_waited_for(&scene.playbook);
    if !alerts.is_empty() {
        for alert in store::alert::of_incident(&work.tx, scene.id()).await? {
            if alerts.contains(alert.key.as_str())
                && let Some(at) = store::recipient::first_answer(&work.tx, alert.id).await?
            {
                earliest(&mut moments.answered, &alert.key, own(at));
            }
        }
    }
    Ok(moments)
}

fn earliest(of: &mut BTreeMap<String, Timestamp>, key: &str, at: Timestamp) {
    of.entry(key.to_owned()).and_modify(|known| *known = at.min(*known)).or_insert(at);
}

/// An alert has been answered: deadlines that count from its first answer are set.
pub(super) async fn answered(work: &mut Work<'_>, scene: &Scene, alert: &str) -> Result<(), OperationError> {
    if !answers_waited_for(&scene.playbook).contains(alert) {
        return Ok(());
    }
    let rows = store::task::of_incident(&work.tx, scene.id()).await?;
    let waits = |row: &task::Model| {
        let plan = row.key.as_deref().and_then(|key| scene.playbook.task(key));
        let anchor = plan.and_then(|plan| Some(&plan.due.as_ref()?.after));
        row.due_own_ms.is_none() && matches!(anchor, Some(Anchor::AlertAnswered(key)) if key == alert)
    };
    if rows.iter().any(waits) { follow(work, scene).await } else { Ok(()) }
}

/// The alerts whose first answer a deadline of this playbook counts from.
fn answers_waited_for(playbook: &Playbook) -> BTreeSet<&str> {
    let anchors = playbook.task_plans().filter_map(|plan| Some(&plan.due.as_ref()?.after));
    anchors
        .filter_map(|anchor| match anchor {
            Anchor::AlertAnswered(key) => Some(key.as_str()),
            _ => None,
        })
        .collect()
}

/// Takes one input for one task: asks the core, saves the row, performs the effects. Returns whether anything changed.
pub(super) async fn step(
    work: &mut Work<'_>,
    scene: &Scene,
    row: &mut task::Model,
    input: Input,
) -> Result<bool, OperationError> {
    let plan = row.key.as_deref().and_then(|key| scene.playbook.task(key));
    let rule = Rule { required: row.required, repeat_every: plan.and_then(|plan| plan.repeat_every) };
    let value = store::task::value(row)?;
    let own_now = scene.timeline.own(work.now);
    let (next, effects) = advance(rule, &value, input, own_now);
    let changed = next != value;
    if changed {
        store::task::set_value(row, &next);
        if next.state == State::Open {
            (row.settled_at_ms, row.settled_own_ms, row.settled_by) = (None, None, None);
        } else if value.state == State::Open {
            row.settled_at_ms = Some(work.now.0);
            row.settled_own_ms = Some(own_now.0);
            row.settled_by = Some(work.actor.name.clone());
        }
        store::task::save(&work.tx, row).await?;
        work.changed(scene.id(), "task");
    }
    work.perform_task(scene, row, effects).await?;
    Ok(changed)
}

/// The timer of a task fired.
pub(super) async fn fire(
    work: &mut Work<'_>,
    scene: &Scene,
    id: Uuid,
    reminder: i32,
) -> Result<(), OperationError> {
    let mut row = store::task::get(&work.tx, TaskId::new(id)).await?;
    let fired = Input::TimerFired { reminder: u16::try_from(reminder).unwrap_or(u16::MAX) };
    step(work, scene, &mut row, fired).await?;
    Ok(())
}

/// It comes back after it was done.
pub(super) async fn again(
    work: &mut Work<'_>,
    scene: &Scene,
    row: &task::Model,
    due: Timestamp,
) -> Result<(), OperationError> {
    let mut next = task::Model {
        key: row.key.clone(),
        number: row.number + 1,
        position: row.position,
        required: row.required,
        about: row.about.clone(),
        due_own_ms: Some(due.0),
        ..blank(work, scene, row.title.clone(), &row.role)
    };
    store::task::put(&work.tx, vec![next.clone()]).await?;
    step(work, scene, &mut next, Input::Followed { due: Some(due), blocked: false }).await?;
    Ok(())
}

/// An answer opens a task: whoever answered so wants something. One open task for each recipient is enough.
pub(super) async fn open_for(
    work: &mut Work<'_>,
    scene: &Scene,
    key: &str,
    recipient: &recipient::Model,
    note: &str,
) -> Result<(), OperationError> {
    let Some(plan) = scene.playbook.task(key) else { return Ok(()) };
    let rows = store::task::of_incident(&work.tx, scene.id()).await?;
    let same = |row: &&task::Model| row.key.as_deref() == Some(key);
    if rows
        .iter()
        .filter(same)
        .any(|row| row.state == State::Open.key() && row.recipient_id == Some(recipient.id))
    {
        return Ok(());
    }
    let number = rows.iter().filter(same).map(|row| row.number).max().unwrap_or(0) + 1;
    let who = text(&recipient.name);
    let phones = super::letter::phones(scene, recipient);
    let about = |name: &str| [name, phones.as_str(), note].map(str::trim).join(" ").trim().to_owned();
    let about = Text::both(about(&who.ja), about(who.en.as_deref().unwrap_or(&who.ja)));
    let row =
        task::Model { about: Some(to_json(&about)), ..of_plan(work, scene, plan, number, Some(recipient)) };
    opened(work, scene, row).await
}

/// Puts a new task in, tells it, and gives it its deadline.
async fn opened(work: &mut Work<'_>, scene: &Scene, row: task::Model) -> Result<(), OperationError> {
    let name = title(&row);
    let told = Text::both(format!("課題を追加: {}", name.ja), format!("Task added: {}", english(&name)));
    let line = telling::by(&work.actor, "task", role_name(scene, &row.role), told, work.now);
    work.line(scene.id(), line);
    work.changed(scene.id(), "task");
    store::task::put(&work.tx, vec![row]).await?;
    follow(work, scene).await
}

/// A task, with its incident's world; the incident is entered.
pub(super) async fn load(work: &Work<'_>, id: TaskId) -> Result<(Scene, task::Model), OperationError> {
    work.enter([store::task::get(&work.tx, id).await?.incident_id]).await?;
    let row = store::task::get(&work.tx, id).await?;
    let scene = Scene::load(work.app, &work.tx, IncidentId::new(row.incident_id)).await?;
    Ok((scene, row))
}

/// Whether the actor holds the role.
pub(super) fn holds(work: &Work<'_>, scene: &Scene, role: &str) -> bool {
    scene.holds(role, &work.actor, work.now)
}

/// The tasks that an open one waits for: keys.
pub fn waits_for(scene: &Scene, all: &[task::Model], row: &task::Model) -> Vec<String> {
    let Some(plan) = row.key.as_deref().and_then(|key| scene.playbook.task(key)) else { return Vec::new() };
    let states: Vec<(&str, State)> =
        all.iter().filter_map(|row| Some((row.key.as_deref()?, State::from_key(&row.state)?))).collect();
    let waits = |key: &&String| is_blocked(std::slice::from_ref(*key), &states);
    plan.requires.iter().filter(waits).cloned().collect()
}

/// The title of a task, with whom or what it concerns.
pub fn title(row: &task::Model) -> Text {
    let title = text(&row.title);
    match row.about.as_ref().map(text) {
        None => title,
        Some(about) => Text::both(
            format!("{}（{}）", title.ja, about.ja),
            format!("{} ({})", english(&title), english(&about)),
        ),
    }
}

fn english(text: &Text) -> &str {
    text.en.as_deref().unwrap_or(&text.ja)
}

/// A role's title.
pub(super) fn role_name(scene: &Scene, key: &str) -> Text {
    scene.party_name(&PartyRef::Role(key.to_owned()))
}

/// The incident is over: what is open ends with it. What counts from that end begins. Returns how many ended.
pub(super) async fn end(work: &mut Work<'_>, scene: &Scene) -> Result<usize, OperationError> {
    let outlives = |row: &task::Model| match begins_with_the_end(scene, row) {
        Some(IncidentMoment::Closed) => scene.incident.state == "closed",
        Some(_) => scene.incident.state == "cancelled",
        None => false,
    };
    let mut ended = 0;
    for mut row in store::task::of_incident(&work.tx, scene.id()).await? {
        if !outlives(&row) && step(work, scene, &mut row, Input::Ended).await? {
            ended += 1;
        }
    }
    follow(work, scene).await?;
    Ok(ended)
}

/// The end that the deadline of a task counts from, where it counts from one.
fn begins_with_the_end(scene: &Scene, row: &task::Model) -> Option<IncidentMoment> {
    let plan = row.key.as_deref().and_then(|key| scene.playbook.task(key))?;
    match plan.due.as_ref()?.after {
        Anchor::Incident(end @ (IncidentMoment::Closed | IncidentMoment::Cancelled)) => Some(end),
        _ => None,
    }
}

/// How many required tasks of an incident are open: metric `tasks.required_open`. What begins with the end of the
/// incident does not stand in the way of it.
pub async fn required_open(db: &impl ConnectionTrait, scene: &Scene) -> Result<usize, OperationError> {
    let rows = store::task::of_incident(db, scene.id()).await?;
    let waits = |row: &&task::Model| {
        row.required && row.state == State::Open.key() && begins_with_the_end(scene, row).is_none()
    };
    Ok(rows.iter().filter(waits).count())
}
