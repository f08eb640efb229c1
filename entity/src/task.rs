//! One task of an incident.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "task")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    /// of the playbook; none for one made by hand
    pub key: Option<String>,
    /// the how-manieth of its key
    pub number: i32,
    pub position: i32,
    pub title: Json,
    /// key of the playbook
    pub role: String,
    pub required: bool,
    /// whom or what it concerns, where it was opened by an answer
    pub about: Option<Json>,
    /// whose answer opened it
    pub recipient_id: Option<Uuid>,
    /// open done not_needed ended
    pub state: String,
    pub version: i32,
    pub created_at_ms: i64,
    pub created_own_ms: i64,
    pub created_by: String,
    pub due_own_ms: Option<i64>,
    /// another task has to be settled first
    pub blocked: bool,
    pub reminded: i32,
    /// when the next reminder is given, own time
    pub next_own_ms: Option<i64>,
    pub evidence: Option<Json>,
    /// of its form
    pub fields: Option<Json>,
    pub note: String,
    pub settled_at_ms: Option<i64>,
    pub settled_own_ms: Option<i64>,
    pub settled_by: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
