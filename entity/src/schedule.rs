//! When a scheduled trigger rings next.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "schedule")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub playbook: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub trigger_key: String,
    /// rule and zone that the next moment was reckoned by
    pub rule: String,
    pub next_at_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
