//! One message in a channel.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub incident_id: Uuid,
    pub channel_id: Uuid,
    pub at_ms: i64,
    /// account:… or system
    pub author: String,
    pub author_name: String,
    pub organisation: String,
    pub text: Json,
    /// order unconfirmed
    pub mark: Option<String>,
    /// the channel in which it was said first
    pub relayed_from: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}
