//! What is wrong with a file, said so that its author can mend it: where, what, and what to write instead.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file is refused.
    Error,
    /// Shown; `check --strict` fails unless the file waives it with a reason.
    Warning,
    /// Told, nothing more.
    Info,
}

/// A place in a file, line and column from 1, columns counted in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One problem of a playbook, directory or exercise file. Made by the readers and checkers of this crate; printed by
/// the command line, the API and the pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The rule that is broken: `R02`, `A04` … (languages, section 7).
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where the offending value stands; of its owner where a key is missing.
    pub at: Position,
    /// The way to the value through the file: `alerts.dmat_standby.ack.ack_by`.
    pub path: String,
    /// What is wrong.
    pub detail: Text,
    /// What to write instead.
    pub help: Text,
}
