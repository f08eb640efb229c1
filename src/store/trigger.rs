//! Trigger events with what each led to, and when scheduled triggers ring next.

use entity::{counter, schedule, trigger_event, trigger_outcome};
use noroshi_core::time::Timestamp;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::{StoreError, batch::insert_all};

/// The next number under `key`, from 1. Whoever asks next waits until this transaction ends.
pub async fn count(db: &impl ConnectionTrait, key: &str) -> Result<i64, StoreError> {
    use counter::{Column, Entity};
    let one_more = Expr::col((Entity, Column::Value)).add(1);
    let row = Entity::insert(counter::ActiveModel { key: Set(key.into()), value: Set(1) })
        .on_conflict(OnConflict::column(Column::Key).value(Column::Value, one_more).to_owned())
        .exec_with_returning(db)
        .await?;
    Ok(row.value)
}

/// Adds an event. Returns whether it is new: one that is known under the same `once` is left as it is.
pub async fn put(db: &impl ConnectionTrait, row: trigger_event::Model) -> Result<bool, StoreError> {
    use trigger_event::{Column, Entity};
    let added = Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::column(Column::Once).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(added > 0)
}

/// The event that is known under this `once`.
pub async fn by_once(
    db: &impl ConnectionTrait,
    once: &str,
) -> Result<Option<trigger_event::Model>, StoreError> {
    Ok(trigger_event::Entity::find().filter(trigger_event::Column::Once.eq(once)).one(db).await?)
}

/// Events, newest first; after `after` where given.
pub async fn list(
    db: &impl ConnectionTrait,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<trigger_event::Model>, StoreError> {
    let mut query = trigger_event::Entity::find();
    if let Some(after) = after {
        query = query.filter(trigger_event::Column::Id.lt(after));
    }
    Ok(query.order_by_desc(trigger_event::Column::Id).limit(limit).all(db).await?)
}

/// Adds what an event led to.
pub async fn put_outcomes(
    db: &impl ConnectionTrait,
    rows: Vec<trigger_outcome::Model>,
) -> Result<(), StoreError> {
    insert_all::<trigger_outcome::Entity>(db, rows, None).await
}

/// What these events led to, in the order in which it was decided.
pub async fn outcomes(
    db: &impl ConnectionTrait,
    events: Vec<Uuid>,
) -> Result<Vec<trigger_outcome::Model>, StoreError> {
    Ok(trigger_outcome::Entity::find()
        .filter(trigger_outcome::Column::TriggerEventId.is_in(events))
        .order_by_asc(trigger_outcome::Column::Id)
        .all(db)
        .await?)
}

/// The outcome that opened an incident.
pub async fn opening(
    db: &impl ConnectionTrait,
    incident: Uuid,
) -> Result<Option<trigger_outcome::Model>, StoreError> {
    Ok(trigger_outcome::Entity::find()
        .filter(trigger_outcome::Column::IncidentId.eq(incident))
        .order_by_asc(trigger_outcome::Column::Id)
        .one(db)
        .await?)
}

/// What a trigger has opened since `since` for the same happening.
pub async fn openings(
    db: &impl ConnectionTrait,
    playbook: &str,
    trigger: &str,
    mode: &str,
    dedupe_key: &str,
    since: Timestamp,
) -> Result<Vec<trigger_outcome::Model>, StoreError> {
    use trigger_outcome::Column as C;
    Ok(trigger_outcome::Entity::find()
        .filter(C::Playbook.eq(playbook))
        .filter(C::TriggerKey.eq(trigger))
        .filter(C::Mode.eq(mode))
        .filter(C::DedupeKey.eq(dedupe_key))
        .filter(C::Decision.is_in(["suggest", "hold", "send"]))
        .filter(C::AtMs.gt(since.0))
        .all(db)
        .await?)
}

/// Every scheduled trigger that is known.
pub async fn schedules(db: &impl ConnectionTrait) -> Result<Vec<schedule::Model>, StoreError> {
    Ok(schedule::Entity::find().order_by_asc(schedule::Column::NextAtMs).all(db).await?)
}

/// Writes when a scheduled trigger rings next, where the table still says `before` (`None`: nothing yet). Returns
/// whether it did: of several nodes one alone rings.
pub async fn reschedule(
    db: &impl ConnectionTrait,
    before: Option<&schedule::Model>,
    row: schedule::Model,
) -> Result<bool, StoreError> {
    use schedule::{Column as C, Entity};
    let Some(before) = before else {
        let added = Entity::insert(row.into_active_model())
            .on_conflict(OnConflict::columns([C::Playbook, C::TriggerKey]).do_nothing().to_owned())
            .exec_without_returning(db)
            .await?;
        return Ok(added > 0);
    };
    let same = match before.next_at_ms {
        Some(at) => C::NextAtMs.eq(at),
        None => C::NextAtMs.is_null(),
    };
    let change = schedule::ActiveModel {
        rule: Set(row.rule.clone()),
        next_at_ms: Set(row.next_at_ms),
        ..Default::default()
    };
    let done = Entity::update_many()
        .set(change)
        .filter(C::Playbook.eq(&row.playbook))
        .filter(C::TriggerKey.eq(&row.trigger_key))
        .filter(C::Rule.eq(&before.rule))
        .filter(same)
        .exec(db)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Drops a schedule whose trigger is gone.
pub async fn unschedule(db: &impl ConnectionTrait, row: &schedule::Model) -> Result<(), StoreError> {
    schedule::Entity::delete_by_id((row.playbook.clone(), row.trigger_key.clone())).exec(db).await?;
    Ok(())
}
