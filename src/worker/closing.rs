//! Looks whether closing has to be proposed, when something has changed.
//!
//! Every change of an incident is told to live pages; this worker listens to the same. Each incident is looked at once
//! for all changes of a second. What happened before it listened, or on a node that died, is found by a look over
//! everything at the start and every ten minutes.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use noroshi_core::{id::IncidentId, time::Span};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{
    app::App,
    operation::{OperationError, closing},
    store,
};

/// Changes of so long are looked at together.
const TOGETHER: Span = Span::seconds(1);
/// How often everything is looked at.
const SWEEP: Span = Span::minutes(10);
/// What a proposal may depend on.
const KINDS: [&str; 5] = ["incident", "alert", "recipient", "task", "report"];

/// Runs until the stop.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) -> Result<(), Infallible> {
    let mut news = app.live.subscribe();
    let turns = app.watch.begin("closing");
    let mut changed = everything(&app).await;
    loop {
        turns.turn();
        for incident in std::mem::take(&mut changed) {
            turns.turn();
            if let Err(error) = closing::consider(&app, incident).await {
                let problem = &error as &dyn std::error::Error;
                error!(
                    error = problem,
                    "Closing {incident} could not be considered; the next change brings it back"
                );
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = app.clock.sleep_until(app.clock.now() + TOGETHER) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = app.clock.sleep_until(app.clock.now() + SWEEP) => changed = everything(&app).await,
            told = turns.waiting(news.recv()) => match told {
                Ok(event) => note(&mut changed, event.incident, event.kind.as_ref()),
                Err(RecvError::Lagged(_)) => changed = everything(&app).await,
                Err(RecvError::Closed) => return Ok(()),
            },
        }
        loop {
            match news.try_recv() {
                Ok(event) => note(&mut changed, event.incident, event.kind.as_ref()),
                Err(TryRecvError::Lagged(_)) => changed = everything(&app).await,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }
}

fn note(changed: &mut BTreeSet<IncidentId>, incident: IncidentId, kind: &str) {
    if KINDS.contains(&kind) {
        changed.insert(incident);
    }
}

async fn everything(app: &App) -> BTreeSet<IncidentId> {
    match store::incident::open(app.store.read()).await.map_err(OperationError::from) {
        Ok(rows) => rows.into_iter().map(|row| IncidentId::new(row.id)).collect(),
        Err(error) => {
            let problem = &error as &dyn std::error::Error;
            error!(error = problem, "Open incidents could not be read; the next change brings them back");
            BTreeSet::new()
        }
    }
}
