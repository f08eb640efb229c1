//! `noroshi token …`: tokens for programs.

use std::process::ExitCode;

use noroshi_core::rights::Role;

use super::{Setting, actor, block_on, open, print, refused};
use crate::{
    config::Config,
    operation::{Work, account},
};

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
    #[arg(long, value_parser = super::role())]
    pub(crate) role: Role,
}

pub(crate) fn run(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(args) => block_on(create(setting.config()?, args)),
    }
}

async fn create(config: Config, args: CreateArgs) -> anyhow::Result<ExitCode> {
    let app = open(&config).await?;
    let work = Work::begin(&app, actor()).await.map_err(refused)?;
    let token = account::make_token(work, &args.name, args.role).await.map_err(refused)?;
    print(&format!("{token}\n"))?;
    Ok(ExitCode::SUCCESS)
}
