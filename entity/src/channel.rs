//! A place where people of an incident talk.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "channel")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    pub key: String,
    pub position: i32,
    pub title: Json,
    pub outside: bool,
    pub relay_to: Option<String>,
    pub members: Json,
}

impl ActiveModelBehavior for ActiveModel {}
