//! Thousands of answers in the same seconds (goal P4): `cargo bench --bench answers`.
//!
//! The release binary on SQLite, every answer on disk before its reply. The limit that is measured in the same run is
//! what one row for each commit costs on the same disk: sharing commits has to be worth ten times that. The machines
//! are shared, so only the ratios mean something. Ends by itself.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[expect(dead_code, reason = "the bench uses a part of what the tests stand on")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::StreamExt as _;
use sqlx::{
    ConnectOptions, Connection, Executor,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use support::{
    client::Api,
    incident::Incident,
    playbooks::{many, patient},
    postgres::Database,
    server::Home,
    smtp_sink::Sink,
    wait::until,
};
use tokio::task::JoinSet;

const RECIPIENTS: usize = 6_000;
/// Of these, so many answer at a steady pace, the rest as fast as they can.
const PACED: usize = 3_000;
/// Answers a second at the steady pace.
const PACE: usize = 1_000;
/// People who answer at the same time when all press at once.
const AT_ONCE: usize = 128;
const BOARDS: usize = 500;
/// Fetches a second by machines that follow every link.
const SCANNERS: usize = 100;
/// Rows that are written one by one for the limit.
const ROWS: usize = 500;
/// Nothing here takes longer unless it is broken.
const DEADLINE: Duration = Duration::from_secs(240);

#[tokio::main]
async fn main() {
    println!(
        "{RECIPIENTS} answers beside {BOARDS} live boards and {SCANNERS} fetches/s, SQLite, synchronous=FULL"
    );
    let sink = Sink::start().await;
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    let server = home.serve_with(&many(RECIPIENTS)).await;
    let incident = Incident::start(&server.api, "quick", "live").await;
    until("every letter has come", DEADLINE, async || {
        (sink.accepted("@many.example") >= RECIPIENTS).then_some(())
    })
    .await;
    let links: Vec<String> =
        sink.received_by("@many.example").iter().map(|letter| format!("{}/answer", letter.link())).collect();

    let heard = Arc::new(AtomicUsize::new(0));
    let boards = boards(&server.api, &incident, &heard).await;
    let scanning = scan(&server.anybody(), &links[..PACED]);
    let mut paced = paced(&server.anybody(), &links[..PACED]).await;
    scanning.abort();
    let begin = Instant::now();
    all_at_once(&server.anybody(), &links[PACED..]).await;
    let rate = (RECIPIENTS - PACED) as f64 / begin.elapsed().as_secs_f64();

    let answered = incident.recipients_of("standby").await;
    let answered = answered.iter().filter(|recipient| recipient["state"] == "answered").count();
    assert_eq!(answered, RECIPIENTS, "every answer that was taken is there");
    let limit = one_row_a_commit(server.home.path()).await;

    paced.sort_unstable();
    let at = |share: f64| paced[((paced.len() - 1) as f64 * share) as usize];
    println!(
        "{PACED} answers at {PACE}/s: p50 {:.1?}, p99 {:.1?}, max {:.1?}   (wanted: p99 below 150 ms)",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    println!("as fast as {AT_ONCE} at once can press: {rate:.0} answers/s");
    println!(
        "one row for each commit, same disk:   {limit:.0} rows/s   ratio {:.1} (wanted: 10)",
        rate / limit
    );
    println!("events that {BOARDS} boards heard: {}", heard.load(Ordering::Relaxed));
    drop(boards);
}

/// Opens boards, which count what they hear of.
async fn boards(api: &Api, incident: &Incident, heard: &Arc<AtomicUsize>) -> JoinSet<()> {
    let mut boards = JoinSet::new();
    for _ in 0..BOARDS {
        let mut events = api.events(&incident.path("/events"), None).await;
        let heard = Arc::clone(heard);
        boards.spawn(async move {
            loop {
                events.next().await;
                heard.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    boards
}

fn scan(anybody: &Api, links: &[String]) -> tokio::task::JoinHandle<()> {
    let (anybody, links) = (anybody.clone(), links.to_vec());
    tokio::spawn(async move {
        let mut beat = tokio::time::interval(Duration::from_millis(1_000 / SCANNERS as u64));
        for link in links.iter().cycle() {
            beat.tick().await;
            let page = link.trim_end_matches("/answer").to_owned();
            let anybody = anybody.clone();
            tokio::spawn(async move { anybody.get(&page).await.expect(200) });
        }
    })
}

async fn paced(anybody: &Api, links: &[String]) -> Vec<Duration> {
    let mut people = JoinSet::new();
    let mut beat = tokio::time::interval(Duration::from_micros(1_000_000 / PACE as u64));
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    for link in links {
        beat.tick().await;
        let (anybody, link) = (anybody.clone(), link.clone());
        people.spawn(async move {
            let begin = Instant::now();
            press(&anybody, &link).await;
            begin.elapsed()
        });
    }
    people.join_all().await
}

async fn all_at_once(anybody: &Api, links: &[String]) {
    let people = links.iter().map(|link| press(anybody, link));
    futures_util::stream::iter(people).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

async fn press(anybody: &Api, link: &str) {
    anybody.post_form(link, &[("option", "available"), ("teams", "2")]).await.expect(303);
}

/// What the same disk gives to one row for each commit.
async fn one_row_a_commit(folder: &Path) -> f64 {
    let mut database = SqliteConnectOptions::new()
        .filename(folder.join("limit.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await
        .expect("a database beside the service's");
    database
        .execute("create table line (id integer primary key, text text not null)")
        .await
        .expect("a table");
    let begin = Instant::now();
    for _ in 0..ROWS {
        database
            .execute("insert into line (text) values ('a line of ordinary length, as an answer has it')")
            .await
            .expect("a row");
    }
    let rate = ROWS as f64 / begin.elapsed().as_secs_f64();
    database.close().await.expect("an orderly end");
    rate
}
