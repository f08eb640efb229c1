//! An answer link. Only a part of its token's hash is kept.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "link")]
pub struct Model {
    /// the first 16 bytes of it
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: Vec<u8>,
    /// the first letter that it went out with: whom it belongs to stands there
    pub delivery_id: Uuid,
    pub generation: i32,
    pub revoked_at_ms: Option<i64>,
    /// marks of the browsers whose visible page said that it was opened
    pub opened_by: Json,
}

impl ActiveModelBehavior for ActiveModel {}
