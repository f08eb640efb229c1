//! `noroshi user …`: accounts. Nobody gets a password from somebody else: a one-time link lets its owner choose one.

use std::process::ExitCode;

use super::{Format, Refused, Role, Setting, block_on};
use crate::config::Config;

/// What to do with accounts.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  noroshi user add --person tanabe --role commander")]
pub(crate) enum Command {
    /// Print a one-time link with which a new person sets up an account
    #[command(after_help = "Examples:\n  noroshi user add --role admin\n  \
                            noroshi user add --person tanabe --role commander")]
    Add(AddArgs),
    /// Print a one-time link with which a person chooses a new password
    #[command(after_help = "Example:\n  noroshi user reset tanabe")]
    Reset {
        /// The account's login name
        login: String,
    },
}

/// Who is added.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// The person's key in the directory
    #[arg(long, value_name = "KEY")]
    pub(crate) person: Option<String>,
    /// What the account may do
    #[arg(long, value_enum, default_value_t = Role::Commander)]
    pub(crate) role: Role,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

pub(crate) fn run(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(args) => block_on(add(setting.config()?, args, setting)),
        Command::Reset { .. } => Err(Refused::not_there_yet("user reset")),
    }
}

/// The seam to the operations.
async fn add(_: Config, _: AddArgs, _: &Setting) -> anyhow::Result<ExitCode> {
    Err(Refused::not_there_yet("user add"))
}
