//! `noroshi directory …`.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::ValueEnum;
use noroshi_core::{
    directory::difference::{Change, Fate, references},
    problem::{Problem, Severity},
};
use serde_json::json;

use super::{Format, Refused, Setting, actor, block_on, check, open, print, print_json, refused};
use crate::{
    config::Config,
    operation::{
        OperationError, Work,
        directory::{self, BrokenPlaybook, Plan, Shape},
    },
};

/// What to do with the directory.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  noroshi directory import directory.yaml --dry-run")]
pub(crate) enum Command {
    /// Bring a directory (YAML) or a list of agencies or people (CSV, XLSX) in; prints what changes
    #[command(after_help = "Examples:\n  noroshi directory import directory.yaml --dry-run\n  \
                            noroshi directory import hospitals.xlsx --dry-run\n  \
                            noroshi directory import hospitals.xlsx --remove-missing")]
    Import {
        /// YAML is the whole directory; CSV and XLSX add and change
        file: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
        /// A CSV or XLSX list is the whole one: what it does not name is removed, an empty cell empties
        #[arg(long)]
        remove_missing: bool,
        /// How to print the result
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print the directory of the configured database
    #[command(after_help = "Examples:\n  noroshi directory export > directory.yaml\n  \
                            noroshi directory export --format xlsx > directory.xlsx\n  \
                            noroshi directory export --format csv --list people > people.csv")]
    Export {
        /// As YAML (all of it, as it was imported), or agencies and people as a spreadsheet
        #[arg(long, value_enum, default_value_t = ExportFormat::Yaml)]
        format: ExportFormat,
        /// Which list; a CSV file holds one
        #[arg(long, value_enum, default_value_t = ExportList::Agencies)]
        list: ExportList,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// All of it
    Yaml,
    /// One list, for Excel
    Csv,
    /// Both lists, for Excel
    Xlsx,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportList {
    /// Agencies
    Agencies,
    /// People
    People,
}

pub(crate) fn run(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    let config = setting.config()?;
    match command {
        Command::Import { file, dry_run, remove_missing, format } => {
            block_on(import(config, &file, Wish { dry_run, remove_missing }, format, setting))
        }
        Command::Export { format, list } => block_on(export(config, format, list)),
    }
}

struct Wish {
    dry_run: bool,
    remove_missing: bool,
}

async fn import(
    config: Config,
    file: &Path,
    wish: Wish,
    format: Format,
    setting: &Setting,
) -> anyhow::Result<ExitCode> {
    let bytes = check::read(file)?;
    let app = open(&config).await?;
    let name = file.display().to_string();
    let shape = Shape::of(&bytes, &name, "");
    let text = match shape {
        Shape::Yaml => String::from_utf8_lossy(&bytes).into_owned(),
        Shape::Sheets => String::new(),
    };
    let (plan, problems) = match directory::plan(&app, &actor(), bytes, shape, wish.remove_missing).await {
        Ok(plan) => {
            let problems = plan.problems.clone();
            (Some(plan), problems)
        }
        Err(OperationError::Problems(problems)) => (None, problems),
        Err(other) => return Err(refused(other)),
    };
    if let Some(plan) = plan.as_ref().filter(|_| !wish.dry_run) {
        let work = Work::begin(&app, actor()).await.map_err(refused)?;
        directory::put(work, plan).await.map_err(refused)?;
    }
    let checked = [check::Checked { name, text, problems }];
    match format {
        Format::Json => {
            let language = setting.language;
            let changes = plan.as_ref().map(|plan| {
                json!({
                    "added": references(&plan.changes, Fate::Added),
                    "changed": references(&plan.changes, Fate::Changed),
                    "removed": references(&plan.changes, Fate::Removed),
                })
            });
            let differences: Vec<_> =
                plan.iter().flat_map(|plan| &plan.changes).map(|change| change.shown(language)).collect();
            let playbooks: Vec<_> = plan
                .iter()
                .flat_map(|plan| &plan.broken)
                .map(|broken| {
                    let told = broken.problems.iter().map(|problem| problem.detail.get(language));
                    json!({ "key": broken.key, "missing": told.collect::<Vec<_>>() })
                })
                .collect();
            print_json(&json!({
                "changes": changes,
                "differences": differences,
                "playbooks": playbooks,
                "problems": check::report(&checked, language).problems,
                "dry_run": wish.dry_run,
            }))?;
        }
        Format::Text => {
            let mut text = plan.as_ref().map(|plan| page(plan, wish.dry_run, setting)).unwrap_or_default();
            match shape {
                _ if checked[0].problems.is_empty() => {}
                Shape::Yaml => text.push_str(&check::page(&checked, setting)),
                Shape::Sheets => text.push_str(&rows(&checked[0].name, &checked[0].problems, setting)),
            }
            print(&text)?;
        }
    }
    Ok(if plan.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn export(config: Config, format: ExportFormat, list: ExportList) -> anyhow::Result<ExitCode> {
    let app = open(&config).await?;
    let format = match format {
        ExportFormat::Yaml => directory::Export::Yaml,
        ExportFormat::Csv => directory::Export::Csv,
        ExportFormat::Xlsx => directory::Export::Xlsx,
    };
    let list = match list {
        ExportList::Agencies => directory::List::Agencies,
        ExportList::People => directory::List::People,
    };
    let Some(file) = directory::export(&app, format, list).await.map_err(refused)? else {
        return Err(Refused::failed("台帳がまだありません。", "there is no directory yet"));
    };
    let mut out = io::stdout().lock();
    match out.write_all(&file).and_then(|()| out.flush()) {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
            Err(cause).context("could not write the directory to stdout")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// What changes, entry by entry; of what is changed every field.
fn page(plan: &Plan, dry_run: bool, setting: &Setting) -> String {
    let mut page = String::new();
    let mut count = [0; 3];
    for change in &plan.changes {
        let Change { fate, fields, .. } = change;
        let sign = ['+', '~', '-'][*fate as usize];
        count[*fate as usize] += 1;
        let _ = writeln!(page, "{sign} {} {}", change.reference(), change.name.get(setting.language));
        for field in fields.iter().filter(|_| *fate == Fate::Changed) {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "∅".to_owned());
            let label = field.label.get(setting.language);
            let _ = writeln!(page, "    {label}: {} → {}", value(&field.old), value(&field.new));
        }
    }
    for BrokenPlaybook { key, problems } in &plan.broken {
        let told = setting.say(
            format!("! 手順書 {key} は、この台帳では使えなくなります:"),
            format!("! the playbook {key} no longer fits this directory:"),
        );
        let _ = writeln!(page, "{told}");
        for problem in problems {
            let (line, column, detail) =
                (problem.at.line, problem.at.column, problem.detail.get(setting.language));
            let _ = writeln!(page, "    {line}:{column} {} {detail}", problem.code);
        }
    }
    let [added, changed, removed] = count;
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

/// Problems of a spreadsheet, by row and column heading.
fn rows(file: &str, problems: &[Problem], setting: &Setting) -> String {
    let mut page = String::new();
    let mut errors = 0;
    for problem in problems {
        let word = match problem.severity {
            Severity::Error => {
                errors += 1;
                setting.say("誤り", "error")
            }
            Severity::Warning => setting.say("注意", "warning"),
            Severity::Info => setting.say("参考", "info"),
        };
        let line = problem.at.line;
        let place = setting.say(format!("{line}行 {}", problem.path), format!("row {line} {}", problem.path));
        let detail = problem.detail.get(setting.language);
        let _ = writeln!(page, "{file}: {}: {word}: {detail}", place.trim_end());
        let help = problem.help.get(setting.language);
        if !help.is_empty() {
            let _ = writeln!(page, "       = {help}");
        }
    }
    if errors > 0 {
        let told = setting.say(
            format!("誤り {errors} 件。何も取り込んでいません。"),
            format!("{errors} error(s); nothing was imported"),
        );
        let _ = writeln!(page, "{told}");
    }
    page
}
