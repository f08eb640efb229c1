//! `noroshi playbook …`.

use std::{collections::BTreeSet, fmt::Write as _, path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use noroshi_core::{Kind, document_kind};
use serde::Serialize;
use serde_json::json;

use super::{Format, Refused, Setting, actor, block_on, check, open, preflight, print, print_json, refused};
use crate::{
    config::Config,
    operation::{self, OperationError, Work},
};

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
    Preflight(preflight::Args),
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

pub(crate) fn run(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(args) => check::run(args, setting),
        Command::Schema { of } => {
            let kind = match of {
                SchemaOf::Playbook => Kind::Playbook,
                SchemaOf::Directory => Kind::Directory,
                SchemaOf::Exercise => Kind::Exercise,
            };
            print_json(&noroshi_core::schema::of(kind))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Export { .. } => Err(Refused::not_there_yet("playbook export")),
        Command::Preflight(args) => preflight::run(args, setting),
        Command::Import { paths, format } => block_on(import(setting.config()?, paths, format, setting)),
    }
}

/// What became of one file.
#[derive(Serialize)]
struct Taken {
    file: String,
    key: String,
    version: String,
    number: i32,
    sha256: String,
    changed: bool,
}

/// Each file is a transaction of its own: a broken one keeps no other out.
async fn import(
    config: Config,
    paths: Vec<PathBuf>,
    format: Format,
    setting: &Setting,
) -> anyhow::Result<ExitCode> {
    let files = playbook_files(&paths)?;
    let app = open(&config).await?;
    let (mut taken, mut broken) = (Vec::new(), Vec::new());
    for (path, source) in files {
        let file = path.display().to_string();
        let work = Work::begin(&app, actor()).await.map_err(refused)?;
        match operation::playbook::import(work, &source, path.parent()).await {
            Ok(done) => taken.push(Taken {
                file,
                key: done.key,
                version: done.version,
                number: done.number,
                sha256: done.sha256,
                changed: done.changed,
            }),
            Err(OperationError::Problems(problems)) => broken.push(check::Checked {
                name: file,
                text: String::from_utf8_lossy(&source).into_owned(),
                problems,
            }),
            Err(other) => return Err(refused(other)),
        }
    }
    match format {
        Format::Json => {
            let problems = check::report(&broken, setting.language).problems;
            print_json(&json!({"imported": taken, "problems": problems}))?;
        }
        Format::Text => print(&imported(&taken, &broken, setting))?,
    }
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Folders give their playbooks and pass over other kinds; a file that is named is meant.
fn playbook_files(paths: &[PathBuf]) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    for path in paths {
        let metadata = std::fs::metadata(path).map_err(|cause| check::unreadable(path, &cause))?;
        if !metadata.is_dir() {
            files.push((path.clone(), check::read(path)?));
            continue;
        }
        let mut found = BTreeSet::new();
        check::find_yaml(path, &mut found)?;
        for path in found {
            let source = check::read(&path)?;
            if matches!(document_kind(&source), None | Some(Kind::Playbook)) {
                files.push((path, source));
            }
        }
    }
    Ok(files)
}

fn imported(taken: &[Taken], broken: &[check::Checked], setting: &Setting) -> String {
    let mut page = String::new();
    for Taken { file, key, version, number, changed, .. } in taken {
        let line = if *changed {
            setting.say(
                format!("{file}: {key} {version} を取り込みました (第{number}版)。"),
                format!("{file}: {key} {version} is in force, number {number}"),
            )
        } else {
            setting.say(
                format!("{file}: {key} {version} は変わっていません (第{number}版)。"),
                format!("{file}: {key} {version} has not changed, number {number}"),
            )
        };
        let _ = writeln!(page, "{line}");
    }
    if !broken.is_empty() {
        page.push_str(&check::page(broken, setting));
    }
    page
}
