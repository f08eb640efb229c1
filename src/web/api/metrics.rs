//! `GET /metrics`: what the service measures of itself, in Prometheus' text form.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use actix_web::{HttpRequest, HttpResponse, web::Data};
use metrics::{counter, gauge};

use super::health::trusted;
use crate::{
    app::App,
    domains::is_receiver,
    measure::{self, seconds},
    operation::{
        OperationError, audit,
        node::{self, NodeState},
    },
    store,
    web::problem::WebError,
};

/// The text form of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// To programs of this machine and to whoever has a token. Gauges are read now; a database that is away leaves those
/// of its tables as they were.
pub async fn get(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, WebError> {
    let ready = app.store.ping().await.is_ok();
    if !trusted(&request, &app, ready).await? {
        return Err(WebError::SignIn);
    }
    of_process(&app);
    if ready {
        of_database(&app).await?;
    }
    Ok(HttpResponse::Ok().content_type(TEXT).body(measure::books().render()))
}

fn of_process(app: &App) {
    // Several loops of one name are one series.
    let mut turns: BTreeMap<String, u64> = BTreeMap::new();
    for (name, made) in app.watch.turns() {
        *turns.entry(name).or_default() += made;
    }
    for (name, made) in turns {
        counter!("noroshi_worker_rounds_total", "worker" => name).absolute(made);
    }
    gauge!("noroshi_worker_standing").set(app.watch.standing(app.worker_patience).len() as f64);
    gauge!("noroshi_live_pages").set(app.live_pages.load(Ordering::Relaxed) as f64);
    for kind in audit::STANDING {
        let these = app.troubles.standing().into_iter().filter(|row| row.kind == kind).count();
        gauge!("noroshi_findings_open", "kind" => kind).set(these as f64);
    }
    let held = app.domains.held(app.clock.now());
    let receivers = held.iter().filter(|(domain, _)| is_receiver(domain)).count();
    for (carrier, held) in [("mail", held.len() - receivers), ("webhook", receivers)] {
        gauge!("noroshi_domains_held", "transport" => carrier).set(held as f64);
    }
    for (carrier, relay) in app.transports.health() {
        let well = f64::from(u8::from(relay.is_well()));
        gauge!("noroshi_relay_up", "transport" => carrier.to_owned(), "relay" => relay.name).set(well);
    }
    if let Some(bytes) = resident() {
        gauge!("noroshi_memory_resident_bytes").set(bytes);
    }
}

/// What the kernel says; `None` where it is not Linux.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

async fn of_database(app: &App) -> Result<(), OperationError> {
    let (db, now) = (app.store.read(), app.clock.now());
    let due = store::gauge::letters_due(db, now).await?;
    for (carrier, _) in app.transports.iter() {
        let (letters, oldest) = due.get(carrier).copied().unwrap_or((0, now));
        gauge!("noroshi_letters_due", "transport" => carrier.to_owned()).set(letters as f64);
        let age = seconds(now - oldest);
        gauge!("noroshi_letters_oldest_due_seconds", "transport" => carrier.to_owned()).set(age);
    }
    let timer = store::timer::next_due(db).await?.unwrap_or(now);
    gauge!("noroshi_timers_oldest_due_seconds").set(seconds(now - timer));
    gauge!("noroshi_leases_held").set(store::gauge::leases(db, app.node).await? as f64);

    let open = store::incident::open(db).await?;
    let modes: BTreeMap<_, _> = open.iter().map(|row| (row.id, row.mode.as_str())).collect();
    let unsettled = store::gauge::unsettled(db, modes.keys().copied().collect()).await?;
    for mode in ["live", "drill"] {
        let incidents = modes.values().filter(|of| **of == mode).count();
        gauge!("noroshi_incidents_open", "mode" => mode).set(incidents as f64);
        for (name, state) in [("noroshi_ladders_open", "waiting"), ("noroshi_decisions_due", "to_decide")] {
            let these = unsettled.iter().filter(|(id, of, _)| of == state && modes.get(id) == Some(&mode));
            gauge!(name, "mode" => mode).set(these.map(|(_, _, recipients)| *recipients).sum::<i64>() as f64);
        }
    }
    let nodes = node::list(app).await?;
    for state in [NodeState::Serving, NodeState::Draining, NodeState::Silent] {
        let these = nodes.iter().filter(|node| node.state == state).count();
        gauge!("noroshi_nodes", "state" => state.key()).set(these as f64);
    }
    Ok(())
}
