//! A relay that goes away in the middle of a fan-out, lines cut, and is back after five seconds (a minute in the long
//! form).

use std::time::{Duration, Instant};

use serde_json::json;

use super::long;
use crate::support::{
    history::History,
    incident::Incident,
    playbooks::{many, patient},
    postgres::on_each_database,
    server::Home,
    smtp_sink::Sink,
    wait::{SOON, until},
};

const MANY: usize = 200;
const CONNECTIONS: usize = 4;
/// Healed, invariant I9 says, within twice the outage or a minute.
const HEALED: Duration = Duration::from_secs(120);

/// F11. The letters wait in the outbox and say so; nobody is escalated for it, and each leaves once.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_goes_away_in_the_middle_of_a_fan_out_gets_the_rest_when_it_is_back() {
    let length = Duration::from_secs(if long() { 60 } else { 5 });
    on_each_database(async |database| {
        let (sink, history) = (Sink::start().await, History::default());
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let home = home.set("NOROSHI_DELIVERY__CONNECTIONS", &CONNECTIONS.to_string());
        let server = home.serve_with(&many(MANY)).await;
        let body = json!({ "playbook": "quick", "mode": "live", "variables": {} });
        let started = server.api.post("/api/v1/incidents", &body).await.expect(201);
        history.started(&started);
        let incident = Incident::of(&server.api, &started);
        sink.letters_to("@many.example", MANY / 4, SOON).await;

        sink.close().await;
        let began = Instant::now();
        until("/readyz warns of the relay", HEALED, async || {
            let warnings = server.api.get("/readyz").await.expect(200).json()["warnings"].to_string();
            warnings.contains("127.0.0.1").then_some(())
        })
        .await;
        until("the outage has lasted", HEALED, async || (began.elapsed() > length).then_some(())).await;
        let recipients = incident.recipients().await;
        let accepted = recipients.iter().filter(|recipient| recipient["grade"] == "accepted").count();
        assert!(
            accepted <= sink.accepted(""),
            "{accepted} accepted, and the relay took {}",
            sink.accepted("")
        );
        assert!(recipients.iter().all(|recipient| recipient["grade"] != "failed"), "put off, not given up");

        sink.open().await;
        let found = history.check(&server, &sink, HEALED, CONNECTIONS).await;
        println!("away for {length:?}: {found:?}");
        assert!(found.letters > MANY);
        assert_eq!(sink.received_by("@yobi.example").len(), 0, "no step was taken for it");
        server.forget_log();
    })
    .await;
}
