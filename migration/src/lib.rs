//! The schema, one file for each change. Every command that touches the database migrates it first.

use sea_orm_migration::prelude::*;
pub use sea_orm_migration::{MigratorTrait, SchemaManager, sea_orm::DbErr};

mod m20261124_000001_first_schema;
mod m20261125_000002_role;
mod m20261125_000003_tasks;
mod m20261125_000004_triggers;
mod m20261125_000005_directory;
mod m20261125_000007_attachment;
mod m20261125_000008_node;
mod m20261125_000009_gateway_message;
mod m20261125_000010_finding;
mod m20261129_000011_outbox;
mod m20261129_000012_waiting;
mod m20261129_000013_leased;
mod m20261129_000014_compact;

/// All changes, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_first_schema::Migration),
            Box::new(m20261125_000002_role::Migration),
            Box::new(m20261125_000003_tasks::Migration),
            Box::new(m20261125_000004_triggers::Migration),
            Box::new(m20261125_000005_directory::Migration),
            Box::new(m20261125_000007_attachment::Migration),
            Box::new(m20261125_000008_node::Migration),
            Box::new(m20261125_000009_gateway_message::Migration),
            Box::new(m20261125_000010_finding::Migration),
            Box::new(m20261129_000011_outbox::Migration),
            Box::new(m20261129_000012_waiting::Migration),
            Box::new(m20261129_000013_leased::Migration),
            Box::new(m20261129_000014_compact::Migration),
        ]
    }
}
