//! One imported content of the directory; the highest number is in force.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "directory_version")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub number: i32,
    pub key: String,
    pub sha256: String,
    /// the YAML as imported
    pub source: String,
    pub imported_at_ms: i64,
    pub imported_by: String,
}

impl ActiveModelBehavior for ActiveModel {}
