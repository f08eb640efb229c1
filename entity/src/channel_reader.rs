//! How far somebody has read a channel.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "channel_reader")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub channel_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    /// account:…
    pub reader: String,
    pub name: String,
    pub read_at_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
