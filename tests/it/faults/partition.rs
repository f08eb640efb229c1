//! Two nodes, and the line between one of them and the database is cut.

use std::time::Duration;

use serde_json::json;

use super::skipped;
use crate::support::{
    chaos::{Proxy, Weather},
    history::History,
    incident::Incident,
    island::Island,
    playbooks::{apart, patient},
    postgres::on_postgres,
    server::{Home, Server},
    smtp_sink::{Conduct, Sink},
    wait::{SOON, now_ms, until},
};

const MANY: usize = 60;
/// Letters that one node has in hand at most.
const CONNECTIONS: usize = 8;
/// The lease, what the others need to take over, and a shared machine.
const TAKEN_OVER: Duration = Duration::from_secs(5 + 2 + 20);

/// Bytes of `QUIT` on each connection of a node.
const GOODBYES: u64 = 6 * CONNECTIONS as u64;

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
        taken_over(&incident).await;
        let sent = sink.received().len();
        let lines = incident.chronology().await.len();
        proxy.weather(Weather::Clear);
        together(&first, &second).await;
        assert_eq!(sink.received().len(), sent, "it sent nothing that the other had taken over");
        assert_eq!(incident.chronology().await.len(), lines, "and wrote nothing about it");
        let found = history.check(&second, &sink, TAKEN_OVER, CONNECTIONS).await;
        assert!(found.letters > MANY);
        first.forget_log();
        second.forget_log();
    })
    .await;
}

/// Waits until the other node has taken everything over.
async fn taken_over(incident: &Incident) {
    until("the other node has taken everything over", TAKEN_OVER, async || {
        let all = incident.recipients().await;
        all.iter().all(|one| one["grade"] == "accepted").then_some(())
    })
    .await;
}

/// Waits until the node that was cut off serves again, and the other one misses nobody.
async fn together(cut_off: &Server, other: &Server) {
    until("the one that was cut off serves again", TAKEN_OVER, async || {
        (cut_off.api.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    until("nobody is missed any more", TAKEN_OVER, async || {
        let nodes = other.api.get("/readyz").await.expect(200).json()["nodes"].clone();
        nodes.as_array()?.iter().all(|node| node["state"] == "serving").then_some(())
    })
    .await;
}

/// F24. The packets between one node and the database vanish, in both directions, and nobody hears of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_packets_to_the_database_vanish_sends_nothing_after_its_lease() {
    on_postgres(async |database| {
        let Some(island) = Island::make() else {
            return skipped(
                "F24",
                "a network namespace cannot be made here (root, unshare and ip are needed)",
            );
        };
        let (to_database, to_world) = (island.cable(), island.cable());
        let (sink, history) = (Sink::start().await, History::default());
        let store = Proxy::at(&to_database.here, &database.server()).await;
        let relay = Proxy::at(&to_world.here, sink.url().trim_start_matches("smtp://")).await;
        let far = database.through(&store.address()).url(std::path::Path::new(""));
        let near = database.url(std::path::Path::new(""));
        sink.conduct(".many.example", Conduct::Withhold);
        let first = Home::new(database)
            .on(&island, &to_world)
            .set("NOROSHI_DATABASE__URL", &far)
            .set("NOROSHI_DELIVERY__LEASE", "5s")
            .set("NOROSHI_DELIVERY__CONNECTIONS", &CONNECTIONS.to_string())
            .set("NOROSHI_SMTP__RELAYS", &format!("smtp://{}", relay.address()))
            .playbook("quick.yaml", &patient())
            .serve_with(&apart(MANY))
            .await;
        let second = first.home.beside().set("NOROSHI_DATABASE__URL", &near).relays(&[&sink]).serve().await;
        let body = json!({ "playbook": "quick", "mode": "live", "variables": {} });
        let started = second.api.post("/api/v1/incidents", &body).await.expect(201);
        history.started(&started);
        sink.letters_to(".many.example", 2 * CONNECTIONS, SOON).await;

        to_database.cut();
        let cut = now_ms();
        sink.conduct(".many.example", Conduct::Accept);
        let incident = Incident::of(&second.api, &started);
        taken_over(&incident).await;
        let last = sink.received().last().expect("letters").received_ms;
        println!("the last letter came {} ms after the cut; the lease is 5,000 ms", last - cut);
        // What it had in hand was taken over, so its lease is over.
        let said = relay.asked();
        // The other one goes on, and whoever asks the one that is cut off is told that it cannot serve.
        history.started(&second.api.post("/api/v1/incidents", &body).await.expect(201));
        sink.letters_to(".many.example", 2 * MANY, SOON).await;
        until("it says that it does not serve", TAKEN_OVER, async || {
            (first.api.get("/readyz").await.status == 503).then_some(())
        })
        .await;

        to_database.mend();
        together(&first, &second).await;
        // To take leave of the relay is no letter.
        let more = relay.asked() - said;
        assert!(more <= GOODBYES, "it said {more} bytes to the relay after its lease");
        let found = history.check(&second, &sink, TAKEN_OVER, CONNECTIONS).await;
        assert!(found.letters > 2 * MANY);
        first.forget_log();
        second.forget_log();
    })
    .await;
}
