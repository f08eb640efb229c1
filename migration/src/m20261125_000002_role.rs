//! Links in letters to role holders, and who stands in for whom on a roster.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let uuid = match manager.get_database_backend() {
            sea_orm_migration::sea_orm::DatabaseBackend::Sqlite => "blob",
            _ => "uuid",
        };
        db.execute_unprepared(&TABLES.replace("{uuid}", uuid)).await?;
        Ok(())
    }
}

const TABLES: &str = r#"
create table role_link (
    token_hash text not null,
    delivery_id {uuid} not null,
    incident_id {uuid} not null,
    person text not null,
    role_id {uuid},
    offer_number integer,
    recipient_id {uuid},
    primary key (token_hash)
);
create table roster_cover (
    id {uuid} not null,
    roster text,
    absent text not null,
    stand_in text not null,
    from_ms bigint not null,
    to_ms bigint not null,
    because text not null,
    made_by text not null,
    made_by_name text not null,
    made_at_ms bigint not null,
    ended_by_name text,
    ended_at_ms bigint,
    primary key (id)
);
create index role_link_role_id on role_link (role_id);
create index role_link_recipient_id on role_link (recipient_id);
create index roster_cover_to_ms on roster_cover (to_ms);
"#;
