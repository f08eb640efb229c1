//! `noroshi chronology …`.

use std::process::ExitCode;

use noroshi_core::id::IncidentId;

use super::{Refused, Setting};

/// What to do with the chronology.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  noroshi chronology verify")]
pub(crate) enum Command {
    /// Recompute the hash chain: has anything been changed or taken out?
    #[command(after_help = "Example:\n  noroshi chronology verify inc_0192f1c45d6e7a8b9c0d1e2f3a4b5c6d")]
    Verify {
        /// One incident [default: all]
        incident: Option<IncidentId>,
    },
}

pub(crate) fn run(command: Command, _: &Setting) -> anyhow::Result<ExitCode> {
    match command {
        Command::Verify { .. } => Err(Refused::not_there_yet("chronology verify")),
    }
}
