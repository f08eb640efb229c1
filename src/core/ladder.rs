//! The ladder: what happens to one recipient until a person has answered or a person has decided.
//!
//! # Cast
//! - [`Recipient`]: where one addressee stands. Kept in a row; every change goes through [`advance`].
//! - [`Scene`]: what the recipient's world looks like at this moment: rule, addresses, who is who, what time it is.
//! - [`Input`]: what happened. - [`Effect`]: what is to be done about it.
//!
//! # Flow
//! 1. [`raise`] writes the first letters. No clock runs yet.
//! 2. The first try of the first letter ([`Input::Tried`]) starts the ladder: an absent service counts for nothing.
//! 3. Each [`Input::TimerFired`] takes one step, if its condition still holds, and sets the timer of the next.
//! 4. When every letter of a round has failed, the next step is taken at once.
//! 5. An answer ends it; else the last step asks a person to decide, and the recipient stays open until they do.
//!
//! Deliberately absent: clocks, stores, transports. Late and repeated inputs give no effects, so timers and
//! outcomes may be told more than once.

use std::collections::BTreeSet;

use crate::{
    alert::{AddressBook, ContactPoint, Contacts, Evidence, Rule, State},
    effect::{Effect, Fact, Occasion, Outgoing},
    playbook::{AckRule, Action, Condition, CountsAs, Ladder, Meaning, PartyRef, Step, StopOn, Target, Then},
    time::{Span, Timestamp},
};

/// One addressee of one alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Where it stands.
    pub state: State,
    /// Index of the next step to take.
    pub step: u16,
    /// When its first letter was first tried, own time.
    pub started_at: Option<Timestamp>,
    /// When the next step falls due, own time; `None` while no timer runs.
    pub due: Option<Timestamp>,
    /// What is known of how far it came.
    pub evidence: Evidence,
    /// Number of the next letter.
    pub next_letter: u16,
    /// Letters of the present round that may still arrive.
    pub pending: BTreeSet<u16>,
    /// Who decides, where a decision was raised to somebody else than the ladder's last step names.
    pub decider: Option<PartyRef>,
}

/// The recipient's world at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// What the alert goes by.
    pub rule: &'a Rule,
    /// The recipient's addresses.
    pub contacts: &'a Contacts,
    /// Who is who.
    pub book: &'a AddressBook,
    /// The incident's own time.
    pub now: Timestamp,
}

/// What happened to a recipient. Moments (`at`) are real time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A letter was tried; the first one starts the ladder.
    Tried,
    /// A relay took a letter.
    Accepted {
        /// When.
        at: Timestamp,
    },
    /// A letter arrived.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// A letter was handed over and its outcome was never learned.
    Unknown {
        /// When.
        at: Timestamp,
    },
    /// A letter cannot be brought: refused for good, or given up.
    Failed {
        /// Which.
        letter: u16,
        /// When.
        at: Timestamp,
    },
    /// A person looked at the page.
    Opened {
        /// When.
        at: Timestamp,
    },
    /// An answer came.
    Answered {
        /// What it says.
        meaning: Meaning,
        /// How far it goes as evidence.
        counts_as: CountsAs,
        /// When.
        at: Timestamp,
    },
    /// The answer that stands was not a person's, as far as can be told: it counts for nothing.
    Doubted,
    /// The recipient's timer fell due.
    TimerFired {
        /// The step it was set for.
        step: u16,
    },
    /// The auditor found a running ladder without a next step: no timer and, before the first try, no letter to try.
    StepLost,
    /// A person decided. An end may come at any time; the rest only when the decision is due.
    Decided {
        /// What follows.
        then: Then,
    },
    /// The alert needs nobody more.
    Stopped {
        /// Why: [`StopOn::Superseded`] or [`StopOn::IncidentClosed`].
        why: StopOn,
        /// Whether the alert's stand-down text is sent to whoever was told.
        tell: bool,
    },
}

/// Makes a recipient and its first letters.
///
/// Returns it with the effects in journal order. Where no letter can be written (no address, no driver) the ladder
/// starts now and its first step is taken at once; where there is no ladder, a line for the chronology says so.
pub fn raise(scene: &Scene<'_>) -> (Recipient, Vec<Effect>) {
    let informed = matches!(scene.rule.plan.ack, AckRule::None { .. }) || scene.rule.ladder.is_none();
    let mut recipient = Recipient {
        state: if informed { State::Informed } else { State::Waiting },
        step: 0,
        started_at: None,
        due: None,
        evidence: Evidence::default(),
        next_letter: 0,
        pending: BTreeSet::new(),
        decider: None,
    };
    let mut effects = Vec::new();
    let points = by_transport(&scene.contacts.primary, &scene.rule.plan.via);
    let reachable = write_letters(&mut recipient, scene, Occasion::Alert, points, &mut effects);
    if recipient.state == State::Waiting {
        let by_hand = |effect: &Effect| {
            matches!(effect, Effect::Send(letter)
            if letter.unserved || scene.book.by_hand.contains(&letter.point.transport))
        };
        if !reachable {
            recipient.started_at = Some(scene.now);
            climb(&mut recipient, scene, true, &mut effects);
        } else if effects.iter().all(by_hand) {
            // Nobody will tell us of a first try: the telephone is in a person's hand from now on.
            start(&mut recipient, scene, &mut effects);
        }
    } else if !reachable {
        // No step follows that could tell of it.
        effects.push(Effect::Record(Fact::NobodyTold));
    }
    (recipient, effects)
}

/// Decides what happens to one recipient when `input` arrives.
///
/// Pure: equal arguments give equal answers. The caller stores the returned recipient and performs the effects in
/// one transaction (`operation::perform`). A late or repeated input gives no effects.
pub fn advance(scene: &Scene<'_>, recipient: &Recipient, input: &Input) -> (Recipient, Vec<Effect>) {
    let mut next = recipient.clone();
    let mut effects = Vec::new();
    match input {
        Input::Tried => start(&mut next, scene, &mut effects),
        Input::Accepted { at } => keep_first(&mut next.evidence.accepted_at, *at),
        Input::Delivered { at } => {
            keep_first(&mut next.evidence.accepted_at, *at);
            keep_first(&mut next.evidence.delivered_at, *at);
        }
        Input::Unknown { at } => keep_first(&mut next.evidence.unknown_at, *at),
        Input::Failed { letter, at } => {
            keep_first(&mut next.evidence.failed_at, *at);
            start(&mut next, scene, &mut effects);
            let was_pending = next.pending.remove(letter);
            if was_pending && next.pending.is_empty() && next.state == State::Waiting {
                effects.clear();
                climb(&mut next, scene, true, &mut effects);
            }
        }
        Input::Opened { at } => {
            keep_first(&mut next.evidence.opened_at, *at);
            settle_if_said(&mut next, scene, &mut effects);
        }
        Input::Answered { meaning, counts_as, at } => {
            let before = next.evidence;
            next.evidence.answered(*meaning, *counts_as, *at);
            if next.state == State::Decided && next.evidence != before {
                effects.push(Effect::Record(Fact::AnsweredAfterDecision));
            }
            settle_if_said(&mut next, scene, &mut effects);
        }
        Input::Doubted => doubt(&mut next, scene, &mut effects),
        Input::TimerFired { step } => {
            let due = next.due.is_some_and(|due| scene.now >= due);
            // Early, or a timer of an earlier step: the ladder has moved on.
            if next.state == State::Waiting && *step == next.step && due {
                climb(&mut next, scene, false, &mut effects);
            }
        }
        Input::StepLost => set_again(&mut next, scene, &mut effects),
        Input::Decided { then } => decide(&mut next, scene, then, &mut effects),
        Input::Stopped { why, tell } => stop(&mut next, scene, *why, *tell, &mut effects),
    }
    (next, effects)
}

fn keep_first(slot: &mut Option<Timestamp>, at: Timestamp) {
    slot.get_or_insert(at);
}

/// The ladder starts with the first try.
fn start(recipient: &mut Recipient, scene: &Scene<'_>, effects: &mut Vec<Effect>) {
    if recipient.started_at.is_none() {
        recipient.started_at = Some(scene.now);
        if recipient.state == State::Waiting {
            set_timer(recipient, scene, effects);
        }
    }
}

/// Sets the timer of the recipient's next step.
fn set_timer(recipient: &mut Recipient, scene: &Scene<'_>, effects: &mut Vec<Effect>) {
    let started = recipient.started_at.unwrap_or(scene.now);
    let due = started + ladder(scene).steps[usize::from(recipient.step)].at;
    recipient.due = Some(due);
    effects.push(Effect::SetTimer { step: recipient.step, due });
}

/// Sets the timer that a waiting recipient has lost; where it never had one, its ladder starts now.
fn set_again(recipient: &mut Recipient, scene: &Scene<'_>, effects: &mut Vec<Effect>) {
    match (recipient.state, recipient.due, recipient.started_at) {
        (State::Waiting, Some(due), _) => effects.push(Effect::SetTimer { step: recipient.step, due }),
        (State::Waiting, None, Some(_)) => set_timer(recipient, scene, effects),
        (State::Waiting, None, None) => start(recipient, scene, effects),
        _ => {}
    }
}

fn ladder<'a>(scene: &Scene<'a>) -> &'a Ladder {
    scene.rule.ladder.as_ref().expect("a waiting recipient has a ladder: raise() makes it informed otherwise")
}

/// Takes the next step, and those after it at once while they reach nobody.
///
/// - `brought_forward`: before its time, because every letter so far has failed or none could be written.
fn climb(recipient: &mut Recipient, scene: &Scene<'_>, brought_forward: bool, effects: &mut Vec<Effect>) {
    let steps = &ladder(scene).steps;
    let mut brought_forward = brought_forward;
    loop {
        let step = &steps[usize::from(recipient.step)];
        let last = usize::from(recipient.step) + 1 == steps.len();
        let late_by = recipient
            .due
            .map(|due| (scene.now - due).0)
            .filter(|late| *late > Span::seconds(1).0 && !brought_forward);
        if last {
            // A person decides even when somebody has opened the page and said nothing: no silence at the end.
            if recipient.evidence.acked_at.is_some() && !holds(step, &recipient.evidence) {
                settle(recipient, State::Answered, effects);
            } else {
                let to = recipient.decider.clone().unwrap_or_else(|| party(&step.action));
                recipient.due = None;
                recipient.state = State::ToDecide;
                effects.push(Effect::DropTimer);
                effects.push(Effect::Record(Fact::DecisionDue { to: to.clone() }));
                effects.push(Effect::AskDecision { to });
            }
            return;
        }
        let reached = if holds(step, &recipient.evidence) {
            take(recipient, scene, step, late_by, brought_forward, effects)
        } else {
            true
        };
        recipient.step += 1;
        if reached {
            set_timer(recipient, scene, effects);
            return;
        }
        effects.push(Effect::Record(Fact::StepReachedNobody { action: step.action.clone() }));
        brought_forward = true;
    }
}

/// Does what a step says. Returns whether anybody can be reached by it.
fn take(
    recipient: &mut Recipient,
    scene: &Scene<'_>,
    step: &Step,
    late_by: Option<i64>,
    brought_forward: bool,
    effects: &mut Vec<Effect>,
) -> bool {
    let (occasion, to, via) = match &step.action {
        Action::Resend { to, via } => (Occasion::Resend, to, via),
        Action::Notify { to, via } => (Occasion::Notify, to, via),
        Action::Call { to, .. } => {
            effects.push(Effect::Record(Fact::StepTaken {
                action: step.action.clone(),
                late_by,
                brought_forward,
            }));
            if let Target::Party(party) = to {
                effects.push(Effect::AskCall { to: party.clone() });
            }
            return true;
        }
        Action::Decide { .. } => unreachable!("only the last step decides (rule A02)"),
    };
    // A step without transports of its own goes by those of the alert.
    let via = if via.is_empty() { &scene.rule.plan.via } else { via };
    let empty = Vec::new();
    let points = match to {
        Target::Same => &scene.contacts.primary,
        Target::Alternate => &scene.contacts.alternate,
        Target::Party(party) => scene.book.parties.get(party).unwrap_or(&empty),
    };
    let at = effects.len();
    let reached = write_letters(recipient, scene, occasion, by_transport(points, via), effects);
    if reached {
        let taken = Fact::StepTaken { action: step.action.clone(), late_by, brought_forward };
        effects.insert(at, Effect::Record(taken));
    }
    reached
}

/// Writes one letter for each point and begins a new round. Returns whether any of them can leave.
fn write_letters<'p>(
    recipient: &mut Recipient,
    scene: &Scene<'_>,
    occasion: Occasion,
    points: impl Iterator<Item = &'p ContactPoint>,
    effects: &mut Vec<Effect>,
) -> bool {
    let mut round = BTreeSet::new();
    for point in points {
        let letter = recipient.next_letter;
        recipient.next_letter += 1;
        let unserved = !scene.book.served.contains(&point.transport);
        if !unserved {
            round.insert(letter);
        }
        effects.push(Effect::Send(Outgoing { letter, occasion, point: point.clone(), unserved }));
    }
    let reached = !round.is_empty();
    if reached {
        recipient.pending = round;
    }
    reached
}

/// The points that `via` names, in the order of `via`; a transport named twice still brings one letter.
fn by_transport<'p>(points: &'p [ContactPoint], via: &'p [String]) -> impl Iterator<Item = &'p ContactPoint> {
    via.iter()
        .enumerate()
        .filter(|(place, transport)| !via[..*place].contains(transport))
        .flat_map(|(_, transport)| points.iter().filter(move |point| point.transport == *transport))
}

fn holds(step: &Step, evidence: &Evidence) -> bool {
    match step.condition {
        None => true,
        Some(Condition::Unread) => evidence.opened_at.is_none(),
        Some(Condition::Unacked) => evidence.acked_at.is_none() && evidence.answered_at.is_none(),
        Some(Condition::Unresponded) => evidence.answered_at.is_none(),
    }
}

fn party(action: &Action) -> PartyRef {
    match action {
        Action::Decide { to: Target::Party(party), .. } => party.clone(),
        _ => unreachable!("the last step is a decision of a role or person (rule A02)"),
    }
}

/// Ends the ladder when what was said is among its ends. A full answer always is: after an answer it is quiet.
fn settle_if_said(recipient: &mut Recipient, scene: &Scene<'_>, effects: &mut Vec<Effect>) {
    if !matches!(recipient.state, State::Waiting | State::ToDecide | State::Informed) {
        return;
    }
    let evidence = &recipient.evidence;
    let stops = |why| scene.rule.ladder.as_ref().is_some_and(|ladder| ladder.stop_on.contains(&why));
    if evidence.answered_at.is_some() || (evidence.acked_at.is_some() && stops(StopOn::Acked)) {
        settle(recipient, State::Answered, effects);
    } else if recipient.state == State::Waiting && evidence.opened_at.is_some() && stops(StopOn::Read) {
        settle(recipient, State::Informed, effects);
    }
}

fn settle(recipient: &mut Recipient, state: State, effects: &mut Vec<Effect>) {
    recipient.state = state;
    recipient.due = None;
    recipient.pending.clear();
    effects.push(Effect::Withdraw);
    effects.push(Effect::DropTimer);
}

/// Takes an answer back: the ladder goes on where it stood, and what fell due meanwhile is taken at once.
fn doubt(recipient: &mut Recipient, scene: &Scene<'_>, effects: &mut Vec<Effect>) {
    if recipient.state != State::Answered {
        return;
    }
    let evidence = &mut recipient.evidence;
    let said = evidence.acked_at.or(evidence.answered_at);
    (evidence.acked_at, evidence.answered_at) = (None, None);
    if evidence.opened_at == said {
        evidence.opened_at = None;
    }
    if scene.rule.ladder.is_none() {
        recipient.state = State::Informed;
        return;
    }
    recipient.state = State::Waiting;
    recipient.started_at.get_or_insert(scene.now);
    set_timer(recipient, scene, effects);
}

/// Ends the ladder, or puts the decision off. Only a decision that is due can be put off: earlier, it would leap over
/// the steps that still try to reach somebody.
fn decide(recipient: &mut Recipient, scene: &Scene<'_>, then: &Then, effects: &mut Vec<Effect>) {
    let can_end = recipient.state == State::Waiting && *then == Then::End;
    if recipient.state != State::ToDecide && !can_end {
        return;
    }
    let wait = match then {
        Then::End => {
            settle(recipient, State::Decided, effects);
            return;
        }
        Then::Extend { by } => *by,
        Then::Raise { to } => {
            recipient.decider = Some(to.clone());
            Span::ZERO
        }
    };
    let last = ladder(scene).steps.len() - 1;
    recipient.state = State::Waiting;
    recipient.step = u16::try_from(last).expect("a checked ladder has fewer than 65,536 steps");
    let due = scene.now + wait;
    recipient.started_at.get_or_insert(scene.now);
    recipient.due = Some(due);
    effects.push(Effect::SetTimer { step: recipient.step, due });
}

fn stop(recipient: &mut Recipient, scene: &Scene<'_>, why: StopOn, tell: bool, effects: &mut Vec<Effect>) {
    let runs_on = why == StopOn::IncidentClosed
        && scene.rule.ladder.as_ref().is_some_and(|ladder| !ladder.stop_on.contains(&StopOn::IncidentClosed));
    if !matches!(recipient.state, State::Waiting | State::ToDecide) || runs_on {
        return;
    }
    settle(recipient, State::StoodDown, effects);
    if tell && recipient.started_at.is_some() && scene.rule.plan.stand_down.is_some() {
        let points = by_transport(&scene.contacts.primary, &scene.rule.plan.via);
        write_letters(recipient, scene, Occasion::StandDown, points, effects);
        recipient.pending.clear();
    }
}

#[cfg(test)]
pub(crate) mod laws;
#[cfg(test)]
mod tests;
