//! Moments as people read them: the site's wall clock and the distance from now, side by side.
//!
//! Pure functions of (now, zone, language). A clock alone makes people count, a distance alone cannot be written on
//! paper: pages show both, and `static/app.js` lets the distances tick in the same words (`data-…` of the body).

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;
use noroshi_core::{
    text::Language,
    time::{Span, Timestamp},
};

use crate::i18n::Words;

/// What is needed to say a moment: made once for each page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// The moment the page is made.
    pub now: Timestamp,
    /// The site's zone.
    pub zone: Tz,
    /// The reader's words.
    pub words: Words,
}

/// A moment ready to be shown: made by [`When::moment`], used by templates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// For `<time datetime>`: RFC 3339 with offset.
    pub iso: String,
    /// `03:49`, with the day where it is not today.
    pub clock: String,
    /// `2分後`, `12分前`, `いま`.
    pub away: String,
    /// Milliseconds since 1970, for the ticking script.
    pub millis: i64,
    /// Whether it is over.
    pub past: bool,
}

impl When {
    /// `03:07`.
    pub fn clock(&self, at: Timestamp) -> String {
        let local = self.local(at);
        format!("{:02}:{:02}", local.hour(), local.minute())
    }

    /// `11月24日(火)`, `Tue 24 Nov`.
    pub fn day(&self, at: Timestamp) -> String {
        const JA: [&str; 7] = ["月", "火", "水", "木", "金", "土", "日"];
        let local = self.local(at);
        match self.words.0 {
            Language::Ja | Language::EasyJa => {
                let day = JA[local.weekday().num_days_from_monday() as usize];
                format!("{}月{}日({day})", local.month(), local.day())
            }
            Language::En => local.format("%a %-d %b").to_string(),
        }
    }

    /// `11月24日(火) 03:07`.
    pub fn day_and_clock(&self, at: Timestamp) -> String {
        format!("{} {}", self.day(at), self.clock(at))
    }

    /// `2026年11月24日`, for dates that are months away.
    pub fn date(&self, date: chrono::NaiveDate) -> String {
        match self.words.0 {
            Language::Ja | Language::EasyJa => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
            Language::En => date.format("%-d %b %Y").to_string(),
        }
    }

    /// The clock alone today, day and clock otherwise.
    pub fn short(&self, at: Timestamp) -> String {
        if self.local(at).date_naive() == self.local(self.now).date_naive() {
            self.clock(at)
        } else {
            self.day_and_clock(at)
        }
    }

    /// `2分後` or `12分前`, `いま` within a second.
    pub fn away(&self, at: Timestamp) -> String {
        let span = at - self.now;
        if span.0.abs() < 1000 {
            return self.words.get("when-now");
        }
        let key = if span.0 > 0 { "when-in" } else { "when-ago" };
        self.words.with(key, &[("span", self.length(span).into())])
    }

    /// `あと18分`; `期限切れ` afterwards.
    pub fn left(&self, at: Timestamp) -> String {
        let span = at - self.now;
        if span.0 <= 0 {
            return self.words.get("when-over");
        }
        self.words.with("when-left", &[("span", self.length(span).into())])
    }

    /// How long it has been: `33分`.
    pub fn since(&self, at: Timestamp) -> String {
        self.length(self.now - at)
    }

    /// A length without direction: seconds below two minutes, then whole minutes, hours with minutes, days with hours.
    /// What is below the smallest unit is cut, so that "2 minutes left" is never an exaggeration.
    pub fn length(&self, span: Span) -> String {
        let seconds = span.0.abs() / 1000;
        let unit = |key: &str, n: i64| self.words.with(key, &[("n", n.into())]);
        let join = if self.words.0 == Language::En { " " } else { "" };
        let two = |big: (&str, i64), small: (&str, i64)| match small.1 {
            0 => unit(big.0, big.1),
            n => format!("{}{}{}", unit(big.0, big.1), join, unit(small.0, n)),
        };
        match seconds {
            0..60 => unit("when-seconds", seconds),
            60..120 => two(("when-minutes", 1), ("when-seconds", seconds - 60)),
            120..3600 => unit("when-minutes", seconds / 60),
            3600..86_400 => two(("when-hours", seconds / 3600), ("when-minutes", seconds % 3600 / 60)),
            _ => two(("when-days", seconds / 86_400), ("when-hours", seconds % 86_400 / 3600)),
        }
    }

    /// RFC 3339 with the site's offset, to the second.
    pub fn iso(&self, at: Timestamp) -> String {
        self.local(at).to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
    }

    /// Everything a template needs to show a moment.
    pub fn moment(&self, at: Timestamp) -> Moment {
        Moment {
            iso: self.iso(at),
            clock: self.short(at),
            away: self.away(at),
            millis: at.0,
            past: at <= self.now,
        }
    }

    fn local(&self, at: Timestamp) -> DateTime<Tz> {
        at.to_utc().with_timezone(&self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn when(language: Language) -> When {
        let now = at("2026-11-24T03:47:00+09:00");
        When { now, zone: chrono_tz::Asia::Tokyo, words: Words(language) }
    }

    #[test]
    fn today_is_a_clock_and_another_day_has_its_name() {
        let when = when(Language::Ja);
        assert_eq!(when.short(at("2026-11-24T03:07:59+09:00")), "03:07");
        assert_eq!(when.short(at("2026-11-23T23:59:00+09:00")), "11月23日(月) 23:59");
        assert_eq!(
            self::when(Language::En).day_and_clock(at("2026-11-24T03:07:00+09:00")),
            "Tue 24 Nov 03:07"
        );
    }

    #[test]
    fn distances_are_cut_and_never_rounded_up() {
        let when = when(Language::Ja);
        assert_eq!(when.away(at("2026-11-24T03:49:59+09:00")), "2分後");
        assert_eq!(when.away(at("2026-11-24T03:35:00+09:00")), "12分前");
        assert_eq!(when.left(at("2026-11-24T03:48:46+09:00")), "あと1分46秒");
        assert_eq!(when.left(at("2026-11-24T03:46:00+09:00")), "期限を過ぎました");
        assert_eq!(when.length(Span::minutes(228)), "3時間48分");
        assert_eq!(when.length(Span::minutes(60)), "1時間");
        assert_eq!(when.length(Span::minutes(24 * 60 + 1)), "1日");
        assert_eq!(self::when(Language::En).away(at("2026-11-24T03:49:00+09:00")), "in 2 min");
    }
}
