//! The outbox's ways in: the most urgent letter of a transport, its next due moment, what a node has in hand.
//!
//! The index before served none of the three: it had no transport, and letters of one alert, which are all due at the
//! same moment, were sorted anew for every claim.

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
drop index delivery_priority_due_at_ms;
create index delivery_claim on delivery (transport, priority, due_at_ms, id) where state = 'queued';
create index delivery_due on delivery (transport, due_at_ms) where state = 'queued';
create index delivery_in_hand on delivery (leased_by) where state = 'leased';
"#;
