//! Several nodes on one PostgreSQL database: all serve, all send, and one that is lost is not missed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;

use crate::support::{
    incident::Incident,
    playbooks::{DIRECTORY, QUICK, apart, patient},
    postgres::{on_each_database, on_postgres},
    server::{Home, Server, signal},
    smtp_sink::{Conduct, Letter, Sink},
    wait::{SOON, until},
};

/// Hospitals beside those of the fixture.
const MANY: usize = 60;
/// Letters that one node has in hand at most.
const CONNECTIONS: usize = 8;
/// The shortest lease that the configuration takes.
const LEASE: Duration = Duration::from_secs(5);
/// How long nothing is heard of a node until it is called silent.
const SILENT: Duration = Duration::from_secs(10);
/// How long after the end of a lease the others have taken over.
const TAKEN_OVER: Duration = Duration::from_secs(2);

async fn two_nodes(home: Home, directory: &str) -> (Server, Server) {
    let first = home
        .set("NOROSHI_DELIVERY__LEASE", "5s")
        .set("NOROSHI_DELIVERY__CONNECTIONS", &CONNECTIONS.to_string())
        .serve_with(directory)
        .await;
    let second = first.home.beside().serve().await;
    (first, second)
}

/// Every letter by its address.
fn by_address(letters: &[Letter]) -> BTreeMap<&str, Vec<&Letter>> {
    let mut found: BTreeMap<&str, Vec<&Letter>> = BTreeMap::new();
    for letter in letters {
        found.entry(letter.to[0].as_str()).or_default().push(letter);
    }
    found
}

/// Nobody is missing, nobody has two different letters; gives how many came twice.
fn nobody_is_forgotten(letters: &[Letter]) -> usize {
    let hospitals = by_address(letters).into_iter().filter(|(to, _)| to.ends_with(".many.example"));
    let hospitals: BTreeMap<&str, Vec<&Letter>> = hospitals.collect();
    assert_eq!(hospitals.len(), MANY);
    for (to, letters) in &hospitals {
        let ids: BTreeSet<&str> = letters.iter().map(|letter| letter.message_id.as_str()).collect();
        assert_eq!(ids.len(), 1, "whatever came twice to {to} is one letter");
        assert!(letters.len() <= 2, "{to} has {} copies", letters.len());
    }
    hospitals.values().filter(|letters| letters.len() > 1).count()
}

async fn nodes(server: &Server) -> Vec<Value> {
    server.api.get("/readyz").await.expect(200).json()["nodes"].as_array().expect("a list of nodes").clone()
}

/// Waits until a node says this in its log.
async fn logged(server: &Server, words: &str) {
    until(&format!("the log says: {words}"), SOON, async || server.log().contains(words).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_healthy_nodes_send_every_letter_once() {
    on_postgres(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let (first, second) = two_nodes(home, &apart(MANY)).await;
        let incident = Incident::start(&first.api, "quick", "live").await;
        sink.letters_to(".many.example", MANY, SOON).await;
        let there = Incident::known(&second.api, &incident.id);
        until("both nodes know that everybody has a letter", SOON, async || {
            let told = there.recipients().await;
            told.iter().all(|recipient| recipient["grade"] == "accepted").then_some(())
        })
        .await;
        assert_eq!(nobody_is_forgotten(&sink.received()), 0, "nothing came twice");
        let both = nodes(&second).await;
        assert_eq!(both.len(), 2);
        assert!(both.iter().all(|node| node["state"] == "serving"), "{both:#?}");
        assert_eq!(both.iter().filter(|node| node["here"] == true).count(), 1);
        logged(&first, "Another node is here").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_on_one_node_is_told_to_the_live_pages_of_the_other() {
    on_postgres(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let (first, second) = two_nodes(home, DIRECTORY).await;
        let mut events = second.api.events("/api/v1/events", None).await;
        let incident = Incident::start(&first.api, "quick", "live").await;
        let told: Value = serde_json::from_str(&events.next().await.data).expect("data is JSON");
        assert_eq!(told["incident"], incident.id.as_str());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_of_two_nodes_is_killed_the_other_goes_on_and_forgets_nobody() {
    on_postgres(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        // The relay takes letters and says nothing: every connection of both nodes has one in hand.
        sink.conduct(".many.example", Conduct::Withhold);
        let (mut first, second) = two_nodes(home, &apart(MANY)).await;
        let incident = Incident::start(&second.api, "quick", "live").await;
        sink.letters_to(".many.example", 2 * CONNECTIONS, SOON).await;
        first.kill_hard();
        let killed = tokio::time::Instant::now();
        sink.conduct(".many.example", Conduct::Accept);
        until("everybody has a letter", LEASE + TAKEN_OVER + SOON, async || {
            (by_address(&sink.received_by(".many.example")).len() == MANY).then_some(())
        })
        .await;
        println!("all had a letter {:.1} s after the kill", killed.elapsed().as_secs_f64());
        until("everybody is told on the board", LEASE + SOON, async || {
            let told = incident.recipients().await;
            told.iter().all(|recipient| recipient["grade"] == "accepted").then_some(())
        })
        .await;
        let doubled = nobody_is_forgotten(&sink.received());
        assert!(doubled <= CONNECTIONS, "{doubled} came twice, and {CONNECTIONS} were in hand");
        until("the other says which node is silent", SOON, async || {
            nodes(&second).await.iter().any(|node| node["state"] == "silent").then_some(())
        })
        .await;
        logged(&second, "Another node fell silent").await;
        logged(&second, "Letters that had been under way were taken back").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_and_started_again_in_its_place_is_not_missed() {
    on_postgres(async |database| {
        let home = Home::new(database.clone()).playbook("quick.yaml", &patient());
        let (mut first, second) = two_nodes(home, DIRECTORY).await;
        first.kill_hard();
        // At once: the node that was killed falls silent only while the new one serves.
        first.start().await;
        until("only the living are in the list", SILENT + SOON, async || {
            let all = nodes(&second).await;
            (all.len() == 2 && all.iter().all(|node| node["state"] == "serving")).then_some(())
        })
        .await;
        let metrics = second.api.get("/metrics").await.expect(200).text;
        assert!(metrics.contains("noroshi_nodes{state=\"silent\"} 0"), "{metrics}");

        // Another one of the same name that was lost after the start is another one, and missed.
        let here =
            || async { nodes(&first).await.into_iter().find(|node| node["here"] == true).expect("itself") };
        let itself = here().await;
        let twin = "insert into node (id, name, version, state, started_at_ms, seen_at_ms) \
                    select '00000000-0000-0000-0000-000000000001', name, version, state, started_at_ms, \
                    started_at_ms + 1 from node";
        let name = itself["name"].as_str().expect("a name");
        database.execute(&format!("{twin} where name = '{name}'")).await;
        until("it has given a sign since", SOON, async || {
            (here().await["seen_at"] != itself["seen_at"]).then_some(())
        })
        .await;
        let twins: Vec<Value> =
            nodes(&second).await.into_iter().filter(|node| node["name"] == name).collect();
        let states: BTreeSet<&str> = twins.iter().filter_map(|node| node["state"].as_str()).collect();
        assert_eq!(states, BTreeSet::from(["serving", "silent"]), "{twins:#?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_paused_beyond_its_lease_neither_writes_nor_sends_what_others_took_over() {
    on_postgres(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        sink.conduct(".many.example", Conduct::Withhold);
        let (first, mut second) = two_nodes(home, &apart(MANY)).await;
        let incident = Incident::start(&first.api, "quick", "live").await;
        sink.letters_to(".many.example", 2 * CONNECTIONS, SOON).await;
        // The other one is out of the way first: what the paused one has in hand nobody else has sent.
        second.kill_hard();
        signal(first.pid(), "STOP");
        sink.conduct(".many.example", Conduct::Accept);
        let mut second = second;
        second.start().await;
        let there = Incident::known(&second.api, &incident.id);
        until("the other one has taken everything over", LEASE + TAKEN_OVER + SOON, async || {
            let told = there.recipients().await;
            told.iter().all(|recipient| recipient["grade"] == "accepted").then_some(())
        })
        .await;
        let before = sink.received();
        let lines = there.chronology().await.len();
        signal(first.pid(), "CONT");
        until("the paused one has noticed", SOON, async || {
            first.log().contains("A lease was lost").then_some(())
        })
        .await;
        until("it serves again", SOON, async || {
            nodes(&first).await.iter().all(|node| node["state"] == "serving").then_some(())
        })
        .await;
        assert_eq!(sink.received().len(), before.len(), "it sent nothing that others had taken over");
        assert_eq!(incident.chronology().await.len(), lines, "and wrote nothing about it");
        nobody_is_forgotten(&sink.received());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_leaves_in_order_and_its_work_goes_on() {
    on_postgres(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let (mut first, second) = two_nodes(home, DIRECTORY).await;
        logged(&second, "Another node is here").await;
        let incident = Incident::start(&first.api, "quick", "live").await;
        assert_eq!(first.stop().and_then(|status| status.code()), Some(0));
        let left = nodes(&second).await;
        assert_eq!(left.len(), 1, "who left in order is not missed: {left:#?}");
        logged(&second, "Another node has left").await;
        for address in ["dmat@east.example", "dmat@west.example", "dmat@south.example", "cmd@fire.example"] {
            assert_eq!(sink.letters_to(address, 1, SOON).await.len(), 1);
        }
        assert_eq!(Incident::known(&second.api, &incident.id).whole().await["state"], "active");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_stops_an_old_node_in_order_and_lets_none_start() {
    on_postgres(async |database| {
        let mut server = Home::new(database.clone()).playbook("quick.yaml", &patient()).serve().await;
        let newer = "insert into seaql_migrations (version, applied_at) values ('m29990101_000001_newer', 0)";
        database.execute(newer).await;
        let ended = until("the old node has stopped", SOON, async || server.ended()).await;
        assert_eq!(ended.code(), Some(0), "it finished what it had in hand");
        assert!(server.log().contains("newer version of Noroshi"), "{}", server.log());
        let refused = server.home.run(&["serve"]).await.expect(1);
        assert!(refused.err.contains("m29990101_000001_newer"), "{}", refused.err);
        assert!(refused.err.contains("install that version"), "{}", refused.err);
        server.forget_log();
    })
    .await;
}

/// F26. What the schema lists (the states of everything) a newer program cannot write without a newer schema; the kinds of
/// timers it does not list.
#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_only_a_newer_program_knows_is_kept_for_it_and_keeps_no_other_back() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", QUICK);
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        until("the ladders of all hospitals run", SOON, async || {
            let all = incident.recipients_of("standby").await;
            all.iter().all(|one| one["next_step_at"].is_string()).then_some(())
        })
        .await;
        let first = "fired_at_ms is null and kind = 'step' order by due_at_ms limit 1";
        let renamed =
            format!("update timer set kind = 'newer' where id = (select id from timer where {first})");
        server.home.change(&renamed).await;
        let climbed = async |hospitals: usize| {
            until(&format!("a person decides about {hospitals}"), SOON, async || {
                let all = incident.recipients_of("standby").await;
                (all.iter().filter(|one| one["state"] == "to_decide").count() == hospitals).then_some(())
            })
            .await;
        };
        climbed(2).await;
        server.home.change("update timer set kind = 'step' where kind = 'newer'").await;
        climbed(3).await;
    })
    .await;
}
