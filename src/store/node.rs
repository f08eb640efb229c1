//! The processes that serve this database, each with its last sign of life.

use entity::node::{ActiveModel, Column, Entity, Model};
use noroshi_core::time::{Span, Timestamp};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::OnConflict,
};
use uuid::Uuid;

use super::StoreError;

/// A node of which nothing was heard for so long is forgotten: somebody has seen by then that it is gone.
const FORGOTTEN: Span = Span::minutes(24 * 60);

/// A node's sign of life.
pub async fn beat(db: &impl ConnectionTrait, row: Model) -> Result<(), StoreError> {
    let seen = Timestamp(row.seen_at_ms);
    let row: ActiveModel = row.into_active_model();
    Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::Id)
                .update_columns([Column::Name, Column::State, Column::SeenAtMs])
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Entity::delete_many().filter(Column::SeenAtMs.lt(seen.0 - FORGOTTEN.0)).exec(db).await?;
    Ok(())
}

/// Forgets nodes of this name whose last sign came before `since`: one that is started again in their place is not
/// missed. What they had in hand goes by its leases, which do not stand here.
pub async fn replace(db: &impl ConnectionTrait, name: &str, since: Timestamp) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::Name.eq(name)).filter(Column::SeenAtMs.lt(since.0)).exec(db).await?;
    Ok(())
}

/// Forgets a node that stopped in order, or all: the embedded database is served by one process alone.
pub async fn leave(db: &impl ConnectionTrait, node: Option<Uuid>) -> Result<(), StoreError> {
    let mut query = Entity::delete_many();
    if let Some(node) = node {
        query = query.filter(Column::Id.eq(node));
    }
    query.exec(db).await?;
    Ok(())
}

/// All nodes, the eldest first.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().order_by_asc(Column::StartedAtMs).order_by_asc(Column::Id).all(db).await?)
}
