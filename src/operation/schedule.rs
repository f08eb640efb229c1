//! Triggers that the calendar rings.
//!
//! The table keeps, for each, when it rings next. Importing a playbook sets it; ringing sets the one after, in the same
//! transaction as the event, so that each moment rings once, whatever dies in between and however many nodes there
//! are. What was missed while nobody served rings once, late, and says so.

use entity::schedule;
use noroshi_core::{
    playbook::{Playbook, Schedule, Source},
    recurrence::Recurrence,
    time::{Span, Timestamp},
    trigger::Event,
};
use serde_json::Value;

use super::{
    Actor, OperationError, Work,
    trigger::{Report, take},
};
use crate::{app::App, store};

/// Later than this is late.
const LATE: Span = Span::seconds(5);

/// Sets when the scheduled triggers of a playbook ring next. Those whose rule is the same keep their moment.
pub(super) async fn set(work: &Work<'_>, playbook: &Playbook) -> Result<(), OperationError> {
    let known = store::trigger::schedules(&work.tx).await?;
    let mine: Vec<_> = known.into_iter().filter(|row| row.playbook == playbook.key).collect();
    for trigger in &playbook.triggers {
        let Some(plan) = trigger.schedule.as_ref().filter(|_| trigger.source == Source::Schedule) else {
            continue;
        };
        let before = mine.iter().find(|row| row.trigger_key == trigger.key);
        let rule = rule_text(work.app, plan);
        if before.is_some_and(|row| row.rule == rule) {
            continue;
        }
        let next = recurrence(work.app, plan).and_then(|rule| rule.next(work.now));
        let row = schedule::Model {
            playbook: playbook.key.clone(),
            trigger_key: trigger.key.clone(),
            rule,
            next_at_ms: next.map(|at| at.0),
        };
        store::trigger::reschedule(&work.tx, before, row).await?;
    }
    for row in &mine {
        if !playbook
            .triggers
            .iter()
            .any(|trigger| trigger.key == row.trigger_key && trigger.source == Source::Schedule)
        {
            store::trigger::unschedule(&work.tx, row).await?;
        }
    }
    Ok(())
}

/// Rings what is due. Returns when the next one is.
pub async fn ring_due(app: &App) -> Result<Option<Timestamp>, OperationError> {
    let rows = store::trigger::schedules(app.store.read()).await?;
    for row in &rows {
        if row.next_at_ms.is_some_and(|at| at <= app.clock.now().0) {
            ring(app, row).await?;
        }
    }
    let rows = store::trigger::schedules(app.store.read()).await?;
    Ok(rows.iter().filter_map(|row| row.next_at_ms).min().map(Timestamp))
}

async fn ring(app: &App, row: &schedule::Model) -> Result<(), OperationError> {
    let mut work = Work::begin(app, Actor::system()).await?;
    let latest = store::playbook::latest(&work.tx, &row.playbook).await?;
    let playbook = match latest {
        Some(version) => Some(work.app.library.playbook(&work.tx, version.id).await?),
        None => None,
    };
    let plan = playbook.as_ref().and_then(|playbook| {
        let trigger = playbook.triggers.iter().find(|trigger| trigger.key == row.trigger_key)?;
        trigger.schedule.as_ref()
    });
    let rule = plan.and_then(|plan| recurrence(app, plan));
    let Some((rule, due)) = rule.zip(row.next_at_ms.map(Timestamp)) else {
        store::trigger::unschedule(&work.tx, row).await?;
        return work.commit().await;
    };
    let next = schedule::Model { next_at_ms: rule.next(work.now).map(|at| at.0), ..row.clone() };
    if !store::trigger::reschedule(&work.tx, Some(row), next).await? {
        // Another node was quicker.
        return Ok(());
    }
    let (missed, last) = rule.between(due, work.now);
    let at = last.unwrap_or(due);
    let late = work.now - at;
    let moment = at.rfc3339(app.zone);
    let report = Report {
        event: Event {
            source: Source::Schedule,
            trigger: Some(row.trigger_key.clone()),
            id: moment.clone(),
            values: [
                ("scheduled_at".to_owned(), Value::from(moment.clone())),
                ("missed".to_owned(), Value::from(missed)),
            ]
            .into(),
        },
        drill: false,
        occurred_at: Some(at),
        once: Some(format!("schedule {} {} {moment}", row.playbook, row.trigger_key)),
        late_by: (late > LATE || missed > 0).then_some(work.now - due),
    };
    let only = [(row.playbook.clone(), row.trigger_key.clone())];
    take(&mut work, report, Some(&only)).await?;
    work.commit().await
}

fn recurrence(app: &App, plan: &Schedule) -> Option<Recurrence> {
    Recurrence::read(&plan.rrule, plan.zone.unwrap_or(app.zone)).ok()
}

fn rule_text(app: &App, plan: &Schedule) -> String {
    format!("{} {}", plan.zone.unwrap_or(app.zone), plan.rrule)
}
