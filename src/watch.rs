//! Whether the loops of this process go round.
//!
//! Every loop of a worker holds its [`Turns`] and notes each turn; while it waits for something that may not come for
//! long, it says so. A thread outside of the runtime (`worker/watchdog.rs`) looks once a second and counts. It counts
//! looks and not the clock's time, so neither a clock that is set nor a machine that slept makes a loop stand still.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

/// All loops of this process.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Vec<Arc<Turned>>>);

/// Where one loop notes its turns. Dropped with the loop, which is then watched no more.
#[derive(Debug)]
pub struct Turns(Arc<Turned>);

#[derive(Debug)]
struct Turned {
    name: String,
    turns: AtomicU64,
    waits: AtomicBool,
    seen: AtomicU64,
    looks: AtomicU32,
}

/// A loop that has not gone round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The loop's name.
    pub name: String,
    /// For how many seconds at least.
    pub seconds: u32,
}

impl Watch {
    /// A loop begins.
    pub fn begin(&self, name: impl Into<String>) -> Turns {
        let turned = Arc::new(Turned {
            name: name.into(),
            turns: AtomicU64::new(0),
            waits: AtomicBool::new(false),
            seen: AtomicU64::new(0),
            looks: AtomicU32::new(0),
        });
        self.loops().push(Arc::clone(&turned));
        Turns(turned)
    }

    /// Counts one second for every loop that has not gone round since the last look. The watchdog alone calls it.
    pub fn look(&self) {
        for turned in self.loops().iter() {
            let turns = turned.turns.load(Ordering::Relaxed);
            let moved = turned.seen.swap(turns, Ordering::Relaxed) != turns;
            if moved || turned.waits.load(Ordering::Relaxed) {
                turned.looks.store(0, Ordering::Relaxed);
            } else {
                turned.looks.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The loops that have not gone round for so many seconds or more.
    pub fn standing(&self, seconds: u32) -> Vec<Standing> {
        let of = |turned: &Arc<Turned>| {
            let stood = turned.looks.load(Ordering::Relaxed);
            (stood >= seconds).then(|| Standing { name: turned.name.clone(), seconds: stood })
        };
        self.loops().iter().filter_map(of).collect()
    }

    /// Every loop with the number of its turns.
    pub fn turns(&self) -> Vec<(String, u64)> {
        let of = |turned: &Arc<Turned>| (turned.name.clone(), turned.turns.load(Ordering::Relaxed));
        self.loops().iter().map(of).collect()
    }

    /// Those that have not ended.
    fn loops(&self) -> MutexGuard<'_, Vec<Arc<Turned>>> {
        let mut loops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loops.retain(|turned| Arc::strong_count(turned) > 1);
        loops
    }
}

impl Turns {
    /// The loop goes round once more.
    pub fn turn(&self) {
        self.0.turns.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for something that may not come for long: meanwhile nobody misses a turn.
    pub async fn waiting<T>(&self, what: impl Future<Output = T>) -> T {
        self.0.waits.store(true, Ordering::Relaxed);
        // Also where the wait is given up half-way.
        let over = Over(&self.0);
        let found = what.await;
        drop(over);
        found
    }
}

struct Over<'a>(&'a Turned);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.waits.store(false, Ordering::Relaxed);
        self.0.turns.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn after(watch: &Watch, looks: u32) -> Vec<Standing> {
        (0..looks).for_each(|_| watch.look());
        watch.standing(5)
    }

    #[test]
    fn a_loop_that_goes_round_is_not_told_and_one_that_stands_is() {
        let watch = Watch::default();
        let (timers, schedule) = (watch.begin("timers"), watch.begin("schedule"));
        for _ in 0..10 {
            timers.turn();
            watch.look();
        }
        assert_eq!(watch.standing(5), [Standing { name: "schedule".to_owned(), seconds: 10 }]);
        schedule.turn();
        timers.turn();
        assert_eq!(after(&watch, 1), []);
    }

    #[test]
    fn whoever_waits_for_news_is_not_missed_until_the_news_has_come() {
        let watch = Watch::default();
        let turns = watch.begin("answers");
        let mut wait = Box::pin(turns.waiting(std::future::pending::<()>()));
        assert!(wait.as_mut().now_or_never().is_none());
        assert_eq!(after(&watch, 100), []);
        drop(wait);
        assert_eq!(after(&watch, 7).len(), 1, "what comes after the wait is watched");
    }

    #[test]
    fn a_loop_that_has_ended_is_forgotten() {
        let watch = Watch::default();
        drop(watch.begin("schedule"));
        assert_eq!((after(&watch, 100), watch.turns()), (Vec::new(), Vec::new()));
    }
}
