//! Whether the mail relays can be reached, also while no letter goes out: at the start, and as long as one is down.

use std::{convert::Infallible, sync::Arc};

use noroshi_core::time::Span;
use tokio_util::sync::CancellationToken;

use crate::{app::App, transport::Transport};

/// How long one that is down is left alone while no letter tries it.
const EVERY: Span = Span::seconds(10);

/// Runs until the stop.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) -> Result<(), Infallible> {
    let turns = app.watch.begin("relays");
    loop {
        turns.turn();
        let look = async {
            for (_, transport) in app.transports.iter() {
                if let Transport::Mail(mailer) = transport {
                    mailer.look(app.clock.now()).await;
                }
            }
            app.clock.sleep_until(app.clock.now() + EVERY).await;
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = turns.waiting(look) => {}
        }
    }
}
