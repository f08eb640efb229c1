//! Something happened, says a source.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "trigger_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub source: String,
    /// only triggers of this key listen
    pub trigger_key: Option<String>,
    /// the source's own name for the happening
    pub event_id: String,
    /// live drill
    pub mode: String,
    pub content: Json,
    pub occurred_at_ms: i64,
    pub recorded_at_ms: i64,
    /// how much later than the calendar said
    pub late_by_ms: Option<i64>,
    pub reported_by: String,
    /// told again under the same name, it does nothing more
    #[sea_orm(unique)]
    pub once: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
