//! Rows in great number, put beside the service's own into its SQLite file: what a year of work leaves.

use std::{collections::HashMap, path::Path};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

/// Opens the file of a service that does not run. Nothing that is written here has to survive a power cut.
pub async fn open(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("noroshi.db"))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-400000");
    options.connect().await.expect("the service's file")
}

/// Runs statements.
pub async fn run(db: &mut SqliteConnection, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(db).await.expect("a statement of the bench");
}

/// The only number of the only row.
pub async fn number(db: &mut SqliteConnection, query: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(db).await.expect("a number")
}

/// Copies the rows of `table` that `which` picks `count` times. `changed` gives the columns that differ with their
/// expressions; in them `i` is the number of the copy, from 1, and the other columns are those of the row itself.
pub async fn copy(
    db: &mut SqliteConnection,
    table: &str,
    which: &str,
    count: usize,
    changed: &[(&str, String)],
) {
    let columns: Vec<String> = columns(db, table).await.into_iter().map(|(name, _)| name).collect();
    let values: Vec<String> = columns
        .iter()
        .map(|column| {
            let other = changed.iter().find(|(name, _)| name == column);
            other.map_or_else(|| format!("row.\"{column}\""), |(_, expression)| expression.clone())
        })
        .collect();
    let statement = format!(
        "with recursive copy(i) as (select 1 union all select i + 1 from copy where i < {count}), \
         row as materialized (select * from {table} where {which}) \
         insert into {table} (\"{}\") select {} from copy, row",
        columns.join("\", \""),
        values.join(", ")
    );
    run(db, &statement).await;
}

/// Copies a whole incident, with everything that belongs to it, `count` times. The numbers of the copies begin after
/// `from`.
pub async fn copy_incident(db: &mut SqliteConnection, number: i64, from: usize, count: usize) {
    let incident = format!("(select id from incident where number = {number})");
    let of_recipient = format!("recipient_id in (select id from recipient where incident_id = {incident})");
    let of_delivery = format!("delivery_id in (select id from delivery where incident_id = {incident})");
    let of_channel = format!("channel_id in (select id from channel where incident_id = {incident})");
    for table in tables(db).await {
        let columns = columns(db, &table).await;
        let has = |wanted: &str| columns.iter().any(|(name, _)| name == wanted);
        let which = match () {
            () if table == "incident" => format!("id = {incident}"),
            () if has("incident_id") => format!("incident_id = {incident}"),
            () if has("recipient_id") => of_recipient.clone(),
            () if has("delivery_id") => of_delivery.clone(),
            () if has("channel_id") => of_channel.clone(),
            () => continue,
        };
        let mut changed: Vec<(&str, String)> = Vec::new();
        for (name, kind) in &columns {
            let version = name == "playbook_version_id" || name == "directory_version_id";
            // The last bytes of an id are random, and so are those of a link's hash; the number of the copy takes their
            // place.
            if kind.eq_ignore_ascii_case("blob")
                && !version
                && (name == "id" || name.ends_with("_id") || name == "token_hash")
            {
                changed.push((
                    name.as_str(),
                    format!("substr(row.{name}, 1, 12) || unhex(printf('%08x', {from} + i))"),
                ));
            } else if name == "token_hash" {
                changed.push((name.as_str(), format!("row.{name} || '-' || ({from} + i)")));
            }
        }
        match table.as_str() {
            "incident" => changed.push(("number", format!("1000000 + {from} + i"))),
            "event" => changed.push(("id", "null".to_owned())),
            _ => {}
        }
        copy(db, &table, &which, count, &changed).await;
    }
}

async fn tables(db: &mut SqliteConnection) -> Vec<String> {
    let names = "select name from sqlite_schema where type = 'table'";
    sqlx::query_scalar(names).fetch_all(db).await.expect("a schema")
}

/// Columns with their types.
async fn columns(db: &mut SqliteConnection, table: &str) -> Vec<(String, String)> {
    let rows = sqlx::query("select name, type from pragma_table_info(?)").bind(table).fetch_all(db).await;
    rows.expect("a table").iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// When the steps of an incident's ladders fall due, by the address of the first letter. `incident` is `inc_…`.
pub async fn due_by_address(db: &mut SqliteConnection, incident: &str) -> HashMap<String, i64> {
    let due = "select d.address, t.due_at_ms from timer t join delivery d on d.recipient_id = t.id \
               and d.occasion = 'alert' where t.incident_id = unhex(?) and t.kind = 'step' \
               and t.fired_at_ms is null and t.due_at_ms is not null";
    let id = incident.trim_start_matches("inc_").to_owned();
    let rows: Vec<(String, i64)> = sqlx::query_as(due).bind(id).fetch_all(db).await.expect("timers");
    rows.into_iter().collect()
}

/// Bytes of every table and index, the heaviest first.
pub async fn weights(db: &mut SqliteConnection) -> Vec<(String, i64)> {
    let query = "select name, sum(pgsize) from dbstat group by name order by 2 desc";
    sqlx::query_as(query).fetch_all(db).await.expect("the file's own statistics")
}

/// Closes the file of a service that runs.
pub async fn leave(db: SqliteConnection) {
    db.close().await.expect("an orderly end");
}

/// Closes, with everything in the file itself.
pub async fn close(mut db: SqliteConnection) {
    run(&mut db, "pragma wal_checkpoint(truncate)").await;
    leave(db).await;
}
