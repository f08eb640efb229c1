//! Who sits in a chair of an incident.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "incident_role")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub incident_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub position: i32,
    pub title: Json,
    /// key of the directory
    pub person: Option<String>,
    pub name: Option<Json>,
    pub since_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
