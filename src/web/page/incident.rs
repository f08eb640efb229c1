//! The head of every page of one incident: which, live or drill, since when, who leads, and the tabs.

use noroshi_core::{text::DRILL_MARK, time::Timestamp};

use super::{frame::Frame, when::Moment};

/// The tab that is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The answer board.
    #[default]
    Board,
    /// Tasks and situation reports.
    Tasks,
    /// The channels.
    Channels,
    /// The chronology.
    Chronology,
    /// The letters of a drill.
    Letters,
    /// Closing and cancelling.
    End,
}

/// How far an incident is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It runs.
    #[default]
    Open,
    /// It waits for a person; nobody outside has heard of it.
    Proposed,
    /// It waits for a person, or for the end of its hold; nobody outside has heard of it.
    Held,
    /// It was closed; ladders of the closing letters may still climb.
    Closed,
    /// It was closed and looked back at.
    Reviewed,
    /// It was cancelled.
    Cancelled,
    /// It goes on as another incident.
    Merged,
}

/// What every page of an incident knows about it.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// `inc_…`.
    pub id: String,
    /// Whether it is a drill.
    pub drill: bool,
    /// The short number that people say: 事案12.
    pub number: i32,
    /// Its title, without the drill mark.
    pub title: String,
    /// How far it is.
    pub stage: Stage,
    /// When it was opened.
    pub opened: Moment,
    /// How long ago: `33分`.
    pub elapsed: String,
    /// When it ended, where it has.
    pub ended: Option<Moment>,
    /// Who holds the first role, and what stands beside: `本部長` `佐藤`.
    pub facts: Vec<(String, String)>,
    /// Facts for wide windows: the playbook with its version, the speed of a drill.
    pub more: Vec<(String, String)>,
    /// That a newer version of the playbook is in force, in every window.
    pub newer: Option<String>,
    /// The tab that is open.
    pub tab: Tab,
    /// Answered, of all that are asked.
    pub answered: (usize, usize),
    /// Open tasks, and how many of them are late; with reports that are missing or to be decided.
    pub tasks: (usize, usize),
    /// Whether there is anything to do in it, or may be.
    pub has_duties: bool,
    /// Messages that this reader has not read.
    pub unread: usize,
    /// Entries of the chronology.
    pub entries: usize,
}

impl Head {
    /// When it was opened, and for how long it has run.
    pub fn opened_at(&mut self, frame: &Frame, at: Timestamp, ended: Option<Timestamp>) {
        self.opened = frame.when.moment(at);
        self.ended = ended.map(|ended| frame.when.moment(ended));
        self.elapsed = frame.when.length(ended.unwrap_or(frame.when.now) - at);
    }

    /// The title, with 【訓練】 before it in a drill.
    pub fn full_title(&self) -> String {
        if self.drill { format!("{DRILL_MARK}{}", self.title) } else { self.title.clone() }
    }

    /// The number as words take it.
    pub fn number_for_words(&self) -> usize {
        usize::try_from(self.number).unwrap_or_default()
    }

    /// The class of the body.
    pub fn class(&self) -> &'static str {
        if self.drill { "drill" } else { "live" }
    }

    /// Whether it waits for a person.
    pub fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Proposed | Stage::Held)
    }

    /// Whether it runs.
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }
}
