//! Rules of recurrence (RFC 5545, section 3.3.10): when something happens next, in local wall time.
//!
//! A rule counts from Monday, 1 January 2024, midnight of its zone, so that the same text means the same moments on
//! every machine and after every restart. Days whose wall time does not exist (clocks go forward) are passed over by
//! the calendar library; it is the reason why a schedule should not stand between 02:00 and 03:00 in such zones.

use chrono::TimeZone;
use chrono_tz::Tz;
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};

use crate::{text::Text, time::Timestamp, yaml::fields::shortened};

/// A rule that was read.
#[derive(Clone, Debug)]
pub struct Recurrence(RRuleSet);

impl Recurrence {
    /// Reads the text of a rule. Errors say what is wrong and what to write.
    ///
    /// Bounded: hourly is the finest frequency; `COUNT` is refused, because a playbook has no first day to count from.
    pub fn read(rule: &str, zone: Tz) -> Result<Self, Text> {
        // The library reads a rule of other letters than ASCII by bytes, and would panic.
        if let Some(wrong) = wrong_part(rule) {
            return Err(wrong);
        }
        let parsed: RRule<Unvalidated> = rule.parse().map_err(|error| {
            Text::both(
                "繰り返しの規則として読めません。",
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
                "繰り返しの規則の項目が、互いに合いません。",
                format!("The parts of the recurrence rule do not fit each other ({error})."),
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

/// The parts of a rule, each with the numbers that it takes, where it takes numbers (RFC 5545, section 3.3.10).
const PARTS: [(&str, Option<(i32, i32)>); 14] = [
    ("FREQ", None),
    ("UNTIL", None),
    ("COUNT", Some((1, i32::MAX))),
    ("INTERVAL", Some((1, i32::MAX))),
    ("BYSECOND", Some((0, 59))),
    ("BYMINUTE", Some((0, 59))),
    ("BYHOUR", Some((0, 23))),
    ("BYDAY", None),
    ("BYMONTHDAY", Some((-31, 31))),
    ("BYYEARDAY", Some((-366, 366))),
    ("BYWEEKNO", Some((-53, 53))),
    ("BYMONTH", Some((1, 12))),
    ("BYSETPOS", Some((-366, 366))),
    ("WKST", None),
];
const FREQUENCIES: [&str; 5] = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"];
const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// The first part of a rule that cannot be read, in words; `None` where each is right by itself.
fn wrong_part(rule: &str) -> Option<Text> {
    let mut has_frequency = false;
    for part in rule.split(';') {
        let shown = shortened(part);
        let Some((name, value)) = part.split_once('=') else {
            return Some(Text::both(
                format!("「{shown}」が「項目=値」の形ではありません。"),
                format!("\"{shown}\" has not the form NAME=VALUE."),
            ));
        };
        let Some((name, numbers)) = PARTS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
        else {
            let name = shortened(name);
            let known = PARTS.map(|(known, _)| known);
            return Some(Text::both(
                format!("「{name}」という項目は規則にありません。書けるもの: {}。", known.join("、")),
                format!("A rule has no part \"{name}\". Known are {}.", known.join(", ")),
            ));
        };
        has_frequency |= name == "FREQ";
        let fits = |word: &str| match (name, numbers) {
            (_, Some((least, most))) => {
                word.parse().is_ok_and(|number: i32| (least..=most).contains(&number))
            }
            // Finer ones are told by themselves.
            ("FREQ", _) => FREQUENCIES
                .into_iter()
                .chain(["MINUTELY", "SECONDLY"])
                .any(|known| known.eq_ignore_ascii_case(word)),
            ("BYDAY", _) => DAYS.iter().any(|day| {
                let nth = word.to_ascii_uppercase();
                nth.strip_suffix(day).is_some_and(|nth| nth.is_empty() || nth.parse::<i32>().is_ok())
            }),
            ("WKST", _) => DAYS.iter().any(|day| day.eq_ignore_ascii_case(word)),
            _ => word.is_ascii(),
        };
        if let Some(word) = value.split(',').find(|word| !fits(word)) {
            let (ja, en) = match (name, numbers) {
                (_, Some((least, i32::MAX))) => {
                    (format!("{least} 以上の整数"), format!("a whole number from {least} on"))
                }
                (_, Some((least, most))) => {
                    (format!("{least} から {most} の整数"), format!("a whole number from {least} to {most}"))
                }
                ("FREQ", _) => (FREQUENCIES.join("、"), FREQUENCIES.join(", ")),
                ("UNTIL", _) => ("20271231T000000Z".into(), "20271231T000000Z".into()),
                _ => (DAYS.join("、"), DAYS.join(", ")),
            };
            let word = shortened(word);
            return Some(Text::both(
                format!("{name} に「{word}」は書けません。書けるもの: {ja}。"),
                format!("{name} cannot be \"{word}\"; it takes {en}."),
            ));
        }
    }
    (!has_frequency).then(|| {
        Text::both(
            format!("FREQ がありません。書けるもの: {}。", FREQUENCIES.join("、")),
            format!("FREQ is missing; it takes {}.", FREQUENCIES.join(", ")),
        )
    })
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
    fn the_part_that_is_wrong_is_named_in_both_languages() {
        for (rule, ja, en) in [
            ("毎週月曜", "「毎週月曜」が「項目=値」の形ではありません。", "NAME=VALUE"),
            ("FREQ=FORTNIGHTLY", "FREQ に「FORTNIGHTLY」は書けません。", "MONTHLY"),
            (
                "FREQ=DAILY;BYHOUR=25",
                "BYHOUR に「25」は書けません。書けるもの: 0 から 23 の整数。",
                "from 0 to 23",
            ),
            ("FREQ=WEEKLY;BYDAY=MO,月", "BYDAY に「月」は書けません。", "MO, TU"),
            ("FREQ=DAILY;UNTIL=来年", "UNTIL に「来年」は書けません。", "20271231T000000Z"),
            ("FREQ=WEEKLY;ON=MO", "「ON」という項目は規則にありません。", "BYDAY"),
            ("BYDAY=MO", "FREQ がありません。", "FREQ is missing"),
            (
                "FREQ=MONTHLY;BYWEEKNO=3",
                "繰り返しの規則の項目が、互いに合いません。",
                "do not fit each other",
            ),
        ] {
            let said = Recurrence::read(rule, chrono_tz::Asia::Tokyo).expect_err(rule);
            assert!(said.ja.contains(ja), "{rule}: {said:?}");
            assert!(said.en.as_ref().is_some_and(|said| said.contains(en)), "{rule}: {said:?}");
        }
        for rule in ["FREQ=MONTHLY;BYDAY=+2TU,-1FR;BYHOUR=10;BYMINUTE=0", "FREQ=WEEKLY;BYDAY=MO;WKST=SU"] {
            assert!(Recurrence::read(rule, chrono_tz::Asia::Tokyo).is_ok(), "{rule}");
        }
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
