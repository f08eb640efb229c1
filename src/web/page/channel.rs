//! `/incidents/{id}/channels/{cid}`: talk as a ruled log, with who has read and who has not.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{
    id::{ChannelId, IncidentId, MessageId},
    rights::{Action, may},
    time::Timestamp,
};

use super::{
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{frame_of, html, html_with, see},
    pin::{Pin, pins, said_in},
    when::Moment,
};
use crate::{
    app::App,
    operation::{
        OperationError, Work, channel,
        scene::{Scene, text},
    },
    store,
    web::{
        api::channel::{members, receipts},
        body::{self, Posted},
        problem::WebError,
        session::Caller,
    },
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/channel.html", config = "src/web/askama.toml")]
pub struct ChannelPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// Every channel of the incident.
    pub channels: Vec<ChannelLine>,
    /// The one that is open: its id.
    pub current: String,
    /// Its title.
    pub title: String,
    /// Who is in it: name with post, and when they last looked, or a word instead.
    pub members: Vec<(String, String)>,
    /// What is pinned at its head.
    pub pins: Vec<Pin>,
    /// Oldest first.
    pub messages: Vec<MessageLine>,
    /// Whether the playbook names a form for its activity log.
    pub has_log: bool,
    /// Whether this reader may write.
    pub may_write: bool,
    /// What was typed and could not be stored, and why.
    pub typed: String,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// The idempotency key.
    pub once: String,
}

/// One channel.
#[derive(Clone, Debug)]
pub struct ChannelLine {
    /// `chn_…`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Whether outside agencies see it.
    pub outside: bool,
    /// How many are in it.
    pub members: usize,
    /// How many messages this reader has not read.
    pub unread: usize,
}

/// One message.
#[derive(Clone, Debug)]
pub struct MessageLine {
    /// `msg_…`.
    pub id: String,
    /// When.
    pub at: Moment,
    /// The day, where it is the first message of one.
    pub day: Option<String>,
    /// Who wrote it; empty for the service itself.
    pub author: String,
    /// The author's post or agency.
    pub post: String,
    /// The channel in which it was said first, where it was relayed.
    pub relayed: Option<String>,
    /// What it says.
    pub text: String,
    /// 指示 or 未確認情報.
    pub mark: Option<Stamp>,
    /// Who has read it: names with clocks.
    pub read: Vec<String>,
    /// Who has not.
    pub unread: Vec<String>,
}

/// A mark on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// 指示
    Order,
    /// 未確認情報
    Unconfirmed,
}

impl Stamp {
    fn from_key(key: &str) -> Option<Self> {
        match key {
            "order" => Some(Self::Order),
            "unconfirmed" => Some(Self::Unconfirmed),
            _ => None,
        }
    }
}

impl MessageLine {
    /// Whether the service wrote it.
    pub fn is_system(&self) -> bool {
        self.author.is_empty()
    }

    /// The names for one line.
    pub fn join(names: &[String], frame: &Frame) -> String {
        names.join(&frame.words.get("list-join"))
    }
}

impl ChannelPage {
    /// `DMATの9人に書く`.
    pub fn placeholder(&self) -> String {
        let values = [("name", self.title.clone().into()), ("n", self.members.len().into())];
        self.frame.words.with("channel-write-to", &values)
    }

    /// The names for one line.
    pub fn join(&self, names: &[String]) -> String {
        MessageLine::join(names, &self.frame)
    }
}

/// `GET /incidents/{id}/channels`: away to the first one.
pub async fn first(app: Data<App>, id: Path<String>) -> Result<HttpResponse, WebError> {
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let channels = store::channel::of_incident(app.store.read(), id).await?;
    let first =
        channels.iter().find(|channel| !channel.outside).or(channels.first()).ok_or(WebError::NotFound)?;
    Ok(see(&format!("/incidents/{id}/channels/{}", ChannelId::new(first.id))))
}

/// `GET /incidents/{id}/channels/{cid}`. Looking is not yet reading: the page that is really seen says so itself.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    Ok(html(&request, &page(&request, &app, &caller, &path).await?))
}

/// `POST …/read`: everything up to now was seen by whoever asks.
pub async fn read(
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    _form: Posted,
) -> Result<HttpResponse, WebError> {
    let work = Work::begin(&app, caller.actor).await?;
    channel::read(work, path.1.parse().map_err(|_| WebError::NotFound)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /incidents/{id}/channels/{cid}`.
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let cid: ChannelId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let text = form.get("text").unwrap_or_default();
    let mark = match (form.get("order").is_some(), form.get("unconfirmed").is_some()) {
        (true, _) => Some("order"),
        (false, true) => Some("unconfirmed"),
        (false, false) => None,
    };
    let once = form.once(&caller);
    let work = Work::begin(&app, caller.actor.clone()).await?;
    match channel::post(work, cid, text, mark, once.as_ref(), |_| String::new()).await {
        Ok(_) => Ok(see(&format!("/incidents/{}/channels/{}#say", path.0, path.1))),
        Err(OperationError::Invalid(found)) => {
            let mut page = page(&request, &app, &caller, &path).await?;
            page.typed = text.to_owned();
            page.problem = found.first().map(|invalid| invalid.detail.get(page.frame.words.0).to_owned());
            Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    path: &(String, String),
) -> Result<ChannelPage, WebError> {
    let id: IncidentId = path.0.parse().map_err(|_| WebError::NotFound)?;
    let cid: ChannelId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let db = app.store.read();
    let row = store::channel::get(db, cid).await?;
    if row.incident_id != id.raw() {
        return Err(WebError::NotFound);
    }
    let scene = Scene::load(app, db, id).await?;
    let language = body::language(request);
    let office = scene.directory.office().get(language).to_owned();
    let frame = frame_of(request, app, caller, Room::Incidents, office);
    let mut channels = Vec::new();
    for other in store::channel::of_incident(db, id).await? {
        let other_id = ChannelId::new(other.id);
        let readers = store::channel::readers(db, other_id).await?;
        let read_to = readers
            .iter()
            .find(|reader| reader.reader == caller.actor.id)
            .map_or(0, |reader| reader.read_at_ms);
        let messages = store::channel::messages(db, other_id, None, facts::ALL).await?;
        let unread = messages.iter().filter(|m| m.at_ms > read_to && m.author != caller.actor.id).count();
        channels.push(ChannelLine {
            id: other_id.to_string(),
            title: text(&other.title).get(language).to_owned(),
            outside: other.outside,
            members: members(app, &scene, &other).await?.len(),
            unread: if other_id == cid { 0 } else { unread },
        });
    }
    let readers = store::channel::readers(db, cid).await?;
    let belonging = members(app, &scene, &row).await?;
    let mut day = String::new();
    let mut messages = Vec::new();
    for message in store::channel::messages(db, cid, None, facts::ALL).await? {
        let at = Timestamp(message.at_ms);
        let (read, unread) = receipts(&message, &readers, &belonging);
        let its_day = frame.when.day(at);
        messages.push(MessageLine {
            id: MessageId::new(message.id).to_string(),
            at: frame.when.moment(at),
            day: (its_day != day).then(|| its_day.clone()),
            author: if message.author == "system" { String::new() } else { message.author_name.clone() },
            post: message.organisation.clone(),
            relayed: said_in(app, &message, language).await?.map(|title| frame.named("relay-from", &title)),
            text: text(&message.text).get(language).to_owned(),
            mark: message.mark.as_deref().and_then(Stamp::from_key),
            read,
            unread,
        });
        day = its_day;
    }
    let seen = |actor: &str| match readers.iter().find(|reader| reader.reader == actor) {
        Some(reader) => frame.when.short(Timestamp(reader.read_at_ms)),
        None => frame.words.get("channel-never"),
    };
    let may_talk = caller.actor.role.is_some_and(|role| may(role, Action::Talk, false));
    Ok(ChannelPage {
        head: facts::head(app, &scene, caller, &frame, Tab::Channels).await?,
        channels,
        current: cid.to_string(),
        title: text(&row.title).get(language).to_owned(),
        members: belonging.iter().map(|(actor, name)| (name.clone(), seen(actor))).collect(),
        messages,
        pins: pins(app, &scene, &row, &frame).await?,
        has_log: scene.playbook.channel(&row.key).is_some_and(|plan| plan.activity_log.is_some()),
        may_write: may_talk && scene.is_open(),
        typed: String::new(),
        problem: None,
        once: app.chance.token(),
        frame,
    })
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{at, frame, head, keep},
        *,
    };

    #[test]
    fn a_channel_names_those_who_have_not_read() {
        for (language, drill) in [(Language::Ja, false), (Language::En, true)] {
            let frame = frame(language, Room::Incidents);
            let message =
                |clock: &str, author: &str, post: &str, text: &str, read: &[&str], unread: &[&str]| {
                    MessageLine {
                        id: format!("msg_{clock}"),
                        at: frame.when.moment(at(clock)),
                        day: None,
                        author: author.into(),
                        post: post.into(),
                        relayed: (author == "村上").then(|| "#DMAT から".into()),
                        text: text.into(),
                        mark: (author == "佐藤").then_some(Stamp::Order),
                        read: read.iter().map(|name| (*name).to_owned()).collect(),
                        unread: unread.iter().map(|name| (*name).to_owned()).collect(),
                    }
                };
            let mut messages = vec![
                message("03:14:00", "", "", "待機・出動照会 第1報を5機関へ送りました。", &[], &[]),
                message(
                    "03:21:00",
                    "村上",
                    "松原大学病院DMAT",
                    "2隊で出ます。統括DMAT登録者が1名います。",
                    &["佐藤", "伊藤"],
                    &[],
                ),
                message(
                    "03:33:00",
                    "佐藤",
                    "本部長",
                    "参集拠点は若葉総合運動公園です。\n派遣要請が出るまで出発しないでください。",
                    &["村上 03:33", "岡 03:34"],
                    &["岬医療センター DMAT", "潮見第一病院 野口"],
                ),
            ];
            messages[0].day = Some(frame.when.day(frame.when.now));
            let channel = |id: &str, title: &str, outside, members, unread| ChannelLine {
                id: id.into(),
                title: title.into(),
                outside,
                members,
                unread,
            };
            let page = ChannelPage {
                head: head(language, drill, Tab::Channels),
                channels: vec![
                    channel("chn_1", "指揮本部", false, 4, 1),
                    channel("chn_2", "DMAT", true, 9, 0),
                    channel("chn_3", "消防", true, 5, 0),
                    channel("chn_4", "医師会", true, 4, 2),
                ],
                current: "chn_2".into(),
                title: "DMAT".into(),
                members: vec![
                    ("佐藤　本部長".into(), "03:47".into()),
                    ("当直室　岬医療センター".into(), "未開封".into()),
                ],
                messages,
                pins: vec![Pin {
                    key: "ack_board".into(),
                    title: "応答".into(),
                    href: Some("/incidents/inc_1".into()),
                    lines: vec![("DMAT指定医療機関".into(), "回答 4/5".into())],
                    ..Pin::default()
                }],
                has_log: true,
                may_write: true,
                typed: String::new(),
                problem: None,
                once: "0192".into(),
                frame,
            };
            let html = keep(&format!("channel-{}", language.key()), page.render().unwrap());
            assert!(html.contains("岬医療センター DMAT、潮見第一病院 野口") || language == Language::En);
            assert!(!html.contains("style="));
        }
    }
}
