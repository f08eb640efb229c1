//! What is known of an incident's alerts and recipients; nothing in it is worded.

use noroshi_core::time::Timestamp;

use super::super::{mark::Mark, relay::Evidence};

/// What is known about one alert of the incident.
#[derive(Clone, Debug, Default)]
pub struct AlertFacts {
    /// `alr_…`.
    pub id: String,
    /// Whom it goes to, for the head of the group: DMAT指定医療機関.
    pub audience: String,
    /// The subject, without the drill mark.
    pub subject: String,
    /// Which report it is, from 1.
    pub number: u32,
    /// The alert that it follows up: id, subject, and how (`update correction withdrawal`).
    pub follows: Option<(String, String, String)>,
    /// The alert that has taken its place: id and subject.
    pub replaced: Option<(String, String)>,
    /// Raised by closing, cancelling or merging.
    pub ending: bool,
    /// When it was raised; `None` while it waits for its delay.
    pub raised: Option<Timestamp>,
    /// When it will be raised, where it is not yet.
    pub due: Option<Timestamp>,
    /// Until when an answer is wanted.
    pub respond_by: Option<Timestamp>,
    /// Until when an acknowledgement is wanted.
    pub ack_by: Option<Timestamp>,
    /// How many teams or answers are wanted, where the quorum is a number.
    pub target: Option<usize>,
    /// Every recipient is done and the quorum is not reached: since when, and by how much.
    pub short: Option<(Timestamp, usize)>,
    /// Its recipients.
    pub recipients: Vec<RecipientFacts>,
}

/// What is known about one recipient.
#[derive(Clone, Debug, Default)]
pub struct RecipientFacts {
    /// `rcp_…`.
    pub id: String,
    /// Name of the agency or person.
    pub name: String,
    /// The desks behind it: 当直室、代替: 事務部.
    pub desks: String,
    /// How far its ladder is.
    pub state: RecipientState,
    /// What is proven.
    pub evidence: Evidence,
    /// The answer in force.
    pub answer: Option<AnswerFacts>,
    /// The decision that ended the ladder.
    pub decision: Option<DecisionFacts>,
    /// What happens next when nobody does anything.
    pub next: Option<(Next, Timestamp)>,
    /// Since when a decision is due.
    pub to_decide_since: Option<Timestamp>,
    /// Why letters failed, in a sentence.
    pub failure: Option<String>,
    /// What was tried, in words: メール、代替、架電.
    pub tried: String,
    /// Whether the directory in force has other addresses for it.
    pub moved: bool,
}

/// How far a recipient's ladder is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecipientState {
    /// The ladder runs.
    #[default]
    Waiting,
    /// Answered.
    Answered,
    /// A person's decision is due.
    ToDecide,
    /// A person has decided.
    Decided,
    /// No longer needed.
    StoodDown,
    /// Nothing was asked.
    Informed,
}

/// An answer in force.
#[derive(Clone, Debug)]
pub struct AnswerFacts {
    /// Its words, from the playbook.
    pub label: String,
    /// Its shape.
    pub mark: Mark,
    /// Teams, where it names them.
    pub teams: Option<usize>,
    /// When they arrive, where it is told.
    pub arrival: Option<Timestamp>,
    /// The other fields and the note, in words.
    pub details: String,
    /// Who answered; with a proxy, who typed it.
    pub by: String,
    /// Whether it was taken by telephone and typed in.
    pub proxy: bool,
    /// Whether it came after the deadline.
    pub late: bool,
    /// Whether it was perhaps pressed by a mail scanner.
    pub suspect: bool,
    /// Whether it came after a person had decided.
    pub after_decision: bool,
    /// When it wants to be told again.
    pub refresh_due: Option<Timestamp>,
}

/// A decision in force.
#[derive(Clone, Debug)]
pub struct DecisionFacts {
    /// Its words, from the playbook.
    pub label: String,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What happens next by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// The letter goes out.
    Send,
    /// A letter is tried again after a temporary refusal.
    Retry,
    /// The letter is held back: its domain lets us wait.
    Held,
    /// The letter waits for its turn: its domain gets so many a second.
    ToPace,
    /// The letter waits, since then: no way out is there.
    Away,
    /// The letter again, by these transports.
    Resend(String),
    /// The letter to the alternate contact.
    Alternate,
    /// The letter to somebody else.
    Notify(String),
    /// Somebody is asked to telephone.
    Call(String),
    /// Somebody is asked to decide.
    Decide(String),
    /// The arrival should be told again.
    Refresh,
}

impl RecipientFacts {
    pub(super) fn is_answered(&self) -> bool {
        self.state == RecipientState::Answered || (self.answer.is_some() && self.evidence.acked.is_some())
    }
}
