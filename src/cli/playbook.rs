//! `noroshi playbook …`.

use std::{collections::BTreeSet, fmt::Write as _, path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use noroshi_core::{
    Kind, document_kind,
    problem::{Problem, Severity},
};
use serde::Serialize;
use serde_json::json;

use super::{Format, Refused, Setting, actor, block_on, check, open, preflight, print, print_json, refused};
use crate::{
    config::Config,
    operation::{
        Work,
        playbook::{Refusal, Source, import_all},
    },
    store,
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
                            --directory playbooks/directory.example.yaml --set intensity=6+ --set occurred_at=03:07")]
    Preflight(preflight::Args),
    /// Bring playbook files into the configured database: all of them, or none
    #[command(after_help = "Examples:\n  noroshi playbook import playbooks\n  \
                            noroshi playbook import eq.yaml --dry-run")]
    Import {
        /// Files or folders
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
        /// How to print the result
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print a playbook of the configured database, as it was imported
    #[command(disable_version_flag = true)]
    #[command(after_help = "Example:\n  noroshi playbook export eq-6upper-initial > eq.yaml")]
    Export {
        /// The playbook's key
        key: String,
        /// Number of the version [default: the one in force]
        #[arg(long = "version", value_name = "N")]
        number: Option<i32>,
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
        Command::Export { key, number } => block_on(export(setting.config()?, key, number)),
        Command::Preflight(args) => preflight::run(args, setting),
        Command::Import { paths, dry_run, format } => {
            block_on(import(setting.config()?, paths, dry_run, format, setting))
        }
    }
}

/// The file of a version, byte for byte.
async fn export(config: Config, key: String, number: Option<i32>) -> anyhow::Result<ExitCode> {
    let app = open(&config).await?;
    let db = app.store.read();
    let row = match number {
        Some(number) => store::playbook::by_number(db, &key, number).await?,
        None => store::playbook::latest(db, &key).await?,
    };
    let row = row.ok_or_else(|| match number {
        Some(number) => Refused::failed(
            format!("手順書 {key} の第{number}版はありません。"),
            format!("the playbook {key} has no number {number}"),
        ),
        None => {
            Refused::failed(format!("手順書 {key} はありません。"), format!("there is no playbook {key}"))
        }
    })?;
    print(&row.source)?;
    Ok(ExitCode::SUCCESS)
}

/// What became of one file, or would become.
#[derive(Serialize)]
struct Taken {
    file: String,
    key: String,
    version: String,
    number: i32,
    sha256: String,
    changed: bool,
    former: Option<i32>,
    changes: Vec<String>,
}

/// One transaction for all files: with a broken one among them, nothing changes.
async fn import(
    config: Config,
    paths: Vec<PathBuf>,
    dry_run: bool,
    format: Format,
    setting: &Setting,
) -> anyhow::Result<ExitCode> {
    let files = playbook_files(&paths)?;
    let app = open(&config).await?;
    let work = Work::begin(&app, actor()).await.map_err(refused)?;
    let sources: Vec<Source<'_>> =
        files.iter().map(|(path, text)| Source { text, folder: path.parent(), may_wait: false }).collect();
    let name = |place: usize| files[place].0.display().to_string();
    let checked = |place: usize, problems: Vec<Problem>| check::Checked {
        name: name(place),
        text: String::from_utf8_lossy(sources[place].text).into_owned(),
        problems,
    };
    let (mut taken, mut told, mut is_refused) = (Vec::new(), Vec::new(), false);
    match import_all(work, &sources, !dry_run).await {
        Ok(done) => {
            for (place, done) in done.into_iter().enumerate() {
                let warnings = done.problems.into_iter().filter(|it| it.severity != Severity::Info);
                told.push(checked(place, warnings.collect()));
                taken.push(Taken {
                    file: name(place),
                    changes: done.changes.iter().map(|change| change.sentence(setting.language)).collect(),
                    key: done.key,
                    version: done.version,
                    number: done.number,
                    sha256: done.sha256,
                    changed: done.changed,
                    former: done.former,
                });
            }
            told.retain(|file| !file.problems.is_empty());
        }
        Err(Refusal::Files(files)) => {
            is_refused = true;
            told.extend(files.into_iter().map(|(place, problems)| checked(place, problems)));
        }
        Err(Refusal::Operation(error)) => return Err(refused(error)),
    }
    match format {
        Format::Json => {
            let problems = check::report(&told, setting.language).problems;
            let word = if dry_run { "would_import" } else { "imported" };
            print_json(&json!({word: taken, "problems": problems}))?;
        }
        Format::Text => print(&imported(&taken, &told, dry_run, setting))?,
    }
    Ok(if is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
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

/// - `told`: the errors that kept everything out, or the warnings that are left.
fn imported(taken: &[Taken], told: &[check::Checked], dry_run: bool, setting: &Setting) -> String {
    let mut page = String::new();
    for Taken { file, key, version, number, changed, changes, former, .. } in taken {
        let line = match (*changed, dry_run) {
            (true, true) => setting.say(
                format!("{file}: {key} {version} は第{number}版になります。"),
                format!("{file}: {key} {version} would be number {number}"),
            ),
            (true, false) => setting.say(
                format!("{file}: {key} {version} を取り込みました (第{number}版)。"),
                format!("{file}: {key} {version} is in force, number {number}"),
            ),
            (false, _) => setting.say(
                format!("{file}: {key} {version} は変わっていません (第{number}版)。"),
                format!("{file}: {key} {version} has not changed, number {number}"),
            ),
        };
        let _ = writeln!(page, "{line}");
        if *changed && changes.is_empty() && former.is_some() {
            let same = setting.say("空白やコメントだけが違います", "only blanks or comments differ");
            let _ = writeln!(page, "  {same}");
        }
        for change in changes {
            let _ = writeln!(page, "  {change}");
        }
    }
    if !told.is_empty() {
        page.push_str(&check::page(told, setting));
    }
    if taken.is_empty() {
        let nothing = setting.say("何も取り込んでいません。", "nothing was imported");
        let _ = writeln!(page, "{nothing}");
    }
    page
}
