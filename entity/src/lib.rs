//! Columns and relations, and nothing else: a row is never a response, and knows no rule.

pub mod account;
pub mod address_health;
pub mod alert;
pub mod answer;
pub mod api_token;
pub mod attempt;
pub mod channel;
pub mod channel_reader;
pub mod chronology;
pub mod chronology_head;
pub mod delivery;
pub mod directory_version;
pub mod event;
pub mod idempotency;
pub mod incident;
pub mod incident_role;
pub mod link;
pub mod message;
pub mod playbook_version;
pub mod recipient;
pub mod role_link;
pub mod roster_cover;
pub mod session;
pub mod setting;
pub mod setup_link;
pub mod timer;
