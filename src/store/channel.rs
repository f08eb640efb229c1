//! Channels, their messages, and how far each reader has come.

use entity::{channel, channel_reader, message};
use noroshi_core::{
    id::{ChannelId, IncidentId, MessageId},
    time::Timestamp,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use super::{StoreError, batch::insert_all};

/// One channel.
pub async fn get(db: &impl ConnectionTrait, id: ChannelId) -> Result<channel::Model, StoreError> {
    channel::Entity::find_by_id(id.raw())
        .one(db)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "channel", id: id.to_string() })
}

/// The channels of an incident, in the playbook's order.
pub async fn of_incident(
    db: &impl ConnectionTrait,
    id: IncidentId,
) -> Result<Vec<channel::Model>, StoreError> {
    Ok(channel::Entity::find()
        .filter(channel::Column::IncidentId.eq(id.raw()))
        .order_by_asc(channel::Column::Position)
        .all(db)
        .await?)
}

/// Adds channels.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<channel::Model>) -> Result<(), StoreError> {
    insert_all::<channel::Entity>(db, rows, None).await
}

/// Messages after `after`, oldest first.
pub async fn messages(
    db: &impl ConnectionTrait,
    id: ChannelId,
    after: Option<MessageId>,
    limit: u64,
) -> Result<Vec<message::Model>, StoreError> {
    let mut query = message::Entity::find().filter(message::Column::ChannelId.eq(id.raw()));
    if let Some(after) = after {
        query = query.filter(message::Column::Id.gt(after.raw()));
    }
    Ok(query.order_by_asc(message::Column::Id).limit(limit).all(db).await?)
}

/// Adds messages.
pub async fn put_messages(db: &impl ConnectionTrait, rows: Vec<message::Model>) -> Result<(), StoreError> {
    insert_all::<message::Entity>(db, rows, None).await
}

/// Who has read how far.
pub async fn readers(
    db: &impl ConnectionTrait,
    id: ChannelId,
) -> Result<Vec<channel_reader::Model>, StoreError> {
    Ok(channel_reader::Entity::find()
        .filter(channel_reader::Column::ChannelId.eq(id.raw()))
        .order_by_asc(channel_reader::Column::Reader)
        .all(db)
        .await?)
}

/// Notes that somebody has read everything up to now.
pub async fn read(
    db: &impl ConnectionTrait,
    id: ChannelId,
    reader: &str,
    name: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    use channel_reader::Column as C;
    channel_reader::Entity::insert(channel_reader::ActiveModel {
        channel_id: Set(id.raw()),
        reader: Set(reader.into()),
        name: Set(name.into()),
        read_at_ms: Set(at.0),
    })
    .on_conflict(
        OnConflict::columns([C::ChannelId, C::Reader]).update_columns([C::Name, C::ReadAtMs]).to_owned(),
    )
    .exec_without_returning(db)
    .await?;
    Ok(())
}
