//! Answer links: found by their token, known by the letter that they first went out with.

use entity::{delivery, link};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter,
    QuerySelect, prelude::Json, sea_query::OnConflict,
};
use uuid::Uuid;

use super::{StoreError, batch::insert_all};

/// A link, and whom it was written to.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Link {
    /// What it is found by.
    pub token_hash: Vec<u8>,
    /// Whose answer it takes.
    pub recipient_id: Uuid,
    /// The contact, as it stands in the directory: `agency:hosp_a primary`.
    pub contact: String,
    /// The name of the desk or person there.
    pub name: Json,
    /// The reader's language.
    pub language: String,
    /// When it was taken back.
    pub revoked_at_ms: Option<i64>,
    /// Marks of the browsers whose visible page said that it was opened.
    pub opened_by: Json,
}

/// The link that is found by this hash.
pub async fn find(db: &impl ConnectionTrait, token_hash: Vec<u8>) -> Result<Option<Link>, StoreError> {
    let letter =
        link::Entity::belongs_to(delivery::Entity).from(link::Column::DeliveryId).to(delivery::Column::Id);
    Ok(link::Entity::find_by_id(token_hash)
        .select_only()
        .columns([link::Column::TokenHash, link::Column::RevokedAtMs, link::Column::OpenedBy])
        .columns([
            delivery::Column::RecipientId,
            delivery::Column::Contact,
            delivery::Column::Name,
            delivery::Column::Language,
        ])
        .join(JoinType::InnerJoin, letter.into())
        .into_model()
        .one(db)
        .await?)
}

/// Notes by which browsers the page of a link was opened.
pub async fn set_opened_by(
    db: &impl ConnectionTrait,
    token_hash: &[u8],
    marks: serde_json::Value,
) -> Result<(), StoreError> {
    let change = link::ActiveModel { opened_by: Set(marks), ..Default::default() };
    link::Entity::update_many().set(change).filter(link::Column::TokenHash.eq(token_hash)).exec(db).await?;
    Ok(())
}

/// Adds links; one that is there already stays as it is.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<link::Model>) -> Result<(), StoreError> {
    let stays = OnConflict::column(link::Column::TokenHash).do_nothing().to_owned();
    insert_all::<link::Entity>(db, rows, Some(stays)).await
}
