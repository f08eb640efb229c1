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
    document_kind, exercise,
    playbook::{self, Neighbour, Playbook, Site},
    problem::{Problem, Severity},
    rule::{self, Rule},
    text::Language,
    time::Timestamp,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Refused, Setting, print, print_json};
use crate::clock::{Clock as _, SystemClock};

/// What is checked, and how it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files, or folders with *.yaml in all subfolders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The directory that playbooks are checked against [default: the one among PATH, where there is exactly one]
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
    /// The moment from which rosters and dates are looked at [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    at: Option<Timestamp>,
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
    let at = args.at.unwrap_or_else(|| SystemClock::default().now());
    let checked = check(&args.paths, args.directory.as_deref(), at)?;
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

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| "write it like 2026-11-24T09:00:00+09:00".to_owned())
}

/// Reads every file, then checks playbooks against the directory and against each other, and exercises against their
/// playbooks.
fn check(paths: &[PathBuf], directory: Option<&Path>, at: Timestamp) -> anyhow::Result<Vec<Checked>> {
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
    let mut neighbours: Vec<Neighbour> = Vec::new();
    let mut playbooks: Vec<Playbook> = Vec::new();
    // Playbooks are told of those before them; exercises come last, when every playbook is known.
    let mut problems: Vec<Vec<Problem>> = vec![Vec::new(); sources.len()];
    let (exercises, others): (Vec<usize>, Vec<usize>) =
        (0..sources.len()).partition(|index| document_kind(&sources[*index].0) == Some(Kind::Exercise));
    for index in others {
        let source = &sources[index].0;
        if document_kind(source) == Some(Kind::Directory) {
            problems[index] = directory::check(source, Some(at)).1;
            continue;
        }
        // A file of no known kind is read as a playbook, which says what is missing.
        let site = Site { directory: directory.as_ref(), at: Some(at), neighbours: Some(&neighbours) };
        let (playbook, found) = playbook::check(source, &site);
        problems[index] = found;
        playbooks.extend(playbook);
        neighbours.extend(Neighbour::read(source));
    }
    for index in exercises {
        let source = &sources[index].0;
        // Only the pinned playbook is looked into; what it names is not known while it has errors itself.
        let pinned = exercise::pinned_playbook(source);
        let playbook = playbooks.iter().find(|playbook| Some(&playbook.key) == pinned.as_ref());
        problems[index] = exercise::check(source, playbook).1;
    }
    Ok(sources
        .iter()
        .zip(problems)
        .map(|((source, path), problems)| Checked {
            name: path.display().to_string(),
            text: String::from_utf8_lossy(source).into_owned(),
            problems,
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
            let mut place = json!({
                "physicalLocation": {"artifactLocation": {"uri": uri(name)}, "region": region},
            });
            if !problem.path.is_empty() {
                place["logicalLocations"] = json!([{"fullyQualifiedName": problem.path}]);
            }
            let words = format!("{} {}", problem.detail.get(language), problem.help.get(language));
            results.push(json!({
                "ruleId": problem.code,
                "level": level,
                "message": {"text": words.trim()},
                "locations": [place],
            }));
        }
    }
    let rules: Vec<Value> =
        rules.into_iter().filter_map(rule::find).map(|rule| described(rule, language)).collect();
    let driver = json!({"name": "noroshi", "version": env!("CARGO_PKG_VERSION"), "rules": rules});
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    })
}

/// A rule as code review tools show it.
fn described(rule: &Rule, language: Language) -> Value {
    let (what, why) = match language {
        Language::En => (rule.what_en, rule.why_en),
        Language::Ja | Language::EasyJa => (rule.what_ja, rule.why_ja),
    };
    let level = match rule.severities.first() {
        Some(Severity::Error) => "error",
        Some(Severity::Warning) => "warning",
        _ => "note",
    };
    json!({
        "id": rule.code,
        "shortDescription": {"text": what},
        "help": {"text": why},
        "defaultConfiguration": {"level": level},
    })
}

/// A path as a URI reference: what is not plain is written in percent.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
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
            if !problem.path.is_empty() {
                let _ = writeln!(page, "       @ {}", problem.path);
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
    let width: usize = before.iter().map(|c| places(*c)).sum();
    (shown.iter().collect(), format!("{}^", " ".repeat(width)))
}

/// How many places of a terminal a character takes. Marks that are put upon the one before take none.
fn places(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}'
        | '\u{3099}'
        | '\u{309a}'
        | '\u{200b}'..='\u{200f}'
        | '\u{fe00}'..='\u{fe0f}' => 0,
        c if is_wide(c) => 2,
        _ => 1,
    }
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
        assert_eq!(with_caret("か\u{3099}ｶ: x", 6).1, "     ^");
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
            let checked = check(&[path], None, Timestamp(0)).unwrap();
            let errors = checked[0].problems.iter().filter(|problem| problem.severity == Severity::Error);
            assert!(errors.count() > 0, "{name}");
        }
    }

    #[test]
    fn code_review_tools_get_one_result_for_each_problem_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.yaml");
        fs::write(&path, "apiVersion: noroshi/v1\nkind: Playbook\nmetdata: {}\n").unwrap();
        let checked = check(&[path], None, Timestamp(0)).unwrap();
        let run = &sarif(&checked, Language::En)["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), checked[0].problems.len());
        let last = results.last().unwrap();
        assert_eq!((&last["ruleId"], &last["level"]), (&json!("R02"), &json!("error")));
        assert_eq!(last["locations"][0]["physicalLocation"]["region"]["startLine"], 3);
        assert_eq!(last["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "metdata");
    }

    #[test]
    fn a_path_becomes_a_reference_that_every_tool_reads() {
        assert_eq!(uri("手順/a b.yaml"), "%E6%89%8B%E9%A0%86/a%20b.yaml");
    }

    #[test]
    fn two_playbooks_of_one_name_and_version_are_told_at_the_second() {
        let folder = tempfile::tempdir().unwrap();
        let shipped = include_str!("../../playbooks/eq-6upper-initial.yaml");
        fs::write(folder.path().join("a.yaml"), shipped).unwrap();
        fs::write(folder.path().join("b.yaml"), format!("{shipped}# より新しい\n")).unwrap();
        let checked = check(&[folder.path().to_owned()], None, Timestamp(0)).unwrap();
        let codes = |index: usize| -> Vec<&str> {
            let shown =
                checked[index].problems.iter().filter(|problem| problem.severity == Severity::Warning);
            shown.map(|problem| problem.code).collect()
        };
        assert_eq!((codes(0), codes(1)), (vec![], vec!["R07"]));
    }

    #[test]
    fn a_path_that_is_not_there_is_wrong_usage() {
        let error = check(&["/no/such/file.yaml".into()], None, Timestamp(0)).map(|_| ()).unwrap_err();
        assert_eq!(super::super::code(&error), 2);
    }
}
