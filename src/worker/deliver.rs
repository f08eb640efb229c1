//! Hands letters over and records what became of them.
//!
//! # Cast
//! - the *claimer* leases due letters, at most twice as many as there are senders;
//! - each *sender* stands for one connection: it hands over a letter and reports its outcome together with the next
//!   letter it wants to hand over;
//! - the *recorder* takes all reports that have gathered and commits them in one transaction, then lets the senders
//!   go on. So a connection hands over its next letter only after the outcome of its last is on disk, and many
//!   connections share one commit.
//!
//! Live letters and rehearsed ones have lanes of their own: a drill takes no connection from what is real.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, PoisonError},
};

use entity::delivery;
use noroshi_core::time::{Span, Timestamp};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, warn};
use uuid::Uuid;

use super::wait;
use crate::{
    app::App,
    lifecycle::Lifecycle,
    measure,
    operation::{
        OperationError,
        delivery::{Tried, claim, next_due, record},
        letter,
    },
    transport::{Outcome, letter::Letter},
};

/// Senders of the rehearsal lane.
const REHEARSERS: usize = 4;
/// Reports in one commit.
const TOGETHER: usize = 64;

/// Starts a lane for each transport. What comes back is empty when, after a stop, all outcomes are recorded.
pub(super) fn start(app: &Arc<App>, life: &Lifecycle) -> TaskTracker {
    let lanes = TaskTracker::new();
    for (name, senders) in [("mail", app.connections), ("rehearsal", REHEARSERS)] {
        if app.transports.get(name).is_some() {
            lane(app, life, &lanes, name, senders);
        }
    }
    lanes.close();
    lanes
}

/// A sender's report: the outcome of its last letter, and the letter it wants to hand over next.
struct Report {
    tried: Option<Tried>,
    next: Option<Uuid>,
    go: oneshot::Sender<Option<(delivery::Model, Letter)>>,
}

fn lane(app: &Arc<App>, life: &Lifecycle, lanes: &TaskTracker, name: &'static str, senders: usize) {
    let (letters, queue) = mpsc::channel(senders);
    let (reports, inbox) = mpsc::channel(senders * 2);
    let queue = Arc::new(Mutex::new(queue));
    let pace = Arc::new(Pace::default());
    life.worker("claimer", claimer(Arc::clone(app), name, senders, letters, life.soft().clone()));
    for _ in 0..senders {
        let app = Arc::clone(app);
        let (queue, reports, pace) = (Arc::clone(&queue), reports.clone(), Arc::clone(&pace));
        life.worker("sender", sender(app, name, queue, reports, pace, life.soft().clone()));
    }
    // The recorder outlives the senders: the last outcomes are recorded before the process ends.
    life.task(lanes.track_future(recorder(Arc::clone(app), name, inbox)));
}

async fn claimer(
    app: Arc<App>,
    name: &'static str,
    senders: usize,
    letters: mpsc::Sender<delivery::Model>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let turns = app.watch.begin(format!("claimer {name}"));
    let transports = [name.to_owned()];
    loop {
        let permits = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            permits = turns.waiting(letters.reserve_many(senders)) => permits,
        };
        let Ok(permits) = permits else { return Ok(()) };
        let found = match claim(&app, &transports, senders as u64).await {
            Ok(found) => found,
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "Letters could not be claimed; trying again"
                );
                Vec::new()
            }
        };
        let full = found.len() == senders;
        for (permit, row) in permits.zip(found) {
            permit.send(row);
        }
        if full {
            continue;
        }
        let next = next_due(&app, &transports).await.unwrap_or_default();
        if !wait(&app, &app.bells.deliver, next, &stop).await {
            return Ok(());
        }
    }
}

async fn sender(
    app: Arc<App>,
    name: &'static str,
    queue: Arc<Mutex<mpsc::Receiver<delivery::Model>>>,
    reports: mpsc::Sender<Report>,
    pace: Arc<Pace>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let mut tried = None;
    loop {
        // With an outcome in hand nobody waits for the next letter: it is taken along where one is there.
        let next = match (&tried, stop.is_cancelled()) {
            (_, true) => None,
            (Some(_), false) => queue.try_lock().ok().and_then(|mut queue| queue.try_recv().ok()),
            (None, false) => tokio::select! {
                () = stop.cancelled() => None,
                next = async { queue.lock().await.recv().await } => next,
            },
        };
        if tried.is_none() && next.is_none() {
            return Ok(());
        }
        let (go, gone) = oneshot::channel();
        let report = Report { tried: tried.take(), next: next.map(|row: delivery::Model| row.id), go };
        if reports.send(report).await.is_err() {
            return Ok(());
        }
        let Ok(Some((delivery, letter))) = gone.await else { continue };
        pace.wait(&app, &letter).await;
        let started_at = app.clock.now();
        if !app.tenure.holds(Timestamp(delivery.lease_until_ms), started_at) {
            // This node was paused, or cut off: whoever took the letter over sends it.
            warn!(delivery = %delivery.id, "A lease ended before its letter left; it is left to others");
            continue;
        }
        let outcome = match app.transports.get(name) {
            Some(transport) => transport.send(&letter, started_at).await,
            None => Outcome::Refused {
                relay: name.to_owned(),
                reason: crate::transport::reason::NO_SUCH_TRANSPORT.to_owned(),
            },
        };
        let ended_at = app.clock.now();
        measure::tried(name, outcome.relay(), outcome.key(), ended_at - started_at);
        tried = Some(Tried { delivery, started_at, ended_at, outcome });
    }
}

async fn recorder(app: Arc<App>, name: &'static str, mut inbox: mpsc::Receiver<Report>) {
    let turns = app.watch.begin(format!("recorder {name}"));
    let mut reports = Vec::with_capacity(TOGETHER);
    while turns.waiting(inbox.recv_many(&mut reports, TOGETHER)).await > 0 {
        let tried: Vec<Tried> = reports.iter_mut().filter_map(|report| report.tried.take()).collect();
        let next: Vec<Uuid> = reports.iter().filter_map(|report| report.next).collect();
        let mut written = loop {
            turns.turn();
            match commit(&app, &tried, &next).await {
                Ok(written) => break written,
                Err(error) => {
                    // An outcome is never dropped: it waits until the database is back.
                    error!(
                        error = &error as &dyn std::error::Error,
                        "Outcomes could not be recorded; trying again"
                    );
                    app.clock.sleep_until(app.clock.now() + Span(500)).await;
                }
            }
        };
        if !tried.is_empty() {
            measure::committed("outcomes", tried.len());
        }
        for report in reports.drain(..) {
            let letter = report.next.and_then(|id| written.remove(&id));
            // A sender that is gone has stopped: its letter is taken back when its lease ends.
            let _ = report.go.send(letter);
        }
    }
}

async fn commit(
    app: &App,
    tried: &[Tried],
    next: &[Uuid],
) -> Result<HashMap<Uuid, (delivery::Model, Letter)>, OperationError> {
    let handed = record(app, tried, next).await?;
    let letters = match letter::write_all(app, &handed).await {
        Ok(letters) => letters,
        Err(error) => {
            // They stay leased; taken back when the lease ends, they are written again.
            warn!(error = &error as &dyn std::error::Error, "Letters could not be written");
            return Ok(HashMap::new());
        }
    };
    Ok(handed.into_iter().zip(letters).map(|(row, letter)| (row.id, (row, letter))).collect())
}

/// Keeps to the limit of letters a second to one mail domain.
#[derive(Default)]
struct Pace(std::sync::Mutex<HashMap<String, Timestamp>>);

impl Pace {
    async fn wait(&self, app: &App, letter: &Letter) {
        let Some(rate) = app.per_domain_per_second else { return };
        let domain = letter.to.rsplit('@').next().unwrap_or_default().to_lowercase();
        let slot = {
            let now = app.clock.now();
            let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = next.get(&domain).copied().unwrap_or(now).max(now);
            next.insert(domain, slot + Span(1000 / i64::from(rate.get()).max(1)));
            slot
        };
        app.clock.sleep_until(slot).await;
    }
}
