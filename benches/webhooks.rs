//! 10,000 signed webhooks (goal P2): `cargo bench --bench webhooks`.
//!
//! The release binary on SQLite calls a receiver in this process, which counts the different ids and keeps one of a
//! hundred calls, whose signatures are verified with the reference library. Beside it, in the same run: `wrk`, which
//! posts one such body again and again to the same receiver, and Alertmanager with 2,000 alerts, each a group of its
//! own. What is possible at all is told by two others: the same call by the HTTP library alone, and the same rows with
//! as many commits by SQLite alone. Ends by itself after some two minutes and stops what it has started.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[expect(dead_code, reason = "the bench uses a part of what the benches share")]
mod common;
#[expect(dead_code, reason = "the bench uses a part of what the tests stand on")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use common::{
    Runs, beside, goal, peer,
    receiver::{Call, Receiver},
    replay::rows_alone,
    statements::statements_alone,
};
use serde_json::json;
use standardwebhooks::Webhook;
use support::{
    incident::Incident,
    playbooks::{DIRECTORY, patient, with},
    postgres::Database,
    server::Home,
    smtp_sink::Sink,
    wait::until,
};
use tokio::task::JoinSet;

const CALLS: usize = 10_000;
const ALERTS: usize = 2_000;
/// Calls at the same time, of every caller.
const CONNECTIONS: usize = 128;
/// How often each is measured.
const TIMES: usize = 3;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Nothing here takes longer unless it is broken.
const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() {
    println!(
        "{CALLS} signed webhooks, SQLite, receiver in this process, {CONNECTIONS} calls at the same time"
    );
    let Product { rates: ours, rows, statements, sample } = product().await;
    let told = |rates: &Runs| format!("{}/s", rates.told(0));
    beside("ours, from the trigger to the last call", told(&ours));
    let middle = ours.at(0.5);
    let calls = calls_alone(&sample).await;
    beside("the same call by the HTTP library alone", told(&calls));
    beside("the same rows by SQLite alone", told(&rows));
    beside("the same statements by the store alone", told(&statements));
    // A database works on one core at a time, calls and their receiver on all.
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    for (what, alone) in [("rows", &rows), ("statements", &statements)] {
        let both = 1.0 / (1.0 / alone.at(0.5) / cores + 1.0 / calls.at(0.5));
        beside(&format!("{what} and calls at their best on {cores} cores"), format!("{both:.0}/s"));
        beside("ratio", format!("{:.2}", middle / both));
    }
    if let Some(wrk) = peer("wrk") {
        let posts = posts(&wrk, &sample).await;
        beside("wrk, the same call to the same receiver", told(&posts));
        let ratio = middle / posts.at(0.5);
        goal("ratio to wrk", format!("{ratio:.2}"), "0.25", ratio >= 0.25);
    }
    if let Some(alertmanager) = peer("prometheus-alertmanager") {
        let alerts = alerts(&alertmanager).await;
        beside(&format!("Alertmanager, {ALERTS} alerts, from the first POST"), told(&alerts));
        let ratio = middle / alerts.at(0.5);
        goal("ratio to Alertmanager", format!("{ratio:.1}"), "5", ratio >= 5.0);
    }
}

/// All of the service.
struct Product {
    /// Its calls a second.
    rates: Runs,
    /// Those of which SQLite alone would write the rows a second.
    rows: Runs,
    /// Those of which the service's store alone carries out the statements a second.
    statements: Runs,
    /// One of the calls.
    sample: Call,
}

async fn product() -> Product {
    let (mut rates, mut rows, mut statements) = (Runs::default(), Runs::default(), Runs::default());
    let mut sample = None;
    let mail = Sink::start().await;
    for _ in 0..TIMES {
        let receiver = Receiver::start(100).await;
        let address = receiver.address();
        let playbook = with(&patient(), "transports: [email]", "transports: [email, ops]");
        let playbook = with(&playbook, "via: [email]\n    channel", "via: [ops, email]\n    channel");
        let home = Home::new(Database::Sqlite)
            .relays(&[&mail])
            .set("NOROSHI_WEBHOOK_SECRETS__BENCH", SECRET)
            .set("NOROSHI_WEBHOOK__ALLOW", &address)
            .set("NOROSHI_WEBHOOK__CONNECTIONS", &CONNECTIONS.to_string())
            .playbook("quick.yaml", &playbook);
        let mut server = home.serve_with(&directory(&address)).await;
        let begin = Instant::now();
        Incident::start(&server.api, "quick", "live").await;
        until("every call has come", DEADLINE, async || (receiver.calls() >= CALLS).then_some(())).await;
        rates.add(CALLS as f64 / begin.elapsed().as_secs_f64());
        assert_eq!((receiver.ids(), receiver.calls()), (CALLS, CALLS), "each delivery once");
        let kept = receiver.kept();
        assert!(kept.len() >= CALLS / 100, "one of a hundred is verified");
        kept.iter().for_each(verify);
        println!("    {} connections for {CALLS} calls", receiver.connections());
        sample = kept.into_iter().next();
        server.stop();
        rows.add(CALLS as f64 / rows_alone(server.home.path()).await);
        statements.add(CALLS as f64 / statements_alone(server.home.path()).await);
    }
    Product { rates, rows, statements, sample: sample.expect("a call was kept") }
}

/// Calls a second by the library that we make them with, to the same receiver, without anything else.
async fn calls_alone(sample: &Call) -> Runs {
    let mut rates = Runs::default();
    for _ in 0..TIMES {
        let receiver = Receiver::start(usize::MAX).await;
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut call = http.post(format!("http://{}/hook", receiver.address())).body(sample.body.clone());
        for (name, value) in own_headers(sample) {
            call = call.header(name, value);
        }
        let left = Arc::new(AtomicUsize::new(CALLS));
        let begin = Instant::now();
        let mut callers = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (call, left) = (call.try_clone().expect("its body lies in memory"), Arc::clone(&left));
            callers.spawn(async move {
                while left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_ok()
                {
                    let call = call.try_clone().expect("its body lies in memory");
                    let answer = call.send().await.expect("the receiver answers");
                    answer.bytes().await.expect("the answer has an end");
                }
            });
        }
        callers.join_all().await;
        rates.add(CALLS as f64 / begin.elapsed().as_secs_f64());
        assert_eq!(receiver.calls(), CALLS, "each call has come");
    }
    rates
}

/// The headers that a call has besides those that every client writes.
fn own_headers(call: &Call) -> impl Iterator<Item = (&str, &str)> {
    let own = ["webhook-id", "webhook-timestamp", "webhook-signature", "content-type"];
    let headers = call.headers.iter().filter(move |(name, _)| own.contains(&name.as_str()));
    headers.map(|(name, value)| (name.as_str(), value.as_str()))
}

/// Hospitals that are reached by a program first.
fn directory(address: &str) -> String {
    let ways = "  phone: { driver: human_call, proves: [answered] }\n";
    let text = with(DIRECTORY, ways, &format!("{ways}  ops: {{ driver: webhook, proves: [accepted] }}\n"));
    let keys: Vec<String> = (0..CALLS).map(|n| format!("hook_{n}")).collect();
    let group = with(&text, "hosp_south] }", &format!("hosp_south, {}] }}", keys.join(", ")));
    let row = |key: &String| {
        format!(
            "  {key}: {{ title: {key}, outside: true, primary: {{ ops: \"http://{address}/{key}#bench\" }}, alternate: {{ email: {key}@yobi.example }} }}\n"
        )
    };
    group + &keys.iter().map(row).collect::<String>()
}

#[track_caller]
fn verify(call: &Call) {
    let mut headers = reqwest::header::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let value = call.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        headers.insert(name, value.expect("a header of the standard").parse().expect("a value"));
    }
    let webhook = Webhook::new(SECRET).expect("a secret");
    webhook.verify(&call.body, &headers).expect("a signature that holds");
}

/// What `wrk` posts a second.
async fn posts(wrk: &Path, sample: &Call) -> Runs {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let body = String::from_utf8(sample.body.clone()).expect("JSON is UTF-8");
    let headers: String =
        own_headers(sample).map(|(name, value)| format!("wrk.headers[\"{name}\"] = \"{value}\"\n")).collect();
    let script = folder.path().join("post.lua");
    let text = format!("wrk.method = \"POST\"\nwrk.body = [==[{body}]==]\n{headers}");
    std::fs::write(&script, text).expect("a file of ours");
    let mut rates = Runs::default();
    for _ in 0..TIMES {
        let receiver = Receiver::start(usize::MAX).await;
        let mut command = Command::new(wrk);
        command.args(["-t1", &format!("-c{CONNECTIONS}"), "-d3s", "-s"]).arg(&script);
        command.arg(format!("http://{}/hook", receiver.address()));
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("the thread ends");
        let output = String::from_utf8_lossy(&output.expect("wrk runs").stdout).into_owned();
        assert!(!output.contains("Non-2xx") && !output.contains("Socket errors"), "{output}");
        let rate = output.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
        rates.add(rate.and_then(|rate| rate.trim().parse().ok()).unwrap_or_else(|| panic!("{output}")));
    }
    rates
}

/// A process that is stopped with its owner.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        // One that has ended by itself is no failure of the stop.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Alertmanager's calls a second, from the first POST to the last call.
async fn alerts(program: &Path) -> Runs {
    let mut rates = Runs::default();
    for _ in 0..TIMES {
        let receiver = Receiver::start(usize::MAX).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("alertmanager.yml");
        let text = format!(
            "route: {{ receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1m, repeat_interval: 1h }}\n\
             receivers:\n  - name: hook\n    webhook_configs: [{{ url: 'http://{}/hook', send_resolved: false }}]\n",
            receiver.address()
        );
        std::fs::write(&config, text).expect("a file of ours");
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr());
        let address = format!("127.0.0.1:{}", port.expect("a free port").port());
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let _child = Stopped(child.expect("Alertmanager starts"));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        until("Alertmanager is ready", DEADLINE, async || {
            let ready = http.get(format!("http://{address}/-/ready")).send().await.ok()?;
            ready.status().is_success().then_some(())
        })
        .await;
        let begin = Instant::now();
        let numbers: Vec<usize> = (0..ALERTS).collect();
        for some in numbers.chunks(100) {
            let alerts: Vec<_> = some
                .iter()
                .map(|n| json!({ "labels": { "alertname": "bench", "place": format!("hosp_{n}") } }))
                .collect();
            let posted = http.post(format!("http://{address}/api/v2/alerts")).json(&alerts).send().await;
            assert!(posted.expect("Alertmanager answers").status().is_success());
        }
        until("every alert has come", DEADLINE, async || (receiver.calls() >= ALERTS).then_some(())).await;
        rates.add(ALERTS as f64 / begin.elapsed().as_secs_f64());
    }
    rates
}
