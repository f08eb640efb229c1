//! Tasks: due from every kind of moment, reminded of until they are settled, never lost.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    incident::{Incident, moment},
    playbooks::{DIRECTORY, duties, with},
    postgres::{Database, on_each_database},
    server::Home,
    smtp_sink::Sink,
    wait::{SOON, now_ms, until},
};

const MINUTE: i64 = 60_000;
/// A restarted node takes over what another one held within its lease.
const LEASE: Duration = Duration::from_secs(60);

/// A drill in which five minutes pass in a second.
fn fast() -> Value {
    json!({ "playbook": "quick", "mode": "drill", "rate": 300, "variables": {} })
}

fn problems(reply: &crate::support::client::Reply) -> Vec<String> {
    let reply = reply.json();
    let found = reply["problems"].as_array().expect("problems").iter();
    found.map(|problem| problem["path"].as_str().expect("a path").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_count_from_every_kind_of_moment() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &duties());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let opened = moment(&incident.whole().await["opened_at"]);
        let tasks = incident.tasks().await;
        let keys: Vec<&str> = tasks.iter().map(|task| task["key"].as_str().expect("a key")).collect();
        // The condition of `north` does not hold, and `call_back` comes on demand.
        assert_eq!(keys, ["objectives", "staff", "count", "beds", "receive", "handover", "tidy"]);
        let due = async |key: &str| incident.task(key).await["due_at"].clone();
        assert_eq!(moment(&due("objectives").await) - opened, 15 * MINUTE);
        // From the acceptance of a role it counts only once somebody has accepted.
        assert_eq!(due("staff").await, Value::Null);
        let accept = incident.path("/roles/commander/accept");
        let role = server.api.post(&accept, &json!({ "person": "p_duty" })).await.expect(200).json();
        assert_eq!(moment(&due("staff").await) - moment(&role["accepted_at"]), 20 * MINUTE);
        let handover = moment(&due("handover").await) - opened;
        assert!((15 * MINUTE..24 * 60 * MINUTE + 15 * MINUTE).contains(&handover), "{handover}");
        assert!(due("handover").await.as_str().expect("a moment").contains("T08:45:00"));
        for (key, blocked) in [("beds", json!(["count"])), ("receive", json!([])), ("tidy", json!([]))] {
            let task = incident.task(key).await;
            assert_eq!((&task["due_at"], &task["blocked_by"]), (&Value::Null, &blocked), "{task:#}");
        }

        let link = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0).link();
        let form = [("option", "available"), ("teams", "2")];
        server.anybody().post_form(&format!("{link}/answer"), &form).await.expect(303);
        let answered = moment(&incident.recipient("standby", "hosp_east").await["evidence"]["answered_at"]);
        assert_eq!(moment(&due("receive").await), answered + 40 * MINUTE);

        let count = incident.task("count").await;
        for wrong in [json!({}), json!([]), json!(true), json!([3])] {
            let refused = incident.change(&count, &json!({ "state": "done", "evidence": wrong })).await;
            assert_eq!(problems(&refused.expect(422)), ["evidence"], "{wrong}");
        }
        incident.change(&count, &json!({ "state": "done", "evidence": "３" })).await.expect(200);
        let count = incident.task("count").await;
        assert_eq!(count["evidence"], 3, "full-width digits are digits");
        incident.change(&count, &json!({ "evidence": 4 })).await.expect(200);
        let beds = incident.task("beds").await;
        assert_eq!(moment(&beds["due_at"]), moment(&count["settled_at"]) + 30 * MINUTE);
        assert_eq!(beds["blocked_by"], json!([]));
        incident.change(&beds, &json!({ "state": "done" })).await.expect(200);
        let again = incident.task("beds").await;
        assert_eq!((&again["number"], &again["state"]), (&json!(2), &json!("open")));
        let done =
            incident.tasks().await.into_iter().find(|task| task["id"] == beds["id"]).expect("the first");
        assert_eq!(moment(&again["due_at"]), moment(&done["settled_at"]) + 120 * MINUTE);

        incident.close("").await.expect(200);
        let tidy = incident.task("tidy").await;
        assert_eq!(tidy["state"], "open", "what is planned for afterwards begins when it ends");
        let ended = moment(&incident.whole().await["closed_at"]);
        assert_eq!(moment(&tidy["due_at"]), ended + 60 * MINUTE);
        assert_eq!(incident.task("objectives").await["state"], "ended");
        incident.change(&tidy, &json!({ "state": "done" })).await.expect(200);
        incident.change(&again, &json!({ "state": "done" })).await.expect(409);
        let text = incident.chronology_text().await;
        for words in [
            "課題7件を割り当て",
            "完了 未把握の病院数 3",
            "記録を改めた: 完了 未把握の病院数 4",
            "未完の課題",
        ] {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_is_reminded_by_mail_and_left_alone_once_it_is_done() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let soon = with(
            &duties(),
            "after: incident.activated, within: 15m",
            "after: incident.activated, within: 1s",
        );
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &soon);
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let letter = sink.letter_about("duty@eoc.example", "課題の期限", SOON).await;
        assert!(letter.subject.contains("活動方針を掲示する"), "{}", letter.subject);
        let task = incident.task("objectives").await;
        let page = server.anybody().get(&letter.role_link()).await.expect(200).text;
        assert!(page.contains(task["id"].as_str().expect("an id")), "the way to the task: {page}");
        assert_eq!((&task["late"], &task["reminders"]), (&json!(true), &json!(1)));
        assert!(moment(&task["next_reminder_at"]) - moment(&task["due_at"]) >= 5 * MINUTE);
        let body = json!({ "state": "done", "fields": { "objectives": "医療機能の維持" } });
        incident.change(&task, &body).await.expect(200);
        let task = incident.task("objectives").await;
        assert_eq!(
            (&task["state"], &task["next_reminder_at"], &task["late"]),
            (&json!("done"), &Value::Null, &json!(false))
        );
        assert!(incident.chronology_text().await.contains("期限を過ぎた"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_go_on_until_a_person_has_decided() {
    on_each_database(async |database| {
        let home = Home::new(database).playbook("quick.yaml", &duties());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start_with(&server.api, &fast()).await;
        // Fifteen minutes, then 5, 5, 10, 15, 15: an hour and more in seconds.
        let task = incident
            .task_until("objectives", "was reminded of five times", LEASE, |task| {
                task["reminders"].as_i64() >= Some(5)
            })
            .await;
        assert_eq!((&task["state"], &task["late"]), (&json!("open"), &json!(true)));
        incident.change(&task, &json!({ "state": "not_needed" })).await.expect(422);
        let operator = server.api.with_token(&server.home.token("operator").await);
        let path = format!("/api/v1/tasks/{}", task["id"].as_str().expect("an id"));
        let headers = [("content-type", "application/json")];
        let body = json!({ "state": "not_needed", "note": "県が掲示した" }).to_string();
        let denied = operator.send("PATCH", &path, &headers, Some(body.clone())).await;
        assert_eq!(denied.status, 403, "only the role's holder or a commander decides that");
        server.api.send("PATCH", &path, &headers, Some(body)).await.expect(200);
        let settled = incident.task("objectives").await;
        assert_eq!((&settled["state"], &settled["next_reminder_at"]), (&json!("not_needed"), &Value::Null));
        // Others are reminded meanwhile; this one is not any more.
        incident
            .task_until("count", "was reminded of again", LEASE, {
                let before = incident.task("count").await["reminders"].as_i64();
                move |task| task["reminders"].as_i64() > before
            })
            .await;
        assert_eq!(incident.task("objectives").await["reminders"], settled["reminders"]);
        let text = incident.chronology_text().await;
        assert!(text.contains("不要と判断") && text.contains("県が掲示した"), "{text}");
        assert_eq!(text.matches("課題「活動方針を掲示する」の期限を過ぎた").count(), 1, "told once: {text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_missing_is_said_at_once() {
    let home = Home::new(Database::Sqlite).playbook("quick.yaml", &duties());
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let objectives = incident.task("objectives").await;
    assert_eq!(objectives["form_fields"][1]["key"], "objectives");
    let refused = incident.change(&objectives, &json!({ "state": "done" })).await.expect(422);
    assert_eq!(problems(&refused), ["fields.objectives"]);
    let long = "長".repeat(2001);
    let body =
        json!({ "state": "done", "note": long, "fields": { "objectives": "", "safety_plan": "たぶん" } });
    let refused = incident.change(&objectives, &body).await.expect(422);
    assert_eq!(problems(&refused), ["note", "fields.objectives", "fields.safety_plan"]);
    assert_eq!(incident.task("objectives").await["state"], "open", "nothing is half done");
    // What is not finished is kept, and may be incomplete.
    incident.change(&objectives, &json!({ "fields": { "period": "03:00〜09:00" } })).await.expect(200);
    assert_eq!(incident.task("objectives").await["fields"]["period"], "03:00〜09:00");

    let count = incident.task("count").await;
    let refused = incident.change(&count, &json!({ "state": "done", "evidence": "多数" })).await.expect(422);
    assert_eq!(problems(&refused), ["evidence"]);
    let refused = incident.change(&count, &json!({ "state": "finished" })).await.expect(422);
    assert_eq!(problems(&refused), ["state"]);
    let beds = incident.task("beds").await;
    let refused = incident.change(&beds, &json!({ "state": "done" })).await.expect(409);
    assert!(refused.text.contains("被災状況を集計する"), "{}", refused.text);
    let unknown = json!({ "title": "", "role": "cook", "within": "10年" });
    let refused = server.api.post(&incident.path("/tasks"), &unknown).await.expect(422);
    assert_eq!(problems(&refused), ["title", "role", "within"], "everything at once");
    let unknown = json!({ "title": "", "role": "cook" });
    let refused = server.api.post(&incident.path("/tasks"), &unknown).await.expect(422);
    assert_eq!(problems(&refused), ["title", "role"]);
    server.api.get("/api/v1/tasks/tsk_0").await.expect(405);
    let nobody = server.anybody().get(&incident.path("/tasks")).await;
    assert_eq!(nobody.status, 401);
    let observer = server.api.with_token(&server.home.token("observer").await);
    observer.post(&incident.path("/tasks"), &json!({ "title": "x", "role": "liaison" })).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_somebody_asks_for_becomes_a_task_that_names_them() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &duties());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let link = sink.letters_to("cmd@fire.example", 1, SOON).await.remove(0).link();
        let form = [("option", "call"), ("note", "搬送路について")];
        for _ in 0..2 {
            server.anybody().post_form(&format!("{link}/answer"), &form).await.expect(303);
        }
        let all = incident.tasks().await;
        let calls: Vec<&Value> = all.iter().filter(|task| task["key"] == "call_back").collect();
        assert_eq!(calls.len(), 1, "one open task for each of them: {calls:#?}");
        let about = calls[0]["about"].as_str().expect("somebody");
        for words in ["北浜消防本部", "0041", "搬送路について"] {
            assert!(about.contains(words), "{words} is missing in {about}");
        }
        assert_eq!(moment(&calls[0]["due_at"]) - moment(&calls[0]["created_at"]), 10 * MINUTE);

        // By hand: one of the playbook's, and one of our own. The same request again adds nothing.
        let headers = [("content-type", "application/json"), ("idempotency-key", "task-1")];
        let body = json!({ "title": "仮設トイレを手配する", "role": "liaison", "within": "1h30m", "required": true });
        for _ in 0..2 {
            server.api.send("POST", &incident.path("/tasks"), &headers, Some(body.to_string())).await.expect(201);
        }
        let own: Vec<Value> =
            incident.tasks().await.into_iter().filter(|task| task["key"] == Value::Null).collect();
        assert_eq!(own.len(), 1);
        assert_eq!(moment(&own[0]["due_at"]) - moment(&own[0]["created_at"]), 90 * MINUTE);
        let body = json!({ "task": "call_back", "title": "県庁 0099", "within": "3m" });
        let second = server.api.post(&incident.path("/tasks"), &body).await.expect(201).json();
        assert_eq!((&second["number"], &second["about"]), (&json!(2), &json!("県庁 0099")));
        assert_eq!(moment(&second["due_at"]) - moment(&second["created_at"]), 3 * MINUTE);
        server.api.post(&incident.path("/tasks"), &json!({ "task": "count" })).await.expect(422);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_neither_a_reminder_nor_what_was_done() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let soon = with(
            &duties(),
            "after: incident.activated, within: 15m",
            "after: incident.activated, within: 3s",
        );
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &soon);
        let mut server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let count = incident.task("count").await;
        incident.change(&count, &json!({ "state": "done", "evidence": 0 })).await.expect(200);
        let due = moment(&incident.task("objectives").await["due_at"]);
        server.kill_hard();
        until("the deadline has passed", SOON, async || (now_ms() > due + 1_500).then_some(())).await;
        server.start().await;
        sink.letter_about("duty@eoc.example", "課題の期限", LEASE).await;
        assert_eq!(incident.task("count").await["state"], "done");
        assert_eq!(incident.task("count").await["evidence"], 0);
        let text = incident.chronology_text().await;
        assert!(text.contains("遅れて確認"), "a deadline that passed meanwhile is told late: {text}");
    })
    .await;
}

/// The first bytes of a JPEG, and some more.
const JPEG: &[u8] = &[0xff, 0xd8, 0xff, 0xe0, 0, 16, b'J', b'F', b'I', b'F', 0, 1, 2, 3, 4, 5, 0xff, 0xd9];

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_is_kept_as_it_is_and_shown_to_whoever_is_signed_in() {
    on_each_database(async |database| {
        let home = Home::new(database).playbook("quick.yaml", &duties());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let task = incident.task("receive").await;
        let refused = incident.change(&task, &json!({ "state": "done" })).await.expect(422);
        assert_eq!(problems(&refused), ["evidence"]);
        let path = format!("/api/v1/tasks/{}/photos", task["id"].as_str().expect("an id"));
        let refused = server.api.send_bytes(&path, "image/jpeg", b"<svg onload=alert(1)>").await.expect(422);
        assert_eq!(problems(&refused), ["photo"]);
        let large = [JPEG, &vec![0; 10 * 1024 * 1024]].concat();
        server.api.send_bytes(&path, "image/jpeg", &large).await.expect(422);
        let added = server.api.send_bytes(&path, "text/html", JPEG).await.expect(201).json();
        let photo = added["evidence"][0].as_str().expect("a photo").to_owned();
        let whole = server.api.get(&format!("/api/v1/photos/{photo}")).await.expect(200);
        assert_eq!(
            whole.header("content-type"),
            Some("image/jpeg"),
            "what it is, not what it was said to be"
        );
        assert_eq!(whole.header("x-content-type-options"), Some("nosniff"));
        assert!(whole.header("content-security-policy").expect("a policy").contains("sandbox"));
        server.anybody().get(&format!("/api/v1/photos/{photo}")).await.expect(401);
        let elsewhere = incident.task("count").await;
        let path = format!("/api/v1/tasks/{}/photos", elsewhere["id"].as_str().expect("an id"));
        server.api.send_bytes(&path, "image/jpeg", JPEG).await.expect(422);
        incident.change(&task, &json!({ "state": "done" })).await.expect(200);
    })
    .await;
}
