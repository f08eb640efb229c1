//! Facts about the installation as a whole.

use entity::setting;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::OnConflict};

use super::StoreError;

/// The value of `key`.
pub async fn get(db: &impl ConnectionTrait, key: &str) -> Result<Option<String>, StoreError> {
    Ok(setting::Entity::find_by_id(key).one(db).await?.map(|row| row.value))
}

/// Writes the value of `key`.
pub async fn put(db: &impl ConnectionTrait, key: &str, value: &str) -> Result<(), StoreError> {
    setting::Entity::insert(setting::ActiveModel { key: Set(key.into()), value: Set(value.into()) })
        .on_conflict(
            OnConflict::column(setting::Column::Key).update_column(setting::Column::Value).to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(())
}
