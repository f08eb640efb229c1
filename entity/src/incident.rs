//! One incident, live or drill.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "incident")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub playbook_version_id: Uuid,
    pub directory_version_id: Uuid,
    /// live drill
    pub mode: String,
    /// active closed cancelled
    pub state: String,
    pub title: String,
    pub variables: Json,
    pub opened_at_ms: i64,
    pub opened_by: String,
    pub ended_at_ms: Option<i64>,
    pub ended_by: Option<String>,
    pub end_reason: Option<String>,
    pub real_origin_ms: i64,
    pub own_origin_ms: i64,
    /// own milliseconds for each real one
    pub rate: i32,
}

impl ActiveModelBehavior for ActiveModel {}
