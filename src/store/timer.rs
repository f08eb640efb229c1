//! Durable timers: one for each recipient whose ladder runs, one for each alert that is to be raised later, one for a
//! hold, one for a look back.

use entity::timer::{Column, Entity, Model};
use noroshi_core::{id::IncidentId, time::Timestamp};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockBehavior, LockType, OnConflict},
};
use uuid::Uuid;

use super::{StoreError, batch::insert_all};

/// The kinds that this program fires. Another one was set by a newer program, and is left for that.
const KINDS: [&str; 7] = ["step", "role", "task", "report", "raise", "review", "hold"];

/// Sets timers. A recipient's timer carries the recipient's id, so that setting it again replaces the former one.
pub async fn set(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<(), StoreError> {
    let again = OnConflict::column(Column::Id)
        .update_columns([
            Column::Step,
            Column::Priority,
            Column::DueOwnMs,
            Column::DueAtMs,
            Column::FiredAtMs,
            Column::LateByMs,
        ])
        .to_owned();
    insert_all::<Entity>(db, rows, Some(again)).await
}

/// Drops timers by their ids.
pub async fn drop(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<(), StoreError> {
    if !ids.is_empty() {
        Entity::delete_many().filter(Column::Id.is_in(ids)).exec(db).await?;
    }
    Ok(())
}

/// Drops an incident's timers of these kinds.
pub async fn drop_kinds(
    db: &impl ConnectionTrait,
    incident: IncidentId,
    kinds: &[&str],
) -> Result<u64, StoreError> {
    let done = Entity::delete_many()
        .filter(Column::IncidentId.eq(incident.raw()))
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// Up to `n` timers that are due: the most urgent first, and of those the longest overdue.
///
/// - `among`: where given, only those of these timers, and locked so that no other node takes them; without it only
///   looked at.
pub async fn due(
    db: &impl ConnectionTrait,
    now: Timestamp,
    n: u64,
    among: Option<Vec<Uuid>>,
) -> Result<Vec<Model>, StoreError> {
    let unfired = Entity::find().filter(Column::FiredAtMs.is_null());
    let mut query = unfired.filter(Column::DueAtMs.lte(now.0)).filter(Column::Kind.is_in(KINDS));
    if let Some(among) = among {
        query = query
            .filter(Column::Id.is_in(among))
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let by_urgency = query.order_by_asc(Column::Priority).order_by_asc(Column::DueAtMs);
    Ok(by_urgency.order_by_asc(Column::Id).limit(n).all(db).await?)
}

/// When the next timer falls due, in real time.
pub async fn next_due(db: &impl ConnectionTrait) -> Result<Option<Timestamp>, StoreError> {
    let due: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::DueAtMs.min(), "due")
        .filter(Column::FiredAtMs.is_null())
        .filter(Column::Kind.is_in(KINDS))
        .into_tuple()
        .one(db)
        .await?;
    Ok(due.flatten().map(Timestamp))
}

/// The timers of an incident that have not fired.
pub async fn of_incident(db: &impl ConnectionTrait, incident: IncidentId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::IncidentId.eq(incident.raw()))
        .filter(Column::FiredAtMs.is_null())
        .order_by_asc(Column::DueOwnMs)
        .all(db)
        .await?)
}
