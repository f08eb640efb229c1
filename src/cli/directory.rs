//! `noroshi directory …`.

use std::{path::PathBuf, process::ExitCode};

use super::{Format, Refused, Setting, block_on};
use crate::config::Config;

/// What to do with the directory.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  noroshi directory import directory.yaml --dry-run")]
pub(crate) enum Command {
    /// Bring a directory file into the configured database; prints what changes
    #[command(after_help = "Examples:\n  noroshi directory import directory.yaml --dry-run\n  \
                            noroshi directory import directory.yaml")]
    Import {
        /// The directory file
        file: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
        /// How to print the result
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print the directory of the configured database
    #[command(after_help = "Example:\n  noroshi directory export > directory.yaml")]
    Export,
}

pub(crate) fn run(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    match command {
        Command::Import { file, dry_run, format } => {
            block_on(import(setting.config()?, file, dry_run, format, setting))
        }
        Command::Export => Err(Refused::not_there_yet("directory export")),
    }
}

/// The seam to the operations.
async fn import(_: Config, _: PathBuf, _: bool, _: Format, _: &Setting) -> anyhow::Result<ExitCode> {
    Err(Refused::not_there_yet("directory import"))
}
