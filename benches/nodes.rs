//! Several nodes on one PostgreSQL database (goal P9): `TEST_POSTGRES_URL=… cargo bench --bench nodes`.
//!
//! First the claim: 40,000 letters that are due, taken by four sessions in batches of a hundred, with the same
//! statement given to the same table by `pgbench` in the same run. Then two nodes in the middle of an alert, of which
//! one is killed: the time until the other one has sent what it held. Ends by itself after some two minutes.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[expect(dead_code, reason = "the bench uses a part of what the benches share")]
mod common;
#[expect(dead_code, reason = "the bench uses a part of what the tests stand on")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::{
    path::PathBuf,
    process::Command,
    sync::Mutex,
    time::{Duration, Instant},
};

use common::{Runs, beside, goal, peer};
use noroshi::store::{Store, delivery};
use noroshi_core::time::{Span, Timestamp};
use sqlx::{Connection, PgConnection};
use support::{
    incident::Incident,
    playbooks::{apart, patient},
    postgres::{Database, on_postgres},
    server::Home,
    smtp_sink::{Conduct, Sink},
    wait::{SOON, now_ms, until},
};
use tokio::task::JoinSet;
use uuid::Uuid;

const LETTERS: usize = 40_000;
const SESSIONS: usize = 4;
const BATCH: usize = 100;
/// Pairs of runs, and kills.
const TIMES: usize = 5;
const LEASE: Duration = Duration::from_secs(5);
/// Recipients of the alert in which a node is killed, and letters that each node has in hand then.
const MANY: usize = 60;
const IN_HAND: usize = 4;

/// What a claim takes.
const WANTED: delivery::Wanted<'_> =
    delivery::Wanted { transport: "mail", except: &[], before: None, untried: false, n: BATCH as u64 };

#[tokio::main]
async fn main() {
    if std::env::var_os("TEST_POSTGRES_URL").is_none() {
        println!(
            "TEST_POSTGRES_URL names no PostgreSQL server: several nodes are not measured (tests/README.md)"
        );
        return;
    }
    println!("{LETTERS} letters claimed by {SESSIONS} sessions in batches of {BATCH}, PostgreSQL");
    on_postgres(claims).await;
    let taken = Mutex::new(Runs::default());
    for _ in 0..TIMES {
        on_postgres(async |database| {
            let seconds = takeover(database).await;
            taken.lock().expect("nobody panics while it holds them").add(seconds);
        })
        .await;
    }
    let taken = taken.into_inner().expect("nobody panicked");
    let limit = LEASE.as_secs_f64() + 2.0;
    let what = format!("one of two nodes killed, lease {} s: the other has sent all", LEASE.as_secs());
    goal(&what, format!("{} s", taken.told(2)), &format!("{limit} s"), taken.at(1.0) <= limit);
}

async fn claims(database: Database) {
    let url = database.url(&PathBuf::new());
    let store = Store::open(&url).await.expect("the test's own database");
    let mut db = PgConnection::connect(&url).await.expect("the test's own database");
    let pgbench = pgbench();
    let (mut ours, mut same, mut bare) = (Runs::default(), Runs::default(), Runs::default());
    for _ in 0..TIMES {
        fill(&mut db).await;
        ours.add(product(&store).await);
        if let Some(pgbench) = &pgbench {
            fill(&mut db).await;
            same.add(raw(pgbench, &url, OF_LETTERS).await);
            bare.add(raw(pgbench, &url, OF_BARE_JOBS).await);
        }
    }
    beside("ours", format!("{}/s", ours.told(0)));
    if pgbench.is_some() {
        beside("pgbench, the same statement on the same table", format!("{}/s", same.told(0)));
        let ratio = ours.at(0.5) / same.at(0.5);
        goal("ratio", format!("{ratio:.2}"), "0.80", ratio >= 0.8);
        beside("pgbench, a bare table of jobs", format!("{}/s", bare.told(0)));
        beside("ratio", format!("{:.2}", ours.at(0.5) / bare.at(0.5)));
    }
    store.close().await;
    db.close().await.expect("an orderly end");
}

/// Letters that are due, in a fresh table, and as many bare jobs.
async fn fill(db: &mut PgConnection) {
    let text = format!(
        "truncate delivery;
         insert into delivery (id, incident_id, recipient_id, letter, occasion, via, transport, contact, name, address,
            domain, language, priority, state, due_at_ms, lease_until_ms, fence, attempts, repeat, created_at_ms)
         select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0, 'alert', 'email', 'mail', 'hosp_' || n,
            '{{\"ja\": \"病院\"}}', 'hosp_' || n || '@many.example', 'many.example', 'ja', n % 3, 'queued', n, 0, 0, 0,
            false, 0 from generate_series(1, {LETTERS}) n;
         drop table if exists job;
         create table job (id bigint primary key, state text not null, due bigint not null);
         insert into job select n, 'queued', n from generate_series(1, {LETTERS}) n;
         create index job_queued on job (due) where state = 'queued';
         analyze delivery; analyze job;"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(db).await.expect("rows of the bench");
}

/// Claims a second by the service's own query, each of which commits by itself.
async fn product(store: &Store) -> f64 {
    let begin = Instant::now();
    let mut sessions = JoinSet::new();
    for _ in 0..SESSIONS {
        let store = store.clone();
        sessions.spawn(async move {
            let (node, mut taken) = (Uuid::from_u128(7), 0);
            loop {
                let now = Timestamp(now_ms());
                let lease = Span::seconds(15);
                let rows = delivery::claim(store.at_once(), WANTED, node, now, lease).await;
                let rows = rows.expect("a claim").len();
                taken += rows;
                if rows == 0 {
                    return taken;
                }
            }
        });
    }
    let taken: usize = sessions.join_all().await.into_iter().sum();
    assert_eq!(taken, LETTERS, "every letter is claimed once");
    LETTERS as f64 / begin.elapsed().as_secs_f64()
}

/// The statement of the service's claim, with what it binds bound here too: a statement that is told its limit later is
/// planned another way.
const OF_LETTERS: &str = "\\set until 1\n\\set now 1000000\n\\set n 100\n\
    update delivery set state = 'leased', leased_by = '00000000-0000-0000-0000-000000000007', \
    lease_until_ms = :until, handed_at_ms = null, fence = fence + 1 where id in (select id from delivery where \
    state = 'queued' and due_at_ms <= :now and transport = 'mail' order by priority, due_at_ms, id limit :n \
    for update skip locked) \
    returning id, incident_id, recipient_id, letter, occasion, via, contact, name, address, domain, language, errand, \
    priority, due_at_ms, fence, attempts, repeat, reason, relay, encrypted, created_at_ms;";
/// The same of a table that has nothing else.
const OF_BARE_JOBS: &str = "update job set state = 'leased' where id in (select id from job where state = 'queued' \
    and due <= 1000000 order by due limit 100 for update skip locked) returning id;";

/// Claims a second by `pgbench`.
async fn raw(pgbench: &std::path::Path, url: &str, statement: &str) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("claim.sql");
    std::fs::write(&script, format!("{statement}\n")).expect("a file of ours");
    let mut command = Command::new(pgbench);
    let each = LETTERS / BATCH / SESSIONS;
    command
        .args(["-n", "-M", "prepared", "-c", &SESSIONS.to_string(), "-j", "1", "-t", &each.to_string(), "-f"])
        .arg(&script)
        .arg(url);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("the thread ends");
    let output = output.expect("pgbench runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = rate.and_then(|rate| rate.split_whitespace().next()).and_then(|rate| rate.parse::<f64>().ok());
    rate.unwrap_or_else(|| panic!("{text}")) * BATCH as f64
}

/// PostgreSQL's own load maker: on Debian it lies beside the server's programs.
fn pgbench() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin/pgbench")).collect();
    found.retain(|file| file.is_file());
    found.sort();
    found.pop().or_else(|| peer("pgbench"))
}

/// Seconds from the kill of one of two nodes until the other one has sent everything.
async fn takeover(database: Database) -> f64 {
    let sink = Sink::start().await;
    let home = Home::new(database)
        .relays(&[&sink])
        .set("NOROSHI_DELIVERY__LEASE", &format!("{}s", LEASE.as_secs()))
        .set("NOROSHI_DELIVERY__CONNECTIONS", &IN_HAND.to_string())
        .playbook("quick.yaml", &patient());
    // The relay takes letters and says nothing: every connection of both nodes has one in hand.
    sink.conduct(".many.example", Conduct::Withhold);
    let mut first = home.serve_with(&apart(MANY)).await;
    let second = first.home.beside().serve().await;
    let incident = Incident::start(&second.api, "quick", "live").await;
    sink.letters_to(".many.example", 2 * IN_HAND, SOON).await;
    first.kill_hard();
    let killed = Instant::now();
    sink.conduct(".many.example", Conduct::Accept);
    until("the other has sent everything", LEASE + SOON, async || {
        let told = incident.recipients().await;
        told.iter().all(|recipient| recipient["grade"] == "accepted").then_some(())
    })
    .await;
    killed.elapsed().as_secs_f64()
}
