//! `noroshi playbook preflight`: who would get what, when and how. Sends nothing, needs no configuration and no
//! database; where there is a configuration, it says by which ways letters leave.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, process::ExitCode};

use chrono_tz::Tz;
use clap::ValueEnum;
use noroshi_core::{
    addressee::BY_HAND,
    directory::{self, Directory},
    playbook::{
        self, Playbook,
        preflight::{self, Answers, Basis, Entry, Leaving, Pace, Plan, Timetable, preflight},
    },
    problem::{Problem, Severity},
    text::Text,
    time::{Span, Timestamp},
};
use serde_json::Value;
use tracing::warn;

use super::{Format, Refused, Setting, assignment, check, print, print_json};
use crate::{
    clock::{Clock, SystemClock},
    config::{Config, ConfigError, USUAL_SMS_CONNECTIONS},
    i18n::{self, Words},
    operation::preflight::{letter_document, sms_length, written},
};

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
    /// Who starts it, by the key of a person of the directory: takes the role that is theirs at once
    #[arg(long, value_name = "PERSON")]
    starter: Option<String>,
    /// Who answers
    #[arg(long, value_enum, default_value_t = Who::None)]
    answers: Who,
    /// As an exercise: every letter is written and marked
    #[arg(long)]
    drill: bool,
    /// Letters a minute that the mail relay takes, where that is known [default: a letter a second on each of 8
    /// connections]
    #[arg(long, value_name = "LETTERS", value_parser = clap::value_parser!(u32).range(1..))]
    per_minute: Option<u32>,
    /// The letters too, as each recipient would read them
    #[arg(long)]
    letters: bool,
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
    if let Some(starter) = args.starter.as_ref().filter(|key| !directory.people.contains_key(*key)) {
        return Err(Refused::usage(
            format!("--starter {starter}: この連絡先台帳にいません。people の鍵を入れてください"),
            format!("--starter {starter}: not in this directory; give a key of its people"),
        ));
    }
    let at = args.at.unwrap_or_else(|| SystemClock::default().now());
    let values = values(&playbook, &directory, &args.set, at, setting)?;
    // Whoever writes a playbook may not be allowed to read the service's configuration, and needs none.
    let config = match setting.config() {
        Err(error @ ConfigError::Unreadable { .. }) => {
            error.lines(setting.language).iter().for_each(|line| eprintln!("{line}"));
            Config::default()
        }
        read => read?,
    };
    let (paces, public_url) = (paces(&config, args.per_minute), config.server.public_url());
    let serves = |driver: &str| serves(&paces, driver);
    let plan = plan(&args, &playbook, &directory, &values, at, &paces, &serves);
    let timetable = preflight(&plan);
    let letters = if args.letters { written(&plan, &timetable, |_| true) } else { Vec::new() };
    match args.format {
        Format::Json => {
            let mut document = timetable.document(ZONE);
            if args.letters {
                document["letters"] = letters.iter().map(|one| letter_document(one, &public_url)).collect();
            }
            print_json(&document)?;
        }
        Format::Text => {
            let mut page = page(&timetable, setting);
            for (planned, letter) in &letters {
                let words = letter.render();
                let whom = format!("{} ({})", planned.name.get(setting.language), planned.contact);
                let _ = write!(page, "\n--- {whom}  {}\n{}\n\n{}", planned.alert, words.subject, words.text);
                if let Some(sms) = &planned.sms {
                    let length = i18n::pace::sms(sms_length(sms, &public_url), Words(setting.language));
                    let _ = writeln!(page, "\n{length}: {sms}");
                }
            }
            print(&page)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The ways out of the house that the configuration names, each as fast as one that has sent nothing yet; mail as told,
/// where somebody tells. A configuration that names none says nothing of the service, and every way counts.
fn paces(config: &Config, per_minute: Option<u32>) -> Vec<Pace> {
    let (mail, hooks) = (!config.smtp.relays.is_empty(), !config.webhook.secrets.is_empty());
    let unknown = !mail && !hooks && config.sms.is_none();
    let domains = config.delivery.per_domain_per_second.map(|letters| letters.get().saturating_mul(60));
    let sms = config.sms.as_ref().map(|sms| sms.connections);
    let ways = [
        ("smtp", mail || per_minute.is_some(), config.delivery.connections, domains),
        ("http_gateway", sms.is_some(), sms.unwrap_or(USUAL_SMS_CONNECTIONS), None),
        ("webhook", hooks, config.webhook.connections, domains),
    ];
    let ways = ways.into_iter().filter(|(_, named, ..)| *named || unknown);
    ways.map(|(driver, _, connections, per_domain)| {
        let connections = u32::try_from(connections).unwrap_or(u32::MAX);
        let assumed = Pace::of(driver, connections, &[], per_domain);
        match per_minute.filter(|_| driver == "smtp") {
            Some(per_minute) => Pace { per_minute, basis: Basis::Given, ..assumed },
            None => assumed,
        }
    })
    .collect()
}

/// Whether a letter by this driver leaves: by one of the ways, or by somebody's telephone.
fn serves(paces: &[Pace], driver: &str) -> bool {
    driver == BY_HAND || paces.iter().any(|pace| pace.driver == driver)
}

fn plan<'a>(
    args: &'a Args,
    playbook: &'a Playbook,
    directory: &'a Directory,
    values: &'a BTreeMap<String, Value>,
    at: Timestamp,
    paces: &'a [Pace],
    serves: &'a dyn Fn(&str) -> bool,
) -> Plan<'a> {
    Plan {
        playbook,
        directory,
        values,
        at,
        zone: ZONE,
        answers: match args.answers {
            Who::None => Answers::None,
            Who::All => Answers::All,
        },
        drill: args.drill,
        serves,
        // Files alone tell nothing of relays, proofs and accounts.
        relays: None,
        paces,
        health: None,
        admins: &[],
        commanders: &[],
        starter: args.starter.as_deref(),
    }
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
    let values = preflight::values(playbook, directory, &given, at, ZONE).map_err(|problems| {
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
        let words = Words(setting.language);
        warn!("{}", words.with("preflight-missing", &[("key", missing.key.clone().into())]));
    }
    Ok(values)
}

/// What people read: weak points, numbers, chairs, and then everything in order of time.
fn page(timetable: &Timetable, setting: &Setting) -> String {
    let start = Timestamp(timetable.at_ms);
    let (words, language) = (Words(setting.language), setting.language);
    let mut page = String::new();
    let _ = writeln!(page, "{} {}", words.get("preflight-start"), start.rfc3339(ZONE));
    for finding in &timetable.findings {
        let severity = match finding.severity {
            Severity::Error => "preflight-severity-error",
            Severity::Warning => "preflight-severity-warning",
            Severity::Info => "preflight-severity-info",
        };
        let subjects: Vec<&str> = finding.subjects.iter().map(|subject| subject.name.get(language)).collect();
        let whom = if subjects.is_empty() { String::new() } else { format!("  {}", subjects.join(", ")) };
        let _ = writeln!(page, "{}: {}{whom}", words.get(severity), finding.detail.get(language));
    }
    for transport in &timetable.counts.transports {
        let values = [
            ("via", transport.via.clone().into()),
            ("letters", transport.letters.into()),
            ("addresses", transport.addresses.into()),
        ];
        let mut line = words.with("preflight-transport", &values);
        if transport.unserved > 0 {
            line += &words.with("preflight-transport-unserved", &[("n", transport.unserved.into())]);
        }
        let _ = writeln!(page, "{line}");
    }
    for leaving in &timetable.leaving {
        let _ = writeln!(page, "{}", in_words(leaving, start, words));
        for wave in &leaving.waves {
            let last = words.with(
                "preflight-leaving-wave",
                &[("n", wave.letters.into()), ("last", moments(start, whole_seconds(wave.last_ms)).into())],
            );
            let _ = writeln!(page, "{}  {}  {last}", moments(start, wave.offset_ms), leaving.via.join(", "));
        }
    }
    for woken in &timetable.woken {
        let via: Vec<&str> = woken.via.iter().map(String::as_str).collect();
        let _ = writeln!(
            page,
            "{}  {}  {} ({})  {}",
            moments(start, woken.offset_ms),
            words.get("preflight-woken"),
            woken.name.get(language),
            woken.contact,
            via.join(", ")
        );
    }
    let mut lines = Vec::new();
    for alert in &timetable.alerts {
        let values =
            [("subject", alert.subject.get(language).to_owned().into()), ("n", alert.recipients.into())];
        lines.push((alert.offset_ms, format!("{}  {}", alert.key, words.with("preflight-to", &values))));
    }
    for entry in &timetable.entries {
        let recipient = format!("{} ({})", entry.name.get(language), entry.recipient);
        let line = entry.alert.iter().cloned().chain([recipient, what(entry, words)]);
        lines.push((entry.offset_ms, line.collect::<Vec<_>>().join("  ")));
    }
    // Stable: what happens at the same moment stays in the order of the file.
    lines.sort_by_key(|(offset_ms, _)| *offset_ms);
    for (offset_ms, line) in lines {
        let _ = writeln!(page, "{}  {line}", moments(start, offset_ms));
    }
    page
}

/// How fast a way out of the house is, how that is known, and when it is through.
fn in_words(leaving: &Leaving, start: Timestamp, words: Words) -> String {
    let pace = words.with(
        "preflight-leaving-pace",
        &[("via", leaving.via.join(", ").into()), ("rate", leaving.pace.per_minute.into())],
    );
    let last = moments(start, whole_seconds(leaving.last_ms));
    let sum = words.with(
        "preflight-leaving-sum",
        &[("first", leaving.first_minute.into()), ("letters", leaving.letters.into()), ("last", last.into())],
    );
    format!("{pace} ({})  {sum}", i18n::pace::basis(&leaving.pace.basis, words))
}

/// Up to the next second: nothing leaves earlier than it is told.
const fn whole_seconds(ms: i64) -> i64 {
    (ms + 999) / 1000 * 1000
}

/// The time since the start and the time of day.
fn moments(start: Timestamp, offset_ms: i64) -> String {
    let seconds = offset_ms / 1000;
    let at = (start + Span(offset_ms)).to_utc().with_timezone(&ZONE);
    format!("+{:02}:{:02}:{:02}  {}", seconds / 3600, seconds / 60 % 60, seconds % 60, at.format("%H:%M:%S"))
}

fn what(entry: &Entry, words: Words) -> String {
    let happens = words.get(&format!("preflight-what-{}", entry.what.key()));
    let step = entry.step.map(|step| words.with("preflight-step", &[("n", step.into())]));
    let every = entry
        .every_ms
        .map(|every| words.with("preflight-every", &[("span", Span(every).to_string().into())]));
    let way = entry.way.as_ref();
    let via = way.map(|way| format!("{}  {}  {}", way.via, way.contact, way.address));
    let person = entry.person_name.as_ref().map(|name| name.get(words.0).to_owned());
    let by = entry.by.as_ref().map(|party| {
        let name = person.map_or_else(|| party.to_string(), |person| format!("{party} {person}"));
        words.with("preflight-by", &[("name", name.into())])
    });
    let line = entry.line.map(|line| words.with("preflight-line", &[("n", line.into())]));
    [Some(happens), every, step, via, by, line].into_iter().flatten().collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use noroshi_core::text::Language;

    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text, "noroshi.toml", []).unwrap()
    }

    fn shipped(answers: Who, config: &Config) -> (Timetable, String) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
        let args = Args {
            file: folder.join("eq-6upper-initial.yaml"),
            directory: folder.join("directory.example.yaml"),
            set: Vec::new(),
            at: Timestamp::parse_rfc3339("2026-11-24T03:14:00+09:00"),
            starter: None,
            answers,
            drill: false,
            per_minute: None,
            letters: false,
            format: Format::Text,
        };
        let (directory, playbook) =
            read(&args).unwrap_or_else(|broken| panic!("{:?}", broken.problems)).unwrap();
        let setting = Setting { language: Language::En, config: None };
        let at = args.at.unwrap();
        let values = values(&playbook, &directory, &[], at, &setting).unwrap();
        let paces = paces(config, args.per_minute);
        let serves = |driver: &str| serves(&paces, driver);
        let timetable = preflight(&plan(&args, &playbook, &directory, &values, at, &paces, &serves));
        let page = page(&timetable, &setting);
        (timetable, page)
    }

    #[test]
    fn every_entry_is_a_line_with_its_time_of_day() {
        let (timetable, page) = shipped(Who::None, &config(""));
        assert!(!timetable.entries.is_empty());
        assert_eq!(
            page.lines().count(),
            1 + timetable.findings.len()
                + timetable.counts.transports.len()
                + timetable.leaving.iter().map(|leaving| 1 + leaving.waves.len()).sum::<usize>()
                + timetable.woken.len()
                + timetable.alerts.len()
                + timetable.entries.len()
        );
        assert!(page.starts_with("start 2026-11-24T03:14:00.000+09:00\n"), "{page}");
        assert!(page.contains("somebody is asked to decide"), "{page}");
        assert!(page.contains("email: about 480 letters a minute (assumed"), "{page}");
    }

    const MAIL: &str = "[smtp]\nfrom = \"eoc@noroshi.example\"\nrelays = [\"smtp://127.0.0.1:25\"]\n";
    const SMS: &str = "[sms]\nurl = \"https://sms.example/send\"\nbody = \"to={{ to }}&text={{ text }}\"\nconnections = 2\n";
    const CANNOT: &str = "The service cannot send by";

    #[test]
    fn where_no_configuration_is_known_every_way_counts() {
        let (_, page) = shipped(Who::None, &config(""));
        assert!(page.contains("sms: about 240 letters a minute (assumed"), "{page}");
        assert!(!page.contains(CANNOT), "{page}");
    }

    #[test]
    fn the_ways_out_are_those_that_the_configuration_names() {
        let (_, both) = shipped(Who::None, &config(&format!("{MAIL}{SMS}")));
        assert!(both.contains("sms: about 120 letters a minute (assumed"), "{both}");
        assert!(!both.contains(CANNOT), "{both}");
        let (_, mail) = shipped(Who::None, &config(MAIL));
        assert!(
            mail.contains(&format!("{CANNOT} sms")) && !mail.contains(&format!("{CANNOT} email")),
            "{mail}"
        );
    }

    #[test]
    fn a_webhook_leaves_where_there_is_a_secret_to_sign_with() {
        let drivers = |text: &str, per_minute| {
            paces(&config(text), per_minute).into_iter().map(|pace| pace.driver).collect::<Vec<_>>()
        };
        let signed = "[webhook_secrets]\nnews = \"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"\n";
        assert_eq!(drivers(signed, None), ["webhook"]);
        // Whoever says what the mail relay takes has one.
        assert_eq!(drivers(signed, Some(600)), ["smtp", "webhook"]);
        assert_eq!(drivers("", Some(600)), ["smtp", "http_gateway", "webhook"]);
    }

    #[test]
    fn the_document_has_every_moment_in_words() {
        let (timetable, _) = shipped(Who::All, &config(""));
        let document = timetable.document(ZONE);
        assert_eq!(document["at"], "2026-11-24T03:14:00.000+09:00");
        assert!(document["entries"].as_array().unwrap().iter().all(|entry| entry["at"].is_string()));
    }
}
