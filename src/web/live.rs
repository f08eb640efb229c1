//! Server-sent events: that something changed, never what. A page asks again and is told only what it may see.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentEncoding},
    web::{Bytes, Data, Path},
};
use noroshi_core::id::IncidentId;
use tokio::{
    sync::broadcast::error::{RecvError, TryRecvError},
    time::{Interval, interval},
};

use super::problem::WebError;
use crate::{
    app::App,
    store::{self, event::Event},
};

/// A comment this often keeps proxies from hanging up.
const PING: Duration = Duration::from_secs(15);
/// No page is told more often than this. The first change is told at once; those that follow within a breath are told
/// together, each kind once: a page asks anew whatever their number.
const BREATH: Duration = Duration::from_millis(100);
/// Events sent in one go when a page resumes.
const CATCH_UP: u64 = 1000;

/// Changes of one incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/events", tag = "live",
    params(("id" = String, Path, description = "inc_…")),
    responses((status = 200, description = "text/event-stream; Last-Event-ID resumes", content_type = "text/event-stream")))]
pub async fn incident(
    request: HttpRequest,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, WebError> {
    let id = id.parse::<IncidentId>().map_err(|_| WebError::NotFound)?;
    store::incident::get(app.store.read(), id).await?;
    stream(&request, app.into_inner(), Some(id)).await
}

/// Changes of all incidents.
#[utoipa::path(get, path = "/api/v1/events", tag = "live",
    responses((status = 200, description = "text/event-stream; Last-Event-ID resumes", content_type = "text/event-stream")))]
pub async fn all(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, WebError> {
    stream(&request, app.into_inner(), None).await
}

struct Listener {
    app: Arc<App>,
    incident: Option<IncidentId>,
    live: tokio::sync::broadcast::Receiver<Event>,
    /// The highest number that was sent.
    last: i64,
    /// What the table told; the same may come live once more.
    caught_up: BTreeSet<i64>,
    waiting: Vec<Event>,
    breath: Interval,
    greeted: bool,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.app.live_pages.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn stream(
    request: &HttpRequest,
    app: Arc<App>,
    incident: Option<IncidentId>,
) -> Result<HttpResponse, WebError> {
    // Listening begins before the table is read: nothing can fall between the two.
    let live = app.live.subscribe();
    let resumed = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (last, waiting) = match resumed {
        Some(last) => (last, store::event::since(app.store.read(), incident, last, CATCH_UP).await?),
        None => (store::event::newest(app.store.read()).await?, Vec::new()),
    };
    app.live_pages.fetch_add(1, Ordering::Relaxed);
    let caught_up = waiting.iter().map(|event| event.id).collect();
    let breath = interval(BREATH);
    let listener = Listener { app, incident, live, last, caught_up, waiting, breath, greeted: false };
    let events = futures_util::stream::unfold(listener, |mut listener| async move {
        let stop = listener.app.stopping.clone();
        let chunk = tokio::select! {
            () = stop.cancelled() => return None,
            chunk = listener.next() => chunk,
        };
        Some((Ok::<_, Infallible>(chunk), listener))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .insert_header(ContentEncoding::Identity)
        .streaming(events))
}

impl Listener {
    async fn next(&mut self) -> Bytes {
        if !self.greeted {
            self.greeted = true;
            return Bytes::from_static(b": hello\nretry: 2000\n\n");
        }
        while self.waiting.is_empty() {
            tokio::select! {
                event = self.live.recv() => match event {
                    Ok(event) => self.hear(event),
                    Err(RecvError::Lagged(_)) => self.look().await,
                    Err(RecvError::Closed) => return Bytes::from_static(b": bye\n\n"),
                },
                () = tokio::time::sleep(PING) => return Bytes::from_static(b": still here\n\n"),
            }
        }
        self.breath.tick().await;
        loop {
            match self.live.try_recv() {
                Ok(event) => self.hear(event),
                Err(TryRecvError::Lagged(_)) => self.look().await,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.breath.reset();
        self.tell()
    }

    fn hear(&mut self, event: Event) {
        if self.incident.is_none_or(|wanted| wanted == event.incident) && !self.caught_up.remove(&event.id) {
            self.waiting.push(event);
        }
    }

    /// Everything that waits, in the order of the numbers; of the same kind in the same incident the newest.
    fn tell(&mut self) -> Bytes {
        self.waiting.sort_by_key(|event| Reverse(event.id));
        let mut told = BTreeSet::new();
        self.waiting.retain(|event| told.insert((event.incident, event.kind.clone())));
        self.last = self.waiting.first().map_or(self.last, |newest| self.last.max(newest.id));
        Bytes::from(self.waiting.drain(..).rev().map(|event| frame(&event)).collect::<String>())
    }

    async fn look(&mut self) {
        // A database that is away is told by the board itself; the stream simply has no news.
        if let Ok(found) =
            store::event::since(self.app.store.read(), self.incident, self.last, CATCH_UP).await
        {
            self.caught_up = found.iter().map(|event| event.id).collect();
            self.waiting.extend(found);
        }
    }
}

fn frame(event: &Event) -> String {
    let data = serde_json::json!({ "incident": event.incident, "kind": event.kind });
    format!("id: {}\nevent: {}\ndata: {data}\n\n", event.id, event.kind)
}
