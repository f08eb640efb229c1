//! The timetable: who would get what, when, by which transport, if it started at a given moment. Nothing is sent.
//!
//! # Cast
//! - [`Plan`]: what is looked at; [`preflight`] makes a [`Timetable`] of it;
//! - `course`: climbs every ladder by the very [`advance`](crate::ladder::advance) that runs an incident, on a virtual
//!   clock that jumps from one due time to the next, and writes down each [`Entry`]; `chairs` does the same for the
//!   roles, `duties` for tasks and situation reports;
//! - `leaving`: when the letters are out of the house, by what the relays take;
//! - `tally`: counts, and who would be woken; `weak`: single points of failure; [`letters`]: the words.
//!
//! # Flow
//! 1. Each alert that the start raises gets its recipients, as the start itself would choose them.
//! 2. Each role is offered to whoever is on duty; each recipient climbs its ladder.
//! 3. Each task falls due whose moment to count from is known, each report of the first [`WINDOW`]; reminders and
//!    decisions follow.
//! 4. Weak points are always looked for on the silent course: it is the one on which every address is needed.
//!
//! Every letter is taken to arrive: a timetable of refused addresses would be shorter, never longer. Deliberately
//! absent: alerts of closing and cancelling, and tasks that count from what nobody can foresee.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::Serialize;

use super::{PartyRef, Playbook};
use crate::{
    directory::Directory,
    text::Text,
    time::{Span, Timestamp},
    variable::{self, VariableProblem},
};

mod chairs;
mod course;
mod duties;
mod leaving;
pub mod letters;
mod tally;
mod weak;

pub use leaving::{Basis, Leaving, Minute, Pace, Wave};
pub use tally::{Counts, RecipientCount, TransportCount, Woken};
pub use weak::{Finding, FindingKind, PROVED_FOR, Subject, Unproved};

/// So far a timetable looks for reports, and for who comes on duty for an empty chair.
pub const WINDOW: Span = Span::minutes(24 * 60);

/// What a timetable is made for.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// A checked playbook.
    pub playbook: &'a Playbook,
    /// A checked directory.
    pub directory: &'a Directory,
    /// The values of the variables, as [`values`] gives them; missing ones print
    /// 調整中.
    pub values: &'a BTreeMap<String, serde_json::Value>,
    /// When it would start.
    pub at: Timestamp,
    /// The zone in which moments are written, and in which it is night.
    pub zone: Tz,
    /// Who answers.
    pub answers: Answers,
    /// As a drill: every letter has a way to leave, and nobody outside is disturbed.
    pub drill: bool,
    /// Whether the service has a driver of this name.
    pub serves: &'a dyn Fn(&str) -> bool,
    /// How many mail relays there are, where that is known.
    pub relays: Option<usize>,
    /// How fast each way out of the house takes letters; a driver that is not among them is not looked at.
    pub paces: &'a [Pace],
    /// What is known of addresses, where anything can be known.
    pub health: Option<&'a [Health]>,
    /// People who get the letters to a role that nobody else can take: administrators.
    pub admins: &'a [String],
    /// People behind the accounts of commanders: with the administrators they hear of a chair that nobody fills.
    pub commanders: &'a [String],
    /// Who would start it: whoever may sit in a chair sits there at once.
    pub starter: Option<&'a str>,
}

impl Plan<'_> {
    /// Whether a letter by a transport with this driver can leave.
    pub fn can_leave(&self, driver: &str) -> bool {
        self.drill || (self.serves)(driver)
    }
}

/// What is known of one address beside the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `agency:hosp_a primary`, `person:p_sato`.
    pub contact: String,
    /// Key of the transport.
    pub transport: String,
    /// The address.
    pub address: String,
    /// When somebody last opened or answered there.
    pub proved_at: Option<Timestamp>,
    /// Its reader says it is the wrong one, or a relay refused it for good.
    pub doubtful: bool,
}

/// Who answers in a timetable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Nobody: every ladder to its end.
    None,
    /// Everybody, as soon as the first letter is there; each role is accepted at once, each task done when it is due,
    /// each report written and approved when it is asked for.
    All,
}

/// Who would get what, when. Made by [`preflight`]; printed by the command line, the API and the pages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timetable {
    /// When it would start, in milliseconds since 1970 (UTC).
    pub at_ms: i64,
    /// Whether it would be a drill.
    pub drill: bool,
    /// Worst first.
    pub findings: Vec<Finding>,
    /// Numbers.
    pub counts: Counts,
    /// When letters leave, by way out of the house; empty in a drill.
    pub leaving: Vec<Leaving>,
    /// Whom a telephone or a short message would wake, in order of time.
    pub woken: Vec<Woken>,
    /// Addresses that would be needed and are not proved; `None` where nothing can be known of it.
    pub unproved: Option<Vec<Unproved>>,
    /// The alerts that the start raises, in the order of the file.
    pub alerts: Vec<PlannedAlert>,
    /// Who would be asked to sit in which chair.
    pub roles: Vec<PlannedRole>,
    /// Everything that happens, in order of time.
    pub entries: Vec<Entry>,
}

impl Timetable {
    /// The timetable for programs: each moment also as RFC 3339 in `zone` (`at`), beside its offset.
    pub fn document(&self, zone: Tz) -> serde_json::Value {
        let start = Timestamp(self.at_ms);
        let mut document = serde_json::to_value(self).expect("a timetable has only text keys");
        document["at"] = start.rfc3339(zone).into();
        for list in ["alerts", "entries", "woken"] {
            for item in document[list].as_array_mut().into_iter().flatten() {
                let offset = item["offset_ms"].as_i64().unwrap_or(0);
                item["at"] = (start + Span(offset)).rfc3339(zone).into();
            }
        }
        let moment = |offset: &serde_json::Value| (start + Span(offset.as_i64().unwrap_or(0))).rfc3339(zone);
        for way in document["leaving"].as_array_mut().into_iter().flatten() {
            way["last_at"] = moment(&way["last_ms"]).into();
            for wave in way["waves"].as_array_mut().into_iter().flatten() {
                wave["at"] = moment(&wave["offset_ms"]).into();
                wave["last_at"] = moment(&wave["last_ms"]).into();
            }
        }
        document
    }
}

/// One alert of a timetable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedAlert {
    /// Its key.
    pub key: String,
    /// The subject line with its values.
    pub subject: Text,
    /// Whom it names, in words.
    pub to: Vec<Text>,
    /// When it is raised, milliseconds after the start.
    pub offset_ms: i64,
    /// How many recipients it has.
    pub recipients: usize,
    /// Its line in the file.
    pub line: Option<u32>,
}

/// A chair of a timetable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedRole {
    /// The role's key.
    pub role: String,
    /// The role's title.
    pub title: Text,
    /// Who is asked first; `None` where nobody is on duty.
    pub person: Option<String>,
    /// Their name.
    pub name: Option<Text>,
    /// How many others are asked after them.
    pub behind: usize,
    /// Its line in the file.
    pub line: Option<u32>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// When, milliseconds after the start.
    pub offset_ms: i64,
    /// The alert's key; `None` for what concerns roles, tasks and reports.
    pub alert: Option<String>,
    /// The agency's or person's key; `role:…` or `roster.…` where nobody is behind it, and for roles; `alert:…` for
    /// the alert as a whole; `task:…`, `report:…`.
    pub recipient: String,
    /// The recipient's name.
    pub name: Text,
    /// What happens.
    pub what: What,
    /// Which step of the ladder it is, from 1; `None` for the first letters.
    pub step: Option<u16>,
    /// The line of the playbook that says so.
    pub line: Option<u32>,
    /// The letter, where one is written.
    #[serde(flatten)]
    pub way: Option<Way>,
    /// Who telephones, decides, is offered a role, or has the task or report.
    pub by: Option<PartyRef>,
    /// The person who is asked for it; `None` where there is nobody.
    pub person: Option<String>,
    /// Their name.
    pub person_name: Option<Text>,
    /// From here on it happens again so often, in milliseconds, until a person ends it.
    pub every_ms: Option<i64>,
}

impl Entry {
    /// Whether it concerns a task or a report itself, not a letter about it.
    fn is_duty(&self) -> bool {
        let duty = self.recipient.starts_with("task:") || self.recipient.starts_with("report:");
        duty && self.what != What::RoleLetter
    }
}

/// Where a letter goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The transport.
    pub via: String,
    /// The contact: `agency:hosp_a alternate`.
    pub contact: String,
    /// The desk's or person's name: 当直室.
    pub desk: Text,
    /// The address.
    pub address: String,
}

/// What happens at an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The first letter.
    Letter,
    /// The letter again.
    Resend,
    /// The letter to somebody else.
    Notify,
    /// A letter that says: no longer needed.
    StandDown,
    /// A letter that cannot leave, because the service has no driver for its transport.
    Unserved,
    /// A step finds nobody to reach; the next one is taken at once.
    NobodyReached,
    /// An alert that waits for no answer can be brought to nobody.
    NobodyTold,
    /// A person is offered a role.
    Offer,
    /// A person takes a role.
    Accept,
    /// Nobody is left to ask for a role; those who lead are told.
    Vacant,
    /// A person is asked to telephone.
    Call,
    /// A person is asked to decide.
    Decide,
    /// The letter to whoever is offered a role, telephones or decides.
    RoleLetter,
    /// The recipient answers.
    Answer,
    /// A task is due.
    TaskDue,
    /// Whoever has a task is reminded of it.
    TaskReminder,
    /// A situation report is due: its author is asked to write it.
    ReportDue,
    /// The author is reminded of it.
    ReportReminder,
    /// A report waits for its approval.
    ReportApproval,
    /// A report goes out to its channels.
    ReportSent,
}

impl What {
    /// The word in the API and in the word files.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Letter => "letter",
            Self::Resend => "resend",
            Self::Notify => "notify",
            Self::StandDown => "stand_down",
            Self::Unserved => "unserved",
            Self::NobodyReached => "nobody_reached",
            Self::NobodyTold => "nobody_told",
            Self::Offer => "offer",
            Self::Accept => "accept",
            Self::Vacant => "vacant",
            Self::Call => "call",
            Self::Decide => "decide",
            Self::RoleLetter => "role_letter",
            Self::Answer => "answer",
            Self::TaskDue => "task_due",
            Self::TaskReminder => "task_reminder",
            Self::ReportDue => "report_due",
            Self::ReportReminder => "report_reminder",
            Self::ReportApproval => "report_approval",
            Self::ReportSent => "report_sent",
        }
    }
}

/// The values of a timetable: as at a start, but a required one that is missing does not matter yet.
///
/// See [`variable::resolve`] for arguments and problems.
pub fn values(
    playbook: &Playbook,
    directory: &Directory,
    given: &BTreeMap<String, serde_json::Value>,
    at: Timestamp,
    zone: Tz,
) -> Result<BTreeMap<String, serde_json::Value>, Vec<VariableProblem>> {
    let mut relaxed = playbook.clone();
    relaxed.variables.iter_mut().for_each(|variable| variable.required = false);
    variable::resolve(&relaxed, directory, given, at, zone)
}

/// Makes the timetable of a start.
pub fn preflight(plan: &Plan<'_>) -> Timetable {
    let silent = course::run(&Plan { answers: Answers::None, ..*plan });
    let (findings, unproved) = weak::look(plan, &silent);
    let course = match plan.answers {
        Answers::None => silent,
        Answers::All => course::run(plan),
    };
    Timetable {
        at_ms: plan.at.0,
        drill: plan.drill,
        findings,
        counts: tally::counts(plan, &course.entries),
        leaving: leaving::leaving(plan, &course.entries),
        woken: tally::woken(plan, &course.entries),
        unproved,
        alerts: course.alerts,
        roles: course.roles,
        entries: course.entries,
    }
}

#[cfg(test)]
mod tests;
