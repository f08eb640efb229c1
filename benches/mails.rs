//! 10,000 e-mails (goal P1): `cargo bench --bench mails`.
//!
//! From the accepted trigger to the last letter taken by the relay, every recipient on disk before and after. Beside
//! it, in the same run and towards the same receiver: Debian's `smtp-source` (the ceiling of SMTP on this machine), a
//! bare lettre loop with 64 connections, and Postfix, which is durable too. Then what one alert of the highest severity
//! suffers from 10,000 other letters, and what 19 domains suffer from a tar pit that is the twentieth. Ends by itself.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[expect(dead_code, reason = "the bench uses a part of what the benches share")]
mod common;
#[expect(dead_code, reason = "the bench uses a part of what the tests stand on")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use common::{
    Runs, beside, goal, peer,
    smtp::{Postfix, SmtpSink, smtp_source},
};
use lettre::{
    Message,
    transport::smtp::{client::AsyncSmtpConnection, extension::ClientId},
};
use serde_json::json;
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use support::{
    playbooks::{many, patient, with},
    postgres::Database,
    server::{Home, Server},
    smtp_sink::{Conduct, Sink},
    wait::{now_ms, until},
};
use tokio::task::JoinSet;

const LETTERS: usize = 10_000;
const DOMAINS: usize = 20;
/// The most that can be configured: an outcome is on disk before its connection goes on, so many share a commit.
const CONNECTIONS: &str = "64";
/// Runs of everything that is quick enough to be repeated.
const RUNS: usize = 5;
/// Letters through Postfix, which is slower.
const RELAYED: usize = 2_000;
/// The sum of all runs stays within five minutes; nothing here takes longer unless it is broken.
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    println!("{LETTERS} letters to {DOMAINS} domains by {CONNECTIONS} connections, SQLite, synchronous=FULL");
    let sink_program = peer("smtp-sink");
    match (&sink_program, peer("smtp-source")) {
        (Some(sink), Some(source)) => many_letters(sink, &source).await,
        _ => println!("10,000 letters are not measured without them"),
    }
    severity().await;
    tar_pit().await;
}

/// 10,000 letters beside what others need for as many.
async fn many_letters(sink_program: &Path, source_program: &Path) {
    let (mut ours, mut first, mut size) = (Runs::default(), Runs::default(), 0);
    let (mut source, mut lettre, mut postfix) = (Runs::default(), Runs::default(), Runs::default());
    let postfix_is_there = peer("postfix").is_some();
    for _ in 0..RUNS {
        let run = product(sink_program).await;
        ours.add(run.all.as_secs_f64());
        first.add(run.first.as_secs_f64() * 1000.0);
        size = run.size;
        let sink = SmtpSink::start(sink_program, None);
        source.add(smtp_source(source_program, sink.port, LETTERS, size).as_secs_f64());
        lettre.add(LETTERS as f64 / lettre_loop(sink.port, size).await.as_secs_f64());
        if postfix_is_there && let Some(rate) = relayed(source_program, sink.port, size).await {
            postfix.add(rate);
        }
    }
    beside("from 201 to the last letter taken", format!("{} s", ours.told(2)));
    let first_ms = first.at(0.5);
    goal("the first letter taken after", format!("{} ms", first.told(0)), "100 ms", first_ms <= 100.0);
    beside(&format!("smtp-source, letters of {size} bytes"), format!("{} s", source.told(2)));
    let ratio = ours.at(0.5) / source.at(0.5);
    goal("ratio", format!("{ratio:.1}"), "5 at most", ratio <= 5.0);
    let rate = LETTERS as f64 / ours.at(0.5);
    beside("ours", format!("{rate:.0}/s"));
    beside("a lettre loop, 64 connections", format!("{}/s", lettre.told(0)));
    let ratio = rate / lettre.at(0.5);
    goal("ratio", format!("{ratio:.1}"), "2.5", ratio >= 2.5);
    if postfix_is_there {
        beside("Postfix, in and out", format!("{}/s", postfix.told(0)));
        let ratio = rate / postfix.at(0.5);
        goal("ratio", format!("{ratio:.1}"), "6", ratio >= 6.0);
    }
}

/// Letters a second that Postfix takes and passes on.
async fn relayed(source: &Path, to: u16, size: usize) -> Option<f64> {
    let postfix = Postfix::start(to)?;
    let begin = Instant::now();
    smtp_source(source, postfix.port, RELAYED, size);
    until("Postfix has passed on everything", DEADLINE, async || (postfix.queued() == 0).then_some(())).await;
    Some(RELAYED as f64 / begin.elapsed().as_secs_f64())
}

/// [`many`] spread over so many mail domains, `hosp_<n>` at `d<n>.many.example`, and beside them a group `urgent` of a
/// hundred at `u<n>.many.example`.
fn spread(hospitals: usize, domains: usize) -> String {
    let mut text = String::with_capacity(hospitals * 150);
    for line in many(hospitals).lines() {
        let number = line.trim_start().strip_prefix("hosp_").and_then(|rest| rest.split(':').next());
        match number.and_then(|number| number.parse::<usize>().ok()) {
            Some(n) => text += &line.replace("@many.example", &format!("@d{}.many.example", n % domains)),
            None => text += line,
        }
        text.push('\n');
    }
    let keys: Vec<String> = (0..100).map(|n| format!("urgent_{n}")).collect();
    text +=
        &format!("  urgent: {{ kind: group, title: 急ぎ, outside: true, members: [{}] }}\n", keys.join(", "));
    for (n, key) in keys.iter().enumerate() {
        text += &format!(
            "  {key}: {{ title: {key}, outside: true, primary: {{ email: {key}@u{}.many.example }}, \
             alternate: {{ email: {key}@yobi.example }} }}\n",
            n % domains
        );
    }
    text
}

/// [`patient`] under the key `urgent`, to the group `urgent` of [`spread`].
fn urgent_beside() -> String {
    let text = with(&patient(), "key: quick", "key: urgent");
    let text = with(&text, "agencies: [hospitals, fire_hq]", "agencies: [urgent, hospitals, fire_hq]");
    text.replace("agency:hospitals", "agency:urgent")
}

/// What one run of the product showed.
struct Run {
    all: Duration,
    first: Duration,
    size: usize,
}

async fn service(relay: &str) -> Server {
    let (from, to) =
        ("channel: hospitals\n    severity: critical", "channel: hospitals\n    severity: normal");
    let home = Home::new(Database::Sqlite)
        .set("NOROSHI_SMTP__RELAYS", relay)
        .set("NOROSHI_DELIVERY__CONNECTIONS", CONNECTIONS)
        .playbook("many.yaml", &with(&patient(), from, to))
        .playbook("urgent.yaml", &urgent_beside());
    home.serve_with(&spread(LETTERS, DOMAINS)).await
}

async fn start(server: &Server, playbook: &str) -> i64 {
    let body = json!({ "playbook": playbook, "mode": "live", "variables": {} });
    server.api.post("/api/v1/incidents", &body).await.expect(201);
    now_ms()
}

async fn product(sink: &Path) -> Run {
    // In memory where there is such a folder: the receiver's notes are not to keep our commits from the disk.
    let kept = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    let file = kept.path().join("letters");
    let sink = SmtpSink::start(sink, Some(&file));
    let server = service(&sink.url()).await;
    let said = start(&server, "quick").await;
    let (first, last) = taken(&server, "@d", LETTERS).await;
    drop(server);
    drop(sink);
    // The receiver is asked, too: everybody once, every letter another one.
    let letters = std::fs::read(&file).expect("what smtp-sink kept");
    let text = String::from_utf8_lossy(&letters);
    let to: Vec<&str> =
        text.lines().filter(|line| line.starts_with("X-Rcpt-Args:") && line.contains("@d")).collect();
    let ids: BTreeSet<&str> = text.lines().filter(|line| line.starts_with("Message-ID:")).collect();
    assert_eq!(to.len(), LETTERS, "one letter for everybody");
    assert_eq!(to.iter().collect::<BTreeSet<_>>().len(), LETTERS, "to everybody one letter");
    assert!(ids.len() >= LETTERS, "every letter has its own Message-ID");
    Run { all: span(said, last), first: span(said, first), size: letters.len() / ids.len() }
}

fn span(from: i64, to: i64) -> Duration {
    Duration::from_millis(u64::try_from(to - from).unwrap_or(1).max(1))
}

/// When the first and the last of `count` letters to such addresses were taken, as the database tells.
async fn taken(server: &Server, address: &str, count: usize) -> (i64, i64) {
    let mut database = open(server.home.path()).await;
    let pattern = format!("%{address}%");
    until("every letter is taken", DEADLINE, async || {
        // So rarely that our looking costs nothing.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let row = sqlx::query(
            "select count(*), min(ended_at_ms), max(ended_at_ms) from delivery where state = 'accepted' and address like ?",
        )
        .bind(&pattern)
        .fetch_one(&mut database)
        .await
        .expect("a row");
        let n: i64 = row.get(0);
        (n >= count as i64).then(|| (row.get(1), row.get(2)))
    })
    .await
}

async fn open(folder: &Path) -> SqliteConnection {
    let file = SqliteConnectOptions::new().filename(folder.join("noroshi.db")).read_only(true);
    file.connect().await.expect("the service's database")
}

/// As a program does that calls lettre in the obvious way, its 64 connections kept.
async fn lettre_loop(port: u16, size: usize) -> Duration {
    let body = format!("{}\r\n", "0123456789abcdef".repeat(4)).repeat(size.div_ceil(66));
    let begin = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    for _ in 0..64 {
        let (next, body) = (Arc::clone(&next), body.clone());
        connections.spawn(async move {
            let hello = ClientId::Domain("bench.example".into());
            let mut connection =
                AsyncSmtpConnection::connect_tokio1(("127.0.0.1", port), None, &hello, None, None)
                    .await
                    .expect("the sink listens");
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= LETTERS {
                    return;
                }
                let letter = Message::builder()
                    .from("bench@noroshi.example".parse().expect("an address"))
                    .to(format!("h{n}@many.example").parse().expect("an address"))
                    .subject("bench")
                    .body(body.clone())
                    .expect("a letter");
                connection.send(letter.envelope(), &letter.formatted()).await.expect("the sink takes it");
            }
        });
    }
    connections.join_all().await;
    begin.elapsed()
}

/// An alert of the highest severity to 100 people, alone and while 10,000 others are going out.
async fn severity() {
    let (mut alone, mut among) = (Runs::default(), Runs::default());
    for _ in 0..RUNS {
        let sink = Sink::start().await;
        let server = service(&sink.url()).await;
        let said = start(&server, "urgent").await;
        let (_, last) = taken(&server, "@u", 100).await;
        alone.add(span(said, last).as_secs_f64() * 1000.0);
        start(&server, "quick").await;
        until("the others are going out", DEADLINE, async || {
            (sink.accepted("@d") > LETTERS / 10).then_some(())
        })
        .await;
        let said = start(&server, "urgent").await;
        let (_, last) = taken(&server, "@u", 200).await;
        assert!(sink.accepted("@d") < LETTERS, "others are still going out");
        among.add(span(said, last).as_secs_f64() * 1000.0);
    }
    beside("100 of the highest severity alone", format!("{} ms", alone.told(0)));
    beside(&format!("beside {LETTERS} others"), format!("{} ms", among.told(0)));
    let ratio = among.at(0.5) / alone.at(0.5);
    goal("ratio", format!("{ratio:.1}"), "1.5 at most", ratio <= 1.5);
}

/// The others' time, with and without a domain that lets everybody wait.
async fn tar_pit() {
    let (mut without, mut with) = (Runs::default(), Runs::default());
    for _ in 0..RUNS {
        for (pit, times) in [(false, &mut without), (true, &mut with)] {
            let sink = Sink::start().await;
            if pit {
                sink.conduct("@d0.", Conduct::Hang);
            }
            let server = service(&sink.url()).await;
            let said = start(&server, "quick").await;
            let others = LETTERS - LETTERS / DOMAINS;
            let mut last = 0;
            until("the others are taken", DEADLINE, async || {
                let taken = sink.accepted("@d") - sink.accepted("@d0.");
                (taken >= others).then(|| last = now_ms())
            })
            .await;
            times.add(span(said, last).as_secs_f64());
            sink.conduct("@d0.", Conduct::Accept);
        }
    }
    beside("19 domains", format!("{} s", without.told(2)));
    beside("beside a tar pit", format!("{} s", with.told(2)));
    let ratio = with.at(0.5) / without.at(0.5);
    goal("ratio", format!("{ratio:.2}"), "1.10 at most", ratio <= 1.1);
}
