//! An answer link. Only the hash of its token is kept.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "link")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    pub recipient_id: Uuid,
    pub contact: String,
    pub name: Json,
    pub language: String,
    pub generation: i32,
    pub revoked_at_ms: Option<i64>,
    /// marks of the browsers whose visible page said that it was opened
    pub opened_by: Json,
}

impl ActiveModelBehavior for ActiveModel {}
