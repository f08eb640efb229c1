//! "What is due?" A worker takes no input: a bell only tells it to look.
//!
//! Each loop waits for its bell, its next due moment, a polling period or the stop token, and then looks. Whatever
//! goes wrong is logged where it is handled, and the loop looks again.

mod answers;
mod auditor;
mod closing;
mod deliver;
mod heartbeat;
mod neighbours;
mod pulse;
mod relays;
mod roll;
mod schedule;
mod timers;
mod tray;
mod watchdog;

pub use answers::Answers;

use std::sync::Arc;

use noroshi_core::time::{Span, Timestamp};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{app::App, lifecycle::Lifecycle};

/// How long a worker sleeps at most: other nodes cannot ring its bell.
const PERIOD: Span = Span(500);
/// The same where one process alone serves the database: every bell is its own, and nobody wakes for nothing.
const PERIOD_ALONE: Span = Span::seconds(2);

/// Starts every worker.
pub fn start(app: &Arc<App>, life: &Lifecycle) {
    let lanes = deliver::start(app, life);
    answers::start(app, life);
    neighbours::start(app, life);
    life.worker("timers", timers::run(Arc::clone(app), life.soft().clone()));
    life.worker("schedule", schedule::run(Arc::clone(app), life.soft().clone()));
    life.worker("closing", closing::run(Arc::clone(app), life.soft().clone()));
    if let Some(heartbeat) = app.heartbeat.clone() {
        life.worker("heartbeat", heartbeat::run(Arc::clone(app), heartbeat, life.soft().clone()));
    }
    life.worker("relays", relays::run(Arc::clone(app), life.soft().clone()));
    life.worker("auditor", auditor::run(Arc::clone(app), life.soft().clone()));
    watchdog::start(app, life);
    life.worker("pulse", pulse::run(Arc::clone(app), life.clone(), lanes));
}

/// Waits for the bell, the next due moment, the polling period, or the stop. Returns `false` on stop.
async fn wait(
    app: &App,
    bell: &mut watch::Receiver<()>,
    next_due: Option<Timestamp>,
    stop: &CancellationToken,
) -> bool {
    let period = app.clock.now() + if app.store.is_embedded() { PERIOD_ALONE } else { PERIOD };
    let until = next_due.map_or(period, |due| due.min(period));
    tokio::select! {
        () = stop.cancelled() => false,
        // The bells hang as long as the service stands.
        _ = bell.changed() => true,
        () = app.clock.sleep_until(until) => true,
    }
}
