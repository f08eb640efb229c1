//! Imported playbooks; the highest number of a key is in force.

use entity::playbook_version::{self, Column, Entity, Model};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Func, Query},
};
use uuid::Uuid;

use super::StoreError;

/// The version in force of one playbook.
pub async fn latest(db: &impl ConnectionTrait, key: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Key.eq(key)).order_by_desc(Column::Number).limit(1).one(db).await?)
}

/// The version in force of every playbook, by key.
pub async fn all_latest(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    let newest = Query::select()
        .column(Column::Key)
        .expr(Func::max(Expr::col(Column::Number)))
        .from(playbook_version::Entity)
        .group_by_col(Column::Key)
        .to_owned();
    let pair = Expr::tuple([Expr::col(Column::Key), Expr::col(Column::Number)]);
    Ok(Entity::find().filter(pair.in_subquery(newest)).order_by_asc(Column::Key).all(db).await?)
}

/// One version.
pub async fn version(db: &impl ConnectionTrait, id: Uuid) -> Result<Model, StoreError> {
    Entity::find_by_id(id)
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "playbook version", id: id.to_string() })
}

/// The version of one playbook with this number.
pub async fn by_number(
    db: &impl ConnectionTrait,
    key: &str,
    number: i32,
) -> Result<Option<Model>, StoreError> {
    let one = Entity::find().filter(Column::Key.eq(key)).filter(Column::Number.eq(number));
    Ok(one.one(db).await?)
}

/// Every version of one playbook, the newest first.
pub async fn history(db: &impl ConnectionTrait, key: &str) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Key.eq(key)).order_by_desc(Column::Number).all(db).await?)
}

/// Adds a version.
pub async fn put(db: &impl ConnectionTrait, row: Model) -> Result<(), StoreError> {
    Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}
