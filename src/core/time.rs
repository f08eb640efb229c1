//! Moments and lengths of time. The core never asks what time it is: a [`Timestamp`] comes in as an argument.

use std::{
    fmt,
    ops::{Add, Sub},
    str::FromStr,
};

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A moment: milliseconds since 1970-01-01 UTC, the same on both databases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The calendar form in UTC; moments outside the calendar (never made by a clock) become its nearest end.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(if self.0 < 0 {
            DateTime::<Utc>::MIN_UTC
        } else {
            DateTime::<Utc>::MAX_UTC
        })
    }

    /// RFC 3339 with the offset of `zone`, to the millisecond: `2026-11-24T03:14:00.000+09:00`.
    pub fn rfc3339(self, zone: Tz) -> String {
        self.to_utc().with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Millis, false)
    }

    /// Reads RFC 3339 with an offset.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|moment| Self(moment.timestamp_millis()))
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// A length of time in milliseconds, written `90s`, `15m`, `1h30m`, `14d` in files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span(pub i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of whole seconds.
    pub const fn seconds(n: i64) -> Self {
        Self(n * 1000)
    }

    /// A span of whole minutes.
    pub const fn minutes(n: i64) -> Self {
        Self(n * 60_000)
    }
}

/// The text is not a length of time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a length of time; write for example 90s, 15m, 1h30m or 14d")]
pub struct NotASpan;

impl FromStr for Span {
    type Err = NotASpan;

    /// Units `d h m s`, largest first, each at most once, whole numbers without sign; at most ten years.
    fn from_str(text: &str) -> Result<Self, NotASpan> {
        const TEN_YEARS: i64 = 3653 * 86_400_000;
        let mut rest = text;
        let mut total: i64 = 0;
        for (unit, millis) in [('d', 86_400_000), ('h', 3_600_000), ('m', 60_000), ('s', 1000)] {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 || !rest[digits..].starts_with(unit) {
                continue;
            }
            let number: i64 = rest[..digits].parse().map_err(|_| NotASpan)?;
            total = number.checked_mul(millis).and_then(|n| total.checked_add(n)).ok_or(NotASpan)?;
            rest = &rest[digits + 1..];
        }
        if text.is_empty() || !rest.is_empty() || total > TEN_YEARS {
            return Err(NotASpan);
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Span {
    /// The form that [`FromStr`] reads; what is below a second is cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seconds = self.0 / 1000;
        if seconds == 0 {
            return f.write_str("0s");
        }
        if seconds < 0 {
            f.write_str("-")?;
            seconds = -seconds;
        }
        for (unit, size) in [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)] {
            if seconds >= size {
                write!(f, "{}{unit}", seconds / size)?;
                seconds %= size;
            }
        }
        Ok(())
    }
}

/// How an incident's own time follows real time: an affine map.
///
/// A real incident has rate 1. A drill at sixty-fold speed has rate 60, a paused drill rate 0. Ladders count own
/// time; facts (what was sent, answered, written when) are kept in real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// A real moment …
    pub real_origin: Timestamp,
    /// … and the own moment that it corresponds to.
    pub own_origin: Timestamp,
    /// Own milliseconds for each real millisecond, 0 or more.
    pub rate: u32,
}

impl Timeline {
    /// Own time runs with real time from `start` on.
    pub const fn real(start: Timestamp) -> Self {
        Self { real_origin: start, own_origin: start, rate: 1 }
    }

    /// Own time starts at `start` and runs `rate` times as fast.
    pub const fn at_rate(start: Timestamp, rate: u32) -> Self {
        Self { real_origin: start, own_origin: start, rate }
    }

    /// The own time at a real moment.
    pub fn own(&self, real: Timestamp) -> Timestamp {
        let passed = (real - self.real_origin).0.saturating_mul(i64::from(self.rate));
        self.own_origin + Span(passed)
    }

    /// The first real moment at which own time is `own` or later; `None` while time stands still before it.
    pub fn real_time_of(&self, own: Timestamp) -> Option<Timestamp> {
        let wanted = (own - self.own_origin).0;
        let rate = i64::from(self.rate);
        if rate == 0 {
            return (wanted <= 0).then_some(self.real_origin);
        }
        // Rounded up, so that a timer is never early.
        let passed = wanted.div_euclid(rate) + i64::from(wanted.rem_euclid(rate) != 0);
        Some(self.real_origin + Span(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_print_alike() {
        for (text, millis) in
            [("90s", 90_000), ("15m", 900_000), ("1h30m", 5_400_000), ("14d", 1_209_600_000), ("0m", 0)]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!(span, Span(millis));
            assert_eq!(span.to_string().parse(), Ok(span));
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in
            ["", "15", "m", "-5m", "5m5m", "30m1h", "1.5h", "15 m", "99999999999999999999d", "4000d", "５m"]
        {
            assert_eq!(text.parse::<Span>(), Err(NotASpan), "{text}");
        }
    }

    #[test]
    fn a_fast_drill_reaches_its_own_moments_sooner_and_never_early() {
        let line = Timeline::at_rate(Timestamp(1_000), 60);
        assert_eq!(line.own(Timestamp(2_000)), Timestamp(61_000));
        for own in [1_000, 1_001, 60_999, 61_000] {
            let real = line.real_time_of(Timestamp(own)).unwrap();
            assert!(line.own(real) >= Timestamp(own));
            assert!(line.own(Timestamp(real.0 - 1)) < Timestamp(own));
        }
    }

    #[test]
    fn a_paused_drill_reaches_nothing_more() {
        let line = Timeline { real_origin: Timestamp(5_000), own_origin: Timestamp(9_000), rate: 0 };
        assert_eq!(line.own(Timestamp(8_000)), Timestamp(9_000));
        assert_eq!(line.real_time_of(Timestamp(9_001)), None);
    }
}
