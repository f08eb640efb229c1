//! What is done every few seconds: a sign of life, leases renewed, abandoned letters taken back, idle connections
//! closed, old idempotency keys forgotten.

use std::{convert::Infallible, sync::Arc};

use noroshi_core::time::Span;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{
    app::App,
    operation::{Actor, OperationError, Work, delivery},
    store,
    transport::Transport,
};

const BEAT: Span = Span::seconds(5);
/// Idempotency keys are kept for so long.
const KEPT: Span = Span::minutes(48 * 60);
/// Every so many beats.
const RARELY: u32 = 120;

/// Runs until the stop.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) -> Result<(), Infallible> {
    let mut beats: u32 = 0;
    loop {
        let next = app.clock.now() + BEAT;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = app.clock.sleep_until(next) => {}
        }
        if let Err(error) = beat(&app, beats.is_multiple_of(RARELY)).await {
            error!(error = &error as &dyn std::error::Error, "The pulse could not be written; trying again");
        }
        for (_, transport) in app.transports.iter() {
            if let Transport::Mail(mailer) = transport {
                mailer.tidy(app.clock.now()).await;
            }
        }
        beats = beats.wrapping_add(1);
    }
}

async fn beat(app: &App, clean: bool) -> Result<(), OperationError> {
    app.note_alive().await?;
    delivery::renew(app).await?;
    delivery::take_back(app, false).await?;
    if clean {
        let work = Work::begin(app, Actor::system()).await?;
        store::idempotency::forget(&work.tx, work.now.0 - KEPT.0).await?;
        work.commit().await?;
    }
    Ok(())
}
