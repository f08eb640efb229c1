//! What is pinned at a channel's head. What is of the house alone (who has answered, whom to telephone) is never
//! pinned where outside agencies look, whatever the playbook says.

use noroshi_core::{addressee::BY_HAND, id::IncidentId, text::Language};

use super::{facts, frame::Frame};
use crate::{
    app::App,
    operation::scene::{Scene, text},
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
    /// Its lines: label and words.
    pub lines: Vec<(String, String)>,
}

/// The keys that are pinned at a channel's head.
pub fn keys(scene: &Scene, channel: &entity::channel::Model) -> Vec<String> {
    let plan = scene.playbook.channel(&channel.key);
    let pins = plan.map(|plan| plan.pins.clone()).unwrap_or_default();
    let inside = |key: &String| matches!(key.as_str(), "ack_board" | "contact_list");
    pins.into_iter().filter(|key| !channel.outside || !inside(key)).collect()
}

/// What is pinned at a channel's head.
pub async fn pins(
    app: &App,
    scene: &Scene,
    channel: &entity::channel::Model,
    frame: &Frame,
) -> Result<Vec<Pin>, WebError> {
    let mut pins = Vec::new();
    for key in keys(scene, channel) {
        let (lines, href) = match key.as_str() {
            "ack_board" => {
                (answers(app, scene.id(), frame).await?, Some(format!("/incidents/{}", scene.id())))
            }
            "contact_list" => (contacts(scene, frame.words.0), None),
            // Objectives and reports come from forms: where none is filled in, there is nothing to pin.
            _ => continue,
        };
        pins.push(Pin { title: frame.words.get(&format!("pin-{key}")), key, href, lines });
    }
    Ok(pins)
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
