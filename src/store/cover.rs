//! Who stands in for whom on a roster.

use entity::roster_cover::{ActiveModel, Column, Entity, Model};
use noroshi_core::{directory::Cover, time::Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};
use uuid::Uuid;

use super::StoreError;

/// All that were not taken back, past ones too, in the order of their beginning.
pub async fn standing(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::EndedAtMs.is_null())
        .order_by_asc(Column::FromMs)
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// One of them.
pub async fn get(db: &impl ConnectionTrait, id: Uuid) -> Result<Model, StoreError> {
    Entity::find_by_id(id)
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "cover", id: id.to_string() })
}

/// Adds one.
pub async fn put(db: &impl ConnectionTrait, row: Model) -> Result<(), StoreError> {
    Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Takes one back.
pub async fn end(db: &impl ConnectionTrait, id: Uuid, by: &str, at: Timestamp) -> Result<(), StoreError> {
    let change = ActiveModel {
        ended_by_name: Set(Some(by.into())),
        ended_at_ms: Set(Some(at.0)),
        ..Default::default()
    };
    Entity::update_many().set(change).filter(Column::Id.eq(id)).exec(db).await?;
    Ok(())
}

/// As the core knows it.
pub fn cover(row: &Model) -> Cover {
    Cover {
        roster: row.roster.clone(),
        absent: row.absent.clone(),
        stand_in: row.stand_in.clone(),
        from: Timestamp(row.from_ms),
        to: Timestamp(row.to_ms),
    }
}
