//! The chronology: append-only, two clocks, each line chained to the one before by its hash.

use entity::{chronology, chronology_head};
use noroshi_core::{id::IncidentId, text::Text, time::Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use sha2::{Digest, Sha256};

use super::{CHUNK, StoreError, batch::insert_all, to_json};

/// A line before it has its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What kind of thing.
    pub kind: &'static str,
    /// Who said or did it.
    pub from: Text,
    /// Whom it concerns.
    pub to: Text,
    /// What.
    pub text: Text,
    /// Who wrote it down: `account:…`, `token:…`, `contact:…`, `system`.
    pub actor: String,
    /// The line that it corrects.
    pub corrects: Option<i32>,
}

/// Starts the chain of a new incident.
pub async fn begin(db: &impl ConnectionTrait, incident: IncidentId) -> Result<(), StoreError> {
    chronology_head::Entity::insert(chronology_head::ActiveModel {
        incident_id: Set(incident.raw()),
        seq: Set(0),
        hash: Set(String::new()),
    })
    .exec_without_returning(db)
    .await?;
    Ok(())
}

/// Adds lines to the chain, in order. The head is locked until the transaction ends.
pub async fn append(
    db: &impl ConnectionTrait,
    incident: IncidentId,
    lines: &[Line],
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    let head =
        chronology_head::Entity::find_by_id(incident.raw()).lock_exclusive().one(db).await?.ok_or_else(
            || StoreError::NotFound { what: "chronology of incident", id: incident.to_string() },
        )?;
    let (mut seq, mut hash) = (head.seq, head.hash);
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines {
        seq += 1;
        let mut row = chronology::Model {
            incident_id: incident.raw(),
            seq,
            occurred_at_ms: line.occurred_at.0,
            recorded_at_ms: recorded_at.0,
            kind: line.kind.into(),
            from_party: to_json(&line.from),
            to_party: to_json(&line.to),
            text: to_json(&line.text),
            actor: line.actor.clone(),
            corrects: line.corrects,
            hash: String::new(),
        };
        hash = chain(&hash, &row);
        row.hash.clone_from(&hash);
        rows.push(row);
    }
    insert_all::<chronology::Entity>(db, rows, None).await?;
    let change = chronology_head::ActiveModel { seq: Set(seq), hash: Set(hash), ..Default::default() };
    chronology_head::Entity::update_many()
        .set(change)
        .filter(chronology_head::Column::IncidentId.eq(incident.raw()))
        .exec(db)
        .await?;
    Ok(())
}

/// The hash of a line: SHA-256 over the hash before it and every field, each with its length before it, so that
/// nothing can be moved from one field into the next.
pub fn chain(before: &str, row: &chronology::Model) -> String {
    let mut digest = Sha256::new();
    let mut feed = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    feed(before.as_bytes());
    feed(row.incident_id.as_bytes());
    feed(&row.seq.to_be_bytes());
    feed(&row.occurred_at_ms.to_be_bytes());
    feed(&row.recorded_at_ms.to_be_bytes());
    feed(row.kind.as_bytes());
    for party in [&row.from_party, &row.to_party, &row.text] {
        // Through our own type: PostgreSQL's jsonb does not keep the order of keys.
        let text: Text = serde_json::from_value(party.clone()).unwrap_or_default();
        feed(text.ja.as_bytes());
        feed(text.easy_ja.unwrap_or_default().as_bytes());
        feed(text.en.unwrap_or_default().as_bytes());
    }
    feed(row.actor.as_bytes());
    feed(&row.corrects.unwrap_or(0).to_be_bytes());
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The first line that does not follow from the one before it; one more than there are lines where the end is gone.
    pub seq: i32,
}

/// Recomputes the chain of an incident: the number of lines, or the first place where one was changed, taken out or
/// put in. What was cut off at the end shows in the head.
pub async fn verify(
    db: &impl ConnectionTrait,
    incident: IncidentId,
) -> Result<Result<i32, Broken>, StoreError> {
    let head = chronology_head::Entity::find_by_id(incident.raw())
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "chronology of incident", id: incident.to_string() })?;
    let (mut seq, mut hash) = (0, String::new());
    loop {
        // Lines that are added meanwhile belong to a later head.
        let rows = list(db, incident, seq, CHUNK as u64).await?;
        let read = rows.len();
        for row in rows.into_iter().filter(|row| row.seq <= head.seq) {
            if row.seq != seq + 1 || row.hash != chain(&hash, &row) {
                return Ok(Err(Broken { seq: seq + 1 }));
            }
            (seq, hash) = (row.seq, row.hash);
        }
        if read < CHUNK || seq >= head.seq {
            break;
        }
    }
    Ok(if seq == head.seq && hash == head.hash { Ok(seq) } else { Err(Broken { seq: seq + 1 }) })
}

/// Lines after `after`, in order.
pub async fn list(
    db: &impl ConnectionTrait,
    incident: IncidentId,
    after: i32,
    limit: u64,
) -> Result<Vec<chronology::Model>, StoreError> {
    Ok(chronology::Entity::find()
        .filter(chronology::Column::IncidentId.eq(incident.raw()))
        .filter(chronology::Column::Seq.gt(after))
        .order_by_asc(chronology::Column::Seq)
        .limit(limit)
        .all(db)
        .await?)
}

/// How many lines there are.
pub async fn length(db: &impl ConnectionTrait, incident: IncidentId) -> Result<usize, StoreError> {
    let head = chronology_head::Entity::find_by_id(incident.raw()).one(db).await?;
    Ok(head.map_or(0, |head| usize::try_from(head.seq).unwrap_or(0)))
}

/// The newest lines before `before`, newest first.
pub async fn newest(
    db: &impl ConnectionTrait,
    incident: IncidentId,
    before: Option<i32>,
    limit: u64,
) -> Result<Vec<chronology::Model>, StoreError> {
    let mut query = chronology::Entity::find().filter(chronology::Column::IncidentId.eq(incident.raw()));
    if let Some(before) = before {
        query = query.filter(chronology::Column::Seq.lt(before));
    }
    Ok(query.order_by_desc(chronology::Column::Seq).limit(limit).all(db).await?)
}
