//! Tasks, situation reports, photos.

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
        let (uuid, json, bytes) = match manager.get_database_backend() {
            sea_orm_migration::sea_orm::DatabaseBackend::Sqlite => ("blob", "text", "blob"),
            _ => ("uuid", "jsonb", "bytea"),
        };
        let text = TABLES.replace("{uuid}", uuid).replace("{json}", json).replace("{bytes}", bytes);
        db.execute_unprepared(&text).await?;
        Ok(())
    }
}

/// `{uuid}`, `{json}` and `{bytes}` stand for what the two databases call differently.
const TABLES: &str = r#"
create table task (
    id {uuid} not null,
    incident_id {uuid} not null,
    key text,
    number integer not null,
    position integer not null,
    title {json} not null,
    role text not null,
    required boolean not null,
    about {json},
    recipient_id {uuid},
    state text not null check (state in ('open','done','not_needed','ended')),
    version integer not null,
    created_at_ms bigint not null,
    created_own_ms bigint not null,
    created_by text not null,
    due_own_ms bigint,
    blocked boolean not null,
    reminded integer not null,
    next_own_ms bigint,
    evidence {json},
    fields {json},
    note text not null,
    settled_at_ms bigint,
    settled_own_ms bigint,
    settled_by text,
    primary key (id)
);
create table report (
    id {uuid} not null,
    incident_id {uuid} not null,
    key text not null,
    number integer not null,
    state text not null check (state in ('due','submitted','returned','approved','skipped','ended')),
    version integer not null,
    due_own_ms bigint not null,
    base_own_ms bigint not null,
    stage integer not null,
    next_own_ms bigint,
    decider {json},
    decide_since_ms bigint,
    fields {json},
    changed {json},
    written_at_ms bigint,
    written_by text,
    approved_at_ms bigint,
    approved_by text,
    returned_because text,
    decision {json},
    ended_at_ms bigint,
    primary key (id)
);
create table photo (
    id {uuid} not null,
    incident_id {uuid} not null,
    task_id {uuid} not null,
    media_type text not null,
    name text not null,
    size_bytes bigint not null,
    sha256 text not null,
    bytes {bytes} not null,
    taken_in_at_ms bigint not null,
    taken_in_by text not null,
    primary key (id)
);
create index task_incident_id on task (incident_id);
create index report_incident_id on report (incident_id);
create unique index report_incident_id_key_number on report (incident_id, key, number);
create index photo_task_id on photo (task_id);
"#;
