//! Waiting for a condition with a deadline. Nothing in the tests waits for time to pass.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// How long a condition may take that ordinarily holds at once. Long, because the machine is shared; a test that
/// passes never waits it out.
pub const SOON: Duration = Duration::from_secs(20);

/// Milliseconds since 1970 UTC: the clock that the tested process reads too.
pub fn now_ms() -> i64 {
    let passed = SystemTime::UNIX_EPOCH.elapsed().expect("the clock stands after 1970");
    i64::try_from(passed.as_millis()).expect("the clock stands before the year 292,000,000")
}

/// Asks again and again until `probe` gives a value; panics with `what` when `deadline` has passed.
#[track_caller]
pub fn until<T>(
    what: &str,
    deadline: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let end = Instant::now() + deadline;
        loop {
            if let Some(value) = probe().await {
                return value;
            }
            assert!(Instant::now() < end, "waited {deadline:?} in vain until {what} ({caller})");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
