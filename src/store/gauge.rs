//! Counts of what there is at this moment, for those who watch the service.

use std::collections::BTreeMap;

use entity::{delivery, recipient};
use noroshi_core::time::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::StoreError;

/// Letters that are due and have not left, and since when the oldest has been due, by carrier. What a person carries
/// (`phone`) is not among them.
pub async fn letters_due(
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<BTreeMap<String, (i64, Timestamp)>, StoreError> {
    use delivery::Column;
    let rows: Vec<(String, i64, i64)> = delivery::Entity::find()
        .select_only()
        .column(Column::Transport)
        .column_as(Column::Id.count(), "letters")
        .column_as(Column::DueAtMs.min(), "oldest")
        .filter(Column::State.is_in(["queued", "leased"]))
        .filter(Column::Transport.ne("phone"))
        .filter(Column::DueAtMs.lte(now.0))
        .group_by(Column::Transport)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(carrier, letters, oldest)| (carrier, (letters, Timestamp(oldest)))).collect())
}

/// Letters that a node has in hand.
pub async fn leases(db: &impl ConnectionTrait, node: Uuid) -> Result<u64, StoreError> {
    use delivery::Column;
    let held = delivery::Entity::find().filter(Column::State.eq("leased")).filter(Column::LeasedBy.eq(node));
    Ok(held.count(db).await?)
}

/// Recipients of these incidents that are not settled: incident, `waiting` or `to_decide`, how many.
pub async fn unsettled(
    db: &impl ConnectionTrait,
    incidents: Vec<Uuid>,
) -> Result<Vec<(Uuid, String, i64)>, StoreError> {
    use recipient::Column;
    Ok(recipient::Entity::find()
        .select_only()
        .column(Column::IncidentId)
        .column(Column::State)
        .column_as(Column::Id.count(), "recipients")
        .filter(Column::IncidentId.is_in(incidents))
        .filter(Column::State.is_in(["waiting", "to_decide"]))
        .group_by(Column::IncidentId)
        .group_by(Column::State)
        .into_tuple()
        .all(db)
        .await?)
}
