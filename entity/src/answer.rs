//! Every answer that ever came, in order.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "answer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub recipient_id: Uuid,
    pub at_ms: i64,
    pub option: String,
    pub fields: Json,
    pub note: String,
    /// the contact whose link was used, or the account
    pub by: String,
    pub by_name: String,
    /// taken by telephone
    pub proxy: bool,
    pub late: bool,
    /// perhaps pressed by a mail scanner: a person has to look
    pub suspect: bool,
}

impl ActiveModelBehavior for ActiveModel {}
