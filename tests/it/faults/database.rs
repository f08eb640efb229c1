//! The database is away, or slow: what cannot be stored is refused, and what fell due is done afterwards.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{Connection, Executor, SqliteConnection};

use super::{long, skipped};
use crate::support::{
    chaos::{Proxy, Weather},
    client::{Api, Reply},
    cluster::Cluster,
    history::History,
    incident::Incident,
    playbooks::{DIRECTORY, QUICK, many, patient},
    postgres::{Database, on_each_database, on_postgres},
    server::{Home, Server},
    smtp_sink::Sink,
    wait::{SOON, until},
};

/// How long the service may take until everything that fell due is done.
const HEALED: Duration = Duration::from_secs(60);
/// A question to the database has fifteen seconds; whoever met two lines that were lost has gone on after that.
const GIVEN_UP: Duration = Duration::from_secs(40);
/// Whoever presses a button waits no longer; the rest is a shared machine.
const A_PERSONS_PATIENCE: Duration = Duration::from_secs(7);

/// A database that can be taken away: PostgreSQL behind a line that falls silent, as a paused server is; SQLite under
/// the lock of somebody who copies the file.
enum Outage {
    Silent(Proxy),
    Locked(Option<SqliteConnection>),
    /// A server that was stopped as by a crash.
    Stopped(Cluster),
}

impl Outage {
    async fn of(database: &Database) -> (Self, Database) {
        match database {
            Database::Sqlite => (Self::Locked(None), Database::Sqlite),
            Database::Postgres { .. } => {
                let proxy = Proxy::to(&database.server()).await;
                let through = database.through(&proxy.address());
                (Self::Silent(proxy), through)
            }
        }
    }

    async fn begin(&mut self, server: &Server) {
        match self {
            Self::Silent(proxy) => proxy.weather(Weather::Silent),
            Self::Stopped(cluster) => cluster.stop_at_once(),
            Self::Locked(holder) => {
                let path = Database::Sqlite.url(server.home.path());
                let mut one = SqliteConnection::connect(&path).await.expect("the service's own file");
                until("the file is locked", SOON, async || one.execute("begin exclusive").await.ok()).await;
                *holder = Some(one);
            }
        }
    }

    async fn end(&mut self) {
        match self {
            Self::Silent(proxy) => proxy.weather(Weather::Clear),
            Self::Stopped(cluster) => cluster.start_again(),
            Self::Locked(holder) => {
                holder.take().expect("an outage that began").close().await.expect("the lock goes");
            }
        }
    }
}

async fn start(api: &Api, key: &str) -> Reply {
    let body = json!({ "playbook": "quick", "mode": "live", "variables": {} }).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    api.send("POST", "/api/v1/incidents", &headers, Some(body)).await
}

/// F09.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_nothing_is_half_done_and_afterwards_nothing_is_missing() {
    on_each_database(async |database| {
        let (outage, database) = Outage::of(&database).await;
        survives(outage, database, Duration::from_secs(12)).await;
    })
    .await;
}

/// F09, with a server that really stops, and comes back on what it had on disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_server_that_crashes_and_is_started_again_costs_nothing() {
    let Some(cluster) = Cluster::start() else {
        return skipped("F09", "a PostgreSQL server is missing (apt-get install postgresql)");
    };
    let database = cluster.database();
    survives(Outage::Stopped(cluster), database, Duration::from_secs(5)).await;
}

/// - `short`: how long the outage lasts in the short form; a minute in the long one.
async fn survives(mut outage: Outage, database: Database, short: Duration) {
    let length = if long() { Duration::from_secs(60) } else { short };
    let (sink, history) = (Sink::start().await, History::default());
    let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", QUICK);
    let server = home.serve_with(DIRECTORY).await;
    let first = start(&server.api, "before").await.expect(201);
    history.started(&first);
    let incident = Incident::of(&server.api, &first);
    let east = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
    incident
        .recipient_until("standby", "hosp_west", "has its first step", SOON, |it| {
            it["next_step_at"].is_string()
        })
        .await;

    outage.begin(&server).await;
    let began = Instant::now();
    let form = [("option", "available"), ("teams", "2")];
    let pressed = async {
        let reply = server.anybody().post_form(&format!("{}/answer", east.link()), &form).await;
        (reply, began.elapsed())
    };
    let asked = start(&server.api, "meanwhile");
    let ((pressed, waited), asked) = futures_util::future::join(pressed, asked).await;
    println!("an answer was refused after {waited:?}, a start after {:?}", began.elapsed());
    for refused in [&pressed, &asked] {
        assert_eq!(refused.status, 503, "{}", refused.text);
        assert!(refused.header("retry-after").is_some(), "{:?}", refused.headers);
    }
    assert!(waited < A_PERSONS_PATIENCE, "a person waited {waited:?}");
    assert!(server.anybody().get("/healthz").await.status == 200, "the process lives");
    until("the outage has lasted", HEALED, async || (began.elapsed() > length).then_some(())).await;
    outage.end().await;

    until("it is ready again", SOON, async || (server.api.get("/readyz").await.status == 200).then_some(()))
        .await;
    let again = until("the same request is taken", SOON, async || {
        Some(start(&server.api, "meanwhile").await).filter(|reply| reply.status == 201)
    })
    .await;
    history.started(&again);
    assert_eq!(server.api.list("/api/v1/incidents").await.len(), 2, "once, whatever was refused");
    let taken = server.anybody().post_form(&format!("{}/answer", east.link()), &form).await.expect(303);
    assert!(history.answered(&east, "available", &taken));
    // What fell due meanwhile comes in its order, down to a person's decision.
    incident.in_state("standby", "hosp_west", "to_decide", HEALED).await;
    let second = sink.letters_to("office@west-kanri.example", 1, HEALED).await;
    let first = sink.received_by("dmat@west.example");
    assert!(first[0].received_ms < second[0].received_ms);
    history.check(&server, &sink, HEALED, 8).await;
    server.forget_log();
}

/// F09, with a server that is gone instead of silent: refused at once, and the pool comes back by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_connections_is_told_at_once_and_the_pool_recovers() {
    on_postgres(async |database| {
        let (sink, history) = (Sink::start().await, History::default());
        let proxy = Proxy::to(&database.server()).await;
        let home = Home::new(database.through(&proxy.address())).relays(&[&sink]);
        let server = home.playbook("quick.yaml", &patient()).serve_with(DIRECTORY).await;
        until("its start is over", SOON, async || server.log().contains("set-up link").then_some(())).await;
        proxy.weather(Weather::Cut);
        let refused = until("it is refused", SOON, async || {
            Some(start(&server.api, "gone").await).filter(|reply| reply.status == 503)
        })
        .await;
        assert!(refused.header("retry-after").is_some());
        assert_eq!(server.api.get("/readyz").await.status, 503);
        proxy.weather(Weather::Clear);
        let taken = until("it is taken again", SOON, async || {
            Some(start(&server.api, "gone").await).filter(|reply| reply.status == 201)
        })
        .await;
        history.started(&taken);
        history.check(&server, &sink, HEALED, 0).await;
        server.forget_log();
    })
    .await;
}

/// F09. The database's machine vanishes without a word, and a standby answers under the same address: no line is cut,
/// and none of the old ones ever says anything again.
#[tokio::test(flavor = "multi_thread")]
async fn lines_to_the_database_that_went_silent_for_ever_are_given_up_within_seconds() {
    on_postgres(async |database| {
        let (sink, history) = (Sink::start().await, History::default());
        let proxy = Proxy::to(&database.server()).await;
        let home = Home::new(database.through(&proxy.address())).relays(&[&sink]);
        let mut server = home.playbook("quick.yaml", &patient()).serve_with(DIRECTORY).await;
        let first = start(&server.api, "before").await.expect(201);
        history.started(&first);
        let incident = Incident::of(&server.api, &first);
        let east = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
        let told =
            async || incident.recipients().await.iter().all(|one| one["grade"] == "accepted").then_some(());
        until("everybody is told", SOON, told).await;

        proxy.lose_lines();
        let lost = Instant::now();
        let form = [("option", "available"), ("teams", "2")];
        let taken = until("an answer is taken", GIVEN_UP, async || {
            let began = Instant::now();
            let reply = server.anybody().post_form(&format!("{}/answer", east.link()), &form).await;
            assert!(matches!(reply.status, 303 | 503), "{}", reply.text);
            assert!(began.elapsed() < A_PERSONS_PATIENCE, "a person waited {:?}", began.elapsed());
            Some(reply).filter(|reply| reply.status == 303)
        })
        .await;
        println!("an answer was taken {:?} after the lines had gone silent", lost.elapsed());
        history.answered(&east, "available", &taken);
        let again = until("a start is taken", GIVEN_UP, async || {
            Some(start(&server.api, "after").await).filter(|reply| reply.status == 201)
        })
        .await;
        history.started(&again);
        sink.letters_to("dmat@west.example", 2, GIVEN_UP).await;
        until("it is ready", GIVEN_UP, async || {
            (server.api.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        println!("everything went on {:?} after the lines had gone silent", lost.elapsed());
        assert!(server.ended().is_none(), "it healed without being started again");
        history.check(&server, &sink, HEALED, 8).await;
        // What still waits for a line that says nothing is told of before the end.
        server.stop();
        server.forget_log();
    })
    .await;
}

/// F10. Every question to the database takes two seconds longer: whoever presses hears something in time, nothing
/// piles up, and each answer is stored once.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_database_keeps_nobody_waiting_and_stores_each_answer_once() {
    const PEOPLE: usize = 20;
    on_postgres(async |database| {
        let (sink, history) = (Sink::start().await, History::default());
        let proxy = Proxy::to(&database.server()).await;
        let home = Home::new(database.through(&proxy.address())).relays(&[&sink]);
        let server = home.playbook("quick.yaml", &patient()).serve_with(&many(PEOPLE)).await;
        let started = start(&server.api, "slow").await.expect(201);
        history.started(&started);
        let incident = Incident::of(&server.api, &started);
        let letters = sink.letters_to("@many.example", PEOPLE, SOON).await;
        let told = async || {
            let all = incident.recipients().await;
            all.iter().all(|one| one["grade"] == "accepted").then_some(())
        };
        until("everybody is told", SOON, told).await;

        proxy.weather(Weather::Slow(Duration::from_secs(2)));
        let press = async |letter: &crate::support::smtp_sink::Letter| {
            let began = Instant::now();
            let form = [("option", "available"), ("teams", "1")];
            let reply = server.anybody().post_form(&format!("{}/answer", letter.link()), &form).await;
            (reply, began.elapsed())
        };
        let replies = futures_util::future::join_all(letters.iter().map(press)).await;
        for (reply, waited) in &replies {
            assert!(matches!(reply.status, 303 | 503), "{}", reply.text);
            assert!(*waited < A_PERSONS_PATIENCE, "a person waited {waited:?}");
        }
        assert_eq!(server.anybody().get("/readyz").await.status, 503, "it is told that the database is slow");
        proxy.weather(Weather::Clear);
        until("it is ready again", SOON, async || {
            (server.api.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        for letter in &letters {
            let reply = until("the answer is taken", SOON, async || {
                Some(press(letter).await.0).filter(|reply| reply.status == 303)
            })
            .await;
            history.answered(letter, "available", &reply);
        }
        assert_eq!(history.stored(), PEOPLE);
        history.check(&server, &sink, HEALED, 8).await;
        let lines = incident.chronology().await;
        let said = lines.iter().filter(|line| line["kind"] == "answer").count();
        assert_eq!(said, PEOPLE, "whoever presses again has said it once");
        server.forget_log();
    })
    .await;
}

/// F09. The line breaks in the middle of a commit: nobody can know what became of it, and nobody is told that they do.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_commit_broke_off_is_told_as_not_known() {
    on_postgres(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database.clone()).relays(&[&sink]).playbook("quick.yaml", &patient());
        let server = home.serve_with(DIRECTORY).await;
        let incident = Incident::start(&server.api, "quick", "live").await;
        let east = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
        // The server's process for this line ends itself when everything is written and the commit has begun.
        let end = "create function break_off() returns trigger language plpgsql as \
                   $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$";
        database.execute(end).await;
        let at_commit = "create constraint trigger break_off after insert on answer \
                         deferrable initially deferred for each row execute function break_off()";
        database.execute(at_commit).await;
        let answer = async || {
            let form = [("option", "available"), ("teams", "2")];
            server.anybody().post_form(&format!("{}/answer", east.link()), &form).await
        };
        let doubtful = answer().await.expect(503);
        assert!(doubtful.header("retry-after").is_some());
        let words = ["Not known yet", "まだ分かりません"];
        assert!(words.iter().any(|words| doubtful.text.contains(words)), "{}", doubtful.text);
        database.execute("drop function break_off cascade").await;
        answer().await.expect(303);
        incident.in_state("standby", "hosp_east", "answered", SOON).await;
        server.forget_log();
    })
    .await;
}
