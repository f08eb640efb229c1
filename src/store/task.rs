//! Tasks and their photos.

use entity::{photo, task};
use noroshi_core::{
    id::{IncidentId, PhotoId, TaskId},
    task::{State, Task},
    time::Timestamp,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use super::StoreError;

/// One task.
pub async fn get(db: &impl ConnectionTrait, id: TaskId) -> Result<task::Model, StoreError> {
    task::Entity::find_by_id(id.raw())
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "task", id: id.to_string() })
}

/// The tasks of an incident: in the playbook's order, those by hand at the end, repetitions in theirs.
pub async fn of_incident(db: &impl ConnectionTrait, id: IncidentId) -> Result<Vec<task::Model>, StoreError> {
    Ok(task::Entity::find()
        .filter(task::Column::IncidentId.eq(id.raw()))
        .order_by_asc(task::Column::Position)
        .order_by_asc(task::Column::Number)
        .order_by_asc(task::Column::Id)
        .all(db)
        .await?)
}

/// How many required tasks of an incident are neither done nor decided to be not needed.
pub async fn required_open(db: &impl ConnectionTrait, id: IncidentId) -> Result<u64, StoreError> {
    Ok(task::Entity::find()
        .filter(task::Column::IncidentId.eq(id.raw()))
        .filter(task::Column::Required.eq(true))
        .filter(task::Column::State.eq(State::Open.key()))
        .count(db)
        .await?)
}

/// Adds tasks.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<task::Model>) -> Result<(), StoreError> {
    if !rows.is_empty() {
        let rows = rows.into_iter().map(|row| row.into_active_model());
        task::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Saves a task that was read in this transaction, inside of its incident.
pub async fn save(db: &impl ConnectionTrait, row: &mut task::Model) -> Result<(), StoreError> {
    let before = row.version;
    row.version += 1;
    let done = task::Entity::update_many()
        .set(row.clone().into_active_model().reset_all())
        .filter(task::Column::Id.eq(row.id))
        .filter(task::Column::Version.eq(before))
        .exec(db)
        .await?;
    if done.rows_affected == 0 {
        return Err(StoreError::Conflict { what: "task", id: TaskId::new(row.id).to_string() });
    }
    Ok(())
}

/// The core's value of a row.
pub fn value(row: &task::Model) -> Result<Task, StoreError> {
    let state = State::from_key(&row.state).ok_or_else(|| StoreError::Corrupt {
        what: "task",
        id: TaskId::new(row.id).to_string(),
        found: row.state.clone(),
    })?;
    Ok(Task {
        state,
        due: row.due_own_ms.map(Timestamp),
        blocked: row.blocked,
        reminded: u16::try_from(row.reminded).unwrap_or(u16::MAX),
        next_reminder: row.next_own_ms.map(Timestamp),
    })
}

/// Puts the core's value into a row.
pub fn set_value(row: &mut task::Model, value: &Task) {
    row.state = value.state.key().into();
    row.due_own_ms = value.due.map(|due| due.0);
    row.blocked = value.blocked;
    row.reminded = value.reminded.into();
    row.next_own_ms = value.next_reminder.map(|next| next.0);
}

/// Adds a photo.
pub async fn put_photo(db: &impl ConnectionTrait, row: photo::Model) -> Result<(), StoreError> {
    photo::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// One photo.
pub async fn photo(db: &impl ConnectionTrait, id: PhotoId) -> Result<photo::Model, StoreError> {
    photo::Entity::find_by_id(id.raw())
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "photo", id: id.to_string() })
}

/// How many photos there are of a task, and whether this one is among them.
pub async fn photos_of(db: &impl ConnectionTrait, task: Uuid) -> Result<Vec<Uuid>, StoreError> {
    Ok(photo::Entity::find()
        .select_only()
        .column(photo::Column::Id)
        .filter(photo::Column::TaskId.eq(task))
        .order_by_asc(photo::Column::Id)
        .into_tuple()
        .all(db)
        .await?)
}
