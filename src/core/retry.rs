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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_come_soon_then_slowly_then_end() {
        assert_eq!(delay_after(1, 0.5), Some(Span::seconds(5)));
        assert_eq!(delay_after(7, 0.5), Some(Span::minutes(10)));
        assert_eq!(delay_after(19, 0.5), Some(Span::minutes(10)));
        assert_eq!(delay_after(MOST_ATTEMPTS, 0.5), None);
        assert!(delay_after(3, 0.0) < delay_after(3, 1.0));
    }
}
