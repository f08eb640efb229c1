//! A document that goes with alerts of a playbook, kept with the version that names it.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attachment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub playbook_version_id: Uuid,
    /// as the playbook names it: `maps/staging.pdf`
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub media_type: String,
    pub sha256: String,
    pub bytes: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
