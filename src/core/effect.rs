//! What the core may ask for. `operation::perform` is the only place that turns effects into rows.

use crate::{
    alert::ContactPoint,
    playbook::{Action, PartyRef},
    time::Timestamp,
};

/// One wish of the core, in journal order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A letter to a recipient.
    Send(Outgoing),
    /// The recipient's one timer: at `due` in the incident's own time, `step` is taken.
    SetTimer {
        /// Index of the step.
        step: u16,
        /// Own time.
        due: Timestamp,
    },
    /// The recipient's timer is over.
    DropTimer,
    /// Letters to this recipient that have not left yet are withdrawn.
    Withdraw,
    /// A person is asked to telephone the recipient.
    AskCall {
        /// Who.
        to: PartyRef,
    },
    /// A person is asked to decide about the recipient.
    AskDecision {
        /// Who.
        to: PartyRef,
    },
    /// A line for the chronology.
    Record(Fact),
}

/// A letter that is to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Number of the letter among those to this recipient, from 0.
    pub letter: u16,
    /// Why it is written.
    pub occasion: Occasion,
    /// To where.
    pub point: ContactPoint,
    /// The service has no driver for its transport: it is kept as refused, so that nobody takes it for sent.
    pub unserved: bool,
}

/// Why a letter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// The alert itself.
    Alert,
    /// The alert again to the same contact.
    Resend,
    /// The alert to another contact.
    Notify,
    /// No longer needed.
    StandDown,
}

impl Occasion {
    /// The word in the table.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Resend => "resend",
            Self::Notify => "notify",
            Self::StandDown => "stand_down",
        }
    }

    /// Reads the word in the table.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Alert, Self::Resend, Self::Notify, Self::StandDown].into_iter().find(|o| o.key() == key)
    }
}

/// Something that happened on a ladder and belongs into the chronology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A step was taken.
    StepTaken {
        /// What it does.
        action: Action,
        /// How much later than planned, in own milliseconds, where it is more than a second.
        late_by: Option<i64>,
        /// Taken before its time because every letter before it had failed.
        brought_forward: bool,
    },
    /// A step could reach nobody: the next one was taken at once.
    StepReachedNobody {
        /// What it would have done.
        action: Action,
    },
    /// Nobody answered: a decision is due.
    DecisionDue {
        /// Whose.
        to: PartyRef,
    },
    /// An alert that waits for no answer could be brought to nobody: no address, or no driver for any.
    NobodyTold,
    /// An answer came after a person had decided.
    AnsweredAfterDecision,
}
