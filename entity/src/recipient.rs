//! One addressee of one alert. Written only with its version: UPDATE … WHERE version = ?.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, Default, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "recipient")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub alert_id: Uuid,
    pub incident_id: Uuid,
    pub position: i32,
    pub agency: Option<String>,
    pub person: Option<String>,
    pub name: Json,
    pub outside: bool,
    /// 第n報: counted among what this recipient was told of the incident
    pub report: i32,
    pub contacts: Json,
    pub version: i32,
    pub state: String,
    pub step: i32,
    pub started_own_ms: Option<i64>,
    pub started_at_ms: Option<i64>,
    pub due_own_ms: Option<i64>,
    pub next_letter: i32,
    pub pending: Json,
    pub decider: Option<Json>,
    pub accepted_at_ms: Option<i64>,
    pub delivered_at_ms: Option<i64>,
    pub opened_at_ms: Option<i64>,
    pub acked_at_ms: Option<i64>,
    pub answered_at_ms: Option<i64>,
    pub failed_at_ms: Option<i64>,
    pub unknown_at_ms: Option<i64>,
    /// the one in force
    pub answer: Option<Json>,
    pub decision: Option<Json>,
    pub decide_since_ms: Option<i64>,
    /// since when its teams are back
    pub released_at_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
