//! People who sign in, their sessions, tokens for programs, one-time links.

use entity::{account, api_token, session, setup_link};
use noroshi_core::{id::AccountId, time::Timestamp};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder,
};

use super::StoreError;

/// How many accounts there are.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64, StoreError> {
    Ok(account::Entity::find().count(db).await?)
}

/// Every account, by login name.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<account::Model>, StoreError> {
    Ok(account::Entity::find().order_by_asc(account::Column::Login).all(db).await?)
}

/// The account of this login name.
pub async fn by_login(db: &impl ConnectionTrait, login: &str) -> Result<Option<account::Model>, StoreError> {
    Ok(account::Entity::find().filter(account::Column::Login.eq(login)).one(db).await?)
}

/// One account.
pub async fn get(db: &impl ConnectionTrait, id: AccountId) -> Result<Option<account::Model>, StoreError> {
    Ok(account::Entity::find_by_id(id.raw()).one(db).await?)
}

/// Adds an account.
pub async fn put(db: &impl ConnectionTrait, row: account::Model) -> Result<(), StoreError> {
    account::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// Adds a session.
pub async fn put_session(db: &impl ConnectionTrait, row: session::Model) -> Result<(), StoreError> {
    session::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// The session of this cookie, with its account.
pub async fn session(
    db: &impl ConnectionTrait,
    token_hash: &str,
) -> Result<Option<(session::Model, account::Model)>, StoreError> {
    let Some(found) = session::Entity::find_by_id(token_hash).one(db).await? else { return Ok(None) };
    let account = account::Entity::find_by_id(found.account_id).one(db).await?;
    Ok(account.map(|account| (found, account)))
}

/// Notes that a session was used.
pub async fn touch_session(
    db: &impl ConnectionTrait,
    token_hash: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let change = session::ActiveModel { seen_at_ms: Set(at.0), ..Default::default() };
    session::Entity::update_many()
        .set(change)
        .filter(session::Column::TokenHash.eq(token_hash))
        .exec(db)
        .await?;
    Ok(())
}

/// Notes as which role account a session's person acts.
pub async fn set_acting(
    db: &impl ConnectionTrait,
    token_hash: &str,
    role: Option<&str>,
) -> Result<(), StoreError> {
    let change = session::ActiveModel { acting: Set(role.map(str::to_owned)), ..Default::default() };
    session::Entity::update_many()
        .set(change)
        .filter(session::Column::TokenHash.eq(token_hash))
        .exec(db)
        .await?;
    Ok(())
}

/// Ends a session.
pub async fn end_session(db: &impl ConnectionTrait, token_hash: &str) -> Result<(), StoreError> {
    session::Entity::delete_by_id(token_hash).exec(db).await?;
    Ok(())
}

/// Adds a token for programs.
pub async fn put_token(db: &impl ConnectionTrait, row: api_token::Model) -> Result<(), StoreError> {
    api_token::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// The token of this hash.
pub async fn token(
    db: &impl ConnectionTrait,
    token_hash: &str,
) -> Result<Option<api_token::Model>, StoreError> {
    Ok(api_token::Entity::find_by_id(token_hash).one(db).await?)
}

/// Notes that a token was used.
pub async fn touch_token(
    db: &impl ConnectionTrait,
    token_hash: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let change = api_token::ActiveModel { used_at_ms: Set(Some(at.0)), ..Default::default() };
    api_token::Entity::update_many()
        .set(change)
        .filter(api_token::Column::TokenHash.eq(token_hash))
        .exec(db)
        .await?;
    Ok(())
}

/// Adds a one-time link.
pub async fn put_setup_link(db: &impl ConnectionTrait, row: setup_link::Model) -> Result<(), StoreError> {
    setup_link::Entity::insert(row.into_active_model()).exec_without_returning(db).await?;
    Ok(())
}

/// The one-time link of this hash.
pub async fn setup_link(
    db: &impl ConnectionTrait,
    token_hash: &str,
) -> Result<Option<setup_link::Model>, StoreError> {
    Ok(setup_link::Entity::find_by_id(token_hash).one(db).await?)
}

/// Uses a one-time link up; `false` when somebody else was faster.
pub async fn use_setup_link(
    db: &impl ConnectionTrait,
    token_hash: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let change = setup_link::ActiveModel { used_at_ms: Set(Some(at.0)), ..Default::default() };
    let done = setup_link::Entity::update_many()
        .set(change)
        .filter(setup_link::Column::TokenHash.eq(token_hash))
        .filter(setup_link::Column::UsedAtMs.is_null())
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}
