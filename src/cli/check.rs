//! `noroshi playbook check`: every problem of every file, each with its place and its cure.
//!
//! Needs neither configuration nor database. A file that can be opened always ends in problems, whatever is in it;
//! only a path that cannot be read is wrong usage.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::ValueEnum;
use noroshi_core::{
    Kind,
    directory::{self, Directory},
    document_kind, playbook,
    problem::{Problem, Severity},
    text::Language,
};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::warn;

use super::{Refused, Setting, print, print_json};

/// What is checked, and how it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files, or folders with *.yaml in all subfolders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The directory that playbooks are checked against [default: the one among PATH, where there is exactly one]
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
    /// Unwaived warnings count as errors
    #[arg(long)]
    strict: bool,
    /// How to print the problems
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    format: CheckFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// For code review tools
    Sarif,
}

/// The most of a file that is looked at: one byte more than the largest that any language allows, so that the reader
/// of the language finds it too large by itself.
const READ_AT_MOST: u64 = 32 * 1024 * 1024 + 1;

/// A file and what is wrong with it.
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) problems: Vec<Problem>,
}

pub(crate) fn run(args: Args, setting: &Setting) -> anyhow::Result<ExitCode> {
    let checked = check(&args.paths, args.directory.as_deref())?;
    match args.format {
        CheckFormat::Json => print_json(&report(&checked, setting.language))?,
        CheckFormat::Sarif => print_json(&sarif(&checked, setting.language))?,
        CheckFormat::Text => print(&page(&checked, setting))?,
    }
    let worst = checked.iter().flat_map(|file| &file.problems).map(|problem| problem.severity).min();
    let failed = match worst {
        Some(Severity::Error) => true,
        Some(Severity::Warning) => args.strict,
        _ => false,
    };
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reads every file, then checks playbooks against the directory.
fn check(paths: &[PathBuf], directory: Option<&Path>) -> anyhow::Result<Vec<Checked>> {
    let mut files = BTreeSet::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|cause| unreadable(path, &cause))?;
        if metadata.is_dir() {
            find_yaml(path, &mut files)?;
        } else {
            files.insert(path.clone());
        }
    }
    // Named with --directory and lying in a folder that is checked: told once.
    files.extend(directory.map(Path::to_owned));
    let sources =
        files.into_iter().map(|path| Ok((read(&path)?, path))).collect::<anyhow::Result<Vec<_>>>()?;
    let directory = the_directory(&sources, directory);
    Ok(sources
        .iter()
        .map(|(source, path)| Checked {
            name: path.display().to_string(),
            text: String::from_utf8_lossy(source).into_owned(),
            problems: problems_of(source, path, directory.as_ref()),
        })
        .collect())
}

/// The directory that playbooks are checked against: the one that was named, or the only one among the files.
fn the_directory(sources: &[(Vec<u8>, PathBuf)], named: Option<&Path>) -> Option<Directory> {
    let mut candidates = sources.iter().filter(|(source, path)| match named {
        Some(named) => path == named,
        None => document_kind(source) == Some(Kind::Directory),
    });
    match (candidates.next(), candidates.next()) {
        (Some((source, _)), None) => directory::read(source).0,
        _ => None,
    }
}

fn problems_of(source: &[u8], path: &Path, directory: Option<&Directory>) -> Vec<Problem> {
    match document_kind(source) {
        Some(Kind::Directory) => directory::read(source).1,
        Some(Kind::Exercise) => {
            warn!("{} is an exercise, which this version does not check yet", path.display());
            Vec::new()
        }
        // A file of no known kind is read as a playbook, which says what is missing.
        _ => playbook::read(source, directory).1,
    }
}

pub(super) fn find_yaml(folder: &Path, found: &mut BTreeSet<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).map_err(|cause| unreadable(folder, &cause))? {
        let entry = entry.map_err(|cause| unreadable(folder, &cause))?;
        let path = entry.path();
        // A link to a folder is not followed: it may lead back.
        if entry.file_type().map_err(|cause| unreadable(&path, &cause))?.is_dir() {
            find_yaml(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.insert(path);
        }
    }
    Ok(())
}

pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut source = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(READ_AT_MOST).read_to_end(&mut source))
        .map_err(|cause| unreadable(path, &cause))?;
    Ok(source)
}

pub(super) fn unreadable(path: &Path, cause: &io::Error) -> anyhow::Error {
    let path = path.display();
    Refused::usage(format!("{path} を読めません ({cause})。"), format!("could not read {path}: {cause}"))
}

#[derive(Serialize)]
pub(super) struct Report<'a> {
    pub(super) problems: Vec<Line<'a>>,
}

#[derive(Serialize)]
pub(super) struct Line<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    path: &'a str,
    code: &'a str,
    severity: Severity,
    detail: &'a str,
    help: &'a str,
}

pub(super) fn report(checked: &[Checked], language: Language) -> Report<'_> {
    let mut problems = Vec::new();
    for file in checked {
        problems.extend(file.problems.iter().map(|problem| Line {
            file: &file.name,
            line: problem.at.line.max(1),
            column: problem.at.column.max(1),
            path: &problem.path,
            code: problem.code,
            severity: problem.severity,
            detail: problem.detail.get(language),
            help: problem.help.get(language),
        }));
    }
    Report { problems }
}

/// The problems as code review tools read them: SARIF 2.1.0 (OASIS), section 3.
fn sarif(checked: &[Checked], language: Language) -> Value {
    let mut results = Vec::new();
    let mut rules = BTreeSet::new();
    for Checked { name, problems, .. } in checked {
        for problem in problems {
            let level = match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "note",
            };
            rules.insert(problem.code);
            let region =
                json!({"startLine": problem.at.line.max(1), "startColumn": problem.at.column.max(1)});
            let place = json!({"artifactLocation": {"uri": name}, "region": region});
            let words = format!("{} {}", problem.detail.get(language), problem.help.get(language));
            results.push(json!({
                "ruleId": problem.code,
                "level": level,
                "message": {"text": words.trim()},
                "locations": [{"physicalLocation": place}],
            }));
        }
    }
    let rules: Vec<Value> = rules.into_iter().map(|code| json!({"id": code})).collect();
    let driver = json!({"name": "noroshi", "version": env!("CARGO_PKG_VERSION"), "rules": rules});
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    })
}

/// What people read: place, code and detail; the line itself with a caret; what to write instead.
pub(super) fn page(checked: &[Checked], setting: &Setting) -> String {
    let mut page = String::new();
    let (mut errors, mut warnings) = (0, 0);
    for file in checked {
        let lines: Vec<&str> = file.text.lines().collect();
        for problem in &file.problems {
            let word = match problem.severity {
                Severity::Error => {
                    errors += 1;
                    setting.say("誤り", "error")
                }
                Severity::Warning => {
                    warnings += 1;
                    setting.say("注意", "warning")
                }
                Severity::Info => setting.say("参考", "info"),
            };
            let (line, column) = (problem.at.line.max(1), problem.at.column.max(1));
            let (detail, help) = (problem.detail.get(setting.language), problem.help.get(setting.language));
            let _ = writeln!(page, "{}:{line}:{column}: {word} {}: {detail}", file.name, problem.code);
            if let Some(source) = lines.get(line as usize - 1) {
                let (source, caret) = with_caret(source, column as usize);
                let _ = writeln!(page, "{line:>6} | {source}\n       | {caret}");
            }
            if !help.is_empty() {
                let _ = writeln!(page, "       = {help}");
            }
        }
    }
    let summary = setting.say(
        format!("{} ファイル: 誤り {errors} 件、注意 {warnings} 件", checked.len()),
        format!(
            "{}: {}, {}",
            count(checked.len(), "file"),
            count(errors, "error"),
            count(warnings, "warning")
        ),
    );
    let _ = writeln!(page, "{summary}");
    page
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// The part of a line around a column, and a caret below it. Wide characters take two places on a terminal, and
/// control characters of a hostile file none.
fn with_caret(line: &str, column: usize) -> (String, String) {
    const BEFORE: usize = 60;
    const SHOWN: usize = 100;
    let start = column.saturating_sub(1 + BEFORE);
    let shown: Vec<char> =
        line.chars().skip(start).take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before = &shown[..(column - 1 - start).min(shown.len())];
    let width: usize = before.iter().map(|c| if is_wide(*c) { 2 } else { 1 }).sum();
    (shown.iter().collect(), format!("{}^", " ".repeat(width)))
}

/// Kana, kanji, full-width forms and what stands between them in Unicode.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_place_even_behind_japanese() {
        assert_eq!(with_caret("ack_by: x", 9), ("ack_by: x".to_owned(), "        ^".to_owned()));
        assert_eq!(with_caret("題: x", 4).1, "    ^");
        assert_eq!(with_caret("", 1), (String::new(), "^".to_owned()));
        assert_eq!(with_caret("ab", 99).1.trim_start(), "^");
    }

    #[test]
    fn a_very_long_line_is_shown_around_its_place() {
        let (shown, caret) = with_caret(&"x".repeat(10_000), 5_000);
        assert_eq!((shown.len(), caret.len()), (100, 61));
    }

    #[test]
    fn folders_give_their_yaml_files_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        for name in ["a.yaml", "sub/b.yml", "readme.md"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let mut found = BTreeSet::new();
        find_yaml(folder.path(), &mut found).unwrap();
        let names: Vec<_> =
            found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_owned()).collect();
        assert_eq!(names, [PathBuf::from("a.yaml"), PathBuf::from("sub/b.yml")]);
    }

    #[test]
    fn every_file_that_opens_ends_in_problems_whatever_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("empty", &b""[..]), ("binary", b"\xff\x00\xfe"), ("prose", b"Hello, world.")]
        {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            let checked = check(&[path], None).unwrap();
            let errors = checked[0].problems.iter().filter(|problem| problem.severity == Severity::Error);
            assert!(errors.count() > 0, "{name}");
        }
    }

    #[test]
    fn code_review_tools_get_one_result_for_each_problem_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.yaml");
        fs::write(&path, "apiVersion: noroshi/v1\nkind: Playbook\nmetdata: {}\n").unwrap();
        let checked = check(&[path], None).unwrap();
        let run = &sarif(&checked, Language::En)["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), checked[0].problems.len());
        let last = results.last().unwrap();
        assert_eq!((&last["ruleId"], &last["level"]), (&json!("R02"), &json!("error")));
        assert_eq!(last["locations"][0]["physicalLocation"]["region"]["startLine"], 3);
    }

    #[test]
    fn a_path_that_is_not_there_is_wrong_usage() {
        let error = check(&["/no/such/file.yaml".into()], None).map(|_| ()).unwrap_err();
        assert_eq!(super::super::code(&error), 2);
    }
}
