//! How fast letters leave this house: by what the relays have taken, else by what has to be taken for granted.

use noroshi_core::{
    playbook::preflight::Pace,
    time::{Span, Timestamp},
};
use sea_orm::ConnectionTrait;

use super::node::{self, NodeState};
use crate::{
    app::App,
    store::{self, StoreError},
    transport::Transport,
};

/// What is older says nothing of a relay any more.
const MEASURED_FOR: Span = Span(90 * 24 * 3_600_000);
/// So many tries are looked at: a page is waiting.
const MOST_TRIES: u64 = 20_000;

/// The pace of each way out of the house, over all nodes that serve.
pub async fn paces(app: &App, db: &impl ConnectionTrait) -> Result<Vec<Pace>, StoreError> {
    let since = Timestamp(app.clock.now().0.saturating_sub(MEASURED_FOR.0).max(0));
    let mut seen = store::gauge::minutes(db, since, MOST_TRIES).await?;
    let nodes = node::list(app).await?.into_iter().filter(|node| node.state == NodeState::Serving).count();
    let of_all = |one: usize| u32::try_from(one * nodes.max(1)).unwrap_or(u32::MAX);
    let ways = app.transports.iter().filter_map(|(carrier, transport)| {
        let (driver, connections) = match transport {
            Transport::Mail(_) => ("smtp", app.connections),
            Transport::Sms(gateway) => ("http_gateway", gateway.connections()),
            Transport::Webhook(hooks) => ("webhook", hooks.connections()),
            Transport::Rehearsal { .. } => return None,
        };
        let limit = app.domains.per_minute().filter(|_| driver != "http_gateway");
        let limit = limit.map(|limit| of_all(limit as usize));
        Some(Pace::of(driver, of_all(connections), &seen.remove(carrier).unwrap_or_default(), limit))
    });
    Ok(ways.collect())
}
