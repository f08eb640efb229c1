//! One process that serves this database. A node that stopped in order takes its row with it.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "node")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// machine and port
    pub name: String,
    pub version: String,
    /// serving draining
    pub state: String,
    pub started_at_ms: i64,
    pub seen_at_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
