//! `noroshi token …`: tokens for programs.

use std::process::ExitCode;

use super::{Refused, Role, Setting, block_on};
use crate::config::Config;

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  noroshi token create --name dispatch-console --role operator")]
pub(crate) enum Command {
    /// Make a token and print it, alone on one line; it is not shown again
    #[command(after_help = "Example:\n  NOROSHI_TOKEN=$(noroshi token create --name cli --role commander)")]
    Create(CreateArgs),
}

/// For whom, and what it may do.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// What the token is for, as it stands in the chronology
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// What the token may do
    #[arg(long, value_enum)]
    pub(crate) role: Role,
}

pub(crate) fn run(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(args) => block_on(create(setting.config()?, args)),
    }
}

/// The seam to the operations.
async fn create(_: Config, _: CreateArgs) -> anyhow::Result<ExitCode> {
    Err(Refused::not_there_yet("token create"))
}
