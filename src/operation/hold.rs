//! What a trigger has opened and nobody outside has heard of yet: proposed or held.
//!
//! 1. A trigger opens it (`incident::open`); `ask` writes to the people on duty.
//! 2. A person starts it (`activate`) or drops it (`dismiss`).
//! 3. Where it is held and nobody does, `run_out` does what the playbook says.

use std::collections::BTreeMap;

use entity::incident;
use noroshi_core::{
    id::IncidentId,
    incident::{State, Verb},
    playbook::{IncidentEvent, OnTimeout, PartyRef, Playbook, Urgency},
    problem::Severity,
    rights::Action,
    text::Text,
    time::Timeline,
    trigger::{Decision, after_hold},
    variable,
};
use serde_json::Value;

use super::{
    Invalid, Once, OperationError, Reply, Work,
    ending::finish,
    errand::{Errand, Matter},
    incident::{clear_the_way, light},
    scene::{Scene, after},
    telling,
};
use crate::store::{self, to_json};

/// Who is asked about what a trigger has opened: whom the trigger names, else whom the triggers by hand name, else
/// whoever would be asked for the first role.
pub fn duty(playbook: &Playbook, trigger: Option<&str>) -> Vec<PartyRef> {
    let own = playbook.triggers.iter().filter(|known| Some(known.key.as_str()) == trigger);
    let by_hand = playbook.triggers.iter().filter(|known| known.is_manual());
    let first = playbook.roles.first().map(|role| role.fill_from.clone()).unwrap_or_default();
    let candidates = [
        own.flat_map(|trigger| trigger.allow.clone()).collect::<Vec<_>>(),
        by_hand.flat_map(|trigger| trigger.allow.clone()).collect(),
        first,
    ];
    candidates.into_iter().find(|parties| !parties.is_empty()).unwrap_or_default()
}

/// Whether the actor is among the people on duty for it, besides what their role allows.
fn named(work: &Work<'_>, scene: &Scene) -> bool {
    let parties = duty(&scene.playbook, scene.incident.trigger_key.as_deref());
    let people = parties.iter().flat_map(|party| scene.people(party, work.now)).collect::<Vec<_>>();
    people.iter().any(|person| work.actor.is_person(person))
}

/// Writes to the people on duty that something waits for them.
pub(super) async fn ask(work: &mut Work<'_>, scene: &Scene) -> Result<(), OperationError> {
    let title = &scene.incident.title;
    let until = scene.incident.hold_until_ms.filter(|_| scene.state() == State::Held);
    let send = scene.incident.on_hold_timeout.as_deref() == Some("send");
    let recipients: usize = scene
        .playbook
        .alerts
        .iter()
        .filter(|alert| alert.send.is_some_and(|on| on.event == IncidentEvent::Activated))
        .map(|alert| scene.who().addressees(&alert.to, work.now).len())
        .sum();
    let clock = until.map(|at| {
        noroshi_core::time::Timestamp(at)
            .to_utc()
            .with_timezone(&work.app.zone)
            .format("%H:%M:%S")
            .to_string()
    });
    let (ja, en) = match (clock, send) {
        (Some(clock), true) => (
            format!("{clock} までに操作がなければ、自動で発報します。"),
            format!("Without a decision by {clock} it is sent by itself."),
        ),
        (Some(clock), false) => (
            format!("{clock} までに操作がなければ、提案として残ります（自動では発報しません）。"),
            format!("Without a decision by {clock} it stays a proposal and is not sent."),
        ),
        (None, _) => (
            "自動では発報しません。発報するか取り消すかを決めてください。".to_owned(),
            "It is not sent by itself: please send or dismiss it.".to_owned(),
        ),
    };
    let values = |language| {
        let lines = scene.playbook.variables.iter().filter_map(|variable| {
            let value = scene.values.get(&variable.key)?;
            let shown = variable::told(variable, value, language, work.app.zone);
            Some(format!("{}: {shown}", variable::label(variable).get(language)))
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let about = Errand::Notice {
        subject: Text::both(format!("発報の判断 {title}"), format!("Decide whether to send: {title}")),
        body: Text::both(
            format!(
                "「{title}」がトリガーで開きました。外へはまだ何も送っていません。\n{ja}\n発報すると {recipients} 宛先に通知します。\n{}",
                values(noroshi_core::text::Language::Ja)
            ),
            format!(
                "{title} was opened by a trigger. Nothing has been sent to anybody outside yet.\n{en}\nSending tells {recipients} recipients.\n{}",
                values(noroshi_core::text::Language::En)
            ),
        ),
        matter: Matter::Hold,
        options: Vec::new(),
        severity: Urgency::Critical,
    };
    let parties = duty(&scene.playbook, scene.incident.trigger_key.as_deref());
    work.write_to_everybody(scene, Urgency::Critical, &parties, about).await
}

/// Starts what is proposed or held.
///
/// - `given`: values that a person mends or fills in; those that the trigger brought stay.
///
/// Errors: not (or no longer) waiting, values missing or wrong (all at once), a drill while something real runs, no
/// right, a directory that no longer gives the playbook what it needs.
pub async fn activate(
    mut work: Work<'_>,
    id: IncidentId,
    given: &BTreeMap<String, Value>,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let mut rooms = vec![id.raw()];
    rooms.extend(store::incident::open(&work.tx).await?.iter().map(|row| row.id));
    work.enter(rooms).await?;
    let mut scene = Scene::load(work.app, &work.tx, id).await?;
    work.actor.must_named(Action::Start, named(&work, &scene), "start an incident")?;
    after(&scene, Verb::Activate)?;
    set_alight(&mut work, &mut scene, given).await?;
    work.flush_quietly().await?;
    let body = reply(&mut work, &scene).await?;
    let reply = work.keep(once, 200, body).await?;
    work.commit().await?;
    Ok(reply)
}

/// Makes a waiting incident run: with the directory in force now, from this moment on.
async fn set_alight(
    work: &mut Work<'_>,
    scene: &mut Scene,
    given: &BTreeMap<String, Value>,
) -> Result<(), OperationError> {
    let before = scene.state();
    if let Some((latest, directory)) = work.app.library.in_force(&work.tx).await?
        && latest != scene.incident.directory_version_id
    {
        let version = store::playbook::version(&work.tx, scene.incident.playbook_version_id).await?;
        let (checked, mut problems) =
            noroshi_core::playbook::read(version.source.as_bytes(), Some(&directory));
        if checked.is_none() {
            problems.retain(|problem| problem.severity == Severity::Error);
            return Err(OperationError::Problems(problems));
        }
        scene.first_directory = std::sync::Arc::clone(&directory);
        scene.directory = directory;
        scene.incident.directory_version_id = latest;
    }
    let mut all = scene.values.clone();
    all.extend(given.iter().map(|(key, value)| (key.clone(), value.clone())));
    let values = variable::resolve(&scene.playbook, &scene.directory, &all, work.now, work.app.zone)
        .map_err(|found| OperationError::Invalid(Invalid::all_of(found)))?;
    clear_the_way(work, scene.is_drill(), State::Active).await?;
    scene.incident.variables = to_json(&values);
    scene.values = values;
    // Its own time begins now: ladders and tasks count from the sending, not from the first rumour.
    let rate = u32::try_from(scene.incident.rate).unwrap_or(1);
    scene.timeline = Timeline::at_rate(work.now, rate);
    scene.incident.real_origin_ms = scene.timeline.real_origin.0;
    scene.incident.own_origin_ms = scene.timeline.own_origin.0;
    scene.incident.state = State::Active.key().into();
    scene.incident.activated_at_ms = Some(work.now.0);
    work.save_incident(scene, before).await?;
    store::timer::drop_kinds(&work.tx, scene.id(), &["hold"]).await?;
    store::delivery::withdraw_role_letters(&work.tx, scene.id(), work.now).await?;
    light(work, scene).await
}

/// Drops what is proposed or held: a false alarm. Nobody outside has heard of it, and nobody does.
pub async fn dismiss(
    mut work: Work<'_>,
    id: IncidentId,
    reason: &str,
    once: Option<&Once>,
    reply: impl FnOnce(&incident::Model) -> String,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    work.enter([id.raw()]).await?;
    let mut scene = Scene::load(work.app, &work.tx, id).await?;
    work.actor.must_named(Action::Start, named(&work, &scene), "dismiss an incident")?;
    let state = after(&scene, Verb::Dismiss)?;
    let reason = noroshi_core::answer::clean(reason.trim());
    let reason: String = if reason.is_empty() { "誤報".into() } else { reason.chars().take(500).collect() };
    finish(&mut work, &mut scene, state, Some(&reason)).await?;
    let reply = work.keep(once, 200, reply(&scene.incident)).await?;
    work.commit().await?;
    Ok(reply)
}

/// The hold is over and nobody has decided. The caller has entered the incident, and every one that runs.
pub(super) async fn run_out(work: &mut Work<'_>, scene: &Scene) -> Result<(), OperationError> {
    if scene.state() != State::Held {
        return Ok(());
    }
    let mut scene = scene.clone();
    let on_timeout = match scene.incident.on_hold_timeout.as_deref() {
        Some("send") => OnTimeout::Send,
        _ => OnTimeout::Suggest,
    };
    let found = variable::resolve(&scene.playbook, &scene.directory, &scene.values, work.now, work.app.zone);
    if after_hold(on_timeout, found.is_ok()) == Decision::Send {
        let told = Text::both(
            "保留時間内に操作がなかったため、自動で発報",
            "Sent by itself: nobody decided while it was held",
        );
        work.line(scene.id(), telling::line("hold", telling::service(), told, work.now));
        match set_alight(work, &mut scene, &BTreeMap::new()).await {
            // Something real, or the directory, stands in its way: a person has to look.
            Err(OperationError::Closed(_) | OperationError::Problems(_) | OperationError::Invalid(_)) => {}
            done => return done,
        }
        scene = Scene::load(work.app, &work.tx, scene.id()).await?;
    }
    scene.incident.state = after(&scene, Verb::HoldRanOut)?.key().into();
    scene.incident.hold_until_ms = None;
    work.save_incident(&scene, State::Held).await?;
    let told = Text::both(
        "保留時間が過ぎた。自動では発報せず、提案として残す",
        "The hold is over; it is not sent by itself and stays a proposal",
    );
    work.line(scene.id(), telling::line("hold", telling::service(), told, work.now));
    work.changed(scene.id(), "incident");
    ask(work, &scene).await
}
