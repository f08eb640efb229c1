//! The databases a test runs on: a fresh SQLite file, or a fresh database on the PostgreSQL server of
//! `TEST_POSTGRES_URL` (`tests/run` starts one).

use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use super::wait::now_ms;

/// Where the tested service keeps its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// `noroshi.db` in the service's own folder.
    Sqlite,
    /// A database of its own; the URL leads to it.
    Postgres {
        /// With the database's name.
        url: String,
    },
}

impl Database {
    /// The value of `database.url`.
    pub fn url(&self, folder: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite:{}", folder.join("noroshi.db").display()),
            Self::Postgres { url } => url.clone(),
        }
    }

    /// `HOST:PORT` of the PostgreSQL server.
    pub fn server(&self) -> String {
        self.split().1.to_owned()
    }

    /// The same database by another address: through a proxy.
    pub fn through(&self, address: &str) -> Self {
        let (user, _, name) = self.split();
        Self::Postgres { url: format!("{user}@{address}/{name}") }
    }

    /// `postgres://USER`, `HOST:PORT` and the database's name.
    fn split(&self) -> (&str, &str, &str) {
        let Self::Postgres { url } = self else { panic!("only PostgreSQL is reached by a line") };
        let (user, rest) = url.split_once('@').expect("postgres://USER@HOST:PORT/NAME");
        let (server, name) = rest.split_once('/').expect("postgres://USER@HOST:PORT/NAME");
        (user, server, name)
    }

    /// `sqlite` or `postgres`, for the messages of a failed test.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }
}

/// Runs `test` on every database that `TEST_DATABASE` (`sqlite`, `postgres`, `both`) names, both at the same time.
///
/// Without the variable: both where a PostgreSQL server is given, SQLite alone otherwise; in CI a missing server is a
/// failure, so that half of the tests cannot fall silent.
pub async fn on_each_database(test: impl AsyncFn(Database)) {
    let server = std::env::var("TEST_POSTGRES_URL").ok();
    let wanted = std::env::var("TEST_DATABASE").unwrap_or_else(|_| {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        if server.is_some() || ci { "both" } else { "sqlite" }.to_owned()
    });
    let sqlite = matches!(wanted.as_str(), "sqlite" | "both");
    let postgres = matches!(wanted.as_str(), "postgres" | "both");
    assert!(sqlite || postgres, "TEST_DATABASE is sqlite, postgres or both, not {wanted:?}");
    futures_util::future::join(
        async {
            if sqlite {
                test(Database::Sqlite).await;
            }
        },
        async {
            if postgres {
                let server =
                    server.expect("TEST_POSTGRES_URL names a PostgreSQL server; tests/run starts one");
                let fresh = FreshDatabase::create(&server).await;
                test(Database::Postgres { url: fresh.url.clone() }).await;
                fresh.drop().await;
            }
        },
    )
    .await;
}

impl Database {
    /// Runs `test` on one more fresh database of the same PostgreSQL server.
    pub async fn another(&self, test: &impl AsyncFn(Database)) {
        let (user, server, _) = self.split();
        let fresh = FreshDatabase::create(&format!("{user}@{server}/postgres")).await;
        test(Database::Postgres { url: fresh.url.clone() }).await;
        fresh.drop().await;
    }
}

/// Runs `test` on PostgreSQL alone, for what only several nodes can do; nothing where `TEST_DATABASE` is `sqlite`, or
/// where no server is given outside of CI.
pub async fn on_postgres(test: impl AsyncFn(Database)) {
    on_each_database(async |database| {
        if database != Database::Sqlite {
            test(database).await;
        }
    })
    .await;
}

/// A database made for one test. One that a failed test leaves behind goes with the server's folder.
struct FreshDatabase {
    server: String,
    name: String,
    url: String,
}

impl FreshDatabase {
    async fn create(server: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("noroshi_{}_{}_{number}", now_ms(), std::process::id());
        let (base, _) = server.rsplit_once('/').expect("TEST_POSTGRES_URL ends with /DATABASE");
        let url = format!("{base}/{name}");
        execute(server, format!("CREATE DATABASE {name}")).await;
        Self { server: server.to_owned(), name, url }
    }

    async fn drop(self) {
        execute(&self.server, format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

impl Database {
    /// Runs one statement, as somebody with the database's own tools does; `folder` is that of the service.
    pub async fn change(&self, folder: &Path, statement: &str) {
        match self {
            Self::Postgres { url } => execute(url, statement.to_owned()).await,
            Self::Sqlite => {
                let mut file =
                    SqliteConnection::connect(&self.url(folder)).await.expect("the service's file");
                let run = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut file).await;
                run.expect("a statement of the tests");
                file.close().await.expect("an orderly end of the connection");
            }
        }
    }

    /// When the timers of this kind fall due, in their incident's own time, in order.
    pub async fn timers(&self, folder: &Path, kind: &str) -> Vec<i64> {
        let query = format!("select due_own_ms from timer where kind = '{kind}' order by due_own_ms");
        let query = sqlx::AssertSqlSafe(query);
        let rows: Result<Vec<(i64,)>, _> = match self {
            Self::Postgres { url } => {
                let mut one = PgConnection::connect(url).await.expect("the service's database");
                sqlx::query_as(query).fetch_all(&mut one).await
            }
            Self::Sqlite => {
                let mut file =
                    SqliteConnection::connect(&self.url(folder)).await.expect("the service's file");
                sqlx::query_as(query).fetch_all(&mut file).await
            }
        };
        rows.expect("a query of the tests").into_iter().map(|(due,)| due).collect()
    }

    /// Every recipient of an incident (32 digits) as its row says: id (32 digits), state, and the moment of its timer.
    pub async fn recipients(&self, folder: &Path, incident: &str) -> Vec<(String, String, Option<i64>)> {
        let query = |digits: fn(&str) -> String| {
            let (id, of) = (digits("recipient.id"), digits("recipient.incident_id"));
            format!(
                "select {id}, recipient.state, timer.due_at_ms from recipient left join timer \
                 on timer.id = recipient.id and timer.kind = 'step' and timer.fired_at_ms is null \
                 where {of} = '{incident}'"
            )
        };
        match self {
            Self::Postgres { url } => {
                let mut one = PgConnection::connect(url).await.expect("the service's database");
                let query = query(|column| format!("replace({column}::text, '-', '')"));
                let rows = sqlx::query_as(sqlx::AssertSqlSafe(query)).fetch_all(&mut one).await;
                rows.expect("a query of the tests")
            }
            Self::Sqlite => {
                let mut file =
                    SqliteConnection::connect(&self.url(folder)).await.expect("the service's file");
                let query = query(|column| format!("lower(hex({column}))"));
                let rows = sqlx::query_as(sqlx::AssertSqlSafe(query)).fetch_all(&mut file).await;
                rows.expect("a query of the tests")
            }
        }
    }

    /// Runs one statement on PostgreSQL.
    pub async fn execute(&self, statement: &str) {
        match self {
            Self::Postgres { url } => execute(url, statement.to_owned()).await,
            Self::Sqlite => panic!("this statement of the tests runs on PostgreSQL"),
        }
    }

    /// Keeps everybody else from a table of PostgreSQL until what comes back is dropped.
    pub async fn lock(&self, table: &str) -> PgConnection {
        let Self::Postgres { url } = self else { panic!("tables are locked on PostgreSQL") };
        let mut held = PgConnection::connect(url).await.expect("the test's own database");
        let lock = format!("begin; lock table {table} in access exclusive mode");
        held.execute(sqlx::AssertSqlSafe(lock)).await.expect("a lock");
        held
    }
}

async fn execute(server: &str, statement: String) {
    let mut connection =
        PgConnection::connect(server).await.expect("the PostgreSQL server of TEST_POSTGRES_URL");
    connection.execute(sqlx::AssertSqlSafe(statement)).await.expect("a statement of the harness");
    connection.close().await.expect("an orderly end of the connection");
}
