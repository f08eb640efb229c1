//! A chair of an incident: vacant → offered → accepted → handing over, until the incident ends.
//!
//! # Cast
//! - a [`Chair`]: its holder, who is asked now, whom this round has asked in vain;
//! - a [`View`]: who stands in the role's `fill` and is on duty, how long an offer stands, what time it is;
//! - an [`Input`]: what happened; [`advance`] gives the next chair and its [`Wish`]es.
//!
//! # Flow
//! 1. Whoever starts the incident and stands in the role's `fill` sits at once: pressing 発動 is accepting. Else the
//!    first is asked.
//! 2. An offer ends: accepted, declined, expired, or undeliverable; then the next of `fill` is asked.
//! 3. After the last the chair is vacant and those who lead are told, once. It is asked again when somebody comes on
//!    duty who was not asked.
//! 4. A holder hands over to a named person and keeps the chair until that person has accepted; or releases it, and
//!    the others of `fill` are asked.
//!
//! An acceptance that comes too late is taken as long as nobody holds the chair: somebody is better than nobody.

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// A chair. A holder and an offer at once is a handing over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chair {
    /// Who has accepted: a person's key. Nobody else acts for the role.
    pub holder: Option<String>,
    /// Who is asked now.
    pub offer: Option<Offer>,
    /// Whom this round has asked in vain, in order.
    pub asked: Vec<Asked>,
    /// Offers so far; the running offer has this number.
    pub number: u32,
}

/// A question to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who is asked: a person's key.
    pub to: String,
    /// Until when the answer is waited for, own time.
    pub until: Timestamp,
}

/// Somebody who was asked in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// A person's key.
    pub person: String,
    /// Went off duty since: back on duty, they are asked anew.
    pub away: bool,
}

/// How a chair stands: the word in the table, in the API and on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody holds it and nobody is asked.
    Vacant,
    /// Somebody is asked.
    Offered,
    /// Somebody holds it.
    Accepted,
    /// Somebody holds it and somebody else is asked to take over.
    HandingOver,
}

impl State {
    /// The word.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Vacant => "vacant",
            Self::Offered => "offered",
            Self::Accepted => "accepted",
            Self::HandingOver => "handing_over",
        }
    }
}

impl Chair {
    /// How it stands.
    pub const fn state(&self) -> State {
        match (&self.holder, &self.offer) {
            (None, None) => State::Vacant,
            (None, Some(_)) => State::Offered,
            (Some(_), None) => State::Accepted,
            (Some(_), Some(_)) => State::HandingOver,
        }
    }

    fn was_asked(&self, person: &str) -> bool {
        self.asked.iter().any(|asked| asked.person == person)
    }

    fn in_vain(&mut self, person: String) {
        // Asked by hand while off duty: what counts is this answer, not the absence before it.
        self.asked.retain(|asked| asked.person != person);
        self.asked.push(Asked { person, away: false });
    }
}

/// What a decision about a chair sees of the world.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Who stands in the role's `fill` and is on duty, in order.
    pub fill: &'a [String],
    /// Those of them to whom a letter can be written.
    pub askable: &'a [String],
    /// How long an offer stands.
    pub accept_within: Span,
    /// Own time.
    pub now: Timestamp,
    /// When others come on duty next, own time; `None`: not in sight.
    pub next_change: Option<Timestamp>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// The incident begins; `starter` is the person who pressed 発動, where it was one.
    Begun {
        /// A person's key.
        starter: Option<&'a str>,
    },
    /// Somebody takes the chair.
    Accepted {
        /// A person's key.
        by: &'a str,
    },
    /// Somebody does not want it.
    Declined {
        /// A person's key.
        by: &'a str,
    },
    /// The chair's timer fired; `number` is the offer that it was set for.
    TimerFired {
        /// Number of the offer.
        number: u32,
    },
    /// No letter of this offer could be delivered: nobody waits for it to expire.
    Undelivered {
        /// Number of the offer.
        number: u32,
    },
    /// Somebody in charge asks this person; of a held chair it is a handing over.
    Offered {
        /// A person's key.
        to: &'a str,
    },
    /// The holder gives it up.
    Released,
    /// Others may be on duty now.
    DutyChanged,
}

/// What is to be done. `operation::perform` turns it into rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Letters to the person who is asked now.
    Ask,
    /// The chair's one timer: at this moment in own time.
    SetTimer(Timestamp),
    /// The chair's timer is over.
    DropTimer,
    /// Letters of the former offer that have not left yet are withdrawn.
    WithdrawOffer {
        /// Its number.
        number: u32,
    },
    /// Those who lead are told that nobody sits here.
    TellVacant,
    /// The holder is told that nobody took over.
    TellHolder,
    /// A line for the chronology.
    Record(Fact),
}

/// Something that happened to a chair and belongs into the chronology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Somebody is asked until a moment in own time.
    Offered {
        /// A person's key.
        to: String,
        /// Own time.
        until: Timestamp,
    },
    /// Somebody sits there now.
    Accepted {
        /// A person's key.
        by: String,
        /// Who sat there before.
        after: Option<String>,
    },
    /// Somebody did not want it.
    Declined {
        /// A person's key.
        by: String,
    },
    /// Somebody did not answer in time.
    Expired {
        /// A person's key.
        by: String,
    },
    /// Somebody could not be reached.
    Undelivered {
        /// A person's key.
        by: String,
    },
    /// Somebody else is asked instead.
    Withdrawn {
        /// A person's key.
        from: String,
    },
    /// The holder has given it up.
    Released {
        /// A person's key.
        by: String,
    },
    /// Nobody is left to ask.
    Vacant,
}

/// Why an input of a person is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This person holds the chair.
    Held(String),
    /// This person was not asked and does not stand in the role's `fill` now.
    NotAsked,
    /// Nobody holds the chair.
    NotHeld,
}

/// Decides what happens to a chair when `input` arrives.
///
/// Pure. A repeated or late input changes nothing and asks nobody. Errors: what a person asked for and cannot have.
pub fn advance(view: &View<'_>, chair: &Chair, input: Input<'_>) -> Result<(Chair, Vec<Wish>), Refusal> {
    let mut next = chair.clone();
    let mut wishes = Vec::new();
    match input {
        Input::Begun { starter } => match starter.filter(|starter| stands_in(view.fill, starter)) {
            Some(starter) => sit(&mut next, &mut wishes, starter),
            None => ask_next(view, &mut next, &mut wishes),
        },
        Input::Accepted { by } => {
            let asked = chair.offer.as_ref().is_some_and(|offer| offer.to == by);
            match &chair.holder {
                Some(holder) if holder == by => {}
                Some(holder) if !asked => return Err(Refusal::Held(holder.clone())),
                None if !asked && !chair.was_asked(by) && !stands_in(view.fill, by) => {
                    return Err(Refusal::NotAsked);
                }
                _ => sit(&mut next, &mut wishes, by),
            }
        }
        Input::Declined { by } => match &chair.offer {
            Some(offer) if offer.to == by => {
                fall_through(view, &mut next, &mut wishes, |by| Fact::Declined { by });
            }
            _ if chair.holder.as_deref() == Some(by) => return Err(Refusal::Held(by.to_owned())),
            _ if chair.was_asked(by) => {}
            _ => return Err(Refusal::NotAsked),
        },
        Input::TimerFired { number } if number != chair.number => {}
        Input::TimerFired { .. } => match &chair.offer {
            Some(offer) if view.now < offer.until => wishes.push(Wish::SetTimer(offer.until)),
            Some(_) => fall_through(view, &mut next, &mut wishes, |by| Fact::Expired { by }),
            None => look_again(view, &mut next, &mut wishes),
        },
        Input::Undelivered { number } => {
            if number == chair.number && chair.offer.is_some() {
                fall_through(view, &mut next, &mut wishes, |by| Fact::Undelivered { by });
            }
        }
        Input::Offered { to } => {
            if chair.holder.as_deref() == Some(to) {
                return Err(Refusal::Held(to.to_owned()));
            }
            if chair.offer.as_ref().is_none_or(|offer| offer.to != to) {
                if let Some(former) = next.offer.take() {
                    wishes.push(Wish::WithdrawOffer { number: chair.number });
                    wishes.push(Wish::Record(Fact::Withdrawn { from: former.to.clone() }));
                    if chair.holder.is_none() {
                        next.in_vain(former.to);
                    }
                }
                ask(view, &mut next, &mut wishes, to.to_owned());
            }
        }
        Input::Released => {
            let Some(holder) = next.holder.take() else { return Err(Refusal::NotHeld) };
            wishes.push(Wish::Record(Fact::Released { by: holder.clone() }));
            next.in_vain(holder);
            if next.offer.is_none() {
                ask_next(view, &mut next, &mut wishes);
            }
        }
        Input::DutyChanged => look_again(view, &mut next, &mut wishes),
    }
    Ok((next, wishes))
}

fn stands_in(people: &[String], person: &str) -> bool {
    people.iter().any(|other| other == person)
}

/// `by` sits there from now on.
fn sit(chair: &mut Chair, wishes: &mut Vec<Wish>, by: &str) {
    let after = chair.holder.replace(by.to_owned());
    if chair.offer.take().is_some() {
        wishes.push(Wish::WithdrawOffer { number: chair.number });
    }
    chair.asked.clear();
    wishes.push(Wish::DropTimer);
    wishes.push(Wish::Record(Fact::Accepted { by: by.to_owned(), after }));
}

fn ask(view: &View<'_>, chair: &mut Chair, wishes: &mut Vec<Wish>, to: String) {
    let until = view.now + view.accept_within;
    chair.number += 1;
    chair.offer = Some(Offer { to: to.clone(), until });
    wishes.push(Wish::Ask);
    wishes.push(Wish::SetTimer(until));
    wishes.push(Wish::Record(Fact::Offered { to, until }));
}

/// The running offer has come to nothing: a holder keeps the chair, an empty one goes to the next.
fn fall_through(
    view: &View<'_>,
    chair: &mut Chair,
    wishes: &mut Vec<Wish>,
    fact: impl FnOnce(String) -> Fact,
) {
    let Some(offer) = chair.offer.take() else { return };
    wishes.push(Wish::WithdrawOffer { number: chair.number });
    wishes.push(Wish::Record(fact(offer.to.clone())));
    if chair.holder.is_some() {
        wishes.push(Wish::DropTimer);
        wishes.push(Wish::TellHolder);
        return;
    }
    chair.in_vain(offer.to);
    ask_next(view, chair, wishes);
}

/// Asks the next of `fill`; an empty chair that nobody is left for is told of, once.
fn ask_next(view: &View<'_>, chair: &mut Chair, wishes: &mut Vec<Wish>) {
    if !ask_whoever_was_not(view, chair, wishes) {
        wishes.push(Wish::Record(Fact::Vacant));
        wishes.push(Wish::TellVacant);
    }
}

/// An empty chair asks whoever has come on duty and was not asked; the others were told already.
fn look_again(view: &View<'_>, chair: &mut Chair, wishes: &mut Vec<Wish>) {
    if chair.state() == State::Vacant {
        ask_whoever_was_not(view, chair, wishes);
    }
}

/// Whether there was somebody; else the chair waits for the next change of duty.
fn ask_whoever_was_not(view: &View<'_>, chair: &mut Chair, wishes: &mut Vec<Wish>) -> bool {
    chair.asked.retain(|asked| !(asked.away && stands_in(view.fill, &asked.person)));
    for asked in &mut chair.asked {
        asked.away = !stands_in(view.fill, &asked.person);
    }
    let found = view.askable.iter().find(|person| !chair.was_asked(person));
    match found {
        Some(person) => ask(view, chair, wishes, person.clone()),
        None => wishes.push(view.next_change.map_or(Wish::DropTimer, Wish::SetTimer)),
    }
    found.is_some()
}

#[cfg(test)]
mod tests;
