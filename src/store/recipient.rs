//! Recipients: the row and the core's value, and every answer that came.

use std::collections::BTreeSet;

use entity::{
    alert, answer,
    recipient::{Column, Entity, Model},
};
use noroshi_core::{
    alert::{Contacts, Evidence, State},
    id::{AlertId, IncidentId, RecipientId},
    ladder::Recipient,
    time::Timestamp,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    CHUNK, StoreError,
    batch::{beside, insert_all, new, update_each},
    contacts, from_json, to_json,
};

/// One recipient.
pub async fn get(db: &impl ConnectionTrait, id: RecipientId) -> Result<Model, StoreError> {
    Entity::find_by_id(id.raw())
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "recipient", id: id.to_string() })
}

/// Several recipients, locked, in the order of their ids (so that two transactions never wait for each other).
pub async fn lock(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Id.is_in(ids)).order_by_asc(Column::Id).lock_exclusive().all(db).await?)
}

/// Of these recipients, each with the version that is known of it, those that stand at another version.
pub async fn changed(db: &impl ConnectionTrait, known: Vec<(Uuid, i32)>) -> Result<Vec<Model>, StoreError> {
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let all = beside(Entity::find(), Column::Id, known);
    Ok(all.filter(Column::Version.into_expr().ne(new(0))).all(db).await?)
}

/// Whether a recipient belongs to one of these incidents: it does so by its alert, under which it is found.
pub(super) fn is_of(incidents: impl IntoIterator<Item = Uuid>) -> Expr {
    Column::AlertId.in_subquery(
        alert::Entity::find()
            .select_only()
            .column(alert::Column::Id)
            .filter(alert::Column::IncidentId.is_in(incidents))
            .into_query(),
    )
}

/// The recipients of an incident in the order of the board, after `after`, at most `limit`.
pub async fn of_incident(
    db: &impl ConnectionTrait,
    id: IncidentId,
    after: Option<RecipientId>,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let mut query = Entity::find().filter(is_of([id.raw()]));
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after.raw()));
    }
    Ok(query.order_by_asc(Column::Id).limit(limit).all(db).await?)
}

/// How often each agency and person was told of an incident.
pub async fn told(
    db: &impl ConnectionTrait,
    id: IncidentId,
) -> Result<Vec<(Option<String>, Option<String>, i64)>, StoreError> {
    Ok(Entity::find()
        .select_only()
        .columns([Column::Agency, Column::Person])
        .column_as(Column::Id.count(), "told")
        .filter(is_of([id.raw()]))
        .group_by(Column::Agency)
        .group_by(Column::Person)
        .into_tuple()
        .all(db)
        .await?)
}

/// Recipients that stand alike.
#[derive(FromQueryResult)]
struct Alike {
    state: String,
    accepted_at: Option<i64>,
    delivered_at: Option<i64>,
    opened_at: Option<i64>,
    acked_at: Option<i64>,
    answered_at: Option<i64>,
    failed_at: Option<i64>,
    unknown_at: Option<i64>,
    recipients: i64,
}

/// How many recipients of an incident stand alike: their state, how far they came, and how many they are. Of the
/// moments of the evidence only those count that are there at all.
pub async fn alike(
    db: &impl ConnectionTrait,
    id: IncidentId,
) -> Result<Vec<(String, Evidence, u64)>, StoreError> {
    let mut groups = Entity::find()
        .select_only()
        .column(Column::State)
        .column_as(Column::Id.count(), "recipients")
        .filter(is_of([id.raw()]))
        .group_by(Column::State);
    for (moment, name) in [
        (Column::AcceptedAtMs, "accepted_at"),
        (Column::DeliveredAtMs, "delivered_at"),
        (Column::OpenedAtMs, "opened_at"),
        (Column::AckedAtMs, "acked_at"),
        (Column::AnsweredAtMs, "answered_at"),
        (Column::FailedAtMs, "failed_at"),
        (Column::UnknownAtMs, "unknown_at"),
    ] {
        groups = groups.column_as(moment.min(), name).group_by(moment.is_null());
    }
    let groups: Vec<Alike> = groups.into_model().all(db).await?;
    let told = groups.into_iter().map(|group| {
        let evidence = Evidence {
            accepted_at: group.accepted_at.map(Timestamp),
            delivered_at: group.delivered_at.map(Timestamp),
            opened_at: group.opened_at.map(Timestamp),
            acked_at: group.acked_at.map(Timestamp),
            answered_at: group.answered_at.map(Timestamp),
            failed_at: group.failed_at.map(Timestamp),
            unknown_at: group.unknown_at.map(Timestamp),
        };
        (group.state, evidence, u64::try_from(group.recipients).unwrap_or(0))
    });
    Ok(told.collect())
}

/// The recipients of an alert, in file order.
pub async fn of_alert(db: &impl ConnectionTrait, id: AlertId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::AlertId.eq(id.raw())).order_by_asc(Column::Id).all(db).await?)
}

/// Ids of an incident's recipients that are not settled.
pub async fn unsettled(db: &impl ConnectionTrait, id: IncidentId) -> Result<Vec<Uuid>, StoreError> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(is_of([id.raw()]))
        .filter(Column::State.is_in(["waiting", "to_decide"]))
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await?)
}

/// Ids of an alert's recipients that are not settled.
pub async fn unsettled_of_alert(db: &impl ConnectionTrait, alert: Uuid) -> Result<Vec<Uuid>, StoreError> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::AlertId.eq(alert))
        .filter(Column::State.is_in(["waiting", "to_decide"]))
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await?)
}

/// Adds recipients.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<(), StoreError> {
    insert_all::<Entity>(db, rows, None).await
}

/// Writes a changed recipient if nobody else has changed it since it was read; the row then carries its new version.
pub async fn save(db: &impl ConnectionTrait, row: &mut Model) -> Result<(), StoreError> {
    let columns: Vec<Column> = CHANGING.iter().map(|column| column.0).collect();
    write(db, &columns, &mut [row]).await
}

/// [`save`] for many, in as few statements as there are chunks. Each comes with the row as it is stored: only columns
/// are written in which any of them differs.
pub async fn save_all(
    db: &impl ConnectionTrait,
    mut rows: Vec<(&Model, &mut Model)>,
) -> Result<(), StoreError> {
    for chunk in rows.chunks_mut(CHUNK) {
        let differs = |column: &&Changing| chunk.iter().any(|(stored, row)| (column.1)(stored, row));
        let columns: Vec<Column> = CHANGING.iter().filter(differs).map(|column| column.0).collect();
        let mut rows: Vec<&mut Model> = chunk.iter_mut().map(|(_, row)| &mut **row).collect();
        write(db, &columns, &mut rows).await?;
    }
    Ok(())
}

async fn write(
    db: &impl ConnectionTrait,
    columns: &[Column],
    rows: &mut [&mut Model],
) -> Result<(), StoreError> {
    rows.iter_mut().for_each(|row| row.version += 1);
    let columns: Vec<Column> = [Column::Version].iter().chain(columns).copied().collect();
    let is_next = Expr::col((Entity, Column::Version)).eq(new(0).sub(1));
    let changed = rows.iter().map(|row| &**row);
    let done = update_each::<Entity>(db, Column::Id, &columns, changed, Some(is_next)).await?;
    if usize::try_from(done).ok() == Some(rows.len()) {
        return Ok(());
    }
    let what = if rows.len() == 1 { "recipient" } else { "one of the recipients beside" };
    Err(StoreError::Conflict { what, id: RecipientId::new(rows[0].id).to_string() })
}

/// A column, and whether two rows differ in it.
type Changing = (Column, fn(&Model, &Model) -> bool);

/// The columns that change after a recipient was made; the version does with each of them.
const CHANGING: [Changing; 20] = [
    (Column::Contacts, |a, b| a.contacts != b.contacts),
    (Column::State, |a, b| a.state != b.state),
    (Column::Step, |a, b| a.step != b.step),
    (Column::StartedOwnMs, |a, b| a.started_own_ms != b.started_own_ms),
    (Column::StartedAtMs, |a, b| a.started_at_ms != b.started_at_ms),
    (Column::DueOwnMs, |a, b| a.due_own_ms != b.due_own_ms),
    (Column::NextLetter, |a, b| a.next_letter != b.next_letter),
    (Column::Pending, |a, b| a.pending != b.pending),
    (Column::Decider, |a, b| a.decider != b.decider),
    (Column::AcceptedAtMs, |a, b| a.accepted_at_ms != b.accepted_at_ms),
    (Column::DeliveredAtMs, |a, b| a.delivered_at_ms != b.delivered_at_ms),
    (Column::OpenedAtMs, |a, b| a.opened_at_ms != b.opened_at_ms),
    (Column::AckedAtMs, |a, b| a.acked_at_ms != b.acked_at_ms),
    (Column::AnsweredAtMs, |a, b| a.answered_at_ms != b.answered_at_ms),
    (Column::FailedAtMs, |a, b| a.failed_at_ms != b.failed_at_ms),
    (Column::UnknownAtMs, |a, b| a.unknown_at_ms != b.unknown_at_ms),
    (Column::Answer, |a, b| a.answer != b.answer),
    (Column::Decision, |a, b| a.decision != b.decision),
    (Column::DecideSinceMs, |a, b| a.decide_since_ms != b.decide_since_ms),
    (Column::ReleasedAtMs, |a, b| a.released_at_ms != b.released_at_ms),
];

/// The core's value of a row.
pub fn value(row: &Model) -> Result<Recipient, StoreError> {
    let id = RecipientId::new(row.id);
    let state = State::from_key(&row.state).ok_or_else(|| StoreError::Corrupt {
        what: "recipient",
        id: id.to_string(),
        found: format!("the state {}", row.state),
    })?;
    let pending: BTreeSet<u16> = from_json("recipient", id, &row.pending)?;
    let decider = row.decider.as_ref().map(|json| from_json("recipient", id, json)).transpose()?;
    Ok(Recipient {
        state,
        step: u16::try_from(row.step).unwrap_or(0),
        started_at: row.started_own_ms.map(Timestamp),
        due: row.due_own_ms.map(Timestamp),
        evidence: evidence(row),
        next_letter: u16::try_from(row.next_letter).unwrap_or(u16::MAX),
        pending,
        decider,
    })
}

/// What is known of how far it came.
pub fn evidence(row: &Model) -> Evidence {
    Evidence {
        accepted_at: row.accepted_at_ms.map(Timestamp),
        delivered_at: row.delivered_at_ms.map(Timestamp),
        opened_at: row.opened_at_ms.map(Timestamp),
        acked_at: row.acked_at_ms.map(Timestamp),
        answered_at: row.answered_at_ms.map(Timestamp),
        failed_at: row.failed_at_ms.map(Timestamp),
        unknown_at: row.unknown_at_ms.map(Timestamp),
    }
}

/// Puts the core's value into the row. `now` is the real moment of the change.
pub fn set_value(row: &mut Model, value: &Recipient, now: Timestamp) {
    if value.state == State::ToDecide && row.state != State::ToDecide.key() {
        row.decide_since_ms = Some(now.0);
    }
    if value.started_at.is_some() && row.started_at_ms.is_none() {
        row.started_at_ms = Some(now.0);
    }
    row.state = value.state.key().into();
    row.step = i32::from(value.step);
    row.started_own_ms = value.started_at.map(|at| at.0);
    row.due_own_ms = value.due.map(|at| at.0);
    row.next_letter = i32::from(value.next_letter);
    row.pending = to_json(&value.pending);
    row.decider = value.decider.as_ref().map(to_json);
    row.accepted_at_ms = value.evidence.accepted_at.map(|at| at.0);
    row.delivered_at_ms = value.evidence.delivered_at.map(|at| at.0);
    row.opened_at_ms = value.evidence.opened_at.map(|at| at.0);
    row.acked_at_ms = value.evidence.acked_at.map(|at| at.0);
    row.answered_at_ms = value.evidence.answered_at.map(|at| at.0);
    row.failed_at_ms = value.evidence.failed_at.map(|at| at.0);
    row.unknown_at_ms = value.evidence.unknown_at.map(|at| at.0);
}

/// The addresses as they were when the alert was raised.
pub fn contacts(row: &Model) -> Result<Contacts, StoreError> {
    contacts::read(row)
}

/// Puts addresses into the row, whose agency or person and name are there.
pub fn set_contacts(row: &mut Model, to: &Contacts) {
    row.contacts = contacts::keep(row, to);
}

/// Adds answers to the kept ones.
pub async fn put_answers(db: &impl ConnectionTrait, rows: Vec<answer::Model>) -> Result<(), StoreError> {
    insert_all::<answer::Entity>(db, rows, None).await
}

/// Every answer of a recipient, oldest first.
pub async fn answers(db: &impl ConnectionTrait, id: RecipientId) -> Result<Vec<answer::Model>, StoreError> {
    Ok(answer::Entity::find()
        .filter(answer::Column::RecipientId.eq(id.raw()))
        .order_by_asc(answer::Column::Id)
        .all(db)
        .await?)
}

/// Several recipients by their ids, in no order.
pub async fn several(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::Id.is_in(ids)).all(db).await?)
}

/// When the first answer of any recipient of an alert came, real time.
pub async fn first_answer(db: &impl ConnectionTrait, alert: Uuid) -> Result<Option<i64>, StoreError> {
    let moments: Option<(Option<i64>, Option<i64>)> = Entity::find()
        .select_only()
        .column_as(Column::AnsweredAtMs.min(), "answered")
        .column_as(Column::AckedAtMs.min(), "acked")
        .filter(Column::AlertId.eq(alert))
        .into_tuple()
        .one(db)
        .await?;
    Ok(moments.and_then(|(answered, acked)| [answered, acked].into_iter().flatten().min()))
}
