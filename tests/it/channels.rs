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
