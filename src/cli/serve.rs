//! `noroshi serve`: the service.

use std::process::ExitCode;

use super::{Setting, block_on};

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
    block_on(crate::app::serve(&config))?;
    Ok(ExitCode::SUCCESS)
}
