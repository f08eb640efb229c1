//! What should have happened and did not, and what was found of it.

use entity::{delivery, finding, incident, incident_role, recipient, report, task, timer};
use noroshi_core::{id::IncidentId, incident::State, time::Timestamp};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, Func, IntoColumnRef, SelectStatement},
};
use uuid::Uuid;

use super::{StoreError, stands};

/// Rows that wait for a moment and have no timer for it. One list for each kind; ids of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Recipients whose ladder runs.
    pub recipients: Vec<Uuid>,
    /// Chairs that were offered to somebody.
    pub chairs: Vec<Uuid>,
    /// Open tasks with a reminder to come.
    pub tasks: Vec<Uuid>,
    /// Open reports with a reminder or a decision to come.
    pub reports: Vec<Uuid>,
}

impl Lost {
    /// How many.
    pub fn count(&self) -> usize {
        self.recipients.len() + self.chairs.len() + self.tasks.len() + self.reports.len()
    }
}

/// What is late in one incident: how many, and since when the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// The incident.
    pub incident: Uuid,
    /// Timers or letters.
    pub items: i64,
    /// When the oldest of them was due.
    pub since: Timestamp,
}

/// The timer of the same id that has not fired: asked of each row by itself, so that a look never gathers all timers.
fn timer_of(id: impl IntoColumnRef) -> SelectStatement {
    timer::Entity::find()
        .select_only()
        .column(timer::Column::Id)
        .filter(Expr::col((timer::Entity, timer::Column::Id)).eq(Expr::col(id)))
        .filter(timer::Column::FiredAtMs.is_null())
        .into_query()
}

fn untimed(id: impl IntoColumnRef) -> Expr {
    Expr::exists(timer_of(id)).not()
}

/// Recipients whose ladder runs without a next step: no timer and, where nothing was tried yet, no letter to try.
fn lost_recipients() -> Condition {
    use recipient::Column;
    let own = (recipient::Entity, Column::Id);
    let letters = delivery::Entity::find()
        .select_only()
        .column(delivery::Column::Id)
        .filter(Expr::col((delivery::Entity, delivery::Column::RecipientId)).eq(Expr::col(own)))
        .filter(delivery::Column::State.is_in(["queued", "leased"]))
        .into_query();
    Condition::all()
        .add(stands(Column::State, "waiting"))
        .add(untimed(own))
        .add(Condition::any().add(Column::StartedOwnMs.is_not_null()).add(Expr::exists(letters).not()))
}

fn lost_chairs() -> Condition {
    use incident_role::Column;
    let running = incident::Entity::find()
        .select_only()
        .column(incident::Column::Id)
        .filter(incident::Column::State.is_in(State::RUNNING.map(State::key)))
        .into_query();
    Condition::all()
        .add(Column::OfferedTo.is_not_null())
        .add(Column::OfferUntilOwnMs.is_not_null())
        .add(Column::IncidentId.in_subquery(running))
        .add(untimed((incident_role::Entity, Column::Id)))
}

fn lost_tasks() -> Condition {
    use task::Column;
    Condition::all()
        .add(stands(Column::State, "open"))
        .add(Column::NextOwnMs.is_not_null())
        .add(untimed((task::Entity, Column::Id)))
}

fn lost_reports() -> Condition {
    use report::Column;
    let open = noroshi_core::report::State::ALL.into_iter().filter(|state| state.is_open());
    Condition::all()
        .add(Column::State.is_in(open.map(noroshi_core::report::State::key)))
        .add(Column::NextOwnMs.is_not_null())
        .add(untimed((report::Entity, Column::Id)))
}

/// Recipients that are asked in one look: with a million of them a look still takes less than a hundredth of a core.
const ASKED: u64 = 10_000;

/// The incidents in which something waits for a moment and has no timer for it.
///
/// Of the recipients that wait, those after `after` are asked, as many as one look may cost; `after` then says where
/// the next look goes on.
pub async fn with_losses(
    db: &impl ConnectionTrait,
    after: &mut Option<Uuid>,
) -> Result<Vec<Uuid>, StoreError> {
    use recipient::Column;
    let beyond = |after: &Option<Uuid>| after.map(|after| Column::Id.gt(after));
    let last: Option<Uuid> = recipient::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(stands(Column::State, "waiting"))
        .filter(Condition::all().add_option(beyond(after)))
        .order_by_asc(Column::Id)
        .offset(ASKED - 1)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    let mut found: Vec<Uuid> = recipient::Entity::find()
        .select_only()
        .column_as(incident_of(Column::IncidentId), "incident")
        .filter(lost_recipients())
        .filter(Condition::all().add_option(beyond(after)).add_option(last.map(|last| Column::Id.lte(last))))
        .distinct()
        .into_tuple()
        .all(db)
        .await?;
    *after = last;
    let chairs: Vec<Uuid> = incident_role::Entity::find()
        .select_only()
        .column(incident_role::Column::IncidentId)
        .filter(lost_chairs())
        .into_tuple()
        .all(db)
        .await?;
    let tasks: Vec<Uuid> = task::Entity::find()
        .select_only()
        .column(task::Column::IncidentId)
        .filter(lost_tasks())
        .into_tuple()
        .all(db)
        .await?;
    let reports: Vec<Uuid> = report::Entity::find()
        .select_only()
        .column(report::Column::IncidentId)
        .filter(lost_reports())
        .into_tuple()
        .all(db)
        .await?;
    found.extend(chairs.into_iter().chain(tasks).chain(reports));
    Ok(found)
}

/// What an incident has lost, read anew inside of it.
pub async fn losses(db: &impl ConnectionTrait, id: IncidentId) -> Result<Lost, StoreError> {
    let recipients = recipient::Entity::find()
        .select_only()
        .column(recipient::Column::Id)
        .filter(super::recipient::is_of([id.raw()]))
        .filter(lost_recipients())
        .order_by_asc(recipient::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let chairs = incident_role::Entity::find()
        .select_only()
        .column(incident_role::Column::Id)
        .filter(incident_role::Column::IncidentId.eq(id.raw()))
        .filter(lost_chairs())
        .into_tuple()
        .all(db)
        .await?;
    let tasks = task::Entity::find()
        .select_only()
        .column(task::Column::Id)
        .filter(task::Column::IncidentId.eq(id.raw()))
        .filter(lost_tasks())
        .into_tuple()
        .all(db)
        .await?;
    let reports = report::Entity::find()
        .select_only()
        .column(report::Column::Id)
        .filter(report::Column::IncidentId.eq(id.raw()))
        .filter(lost_reports())
        .into_tuple()
        .all(db)
        .await?;
    Ok(Lost { recipients, chairs, tasks, reports })
}

/// The incident of a row, for asking for each one once. Named as it stands, SQLite would walk the index of incidents,
/// and with it everything that is over or not due yet, instead of the index of what waits.
fn incident_of(column: impl IntoColumnRef + Copy) -> Expr {
    Func::coalesce([Expr::col(column), Expr::col(column)]).into()
}

/// Timers that were due before `before` and have not fired, by incident.
pub async fn late_timers(db: &impl ConnectionTrait, before: Timestamp) -> Result<Vec<Late>, StoreError> {
    use timer::Column;
    late(
        timer::Entity::find()
            .select_only()
            .column_as(incident_of(Column::IncidentId), "incident")
            .column_as(Column::Id.count(), "items")
            .column_as(Column::DueAtMs.min(), "since")
            .filter(Column::FiredAtMs.is_null())
            .filter(Column::DueAtMs.lt(before.0))
            .group_by(incident_of(Column::IncidentId))
            .into_tuple()
            .all(db)
            .await?,
    )
}

/// Letters that were due before `before` and were not taken up, by incident. What a person carries is not among them.
pub async fn late_letters(db: &impl ConnectionTrait, before: Timestamp) -> Result<Vec<Late>, StoreError> {
    use delivery::Column;
    late(
        delivery::Entity::find()
            .select_only()
            .column_as(incident_of(Column::IncidentId), "incident")
            .column_as(Column::Id.count(), "items")
            .column_as(Column::DueAtMs.min(), "since")
            .filter(stands(Column::State, "queued"))
            .filter(Column::Transport.ne("phone"))
            .filter(Column::DueAtMs.lt(before.0))
            .group_by(incident_of(Column::IncidentId))
            .into_tuple()
            .all(db)
            .await?,
    )
}

/// Letters that were handed over before `before` and have no outcome yet, by incident.
pub async fn letters_in_hand(db: &impl ConnectionTrait, before: Timestamp) -> Result<Vec<Late>, StoreError> {
    use delivery::Column;
    late(
        delivery::Entity::find()
            .select_only()
            .column_as(incident_of(Column::IncidentId), "incident")
            .column_as(Column::Id.count(), "items")
            .column_as(Column::HandedAtMs.min(), "since")
            .filter(stands(Column::State, "leased"))
            .filter(Column::HandedAtMs.lt(before.0))
            .group_by(incident_of(Column::IncidentId))
            .into_tuple()
            .all(db)
            .await?,
    )
}

fn late(rows: Vec<(Uuid, i64, i64)>) -> Result<Vec<Late>, StoreError> {
    Ok(rows
        .into_iter()
        .map(|(incident, items, since)| Late { incident, items, since: Timestamp(since) })
        .collect())
}

/// Findings that stand, the oldest first.
pub async fn standing(db: &impl ConnectionTrait) -> Result<Vec<finding::Model>, StoreError> {
    Ok(finding::Entity::find()
        .filter(finding::Column::EndedAtMs.is_null())
        .order_by_asc(finding::Column::FoundAtMs)
        .order_by_asc(finding::Column::Id)
        .all(db)
        .await?)
}

/// Adds a finding.
pub async fn put(db: &impl ConnectionTrait, row: finding::Model) -> Result<(), StoreError> {
    finding::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// How many it concerns now.
pub async fn count(db: &impl ConnectionTrait, id: Uuid, items: i32) -> Result<(), StoreError> {
    let change = finding::ActiveModel { items: Set(items), ..Default::default() };
    finding::Entity::update_many().set(change).filter(finding::Column::Id.eq(id)).exec(db).await?;
    Ok(())
}

/// A finding is over.
pub async fn end(db: &impl ConnectionTrait, id: Uuid, at: Timestamp) -> Result<(), StoreError> {
    let change = finding::ActiveModel { ended_at_ms: Set(Some(at.0)), ..Default::default() };
    finding::Entity::update_many().set(change).filter(finding::Column::Id.eq(id)).exec(db).await?;
    Ok(())
}
