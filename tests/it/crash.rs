//! Said means stored: the process is killed at the worst moments, and nothing that was said is lost.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    incident::Incident,
    playbooks::{DIRECTORY, QUICK, patient},
    postgres::on_each_database,
    server::Home,
    smtp_sink::{Conduct, Sink, message_ids},
    wait::SOON,
};

/// A node's claims come back when its lease of 15 s is over, at the latest.
const LEASE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_right_after_the_start_was_said_loses_no_letter() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let mut server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        server.kill_hard();
        server.start().await;
        assert_eq!(incident.whole().await["state"], "active");
        assert_eq!(incident.recipients().await.len(), 4);
        for address in ["dmat@east.example", "dmat@west.example", "dmat@south.example", "cmd@fire.example"] {
            let letters = sink.letters_to(address, 1, LEASE).await;
            assert_eq!(message_ids(&letters).len(), 1, "whatever came twice is one letter");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_right_after_an_answer_was_taken_loses_no_answer() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let mut server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let link = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0).link();
        let form = [("option", "available"), ("teams", "4"), ("note", "停電前")];
        server.anybody().post_form(&format!("{link}/answer"), &form).await.expect(303);
        server.kill_hard();
        server.start().await;
        let recipient = incident.recipient("standby", "hosp_east").await;
        assert_eq!(recipient["state"], "answered");
        assert_eq!(recipient["answer"]["fields"]["teams"], 4);
        assert!(
            server.anybody().get(&link).await.expect(200).text.contains("停電前"),
            "the link still leads here"
        );
        assert!(incident.chronology_text().await.contains("出動可"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_right_after_a_decision_was_taken_loses_no_decision() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let mut server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let recipient = incident.recipient("standby", "hosp_west").await;
        let path = format!("/api/v1/recipients/{}/decide", recipient["id"].as_str().expect("an id"));
        server.api.post(&path, &json!({ "option": "対象から外す" })).await.expect(200);
        server.kill_hard();
        server.start().await;
        assert_eq!(incident.recipient("standby", "hosp_west").await["state"], "decided");
        assert!(incident.chronology_text().await.contains("対象から外す"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_handing_over_and_recording_doubles_at_most_one_letter() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        sink.conduct("dmat@west.example", Conduct::Withhold);
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let mut server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        // The letter is with the relay, the relay has not said so yet: the service cannot know.
        let first = sink.letters_to("dmat@west.example", 1, SOON).await.remove(0);
        server.kill_hard();
        sink.conduct("dmat@west.example", Conduct::Accept);
        server.start().await;
        let copies = sink.letters_to("dmat@west.example", 2, LEASE).await;
        assert_eq!(copies[1].message_id, first.message_id);
        assert_eq!(copies[1].link(), first.link());
        assert!(copies[1].subject.contains("再送"), "the reader is told: {}", copies[1].subject);
        let settled = incident
            .recipient_until("standby", "hosp_west", "is accepted", LEASE, |it| it["grade"] == "accepted")
            .await;
        assert_eq!(settled["state"], "waiting");
        assert_eq!(sink.received_by("dmat@west.example").len(), 2, "once more and no more");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_fell_due_while_the_service_was_away_are_taken_and_marked_late() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", QUICK);
        let mut server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        sink.letters_to("dmat@west.example", 1, SOON).await;
        let before = incident
            .recipient_until("standby", "hosp_west", "has its next step", SOON, |it| {
                it["next_step_at"].is_string()
            })
            .await;
        server.kill_hard();
        // The absence is as long as the ladder's first two steps: measured by the clock that the service reads.
        let away_until = crate::support::incident::moment(&before["next_step_at"]) + 2_500;
        crate::support::wait::until("the steps have fallen due", SOON, async || {
            (crate::support::wait::now_ms() > away_until).then_some(())
        })
        .await;
        server.start().await;
        sink.letters_to("office@west-kanri.example", 1, LEASE).await;
        incident.in_state("standby", "hosp_west", "to_decide", LEASE).await;
        let lines = incident.chronology().await;
        let late = |line: &&Value| line["text"].to_string().contains("遅れ");
        assert!(lines.iter().any(|line| late(&line)), "{lines:#?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_is_the_same_incident_even_after_a_kill() {
    on_each_database(async |database| {
        let home = Home::new(database).playbook("quick.yaml", &patient());
        let mut server = home.serve_with(DIRECTORY).await;
        let headers = [("content-type", "application/json"), ("idempotency-key", "e7c1-0001")];
        let body = json!({ "playbook": "quick", "mode": "live", "variables": { "place": "沖" } });
        let start = async |body: &Value, api: &crate::support::client::Api| {
            api.send("POST", "/api/v1/incidents", &headers, Some(body.to_string())).await
        };
        let first = start(&body, &server.api).await.expect(201);
        let again = start(&body, &server.api).await.expect(201);
        assert_eq!(first.json(), again.json());
        server.kill_hard();
        server.start().await;
        let after = start(&body, &server.api).await.expect(201);
        assert_eq!(first.json(), after.json());
        let other = json!({ "playbook": "quick", "mode": "live", "variables": { "place": "陸" } });
        let refused = start(&other, &server.api).await.expect(422);
        assert_eq!(refused.json()["type"], "/problems/key-reuse");
        assert_eq!(server.api.list("/api/v1/incidents").await.len(), 1);
        let somebody_else = server.home.token("admin").await;
        start(&other, &server.api.with_token(&somebody_else)).await.expect(201);
        assert_eq!(server.api.list("/api/v1/incidents").await.len(), 2, "a key belongs to its token");
    })
    .await;
}
