//! Tells the other nodes what changed here, and our live pages and workers what changed there.

use std::{convert::Infallible, sync::Arc, time::Duration};

use noroshi_core::time::Span;
use sqlx::{PgPool, postgres::PgListener};
use tokio::{sync::mpsc::UnboundedReceiver, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    app::App,
    lifecycle::Lifecycle,
    neighbours::{CALL, Call, IN_ONE_CALL, Neighbours},
    store::{self, event::Event},
};

/// How often the table is looked into, whether or not anybody called.
const LOOK: Span = Span::seconds(1);
/// How often a call goes out although nothing has changed.
const SIGN: Span = Span::seconds(20);
/// Who has heard nothing for so long, not even its own calls, has lost its line: nobody has cut it, and it is silent.
const DEAF: Duration = Duration::from_secs(60);
/// Changes that one look takes.
const AT_ONCE: u64 = 1000;

/// Starts the three parts, where there can be neighbours.
pub(super) fn start(app: &Arc<App>, life: &Lifecycle) {
    let (Some(pool), Some(neighbours)) = (app.store.postgres(), &app.neighbours) else { return };
    let stop = life.soft();
    if let Some(news) = neighbours.take_news() {
        life.worker("caller", call(Arc::clone(app), news, stop.clone()));
    }
    life.worker("listener", listen(Arc::clone(app), pool.clone(), stop.clone()));
    life.worker("looker", look(Arc::clone(app), stop.clone()));
}

/// Calls out what changed here. While one call is under way the next changes gather.
async fn call(
    app: Arc<App>,
    mut news: UnboundedReceiver<Event>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let turns = app.watch.begin("caller");
    let mut changes = Vec::with_capacity(IN_ONE_CALL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = turns.waiting(news.recv_many(&mut changes, IN_ONE_CALL)) => {}
            () = turns.waiting(app.clock.sleep_until(app.clock.now() + SIGN)) => {}
        }
        let changes = changes.drain(..).map(|event: Event| (event.id, event.incident, event.kind)).collect();
        let text = serde_json::to_string(&Call { node: app.node, changes }).expect("ids and words");
        if let Err(problem) = store::event::call(app.store.read(), CALL, text).await {
            warn!(
                error = &problem as &dyn std::error::Error,
                "Other nodes could not be called; they look by themselves"
            );
        }
    }
}

/// Hears the others. A lost connection is made anew; meanwhile the look finds what they called.
async fn listen(app: Arc<App>, pool: PgPool, stop: CancellationToken) -> Result<(), Infallible> {
    loop {
        let heard = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            heard = hear(&app, &pool) => heard,
        };
        if let Err(problem) = heard {
            warn!(
                error = &problem as &dyn std::error::Error,
                "Other nodes cannot be heard; looking once a second instead"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = app.clock.sleep_until(app.clock.now() + LOOK) => {}
        }
    }
}

async fn hear(app: &App, pool: &PgPool) -> Result<(), sqlx::Error> {
    let Some(neighbours) = &app.neighbours else { return Ok(()) };
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CALL).await?;
    let deaf = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "not even our own calls are heard");
    while let Some(notification) = timeout(DEAF, listener.try_recv()).await.map_err(deaf)?? {
        match serde_json::from_str::<Call>(notification.payload()) {
            Ok(call) if call.node == app.node => {}
            Ok(call) => {
                let changes = call.changes.into_iter();
                pass_on(app, neighbours, changes.map(|(id, incident, kind)| Event { id, incident, kind }));
            }
            // A node of another version speaks otherwise: the look finds what it meant.
            Err(_) => app.bells.ring(),
        }
    }
    Ok(())
}

/// Looks into the table.
async fn look(app: Arc<App>, stop: CancellationToken) -> Result<(), Infallible> {
    let Some(neighbours) = &app.neighbours else { return Ok(()) };
    let turns = app.watch.begin("looker");
    loop {
        turns.turn();
        match store::event::since(app.store.read(), None, neighbours.look_after(), AT_ONCE).await {
            Ok(found) => pass_on(&app, neighbours, found.into_iter()),
            Err(problem) => {
                error!(error = &problem as &dyn std::error::Error, "Changes could not be read; trying again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = app.clock.sleep_until(app.clock.now() + LOOK) => {}
        }
    }
}

fn pass_on(app: &App, neighbours: &Neighbours, events: impl Iterator<Item = Event>) {
    let mut any = false;
    for event in events.filter(|event| neighbours.is_new(event.id)) {
        any = true;
        // Nobody listening is no failure.
        let _ = app.live.send(event);
    }
    if any {
        app.bells.ring();
    }
}
