//! One situation report, the n-th of its kind: due in the rhythm of the playbook, written, approved or sent back; and
//! when it does not come, a person decides.
//!
//! [`advance`] takes what happened and gives the next value with its effects; the caller stores and performs both in
//! one transaction. All moments are the incident's own time.

use crate::{
    playbook::{IfMissed, PartyRef, Then},
    time::{Span, Timestamp},
};

/// How far a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// To be written.
    Due,
    /// Written; the approver looks at it.
    Submitted,
    /// Sent back to the author with a reason.
    Returned,
    /// Approved and sent out.
    Approved,
    /// A person decided to go on without it.
    Skipped,
    /// The incident ended before it.
    Ended,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Due, Self::Submitted, Self::Returned, Self::Approved, Self::Skipped, Self::Ended];

    /// The word in the table and in the API.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Submitted => "submitted",
            Self::Returned => "returned",
            Self::Approved => "approved",
            Self::Skipped => "skipped",
            Self::Ended => "ended",
        }
    }

    /// Reads the word.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.key() == key)
    }

    /// Whether somebody still has to do something.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Due | Self::Submitted | Self::Returned)
    }
}

/// A report as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How far it is.
    pub state: State,
    /// When it should have gone out.
    pub due: Timestamp,
    /// What its reminders and its decision count from: the due moment, or later the moment at which it became
    /// somebody else's turn.
    pub base: Timestamp,
    /// The stage that its timer waits for: 0 the due moment, then the reminders, then the decision.
    pub stage: u16,
    /// The moment of its timer; `None` while a person decides, and at the end.
    pub timer: Option<Timestamp>,
    /// Who decides about it now.
    pub deciding: Option<PartyRef>,
}

/// Something that happened to a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Its timer fired.
    TimerFired {
        /// For which stage.
        stage: u16,
    },
    /// It was written; `approved` where whoever wrote it may let it go at once.
    Submitted {
        /// Whether nobody else has to look.
        approved: bool,
    },
    /// It was approved.
    Approved,
    /// It was sent back.
    Returned,
    /// A person decided.
    Decided {
        /// What follows.
        then: Then,
    },
    /// A later report of the same kind was approved and stands for this one too.
    Included,
    /// The incident is over.
    Ended,
}

/// What is to be done about it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Its one timer: at `due`, stage `stage` is reached.
    SetTimer {
        /// Which stage.
        stage: u16,
        /// When.
        due: Timestamp,
    },
    /// Its timer is over.
    DropTimer,
    /// Letters about it that have not left yet are withdrawn.
    Hush,
    /// The author is asked to write it.
    AskAuthor {
        /// Reminders before this one.
        before: u16,
    },
    /// The approver is asked to look at it.
    AskApprover {
        /// Reminders before this one.
        before: u16,
    },
    /// The author is told why it came back.
    TellReturned,
    /// A person is asked to decide.
    AskDecision {
        /// Who.
        to: PartyRef,
    },
    /// For the chronology: nobody has sent it in time.
    Missed,
    /// It goes out to its audience.
    Publish,
    /// The next one of its kind is to be there, where it is not yet.
    Next,
}

/// The first value of a report that is due at `due`, and its timer.
pub fn plan(due: Timestamp, now: Timestamp) -> (Report, Vec<Effect>) {
    let timer = due.max(now);
    let report = Report { state: State::Due, due, base: due, stage: 0, timer: Some(timer), deciding: None };
    (report, vec![Effect::SetTimer { stage: 0, due: timer }])
}

/// Decides what happens to one report. A late or repeated input gives no effects.
pub fn advance(rule: &IfMissed, report: &Report, input: &Input, now: Timestamp) -> (Report, Vec<Effect>) {
    let mut next = report.clone();
    let mut effects = Vec::new();
    if !report.state.is_open() {
        return (next, effects);
    }
    match input {
        Input::TimerFired { stage } => {
            let Some(planned) = report.timer.filter(|_| *stage == report.stage) else {
                return (next, effects);
            };
            if now < planned {
                effects.push(Effect::SetTimer { stage: *stage, due: planned });
                return (next, effects);
            }
            fire(rule, &mut next, now, &mut effects);
        }
        Input::Submitted { approved: false } if report.state != State::Submitted => {
            next.state = State::Submitted;
            effects.push(Effect::Hush);
            effects.push(Effect::AskApprover { before: 0 });
            turn(rule, &mut next, now, &mut effects);
        }
        Input::Submitted { approved: false } => {}
        Input::Submitted { approved: true } => {
            settle(&mut next, State::Approved, &mut effects);
            effects.extend([Effect::Publish, Effect::Next]);
        }
        Input::Approved if report.state == State::Submitted => {
            settle(&mut next, State::Approved, &mut effects);
            effects.extend([Effect::Publish, Effect::Next]);
        }
        Input::Returned if report.state == State::Submitted => {
            next.state = State::Returned;
            effects.extend([Effect::Hush, Effect::TellReturned]);
            turn(rule, &mut next, now, &mut effects);
        }
        Input::Approved | Input::Returned => {}
        Input::Decided { then } => decide(rule, &mut next, then, now, &mut effects),
        Input::Included => settle(&mut next, State::Skipped, &mut effects),
        Input::Ended => settle(&mut next, State::Ended, &mut effects),
    }
    (next, effects)
}

/// One stage is reached: the due moment, a reminder, or the decision.
fn fire(rule: &IfMissed, next: &mut Report, now: Timestamp, effects: &mut Vec<Effect>) {
    let last = last_stage(rule);
    let stage = next.stage;
    if stage == last {
        next.timer = None;
        next.deciding = Some(rule.decide_to.clone());
        effects.extend([Effect::Missed, Effect::AskDecision { to: rule.decide_to.clone() }]);
        return;
    }
    if stage == 0 {
        effects.push(Effect::Next);
    }
    effects.push(match next.state {
        State::Submitted => Effect::AskApprover { before: stage },
        _ => Effect::AskAuthor { before: stage },
    });
    next.stage = stage + 1;
    set(rule, next, now, effects);
}

/// It is somebody else's turn: the reminders count from now, where the due moment has passed.
fn turn(rule: &IfMissed, next: &mut Report, now: Timestamp, effects: &mut Vec<Effect>) {
    next.deciding = None;
    next.base = next.due.max(now);
    if next.stage > 0 {
        next.stage = 1;
    }
    set(rule, next, now, effects);
}

fn decide(rule: &IfMissed, next: &mut Report, then: &Then, now: Timestamp, effects: &mut Vec<Effect>) {
    match then {
        Then::End => {
            settle(next, State::Skipped, effects);
            effects.push(Effect::Next);
        }
        Then::Extend { by } => {
            next.deciding = None;
            next.stage = last_stage(rule);
            next.timer = Some(now + *by);
            effects.push(Effect::SetTimer { stage: next.stage, due: now + *by });
            effects.push(match next.state {
                State::Submitted => Effect::AskApprover { before: next.stage },
                _ => Effect::AskAuthor { before: next.stage },
            });
        }
        Then::Raise { to } => {
            next.deciding = Some(to.clone());
            next.timer = None;
            next.stage = last_stage(rule);
            effects.extend([Effect::DropTimer, Effect::AskDecision { to: to.clone() }]);
        }
    }
}

fn settle(next: &mut Report, state: State, effects: &mut Vec<Effect>) {
    next.state = state;
    next.timer = None;
    next.deciding = None;
    effects.extend([Effect::DropTimer, Effect::Hush]);
}

/// Sets the timer of the stage that comes next.
fn set(rule: &IfMissed, next: &mut Report, now: Timestamp, effects: &mut Vec<Effect>) {
    let due = moment_of(rule, next).max(now);
    next.timer = Some(due);
    effects.push(Effect::SetTimer { stage: next.stage, due });
}

/// The reminders that come before the decision, and then the decision.
fn last_stage(rule: &IfMissed) -> u16 {
    let reminders = rule.remind.iter().filter(|remind| **remind < rule.decide_at).count();
    u16::try_from(reminders + 1).unwrap_or(u16::MAX)
}

fn moment_of(rule: &IfMissed, report: &Report) -> Timestamp {
    match report.stage {
        0 => report.due,
        stage if stage >= last_stage(rule) => report.base + rule.decide_at,
        stage => report.base + rule.remind.get(usize::from(stage) - 1).copied().unwrap_or(Span::ZERO),
    }
}

#[cfg(test)]
mod tests;
