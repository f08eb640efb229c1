//! Fires timers that are due.

use std::{convert::Infallible, sync::Arc};

use tokio_util::sync::CancellationToken;
use tracing::error;

use super::wait;
use crate::{app::App, operation::timer};

/// Runs until the stop.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) -> Result<(), Infallible> {
    loop {
        let next = match look(&app).await {
            Ok(next) => next,
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, "Timers could not be fired; trying again");
                None
            }
        };
        if !wait(&app, &app.bells.timers, next, &stop).await {
            return Ok(());
        }
    }
}

async fn look(app: &App) -> Result<Option<noroshi_core::time::Timestamp>, crate::operation::OperationError> {
    while timer::fire_due(app).await? > 0 {}
    timer::next_due(app).await
}
