//! A one-time link by which an account is made. Only its hash is kept.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "setup_link")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    pub role: String,
    /// Signs this account in; without one, an account is made.
    pub account_id: Option<Uuid>,
    pub created_at_ms: i64,
    pub ends_at_ms: i64,
    pub used_at_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
