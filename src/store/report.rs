//! Situation reports.

use entity::report;
use noroshi_core::{
    id::{IncidentId, ReportId},
    report::{Report, State},
    time::Timestamp,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder,
};

use super::{StoreError, from_json, to_json};

/// One report.
pub async fn get(db: &impl ConnectionTrait, id: ReportId) -> Result<report::Model, StoreError> {
    report::Entity::find_by_id(id.raw())
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "report", id: id.to_string() })
}

/// The reports of an incident, by kind and number.
pub async fn of_incident(
    db: &impl ConnectionTrait,
    id: IncidentId,
) -> Result<Vec<report::Model>, StoreError> {
    Ok(report::Entity::find()
        .filter(report::Column::IncidentId.eq(id.raw()))
        .order_by_asc(report::Column::Key)
        .order_by_asc(report::Column::Number)
        .all(db)
        .await?)
}

/// The reports of one kind, by number.
pub async fn of_kind(
    db: &impl ConnectionTrait,
    id: IncidentId,
    key: &str,
) -> Result<Vec<report::Model>, StoreError> {
    Ok(report::Entity::find()
        .filter(report::Column::IncidentId.eq(id.raw()))
        .filter(report::Column::Key.eq(key))
        .order_by_asc(report::Column::Number)
        .all(db)
        .await?)
}

/// The report of this kind that went out last: pin `latest_sitrep`.
pub async fn latest(
    db: &impl ConnectionTrait,
    id: IncidentId,
    key: &str,
) -> Result<Option<report::Model>, StoreError> {
    Ok(report::Entity::find()
        .filter(report::Column::IncidentId.eq(id.raw()))
        .filter(report::Column::Key.eq(key))
        .filter(report::Column::State.eq(State::Approved.key()))
        .order_by_desc(report::Column::Number)
        .one(db)
        .await?)
}

/// How many reports of an incident are due at `now` (own time) or before, and neither sent out nor decided.
pub async fn overdue(db: &impl ConnectionTrait, id: IncidentId, now: Timestamp) -> Result<u64, StoreError> {
    let open = State::ALL.into_iter().filter(|state| state.is_open()).map(State::key);
    Ok(report::Entity::find()
        .filter(report::Column::IncidentId.eq(id.raw()))
        .filter(report::Column::State.is_in(open))
        .filter(report::Column::DueOwnMs.lte(now.0))
        .count(db)
        .await?)
}

/// Adds a report.
pub async fn put(db: &impl ConnectionTrait, row: report::Model) -> Result<(), StoreError> {
    report::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Saves a report that was read in this transaction, inside of its incident.
pub async fn save(db: &impl ConnectionTrait, row: &mut report::Model) -> Result<(), StoreError> {
    let before = row.version;
    row.version += 1;
    let done = report::Entity::update_many()
        .set(row.clone().into_active_model().reset_all())
        .filter(report::Column::Id.eq(row.id))
        .filter(report::Column::Version.eq(before))
        .exec(db)
        .await?;
    if done.rows_affected == 0 {
        return Err(StoreError::Conflict { what: "report", id: ReportId::new(row.id).to_string() });
    }
    Ok(())
}

/// The core's value of a row.
pub fn value(row: &report::Model) -> Result<Report, StoreError> {
    let id = ReportId::new(row.id);
    let state = State::from_key(&row.state).ok_or_else(|| StoreError::Corrupt {
        what: "report",
        id: id.to_string(),
        found: row.state.clone(),
    })?;
    Ok(Report {
        state,
        due: Timestamp(row.due_own_ms),
        base: Timestamp(row.base_own_ms),
        stage: u16::try_from(row.stage).unwrap_or(u16::MAX),
        timer: row.next_own_ms.map(Timestamp),
        deciding: row.decider.as_ref().map(|json| from_json("report", id, json)).transpose()?,
    })
}

/// Puts the core's value into a row; `now` is real time.
pub fn set_value(row: &mut report::Model, value: &Report, now: Timestamp) {
    if value.deciding.is_some() != row.decide_since_ms.is_some() {
        row.decide_since_ms = value.deciding.as_ref().map(|_| now.0);
    }
    if !value.state.is_open() && row.ended_at_ms.is_none() {
        row.ended_at_ms = Some(now.0);
    }
    row.state = value.state.key().into();
    row.due_own_ms = value.due.0;
    row.base_own_ms = value.base.0;
    row.stage = value.stage.into();
    row.next_own_ms = value.timer.map(|timer| timer.0);
    row.decider = value.deciding.as_ref().map(to_json);
}
