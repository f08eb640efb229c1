//! Noroshi: carries an alert until a person has answered or decided.

pub mod app;
pub mod attachment;
pub mod chance;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domains;
pub mod failpoint;
pub mod i18n;
pub mod in_hand;
pub mod key;
mod library;
pub mod lifecycle;
pub mod measure;
pub mod neighbours;
pub mod operation;
pub mod password;
pub mod signature;
pub mod spreadsheet;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod transport;
pub mod watch;
pub mod web;
pub mod worker;
