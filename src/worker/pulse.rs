//! What is done every few seconds: a sign of life, leases renewed, abandoned letters taken back, idle connections
//! closed, old idempotency keys forgotten. A schema that a newer version has changed ends this node in order.

use std::{
    convert::Infallible,
    sync::{Arc, PoisonError},
};

use noroshi_core::time::Span;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use super::roll::Roll;
use crate::{
    app::App,
    lifecycle::Lifecycle,
    operation::{Actor, OperationError, Work, delivery, node},
    store::{self, StoreError},
    transport::Transport,
};

/// How often leases that have ended are looked for: what another node left is taken up so long after its lease.
const LOOK: Span = Span::seconds(1);
/// Every so many looks: signs of life, leases renewed. A third of the shortest lease that the configuration takes.
const BEAT: u32 = 3;
/// Every so many looks: the schema is looked at.
const SCHEMA: u32 = 5;
/// Every so many looks.
const RARELY: u32 = 600;
/// Idempotency keys are kept for so long.
const KEPT: Span = Span::minutes(48 * 60);

/// Runs until the stop, and then until the last letter's outcome is recorded: leases are held until there is nothing
/// left to hold.
pub(super) async fn run(app: Arc<App>, life: Lifecycle, lanes: TaskTracker) -> Result<(), Infallible> {
    let turns = app.watch.begin("pulse");
    let mut looks: u32 = 0;
    let mut jump = None;
    let mut roll = Roll::default();
    loop {
        turns.turn();
        let next = app.clock.now() + LOOK;
        tokio::select! {
            () = async { life.soft().cancelled().await; lanes.wait().await } => break,
            () = app.clock.sleep_until(next) => {}
        }
        if let Err(error) = look_at_the_wall(&app, &mut jump).await {
            warn!(error = &error as &dyn std::error::Error, "Whether the clock may be followed is not known");
        }
        match look(&app, &mut roll, looks, life.is_stopping()).await {
            Ok(()) => {}
            Err(OperationError::Store(newer @ StoreError::Newer { .. })) if !life.is_stopping() => {
                error!("{newer}; this node finishes what it has in hand and stops");
                life.stop();
            }
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "The pulse could not be written; trying again"
                );
            }
        }
        for (_, transport) in app.transports.iter().filter(|_| looks.is_multiple_of(BEAT)) {
            if let Transport::Mail(mailer) = transport {
                mailer.tidy(app.clock.now()).await;
            }
        }
        looks = looks.wrapping_add(1);
    }
    // A node that is not in the list any more was not lost: it left.
    if let Err(error) = node::leave(&app, Some(app.node)).await {
        warn!(error = &error as &dyn std::error::Error, "The end of this node could not be noted");
    }
    Ok(())
}

/// Somebody set the machine's clock: it is told once, and followed as soon as no incident runs whose durations hang on
/// it.
async fn look_at_the_wall(app: &App, known: &mut Option<Span>) -> Result<(), OperationError> {
    let jump = app.clock.jump();
    if let (Some(by), None) = (jump, *known) {
        warn!(
            seconds = by.0 / 1000,
            "The clock of this machine was set; running incidents go on by the time before"
        );
        node::clock_was_set(app, by).await?;
    }
    *known = jump;
    if jump.is_some() && store::incident::open(app.store.read()).await?.is_empty() {
        app.clock.adopt();
        warn!("No incident runs: this node goes by the machine's clock again");
        *known = None;
    }
    Ok(())
}

async fn look(app: &App, roll: &mut Roll, looks: u32, stopping: bool) -> Result<(), OperationError> {
    if looks.is_multiple_of(SCHEMA) && !stopping {
        app.store.refuse_newer().await?;
    }
    if looks.is_multiple_of(BEAT) {
        // Leases first: whoever holds letters has to go on holding them.
        let (now, until) = delivery::renew(app).await?;
        {
            let mut tenure = app.tenure.lock().unwrap_or_else(PoisonError::into_inner);
            *tenure = tenure.renewed(now, until);
        }
        node::beat(app, stopping).await?;
        if !app.store.is_embedded() {
            roll.call(&node::list(app).await?);
        }
    }
    if !stopping {
        delivery::take_back(app, false).await?;
    }
    if looks.is_multiple_of(RARELY) {
        let work = Work::begin(app, Actor::system()).await?;
        store::idempotency::forget(&work.tx, work.now.0 - KEPT.0).await?;
        work.commit().await?;
    }
    Ok(())
}
