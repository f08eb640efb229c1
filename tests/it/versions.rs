//! Versions of a playbook: imported all or none, remembered, compared, exported; and looked ahead with.

use serde_json::json;

use crate::support::{
    incident::Incident,
    playbooks::{DIRECTORY, patient, with},
    postgres::{Database, on_each_database},
    server::Home,
    smtp_sink::Sink,
};

const YAML: [(&str, &str); 1] = [("content-type", "application/yaml")];

fn second() -> String {
    with(
        &with(&patient(), "version: 1.0.0", "version: 1.1.0"),
        "at: 10m, if: unacked",
        "at: 12m, if: unacked",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn several_files_are_imported_together_or_not_at_all() {
    on_each_database(async |database| {
        let home = Home::new(database);
        home.import_directory(DIRECTORY).await;
        let other = with(&patient(), "key: quick", "key: other");
        std::fs::create_dir(home.path().join("books")).expect("our own folder");
        home.write("books/a.yaml", &patient());
        home.write("books/b.yaml", &with(&other, "to: [\"agency:fire_hq\"]", "to: [\"agency:none\"]"));
        let refused = home.run(&["playbook", "import", "books"]).await.expect(1);
        assert!(refused.out.contains("R01") && refused.out.contains("b.yaml"), "{}", refused.out);
        home.run(&["playbook", "export", "quick"]).await.expect(1);

        home.write("books/b.yaml", &patient());
        let twice = home.run(&["playbook", "import", "books"]).await.expect(1);
        assert!(twice.out.contains("quick"), "{}", twice.out);
        home.run(&["playbook", "export", "quick"]).await.expect(1);

        home.write("books/b.yaml", &other);
        home.run(&["playbook", "import", "books"]).await.expect(0);
        assert_eq!(home.run(&["playbook", "export", "quick"]).await.expect(0).out, patient());
        assert_eq!(home.run(&["playbook", "export", "other"]).await.expect(0).out, other);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_together_is_told_of_each_other_and_later_of_what_is_in_force() {
    let by_itself = |key: &str, to: &str| {
        let trigger = "triggers:\n  - { key: quake, source: jma.earthquake, mode: open_and_send, when: { max_intensity: { gte: \"6+\" } }, dedupe: { by: trigger.event_id, window: 1h, then: attach } }\n";
        let text = with(&patient(), "triggers:\n", trigger);
        with(&with(&text, "key: quick", &format!("key: {key}")), "gte: \"6+\"", &format!("gte: \"{to}\""))
    };
    let home = Home::new(Database::Sqlite);
    let server = home.serve_with(DIRECTORY).await;
    let home = &server.home;
    std::fs::create_dir(home.path().join("books")).expect("our own folder");
    home.write("books/a.yaml", &by_itself("first", "6+"));
    home.write("books/b.yaml", &by_itself("second", "5-"));
    let codes = |problems: &serde_json::Value| -> Vec<(String, String)> {
        let problems = problems.as_array().expect("problems").iter();
        let word = |it: &serde_json::Value| it.as_str().unwrap_or_default().to_owned();
        problems.map(|it| (word(&it["code"]), word(&it["path"]))).collect()
    };
    let t04 = ("T04".to_owned(), "triggers[0].when".to_owned());
    for dry_run in [&["--dry-run"][..], &[]] {
        let words = [&["playbook", "import", "books", "--format", "json"][..], dry_run].concat();
        let document = home.run(&words).await.expect(0).json();
        assert_eq!(codes(&document["problems"]), std::slice::from_ref(&t04), "{document:#}");
        assert!(document["problems"][0]["file"].as_str().is_some_and(|file| file.ends_with("b.yaml")));
    }
    let again =
        home.run(&["playbook", "check", "books", "--directory", "directory.yaml", "--format", "json"]);
    assert!(codes(&again.await.json()["problems"]).contains(&t04));
    for key in ["first", "second"] {
        let view = server.api.get(&format!("/api/v1/playbooks/{key}")).await.expect(200).json();
        assert_eq!(codes(&view["problems"]), std::slice::from_ref(&t04), "{view:#}");
    }
    // The whole of the pair is replaced: neither is told of what is not in force any more.
    home.write("books/a.yaml", &with(&by_itself("first", "6+"), "version: 1.0.0", "version: 1.0.1"));
    let apart = with(&by_itself("second", "5-"), "gte: \"5-\"", "lt: \"6+\"");
    home.write("books/b.yaml", &with(&apart, "version: 1.0.0", "version: 1.0.1"));
    let document = home.run(&["playbook", "import", "books", "--format", "json"]).await.expect(0).json();
    assert_eq!(codes(&document["problems"]), [], "{document:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_the_difference_and_changes_nothing() {
    let home = Home::new(Database::Sqlite);
    home.import_directory(DIRECTORY).await;
    let file = home.write("quick.yaml", &patient());
    let file = file.to_str().expect("our own path");
    home.run(&["playbook", "import", file]).await.expect(0);
    home.write("quick.yaml", &second());
    let told = home.run(&["playbook", "import", file, "--dry-run", "--locale", "ja"]).await.expect(0);
    assert!(told.out.contains("はしご climb・第2段・時刻：10m → 12m"), "{}", told.out);
    let document =
        home.run(&["playbook", "import", file, "--dry-run", "--format", "json"]).await.expect(0).json();
    assert_eq!(document["would_import"][0]["number"], 2);
    assert_eq!(document["would_import"][0]["changes"].as_array().map(Vec::len), Some(2), "{document:#}");
    assert_eq!(home.run(&["playbook", "export", "quick"]).await.expect(0).out, patient());
    home.run(&["playbook", "import", file]).await.expect(0);
    assert_eq!(home.run(&["playbook", "export", "quick"]).await.expect(0).out, second());
    assert_eq!(home.run(&["playbook", "export", "quick", "--version", "1"]).await.expect(0).out, patient());
    home.run(&["playbook", "export", "quick", "--version", "3"]).await.expect(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_incident_keeps_its_version_and_the_history_says_who_brought_in_what() {
    on_each_database(async |database| {
        let home = Home::new(database);
        let server = home.serve_with(DIRECTORY).await;
        let put = async |source: String| {
            server.api.send("PUT", "/api/v1/playbooks/quick", &YAML, Some(source)).await
        };
        put(patient()).await.expect(201);
        let incident = Incident::start(&server.api, "quick", "drill").await;
        put(second()).await.expect(200);
        put(second()).await.expect(200);

        let runs_by = incident.whole().await["playbook"].clone();
        assert_eq!(
            (&runs_by["version"], &runs_by["number"], &runs_by["in_force"]),
            (&json!("1.0.0"), &json!(1), &json!(2))
        );

        let versions = server.api.list("/api/v1/playbooks/quick/versions").await;
        let told: Vec<_> =
            versions.iter().map(|it| (it["number"].as_i64(), it["in_force"].as_bool())).collect();
        assert_eq!(told, [(Some(2), Some(true)), (Some(1), Some(false))]);
        assert!(versions.iter().all(|it| it["imported_by"].as_str().is_some_and(|who| !who.is_empty())));
        assert_ne!(versions[0]["sha256"], versions[1]["sha256"]);

        let get = async |path: &str| server.api.get(path).await;
        let first = get("/api/v1/playbooks/quick?version=1").await.expect(200).json();
        assert_eq!((&first["version"], &first["source"]), (&json!("1.0.0"), &json!(patient())));
        get("/api/v1/playbooks/quick?version=9").await.expect(404);
        get("/api/v1/playbooks/nothing/versions").await.expect(404);

        let difference =
            get("/api/v1/playbooks/quick/difference?from=1&to=2&lang=en").await.expect(200).json();
        let sentences: Vec<_> = difference["changes"]
            .as_array()
            .expect("changes")
            .iter()
            .map(|it| it["sentence"].clone())
            .collect();
        assert_eq!(sentences, ["playbook, version: 1.0.0 → 1.1.0", "ladder climb, step 2, at: 10m → 12m"]);
        assert_eq!(difference["changes"][1]["path"], "ladders.climb.steps[2].at");
        let back = get("/api/v1/playbooks/quick/difference?from=2&to=1").await.expect(200).json();
        assert_eq!(back["changes"][1]["after"], "10m");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playbook_that_this_directory_cannot_satisfy_is_refused_with_everything_that_is_missing() {
    let poor = with(DIRECTORY, "  hospitals: { kind: group", "  clinics: { kind: group");
    let poor = with(&poor, "  liaison: { members: [p_liaison] }\n", "");
    let home = Home::new(Database::Sqlite);
    let server = home.serve_with(&poor).await;
    let refused =
        server.api.send("PUT", "/api/v1/playbooks/quick", &YAML, Some(patient())).await.expect(422).json();
    let problems = refused["problems"].as_array().expect("problems");
    for missing in ["hospitals", "liaison"] {
        let told =
            problems.iter().any(|it| it["detail"].as_str().is_some_and(|detail| detail.contains(missing)));
        assert!(told, "{missing} is not told: {problems:#?}");
    }
    server.api.get("/api/v1/playbooks/quick").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn preflight_tells_weak_points_counts_and_letters_and_starts_nothing() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let server = home.serve_with(DIRECTORY).await;
    let ask =
        async |body: serde_json::Value| server.api.post("/api/v1/playbooks/quick/preflight", &body).await;
    let night = json!({ "variables": { "place": "沖" }, "at": "2026-12-01T02:00:00+09:00", "letters": true });
    let timetable = ask(night).await.expect(200).json();
    assert_eq!(timetable["at"], "2026-12-01T02:00:00.000+09:00");
    let kinds: Vec<_> =
        timetable["findings"].as_array().expect("findings").iter().map(|it| it["kind"].clone()).collect();
    for kind in ["one_relay", "one_transport", "unproved"] {
        assert!(kinds.contains(&json!(kind)), "{kind} is not told: {kinds:?}");
    }
    assert_eq!(timetable["unproved"].as_array().map(Vec::is_empty), Some(false), "nobody has ever answered");
    assert_eq!(timetable["woken"][0]["at"], "2026-12-01T02:15:00.000+09:00");
    let south = timetable["letters"]
        .as_array()
        .expect("letters")
        .iter()
        .find(|it| it["recipient"] == "hosp_south")
        .expect("a letter");
    assert!(south["subject"].as_str().is_some_and(|it| it.starts_with("Can you deploy? 沖")), "{south:#}");
    let drill = ask(json!({ "drill": true, "letters": true })).await.expect(200).json();
    assert!(drill["letters"][0]["subject"].as_str().is_some_and(|it| it.starts_with("【訓練】")));
    assert!(
        drill["letters"][0]["text"].as_str().is_some_and(|it| it
            .trim_end()
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("【訓練】")))
    );
    ask(json!({ "at": "tomorrow" })).await.expect(422);
    assert_eq!(server.api.list("/api/v1/incidents").await.len(), 0);
    assert_eq!(sink.received().len(), 0);
}
