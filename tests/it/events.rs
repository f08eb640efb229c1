//! Live pages: an event says that something changed, never what.

use serde_json::Value;

use crate::support::{
    incident::Incident,
    playbooks::{DIRECTORY, patient},
    postgres::on_each_database,
    server::Home,
    smtp_sink::Sink,
    wait::SOON,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_told_to_whoever_listens_and_can_be_caught_up() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let link = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0).link();
        // From here on only an answer changes a recipient.
        for (alert, agency) in [
            ("standby", "hosp_east"),
            ("standby", "hosp_west"),
            ("standby", "hosp_south"),
            ("notice", "fire_hq"),
        ] {
            incident
                .recipient_until(alert, agency, "is accepted", SOON, |it| it["grade"] == "accepted")
                .await;
        }
        let mut events = server.api.events(&incident.path("/events"), None).await;
        let form = [("option", "available"), ("teams", "1"), ("note", "ひみつの覚え書き")];
        server.anybody().post_form(&format!("{link}/answer"), &form).await.expect(303);
        let told = loop {
            let event = events.next().await;
            let data: Value = serde_json::from_str(&event.data).expect("data is JSON");
            assert_eq!(data["incident"], incident.id.as_str());
            assert!(!event.data.contains("ひみつ"), "an event carries no content");
            if data["kind"] == "recipient" {
                break event;
            }
        };
        drop(events);

        let before: u64 = told.id.parse::<u64>().expect("ids count") - 1;
        let mut resumed = server.api.events(&incident.path("/events"), Some(&before.to_string())).await;
        assert_eq!(resumed.next().await.id, told.id);
        let mut all = server.api.events("/api/v1/events", Some(&before.to_string())).await;
        assert_eq!(all.next().await.id, told.id);
    })
    .await;
}
