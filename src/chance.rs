//! The one room where anything is left to chance: ids, tokens, salts, jitter.
//!
//! [`Chance`] is seeded once, at composition, from the operating system. Everybody else gets it as an argument, so
//! that a test with a seed sees the same ids and delays each time.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use noroshi_core::{
    id::{Id, Kind},
    time::{Span, Timestamp},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::{Builder, Uuid};

/// A source of chance, fit for secrets (ChaCha12). Shared by everybody through an `Arc`.
pub struct Chance(Mutex<Inner>);

struct Inner {
    generator: StdRng,
    /// Millisecond and count within it of the last id, so that ids made one after the other sort in that order.
    last: (u64, u16),
}

/// Ids go on counting from the last one while the clock is behind it by no more than this; after a longer step back
/// they follow the clock.
const SMALL_STEP_BACK: Span = Span::seconds(10);

impl Chance {
    /// Seeded by the operating system: for everything but tests.
    ///
    /// # Panics
    /// When the operating system has no randomness to give; nothing could be kept secret then.
    #[expect(clippy::disallowed_types, reason = "this is the room of chance")]
    pub fn from_os() -> Self {
        use rand::rngs::SysRng;
        Self::new(StdRng::try_from_rng(&mut SysRng).expect("the operating system gives randomness"))
    }

    /// The same chance for the same seed: for tests and rehearsals, never for secrets.
    pub fn seeded(seed: u64) -> Self {
        Self::new(StdRng::seed_from_u64(seed))
    }

    fn new(generator: StdRng) -> Self {
        Self(Mutex::new(Inner { generator, last: (0, 0) }))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut Inner) -> T) -> T {
        // A panic while drawing leaves the generator as good as before.
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A fresh id: UUIDv7 of `now`, later ids of this source being greater.
    pub fn id<K: Kind>(&self, now: Timestamp) -> Id<K> {
        Id::new(self.uuid(now))
    }

    /// A fresh UUIDv7 of `now` for rows without a public id. See RFC 9562 section 6.2, method 1: the twelve bits
    /// after the time count within one millisecond.
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.0).unwrap_or(0);
        self.with(|inner| {
            let (last, count) = inner.last;
            let step_back = last.saturating_sub(millis);
            inner.last = if millis <= last && step_back <= SMALL_STEP_BACK.0.unsigned_abs() {
                if count < 0xfff { (last, count + 1) } else { (last + 1, 0) }
            } else {
                (millis, 0)
            };
            let mut tail: [u8; 10] = inner.generator.random();
            tail[..2].copy_from_slice(&inner.last.1.to_be_bytes());
            Builder::from_unix_timestamp_millis(inner.last.0, &tail).into_uuid()
        })
    }

    /// A secret that nobody guesses: 256 bits as 43 characters of `A–Z a–z 0–9 - _`.
    pub fn token(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// `N` random bytes, for keys and salts.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        self.with(|inner| inner.generator.random())
    }

    /// An evenly spread number from 0 (included) to 1 (excluded), for jitter.
    pub fn fraction(&self) -> f64 {
        self.with(|inner| inner.generator.random())
    }

    /// A seed for pure functions that take one (`core::retry`).
    pub fn seed(&self) -> u64 {
        self.with(|inner| inner.generator.random())
    }
}

impl fmt::Debug for Chance {
    /// Without its state: whoever knows it knows every token to come.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance")
    }
}

#[cfg(test)]
mod tests {
    use noroshi_core::id::Incident;

    use super::*;

    #[test]
    fn ids_sort_in_the_order_in_which_they_were_made() {
        let chance = Chance::seeded(1);
        let ids: Vec<Id<Incident>> =
            (0..10_000).map(|n| chance.id(Timestamp(1_800_000_000_000 + n / 5_000))).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert_eq!(ids[0].raw().get_version_num(), 7);
    }

    #[test]
    fn ids_stay_in_order_when_the_clock_steps_back_a_little() {
        let chance = Chance::seeded(1);
        let before = chance.uuid(Timestamp(1_800_000_000_000));
        assert!(chance.uuid(Timestamp(1_799_999_999_000)) > before);
    }

    #[test]
    fn ids_follow_the_clock_when_it_is_set_right_after_a_large_error() {
        let chance = Chance::seeded(1);
        let wrong = chance.uuid(Timestamp(1_900_000_000_000));
        assert!(chance.uuid(Timestamp(1_800_000_000_000)) < wrong);
    }

    #[test]
    fn tokens_are_long_and_fit_into_a_link() {
        let chance = Chance::from_os();
        let (one, other) = (chance.token(), chance.token());
        assert_ne!(one, other);
        assert_eq!(one.len(), 43);
        assert!(one.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    }

    #[test]
    fn the_same_seed_gives_the_same_chance() {
        assert_eq!(Chance::seeded(7).token(), Chance::seeded(7).token());
        assert!((0.0..1.0).contains(&Chance::seeded(7).fraction()));
    }
}
