//! Documents of playbook versions.

use entity::attachment::{Column, Entity, Model};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::StoreError;

/// Adds documents, each in a statement of its own: they are few and large.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<(), StoreError> {
    for row in rows {
        Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    }
    Ok(())
}

/// The documents of a version, by name.
pub async fn of_version(db: &impl ConnectionTrait, version: Uuid) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::PlaybookVersionId.eq(version))
        .order_by_asc(Column::Name)
        .all(db)
        .await?)
}

/// One document of a version.
pub async fn get(db: &impl ConnectionTrait, version: Uuid, name: &str) -> Result<Model, StoreError> {
    Entity::find_by_id((version, name.to_owned()))
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "document", id: name.to_owned() })
}
