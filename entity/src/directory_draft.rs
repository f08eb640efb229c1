//! A directory that somebody looks at before it is imported: one for each account, gone when it is confirmed.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "directory_draft")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account: String,
    /// the version in force when it was made
    pub base_id: Option<Uuid>,
    pub key: String,
    pub file_name: String,
    pub sha256: String,
    pub source: String,
    pub made_at_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}
