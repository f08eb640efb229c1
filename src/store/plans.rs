//! How SQLite goes about what is asked again and again: it walks through what waits, never through all that there ever
//! was.

use std::sync::{Mutex, PoisonError};

use noroshi_core::{
    id::IncidentId,
    time::{Span, Timestamp},
};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, prelude::async_trait};
use uuid::Uuid;

use super::{
    Store, StoreError, Transaction, audit, delivery, gauge, incident, link, recipient, timer, trigger,
};

/// Tables with a row or more for every recipient or incident that there ever was.
const GROWING: [&str; 12] = [
    "alert",
    "answer",
    "attempt",
    "chronology",
    "delivery",
    "event",
    "incident",
    "incident_role",
    "link",
    "recipient",
    "task",
    "timer",
];
/// Indexes of nothing but what waits.
const WAITING: [&str; 5] =
    ["delivery_claim", "delivery_due", "delivery_leased", "recipient_waiting", "task_open"];

/// A transaction that notes how each statement would be carried out before it is.
struct Watched {
    tx: Transaction,
    /// Steps that walk through a table that grows, each with the statement.
    walks: Mutex<Vec<String>>,
}

impl Watched {
    async fn watch(&self, statement: &Statement) -> Result<(), DbErr> {
        let mut explain = statement.clone();
        explain.sql.insert_str(0, "explain query plan ");
        for row in self.tx.query_all_raw(explain).await? {
            let step: String = row.try_get("", "detail")?;
            let table = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            let grows = table.is_some_and(|table| GROWING.contains(&table));
            let index = step.split("INDEX ").nth(1).and_then(|rest| rest.split(' ').next());
            if grows && index.is_none_or(|index| !WAITING.contains(&index)) {
                let mut walks = self.walks.lock().unwrap_or_else(PoisonError::into_inner);
                walks.push(format!("{step}: {}", statement.sql));
            }
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Watched {
    fn get_database_backend(&self) -> DbBackend {
        self.tx.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.watch(&statement).await?;
        self.tx.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.tx.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.watch(&statement).await?;
        self.tx.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.watch(&statement).await?;
        self.tx.query_all_raw(statement).await
    }

    fn support_returning(&self) -> bool {
        self.tx.support_returning()
    }
}

/// What the workers ask, and what is asked of one incident, each of them once.
async fn look(db: &Watched) -> Result<(), StoreError> {
    let (node, now, lease) = (Uuid::nil(), Timestamp(0), Span::seconds(30));
    let some = || vec![Uuid::nil()];
    for (before, untried) in [(None, false), (Some(1), false), (None, true)] {
        for except in [&[][..], &["west.example".to_owned()]] {
            let wanted = delivery::Wanted { transport: "mail", except, before, untried, n: 64 };
            delivery::next_due(db, wanted).await?;
            delivery::claim(db, wanted, node, now, lease).await?;
        }
    }
    delivery::lost(db, vec![(Uuid::nil(), 1)]).await?;
    delivery::tries(db, some(), "away").await?;
    recipient::changed(db, vec![(Uuid::nil(), 1)]).await?;
    delivery::put_back(db, &some(), node).await?;
    delivery::renew(db, some(), node, now, lease).await?;
    for everyone in [false, true] {
        delivery::abandoned(db, now, everyone, 1, None).await?;
        delivery::abandoned(db, now, everyone, 1, Some(some())).await?;
    }
    delivery::backlog(db, now).await?;
    delivery::withdraw(db, &some(), now).await?;
    timer::next_due(db).await?;
    timer::due(db, now, 200, None).await?;
    timer::due(db, now, 200, Some(some())).await?;
    audit::with_losses(db, &mut None).await?;
    audit::with_losses(db, &mut Some(Uuid::nil())).await?;
    audit::late_timers(db, now).await?;
    audit::late_letters(db, now).await?;
    audit::letters_in_hand(db, now).await?;
    gauge::letters_due(db, now).await?;
    gauge::leases(db, node).await?;
    gauge::unsettled(db, some()).await?;
    gauge::minutes(db, now, 100).await?;
    let one = IncidentId::new(Uuid::nil());
    audit::losses(db, one).await?;
    delivery::of_incident(db, one).await?;
    delivery::withdraw_role_letters(db, one, now).await?;
    delivery::withdraw_notices(db, one, |_| true, now).await?;
    recipient::of_incident(db, one, None, 100).await?;
    recipient::told(db, one).await?;
    recipient::alike(db, one).await?;
    recipient::unsettled(db, one).await?;
    link::find(db, vec![0; 16]).await?;
    incident::reviews_due(db, now).await?;
    incident::open(db).await?;
    trigger::schedules(db).await?;
    Ok(())
}

#[tokio::test]
async fn a_look_walks_through_nothing_that_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}", folder.path().join("noroshi.db").display())).await.unwrap();
    let db = Watched { tx: store.begin().await.unwrap(), walks: Mutex::default() };
    look(&db).await.unwrap();
    let walks = db.walks.into_inner().unwrap();
    assert!(walks.is_empty(), "{}", walks.join("\n"));
}
