//! What an event led to in one playbook, and why.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "trigger_outcome")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub trigger_event_id: Uuid,
    pub playbook: String,
    pub trigger_key: String,
    /// live drill
    pub mode: String,
    /// suggest hold send attach ignore nothing refused
    pub decision: String,
    pub reason: Json,
    pub dedupe_key: Option<String>,
    pub incident_id: Option<Uuid>,
    pub at_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
