//! Indexes over what still waits, so that a look costs nothing because of what is over.
//!
//! The pulse asks every second for letters whose lease has ended: asked for them in the order of their ids, SQLite walked
//! all letters that there ever were. The auditor asks every few seconds for recipients, tasks and chairs that wait
//! without a timer; the start page for look backs that are due.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(INDEXES).await?;
        Ok(())
    }
}

const INDEXES: &str = r#"
drop index timer_subject_id;
create index delivery_lease on delivery (lease_until_ms) where state = 'leased';
create index recipient_waiting on recipient (id) where state = 'waiting';
create index task_open on task (id) where state = 'open';
create index incident_review_due_ms on incident (review_due_ms) where state = 'closed';
create index incident_role_offered on incident_role (id) where offered_to IS NOT NULL;
"#;
