//! The first schema.
//!
//! Written by hand and never edited after a release. States are words with a CHECK; moments are milliseconds UTC.

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
        let (blob, json, serial) = match manager.get_database_backend() {
            sea_orm_migration::sea_orm::DatabaseBackend::Sqlite => {
                ("blob", "text", "integer primary key autoincrement")
            }
            _ => ("uuid", "jsonb", "bigserial primary key"),
        };
        let text = TABLES.replace("{uuid}", blob).replace("{json}", json).replace("{serial}", serial);
        db.execute_unprepared(&text).await?;
        Ok(())
    }
}

/// `{uuid}`, `{json}` and `{serial}` stand for what the two databases call differently.
const TABLES: &str = r#"
create table setting (
    key text not null,
    value text not null,
    primary key (key)
);
create table account (
    id {uuid} not null,
    login text not null unique,
    name text not null,
    person text,
    role text not null check (role in ('admin','commander','operator','observer')),
    password_hash text not null,
    created_at_ms bigint not null,
    disabled_at_ms bigint,
    primary key (id)
);
create table session (
    token_hash text not null,
    account_id {uuid} not null,
    csrf text not null,
    acting text,
    created_at_ms bigint not null,
    seen_at_ms bigint not null,
    ends_at_ms bigint not null,
    primary key (token_hash)
);
create table api_token (
    token_hash text not null,
    id {uuid} not null,
    name text not null,
    role text not null,
    created_at_ms bigint not null,
    used_at_ms bigint,
    revoked_at_ms bigint,
    primary key (token_hash)
);
create table setup_link (
    token_hash text not null,
    role text not null,
    account_id {uuid},
    created_at_ms bigint not null,
    ends_at_ms bigint not null,
    used_at_ms bigint,
    primary key (token_hash)
);
create table idempotency (
    scope text not null,
    key text not null,
    body_hash text not null,
    status integer not null,
    body text not null,
    created_at_ms bigint not null,
    primary key (scope, key)
);
create table playbook_version (
    id {uuid} not null,
    key text not null,
    number integer not null,
    version text not null,
    sha256 text not null,
    source text not null,
    title {json} not null,
    imported_at_ms bigint not null,
    imported_by text not null,
    imported_by_name text not null,
    primary key (id)
);
create table directory_version (
    id {uuid} not null,
    number integer not null,
    key text not null,
    sha256 text not null,
    source text not null,
    imported_at_ms bigint not null,
    imported_by text not null,
    primary key (id)
);
create table address_health (
    contact text not null,
    transport text not null,
    address text not null,
    wrong_at_ms bigint,
    wrong_note text,
    refused_at_ms bigint,
    refused_reason text,
    gone_at_ms bigint,
    proved_at_ms bigint,
    primary key (contact, transport, address)
);
create table incident (
    id {uuid} not null,
    number integer not null unique,
    playbook_version_id {uuid} not null,
    directory_version_id {uuid} not null,
    mode text not null check (mode in ('live','drill')),
    state text not null check (state in ('proposed','held','active','stabilised','closing','closed','reviewed','cancelled','merged')),
    title text not null,
    variables {json} not null,
    opened_at_ms bigint not null,
    opened_by text not null,
    trigger_key text,
    hold_until_ms bigint,
    on_hold_timeout text check (on_hold_timeout in ('send','suggest')),
    activated_at_ms bigint,
    stabilised_at_ms bigint,
    closing_at_ms bigint,
    closing_by text,
    closing_declined boolean not null,
    ended_at_ms bigint,
    ended_by text,
    end_reason text,
    merged_into {uuid},
    review_due_ms bigint,
    reviewed_at_ms bigint,
    reviewed_by text,
    real_origin_ms bigint not null,
    own_origin_ms bigint not null,
    rate integer not null,
    primary key (id)
);
create table incident_role (
    id {uuid} not null unique,
    incident_id {uuid} not null,
    key text not null,
    position integer not null,
    title {json} not null,
    state text not null check (state in ('vacant','offered','accepted','handing_over')),
    person text,
    name {json},
    since_ms bigint not null,
    accepted_at_ms bigint,
    offered_to text,
    offered_name {json},
    offered_by text,
    offered_at_ms bigint,
    offer_until_own_ms bigint,
    offer_number integer not null,
    asked {json} not null,
    primary key (incident_id, key)
);
create table channel (
    id {uuid} not null,
    incident_id {uuid} not null,
    key text not null,
    position integer not null,
    title {json} not null,
    outside boolean not null,
    relay_to text,
    members {json} not null,
    primary key (id)
);
create table message (
    id {uuid} not null,
    incident_id {uuid} not null,
    channel_id {uuid} not null,
    at_ms bigint not null,
    author text not null,
    author_name text not null,
    organisation text not null,
    text {json} not null,
    mark text,
    relayed_from {uuid},
    primary key (id)
);
create table channel_reader (
    channel_id {uuid} not null,
    reader text not null,
    name text not null,
    read_at_ms bigint not null,
    primary key (channel_id, reader)
);
create table alert (
    id {uuid} not null,
    incident_id {uuid} not null,
    key text not null,
    number integer not null,
    rule {json} not null,
    state text not null check (state in ('open','reached','to_decide','decided','superseded')),
    missing integer not null,
    ending boolean not null,
    follows {uuid},
    follow_up text check (follow_up in ('update','correction','withdrawal')),
    raised_by text not null,
    raised_at_ms bigint not null,
    decision {json},
    primary key (id)
);
create table recipient (
    id {uuid} not null,
    alert_id {uuid} not null,
    incident_id {uuid} not null,
    position integer not null,
    agency text,
    person text,
    name {json} not null,
    outside boolean not null,
    report integer not null,
    contacts {json} not null,
    version integer not null,
    state text not null check (state in ('waiting','answered','to_decide','decided','stood_down','informed')),
    step integer not null,
    started_own_ms bigint,
    started_at_ms bigint,
    due_own_ms bigint,
    next_letter integer not null,
    pending {json} not null,
    decider {json},
    accepted_at_ms bigint,
    delivered_at_ms bigint,
    opened_at_ms bigint,
    acked_at_ms bigint,
    answered_at_ms bigint,
    failed_at_ms bigint,
    unknown_at_ms bigint,
    answer {json},
    decision {json},
    decide_since_ms bigint,
    released_at_ms bigint,
    primary key (id)
);
create table answer (
    id {uuid} not null,
    recipient_id {uuid} not null,
    at_ms bigint not null,
    "option" text not null,
    fields {json} not null,
    note text not null,
    "by" text not null,
    by_name text not null,
    proxy boolean not null,
    late boolean not null,
    suspect boolean not null,
    primary key (id)
);
create table link (
    token_hash text not null,
    recipient_id {uuid} not null,
    contact text not null,
    name {json} not null,
    language text not null,
    generation integer not null,
    revoked_at_ms bigint,
    opened_by {json} not null,
    primary key (token_hash)
);
create table delivery (
    id {uuid} not null,
    incident_id {uuid} not null,
    recipient_id {uuid},
    letter integer,
    occasion text not null,
    via text not null,
    transport text not null,
    contact text not null,
    name {json} not null,
    address text not null,
    domain text not null,
    language text not null,
    errand {json},
    priority integer not null,
    state text not null check (state in ('queued','leased','accepted','delivered','refused','given_up','unknown','withdrawn')),
    due_at_ms bigint not null,
    lease_until_ms bigint not null,
    leased_by {uuid},
    fence integer not null,
    handed_at_ms bigint,
    attempts integer not null,
    "repeat" boolean not null,
    reason text,
    relay text,
    encrypted boolean,
    created_at_ms bigint not null,
    ended_at_ms bigint,
    primary key (id)
);
create table attempt (
    id {uuid} not null,
    delivery_id {uuid} not null,
    number integer not null,
    started_at_ms bigint not null,
    ended_at_ms bigint not null,
    outcome text not null,
    relay text not null,
    reply text not null,
    primary key (id)
);
create table timer (
    id {uuid} not null,
    incident_id {uuid} not null,
    kind text not null,
    subject_id {uuid},
    subject_key text,
    step integer not null,
    priority integer not null,
    due_own_ms bigint not null,
    due_at_ms bigint,
    fired_at_ms bigint,
    late_by_ms bigint,
    primary key (id)
);
create table chronology (
    incident_id {uuid} not null,
    seq integer not null,
    occurred_at_ms bigint not null,
    recorded_at_ms bigint not null,
    kind text not null,
    from_party {json} not null,
    to_party {json} not null,
    text {json} not null,
    actor text not null,
    corrects integer,
    hash text not null,
    primary key (incident_id, seq)
);
create table chronology_head (
    incident_id {uuid} not null,
    seq integer not null,
    hash text not null,
    primary key (incident_id)
);
create table event (
    id {serial},
    incident_id {uuid} not null,
    kind text not null,
    at_ms bigint not null
);
create unique index playbook_version_key_number on playbook_version (key, number);
create unique index directory_version_number on directory_version (number);
create index session_account_id on session (account_id);
create index incident_state on incident (state);
create index incident_merged_into on incident (merged_into);
create index channel_incident_id on channel (incident_id);
create index message_channel_id_at_ms on message (channel_id, at_ms);
create index alert_incident_id on alert (incident_id);
create index alert_follows on alert (follows);
create index recipient_alert_id on recipient (alert_id);
create index recipient_incident_id on recipient (incident_id);
create index answer_recipient_id on answer (recipient_id);
create index link_recipient_id on link (recipient_id);
create index delivery_recipient_id on delivery (recipient_id);
create index delivery_incident_id on delivery (incident_id);
create index delivery_priority_due_at_ms on delivery (priority, due_at_ms) where state IN ('queued','leased');
create index attempt_delivery_id on attempt (delivery_id);
create index timer_due_at_ms on timer (due_at_ms) where fired_at_ms IS NULL;
create index timer_subject_id on timer (subject_id) where fired_at_ms IS NULL;
create index timer_incident_id on timer (incident_id) where fired_at_ms IS NULL;
create index event_incident_id_id on event (incident_id, id);
"#;
