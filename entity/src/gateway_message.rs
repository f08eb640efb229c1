//! A short message by the id that its gateway gave it, and what the gateway told of it.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway_message")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// unknown while only a receipt has come
    pub delivery_id: Option<Uuid>,
    /// delivered failed; nothing while no receipt has come
    pub fate: Option<String>,
    /// the gateway's own word
    pub word: Option<String>,
    pub at_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
