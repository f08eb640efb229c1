//! `noroshi playbook preflight`: who would get what, when and how. Sends nothing, needs no configuration and no
//! database.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, process::ExitCode};

use chrono_tz::Tz;
use clap::ValueEnum;
use noroshi_core::{
    directory::{self, Directory},
    playbook::{
        self, Playbook,
        preflight::{Answers, Entry, Plan, Timetable, What, preflight},
    },
    problem::Problem,
    text::Text,
    time::{Span, Timestamp},
    variable,
};
use serde_json::Value;
use tracing::warn;

use super::{Format, Refused, Setting, assignment, check, print, print_json};
use crate::clock::{Clock, SystemClock};

/// Which playbook, with which values.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The playbook file
    file: PathBuf,
    /// The directory file
    #[arg(long, value_name = "FILE")]
    directory: PathBuf,
    /// A variable's value; may stand several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// When it would start: RFC 3339 with an offset [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    at: Option<Timestamp>,
    /// Who answers
    #[arg(long, value_enum, default_value_t = Who::None)]
    answers: Who,
    /// How to print the timetable
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Who {
    /// Nobody: every ladder to its end
    None,
    /// Everybody, as soon as the first letter is there
    All,
}

/// The zone in which texts and the timetable are written; without configuration the one that is its default.
const ZONE: Tz = Tz::Asia__Tokyo;

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text)
        .ok_or_else(|| "write a moment with its offset, for example 2026-11-24T03:14:00+09:00".to_owned())
}

pub(crate) fn run(args: Args, setting: &Setting) -> anyhow::Result<ExitCode> {
    let (directory, playbook) = match read(&args) {
        Ok(files) => files?,
        Err(broken) => {
            // The timetable is the result; why there is none goes where errors go.
            eprint!("{}", check::page(&[broken], setting));
            return Ok(ExitCode::FAILURE);
        }
    };
    let at = args.at.unwrap_or_else(|| SystemClock.now());
    let values = values(&playbook, &directory, &args.set, at, setting)?;
    let timetable = preflight(&Plan {
        playbook: &playbook,
        directory: &directory,
        values: &values,
        at,
        zone: ZONE,
        answers: match args.answers {
            Who::None => Answers::None,
            Who::All => Answers::All,
        },
        serves: &|driver| matches!(driver, "smtp" | "human_call"),
    });
    match args.format {
        Format::Json => print_json(&timetable.document(ZONE))?,
        Format::Text => print(&page(&timetable, setting))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Both files; or the one that has errors, with them.
fn read(args: &Args) -> Result<anyhow::Result<(Directory, Playbook)>, check::Checked> {
    let broken = |path: &PathBuf, source: &[u8], problems: Vec<Problem>| check::Checked {
        name: path.display().to_string(),
        text: String::from_utf8_lossy(source).into_owned(),
        problems,
    };
    let sources =
        check::read(&args.directory).and_then(|directory| Ok((directory, check::read(&args.file)?)));
    let (directory_source, playbook_source) = match sources {
        Ok(sources) => sources,
        Err(unreadable) => return Ok(Err(unreadable)),
    };
    let (directory, problems) = directory::read(&directory_source);
    let directory = directory.ok_or_else(|| broken(&args.directory, &directory_source, problems))?;
    let (playbook, problems) = playbook::read(&playbook_source, Some(&directory));
    let playbook = playbook.ok_or_else(|| broken(&args.file, &playbook_source, problems))?;
    Ok(Ok((directory, playbook)))
}

/// The variables' values. A required one that is missing does not matter yet: it prints 調整中, and a warning says so.
fn values(
    playbook: &Playbook,
    directory: &Directory,
    set: &[(String, String)],
    at: Timestamp,
    setting: &Setting,
) -> anyhow::Result<BTreeMap<String, Value>> {
    let given: BTreeMap<String, Value> =
        set.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    let mut relaxed = playbook.clone();
    relaxed.variables.iter_mut().for_each(|variable| variable.required = false);
    let values = variable::resolve(&relaxed, directory, &given, at, ZONE).map_err(|problems| {
        let said = |words: fn(&Text) -> &str| {
            let lines: Vec<String> = problems
                .iter()
                .map(|problem| format!("{}: {}", problem.key, words(&problem.detail)))
                .collect();
            lines.join("\n")
        };
        Refused::usage(said(|text| &text.ja), said(|text| text.en.as_deref().unwrap_or(&text.ja)))
    })?;
    for missing in
        playbook.variables.iter().filter(|variable| variable.required && !values.contains_key(&variable.key))
    {
        let key = &missing.key;
        let says = setting.say(
            format!("変数 {key} に値がありません (--set {key}=…)。文面には「調整中」と出ます。"),
            format!("the variable {key} has no value (--set {key}=…); texts will say \"to follow\""),
        );
        warn!("{says}");
    }
    Ok(values)
}

fn page(timetable: &Timetable, setting: &Setting) -> String {
    let start = Timestamp(timetable.at_ms);
    let mut page = String::new();
    let begins = setting.say("開始", "start");
    let _ = writeln!(page, "{begins} {}", start.rfc3339(ZONE));
    let mut lines = Vec::new();
    for role in &timetable.roles {
        let person = role.person.clone().unwrap_or_else(|| setting.say("当番なし", "nobody on duty"));
        let _ = writeln!(page, "{}  {}: {person}", moments(start, 0), role.title.get(setting.language));
    }
    for alert in &timetable.alerts {
        let raised = setting.say(
            format!("{} 件に「{}」", alert.recipients, alert.subject),
            format!("\"{}\" to {}", alert.subject, alert.recipients),
        );
        lines.push((alert.offset_ms, format!("{}  {raised}", alert.key)));
    }
    for entry in &timetable.entries {
        let recipient = format!("{} ({})", entry.name.get(setting.language), entry.recipient);
        lines.push((entry.offset_ms, [entry.alert.clone(), recipient, what(entry, setting)].join("  ")));
    }
    // Stable: what happens at the same moment stays in the order of the file.
    lines.sort_by_key(|(offset_ms, _)| *offset_ms);
    for (offset_ms, line) in lines {
        let _ = writeln!(page, "{}  {line}", moments(start, offset_ms));
    }
    page
}

/// The time since the start and the time of day.
fn moments(start: Timestamp, offset_ms: i64) -> String {
    let seconds = offset_ms / 1000;
    let at = (start + Span(offset_ms)).to_utc().with_timezone(&ZONE);
    format!("+{:02}:{:02}:{:02}  {}", seconds / 3600, seconds / 60 % 60, seconds % 60, at.format("%H:%M:%S"))
}

fn what(entry: &Entry, setting: &Setting) -> String {
    let happens = match entry.what {
        What::Letter => setting.say("最初の連絡", "first letter"),
        What::Resend => setting.say("再送", "the letter again"),
        What::Notify => setting.say("ほかの連絡先へ", "to another contact"),
        What::Unserved => setting.say("送れません (この経路は使えません)", "cannot leave: no driver"),
        What::NobodyReached => setting.say("届く相手がなく、次の段へ", "reaches nobody, next step at once"),
        What::Call => setting.say("電話の依頼", "somebody is asked to telephone"),
        What::Decide => setting.say("判断の依頼", "somebody is asked to decide"),
        What::Answer => setting.say("回答", "answers"),
    };
    let step = entry.step.map(|step| setting.say(format!("第{step}段"), format!("step {step}")));
    let via = entry.via.clone();
    let contact = entry.contact.clone();
    let by = entry.by.as_ref().map(|party| setting.say(format!("担当 {party}"), format!("by {party}")));
    let line = entry.line.map(|line| setting.say(format!("{line} 行目"), format!("line {line}")));
    std::iter::once(Some(happens))
        .chain([step, via, contact, by, line])
        .flatten()
        .collect::<Vec<_>>()
        .join("  ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use noroshi_core::text::Language;

    use super::*;

    fn shipped(answers: Who) -> (Timetable, String) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
        let args = Args {
            file: folder.join("eq-6upper-initial.yaml"),
            directory: folder.join("directory.example.yaml"),
            set: Vec::new(),
            at: Timestamp::parse_rfc3339("2026-11-24T03:14:00+09:00"),
            answers,
            format: Format::Text,
        };
        let (directory, playbook) =
            read(&args).unwrap_or_else(|broken| panic!("{:?}", broken.problems)).unwrap();
        let setting = Setting { language: Language::En, config: None };
        let at = args.at.unwrap();
        let values = values(&playbook, &directory, &[], at, &setting).unwrap();
        let answers = if answers == Who::All { Answers::All } else { Answers::None };
        let serves = |driver: &str| driver == "smtp";
        let plan = Plan {
            playbook: &playbook,
            directory: &directory,
            values: &values,
            at,
            zone: ZONE,
            answers,
            serves: &serves,
        };
        let timetable = preflight(&plan);
        let page = page(&timetable, &setting);
        (timetable, page)
    }

    #[test]
    fn every_entry_is_a_line_with_its_time_of_day() {
        let (timetable, page) = shipped(Who::None);
        assert!(!timetable.entries.is_empty());
        assert_eq!(
            page.lines().count(),
            1 + timetable.roles.len() + timetable.alerts.len() + timetable.entries.len()
        );
        assert!(page.starts_with("start 2026-11-24T03:14:00.000+09:00\n+00:00:00  03:14:00  "), "{page}");
        assert!(page.contains("somebody is asked to decide"), "{page}");
    }

    #[test]
    fn the_document_has_every_moment_in_words() {
        let (timetable, _) = shipped(Who::All);
        let document = timetable.document(ZONE);
        assert_eq!(document["at"], "2026-11-24T03:14:00.000+09:00");
        assert!(document["entries"].as_array().unwrap().iter().all(|entry| entry["at"].is_string()));
    }
}
