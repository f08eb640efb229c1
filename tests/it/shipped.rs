//! What the repository ships, used as a newcomer would use it.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    incident::Incident,
    postgres::Database,
    server::{Home, Server},
    session::Session,
    smtp_sink::Sink,
    wait::{SOON, until},
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks");

/// Every shipped playbook, with what the person who starts it types in.
const SHIPPED: [(&str, &[(&str, &str)]); 6] = [
    (
        "eq-6upper-initial",
        &[("intensity", "6+"), ("occurred_at", "2026-11-24T03:12:00+09:00"), ("epicenter", "十勝沖")],
    ),
    (
        "mci-local",
        &[
            ("kind", "列車事故"),
            ("place", "北見野駅 東側の踏切"),
            ("occurred_at", "2026-11-24T07:41:00+09:00"),
            ("casualties", "40"),
        ],
    ),
    ("major-tsunami-warning", &[("issued_at", "2026-11-24T03:15:00+09:00")]),
    (
        "heavy-snow-notice",
        &[("from_when", "2026-11-25T18:00:00+09:00"), ("until_when", "2026-11-26T12:00:00+09:00")],
    ),
    ("comcheck-monthly", &[]),
    ("hospital-power-failure", &[("occurred_at", "2026-11-24T03:12:00+09:00")]),
];

fn file(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// A service with the shipped directory and playbooks.
async fn serve(sink: &Sink) -> Server {
    let home = Home::new(Database::Sqlite).relays(&[sink]).set("NOROSHI_PLAYBOOKS__DIR", FOLDER);
    home.run(&["directory", "import", &file("directory.example.yaml")]).await.expect(0);
    home.serve().await
}

fn start(key: &str, values: &[(&str, &str)], mode: &str) -> Value {
    let variables: serde_json::Map<String, Value> =
        values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    json!({ "playbook": key, "mode": mode, "variables": variables })
}

/// Every agency of the directory that is no group, with its primary mail address.
async fn agencies(server: &Server) -> Vec<(String, String)> {
    let directory = server.api.get("/api/v1/directory").await.expect(200).json();
    let agencies = directory["agencies"].as_object().expect("agencies");
    let single = agencies.iter().filter(|(_, agency)| agency["members"].is_null());
    let mail = single
        .filter_map(|(key, agency)| Some((key.clone(), agency["primary"]["email"].as_str()?.to_owned())));
    mail.collect()
}

/// Who was told: agencies, and people where each answers for himself.
async fn told(incident: &Incident) -> BTreeSet<String> {
    let name = |it: &Value| it["agency"].as_str().or_else(|| it["person"].as_str()).map(str::to_owned);
    incident.recipients().await.iter().filter_map(name).collect()
}

/// The timetable of a shipped playbook, as the command prints it.
async fn preflight(home: &Home, key: &str, values: &[(&str, &str)], answers: &str) -> Value {
    let (playbook, directory) = (file(&format!("{key}.yaml")), file("directory.example.yaml"));
    let mut arguments: Vec<String> = [
        "playbook",
        "preflight",
        &playbook,
        "--directory",
        &directory,
        "--answers",
        answers,
        "--format",
        "json",
    ]
    .map(str::to_owned)
    .to_vec();
    for (name, value) in values {
        arguments.extend(["--set".to_owned(), format!("{name}={value}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    home.run(&arguments).await.expect(0).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_file_is_clean_when_the_linter_is_strict() {
    let home = Home::new(Database::Sqlite);
    let directory = file("directory.example.yaml");
    let whole = home.run(&["playbook", "check", FOLDER, "--directory", &directory, "--strict"]).await;
    whole.expect(0);
    let in_folder: BTreeSet<String> = std::fs::read_dir(FOLDER)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    let listed = SHIPPED.iter().map(|(key, _)| format!("{key}.yaml"));
    let listed: BTreeSet<String> = listed.chain(["directory.example.yaml".to_owned()]).collect();
    assert_eq!(in_folder, listed, "every file is looked at here");
    for (key, _) in SHIPPED {
        home.run(&["playbook", "check", &file(&format!("{key}.yaml")), "--strict"]).await.expect(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_playbook_of_the_readme_is_clean_as_it_is_copied() {
    let home = Home::new(Database::Sqlite);
    let readme = std::fs::read_to_string(file("README.md")).expect("the README");
    let block = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    let copied = home.write("my-first.yaml", block.expect("a first block of YAML"));
    let (copied, directory) = (copied.to_str().expect("a path"), file("directory.example.yaml"));
    home.run(&["playbook", "check", copied, "--directory", &directory, "--strict"]).await.expect(0);
    home.run(&["playbook", "preflight", copied, "--directory", &directory, "--set", "area=北町"])
        .await
        .expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_counts_the_ways_out_that_the_configuration_names_and_all_where_it_names_none() {
    let (key, values) = SHIPPED[0];
    let cannot = async |home: Home| {
        let timetable = preflight(&home, key, values, "none").await;
        timetable["findings"].as_array().expect("findings").iter().any(|found| found["kind"] == "unserved")
    };
    let sink = Sink::start().await;
    let by_mail = || Home::new(Database::Sqlite).relays(&[&sink]);
    assert!(!cannot(Home::new(Database::Sqlite)).await, "nothing is known of the service");
    assert!(cannot(by_mail()).await, "it has mail alone");
    assert!(
        !cannot(
            by_mail()
                .set("NOROSHI_SMS__URL", "https://sms.example/send")
                .set("NOROSHI_SMS__BODY", "to={{ to }}&text={{ text }}")
        )
        .await,
        "it has both"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn preflight_of_every_shipped_playbook_ends_in_answers_or_decisions() {
    let home = Home::new(Database::Sqlite);
    for (key, values) in SHIPPED {
        for (answers, end) in [("none", "decide"), ("all", "answer")] {
            let timetable = preflight(&home, key, values, answers).await;
            // Each recipient once: whoever has two ways is written to by both.
            let of = |what: &str, alert: &Value| {
                let entries = timetable["entries"].as_array().expect("entries").iter();
                let these = entries.filter(|entry| entry["what"] == what && entry["alert"] == *alert);
                these.filter_map(|entry| entry["recipient"].as_str()).collect::<BTreeSet<_>>().len()
            };
            let alerts = timetable["alerts"].as_array().expect("alerts");
            assert!(!alerts.is_empty(), "{key} tells somebody");
            for alert in alerts {
                let recipients =
                    usize::try_from(alert["recipients"].as_u64().expect("a count")).expect("few");
                assert!(recipients > 0, "{key}: {alert}");
                // A notice without answers ends with its letters.
                let ends = if key == "heavy-snow-notice" { 0 } else { recipients };
                let alert = &alert["key"];
                // Once enough have accepted, the rest are stood down.
                let found = of(end, alert) + of("stand_down", alert);
                assert_eq!(found, ends, "{key}: {alert} with --answers {answers}");
                assert!(of("letter", alert) >= recipients, "{key}: {alert} writes to each");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_playbook_reaches_whoever_it_alerts_at_once() {
    let sink = Sink::start().await;
    let server = serve(&sink).await;
    let addresses = agencies(&server).await;
    for (key, values) in SHIPPED {
        let before = sink.received().len();
        let incident = Incident::start_with(&server.api, &start(key, values, "live")).await;
        let alerted = told(&incident).await;
        assert!(alerted.len() >= 4, "{key}: {alerted:?}");
        for (agency, address) in addresses.iter().filter(|(agency, _)| alerted.contains(agency)) {
            let letters = until(&format!("{key} writes to {agency}"), SOON, async || {
                let new = sink.received().into_iter().skip(before);
                let mine: Vec<_> = new.filter(|letter| letter.to.contains(address)).collect();
                (!mine.is_empty()).then_some(mine)
            })
            .await;
            for letter in letters {
                // A notice that asks for no answer has no link to press.
                if key != "heavy-snow-notice" {
                    server.anybody().get(&letter.link()).await.expect(200);
                }
                assert!(!letter.text.contains("{{"), "no unfilled place: {}", letter.text);
                assert!(!letter.subject.contains("{{"), "no unfilled place: {}", letter.subject);
            }
        }
        incident.cancel("誤報のため").await.expect(200);
        until(&format!("the withdrawal of {key} is out"), SOON, async || {
            incident.recipients().await.iter().all(|it| it["grade"] != "queued").then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_playbook_drilled_fast_ends_in_answers_or_decisions() {
    let sink = Sink::start().await;
    let server = serve(&sink).await;
    let mut drills = Vec::new();
    for (key, values) in SHIPPED {
        let mut body = start(key, values, "drill");
        body["rate"] = json!(600);
        drills.push((key, Incident::start_with(&server.api, &body).await));
    }
    // Six hours of the slowest ladder are thirty-six seconds.
    let while_ladders_run = Duration::from_secs(120);
    let everybody = async |key: &str, drill: &Incident| {
        let home = Home::new(Database::Sqlite);
        let values = SHIPPED.iter().find(|(shipped, _)| *shipped == key).expect("a shipped one").1;
        let timetable = preflight(&home, key, values, "none").await;
        let planned: u64 = timetable["alerts"]
            .as_array()
            .expect("alerts")
            .iter()
            .filter_map(|alert| alert["recipients"].as_u64())
            .sum();
        until(&format!("{key} has told everybody it would tell"), while_ladders_run, async || {
            (drill.recipients().await.len() as u64 == planned).then_some(())
        })
        .await;
        until(&format!("{key} waits for nobody any more"), while_ladders_run, async || {
            let all = drill.recipients().await;
            all.iter().all(|it| matches!(it["state"].as_str(), Some("to_decide" | "informed"))).then_some(())
        })
        .await;
    };
    for (key, drill) in &drills {
        everybody(key, drill).await;
    }
    assert_eq!(sink.received().len(), 0, "a drill reaches nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_urgent_playbooks_stand_first_where_one_is_started() {
    let sink = Sink::start().await;
    let server = serve(&sink).await;
    let home = Session::of(&server, "p_sato", "commander").await.get("/").await;
    let place =
        |key: &str| home.find(&format!("/playbooks/{key}/start")).unwrap_or_else(|| panic!("no {key}"));
    for urgent in ["eq-6upper-initial", "major-tsunami-warning", "mci-local", "hospital-power-failure"] {
        for calm in ["comcheck-monthly", "heavy-snow-notice"] {
            assert!(place(urgent) < place(calm), "{urgent} stands behind {calm}");
        }
    }
}
