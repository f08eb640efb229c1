//! A photo that somebody took as evidence of a task, as it came.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "photo")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    pub task_id: Uuid,
    /// image/jpeg image/png
    pub media_type: String,
    pub name: String,
    pub size_bytes: i64,
    pub sha256: String,
    pub bytes: Vec<u8>,
    pub taken_in_at_ms: i64,
    pub taken_in_by: String,
}

impl ActiveModelBehavior for ActiveModel {}
