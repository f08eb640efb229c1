//! Chairs by example, and what holds for every sequence of inputs.

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
fn somebody_who_was_off_duty_and_declines_a_question_by_hand_is_not_asked_again_at_once() {
    let chair = Chair { asked: vec![Asked { person: "sato".into(), away: true }], ..Chair::default() };
    let fill = people(&["sato"]);
    let (asked, _) = advance(&view(&fill, at(0)), &chair, Input::Offered { to: "sato" }).expect("no refusal");
    let (left, wishes) =
        advance(&view(&fill, at(1)), &asked, Input::Declined { by: "sato" }).expect("no refusal");
    assert_eq!(left.state(), State::Vacant);
    assert!(wishes.contains(&Wish::TellVacant) && !wishes.contains(&Wish::Ask));
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
    let (chair, _) = advance(&view, &Chair::default(), Input::Begun { starter: None }).expect("no refusal");
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
