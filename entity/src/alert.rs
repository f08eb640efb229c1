//! One alert of an incident, with the rule it was raised by.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "alert")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    pub key: String,
    /// 第n報
    pub number: i32,
    pub rule: Json,
    /// open reached to_decide decided superseded
    pub state: String,
    pub missing: i32,
    /// raised by closing or cancelling
    pub ending: bool,
    /// the alert that this one follows up
    pub follows: Option<Uuid>,
    /// update correction withdrawal
    pub follow_up: Option<String>,
    pub raised_by: String,
    pub raised_at_ms: i64,
    pub decision: Option<Json>,
}

impl ActiveModelBehavior for ActiveModel {}
