//! The hall: load → decide (core) → perform, one transaction. The only writer.
//!
//! # Cast
//! - [`Work`]: one transaction, who acts, what time it is, and what is to be written at its end;
//! - [`Scene`](scene::Scene): an incident with its playbook, its directory and its chairs;
//! - `perform`: the only place where the core's effects become rows;
//! - a function for each verb: [`incident::start`], [`answers::take`], [`decision::decide`] …
//!
//! # Flow of a verb
//! 1. `Work::begin` opens the transaction and reads the clock, once.
//! 2. The verb enters the incidents that it changes, reads their rows, asks the core, and hands the effects to `perform`.
//! 3. `Work::commit` writes what has gathered, in batches, commits, and only then rings the bells of the workers and
//!    tells the live pages and the log. A bell carries no data: forgetting it costs one polling period.
//!
//! Deliberately absent: network calls, HTTP, words of pages.

pub mod absence;
pub mod account;
pub mod actor;
pub mod alert;
pub mod answer;
pub mod answers;
pub mod audit;
pub mod channel;
pub mod chronology;
pub mod closing;
pub mod cover;
pub mod decision;
pub mod delivery;
pub mod directory;
pub mod doubt;
mod duty;
pub mod ending;
pub mod errand;
pub mod follow;
pub mod hold;
pub mod incident;
pub mod letter;
pub mod merge;
mod news;
pub mod node;
pub mod pace;
mod perform;
pub mod photo;
pub mod playbook;
pub mod preflight;
pub mod readdress;
pub mod receipt;
mod recipients;
pub mod report;
pub mod role;
pub mod scene;
pub mod schedule;
pub mod task;
mod telling;
pub mod timer;
pub mod told;
pub mod trigger;
mod work;

use noroshi_core::{problem::Problem, text::Text, variable::VariableProblem};

pub use actor::Actor;
pub use work::{Once, Reply, Work};

use crate::store::StoreError;

/// What stands under the key of a field, as it was typed.
pub type AsTyped<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// Something a person typed that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The way to the value in the request: `variables.intensity`, `fields.teams`.
    pub path: String,
    /// What is wrong and what to give instead.
    pub detail: Text,
}

impl Invalid {
    /// A single problem.
    pub fn new(path: impl Into<String>, ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { path: path.into(), detail: Text::both(ja, en) }
    }

    /// What is wrong with the values of a start.
    pub fn all_of(found: Vec<VariableProblem>) -> Vec<Self> {
        let told = found
            .into_iter()
            .map(|problem| Self { path: format!("variables.{}", problem.key), detail: problem.detail });
        told.collect()
    }
}

/// Why a verb was not done. `web/problem.rs` makes HTTP of it, and nobody else.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// The actor has no right to it.
    #[error("{actor} may not {action}")]
    Denied {
        /// Who.
        actor: String,
        /// What.
        action: &'static str,
    },
    /// The incident, or whatever it is about, is over or not yet so far.
    #[error("{}", .0.en.as_deref().unwrap_or(&.0.ja))]
    Closed(Text),
    /// What was typed cannot be taken; all of it at once.
    #[error("{} values cannot be taken", .0.len())]
    Invalid(Vec<Invalid>),
    /// A file cannot be taken.
    #[error("the file has {} problems", .0.len())]
    Problems(Vec<Problem>),
    /// The same idempotency key came with another body.
    #[error("the idempotency key was used before with another body")]
    KeyReused,
    /// The cellar failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sea_orm::DbErr> for OperationError {
    fn from(cause: sea_orm::DbErr) -> Self {
        Self::Store(cause.into())
    }
}

impl OperationError {
    /// The service stops, or has not begun: nothing was stored, and a later try may be taken.
    pub fn stopping() -> Self {
        let cause = sea_orm::DbErr::Custom("this node stops".to_owned());
        Self::Store(StoreError::Unavailable { attempt: "take an answer", cause })
    }

    /// One value that cannot be taken.
    pub fn invalid(path: impl Into<String>, ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Invalid(vec![Invalid::new(path, ja, en)])
    }
}
