//! What stands around every page of the house: head, navigation, languages, files.

use std::borrow::Borrow;

use noroshi_core::text::Language;

use super::{
    answer::{lang, language_key},
    asset,
    mark::Mark,
    when::{Moment, When},
};
use crate::i18n::Words;

/// `Content-Security-Policy` of every page but the recipient's: nothing from elsewhere, nothing inline.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                          frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The room of the house that a page belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// `/`
    #[default]
    Home,
    /// `/incidents` and what lies under it.
    Incidents,
    /// `/directory`
    Directory,
    /// `/rosters`
    Rosters,
    /// `/status`
    Status,
    /// `/inbox`
    Inbox,
}

/// What every page knows. Made once for each request.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The reader's words.
    pub words: Words,
    /// Now, and the site's zone.
    pub when: When,
    /// The head office's name, from the directory's title.
    pub office: String,
    /// Who is signed in; empty on the pages before that.
    pub person: String,
    /// The token of every form.
    pub csrf: String,
    /// Where we are.
    pub room: Room,
    /// Rosters that have nobody on duty at some time of the fortnight ahead.
    pub gaps: usize,
    /// Whether the demo's inbox is there.
    pub demo: bool,
    /// Whether a drill runs while the page belongs to no incident: live pages then say 【実災害】.
    pub notice: Option<String>,
}

impl Frame {
    /// A frame without notice.
    pub fn new(when: When, office: String, person: String, csrf: String, room: Room) -> Self {
        Self { words: when.words, when, office, person, csrf, room, gaps: 0, demo: false, notice: None }
    }

    /// The attribute `lang`.
    pub fn lang(&self) -> &'static str {
        lang(self.words.0)
    }

    /// The clock of the page.
    pub fn now(&self) -> Moment {
        self.when.moment(self.when.now)
    }

    /// `12:05`, without the day.
    pub fn clock(&self) -> String {
        self.when.clock(self.when.now)
    }

    /// Day and clock of the page.
    pub fn day_and_clock(&self) -> String {
        self.when.day_and_clock(self.when.now)
    }

    /// The address of a file that pages share.
    pub fn asset(&self, name: &str) -> &'static str {
        asset::address(name)
    }

    /// Every shape, for the sprite.
    pub fn marks(&self) -> [Mark; Mark::ALL.len()] {
        Mark::ALL
    }

    /// Key, name, `lang`, and whether it is this page's language.
    pub fn languages(&self) -> [(&'static str, &'static str, &'static str, bool); 2] {
        let now = language_key(self.words.0);
        [("ja", "日本語", "ja"), ("en", "English", "en")]
            .map(|(key, name, lang)| (key, name, lang, key == now))
    }

    /// Words with one number.
    pub fn count(&self, key: &str, n: impl Borrow<usize>) -> String {
        self.words.with(key, &[("n", (*n.borrow()).into())])
    }

    /// Words with one name.
    pub fn named(&self, key: &str, name: &str) -> String {
        self.words.with(key, &[("name", name.to_owned().into())])
    }

    /// The pattern of a distance for the ticking script, with `%` for the length: `%後`.
    pub fn pattern(&self, key: &str) -> String {
        self.words.with(key, &[("span", "%".into())])
    }

    /// The units for the ticking script, with `%` for the number: `%秒|%分|%時間|%日|` and what joins two.
    pub fn units(&self) -> String {
        let unit = |key: &str| self.words.with(key, &[("n", "%".into())]);
        let join = if self.words.0 == Language::En { " " } else { "" };
        ["when-seconds", "when-minutes", "when-hours", "when-days"].map(unit).join("|") + "|" + join
    }
}
