//! The process is killed at any moment: before the commit, after it, while letters go out, while somebody answers.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use super::long;
use crate::support::{
    chaos::{Proxy, Weather},
    client::Api,
    history::{History, chains_hold},
    incident::Incident,
    playbooks::{DIRECTORY, QUICK, many, patient, with},
    postgres::{Database, on_each_database},
    server::{Home, Server},
    smtp_sink::Sink,
    wait::{SOON, until},
};

/// Recipients of a fan-out beside the fixture's.
const MANY: usize = 1000;
/// Letters that are in hand at most.
const CONNECTIONS: usize = 8;
/// Letters of a killed node come back when its lease is over; a debug build on a shared machine sends meanwhile.
const HEALED: Duration = Duration::from_secs(120);

fn home(database: Database, sink: &Sink, playbook: &str) -> Home {
    Home::new(database)
        .set("NOROSHI_DELIVERY__LEASE", "5s")
        .set("NOROSHI_DELIVERY__CONNECTIONS", &CONNECTIONS.to_string())
        .relays(&[sink])
        .playbook("quick.yaml", playbook)
}

const START: &str = "/api/v1/incidents";

fn start_body() -> String {
    json!({ "playbook": "quick", "mode": "live", "variables": {} }).to_string()
}

async fn start_once(api: &Api, key: &str) -> Result<crate::support::client::Reply, reqwest::Error> {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    api.try_send("POST", START, &headers, Some(start_body())).await
}

/// [`patient`] with a ladder of hours: in the long forms earlier fan-outs are not to climb beside the later ones.
fn idle() -> String {
    let mut text = patient();
    for (from, to) in [
        ("at: 5m", "at: 5h"),
        ("at: 10m", "at: 10h"),
        ("at: 15m", "at: 15h"),
        ("at: 30m", "at: 30h"),
        ("read_by: 5m, ack_by: 10m, respond_by: 30m", "read_by: 5h, ack_by: 10h, respond_by: 30h"),
        // What is critical may not wait so long for a decision.
        (
            "severity: critical\n    subject: { ja: \"出動照会",
            "severity: normal\n    subject: { ja: \"出動照会",
        ),
    ] {
        text = with(&text, from, to);
    }
    text
}

/// F03. The seeds say after which letter each kill comes; five kills meet each fan-out.
#[tokio::test(flavor = "multi_thread")]
async fn random_kills_during_a_fan_out_lose_nobody() {
    let fan_outs = if long() { 40 } else { 1 };
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let mut server = home(database, &sink, &idle()).serve_with(&many(MANY)).await;
        let (mut letters, mut doubled) = (0, 0);
        for seed in 0..fan_outs {
            let mut dice = StdRng::seed_from_u64(seed);
            let mut moments: Vec<usize> = (0..5).map(|_| dice.random_range(0..MANY)).collect();
            moments.sort_unstable();
            let (before, history) = (sink.accepted("@many.example"), History::default());
            let started = start_once(&server.api, &format!("seed-{seed}")).await;
            history.started(&started.expect("a reply").expect(201));
            for moment in &moments {
                until("the kill's moment has come", HEALED, async || {
                    (sink.accepted("@many.example") >= before + moment).then_some(())
                })
                .await;
                server.kill_hard();
                server.start().await;
            }
            let found = history.check(&server, &sink, HEALED, CONNECTIONS * moments.len()).await;
            println!("seed {seed}: killed after {moments:?} letters: {found:?}");
            assert!(found.letters > MANY);
            letters += found.letters;
            doubled += found.doubled;
        }
        let kills = 5 * fan_outs;
        println!(
            "{}: {kills} kills, {letters} letters, 0 lost, {doubled} doubled",
            server.home.database().name()
        );
    })
    .await;
}

/// I2 without a fault: nothing comes twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_fan_out_doubles_nothing() {
    on_each_database(async |database| {
        let (sink, history) = (Sink::start().await, History::default());
        let server = home(database, &sink, &idle()).serve_with(&many(MANY)).await;
        let began = Instant::now();
        history.started(&start_once(&server.api, "healthy").await.expect("a reply").expect(201));
        until("every letter is with the relay", HEALED, async || {
            (sink.accepted("@many.example") >= MANY).then_some(())
        })
        .await;
        println!("{MANY} letters were with the relay after {:?}", began.elapsed());
        let found = history.check(&server, &sink, HEALED, 0).await;
        println!("healthy on {}: {found:?}", server.home.database().name());
        assert_eq!(found.doubled, 0);
        assert!(found.letters > MANY);
    })
    .await;
}

/// Somebody else's transaction that keeps every writer waiting: a start that meets it has not committed.
enum Gate {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Gate {
    async fn shut(server: &Server, database: &Database) -> Self {
        match database {
            Database::Sqlite => {
                let mut one = SqliteConnection::connect(&database.url(server.home.path())).await.unwrap();
                one.execute("begin immediate").await.unwrap();
                Self::Sqlite(one)
            }
            Database::Postgres { url } => {
                let mut one = PgConnection::connect(url).await.unwrap();
                one.execute("begin; lock table incident in exclusive mode").await.unwrap();
                Self::Postgres(one)
            }
        }
    }

    async fn open(self) {
        match self {
            Self::Sqlite(one) => one.close().await.unwrap(),
            Self::Postgres(one) => one.close().await.unwrap(),
        }
    }
}

/// F01 and F02. The same request again, with the same key, is one incident, and everybody has one letter.
async fn again_after(server: &mut Server, sink: &Sink, key: &str, in_flight: usize) {
    let history = History::default();
    server.start().await;
    let first = start_once(&server.api, key).await.expect("a reply").expect(201);
    history.started(&first);
    assert_eq!(server.api.list(START).await.len(), 1, "one incident, whatever was lost");
    history.check(server, sink, HEALED, in_flight).await;
    let again = start_once(&server.api, key).await.expect("a reply").expect(201);
    assert_eq!(again.json(), first.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_the_commit_leaves_nothing_half_done() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let mut server = home(database.clone(), &sink, &patient()).serve_with(DIRECTORY).await;
        let gate = Gate::shut(&server, &database).await;
        let proxy = Proxy::to(&format!("127.0.0.1:{}", server.home.port())).await;
        let api = server.api.by(&proxy.address());
        let asked = tokio::spawn(async move { start_once(&api, "f01").await });
        until("the request is with the service", SOON, async || (proxy.asked() > 0).then_some(())).await;
        server.kill_hard();
        gate.open().await;
        assert!(asked.await.expect("the asking task").is_err(), "nothing was promised");
        server.start().await;
        assert!(server.api.list(START).await.is_empty(), "nothing of it is there");
        server.kill_hard();
        again_after(&mut server, &sink, "f01", 0).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_commit_and_the_reply_starts_nothing_twice() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let mut server = home(database, &sink, &patient()).serve_with(DIRECTORY).await;
        let proxy = Proxy::to(&format!("127.0.0.1:{}", server.home.port())).await;
        proxy.weather(Weather::NoReplies);
        let api = server.api.by(&proxy.address());
        let asked = tokio::spawn(async move { start_once(&api, "f02").await });
        until("the incident is committed", SOON, async || {
            (server.api.list(START).await.len() == 1).then_some(())
        })
        .await;
        server.kill_hard();
        proxy.weather(Weather::Cut);
        assert!(asked.await.expect("the asking task").is_err(), "the reply was lost");
        again_after(&mut server, &sink, "f02", CONNECTIONS).await;
    })
    .await;
}

/// F06. People answer all the time while the process is killed again and again: whoever was told that it is stored
/// finds it stored.
#[tokio::test(flavor = "multi_thread")]
async fn kills_while_people_answer_lose_no_answer_that_was_said_to_be_stored() {
    const PEOPLE: usize = 60;
    on_each_database(async |database| {
        let (sink, history) = (Sink::start().await, History::default());
        let mut server = home(database, &sink, &patient()).serve_with(&many(PEOPLE)).await;
        history.started(&start_once(&server.api, "f06").await.expect("a reply"));
        let letters = sink.letters_to("@many.example", PEOPLE, HEALED).await;
        let anybody = server.anybody();
        let people = async {
            for (n, letter) in letters.iter().enumerate() {
                let option = ["available", "unavailable"][n % 2];
                let form = [("option", option), ("teams", "2"), ("reason", "人員不足")];
                let path = format!("{}/answer", letter.link());
                until("the answer is taken", HEALED, async || {
                    // A service that is gone answers nothing: the person presses again.
                    let reply = anybody.try_form(&path, &form).await.ok()?;
                    history.answered(letter, option, &reply).then_some(())
                })
                .await;
            }
        };
        let kills = async {
            for moment in [5, 15, 30, 50] {
                until("so many have answered", HEALED, async || (history.stored() >= moment).then_some(()))
                    .await;
                server.kill_hard();
                server.start().await;
            }
        };
        futures_util::future::join(people, kills).await;
        assert_eq!(history.stored(), PEOPLE);
        history.check(&server, &sink, HEALED, 4 * CONNECTIONS).await;
    })
    .await;
}

/// F05 and F06. Killed at any moment of a climbing ladder, each recipient still ends at a person's decision, and no step
/// came before its time.
#[tokio::test(flavor = "multi_thread")]
async fn kills_during_an_escalation_lead_to_the_same_end() {
    const PEOPLE: usize = 40;
    on_each_database(async |database| {
        let (sink, history) = (Sink::start().await, History::default());
        let mut server = home(database, &sink, QUICK).serve_with(&many(PEOPLE)).await;
        let started = start_once(&server.api, "f06").await.expect("a reply");
        history.started(&started);
        let incident = Incident::of(&server.api, &started);
        sink.letters_to("@many.example", PEOPLE, HEALED).await;
        for kill in 1..=4 {
            until("reminders go out", HEALED, async || {
                (sink.accepted("@yobi.example") >= kill * 8).then_some(())
            })
            .await;
            server.kill_hard();
            server.start().await;
        }
        until("a person is asked about everybody", HEALED, async || {
            let standby = incident.recipients_of("standby").await;
            standby
                .iter()
                .all(|one| one["state"] == "to_decide" && one["next_step_at"].is_null())
                .then_some(())
        })
        .await;
        history.check(&server, &sink, HEALED, 4 * CONNECTIONS).await;
        for recipient in
            incident.recipients_of("standby").await.iter().filter(|one| one["agency"] != "fire_hq")
        {
            let agency = recipient["agency"].as_str().expect("an agency").to_owned();
            let first = sink.received_by(&format!("{agency}@many.example"));
            let second = sink.received_by(&format!("{agency}@yobi.example"));
            let (Some(first), Some(second)) = (first.first(), second.first()) else { continue };
            let after = second.received_ms - first.received_ms;
            assert!(after >= 3_900, "{agency}: the step of 4 s came after {after} ms");
        }
    })
    .await;
}

/// F06. A command that is killed at any moment has done its work or has not.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_import_is_whole_or_not_there() {
    on_each_database(async |database| {
        let home = Home::new(database);
        let path = home.write("import.yaml", &many(300));
        let path = path.to_str().expect("a path of ours").to_owned();
        let mut dice = StdRng::seed_from_u64(6);
        for _ in 0..6 {
            kill_at_a_random_moment(&home, &["directory", "import", &path], &mut dice, 700).await;
        }
        home.run(&["directory", "import", &path]).await.expect(0);
        let server = home.playbook("quick.yaml", &patient()).serve().await;
        assert!(server.api.get("/api/v1/directory").await.expect(200).text.contains("hosp_299"));
        Incident::start(&server.api, "quick", "drill").await;
        chains_hold(&server).await;
    })
    .await;
}

/// F06. A first start that is killed while it makes its tables starts the next time.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_first_start_starts_again() {
    on_each_database(async |database| {
        let home = Home::new(database).playbook("quick.yaml", &patient());
        let mut dice = StdRng::seed_from_u64(9);
        for _ in 0..8 {
            kill_at_a_random_moment(&home, &["serve"], &mut dice, 600).await;
        }
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "drill").await;
        assert_eq!(incident.recipients().await.len(), 4);
    })
    .await;
}

/// Starts a command and kills it within so many milliseconds. The moment is the dice's; no condition is waited for,
/// because any moment is meant.
async fn kill_at_a_random_moment(home: &Home, arguments: &[&str], dice: &mut StdRng, within: u64) {
    let mut command = home.command(arguments);
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().expect("the binary starts");
    tokio::time::sleep(Duration::from_millis(dice.random_range(0..within))).await;
    child.kill().expect("our own child can be killed");
    child.wait().expect("our own child can be waited for");
}
