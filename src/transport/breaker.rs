//! Whether a relay or gateway is up. One that fails is set aside for a while; then one letter tries it again.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use noroshi_core::time::{Span, Timestamp};

/// Set aside after the first failure for so long, then twice as long each time …
const SET_ASIDE: Span = Span::seconds(1);
/// … up to this.
const SET_ASIDE_AT_MOST: Span = Span::seconds(60);

/// How a relay or gateway fares, for `/readyz`, `/metrics`, the status page and `doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Its address, without credentials.
    pub name: String,
    /// Whether letters go to it. One that was never used is up.
    pub up: bool,
    /// Whether it answers and lets nobody in: our own setting is wrong, and letters are refused at once.
    pub closed: bool,
    /// Since when it is so; `None` is since the start.
    pub since: Option<Timestamp>,
    /// What went wrong last; stays after it has come back.
    pub last_error: Option<String>,
    /// Connections that are at work.
    pub in_use: usize,
}

impl Health {
    /// Whether letters leave by it.
    pub const fn is_well(&self) -> bool {
        self.up && !self.closed
    }
}

/// What this node knows of one relay or gateway.
#[derive(Debug)]
pub(super) struct Breaker {
    name: String,
    patience: Span,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    up: bool,
    closed: bool,
    since: Option<Timestamp>,
    last_error: Option<String>,
    failures: u32,
    /// Letters that got an answer so far.
    served: u64,
    back_at: Timestamp,
    /// The caller that was let through to try again, by its time.
    trying: Option<Timestamp>,
}

impl Breaker {
    /// - `name`: the address, without credentials;
    /// - `patience`: how long whoever tries again may take, until the next one is let through.
    pub(super) fn new(name: String, patience: Duration) -> Self {
        Self {
            name,
            patience: Span(i64::try_from(patience.as_millis()).unwrap_or(i64::MAX)),
            state: Mutex::new(State {
                up: true,
                closed: false,
                since: None,
                last_error: None,
                failures: 0,
                served: 0,
                back_at: Timestamp::default(),
                trying: None,
            }),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How it fares; the connections at work are the caller's to count.
    pub(super) fn health(&self) -> Health {
        let state = self.state();
        Health {
            name: self.name.clone(),
            up: state.up,
            closed: state.closed,
            since: state.since,
            last_error: state.last_error.clone(),
            in_use: 0,
        }
    }

    /// Why it is not to be asked now. When its time is over, one caller is let through to try it, and the others stay
    /// away until that one knows.
    pub(super) fn set_aside(&self, now: Timestamp) -> Option<String> {
        let mut state = self.state();
        if state.up {
            return None;
        }
        if now < state.back_at {
            return Some(state.last_error.clone().unwrap_or_default());
        }
        state.trying = Some(now);
        state.back_at = now + self.patience;
        None
    }

    /// Whether it is set aside.
    pub(super) fn is_down(&self) -> bool {
        !self.state().up
    }

    /// Whether nobody may ask it yet.
    pub(super) fn is_resting(&self, now: Timestamp) -> bool {
        let state = self.state();
        !state.up && now < state.back_at
    }

    /// Letters that got an answer so far.
    pub(super) fn served(&self) -> u64 {
        self.state().served
    }

    /// It took a letter, or turned it away, as one that is well.
    pub(super) fn worked(&self, now: Timestamp) {
        self.reached(now);
        self.state().failures = 0;
    }

    /// It was looked for without a letter and answered. Whether it takes letters is not known: should it not, its next
    /// pause is longer than the last.
    pub(super) fn reached(&self, now: Timestamp) {
        let mut state = self.state();
        state.served += 1;
        state.trying = None;
        if !state.up || state.closed {
            state.up = true;
            state.closed = false;
            state.since = Some(now);
            tracing::info!(relay = self.name, "Relay {} is back", self.name);
        }
    }

    /// It answered, and let nobody in.
    pub(super) fn shut(&self, reason: &str, now: Timestamp) {
        let mut state = self.state();
        state.served += 1;
        state.failures = 0;
        state.trying = None;
        state.last_error = Some(reason.to_owned());
        if !state.closed {
            tracing::warn!(relay = self.name, reason, "Relay {} lets nobody in: {reason}", self.name);
            state.since = Some(now);
        }
        state.up = true;
        state.closed = true;
    }

    /// It could not be reached, or takes nothing at all. `chance` spreads the back-off.
    pub(super) fn failed(&self, reason: &str, now: Timestamp, chance: u32) {
        let mut state = self.state();
        state.last_error = Some(reason.to_owned());
        if state.up {
            tracing::warn!(relay = self.name, reason, "Relay {} is set aside: {reason}", self.name);
            // It had been well for long enough to be trusted again.
            if state.since.is_none_or(|since| now - since > SET_ASIDE_AT_MOST) {
                state.failures = 0;
            }
            state.since = Some(now);
            state.up = false;
            state.closed = false;
        } else if state.trying.take() != Some(now) {
            // One of those that were under way when it was set aside: the same failure, not a further one.
            return;
        }
        state.failures = state.failures.saturating_add(1);
        let longest = SET_ASIDE
            .0
            .saturating_mul(1 << state.failures.saturating_sub(1).min(16))
            .min(SET_ASIDE_AT_MOST.0);
        // Between three quarters and the whole, so that several nodes do not come back at once.
        state.back_at = now + Span(longest - longest / 4 * i64::from(chance % 1000) / 1000);
    }

    /// It was looked for without a letter and not found. The next letter is not kept waiting by that, so one that has
    /// just come back is used at once.
    pub(super) fn missed(&self, reason: &str, now: Timestamp) {
        let mut state = self.state();
        state.last_error = Some(reason.to_owned());
        if state.up {
            let name = &self.name;
            tracing::warn!(
                relay = name,
                reason,
                "Relay {name} is not reached: {reason}; check smtp.relays, and whether it runs. It is tried again"
            );
            state.since = Some(now);
            state.up = false;
            state.closed = false;
        }
    }

    /// Whether nothing is known of it: nobody has been answered since the start, or it is down and its time is over.
    pub(super) fn is_doubtful(&self, now: Timestamp) -> bool {
        let state = self.state();
        if state.up { state.served == 0 } else { state.back_at <= now }
    }

    /// Something went wrong that says nothing about the next letter.
    pub(super) fn noted(&self, reason: &str) {
        self.state().last_error = Some(reason.to_owned());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
