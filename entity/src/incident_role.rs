//! A chair of an incident: who sits in it, and who is asked to.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "incident_role")]
pub struct Model {
    /// of its timer, too
    #[sea_orm(unique)]
    pub id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub incident_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub position: i32,
    pub title: Json,
    /// vacant offered accepted handing_over
    pub state: String,
    /// who has accepted; key of the directory
    pub person: Option<String>,
    pub name: Option<Json>,
    /// since when the holder has held it, or it has been empty
    pub since_ms: i64,
    /// when it was accepted for the first time
    pub accepted_at_ms: Option<i64>,
    /// who is asked now; key of the directory
    pub offered_to: Option<String>,
    pub offered_name: Option<Json>,
    /// who asks, where it is a person
    pub offered_by: Option<String>,
    pub offered_at_ms: Option<i64>,
    /// in the incident's own time
    pub offer_until_own_ms: Option<i64>,
    /// offers so far
    pub offer_number: i32,
    /// whom this round has asked in vain; keys of the directory
    pub asked: Json,
}

impl ActiveModelBehavior for ActiveModel {}
