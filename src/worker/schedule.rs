//! Rings what the calendar says.

use std::{convert::Infallible, sync::Arc};

use tokio_util::sync::CancellationToken;
use tracing::error;

use super::wait;
use crate::{app::App, operation::schedule};

/// Runs until the stop.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) -> Result<(), Infallible> {
    let turns = app.watch.begin("schedule");
    let mut bell = app.bells.schedule.listen();
    loop {
        turns.turn();
        let next = match schedule::ring_due(&app).await {
            Ok(next) => next,
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "A schedule could not be rung; trying again"
                );
                None
            }
        };
        if !wait(&app, &mut bell, next, &stop).await {
            return Ok(());
        }
    }
}
