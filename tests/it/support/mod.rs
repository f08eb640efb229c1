//! What the tests stand on: processes they own, a mail server that misbehaves on demand, a browser.

pub mod browser;
pub mod chaos;
pub mod client;
pub mod cluster;
pub mod history;
pub mod hook_sink;
pub mod incident;
pub mod island;
pub mod playbooks;
pub mod postgres;
pub mod server;
pub mod session;
pub mod signed;
pub mod smtp_sink;
pub mod wait;
