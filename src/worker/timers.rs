//! Fires timers that are due.

use std::{convert::Infallible, sync::Arc};

use tokio_util::sync::CancellationToken;
use tracing::error;

use super::wait;
use crate::{app::App, operation::timer, watch::Turns};

/// Runs until the stop.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) -> Result<(), Infallible> {
    let turns = app.watch.begin("timers");
    let mut bell = app.bells.timers.listen();
    loop {
        turns.turn();
        app.bells.timers.looking();
        let next = match look(&app, &turns).await {
            Ok(next) => next,
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "Timers could not be fired; each is tried for itself, and all again"
                );
                if let Err(error) = timer::fire_each(&app).await {
                    let problem = &error as &dyn std::error::Error;
                    error!(error = problem, "Timers could not be read; trying again");
                }
                None
            }
        };
        if let Some(next) = next {
            app.bells.timers.awaits(next);
        }
        if !wait(&app, &mut bell, next, &stop).await {
            return Ok(());
        }
    }
}

async fn look(
    app: &App,
    turns: &Turns,
) -> Result<Option<noroshi_core::time::Timestamp>, crate::operation::OperationError> {
    while timer::fire_due(app).await? > 0 {
        turns.turn();
    }
    timer::next_due(app).await
}
