//! Situation reports: due in the playbook's rhythm, written, approved or sent back, sent out; a missed one is decided.

use std::collections::BTreeMap;

use entity::{channel, report};
use noroshi_core::{
    form::{self, Form},
    id::{ChannelId, ReportId},
    playbook::{Ask, AskKind, ReportPlan},
    report::{Input, State, advance, plan},
    text::{Language, Text},
    time::Timestamp,
};
use sea_orm::ConnectionTrait;
use serde_json::Value;
use uuid::Uuid;

use super::{OperationError, Work, scene::Scene};
use crate::store::{self, StoreError};

mod verbs;

pub use verbs::{Wish, approve, decide, send_back, write};

/// Plans the first report of every kind. For the activation.
pub(super) async fn begin(work: &mut Work<'_>, scene: &Scene) -> Result<(), OperationError> {
    let playbook = std::sync::Arc::clone(&scene.playbook);
    for plan in &playbook.reports {
        if let Some(due) = plan.next_due(origin(scene), None) {
            put(work, scene, plan, 1, due).await?;
        }
    }
    Ok(())
}

/// What the schedule counts from, in own time: the activation.
fn origin(scene: &Scene) -> Timestamp {
    let incident = &scene.incident;
    scene.timeline.own(Timestamp(incident.activated_at_ms.unwrap_or(incident.opened_at_ms)))
}

async fn put(
    work: &mut Work<'_>,
    scene: &Scene,
    kind: &ReportPlan,
    number: i32,
    due: Timestamp,
) -> Result<(), OperationError> {
    let (value, effects) = plan(due, scene.timeline.own(work.now));
    let mut row = report::Model {
        id: work.app.chance.uuid(work.now),
        incident_id: scene.incident.id,
        key: kind.key.clone(),
        number,
        state: String::new(),
        version: 0,
        due_own_ms: 0,
        base_own_ms: 0,
        stage: 0,
        next_own_ms: None,
        decider: None,
        decide_since_ms: None,
        fields: None,
        changed: None,
        written_at_ms: None,
        written_by: None,
        approved_at_ms: None,
        approved_by: None,
        returned_because: None,
        decision: None,
        ended_at_ms: None,
    };
    store::report::set_value(&mut row, &value, work.now);
    store::report::put(&work.tx, row.clone()).await?;
    work.changed(scene.id(), "report");
    Box::pin(work.perform_report(scene, &row, effects)).await
}

/// The next one of its kind is to be there, where it is not yet and the schedule goes on.
pub(super) async fn next(
    work: &mut Work<'_>,
    scene: &Scene,
    row: &report::Model,
) -> Result<(), OperationError> {
    let rows = store::report::of_kind(&work.tx, scene.id(), &row.key).await?;
    let newest = rows.iter().all(|other| other.number <= row.number);
    let playbook = std::sync::Arc::clone(&scene.playbook);
    if let (true, Some(kind)) = (newest && scene.is_open(), playbook.report(&row.key))
        && let Some(due) = kind.next_due(origin(scene), Some(Timestamp(row.due_own_ms)))
    {
        put(work, scene, kind, row.number + 1, due).await?;
    }
    Ok(())
}

/// Takes one input for one report: asks the core, saves the row, performs the effects.
async fn step(
    work: &mut Work<'_>,
    scene: &Scene,
    row: &mut report::Model,
    input: &Input,
) -> Result<bool, OperationError> {
    let kind = kind_of(scene, row)?;
    let value = store::report::value(row)?;
    let (next, effects) = advance(&kind.if_missed, &value, input, scene.timeline.own(work.now));
    let changed = next != value;
    if changed {
        store::report::set_value(row, &next, work.now);
        if next.state == State::Approved {
            row.approved_at_ms = Some(work.now.0);
            row.approved_by = Some(work.actor.name.clone());
        }
        store::report::save(&work.tx, row).await?;
        work.changed(scene.id(), "report");
    }
    work.perform_report(scene, row, effects).await?;
    Ok(changed)
}

/// The timer of a report fired.
pub(super) async fn fire(
    work: &mut Work<'_>,
    scene: &Scene,
    id: Uuid,
    stage: i32,
) -> Result<(), OperationError> {
    let mut row = store::report::get(&work.tx, ReportId::new(id)).await?;
    let stage = u16::try_from(stage).unwrap_or(u16::MAX);
    step(work, scene, &mut row, &Input::TimerFired { stage }).await?;
    Ok(())
}

/// The plan of a row: an incident keeps its playbook's version, so it is there.
pub fn kind_of<'s>(scene: &'s Scene, row: &report::Model) -> Result<&'s ReportPlan, StoreError> {
    scene.playbook.report(&row.key).ok_or_else(|| StoreError::Corrupt {
        what: "report",
        id: ReportId::new(row.id).to_string(),
        found: format!("the kind {}", row.key),
    })
}

/// The form of a kind.
pub fn form_of<'s>(scene: &'s Scene, kind: &ReportPlan) -> Result<&'s Form, StoreError> {
    form::find(&scene.playbook, &kind.form).ok_or_else(|| StoreError::Corrupt {
        what: "report",
        id: kind.key.clone(),
        found: format!("the form {}", kind.form),
    })
}

/// The values of a report by key.
pub fn values(row: &report::Model) -> BTreeMap<String, Value> {
    row.fields.clone().and_then(|json| serde_json::from_value(json).ok()).unwrap_or_default()
}

/// The values that a report passes on to the next one. A time is that of its own report and never passed on.
pub fn carried(asks: &[Ask], before: &report::Model) -> BTreeMap<String, Value> {
    let mut values = values(before);
    values.retain(|key, _| asks.iter().any(|ask| ask.key == *key && ask.kind != AskKind::Time));
    values
}

/// The report of the same kind that went out before this one.
pub fn former<'r>(rows: &'r [report::Model], row: &report::Model) -> Option<&'r report::Model> {
    let out = |other: &&report::Model| {
        other.key == row.key && other.number < row.number && other.state == State::Approved.key()
    };
    rows.iter().filter(out).max_by_key(|other| other.number)
}

/// What a report says, line by line, with what has changed since the one before.
pub(super) async fn told(
    work: &Work<'_>,
    scene: &Scene,
    row: &report::Model,
) -> Result<Text, OperationError> {
    let kind = kind_of(scene, row)?;
    let rows = store::report::of_kind(&work.tx, scene.id(), &row.key).await?;
    let before = former(&rows, row).map(values).unwrap_or_default();
    let changed: Vec<String> =
        row.changed.clone().and_then(|json| serde_json::from_value(json).ok()).unwrap_or_default();
    let values = values(row);
    let form = form_of(scene, kind)?;
    let lines = |language: Language| {
        let ja = language != Language::En;
        let shown = |ask: &Ask, value: &Value| form::shown(ask, value, language).into_owned();
        let line = |ask: &Ask| {
            let value = values.get(&ask.key).map(|value| shown(ask, value));
            let former = before.get(&ask.key).map(|value| shown(ask, value));
            let label = ask.label.get(language);
            let is_changed = changed.contains(&ask.key);
            match (value, former, is_changed) {
                (None, None, _) | (None, _, false) => None,
                (Some(value), Some(former), true) if ja => Some(format!("{label}: {value}（前回 {former}）")),
                (Some(value), Some(former), true) => Some(format!("{label}: {value} (before: {former})")),
                (Some(value), None, true) if ja => Some(format!("{label}: {value}（前回 記載なし）")),
                (Some(value), None, true) => Some(format!("{label}: {value} (before: none)")),
                (None, Some(former), true) if ja => Some(format!("{label}: 記載なし（前回 {former}）")),
                (None, Some(former), true) => Some(format!("{label}: none (before: {former})")),
                (Some(value), _, false) => Some(format!("{label}: {value}")),
            }
        };
        form.fields.iter().filter_map(line).collect::<Vec<_>>().join("\n")
    };
    let name = kind.name(row.number);
    Ok(Text::both(
        format!("{}\n{}", name.ja, lines(Language::Ja)),
        format!("{}\n{}", name.get(Language::En), lines(Language::En)),
    ))
}

/// The channels that hear a report of this kind.
pub(super) async fn audience(
    work: &Work<'_>,
    scene: &Scene,
    kind: &ReportPlan,
) -> Result<Vec<ChannelId>, OperationError> {
    let channels = store::channel::of_incident(&work.tx, scene.id()).await?;
    let hears = |channel: &&channel::Model| kind.audience.contains(&channel.key);
    Ok(channels.iter().filter(hears).map(|channel| ChannelId::new(channel.id)).collect())
}

/// The incident is over: what is open ends with it. Returns how many that were due ended without going out.
pub(super) async fn end(work: &mut Work<'_>, scene: &Scene) -> Result<usize, OperationError> {
    let own_now = scene.timeline.own(work.now);
    let mut missed = 0;
    for mut row in store::report::of_incident(&work.tx, scene.id()).await? {
        if step(work, scene, &mut row, &Input::Ended).await? && row.due_own_ms <= own_now.0 {
            missed += 1;
        }
    }
    Ok(missed)
}

/// How many reports of an incident are past their due moment, neither sent out nor decided: metric `reports.overdue`.
pub async fn overdue(
    db: &impl ConnectionTrait,
    scene: &Scene,
    now: Timestamp,
) -> Result<u64, OperationError> {
    Ok(store::report::overdue(db, scene.id(), scene.timeline.own(now)).await?)
}
