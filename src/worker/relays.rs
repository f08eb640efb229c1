//! Whether the mail relays can be reached, also while no letter goes out: at the start, and as long as one is down.

use std::{convert::Infallible, sync::Arc};

use noroshi_core::time::Span;
use tokio_util::sync::CancellationToken;

use crate::{app::App, transport::Transport};

/// How long one that is down is left alone while no letter tries it: letters wait for it.
const EVERY: Span = Span::seconds(2);

/// Runs until the stop.
pub(super) async fn run(app: Arc<App>, stop: CancellationToken) -> Result<(), Infallible> {
    let turns = app.watch.begin("relays");
    loop {
        turns.turn();
        let look = async {
            for (_, transport) in app.transports.iter() {
                if let Transport::Mail(mailer) = transport {
                    let was_away = mailer.is_away();
                    mailer.look(app.clock.now()).await;
                    if was_away && !mailer.is_away() {
                        app.bells.deliver.ring();
                    }
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
