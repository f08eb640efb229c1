//! First answers to requests that create, kept for those who ask again.

use entity::idempotency;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::StoreError;

/// The first answer to (scope, key).
pub async fn find(
    db: &impl ConnectionTrait,
    scope: &str,
    key: &str,
) -> Result<Option<idempotency::Model>, StoreError> {
    Ok(idempotency::Entity::find_by_id((scope.to_owned(), key.to_owned())).one(db).await?)
}

/// Keeps the first answer, in the transaction of the work itself.
pub async fn put(db: &impl ConnectionTrait, row: idempotency::Model) -> Result<(), StoreError> {
    idempotency::Entity::insert(idempotency::ActiveModel {
        scope: Set(row.scope),
        key: Set(row.key),
        body_hash: Set(row.body_hash),
        status: Set(row.status),
        body: Set(row.body),
        created_at_ms: Set(row.created_at_ms),
    })
    .exec_without_returning(db)
    .await?;
    Ok(())
}

/// Forgets answers older than `before_ms`.
pub async fn forget(db: &impl ConnectionTrait, before_ms: i64) -> Result<u64, StoreError> {
    let done = idempotency::Entity::delete_many()
        .filter(idempotency::Column::CreatedAtMs.lt(before_ms))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}
