//! The outbox: put, claim, record. A row is never deleted.

use std::collections::{BTreeSet, HashMap};

use entity::{
    attempt,
    delivery::{ActiveModel, Column, Entity, Model},
    recipient,
};
use noroshi_core::{
    id::{DeliveryId, IncidentId},
    time::{Span, Timestamp},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, QueryTrait,
    sea_query::{Expr, LockBehavior, LockType, OnConflict, Query},
};
use uuid::Uuid;

use super::{
    CHUNK, StoreError,
    batch::{beside, insert_all, new, update_each},
    stands,
};

/// Adds deliveries.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<(), StoreError> {
    insert_all::<Entity>(db, rows, None).await
}

/// What a claim looks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What carries the letters.
    pub transport: &'a str,
    /// None to these mail domains.
    pub except: &'a [String],
    /// Where given, only letters that are more urgent than this priority.
    pub before: Option<i32>,
    /// Only letters that were never handed over: their ladders begin with the first try, also while no way out is there.
    pub untried: bool,
    /// So many at most.
    pub n: u64,
}

/// Leases due letters to `node` until `now + lease`, the most urgent first.
///
/// One statement for both databases; SQLite leaves the lock clause out by itself and needs none.
pub async fn claim(
    db: &impl ConnectionTrait,
    wanted: Wanted<'_>,
    node: Uuid,
    now: Timestamp,
    lease: Span,
) -> Result<Vec<Model>, StoreError> {
    let Wanted { transport, except, before, untried, n } = wanted;
    let mut due = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(stands(Column::State, "queued"))
        .filter(Column::DueAtMs.lte(now.0))
        .filter(Column::Transport.eq(transport))
        .order_by_asc(Column::Priority)
        .order_by_asc(Column::DueAtMs)
        .order_by_asc(Column::Id)
        .limit(n)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    if !except.is_empty() {
        due = due.filter(Column::Domain.is_not_in(except));
    }
    if let Some(before) = before {
        due = due.filter(Column::Priority.lt(before));
    }
    if untried {
        due = due.filter(Column::Attempts.eq(0));
    }
    let due = due.into_query();
    let until = now + lease;
    let change = ActiveModel {
        state: Set("leased".into()),
        leased_by: Set(Some(node)),
        lease_until_ms: Set(until.0),
        handed_at_ms: Set(None),
        ..Default::default()
    };
    let mut change = Entity::update_many()
        .set(change)
        .col_expr(Column::Fence, Expr::col(Column::Fence).add(1))
        .filter(Column::Id.in_subquery(due))
        .into_query();
    change.returning(Query::returning().columns(CLAIMED.iter().copied()));
    let rows = db.query_all(&change).await?;
    let mut letters =
        rows.iter().map(|row| claimed(row, transport, node, until)).collect::<Result<Vec<Model>, _>>()?;
    letters.sort_by_key(|letter| (letter.priority, letter.due_at_ms, letter.id));
    Ok(letters)
}

/// The columns that a claim reads, and the letter that they make: by their places, because finding each of them by its
/// name takes longer than reading it. The rest is known.
macro_rules! claimed {
    ($($column:ident $field:ident),+) => {
        const CLAIMED: &[Column] = &[$(Column::$column),+];

        fn claimed(
            row: &QueryResult,
            transport: &str,
            node: Uuid,
            until: Timestamp,
        ) -> Result<Model, DbErr> {
            let mut place = 0..CLAIMED.len();
            Ok(Model {
                $($field: row.try_get_by_index(place.next().unwrap_or_default())?,)+
                transport: transport.to_owned(),
                state: "leased".into(),
                lease_until_ms: until.0,
                leased_by: Some(node),
                handed_at_ms: None,
                ended_at_ms: None,
            })
        }
    };
}

claimed! {
    Id id, IncidentId incident_id, RecipientId recipient_id, Letter letter, Occasion occasion, Via via,
    Contact contact, Name name, Address address, Domain domain, Language language, Errand errand,
    Priority priority, DueAtMs due_at_ms, Fence fence, Attempts attempts, Repeat repeat, Reason reason,
    Relay relay, Encrypted encrypted, CreatedAtMs created_at_ms
}

/// When the next letter falls due that is wanted, whatever its domain.
pub async fn next_due(
    db: &impl ConnectionTrait,
    Wanted { transport, before, untried, .. }: Wanted<'_>,
) -> Result<Option<Timestamp>, StoreError> {
    let mut next = Entity::find()
        .select_only()
        .column_as(Column::DueAtMs.min(), "due")
        .filter(stands(Column::State, "queued"))
        .filter(Column::Transport.eq(transport));
    if let Some(before) = before {
        next = next.filter(Column::Priority.lt(before));
    }
    if untried {
        next = next.filter(Column::Attempts.eq(0));
    }
    let due: Option<Option<i64>> = next.into_tuple().one(db).await?;
    Ok(due.flatten().map(Timestamp))
}

/// Notes that these letters are handed over from now on; each is handed over once for each lease, which begins anew.
///
/// Returns those that may leave, as they stand now: what was withdrawn, or leased away, meanwhile is not among them.
pub async fn hand_over(
    db: &impl ConnectionTrait,
    letters: &[&Model],
    node: Uuid,
    now: Timestamp,
    lease: Span,
) -> Result<Vec<Model>, StoreError> {
    if letters.is_empty() {
        return Ok(Vec::new());
    }
    let until = now + lease;
    let mut change = Entity::update_many()
        .col_expr(Column::HandedAtMs, Expr::value(now.0))
        .col_expr(Column::LeaseUntilMs, Expr::value(until.0))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.is_in(letters.iter().map(|letter| letter.id)))
        .filter(stands(Column::State, "leased"))
        .filter(Column::LeasedBy.eq(node))
        .filter(Column::HandedAtMs.is_null())
        .into_query();
    // What else a letter says was read when it was claimed, and nobody changes it. These another node may have changed,
    // where a lease ended meanwhile and began anew.
    change.returning(Query::returning().columns([
        Column::Id,
        Column::Fence,
        Column::Attempts,
        Column::Repeat,
    ]));
    let mut left: HashMap<Uuid, (i32, i32, bool)> = HashMap::with_capacity(letters.len());
    for row in db.query_all(&change).await? {
        let (id, fence, attempts, repeat) = row.try_get_many_by_index()?;
        left.insert(id, (fence, attempts, repeat));
    }
    let handed = letters.iter().filter_map(|letter| {
        let (fence, attempts, repeat) = left.remove(&letter.id)?;
        let (handed_at_ms, lease_until_ms) = (Some(now.0), until.0);
        Some(Model { fence, attempts, repeat, handed_at_ms, lease_until_ms, ..(*letter).clone() })
    });
    Ok(handed.collect())
}

/// Gives back letters that `node` claimed and has not handed over: anybody may claim them again.
pub async fn put_back(db: &impl ConnectionTrait, ids: &[Uuid], node: Uuid) -> Result<(), StoreError> {
    let change = ActiveModel {
        state: Set("queued".into()),
        leased_by: Set(None),
        lease_until_ms: Set(0),
        ..Default::default()
    };
    Entity::update_many()
        .set(change)
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(stands(Column::State, "leased"))
        .filter(Column::LeasedBy.eq(node))
        .filter(Column::HandedAtMs.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Which of these leases, each the id of a letter with the number of its lease, have ended: nobody holds the letter, or
/// somebody under another number.
pub async fn lost(
    db: &impl ConnectionTrait,
    leases: Vec<(Uuid, i32)>,
) -> Result<BTreeSet<(Uuid, i32)>, StoreError> {
    if leases.is_empty() {
        return Ok(BTreeSet::new());
    }
    let is_another = Column::State.ne("leased").or(Column::Fence.into_expr().ne(new(0)));
    let rows: Vec<(Uuid, i32)> = beside(Entity::find(), Column::Id, leases)
        .select_only()
        .column(Column::Id)
        .expr(new(0))
        .filter(is_another)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// How many tries of each of these letters are on record that did not end as `except`; none where it is missing.
pub async fn tries(
    db: &impl ConnectionTrait,
    ids: Vec<Uuid>,
    except: &str,
) -> Result<Vec<(Uuid, i64)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(attempt::Entity::find()
        .select_only()
        .column(attempt::Column::DeliveryId)
        // What became of a try may stand there twice, by its old holder and by whoever took it back.
        .column_as(Expr::cust("count(distinct number)"), "tries")
        .filter(attempt::Column::DeliveryId.is_in(ids))
        .filter(attempt::Column::Outcome.ne(except))
        .group_by(attempt::Column::DeliveryId)
        .into_tuple()
        .all(db)
        .await?)
}

/// Lengthens the leases of these letters that `node` holds. A letter whose outcome is being written at this moment is
/// passed over.
pub async fn renew(
    db: &impl ConnectionTrait,
    letters: Vec<Uuid>,
    node: Uuid,
    now: Timestamp,
    lease: Span,
) -> Result<u64, StoreError> {
    let held = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(letters))
        .filter(stands(Column::State, "leased"))
        .filter(Column::LeasedBy.eq(node))
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_query();
    let done = Entity::update_many()
        .col_expr(Column::LeaseUntilMs, Expr::value((now + lease).0))
        .filter(Column::Id.in_subquery(held))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// Letters whose lease has ended; `everyone` takes those of living leases too (the embedded database at its start).
///
/// - `among`: where given, only those of these deliveries, and locked; without it only looked at.
pub async fn abandoned(
    db: &impl ConnectionTrait,
    now: Timestamp,
    everyone: bool,
    n: u64,
    among: Option<Vec<Uuid>>,
) -> Result<Vec<Model>, StoreError> {
    let mut query = Entity::find().filter(stands(Column::State, "leased"));
    if !everyone {
        query = query.filter(Column::LeaseUntilMs.lt(now.0));
    }
    if let Some(among) = among {
        query = query
            .filter(Column::Id.is_in(among))
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    Ok(query.order_by_asc(Column::Id).limit(n).all(db).await?)
}

/// One delivery.
pub async fn get(db: &impl ConnectionTrait, id: DeliveryId) -> Result<Model, StoreError> {
    Entity::find_by_id(id.raw())
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "delivery", id: id.to_string() })
}

/// Writes what became of deliveries: their states and all that goes with them.
pub async fn save(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<(), StoreError> {
    let columns = [
        Column::State,
        Column::DueAtMs,
        Column::LeaseUntilMs,
        Column::LeasedBy,
        Column::HandedAtMs,
        Column::Repeat,
        Column::Reason,
        Column::Relay,
        Column::Encrypted,
        Column::EndedAtMs,
    ];
    for chunk in rows.chunks(CHUNK) {
        update_each::<Entity>(db, Column::Id, &columns, chunk.iter(), None).await?;
    }
    Ok(())
}

/// What has not left the house yet.
pub(super) fn unsent() -> Condition {
    Condition::any()
        .add(Column::State.eq("queued"))
        .add(Column::State.eq("leased").and(Column::HandedAtMs.is_null()))
}

/// Withdraws what has not left yet for these recipients. A letter that is being handed over goes its way.
pub async fn withdraw(
    db: &impl ConnectionTrait,
    recipients: &[Uuid],
    at: Timestamp,
) -> Result<u64, StoreError> {
    if recipients.is_empty() {
        return Ok(0);
    }
    let change = ActiveModel {
        state: Set("withdrawn".into()),
        leased_by: Set(None),
        ended_at_ms: Set(Some(at.0)),
        ..Default::default()
    };
    let done = Entity::update_many()
        .set(change)
        .filter(Column::RecipientId.is_in(recipients.iter().copied()))
        .filter(Column::Occasion.ne("stand_down"))
        .filter(unsent())
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// Withdraws letters to role holders of an incident that have not left yet.
pub async fn withdraw_role_letters(
    db: &impl ConnectionTrait,
    incident: IncidentId,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let change =
        ActiveModel { state: Set("withdrawn".into()), ended_at_ms: Set(Some(at.0)), ..Default::default() };
    let done = Entity::update_many()
        .set(change)
        .filter(Column::IncidentId.eq(incident.raw()))
        .filter(Column::RecipientId.is_null())
        .filter(Column::State.eq("queued"))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// Withdraws notices to role holders that have not left yet and of whose errand `same` is true.
pub async fn withdraw_notices(
    db: &impl ConnectionTrait,
    incident: IncidentId,
    same: impl Fn(&serde_json::Value) -> bool,
    at: Timestamp,
) -> Result<(), StoreError> {
    let unsent = Entity::find()
        .filter(Column::IncidentId.eq(incident.raw()))
        .filter(Column::RecipientId.is_null())
        .filter(Column::Occasion.eq("notice"))
        .filter(Column::State.eq("queued"))
        .all(db)
        .await?;
    let same = |row: &&Model| row.errand.as_ref().is_some_and(&same);
    let ids: Vec<Uuid> = unsent.iter().filter(same).map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let change =
        ActiveModel { state: Set("withdrawn".into()), ended_at_ms: Set(Some(at.0)), ..Default::default() };
    Entity::update_many()
        .set(change)
        .filter(Column::Id.is_in(ids))
        .filter(Column::State.eq("queued"))
        .exec(db)
        .await?;
    Ok(())
}

/// Notes tries. One that is noted already is told anew: whoever held the letter knows more of it than who took it back.
pub async fn put_attempts(db: &impl ConnectionTrait, rows: Vec<attempt::Model>) -> Result<(), StoreError> {
    use attempt::Column;
    let anew = OnConflict::columns([Column::DeliveryId, Column::Number, Column::Outcome])
        .update_columns([Column::StartedAtMs, Column::EndedAtMs, Column::Relay, Column::Reply])
        .to_owned();
    insert_all::<attempt::Entity>(db, rows, Some(anew)).await
}

/// The deliveries to the recipients of an incident, oldest first.
pub async fn to_recipients(db: &impl ConnectionTrait, id: IncidentId) -> Result<Vec<Model>, StoreError> {
    let recipients = recipient::Entity::find()
        .select_only()
        .column(recipient::Column::Id)
        .filter(super::recipient::is_of([id.raw()]))
        .into_query();
    let letters = Entity::find().filter(Column::RecipientId.in_subquery(recipients));
    Ok(letters.order_by_asc(Column::Id).all(db).await?)
}

/// All deliveries of an incident, those to roles too, oldest first.
pub async fn of_incident(db: &impl ConnectionTrait, id: IncidentId) -> Result<Vec<Model>, StoreError> {
    let mut letters = to_recipients(db, id).await?;
    let to_roles =
        Entity::find().filter(Column::IncidentId.eq(id.raw())).filter(Column::RecipientId.is_null());
    letters.extend(to_roles.all(db).await?);
    letters.sort_by_key(|letter| letter.id);
    Ok(letters)
}

/// The deliveries to these recipients, oldest first.
pub async fn of_recipients(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find().filter(Column::RecipientId.is_in(ids)).order_by_asc(Column::Id).all(db).await?)
}

/// The tries of these deliveries, oldest first.
pub async fn attempts(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<Vec<attempt::Model>, StoreError> {
    Ok(attempt::Entity::find()
        .filter(attempt::Column::DeliveryId.is_in(ids))
        .order_by_asc(attempt::Column::EndedAtMs)
        .order_by_asc(attempt::Column::Number)
        .all(db)
        .await?)
}

/// How many letters wait, and since when the oldest has been due.
pub async fn backlog(
    db: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<(u64, Option<Timestamp>), StoreError> {
    let (mut letters, mut oldest) = (0, None);
    // One state at a time: each has an index of its own.
    for state in ["queued", "leased"] {
        let found: Option<(i64, Option<i64>)> = Entity::find()
            .select_only()
            .column_as(Column::Id.count(), "letters")
            .column_as(Column::DueAtMs.min(), "oldest")
            .filter(stands(Column::State, state))
            .filter(Column::Transport.ne("phone"))
            .filter(Column::DueAtMs.lte(now.0))
            .into_tuple()
            .one(db)
            .await?;
        let (count, since) = found.unwrap_or_default();
        letters += count;
        oldest = [oldest, since].into_iter().flatten().min();
    }
    Ok((u64::try_from(letters).unwrap_or(0), oldest.map(Timestamp)))
}

#[cfg(test)]
mod tests {
    use super::{super::Store, *};

    #[tokio::test]
    async fn a_try_that_was_given_up_is_told_anew_by_whoever_held_it() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("noroshi.db").display());
        let db = Store::open(&url).await.unwrap();
        let try_of = |reply: &str, outcome: &str| attempt::Model {
            delivery_id: Uuid::from_u128(1),
            number: 1,
            outcome: outcome.into(),
            started_at_ms: 1,
            ended_at_ms: 2,
            relay: "relay".into(),
            reply: reply.into(),
        };
        for (reply, outcome) in [("stopped", "unknown"), ("no answer", "unknown"), ("250 Ok", "accepted")] {
            put_attempts(db.at_once(), vec![try_of(reply, outcome)]).await.unwrap();
        }
        let mut found = attempts(db.read(), vec![Uuid::from_u128(1)]).await.unwrap();
        found.sort_by(|a, b| a.outcome.cmp(&b.outcome));
        assert_eq!(found, [try_of("250 Ok", "accepted"), try_of("no answer", "unknown")]);
    }
}
