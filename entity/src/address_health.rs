//! What is known of one address beside the directory.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "address_health")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    /// agency:hosp_a primary
    pub contact: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub transport: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    /// reported by its reader
    pub wrong_at_ms: Option<i64>,
    pub wrong_note: Option<String>,
    /// refused for good by a relay
    pub refused_at_ms: Option<i64>,
    pub refused_reason: Option<String>,
    /// its owner has taken it down
    pub gone_at_ms: Option<i64>,
    /// last opened or answered
    pub proved_at_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
