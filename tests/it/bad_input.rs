//! What is wrong is said in one sentence with its cure, and the service goes on where going on makes sense.

use std::time::Duration;

use crate::support::{
    client::Api,
    incident::Incident,
    playbooks::{DIRECTORY, patient, with},
    postgres::Database,
    server::{Home, Printed, free_port},
    smtp_sink::Sink,
    wait::{SOON, until},
};

/// What people see of a start that failed: one sentence that names the thing and what to do.
#[track_caller]
fn one_sentence(printed: &Printed, names: &[&str]) {
    let said: Vec<&str> = printed.err.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!(said.len() <= 2, "more than a sentence:\n{}", printed.err);
    for name in names {
        assert!(printed.err.contains(name), "{name:?} is not named:\n{}", printed.err);
    }
    assert!(!printed.err.contains("panicked") && !printed.err.contains("Error {"), "{}", printed.err);
    assert_eq!(printed.out, "", "stdout carries results only");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_configuration_key_is_named() {
    let home = Home::new(Database::Sqlite).set("NOROSHI_SMTP__RELAY", "smtp://127.0.0.1:25");
    let printed = home.run(&["serve"]).await.expect(2);
    one_sentence(&printed, &["RELAY"]);
    let home = Home::new(Database::Sqlite);
    home.write("noroshi.toml", "[server]\nbind = \"127.0.0.1:0\"\ncolour = \"red\"\n");
    let printed = home.run(&["serve"]).await.expect(2);
    one_sentence(&printed, &["noroshi.toml", "colour"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let home = Home::new(Database::Sqlite);
    let _holder = std::net::TcpListener::bind(("127.0.0.1", home.port())).expect("the port was free");
    let printed = home.run(&["serve"]).await.expect(1);
    one_sentence(&printed, &[&home.port().to_string(), "server.bind"]);
    let printed = home.run(&["--locale", "ja", "serve"]).await.expect(1);
    one_sentence(&printed, &[&home.port().to_string(), "別のポートにしてください"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_database_is_named_without_its_password() {
    let nobody = format!("postgres://noroshi:hush-hush@127.0.0.1:{}/noroshi", free_port());
    let place = nobody.split_once('@').expect("a host").1.to_owned();
    let home = Home::new(Database::Postgres { url: nobody });
    let printed = home.run(&["serve"]).await.expect(1);
    one_sentence(&printed, &[&place, "database.url"]);
    assert_eq!(
        printed.err.matches("pool timed out").count(),
        1,
        "the cause stands there once:\n{}",
        printed.err
    );
    assert!(!printed.err.contains("hush-hush"), "{}", printed.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_service_on_the_same_sqlite_file_refuses_to_start() {
    let server = Home::new(Database::Sqlite).serve_with(DIRECTORY).await;
    let mut second = server.home.command(&["serve"]);
    second.env("NOROSHI_SERVER__BIND", format!("127.0.0.1:{}", free_port()));
    second.stdin(std::process::Stdio::null());
    let output =
        tokio::task::spawn_blocking(move || second.output()).await.expect("a thread").expect("a process");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    // Commands, unlike a second service, work beside it.
    server.home.token("observer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_playbook_leaves_the_last_good_one_in_force_and_is_named() {
    let home = Home::new(Database::Sqlite).playbook("quick.yaml", &patient());
    let mut server = home.serve_with(DIRECTORY).await;
    let good = server.api.get("/api/v1/playbooks/quick").await.expect(200).json();
    server.stop();
    let broken = with(&patient(), "    severity: critical\n", "    severity: critcal\n");
    let line = broken.lines().position(|line| line.contains("critcal")).expect("the mistake") + 1;
    server.home.write("playbooks/quick.yaml", &broken);
    server.home.write("playbooks/other.yaml", "apiVersion: noroshi/v1\nkind: Playbook\n  oops: [\n");
    server.start().await;
    let now = server.api.get("/api/v1/playbooks/quick").await.expect(200).json();
    assert_eq!(now["sha256"], good["sha256"], "the last good version stays in force");
    let warnings = server.api.get("/readyz").await.expect(200).json()["warnings"].to_string();
    assert!(warnings.contains(&format!("quick.yaml:{line}")), "{warnings}");
    assert!(warnings.contains("other.yaml:") && warnings.contains("取り込まれていません"), "{warnings}");
    Incident::start(&server.api, "quick", "drill").await;
    // Mended and taken in while it runs: nothing is wrong with it any more.
    let yaml = [("content-type", "application/yaml")];
    server.api.send("PUT", "/api/v1/playbooks/quick", &yaml, Some(patient())).await.expect(200);
    let warnings = server.api.get("/readyz").await.expect(200).json()["warnings"].to_string();
    assert!(!warnings.contains("quick.yaml") && warnings.contains("other.yaml"), "{warnings}");

    server.stop();
    server.home.write("playbooks/quick.yaml", &patient());
    std::fs::remove_file(server.home.path().join("playbooks/other.yaml")).expect("our own file");
    server.start().await;
    let warnings = server.api.get("/readyz").await.expect(200).json()["warnings"].clone();
    assert!(
        warnings.as_array().is_none_or(|all| !all.iter().any(|w| w.to_string().contains("quick"))),
        "{warnings}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_installation_serves_and_says_what_is_missing() {
    let server = Home::new(Database::Sqlite).serve().await;
    let ready = server.api.get("/readyz").await.expect(200).json();
    assert!(ready["warnings"].as_array().is_some_and(|warnings| !warnings.is_empty()), "no relay: {ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_orderly_while_a_relay_hangs() {
    let sink = Sink::start().await;
    sink.conduct("dmat@west.example", crate::support::smtp_sink::Conduct::Hang);
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let mut server = home.serve_with(DIRECTORY).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    sink.letters_to("dmat@east.example", 1, SOON).await;
    let begin = std::time::Instant::now();
    let status = tokio::task::block_in_place(|| server.stop()).expect("it ran");
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(begin.elapsed() < Duration::from_secs(35), "an orderly stop ends within 30 s");
    sink.conduct("dmat@west.example", crate::support::smtp_sink::Conduct::Accept);
    server.start().await;
    sink.letters_to("dmat@west.example", 1, Duration::from_secs(60)).await;
    incident
        .recipient_until("standby", "hosp_west", "is accepted", SOON, |it| it["grade"] == "accepted")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_tls_refuses_to_leave_the_machine() {
    let home = Home::new(Database::Sqlite).set("NOROSHI_SERVER__BIND", &format!("0.0.0.0:{}", free_port()));
    let printed = home.run(&["serve"]).await;
    assert!(matches!(printed.code, 1 | 2), "{printed:?}");
    one_sentence(&printed, &["behind_proxy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_for_the_same_database_is_refused() {
    let mut server = Home::new(Database::Sqlite).serve_with(DIRECTORY).await;
    server.stop();
    std::fs::remove_file(server.home.path().join("noroshi.key"))
        .expect("the key was made at the first start");
    let printed = server.home.run(&["serve"]).await.expect(1);
    one_sentence(&printed, &["key_file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let server = Home::new(Database::Sqlite).serve_with(DIRECTORY).await;
    let mode =
        std::fs::metadata(server.home.path().join("noroshi.key")).expect("the key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let open: Api = server.anybody();
    until("the service answers", SOON, async || (open.get("/healthz").await.status == 200).then_some(()))
        .await;
}
