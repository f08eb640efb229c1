//! Situation reports: due in their rhythm, written, approved, sent out; a missed one ends at a person's decision.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    client::{Api, Reply},
    incident::{Incident, moment},
    playbooks::{DIRECTORY, duties, with},
    postgres::{Database, on_each_database},
    server::Home,
    smtp_sink::Sink,
    wait::SOON,
};

const MINUTE: i64 = 60_000;
const LONG: Duration = Duration::from_secs(60);

/// A drill in which five minutes pass in a second.
fn fast() -> Value {
    json!({ "playbook": "quick", "mode": "drill", "rate": 300, "variables": {} })
}

async fn say(api: &Api, report: &Value, verb: &str, body: &Value) -> Reply {
    let path = format!("/api/v1/reports/{}/{verb}", report["id"].as_str().expect("an id"));
    api.post(&path, body).await
}

/// The texts that were said in a channel, by its key.
async fn said_in(api: &Api, incident: &Incident, key: &str) -> String {
    let channels = api.list(&incident.path("/channels")).await;
    let channel = channels.iter().find(|channel| channel["key"] == key).expect("a channel");
    let path = format!("/api/v1/channels/{}/messages", channel["id"].as_str().expect("an id"));
    api.list(&path)
        .await
        .iter()
        .map(|message| format!("{}\n", message["text"].as_str().unwrap_or_default()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_written_approved_and_heard_and_the_next_one_begins_where_it_ended() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &duties());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let opened = moment(&incident.whole().await["opened_at"]);
        let first = incident.reports().await.remove(0);
        assert_eq!((&first["number"], &first["state"]), (&json!(1), &json!("due")));
        assert_eq!(moment(&first["due_at"]) - opened, 30 * MINUTE);

        let operator = server.api.with_token(&server.home.token("operator").await);
        let path = incident.path("/reports");
        let refused = operator.post(&path, &json!({ "fields": { "red": "多い" } })).await.expect(422).json();
        let wrong: Vec<&str> = refused["problems"]
            .as_array()
            .expect("problems")
            .iter()
            .map(|problem| problem["path"].as_str().expect("a path"))
            .collect();
        assert_eq!(wrong, ["fields.as_of", "fields.situation", "fields.red"]);
        let draft = json!({ "fields": { "red": 4 }, "submit": false });
        assert_eq!(operator.post(&path, &draft).await.expect(201).json()["state"], "due");
        let body = json!({ "fields": { "as_of": "3時40分", "situation": "沖合で地震。沿岸の被害を調査中。", "yellow": "１１" } });
        let written = operator.post(&path, &body).await.expect(201).json();
        assert_eq!((&written["state"], &written["fields"]["red"]), (&json!("submitted"), &json!(4)));
        assert_eq!((&written["fields"]["as_of"], &written["fields"]["yellow"]), (&json!("03:40"), &json!(11)));
        sink.letter_about("duty@eoc.example", "承認依頼", SOON).await;
        operator.post(&path, &body).await.expect(409);
        say(&operator, &written, "approve", &json!({})).await.expect(403);

        say(&server.api, &written, "return", &json!({ "reason": " " })).await.expect(422);
        let returned = say(&server.api, &written, "return", &json!({ "reason": "黄の数を確かめて" })).await.expect(200).json();
        assert_eq!((&returned["state"], &returned["returned_because"]), (&json!("returned"), &json!("黄の数を確かめて")));
        let letter = sink.letter_about("liaison@eoc.example", "差し戻し", SOON).await;
        assert!(letter.text.contains("黄の数を確かめて"), "{}", letter.text);
        say(&server.api, &written, "approve", &json!({})).await.expect(409);
        operator.post(&path, &json!({ "fields": { "yellow": 9 } })).await.expect(201);
        let approved = say(&server.api, &written, "approve", &json!({})).await.expect(200).json();
        assert_eq!(approved["state"], "approved");
        for channel in ["command", "hospitals"] {
            let said = said_in(&server.api, &incident, channel).await;
            assert!(said.contains("状況報告 第1報") && said.contains("傷病者 黄（中等症）: 9"), "{channel}: {said}");
        }

        let second = incident.report_until(2, "is planned", SOON, |_| true).await;
        assert_eq!(moment(&second["due_at"]) - opened, 90 * MINUTE);
        assert_eq!(second["former"]["yellow"], 9);
        let body = json!({ "fields": { "as_of": "04:40", "yellow": 12, "red": null } });
        let second = operator.post(&path, &body).await.expect(201).json();
        assert_eq!(second["fields"]["situation"], "沖合で地震。沿岸の被害を調査中。", "carried forward");
        assert_eq!(second["changed"], json!(["as_of", "red", "yellow"]));
        assert_eq!(second["fields"]["red"], Value::Null);
        say(&server.api, &second, "approve", &json!({})).await.expect(200);
        let said = said_in(&server.api, &incident, "command").await;
        assert!(said.contains("傷病者 黄（中等症）: 12（前回 9）"), "{said}");
        assert!(said.contains("傷病者 赤（重症）: 記載なし（前回 4）"), "{said}");
        let text = incident.chronology_text().await;
        for words in ["状況報告 第1報", "差し戻し: 黄の数を確かめて", "承認した"] {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
        incident.cancel("誤報").await.expect(200);
        assert_eq!(incident.reports().await.last().expect("the third")["state"], "ended");
        operator.post(&path, &body).await.expect(409);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_report_is_reminded_of_and_ends_at_a_persons_decision() {
    on_each_database(async |database| {
        let home = Home::new(database).playbook("quick.yaml", &duties());
        let mut server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start_with(&server.api, &fast()).await;
        // Thirty minutes, then five to the reminder and five more to the decision: eight seconds.
        let first =
            incident.report_until(1, "waits for a decision", LONG, |it| it["to_decide"] == true).await;
        assert_eq!(
            (&first["state"], &first["late"], &first["next_step_at"]),
            (&json!("due"), &json!(true), &Value::Null)
        );
        server.kill_hard();
        server.start().await;
        let first = incident.report_until(1, "still waits", LONG, |it| it["to_decide"] == true).await;
        say(&server.api, &first, "decide", &json!({ "option": "何か" })).await.expect(422);
        let extended = say(&server.api, &first, "decide", &json!({ "option": "今すぐ作成させる" }))
            .await
            .expect(200)
            .json();
        assert_eq!((&extended["to_decide"], extended["next_step_at"].is_string()), (&json!(false), true));
        incident.report_until(1, "comes back", LONG, |it| it["to_decide"] == true).await;
        let body = json!({ "option": "次回に回す", "note": "通信途絶" });
        let skipped = say(&server.api, &first, "decide", &body).await.expect(200).json();
        assert_eq!(
            (&skipped["state"], &skipped["decision"]["note"]),
            (&json!("skipped"), &json!("通信途絶"))
        );
        say(&server.api, &first, "decide", &body).await.expect(409);

        // The second one is missed too; the third is written and stands for it.
        incident.report_until(2, "waits for a decision", LONG, |it| it["to_decide"] == true).await;
        incident.report_until(3, "is planned", LONG, |_| true).await;
        let fields = json!({ "as_of": "now", "situation": "回線復旧" });
        let third = server
            .api
            .post(&incident.path("/reports"), &json!({ "number": 3, "fields": fields }))
            .await
            .expect(201)
            .json();
        say(&server.api, &third, "approve", &json!({})).await.expect(200);
        let second = incident.report_until(2, "is included", SOON, |it| it["state"] == "skipped").await;
        assert_eq!(second["decision"]["option"], "第3報に含めた");
        let text = incident.chronology_text().await;
        for words in ["予定の時刻までに出ていない", "今すぐ作成させる", "次回に回す", "第3報に含めた"]
        {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_report_is_decided_by_the_link_of_its_letter() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let soon = with(&duties(), "first: 30m", "first: 1s");
        let soon = with(&soon, "{ remind: [5m], decide: { at: 10m,", "{ remind: [1s], decide: { at: 2s,");
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &soon);
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let path = incident.path("/roles/commander/accept");
        server.api.post(&path, &json!({ "person": "p_duty" })).await.expect(200);
        let letter = sink.letter_about("duty@eoc.example", "判断依頼 状況報告", LONG).await;
        assert!(letter.text.contains("今すぐ作成させる、次回に回す"), "{}", letter.text);
        let anybody = server.anybody();
        let page = anybody.get(&letter.role_link()).await.expect(200).text;
        assert!(page.contains("value=\"次回に回す\""), "{page}");
        let decide = format!("{}/decide", letter.role_link());
        anybody.post_form(&decide, &[("option", "何か")]).await.expect(422);
        let form = [("option", "次回に回す"), ("note", "通信途絶")];
        anybody.post_form(&decide, &form).await.expect(303);
        let first = incident.report_until(1, "is decided", SOON, |it| it["state"] == "skipped").await;
        assert_eq!(first["decision"]["note"], "通信途絶");
        let page = anybody.get(&letter.role_link()).await.expect(200).text;
        assert!(page.contains("もう済んでいます") && !page.contains("<button"), "{page}");
        anybody.post_form(&decide, &form).await.expect(409);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_the_form_does_not_have_is_said() {
    let home = Home::new(Database::Sqlite).playbook("quick.yaml", &duties());
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let body = json!({ "fields": { "situation": "調査中", "reds": 4 } });
    let refused = server.api.post(&incident.path("/reports"), &body).await.expect(422).json();
    let problems = refused["problems"].as_array().expect("problems");
    let wrong: Vec<&str> = problems.iter().map(|problem| problem["path"].as_str().expect("a path")).collect();
    assert_eq!(wrong, ["fields.as_of", "fields.reds"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_who_approves_too_sends_it_out_in_one_step() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let alone = with(&duties(), "    approver: commander\n", "");
        let soon = with(&alone, "first: 30m", "first: 1s");
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &soon);
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let letter = sink.letter_about("liaison@eoc.example", "作成時刻です", SOON).await;
        let first = incident.reports().await.remove(0);
        let page = server.anybody().get(&letter.role_link()).await.expect(200).text;
        assert!(page.contains(first["id"].as_str().expect("an id")), "the way to the report: {page}");
        let body = json!({ "fields": { "as_of": "03:20", "situation": "調査中" } });
        let operator = server.api.with_token(&server.home.token("operator").await);
        let sent = operator.post(&incident.path("/reports"), &body).await.expect(201).json();
        assert_eq!((&sent["number"], &sent["state"]), (&json!(1), &json!("approved")));
        assert!(said_in(&server.api, &incident, "hospitals").await.contains("調査中"));
    })
    .await;
}
