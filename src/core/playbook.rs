//! The checked playbook: what the engine and the pages work with.
//!
//! Made by [`read`] from YAML; a value of these types has been checked, so that the engine never has to ask
//! again whether a reference leads somewhere. Parts that an alert needs for its whole life ([`AlertPlan`],
//! [`ResponseOption`], [`Ladder`]) can be written to JSON: an alert keeps the rule it was raised with.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{form::Form, problem::Position, text::Text, time::Span};

mod check;
mod closing;
pub mod difference;
mod lines;
pub mod preflight;
mod reports;
pub(crate) mod syntax;
mod tasks;
mod triggers;

pub use crate::document::Waiver;
pub(crate) use check::overdue;
pub use check::{Neighbour, Site};
pub use closing::{CloseWhen, Metric, Metrics};
pub use lines::Lines;
pub use reports::{IfMissed, ReportPlan, Stretch};
pub use syntax::{built_in_forms, check, read, read_checked};
pub use tasks::{Anchor, Due, IncidentMoment, TaskGroup, TaskPlan, Test, When};
pub use triggers::{
    Again, Among, Bound, Comparison, Dedupe, EventTest, Hook, Mode, OnTimeout, Schedule, Source, Trigger,
};

/// A playbook without errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Playbook {
    /// Readable key, unique in a site: `eq-6upper-initial`.
    pub key: String,
    /// The author's label of this version: `3.2.0`.
    pub version: String,
    /// Title for people.
    pub title: Text,
    /// Who keeps it, where given.
    pub owner: Option<String>,
    /// When it was last reviewed, where given.
    pub reviewed_on: Option<NaiveDate>,
    /// How often it has to be reviewed, where given.
    pub review_every: Option<Span>,
    /// Plans and rules it rests on.
    pub basis: Vec<String>,
    /// What it needs from the directory; `None` where the block is absent.
    pub requires: Option<Requires>,
    /// In file order.
    pub variables: Vec<Variable>,
    /// At least one, in file order.
    pub triggers: Vec<Trigger>,
    /// At least one, in file order.
    pub roles: Vec<Role>,
    /// At least one, in file order.
    pub channels: Vec<ChannelPlan>,
    /// In file order.
    pub response_sets: Vec<ResponseSet>,
    /// In file order.
    pub ladders: Vec<NamedLadder>,
    /// At least one, in file order.
    pub alerts: Vec<AlertPlan>,
    /// In file order.
    pub tasks: Vec<TaskGroup>,
    /// In file order.
    pub reports: Vec<ReportPlan>,
    /// How it is closed; all fields may be absent.
    pub close: ClosePlan,
    /// How it is cancelled.
    pub cancel: CancelPlan,
    /// Whether and how it may be drilled.
    pub drills: DrillPlan,
    /// Forms of its own, beside the built-in ones.
    pub forms: Vec<Form>,
    /// Warnings the author waives, with reasons.
    pub waive: Vec<Waiver>,
    /// Where each of its named things stands in the file.
    pub lines: Lines,
}

impl Playbook {
    /// The alert of this key.
    pub fn alert(&self, key: &str) -> Option<&AlertPlan> {
        self.alerts.iter().find(|alert| alert.key == key)
    }

    /// The role of this key.
    pub fn role(&self, key: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.key == key)
    }

    /// The channel of this key.
    pub fn channel(&self, key: &str) -> Option<&ChannelPlan> {
        self.channels.iter().find(|channel| channel.key == key)
    }

    /// The response options of this set; none where the set is unknown.
    pub fn responses(&self, key: &str) -> &[ResponseOption] {
        self.response_sets.iter().find(|set| set.key == key).map_or(&[], |set| &set.options)
    }

    /// The task of this key.
    pub fn task(&self, key: &str) -> Option<&TaskPlan> {
        self.task_plans().find(|task| task.key == key)
    }

    /// Every task, in file order.
    pub fn task_plans(&self) -> impl Iterator<Item = &TaskPlan> {
        self.tasks.iter().flat_map(|group| &group.items)
    }

    /// The report of this key.
    pub fn report(&self, key: &str) -> Option<&ReportPlan> {
        self.reports.iter().find(|report| report.key == key)
    }

    /// The ladder of this key.
    pub fn ladder(&self, key: &str) -> Option<&Ladder> {
        self.ladders.iter().find(|ladder| ladder.key == key).map(|ladder| &ladder.ladder)
    }
}

/// The contract with the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requires {
    /// Agency keys.
    pub agencies: Vec<String>,
    /// Roster keys.
    pub rosters: Vec<String>,
    /// Transport keys.
    pub transports: Vec<String>,
    /// Keys of role accounts (当直師長).
    pub role_accounts: Vec<String>,
}

/// A value that the texts may use.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// The name in templates.
    pub key: String,
    /// What it may hold.
    pub kind: VariableKind,
    /// Where it comes from by itself: `trigger.…` or `site.…`.
    pub from: Option<String>,
    /// Whether a start without it is refused.
    pub required: bool,
    /// What stands there when nothing is given; in the words of the file.
    pub default: Option<serde_json::Value>,
    /// Its options and its default as the file says them in other languages; kept is the Japanese.
    pub words: Vec<Text>,
    /// The question to the person who starts.
    pub ask: Option<Text>,
    /// Longest text, in characters.
    pub max: Option<u32>,
}

/// The type of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableKind {
    /// Free words.
    Text,
    /// A whole number.
    Int,
    /// One of these.
    Enum(Vec<String>),
    /// A moment, RFC 3339 or the forms that people type.
    Datetime,
    /// A telephone number, kept as typed.
    Phone,
    /// Several texts.
    List,
    /// `1 2 3 4 5- 5+ 6- 6+ 7`.
    JmaIntensity,
}

/// A chair that a person fills.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// Readable key.
    pub key: String,
    /// Title for people.
    pub title: Text,
    /// Who is asked, in order: `roster.…` or `role:…`.
    pub fill_from: Vec<PartyRef>,
    /// How long an offer stands.
    pub accept_within: Span,
}

/// A place where people of the incident talk.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelPlan {
    /// Readable key.
    pub key: String,
    /// Title for people.
    pub title: Text,
    /// Whether outside agencies see it.
    pub outside: bool,
    /// Who belongs to it.
    pub members: Vec<Member>,
    /// The channel that hears what is said here.
    pub relay_to: Option<String>,
    /// What is pinned at its head.
    pub pins: Vec<String>,
    /// Form of the activity log, where given.
    pub activity_log: Option<String>,
}

/// A member of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Member {
    /// `role:*`: every role of the playbook.
    EveryRole,
    /// One party.
    Party(PartyRef),
}

/// Somebody, by readable key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyRef {
    /// `agency:…`: an agency, or a group that stands for its members.
    Agency(String),
    /// `role:…`: its holder.
    Role(String),
    /// `roster.…`: each member on duty.
    Roster(String),
}

impl std::fmt::Display for PartyRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Agency(key) => write!(f, "agency:{key}"),
            Self::Role(key) => write!(f, "role:{key}"),
            Self::Roster(key) => write!(f, "roster.{key}"),
        }
    }
}

/// Named buttons of an answer page.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseSet {
    /// Readable key.
    pub key: String,
    /// In the order of the page.
    pub options: Vec<ResponseOption>,
}

/// One button.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResponseOption {
    /// Readable key, unique in its set.
    pub key: String,
    /// Words on the button.
    pub label: Text,
    /// What it says.
    pub meaning: Meaning,
    /// Whether it counts as an acknowledgement or only as "read".
    pub counts_as: CountsAs,
    /// What is asked with it.
    pub ask: Vec<Ask>,
    /// Shown only after this option was chosen.
    pub after: Option<String>,
    /// How often it wants to be refreshed.
    pub refresh_every: Option<Span>,
    /// The on-demand task that it opens.
    pub opens_task: Option<String>,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// Yes.
    Accept,
    /// No.
    Decline,
    /// When they arrive.
    Arrival,
    /// Seen; an answer follows.
    Seen,
    /// A question to the sender.
    Question,
}

/// How far an answer goes as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountsAs {
    /// An acknowledgement.
    Ack,
    /// Only that it was read.
    Read,
}

/// One field of an answer or a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The name of the form field.
    pub key: String,
    /// Words beside it.
    pub label: Text,
    /// What it takes.
    pub kind: AskKind,
    /// Whether it must be filled.
    pub required: bool,
}

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskKind {
    /// Words, up to so many characters.
    Text {
        /// Longest, in characters; 500 where the file does not say.
        max: u32,
    },
    /// A whole number.
    Int {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A time of day (`05:40`) or a distance (`+90m`, `90分後`).
    Time,
    /// One of these.
    Choice {
        /// In the order of the page.
        options: Vec<Text>,
    },
    /// Yes or no.
    Bool,
    /// A telephone number, kept as typed.
    Phone,
    /// A number with decimals.
    Number,
    /// A photo (kept for tasks).
    Photo,
}

/// A ladder with its key.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedLadder {
    /// Readable key.
    pub key: String,
    /// The steps.
    pub ladder: Ladder,
}

/// What happens while somebody is silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// Ascending; the last one is a decision.
    pub steps: Vec<Step>,
    /// What ends it.
    pub stop_on: Vec<StopOn>,
}

/// What ends a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopOn {
    /// Evidence `opened`, or any answer.
    Read,
    /// An answer that counts as an acknowledgement.
    Acked,
    /// An accept or a decline.
    Responded,
    /// The alert was superseded (closed, cancelled, quorum reached, corrected).
    Superseded,
    /// The incident is over.
    IncidentClosed,
}

/// One step of a ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Distance from the first try of the first letter.
    pub at: Span,
    /// The step is taken only while this holds; `None` is always (only with `decide`).
    pub condition: Option<Condition>,
    /// What is done.
    pub action: Action,
    /// Where it stands in the file, line from 1: the timetable names it.
    pub line: u32,
}

/// When a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// No evidence of `opened`, and no answer.
    Unread,
    /// No acknowledgement.
    Unacked,
    /// No accept or decline.
    Unresponded,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The letter again.
    Resend {
        /// To whom.
        to: Target,
        /// By which transports.
        via: Vec<String>,
    },
    /// The letter to somebody else.
    Notify {
        /// To whom.
        to: Target,
        /// By which transports.
        via: Vec<String>,
    },
    /// A person is asked to telephone and to type in the answer.
    Call {
        /// Who telephones.
        to: Target,
        /// What they are asked, where given.
        ask: Option<Text>,
    },
    /// A person decides. Always the last step.
    Decide {
        /// Who decides.
        to: Target,
        /// What they can decide.
        options: Vec<DecideOption>,
    },
}

/// Whom a step speaks to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The recipient's primary contact.
    Same,
    /// The recipient's alternate contact.
    Alternate,
    /// Somebody else.
    Party(PartyRef),
}

/// One way to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideOption {
    /// Words on the button; the API takes the Japanese ones, word for word.
    pub label: Text,
    /// What follows.
    pub then: Then,
}

/// What a decision does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The ladder is over.
    End,
    /// The decision comes back after a while.
    Extend {
        /// After so long.
        by: Span,
    },
    /// Somebody else decides.
    Raise {
        /// Who.
        to: PartyRef,
    },
}

/// An alert as the author planned it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertPlan {
    /// Readable key.
    pub key: String,
    /// What raises it; `None` where only `close` or `cancel` name it.
    pub send: Option<SendOn>,
    /// Who gets it.
    pub to: Vec<PartyRef>,
    /// By which transports, all of them at once.
    pub via: Vec<String>,
    /// The channel it belongs to; `None` is `command`, or the first internal one.
    pub channel: Option<String>,
    /// How urgent.
    pub severity: Urgency,
    /// Subject line, a template.
    pub subject: Text,
    /// Body, a template.
    pub body: Text,
    /// The short form, a template.
    pub sms: Option<Text>,
    /// Documents that go with it: the answer page offers them.
    pub attach: Vec<Attachment>,
    /// The response set.
    pub responses: Option<String>,
    /// What must come back, and by when.
    pub ack: AckRule,
    /// The ladder; `None` with `ack: none`.
    pub ladder: Option<String>,
    /// What those still waiting are told when the quorum is reached.
    pub stand_down: Option<StandDown>,
}

/// A document that goes with an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The file, counted from the folder of the playbook's file: `maps/staging.pdf`.
    pub name: String,
    /// Where the playbook names it.
    pub at: Position,
    /// The way to that place.
    pub path: String,
}

impl Attachment {
    /// The name that its reader sees: `staging.pdf`.
    pub fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

/// The words for those who are no longer needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandDown {
    /// Subject line, a template.
    pub subject: Text,
    /// Body, a template.
    pub body: Text,
    /// The short form, a template.
    pub sms: Option<Text>,
}

/// The event that raises an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendOn {
    /// Which event.
    pub event: IncidentEvent,
    /// How long after it.
    pub delay: Span,
}

/// What happens to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IncidentEvent {
    /// `incident.activated`
    Activated,
    /// `incident.stabilised`
    Stabilised,
    /// `incident.closing`
    Closing,
    /// `incident.cancelled`
    Cancelled,
}

/// How urgent an alert is; sets the longest time to a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// First in every queue.
    Critical,
    /// The ordinary one.
    #[default]
    High,
    /// Can wait behind the others.
    Normal,
}

/// What must come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AckRule {
    /// Nothing, and why.
    None {
        /// The author's reason.
        because: Text,
    },
    /// An answer.
    Required {
        /// Who counts.
        unit: Unit,
        /// When it should have been read.
        read_by: Option<Span>,
        /// When it should have been acknowledged.
        ack_by: Option<Span>,
        /// When it should have been answered.
        respond_by: Option<Span>,
        /// How many answers are enough.
        quorum: Quorum,
    },
}

/// Who counts as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The first answer of anybody at the agency.
    #[default]
    Agency,
    /// Each person.
    Person,
}

/// How many answers are enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quorum {
    /// Everybody.
    #[default]
    All,
    /// One acknowledgement of anybody.
    Any,
    /// So many accepting answers, or teams.
    Accept {
        /// How many.
        n: u32,
        /// Of what.
        count: Count,
    },
}

/// What a quorum counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// Accepting answers.
    #[default]
    Answers,
    /// The sum of the field `teams`.
    Teams,
}

/// How an incident is closed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClosePlan {
    /// The proposal's conditions as they stand in the file.
    pub propose_when: Option<CloseWhen>,
    /// The role that approves.
    pub approve: Option<String>,
    /// Alerts that closing raises.
    pub alerts: Vec<String>,
    /// Days until the review, where given.
    pub review_due: Option<Span>,
}

/// How an incident is cancelled.
#[derive(Clone, Debug, PartialEq)]
pub struct CancelPlan {
    /// Roles that may cancel besides administrators and commanders.
    pub allow: Vec<String>,
    /// Whether a reason must be given.
    pub require_reason: bool,
    /// The alert that cancelling raises.
    pub alert: Option<String>,
}

/// Whether and how it may be drilled.
#[derive(Clone, Debug, PartialEq)]
pub struct DrillPlan {
    /// Whether a drill may start.
    pub allowed: bool,
    /// Words the author adds to the service's mark.
    pub subject_prefix: Option<Text>,
    /// First words of the body, added to the service's.
    pub body_top: Option<Text>,
    /// Last words of the body, added to the service's.
    pub body_bottom: Option<Text>,
}

#[cfg(test)]
mod shipped;
#[cfg(test)]
mod tests;
