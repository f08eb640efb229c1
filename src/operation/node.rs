//! The processes that serve one database: signs of life, and who of them is silent.

use noroshi_core::{
    id::IncidentId,
    text::Text,
    time::{Span, Timestamp},
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{Actor, OperationError, Work, telling};
use crate::{
    app::App,
    store::{self, StoreError},
};

/// When the service, whichever node, was last alive: an absence is told afterwards.
const ALIVE: &str = "alive_at_ms";
/// A node that gave no sign for so long is silent: signs come every three seconds.
const SILENT: Span = Span::seconds(10);

/// A node as the others see it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its own id, new with each start.
    pub id: Uuid,
    /// Machine and port.
    pub name: String,
    /// Its version of Noroshi.
    pub version: String,
    /// How it is.
    pub state: NodeState,
    /// Its last sign of life.
    pub at: Timestamp,
    /// Whether it is the one that tells.
    pub here: bool,
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It serves, sends and fires timers.
    Serving,
    /// It finishes what it has in hand and leaves.
    Draining,
    /// Nothing is heard of it: what it had in hand goes to the others when its leases end.
    Silent,
}

impl NodeState {
    /// The word for it in the interface and in keys of texts.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Draining => "draining",
            Self::Silent => "silent",
        }
    }
}

/// A sign of life, of the service and of this node.
pub async fn beat(app: &App, draining: bool) -> Result<(), OperationError> {
    let work = Work::begin(app, Actor::system()).await?;
    store::setting::put(&work.tx, ALIVE, &work.now.0.to_string()).await?;
    let node = entity::node::Model {
        id: app.node,
        name: name(app.port()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        state: if draining { NodeState::Draining } else { NodeState::Serving }.key().to_owned(),
        started_at_ms: app.started_at.0,
        seen_at_ms: work.now.0,
    };
    // Whoever went by this name and has been silent since before our start is this node, killed and started again. It
    // may fall silent only after our start; another one that lives under the same name has given a sign since.
    let silent = Timestamp((work.now.0 - SILENT.0).min(app.started_at.0));
    store::node::replace(&work.tx, &node.name, silent).await?;
    store::node::beat(&work.tx, node).await?;
    work.commit().await
}

/// Takes a node out of the list, or all of them.
pub async fn leave(app: &App, node: Option<Uuid>) -> Result<(), OperationError> {
    let work = Work::begin(app, Actor::system()).await?;
    store::node::leave(&work.tx, node).await?;
    work.commit().await
}

/// When the service was last alive, on whichever node.
pub async fn last_alive(db: &impl ConnectionTrait) -> Result<Option<Timestamp>, StoreError> {
    let alive = store::setting::get(db, ALIVE).await?;
    Ok(alive.and_then(|text| text.parse().ok()).map(Timestamp))
}

/// Somebody has set this machine's clock: the chronology of every running incident says so, and that its moments are
/// those of the time before.
pub async fn clock_was_set(app: &App, by: Span) -> Result<(), OperationError> {
    let mut work = Work::begin(app, Actor::system()).await?;
    let open: Vec<Uuid> = store::incident::open(&work.tx).await?.into_iter().map(|row| row.id).collect();
    work.enter(open.iter().copied()).await?;
    let (name, length) = (name(app.port()), Span(by.0.abs()));
    let (ja, en) = if by > Span::ZERO { ("進められた", "forward") } else { ("戻された", "back") };
    for incident in open {
        let told = Text::both(
            format!("{name}の時計が{length}{ja}。この事案は変更前の時刻で続ける"),
            format!("The clock of {name} was set {en} by {length}; this incident goes on by the time before"),
        );
        let line = telling::line("clock", telling::service(), told, work.now);
        work.line(IncidentId::new(incident), line);
    }
    work.commit().await
}

/// All nodes, the eldest first.
pub async fn list(app: &App) -> Result<Vec<Seen>, StoreError> {
    let now = app.clock.now();
    let rows = store::node::all(app.store.read()).await?.into_iter().map(|row| {
        let at = Timestamp(row.seen_at_ms);
        let state = match row.state.as_str() {
            _ if now - at > SILENT => NodeState::Silent,
            "draining" => NodeState::Draining,
            _ => NodeState::Serving,
        };
        Seen { id: row.id, name: row.name, version: row.version, state, at, here: row.id == app.node }
    });
    Ok(rows.collect())
}

fn name(port: Option<u16>) -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let machine = if machine.trim().is_empty() { "node" } else { machine.trim() };
    port.map_or_else(|| machine.to_owned(), |port| format!("{machine}:{port}"))
}
