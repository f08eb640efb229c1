//! `noroshi backup` and `noroshi restore`.

use std::{path::PathBuf, process::ExitCode};

use super::{Refused, Setting};

/// Where the backup goes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  noroshi backup /srv/backup/noroshi-2026-11-24.tar")]
pub(crate) struct BackupArgs {
    /// The file to write; it holds the key file too, so keep it where only you can read it
    file: PathBuf,
}

/// Where the backup is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  noroshi restore /srv/backup/noroshi-2026-11-24.tar")]
pub(crate) struct RestoreArgs {
    /// The file that `noroshi backup` wrote
    file: PathBuf,
}

pub(crate) fn backup(_: BackupArgs, _: &Setting) -> anyhow::Result<ExitCode> {
    Err(Refused::not_there_yet("backup"))
}

pub(crate) fn restore(_: RestoreArgs, _: &Setting) -> anyhow::Result<ExitCode> {
    Err(Refused::not_there_yet("restore"))
}
