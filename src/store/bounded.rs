//! Questions to the database that end.
//!
//! A peer that vanishes without a word (its machine has lost its power, a firewall has forgotten the line) answers
//! nothing: the kernel goes on sending for a quarter of an hour before it gives a line up, and sqlx offers no other
//! bound for it. So every question to PostgreSQL has a limit of its own. A connection whose question was given up is
//! asked for a sign of life before it is used again, and one that has lain idle is, too; one that gives none is closed.
//!
//! The embedded database has no peer and no limit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, RuntimeErr, Statement, TransactionOptions, TransactionTrait, prelude::async_trait,
};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::StoreError;

/// How long a question may take. Longer than anything that the service asks, and than whatever a person waits for.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a sign of life may take.
const PULSE: Duration = Duration::from_secs(3);
/// A connection that was idle for so long is asked for a sign of life before it is used.
const IDLE: Duration = Duration::from_secs(1);
/// So many connections that come back are tested after a question was given up: more than the pool has.
const TESTED: u32 = 32;
/// So many idle connections are closed unasked after one gave no sign of life: as many as the pool has. To ask each of
/// them in turn would keep whoever waits for the first good one waiting for long.
const CLOSED: u32 = 16;

/// A connection, a pool or a transaction that keeps nobody waiting for ever.
#[derive(Clone, Debug)]
pub struct Bounded<C> {
    pub(super) inner: C,
    pub(super) doubt: Option<Doubt>,
}

/// A transaction.
pub type Transaction = Bounded<DatabaseTransaction>;

/// What is to be done still with connections of which nobody knows whether they live.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt(Arc<Left>);

#[derive(Debug, Default)]
struct Left {
    /// So many that come back are tested.
    tested: AtomicU32,
    /// So many that lie idle are closed.
    closed: AtomicU32,
}

impl Doubt {
    /// Lets a pool of PostgreSQL close connections whose peer has vanished.
    pub(super) fn watch(&self, options: &mut ConnectOptions) {
        let doubt = self.clone();
        options.test_before_acquire(false).map_sqlx_postgres_before_acquire(move |connection, meta| {
            let doubt = doubt.clone();
            Box::pin(async move {
                if meta.idle_for < IDLE {
                    return Ok(true);
                }
                if take(&doubt.0.closed) {
                    return Ok(false);
                }
                doubt.sign_of_life(connection).await.map(|()| true)
            })
        });
        let doubt = self.clone();
        options.map_sqlx_postgres_pool_opts(move |pool| {
            let doubt = doubt.clone();
            pool.after_release(move |connection, _| {
                let doubt = doubt.clone();
                Box::pin(async move {
                    if take(&doubt.0.tested) {
                        doubt.sign_of_life(connection).await?;
                    }
                    Ok(true)
                })
            })
        });
    }

    async fn sign_of_life(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let silent = |_| {
            self.0.closed.store(CLOSED, Ordering::Relaxed);
            std::io::Error::new(std::io::ErrorKind::TimedOut, "the database gives no sign of life")
        };
        timeout(PULSE, connection.ping()).await.map_err(silent)?
    }
}

fn take(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

/// A question that is under way. Dropped before it was answered, also because whoever asked has gone, it leaves a doubt.
struct Asking<'a>(Option<&'a Doubt>);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(Doubt(left)) = self.0 {
            left.tested.store(TESTED, Ordering::Relaxed);
        }
    }
}

impl<C> Bounded<C> {
    /// Waits for an answer, within the limit.
    pub(super) async fn within<T, E: From<DbErr>>(
        &self,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        within(self.doubt.as_ref(), question).await
    }
}

async fn within<T, E: From<DbErr>>(
    doubt: Option<&Doubt>,
    question: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let Some(doubt) = doubt else { return question.await };
    let mut asking = Asking(Some(doubt));
    let answer = timeout(PATIENCE, question).await;
    if answer.is_ok() {
        asking.0 = None;
    }
    answer.unwrap_or_else(|_| {
        let silent = format!("the database has not answered for {} s", PATIENCE.as_secs());
        Err(DbErr::Conn(RuntimeErr::Internal(silent)).into())
    })
}

impl Bounded<DatabaseConnection> {
    /// Begins a transaction.
    pub(super) async fn begin(&self, options: TransactionOptions) -> Result<Transaction, StoreError> {
        let begun = self.within(self.inner.begin_with_options(options)).await;
        let inner =
            begun.map_err(|cause| StoreError::Unavailable { attempt: "begin a transaction", cause })?;
        Ok(Bounded { inner, doubt: self.doubt.clone() })
    }
}

impl Transaction {
    /// Makes it last.
    ///
    /// Errors: [`StoreError::Doubtful`] unless it was the database that refused it.
    pub async fn commit(self) -> Result<(), StoreError> {
        let done: Result<(), DbErr> = within(self.doubt.as_ref(), self.inner.commit()).await;
        done.map_err(|cause| match is_refusal(&cause) {
            true => StoreError::Unavailable { attempt: "commit", cause },
            false => StoreError::Doubtful { cause },
        })
    }
}

/// Whether it is the database that said no. A server that goes down (57P…) says so in the middle of anything.
fn is_refusal(cause: &DbErr) -> bool {
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = cause
    else {
        return false;
    };
    let code = cause.as_database_error().map(|error| error.code().unwrap_or_default());
    code.is_some_and(|code| !code.starts_with("57P"))
}

#[async_trait::async_trait]
impl<C: ConnectionTrait> ConnectionTrait for Bounded<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.within(self.inner.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.within(self.inner.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.within(self.inner.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.within(self.inner.query_all_raw(statement)).await
    }

    fn support_returning(&self) -> bool {
        self.inner.support_returning()
    }
}
