//! What rings: trigger events with what each led to, the calendar of schedules, and counters.

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
        let (blob, json) = match manager.get_database_backend() {
            sea_orm_migration::sea_orm::DatabaseBackend::Sqlite => ("blob", "text"),
            _ => ("uuid", "jsonb"),
        };
        db.execute_unprepared(&TABLES.replace("{uuid}", blob).replace("{json}", json)).await?;
        Ok(())
    }
}

const TABLES: &str = r#"
create table counter (
    key text not null,
    value bigint not null,
    primary key (key)
);
create table trigger_event (
    id {uuid} not null,
    source text not null,
    trigger_key text,
    event_id text not null,
    mode text not null check (mode in ('live','drill')),
    content {json} not null,
    occurred_at_ms bigint not null,
    recorded_at_ms bigint not null,
    late_by_ms bigint,
    reported_by text not null,
    once text unique,
    primary key (id)
);
create table trigger_outcome (
    id {uuid} not null,
    trigger_event_id {uuid} not null,
    playbook text not null,
    trigger_key text not null,
    mode text not null,
    decision text not null check (decision in ('suggest','hold','send','attach','ignore','nothing','refused')),
    reason {json} not null,
    dedupe_key text,
    incident_id {uuid},
    at_ms bigint not null,
    primary key (id)
);
create table schedule (
    playbook text not null,
    trigger_key text not null,
    rule text not null,
    next_at_ms bigint,
    primary key (playbook, trigger_key)
);
create index trigger_event_recorded_at_ms on trigger_event (recorded_at_ms);
create index trigger_outcome_trigger_event_id on trigger_outcome (trigger_event_id);
create index trigger_outcome_incident_id on trigger_outcome (incident_id);
create index trigger_outcome_dedupe on trigger_outcome (playbook, trigger_key, dedupe_key);
create index schedule_next_at_ms on schedule (next_at_ms);
"#;
