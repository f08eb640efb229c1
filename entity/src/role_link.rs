//! The link of a letter to a role holder. Only the hash of its token is kept.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "role_link")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    pub delivery_id: Uuid,
    pub incident_id: Uuid,
    /// whose letter it is; key of the directory
    pub person: String,
    /// of an offer: the chair
    pub role_id: Option<Uuid>,
    pub offer_number: Option<i32>,
    /// of a call or a decision: about whom
    pub recipient_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}
