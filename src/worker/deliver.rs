//! Hands letters over and records what became of them.
//!
//! # Cast
//! - the *claimer* leases due letters and puts them on the lane's tray (`tray.rs`), which gives each domain its share;
//! - each *sender* stands for one connection: it hands over a letter, reports the outcome and waits for the next;
//! - the *recorder* takes all reports that have gathered, and from the tray the first letters for all senders that are
//!   free, commits both in one transaction, and then lets the letters go. So a connection hands over its next letter
//!   only after the outcome of its last is on disk, many connections share one commit, and what is urgent goes with the
//!   next commit.
//!
//! Each way out of the house has a lane of its own: a gateway that hangs holds up no mail, and a drill takes no
//! connection from what is real.
//!
//! Claimer and recorder are watched (`watch.rs`); a sender need not be, for it waits for nothing but the recorder and a
//! transport, and each of these gives up by itself: a relay after `Patience::whole`, a call after `Limits`.

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

use super::{
    PERIOD,
    tray::{Place, Tray},
    wait,
};
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

/// A sender is free: the outcome of its last letter, and where to hand it the next.
struct Report {
    tried: Option<(Tried, Held)>,
    next: oneshot::Sender<Handed>,
}

/// A letter that a sender may hand over now.
struct Handed {
    draft: Draft,
    held: Held,
    place: Place,
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
        life.worker("sender", sender(Arc::clone(app), name, reports.clone(), life.soft().clone()));
    }
    // The recorder outlives the senders: the last outcomes are recorded before the process ends.
    life.task(lanes.track_future(recorder(Arc::clone(app), name, tray, inbox, life.soft().clone())));
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
        let now = app.clock.now();
        let closed = tray.closed(&app.domains, now);
        let way = app.transports.get(name);
        let untried = way.is_some_and(|way| way.is_away(now));
        let n = if way.is_some_and(|way| way.is_on_trial(now)) { 1 } else { most as u64 };
        let wanted = Wanted { transport: name, except: &closed, before, untried, n };
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
        let next = next_due(&app, Wanted { before: None, ..wanted }).await.unwrap_or_default();
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
    reports: mpsc::Sender<Report>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let mut tried = None;
    while tried.is_some() || !stop.is_cancelled() {
        let (next, letter) = oneshot::channel();
        if reports.send(Report { tried: tried.take(), next }).await.is_err() {
            break;
        }
        // After a stop no letter comes.
        if let Ok(handed) = letter.await {
            tried = hand_over(&app, name, handed).await;
        }
    }
    Ok(())
}

/// Sends a letter; gives what became of it, if it left.
async fn hand_over(app: &App, name: &'static str, handed: Handed) -> Option<(Tried, Held)> {
    let Handed { draft, held, place, gone } = handed;
    let letter = draft.write(app);
    let Draft { delivery, recipient, .. } = draft;
    let started_at = app.clock.now();
    let tenure = *app.tenure.lock().unwrap_or_else(PoisonError::into_inner);
    if !tenure.holds(Timestamp(delivery.lease_until_ms), started_at) {
        // This node was paused, or cut off: whoever took the letter over sends it.
        warn!(delivery = %delivery.id, "A lease ended before its letter left; it is left to others");
        return None;
    }
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
    place.judged(verdict(app, name, &outcome, ended_at - started_at));
    // Our own relay or gateway, as `noroshi_relay_up` calls it; a webhook's receiver is somebody's address and no label.
    let relay = if matches!(name, "mail" | "http_gateway") { outcome.relay() } else { name };
    measure::tried(name, relay, outcome.key(), ended_at - started_at);
    Some((Tried { delivery, recipient, started_at, ended_at, outcome }, held))
}

async fn recorder(
    app: Arc<App>,
    name: &'static str,
    tray: Arc<Tray>,
    mut inbox: mpsc::Receiver<Report>,
    stop: CancellationToken,
) {
    let turns = app.watch.begin(format!("recorder {name}"));
    let mut reports = Vec::with_capacity(TOGETHER);
    // Senders that wait for a letter.
    let mut free = Vec::new();
    loop {
        let something = async {
            tokio::select! {
                count = inbox.recv_many(&mut reports, TOGETHER) => count > 0,
                () = tray.came(&app), if !free.is_empty() => true,
                () = stop.cancelled(), if !free.is_empty() => true,
            }
        };
        if !turns.waiting(something).await {
            return;
        }
        // Each outcome is in hand until it is on disk.
        let (mut tried, mut in_hand) = (Vec::new(), Vec::new());
        for report in reports.drain(..) {
            free.push(report.next);
            if let Some((one, held)) = report.tried {
                tried.push(one);
                in_hand.push(held);
            }
        }
        if stop.is_cancelled() && tried.is_empty() {
            free.clear();
            continue;
        }
        let n = if stop.is_cancelled() { 0 } else { free.len() };
        let (next, places): (Vec<Claimed>, Vec<Place>) = tray.take(&app, n).into_iter().unzip();
        if tried.is_empty() && next.is_empty() {
            continue;
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
        drop(in_hand);
        for (Claimed { delivery, held, .. }, place) in next.into_iter().zip(places) {
            let Some((draft, gone)) = drafts.remove(&delivery.id) else {
                // It was withdrawn meanwhile, or leased away: another one may leave in its stead.
                tray.look_again();
                continue;
            };
            let Some(sender) = free.pop() else { break };
            // A sender that is gone has stopped: its letter is taken back when its lease ends.
            let _ = sender.send(Handed { draft, held, place, gone });
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
        Some(Transport::Mail(mailer)) if mailer.is_away() => Verdict::Nothing,
        _ => Verdict::of(outcome, took),
    }
}
