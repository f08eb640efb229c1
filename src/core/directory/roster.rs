//! Who is on duty when.
//!
//! 1. An override whose time it is names the people.
//! 2. Else a gap whose time it is means nobody.
//! 3. Else the rotation names one person, or all are on duty where there is no rotation.
//! 4. Whoever of them is covered for is replaced by who stands in.
//!
//! What files say is local wall time. A wall minute that does not exist on a day (clocks go forward) moves to the next
//! existing one; a minute that exists twice (clocks go back) is the first of the two. Covers are made in the running
//! service and are moments.

use chrono::{Duration, LocalResult, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use super::{Cover, Directory, Roster, Rotation, Turn};
use crate::{
    text::Text,
    time::{Span, Timestamp},
};

/// How far a change of duty is looked for.
const HORIZON: Span = Span::minutes(400 * 24 * 60);

/// A time during which the same people are on duty for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Included.
    pub from: Timestamp,
    /// Not included: the next shift begins here.
    pub to: Timestamp,
    /// People keys, in order; nobody in a gap.
    pub people: Vec<String>,
    /// Why they are.
    pub why: Why,
    /// The reason that was written down for it.
    pub because: Option<Text>,
}

/// Why somebody, or nobody, is on duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is their turn.
    Turn,
    /// The file names others for this time.
    Override,
    /// The file names nobody for this time.
    Gap,
}

/// The people on duty at a moment as the file plans it, in order; nobody in a gap.
pub fn on_duty(roster: &Roster, at: Timestamp) -> Vec<&str> {
    planned(roster, at).0
}

fn planned(roster: &Roster, at: Timestamp) -> (Vec<&str>, Why, Option<&Text>) {
    let during = |from, to| instant(from, roster.zone) <= at && at < instant(to, roster.zone);
    if let Some(other) = roster.overrides.iter().find(|other| during(other.from, other.to)) {
        let people = other.members.iter().map(String::as_str).collect();
        return (people, Why::Override, other.because.as_ref());
    }
    if let Some(gap) = roster.gaps.iter().find(|gap| during(gap.from, gap.to)) {
        return (Vec::new(), Why::Gap, gap.because.as_ref());
    }
    let people = match Turns::of(roster) {
        None => roster.members.iter().map(String::as_str).collect(),
        Some(turns) => turns.member(at).into_iter().collect(),
    };
    (people, Why::Turn, None)
}

impl Cover {
    fn speaks_of(&self, roster: &str, at: Timestamp) -> bool {
        self.roster.as_deref().is_none_or(|key| key == roster) && self.from <= at && at < self.to
    }
}

impl Directory {
    /// The people on duty of a roster at a moment, in order, those who stand in for others included; nobody for an
    /// unknown roster.
    pub fn on_duty(&self, roster: &str, at: Timestamp) -> Vec<&str> {
        self.rosters
            .get(roster)
            .map_or_else(Vec::new, |found| self.with_covers(roster, on_duty(found, at), at))
    }

    fn with_covers<'d>(&'d self, roster: &str, people: Vec<&'d str>, at: Timestamp) -> Vec<&'d str> {
        let mut there: Vec<&str> = Vec::with_capacity(people.len());
        for person in people {
            let cover =
                self.covers.iter().find(|cover| cover.absent == person && cover.speaks_of(roster, at));
            let person = cover.map_or(person, |cover| cover.stand_in.as_str());
            if !there.contains(&person) {
                there.push(person);
            }
        }
        there
    }

    /// The covers by which somebody else than planned is on duty of a roster at a moment.
    pub fn covers_at(&self, roster: &str, at: Timestamp) -> Vec<&Cover> {
        let Some(found) = self.rosters.get(roster) else { return Vec::new() };
        let (people, ..) = planned(found, at);
        let cover = |person: &str| {
            self.covers.iter().find(|cover| cover.absent == person && cover.speaks_of(roster, at))
        };
        people.into_iter().filter_map(cover).collect()
    }

    /// The shifts of a roster from one moment to another: they abut, and the first and the last are cut to fit.
    /// Neighbours with the same people for the same reason are one shift. Empty for an unknown roster.
    pub fn shifts(&self, roster: &str, from: Timestamp, to: Timestamp) -> Vec<Shift> {
        let Some(found) = self.rosters.get(roster) else { return Vec::new() };
        let mut shifts: Vec<Shift> = Vec::new();
        let begins = std::iter::once(from).chain(self.changes(roster, found, from, to));
        for begin in begins.filter(|_| from < to) {
            let (people, why, because) = planned(found, begin);
            let people = self.with_covers(roster, people, begin).into_iter().map(str::to_owned).collect();
            let because = because.cloned();
            match shifts.last_mut() {
                Some(last) if last.people == people && last.why == why && last.because == because => {}
                last => {
                    if let Some(last) = last {
                        last.to = begin;
                    }
                    shifts.push(Shift { from: begin, to, people, why, because });
                }
            }
        }
        shifts
    }

    /// When others are on duty of any of these rosters than at `at`, for the first time; `None` where that is more
    /// than a year away.
    pub fn next_change<'k>(
        &self,
        rosters: impl IntoIterator<Item = &'k str>,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let of_one = |key: &str| {
            let found = self.rosters.get(key)?;
            let now = self.on_duty(key, at);
            // A week at a time: most rosters change by tomorrow.
            let mut from = at;
            while from < at + HORIZON {
                let to = from + Span::minutes(7 * 24 * 60);
                let changes = self.changes(key, found, from, to);
                if let Some(change) = changes.into_iter().find(|change| self.on_duty(key, *change) != now) {
                    return Some(change);
                }
                // Not included before: a change at exactly this moment.
                from = Timestamp(to.0 - 1);
            }
            None
        };
        rosters.into_iter().filter_map(of_one).min()
    }

    /// The moments between the two, both excluded, at which duty may pass on: strictly ascending.
    fn changes(&self, key: &str, roster: &Roster, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let mut found = handovers(roster, from, to);
        let walls = roster.overrides.iter().flat_map(|other| [other.from, other.to]);
        let walls = walls.chain(roster.gaps.iter().flat_map(|gap| [gap.from, gap.to]));
        found.extend(walls.map(|wall| instant(wall, roster.zone)));
        let covers =
            self.covers.iter().filter(|cover| cover.roster.as_deref().is_none_or(|other| other == key));
        found.extend(covers.flat_map(|cover| [cover.from, cover.to]));
        found.retain(|moment| from < *moment && *moment < to);
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The moments between the two, both excluded, at which the rotation passes the turn on: strictly ascending.
pub fn handovers(roster: &Roster, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let Some(turns) = Turns::of(roster) else { return Vec::new() };
    let mut turn = turns.at(from);
    let mut found: Vec<Timestamp> = Vec::new();
    loop {
        turn += 1;
        match turns.begin(turn) {
            Some(begin) if begin < to => {
                // Turns that would pass within an hour that does not exist begin together: the last one stands.
                if begin > from && found.last().is_none_or(|last| *last < begin) {
                    found.push(begin);
                }
            }
            _ => return found,
        }
    }
}

/// The turns of a rotation, by number: 0 is the first member's first.
struct Turns<'r> {
    members: &'r [String],
    first: NaiveDateTime,
    minutes: i64,
    zone: Tz,
}

impl<'r> Turns<'r> {
    fn of(roster: &'r Roster) -> Option<Self> {
        let Rotation { every, since, handover } = roster.rotate.as_ref()?;
        let minutes = match every {
            Turn::Daily => 24 * 60,
            Turn::Weekly => 7 * 24 * 60,
            Turn::Every(span) => (span.0 / 60_000).max(1),
        };
        let first = since.and_time(*handover);
        Some(Self { members: &roster.members, first, minutes, zone: roster.zone })
    }

    /// When a turn begins.
    fn begin(&self, turn: i64) -> Option<Timestamp> {
        let after = Duration::try_minutes(turn.checked_mul(self.minutes)?)?;
        Some(instant(self.first.checked_add_signed(after)?, self.zone))
    }

    /// The turn that runs at a moment.
    fn at(&self, at: Timestamp) -> i64 {
        // Wall minutes and real minutes differ by the hours that clocks were moved, so the turn found by division may
        // be off near a handover: the handovers themselves, as moments, decide.
        let wall = at.to_utc().with_timezone(&self.zone).naive_local();
        let mut turn = (wall - self.first).num_minutes().div_euclid(self.minutes);
        while self.begin(turn).is_some_and(|begin| begin > at) {
            turn -= 1;
        }
        while self.begin(turn + 1).is_some_and(|begin| begin <= at) {
            turn += 1;
        }
        turn
    }

    fn member(&self, at: Timestamp) -> Option<&'r str> {
        let members = i64::try_from(self.members.len()).ok().filter(|members| *members > 0)?;
        let index = usize::try_from(self.at(at).rem_euclid(members)).ok()?;
        self.members.get(index).map(String::as_str)
    }
}

/// The moment of a wall time.
pub fn instant(wall: NaiveDateTime, zone: Tz) -> Timestamp {
    // Clocks have never been moved by more than a day.
    let mut candidate = wall;
    for _ in 0..=24 * 60 {
        match zone.from_local_datetime(&candidate) {
            LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => {
                return Timestamp(moment.timestamp_millis());
            }
            // The day goes on with a whole minute.
            LocalResult::None => {
                let minute = candidate.with_second(0).and_then(|wall| wall.with_nanosecond(0));
                match minute.and_then(|minute| minute.checked_add_signed(Duration::minutes(1))) {
                    Some(next) => candidate = next,
                    None => break,
                }
            }
        }
    }
    Timestamp(wall.and_utc().with_timezone(&Utc).timestamp_millis())
}

#[cfg(test)]
mod laws;

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
