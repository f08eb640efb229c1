//! The first answer to a request that creates, given again to the same request.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    /// who asked
    pub scope: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub body_hash: String,
    pub status: i32,
    pub body: String,
    pub created_at_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
