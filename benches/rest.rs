//! What the service costs at rest, and how fast it is there (goal P6): `cargo bench --bench rest`.
//!
//! The release binary on SQLite. Memory and CPU with 1,000 recipients in the directory and 100 closed incidents, before
//! and after an alert to all of them; the time until it is ready on a file of 1 GiB, beside opening that file and
//! nothing more; the time from a kill in the middle of an alert to the next letter. Ends by itself after some two
//! minutes.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[expect(dead_code, reason = "the bench uses a part of what the benches share")]
mod common;
#[expect(dead_code, reason = "the bench uses a part of what the tests stand on")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use common::{Runs, beside, goal, process, rows};
use support::{
    incident::Incident,
    playbooks::{many, patient},
    postgres::Database,
    server::{Home, Server},
    smtp_sink::Sink,
    wait::{now_ms, until},
};

const RECIPIENTS: usize = 1_000;
const CLOSED: usize = 100;
/// Until what is looked at once after a start is over.
const SETTLED: Duration = Duration::from_secs(12);
/// The service is watched at rest for so long.
const REST: Duration = Duration::from_secs(20);
const GIB: i64 = 1 << 30;
/// Starts on the large file, and kills.
const TIMES: usize = 5;
/// Nothing here takes longer unless it is broken.
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    println!("at rest with {RECIPIENTS} recipients and {CLOSED} closed incidents, SQLite");
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let mut server = home.serve_with(&many(RECIPIENTS)).await;
    let old = Incident::start(&server.api, "quick", "live").await;
    sink.letters_to("@many.example", RECIPIENTS, DEADLINE).await;
    old.cancel("over").await.expect(200);
    sink.letters_to("@many.example", 2 * RECIPIENTS, DEADLINE).await;
    server.stop();
    let mut db = rows::open(server.home.path()).await;
    let over = "delete from timer; update recipient set state = 'answered', due_own_ms = null where state <> 'informed'";
    rows::run(&mut db, over).await;
    rows::copy_incident(&mut db, 1, 0, CLOSED - 1).await;
    rows::close(db).await;

    server.start().await;
    tokio::time::sleep(SETTLED).await;
    rest(&server, "after the start").await;
    let before = sink.accepted("@many.example");
    Incident::start(&server.api, "quick", "live").await;
    until("every letter has come", DEADLINE, async || {
        (sink.accepted("@many.example") >= before + RECIPIENTS).then_some(())
    })
    .await;
    tokio::time::sleep(SETTLED).await;
    rest(&server, &format!("after an alert to {RECIPIENTS}")).await;
    killed(&mut server, &sink).await;
    server.stop();
    large(&mut server).await;
}

async fn rest(server: &Server, when: &str) {
    let share = process::cpu_share(server.pid(), REST).await;
    let (rss, pss) = process::memory(server.pid());
    let told = format!("{:.1} (Pss {:.1}) MiB", process::mib(rss), process::mib(pss));
    goal(&format!("resident memory {when}"), told, "40 MiB", process::mib(rss) <= 40.0);
    goal(&format!("CPU of a core {when}"), format!("{:.2} %", share * 100.0), "0.5 %", share <= 0.005);
}

/// From a kill in the middle of an alert to the next letter.
async fn killed(server: &mut Server, sink: &Sink) {
    let mut times = Runs::default();
    for _ in 0..TIMES {
        let before = sink.accepted("@many.example");
        Incident::start(&server.api, "quick", "live").await;
        until("some letters have come", DEADLINE, async || {
            (sink.accepted("@many.example") >= before + RECIPIENTS / 10).then_some(())
        })
        .await;
        server.kill_hard();
        let killed = now_ms();
        // What was on the line at the kill still comes.
        let mut seen = 0;
        let sent = until("nothing more comes", DEADLINE, async || {
            let before = std::mem::replace(&mut seen, sink.received().len());
            (before == seen).then_some(seen)
        })
        .await;
        assert!(sent < before + RECIPIENTS, "letters are left to send");
        server.start().await;
        let next = until("a letter has come after the kill", DEADLINE, async || {
            sink.received().get(sent).map(|letter| letter.received_ms)
        })
        .await;
        times.add((next - killed) as f64 / 1_000.0);
        until("the others have come", DEADLINE, async || {
            (sink.accepted("@many.example") >= before + RECIPIENTS).then_some(())
        })
        .await;
    }
    let worst = times.at(1.0);
    goal(
        "from kill -9 to the next letter, start included",
        format!("{} s", times.told(2)),
        "3 s",
        worst <= 3.0,
    );
}

/// The start on a file of 1 GiB.
async fn large(server: &mut Server) {
    let folder = server.home.path().to_owned();
    let mut db = rows::open(&folder).await;
    let size = "select page_count * page_size from pragma_page_count, pragma_page_size";
    let lines = rows::number(&mut db, "select count(*) from chronology").await;
    let mut from = 0;
    while rows::number(&mut db, size).await < GIB {
        // A chronology of many years, which belongs to incidents that are over.
        let incident = format!("unhex(printf('0194000000007000800a%012x', {from} + i))");
        let which = "incident_id = (select id from incident where number = 1) and seq <= 500";
        rows::copy(&mut db, "chronology", which, 200, &[("incident_id", incident)]).await;
        from += 200;
    }
    let (bytes, now) =
        (rows::number(&mut db, size).await, rows::number(&mut db, "select count(*) from chronology").await);
    rows::close(db).await;
    println!("the file is filled to {:.2} GiB ({} more lines)", bytes as f64 / GIB as f64, now - lines);
    let (mut ready, mut bare) = (Runs::default(), Runs::default());
    for _ in 0..TIMES {
        let begin = Instant::now();
        server.start().await;
        until("it is ready", DEADLINE, async || {
            (server.anybody().get("/readyz").await.status == 200).then_some(())
        })
        .await;
        ready.add(begin.elapsed().as_secs_f64());
        server.stop();
        let begin = Instant::now();
        let mut db = rows::open(&folder).await;
        rows::number(&mut db, "select count(*) from incident where state = 'active'").await;
        bare.add(begin.elapsed().as_secs_f64());
        rows::leave(db).await;
    }
    goal("from start to ready, 1 GiB", format!("{} s", ready.told(2)), "0.5 s", ready.at(0.5) <= 0.5);
    beside("opening that file and one question", format!("{} s", bare.told(4)));
    beside("ratio", format!("{:.0}", ready.at(0.5) / bare.at(0.5)));
}
