//! Something that falls due.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "timer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    /// what falls due: `step` of a recipient, `role`, `task`, `report` (whose id this timer has), `raise` an alert
    /// (`subject_key`), `hold` runs out, `review` is due
    pub kind: String,
    pub subject_key: Option<String>,
    pub step: i32,
    /// lower fires first
    pub priority: i32,
    /// in the incident's own time: the truth
    pub due_own_ms: i64,
    /// in real time, derived; empty while paused
    pub due_at_ms: Option<i64>,
    pub fired_at_ms: Option<i64>,
    pub late_by_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
