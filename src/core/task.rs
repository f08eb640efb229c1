//! One task: when it is due, what it waits for, how its reminders go on until it is done or a person has decided.
//!
//! [`advance`] takes what happened and gives the next value with its effects; the caller stores and performs both in
//! one transaction. All moments are the incident's own time.

use std::collections::BTreeMap;

use chrono::Days;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    directory::roster::instant,
    playbook::{Anchor, IncidentMoment, TaskPlan},
    time::{Span, Timestamp},
};

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// To be done.
    Open,
    /// Done.
    Done,
    /// A person has decided that it is not needed.
    NotNeeded,
    /// The incident ended before it.
    Ended,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Done, Self::NotNeeded, Self::Ended];

    /// The word in the table and in the API.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::NotNeeded => "not_needed",
            Self::Ended => "ended",
        }
    }

    /// Reads the word.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.key() == key)
    }

    /// Done, or decided to be not needed: whatever waits for it goes on.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Done | Self::NotNeeded)
    }
}

/// A task as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// How far it is.
    pub state: State,
    /// When it should be done; a deadline once set stands. `None` while what it counts from has not happened.
    pub due: Option<Timestamp>,
    /// Whether it waits for another task.
    pub blocked: bool,
    /// Reminders so far.
    pub reminded: u16,
    /// When the next reminder is due: the moment of its timer.
    pub next_reminder: Option<Timestamp>,
}

impl Task {
    /// One that has just been made, before anybody has looked at what it waits for.
    pub const fn new() -> Self {
        Self { state: State::Open, due: None, blocked: false, reminded: 0, next_reminder: None }
    }

    /// Whether it is open past its deadline.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.state == State::Open && self.due.is_some_and(|due| due < now)
    }
}

impl Default for Task {
    fn default() -> Self {
        Self::new()
    }
}

/// What does not change about a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether the incident waits for it.
    pub required: bool,
    /// Once done, it comes back, due so long afterwards.
    pub repeat_every: Option<Span>,
}

/// Something that happened to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody looked at what it waits for.
    Followed {
        /// Its deadline, where it is known.
        due: Option<Timestamp>,
        /// Whether a task that it requires is not settled.
        blocked: bool,
    },
    /// Its timer fired.
    TimerFired {
        /// For which reminder, from 0.
        reminder: u16,
    },
    /// Somebody has done it.
    Done,
    /// A person decided that it is not needed. A task that repeats does not come back either.
    NotNeeded,
    /// It was not done after all.
    Reopened,
    /// The incident is over.
    Ended,
}

/// What is to be done about it, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Its one timer: at `due`, reminder `reminder` is given.
    SetTimer {
        /// Which reminder, from 0.
        reminder: u16,
        /// When.
        due: Timestamp,
    },
    /// Its timer is over.
    DropTimer,
    /// Whoever holds the role is reminded.
    Remind {
        /// How often it was reminded before.
        before: u16,
    },
    /// The deadline has passed: for the chronology, once.
    FellDue {
        /// How much later than planned this is noticed, where it is more than a second.
        noticed_late: Option<Span>,
    },
    /// Reminders that have not left yet are withdrawn.
    Hush,
    /// It comes back: a new task of the same plan, due then.
    Again {
        /// When.
        due: Timestamp,
    },
}

/// Decides what happens to one task. A late or repeated input gives no effects.
pub fn advance(rule: Rule, task: &Task, input: Input, now: Timestamp) -> (Task, Vec<Effect>) {
    let mut next = task.clone();
    let mut effects = Vec::new();
    match (input, task.state) {
        (Input::Followed { due, blocked }, State::Open) => {
            next.due = task.due.or(due);
            next.blocked = blocked;
            next.next_reminder = match (blocked, next.due) {
                // Nobody is reminded of what cannot be done yet.
                (true, _) | (_, None) => None,
                (false, Some(due)) => task.next_reminder.or(Some(due.max(now))),
            };
            effects.extend(timer(task, &next));
        }
        (Input::TimerFired { reminder }, State::Open) => {
            let planned = task.next_reminder.filter(|_| reminder == task.reminded);
            let Some(planned) = planned else { return (next, effects) };
            if now < planned {
                effects.push(Effect::SetTimer { reminder, due: planned });
                return (next, effects);
            }
            next.reminded = task.reminded.saturating_add(1);
            let due = now + pause(rule, task.reminded);
            next.next_reminder = Some(due);
            if reminder == 0 {
                let late = now - task.due.unwrap_or(planned);
                let noticed_late = (late > Span::seconds(1)).then_some(late);
                effects.push(Effect::FellDue { noticed_late });
            }
            effects.push(Effect::Remind { before: task.reminded });
            effects.push(Effect::SetTimer { reminder: next.reminded, due });
        }
        (Input::Done, State::Open) => {
            settle(&mut next, State::Done, &mut effects);
            effects.extend(rule.repeat_every.map(|every| Effect::Again { due: now + every }));
        }
        (Input::NotNeeded, State::Open) => settle(&mut next, State::NotNeeded, &mut effects),
        (Input::Ended, State::Open) => settle(&mut next, State::Ended, &mut effects),
        (Input::Reopened, State::Done | State::NotNeeded) => {
            next.state = State::Open;
            next.reminded = 0;
            // Whoever takes it up again gets a moment before the reminders begin anew.
            next.next_reminder = next.due.filter(|_| !next.blocked).map(|due| due.max(now + pause(rule, 0)));
            effects.extend(timer(task, &next));
        }
        _ => {}
    }
    (next, effects)
}

fn settle(next: &mut Task, state: State, effects: &mut Vec<Effect>) {
    next.state = state;
    next.next_reminder = None;
    effects.extend([Effect::DropTimer, Effect::Hush]);
}

/// The wish for the timer, where it differs from what was wished before.
fn timer(before: &Task, next: &Task) -> Option<Effect> {
    if before.next_reminder == next.next_reminder {
        return None;
    }
    Some(match next.next_reminder {
        Some(due) => Effect::SetTimer { reminder: next.reminded, due },
        None => Effect::DropTimer,
    })
}

/// How long until the next reminder: soon at first, then less often, and never not at all.
fn pause(rule: Rule, reminders: u16) -> Span {
    let minutes: [i64; 4] = if rule.required { [5, 5, 10, 15] } else { [15, 30, 60, 60] };
    let last = minutes[minutes.len() - 1];
    Span::minutes(minutes.get(usize::from(reminders)).copied().unwrap_or(last))
}

/// What due times count from, as far as it has happened.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// Moments of the incident.
    pub incident: BTreeMap<IncidentMoment, Timestamp>,
    /// When each task was settled for the first time, by key.
    pub done: BTreeMap<String, Timestamp>,
    /// When each role was accepted, by key.
    pub accepted: BTreeMap<String, Timestamp>,
    /// When each alert had its first answer, by key.
    pub answered: BTreeMap<String, Timestamp>,
}

impl Moments {
    /// When a task of this plan is due; `None` while what it counts from has not happened.
    ///
    /// - `created`: when the task was made.
    /// - `zone`: whose wall clock `clock.HH:MM` means.
    pub fn due(&self, plan: &TaskPlan, created: Timestamp, zone: Tz) -> Option<Timestamp> {
        let due = plan.due.as_ref()?;
        let anchor = match &due.after {
            Anchor::Created => Some(created),
            Anchor::Clock(time) => Some(next_clock(*time, created, zone)),
            Anchor::Incident(moment) => self.incident.get(moment).copied(),
            Anchor::TaskDone(key) => self.done.get(key).copied(),
            Anchor::RoleAccepted(key) => self.accepted.get(key).copied(),
            Anchor::AlertAnswered(key) => self.answered.get(key).copied(),
        };
        Some(anchor? + due.within)
    }
}

/// The first such wall time at `from` or later.
fn next_clock(time: chrono::NaiveTime, from: Timestamp, zone: Tz) -> Timestamp {
    let day = from.to_utc().with_timezone(&zone).date_naive();
    let at = |days: u64| instant(day.checked_add_days(Days::new(days)).unwrap_or(day).and_time(time), zone);
    [at(0), at(1)].into_iter().find(|moment| *moment >= from).unwrap_or_else(|| at(2))
}

/// Whether a task waits: one of `requires` is there and none of its kind is settled yet.
///
/// A required task that is not there (its own condition hides it, or nobody has made it) does not hold others up.
pub fn is_blocked(requires: &[String], others: &[(&str, State)]) -> bool {
    requires.iter().any(|key| {
        let mut of_key = others.iter().filter(|(other, _)| other == key).peekable();
        of_key.peek().is_some() && !of_key.any(|(_, state)| state.is_settled() || *state == State::Ended)
    })
}

#[cfg(test)]
mod tests;
