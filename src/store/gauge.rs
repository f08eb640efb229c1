//! Counts of what there is at this moment, for those who watch the service.

use std::collections::BTreeMap;

use entity::{attempt, delivery, recipient};
use noroshi_core::{playbook::preflight::Minute, time::Timestamp};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use super::{StoreError, stands};

/// Letters that are due and have not left, and since when the oldest has been due, by carrier. What a person carries
/// (`phone`) is not among them.
pub async fn letters_due(
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<BTreeMap<String, (i64, Timestamp)>, StoreError> {
    use delivery::Column;
    let mut due: BTreeMap<String, (i64, Timestamp)> = BTreeMap::new();
    // One state at a time: each has an index of its own.
    for state in ["queued", "leased"] {
        let rows: Vec<(String, i64, i64)> = delivery::Entity::find()
            .select_only()
            .column(Column::Transport)
            .column_as(Column::Id.count(), "letters")
            .column_as(Column::DueAtMs.min(), "oldest")
            .filter(stands(Column::State, state))
            .filter(Column::Transport.ne("phone"))
            .filter(Column::DueAtMs.lte(now.0))
            .group_by(Column::Transport)
            .into_tuple()
            .all(db)
            .await?;
        for (carrier, letters, oldest) in rows {
            let known = due.entry(carrier).or_insert((0, Timestamp(oldest)));
            *known = (known.0 + letters, known.1.min(Timestamp(oldest)));
        }
    }
    Ok(due)
}

/// Letters that a node has in hand.
pub async fn leases(db: &impl ConnectionTrait, node: Uuid) -> Result<u64, StoreError> {
    use delivery::Column;
    let held =
        delivery::Entity::find().filter(stands(Column::State, "leased")).filter(Column::LeasedBy.eq(node));
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
        .filter(super::recipient::is_of(incidents))
        .filter(Column::State.is_in(["waiting", "to_decide"]))
        .group_by(Column::IncidentId)
        .group_by(Column::State)
        .into_tuple()
        .all(db)
        .await?)
}

/// What the minutes since a moment have seen of letters written since then, by carrier: how many were taken, and the time
/// that it took. Looks at the tries of the newest letters, `most` of them.
pub async fn minutes(
    db: &impl ConnectionTrait,
    since: Timestamp,
    most: u64,
) -> Result<BTreeMap<String, Vec<Minute>>, StoreError> {
    use attempt::Column;
    // Ids of letters grow with time (UUIDv7), so the key of the table is its order.
    let since = Uuid::from_u128(u128::from(since.0.unsigned_abs()) << 80);
    let oldest: Option<Uuid> = attempt::Entity::find()
        .select_only()
        .column(Column::DeliveryId)
        .filter(Column::DeliveryId.gte(since))
        .order_by_desc(Column::DeliveryId)
        .offset(most.saturating_sub(1))
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    let its_letter =
        attempt::Entity::belongs_to(delivery::Entity).from(Column::DeliveryId).to(delivery::Column::Id);
    let minute = || Expr::cust("attempt.ended_at_ms / 60000");
    let rows: Vec<(String, i64, i64, i64)> = attempt::Entity::find()
        .select_only()
        .column_as(delivery::Column::Transport, "carrier")
        .column_as(minute(), "minute")
        .column_as(Column::DeliveryId.count(), "letters")
        // The sum of whole numbers is a fraction on PostgreSQL.
        .column_as(Expr::cust("cast(sum(attempt.ended_at_ms - attempt.started_at_ms) as bigint)"), "busy_ms")
        .join(JoinType::InnerJoin, its_letter.into())
        .filter(Column::DeliveryId.gte(oldest.unwrap_or(since)))
        .filter(Column::Outcome.eq("accepted"))
        .group_by(delivery::Column::Transport)
        .group_by(minute())
        .into_tuple()
        .all(db)
        .await?;
    let mut seen: BTreeMap<String, Vec<Minute>> = BTreeMap::new();
    for (carrier, _, letters, busy_ms) in rows {
        let letters = u64::try_from(letters).unwrap_or(0);
        seen.entry(carrier).or_default().push(Minute { letters, busy_ms });
    }
    Ok(seen)
}
