//! One incident, live or drill.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "incident")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// the short one that people say on the telephone: 事案12
    #[sea_orm(unique)]
    pub number: i32,
    pub playbook_version_id: Uuid,
    pub directory_version_id: Uuid,
    /// live drill
    pub mode: String,
    /// proposed held active stabilised closing closed reviewed cancelled merged
    pub state: String,
    pub title: String,
    pub variables: Json,
    pub opened_at_ms: i64,
    pub opened_by: String,
    /// the trigger that opened it; empty where a person did
    pub trigger_key: Option<String>,
    pub hold_until_ms: Option<i64>,
    /// send suggest
    pub on_hold_timeout: Option<String>,
    pub activated_at_ms: Option<i64>,
    pub stabilised_at_ms: Option<i64>,
    /// since when closing is proposed
    pub closing_at_ms: Option<i64>,
    pub closing_by: Option<String>,
    /// a person said no to the proposal, and its reasons have not gone since
    pub closing_declined: bool,
    pub ended_at_ms: Option<i64>,
    pub ended_by: Option<String>,
    pub end_reason: Option<String>,
    pub merged_into: Option<Uuid>,
    pub review_due_ms: Option<i64>,
    pub reviewed_at_ms: Option<i64>,
    pub reviewed_by: Option<String>,
    pub real_origin_ms: i64,
    pub own_origin_ms: i64,
    /// own milliseconds for each real one
    pub rate: i32,
}

impl ActiveModelBehavior for ActiveModel {}
