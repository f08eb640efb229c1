//! What wakes workers: hints without data. Forgetting one costs a polling period.

use std::sync::atomic::{AtomicI64, Ordering};

use noroshi_core::time::Timestamp;
use tokio::sync::watch;

/// One for each kind of work.
#[derive(Debug, Default)]
pub struct Bells {
    /// Letters may be due.
    pub deliver: Bell,
    /// Timers may be due.
    pub timers: Alarm,
    /// The calendar may have changed. Nobody rings it: a polling period is soon enough.
    pub schedule: Bell,
}

impl Bells {
    /// Something was written, nobody knows what: look again.
    pub fn ring(&self) {
        self.deliver.ring();
        self.timers.ring();
    }
}

/// A bell that several may listen to.
#[derive(Debug, Default)]
pub struct Bell(watch::Sender<()>);

impl Bell {
    /// Everybody who listens looks again, also whoever is busy at this moment.
    pub fn ring(&self) {
        self.0.send_replace(());
    }

    /// An ear at this bell.
    pub fn listen(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

/// A bell for what falls due later: silent where its listener looks again before that by itself.
#[derive(Debug)]
pub struct Alarm {
    bell: Bell,
    /// When the listener looks again, milliseconds since 1970; the end of time while it is looking.
    awaited: AtomicI64,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { bell: Bell::default(), awaited: AtomicI64::new(i64::MAX) }
    }
}

impl Alarm {
    /// The listener looks again, whatever it waits for.
    pub fn ring(&self) {
        self.bell.ring();
    }

    /// Something that is on disk falls due then.
    pub fn set(&self, due: Timestamp) {
        if due.0 < self.awaited.load(Ordering::SeqCst) {
            self.bell.ring();
        }
    }

    /// An ear at this alarm; there is one.
    pub fn listen(&self) -> watch::Receiver<()> {
        self.bell.listen()
    }

    /// The listener begins to look: what is set from now on rings.
    pub fn looking(&self) {
        self.awaited.store(i64::MAX, Ordering::SeqCst);
    }

    /// The listener has looked, and what it has seen falls due then at the earliest.
    pub fn awaits(&self, next: Timestamp) {
        self.awaited.store(next.0, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_silent_where_its_listener_looks_earlier_by_itself() {
        let alarm = Alarm::default();
        let mut ear = alarm.listen();
        let mut rang = |alarm: &Alarm, due: i64| {
            alarm.set(Timestamp(due));
            let rang = ear.has_changed().unwrap();
            ear.mark_unchanged();
            rang
        };
        assert!(rang(&alarm, 5_000), "nobody has looked yet");
        alarm.awaits(Timestamp(2_000));
        assert!(!rang(&alarm, 2_000));
        assert!(!rang(&alarm, 3_000));
        assert!(rang(&alarm, 1_999));
        // What is set while the listener looks may have come too late for what it reads.
        alarm.looking();
        assert!(rang(&alarm, 3_000));
    }
}
