//! Hands letters over and records what became of them.
//!
//! # Cast
//! - the *claimer* leases due letters and puts them on the lane's tray (`tray.rs`), which gives each domain its share;
//! - each *sender* stands for one connection: it hands over a letter and reports its outcome together with the next
//!   letter it wants to hand over;
//! - the *recorder* takes all reports that have gathered and commits them in one transaction, then lets the senders
//!   go on. So a connection hands over its next letter only after the outcome of its last is on disk, and many
//!   connections share one commit.
//!
//! Each way out of the house has a lane of its own: a gateway that hangs holds up no mail, and a drill takes no
//! connection from what is real.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, PoisonError},
};

use noroshi_core::time::{Span, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, warn};
use uuid::Uuid;

use super::{PERIOD, tray::Tray, wait};
use crate::{
    app::App,
    domains::Verdict,
    failpoint::reached,
    in_hand::Held,
    lifecycle::Lifecycle,
    measure,
    operation::{
        OperationError,
        delivery::{self as outbox, Claimed, Tried, Wanted, claim, next_due, record},
        letter::{Desk, Draft},
    },
    transport::{Outcome, Transport},
};

/// Senders of the rehearsal lane.
const REHEARSERS: usize = 4;
/// Reports in one commit: as many as there can be senders.
const TOGETHER: usize = 256;

/// Starts a lane for each transport. What comes back is empty when, after a stop, all outcomes are recorded.
pub(super) fn start(app: &Arc<App>, life: &Lifecycle) -> TaskTracker {
    let lanes = TaskTracker::new();
    for name in ["mail", "http_gateway", "webhook", "rehearsal"] {
        let senders = match app.transports.get(name) {
            Some(Transport::Mail(_)) => app.connections,
            Some(Transport::Sms(gateway)) => gateway.connections(),
            Some(Transport::Webhook(hooks)) => hooks.connections(),
            Some(Transport::Rehearsal { .. }) => REHEARSERS,
            None => continue,
        };
        lane(app, life, &lanes, name, senders);
    }
    lanes.close();
    lanes
}

/// A sender's report: the outcome of its last letter, and the letter it wants to hand over next.
struct Report {
    tried: Option<Tried>,
    next: Option<Claimed>,
    go: oneshot::Sender<Option<Handed>>,
}

/// A letter that a sender may hand over now.
struct Handed {
    draft: Draft,
    held: Held,
    /// The words with which the owner of the address has taken it down: no call is made.
    gone: Option<String>,
}

/// What is to be written, by its delivery, each with the words of whoever has taken its address down.
type Drafts = HashMap<Uuid, (Draft, Option<String>)>;

fn lane(app: &Arc<App>, life: &Lifecycle, lanes: &TaskTracker, name: &'static str, senders: usize) {
    let (reports, inbox) = mpsc::channel(senders * 2);
    let tray = Arc::new(Tray::new(senders));
    life.worker("claimer", claimer(Arc::clone(app), name, senders, Arc::clone(&tray), life.soft().clone()));
    for _ in 0..senders {
        let app = Arc::clone(app);
        let (tray, reports) = (Arc::clone(&tray), reports.clone());
        life.worker("sender", sender(app, name, tray, reports, life.soft().clone()));
    }
    // The recorder outlives the senders: the last outcomes are recorded before the process ends.
    life.task(lanes.track_future(recorder(Arc::clone(app), name, inbox)));
}

async fn claimer(
    app: Arc<App>,
    name: &'static str,
    senders: usize,
    tray: Arc<Tray>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let turns = app.watch.begin(format!("claimer {name}"));
    let mut bell = app.bells.deliver.listen();
    // No more than twice the connections at a time: what lies here, another node cannot take.
    let most = 2 * senders;
    loop {
        // Whoever is more urgent than all that waits here does not wait until there is room.
        let before = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = turns.waiting(tray.wants(&app)) => None,
            _ = bell.changed() => tray.most_urgent(),
        };
        put_back(&app, &tray).await;
        let closed = tray.closed(&app.domains, app.clock.now());
        let wanted = Wanted { transport: name, except: &closed, before, n: most as u64 };
        let found = match claim(&app, wanted).await {
            Ok(found) => found,
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "Letters could not be claimed; trying again"
                );
                Vec::new()
            }
        };
        let full = found.len() == most;
        tray.put(found);
        if full || before.is_some() {
            continue;
        }
        // What is due already and was not claimed belongs to a domain that has to wait: it is looked at again soon.
        let next = next_due(&app, name).await.unwrap_or_default();
        let now = app.clock.now();
        let next = next.map(|due| if due > now { due } else { now + PERIOD });
        tokio::select! {
            more = wait(&app, &mut bell, next, &stop) => if !more { return Ok(()) },
            () = tray.drained.notified() => {}
        }
    }
}

/// Letters of a domain that is held back meanwhile wait in the outbox, where any node may take them.
async fn put_back(app: &App, tray: &Tray) {
    let held = tray.held(&app.domains, app.clock.now());
    if held.is_empty() {
        return;
    }
    match outbox::put_back(app, &held).await {
        Ok(()) => tray.forget(&held),
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "Letters could not be put back; trying again");
        }
    }
}

async fn sender(
    app: Arc<App>,
    name: &'static str,
    tray: Arc<Tray>,
    reports: mpsc::Sender<Report>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let mut tried = None;
    // The letter whose outcome is in hand, until that is on disk.
    let mut in_hand = None;
    loop {
        // With an outcome in hand nobody waits for the next letter: it is taken along where one is there.
        let next = match (&tried, stop.is_cancelled()) {
            (_, true) => None,
            (Some(_), false) => tray.take_now(&app),
            (None, false) => tokio::select! {
                () = stop.cancelled() => None,
                next = tray.take(&app) => Some(next),
            },
        };
        if tried.is_none() && next.is_none() {
            return Ok(());
        }
        let (go, may_go) = oneshot::channel();
        let (next, place) = next.unzip();
        let report = Report { tried: tried.take(), next, go };
        if reports.send(report).await.is_err() {
            return Ok(());
        }
        let handed = may_go.await;
        drop(in_hand.take());
        let Ok(Some(Handed { draft, held, gone })) = handed else { continue };
        let letter = draft.write(&app);
        let Draft { delivery, recipient, .. } = draft;
        let started_at = app.clock.now();
        let tenure = *app.tenure.lock().unwrap_or_else(PoisonError::into_inner);
        if !tenure.holds(Timestamp(delivery.lease_until_ms), started_at) {
            // This node was paused, or cut off: whoever took the letter over sends it.
            warn!(delivery = %delivery.id, "A lease ended before its letter left; it is left to others");
            continue;
        }
        in_hand = Some(held);
        reached("send.before");
        let outcome = match (gone, app.transports.get(name)) {
            (Some(reason), _) => Outcome::Closed { relay: name.to_owned(), reason },
            (None, Some(transport)) => transport.send(&letter, started_at).await,
            (None, None) => Outcome::Refused {
                relay: name.to_owned(),
                reason: crate::transport::reason::NO_SUCH_TRANSPORT.to_owned(),
            },
        };
        reached("send.after");
        let ended_at = app.clock.now();
        if let Some(place) = place {
            place.judged(verdict(&app, name, &outcome, ended_at - started_at));
        }
        // A webhook's receiver is somebody's address: it is no label.
        let relay = if name == "mail" { outcome.relay() } else { name };
        measure::tried(name, relay, outcome.key(), ended_at - started_at);
        tried = Some(Tried { delivery, recipient, started_at, ended_at, outcome });
    }
}

async fn recorder(app: Arc<App>, name: &'static str, mut inbox: mpsc::Receiver<Report>) {
    let turns = app.watch.begin(format!("recorder {name}"));
    let mut reports = Vec::with_capacity(TOGETHER);
    while turns.waiting(inbox.recv_many(&mut reports, TOGETHER)).await > 0 {
        let (mut tried, mut next, mut senders) = (Vec::new(), Vec::new(), Vec::new());
        for report in reports.drain(..) {
            tried.extend(report.tried);
            senders.push((report.next.as_ref().map(|letter| letter.delivery.id), report.go));
            next.extend(report.next);
        }
        let mut drafts = loop {
            turns.turn();
            match commit(&app, name, &tried, &next).await {
                Ok(drafts) => break drafts,
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
        let mut held: HashMap<Uuid, Held> =
            next.into_iter().map(|letter| (letter.delivery.id, letter.held)).collect();
        for (letter, go) in senders {
            let handed = letter.and_then(|id| {
                let (draft, gone) = drafts.remove(&id)?;
                Some(Handed { draft, held: held.remove(&id)?, gone })
            });
            // A sender that is gone has stopped: its letter is taken back when its lease ends.
            let _ = go.send(handed);
        }
    }
}

async fn commit(app: &App, name: &str, tried: &[Tried], next: &[Claimed]) -> Result<Drafts, OperationError> {
    let desk = record(app, tried, next).await?;
    match drafts(app, name, desk).await {
        Ok(drafts) => Ok(drafts),
        Err(error) => {
            // They stay leased; taken back when the lease ends, they are handed over again.
            warn!(error = &error as &dyn std::error::Error, "Letters could not be written");
            Ok(HashMap::new())
        }
    }
}

async fn drafts(app: &App, name: &str, desk: Desk) -> Result<Drafts, OperationError> {
    let drafts = desk.drafts(app).await?;
    let mut gone = match name {
        "webhook" if !drafts.is_empty() => {
            outbox::gone(app, drafts.iter().map(|draft| &draft.delivery)).await?
        }
        _ => HashMap::new(),
    };
    let drafts = drafts.into_iter().map(|draft| {
        let id = draft.delivery.id;
        (id, (draft, gone.remove(&id)))
    });
    Ok(drafts.collect())
}

/// What a try says about the domain of its letter: nothing, where the relay itself was away.
fn verdict(app: &App, name: &str, outcome: &Outcome, took: Span) -> Verdict {
    match app.transports.get(name) {
        Some(Transport::Mail(mailer)) if mailer.back_at().is_some() => Verdict::Nothing,
        _ => Verdict::of(outcome, took),
    }
}
