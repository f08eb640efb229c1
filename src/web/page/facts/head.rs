//! What stands at the head of every page of an incident: counts, closing, trouble.

use std::collections::BTreeSet;

use entity::incident;
use noroshi_core::{
    id::{ChannelId, IncidentId},
    incident::State,
    text::DRILL_MARK,
    time::Timestamp,
};
use serde_json::Value;

use super::super::{
    frame::Frame,
    incident::{Head, Stage, Tab},
    role::ChairLine,
};
use super::ALL;
use crate::{
    app::App,
    operation::{playbook::broken_files, scene::Scene},
    store,
    web::{api::health::alarms, problem::WebError, session::Caller},
};

/// The head of an incident's pages.
pub async fn head(
    app: &App,
    scene: &Scene,
    caller: &Caller,
    frame: &Frame,
    tab: Tab,
) -> Result<Head, WebError> {
    let db = app.store.read();
    let language = frame.words.0;
    let recipients = store::recipient::of_incident(db, scene.id(), None, ALL).await?;
    let asked = recipients.iter().filter(|row| row.state != "informed");
    let mut unread = 0;
    for channel in store::channel::of_incident(db, scene.id()).await? {
        let id = ChannelId::new(channel.id);
        let readers = store::channel::readers(db, id).await?;
        let read_to = readers
            .iter()
            .find(|reader| reader.reader == caller.actor.id)
            .map_or(0, |reader| reader.read_at_ms);
        let messages = store::channel::messages(db, id, None, ALL).await?;
        unread += messages.iter().filter(|m| m.at_ms > read_to && m.author != caller.actor.id).count();
    }
    let mut facts = Vec::new();
    for row in scene.roles.iter().take(1) {
        let chair = ChairLine::of(scene, row, frame);
        facts.push((chair.title, chair.words));
    }
    let mut more = vec![(
        frame.words.get("head-playbook"),
        format!("{} {}", scene.playbook.title.get(language), scene.playbook.version),
    )];
    let newest = store::playbook::latest(db, &scene.playbook.key).await?;
    let newer = newest.filter(|row| row.id != scene.incident.playbook_version_id).map(|row| {
        frame.words.with("playbook-newer", &[("n", row.number.into()), ("version", row.version.into())])
    });
    if scene.timeline.rate != 1 {
        more.push((
            frame.words.get("head-speed"),
            frame.words.with("head-times", &[("n", scene.timeline.rate.into())]),
        ));
    }
    let own_now = scene.timeline.own(frame.when.now).0;
    let tasks = store::task::of_incident(db, scene.id()).await?;
    let open = tasks.iter().filter(|row| row.state == "open");
    let late = open.clone().filter(|row| row.due_own_ms.is_some_and(|due| due < own_now)).count();
    let missing = store::report::overdue(db, scene.id(), Timestamp(own_now)).await?;
    let mut head = Head {
        id: scene.id().to_string(),
        drill: scene.is_drill(),
        title: scene.title(frame.words.0).replace(DRILL_MARK, ""),
        number: scene.incident.number,
        stage: match scene.state() {
            State::Proposed => Stage::Proposed,
            State::Held => Stage::Held,
            State::Active | State::Stabilised | State::Closing => Stage::Open,
            State::Closed => Stage::Closed,
            State::Reviewed => Stage::Reviewed,
            State::Cancelled => Stage::Cancelled,
            State::Merged => Stage::Merged,
        },
        facts,
        more,
        newer,
        tab,
        answered: (
            recipients.iter().filter(|row| row.state == "answered" || row.acked_at_ms.is_some()).count(),
            asked.count(),
        ),
        tasks: (open.count(), late + usize::try_from(missing).unwrap_or(usize::MAX)),
        has_duties: !tasks.is_empty() || !scene.playbook.reports.is_empty() || scene.is_open(),
        unread,
        entries: store::chronology::length(db, scene.id()).await?,
        ..Head::default()
    };
    let since = scene.incident.activated_at_ms.unwrap_or(scene.incident.opened_at_ms);
    head.opened_at(frame, Timestamp(since), scene.incident.ended_at_ms.map(Timestamp));
    Ok(head)
}

/// How many parties a letter of this incident was handed over to, each once.
pub async fn told(app: &App, id: IncidentId) -> Result<usize, WebError> {
    let db = app.store.read();
    let letters = store::delivery::to_recipients(db, id).await?;
    let reached: BTreeSet<_> = letters
        .iter()
        .filter(|letter| letter.attempts > 0)
        .filter_map(|letter| letter.recipient_id)
        .collect();
    let rows = store::recipient::of_incident(db, id, None, ALL).await?;
    let parties: BTreeSet<_> = rows
        .iter()
        .filter(|row| reached.contains(&row.id))
        .map(|row| (row.agency.clone(), row.person.clone()))
        .collect();
    Ok(parties.len())
}

/// That closing is proposed: by whom and since when, in a sentence.
pub fn proposal(scene: &Scene, frame: &Frame) -> Option<String> {
    let row = &scene.incident;
    let at = row.closing_at_ms.filter(|_| scene.state() == State::Closing)?;
    let key = match row.closing_by.as_deref() {
        Some("system") => "proposal-by-service",
        _ => "proposal-by-person",
    };
    Some(frame.words.with(key, &[("since", frame.when.since(Timestamp(at)).into())]))
}

/// Names and values of what a program sent, shortened, for one line.
pub fn pairs(content: &Value) -> Vec<(String, String)> {
    let short = |value: &Value| {
        let words = match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().unwrap_or("…")).collect::<Vec<_>>().join("、")
            }
            other => other.to_string(),
        };
        words.chars().take(60).collect::<String>()
    };
    let all = content.as_object().into_iter().flatten();
    all.map(|(name, value)| (name.clone(), short(value))).collect()
}

/// The chairs for the board.
pub fn roles(scene: &Scene, frame: &Frame) -> Vec<ChairLine> {
    scene.roles.iter().map(|row| ChairLine::of(scene, row, frame)).collect()
}

/// What of the service is out of order, in sentences.
pub async fn troubles(app: &App, frame: &Frame) -> Result<Vec<String>, WebError> {
    let words = frame.words;
    let mut troubles = alarms(app, words, |at| frame.when.short(at));
    for (carrier, relay) in app.transports.health().filter(|(_, relay)| !relay.is_well()) {
        let since = relay.since.map(|at| frame.when.short(at)).unwrap_or_default();
        let key = match (carrier, relay.closed) {
            ("mail", _) => "trouble-relay",
            (_, false) => "trouble-gateway",
            (_, true) => "trouble-gateway-closed",
        };
        troubles.push(words.with(key, &[("name", relay.name.into()), ("since", since.into())]));
    }
    for (broken, has_former) in broken_files(app, app.store.read()).await? {
        let name = broken.file.file_name().map(|name| name.to_string_lossy().into_owned());
        let key = if has_former { "trouble-file" } else { "trouble-file-none" };
        troubles.push(words.with(key, &[("file", name.unwrap_or_default().into())]));
    }
    Ok(troubles)
}

/// When the service was away while the incident ran, in sentences.
pub fn absences(app: &App, frame: &Frame, row: &incident::Model) -> Vec<String> {
    let meanwhile = app.troubles.absences().into_iter().filter(|away| {
        away.to.0 >= row.opened_at_ms && row.ended_at_ms.is_none_or(|ended| away.from.0 <= ended)
    });
    let told = meanwhile.map(|away| {
        let values = [
            ("from", frame.when.short(away.from).into()),
            ("to", frame.when.short(away.to).into()),
            ("span", frame.when.length(away.to - away.from).into()),
        ];
        frame.words.with("trouble-away", &values)
    });
    told.collect()
}
