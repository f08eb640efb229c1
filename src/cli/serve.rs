//! `noroshi serve`: the service.

use std::process::ExitCode;

use super::{Refused, Setting, block_on};
use crate::config::Config;

/// Nothing: everything stands in the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  noroshi serve\n  noroshi serve --config /etc/noroshi/noroshi.toml\n  \
                        NOROSHI_SERVER__BIND=127.0.0.1:9000 noroshi serve")]
pub(crate) struct Args {}

pub(crate) fn run(_: Args, setting: &Setting) -> anyhow::Result<ExitCode> {
    let config = setting.config()?;
    for warning in config.warnings() {
        tracing::warn!("{}", warning.get(setting.language));
    }
    block_on(serve(config))?;
    Ok(ExitCode::SUCCESS)
}

/// The seam to composition: `crate::app`.
async fn serve(_: Config) -> anyhow::Result<()> {
    Err(Refused::not_there_yet("serve"))
}
