//! One situation report of an incident: the n-th of its kind.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "report")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    /// of the playbook
    pub key: String,
    pub number: i32,
    /// due submitted returned approved skipped ended
    pub state: String,
    pub version: i32,
    pub due_own_ms: i64,
    /// what reminders and the decision count from
    pub base_own_ms: i64,
    pub stage: i32,
    /// when its timer fires, own time
    pub next_own_ms: Option<i64>,
    pub decider: Option<Json>,
    pub decide_since_ms: Option<i64>,
    pub fields: Option<Json>,
    /// keys whose values differ from the report before
    pub changed: Option<Json>,
    pub written_at_ms: Option<i64>,
    pub written_by: Option<String>,
    pub approved_at_ms: Option<i64>,
    pub approved_by: Option<String>,
    pub returned_because: Option<String>,
    pub decision: Option<Json>,
    pub ended_at_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
