//! What the repository ships, used as a newcomer would use it.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    incident::Incident,
    postgres::Database,
    server::{Home, Server},
    smtp_sink::Sink,
    wait::{SOON, until},
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks");

/// A service with the shipped directory and playbooks.
async fn serve(sink: &Sink) -> Server {
    let home = Home::new(Database::Sqlite).relays(&[sink]).set("NOROSHI_PLAYBOOKS__DIR", FOLDER);
    let directory = format!("{FOLDER}/directory.example.yaml");
    home.run(&["directory", "import", &directory]).await.expect(0);
    home.serve().await
}

fn start(mode: &str) -> Value {
    json!({
        "playbook": "eq-6upper-initial",
        "mode": mode,
        "variables": { "intensity": "6+", "occurred_at": "2026-11-24T03:12:00+09:00", "epicenter": "十勝沖" },
    })
}

/// Every agency of the directory that is no group, with its primary mail address.
async fn agencies(server: &Server) -> Vec<(String, String)> {
    let directory = server.api.get("/api/v1/directory").await.expect(200).json();
    let agencies = directory["agencies"].as_object().expect("agencies");
    let single =
        agencies.iter().filter(|(_, agency)| agency["members"].is_null() && agency["outside"] == true);
    let mail = single
        .filter_map(|(key, agency)| Some((key.clone(), agency["primary"]["email"].as_str()?.to_owned())));
    mail.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_playbook_reaches_whoever_it_alerts_at_once() {
    let sink = Sink::start().await;
    let server = serve(&sink).await;
    let incident = Incident::start_with(&server.api, &start("live")).await;
    let alerted: BTreeSet<String> = incident
        .recipients()
        .await
        .iter()
        .filter_map(|it| it["agency"].as_str().map(str::to_owned))
        .collect();
    assert!(alerted.len() >= 4, "{alerted:?}");
    for (agency, address) in agencies(&server).await {
        if alerted.contains(&agency) {
            let letter = sink.letters_to(&address, 1, SOON).await.remove(0);
            server.anybody().get(&letter.link()).await.expect(200);
            assert!(!letter.text.contains("{{"), "no unfilled place: {}", letter.text);
        }
    }
    incident.cancel("誤報のため").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_playbook_drilled_fast_ends_in_answers_or_decisions() {
    let sink = Sink::start().await;
    let server = serve(&sink).await;
    let mut body = start("drill");
    body["rate"] = json!(600);
    let drill = Incident::start_with(&server.api, &body).await;
    // Forty-five minutes of the exercise's own time are five seconds.
    let everybody: BTreeSet<String> = agencies(&server).await.into_iter().map(|(key, _)| key).collect();
    until("every agency of the example directory is a recipient", Duration::from_secs(60), async || {
        let all = drill.recipients().await;
        let told: BTreeSet<String> =
            all.iter().filter_map(|it| it["agency"].as_str().map(str::to_owned)).collect();
        everybody.is_subset(&told).then_some(())
    })
    .await;
    until("nobody is waited for any more", Duration::from_secs(60), async || {
        let all = drill.recipients().await;
        all.iter().all(|it| matches!(it["state"].as_str(), Some("to_decide" | "informed"))).then_some(())
    })
    .await;
    assert_eq!(sink.received().len(), 0, "a drill reaches nobody");
}
