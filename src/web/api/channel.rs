//! Channels and their messages.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json, Path, Query},
};
use entity::{channel_reader, message};
use noroshi_core::{
    id::{AccountId, ChannelId, IncidentId, MessageId},
    playbook::{Member, PartyRef},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    incident::incident_id,
    json,
    list::{List, Page},
    reply,
};
use crate::{
    app::App,
    operation::{
        Work, channel,
        scene::{Scene, text},
    },
    store,
    web::{
        body::{Body, moment},
        page::pin::keys,
        problem::WebError,
        session::Caller,
    },
};

/// A channel.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelView {
    /// `chn_…`
    pub id: String,
    /// Readable key.
    pub key: String,
    /// Title for people.
    pub title: String,
    /// Whether outside agencies belong to it.
    pub outside: bool,
    /// Who belongs to it: `role:*`, `role:…`, `agency:…`.
    pub members: Vec<String>,
    /// The channel that hears what is said here.
    pub relay_to: Option<String>,
    /// What is pinned at its head: `objectives ack_board latest_sitrep contact_list`.
    pub pins: Vec<String>,
    /// How many messages there are.
    pub messages: usize,
    /// How many of them whoever asks has not read.
    pub unread: usize,
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageView {
    /// `msg_…`
    pub id: String,
    /// When.
    pub at: String,
    /// Who: `account:…`, `token:…` or `system`.
    pub author: String,
    /// Name for people.
    pub author_name: String,
    /// The chair or agency.
    pub organisation: String,
    /// What.
    pub text: String,
    /// `order`, `unconfirmed` or null.
    pub mark: Option<String>,
    /// The channel in which it was said first, where it was relayed: `chn_…`.
    pub relayed_from: Option<String>,
    /// Names of those who have read it.
    pub read_by: Vec<String>,
    /// Names of those who belong to the channel and have not.
    pub unread_by: Vec<String>,
}

/// The channels of an incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/channels", tag = "channels",
    params(("id" = String, Path, description = "inc_…")),
    responses((status = 200, body = List<ChannelView>)))]
pub async fn list(
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<Json<List<ChannelView>>, WebError> {
    let db = app.store.read();
    let id: IncidentId = incident_id(&id)?;
    let scene = Scene::load(&app, db, id).await?;
    let mut items = Vec::new();
    for row in store::channel::of_incident(db, id).await? {
        let pins = keys(&scene, &row);
        let channel = ChannelId::new(row.id);
        let messages = store::channel::messages(db, channel, None, i64::MAX as u64).await?;
        let readers = store::channel::readers(db, channel).await?;
        let read_to = readers
            .iter()
            .find(|reader| reader.reader == caller.actor.id)
            .map_or(0, |reader| reader.read_at_ms);
        let members: Vec<noroshi_core::playbook::Member> = serde_json::from_value(row.members)?;
        items.push(ChannelView {
            id: channel.to_string(),
            pins,
            relay_to: row.relay_to,
            key: row.key,
            title: text(&row.title).ja,
            outside: row.outside,
            members: members
                .iter()
                .map(|member| match member {
                    noroshi_core::playbook::Member::EveryRole => "role:*".to_owned(),
                    noroshi_core::playbook::Member::Party(party) => party.to_string(),
                })
                .collect(),
            unread: messages
                .iter()
                .filter(|message| message.at_ms > read_to && message.author != caller.actor.id)
                .count(),
            messages: messages.len(),
        });
    }
    Ok(Json(List { items, next: None }))
}

/// The view of a message.
pub fn view(
    app: &App,
    row: &message::Model,
    readers: &[channel_reader::Model],
    members: &[(String, String)],
) -> MessageView {
    let (read, unread) = receipts(row, readers, members);
    MessageView {
        id: MessageId::new(row.id).to_string(),
        at: moment(app, row.at_ms),
        author: row.author.clone(),
        author_name: row.author_name.clone(),
        organisation: row.organisation.clone(),
        text: text(&row.text).ja,
        mark: row.mark.clone(),
        relayed_from: row.relayed_from.map(|id| ChannelId::new(id).to_string()),
        read_by: read,
        unread_by: unread,
    }
}

/// Names of those who have read a message, and of those who belong there and have not. The author is in neither.
///
/// - `members`: actor id and name of everybody who belongs to the channel.
pub fn receipts(
    row: &message::Model,
    readers: &[channel_reader::Model],
    members: &[(String, String)],
) -> (Vec<String>, Vec<String>) {
    let has_read =
        |id: &str| readers.iter().any(|reader| reader.reader == id && reader.read_at_ms >= row.at_ms);
    let read = readers
        .iter()
        .filter(|reader| reader.read_at_ms >= row.at_ms && reader.reader != row.author)
        .map(|reader| reader.name.clone())
        .collect();
    let unread = members
        .iter()
        .filter(|(id, _)| *id != row.author && !has_read(id))
        .map(|(_, name)| name.clone())
        .collect();
    (read, unread)
}

/// Who belongs to a channel: the accounts of the people who sit in its chairs and who are on duty of its rosters and
/// role accounts, by actor id and name. Whoever has no account stands under their own name.
pub async fn members(
    app: &App,
    scene: &Scene,
    channel: &entity::channel::Model,
) -> Result<Vec<(String, String)>, WebError> {
    let members: Vec<Member> = serde_json::from_value(channel.members.clone())?;
    let mut people: Vec<&str> = Vec::new();
    let now = app.clock.now();
    for member in &members {
        match member {
            Member::EveryRole => people.extend(scene.roles.iter().filter_map(|role| role.person.as_deref())),
            Member::Party(PartyRef::Role(key)) => {
                people.extend(scene.holders.get(key).map(String::as_str));
                let account = scene.directory.role_accounts.get(key);
                let account = account.filter(|_| scene.playbook.role(key).is_none());
                people.extend(account.into_iter().flat_map(|it| scene.directory.on_duty(&it.roster, now)));
            }
            Member::Party(PartyRef::Roster(key)) => people.extend(scene.directory.on_duty(key, now)),
            Member::Party(PartyRef::Agency(_)) => {}
        }
    }
    let accounts = store::account::all(app.store.read()).await?;
    let mut found: Vec<(String, String)> = Vec::new();
    for person in people {
        let account = accounts.iter().find(|account| account.person.as_deref() == Some(person));
        let entry = match account {
            Some(account) => (format!("account:{}", AccountId::new(account.id)), account.name.clone()),
            None => {
                let known = scene.directory.people.get(person);
                let name = known.map_or_else(|| person.to_owned(), |known| known.name.ja.clone());
                (format!("person:{person}"), name)
            }
        };
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    Ok(found)
}

/// The messages of a channel, oldest first.
#[utoipa::path(get, path = "/api/v1/channels/{id}/messages", tag = "channels",
    params(("id" = String, Path, description = "chn_…"), Page),
    responses((status = 200, body = List<MessageView>)))]
pub async fn messages(
    app: Data<App>,
    id: Path<String>,
    page: Query<Page>,
) -> Result<Json<List<MessageView>>, WebError> {
    let db = app.store.read();
    let id = channel_id(&id)?;
    let channel = store::channel::get(db, id).await?;
    let scene = Scene::load(&app, db, IncidentId::new(channel.incident_id)).await?;
    let after = page.after.as_deref().map(str::parse).transpose().map_err(|_| WebError::NotFound)?;
    let limit = page.limit();
    let rows = store::channel::messages(db, id, after, limit + 1).await?;
    let readers = store::channel::readers(db, id).await?;
    let members = members(&app, &scene, &channel).await?;
    let views = rows.iter().map(|row| view(&app, row, &readers, &members)).collect();
    Ok(Json(List::cut(views, limit, |view: &MessageView| view.id.clone())))
}

/// Reads an id of a path; what is no id is not found.
pub fn channel_id(text: &str) -> Result<ChannelId, WebError> {
    text.parse().map_err(|_| WebError::NotFound)
}

/// A new message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageRequest {
    /// What.
    pub text: String,
    /// `order` or `unconfirmed`.
    pub mark: Option<String>,
}

/// Writes a message.
#[utoipa::path(post, path = "/api/v1/channels/{id}/messages", tag = "channels", request_body = MessageRequest,
    params(("id" = String, Path, description = "chn_…"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = MessageView), (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    body: Body<MessageRequest>,
) -> Result<HttpResponse, WebError> {
    let once = body.once(&request, &caller)?;
    let work = Work::begin(&app, caller.actor).await?;
    let wish = body.value;
    let done =
        channel::post(work, channel_id(&id)?, &wish.text, wish.mark.as_deref(), once.as_ref(), |row| {
            json(&view(&app, row, &[], &[]))
        })
        .await?;
    Ok(reply(done))
}

/// Notes that whoever asks has read everything up to now.
#[utoipa::path(post, path = "/api/v1/channels/{id}/read", tag = "channels",
    params(("id" = String, Path, description = "chn_…")), responses((status = 204)))]
pub async fn read(
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    _body: Body<super::incident::Nothing>,
) -> Result<HttpResponse, WebError> {
    let work = Work::begin(&app, caller.actor).await?;
    channel::read(work, channel_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}
