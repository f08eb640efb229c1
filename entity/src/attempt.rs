//! One try of a delivery.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub delivery_id: Uuid,
    pub number: i32,
    pub started_at_ms: i64,
    pub ended_at_ms: i64,
    /// accepted try_again refused unknown
    pub outcome: String,
    pub relay: String,
    pub reply: String,
}

impl ActiveModelBehavior for ActiveModel {}
