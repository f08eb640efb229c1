//! `noroshi drill …`: exercises, rehearsed here or run live on the service.

use std::{path::PathBuf, process::ExitCode};

use super::{Format, Refused, Setting, incident::ServerArgs};

/// What to do with an exercise.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  noroshi drill rehearse playbooks/exercises/eq-night.yaml --seed 7")]
pub(crate) enum Command {
    /// Run a whole exercise on a virtual clock, without a server and without sending
    #[command(after_help = "Example:\n  noroshi drill rehearse playbooks/exercises/eq-night.yaml --runs 100")]
    Rehearse(RehearseArgs),
    /// Start an exercise on the running service
    #[command(after_help = "Example:\n  noroshi drill start eq-night")]
    Start(RunArgs),
    /// Stop the exercise's clock
    #[command(after_help = "Example:\n  noroshi drill pause eq-night")]
    Pause(RunArgs),
    /// Let the exercise's clock run on
    #[command(after_help = "Example:\n  noroshi drill resume eq-night")]
    Resume(RunArgs),
    /// End the exercise now
    #[command(after_help = "Example:\n  noroshi drill abort eq-night")]
    Abort(RunArgs),
    /// Show how it went
    #[command(after_help = "Example:\n  noroshi drill report eq-night --format json")]
    Report(RunArgs),
}

/// What `rehearse` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct RehearseArgs {
    /// The exercise file
    exercise: PathBuf,
    /// The directory file
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
    /// Folder of playbook files
    #[arg(long, value_name = "DIR")]
    playbooks: Option<PathBuf>,
    /// The chance of this run
    #[arg(long)]
    seed: Option<u64>,
    /// Run with so many seeds and show how the score is spread
    #[arg(long)]
    runs: Option<u32>,
    /// Write the report as a page
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Which exercise, on which service.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The exercise's key, or the id of its run
    exercise: String,
    #[command(flatten)]
    server: ServerArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(command: Command, _: &Setting) -> anyhow::Result<ExitCode> {
    let name = match command {
        Command::Rehearse(_) => "drill rehearse",
        Command::Start(_) => "drill start",
        Command::Pause(_) => "drill pause",
        Command::Resume(_) => "drill resume",
        Command::Abort(_) => "drill abort",
        Command::Report(_) => "drill report",
    };
    Err(Refused::not_there_yet(name))
}
