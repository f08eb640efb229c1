//! One try of a delivery.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub delivery_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    /// accepted away try_again refused unknown; unknown to whoever took it back, it may be known to whoever held it
    #[sea_orm(primary_key, auto_increment = false)]
    pub outcome: String,
    pub started_at_ms: i64,
    pub ended_at_ms: i64,
    pub relay: String,
    pub reply: String,
}

impl ActiveModelBehavior for ActiveModel {}
