//! The command line as scripts use it.

use serde_json::json;

use crate::support::{
    incident::Incident,
    playbooks::{DIRECTORY, QUICK, patient, with},
    postgres::{Database, on_each_database},
    server::Home,
    smtp_sink::Sink,
    wait::SOON,
};

fn shipped(name: &str) -> String {
    format!("{}/playbooks/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_has_help_with_an_example() {
    let home = Home::new(Database::Sqlite);
    for command in [
        vec!["serve"],
        vec!["demo"],
        vec!["playbook", "check"],
        vec!["playbook", "import"],
        vec!["playbook", "preflight"],
        vec!["directory", "import"],
        vec!["incident", "start"],
        vec!["incident", "status"],
        vec!["incident", "close"],
        vec!["incident", "cancel"],
        vec!["user", "add"],
        vec!["token", "create"],
        vec!["doctor"],
    ] {
        let mut arguments = command.clone();
        arguments.push("--help");
        let printed = home.run(&arguments).await.expect(0);
        assert!(printed.out.contains(&format!("noroshi {}", command.join(" "))), "{}", printed.out);
    }
    home.run(&["nonsense"]).await.expect(2);
    home.run(&["playbook", "check"]).await.expect(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_files_have_no_problem() {
    let home = Home::new(Database::Sqlite);
    let directory = shipped("directory.example.yaml");
    let printed = home.run(&["playbook", "check", &shipped(""), "--directory", &directory]).await;
    printed.expect(0);
    let printed = home.run(&["playbook", "check", &directory, "--format", "json"]).await.expect(0);
    assert!(printed.json()["problems"].is_array());
    let left: Vec<_> = std::fs::read_dir(home.path()).expect("the folder").collect();
    assert_eq!(left.len(), 1, "checking writes nothing: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn checking_tells_every_problem_at_once_with_its_place() {
    let home = Home::new(Database::Sqlite);
    let mut broken = with(QUICK, "to: [\"agency:fire_hq\"]", "to: [\"agency:fire_quarters\"]");
    broken = with(&broken, "at: 4s, if: unacked", "at: 4sec, if: unacked");
    broken = with(&broken, "    channel: hospitals\n", "    chanel: hospitals\n");
    let file = home.write("broken.yaml", &broken);
    let directory = home.write("directory.yaml", DIRECTORY);
    let arguments = ["playbook", "check", file.to_str().unwrap(), "--directory", directory.to_str().unwrap()];
    let printed = home.run(&[&arguments[..], &["--format", "json"]].concat()).await.expect(1);
    let problems = printed.json()["problems"].as_array().expect("problems").clone();
    for (code, wrong) in [("R01", "fire_quarters"), ("R02", "4sec"), ("R02", "chanel")] {
        let line = broken.lines().position(|line| line.contains(wrong)).expect("our own mistake") + 1;
        let found = problems.iter().find(|problem| problem["code"] == code && problem["line"] == line);
        let found = found.unwrap_or_else(|| panic!("{code} in line {line} is not told: {problems:#?}"));
        assert_eq!(found["severity"], "error");
        assert!(found["column"].as_i64().is_some_and(|column| column >= 1), "{found}");
        assert!(found["file"].as_str().is_some_and(|name| name.ends_with("broken.yaml")), "{found}");
        assert!(found["help"].as_str().is_some_and(|help| !help.is_empty()), "{found}");
    }
    let text = home.run(&arguments).await.expect(1).out;
    assert!(text.contains("broken.yaml:"), "{text}");
    home.run(&["playbook", "check", "no-such-file.yaml"]).await.expect(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_in_a_file_ends_in_problems() {
    let home = Home::new(Database::Sqlite);
    std::fs::write(home.path().join("binary.yaml"), [0xff_u8, 0xfe, 0, 1, 2]).expect("our own folder");
    home.write("empty.yaml", "");
    home.write("number.yaml", "42\n");
    home.write("tabs.yaml", "a:\n\t- b\n");
    home.write("deep.yaml", &"[".repeat(100_000));
    home.write("bomb.yaml", "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nkind: *c\n");
    home.write("large.yaml", &format!("a: \"{}\"\n", "x".repeat(2 << 20)));
    for name in ["binary", "empty", "number", "tabs", "deep", "bomb", "large"] {
        let printed =
            home.run(&["playbook", "check", &format!("{name}.yaml"), "--format", "json"]).await.expect(1);
        let problems = printed.json()["problems"].clone();
        let first = &problems[0];
        assert_eq!(first["code"], "R02", "{name}: {problems}");
        assert!(
            first["line"].as_i64() >= Some(1) && first["column"].as_i64() >= Some(1),
            "{name}: {problems}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_said_but_is_not_yet_carried_out_is_kept() {
    let home = Home::new(Database::Sqlite);
    let longer = QUICK.replace(
        "close: {",
        "tasks:\n  - group: 指揮\n    items:\n      - { key: aims, title: 方針を掲示, role: commander, \
         due: { after: incident.activated, within: 15m }, required: true, form: ics202 }\nclose: {",
    );
    let file = home.write("longer.yaml", &longer);
    let directory = home.write("directory.yaml", DIRECTORY);
    let arguments = ["playbook", "check", file.to_str().unwrap(), "--directory", directory.to_str().unwrap()];
    home.run(&arguments).await.expect(0);
    home.write("longer.yaml", &with(&longer, "role: commander, due", "role: nobody, due"));
    let printed = home.run(&arguments).await.expect(1);
    assert!(printed.out.contains("R01"), "{}", printed.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_a_new_version_or_nothing() {
    on_each_database(async |database| {
        let home = Home::new(database);
        let file = home.write("quick.yaml", &patient());
        let file = file.to_str().expect("our own path");
        let early = home.run(&["playbook", "import", file]).await.expect(1);
        assert!(early.out.contains("R03: There is no directory yet"), "{}", early.out);
        home.import_directory(DIRECTORY).await;
        home.run(&["playbook", "import", file]).await.expect(0);
        home.run(&["playbook", "import", file]).await.expect(0);
        home.write("quick.yaml", &with(&patient(), "to: [\"agency:fire_hq\"]", "to: [\"agency:none\"]"));
        home.run(&["playbook", "import", file]).await.expect(1);
        let server = home.serve().await;
        let playbooks = server.api.list("/api/v1/playbooks").await;
        assert_eq!(playbooks.len(), 1, "{playbooks:#?}");
        assert_eq!(playbooks[0]["key"], "quick");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_a_directory_changes_nothing() {
    let home = Home::new(Database::Sqlite);
    let file = home.write("directory.yaml", DIRECTORY);
    let file = file.to_str().expect("our own path").to_owned();
    let printed = home.run(&["directory", "import", &file, "--dry-run"]).await.expect(0);
    assert!(printed.out.contains("hosp_east") || printed.out.contains("東病院"), "{}", printed.out);
    let home_path = home.path().to_owned();
    let server = home.serve().await;
    let before = server.api.get("/api/v1/directory").await;
    assert!(!before.text.contains("hosp_east"), "{}", before.text);
    server.home.run(&["directory", "import", &file]).await.expect(0);
    assert!(server.api.get("/api/v1/directory").await.expect(200).text.contains("hosp_east"));
    std::fs::write(
        home_path.join("directory.yaml"),
        with(DIRECTORY, "members: [p_duty]", "members: [p_nobody]"),
    )
    .expect("our own file");
    server.home.run(&["directory", "import", &file]).await.expect(1);
    assert!(!server.api.get("/api/v1/directory").await.expect(200).text.contains("p_nobody"));
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_are_started_watched_and_ended_from_the_command_line() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let server = home.serve_with(DIRECTORY).await;
    let token = server.api.token().expect("an administrator's token").to_owned();
    let url = server.home.base();
    let run = async |arguments: &[&str]| {
        let mut command = server.home.command(&[arguments, &["--server", &url, "--format", "json"]].concat());
        command.env("NOROSHI_TOKEN", &token);
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("a thread")
            .expect("a process");
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("one JSON document")
    };
    let started = run(&["incident", "start", "quick", "--set", "place=沖"]).await;
    let id = started["id"].as_str().expect("an id").to_owned();
    let letter = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
    assert!(letter.subject.contains('沖'), "{}", letter.subject);
    let status = run(&["incident", "status", &id]).await;
    assert!(status.to_string().contains("hosp_east") || status["id"] == id.as_str(), "{status}");
    run(&["incident", "close", &id, "--reason", "終了"]).await;
    sink.letter_about("dmat@east.example", "活動終了", SOON).await;
    let second = run(&["incident", "start", "quick", "--drill"]).await;
    assert_eq!(second["mode"], "drill");
    run(&["incident", "cancel", second["id"].as_str().expect("an id"), "--reason", "誤り"]).await;

    let refused = server.home.run(&["incident", "status", &id, "--server", &url]).await;
    assert!(matches!(refused.code, 1 | 2), "without a token: {refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_printed_once_and_alone() {
    let home = Home::new(Database::Sqlite);
    let printed = home.run(&["token", "create", "--name", "monitor", "--role", "observer"]).await.expect(0);
    let token = printed.out.strip_suffix('\n').expect("one line");
    assert!(token.len() >= 32, "{token}");
    assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'), "{token}");
    home.run(&["token", "create", "--name", "x", "--role", "emperor"]).await.expect(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_is_missing_in_an_empty_folder() {
    let home = Home::new(Database::Sqlite);
    let printed = home.run(&["doctor"]).await;
    assert!(matches!(printed.code, 0 | 1), "{printed:?}");
    for subject in ["relay", "database"] {
        assert!(printed.out.to_lowercase().contains(subject), "{subject} is not told:\n{}", printed.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_sends_one_real_letter_when_asked() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]);
    home.import_directory(DIRECTORY).await;
    home.run(&["doctor", "--send-to", "me@eoc.example"]).await;
    assert_eq!(sink.letters_to("me@eoc.example", 1, SOON).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_playbook_by_the_api_is_checked_as_strictly() {
    let home = Home::new(Database::Sqlite);
    let server = home.serve_with(DIRECTORY).await;
    let yaml = [("content-type", "application/yaml")];
    server.api.send("PUT", "/api/v1/playbooks/quick", &yaml, Some(patient())).await.expect(201);
    let broken = with(&patient(), "to: [\"agency:fire_hq\"]", "to: [\"agency:none\"]");
    let refused = server.api.send("PUT", "/api/v1/playbooks/quick", &yaml, Some(broken)).await.expect(422);
    assert_eq!(refused.json()["problems"][0]["code"], "R01");
    let timetable = server
        .api
        .post("/api/v1/playbooks/quick/preflight", &json!({ "variables": {}, "answers": "none" }))
        .await
        .expect(200);
    assert!(timetable.text.contains("hosp_west"), "{}", timetable.text);
    Incident::start(&server.api, "quick", "drill").await;
}
