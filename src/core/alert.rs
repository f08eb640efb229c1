//! An alert: its rule, its recipients' state and evidence, and when enough have answered.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    playbook::{AckRule, AlertPlan, CountsAs, Ladder, Meaning, PartyRef, Playbook, Quorum, ResponseOption},
    text::{Language, Text},
    time::Timestamp,
};

/// Everything an alert goes by for its whole life. Written to the alert's row when it is raised, so that a later
/// version of the playbook changes nothing for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Texts, recipients, deadlines.
    pub plan: AlertPlan,
    /// The buttons; none for information only.
    pub responses: Vec<ResponseOption>,
    /// What happens while somebody is silent; `None` for information only.
    pub ladder: Option<Ladder>,
}

impl Rule {
    /// The rule of the playbook's alert `key`.
    pub fn of(playbook: &Playbook, key: &str) -> Option<Self> {
        let plan = playbook.alert(key)?.clone();
        let responses =
            plan.responses.as_deref().map(|set| playbook.responses(set).to_vec()).unwrap_or_default();
        let ladder = plan.ladder.as_deref().and_then(|key| playbook.ladder(key)).cloned();
        Some(Self { plan, responses, ladder })
    }

    /// How many answers are enough.
    pub fn quorum(&self) -> Quorum {
        match self.plan.ack {
            AckRule::Required { quorum, .. } => quorum,
            AckRule::None { .. } => Quorum::All,
        }
    }

    /// The last moment for a full answer: `respond_by`, else `ack_by`, from the start of the ladder.
    pub fn answer_by(&self) -> Option<crate::time::Span> {
        match self.plan.ack {
            AckRule::Required { ack_by, respond_by, .. } => respond_by.or(ack_by),
            AckRule::None { .. } => None,
        }
    }

    /// The response option of this key.
    pub fn option(&self, key: &str) -> Option<&ResponseOption> {
        self.responses.iter().find(|option| option.key == key)
    }

    /// Who decides when nobody answers: the role of the ladder's last step.
    pub fn decider(&self) -> Option<&PartyRef> {
        match &self.ladder.as_ref()?.steps.last()?.action {
            crate::playbook::Action::Decide { to: crate::playbook::Target::Party(party), .. } => Some(party),
            _ => None,
        }
    }

    /// What can be decided at the ladder's end.
    pub fn decide_options(&self) -> &[crate::playbook::DecideOption] {
        match self.ladder.as_ref().and_then(|ladder| ladder.steps.last()).map(|step| &step.action) {
            Some(crate::playbook::Action::Decide { options, .. }) => options,
            _ => &[],
        }
    }
}

/// One address of somebody, resolved when the alert was raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPoint {
    /// Where it stands in the directory: `agency:hosp_a primary`, `person:p_sato`.
    pub contact: String,
    /// The name of the desk or person, for the letter.
    pub name: Text,
    /// Key of the transport.
    pub transport: String,
    /// The address, as typed.
    pub address: String,
    /// The reader's language.
    pub language: Language,
}

/// The addresses of one recipient, as they were when the alert was raised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contacts {
    /// The first way in.
    pub primary: Vec<ContactPoint>,
    /// The second one.
    pub alternate: Vec<ContactPoint>,
}

/// Who is who at this moment, for steps that speak to somebody else than the recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressBook {
    /// The addresses of each party that a ladder names.
    pub parties: BTreeMap<PartyRef, Vec<ContactPoint>>,
    /// Keys of the transports that this service can use.
    pub served: BTreeSet<String>,
    /// Keys of the transports that a person carries: the service never tries them.
    pub by_hand: BTreeSet<String>,
}

/// Where a recipient stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Its ladder runs.
    Waiting,
    /// It has answered.
    Answered,
    /// The last step was taken: a person's decision is due.
    ToDecide,
    /// A person has decided.
    Decided,
    /// No longer needed: quorum reached, superseded, closed, cancelled.
    StoodDown,
    /// Information only, nothing has to come back.
    Informed,
}

impl State {
    const ALL: [Self; 6] =
        [Self::Waiting, Self::Answered, Self::ToDecide, Self::Decided, Self::StoodDown, Self::Informed];

    /// The word in table and API.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Answered => "answered",
            Self::ToDecide => "to_decide",
            Self::Decided => "decided",
            Self::StoodDown => "stood_down",
            Self::Informed => "informed",
        }
    }

    /// Reads the word.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.key() == key)
    }

    /// Nobody has to do anything more.
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Waiting | Self::ToDecide)
    }
}

/// What is known about how far an alert has come to one recipient, with the first moment of each, in real time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// A relay or gateway took the letter.
    pub accepted_at: Option<Timestamp>,
    /// A gateway says it arrived.
    pub delivered_at: Option<Timestamp>,
    /// The page was really looked at, or somebody said so.
    pub opened_at: Option<Timestamp>,
    /// An answer that counts as an acknowledgement.
    pub acked_at: Option<Timestamp>,
    /// An accept or a decline.
    pub answered_at: Option<Timestamp>,
    /// A letter could not be brought.
    pub failed_at: Option<Timestamp>,
    /// Handed over, but the outcome was never learned.
    pub unknown_at: Option<Timestamp>,
}

/// The best evidence there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Written down, nothing more.
    Queued,
    /// No letter could be brought.
    Failed,
    /// Handed over, outcome never learned.
    Unknown,
    /// Taken by a relay.
    Accepted,
    /// Arrived, says the gateway.
    Delivered,
    /// Looked at.
    Opened,
    /// Acknowledged.
    Acked,
    /// Answered.
    Answered,
}

impl Grade {
    /// Every grade, from the weakest.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Failed,
        Self::Unknown,
        Self::Accepted,
        Self::Delivered,
        Self::Opened,
        Self::Acked,
        Self::Answered,
    ];

    /// The word in the API.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Acked => "acked",
            Self::Answered => "answered",
        }
    }
}

impl Evidence {
    /// The best evidence there is.
    pub const fn grade(&self) -> Grade {
        if self.answered_at.is_some() {
            Grade::Answered
        } else if self.acked_at.is_some() {
            Grade::Acked
        } else if self.opened_at.is_some() {
            Grade::Opened
        } else if self.delivered_at.is_some() {
            Grade::Delivered
        } else if self.accepted_at.is_some() {
            Grade::Accepted
        } else if self.unknown_at.is_some() {
            Grade::Unknown
        } else if self.failed_at.is_some() {
            Grade::Failed
        } else {
            Grade::Queued
        }
    }

    /// Adds what an answer proves. The first moment of each grade is kept.
    ///
    /// - `seen` (`counts_as: read`) proves only that it was read;
    /// - accept and decline are full answers; a question or an arrival is an acknowledgement.
    pub fn answered(&mut self, meaning: Meaning, counts_as: CountsAs, at: Timestamp) {
        self.opened_at.get_or_insert(at);
        if counts_as == CountsAs::Ack {
            self.acked_at.get_or_insert(at);
        }
        if matches!(meaning, Meaning::Accept | Meaning::Decline) {
            self.answered_at.get_or_insert(at);
        }
    }
}

/// What the recipients of an alert have said so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Still waiting, or waiting for a decision.
    pub open: u32,
    /// Acknowledged by anybody.
    pub acked: u32,
    /// Accepting answers.
    pub accepts: u32,
    /// The sum of `teams` in accepting answers.
    pub teams: u32,
}

/// Whether enough have answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Still running.
    Open,
    /// Enough: the rest may stand down.
    Reached,
    /// Everybody has answered or is decided, and so many are missing: a person decides about the alert itself.
    Short {
        /// How many are missing.
        missing: u32,
    },
}

/// Judges an alert by its quorum. With `all` every recipient has an end of its own, so there is nothing to judge.
pub fn judge(quorum: Quorum, tally: &Tally) -> Verdict {
    let (got, wanted) = match quorum {
        Quorum::All => return Verdict::Open,
        Quorum::Any => (tally.acked, 1),
        Quorum::Accept { n, count: crate::playbook::Count::Answers } => (tally.accepts, n),
        Quorum::Accept { n, count: crate::playbook::Count::Teams } => (tally.teams, n),
    };
    if got >= wanted {
        Verdict::Reached
    } else if tally.open == 0 {
        Verdict::Short { missing: wanted - got }
    } else {
        Verdict::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::Count;

    #[test]
    fn a_quorum_of_teams_counts_teams() {
        let quorum = Quorum::Accept { n: 3, count: Count::Teams };
        let tally = Tally { open: 2, acked: 2, accepts: 1, teams: 2 };
        assert_eq!(judge(quorum, &tally), Verdict::Open);
        assert_eq!(judge(quorum, &Tally { teams: 3, ..tally }), Verdict::Reached);
        assert_eq!(judge(quorum, &Tally { open: 0, ..tally }), Verdict::Short { missing: 1 });
    }

    #[test]
    fn seen_is_read_and_a_question_is_acknowledged_and_neither_is_an_answer() {
        let mut evidence = Evidence::default();
        evidence.answered(Meaning::Seen, CountsAs::Read, Timestamp(1));
        assert_eq!(evidence.grade(), Grade::Opened);
        evidence.answered(Meaning::Question, CountsAs::Ack, Timestamp(2));
        assert_eq!(evidence.grade(), Grade::Acked);
        evidence.answered(Meaning::Decline, CountsAs::Ack, Timestamp(3));
        assert_eq!(evidence.grade(), Grade::Answered);
        assert_eq!((evidence.opened_at, evidence.acked_at), (Some(Timestamp(1)), Some(Timestamp(2))));
    }
}
