//! What may start a playbook, as the file says it.

use chrono_tz::Tz;
use serde_json::Value;

use super::PartyRef;
use crate::time::Span;

/// One way in: a source, the conditions under which it counts, and what happens then.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// Readable key, unique in its playbook; a webhook's is the last part of its address.
    pub key: String,
    /// Who rings.
    pub source: Source,
    /// Who may start it by hand, or decide about what it holds, besides administrators and commanders: `roster.…` or
    /// `role:…`.
    pub allow: Vec<PartyRef>,
    /// Whether the starter types the playbook's title.
    pub confirm_title: bool,
    /// What an event does; `suggest` where the file says nothing.
    pub mode: Mode,
    /// All of them have to hold.
    pub when: Vec<EventTest>,
    /// How the same happening is recognised when it is told again.
    pub dedupe: Option<Dedupe>,
    /// When it rings by itself.
    pub schedule: Option<Schedule>,
    /// How a program's call is understood.
    pub webhook: Option<Hook>,
}

impl Trigger {
    /// Whether a person starts it, and nothing else does.
    pub fn is_manual(&self) -> bool {
        self.source == Source::Manual
    }
}

/// Who rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A person.
    Manual,
    /// Earthquake bulletins of the Japan Meteorological Agency.
    JmaEarthquake,
    /// Tsunami bulletins of the Japan Meteorological Agency.
    JmaTsunami,
    /// A program that signs its calls.
    Webhook,
    /// The calendar.
    Schedule,
    /// Common Alerting Protocol.
    Cap,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 6] =
        [Self::Manual, Self::JmaEarthquake, Self::JmaTsunami, Self::Webhook, Self::Schedule, Self::Cap];

    /// The word in file, table and API.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::JmaEarthquake => "jma.earthquake",
            Self::JmaTsunami => "jma.tsunami",
            Self::Webhook => "webhook",
            Self::Schedule => "schedule",
            Self::Cap => "cap",
        }
    }

    /// Reads the word.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.key() == key)
    }
}

/// What an event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is put before the people on duty, who start it or do not.
    Suggest,
    /// It is opened and held: the people on duty stop it or speed it up, and silence does what the file says.
    OpenAndHold {
        /// How long.
        hold: Span,
        /// What silence means.
        on_timeout: OnTimeout,
    },
    /// It is opened and sent at once.
    OpenAndSend,
}

impl Mode {
    /// The word in the file.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Suggest => "suggest",
            Self::OpenAndHold { .. } => "open_and_hold",
            Self::OpenAndSend => "open_and_send",
        }
    }
}

/// What silence means at the end of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTimeout {
    /// It is sent.
    Send,
    /// It waits as a proposal.
    Suggest,
}

/// A condition about one value of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTest {
    /// Name of the value.
    pub name: String,
    /// What it has to be.
    pub bound: Bound,
}

/// What a value has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Compared with a value of the file.
    Compare(Comparison, Value),
    /// One of these.
    Among(Among),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The same.
    Eq,
    /// Not the same.
    Ne,
    /// Not less.
    Gte,
    /// More.
    Gt,
    /// Not more.
    Lte,
    /// Less.
    Lt,
    /// A list that has it, a text that contains it.
    Contains,
}

impl Comparison {
    /// Every comparison with its word in the file.
    pub const ALL: [(&'static str, Self); 7] = [
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("gte", Self::Gte),
        ("gt", Self::Gt),
        ("lte", Self::Lte),
        ("lt", Self::Lt),
        ("contains", Self::Contains),
    ];
}

/// A list to be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Among {
    /// A list of the directory's site block.
    Site(String),
    /// These words.
    Words(Vec<String>),
}

/// How the same happening is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dedupe {
    /// The name of the value that it has in common, without `trigger.`.
    pub by: String,
    /// For how long after an opening.
    pub window: Span,
    /// What an event does that is the same.
    pub then: Again,
}

/// What an event does that tells of the same happening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It is noted in the incident that is there.
    Attach,
    /// It is listed and nothing more.
    Ignore,
    /// It opens another incident.
    Open,
}

/// When it rings by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// RFC 5545, section 3.3.10.
    pub rrule: String,
    /// Wall time of the rule; the site's where absent.
    pub zone: Option<Tz>,
}

/// How a program's call is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The name of its secrets in the configuration: `hooks.<name>`.
    pub secret: String,
    /// Names of values, and where they stand in the body (RFC 6901).
    pub map: Vec<(String, String)>,
}
