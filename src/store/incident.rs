//! Incidents and their chairs.

use entity::{incident, incident_role};
use noroshi_core::{
    id::IncidentId,
    incident::State,
    time::{Timeline, Timestamp},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, sea_query::LockType,
};
use uuid::Uuid;

use super::{StoreError, batch::insert_all};

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

/// Those that run, newest first.
pub async fn open(db: &impl ConnectionTrait) -> Result<Vec<incident::Model>, StoreError> {
    in_states(db, &State::RUNNING).await
}

/// Those that are in one of these states, newest first.
pub async fn in_states(
    db: &impl ConnectionTrait,
    states: &[State],
) -> Result<Vec<incident::Model>, StoreError> {
    Ok(incident::Entity::find()
        .filter(incident::Column::State.is_in(states.iter().map(|state| state.key())))
        .order_by_desc(incident::Column::Id)
        .all(db)
        .await?)
}

/// Adds an incident.
pub async fn put(db: &impl ConnectionTrait, row: incident::Model) -> Result<(), StoreError> {
    incident::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Adds the chairs of an incident.
pub async fn put_roles(
    db: &impl ConnectionTrait,
    roles: Vec<incident_role::Model>,
) -> Result<(), StoreError> {
    insert_all::<incident_role::Entity>(db, roles, None).await
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

/// Writes how far an incident is. The caller has entered it, so nobody else changes it meanwhile; what it was loaded
/// with (`before`) is asked again all the same.
pub async fn save(db: &impl ConnectionTrait, row: &incident::Model, before: State) -> Result<(), StoreError> {
    let change = incident::ActiveModel {
        directory_version_id: Set(row.directory_version_id),
        state: Set(row.state.clone()),
        variables: Set(row.variables.clone()),
        hold_until_ms: Set(row.hold_until_ms),
        on_hold_timeout: Set(row.on_hold_timeout.clone()),
        activated_at_ms: Set(row.activated_at_ms),
        stabilised_at_ms: Set(row.stabilised_at_ms),
        closing_at_ms: Set(row.closing_at_ms),
        closing_by: Set(row.closing_by.clone()),
        closing_declined: Set(row.closing_declined),
        ended_at_ms: Set(row.ended_at_ms),
        ended_by: Set(row.ended_by.clone()),
        end_reason: Set(row.end_reason.clone()),
        merged_into: Set(row.merged_into),
        review_due_ms: Set(row.review_due_ms),
        reviewed_at_ms: Set(row.reviewed_at_ms),
        reviewed_by: Set(row.reviewed_by.clone()),
        real_origin_ms: Set(row.real_origin_ms),
        own_origin_ms: Set(row.own_origin_ms),
        ..Default::default()
    };
    let done = incident::Entity::update_many()
        .set(change)
        .filter(incident::Column::Id.eq(row.id))
        .filter(incident::Column::State.eq(before.key()))
        .exec(db)
        .await?;
    if done.rows_affected == 0 {
        return Err(StoreError::Conflict { what: "incident", id: IncidentId::new(row.id).to_string() });
    }
    Ok(())
}

/// Those that were merged into this one.
pub async fn merged_into(
    db: &impl ConnectionTrait,
    id: IncidentId,
) -> Result<Vec<incident::Model>, StoreError> {
    Ok(incident::Entity::find().filter(incident::Column::MergedInto.eq(id.raw())).all(db).await?)
}

/// Those that are over, whose look back is due and not done.
pub async fn reviews_due(
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<Vec<incident::Model>, StoreError> {
    Ok(incident::Entity::find()
        .filter(incident::Column::State.eq(State::Closed.key()))
        .filter(incident::Column::ReviewDueMs.lte(now.0))
        .order_by_asc(incident::Column::ReviewDueMs)
        .all(db)
        .await?)
}

/// How far an incident is.
pub fn state(row: &incident::Model) -> Result<State, StoreError> {
    State::from_key(&row.state).ok_or_else(|| StoreError::Corrupt {
        what: "incident",
        id: IncidentId::new(row.id).to_string(),
        found: row.state.clone(),
    })
}

/// How the incident's own time runs.
pub fn timeline(row: &incident::Model) -> Timeline {
    Timeline {
        real_origin: Timestamp(row.real_origin_ms),
        own_origin: Timestamp(row.own_origin_ms),
        rate: u32::try_from(row.rate).unwrap_or(0),
    }
}
