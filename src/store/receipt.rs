//! Messages of SMS gateways: which delivery each one is, and what became of it.
//!
//! A receipt may come before the answer that told us the id is recorded, so either side makes the row and hears from it
//! what the other has said.

use entity::gateway_message::{ActiveModel, Column, Entity};
use noroshi_core::{id::DeliveryId, time::Timestamp};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ConnectionTrait, EntityTrait,
    sea_query::OnConflict,
};
use uuid::Uuid;

use super::StoreError;

/// What a gateway tells of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Delivered,
    /// It will not arrive: the gateway's own word.
    Failed(String),
}

impl Fate {
    const fn key(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed(_) => "failed",
        }
    }

    fn of(fate: Option<String>, word: Option<String>) -> Option<Self> {
        Some(match fate?.as_str() {
            "delivered" => Self::Delivered,
            _ => Self::Failed(word.unwrap_or_default()),
        })
    }
}

/// Notes which delivery a message is. Returns what a faster receipt has told already.
pub async fn bind(
    db: &impl ConnectionTrait,
    id: &str,
    delivery: Uuid,
    at: Timestamp,
) -> Result<Option<Fate>, StoreError> {
    let row = ActiveModel {
        id: Set(id.to_owned()),
        delivery_id: Set(Some(delivery)),
        fate: NotSet,
        word: NotSet,
        at_ms: Set(at.0),
    };
    let merge = OnConflict::column(Column::Id).update_column(Column::DeliveryId).to_owned();
    let row = Entity::insert(row).on_conflict(merge).exec_with_returning(db).await?;
    Ok(Fate::of(row.fate, row.word))
}

/// Notes what a receipt tells. Returns which delivery the message is, where that is known already.
pub async fn tell(
    db: &impl ConnectionTrait,
    id: &str,
    fate: &Fate,
    at: Timestamp,
) -> Result<Option<DeliveryId>, StoreError> {
    let word = match fate {
        Fate::Delivered => None,
        Fate::Failed(word) => Some(word.clone()),
    };
    let row = ActiveModel {
        id: Set(id.to_owned()),
        delivery_id: NotSet,
        fate: Set(Some(fate.key().to_owned())),
        word: Set(word),
        at_ms: Set(at.0),
    };
    let merge = OnConflict::column(Column::Id).update_columns([Column::Fate, Column::Word]).to_owned();
    let row = Entity::insert(row).on_conflict(merge).exec_with_returning(db).await?;
    Ok(row.delivery_id.map(DeliveryId::new))
}

/// Which delivery a message is, where that is known already.
pub async fn delivery(db: &impl ConnectionTrait, id: &str) -> Result<Option<DeliveryId>, StoreError> {
    let row = Entity::find_by_id(id.to_owned()).one(db).await?;
    Ok(row.and_then(|row| row.delivery_id).map(DeliveryId::new))
}
