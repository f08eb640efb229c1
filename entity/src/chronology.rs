//! What happened, append-only, two clocks, hash-chained.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chronology")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub incident_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i32,
    pub occurred_at_ms: i64,
    pub recorded_at_ms: i64,
    pub kind: String,
    pub from_party: Json,
    pub to_party: Json,
    pub text: Json,
    pub actor: String,
    /// the seq that it corrects
    pub corrects: Option<i32>,
    pub hash: String,
}

impl ActiveModelBehavior for ActiveModel {}
