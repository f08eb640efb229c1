//! Who is on duty now.
//!
//! 1. An override whose time it is names the people.
//! 2. Else a gap whose time it is means nobody.
//! 3. Else the rotation names one person, or all are on duty where there is no rotation.
//!
//! Everything is written in local wall time. A wall minute that does not exist on a day (clocks go forward) moves to
//! the next existing one; a minute that exists twice (clocks go back) is the first of the two.

use chrono::{Duration, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::{Roster, Rotation, Turn};
use crate::time::Timestamp;

/// The people on duty at a moment, in order; nobody in a gap.
pub fn on_duty(roster: &Roster, at: Timestamp) -> Vec<&str> {
    let during = |from, to| instant(from, roster.zone) <= at && at < instant(to, roster.zone);
    if let Some(other) = roster.overrides.iter().find(|other| during(other.from, other.to)) {
        return other.members.iter().map(String::as_str).collect();
    }
    if roster.gaps.iter().any(|gap| during(gap.from, gap.to)) {
        return Vec::new();
    }
    match &roster.rotate {
        None => roster.members.iter().map(String::as_str).collect(),
        Some(rotation) => whose_turn(roster, rotation, at).into_iter().collect(),
    }
}

fn whose_turn<'r>(roster: &'r Roster, rotation: &Rotation, at: Timestamp) -> Option<&'r str> {
    let members = i64::try_from(roster.members.len()).ok().filter(|members| *members > 0)?;
    let minutes = match rotation.every {
        Turn::Daily => 24 * 60,
        Turn::Weekly => 7 * 24 * 60,
        Turn::Every(span) => (span.0 / 60_000).max(1),
    };
    let first = rotation.since.and_time(rotation.handover);
    let wall = at.to_utc().with_timezone(&roster.zone).naive_local();
    // Wall minutes and real minutes differ by the hours that clocks were moved, so the turn found by division may be
    // off near a handover: the handovers themselves, as moments, decide.
    let begins = |turn: i64| {
        first
            .checked_add_signed(Duration::try_minutes(turn.checked_mul(minutes)?)?)
            .map(|wall| instant(wall, roster.zone))
    };
    let mut turn = (wall - first).num_minutes().div_euclid(minutes);
    while begins(turn).is_some_and(|begin| begin > at) {
        turn -= 1;
    }
    while begins(turn + 1).is_some_and(|begin| begin <= at) {
        turn += 1;
    }
    let index = usize::try_from(turn.rem_euclid(members)).ok()?;
    roster.members.get(index).map(String::as_str)
}

/// The moment of a wall time.
pub(crate) fn instant(wall: NaiveDateTime, zone: Tz) -> Timestamp {
    // Clocks have never been moved by more than a day.
    for minutes in 0..=24 * 60 {
        let Some(wall) = wall.checked_add_signed(Duration::minutes(minutes)) else { break };
        // Seconds of a minute that does not exist are dropped: the day goes on with a whole minute.
        match zone.from_local_datetime(&wall) {
            LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => {
                return Timestamp(moment.timestamp_millis());
            }
            LocalResult::None => {}
        }
    }
    Timestamp(wall.and_utc().with_timezone(&Utc).timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        directory::{Gap, Override},
        time::Span,
    };

    fn roster(zone: Tz, every: Option<Turn>, handover: &str) -> Roster {
        Roster {
            title: None,
            members: vec!["sato".into(), "suzuki".into(), "tanaka".into()],
            rotate: every.map(|every| Rotation {
                every,
                since: "2026-11-01".parse().unwrap(),
                handover: chrono::NaiveTime::parse_from_str(handover, "%H:%M").unwrap(),
            }),
            zone,
            overrides: Vec::new(),
            gaps: Vec::new(),
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn wall(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn without_a_rotation_all_are_on_duty_in_order() {
        let roster = roster(Tz::Asia__Tokyo, None, "00:00");
        assert_eq!(on_duty(&roster, at("2026-11-24T03:00:00+09:00")), ["sato", "suzuki", "tanaka"]);
    }

    #[test]
    fn a_turn_passes_on_at_its_wall_time() {
        let daily = roster(Tz::Asia__Tokyo, Some(Turn::Daily), "08:30");
        assert_eq!(on_duty(&daily, at("2026-11-01T08:30:00+09:00")), ["sato"]);
        assert_eq!(on_duty(&daily, at("2026-11-02T08:29:59.999+09:00")), ["sato"]);
        assert_eq!(on_duty(&daily, at("2026-11-02T08:30:00+09:00")), ["suzuki"]);
        assert_eq!(on_duty(&daily, at("2026-11-01T08:29:00+09:00")), ["tanaka"]);
        let weekly = roster(Tz::Asia__Tokyo, Some(Turn::Weekly), "08:30");
        assert_eq!(on_duty(&weekly, at("2026-11-08T08:29:00+09:00")), ["sato"]);
        assert_eq!(on_duty(&weekly, at("2026-11-08T08:30:00+09:00")), ["suzuki"]);
        let shifts = roster(Tz::Asia__Tokyo, Some(Turn::Every(Span::minutes(720))), "08:30");
        assert_eq!(on_duty(&shifts, at("2026-11-01T20:29:00+09:00")), ["sato"]);
        assert_eq!(on_duty(&shifts, at("2026-11-01T20:30:00+09:00")), ["suzuki"]);
    }

    #[test]
    fn a_handover_minute_that_does_not_exist_moves_to_the_next_existing_one() {
        // On 2027-03-28 Berlin's clocks go from 02:00 to 03:00.
        let night = roster(Tz::Europe__Berlin, Some(Turn::Daily), "02:30");
        let before = on_duty(&night, at("2027-03-28T01:59:59+01:00"));
        let after = on_duty(&night, at("2027-03-28T03:00:00+02:00"));
        assert_ne!(before, after);
        // The day after, the wall time holds again.
        assert_eq!(on_duty(&night, at("2027-03-29T02:29:00+02:00")), after);
        assert_ne!(on_duty(&night, at("2027-03-29T02:30:00+02:00")), after);
    }

    #[test]
    fn a_handover_minute_that_exists_twice_is_the_first() {
        // On 2026-10-25 Berlin's clocks go from 03:00 back to 02:00.
        let night = roster(Tz::Europe__Berlin, Some(Turn::Daily), "02:30");
        let after = on_duty(&night, at("2026-10-25T02:30:00+02:00"));
        assert_ne!(on_duty(&night, at("2026-10-25T02:29:00+02:00")), after);
        assert_eq!(on_duty(&night, at("2026-10-25T02:10:00+01:00")), after);
        assert_eq!(on_duty(&night, at("2026-10-25T02:30:00+01:00")), after);
    }

    #[test]
    fn an_override_stands_over_a_gap_and_a_gap_over_the_rotation() {
        let mut roster = roster(Tz::Asia__Tokyo, Some(Turn::Daily), "08:30");
        roster.gaps.push(Gap {
            from: wall("2026-12-30T00:00:00"),
            to: wall("2027-01-02T00:00:00"),
            because: None,
        });
        roster.overrides.push(Override {
            from: wall("2026-12-31T00:00:00"),
            to: wall("2027-01-01T00:00:00"),
            members: vec!["abe".into()],
            because: None,
        });
        assert_eq!(on_duty(&roster, at("2026-12-30T12:00:00+09:00")), [""; 0]);
        assert_eq!(on_duty(&roster, at("2026-12-31T12:00:00+09:00")), ["abe"]);
        assert_eq!(on_duty(&roster, at("2027-01-01T00:00:00+09:00")), [""; 0]);
        assert_eq!(on_duty(&roster, at("2027-01-02T00:00:00+09:00")).len(), 1);
    }
}
