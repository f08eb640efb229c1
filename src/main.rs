//! The one binary: parse arguments, do what was asked, give an exit code.

use std::process::ExitCode;

use clap::Parser;
use noroshi::cli;

fn main() -> ExitCode {
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("nobody has chosen a provider of cryptography before the first line of main");
    cli::run(cli::Cli::parse())
}
