//! `noroshi playbook …`.

use std::{path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use noroshi_core::time::Timestamp;

use super::{Format, Refused, Setting, assignment, block_on, check};
use crate::config::Config;

/// What to do with playbooks.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  noroshi playbook check playbooks")]
pub(crate) enum Command {
    /// Tell every problem of playbook, directory and exercise files at once
    #[command(after_help = "Examples:\n  noroshi playbook check playbooks\n  \
                            noroshi playbook check eq.yaml --directory directory.yaml --format json")]
    Check(check::Args),
    /// Print the JSON Schema for editors
    #[command(after_help = "Example:\n  noroshi playbook schema directory > directory.schema.json")]
    Schema {
        /// Which language
        #[arg(value_enum, default_value_t = SchemaOf::Playbook)]
        of: SchemaOf,
    },
    /// Show who would get what, when and how; sends nothing
    #[command(after_help = "Example:\n  noroshi playbook preflight playbooks/eq-6upper-initial.yaml \
                            --directory playbooks/directory.example.yaml --set max_intensity=6+")]
    Preflight(PreflightArgs),
    /// Bring playbook files into the configured database
    #[command(after_help = "Example:\n  noroshi playbook import playbooks")]
    Import {
        /// Files or folders
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// How to print the result
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print a playbook of the configured database
    #[command(after_help = "Example:\n  noroshi playbook export eq-6upper-initial > eq.yaml")]
    Export {
        /// The playbook's key
        key: String,
    },
}

/// The three languages.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    /// What is done
    Playbook,
    /// Who is who
    Directory,
    /// How it is drilled
    Exercise,
}

/// What `preflight` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct PreflightArgs {
    /// The playbook file
    pub(crate) file: PathBuf,
    /// The directory file
    #[arg(long, value_name = "FILE")]
    pub(crate) directory: PathBuf,
    /// A variable's value; may stand several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub(crate) set: Vec<(String, String)>,
    /// When it would start: RFC 3339 with an offset [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub(crate) at: Option<Timestamp>,
    /// Who answers
    #[arg(long, value_enum, default_value_t = Answers::None)]
    pub(crate) answers: Answers,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Who answers in a preflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Answers {
    /// Nobody: the whole ladder
    None,
    /// Everybody at once
    All,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text)
        .ok_or_else(|| "write a moment with its offset, for example 2026-11-24T03:14:00+09:00".to_owned())
}

pub(crate) fn run(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(args) => check::run(args, setting),
        Command::Schema { .. } => Err(Refused::not_there_yet("playbook schema")),
        Command::Export { .. } => Err(Refused::not_there_yet("playbook export")),
        Command::Preflight(args) => preflight(args, setting),
        Command::Import { paths, format } => block_on(import(setting.config()?, paths, format, setting)),
    }
}

fn preflight(_: PreflightArgs, _: &Setting) -> anyhow::Result<ExitCode> {
    Err(Refused::not_there_yet("playbook preflight"))
}

/// The seam to the operations.
async fn import(_: Config, _: Vec<PathBuf>, _: Format, _: &Setting) -> anyhow::Result<ExitCode> {
    Err(Refused::not_there_yet("playbook import"))
}
