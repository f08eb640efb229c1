//! One imported content of a playbook; the highest number is in force.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "playbook_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub key: String,
    pub number: i32,
    /// the author's label
    pub version: String,
    pub sha256: String,
    /// the YAML as imported
    pub source: String,
    pub title: Json,
    pub imported_at_ms: i64,
    pub imported_by: String,
    /// the name for people, as it was then
    pub imported_by_name: String,
}

impl ActiveModelBehavior for ActiveModel {}
