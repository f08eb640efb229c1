//! One index over the letters that some node holds, in place of two.
//!
//! They are few, twice the connections of each node, so whoever looks for some of them may look at all. The indexes
//! before had to be changed with every letter that was handed over, which made a fan-out slower.

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
drop index delivery_in_hand;
drop index delivery_lease;
create index delivery_leased on delivery (id) where state = 'leased';
"#;
