//! Something that should have happened and did not.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "finding")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    /// step_lost alert_lost (set right at once) timers_late letters_late letters_in_hand (stand until they are over)
    pub kind: String,
    /// how many timers, letters or recipients
    pub items: i32,
    /// since when the oldest of them should have happened
    pub since_ms: i64,
    pub found_at_ms: i64,
    /// set right, or over by itself
    pub ended_at_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
