//! One message by one transport to one address: the outbox. Never deleted.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    /// none for a letter to a role
    pub recipient_id: Option<Uuid>,
    pub letter: Option<i32>,
    pub occasion: String,
    /// the directory's transport
    pub via: String,
    /// what carries it: email, phone, rehearsal …
    pub transport: String,
    pub contact: String,
    pub name: Json,
    pub address: String,
    /// of a mail address, lower case; empty where letters to it are not limited together
    pub domain: String,
    pub language: String,
    /// of a letter to a role
    pub errand: Option<Json>,
    /// lower goes first
    pub priority: i32,
    /// queued leased accepted delivered refused given_up unknown withdrawn
    pub state: String,
    pub due_at_ms: i64,
    pub lease_until_ms: i64,
    pub leased_by: Option<Uuid>,
    /// how often it was leased: whoever holds an older lease writes nothing more
    pub fence: i32,
    pub handed_at_ms: Option<i64>,
    pub attempts: i32,
    /// sent again because the first outcome is unknown
    pub repeat: bool,
    pub reason: Option<String>,
    pub relay: Option<String>,
    pub encrypted: Option<bool>,
    /// The moment for which it was written: after an absence it may lie before the writing
    pub created_at_ms: i64,
    pub ended_at_ms: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
