//! Somebody stands in for somebody on a roster. Never deleted: it is its own record.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "roster_cover")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// key of the directory; none is every roster of the absent person
    pub roster: Option<String>,
    /// key of the directory
    pub absent: String,
    /// key of the directory
    pub stand_in: String,
    pub from_ms: i64,
    pub to_ms: i64,
    pub because: String,
    pub made_by: String,
    pub made_by_name: String,
    pub made_at_ms: i64,
    /// taken back
    pub ended_by_name: Option<String>,
    pub ended_at_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
