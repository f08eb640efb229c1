//! The auditor: looks every few seconds for what should have happened and did not.

use std::{convert::Infallible, sync::Arc};

use noroshi_core::time::Span;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{
    app::App,
    operation::audit::{self, SETTLING},
};

/// How often it looks.
const LOOK: Span = Span::seconds(10);

/// Runs until the stop.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) -> Result<(), Infallible> {
    let turns = app.watch.begin("auditor");
    let mut next = app.started_at + SETTLING;
    let mut after = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = turns.waiting(app.clock.sleep_until(next)) => {}
        }
        match audit::audit(&app, &mut after).await {
            Ok(standing) => app.troubles.found(standing),
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, "The audit could not be made; trying again");
            }
        }
        next = app.clock.now() + LOOK;
    }
}
