//! The one room that knows what time it is.
//!
//! Everybody else gets a [`Timestamp`] as an argument, or a [`Clock`] to ask once at the top of an operation.
//! [`SystemClock`] reads the machine's wall clock once and then counts by itself, so that nobody who sets that clock
//! makes a ladder climb early, twice, or an hour late; [`ManualClock`] stands still until a test moves it.

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

    /// What the machine's clock shows, whoever has set it: for what others compare with their own clocks, and for
    /// nothing that is counted here.
    fn wall(&self) -> Timestamp {
        self.now()
    }

    /// By how much somebody has set the machine's clock since it was read; positive is forward.
    fn jump(&self) -> Option<Span> {
        None
    }

    /// Goes by the machine's clock again. Only while nothing is counted from a moment: durations lose their meaning.
    fn adopt(&self) {}
}

/// The machine's wall clock at the beginning, and the time that has passed since, sleep included.
///
/// The kernel counts what passes by the same oscillator that NTP corrects, so this clock drifts no further than the
/// machine's own. What it does not follow is a jump: that is told by [`Clock::jump`].
#[derive(Debug)]
pub struct SystemClock {
    /// Milliseconds from the kernel's count to the wall.
    offset: AtomicI64,
}

/// The longest time for which [`SystemClock`] sleeps without looking: a machine that slept is noticed within this.
const LONGEST_NAP: Span = Span::seconds(1);
/// A difference that no careful clock daemon makes at once.
const JUMP: Span = Span::seconds(2);

impl Default for SystemClock {
    fn default() -> Self {
        let clock = Self { offset: AtomicI64::new(0) };
        clock.adopt();
        clock
    }
}

/// The machine's wall clock, milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "this is the room of the clock")]
fn wall() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
    }
}

/// Milliseconds that have passed since the machine started, its sleep included where the system counts it.
fn passed() -> i64 {
    #[cfg(target_os = "linux")]
    const COUNT: rustix::time::ClockId = rustix::time::ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const COUNT: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
    let since = rustix::time::clock_gettime(COUNT);
    since.tv_sec * 1_000 + since.tv_nsec / 1_000_000
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(passed() + self.offset.load(Ordering::Relaxed))
    }

    fn wall(&self) -> Timestamp {
        Timestamp(wall())
    }

    fn jump(&self) -> Option<Span> {
        let by = Span(wall() - self.now().0);
        (by >= JUMP || by <= Span(-JUMP.0)).then_some(by)
    }

    fn adopt(&self) {
        self.offset.store(wall() - passed(), Ordering::Relaxed);
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
        let clock = SystemClock::default();
        let past = Timestamp(clock.now().0 - 5_000);
        tokio::time::timeout(Duration::from_secs(5), clock.sleep_until(past))
            .await
            .expect("it returns at once");
    }

    #[test]
    fn a_clock_that_was_set_is_told_and_followed_only_when_asked() {
        let clock = SystemClock::default();
        assert_eq!(clock.jump(), None);
        clock.offset.fetch_add(-3_600_000, Ordering::Relaxed);
        let by = clock.jump().expect("the wall stands an hour ahead");
        assert!((3_599_000..3_601_000).contains(&by.0), "{by:?}");
        clock.adopt();
        assert_eq!(clock.jump(), None);
    }

    #[tokio::test]
    async fn the_wall_clock_never_wakes_anybody_early() {
        let clock = SystemClock::default();
        let at = clock.now() + Span(30);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
    }
}
