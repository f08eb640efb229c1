//! When a delivery is tried again after a temporary refusal.

use crate::time::Span;

/// Tries after which a delivery is given up: with the delays below, about three hours.
pub const MOST_ATTEMPTS: u32 = 20;

/// The delay before try number `attempt + 1`, after `attempt` tries have failed (1 or more).
///
/// An alert is urgent, so the first retry comes after seconds; a relay that greylists (RFC 6647) wants minutes.
/// `chance` in 0..1 spreads the tries over ±25 %, so that a thousand deferred letters do not come back at once.
/// `None` when it is time to give up.
pub fn delay_after(attempt: u32, chance: f64) -> Option<Span> {
    const SECONDS: [i64; 7] = [5, 15, 30, 60, 120, 300, 600];
    if attempt >= MOST_ATTEMPTS {
        return None;
    }
    let base = SECONDS[(attempt.max(1) as usize - 1).min(SECONDS.len() - 1)] * 1000;
    let spread = 0.75 + 0.5 * chance.clamp(0.0, 1.0);
    #[expect(clippy::cast_possible_truncation, reason = "at most 750,000 ms")]
    let delay = (base as f64 * spread) as i64;
    Some(Span(delay))
}

/// The delay where no way out was there at try number `attempt`: that says nothing of the letter, so it is never given up,
/// and leaves within a minute once a way is back. Meanwhile it waits for that without trying.
pub fn delay_away(attempt: u32, chance: f64) -> Span {
    const MINUTE: u32 = 4;
    delay_after(attempt.clamp(1, MINUTE), chance).unwrap_or_default()
}

/// The longest wait that somebody may ask for (`Retry-After`): an alert cannot be put off for a day.
pub const LONGEST_WAIT: Span = Span::minutes(10);

/// The same where the other side has asked to be left alone for `wait`: not before that, but within
/// [`LONGEST_WAIT`], and up to 25 % later by `chance`.
pub fn delay_asked(attempt: u32, wait: Span, chance: f64) -> Option<Span> {
    let usual = delay_after(attempt, chance)?;
    let asked = wait.0.clamp(0, LONGEST_WAIT.0);
    #[expect(clippy::cast_possible_truncation, reason = "at most 150,000 ms")]
    let spread = (asked as f64 * 0.25 * chance.clamp(0.0, 1.0)) as i64;
    Some(usual.max(Span(asked + spread)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_is_asked_for_is_kept_within_bounds() {
        assert_eq!(delay_asked(1, Span::seconds(60), 0.0), Some(Span::seconds(60)));
        assert_eq!(delay_asked(1, Span::seconds(60), 1.0), Some(Span::seconds(75)));
        assert_eq!(delay_asked(1, Span::seconds(0), 0.5), delay_after(1, 0.5));
        assert_eq!(delay_asked(1, Span::minutes(60 * 24), 0.0), Some(LONGEST_WAIT));
        assert_eq!(delay_asked(1, Span(-5), 0.5), delay_after(1, 0.5));
        assert_eq!(delay_asked(MOST_ATTEMPTS, Span::seconds(1), 0.5), None);
    }

    #[test]
    fn a_letter_that_finds_no_way_out_is_never_given_up() {
        assert_eq!(delay_away(1, 0.5), Span::seconds(5));
        assert_eq!(delay_away(4, 0.5), Span::seconds(60));
        assert_eq!(delay_away(10 * MOST_ATTEMPTS, 0.5), Span::seconds(60));
    }

    #[test]
    fn retries_come_soon_then_slowly_then_end() {
        assert_eq!(delay_after(1, 0.5), Some(Span::seconds(5)));
        assert_eq!(delay_after(7, 0.5), Some(Span::minutes(10)));
        assert_eq!(delay_after(19, 0.5), Some(Span::minutes(10)));
        assert_eq!(delay_after(MOST_ATTEMPTS, 0.5), None);
        assert!(delay_after(3, 0.0) < delay_after(3, 1.0));
    }
}
