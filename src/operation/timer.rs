//! What falls due: the next step of a recipient, an alert that was to be raised later, a task's reminder, a report, the
//! end of an offer.

use std::collections::{BTreeMap, BTreeSet};

use noroshi_core::{alert::Rule, id::IncidentId, ladder::Input, time::Timestamp};
use tracing::error;
use uuid::Uuid;

use super::{
    Actor, OperationError, Work,
    alert::{Raised, count_answers, raise_alert},
    recipients::Recipients,
    role,
    scene::{Scene, Scenes},
};
use crate::{app::App, failpoint::reached, measure, store};

/// Timers fired in one transaction.
const BATCH: u64 = 200;

/// Fires what is due: the most urgent first, and of those the longest overdue. Returns how many timers it took; none
/// means that nothing more is due now.
///
/// An overdue timer fires at once and the chronology says how late. A timer of an earlier step gives no effects.
pub async fn fire_due(app: &App) -> Result<usize, OperationError> {
    // A look without a lock first: most of the time nothing is due, and nothing is written then.
    match store::timer::next_due(app.store.read()).await? {
        Some(due) if due <= app.clock.now() => {}
        _ => return Ok(0),
    }
    let seen = store::timer::due(app.store.read(), app.clock.now(), BATCH, None).await?;
    fire(app, seen).await
}

/// Fires what is due, each timer in a transaction of its own, after they could not be fired together: one that cannot
/// be fired keeps none of the others back. Returns how many fired.
pub async fn fire_each(app: &App) -> Result<usize, OperationError> {
    let mut fired = 0;
    for timer in store::timer::due(app.store.read(), app.clock.now(), BATCH, None).await? {
        let (id, kind) = (timer.id, timer.kind.clone());
        match fire(app, vec![timer]).await {
            Ok(count) => fired += count,
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    timer = %id,
                    kind,
                    "A timer ({kind}) cannot be fired; the others go on"
                );
            }
        }
    }
    Ok(fired)
}

async fn fire(app: &App, mut seen: Vec<entity::timer::Model>) -> Result<usize, OperationError> {
    let mut work = Work::begin(app, Actor::system()).await?;
    let mut rooms: BTreeSet<Uuid> = BTreeSet::new();
    if seen.iter().any(|timer| timer.kind == "hold") {
        // What was held may start now, and a live start ends every drill: nothing of theirs may lie in this batch.
        seen.retain(|timer| timer.kind == "hold");
        rooms.extend(store::incident::open(&work.tx).await?.iter().map(|row| row.id));
    }
    rooms.extend(seen.iter().map(|timer| timer.incident_id));
    work.enter(rooms).await?;
    let among = seen.into_iter().map(|timer| timer.id).collect();
    let due = store::timer::due(&work.tx, work.now, BATCH, Some(among)).await?;
    let count = due.len();
    if count > 0 {
        reached("fire.due");
    }
    let mut scenes = Scenes::default();
    let steps = due.iter().filter(|timer| timer.kind == "step");
    let ids: Vec<Uuid> = steps.map(|timer| timer.id).collect();
    let mut rows = Recipients::lock(&work, ids).await?;
    let mut settled = BTreeMap::new();
    let late: Vec<_> = due.iter().filter_map(|timer| Some(work.now - Timestamp(timer.due_at_ms?))).collect();
    for timer in due {
        let scene = scenes.get(app, &work.tx, timer.incident_id).await?;
        if timer.kind != "step" {
            // What follows may ask the database how recipients stand.
            rows.save(&work).await?;
        }
        // Fired or not, this timer is done; `perform` may set the next one under the same id.
        work.gathered.timers.insert(timer.id, None);
        work.planned = timer.due_at_ms.map(Timestamp);
        let id = timer.id;
        match (timer.kind.as_str(), &timer.subject_key) {
            ("step", _) => {
                let Some(alert) = rows.get(id).map(|row| row.alert_id) else { continue };
                let rule = app.library.rule(&work.tx, alert).await?;
                let fired = Input::TimerFired { step: u16::try_from(timer.step).unwrap_or(u16::MAX) };
                rows.step(&mut work, &scene, &rule, id, &fired).await?;
                reached("fire.step");
                if rows.get(id).is_some_and(|row| row.state == "answered") {
                    settled.insert(alert, (scene, rule));
                }
            }
            ("role", _) if scene.is_open() => {
                let mut scene = Scene::load(app, &work.tx, IncidentId::new(timer.incident_id)).await?;
                role::fired(&mut work, &mut scene, id, timer.step).await?;
                scenes.forget(timer.incident_id);
            }
            ("task", _) => super::task::fire(&mut work, &scene, id, timer.step).await?,
            ("report", _) => super::report::fire(&mut work, &scene, id, timer.step).await?,
            ("raise", Some(key)) if scene.is_open() => {
                if let Some(rule) = Rule::of(&scene.playbook, key) {
                    raise_alert(&mut work, &scene, &rule, None, Raised::default()).await?;
                }
            }
            ("review", _) => super::closing::remind_review(&mut work, &scene).await?,
            ("hold", _) => super::hold::run_out(&mut work, &scene).await?,
            // Over with its incident.
            _ => {}
        }
    }
    work.planned = None;
    rows.save(&work).await?;
    for (alert, (scene, rule)) in settled {
        count_answers(&mut work, &scene, &rule, alert).await?;
    }
    if count > 0 {
        reached("fire.counted");
    }
    work.commit().await?;
    if count > 0 {
        reached("fire.committed");
    }
    late.into_iter().for_each(measure::fired);
    Ok(count)
}

/// When the next timer falls due.
pub async fn next_due(app: &App) -> Result<Option<Timestamp>, OperationError> {
    Ok(store::timer::next_due(app.store.read()).await?)
}
