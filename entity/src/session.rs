//! A signed-in browser. Only the hash of its cookie is kept.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    pub account_id: Uuid,
    pub csrf: String,
    /// the role account that its person acts as; key of the directory
    pub acting: Option<String>,
    pub created_at_ms: i64,
    pub seen_at_ms: i64,
    pub ends_at_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
