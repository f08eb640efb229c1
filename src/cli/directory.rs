//! `noroshi directory …`.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use serde_json::json;

use super::{Format, Refused, Setting, actor, block_on, check, open, print, print_json, refused};
use crate::{
    config::Config,
    operation::{self, OperationError, Work, directory::Changes},
};

/// What to do with the directory.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  noroshi directory import directory.yaml --dry-run")]
pub(crate) enum Command {
    /// Bring a directory file into the configured database; prints what changes
    #[command(after_help = "Examples:\n  noroshi directory import directory.yaml --dry-run\n  \
                            noroshi directory import directory.yaml")]
    Import {
        /// The directory file
        file: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
        /// How to print the result
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print the directory of the configured database
    #[command(after_help = "Example:\n  noroshi directory export > directory.yaml")]
    Export,
}

pub(crate) fn run(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    match command {
        Command::Import { file, dry_run, format } => {
            block_on(import(setting.config()?, file, dry_run, format, setting))
        }
        Command::Export => Err(Refused::not_there_yet("directory export")),
    }
}

async fn import(
    config: Config,
    file: PathBuf,
    dry_run: bool,
    format: Format,
    setting: &Setting,
) -> anyhow::Result<ExitCode> {
    if file.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv") || end.eq_ignore_ascii_case("xlsx"))
    {
        return Err(Refused::not_there_yet("directory import FILE.csv"));
    }
    let source = check::read(&file)?;
    let app = open(&config).await?;
    let work = Work::begin(&app, actor()).await.map_err(refused)?;
    let checked = |problems| check::Checked {
        name: file.display().to_string(),
        text: String::from_utf8_lossy(&source).into_owned(),
        problems,
    };
    let (changes, left) = match operation::directory::import(work, &source, dry_run).await {
        Ok((changes, problems)) => (Some(changes), checked(problems)),
        Err(OperationError::Problems(problems)) => (None, checked(problems)),
        Err(other) => return Err(refused(other)),
    };
    let left = [left];
    match format {
        Format::Json => {
            let problems = check::report(&left, setting.language).problems;
            print_json(&json!({"changes": changes, "problems": problems, "dry_run": dry_run}))?;
        }
        Format::Text => {
            let mut text =
                changes.as_ref().map(|changes| page(changes, dry_run, setting)).unwrap_or_default();
            if !left[0].problems.is_empty() {
                text.push_str(&check::page(&left, setting));
            }
            print(&text)?;
        }
    }
    Ok(if changes.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn page(changes: &Changes, dry_run: bool, setting: &Setting) -> String {
    let mut page = String::new();
    for (sign, keys) in [('+', &changes.added), ('~', &changes.changed), ('-', &changes.removed)] {
        for key in keys {
            let _ = writeln!(page, "{sign} {key}");
        }
    }
    let (added, changed, removed) = (changes.added.len(), changes.changed.len(), changes.removed.len());
    let (ja, en) = if dry_run { ("の予定", "would be ") } else { ("", "") };
    let _ = writeln!(
        page,
        "{}",
        setting.say(
            format!("追加 {added} 件、変更 {changed} 件、削除 {removed} 件{ja}"),
            format!("{added} {en}added, {changed} {en}changed, {removed} {en}removed"),
        )
    );
    page
}
