//! What is said in an incident's channels.

use serde_json::json;

use crate::support::{
    incident::Incident,
    playbooks::{DIRECTORY, patient, with},
    postgres::Database,
    server::Home,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_with_an_activity_log_can_be_filed_on_paper() {
    let playbook = with(&patient(), "visibility: internal, ", "visibility: internal, activity_log: ics214, ");
    let home = Home::new(Database::Sqlite).playbook("quick.yaml", &playbook);
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "drill").await;
    let channels = server.api.list(&incident.path("/channels")).await;
    let id = |key: &str| {
        let channel = channels.iter().find(|channel| channel["key"] == key).expect("the playbook has it");
        channel["id"].as_str().expect("an id").to_owned()
    };
    let said = json!({ "text": "活動方針を掲示した" });
    server.api.post(&format!("/api/v1/channels/{}/messages", id("command")), &said).await.expect(201);
    let page = |channel: String| format!("/incidents/{}/channels/{channel}/activity-log", incident.id);
    let log = server.api.get(&page(id("command"))).await.expect(200);
    assert!(log.text.contains("活動方針を掲示した") && log.text.contains("ICS 214"), "{}", log.text);
    assert!(log.text.contains("訓練"), "a drill's log is marked");
    server.api.get(&page(id("hospitals"))).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_outside_is_heard_at_the_head_office_once_and_says_where_it_was_said() {
    // Two channels that relay to each other: what is said goes one way and does not come back.
    let playbook = with(
        &patient(),
        "visibility: internal, members: [\"role:*\"] }",
        "visibility: internal, members: [\"role:*\"], relay_to: hospitals, pins: [ack_board, contact_list] }",
    );
    let home = Home::new(Database::Sqlite).playbook("quick.yaml", &playbook);
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "drill").await;
    let channels = server.api.list(&incident.path("/channels")).await;
    let find =
        |key: &str| channels.iter().find(|channel| channel["key"] == key).expect("the playbook has it");
    let messages =
        |key: &str| format!("/api/v1/channels/{}/messages", find(key)["id"].as_str().expect("an id"));
    assert_eq!(find("command")["pins"], json!(["ack_board", "contact_list"]));
    server.api.post(&messages("hospitals"), &json!({ "text": "停電。自家発電で継続中" })).await.expect(201);
    let said = |list: Vec<serde_json::Value>| {
        list.into_iter().filter(|message| message["text"] == "停電。自家発電で継続中").collect::<Vec<_>>()
    };
    let outside = said(server.api.list(&messages("hospitals")).await);
    let inside = said(server.api.list(&messages("command")).await);
    assert_eq!((outside.len(), inside.len()), (1, 1));
    assert!(outside[0]["relayed_from"].is_null());
    assert_eq!(inside[0]["relayed_from"], find("hospitals")["id"]);
    assert_eq!(inside[0]["author"], outside[0]["author"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_the_house_alone_is_never_pinned_outside() {
    let playbook = with(
        &patient(),
        "visibility: outside, members:",
        "visibility: outside, pins: [ack_board, objectives], members:",
    );
    let server = Home::new(Database::Sqlite).playbook("quick.yaml", &playbook).serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "drill").await;
    let channels = server.api.list(&incident.path("/channels")).await;
    let outside = channels.iter().find(|channel| channel["key"] == "hospitals").expect("the playbook has it");
    assert_eq!(outside["pins"], json!(["objectives"]));
}
