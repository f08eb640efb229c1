//! The preflight's due times of tasks and reports are those at which an incident then has them; how fast letters leave
//! it learns from those that have left.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    incident::{Incident, moment},
    playbooks::{DIRECTORY, duties, many, patient},
    postgres::{Database, on_each_database},
    server::{Home, Server},
    smtp_sink::Sink,
    wait::{SOON, until},
};

/// A drill in which five minutes pass in a second.
const RATE: i64 = 300;
const LONG: Duration = Duration::from_secs(60);

async fn timetable(server: &Server, answers: &str, at: &Value) -> Vec<Value> {
    let body = json!({ "answers": answers, "at": at });
    let reply = server.api.post("/api/v1/playbooks/quick/preflight", &body).await.expect(200).json();
    reply["entries"].as_array().expect("entries").clone()
}

/// The moments, as distances from the start, at which this happens.
fn planned(entries: &[Value], recipient: &str, what: &str) -> Vec<i64> {
    let found = entries.iter().filter(|entry| entry["recipient"] == recipient && entry["what"] == what);
    found.map(|entry| entry["offset_ms"].as_i64().expect("a distance")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_task_and_report_come_when_the_preflight_said() {
    on_each_database(async |database| {
        let home = Home::new(database).playbook("quick.yaml", &duties());
        let server = home.serve_with(DIRECTORY).await;
        let start = json!({ "playbook": "quick", "mode": "drill", "rate": RATE, "variables": {} });
        let incident = Incident::start_with(&server.api, &start).await;
        let begin = incident.whole().await["activated_at"].clone();
        let entries = timetable(&server, "none", &begin).await;
        // Milliseconds of real time are whole there; one of them is a third of a second of the incident's own.
        let near = |at: i64, planned: i64| ((at - moment(&begin)) * RATE - planned).abs() <= RATE;

        let task = incident.task("objectives").await;
        let due = planned(&entries, "task:objectives", "task_due")[0];
        assert!(near(moment(&task["due_at"]), due), "{task:#} {due}");
        assert_eq!(
            planned(&entries, "task:staff", "task_due"),
            [0_i64; 0],
            "what it counts from may never come"
        );
        assert_eq!(incident.task("staff").await["due_at"], Value::Null);

        let report = [
            planned(&entries, "report:sitrep", "report_due")[0],
            planned(&entries, "report:sitrep", "report_reminder")[0],
            planned(&entries, "report:sitrep", "decide")[0],
        ];
        for (turn, planned) in report.into_iter().enumerate() {
            let seen = incident.report_until(1, "has its next step", LONG, |it| {
                it["next_step_at"].is_string() && near(moment(&it["next_step_at"]), planned)
            });
            let seen = seen.await;
            assert!(turn > 0 || near(moment(&seen["due_at"]), planned), "{seen:#}");
        }
        incident.report_until(1, "waits for a decision", LONG, |it| it["to_decide"] == true).await;
        let second = incident.report_until(2, "is planned", SOON, |_| true).await;
        assert!(near(moment(&second["due_at"]), planned(&entries, "report:sitrep", "report_due")[1]));

        // Each reminder after the first is noted when it is given, so the next distance counts from there.
        let reminded = until("the task is reminded of twice", LONG, async || {
            Some(incident.task("objectives").await).filter(|task| task["reminders"].as_i64() >= Some(2))
        })
        .await;
        assert_eq!(reminded["late"], true);
        let lines = incident.chronology().await;
        let fell = lines
            .iter()
            .find(|line| line["kind"] == "task_due" && line["text"].to_string().contains("活動方針"));
        let fell = moment(&fell.expect("the deadline is told")["occurred_at"]);
        let late = fell - moment(&begin) - due / RATE;
        assert!((0..2_000).contains(&late), "it fell due {late} ms late");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_everybody_answers_what_counts_from_it_comes_when_the_preflight_said() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &duties());
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let begin = incident.whole().await["activated_at"].clone();
    let entries = timetable(&server, "all", &begin).await;
    let due = |task: &str| planned(&entries, &format!("task:{task}"), "task_due")[0];

    incident.accept("commander", "p_duty").await;
    let roles = server.api.list(&incident.path("/roles")).await;
    let commander = roles.iter().find(|role| role["key"] == "commander").expect("a chair");
    let staff = moment(&incident.task("staff").await["due_at"]);
    assert_eq!(staff - moment(&commander["accepted_at"]), due("staff"));

    let link = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0).link();
    let form = [("option", "available"), ("teams", "2")];
    server.anybody().post_form(&format!("{link}/answer"), &form).await.expect(303);
    let answered = moment(&incident.recipient("standby", "hosp_east").await["evidence"]["answered_at"]);
    assert_eq!(moment(&incident.task("receive").await["due_at"]) - answered, due("receive"));

    // The preflight has everybody do a task when it is due; here it is done before.
    let count = incident.task("count").await;
    assert_eq!(moment(&count["due_at"]) - moment(&begin), due("count"));
    incident.change(&count, &json!({ "state": "done", "evidence": 3 })).await.expect(200);
    let done = moment(&incident.task("count").await["settled_at"]);
    assert_eq!(moment(&incident.task("beds").await["due_at"]) - done, due("beds") - due("count"));

    let report = incident.reports().await.remove(0);
    assert_eq!(
        moment(&report["due_at"]) - moment(&begin),
        planned(&entries, "report:sitrep", "report_due")[0]
    );
    assert_eq!(planned(&entries, "report:sitrep", "decide"), [0_i64; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_fast_letters_leave_is_assumed_until_some_have_left() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        // Fifty letters tell how fast they leave; fewer would not.
        let server = home.serve_with(&many(50)).await;
        let leaving = async || {
            let body = json!({ "variables": {}, "answers": "none" });
            let table = server.api.post("/api/v1/playbooks/quick/preflight", &body).await.expect(200).json();
            let ways = table["leaving"].as_array().expect("ways out of the house").clone();
            assert_eq!(ways.len(), 1, "{ways:#?}");
            assert_eq!(ways[0]["letters"], table["counts"]["letters"]);
            ways[0].clone()
        };
        let before = leaving().await;
        let assumed = json!({ "kind": "assumed", "letter_ms": 1000, "connections": 8 });
        assert_eq!((&before["pace"]["basis"], &before["pace"]["per_minute"]), (&assumed, &json!(480)));
        let last = before["waves"].as_array().and_then(|waves| waves.last()).expect("waves");
        assert_eq!(last["last_ms"], before["last_ms"]);
        assert!(last["at"].is_string() && last["last_at"].is_string(), "{last}");

        let incident = Incident::start(&server.api, "quick", "live").await;
        until("every first letter is recorded as taken", SOON, async || {
            let all = incident.recipients().await;
            all.iter().all(|one| one["grade"] == "accepted").then_some(())
        })
        .await;
        let after = leaving().await;
        assert_eq!(after["pace"]["basis"]["kind"], "timed", "{after:#}");
        assert!(after["pace"]["basis"]["letters"].as_u64() >= Some(50), "{after:#}");
    })
    .await;
}
