//! What the auditor found: something that should have happened and did not.

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
create table finding (
    id {uuid} not null,
    incident_id {uuid} not null,
    kind text not null check (kind in ('step_lost','alert_lost','timers_late','letters_late','letters_in_hand')),
    items integer not null,
    since_ms bigint not null,
    found_at_ms bigint not null,
    ended_at_ms bigint,
    primary key (id)
);
create unique index finding_open on finding (incident_id, kind) where ended_at_ms IS NULL;
"#;
