//! That something changed, for live pages; never what.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub incident_id: Uuid,
    pub kind: String,
    pub at_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
