//! What SMS gateways tell of messages that they took.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let uuid = match manager.get_database_backend() {
            sea_orm_migration::sea_orm::DatabaseBackend::Sqlite => "blob",
            _ => "uuid",
        };
        manager.get_connection().execute_unprepared(&TABLE.replace("{uuid}", uuid)).await?;
        Ok(())
    }
}

const TABLE: &str = r#"
create table gateway_message (
    id text not null,
    delivery_id {uuid},
    fate text,
    word text,
    at_ms bigint not null,
    primary key (id)
);
"#;
