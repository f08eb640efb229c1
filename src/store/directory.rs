//! The imported directory, and what is known of its addresses beside it.

use std::collections::{BTreeSet, HashMap};

use entity::{
    address_health, directory_draft,
    directory_version::{Column, Entity, Model},
};
use noroshi_core::{alert::ContactPoint, time::Timestamp};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{LockType, OnConflict},
};
use uuid::Uuid;

use super::StoreError;

/// The version in force.
pub async fn latest(db: &impl ConnectionTrait) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().order_by_desc(Column::Number).limit(1).one(db).await?)
}

/// Which version is in force; the file itself may be long.
pub async fn latest_id(db: &impl ConnectionTrait) -> Result<Option<Uuid>, StoreError> {
    let newest = Entity::find().select_only().column(Column::Id).order_by_desc(Column::Number).limit(1);
    Ok(newest.into_tuple().one(db).await?)
}

/// Locks a version until the transaction ends: whoever else changes what hangs on the directory waits.
pub async fn lock(db: &impl ConnectionTrait, id: Uuid) -> Result<(), StoreError> {
    Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(db).await?;
    Ok(())
}

/// One version.
pub async fn version(db: &impl ConnectionTrait, id: Uuid) -> Result<Model, StoreError> {
    Entity::find_by_id(id)
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "directory version", id: id.to_string() })
}

/// Adds a version.
pub async fn put(db: &impl ConnectionTrait, row: Model) -> Result<(), StoreError> {
    Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// The draft of an account, where it has one.
pub async fn draft(
    db: &impl ConnectionTrait,
    account: &str,
) -> Result<Option<directory_draft::Model>, StoreError> {
    Ok(directory_draft::Entity::find_by_id(account.to_owned()).one(db).await?)
}

/// Keeps a draft, in the place of the one before.
pub async fn put_draft(db: &impl ConnectionTrait, row: directory_draft::Model) -> Result<(), StoreError> {
    drop_draft(db, &row.account).await?;
    directory_draft::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Throws the drafts away that were made before a moment.
pub async fn drop_drafts_before(db: &impl ConnectionTrait, at_ms: i64) -> Result<(), StoreError> {
    directory_draft::Entity::delete_many()
        .filter(directory_draft::Column::MadeAtMs.lt(at_ms))
        .exec(db)
        .await?;
    Ok(())
}

/// Throws the draft of an account away.
pub async fn drop_draft(db: &impl ConnectionTrait, account: &str) -> Result<(), StoreError> {
    directory_draft::Entity::delete_by_id(account.to_owned()).exec(db).await?;
    Ok(())
}

/// What was learned about an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// Its reader says it is the wrong one.
    Wrong(String),
    /// A relay refused it for good.
    Refused(String),
    /// Its owner has taken it down: no letter goes there any more.
    Gone(String),
}

/// Notes what was learned about an address.
pub async fn learn(
    db: &impl ConnectionTrait,
    point: &ContactPoint,
    learned: &Learned,
    at: Timestamp,
) -> Result<(), StoreError> {
    use address_health::Column as C;
    let mut row = address_health::ActiveModel {
        contact: Set(point.contact.clone()),
        transport: Set(point.transport.clone()),
        address: Set(point.address.clone()),
        wrong_at_ms: NotSet,
        wrong_note: NotSet,
        refused_at_ms: NotSet,
        refused_reason: NotSet,
        gone_at_ms: NotSet,
        proved_at_ms: NotSet,
    };
    let columns: &[C] = match learned {
        Learned::Wrong(note) => {
            row.wrong_at_ms = Set(Some(at.0));
            row.wrong_note = Set(Some(note.clone()));
            &[C::WrongAtMs, C::WrongNote]
        }
        Learned::Refused(reason) => {
            row.refused_at_ms = Set(Some(at.0));
            row.refused_reason = Set(Some(reason.clone()));
            &[C::RefusedAtMs, C::RefusedReason]
        }
        Learned::Gone(reason) => {
            row.refused_at_ms = Set(Some(at.0));
            row.refused_reason = Set(Some(reason.clone()));
            row.gone_at_ms = Set(Some(at.0));
            &[C::RefusedAtMs, C::RefusedReason, C::GoneAtMs]
        }
    };
    let merge = OnConflict::columns([C::Contact, C::Transport, C::Address])
        .update_columns(columns.iter().copied())
        .to_owned();
    address_health::Entity::insert(row).on_conflict(merge).exec_without_returning(db).await?;
    Ok(())
}

/// An address: contact, transport, and where it leads.
pub type Place = (String, String, String);

/// Somebody answered from these addresses. In the order of their names, so that two transactions that prove the same
/// ones never wait for each other in a circle.
pub async fn prove(
    db: &impl ConnectionTrait,
    places: &BTreeSet<Place>,
    at: Timestamp,
) -> Result<(), StoreError> {
    use address_health::Column as C;
    if places.is_empty() {
        return Ok(());
    }
    let rows = places.iter().map(|(contact, transport, address)| address_health::ActiveModel {
        contact: Set(contact.clone()),
        transport: Set(transport.clone()),
        address: Set(address.clone()),
        proved_at_ms: Set(Some(at.0)),
        ..Default::default()
    });
    let merge =
        OnConflict::columns([C::Contact, C::Transport, C::Address]).update_column(C::ProvedAtMs).to_owned();
    address_health::Entity::insert_many(rows).on_conflict(merge).exec_without_returning(db).await?;
    Ok(())
}

/// Everything that is known of addresses.
pub async fn health(db: &impl ConnectionTrait) -> Result<Vec<address_health::Model>, StoreError> {
    Ok(address_health::Entity::find().order_by_asc(address_health::Column::Contact).all(db).await?)
}

/// Which of these contacts' addresses their owners have taken down, each with its owner's words: no letter may go there.
pub async fn gone(
    db: &impl ConnectionTrait,
    contacts: BTreeSet<String>,
) -> Result<HashMap<Place, String>, StoreError> {
    use address_health::Column as C;
    let rows = address_health::Entity::find()
        .filter(C::Contact.is_in(contacts))
        .filter(C::GoneAtMs.is_not_null())
        .all(db)
        .await?;
    let told = |row: address_health::Model| {
        ((row.contact, row.transport, row.address), row.refused_reason.unwrap_or_default())
    };
    Ok(rows.into_iter().map(told).collect())
}

/// Somebody has looked into it: the marks of one contact are taken off.
pub async fn clear_marks(db: &impl ConnectionTrait, contact: &str) -> Result<u64, StoreError> {
    use address_health::Column as C;
    let done = address_health::Entity::update_many()
        .col_expr(C::WrongAtMs, sea_orm::sea_query::Expr::value(Option::<i64>::None))
        .col_expr(C::WrongNote, sea_orm::sea_query::Expr::value(Option::<String>::None))
        .col_expr(C::RefusedAtMs, sea_orm::sea_query::Expr::value(Option::<i64>::None))
        .col_expr(C::RefusedReason, sea_orm::sea_query::Expr::value(Option::<String>::None))
        .col_expr(C::GoneAtMs, sea_orm::sea_query::Expr::value(Option::<i64>::None))
        .filter(C::Contact.eq(contact))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}
