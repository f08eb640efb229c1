//! Less for each recipient and letter: a service keeps every one of them, and writes them while people wait.
//!
//! - A link is found by half of its token's hash, as bytes, and knows the letter that it first went out with; whom it
//!   belongs to stands there.
//! - A try is found by its letter, its number and what came of it, and needs no key besides.
//! - A timer of a recipient, a chair, a task or a report carries the id of what it belongs to as its own.
//! - Recipients of an incident are found by its alerts, and letters by their recipients; only letters to roles, which
//!   have none, are found by their incident.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite names no primary keys.
        let [uuid, json, bytes, unhex, keyed, named] = match manager.get_database_backend() {
            DatabaseBackend::Sqlite => ["blob", "text", "blob", "unhex(half)", "without rowid", ""],
            _ => ["uuid", "jsonb", "bytea", "decode(half, 'hex')", "", NAMED],
        };
        let change = CHANGE
            .replace("{uuid}", uuid)
            .replace("{json}", json)
            .replace("{bytes}", bytes)
            .replace("{unhex(half)}", &unhex.replace("half", "substr(link.token_hash, 1, 32)"))
            .replace("{keyed}", keyed)
            + named;
        manager.get_connection().execute_unprepared(&change).await?;
        Ok(())
    }
}

const NAMED: &str = "
alter table link rename constraint link_of_letter_pkey to link_pkey;
alter table attempt rename constraint attempt_of_letter_pkey to attempt_pkey;";

/// A link without a letter was never told to anybody. Of two tries that say the same of the same number one is kept.
const CHANGE: &str = r#"
create table link_of_letter (
    token_hash {bytes} not null,
    delivery_id {uuid} not null,
    generation integer not null,
    revoked_at_ms bigint,
    opened_by {json} not null,
    primary key (token_hash)
);
insert into link_of_letter (token_hash, delivery_id, generation, revoked_at_ms, opened_by)
    select {unhex(half)}, first.id, link.generation, link.revoked_at_ms, link.opened_by
    from link join delivery first on first.id = (
        select id from delivery
        where delivery.recipient_id = link.recipient_id and delivery.contact = link.contact
        order by id limit 1
    );
drop table link;
alter table link_of_letter rename to link;
create table attempt_of_letter (
    delivery_id {uuid} not null,
    number integer not null,
    outcome text not null,
    started_at_ms bigint not null,
    ended_at_ms bigint not null,
    relay text not null,
    reply text not null,
    primary key (delivery_id, number, outcome)
) {keyed};
insert into attempt_of_letter (delivery_id, number, outcome, started_at_ms, ended_at_ms, relay, reply)
    select delivery_id, number, outcome, started_at_ms, ended_at_ms, relay, reply from attempt order by id
    on conflict do nothing;
drop table attempt;
alter table attempt_of_letter rename to attempt;
alter table timer drop column subject_id;
drop index recipient_incident_id;
drop index delivery_incident_id;
create index delivery_to_role on delivery (incident_id) where recipient_id is null;
"#;
