//! How far an incident is, and what may be done with it then.
//!
//! ```text
//! held → proposed → active → stabilised → closing → closed → reviewed      (+ cancelled, + merged)
//! ```
//!
//! `closing` is: closing is proposed, and a person has to decide. Ladders run on meanwhile.

/// How far an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// A source suggests it; a person has to start it. Nothing has left the house.
    Proposed,
    /// It starts by itself, or goes back to a proposal, when its hold runs out. Nothing has left the house.
    Held,
    /// It runs.
    Active,
    /// It runs, and the worst is over.
    Stabilised,
    /// It runs, and closing is proposed.
    Closing,
    /// It is over.
    Closed,
    /// It is over, and was looked back at.
    Reviewed,
    /// It was a false alarm.
    Cancelled,
    /// It goes on as another incident.
    Merged,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Proposed,
        Self::Held,
        Self::Active,
        Self::Stabilised,
        Self::Closing,
        Self::Closed,
        Self::Reviewed,
        Self::Cancelled,
        Self::Merged,
    ];

    /// The states in which it runs.
    pub const RUNNING: [Self; 3] = [Self::Active, Self::Stabilised, Self::Closing];

    /// The states in which it waits for a person and has told nobody outside.
    pub const WAITING: [Self; 2] = [Self::Proposed, Self::Held];

    /// The word in table and API.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Held => "held",
            Self::Active => "active",
            Self::Stabilised => "stabilised",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Reviewed => "reviewed",
            Self::Cancelled => "cancelled",
            Self::Merged => "merged",
        }
    }

    /// Reads the word.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.key() == key)
    }

    /// Whether it runs: letters leave, ladders climb, people talk.
    pub fn is_running(self) -> bool {
        Self::RUNNING.contains(&self)
    }

    /// Whether it waits for a person and has told nobody outside.
    pub fn is_waiting(self) -> bool {
        Self::WAITING.contains(&self)
    }

    /// Whether it is over, in whatever way.
    pub fn is_over(self) -> bool {
        !self.is_running() && !self.is_waiting()
    }
}

/// What may be done with an incident as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Start what is proposed or held.
    Activate,
    /// Drop what is proposed or held: nobody outside has heard of it.
    Dismiss,
    /// A hold ran out, and silence means a proposal.
    HoldRanOut,
    /// The worst is over.
    Stabilise,
    /// Propose to close.
    ProposeClose,
    /// Say no to that proposal.
    KeepOpen,
    /// Close: the approval, with or without a proposal.
    Close,
    /// Cancel: everybody who was told hears of it.
    Cancel,
    /// Go on as another incident.
    Merge,
    /// Look back at it.
    Review,
}

/// The state after `verb`; `None` where it cannot be done now.
///
/// - `stabilised`: whether the incident was stabilised before closing was proposed.
pub fn next(state: State, verb: Verb, stabilised: bool) -> Option<State> {
    use State::{Active, Cancelled, Closed, Closing, Held, Merged, Proposed, Reviewed, Stabilised};
    match (state, verb) {
        (Proposed | Held, Verb::Activate) => Some(Active),
        (Proposed | Held, Verb::Dismiss | Verb::Cancel) => Some(Cancelled),
        (Held, Verb::HoldRanOut) => Some(Proposed),
        (Active, Verb::Stabilise) => Some(Stabilised),
        (Active | Stabilised, Verb::ProposeClose) => Some(Closing),
        (Closing, Verb::KeepOpen) => Some(if stabilised { Stabilised } else { Active }),
        (Active | Stabilised | Closing, Verb::Close) => Some(Closed),
        (Active | Stabilised | Closing, Verb::Cancel) => Some(Cancelled),
        (Active | Stabilised | Closing, Verb::Merge) => Some(Merged),
        (Closed, Verb::Review) => Some(Reviewed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERBS: [Verb; 10] = [
        Verb::Activate,
        Verb::Dismiss,
        Verb::HoldRanOut,
        Verb::Stabilise,
        Verb::ProposeClose,
        Verb::KeepOpen,
        Verb::Close,
        Verb::Cancel,
        Verb::Merge,
        Verb::Review,
    ];

    #[test]
    fn what_is_over_stays_over_and_what_waits_never_runs_unless_somebody_starts_it() {
        for state in State::ALL {
            for verb in VERBS {
                let Some(after) = next(state, verb, false) else { continue };
                if state.is_over() {
                    assert_eq!((state, verb, after), (State::Closed, Verb::Review, State::Reviewed));
                }
                if state.is_waiting() && after.is_running() {
                    assert_eq!(verb, Verb::Activate);
                }
            }
        }
    }

    #[test]
    fn a_refused_proposal_goes_back_to_where_it_came_from() {
        assert_eq!(next(State::Closing, Verb::KeepOpen, true), Some(State::Stabilised));
        assert_eq!(next(State::Closing, Verb::KeepOpen, false), Some(State::Active));
    }

    #[test]
    fn every_state_has_a_word_of_its_own() {
        for state in State::ALL {
            assert_eq!(State::from_key(state.key()), Some(state));
        }
    }
}
