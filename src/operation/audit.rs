//! What should have happened and did not: it is set right, or it is told. Never silence.
//!
//! A look without a lock finds the incidents in which something is amiss. Each of them is then entered, which one node
//! at a time can do, and looked at again: what is still amiss is set right or told there, in one transaction with the
//! line that says so. So nothing is told twice, however many nodes look.
//!
//! | Found | Done |
//! |---|---|
//! | a recipient, chair, task or report waits for a moment and has no timer | the timer is set again |
//! | an alert was to be raised later, and has neither timer nor letter | its timer is set again |
//! | timers or letters are late, letters are in hand for long | bells ring; told until it is over |

use std::collections::{BTreeMap, BTreeSet};

use entity::finding;
use noroshi_core::{
    id::{IncidentId, ReportId, TaskId},
    ladder::Input,
    playbook::{IncidentEvent, Urgency},
    text::Text,
    time::{Span, Timestamp},
};
use tracing::{error, warn};
use uuid::Uuid;

use super::{Actor, OperationError, Work, alert::step, incident::timer_of, scene::Scene, telling};
use crate::{
    app::App,
    store::{
        self,
        audit::{Late, Lost},
    },
};

/// A timer that has not fired so long after its moment is late: timers are looked at twice a second.
const TIMER_LATE: Span = Span::seconds(30);
/// A letter that nobody has taken up for so long is late.
const LETTER_LATE: Span = Span::minutes(2);
/// A letter is in hand for as long as a conversation with a relay takes: longer than all their limits is too long.
const IN_HAND: Span = Span::minutes(10);
/// A node that has just started is still catching up.
pub const SETTLING: Span = Span::seconds(15);

/// What stands, in the order in which it is told.
pub const STANDING: [&str; 3] = ["timers_late", "letters_late", "letters_in_hand"];

/// A finding that stands, for whoever is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The short number of its incident.
    pub number: i32,
    /// One of [`STANDING`].
    pub kind: String,
    /// How many timers or letters.
    pub items: i32,
    /// Since when the oldest of them should have happened.
    pub since: Timestamp,
}

/// Looks once over everything; of very many recipients over a part, and `after` says where the next look goes on.
/// Returns what stands now, the oldest first.
pub async fn audit(app: &App, after: &mut Option<Uuid>) -> Result<Vec<Standing>, OperationError> {
    // What others left is taken back by the pulse; here it is made sure.
    super::delivery::take_back(app, false).await?;
    let (db, now) = (app.store.read(), app.clock.now());
    let known = store::audit::standing(db).await?;
    let late = late(app, now).await?;
    if !late.is_empty() {
        app.bells.ring();
    }
    let mut rooms: BTreeSet<Uuid> = store::audit::with_losses(db, after).await?.into_iter().collect();
    rooms.extend(with_lost_alerts(app, now).await?);
    let stands: BTreeMap<(Uuid, &str), &finding::Model> =
        known.iter().map(|row| ((row.incident_id, row.kind.as_str()), row)).collect();
    for key in late.keys() {
        if stands.get(key).is_none_or(|row| i64::from(row.items) != late[key].items) {
            rooms.insert(key.0);
        }
    }
    rooms.extend(stands.keys().filter(|key| !late.contains_key(*key)).map(|(incident, _)| *incident));
    for incident in rooms {
        if let Err(error) = look_into(app, IncidentId::new(incident)).await {
            let incident = IncidentId::new(incident);
            error!(
                error = &error as &dyn std::error::Error,
                "What was found amiss in {incident} could not be set right; trying again"
            );
        }
    }
    let mut standing = Vec::new();
    for row in store::audit::standing(db).await? {
        let incident = store::incident::get(db, IncidentId::new(row.incident_id)).await?;
        standing.push(Standing {
            number: incident.number,
            kind: row.kind,
            items: row.items,
            since: Timestamp(row.since_ms),
        });
    }
    Ok(standing)
}

/// Everything that is late, by incident and kind.
async fn late(app: &App, now: Timestamp) -> Result<BTreeMap<(Uuid, &'static str), Late>, OperationError> {
    let db = app.store.read();
    let found = [
        store::audit::late_timers(db, now + Span(-TIMER_LATE.0)).await?,
        store::audit::late_letters(db, now + Span(-LETTER_LATE.0)).await?,
        store::audit::letters_in_hand(db, now + Span(-IN_HAND.0)).await?,
    ];
    let kinds = STANDING.into_iter().zip(found);
    Ok(kinds.flat_map(|(kind, all)| all.into_iter().map(move |late| ((late.incident, kind), late))).collect())
}

/// The incidents with an alert that was to be raised and has neither a timer nor recipients.
async fn with_lost_alerts(app: &App, now: Timestamp) -> Result<Vec<Uuid>, OperationError> {
    let db = app.store.read();
    let mut found = Vec::new();
    for incident in store::incident::open(db).await? {
        let playbook = app.library.playbook(db, incident.playbook_version_id).await?;
        if !playbook.alerts.iter().any(|plan| plan.send.is_some_and(|on| on.delay > Span::ZERO)) {
            continue;
        }
        let scene = Scene::of(app, db, incident).await?;
        if !lost_alerts(db, &scene, now).await?.is_empty() {
            found.push(scene.incident.id);
        }
    }
    Ok(found)
}

/// Keys of such alerts, with the moment (own time) at which each was to be raised.
async fn lost_alerts(
    db: &impl sea_orm::ConnectionTrait,
    scene: &Scene,
    now: Timestamp,
) -> Result<Vec<(String, Timestamp)>, OperationError> {
    if !scene.is_open() {
        return Ok(Vec::new());
    }
    let raised = store::alert::of_incident(db, scene.id()).await?;
    let timers = store::timer::of_incident(db, scene.id()).await?;
    let mut lost = Vec::new();
    for plan in &scene.playbook.alerts {
        let Some(on) = plan.send.filter(|on| on.delay > Span::ZERO) else { continue };
        let row = &scene.incident;
        let happened = match on.event {
            IncidentEvent::Activated => row.activated_at_ms,
            IncidentEvent::Stabilised => row.stabilised_at_ms,
            // What these send is raised at once, or taken back when the incident stays open.
            IncidentEvent::Closing | IncidentEvent::Cancelled => None,
        };
        let Some(happened) = happened.filter(|_| now > Timestamp(row.opened_at_ms) + SETTLING) else {
            continue;
        };
        let comes = timers.iter().any(|timer| timer.subject_key.as_ref() == Some(&plan.key));
        if !comes && !raised.iter().any(|alert| alert.key == plan.key) {
            lost.push((plan.key.clone(), scene.timeline.own(Timestamp(happened)) + on.delay));
        }
    }
    Ok(lost)
}

async fn look_into(app: &App, incident: IncidentId) -> Result<(), OperationError> {
    let mut work = Work::begin(app, Actor::system()).await?;
    work.enter([incident.raw()]).await?;
    let scene = Scene::load(app, &work.tx, incident).await?;

    let lost = store::audit::losses(&work.tx, incident).await?;
    if lost.count() > 0 {
        let count = lost.count();
        set_again(&mut work, &scene, lost).await?;
        let told = Text::both(
            format!("点検: 次の手順が予定されていない宛先・役割・業務が{count}件あり、予定し直した"),
            format!("Audit: {count} recipients, roles or duties had no next step; it is set again"),
        );
        set_right(&mut work, &scene, "step_lost", count, told).await?;
    }
    let alerts = lost_alerts(&work.tx, &scene, work.now).await?;
    if !alerts.is_empty() {
        let count = alerts.len();
        for (key, due) in alerts {
            let timer = timer_of(&work, &scene, Urgency::Critical, "raise", Some(&key), due);
            work.gathered.timers.insert(timer.id, Some(timer));
        }
        let told = Text::both(
            format!("点検: 送られるはずの連絡{count}件が予定されておらず、予定し直した"),
            format!("Audit: {count} alerts that were to be raised had no timer; it is set again"),
        );
        set_right(&mut work, &scene, "alert_lost", count, told).await?;
    }
    tell_what_stands(&mut work, &scene).await?;
    work.commit().await
}

/// Every row that waits for a moment gets its timer again; what the moment is stands in the row.
async fn set_again(work: &mut Work<'_>, scene: &Scene, lost: Lost) -> Result<(), OperationError> {
    for chunk in lost.recipients.chunks(store::CHUNK) {
        for mut row in store::recipient::lock(&work.tx, chunk.to_vec()).await? {
            let rule = work.app.library.rule(&work.tx, row.alert_id).await?;
            step(work, scene, &rule, &mut row, &Input::StepLost).await?;
        }
    }
    for row in scene.roles.iter().filter(|row| lost.chairs.contains(&row.id)) {
        let step = u16::try_from(row.offer_number).unwrap_or(0);
        work.time(scene, "role", row.id, step, row.offer_until_own_ms);
    }
    for id in lost.tasks {
        let row = store::task::get(&work.tx, TaskId::new(id)).await?;
        work.time(scene, "task", id, u16::try_from(row.reminded).unwrap_or(u16::MAX), row.next_own_ms);
    }
    for id in lost.reports {
        let row = store::report::get(&work.tx, ReportId::new(id)).await?;
        work.time(scene, "report", id, u16::try_from(row.stage).unwrap_or(u16::MAX), row.next_own_ms);
    }
    Ok(())
}

async fn set_right(
    work: &mut Work<'_>,
    scene: &Scene,
    kind: &str,
    count: usize,
    told: Text,
) -> Result<(), OperationError> {
    warn!(incident = %scene.id(), kind, count, "The auditor set {count} things right ({kind})");
    let row = found(work, scene, kind, i32::try_from(count).unwrap_or(i32::MAX), work.now);
    store::audit::put(&work.tx, finding::Model { ended_at_ms: Some(work.now.0), ..row }).await?;
    work.line(scene.id(), telling::line("audit", telling::service(), told, work.now));
    work.changed(scene.id(), "incident");
    Ok(())
}

fn found(work: &Work<'_>, scene: &Scene, kind: &str, items: i32, since: Timestamp) -> finding::Model {
    finding::Model {
        id: work.app.chance.uuid(work.now),
        incident_id: scene.incident.id,
        kind: kind.to_owned(),
        items,
        since_ms: since.0,
        found_at_ms: work.now.0,
        ended_at_ms: None,
    }
}

/// What cannot be set right from here is told when it begins and when it is over.
async fn tell_what_stands(work: &mut Work<'_>, scene: &Scene) -> Result<(), OperationError> {
    let id = scene.incident.id;
    let known: Vec<finding::Model> =
        store::audit::standing(&work.tx).await?.into_iter().filter(|row| row.incident_id == id).collect();
    let late = late_in(work, id).await?;
    for kind in STANDING {
        let row = known.iter().find(|row| row.kind == kind);
        match (row, late.get(kind)) {
            (None, None) => {}
            (None, Some(late)) => {
                let items = i32::try_from(late.items).unwrap_or(i32::MAX);
                error!(incident = %scene.id(), kind, items, "The auditor found {items} {kind}");
                let row = found(work, scene, kind, items, late.since);
                store::audit::put(&work.tx, row).await?;
                work.line(
                    scene.id(),
                    telling::line("audit", telling::service(), begun(kind, items), work.now),
                );
                work.changed(scene.id(), "incident");
            }
            (Some(row), Some(late)) => {
                let items = i32::try_from(late.items).unwrap_or(i32::MAX);
                store::audit::count(&work.tx, row.id, items).await?;
            }
            (Some(row), None) => {
                warn!(incident = %scene.id(), kind, "What the auditor found is over ({kind})");
                store::audit::end(&work.tx, row.id, work.now).await?;
                work.line(scene.id(), telling::line("audit", telling::service(), over(kind), work.now));
                work.changed(scene.id(), "incident");
            }
        }
    }
    Ok(())
}

async fn late_in(work: &Work<'_>, incident: Uuid) -> Result<BTreeMap<&'static str, Late>, OperationError> {
    let found = [
        store::audit::late_timers(&work.tx, work.now + Span(-TIMER_LATE.0)).await?,
        store::audit::late_letters(&work.tx, work.now + Span(-LETTER_LATE.0)).await?,
        store::audit::letters_in_hand(&work.tx, work.now + Span(-IN_HAND.0)).await?,
    ];
    let kinds = STANDING.into_iter().zip(found);
    let of_it =
        kinds.filter_map(|(kind, all)| Some((kind, all.into_iter().find(|late| late.incident == incident)?)));
    Ok(of_it.collect())
}

fn begun(kind: &str, items: i32) -> Text {
    match kind {
        "timers_late" => Text::both(
            format!("点検: 期限を過ぎても実施されていない手順が{items}件ある"),
            format!("Audit: {items} steps are due and not taken"),
        ),
        "letters_late" => Text::both(
            format!("点検: 送信されずに待っている連絡が{items}通ある"),
            format!("Audit: {items} letters wait to be sent"),
        ),
        _ => Text::both(
            format!("点検: 送信の結果が分からないままの連絡が{items}通ある"),
            format!("Audit: {items} letters are being handed over for too long"),
        ),
    }
}

fn over(kind: &str) -> Text {
    match kind {
        "timers_late" => {
            Text::both("点検: 遅れていた手順は実施された", "Audit: the steps that were late are taken")
        }
        "letters_late" => Text::both(
            "点検: 待っていた連絡は送信に進んだ",
            "Audit: the letters that waited are on their way",
        ),
        _ => Text::both("点検: 送信の結果が分かった", "Audit: the outcome of the letters is known"),
    }
}
