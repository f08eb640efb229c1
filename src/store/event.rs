//! That something changed, for live pages.

use entity::event;
use noroshi_core::{id::IncidentId, time::Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};

use super::StoreError;

/// One change: its number (ascending), the incident, and what kind of thing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Ascending; `Last-Event-ID` of the stream.
    pub id: i64,
    /// Where.
    pub incident: IncidentId,
    /// `incident`, `alert`, `recipient`, `channel`, `chronology`.
    pub kind: String,
}

/// Calls a word out to the other nodes, by the notification of PostgreSQL of this name.
pub async fn call(db: &impl ConnectionTrait, name: &str, word: String) -> Result<(), StoreError> {
    let values = [name.into(), word.into()];
    let call = Statement::from_sql_and_values(db.get_database_backend(), "select pg_notify($1, $2)", values);
    db.execute_raw(call).await?;
    Ok(())
}

/// Notes a change; its number comes back.
pub async fn put(
    db: &impl ConnectionTrait,
    incident: IncidentId,
    kind: &str,
    at: Timestamp,
) -> Result<Event, StoreError> {
    let row = event::ActiveModel {
        incident_id: Set(incident.raw()),
        kind: Set(kind.into()),
        at_ms: Set(at.0),
        ..Default::default()
    };
    let id = event::Entity::insert(row).exec(db).await?.last_insert_id;
    Ok(Event { id, incident, kind: kind.into() })
}

/// Changes after number `after`, of one incident or of all, oldest first, at most `limit`.
pub async fn since(
    db: &impl ConnectionTrait,
    incident: Option<IncidentId>,
    after: i64,
    limit: u64,
) -> Result<Vec<Event>, StoreError> {
    let mut query = event::Entity::find().filter(event::Column::Id.gt(after));
    if let Some(incident) = incident {
        query = query.filter(event::Column::IncidentId.eq(incident.raw()));
    }
    let rows = query.order_by_asc(event::Column::Id).limit(limit).all(db).await?;
    Ok(rows
        .into_iter()
        .map(|row| Event { id: row.id, incident: IncidentId::new(row.incident_id), kind: row.kind })
        .collect())
}

/// The highest number so far; 0 where there is none.
pub async fn newest(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let row = event::Entity::find().order_by_desc(event::Column::Id).limit(1).one(db).await?;
    Ok(row.map_or(0, |row| row.id))
}
