//! Chairs of incidents, and the links in letters about them.

use entity::{delivery, incident_role, role_link};
use noroshi_core::{
    role::{Chair, Offer},
    time::Timestamp,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait,
    IntoActiveModel, QueryFilter, QuerySelect,
};
use uuid::Uuid;

use super::{StoreError, batch::insert_all, from_json, to_json};

/// The chair of a row.
pub fn chair(row: &incident_role::Model) -> Result<Chair, StoreError> {
    let offer = row.offered_to.clone().zip(row.offer_until_own_ms);
    Ok(Chair {
        holder: row.person.clone(),
        offer: offer.map(|(to, until)| Offer { to, until: Timestamp(until) }),
        asked: from_json("chair", &row.key, &row.asked)?,
        number: u32::try_from(row.offer_number).unwrap_or(0),
    })
}

/// Puts a chair into its row; names and moments are the caller's.
pub fn set_chair(row: &mut incident_role::Model, chair: &Chair) {
    row.state = chair.state().key().into();
    row.person.clone_from(&chair.holder);
    row.offered_to = chair.offer.as_ref().map(|offer| offer.to.clone());
    row.offer_until_own_ms = chair.offer.as_ref().map(|offer| offer.until.0);
    row.offer_number = i32::try_from(chair.number).unwrap_or(i32::MAX);
    row.asked = to_json(&chair.asked);
}

/// Saves a chair.
pub async fn save(db: &impl ConnectionTrait, row: &incident_role::Model) -> Result<(), StoreError> {
    incident_role::Entity::update(row.clone().into_active_model().reset_all()).exec(db).await?;
    Ok(())
}

/// Adds links of letters.
pub async fn put_links(db: &impl ConnectionTrait, rows: Vec<role_link::Model>) -> Result<(), StoreError> {
    insert_all::<role_link::Entity>(db, rows, None).await
}

/// The link of this hash.
pub async fn link(
    db: &impl ConnectionTrait,
    token_hash: &str,
) -> Result<Option<role_link::Model>, StoreError> {
    Ok(role_link::Entity::find_by_id(token_hash).one(db).await?)
}

/// The link of a letter, where it is one to a role holder.
pub async fn link_of(
    db: &impl ConnectionTrait,
    delivery: Uuid,
) -> Result<Option<role_link::Model>, StoreError> {
    Ok(role_link::Entity::find().filter(role_link::Column::DeliveryId.eq(delivery)).one(db).await?)
}

/// Whether a letter of this offer may still reach somebody, or has.
pub async fn offer_may_arrive(
    db: &impl ConnectionTrait,
    role: Uuid,
    number: i32,
) -> Result<bool, StoreError> {
    let letters = letters_of(db, offer(role, number)).await?;
    let lost = ["refused", "given_up", "withdrawn"];
    let alive = delivery::Entity::find()
        .filter(delivery::Column::Id.is_in(letters))
        .filter(delivery::Column::State.is_not_in(lost))
        .one(db)
        .await?;
    Ok(alive.is_some())
}

/// Withdraws letters of an offer that have not left yet.
pub async fn withdraw_offer(
    db: &impl ConnectionTrait,
    role: Uuid,
    number: i32,
    at: Timestamp,
) -> Result<(), StoreError> {
    let letters = letters_of(db, offer(role, number)).await?;
    withdraw(db, letters, at).await
}

/// Withdraws calls and decisions about these recipients that have not left yet.
pub async fn withdraw_errands(
    db: &impl ConnectionTrait,
    recipients: &[Uuid],
    at: Timestamp,
) -> Result<(), StoreError> {
    if recipients.is_empty() {
        return Ok(());
    }
    let about = role_link::Column::RecipientId.is_in(recipients.iter().copied());
    let letters = letters_of(db, Condition::all().add(about)).await?;
    withdraw(db, letters, at).await
}

fn offer(role: Uuid, number: i32) -> Condition {
    Condition::all().add(role_link::Column::RoleId.eq(role)).add(role_link::Column::OfferNumber.eq(number))
}

async fn letters_of(db: &impl ConnectionTrait, wanted: Condition) -> Result<Vec<Uuid>, StoreError> {
    Ok(role_link::Entity::find()
        .select_only()
        .column(role_link::Column::DeliveryId)
        .filter(wanted)
        .into_tuple()
        .all(db)
        .await?)
}

async fn withdraw(db: &impl ConnectionTrait, letters: Vec<Uuid>, at: Timestamp) -> Result<(), StoreError> {
    if letters.is_empty() {
        return Ok(());
    }
    let change = delivery::ActiveModel {
        state: Set("withdrawn".into()),
        leased_by: Set(None),
        ended_at_ms: Set(Some(at.0)),
        ..Default::default()
    };
    delivery::Entity::update_many()
        .set(change)
        .filter(delivery::Column::Id.is_in(letters))
        .filter(super::delivery::unsent())
        .exec(db)
        .await?;
    Ok(())
}
