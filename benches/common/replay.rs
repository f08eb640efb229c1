//! What the database alone needs for an alert: the same rows with as many commits, by SQLite and nothing else.

use std::{path::Path, time::Instant};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::rows::{number, run};

/// Letters in a claim: twice the connections.
pub const CLAIMED: i64 = 256;
/// Outcomes in a commit, and letters that it hands over: half of the connections wait while the others send.
pub const TOGETHER: i64 = 64;

/// Seconds for the rows of all first letters in the file of a service that does not run.
pub async fn rows_alone(service: &Path) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut db = SqliteConnectOptions::new()
        .filename(folder.path().join("replay.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("temp_store", "memory")
        .pragma("cache_size", "-16000")
        .connect()
        .await
        .expect("a database of the bench");
    run(&mut db, &format!("attach '{}' as done", service.join("noroshi.db").display())).await;
    let schema = "select sql from done.sqlite_schema where sql is not null \
                  and tbl_name in ('recipient', 'delivery', 'link', 'timer', 'attempt') order by type desc";
    let schema: Vec<String> = sqlx::query_scalar(schema).fetch_all(&mut db).await.expect("a schema");
    run(&mut db, &schema.join(";")).await;
    run(&mut db, FRESH).await;
    let letters = number(&mut db, "select count(*) from letter").await;
    let begin = Instant::now();
    run(&mut db, START).await;
    let (mut claimed, mut from) = (0, 0);
    while from - TOGETHER < letters {
        while claimed < letters.min(from + TOGETHER) {
            step(&mut db, CLAIM, CLAIMED).await;
            claimed += CLAIMED;
        }
        run(&mut db, "begin immediate").await;
        for statement in HAND_OVER {
            step(&mut db, statement, from).await;
        }
        for statement in RECORD {
            step(&mut db, statement, from - TOGETHER).await;
        }
        run(&mut db, "commit").await;
        from += TOGETHER;
    }
    let seconds = begin.elapsed().as_secs_f64();
    let accepted = "select count(*) from delivery join attempt on delivery_id = id where state = 'accepted'";
    let accepted = number(&mut db, accepted).await;
    assert!(accepted >= letters, "{accepted} of {letters} letters are on record");
    db.close().await.expect("an orderly end");
    seconds
}

/// The rows as they are before anything has left, and the letters by their turn.
const FRESH: &str = "create temp table fresh as select * from done.delivery where letter = 0;
    update fresh set state = 'queued', leased_by = null, handed_at_ms = null, attempts = 0, fence = 0, relay = null,
        encrypted = null, ended_at_ms = null;
    create temp table letter as select row_number() over (order by priority, due_at_ms, id) - 1 as n, id, recipient_id
        from fresh;
    create index temp.letter_n on letter (n)";
const START: &str = "begin immediate;
    insert into recipient select * from done.recipient;
    insert into link select * from done.link;
    insert into delivery select * from fresh;
    commit";
const CLAIM: &str = "update delivery set state = 'leased', leased_by = zeroblob(16), lease_until_ms = 1, fence = fence + 1
    where id in (select id from delivery where state = 'queued' order by transport, priority, due_at_ms, id limit ?)";
const HAND_OVER: [&str; 3] = [
    "update delivery set handed_at_ms = 1, lease_until_ms = 1, attempts = attempts + 1
        where id in (select id from letter where n between ?1 and ?1 + 63)",
    "update recipient set version = version + 1, started_own_ms = 1, started_at_ms = 1, due_own_ms = 1
        where id in (select recipient_id from letter where n between ?1 and ?1 + 63)",
    "insert into timer select * from done.timer
        where id in (select recipient_id from letter where n between ?1 and ?1 + 63)",
];
const RECORD: [&str; 3] = [
    "insert into attempt select * from done.attempt
        where delivery_id in (select id from letter where n between ?1 and ?1 + 63)",
    "update delivery set state = 'accepted', leased_by = null, lease_until_ms = 0, relay = 'relay', encrypted = 0,
        ended_at_ms = 1 where id in (select id from letter where n between ?1 and ?1 + 63)",
    "update recipient set version = version + 1, accepted_at_ms = 1
        where id in (select recipient_id from letter where n between ?1 and ?1 + 63)",
];

async fn step(db: &mut SqliteConnection, statement: &'static str, value: i64) {
    sqlx::query(statement).bind(value).execute(db).await.expect("a statement of the bench");
}
