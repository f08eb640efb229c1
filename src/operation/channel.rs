//! Talk in a channel: who said what, and who has read it.

use entity::{channel, message};
use noroshi_core::{
    id::{ChannelId, IncidentId, MessageId},
    rights::Action,
    text::Text,
};

use super::{Once, OperationError, Reply, Work, scene, telling};
use crate::store::{self, to_json};

/// Longest message, in characters.
const LONGEST: usize = 4000;

/// Writes a message. `mark` is `order` (指示), `unconfirmed` (未確認情報) or none.
pub async fn post(
    mut work: Work<'_>,
    id: ChannelId,
    text: &str,
    mark: Option<&str>,
    once: Option<&Once>,
    reply: impl FnOnce(&message::Model) -> String,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::Talk, "write in a channel")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let channel = store::channel::get(&work.tx, id).await?;
    let incident = IncidentId::new(channel.incident_id);
    let row = store::incident::get(&work.tx, incident).await?;
    // The people on duty may talk about what is only held.
    if store::incident::state(&row)?.is_over() {
        return Err(OperationError::Closed(super::alert::over()));
    }
    let text = noroshi_core::answer::clean(text.trim());
    if text.is_empty() {
        return Err(OperationError::invalid(
            "text",
            "書き込む内容を入れてください",
            "a message must not be empty",
        ));
    }
    if text.chars().count() > LONGEST {
        return Err(OperationError::invalid(
            "text",
            format!("書き込みは{LONGEST}文字までです"),
            format!("a message has at most {LONGEST} characters"),
        ));
    }
    if mark.is_some_and(|mark| !matches!(mark, "order" | "unconfirmed")) {
        return Err(OperationError::invalid(
            "mark",
            "印は order か unconfirmed です",
            "a mark is order or unconfirmed",
        ));
    }
    let organisation = organisation(&work, &channel).await?;
    let message = message::Model {
        id: work.app.chance.uuid(work.now),
        incident_id: channel.incident_id,
        channel_id: channel.id,
        at_ms: work.now.0,
        author: work.actor.id.clone(),
        author_name: work.actor.name.clone(),
        organisation,
        text: to_json(&Text::plain(text.clone())),
        mark: mark.map(str::to_owned),
        relayed_from: None,
    };
    store::channel::put_messages(&work.tx, vec![message.clone()]).await?;
    store::channel::read(&work.tx, id, &work.actor.id, &work.actor.name, work.now).await?;
    let line = telling::by(&work.actor, "message", scene::text(&channel.title), Text::plain(text), work.now);
    if let Some(key) = &channel.relay_to {
        relay(&mut work, &channel, key, &message).await?;
    }
    work.line(incident, line);
    work.changed(incident, "channel");
    let reply = work.keep(once, 201, reply(&message)).await?;
    work.commit().await?;
    Ok(reply)
}

/// The channel that hears what is said in another one gets a copy that names where it was said.
async fn relay(
    work: &mut Work<'_>,
    from: &channel::Model,
    key: &str,
    message: &message::Model,
) -> Result<(), OperationError> {
    let channels = store::channel::of_incident(&work.tx, IncidentId::new(from.incident_id)).await?;
    if let Some(to) = channels.into_iter().find(|channel| channel.key == key && channel.id != from.id) {
        let copy = message::Model {
            id: work.app.chance.uuid(work.now),
            channel_id: to.id,
            relayed_from: Some(from.id),
            ..message.clone()
        };
        store::channel::put_messages(&work.tx, vec![copy]).await?;
    }
    Ok(())
}

/// The chair that the author holds in this incident, in words.
async fn organisation(work: &Work<'_>, channel: &channel::Model) -> Result<String, OperationError> {
    let Some(person) = work.actor.person.as_deref() else { return Ok(String::new()) };
    let roles = store::incident::roles(&work.tx, IncidentId::new(channel.incident_id)).await?;
    let held = roles.into_iter().find(|role| role.person.as_deref() == Some(person));
    Ok(held.map(|role| scene::text(&role.title).ja).unwrap_or_default())
}

/// Notes that the actor has read a channel up to now.
pub async fn read(mut work: Work<'_>, id: ChannelId) -> Result<(), OperationError> {
    let channel = store::channel::get(&work.tx, id).await?;
    let last = store::channel::readers(&work.tx, id)
        .await?
        .into_iter()
        .find(|reader| reader.reader == work.actor.id)
        .map(|reader| reader.read_at_ms);
    let newest = store::channel::messages(&work.tx, id, None::<MessageId>, u64::MAX >> 1).await?;
    let news = newest.last().is_some_and(|message| last.is_none_or(|last| last < message.at_ms));
    if news {
        store::channel::read(&work.tx, id, &work.actor.id, &work.actor.name, work.now).await?;
        work.changed(IncidentId::new(channel.incident_id), "channel");
        work.commit().await?;
    }
    Ok(())
}
