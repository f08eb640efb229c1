//! The one room that knows what time it is.
//!
//! Everybody else gets a [`Timestamp`] as an argument, or a [`Clock`] to ask once at the top of an operation.
//! [`SystemClock`] is the machine's wall clock; [`ManualClock`] stands still until a test moves it.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::future::BoxFuture;
use noroshi_core::time::{Span, Timestamp};
use tokio::sync::watch;

/// Tells the time and waits for it. Made at composition, used by operations (`now`) and workers (`sleep_until`).
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Returns as soon as `now()` is `at` or later; at once when it already is.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()>;
}

/// The machine's wall clock.
#[derive(Debug, Default)]
pub struct SystemClock;

/// The longest time for which [`SystemClock`] does not look at the wall: a clock that is set forward (NTP after a
/// power cut, a laptop that slept) is noticed within this.
const LONGEST_NAP: Span = Span::seconds(1);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the room of the clock")]
    fn now(&self) -> Timestamp {
        let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
        };
        Timestamp(millis)
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let left = at - self.now();
                if left <= Span::ZERO {
                    return;
                }
                tokio::time::sleep(duration(left.min(LONGEST_NAP))).await;
            }
        })
    }
}

/// A span as the standard library's duration, for timeouts; nothing where the span is negative.
pub fn duration(span: Span) -> Duration {
    Duration::from_millis(u64::try_from(span.0).unwrap_or(0))
}

/// A clock that moves only when told to, for tests of workers and operations.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    moved: watch::Sender<()>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { now: AtomicI64::new(now.0), moved: watch::Sender::new(()) }
    }

    /// Moves the hands by `span` and wakes every sleeper whose moment has come.
    pub fn advance(&self, span: Span) {
        self.now.fetch_add(span.0, Ordering::SeqCst);
        self.moved.send_replace(());
    }

    /// Sets the hands, also backwards.
    pub fn set(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::SeqCst);
        self.moved.send_replace(());
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'_, ()> {
        // Subscribed before the first look, so that no move in between is missed.
        let mut moved = self.moved.subscribe();
        Box::pin(async move {
            while self.now() < at {
                if moved.changed().await.is_err() {
                    return;
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_its_moment_has_come_and_not_before() {
        let clock = Arc::new(ManualClock::at(Timestamp(1_000)));
        let sleeper = tokio::spawn({
            let clock = Arc::clone(&clock);
            async move { clock.sleep_until(Timestamp(4_000)).await }
        });
        clock.advance(Span(2_999));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Span(1));
        tokio::time::timeout(Duration::from_secs(5), sleeper).await.expect("it wakes").unwrap();
    }

    #[tokio::test]
    async fn a_moment_in_the_past_does_not_make_anybody_wait() {
        let clock = SystemClock;
        let past = Timestamp(clock.now().0 - 5_000);
        tokio::time::timeout(Duration::from_secs(5), clock.sleep_until(past))
            .await
            .expect("it returns at once");
    }

    #[tokio::test]
    async fn the_wall_clock_never_wakes_anybody_early() {
        let clock = SystemClock;
        let at = clock.now() + Span(30);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
    }
}
