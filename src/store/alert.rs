//! Alerts.

use entity::alert;
use noroshi_core::{
    alert::Rule,
    id::{AlertId, IncidentId},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
};
use uuid::Uuid;

use super::{StoreError, from_json};

/// One alert.
pub async fn get(db: &impl ConnectionTrait, id: AlertId) -> Result<alert::Model, StoreError> {
    alert::Entity::find_by_id(id.raw())
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "alert", id: id.to_string() })
}

/// Several alerts by their ids, in no order.
pub async fn several(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<Vec<alert::Model>, StoreError> {
    Ok(alert::Entity::find().filter(alert::Column::Id.is_in(ids)).all(db).await?)
}

/// The alerts of an incident, in the order in which they were raised.
pub async fn of_incident(db: &impl ConnectionTrait, id: IncidentId) -> Result<Vec<alert::Model>, StoreError> {
    Ok(alert::Entity::find()
        .filter(alert::Column::IncidentId.eq(id.raw()))
        .order_by_asc(alert::Column::Id)
        .all(db)
        .await?)
}

/// The rule that the alert was raised by.
pub fn rule(row: &alert::Model) -> Result<Rule, StoreError> {
    from_json("alert", AlertId::new(row.id), &row.rule)
}

/// Adds an alert.
pub async fn put(db: &impl ConnectionTrait, row: alert::Model) -> Result<(), StoreError> {
    alert::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Writes how an alert as a whole stands.
pub async fn judge(db: &impl ConnectionTrait, id: Uuid, state: &str, missing: i32) -> Result<(), StoreError> {
    let change = alert::ActiveModel { state: Set(state.into()), missing: Set(missing), ..Default::default() };
    alert::Entity::update_many().set(change).filter(alert::Column::Id.eq(id)).exec(db).await?;
    Ok(())
}

/// Writes the decision about an alert as a whole.
pub async fn decide(
    db: &impl ConnectionTrait,
    id: Uuid,
    decision: serde_json::Value,
) -> Result<(), StoreError> {
    let change = alert::ActiveModel {
        state: Set("decided".into()),
        decision: Set(Some(decision)),
        ..Default::default()
    };
    alert::Entity::update_many().set(change).filter(alert::Column::Id.eq(id)).exec(db).await?;
    Ok(())
}
