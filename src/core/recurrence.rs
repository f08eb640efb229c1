//! Rules of recurrence (RFC 5545, section 3.3.10): when something happens next, in local wall time.
//!
//! A rule counts from Monday, 1 January 2024, midnight of its zone, so that the same text means the same moments on
//! every machine and after every restart. Days whose wall time does not exist (clocks go forward) are passed over by
//! the calendar library; it is the reason why a schedule should not stand between 02:00 and 03:00 in such zones.

use chrono::TimeZone;
use chrono_tz::Tz;
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};

use crate::{text::Text, time::Timestamp};

/// A rule that was read.
#[derive(Clone, Debug)]
pub struct Recurrence(RRuleSet);

impl Recurrence {
    /// Reads the text of a rule. Errors say what is wrong and what to write.
    ///
    /// Bounded: hourly is the finest frequency; `COUNT` is refused, because a playbook has no first day to count from.
    pub fn read(rule: &str, zone: Tz) -> Result<Self, Text> {
        let parsed: RRule<Unvalidated> = rule.parse().map_err(|error| {
            Text::both(
                format!("繰り返しの規則として読めません({error})。"),
                format!("This cannot be read as a recurrence rule ({error})."),
            )
        })?;
        if matches!(parsed.get_freq(), Frequency::Minutely | Frequency::Secondly) {
            return Err(Text::both(
                "1時間より細かい繰り返しは使えません。",
                "Nothing more frequent than hourly can be scheduled.",
            ));
        }
        if parsed.get_count().is_some() {
            return Err(Text::both(
                "COUNT は使えません。数え始める日がないためです。UNTIL を使ってください。",
                "COUNT cannot be used, because there is no first day to count from; use UNTIL.",
            ));
        }
        let zone = rrule::Tz::Tz(zone);
        let first = zone
            .with_ymd_and_hms(2024, 1, 1, 0, 0, 0)
            .earliest()
            .ok_or_else(|| Text::both("この時間帯は使えません。", "This zone cannot be used."))?;
        let set = parsed.build(first).map_err(|error| {
            Text::both(
                format!("繰り返しの規則に誤りがあります({error})。"),
                format!("The recurrence rule is wrong ({error})."),
            )
        })?;
        Ok(Self(set.limit()))
    }

    /// The first moment after `after`; `None` when there is none any more.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        // The library counts the given moment in.
        let from = after.to_utc().with_timezone(&rrule::Tz::UTC);
        let dates = self.0.clone().after(from).all(2).dates;
        dates.into_iter().map(|date| Timestamp(date.timestamp_millis())).find(|at| *at > after)
    }

    /// How many moments lie after `after` and not after `until`, and the last of them; counts to 1,000 at most.
    pub fn between(&self, after: Timestamp, until: Timestamp) -> (usize, Option<Timestamp>) {
        let mut count = 0;
        let mut last = None;
        let mut from = after;
        while count < 1000
            && let Some(next) = self.next(from).filter(|next| *next <= until)
        {
            count += 1;
            last = Some(next);
            from = next;
        }
        (count, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn the_first_monday_of_each_month_at_ten_is_found_in_its_own_zone() {
        let tokyo = chrono_tz::Asia::Tokyo;
        let rule = Recurrence::read("FREQ=MONTHLY;BYDAY=1MO;BYHOUR=10;BYMINUTE=0", tokyo).unwrap();
        let first = rule.next(at("2026-11-24T03:14:00+09:00")).unwrap();
        assert_eq!(first, at("2026-12-07T10:00:00+09:00"));
        assert_eq!(rule.next(first), Some(at("2027-01-04T10:00:00+09:00")));
        assert_eq!(rule.next(at("2026-12-07T09:59:59.999+09:00")), Some(first));
    }

    #[test]
    fn a_daily_rule_keeps_its_wall_time_when_clocks_are_moved() {
        let berlin = chrono_tz::Europe::Berlin;
        let rule = Recurrence::read("FREQ=DAILY;BYHOUR=9;BYMINUTE=30", berlin).unwrap();
        assert_eq!(rule.next(at("2027-03-27T12:00:00+01:00")), Some(at("2027-03-28T09:30:00+02:00")));
        assert_eq!(rule.next(at("2027-10-30T12:00:00+02:00")), Some(at("2027-10-31T09:30:00+01:00")));
    }

    #[test]
    fn what_was_missed_is_counted() {
        let tokyo = chrono_tz::Asia::Tokyo;
        let rule = Recurrence::read("FREQ=DAILY;BYHOUR=9", tokyo).unwrap();
        let (count, last) = rule.between(at("2026-11-01T09:00:00+09:00"), at("2026-11-04T12:00:00+09:00"));
        assert_eq!((count, last), (3, Some(at("2026-11-04T09:00:00+09:00"))));
    }

    #[test]
    fn rules_without_bounds_are_refused_with_a_sentence() {
        let tokyo = chrono_tz::Asia::Tokyo;
        for rule in [
            "",
            "every monday",
            "FREQ=MINUTELY",
            "FREQ=SECONDLY",
            "FREQ=DAILY;COUNT=3",
            "FREQ=DAILY;BYHOUR=25",
        ] {
            let said = Recurrence::read(rule, tokyo).expect_err(rule);
            assert!(said.en.is_some_and(|en| en.ends_with('.')), "{rule}");
        }
        let over = Recurrence::read("FREQ=DAILY;UNTIL=20250101T000000Z", tokyo).unwrap();
        assert_eq!(over.next(at("2026-01-01T00:00:00+09:00")), None);
    }
}
