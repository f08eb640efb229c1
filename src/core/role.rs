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
        if !self.was_asked(&person) {
            self.asked.push(Asked { person, away: false });
        }
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PEOPLE: [&str; 4] = ["sato", "suzuki", "tanaka", "ito"];
    const TEN: Span = Span::minutes(10);

    fn people(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn view(fill: &[String], now: Timestamp) -> View<'_> {
        View { fill, askable: fill, accept_within: TEN, now, next_change: Some(now + Span::minutes(60)) }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp(minute * 60_000)
    }

    /// The chair after these inputs, a minute apart unless a timer needs more, at duty `fill`.
    fn after(fill: &[&str], inputs: &[(i64, Input<'_>)]) -> (Chair, Vec<Wish>) {
        let fill = people(fill);
        inputs.iter().fold((Chair::default(), Vec::new()), |(chair, _), (minute, input)| {
            advance(&view(&fill, at(*minute)), &chair, *input).expect("a scene without refusals")
        })
    }

    #[test]
    fn whoever_starts_and_stands_in_fill_sits_at_once() {
        let (chair, wishes) = after(&["sato", "suzuki"], &[(0, Input::Begun { starter: Some("suzuki") })]);
        assert_eq!(chair.holder.as_deref(), Some("suzuki"));
        assert!(!wishes.contains(&Wish::Ask));
        let (chair, _) = after(&["sato"], &[(0, Input::Begun { starter: Some("ito") })]);
        assert_eq!(chair.state(), State::Offered);
    }

    #[test]
    fn each_of_fill_is_asked_in_turn_and_then_those_who_lead_are_told_once() {
        let begun = (0, Input::Begun { starter: None });
        let (chair, _) = after(&["sato", "suzuki"], &[begun]);
        assert_eq!(chair.offer, Some(Offer { to: "sato".into(), until: at(10) }));
        let silent = (10, Input::TimerFired { number: 1 });
        let (chair, wishes) = after(&["sato", "suzuki"], &[begun, silent]);
        assert_eq!(chair.offer, Some(Offer { to: "suzuki".into(), until: at(20) }));
        assert_eq!(wishes[1], Wish::Record(Fact::Expired { by: "sato".into() }));
        let declined = (12, Input::Declined { by: "suzuki" });
        let (chair, wishes) = after(&["sato", "suzuki"], &[begun, silent, declined]);
        assert_eq!(chair.state(), State::Vacant);
        assert!(wishes.contains(&Wish::TellVacant) && wishes.contains(&Wish::SetTimer(at(72))));
        let looked = (72, Input::TimerFired { number: 2 });
        let (same, wishes) = after(&["sato", "suzuki"], &[begun, silent, declined, looked]);
        assert_eq!((same, wishes), (chair, vec![Wish::SetTimer(at(132))]));
    }

    #[test]
    fn an_empty_chair_is_offered_to_whoever_comes_on_duty() {
        let (chair, _) =
            after(&["sato"], &[(0, Input::Begun { starter: None }), (9, Input::Declined { by: "sato" })]);
        let next = |chair: &Chair, fill: &[&str], minute| {
            advance(&view(&people(fill), at(minute)), chair, Input::DutyChanged).expect("no refusal").0
        };
        let asked = next(&chair, &["suzuki"], 60);
        assert_eq!(asked.offer.map(|offer| offer.to).as_deref(), Some("suzuki"));
        // Sato goes off duty and comes back: a new day, a new question.
        let away = next(&chair, &[], 60);
        assert_eq!(away.state(), State::Vacant);
        let back = next(&away, &["sato"], 120);
        assert_eq!(back.offer.map(|offer| offer.to).as_deref(), Some("sato"));
    }

    #[test]
    fn a_late_acceptance_is_taken_while_nobody_holds_the_chair_and_refused_afterwards() {
        let begun = (0, Input::Begun { starter: None });
        let silent = (10, Input::TimerFired { number: 1 });
        let late = (11, Input::Accepted { by: "sato" });
        let (chair, wishes) = after(&["sato", "suzuki"], &[begun, silent, late]);
        assert_eq!((chair.holder.as_deref(), chair.state()), (Some("sato"), State::Accepted));
        assert!(wishes.contains(&Wish::WithdrawOffer { number: 2 }), "suzuki is no longer asked");
        let fill = people(&["sato", "suzuki"]);
        let refused = advance(&view(&fill, at(12)), &chair, Input::Accepted { by: "suzuki" });
        assert_eq!(refused, Err(Refusal::Held("sato".into())));
        let stranger = advance(&view(&fill, at(12)), &Chair::default(), Input::Accepted { by: "ito" });
        assert_eq!(stranger, Err(Refusal::NotAsked));
    }

    #[test]
    fn the_old_holder_keeps_the_chair_until_the_new_one_accepts() {
        let begun = (0, Input::Begun { starter: Some("sato") });
        let handing = (1, Input::Offered { to: "ito" });
        let (chair, _) = after(&["sato"], &[begun, handing]);
        assert_eq!((chair.holder.as_deref(), chair.state()), (Some("sato"), State::HandingOver));
        let (kept, wishes) = after(&["sato"], &[begun, handing, (11, Input::TimerFired { number: 1 })]);
        assert_eq!((kept.holder.as_deref(), kept.state()), (Some("sato"), State::Accepted));
        assert!(wishes.contains(&Wish::TellHolder) && !wishes.contains(&Wish::TellVacant));
        let (taken, wishes) = after(&["sato"], &[begun, handing, (2, Input::Accepted { by: "ito" })]);
        assert_eq!(taken.holder.as_deref(), Some("ito"));
        let fact = Fact::Accepted { by: "ito".into(), after: Some("sato".into()) };
        assert!(wishes.contains(&Wish::Record(fact)));
    }

    #[test]
    fn a_released_chair_is_offered_to_another() {
        let begun = (0, Input::Begun { starter: Some("sato") });
        let (chair, _) = after(&["sato", "suzuki"], &[begun, (5, Input::Released)]);
        assert_eq!(chair.holder, None);
        assert_eq!(chair.offer.map(|offer| offer.to).as_deref(), Some("suzuki"));
        let empty = advance(&view(&[], at(0)), &Chair::default(), Input::Released);
        assert_eq!(empty, Err(Refusal::NotHeld));
    }

    #[test]
    fn an_offer_that_cannot_be_delivered_goes_on_at_once() {
        let begun = (0, Input::Begun { starter: None });
        let (chair, _) = after(&["sato", "suzuki"], &[begun, (0, Input::Undelivered { number: 1 })]);
        assert_eq!(chair.offer.map(|offer| offer.to).as_deref(), Some("suzuki"));
    }

    #[test]
    fn somebody_without_an_address_is_not_asked_but_may_sit_down() {
        let fill = people(&["sato", "suzuki"]);
        let view = View { askable: &fill[1..], ..view(&fill, at(0)) };
        let (chair, _) =
            advance(&view, &Chair::default(), Input::Begun { starter: None }).expect("no refusal");
        assert_eq!(chair.offer.as_ref().map(|offer| offer.to.as_str()), Some("suzuki"));
        let (chair, _) = advance(&view, &chair, Input::Accepted { by: "sato" }).expect("on duty and in fill");
        assert_eq!(chair.holder.as_deref(), Some("sato"));
    }

    /// An input by number, so that sequences shrink well.
    fn input(kind: u8, who: usize, number: u32) -> Input<'static> {
        let who = PEOPLE[who % PEOPLE.len()];
        match kind % 8 {
            0 => Input::Begun { starter: Some(who) },
            1 | 2 => Input::Accepted { by: who },
            3 => Input::Declined { by: who },
            4 => Input::TimerFired { number },
            5 => Input::Offered { to: who },
            6 => Input::Released,
            _ => Input::Undelivered { number },
        }
    }

    proptest! {
        #[test]
        fn every_offer_ends_and_repeated_inputs_change_nothing(
            steps in prop::collection::vec((0u8..8, 0usize..4, 0u32..6, 0i64..15, 0usize..16), 0..40),
        ) {
            let (mut chair, _) = advance(
                &view(&people(&PEOPLE), at(0)), &Chair::default(), Input::Begun { starter: None },
            ).unwrap();
            let mut minute = 0;
            let mut timer = Some(at(10));
            for (kind, who, back, passed, duty) in steps {
                minute += passed;
                let fill: Vec<String> =
                    PEOPLE.iter().enumerate().filter(|(n, _)| duty & (1 << n) != 0).map(|(_, p)| (*p).to_owned()).collect();
                let view = view(&fill, at(minute));
                let input = input(kind, who, chair.number.saturating_sub(back));
                if matches!(input, Input::Begun { .. }) {
                    continue;
                }
                let Ok((next, wishes)) = advance(&view, &chair, input) else { continue };
                for wish in &wishes {
                    match wish {
                        Wish::SetTimer(due) => timer = Some(*due),
                        Wish::DropTimer => timer = None,
                        _ => {}
                    }
                }
                // Nobody is asked without an end, nobody asks who sits there, a new question has a new number.
                if let Some(offer) = &next.offer {
                    prop_assert_eq!(timer, Some(offer.until));
                    prop_assert_ne!(next.holder.as_ref(), Some(&offer.to));
                }
                prop_assert_eq!(wishes.contains(&Wish::Ask), next.number == chair.number + 1);
                // A chair passes on only by somebody's own word.
                if next.holder != chair.holder {
                    match input {
                        Input::Accepted { by } => prop_assert_eq!(next.holder.as_deref(), Some(by)),
                        Input::Released => prop_assert_eq!(&next.holder, &None),
                        other => prop_assert!(false, "{:?} moved the holder", other),
                    }
                }
                if let Ok((again, repeated)) = advance(&view, &next, input)
                    && !matches!(input, Input::Released)
                {
                    prop_assert_eq!(&again, &next);
                    prop_assert!(repeated.iter().all(|wish| matches!(wish, Wish::SetTimer(_) | Wish::DropTimer)));
                }
                chair = next;
            }
            // Left alone, the walk along `fill` comes to its end.
            let fill = people(&PEOPLE);
            for _ in 0..=PEOPLE.len() {
                minute += 10;
                let fired = Input::TimerFired { number: chair.number };
                chair = advance(&view(&fill, at(minute)), &chair, fired).unwrap().0;
            }
            prop_assert!(matches!(chair.state(), State::Vacant | State::Accepted), "{:?}", chair);
        }
    }
}
