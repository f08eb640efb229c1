//! What holds for every roster in every zone: checked against a clock that is read minute by minute.

use chrono::{Duration, NaiveDate, NaiveDateTime, NaiveTime};
use proptest::prelude::*;

use super::*;
use crate::directory::{Gap, Override};

/// Zones whose clocks move by an hour or by half an hour, north and south, never, and once by a whole day (Apia).
const ZONES: [Tz; 9] = [
    Tz::Europe__London,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::Asia__Tokyo,
    Tz::America__Santiago,
    Tz::Africa__Casablanca,
    Tz::Pacific__Apia,
    Tz::Asia__Kathmandu,
    Tz::Pacific__Chatham,
];

/// Days around which clocks move, years end, and February has a 29th day.
const DAYS: [&str; 14] = [
    "2026-03-08",
    "2026-03-29",
    "2026-04-05",
    "2026-10-04",
    "2026-10-25",
    "2026-11-01",
    "2026-12-31",
    "2027-03-14",
    "2027-03-28",
    "2028-02-28",
    "2028-02-29",
    "2028-12-31",
    "2011-12-30",
    "2026-09-27",
];

const MINUTE: i64 = 60_000;
const MEMBERS: [&str; 3] = ["sato", "suzuki", "tanaka"];

fn wall(day: &str, minute: i64) -> NaiveDateTime {
    let day: NaiveDate = day.parse().expect("a day of the table");
    day.and_time(NaiveTime::MIN) + Duration::minutes(minute)
}

fn roster(zone: Tz, rotate: Option<Rotation>) -> Roster {
    let members = MEMBERS.map(str::to_owned).into();
    Roster { title: None, members, rotate, zone, overrides: Vec::new(), gaps: Vec::new() }
}

fn directory(roster: Roster, covers: Vec<Cover>) -> Directory {
    let text = "apiVersion: noroshi/v1\nkind: Directory\nmetadata: { key: t, title: t, verified_on: 2026-11-01 }\n\
                transports:\n  phone: { driver: human_call }\npeople:\n  p: { name: p }\nagencies: {}\n";
    let mut directory = super::super::read(text.as_bytes()).0.expect("a small directory");
    directory.rosters.insert("duty".into(), roster);
    directory.covers = covers;
    directory
}

/// Reads the wall clock each minute and counts the turns that have begun: the highest it has ever shown.
fn turns_by_the_clock(turns: &Turns<'_>, from: Timestamp, minutes: i64) -> Vec<i64> {
    // What stood on the clock during the day before may still be the highest.
    let before = from.0 - 26 * 60 * MINUTE;
    let mut highest = i64::MIN;
    let mut shown = Vec::new();
    for minute in 0..minutes + 26 * 60 {
        let at = Timestamp(before + minute * MINUTE);
        let clock = at.to_utc().with_timezone(&turns.zone).naive_local();
        highest = highest.max((clock - turns.first).num_minutes().div_euclid(turns.minutes));
        if at >= from {
            shown.push(highest);
        }
    }
    shown
}

fn rotation() -> impl Strategy<Value = Rotation> {
    let every = prop_oneof![
        Just(Turn::Daily),
        Just(Turn::Weekly),
        prop::sample::select(vec![10, 30, 45, 60, 480, 720, 2_880])
            .prop_map(|minutes| Turn::Every(Span::minutes(minutes))),
    ];
    (every, 0i64..24 * 60, prop::sample::select(vec!["2026-02-28", "2024-02-29", "2011-01-01", "2030-06-01"]))
        .prop_map(|(every, handover, since)| Rotation {
            every,
            since: since.parse().expect("a day"),
            handover: (NaiveTime::MIN + Duration::minutes(handover)),
        })
}

fn place() -> impl Strategy<Value = (Tz, &'static str, i64)> {
    (prop::sample::select(&ZONES[..]), prop::sample::select(&DAYS[..]), -24 * 60i64..24 * 60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn one_person_is_on_duty_and_it_is_the_one_whom_the_clock_names(
        (zone, day, minute) in place(), rotate in rotation(),
    ) {
        let roster = roster(zone, Some(rotate));
        let from = instant(wall(day, minute), zone);
        // Moments of whole minutes, so that the clock shows each.
        let from = Timestamp(from.0.div_euclid(MINUTE) * MINUTE);
        let turns = Turns::of(&roster).expect("a rotation");
        for (minute, turn) in turns_by_the_clock(&turns, from, 30 * 60).into_iter().enumerate() {
            let at = Timestamp(from.0 + i64::try_from(minute).unwrap() * MINUTE);
            let expected = MEMBERS[usize::try_from(turn.rem_euclid(3)).unwrap()];
            prop_assert_eq!(on_duty(&roster, at), [expected], "{} at {}", zone, at.rfc3339(zone));
        }
    }

    #[test]
    fn handovers_ascend_and_the_turn_passes_on_at_each_and_nowhere_else(
        (zone, day, minute) in place(), rotate in rotation(), days in 1i64..4,
    ) {
        let roster = roster(zone, Some(rotate));
        let from = instant(wall(day, minute), zone);
        let to = from + Span::minutes(days * 24 * 60);
        let found = handovers(&roster, from, to);
        prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(found.iter().all(|at| from < *at && *at < to));
        let turns = Turns::of(&roster).expect("a rotation");
        let mut turn = turns.at(from);
        for at in &found {
            prop_assert_eq!(turns.at(Timestamp(at.0 - 1)), turn);
            prop_assert!(turns.at(*at) > turn);
            turn = turns.at(*at);
        }
        prop_assert_eq!(turns.at(Timestamp(to.0 - 1)), turn);
    }

    #[test]
    fn shifts_abut_without_hole_or_overlap_and_say_who_is_there(
        (zone, day, minute) in place(),
        rotate in prop::option::of(rotation()),
        others in prop::collection::vec((-40i64..40, 1i64..40, any::<bool>()), 0..4),
        covers in prop::collection::vec((0i64..72, 1i64..48, 0usize..3), 0..3),
        probes in prop::collection::vec(0i64..72 * 60, 20),
    ) {
        let begin = wall(day, minute);
        let mut roster = roster(zone, rotate);
        for (start, hours, named) in others {
            let from = begin + Duration::hours(start);
            let to = from + Duration::hours(hours);
            if named {
                roster.overrides.push(Override { from, to, members: vec!["abe".into()], because: None });
            } else {
                roster.gaps.push(Gap { from, to, because: None });
            }
        }
        let from = instant(begin, zone);
        let to = from + Span::minutes(72 * 60);
        let covers = covers.into_iter().map(|(start, hours, who)| Cover {
            roster: None,
            absent: MEMBERS[who].into(),
            stand_in: format!("for_{}", MEMBERS[who]),
            from: from + Span::minutes(start * 60),
            to: from + Span::minutes((start + hours) * 60),
        });
        let planned = roster.clone();
        let directory = directory(roster, covers.collect());
        let shifts = directory.shifts("duty", from, to);
        prop_assert_eq!(shifts.first().map(|shift| shift.from), Some(from));
        prop_assert_eq!(shifts.last().map(|shift| shift.to), Some(to));
        prop_assert!(shifts.iter().all(|shift| shift.from < shift.to));
        prop_assert!(shifts.windows(2).all(|pair| pair[0].to == pair[1].from && pair[0] != pair[1]));
        let edges = shifts.iter().flat_map(|shift| [shift.from, Timestamp(shift.to.0 - 1)]);
        for at in edges.chain(probes.iter().map(|minute| from + Span::minutes(*minute))).collect::<Vec<_>>() {
            let shift = shifts.iter().find(|shift| shift.from <= at && at < shift.to).expect("no hole");
            prop_assert_eq!(&shift.people, &directory.on_duty("duty", at));
            // A cover replaces one by one: as many are there as the file plans.
            prop_assert_eq!(shift.people.len(), on_duty(&planned, at).len());
            let expected = match (shift.why, &planned.rotate) {
                (Why::Gap, _) => 0,
                (Why::Override, _) | (Why::Turn, Some(_)) => 1,
                (Why::Turn, None) => MEMBERS.len(),
            };
            prop_assert_eq!(shift.people.len(), expected);
            for person in &shift.people {
                let covered = directory.covers.iter().any(|cover| cover.absent == *person && cover.from <= at && at < cover.to);
                prop_assert!(!covered, "{} is away", person);
            }
        }
    }

    #[test]
    fn the_next_change_is_the_first_moment_with_others_on_duty(
        (zone, day, minute) in place(), rotate in rotation(),
    ) {
        let directory = directory(roster(zone, Some(rotate)), Vec::new());
        let at = instant(wall(day, minute), zone);
        let change = directory.next_change(["duty"], at).expect("a rotation of three passes on");
        prop_assert!(change > at);
        prop_assert_ne!(directory.on_duty("duty", change), directory.on_duty("duty", at));
        let shifts = directory.shifts("duty", at, change);
        prop_assert_eq!(shifts.len(), 1, "nothing changes before");
    }
}

#[test]
fn a_roster_that_never_changes_has_no_next_change() {
    let directory = directory(roster(Tz::Asia__Tokyo, None), Vec::new());
    assert_eq!(directory.next_change(["duty", "unknown"], Timestamp(0)), None);
}
