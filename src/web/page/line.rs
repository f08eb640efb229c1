//! A line of a list of things to open: the whole line is the target.

use super::mark::Mark;

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its shape.
    pub mark: Option<Mark>,
    /// Where it leads.
    pub href: String,
    /// Its words.
    pub words: String,
    /// Small words under them.
    pub detail: String,
    /// What stands at the end: how many, how long.
    pub end: String,
    /// 実災害 or 訓練, where it matters.
    pub mode: Option<Mode>,
}

/// Live or drill. Never a tag only: the words before a drill's title say it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 実災害
    Live,
    /// 訓練
    Drill,
}

impl Mode {
    /// As in forms and the API.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Drill => "drill",
        }
    }

    /// Reads the key.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Live, Self::Drill].into_iter().find(|mode| mode.key() == key)
    }

    /// Whether it is a drill.
    pub const fn is_drill(self) -> bool {
        matches!(self, Self::Drill)
    }
}
