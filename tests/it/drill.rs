//! A drill cannot be taken for real, nor the reverse.

use serde_json::json;

use crate::support::{
    client::Api,
    incident::Incident,
    playbooks::{DIRECTORY, patient},
    postgres::{Database, on_each_database},
    server::{Home, Server},
    smtp_sink::Sink,
    wait::SOON,
};

async fn serve(database: Database) -> (Server, Sink) {
    let sink = Sink::start().await;
    let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
    (home.serve_with(DIRECTORY).await, sink)
}

/// The links that rehearsal has stored, from the incident's page of letters.
async fn rehearsed(api: &Api, incident: &Incident) -> String {
    api.get(&format!("/incidents/{}/letters", incident.id)).await.expect(200).text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_reaches_nobody_outside() {
    on_each_database(async |database| {
        let (server, sink) = serve(database).await;
        let drill = Incident::start(&server.api, "quick", "drill").await;
        for agency in ["hosp_east", "hosp_west", "hosp_south"] {
            let stored = drill
                .recipient_until("standby", agency, "is stored", SOON, |it| it["grade"] == "accepted")
                .await;
            assert!(stored["deliveries"].to_string().contains("rehearsal"), "{stored:#}");
        }
        drill.close("終了").await.expect(200);
        // A live letter that arrives proves that the drill's letters have had their time to arrive, and did not.
        Incident::start(&server.api, "quick", "live").await;
        sink.letters_to("dmat@east.example", 1, SOON).await;
        sink.letters_to("cmd@fire.example", 1, SOON).await;
        for letter in sink.received() {
            assert!(!letter.raw.contains("訓練") && !letter.subject.contains("訓練"), "{}", letter.raw);
            assert!(!letter.text.contains("訓練"), "{}", letter.text);
        }
        assert_eq!(sink.received_by("dmat@east.example").len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_is_marked_wherever_it_shows() {
    let (server, _sink) = serve(Database::Sqlite).await;
    let drill = Incident::start(&server.api, "quick", "drill").await;
    assert_eq!(drill.whole().await["mode"], "drill");
    drill.recipient_until("standby", "hosp_east", "is stored", SOON, |it| it["grade"] == "accepted").await;
    let letters = rehearsed(&server.api, &drill).await;
    assert!(letters.contains("【訓練】"), "{letters}");
    let link = letters
        .split(|c: char| c.is_whitespace() || "\"<>&".contains(c))
        .find(|word| word.contains("/a/"))
        .expect("the stored letters hold their links")
        .to_owned();
    let page = server.anybody().get(&link).await.expect(200).text;
    assert!(page.contains("訓練") || page.contains("EXERCISE"), "{page}");
    let board = server.api.get(&format!("/incidents/{}", drill.id)).await.expect(200).text;
    assert!(board.contains("【訓練】"), "{board}");
    let csv = server.api.get(&drill.path("/chronology.csv")).await;
    if csv.status == 200 {
        assert!(csv.text.contains("訓練"), "{}", csv.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_incident_is_never_marked() {
    let (server, sink) = serve(Database::Sqlite).await;
    let live = Incident::start(&server.api, "quick", "live").await;
    let link = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0).link();
    let page = server.anybody().get(&link).await.expect(200).text;
    let board = server.api.get(&format!("/incidents/{}", live.id)).await.expect(200).text;
    for shown in [page, board] {
        assert!(!shown.contains("【訓練】"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_drill_starts_while_a_live_incident_is_open() {
    let (server, _sink) = serve(Database::Sqlite).await;
    let live = Incident::start(&server.api, "quick", "live").await;
    let body = json!({ "playbook": "quick", "mode": "drill", "variables": {} });
    server.api.post("/api/v1/incidents", &body).await.expect(409);
    live.close("終了").await.expect(200);
    server.api.post("/api/v1/incidents", &body).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_start_ends_the_drill_that_is_running() {
    let (server, sink) = serve(Database::Sqlite).await;
    let drill = Incident::start(&server.api, "quick", "drill").await;
    Incident::start(&server.api, "quick", "live").await;
    sink.letters_to("dmat@east.example", 1, SOON).await;
    assert_ne!(drill.whole().await["state"], "active");
    for recipient in drill.recipients_of("standby").await {
        assert_ne!(recipient["state"], "waiting", "nobody is asked twice about two things");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_can_run_fast_and_a_live_incident_cannot() {
    let (server, _sink) = serve(Database::Sqlite).await;
    let live = json!({ "playbook": "quick", "mode": "live", "variables": {}, "rate": 60 });
    server.api.post("/api/v1/incidents", &live).await.expect(422);
    let body = json!({ "playbook": "quick", "mode": "drill", "variables": {}, "rate": 600 });
    let drill = Incident::start_with(&server.api, &body).await;
    // Thirty minutes of ladder in three seconds.
    drill.in_state("standby", "hosp_west", "to_decide", SOON).await;
}
