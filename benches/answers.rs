//! Thousands of answers in the same seconds (goal P4): `cargo bench --bench answers`.
//!
//! The release binary on SQLite, every answer on disk before its reply. The limit that is measured in the same run is
//! what one row for each commit costs on the same disk: sharing commits has to be worth ten times that. It is measured
//! twice: on this machine's disk as it is, and with every sync as slow as on the machine from which the goal was taken
//! (257 to 400 rows a second). The machines are shared, so only the ratios mean something. Ends by itself.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[expect(dead_code, reason = "the bench uses a part of what the benches share")]
mod common;
#[expect(dead_code, reason = "the bench uses a part of what the tests stand on")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use common::{beside, goal, peer};
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

const RECIPIENTS: usize = 13_000;
/// Of these, so many answer at a steady pace, the rest as fast as they can.
const PACED: usize = 10_000;
/// Answers a second at the steady pace.
const PACE: usize = 1_000;
/// People who answer at the same time when all press at once.
const AT_ONCE: usize = 128;
const BOARDS: usize = 500;
/// Fetches a second by machines that follow every link.
const SCANNERS: usize = 100;
/// Fetches that write nothing, for the limit of the load maker and the HTTP server.
const FETCHES: usize = 10_000;
/// Rows that are written one by one for the limit.
const ROWS: usize = 500;
/// Nothing here takes longer unless it is broken.
const DEADLINE: Duration = Duration::from_secs(240);

/// How this program is called to write [`ROWS`] into a folder and to tell how many it wrote in a second.
const WRITE_ROWS: &str = "--write-rows";
/// Put before the C library, it makes every sync take 2.9 ms longer.
const SLOW_SYNC: &str = "#include <sys/syscall.h>\n#include <unistd.h>\n\
    int fsync(int fd) { usleep(2900); return syscall(SYS_fsync, fd); }\n\
    int fdatasync(int fd) { usleep(2900); return syscall(SYS_fdatasync, fd); }\n";

#[tokio::main]
async fn main() {
    if let Some(folder) = std::env::args().skip_while(|word| word != WRITE_ROWS).nth(1) {
        println!("{}", one_row_a_commit(Path::new(&folder)).await);
        return;
    }
    println!(
        "{RECIPIENTS} answers beside {BOARDS} live boards and {SCANNERS} fetches/s, SQLite, synchronous=FULL"
    );
    answers(None).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    if let Some(slow) = slow_sync(folder.path()) {
        println!("the same with every sync 2.9 ms slower:");
        answers(Some(&slow)).await;
    }
}

/// The library of [`SLOW_SYNC`], made by the compiler that Rust links with.
fn slow_sync(folder: &Path) -> Option<PathBuf> {
    let (source, library) = (folder.join("slow_sync.c"), folder.join("slow_sync.so"));
    std::fs::write(&source, SLOW_SYNC).expect("a file of ours");
    let made = Command::new(peer("cc")?).args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(made.is_ok_and(|status| status.success()), "the compiler takes it");
    Some(library)
}

/// - `before`: a library that both the service and the limit load first.
async fn answers(before: Option<&Path>) {
    let sink = Sink::start().await;
    let mut home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    if let Some(library) = before {
        home = home.set("LD_PRELOAD", library.to_str().expect("a path of ours"));
    }
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
    let limit = limit(before, server.home.path());
    let begin = Instant::now();
    fetch_all_at_once(&server.anybody()).await;
    let fetches = FETCHES as f64 / begin.elapsed().as_secs_f64();

    paced.sort_unstable();
    let at = |share: f64| paced[((paced.len() - 1) as f64 * share) as usize];
    let told = format!("{:.1?}, {:.1?}, {:.1?}", at(0.5), at(0.99), at(1.0));
    let most = Duration::from_millis(150);
    goal(&format!("{PACED} answers at {PACE}/s: p50, p99, max"), told, "p99 of 150 ms", at(0.99) <= most);
    beside("answers in a commit", format!("{:.1}", in_a_commit(&server.api).await));
    beside(&format!("as fast as {AT_ONCE} at once can press"), format!("{rate:.0}/s"));
    beside("what they can fetch of /healthz, which writes nothing", format!("{fetches:.0}/s"));
    beside("one row for each commit, same disk", format!("{limit:.0}/s"));
    let ratio = rate / limit;
    goal("ratio", format!("{ratio:.1}"), "10", ratio >= 10.0);
    beside(&format!("events that {BOARDS} boards heard"), heard.load(Ordering::Relaxed));
    drop(boards);
}

/// How many answers shared a commit, on average.
async fn in_a_commit(api: &Api) -> f64 {
    let told = api.get("/metrics").await.expect(200).text;
    let value = |of: &str| {
        let name = format!("noroshi_commit_items_{of}{{of=\"answers\"}} ");
        let found =
            told.lines().find_map(|line| line.strip_prefix(&name)).and_then(|value| value.parse().ok());
        found.unwrap_or_else(|| panic!("{name} in {told}"))
    };
    let (answers, commits): (f64, f64) = (value("sum"), value("count"));
    answers / commits
}

/// Rows a second that the same disk takes one by one: written by a process of its own, with the same library.
fn limit(before: Option<&Path>, folder: &Path) -> f64 {
    let mut this = Command::new(std::env::current_exe().expect("this program has a path"));
    this.arg(WRITE_ROWS).arg(folder).envs(before.map(|library| ("LD_PRELOAD", library)));
    let output = this.output().expect("this program runs");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    told.trim().parse().unwrap_or_else(|_| panic!("{told}{}", String::from_utf8_lossy(&output.stderr)))
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

/// The same load maker with nothing to store: more than this is not to be had of it and the HTTP server on this machine.
async fn fetch_all_at_once(anybody: &Api) {
    let people = (0..FETCHES).map(|_| async { drop(anybody.get("/healthz").await.expect(200)) });
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
