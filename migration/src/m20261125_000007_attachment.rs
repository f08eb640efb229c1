//! Documents that go with a playbook's alerts, kept with the version that names them.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let (uuid, bytes) = match manager.get_database_backend() {
            sea_orm_migration::sea_orm::DatabaseBackend::Sqlite => ("blob", "blob"),
            _ => ("uuid", "bytea"),
        };
        let text = TABLE.replace("{uuid}", uuid).replace("{bytes}", bytes);
        manager.get_connection().execute_unprepared(&text).await?;
        Ok(())
    }
}

const TABLE: &str = r#"
create table attachment (
    playbook_version_id {uuid} not null,
    name text not null,
    media_type text not null,
    sha256 text not null,
    bytes {bytes} not null,
    primary key (playbook_version_id, name)
);
"#;
