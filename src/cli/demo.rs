//! `noroshi demo`: everything at work, with nothing to set up.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use super::{Setting, block_on};

/// Where and how fast.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  noroshi demo\n  noroshi demo --bind 127.0.0.1:9000 --speed 60")]
pub(crate) struct Args {
    /// Address and port of the pages
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) bind: SocketAddr,
    /// Keep everything in this folder [default: a temporary folder that is removed at the end]
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// Seconds of the drill for each real second, 1 to 600 [default: 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) speed: Option<u32>,
}

pub(crate) fn run(args: Args, setting: &Setting) -> anyhow::Result<ExitCode> {
    block_on(crate::demo::run(args.bind, args.dir, args.speed, setting.language))?;
    Ok(ExitCode::SUCCESS)
}
