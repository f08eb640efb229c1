//! What Noroshi decides: pure, without runtime, database, network or clock.
//!
//! # Cast
//! - a [`playbook`] says what is to happen; a [`directory`] says who is who; both are read strictly, every
//!   [`problem`] at once, with its place;
//! - an [`alert`] goes to recipients; each climbs its [`ladder`] until a person has answered or decided;
//! - the core answers with [`effect`]s, which the rim performs in one transaction.
//!
//! # Flow
//! 1. `playbook::read` turns a file into a checked playbook or a list of problems.
//! 2. [`ladder::raise`] makes a recipient and its first letters.
//! 3. [`ladder::advance`] takes what happened (a try, an outcome, an answer, a timer, a decision) and gives the next
//!    state with its effects.
//! 4. [`alert::judge`] says whether enough have answered.

pub mod addressee;
pub mod alert;
pub mod answer;
#[cfg(test)]
mod dice;
pub mod directory;
mod document;
pub mod effect;
mod example;
pub mod exercise;
pub mod form;
#[cfg(test)]
mod fuzz;
pub mod id;
pub mod incident;
pub mod ladder;
pub mod playbook;
pub mod problem;
pub mod readdress;
pub mod recurrence;
pub mod report;
pub mod retry;
pub mod rights;
pub mod role;
pub mod rule;
pub mod schema;
#[cfg(test)]
mod simulation;
pub mod task;
pub mod tenure;
pub mod text;
pub mod time;
pub mod trigger;
pub mod variable;
pub mod yaml;

pub use document::{API_VERSION, Kind, document_key, document_kind};
