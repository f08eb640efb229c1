//! Rows and named queries. Knows the core's types and the entities; decides nothing.
//!
//! Reading goes through [`Store::read`], or [`Store::snapshot`] where several answers have to belong together. Writing
//! goes through [`Store::begin`], which only `operation::Work` calls, or [`Store::at_once`] where it is one statement. On
//! SQLite a transaction begins IMMEDIATE, because a deferred transaction that turns from reading to writing fails at once
//! with "database is locked" and skips the busy timeout; on PostgreSQL a verb first enters the incidents whose rows it
//! changes (`operation::Work::enter`), so that no two transactions wait for each other in a circle.

pub mod account;
pub mod alert;
pub mod attachment;
pub mod audit;
mod batch;
mod bounded;
pub mod channel;
pub mod chronology;
mod contacts;
pub mod cover;
pub mod delivery;
pub mod directory;
pub mod event;
pub mod gauge;
pub mod idempotency;
pub mod incident;
pub mod link;
pub mod node;
#[cfg(test)]
mod plans;
pub mod playbook;
pub mod receipt;
pub mod recipient;
pub mod report;
pub mod role;
pub mod setting;
pub mod task;
pub mod timer;
pub mod trigger;

use std::{collections::BTreeSet, time::Duration};

use self::bounded::Doubt;
use migration::{Migrator, MigratorTrait, SchemaManager};
use sea_orm::{
    AccessMode, ColumnTrait, ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection,
    DbErr, IsolationLevel, SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sea_query::{Expr, ExprTrait},
};
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteJournalMode, SqliteSynchronous},
};

pub use bounded::{Bounded, Transaction};

/// Rows in one INSERT. A statement is kept prepared, and one for 500 rows of our widest table weighs 2 MB; it is no
/// faster for each row. Both databases allow five times as many bound values.
pub const CHUNK: usize = 100;

/// What can go wrong in the cellar.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such row.
    #[error("{what} {id} does not exist")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// By which id or key.
        id: String,
    },
    /// Somebody else changed the row meanwhile.
    #[error("{what} {id} was changed by someone else meanwhile")]
    Conflict {
        /// What was to be changed.
        what: &'static str,
        /// Which.
        id: String,
    },
    /// The database did not do what it was asked.
    #[error("could not {attempt}")]
    Unavailable {
        /// What was attempted.
        attempt: &'static str,
        /// Why it failed.
        #[source]
        cause: DbErr,
    },
    /// The line broke before the database had said whether it was stored.
    #[error("could not learn whether the database has stored it")]
    Doubtful {
        /// What broke.
        #[source]
        cause: DbErr,
    },
    /// A newer Noroshi has changed the schema.
    #[error(
        "a newer version of Noroshi has changed this database ({change}); install that version here too, or restore the backup from before the change"
    )]
    Newer {
        /// A change of the schema that this version does not know.
        change: String,
    },
    /// A row holds something that was never written there.
    #[error("{what} {id} holds {found}, which this version of Noroshi does not write")]
    Corrupt {
        /// What kind of row.
        what: &'static str,
        /// Which.
        id: String,
        /// What was found.
        found: String,
    },
}

impl From<DbErr> for StoreError {
    fn from(cause: DbErr) -> Self {
        Self::Unavailable { attempt: "read or write the database", cause }
    }
}

/// The database: one door for writing, one for reading.
#[derive(Clone, Debug)]
pub struct Store {
    writer: Bounded<DatabaseConnection>,
    reader: Bounded<DatabaseConnection>,
}

impl Store {
    /// Opens the database of `url` (`sqlite:PATH` or `postgres://…`) and brings its schema up to date.
    ///
    /// A SQLite file is made when missing. Errors name what was attempted; the caller says which database.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let unavailable = |attempt| move |cause| StoreError::Unavailable { attempt, cause };
        let store = if let Some(path) = url.strip_prefix("sqlite:") {
            let writer = Database::connect(sqlite(path, 1, false))
                .await
                .map_err(unavailable("open the database file"))?;
            refuse_newer(&writer).await?;
            Migrator::up(&writer, None).await.map_err(unavailable("bring the database schema up to date"))?;
            let reader = Database::connect(sqlite(path, 4, true))
                .await
                .map_err(unavailable("open the database file"))?;
            let alone = |inner| Bounded { inner, doubt: None };
            Self { writer: alone(writer), reader: alone(reader) }
        } else {
            let doubt = Doubt::default();
            let mut options = ConnectOptions::new(url);
            options
                .max_connections(16)
                .sqlx_logging(false)
                .connect_timeout(Duration::from_secs(5))
                .acquire_timeout(Duration::from_secs(5))
                .set_application_name("noroshi");
            doubt.watch(&mut options);
            let pool = Database::connect(options).await.map_err(unavailable("connect to the database"))?;
            refuse_newer(&pool).await?;
            migrate_alone(&pool).await.map_err(unavailable("bring the database schema up to date"))?;
            let pool = Bounded { inner: pool, doubt: Some(doubt) };
            Self { writer: pool.clone(), reader: pool }
        };
        Ok(store)
    }

    /// For queries that change nothing.
    pub const fn read(&self) -> &Bounded<DatabaseConnection> {
        &self.reader
    }

    /// For several queries whose answers have to belong together: all of them see one and the same moment.
    pub async fn snapshot(&self) -> Result<Transaction, StoreError> {
        // What a transaction of SQLite reads is of one moment whatever its options.
        let options = match self.is_embedded() {
            true => TransactionOptions::default(),
            false => TransactionOptions {
                isolation_level: Some(IsolationLevel::RepeatableRead),
                access_mode: Some(AccessMode::ReadOnly),
                ..Default::default()
            },
        };
        self.reader.begin(options).await
    }

    /// Begins a write. Only `operation::Work` calls this.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        self.writer.begin(options).await
    }

    /// For a write that is one statement and asks nothing before: it commits by itself.
    pub const fn at_once(&self) -> &Bounded<DatabaseConnection> {
        &self.writer
    }

    /// Whether it is the embedded database, which one process alone serves.
    pub fn is_embedded(&self) -> bool {
        self.writer.get_database_backend() == DatabaseBackend::Sqlite
    }

    /// The pool of a PostgreSQL database, for what only PostgreSQL has.
    pub fn postgres(&self) -> Option<&sqlx::PgPool> {
        (!self.is_embedded()).then(|| self.writer.inner.get_postgres_connection_pool())
    }

    /// Refuses a schema that a newer version has changed: an old node that meets it stops.
    pub async fn refuse_newer(&self) -> Result<(), StoreError> {
        self.reader.within(refuse_newer(&self.reader.inner)).await
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let answer = self.reader.within(self.reader.inner.ping()).await;
        answer.map_err(|cause| StoreError::Unavailable { attempt: "reach the database", cause })
    }

    /// Closes all connections.
    pub async fn close(self) {
        // What fails here has nothing left to lose: every commit was on disk before.
        let _ = self.reader.inner.close().await;
        let _ = self.writer.inner.close().await;
    }
}

/// Errors: [`StoreError::Newer`] where the database knows a change of the schema that this version does not.
async fn refuse_newer(db: &DatabaseConnection) -> Result<(), StoreError> {
    if !SchemaManager::new(db).has_table("seaql_migrations").await? {
        return Ok(());
    }
    let ours: BTreeSet<String> =
        Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let theirs = Migrator::get_migration_models(db).await?;
    match theirs.into_iter().map(|row| row.version).find(|name| !ours.contains(name)) {
        Some(change) => Err(StoreError::Newer { change }),
        None => Ok(()),
    }
}

/// Two nodes that start together migrate one after the other, under an advisory lock of the session.
async fn migrate_alone(pool: &DatabaseConnection) -> Result<(), DbErr> {
    let gate = pool.begin().await?;
    gate.execute_unprepared("select pg_advisory_xact_lock(7268137426)").await?;
    Migrator::up(pool, None).await?;
    gate.commit().await
}

fn sqlite(path: &str, connections: u32, only_read: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(format!("sqlite:{path}?mode=rwc"));
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(20));
    options.map_sqlx_sqlite_opts(move |options| {
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            // What was said to be stored survives a power cut, not only a crash of the process.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true)
            // Batches of every size come by, each with a statement of its own: 256 of them weighed 40 MB.
            .statement_cache_capacity(32)
            .pragma("temp_store", "memory");
        match only_read {
            true => options.pragma("query_only", "on"),
            // What a fan-out writes again and again stays in memory (16 MB), and is carried from the log into the
            // file in larger strides (4,000 pages are 16 MB).
            false => options.pragma("cache_size", "-16000").pragma("wal_autocheckpoint", "4000"),
        }
    });
    options.map_sqlx_sqlite_pool_opts(|pool| {
        pool.before_acquire(|connection, _| {
            let usable = is_between_transactions(connection);
            Box::pin(async move { Ok(usable) })
        })
    });
    options
}

/// Whether a connection may be used again.
///
/// On a full disk SQLite ends a transaction by itself. The roll-back that follows then fails, and sqlx goes on counting
/// the transaction as open: the next one would be a savepoint in it, and its commit would store nothing. Such a
/// connection is closed, and the pool opens a new one.
fn is_between_transactions(connection: &SqliteConnection) -> bool {
    // The connection's thread rolls back in its own time; the pool has waited for it when it took the connection back.
    !connection.is_in_transaction()
}

/// Whether a row stands in this state. Written out and not bound: only so the planner, which looks at no bound value,
/// sees that an index over that state alone fits.
pub(crate) fn stands(column: impl ColumnTrait, state: &'static str) -> Expr {
    column.into_expr().eq(Expr::cust(format!("'{state}'")))
}

/// Reads JSON that we wrote ourselves.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    id: impl ToString,
    value: &serde_json::Value,
) -> Result<T, StoreError> {
    T::deserialize(value).map_err(|error| StoreError::Corrupt {
        what,
        id: id.to_string(),
        found: format!("JSON that does not read back ({error})"),
    })
}

/// Writes a value of ours as JSON.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).expect("our own types have only text keys")
}
