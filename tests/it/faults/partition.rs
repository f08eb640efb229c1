//! Two nodes, and the line between one of them and the database is cut.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    chaos::{Proxy, Weather},
    history::History,
    incident::Incident,
    playbooks::{apart, patient},
    postgres::on_postgres,
    server::Home,
    smtp_sink::{Conduct, Sink},
    wait::{SOON, until},
};

const MANY: usize = 60;
/// Letters that one node has in hand at most.
const CONNECTIONS: usize = 8;
/// The lease, what the others need to take over, and a shared machine.
const TAKEN_OVER: Duration = Duration::from_secs(5 + 2 + 20);

/// F24. The relay is reachable by both, the database by one: the other stops sending when its lease ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_cut_off_from_the_database_stops_sending_and_forgets_nobody() {
    on_postgres(async |database| {
        let (sink, history) = (Sink::start().await, History::default());
        let proxy = Proxy::to(&database.server()).await;
        let through = database.through(&proxy.address()).url(std::path::Path::new(""));
        let direct = database.url(std::path::Path::new(""));
        sink.conduct(".many.example", Conduct::Withhold);
        let first = Home::new(database)
            .set("NOROSHI_DATABASE__URL", &through)
            .set("NOROSHI_DELIVERY__LEASE", "5s")
            .set("NOROSHI_DELIVERY__CONNECTIONS", &CONNECTIONS.to_string())
            .relays(&[&sink])
            .playbook("quick.yaml", &patient())
            .serve_with(&apart(MANY))
            .await;
        let second = first.home.beside().set("NOROSHI_DATABASE__URL", &direct).serve().await;
        let body = json!({ "playbook": "quick", "mode": "live", "variables": {} });
        let started = second.api.post("/api/v1/incidents", &body).await.expect(201);
        history.started(&started);
        sink.letters_to(".many.example", 2 * CONNECTIONS, SOON).await;

        proxy.weather(Weather::Silent);
        sink.conduct(".many.example", Conduct::Accept);
        let incident = Incident::of(&second.api, &started);
        until("the other node has taken everything over", TAKEN_OVER, async || {
            let all = incident.recipients().await;
            all.iter().all(|one| one["grade"] == "accepted").then_some(())
        })
        .await;
        let sent = sink.received().len();
        let lines = incident.chronology().await.len();
        proxy.weather(Weather::Clear);
        until("the one that was cut off serves again", TAKEN_OVER, async || {
            (first.api.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        until("nobody is missed any more", TAKEN_OVER, async || {
            let nodes = second.api.get("/readyz").await.expect(200).json()["nodes"].clone();
            nodes.as_array()?.iter().all(|node| node["state"] == "serving").then_some(())
        })
        .await;
        assert_eq!(sink.received().len(), sent, "it sent nothing that the other had taken over");
        assert_eq!(incident.chronology().await.len(), lines, "and wrote nothing about it");
        let found = history.check(&second, &sink, TAKEN_OVER, CONNECTIONS).await;
        assert!(found.letters > MANY);
        first.forget_log();
        second.forget_log();
    })
    .await;
}
