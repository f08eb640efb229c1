//! The outward heartbeat: a watcher elsewhere calls somebody when it stops.
//!
//! It beats only while this node can do its work: every loop goes round and the database answers.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{app::App, config::Heartbeat, measure};

/// A watcher that does not answer within this was not reached.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs until the stop.
pub(super) async fn run(
    app: Arc<App>,
    heartbeat: Heartbeat,
    stop: CancellationToken,
) -> Result<(), reqwest::Error> {
    let turns = app.watch.begin("heartbeat");
    let http = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("noroshi/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(reqwest::Error::without_url)?;
    let mut well = true;
    loop {
        turns.turn();
        let next = app.clock.now() + heartbeat.every;
        if app.watch.standing(app.worker_patience).is_empty() && app.store.ping().await.is_ok() {
            let beaten = turns.waiting(beat(&http, &heartbeat)).await;
            measure::heartbeat(beaten.is_ok());
            match &beaten {
                Ok(()) if !well => info!("The outside watcher hears the heartbeat again"),
                Err(why) if well => {
                    warn!("The outside watcher was not reached ({why}); trying again at every beat");
                }
                _ => {}
            }
            well = beaten.is_ok();
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = turns.waiting(app.clock.sleep_until(next)) => {}
        }
    }
}

/// The address is a secret: whoever knows it can keep the watcher quiet. No word of it stands in what comes back.
async fn beat(http: &reqwest::Client, heartbeat: &Heartbeat) -> Result<(), String> {
    let answer = http.get(heartbeat.url.clone()).send().await;
    let answer = answer.and_then(reqwest::Response::error_for_status).map_err(reqwest::Error::without_url);
    match answer {
        Ok(answer) if answer.status().is_redirection() => Err(format!("it answered {}", answer.status())),
        Ok(_) => Ok(()),
        Err(why) if why.is_timeout() => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        Err(why) => Err(why.to_string()),
    }
}
