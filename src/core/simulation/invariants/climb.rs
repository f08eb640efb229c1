//! Each recipient's climb, told once more from the history: when a step was due by the words of the playbook, and
//! whether anything but the clock may have brought it forward.

use std::collections::BTreeSet;

use super::{Checked, must};
use crate::{
    alert::State,
    playbook::{Meaning, Then},
    simulation::{
        Simulation,
        history::Entry,
        store::{About, Fate, Id},
    },
    time::{Span, Timestamp},
};

/// What somebody outside knows of one recipient.
#[derive(Default)]
struct Climber {
    /// When its ladder began, own time.
    started: Option<Timestamp>,
    waits: bool,
    /// It has answered, and was told so; or a person has ended it.
    quiet: bool,
    taken: BTreeSet<usize>,
    /// When a decision that was put off comes back.
    postponed: Option<Timestamp>,
    /// Letters that may bring it an answer.
    round: BTreeSet<u16>,
    failed: BTreeSet<u16>,
    new_round: bool,
    passed_over: bool,
    /// Since when a step is owed, because all its letters have failed.
    owed: Option<Timestamp>,
}

impl Climber {
    fn has_nothing_left(&self) -> bool {
        self.round.is_subset(&self.failed)
    }

    fn take(&mut self, run: &Simulation, id: Id, step: usize, own: Timestamp) -> Checked {
        let steps = run.site.world.steps();
        let is_last = step + 1 == steps.len();
        must(!self.quiet, || format!("recipient {id} took step {step} although it is over"))?;
        let again = !self.taken.insert(step);
        must(!again || (is_last && self.postponed.is_some()), || {
            format!("recipient {id} took step {step} twice")
        })?;
        let planned = self.postponed.filter(|_| is_last).or(self.started.map(|at| at + steps[step].at));
        let due = planned.is_some_and(|planned| own >= planned);
        must(due || self.passed_over || self.has_nothing_left(), || {
            format!("recipient {id} took step {step} at {own:?}, planned for {planned:?}")
        })?;
        self.owed = None;
        Ok(())
    }

    fn fail(&mut self, letter: u16, owed: Option<Timestamp>) {
        if self.failed.insert(letter) && self.round.contains(&letter) && self.waits && self.has_nothing_left()
        {
            self.owed = owed;
        }
    }
}

/// An escalation happens if and only if it is due, or no letter is left that might bring an answer, and nobody has
/// answered; never early, never twice. After an answer nothing leaves any more.
pub(super) fn a_step_is_taken_iff_due_and_unanswered(run: &Simulation) -> Checked {
    walk(run, |_, _| Ok(()))
}

/// When every letter of a round has failed, the next step is taken in the same transaction.
pub(super) fn what_cannot_be_delivered_goes_on_at_once(run: &Simulation) -> Checked {
    walk(run, |climbers, at| {
        let waits = climbers.iter().position(|climber| climber.owed.is_some_and(|since| since < at));
        must(waits.is_none(), || format!("recipient {waits:?} has nothing left, and its ladder stands still"))
    })
}

fn walk(run: &Simulation, look: impl Fn(&[Climber], Timestamp) -> Checked) -> Checked {
    let mut climbers: Vec<Climber> = Vec::new();
    let letter_of = |delivery: Id| match run.tables.deliveries[delivery].about {
        About::Alert { recipient, letter, .. } => Some((recipient, letter)),
        _ => None,
    };
    for (at, entry) in run.history.iter() {
        look(&climbers, at)?;
        match entry {
            Entry::Raised { own, leaves, .. } => climbers.push(Climber {
                started: (!leaves).then_some(*own),
                waits: !run.site.world.informs(),
                new_round: true,
                ..Climber::default()
            }),
            Entry::Wrote { recipient, letter, unserved: false, .. } => {
                let climber = &mut climbers[*recipient];
                if std::mem::take(&mut climber.new_round) {
                    climber.round.clear();
                }
                climber.round.insert(*letter);
            }
            Entry::HandedOver { delivery, own, .. } => {
                let Some((recipient, letter)) = letter_of(*delivery) else { continue };
                let climber = &mut climbers[recipient];
                climber.started.get_or_insert(*own);
                let stands_down = run.tables.deliveries[*delivery].about.is_stand_down();
                must(!climber.quiet || stands_down, || {
                    format!("letter {letter} went to recipient {recipient} after an answer")
                })?;
            }
            Entry::Recorded { delivery, fate: Fate::Refused | Fate::GivenUp | Fate::Unknown, own }
            | Entry::Bounced { delivery, own } => {
                let Some((recipient, letter)) = letter_of(*delivery) else { continue };
                climbers[recipient].started.get_or_insert(*own);
                climbers[recipient].fail(letter, unless_reached(run, recipient, at));
            }
            Entry::Step { recipient, step, own, .. } => {
                let climber = &mut climbers[*recipient];
                climber.take(run, *recipient, *step, *own)?;
                climber.passed_over = false;
                climber.new_round = true;
            }
            Entry::PassedOver { recipient, step, own, .. } => {
                climbers[*recipient].take(run, *recipient, *step, *own)?;
                climbers[*recipient].passed_over = true;
                climbers[*recipient].owed = unless_reached(run, *recipient, at);
            }
            Entry::DecisionDue { recipient, step, own } => {
                climbers[*recipient].take(run, *recipient, *step, *own)?;
                climbers[*recipient].passed_over = false;
                climbers[*recipient].postponed = None;
            }
            Entry::Now { recipient, state } => {
                climbers[*recipient].waits = *state == State::Waiting;
                if state.is_settled() {
                    climbers[*recipient].owed = None;
                }
            }
            Entry::Decided { recipient, then, own } => match then {
                Then::End => climbers[*recipient].quiet = true,
                Then::Extend { by } => climbers[*recipient].postponed = Some(*own + *by),
                Then::Raise { .. } => climbers[*recipient].postponed = Some(*own + Span::ZERO),
            },
            Entry::Answered { recipient, meaning: Meaning::Accept | Meaning::Decline, .. } => {
                climbers[*recipient].quiet = true;
            }
            _ => {}
        }
    }
    look(&climbers, run.clock() + Span(1))
}

/// Since when a step is owed to somebody who cannot be reached. Whoever has opened the page was reached: a step that
/// asks for that is passed in silence, and the next one keeps its time.
fn unless_reached(run: &Simulation, recipient: Id, at: Timestamp) -> Option<Timestamp> {
    let opened = run.tables.recipients[recipient].value.evidence.opened_at;
    opened.is_none_or(|opened| opened > at).then_some(at)
}
