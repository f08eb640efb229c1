//! How late a step of a ladder is while a million others wait (goal P3): `cargo bench --bench timers`.
//!
//! The release binary on SQLite with a million waiting recipients of a thousand running incidents, each with its timer,
//! and 10,000 real ones whose next step falls due within one minute. Compared is the moment that stands in the database
//! with the moment at which the letter's final dot came. The limit in the same run is the bare question "what is due?"
//! to the same file. Before the minute the service is watched at rest: what a million waiting timers cost. Ends by
//! itself after some two minutes.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[expect(dead_code, reason = "the bench uses a part of what the benches share")]
mod common;
#[expect(dead_code, reason = "the bench uses a part of what the tests stand on")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    time::{Duration, Instant},
};

use common::{Runs, beside, goal, process, rows};
use sqlx::SqliteConnection;
use support::{
    incident::Incident,
    playbooks::{many, patient},
    postgres::Database,
    server::Home,
    smtp_sink::Sink,
    wait::{now_ms, until},
};

const PENDING: usize = 1_000_000;
/// Waiting recipients of one incident.
const EACH: usize = 1_000;
const STEPS: usize = 10_000;
/// The steps fall due evenly over so many milliseconds.
const WINDOW_MS: i64 = 60_000;
/// From the moment at which the timers are set to the first of them: the start, and the rest that is watched.
const LEAD_MS: i64 = 50_000;
/// The service is watched at rest for so long: two looks of the auditor fall into it.
const REST: Duration = Duration::from_secs(20);
/// When it begins to be watched: what is looked at once after a start is over.
const SETTLED: Duration = Duration::from_secs(16);
const PROBES: usize = 10_000;
/// Nothing here takes longer unless it is broken.
const DEADLINE: Duration = Duration::from_secs(180);

#[tokio::main]
async fn main() {
    println!("{STEPS} steps of ladders within a minute, {PENDING} timers pending, SQLite, sink on loopback");
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let mut server = home.serve_with(&many(STEPS)).await;
    Incident::start(&server.api, "quick", "live").await;
    until("every first letter has come", DEADLINE, async || {
        (sink.accepted("@many.example") >= STEPS).then_some(())
    })
    .await;
    let empty = rest(server.pid(), server.home.path(), Duration::from_secs(10)).await;
    server.stop();
    let folder = server.home.path().to_owned();
    let mut db = rows::open(&folder).await;
    crowd(&mut db).await;
    let due = bring_forward(&mut db, now_ms() + LEAD_MS).await;
    assert_eq!(due.len(), STEPS, "every recipient waits for its first step");
    rows::close(db).await;
    let begin = now_ms();
    server.start().await;
    println!("started in {} ms", now_ms() - begin);
    tokio::time::sleep(SETTLED).await;
    let full = rest(server.pid(), &folder, REST).await;
    assert!(due.values().all(|moment| now_ms() < *moment), "nothing fell due before it was watched");

    until("every second letter has come", DEADLINE, async || {
        (sink.accepted("@many.example") >= 2 * STEPS).then_some(())
    })
    .await;
    let mut letters: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for letter in sink.received_by("@many.example") {
        letters.entry(letter.to[0].clone()).or_default().push(letter.received_ms);
    }
    assert!(letters.values().all(|letters| letters.len() == 2), "everybody has two letters");
    let late = Runs::from_iter(due.iter().map(|(address, due)| (letters[address][1] - due) as f64));
    let (rss, _) = process::memory(server.pid());
    server.stop();
    let probe = probe(&folder).await;

    let early = due.iter().filter(|(address, due)| letters[*address][1] < **due).count();
    goal("steps taken before their time", early, "none", early == 0);
    for (what, share, wanted) in [("p50", 0.5, 50.0), ("p99", 0.99, 250.0), ("max", 1.0, 1_000.0)] {
        let figure = late.at(share);
        goal(
            &format!("from due to the final dot, {what}"),
            format!("{figure:.0} ms"),
            &format!("{wanted} ms"),
            figure <= wanted,
        );
    }
    beside(
        "bare question on the same file, p50, p99",
        format!("{:.3}, {:.3} ms", probe.at(0.5), probe.at(0.99)),
    );
    beside("ratio of the p99s", format!("{:.0}", late.at(0.99) / probe.at(0.99)));
    beside("resident memory after the minute", format!("{:.0} MiB", process::mib(rss)));
    let share = |rest: &Rest| format!("{:.2} %", rest.cpu * 100.0);
    beside(&format!("CPU of a core at rest, {STEPS} timers pending"), share(&empty));
    goal(&format!("CPU of a core at rest, {PENDING} timers pending"), share(&full), "1 %", full.cpu <= 0.01);
    beside("commits a second at rest (signs of life), few pending", format!("{:.2}", empty.commits));
    goal(
        "the same with all of them pending",
        format!("{:.2}", full.commits),
        "no more",
        full.commits <= empty.commits + 0.1,
    );
}

/// What the service does while nothing is due.
struct Rest {
    /// Share of a core.
    cpu: f64,
    /// Commits a second.
    commits: f64,
}

async fn rest(pid: u32, folder: &Path, over: Duration) -> Rest {
    let mut db = rows::open(folder).await;
    let (begin, cpu) = (Instant::now(), process::cpu(pid));
    let (mut commits, mut version) = (0, rows::number(&mut db, "pragma data_version").await);
    while begin.elapsed() < over {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = rows::number(&mut db, "pragma data_version").await;
        commits += i32::from(now != version);
        version = now;
    }
    let seconds = begin.elapsed().as_secs_f64();
    rows::leave(db).await;
    Rest { cpu: (process::cpu(pid) - cpu).as_secs_f64() / seconds, commits: f64::from(commits) / seconds }
}

/// A million waiting recipients whose next step comes in a day, of running incidents.
async fn crowd(db: &mut SqliteConnection) {
    let id = |kind: char, number: &str| format!("unhex(printf('0194000000007000800{kind}%012x', {number}))");
    let incident = |number: &str| id('a', number);
    let group = format!("((i - 1) / {EACH} + 1)");
    let day = 86_400_000;
    let one = "(select id from recipient where agency = 'hosp_0' and state = 'waiting' \
               and incident_id = (select id from incident where number = 1))";
    let later = |column: &str| format!("row.{column} + {day}");
    rows::run(db, "begin").await;
    let groups = PENDING / EACH;
    let changed = [("id", incident("i")), ("number", "1000000 + i".to_owned())];
    rows::copy(db, "incident", "number = 1", groups, &changed).await;
    let changed = [("id", id('b', "i")), ("incident_id", incident("i"))];
    let alert = format!("id = (select alert_id from recipient where id = {one})");
    rows::copy(db, "alert", &alert, groups, &changed).await;
    let changed = [
        ("id", id('c', "i")),
        ("incident_id", incident(&group)),
        ("alert_id", id('b', &group)),
        ("due_own_ms", later("due_own_ms")),
    ];
    rows::copy(db, "recipient", &format!("id = {one}"), PENDING, &changed).await;
    let changed = [
        ("id", id('c', "i")),
        ("incident_id", incident(&group)),
        ("due_own_ms", later("due_own_ms")),
        ("due_at_ms", later("due_at_ms")),
    ];
    rows::copy(db, "timer", &format!("id = {one}"), PENDING, &changed).await;
    rows::run(db, "commit").await;
    let pending = rows::number(db, "select count(*) from timer where fired_at_ms is null").await;
    assert!(pending >= PENDING as i64 + STEPS as i64, "{pending} timers are pending");
}

/// Moves the real recipients' ladders so that their next steps fall due evenly over the window. Gives the moments by
/// address.
async fn bring_forward(db: &mut SqliteConnection, from: i64) -> HashMap<String, i64> {
    rows::run(
        db,
        &format!(
            "create temp table moved as select t.id, {from} + (row_number() over (order by t.id) - 1) * {WINDOW_MS} \
             / {STEPS} - t.due_at_ms as by_ms, d.address from timer t join delivery d on d.recipient_id = t.id \
             and d.occasion = 'alert' where t.kind = 'step' and t.fired_at_ms is null \
             and d.address like '%@many.example';
             update timer set due_own_ms = due_own_ms + by_ms, due_at_ms = due_at_ms + by_ms from moved \
             where moved.id = timer.id;
             update recipient set started_own_ms = started_own_ms + by_ms, started_at_ms = started_at_ms + by_ms, \
             due_own_ms = due_own_ms + by_ms from moved where moved.id = recipient.id;"
        ),
    )
    .await;
    let due = "select moved.address, timer.due_at_ms from moved join timer on timer.id = moved.id";
    let rows: Vec<(String, i64)> = sqlx::query_as(due).fetch_all(db).await.expect("what was moved");
    rows.into_iter().collect()
}

/// How long the bare question takes what is due, in milliseconds.
async fn probe(folder: &Path) -> Runs {
    let mut db = rows::open(folder).await;
    let question = "select id from timer where fired_at_ms is null and due_at_ms <= ? \
                    order by priority, due_at_ms, id limit 200";
    let mut times = Vec::with_capacity(PROBES);
    for _ in 0..PROBES {
        let begin = Instant::now();
        let due: Vec<Vec<u8>> =
            sqlx::query_scalar(question).bind(now_ms()).fetch_all(&mut db).await.expect("an answer");
        assert!(due.is_empty(), "nothing is due any more");
        times.push(begin.elapsed().as_secs_f64() * 1_000.0);
    }
    rows::close(db).await;
    times.into_iter().collect()
}
