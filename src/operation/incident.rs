//! Starting an incident: by hand in one go, or by a trigger that opens it first and lights it later.

use std::{collections::BTreeMap, sync::Arc};

use entity::{channel, incident, timer};
use noroshi_core::{
    addressee::WhoIsWho,
    alert::Rule,
    directory::Directory,
    id::IncidentId,
    incident::State,
    playbook::{IncidentEvent, PartyRef, Playbook, Urgency},
    problem::Severity,
    rights::Action,
    text::{Language, Text},
    time::{Span, Timeline, Timestamp},
    variable,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Actor, Invalid, Once, OperationError, Reply, Work,
    alert::{Raised, raise_alert},
    ending::abort_drill,
    news::News,
    role,
    scene::Scene,
    telling,
};
use crate::{
    failpoint::reached,
    store::{self, StoreError, to_json},
};

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
    let (directory_version, directory) = work.app.library.in_force(&work.tx).await?.ok_or_else(|| {
        OperationError::Closed(Text::both(
            "連絡先台帳がまだありません。noroshi directory import で取り込んでから発動してください",
            "there is no directory yet; bring one in with noroshi directory import, then start",
        ))
    })?;
    let playbook = work.app.library.playbook(&work.tx, version.id).await?;
    may_start(&work.actor, &playbook, &directory, work.now)?;

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
            invalid.extend(Invalid::all_of(found));
            BTreeMap::new()
        }
    };
    if !invalid.is_empty() {
        return Err(OperationError::Invalid(invalid));
    }

    clear_the_way(&mut work, wish.drill, State::Active).await?;
    reached("start.checked");
    let opening = Opening {
        playbook,
        playbook_version: version.id,
        directory,
        directory_version,
        drill: wish.drill,
        rate,
        title,
        values,
        state: State::Active,
        trigger: None,
    };
    let mut scene = open(&mut work, opening).await?;
    reached("start.opened");
    light(&mut work, &mut scene).await?;
    reached("start.lit");
    work.flush_quietly().await?;
    let body = reply(&mut work, &scene).await?;
    let reply = work.keep(once, 201, body).await?;
    reached("start.kept");
    work.commit().await?;
    reached("start.committed");
    Ok(reply)
}

/// An incident that is to be opened; everything about it is checked.
pub(super) struct Opening {
    pub playbook: Arc<Playbook>,
    pub playbook_version: Uuid,
    pub directory: Arc<Directory>,
    pub directory_version: Uuid,
    pub drill: bool,
    pub rate: u32,
    /// The incident's title; absent is the playbook's.
    pub title: Option<String>,
    pub values: BTreeMap<String, Value>,
    pub state: State,
    /// The trigger that opens it; absent where a person does.
    pub trigger: Option<String>,
}

/// What is real and what is practised do not run beside each other: a live start ends the drills, and a drill does not
/// start while something real runs or is about to.
///
/// - `state`: the state in which the incident is to be: what only waits ends no drill.
pub(super) async fn clear_the_way(
    work: &mut Work<'_>,
    drill: bool,
    state: State,
) -> Result<(), OperationError> {
    let open = store::incident::in_states(
        &work.tx,
        &[State::Held, State::Active, State::Stabilised, State::Closing],
    )
    .await?;
    if drill {
        if open.iter().any(|other| other.mode == "live") {
            return Err(OperationError::Closed(drill_while_live()));
        }
        return Ok(());
    }
    if state == State::Active {
        let drills: Vec<_> = open.into_iter().filter(|other| other.mode == "drill").collect();
        work.enter(drills.iter().map(|drill| drill.id)).await?;
        for drill in drills {
            abort_drill(work, IncidentId::new(drill.id)).await?;
        }
    }
    Ok(())
}

/// Why a drill cannot start now.
pub(super) fn drill_while_live() -> Text {
    Text::both(
        "実災害の事案が開いている間は、訓練を始められません",
        "a drill cannot start while a live incident is open",
    )
}

/// Writes the incident down with its channels. Nothing is sent and no chair is filled.
pub(super) async fn open(work: &mut Work<'_>, opening: Opening) -> Result<Scene, OperationError> {
    let id = IncidentId::new(work.app.chance.uuid(work.now));
    let timeline = Timeline::at_rate(work.now, opening.rate);
    let number = store::trigger::count(&work.tx, "incident").await?;
    let row = incident::Model {
        id: id.raw(),
        number: i32::try_from(number).unwrap_or(i32::MAX),
        playbook_version_id: opening.playbook_version,
        directory_version_id: opening.directory_version,
        mode: if opening.drill { "drill" } else { "live" }.into(),
        state: opening.state.key().into(),
        title: opening.title.unwrap_or_else(|| opening.playbook.title.get(Language::Ja).to_owned()),
        variables: to_json(&opening.values),
        opened_at_ms: work.now.0,
        opened_by: work.actor.id.clone(),
        trigger_key: opening.trigger,
        hold_until_ms: None,
        on_hold_timeout: None,
        activated_at_ms: (opening.state == State::Active).then_some(work.now.0),
        stabilised_at_ms: None,
        closing_at_ms: None,
        closing_by: None,
        closing_declined: false,
        ended_at_ms: None,
        ended_by: None,
        end_reason: None,
        merged_into: None,
        review_due_ms: None,
        reviewed_at_ms: None,
        reviewed_by: None,
        real_origin_ms: timeline.real_origin.0,
        own_origin_ms: timeline.own_origin.0,
        rate: i32::try_from(opening.rate).expect("at most 600"),
    };
    let scene = Scene::new(row, opening.playbook, opening.directory, Vec::new(), opening.values);
    store::incident::put(&work.tx, scene.incident.clone()).await?;
    store::chronology::begin(&work.tx, id).await?;
    store::channel::put(&work.tx, channels(work, &scene)).await?;
    work.changed(id, "incident");
    work.log([News::of_incident(&scene)]);
    Ok(scene)
}

/// Fills the chairs, raises the first alerts and sets the timers of the later ones. The row says already that it runs.
pub(super) async fn light(work: &mut Work<'_>, scene: &mut Scene) -> Result<(), OperationError> {
    let id = scene.id();
    scene.seat(role::chairs(work, scene));
    store::incident::put_roles(&work.tx, scene.roles.clone()).await?;
    let (title, version) = (&scene.incident.title, &scene.playbook.version);
    let drill = scene.is_drill();
    let told = Text::both(
        format!("{}「{title}」を発動（手順書 {version}）", if drill { "訓練 " } else { "" }),
        format!("{}{title} activated (playbook {version})", if drill { "Drill: " } else { "" }),
    );
    let line = telling::by(&work.actor, "activated", telling::service(), told, work.now);
    work.line(id, line);
    role::begin(work, scene).await?;
    raise_on(work, scene, IncidentEvent::Activated).await?;
    super::task::begin(work, scene).await?;
    super::report::begin(work, scene).await?;
    work.changed(id, "incident");
    Ok(())
}

/// Raises the alerts that an event of a running incident sends, at once or after their delay.
pub(super) async fn raise_on(
    work: &mut Work<'_>,
    scene: &Scene,
    event: IncidentEvent,
) -> Result<(), OperationError> {
    let playbook = Arc::clone(&scene.playbook);
    for plan in &playbook.alerts {
        let Some(on) = plan.send.filter(|on| on.event == event) else { continue };
        if on.delay == Span::ZERO {
            let rule = Rule::of(&playbook, &plan.key).expect("the alert is the playbook's own");
            raise_alert(work, scene, &rule, None, Raised::default()).await?;
        } else {
            let timer = raise_timer(work, scene, plan.severity, &plan.key, on.delay);
            work.gathered.timers.insert(timer.id, Some(timer));
        }
    }
    Ok(())
}

/// Whom the playbook lets start by hand besides commanders and administrators: each party with its people now.
pub fn starters(playbook: &Playbook, directory: &Directory, now: Timestamp) -> Vec<(PartyRef, Vec<String>)> {
    let nobody = BTreeMap::new();
    let who = WhoIsWho { playbook, directory, holders: &nobody };
    let allowed = playbook.triggers.iter().filter(|trigger| trigger.is_manual());
    let parties = allowed.flat_map(|trigger| &trigger.allow);
    parties.map(|party| (party.clone(), who.people(party, now).into_iter().collect())).collect()
}

/// Whether somebody may start this playbook by hand.
pub fn may_start(
    actor: &Actor,
    playbook: &Playbook,
    directory: &Directory,
    now: Timestamp,
) -> Result<(), OperationError> {
    let starters = starters(playbook, directory, now);
    let named = starters.iter().flat_map(|(_, people)| people).any(|person| actor.is_person(person));
    actor.must_named(Action::Start, named, "start an incident")
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

/// A timer of an incident as a whole, due at `due` in its own time.
pub(super) fn timer_of(
    work: &Work<'_>,
    scene: &Scene,
    urgency: Urgency,
    kind: &str,
    key: Option<&str>,
    due: Timestamp,
) -> timer::Model {
    timer::Model {
        id: work.app.chance.uuid(work.now),
        incident_id: scene.incident.id,
        kind: kind.into(),
        subject_key: key.map(str::to_owned),
        step: 0,
        priority: scene.priority(urgency),
        due_own_ms: due.0,
        due_at_ms: scene.timeline.real_time_of(due).map(|at| at.0),
        fired_at_ms: None,
        late_by_ms: None,
    }
}

fn raise_timer(work: &Work<'_>, scene: &Scene, urgency: Urgency, key: &str, delay: Span) -> timer::Model {
    timer_of(work, scene, urgency, "raise", Some(key), scene.timeline.own(work.now) + delay)
}
