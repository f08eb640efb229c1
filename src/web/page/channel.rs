//! `/incidents/{id}/channels/{cid}`: talk as a ruled log, with who has read and who has not.

use askama::Template;

use super::{
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    when::Moment,
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
    /// Oldest first.
    pub messages: Vec<MessageLine>,
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
    /// What it says.
    pub text: String,
    /// Who has read it: names with clocks.
    pub read: Vec<String>,
    /// Who has not.
    pub unread: Vec<String>,
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
                        text: text.into(),
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
