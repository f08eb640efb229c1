//! The end of each chain: locked while a line is added.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chronology_head")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub incident_id: Uuid,
    pub seq: i32,
    pub hash: String,
}

impl ActiveModelBehavior for ActiveModel {}
