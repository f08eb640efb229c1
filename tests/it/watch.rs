//! What watches over the service: loops that stand, things that should have happened and did not, what it says of
//! itself, and the watcher elsewhere.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{
    client::Api,
    incident::Incident,
    playbooks::{DIRECTORY, QUICK, duties, many, patient, with},
    postgres::{Database, on_each_database, on_postgres},
    server::{Home, Server, signal},
    session::Session,
    smtp_sink::{Conduct, Sink},
    wait::{SOON, now_ms, until},
};

/// The shortest patience with a loop that the configuration takes.
const PATIENCE: Duration = Duration::from_secs(5);
/// The auditor begins fifteen seconds after the start and looks every ten.
const AUDITED: Duration = Duration::from_secs(60);

async fn serve(database: Database, sink: &Sink, playbook: &str) -> Server {
    Home::new(database).relays(&[sink]).playbook("quick.yaml", playbook).serve_with(DIRECTORY).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_that_stands_is_told_and_then_ends_the_process_with_failure() {
    on_postgres(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database.clone()).relays(&[&sink]).playbook("quick.yaml", &patient());
        let mut server = home.set("NOROSHI_WATCH__WORKER_PATIENCE", "5s").serve_with(DIRECTORY).await;
        let held = database.lock("timer").await;
        let told = until("the node says that it is not ready", PATIENCE + SOON, async || {
            let ready = server.anybody().get("/readyz").await;
            (ready.status == 503).then(|| ready.json())
        })
        .await;
        assert_eq!(told["status"], "unavailable");
        assert!(told["warnings"].to_string().contains("「timers」"), "{told}");
        until("the process ends itself", PATIENCE + SOON, async || {
            server.log().contains("the process stops").then_some(())
        })
        .await;
        // The second signal: the supervisor does not wait for a loop that stands.
        signal(server.pid(), "TERM");
        let ended = until("it has ended", SOON, async || server.ended()).await;
        assert_eq!(ended.code(), Some(1), "{}", server.log());
        drop(held);
        server.forget_log();
    })
    .await;
}

/// Breaks an alert as no version of the service ever writes it: its ladder has lost its steps, or is gone.
async fn break_the_ladder(server: &Server, alert: &str, whole: bool) {
    let rule = match (server.home.database(), whole) {
        (Database::Sqlite, true) => "json_remove(rule, '$.ladder')",
        (Database::Sqlite, false) => "json_set(rule, '$.ladder.steps', json('[]'))",
        (Database::Postgres { .. }, true) => "rule - 'ladder'",
        (Database::Postgres { .. }, false) => "jsonb_set(rule, '{ladder,steps}', '[]')",
    };
    server.home.change(&format!("update alert set rule = {rule} where key = '{alert}'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_one_request_is_that_requests_alone() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(database, &sink, &patient()).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        incident
            .recipient_until("notice", "fire_hq", "waits", SOON, |it| it["next_step_at"].is_string())
            .await;
        break_the_ladder(&server, "notice", false).await;
        let nobody = r#"{"primary":[],"alternate":[]}"#;
        server.home.change(&format!("update recipient set contacts = '{nobody}'")).await;
        server.home.change("update delivery set attempts = 0").await;
        let notice = async || {
            let all = server.api.list(&incident.path("/alerts")).await;
            all.into_iter().find(|alert| alert["key"] == "notice").expect("the notice")
        };
        let before = notice().await;
        let path = format!("/api/v1/alerts/{}/follow-up", before["id"].as_str().expect("an id"));
        let body = json!({ "kind": "correction", "subject": { "ja": "訂正" }, "body": { "ja": "訂正" } });
        let answer = server.api.post(&path, &body).await.expect(500);
        let number = answer.header("x-request-id").expect("a number to tell").to_owned();
        assert!(answer.text.contains(&number), "{}", answer.text);
        assert!(server.log().contains(&number), "the log leads there");
        let log = server.log();
        assert!(log.contains("A bug: thread") && log.contains("panicked at src/core/"), "{log}");
        assert!(!log.contains("@east.example"), "a panic tells no addresses");
        // What the request had begun is rolled back, and everybody else is served on.
        assert_eq!(notice().await, before);
        let recipient = incident.recipient("standby", "hosp_west").await;
        let path = format!("/api/v1/recipients/{}/decide", recipient["id"].as_str().expect("an id"));
        server.api.post(&path, &json!({ "option": "対象から外す" })).await.expect(200);
        server.forget_log();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_a_worker_ends_the_process_so_that_it_is_started_again() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let mut server = serve(database, &sink, &patient()).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        incident
            .recipient_until("standby", "hosp_west", "waits", SOON, |it| it["next_step_at"].is_string())
            .await;
        // A process that has spoken of an alert keeps its rule in mind: the next one reads the broken one.
        server.stop();
        break_the_ladder(&server, "standby", true).await;
        server.start().await;
        server.home.change("update recipient set due_own_ms = 1").await;
        server.home.change("update timer set due_own_ms = 1, due_at_ms = 1 where kind = 'step'").await;
        let ended = until("the process has ended", SOON + SOON, async || server.ended()).await;
        assert_eq!(ended.code(), Some(1));
        assert!(
            server.log().contains("timers met a bug and panicked; the process stops"),
            "{}",
            server.log()
        );
        server.forget_log();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_that_has_lost_its_next_step_gets_it_back_and_it_is_told_once() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let server = serve(database, &sink, &patient()).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let before = incident
            .recipient_until("standby", "hosp_west", "waits", SOON, |it| it["next_step_at"].is_string())
            .await;
        server.home.change("delete from timer where kind = 'step'").await;
        let audited = async || {
            let lines = incident.chronology().await;
            let told = lines.iter().filter(|line| line["kind"] == "audit").count();
            (told > 0).then_some(told)
        };
        assert_eq!(until("the auditor tells it", AUDITED, audited).await, 1);
        let after = incident.recipient("standby", "hosp_west").await;
        assert_eq!(after["next_step_at"], before["next_step_at"], "the moment stands as it was");
        // The timer is there again: the step is taken when its moment comes.
        server.home.change("update recipient set due_own_ms = 1").await;
        server.home.change("update timer set due_own_ms = 1, due_at_ms = 1 where kind = 'step'").await;
        sink.letters_to("dmat@west.example", 2, SOON).await;
        server.forget_log();
    })
    .await;
}

/// Every other kind of timer: the end of an offer, a task's and a report's reminder, an alert that is to be raised
/// later. None of them has a letter that would tell that it is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_chair_a_task_a_report_and_a_later_alert_get_their_lost_timers_back() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let later = with(
            &duties(),
            "  notice:\n    send: { event: incident.activated }",
            "  notice:\n    send: { event: incident.activated, delay: 20m }",
        );
        let server = serve(database, &sink, &later).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let kinds = ["role", "task", "report", "raise"];
        let timers = async |kind: &str| {
            let file = server.home.path();
            server.home.database().timers(file, kind).await
        };
        let mut before = Vec::new();
        for kind in kinds {
            let found = timers(kind).await;
            assert!(!found.is_empty(), "there is a timer of the kind {kind}");
            before.push(found);
        }
        let named = kinds.map(|kind| format!("'{kind}'")).join(", ");
        server.home.change(&format!("delete from timer where kind in ({named})")).await;
        let audited = until("the auditor tells both", AUDITED + AUDITED, async || {
            let lines = incident.chronology().await;
            let told: Vec<Value> = lines.into_iter().filter(|line| line["kind"] == "audit").collect();
            (told.len() >= 2).then_some(told)
        })
        .await;
        assert_eq!(audited.len(), 2, "what had no next step, and what was to be raised: {audited:#?}");
        for (kind, before) in kinds.into_iter().zip(before) {
            assert_eq!(timers(kind).await, before, "the moments of the kind {kind} stand as they were");
        }
        server.forget_log();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_absence_what_is_most_urgent_goes_first_and_is_marked_late() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        // The standby alert is the less urgent one here, and its step falls due earlier.
        let (head, standby) =
            patient().split_once("  standby:").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("standby");
        let playbook = format!(
            "{head}  standby:{}",
            with(
                &standby,
                "severity: critical\n    subject: { ja: \"出動照会",
                "severity: normal\n    subject: { ja: \"出動照会"
            )
        );
        let mut server = Home::new(database)
            .relays(&[&sink])
            .set("NOROSHI_DELIVERY__CONNECTIONS", "1")
            .playbook("quick.yaml", &playbook)
            .serve_with(DIRECTORY)
            .await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        // Nothing is in hand when it is killed.
        until("everybody is told", SOON, async || {
            let told = incident.recipients().await;
            told.iter().all(|one| one["grade"] == "accepted").then_some(())
        })
        .await;
        server.kill_hard();
        // Half an hour passes: everything that the service knows of is so much longer ago.
        let past = 30 * 60_000;
        for change in [
            format!("update incident set real_origin_ms = real_origin_ms - {past}"),
            format!("update timer set due_at_ms = due_at_ms - {past}"),
            format!("update setting set value = '{}' where key = 'alive_at_ms'", now_ms() - past),
        ] {
            server.home.change(&change).await;
        }
        let sent = sink.received().len();
        server.start().await;
        until("all three have been written to again", SOON, async || {
            (sink.received().len() >= sent + 3).then_some(())
        })
        .await;
        let letters = sink.received();
        let first = letters
            .iter()
            .skip(sent)
            .find(|letter| letter.subject.contains("医療本部設置") || letter.subject.contains("出動照会"));
        let first = first.expect("a letter of an alert");
        assert!(first.subject.contains("医療本部設置"), "the critical alert goes first: {}", first.subject);
        assert!(server.log().contains("The service was away for 18"), "{}", server.log());
        assert!(first.text.contains("遅れて送っています"), "the letter itself says it: {}", first.text);
        let told = incident.chronology_text().await;
        assert!(told.contains("遅れて実施"), "{told}");
        assert_eq!(told.matches("サービスが停止").count(), 1, "{told}");
        // The timers themselves, before any letter: the chronology keeps the order in which they fired.
        let fired: Vec<&str> = told.lines().filter(|line| line.contains("遅れて実施")).collect();
        let critical = fired.iter().position(|line| line.contains("消防"));
        let normal = fired.iter().position(|line| line.contains("病院"));
        assert!(critical.zip(normal).is_some_and(|(critical, normal)| critical < normal), "{fired:#?}");

        // The absence stays on the board of whatever ran meanwhile, and nowhere else.
        server.kill_hard();
        server.start().await;
        let later = Incident::start(&server.api, "quick", "live").await;
        let admin = Session::of(&server, "p_duty", "admin").await;
        let board = async |incident: &Incident| admin.get(&format!("/incidents/{}", incident.id)).await;
        assert!(board(&incident).await.contains("サービスが止まっていました"));
        assert!(!board(&later).await.contains("サービスが止まっていました"));
        assert_eq!(incident.chronology_text().await.matches("サービスが停止").count(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watcher_elsewhere_hears_from_us_and_its_address_is_never_told() {
    let watcher = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = watcher.local_addr().expect("a bound listener");
    let secret = "0c7b-secret-ping";
    let home = Home::new(Database::Sqlite)
        .set("NOROSHI_WATCH__HEARTBEAT_URL", &format!("http://{address}/ping/{secret}?key={secret}"))
        .set("NOROSHI_WATCH__HEARTBEAT_EVERY", "1s");
    let server = home.serve().await;
    for _ in 0..2 {
        let (mut stream, _) =
            tokio::time::timeout(SOON, watcher.accept()).await.expect("a beat").expect("a connection");
        let mut asked = [0; 512];
        let read = stream.read(&mut asked).await.expect("a request");
        let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
        assert!(asked.starts_with(&format!("GET /ping/{secret}")), "{asked}");
        let answer = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(answer).await.expect("an answer");
    }
    drop(watcher);
    until("a watcher that is away is told", SOON, async || {
        server.log().contains("outside watcher was not reached").then_some(())
    })
    .await;
    let metrics = server.api.get("/metrics").await.expect(200).text;
    assert!(metrics.contains("noroshi_heartbeats_total{result=\"reached\"} 2"), "{metrics}");
    assert!(!server.log().contains(secret) && !metrics.contains(secret), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_happened_and_nothing_of_anybody() {
    let sink = Sink::start().await;
    sink.conduct("dmat@west.example", Conduct::Refuse);
    let server = serve(Database::Sqlite, &sink, &patient()).await;
    // What is there before its first event grows by it.
    let at_start = server.api.get("/metrics").await.expect(200).text;
    for line in [
        "noroshi_answers_total 0",
        "noroshi_leases_lost_total 0",
        "noroshi_leases_taken_back_total 0",
        "noroshi_timer_lateness_seconds_count 0",
    ] {
        assert!(at_start.lines().any(|told| told == line), "{line} is not there: {at_start}");
    }
    let incident = Incident::start(&server.api, "quick", "live").await;
    let link = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0).link();
    let form = [("option", "available"), ("teams", "4"), ("note", "")];
    server.anybody().post_form(&format!("{link}/answer"), &form).await.expect(303);
    incident.recipient_until("notice", "fire_hq", "is accepted", SOON, |it| it["grade"] == "accepted").await;
    let lines = [
        "noroshi_answers_total 1",
        "noroshi_commit_items_count{of=\"answers\"} 1",
        "noroshi_incidents_open{mode=\"live\"} 1",
        "noroshi_nodes{state=\"serving\"} 1",
        "noroshi_letters_due{transport=\"mail\"} 0",
        "noroshi_worker_standing 0",
        "noroshi_http_requests_total{method=\"POST\",route=\"/a/{token}/answer\",status=\"303\"} 1",
        "outcome=\"refused\"} ",
    ];
    let mut text = String::new();
    for line in lines {
        text = until(&format!("it is told: {line}"), SOON, async || {
            let text = server.api.get("/metrics").await.expect(200).text;
            text.contains(line).then_some(text)
        })
        .await;
    }
    for word in ["dmat@", "example", "hosp_", "/a/ey"] {
        let found = text.lines().find(|line| line.contains(word) && !line.contains("127.0.0.1"));
        assert_eq!(found, None, "no address and no name");
    }
    // A proxy on this machine hands on requests from elsewhere: they need a token.
    let forwarded = [("x-forwarded-for", "192.0.2.1")];
    server.anybody().send("GET", "/metrics", &forwarded, None).await.expect(401);
}

/// The names of metrics in a text, without the suffixes that a histogram's series carry.
fn names(text: &str) -> std::collections::BTreeSet<String> {
    let words = text.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_'));
    let ours = words.filter(|word| word.starts_with("noroshi_"));
    ours.map(|word| {
        let known = |name: &str| noroshi::measure::ALL.iter().any(|(known, ..)| *known == name);
        let bare = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
        bare.filter(|bare| known(bare)).unwrap_or(word).to_owned()
    })
    .collect()
}

#[test]
fn every_panel_of_the_dashboard_shows_a_metric_that_exists() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/.grafana/noroshi.json");
    let text = std::fs::read_to_string(path).expect("the dashboard");
    let board: Value = serde_json::from_str(&text).expect("JSON");
    let panels = board["panels"].as_array().expect("a list of panels");
    let known: std::collections::BTreeSet<String> =
        noroshi::measure::ALL.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let mut shown = std::collections::BTreeSet::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().expect("queries");
        assert!(!targets.is_empty(), "{} shows nothing", panel["title"]);
        for target in targets {
            let found = names(target["expr"].as_str().expect("a query"));
            assert!(!found.is_empty(), "{target}");
            assert!(found.is_subset(&known), "{found:?} in {}", panel["title"]);
            shown.extend(found);
        }
    }
    let missing: Vec<_> = known.difference(&shown).filter(|name| *name != "noroshi_info").collect();
    assert!(missing.is_empty(), "no panel shows {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_whole_incident_holds_no_address_no_name_and_no_token() {
    let sink = Sink::start().await;
    sink.conduct("dmat@west.example", Conduct::Refuse);
    sink.conduct("dmat@south.example", Conduct::Defer);
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", QUICK);
    let home = home.set("NOROSHI_LOG", "debug,sqlx=warn").set("NOROSHI_PASSWORD", "right-long-password-1");
    let server = home.serve_with(DIRECTORY).await;
    let add = ["user", "add", "--login", "sato-login", "--name", "佐藤試験", "--role", "admin"];
    server.home.run(&add).await.expect(0);
    let incident = Incident::start(&server.api, "quick", "live").await;
    let letter = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
    let wrong = Api::open(&server.home.base());
    for password in ["wrong-password-1", "right-long-password-1"] {
        wrong.post_form("/login", &[("login", "sato-login"), ("password", password)]).await;
    }
    let form = [("option", "available"), ("teams", "4"), ("note", "メモの中身")];
    server.anybody().post_form(&format!("{}/answer", letter.link()), &form).await.expect(303);
    let west = incident.in_state("standby", "hosp_west", "to_decide", SOON).await;
    let west = west["id"].as_str().expect("an id").to_owned();
    let decision = json!({ "option": "対象から外す", "note": "判断のメモ" });
    server.api.post(&format!("/api/v1/recipients/{west}/decide"), &decision).await.expect(200);
    incident.cancel("試験の理由").await.expect(200);
    sink.letters_to("cmd@fire.example", 2, SOON).await;
    let mut secrets: Vec<String> = vec![
        "wrong-password-1".into(),
        "right-long-password-1".into(),
        "sato-login".into(),
        "佐藤試験".into(),
        "メモの中身".into(),
        "判断のメモ".into(),
        "試験の理由".into(),
        server.api.token().expect("a token").to_owned(),
    ];
    for letter in sink.received() {
        secrets.extend(letter.to.clone());
        secrets.extend(
            letter
                .text
                .split_whitespace()
                .filter_map(|word| Some(word.rsplit_once("/a/").or(word.rsplit_once("/r/"))?.1.to_owned())),
        );
        secrets.push(letter.subject.clone());
    }
    for recipient in incident.recipients().await {
        secrets.extend(recipient["name"].as_str().map(str::to_owned));
        let names = recipient["name"].as_object().into_iter().flatten();
        secrets.extend(names.filter_map(|(_, name)| Some(name.as_str()?.to_owned())));
    }
    assert!(secrets.len() > 15, "{secrets:?}");
    let log = server.log();
    for secret in secrets.iter().filter(|secret| secret.chars().count() > 2) {
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{secret:?} stands in the log");
    }
    // What happened stands there all the same, by its ids.
    let east = incident.recipient("standby", "hosp_east").await;
    let (id, east_id) = (incident.id.as_str(), east["id"].as_str().expect("an id"));
    for words in [
        ["An incident is active", id, "playbook=\"quick\" mode=\"live\""],
        ["An alert is raised", id, "recipients=3"],
        ["A letter was refused", id, "transport=\"mail\" outcome=\"refused\""],
        ["A recipient answered", id, &format!("recipient={east_id}")],
        ["A decision is due", id, &format!("recipient={west}")],
        ["A person has decided", id, &format!("recipient={west}")],
        ["An incident is cancelled", id, "playbook=\"quick\" mode=\"live\""],
    ] {
        let told = log.lines().any(|line| words.iter().all(|word| line.contains(word)));
        assert!(told, "{words:?} is not in the log:\n{log}");
    }
    let accepted = east["deliveries"][0]["id"].as_str().expect("an id");
    assert!(!log.contains(accepted), "a letter that was taken is no news");
}

/// Domains of the hospitals beside the fixture's.
const DOMAINS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn one_domain_of_twenty_that_is_a_tar_pit_costs_the_others_one_connection() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        sink.conduct("@d0.example", Conduct::Hang);
        let mut directory = many(5 * DOMAINS);
        for n in 0..5 * DOMAINS {
            let own = format!("hosp_{n}@d{}.example", n % DOMAINS);
            directory = with(&directory, &format!("hosp_{n}@many.example"), &own);
        }
        let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &patient());
        let server = home.serve_with(&directory).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        // The pit's first conversation runs out after twenty seconds: by then everybody else has a letter.
        let others = 5 * (DOMAINS - 1);
        let healthy = |letter: &crate::support::smtp_sink::Letter| letter.to[0].starts_with("hosp_");
        until("everybody else has a letter", Duration::from_secs(18), async || {
            (sink.received().iter().filter(|letter| healthy(letter)).count() == others).then_some(())
        })
        .await;
        assert!(sink.received_by("@d0.example").is_empty());
        let held = until("the pit's letters are held back", Duration::from_secs(90), async || {
            let told = incident.recipient("standby", "hosp_20").await;
            told["deliveries"][0]["held_until"].as_str().map(str::to_owned)
        })
        .await;
        assert!(noroshi_core::time::Timestamp::parse_rfc3339(&held).is_some(), "{held}");
        let ready = server.api.get("/readyz").await.expect(200).text;
        assert!(!ready.contains("cannot be reached"), "the relay is well: {ready}");
        sink.conduct("@d0.example", Conduct::Accept);
        sink.letters_to("@d0.example", 5, Duration::from_secs(90)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_to_a_domain_with_a_limit_leave_in_turn_and_say_when_the_next_one_does() {
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite)
        .relays(&[&sink])
        .set("NOROSHI_DELIVERY__PER_DOMAIN_PER_SECOND", "1")
        .playbook("quick.yaml", &patient());
    let server = home.serve_with(&many(4)).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    let held = until("a letter waits for its turn", SOON, async || {
        let told = incident.recipient("standby", "hosp_3").await;
        told["deliveries"][0]["held_until"].as_str().map(str::to_owned)
    })
    .await;
    let held = noroshi_core::time::Timestamp::parse_rfc3339(&held).expect("a moment");
    assert!(held.0 <= now_ms() + 1_000, "the next one leaves within a second");
    let mut letters = sink.letters_to("@many.example", 4, SOON).await;
    letters.sort_by_key(|letter| letter.received_ms);
    let span = letters[3].received_ms - letters[0].received_ms;
    assert!(span >= 2_900, "four letters, a second between each and the next: {span} ms");
}
