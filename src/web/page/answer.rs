//! `/a/{token}`: the recipient's page. For somebody in a corridor, without an account, without script.
//!
//! One struct knows every state of the page: asked, answered, late, changed, no longer needed, over. It carries its own
//! style and script so that it arrives whole, and stays below [`WEIGHT_LIMIT`]. Nothing is preselected and nothing is
//! `required`: the server asks again and keeps what was typed.
//!
//! Options may share a field (隊数 for "can go" and "can go if …"). A shared field stands once and is shown for every
//! option that uses it, by sibling selectors; so it is posted once, under its bare key. Two options that use one key
//! for different questions get fields with the option's key in front (`conditional.teams`), which the server reads
//! first.

use askama::Template;
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use super::{mark::Mark, when::Moment};
use crate::i18n::Words;

/// The most that the page may weigh, uncompressed, with its style and script.
pub const WEIGHT_LIMIT: usize = 14_000;

const STYLE: &str = include_str!("../static/answer.css");
const SCRIPT: &str = include_str!("../static/answer.js");

mod form;
mod language;

pub use form::{AnswerForm, Chip, Choice, Field, FieldKind, FollowUp, Typed};
pub use language::{LANGUAGES, lang, language_key, language_of_key};

/// What the recipient's page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/answer.html", config = "src/web/askama.toml")]
pub struct AnswerPage {
    /// In the recipient's language, or the one picked by `?lang=`.
    pub words: Words,
    /// From the address; the forms post to it.
    pub token: String,
    /// Whether it is a drill.
    pub drill: bool,
    /// The head office's name.
    pub office: String,
    /// The recipient's name: an agency or a person.
    pub recipient: String,
    /// The letter's subject, without the drill mark.
    pub subject: String,
    /// The incident's short number.
    pub incident: u32,
    /// Which report of this alert it is, from 1.
    pub number: u32,
    /// When the letter was sent.
    pub sent: Option<Moment>,
    /// The clock of this page: `03:16`.
    pub now_clock: String,
    /// Until when an answer is wanted; none where no answer is asked for, and after an answer.
    pub deadline: Option<Deadline>,
    /// The letter's body.
    pub lines: Vec<Line>,
    /// Documents that go with the letter, by their file names.
    pub documents: Vec<String>,
    /// What stands above everything else.
    pub notice: Option<Notice>,
    /// The answer that is stored.
    pub stored: Option<Stored>,
    /// The buttons; none when the incident is over.
    pub form: Option<AnswerForm>,
    /// Until when the stored answer wants to be told again, in a sentence.
    pub refresh: Option<String>,
    /// What may be told after the stored answer: 到着予定.
    pub follow_ups: Vec<FollowUp>,
    /// The desk's telephone number.
    pub phone: Option<String>,
    /// Whether "I am no longer in charge" may still be told.
    pub may_report_address: bool,
    /// The token of what has taken this one's place.
    pub onward: Option<String>,
}

/// Until when an answer is wanted.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// The moment.
    pub at: Moment,
    /// `あと28分`, or that it is over and an answer is still taken.
    pub left: String,
}

/// A line of the letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// `参集拠点: 若葉総合運動公園`.
    Fact(String, String),
    /// Any other words.
    Words(String),
}

/// A piece of the letter as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A small table.
    Facts(Vec<(String, String)>),
    /// A paragraph.
    Words(String),
}

/// What has just happened, or why nothing is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The answer was stored at this clock.
    Taken(String),
    /// The answer was stored after the deadline, at this clock.
    TakenLate(String),
    /// What was pressed was perhaps pressed by a mail scanner: it wants to be pressed again.
    Suspect,
    /// Only "seen" is stored, at this clock: an answer is still wanted.
    Seen(String),
    /// What was sent is not an answer yet: something is missing or not understood.
    NotTaken,
    /// An answer is no longer needed: enough have answered, or the alert was replaced.
    StoodDown,
    /// The incident goes on as another one: its name.
    Merged(String),
    /// A newer alert has taken this one's place.
    Superseded,
    /// A person has decided without an answer; an answer is still taken.
    Decided,
    /// A notice that asks for nothing.
    NothingAsked,
    /// The incident was closed at this clock.
    Closed(String),
    /// The incident was cancelled, with the reason.
    Cancelled(String),
    /// "I am no longer in charge" was stored.
    AddressReported,
}

/// The answer as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its shape.
    pub mark: Mark,
    /// Its words.
    pub label: String,
    /// The first figure: `2`.
    pub figure: String,
    /// The fields, the note, who answered.
    pub facts: Vec<(String, String)>,
}

/// The letter's body as lines; `名: 値` at the head of a line or after a wide blank becomes a fact.
pub fn lines(body: &str) -> Vec<Line> {
    body.lines()
        .flat_map(|line| line.split('\u{3000}'))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let pair =
                line.split_once(": ").or_else(|| line.split_once('：')).or_else(|| line.split_once(":　"));
            match pair {
                Some((name, value)) if name.chars().count() <= 10 && !value.trim().is_empty() => {
                    Line::Fact(name.trim().to_owned(), value.trim().to_owned())
                }
                _ => Line::Words(line.to_owned()),
            }
        })
        .collect()
}

impl AnswerPage {
    /// `lang` of the page.
    pub fn lang(&self) -> &'static str {
        lang(self.words.0)
    }

    /// The other languages: key, own name, `lang`.
    pub fn other_languages(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        LANGUAGES.into_iter().filter(|(key, ..)| *key != language_key(self.words.0)).collect()
    }

    /// The language's key, for the addresses of the forms.
    pub fn language(&self) -> &'static str {
        language_key(self.words.0)
    }

    /// The whole style: what is common, and which fields belong to which button.
    pub fn style(&self) -> String {
        let buttons = self.form.as_ref().map_or(0, |form| form.choices.len());
        let shown: Vec<String> = (0..buttons).map(|n| format!("#o{n}:checked~.f{n}")).collect();
        match shown.is_empty() {
            true => STYLE.to_owned(),
            false => format!("{STYLE}{}{{display:block}}", shown.join(",")),
        }
    }

    /// The script: tells that the page was looked at. Only while that still says something.
    pub fn script(&self) -> Option<&'static str> {
        (self.stored.is_none() && self.form.is_some()).then_some(SCRIPT)
    }

    /// `Content-Security-Policy` of this page: its own style and script and nothing else.
    pub fn policy(&self) -> String {
        let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text.as_bytes()));
        format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
            hash(&self.style()),
            hash(SCRIPT),
        )
    }

    /// Whether a stored answer may still be changed here.
    pub fn may_change(&self) -> bool {
        self.form.is_none()
            && !matches!(
                self.notice,
                Some(Notice::Closed(_) | Notice::Cancelled(_) | Notice::Merged(_) | Notice::Superseded)
            )
    }

    /// Whether an answer may be given although none is wanted any more.
    pub fn may_answer_anyway(&self) -> bool {
        self.stored.is_none() && self.form.is_none() && self.notice == Some(Notice::StoodDown)
    }

    /// `第1報　03:14送信、03:16現在`.
    pub fn sent_line(&self) -> String {
        let now = self.words.with("answer-now", &[("clock", self.now_clock.clone().into())]);
        let incident = self.words.with("head-number", &[("n", self.incident.into())]);
        let number =
            format!("{incident}　{}", self.words.with("report-number", &[("n", self.number.into())]));
        match &self.sent {
            Some(sent) => {
                let sent = self.words.with("answer-sent", &[("clock", sent.clock.clone().into())]);
                format!("{number}　{sent}{now}")
            }
            None => number,
        }
    }

    /// The words before the deadline's clock.
    pub fn before_deadline(&self) -> String {
        around(self.words, "answer-by").0
    }

    /// The words after the deadline's clock.
    pub fn after_deadline(&self) -> String {
        around(self.words, "answer-by").1
    }

    /// Whose page it is.
    pub fn only_for(&self) -> String {
        self.words.with("answer-only-for", &[("name", self.recipient.clone().into())])
    }

    /// The letter with its facts gathered into tables.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for line in &self.lines {
            match (line.clone(), blocks.last_mut()) {
                (Line::Fact(name, value), Some(Block::Facts(facts))) => facts.push((name, value)),
                (Line::Fact(name, value), _) => blocks.push(Block::Facts(vec![(name, value)])),
                (Line::Words(text), _) => blocks.push(Block::Words(text)),
            }
        }
        blocks
    }

    /// Head of the notice and its sentence; whether it is a success.
    pub fn notice_words(&self) -> Option<(String, String, bool)> {
        let words = self.words;
        let at = |key: &str, clock: &str| words.with(key, &[("clock", clock.to_owned().into())]);
        let told = match self.notice.as_ref()? {
            Notice::Taken(clock) => (words.get("answer-taken"), at("answer-taken-where", clock), true),
            Notice::TakenLate(clock) => {
                (words.get("answer-taken-late"), at("answer-taken-where", clock), true)
            }
            Notice::Seen(clock) => {
                (words.get("answer-seen-taken"), at("answer-seen-taken-why", clock), false)
            }
            Notice::Suspect => (words.get("doubt-answer"), words.get("doubt-answer-why"), false),
            Notice::NotTaken => return None,
            Notice::StoodDown => (words.get("answer-stood-down"), words.get("answer-stood-down-why"), false),
            Notice::Merged(name) => (
                words.get("answer-merged"),
                words.with("answer-merged-why", &[("name", name.clone().into())]),
                false,
            ),
            Notice::Superseded => (words.get("answer-superseded"), words.get("answer-superseded-why"), false),
            Notice::Decided => (words.get("answer-decided"), words.get("answer-decided-why"), false),
            Notice::NothingAsked => {
                (words.get("answer-nothing-asked"), words.get("answer-nothing-asked-why"), false)
            }
            Notice::Closed(clock) => (words.get("answer-closed"), at("answer-closed-when", clock), false),
            Notice::Cancelled(reason) => (
                words.get("answer-cancelled"),
                words.with("answer-cancelled-why", &[("reason", reason.clone().into())]),
                false,
            ),
            Notice::AddressReported => {
                (words.get("answer-address-reported"), words.get("answer-address-reported-why"), true)
            }
        };
        Some(told)
    }
}

/// The words before and after a clock that has its own element.
pub fn around(words: Words, key: &str) -> (String, String) {
    let whole = words.with(key, &[("clock", "\u{0}".into())]);
    let (before, after) = whole.split_once('\u{0}').unwrap_or((&whole, ""));
    (before.to_owned(), after.to_owned())
}

/// The page of a link that leads nowhere: unknown, revoked and mistyped look alike.
#[derive(Clone, Debug, Template)]
#[template(path = "page/answer_unknown.html", config = "src/web/askama.toml")]
pub struct UnknownLinkPage {
    /// In the site's language, or the one picked by `?lang=`.
    pub words: Words,
}

impl UnknownLinkPage {
    /// `lang` of the page.
    pub fn lang(&self) -> &'static str {
        lang(self.words.0)
    }
}

#[cfg(test)]
mod tests;
