//! What the service measures of itself, for Prometheus. Names, what they mean and their buckets stand here and nowhere
//! else; labels are words of ours (transports, states, routes), never an address, a name or a token.
//!
//! Counters and histograms are moved where things happen, by the functions below; gauges are read when somebody asks
//! (`web/api/metrics.rs`).

use std::sync::OnceLock;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use noroshi_core::time::Span;

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often each size occurred.
    Histogram(&'static [f64]),
}
use Kind::{Counter, Gauge, Histogram};

/// Seconds from "at once" to "half an hour late".
const LATE: &[f64] = &[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0];
/// Seconds that a conversation with a relay takes.
const SENDING: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0];
/// Seconds until a request is answered.
const ANSWERING: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// What one commit carries.
const TOGETHER: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

const LEASES_LOST: &str = "noroshi_leases_lost_total";
const LATENESS: &str = "noroshi_timer_lateness_seconds";

/// Every metric: name, kind, what it means.
pub const ALL: &[(&str, Kind, &str)] = &[
    ("noroshi_answers_total", Counter, "Answers that were taken"),
    ("noroshi_commit_items", Histogram(TOGETHER), "Answers or outcomes in one commit, by what it carries"),
    ("noroshi_decisions_due", Gauge, "Recipients for whom a person's decision is due, by mode"),
    (
        "noroshi_domains_held",
        Gauge,
        "Mail domains and receivers of webhooks that are held back by this node, by transport",
    ),
    ("noroshi_findings_open", Gauge, "What the auditor has found and what still stands, by kind"),
    ("noroshi_heartbeats_total", Counter, "Outward heartbeats, by result"),
    ("noroshi_http_request_seconds", Histogram(ANSWERING), "Time until a request was answered"),
    ("noroshi_http_requests_total", Counter, "Requests, by method, route and status"),
    ("noroshi_incidents_open", Gauge, "Incidents that run, by mode"),
    ("noroshi_info", Gauge, "1, with the version"),
    ("noroshi_ladders_open", Gauge, "Recipients whose ladder runs, by mode"),
    ("noroshi_leases_held", Gauge, "Letters that this node has in hand"),
    (LEASES_LOST, Counter, "Leases that ended before the outcome of their letter was recorded"),
    ("noroshi_leases_taken_back_total", Counter, "Letters taken back from a lease that had ended"),
    (
        "noroshi_letter_send_seconds",
        Histogram(SENDING),
        "Time that the hand-over of a letter took, by transport",
    ),
    ("noroshi_letters_due", Gauge, "Letters that are due and have not left, by transport"),
    (
        "noroshi_letters_oldest_due_seconds",
        Gauge,
        "For how long the oldest of them has been due, by transport",
    ),
    ("noroshi_letters_tried_total", Counter, "Tries of letters, by transport, relay and outcome"),
    ("noroshi_live_pages", Gauge, "Pages that hear of changes from this node"),
    ("noroshi_memory_resident_bytes", Gauge, "Memory of this process"),
    ("noroshi_nodes", Gauge, "Nodes on this database, by state"),
    (
        "noroshi_relay_up",
        Gauge,
        "1 where letters go to the relay or gateway, 0 where it is set aside or lets nobody in",
    ),
    (LATENESS, Histogram(LATE), "How late timers fired"),
    (
        "noroshi_timers_oldest_due_seconds",
        Gauge,
        "For how long the oldest timer that has not fired has been due",
    ),
    ("noroshi_worker_rounds_total", Counter, "Turns of each loop of this process"),
    ("noroshi_worker_standing", Gauge, "Loops of this process that do not go round"),
];

/// The books of this process; the first to ask opens them.
pub fn books() -> &'static PrometheusHandle {
    static BOOKS: OnceLock<PrometheusHandle> = OnceLock::new();
    BOOKS.get_or_init(|| {
        let mut builder = PrometheusBuilder::new();
        for (name, kind, _) in ALL {
            if let Histogram(buckets) = kind {
                builder = builder
                    .set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)
                    .expect("our buckets are not empty");
            }
        }
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Another recorder of the same process was there first only in a test.
        let _ = metrics::set_global_recorder(recorder);
        for (name, kind, what) in ALL {
            match kind {
                Counter => describe_counter!(*name, *what),
                Gauge => describe_gauge!(*name, *what),
                Histogram(_) if name.ends_with("_seconds") => {
                    describe_histogram!(*name, Unit::Seconds, *what)
                }
                Histogram(_) => describe_histogram!(*name, *what),
            }
        }
        gauge!("noroshi_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        // What is not there before its first event has not grown by it: `increase()` would miss the first one.
        answered(0);
        taken_back(0);
        counter!(LEASES_LOST).increment(0);
        let _ = histogram!(LATENESS);
        handle
    })
}

/// A try of a letter ended.
pub fn tried(transport: &str, relay: &str, outcome: &'static str, took: Span) {
    let (transport, relay) = (transport.to_owned(), relay.to_owned());
    histogram!("noroshi_letter_send_seconds", "transport" => transport.clone()).record(seconds(took));
    counter!("noroshi_letters_tried_total", "transport" => transport, "relay" => relay, "outcome" => outcome)
        .increment(1);
}

/// So much was written in one commit: `answers` or `outcomes`.
pub fn committed(what: &'static str, items: usize) {
    histogram!("noroshi_commit_items", "of" => what).record(items as f64);
}

/// Answers were taken.
pub fn answered(answers: usize) {
    counter!("noroshi_answers_total").increment(answers as u64);
}

/// A timer fired so much after its moment.
pub fn fired(late: Span) {
    histogram!(LATENESS).record(seconds(late));
}

/// The lease of a letter ended before its outcome was recorded.
pub fn lease_lost() {
    counter!(LEASES_LOST).increment(1);
}

/// Letters were taken back.
pub fn taken_back(letters: usize) {
    counter!("noroshi_leases_taken_back_total").increment(letters as u64);
}

/// The outside watcher was reached, or not.
pub fn heartbeat(reached: bool) {
    counter!("noroshi_heartbeats_total", "result" => if reached { "reached" } else { "missed" }).increment(1);
}

/// A request was answered.
pub fn request(method: &'static str, route: &'static str, status: u16, took: Span) {
    histogram!("noroshi_http_request_seconds", "route" => route).record(seconds(took));
    let status = status.to_string();
    counter!("noroshi_http_requests_total", "method" => method, "route" => route, "status" => status)
        .increment(1);
}

/// Seconds, as Prometheus counts.
pub fn seconds(span: Span) -> f64 {
    span.0.max(0) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_and_stand_in_order() {
        assert!(ALL.is_sorted_by_key(|(name, ..)| *name));
        for (name, kind, what) in ALL {
            assert!(name.starts_with("noroshi_") && !what.is_empty(), "{name}");
            assert_eq!(*kind == Counter, name.ends_with("_total"), "{name}");
        }
    }
}
