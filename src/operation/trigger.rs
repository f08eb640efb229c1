//! A trigger event comes in: every playbook in force is asked, and what it leads to is written beside it.
//!
//! 1. The event is stored; one that is known under the same `once` does nothing more.
//! 2. Each trigger that hears it decides (`core::trigger`), with what it has opened before for the same happening.
//! 3. All incidents that are touched are entered at once; then each decision is carried out.
//!
//! Events are taken one after the other: two that tell of the same never open two incidents.

use std::{collections::BTreeMap, sync::Arc};

use entity::{trigger_event, trigger_outcome};
use noroshi_core::{
    directory::Directory,
    id::IncidentId,
    incident::State,
    playbook::{OnTimeout, Playbook, Source, Trigger, Urgency},
    problem::Severity,
    text::{Language, Text},
    time::{Span, Timestamp},
    trigger::{self, Decision, Event},
    variable,
};
use uuid::Uuid;

use super::{
    OperationError, Work, hold,
    incident::{Opening, clear_the_way, drill_while_live, light, open, timer_of},
    scene::Scene,
    telling,
};
use crate::{
    failpoint::reached,
    store::{self, to_json},
};

/// Something happened, says a source.
#[derive(Clone, Debug)]
pub struct Report {
    /// What is said.
    pub event: Event,
    /// Drill, or live.
    pub drill: bool,
    /// When it happened, where that is known.
    pub occurred_at: Option<Timestamp>,
    /// Told again under the same name, it does nothing more.
    pub once: Option<String>,
    /// How much later than the calendar said.
    pub late_by: Option<Span>,
}

/// One ear: a trigger of a playbook in force, and what it decides.
struct Ear {
    playbook: Arc<Playbook>,
    version: Uuid,
    trigger: Trigger,
    dedupe_key: Option<String>,
    decision: Result<Decision, Text>,
}

/// Takes an event. Returns the stored event and whether it is new.
///
/// - `only`: only these triggers listen (playbook, trigger); `None` is all that hear it. A webhook's signature says
///   which.
pub async fn take(
    work: &mut Work<'_>,
    report: Report,
    only: Option<&[(String, String)]>,
) -> Result<(trigger_event::Model, bool), OperationError> {
    // One after the other: whoever comes second sees what the first has opened.
    store::trigger::count(&work.tx, "trigger event").await?;
    let row = trigger_event::Model {
        id: work.app.chance.uuid(work.now),
        source: report.event.source.key().into(),
        trigger_key: report.event.trigger.clone(),
        event_id: report.event.id.clone(),
        mode: if report.drill { "drill" } else { "live" }.into(),
        content: to_json(&report.event.values),
        occurred_at_ms: report.occurred_at.unwrap_or(work.now).0,
        recorded_at_ms: work.now.0,
        late_by_ms: report.late_by.map(|late| late.0),
        reported_by: work.actor.id.clone(),
        once: report.once.clone(),
    };
    if !store::trigger::put(&work.tx, row.clone()).await? {
        let known = store::trigger::by_once(&work.tx, report.once.as_deref().unwrap_or_default()).await?;
        return Ok((known.unwrap_or(row), false));
    }
    let directory = work.app.library.in_force(&work.tx).await?;
    let ears = listen(work, &report, only, directory.as_ref().map(|(_, directory)| &**directory)).await?;

    let noted = ears.iter().filter_map(|ear| match &ear.decision {
        Ok(Decision::Attach(incident)) => Some(incident.raw()),
        _ => None,
    });
    let mut rooms: Vec<Uuid> = noted.collect();
    rooms.extend(store::incident::open(&work.tx).await?.iter().map(|row| row.id));
    work.enter(rooms).await?;

    let mut outcomes = Vec::new();
    for ear in ears {
        let (decision, reason, incident) = match (&ear.decision, &directory) {
            (Ok(decision), Some((version, directory))) => {
                carry_out(work, &report, &ear, decision, *version, directory).await?
            }
            (Ok(_), None) => ("refused", no_directory(), None),
            (Err(why), _) => ("refused", why.clone(), None),
        };
        outcomes.push(trigger_outcome::Model {
            id: work.app.chance.uuid(work.now),
            trigger_event_id: row.id,
            playbook: ear.playbook.key.clone(),
            trigger_key: ear.trigger.key.clone(),
            mode: row.mode.clone(),
            decision: decision.into(),
            reason: to_json(&reason),
            dedupe_key: ear.dedupe_key,
            incident_id: incident.map(IncidentId::raw),
            at_ms: work.now.0,
        });
    }
    reached("trigger.decided");
    store::trigger::put_outcomes(&work.tx, outcomes).await?;
    reached("trigger.written");
    Ok((row, true))
}

fn no_directory() -> Text {
    Text::both("連絡先台帳がまだない", "there is no directory yet")
}

/// Asks every trigger that hears the event.
async fn listen(
    work: &Work<'_>,
    report: &Report,
    only: Option<&[(String, String)]>,
    directory: Option<&Directory>,
) -> Result<Vec<Ear>, OperationError> {
    let mut ears = Vec::new();
    for version in store::playbook::all_latest(&work.tx).await? {
        let playbook = work.app.library.playbook(&work.tx, version.id).await?;
        for trigger in playbook.triggers.iter().filter(|known| trigger::hears(known, &report.event)) {
            let named = |only: &[(String, String)]| {
                only.iter().any(|(of, key)| *of == playbook.key && *key == trigger.key)
            };
            if !only.is_none_or(named) {
                continue;
            }
            let dedupe_key = trigger::dedupe_key(trigger, &report.event);
            let decision = match directory {
                None => Err(no_directory()),
                Some(_) if report.drill && !playbook.drills.allowed => {
                    Err(Text::both("この手順書は訓練を許していない", "this playbook does not allow drills"))
                }
                Some(directory) => {
                    let past = past(work, report, &playbook.key, trigger, dedupe_key.as_deref()).await?;
                    Ok(trigger::decide(trigger, directory, &report.event, &past, work.now))
                }
            };
            ears.push(Ear {
                playbook: Arc::clone(&playbook),
                version: version.id,
                trigger: trigger.clone(),
                dedupe_key,
                decision,
            });
        }
    }
    Ok(ears)
}

/// What the trigger has opened before for the same happening.
async fn past(
    work: &Work<'_>,
    report: &Report,
    playbook: &str,
    trigger: &Trigger,
    dedupe_key: Option<&str>,
) -> Result<Vec<trigger::Opening>, OperationError> {
    let (Some(key), Some(dedupe)) = (dedupe_key, &trigger.dedupe) else { return Ok(Vec::new()) };
    let mode = if report.drill { "drill" } else { "live" };
    let since = Timestamp(work.now.0 - dedupe.window.0);
    let rows = store::trigger::openings(&work.tx, playbook, &trigger.key, mode, key, since).await?;
    let opened = rows.into_iter().filter_map(|row| {
        Some(trigger::Opening { incident: IncidentId::new(row.incident_id?), at: Timestamp(row.at_ms) })
    });
    Ok(opened.collect())
}

/// Does what was decided. Returns the word for what came of it, why, and the incident.
async fn carry_out(
    work: &mut Work<'_>,
    report: &Report,
    ear: &Ear,
    decision: &Decision,
    directory_version: Uuid,
    directory: &Arc<Directory>,
) -> Result<(&'static str, Text, Option<IncidentId>), OperationError> {
    let (state, held) = match decision {
        Decision::Nothing(test) => {
            let name = trigger::name_of(&ear.playbook, &test.name);
            return Ok((decision.key(), trigger::why_not(&name, test, &report.event), None));
        }
        Decision::Ignore(incident) => {
            let why = Text::both(
                "同じ事象の事案がすでにある。手順書により何もしない",
                "there is an incident about the same; the playbook says to leave it",
            );
            return Ok((decision.key(), why, Some(*incident)));
        }
        Decision::Attach(incident) => {
            let why = attach(work, report, ear, *incident).await?;
            return Ok((decision.key(), why, Some(*incident)));
        }
        Decision::Suggest => (State::Proposed, None),
        Decision::Hold { hold, on_timeout } => (State::Held, Some((*hold, *on_timeout))),
        Decision::Send => (State::Active, None),
    };
    if let Some(why) = unsatisfied(work, ear, directory).await? {
        return Ok(("refused", why, None));
    }
    let given = trigger::given(&ear.playbook, &report.event);
    let (values, problems) = variable::read_all(&ear.playbook, directory, &given, work.now, work.app.zone);
    // Nothing leaves the house with holes in it: a person fills them in.
    let state = if state == State::Active && !problems.is_empty() { State::Proposed } else { state };
    match clear_the_way(work, report.drill, state).await {
        Err(OperationError::Closed(_)) => return Ok(("refused", drill_while_live(), None)),
        done => done?,
    }
    let opening = Opening {
        playbook: Arc::clone(&ear.playbook),
        playbook_version: ear.version,
        directory: Arc::clone(directory),
        directory_version,
        drill: report.drill,
        rate: 1,
        title: None,
        values,
        state,
        trigger: Some(ear.trigger.key.clone()),
    };
    let mut scene = open(work, opening).await?;
    let id = scene.id();
    let told = rang(report, ear, &problems);
    work.line(id, telling::by(&work.actor, "trigger", telling::service(), told.clone(), work.now));
    match state {
        State::Active => light(work, &mut scene).await?,
        _ => {
            if let Some((hold, on_timeout)) = held {
                set_hold(work, &mut scene, hold, on_timeout).await?;
            }
            hold::ask(work, &scene).await?;
        }
    }
    let word = match state {
        State::Active => "send",
        State::Held => "hold",
        _ => "suggest",
    };
    Ok((word, told, Some(id)))
}

async fn set_hold(
    work: &mut Work<'_>,
    scene: &mut Scene,
    hold: Span,
    on_timeout: OnTimeout,
) -> Result<(), OperationError> {
    let due = scene.timeline.own(work.now) + hold;
    let timer = timer_of(work, scene, Urgency::Critical, "hold", None, due);
    scene.incident.hold_until_ms = timer.due_at_ms;
    scene.incident.on_hold_timeout =
        Some(if on_timeout == OnTimeout::Send { "send" } else { "suggest" }.into());
    work.save_incident(scene, State::Held).await?;
    work.gathered.timers.insert(timer.id, Some(timer));
    Ok(())
}

/// Why the playbook cannot start with the directory in force, where it cannot.
async fn unsatisfied(
    work: &Work<'_>,
    ear: &Ear,
    directory: &Directory,
) -> Result<Option<Text>, OperationError> {
    let version = store::playbook::version(&work.tx, ear.version).await?;
    let (checked, problems) = noroshi_core::playbook::read(version.source.as_bytes(), Some(directory));
    if checked.is_some() {
        return Ok(None);
    }
    let first = problems.into_iter().find(|problem| problem.severity == Severity::Error);
    let said = first.map_or_else(|| Text::plain(""), |problem| problem.detail);
    Ok(Some(Text::both(
        format!("台帳がこの手順書を満たしていない。{}", said.ja),
        format!("the directory does not satisfy this playbook: {}", said.get(Language::En)),
    )))
}

/// What rang, and what is missing.
fn rang(report: &Report, ear: &Ear, problems: &[variable::VariableProblem]) -> Text {
    let (source, id, key) = (report.event.source.key(), &report.event.id, &ear.trigger.key);
    let id: String = id.chars().take(80).collect();
    let mut ja = format!("トリガー {key}（{source} {id}）");
    let mut en = format!("Trigger {key} ({source} {id})");
    if let Some(late) = report.late_by {
        ja += &format!("。予定より {late} 遅れて実施");
        en += &format!("; {late} later than scheduled");
    }
    if !problems.is_empty() {
        let names = problems.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>();
        ja += &format!("。値が足りない: {}", names.join("、"));
        en += &format!("; values are missing: {}", names.join(", "));
    }
    Text::both(ja, en)
}

/// Notes the event in the incident that tells of the same. What has not left the house yet takes the newer values.
async fn attach(
    work: &mut Work<'_>,
    report: &Report,
    ear: &Ear,
    id: IncidentId,
) -> Result<Text, OperationError> {
    let mut scene = Scene::load(work.app, &work.tx, id).await?;
    let given = trigger::given(&scene.playbook, &report.event);
    let mut all = scene.values.clone();
    all.extend(given);
    let (values, _) = variable::read_all(&scene.playbook, &scene.directory, &all, work.now, work.app.zone);
    let changes = changes(&scene, &values, work);
    let what = if changes.ja.is_empty() {
        Text::both("値は変わらない", "the values are the same")
    } else {
        changes
    };
    let told = Text::both(
        format!("同じ事象の続報（{} {}）。{}", report.event.source.key(), ear.trigger.key, what.ja),
        format!(
            "Told again ({} {}): {}",
            report.event.source.key(),
            ear.trigger.key,
            what.en.as_deref().unwrap_or(&what.ja)
        ),
    );
    work.line(id, telling::by(&work.actor, "trigger", telling::service(), told.clone(), work.now));
    if scene.is_waiting() {
        let before = scene.state();
        scene.incident.variables = to_json(&values);
        work.save_incident(&scene, before).await?;
    } else if scene.is_open()
        && let Some(channel) = super::alert::command_channel(work, &scene).await?
    {
        work.say(&scene, channel, &told);
    }
    work.changed(id, "incident");
    Ok(told)
}

/// `最大震度: 6弱 → 6強`
fn changes(scene: &Scene, values: &BTreeMap<String, serde_json::Value>, work: &Work<'_>) -> Text {
    let of = |language: Language| {
        let changed = scene.playbook.variables.iter().filter_map(|variable| {
            let shown = |values: &BTreeMap<String, serde_json::Value>| {
                values
                    .get(&variable.key)
                    .map(|value| variable::told(variable, value, language, work.app.zone).into_owned())
            };
            let (before, now) = (shown(&scene.values), shown(values)?);
            let label = variable::label(variable).get(language).to_owned();
            (before.as_ref() != Some(&now))
                .then(|| format!("{label}: {} → {now}", before.unwrap_or_else(|| "–".into())))
        });
        changed.collect::<Vec<_>>().join(if language == Language::En { ", " } else { "、" })
    };
    Text::both(of(Language::Ja), of(Language::En))
}

/// Whether events of this source are taken from programs: a person's start has its own way.
pub fn takes(source: Source) -> bool {
    source != Source::Manual
}
