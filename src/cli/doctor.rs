//! `noroshi doctor`.
use super::{Refused, Setting};
use std::process::ExitCode;

/// Whom to send the test letter to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  noroshi doctor\n  noroshi doctor --send-to duty@pref.example.jp")]
pub(crate) struct Args {
    /// Send one real test letter to this address
    #[arg(long, value_name = "ADDRESS")]
    send_to: Option<String>,
}

pub(crate) fn run(_: Args, _: &Setting) -> anyhow::Result<ExitCode> {
    Err(Refused::not_there_yet("doctor"))
}
