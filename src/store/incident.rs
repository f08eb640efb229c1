//! Incidents and their chairs.

use entity::{incident, incident_role};
use noroshi_core::{
    id::IncidentId,
    time::{Timeline, Timestamp},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, sea_query::LockType,
};
use uuid::Uuid;

use super::StoreError;

/// One incident.
pub async fn get(db: &impl ConnectionTrait, id: IncidentId) -> Result<incident::Model, StoreError> {
    incident::Entity::find_by_id(id.raw())
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "incident", id: id.to_string() })
}

/// Locks incidents until the transaction ends, in the order of their ids, so that two transactions never wait for
/// each other. Rows that refer to an incident can still be added by others.
pub async fn lock(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<(), StoreError> {
    incident::Entity::find()
        .select_only()
        .column(incident::Column::Id)
        .filter(incident::Column::Id.is_in(ids))
        .order_by_asc(incident::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_tuple::<Uuid>()
        .all(db)
        .await?;
    Ok(())
}

/// Newest first; after `after` where given.
pub async fn list(
    db: &impl ConnectionTrait,
    after: Option<IncidentId>,
    limit: u64,
) -> Result<Vec<incident::Model>, StoreError> {
    let mut query = incident::Entity::find();
    if let Some(after) = after {
        query = query.filter(incident::Column::Id.lt(after.raw()));
    }
    Ok(query.order_by_desc(incident::Column::Id).limit(limit).all(db).await?)
}

/// Those that are neither closed nor cancelled, newest first.
pub async fn open(db: &impl ConnectionTrait) -> Result<Vec<incident::Model>, StoreError> {
    Ok(incident::Entity::find()
        .filter(incident::Column::State.eq("active"))
        .order_by_desc(incident::Column::Id)
        .all(db)
        .await?)
}

/// Adds an incident with its chairs.
pub async fn put(
    db: &impl ConnectionTrait,
    row: incident::Model,
    roles: Vec<incident_role::Model>,
) -> Result<(), StoreError> {
    incident::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    let roles = roles.into_iter().map(|role| role.into_active_model());
    incident_role::Entity::insert_many(roles).exec_without_returning(db).await?;
    Ok(())
}

/// The chairs, in the playbook's order.
pub async fn roles(
    db: &impl ConnectionTrait,
    id: IncidentId,
) -> Result<Vec<incident_role::Model>, StoreError> {
    Ok(incident_role::Entity::find()
        .filter(incident_role::Column::IncidentId.eq(id.raw()))
        .order_by_asc(incident_role::Column::Position)
        .all(db)
        .await?)
}

/// Ends an incident that is still active.
pub async fn end(
    db: &impl ConnectionTrait,
    id: IncidentId,
    state: &str,
    by: &str,
    reason: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let change = incident::ActiveModel {
        state: Set(state.into()),
        ended_at_ms: Set(Some(at.0)),
        ended_by: Set(Some(by.into())),
        end_reason: Set(reason.map(Into::into)),
        ..Default::default()
    };
    let done = incident::Entity::update_many()
        .set(change)
        .filter(incident::Column::Id.eq(id.raw()))
        .filter(incident::Column::State.eq("active"))
        .exec(db)
        .await?;
    if done.rows_affected == 0 {
        return Err(StoreError::Conflict { what: "incident", id: id.to_string() });
    }
    Ok(())
}

/// How the incident's own time runs.
pub fn timeline(row: &incident::Model) -> Timeline {
    Timeline {
        real_origin: Timestamp(row.real_origin_ms),
        own_origin: Timestamp(row.own_origin_ms),
        rate: u32::try_from(row.rate).unwrap_or(0),
    }
}
