//! A silent recipient climbs its ladder to a person's decision, at the moments that preflight told.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    incident::{Incident, moment},
    playbooks::{DIRECTORY, QUICK, patient, with},
    postgres::{Database, on_each_database},
    server::{Home, Server},
    smtp_sink::{Letter, Sink},
    wait::SOON,
};

/// How much later than planned a step may be recorded on a shared machine. Earlier is never right.
const NOISE_MS: i64 = 2_000;
/// The whole ladder of the fixture takes eight seconds.
const CLIMB: Duration = Duration::from_secs(30);

async fn decide(server: &Server, recipient: &Value, option: &str) -> crate::support::client::Reply {
    let path = format!("/api/v1/recipients/{}/decide", recipient["id"].as_str().expect("an id"));
    server.api.post(&path, &json!({ "option": option, "note": "試験" })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answered_recipient_is_left_alone_while_a_silent_one_climbs_to_a_decision() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", QUICK);
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let east = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
        let form = [("option", "available"), ("teams", "2")];
        server.anybody().post_form(&format!("{}/answer", east.link()), &form).await.expect(303);

        let west = incident.in_state("standby", "hosp_west", "to_decide", CLIMB).await;
        let south = incident.in_state("standby", "hosp_south", "to_decide", CLIMB).await;
        for silent in [&west, &south] {
            assert!(silent["next_step_at"].is_null(), "a person's decision has no timer: {silent:#}");
        }
        let to_west = sink.received_by("dmat@west.example");
        assert_eq!(to_west.len(), 2, "the alert and one resend");
        assert_eq!(to_west[0].link(), to_west[1].link());
        assert_ne!(to_west[0].message_id, to_west[1].message_id, "a resend is a letter of its own");
        assert_eq!(sink.received_by("office@west-kanri.example").len(), 1);
        assert_eq!(sink.received_by("dmat@east.example").len(), 1, "an answered one gets nothing more");
        assert_eq!(sink.received_by("office@east-kanri.example").len(), 0);
        // A call and a decision are asked of the people on duty, in the service's own words.
        sink.letter_about("liaison@eoc.example", "西病院", SOON).await;
        sink.letter_about("duty@eoc.example", "西病院", SOON).await;

        decide(&server, &west, "何か別のこと").await.expect(422);
        decide(&server, &west, "代替隊を手配").await.expect(200);
        let west = incident.recipient("standby", "hosp_west").await;
        assert_eq!(west["state"], "decided");
        decide(&server, &south, "期限を延ばす").await.expect(200);
        assert_eq!(incident.recipient("standby", "hosp_south").await["state"], "waiting");
        let south = incident.in_state("standby", "hosp_south", "to_decide", CLIMB).await;
        decide(&server, &south, "対象から外す").await.expect(200);

        let chronology = incident.chronology().await;
        let seqs: Vec<i64> = chronology.iter().map(|line| line["seq"].as_i64().expect("a number")).collect();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "no line is missing");
        let text = incident.chronology_text().await;
        for words in ["西病院", "代替隊を手配", "対象から外す", "出動可"] {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
    })
    .await;
}

/// Offsets in milliseconds at which preflight says something happens to an agency of the alert `standby`.
fn planned(timetable: &Value, agency: &str) -> Vec<i64> {
    let entries = timetable["entries"].as_array().expect("a timetable has entries");
    let of_agency =
        entries.iter().filter(|entry| entry["alert"] == "standby" && entry["recipient"] == agency);
    let mut offsets: Vec<i64> =
        of_agency.map(|entry| entry["offset_ms"].as_i64().expect("a distance")).collect();
    offsets.dedup();
    offsets
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_what_preflight_said() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", QUICK);
        let directory = home.write("directory.yaml", DIRECTORY);
        let file = home.path().join("playbooks/quick.yaml");
        let printed = home
            .run(&[
                "playbook",
                "preflight",
                file.to_str().expect("our own path"),
                "--directory",
                directory.to_str().expect("our own path"),
                "--answers",
                "none",
                "--format",
                "json",
            ])
            .await
            .expect(0);
        let plan = planned(&printed.json(), "hosp_west");
        assert_eq!(plan, [0, 2_000, 4_000, 6_000, 8_000], "{}", printed.out);

        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let first = sink.letters_to("dmat@west.example", 1, SOON).await.remove(0);
        let started = incident
            .recipient_until("standby", "hosp_west", "has its next step", SOON, |it| {
                it["next_step_at"].is_string()
            })
            .await;
        let begin = moment(&started["next_step_at"]) - plan[1];
        assert!((first.received_ms - begin).abs() < NOISE_MS, "the ladder starts with the first try");
        let end = incident.in_state("standby", "hosp_west", "to_decide", CLIMB).await;

        let on_time = |what: &str, at: i64, planned: i64| {
            let late = at - begin - planned;
            assert!(late >= 0, "{what} came {late} ms early");
            assert!(late < NOISE_MS, "{what} came {late} ms late");
        };
        let letters = |address: &str| -> Vec<Letter> { sink.received_by(address) };
        on_time("the resend", letters("dmat@west.example")[1].received_ms, plan[1]);
        on_time("the alternate's letter", letters("office@west-kanri.example")[0].received_ms, plan[2]);
        let lines = incident.chronology().await;
        let about = |kind: &str| -> Vec<i64> {
            let of_west = |line: &&Value| line["kind"] == kind && line["to"].to_string().contains("西病院");
            lines.iter().filter(of_west).map(|line| moment(&line["occurred_at"])).collect()
        };
        let steps = about("step");
        assert_eq!(steps.len(), 3, "resend, notify, call: {lines:#?}");
        for (at, planned) in steps.iter().zip(&plan[1..]) {
            on_time("a step in the chronology", *at, *planned);
        }
        let decisions = about("decision_due");
        assert_eq!(decisions.len(), 1, "{lines:#?}");
        on_time("the decision", decisions[0], plan[4]);
        assert_eq!(end["state"], "to_decide");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_tells_exactly_those_who_were_told() {
    let sink = Sink::start().await;
    // The notice to the fire service leaves only after ten minutes: it is cancelled before.
    let delayed = with(
        &patient(),
        "  notice:\n    send: { event: incident.activated }",
        "  notice:\n    send: { event: incident.activated, delay: 10m }",
    );
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &delayed);
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    for address in ["dmat@east.example", "dmat@west.example", "dmat@south.example"] {
        sink.letters_to(address, 1, SOON).await;
    }
    incident
        .recipient_until("standby", "hosp_south", "is accepted", SOON, |it| it["grade"] == "accepted")
        .await;
    incident.cancel("").await.expect(422);
    incident.cancel("誤報のため").await.expect(200);
    for address in ["dmat@east.example", "dmat@west.example"] {
        let letter = sink.letter_about(address, "取り消します", SOON).await;
        assert!(letter.text.contains("誤報のため"), "{}", letter.text);
    }
    sink.letter_about("dmat@south.example", "Cancelled", SOON).await;
    assert_eq!(incident.whole().await["state"], "cancelled");
    let told = incident.recipients_of("cancel_notice").await;
    assert_eq!(told.len(), 3, "the fire service heard nothing, so it is told nothing: {told:#?}");
    assert_eq!(sink.received_by("cmd@fire.example").len(), 0);
    for recipient in incident.recipients_of("standby").await {
        assert_eq!(recipient["state"], "stood_down");
    }
    incident.close("終了").await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_also_tells_whom_a_step_has_told() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", QUICK);
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    sink.letters_to("office@west-kanri.example", 1, CLIMB).await;
    incident.cancel("誤報のため").await.expect(200);
    sink.letter_about("dmat@west.example", "取り消します", SOON).await;
    sink.letter_about("office@west-kanri.example", "取り消します", SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_stands_down_everybody_who_was_told() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        for address in ["dmat@east.example", "dmat@west.example", "cmd@fire.example"] {
            sink.letters_to(address, 1, SOON).await;
        }
        incident.close("終了").await.expect(200);
        for address in ["dmat@east.example", "dmat@west.example", "cmd@fire.example"] {
            sink.letter_about(address, "活動終了", SOON).await;
        }
        assert_eq!(incident.whole().await["state"], "closed");
        assert_eq!(incident.recipients_of("stand_down").await.len(), 4);
        for recipient in incident.recipients_of("standby").await {
            assert_eq!(recipient["state"], "stood_down");
            assert!(recipient["next_step_at"].is_null());
        }
        // Those who have not confirmed the end are still asked: closing does not silence its own alert.
        let west = incident.recipient("stand_down", "hosp_west").await;
        assert_eq!(west["state"], "waiting");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reached_quorum_stands_the_rest_down() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let quorum = with(
            &with(&patient(), "respond_by: 30m, quorum: all }", "respond_by: 30m, quorum: { accept: 2 } }"),
            "    responses: deploy\n",
            "    responses: deploy\n    stand_down: { subject: 必要数に達しました, body: 待機を解いてください。 }\n",
        );
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &quorum);
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let anybody = server.anybody();
        let accept = [("option", "available"), ("teams", "1")];
        let decline = [("option", "unavailable"), ("reason", "人員不足")];
        let east = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0).link();
        let west = sink.letters_to("dmat@west.example", 1, SOON).await.remove(0).link();
        sink.letters_to("dmat@south.example", 1, SOON).await;

        // A person has the page open: pressing one button after the other is a change of mind, not a mail scanner.
        anybody.post_form(&format!("{east}/opened"), &[]).await.expect(204);
        anybody.post_form(&format!("{east}/answer"), &decline).await.expect(303);
        anybody.post_form(&format!("{west}/answer"), &accept).await.expect(303);
        assert_eq!(incident.recipient("standby", "hosp_south").await["state"], "waiting", "a decline counts for none");
        anybody.post_form(&format!("{east}/answer"), &accept).await.expect(303);
        incident.in_state("standby", "hosp_south", "stood_down", SOON).await;
        sink.letter_about("dmat@south.example", "必要数に達しました", SOON).await;
        assert_eq!(sink.received_by("dmat@west.example").len(), 1, "who comes is not sent home");
        assert_eq!(sink.received_by("dmat@east.example").len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_that_can_no_longer_be_met_becomes_a_decision() {
    let sink = Sink::start().await;
    let quorum =
        with(&patient(), "respond_by: 30m, quorum: all }", "respond_by: 30m, quorum: { accept: 3 } }");
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &quorum);
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    for (address, fields) in [
        ("dmat@east.example", [("option", "available"), ("teams", "1")]),
        ("dmat@west.example", [("option", "available"), ("teams", "1")]),
        ("dmat@south.example", [("option", "unavailable"), ("reason", "自院被災")]),
    ] {
        let link = sink.letters_to(address, 1, SOON).await.remove(0).link();
        server.anybody().post_form(&format!("{link}/answer"), &fields).await.expect(303);
    }
    let alerts = async || server.api.list(&incident.path("/alerts")).await;
    let standby = alerts().await.into_iter().find(|alert| alert["key"] == "standby").expect("the alert");
    assert_eq!(standby["state"], "to_decide", "{standby:#}");
    let chronology = incident.chronology_text().await;
    assert!(chronology.contains("不足1"), "what is missing is named: {chronology}");
    let path = format!("/api/v1/alerts/{}/decide", standby["id"].as_str().expect("an id"));
    server.api.post(&path, &json!({ "option": "代替隊を手配" })).await.expect(200);
    let standby = alerts().await.into_iter().find(|alert| alert["key"] == "standby").expect("the alert");
    assert_eq!(standby["state"], "decided", "{standby:#}");
    server.api.post(&path, &json!({ "option": "代替隊を手配" })).await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_can_be_raised_by_hand() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let wish = json!({
        "to": ["agency:fire_hq"], "channel": "command", "subject": "追加の照会", "body": "搬送車両の数を。",
        "responses": "confirm", "ladder": "remind", "via": ["email"],
    });
    server.api.post(&incident.path("/alerts"), &wish).await.expect(201);
    let letter = sink.letter_about("cmd@fire.example", "追加の照会", SOON).await;
    assert!(letter.text.contains("搬送車両の数を。"), "{}", letter.text);
    server.anybody().post_form(&format!("{}/answer", letter.link()), &[("option", "ok")]).await.expect(303);
    let mut wrong = wish.clone();
    wrong["to"] = json!(["agency:nobody"]);
    server.api.post(&incident.path("/alerts"), &wrong).await.expect(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_address_for_what_needs_no_answer_stands_in_the_chronology() {
    let asks = "    responses: confirm\n    ack: { unit: agency, ack_by: 20m, quorum: all }\n    ladder: remind\n  stand_down:";
    let informs = with(&patient(), asks, "    ack: { mode: none, because: 周知のみ }\n  stand_down:");
    let informs = with(&informs, "transports: [email]", "transports: [email, ops]");
    let by = |via: &str| {
        format!(
            "to: [\"agency:fire_hq\"]\n    via: [{via}]\n    channel: command\n    severity: critical\n    subject: {{ ja: 医療本部設置"
        )
    };
    let informs = with(&informs, &by("email"), &by("ops"));
    let cancels = "  cancel_notice:\n    to: [\"agency:hospitals\", \"agency:fire_hq\"]\n    via: [email";
    let informs = with(&informs, cancels, &format!("{cancels}, ops"));
    let ways = "  phone: { driver: human_call, proves: [answered] }\n";
    let ops = format!("{ways}  ops: {{ driver: webhook, proves: [accepted] }}\n");
    let directory = with(DIRECTORY, ways, &ops);
    let fire = "primary: { email: cmd@fire.example,";
    let both = "primary: { ops: \"https://fire.example/alerts#fire\", email: cmd@fire.example,";
    let directory = with(&directory, fire, both);
    let sink = Sink::start().await;
    // Without a secret for it the service calls nobody.
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &informs);
    let server = home.serve_with(&directory).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let lines = incident.chronology().await;
    let told = lines
        .iter()
        .find(|line| line["to"].to_string().contains("北浜消防本部") && line["kind"] == "delivery");
    let told = told.unwrap_or_else(|| panic!("nothing says that nobody was told: {lines:#?}"));
    assert!(told["text"].to_string().contains("誰にも知らせていない"), "{told}");
}
