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
    Runs, peer,
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
/// The sum of all runs stays within five minutes.
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    println!("{LETTERS} letters to {DOMAINS} domains by {CONNECTIONS} connections, SQLite, synchronous=FULL");
    let (mut ours, mut first, mut size) = (Runs::default(), Runs::default(), 0);
    let (mut source, mut sink_program) = (Runs::default(), peer("smtp-sink"));
    let source_program = peer("smtp-source");
    if let (Some(sink), Some(program)) = (&sink_program, &source_program) {
        for _ in 0..RUNS {
            let run = product(sink).await;
            ours.add(run.all.as_secs_f64());
            first.add(run.first.as_secs_f64() * 1000.0);
            size = run.size;
            let sink = SmtpSink::start(sink, None);
            source.add(smtp_source(program, sink.port, LETTERS, size).as_secs_f64());
        }
        println!("from 201 to the last letter taken     {} s", ours.told(2));
        println!("the first letter taken after          {} ms   (wanted: 100)", first.told(0));
        let ratio = ours.at(0.5) / source.at(0.5);
        println!(
            "smtp-source, letters of {size} bytes    {} s   ratio {ratio:.1} (wanted: 5)",
            source.told(2)
        );
    }
    if let Some(program) = sink_program.take() {
        let sink = SmtpSink::start(&program, None);
        let time = lettre_loop(sink.port, size).await;
        let (theirs, rate) = (LETTERS as f64 / time.as_secs_f64(), LETTERS as f64 / ours.at(0.5));
        println!(
            "a lettre loop, 64 connections         {theirs:.0}/s   ratio {:.1} (wanted: 2.5)",
            rate / theirs
        );
        if let (Some(_), Some(source), Some(postfix)) =
            (peer("postfix"), &source_program, Postfix::start(sink.port))
        {
            let begin = Instant::now();
            smtp_source(source, postfix.port, RELAYED, size);
            until("Postfix has passed on everything", DEADLINE, async || {
                (postfix.queued() == 0).then_some(())
            })
            .await;
            let theirs = RELAYED as f64 / begin.elapsed().as_secs_f64();
            println!(
                "Postfix, in and out                   {theirs:.0}/s   ratio {:.1} (wanted: 6)",
                rate / theirs
            );
        }
    }
    severity().await;
    tar_pit().await;
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
    let sink = Sink::start().await;
    let server = service(&sink.url()).await;
    let said = start(&server, "urgent").await;
    let (_, last) = taken(&server, "@u", 100).await;
    let alone = span(said, last);
    start(&server, "quick").await;
    until("the others are going out", DEADLINE, async || (sink.accepted("@d") > LETTERS / 10).then_some(()))
        .await;
    let said = start(&server, "urgent").await;
    let (_, last) = taken(&server, "@u", 200).await;
    let before = sink.accepted("@d");
    let beside = span(said, last);
    println!(
        "100 of the highest severity: alone {alone:.0?}, beside {LETTERS} others {beside:.0?}   ratio {:.1} (wanted: 1.5); others taken by then: {before}",
        beside.as_secs_f64() / alone.as_secs_f64()
    );
}

/// The others' time, with and without a domain that lets everybody wait.
async fn tar_pit() {
    let mut times = Vec::new();
    for pit in [false, true] {
        let sink = Sink::start().await;
        if pit {
            sink.conduct("@d0.", Conduct::Hang);
        }
        let server = service(&sink.url()).await;
        let said = start(&server, "quick").await;
        let others = LETTERS - LETTERS / DOMAINS;
        let mut last = 0;
        until("the others are taken", DEADLINE, async || {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let taken = sink.accepted("@d") - sink.accepted("@d0.");
            (taken >= others).then(|| last = now_ms())
        })
        .await;
        times.push(span(said, last));
        sink.conduct("@d0.", Conduct::Accept);
    }
    println!(
        "19 domains: {:.2?}, beside a tar pit {:.2?}   ratio {:.2} (wanted: 1.10)",
        times[0],
        times[1],
        times[1].as_secs_f64() / times[0].as_secs_f64()
    );
}
