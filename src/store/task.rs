//! Tasks and their photos.

use super::{StoreError, batch::insert_all};
use entity::{photo, task};
use noroshi_core::{
    id::{IncidentId, PhotoId, TaskId},
    task::{State, Task},
    time::Timestamp,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};

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

/// Adds tasks.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<task::Model>) -> Result<(), StoreError> {
    insert_all::<task::Entity>(db, rows, None).await
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
