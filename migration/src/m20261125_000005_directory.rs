//! Directories that wait for somebody's confirmation.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // PostgreSQL wraps a migration in a transaction by itself, SQLite only when told.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let blob = match manager.get_database_backend() {
            sea_orm_migration::sea_orm::DatabaseBackend::Sqlite => "blob",
            _ => "uuid",
        };
        db.execute_unprepared(&TABLES.replace("{uuid}", blob)).await?;
        Ok(())
    }
}

const TABLES: &str = r#"
create table directory_draft (
    account text not null,
    base_id {uuid},
    key text not null,
    file_name text not null,
    sha256 text not null,
    source text not null,
    made_at_ms bigint not null,
    primary key (account)
);
"#;
