//! From the first hour to the end: followed up, stabilised, closing proposed and approved, merged, looked back at.

use serde_json::{Value, json};

use crate::support::{
    incident::Incident,
    playbooks::{DIRECTORY, patient, with},
    postgres::{Database, on_each_database},
    server::{Home, Server},
    session::Session,
    smtp_sink::{Letter, Sink},
    wait::{SOON, until},
};

/// The patient fixture whose closing is proposed when nobody is waited for and no team is out.
fn proposing() -> String {
    with(
        &patient(),
        "close: { then: [ { alert: stand_down } ] }",
        "close:\n  propose_when: { all: [ { metric: alerts.unresolved, eq: 0 }, { metric: teams.active, eq: 0 } ] }\n  \
         approve: commander\n  then: [ { alert: stand_down }, { review: aar, due: 1s } ]",
    )
}

async fn serve(database: Database, sink: &Sink, playbook: &str) -> Server {
    Home::new(database).relays(&[sink]).playbook("quick.yaml", playbook).serve_with(DIRECTORY).await
}

async fn answer(server: &Server, letter: &Letter, fields: &[(&str, &str)]) {
    server.anybody().post_form(&format!("{}/answer", letter.link()), fields).await.expect(303);
}

async fn state_until(incident: &Incident, state: &str) -> Value {
    until(&format!("the incident is {state}"), SOON, async || {
        let whole = incident.whole().await;
        (whole["state"] == state).then_some(whole)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_is_proposed_by_the_numbers_and_decided_by_a_person() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(database, &sink, &proposing()).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let whole = server.api.post(&incident.path("/stabilise"), &json!({})).await.expect(200).json();
        assert_eq!(whole["state"], "stabilised");
        server.api.post(&incident.path("/stabilise"), &json!({})).await.expect(409);
        let east = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
        answer(&server, &east, &[("option", "available"), ("teams", "2")]).await;
        for (address, option) in [
            ("dmat@west.example", "unavailable"),
            ("dmat@south.example", "unavailable"),
            ("cmd@fire.example", "ok"),
        ] {
            let letter = sink.letters_to(address, 1, SOON).await.remove(0);
            answer(&server, &letter, &[("option", option), ("reason", "人員不足")]).await;
        }
        assert_eq!(incident.whole().await["state"], "stabilised", "two teams are out");
        let east = incident.recipient("standby", "hosp_east").await["id"].as_str().expect("an id").to_owned();
        server.api.post(&format!("/api/v1/recipients/{east}/release"), &json!({})).await.expect(200);
        let whole = state_until(&incident, "closing").await;
        assert!(whole["closing_at"].is_string());
        sink.letter_about("duty@eoc.example", "終結の判断", SOON).await;

        // No: it goes on, and the service does not ask again while nothing has changed.
        let observer = server.api.with_token(&server.home.token("observer").await);
        observer.post(&incident.path("/keep-open"), &json!({})).await.expect(403);
        let whole = server.api.post(&incident.path("/keep-open"), &json!({})).await.expect(200).json();
        assert_eq!(whole["state"], "stabilised", "where it came from");
        let operator = server.api.with_token(&server.home.token("operator").await);
        operator.post(&incident.path("/close"), &json!({})).await.expect(403);
        let whole = operator.post(&incident.path("/propose-close"), &json!({})).await.expect(200).json();
        assert_eq!(whole["state"], "closing");
        assert_eq!(sink.received_by("dmat@east.example").len(), 1, "a proposal tells nobody outside");

        // Yes, by the link of the letter; the former one decides nothing any more, and nor do both afterwards.
        let letters = until("the second letter", SOON, async || {
            let letters = sink.received_by("duty@eoc.example");
            let about: Vec<_> =
                letters.into_iter().filter(|letter| letter.subject.contains("終結の判断")).collect();
            (about.len() == 2).then_some(about)
        })
        .await;
        assert!(!letters[1].text.contains("本部長（指揮） 様"), "an empty chair reads nothing");
        let link = letters[1].role_link();
        let page = server.anybody().get(&link).await.expect(200).text;
        assert!(page.contains("終結する") && page.contains("続ける（終結しない）"), "{page}");
        let decide = format!("{link}/decide");
        server.anybody().post_form(&decide, &[("option", "")]).await.expect(422);
        let form = [("option", "close"), ("note", "完了")];
        server.anybody().post_form(&decide, &form).await.expect(303);
        server.anybody().post_form(&decide, &form).await.expect(409);
        let whole = incident.whole().await;
        assert_eq!((&whole["state"], &whole["reason"]), (&Value::from("closed"), &Value::from("完了")));
        assert!(whole["review_due_at"].is_string());
        sink.letter_about("dmat@east.example", "活動終了", SOON).await;
        sink.letter_about("duty@eoc.example", "振り返りの期限", SOON).await;
        let whole = server.api.post(&incident.path("/review"), &json!({})).await.expect(200).json();
        assert_eq!(whole["state"], "reviewed");
        server.api.post(&incident.path("/review"), &json!({})).await.expect(409);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_of_the_service_is_taken_back_when_its_reasons_have_gone() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(database, &sink, &proposing()).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        for recipient in incident.recipients().await {
            let path = format!("/api/v1/recipients/{}/decide", recipient["id"].as_str().expect("an id"));
            let option = if recipient["alert"] == "notice" {
                "架電で確認済みにする"
            } else {
                "対象から外す"
            };
            server.api.post(&path, &json!({ "option": option })).await.expect(200);
        }
        state_until(&incident, "closing").await;
        let alert = json!({ "to": ["agency:fire_hq"], "subject": "追加の確認", "body": "回答してください",
            "responses": "confirm", "ladder": "remind" });
        server.api.post(&incident.path("/alerts"), &alert).await.expect(201);
        state_until(&incident, "active").await;
        assert!(incident.chronology_text().await.contains("提案を取り下げ"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_goes_to_exactly_those_who_got_the_former_and_asks_again() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(database, &sink, &patient()).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let first = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
        let west = sink.letters_to("dmat@west.example", 1, SOON).await.remove(0);
        answer(&server, &west, &[("option", "available"), ("teams", "2")]).await;
        sink.letters_to("dmat@south.example", 1, SOON).await;
        sink.letters_to("cmd@fire.example", 1, SOON).await;
        let alerts = server.api.list(&incident.path("/alerts")).await;
        let standby = alerts.iter().find(|alert| alert["key"] == "standby").expect("the alert");
        let follow = |id: &Value| format!("/api/v1/alerts/{}/follow-up", id.as_str().expect("an id"));
        let wish = json!({ "kind": "correction", "subject": "出動照会", "body": "参集拠点は運動公園です。" });
        let raised = server.api.post(&follow(&standby["id"]), &wish).await.expect(201).json();
        assert_eq!(raised["recipients"], 3);

        let second = sink.letters_to("dmat@east.example", 2, SOON).await.remove(1);
        assert!(second.subject.contains("【訂正】出動照会"), "{}", second.subject);
        assert!(second.subject.contains("第2報"), "{}", second.subject);
        assert_eq!(first.header("References"), second.header("References"), "the same thread");
        sink.letters_to("dmat@west.example", 2, SOON).await;
        let south = sink.letters_to("dmat@south.example", 2, SOON).await.remove(1);
        assert!(south.subject.starts_with("[Correction] 出動照会"), "the reader's mark: {}", south.subject);
        // The former asks no more; its page leads to the new question.
        let former = incident.recipients().await;
        let former: Vec<_> =
            former.iter().filter(|row| row["alert_id"] == standby["id"]).map(|row| &row["state"]).collect();
        assert_eq!(former, ["stood_down", "answered", "stood_down"]);
        let page = server.anybody().get(&first.link()).await.expect(200).text;
        let path = second.link().rsplit('/').next().expect("a token").to_owned();
        assert!(page.contains(&format!("/a/{path}")), "the old link leads to the new question: {page}");
        let form = [("option", "available"), ("teams", "1")];
        server.anybody().post_form(&format!("{}/answer", first.link()), &form).await.expect(409);
        answer(&server, &second, &form).await;

        // Nothing left the house for the fire service: the next letter to it is the cancellation.
        server.api.post(&follow(&standby["id"]), &wish).await.expect(409);
        let wish = json!({ "kind": "update", "subject": " ", "body": "" });
        let refused = server.api.post(&follow(&raised["id"]), &wish).await.expect(422).json();
        assert_eq!(refused["problems"].as_array().expect("problems").len(), 2);
        incident.cancel("誤報").await.expect(200);
        let to_fire = sink.letters_to("cmd@fire.example", 2, SOON).await.remove(1);
        assert!(to_fire.subject.contains("取り消し"), "{}", to_fire.subject);
        let alerts = server.api.list(&incident.path("/alerts")).await;
        let new = alerts.iter().find(|alert| alert["id"] == raised["id"]).expect("the correction");
        assert_eq!((&new["follows"], &new["follow_up"]), (&standby["id"], &json!("correction")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_incidents_are_told_apart_and_one_is_merged_into_the_other() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(database, &sink, &patient()).await;
        let one = Incident::start(&server.api, "quick", "live").await;
        let first = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
        let other = Incident::start(&server.api, "quick", "live").await;
        let second = sink.letters_to("dmat@east.example", 2, SOON).await.remove(1);
        let number = |whole: &Value| format!("事案{}", whole["number"]);
        let (a, b) = (number(&one.whole().await), number(&other.whole().await));
        assert_ne!(a, b);
        assert!(first.subject.contains(&a) && first.text.contains(&a), "{}\n{}", first.subject, first.text);
        assert!(second.subject.contains(&b), "{}", second.subject);
        assert!(server.anybody().get(&first.link()).await.expect(200).text.contains(&a));

        let drill = Incident::known(&server.api, &one.id);
        server.api.post(&drill.path("/merge"), &json!({ "into": one.id })).await.expect(422);
        server.api.post(&drill.path("/merge"), &json!({ "into": "x" })).await.expect(422);
        let merged =
            server.api.post(&one.path("/merge"), &json!({ "into": other.id })).await.expect(200).json();
        assert_eq!(merged["state"], "merged");
        assert_eq!(merged["merged_into"], other.id.as_str());
        let told = sink.letters_to("dmat@east.example", 3, SOON).await.remove(2);
        assert!(told.subject.contains("統合") && told.subject.contains(&b), "{}", told.subject);
        assert!(told.text.contains(&format!("/incidents/{}", other.id)), "{}", told.text);
        for recipient in one.recipients_of("standby").await {
            assert_eq!(recipient["state"], "stood_down", "its ladders have ended");
        }
        let page = server.anybody().get(&first.link()).await.expect(200).text;
        let token = second.link().rsplit('/').next().expect("a token").to_owned();
        assert!(page.contains(&b) && page.contains(&format!("/a/{token}")), "{page}");
        let form = [("option", "available"), ("teams", "1")];
        server.anybody().post_form(&format!("{}/answer", first.link()), &form).await.expect(409);
        assert!(one.chronology_text().await.contains(&b));
        assert!(other.chronology_text().await.contains(&a));
        server.api.post(&one.path("/merge"), &json!({ "into": other.id })).await.expect(409);
        assert_eq!(other.whole().await["state"], "active");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_that_cancels_counts_whoever_was_told_by_hand_too() {
    let sink = Sink::start().await;
    let police =
        "  police: { title: 北浜警察署, outside: true, primary: { email: desk@police.example } }\n  fire_hq:";
    let directory = with(DIRECTORY, "  fire_hq:", police);
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let server = home.serve_with(&directory).await;
    let commander = Session::of(&server, "p_duty", "commander").await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let wish = json!({
        "to": ["agency:police"], "channel": "command", "subject": "交通規制", "body": "国道の規制を。",
        "responses": "confirm", "ladder": "remind", "via": ["email"],
    });
    server.api.post(&incident.path("/alerts"), &wish).await.expect(201);
    sink.letters_to("desk@police.example", 1, SOON).await;
    sink.letters_to("cmd@fire.example", 1, SOON).await;
    sink.letters_to("dmat@", 3, SOON).await;
    let page = commander.get(&incident.path("/cancel").replace("/api/v1", "")).await;
    assert!(page.contains("5宛先"), "three hospitals, the fire brigade and the police:\n{page}");
    incident.cancel("誤報").await.expect(200);
    let told = incident.recipients().await.into_iter().filter(|row| row["alert"] == "cancel_notice").count();
    assert_eq!(told, 5);
}
