//! What is pinned at a channel's head. What is of the house alone (who has answered, whom to telephone) is never
//! pinned where outside agencies look, whatever the playbook says.

use std::collections::BTreeMap;

use entity::{channel, report};
use noroshi_core::{
    addressee::BY_HAND,
    form,
    id::{IncidentId, ReportId, TaskId},
    playbook::{Ask, ReportPlan},
    task::State,
    text::Language,
    time::Timestamp,
};
use serde_json::Value;

use super::{facts, frame::Frame};
use crate::{
    app::App,
    operation::{
        report::{form_of, kind_of, values},
        scene::{Scene, text},
    },
    store,
    web::problem::WebError,
};

/// One thing at a channel's head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pin {
    /// `objectives ack_board latest_sitrep contact_list`
    pub key: String,
    /// Its name.
    pub title: String,
    /// Where the whole of it is.
    pub href: Option<String>,
    /// When and by whom it was posted, where somebody has.
    pub by: Option<String>,
    /// What stands there while there are no lines.
    pub nothing: String,
    /// Its lines: label and words.
    pub lines: Vec<(String, String)>,
}

/// The form in which objectives are posted.
const OBJECTIVES: &str = "ics202";

/// The keys that are pinned at a channel's head.
pub fn keys(scene: &Scene, channel: &channel::Model) -> Vec<String> {
    let plan = scene.playbook.channel(&channel.key);
    let pins = plan.map(|plan| plan.pins.clone()).unwrap_or_default();
    let inside = |key: &String| matches!(key.as_str(), "ack_board" | "contact_list");
    pins.into_iter().filter(|key| !channel.outside || !inside(key)).collect()
}

/// What is pinned at a channel's head.
pub async fn pins(
    app: &App,
    scene: &Scene,
    channel: &channel::Model,
    frame: &Frame,
) -> Result<Vec<Pin>, WebError> {
    let mut pins = Vec::new();
    for key in keys(scene, channel) {
        let pin = match key.as_str() {
            "ack_board" => Pin {
                lines: answers(app, scene.id(), frame).await?,
                href: Some(format!("/incidents/{}", scene.id())),
                ..Pin::default()
            },
            "contact_list" => Pin { lines: contacts(scene, frame.words.0), ..Pin::default() },
            "objectives" => objectives(app, scene, frame).await?,
            "latest_sitrep" => latest_report(app, scene, channel, frame).await?,
            _ => continue,
        };
        pins.push(Pin {
            title: frame.words.get(&format!("pin-{key}")),
            nothing: frame.words.get(&format!("pin-nothing-{key}")),
            key,
            ..pin
        });
    }
    Ok(pins)
}

/// The objectives that were posted last: the form of the task that carries it.
async fn objectives(app: &App, scene: &Scene, frame: &Frame) -> Result<Pin, WebError> {
    let is_theirs = |key: &str| {
        let form = scene.playbook.task(key).and_then(|plan| plan.form.as_deref());
        form == Some(OBJECTIVES)
    };
    let rows = store::task::of_incident(app.store.read(), scene.id()).await?;
    let posted = rows.into_iter().filter(|row| {
        row.state == State::Done.key() && row.fields.is_some() && row.key.as_deref().is_some_and(is_theirs)
    });
    let (Some(row), Some(form)) =
        (posted.max_by_key(|row| row.settled_at_ms), form::find(&scene.playbook, OBJECTIVES))
    else {
        return Ok(Pin::default());
    };
    let values = row.fields.and_then(|json| serde_json::from_value(json).ok()).unwrap_or_default();
    Ok(Pin {
        lines: filled(&form.fields, &values, frame.words.0),
        href: Some(format!("/incidents/{}/tasks/{}", scene.id(), TaskId::new(row.id))),
        by: by(row.settled_at_ms, row.settled_by, frame),
        ..Pin::default()
    })
}

/// The report that was approved last; where outside agencies look, one that goes to them.
async fn latest_report(
    app: &App,
    scene: &Scene,
    channel: &channel::Model,
    frame: &Frame,
) -> Result<Pin, WebError> {
    let heard = |kind: &&ReportPlan| !channel.outside || kind.audience.contains(&channel.key);
    let mut newest: Option<report::Model> = None;
    for kind in scene.playbook.reports.iter().filter(heard) {
        let latest = store::report::latest(app.store.read(), scene.id(), &kind.key).await?;
        newest = newest.into_iter().chain(latest).max_by_key(|row| row.approved_at_ms);
    }
    let Some(row) = newest else { return Ok(Pin::default()) };
    let kind = kind_of(scene, &row)?;
    let name = kind.name(row.number).get(frame.words.0).to_owned();
    let by = by(row.approved_at_ms, row.approved_by.clone(), frame);
    Ok(Pin {
        lines: filled(&form_of(scene, kind)?.fields, &values(&row), frame.words.0),
        href: Some(format!("/incidents/{}/reports/{}", scene.id(), ReportId::new(row.id))),
        by: Some([Some(name), by].into_iter().flatten().collect::<Vec<_>>().join("　")),
        ..Pin::default()
    })
}

/// The fields of a form that are filled in.
fn filled(asks: &[Ask], values: &BTreeMap<String, Value>, language: Language) -> Vec<(String, String)> {
    let line = |ask: &Ask| {
        let value = form::shown(ask, values.get(&ask.key)?, language).into_owned();
        Some((ask.label.get(language).to_owned(), value))
    };
    asks.iter().filter_map(line).collect()
}

/// `03:41 佐藤`
fn by(at: Option<i64>, name: Option<String>, frame: &Frame) -> Option<String> {
    let clock = frame.when.short(Timestamp(at?));
    Some(frame.words.with("pin-by", &[("clock", clock.into()), ("name", name?.into())]))
}

/// How many have answered each alert: `DMAT指定医療機関 回答 4/5`.
async fn answers(app: &App, id: IncidentId, frame: &Frame) -> Result<Vec<(String, String)>, WebError> {
    let db = app.store.read();
    let scene = Scene::load(app, db, id).await?;
    let mut lines = Vec::new();
    for alert in facts::alerts(app, &scene).await?.iter().filter(|alert| alert.row.state != "superseded") {
        let asked = alert.recipients.iter().filter(|row| row.state != "informed").count();
        if asked == 0 {
            continue;
        }
        let answered = alert.recipients.iter().filter(|row| row.acked_at_ms.is_some()).count();
        let deciding = alert.recipients.iter().filter(|row| row.state == "to_decide").count();
        let tally =
            frame.words.with("board-tally", &[("answered", answered.into()), ("asked", asked.into())]);
        let due = (deciding > 0).then(|| frame.count("home-deciding", deciding));
        let said = [Some(tally), due].into_iter().flatten().collect::<Vec<_>>();
        let whom = facts::audience(&scene, &alert.rule.plan.to, frame.words.0);
        lines.push((whom, said.join(&frame.words.get("list-join"))));
    }
    Ok(lines)
}

/// Who sits in which chair, and how they are reached (ICS 205A).
fn contacts(scene: &Scene, language: Language) -> Vec<(String, String)> {
    let lines = scene.roles.iter().filter_map(|role| {
        let person = scene.directory.people.get(role.person.as_deref()?)?;
        let by_phone = |key: &String| {
            scene.directory.transports.get(key).is_some_and(|transport| transport.driver == BY_HAND)
        };
        // A telephone number first: it is what one looks for here.
        let mut reach: Vec<_> = person.reach.iter().collect();
        reach.sort_by_key(|(transport, _)| !by_phone(transport));
        let reach = reach.into_iter().map(|(_, address)| address.as_str()).collect::<Vec<_>>().join("  ");
        let title = text(&role.title).get(language).to_owned();
        Some((title, format!("{}  {reach}", person.name.get(language))))
    });
    lines.collect()
}

/// The title of the channel in which a relayed message was said first.
pub async fn said_in(
    app: &App,
    message: &entity::message::Model,
    language: Language,
) -> Result<Option<String>, WebError> {
    let Some(from) = message.relayed_from else { return Ok(None) };
    let channel = store::channel::get(app.store.read(), noroshi_core::id::ChannelId::new(from)).await?;
    Ok(Some(text(&channel.title).get(language).to_owned()))
}
