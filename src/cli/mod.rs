//! The roles of the one binary, a file for each command.
//!
//! - stdout carries the result and nothing else; with `--format json` exactly one document.
//! - Exit codes: 0 done; 1 the thing asked for did not hold; 2 wrong usage or unreadable input.
//! - No command asks a question. Messages are in Japanese or English by `--locale`, `NOROSHI_LOCALE`, then `LANG`.

mod backup;
mod check;
mod chronology;
mod client;
mod demo;
mod directory;
mod doctor;
mod drill;
mod incident;
mod playbook;
mod preflight;
mod serve;
mod token;
mod user;

use std::{
    fmt,
    future::Future,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum, builder::TypedValueParser as _};
use noroshi_core::{
    rights::Role,
    text::{Language, Text},
};

use crate::{
    app::{App, hindrance::Hindrance},
    chance::Chance,
    clock::SystemClock,
    config::{Config, ConfigError},
    operation::{Actor, OperationError},
    telemetry::Telemetry,
    transport::Transports,
};

/// Carries an alert until a person has answered or decided.
#[derive(Debug, Parser)]
#[command(
    name = "noroshi",
    version,
    propagate_version = true,
    after_help = "Examples:\n  noroshi demo                                 see it work, with nothing to set up\n  \
                  noroshi playbook check playbooks             what is wrong with these files?\n  \
                  noroshi serve                                the service, configured by noroshi.toml"
)]
pub struct Cli {
    /// Language of messages: ja, easy_ja or en [default: NOROSHI_LOCALE, then LANG]
    #[arg(long, global = true, value_name = "LANGUAGE", value_parser = language_of_key)]
    locale: Option<Language>,
    /// Configuration file [default: noroshi.toml, where it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show everything at work: a complete service with mails, answers and a running drill, with nothing to set up
    Demo(demo::Args),
    /// Run the service: pages, API, sending, timers
    Serve(serve::Args),
    /// Check, import and look ahead into playbooks
    #[command(subcommand)]
    Playbook(playbook::Command),
    /// Bring the directory of agencies and people in and out
    #[command(subcommand)]
    Directory(directory::Command),
    /// Rehearse and run exercises
    #[command(subcommand)]
    Drill(drill::Command),
    /// Start, see and end incidents of a running service
    #[command(subcommand)]
    Incident(incident::Command),
    /// Add and restore accounts
    #[command(subcommand)]
    User(user::Command),
    /// Make tokens for programs
    #[command(subcommand)]
    Token(token::Command),
    /// Check configuration, database, relays, clock, certificate and disk, each with its cure
    Doctor(doctor::Args),
    /// Check the chronology
    #[command(subcommand)]
    Chronology(chronology::Command),
    /// Write the whole state into one file, while the service runs
    Backup(backup::BackupArgs),
    /// Bring the whole state back from a file
    Restore(backup::RestoreArgs),
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// What every command knows: who reads, and where the configuration is.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// The reader's language.
    pub(crate) language: Language,
    config: Option<PathBuf>,
}

impl Setting {
    /// The configuration from file and environment.
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref(), std::env::vars_os())
    }

    /// The words for this reader.
    pub(crate) fn say(&self, ja: impl Into<String>, en: impl Into<String>) -> String {
        Text::both(ja, en).get(self.language).to_owned()
    }
}

/// A command that ends without having done what was asked, in words for people.
#[derive(Debug)]
pub(crate) struct Refused {
    code: u8,
    says: Text,
}

impl Refused {
    /// The thing asked for did not hold: exit code 1.
    pub(crate) fn failed(ja: impl Into<String>, en: impl Into<String>) -> anyhow::Error {
        Self { code: 1, says: Text::both(ja, en) }.into()
    }

    /// Wrong usage or unreadable input: exit code 2.
    pub(crate) fn usage(ja: impl Into<String>, en: impl Into<String>) -> anyhow::Error {
        Self { code: 2, says: Text::both(ja, en) }.into()
    }

    /// The command is promised and does not work yet: exit code 2.
    pub(crate) fn not_there_yet(command: &str) -> anyhow::Error {
        Self::usage(
            format!("「noroshi {command}」はこの版ではまだ使えません。"),
            format!("\"noroshi {command}\" does not work in this version yet"),
        )
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.says.get(Language::En))
    }
}

impl std::error::Error for Refused {}

/// Does what was asked for, and tells once, in one sentence, why it could not.
pub fn run(cli: Cli) -> ExitCode {
    Telemetry::from_environment(|name| std::env::var(name).ok()).start();
    let language = cli.locale.unwrap_or_else(|| language_of(|name| std::env::var(name).ok()));
    let setting = Setting { language, config: cli.config };
    match dispatch(cli.command, &setting) {
        Ok(code) => code,
        Err(error) => {
            // Nobody reads: the sentence is lost, the exit code is not.
            let _ = writeln!(io::stderr(), "noroshi: {}", sentence(&error, language));
            ExitCode::from(code(&error))
        }
    }
}

fn dispatch(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(args, setting),
        Command::Serve(args) => serve::run(args, setting),
        Command::Playbook(command) => playbook::run(command, setting),
        Command::Directory(command) => directory::run(command, setting),
        Command::Drill(command) => drill::run(command, setting),
        Command::Incident(command) => incident::run(command, setting),
        Command::User(command) => user::run(command, setting),
        Command::Token(command) => token::run(command, setting),
        Command::Doctor(args) => doctor::run(args, setting),
        Command::Chronology(command) => chronology::run(command, setting),
        Command::Backup(args) => backup::backup(args, setting),
        Command::Restore(args) => backup::restore(args, setting),
    }
}

/// The chain of causes as one sentence; problems of the configuration one on each line.
fn sentence(error: &anyhow::Error, language: Language) -> String {
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return refused.says.get(language).to_owned();
    }
    if let Some(wrong) = error.downcast_ref::<ConfigError>() {
        return wrong.lines(language).join("\nnoroshi: ");
    }
    let mut causes = error.chain().map(ToString::to_string);
    let first = causes.next().unwrap_or_default();
    let first = error.downcast_ref::<Hindrance>().map_or(first, |why| why.says(language).to_owned());
    // A driver's error often ends with the words of its cause.
    causes.fold(first, |said, cause| if said.ends_with(&cause) { said } else { format!("{said}: {cause}") })
}

fn code(error: &anyhow::Error) -> u8 {
    if error.is::<ConfigError>() {
        return 2;
    }
    error.downcast_ref::<Refused>().map_or(1, |refused| refused.code)
}

fn language_of_key(key: &str) -> Result<Language, String> {
    Language::from_key(key).ok_or_else(|| "write ja, easy_ja or en".to_owned())
}

/// `NOROSHI_LOCALE`, then `LANG`, as in `ja_JP.UTF-8`. What is neither Japanese nor English gets English.
fn language_of(variable: impl Fn(&str) -> Option<String>) -> Language {
    ["NOROSHI_LOCALE", "LANG"].into_iter().filter_map(variable).find(|locale| !locale.is_empty()).map_or(
        Language::En,
        |locale| match Language::from_key(&locale) {
            Some(language) => language,
            None if locale.starts_with("ja") => Language::Ja,
            None => Language::En,
        },
    )
}

/// Opens the configured database for a command, beside a running service or before the first one. No mail goes out.
pub(crate) async fn open(config: &Config) -> anyhow::Result<App> {
    App::open(
        config,
        Arc::new(SystemClock::default()),
        Arc::new(Chance::from_os()),
        Transports::default(),
        false,
    )
    .await
}

/// Whoever may run commands on the machine of the service may do everything.
pub(crate) fn actor() -> Actor {
    Actor {
        id: "command-line".to_owned(),
        name: "noroshi (command line)".to_owned(),
        role: Some(Role::Admin),
        person: None,
        acting: None,
    }
}

/// What an operation refused, in words for people; files with their problems are told by the command itself.
pub(crate) fn refused(error: OperationError) -> anyhow::Error {
    match error {
        OperationError::Invalid(values) => {
            let words = |language| {
                let lines: Vec<String> = values
                    .iter()
                    .map(|value| format!("{}: {}", value.path, value.detail.get(language)))
                    .collect();
                lines.join("\n")
            };
            Refused::failed(words(Language::Ja), words(Language::En))
        }
        OperationError::Closed(says) => Refused { code: 1, says }.into(),
        other => other.into(),
    }
}

/// Runs a command that waits for something.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("could not start the threads of the process")?;
    let done = runtime.block_on(work);
    // What still blocks a thread (a name that is being looked up) does not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    done
}

/// Prints a result on stdout. A reader who has gone away (`noroshi … | head`) is no failure.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
            Err(cause).context("could not write the result to stdout")
        }
        _ => Ok(()),
    }
}

/// Prints a JSON document on stdout.
pub(crate) fn print_json(document: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(document).context("could not write the result as JSON")?;
    print(&format!("{text}\n"))
}

/// The roles of `--role`, the strongest first.
pub(crate) fn role() -> impl clap::builder::TypedValueParser<Value = Role> {
    clap::builder::PossibleValuesParser::new(Role::ALL.map(Role::key))
        .map(|key| Role::from_key(&key).expect("only keys of roles are possible"))
}

/// `name=value` of `--set`.
pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("write name=value".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn look(command: &clap::Command, way: &str, without: &mut Vec<String>) {
            let way = format!("{way} {}", command.get_name());
            if command.get_after_help().is_none() {
                without.push(way.clone());
            }
            command.get_subcommands().for_each(|sub| look(sub, &way, without));
        }
        let mut without = Vec::new();
        look(&Cli::command(), "", &mut without);
        assert_eq!(without, Vec::<String>::new());
    }

    #[test]
    fn the_language_is_chosen_by_our_variable_and_then_by_the_machine() {
        let language = |ours: &str, machine: &str| {
            language_of(|name| {
                let value = if name == "LANG" { machine } else { ours };
                Some(value.to_owned())
            })
        };
        assert_eq!(language("", "ja_JP.UTF-8"), Language::Ja);
        assert_eq!(language("en", "ja_JP.UTF-8"), Language::En);
        assert_eq!(language("easy_ja", ""), Language::EasyJa);
        assert_eq!(language("", "C.UTF-8"), Language::En);
        assert_eq!(language_of(|_| None), Language::En);
    }

    #[test]
    fn values_may_hold_equal_signs() {
        assert_eq!(assignment("note=a=b"), Ok(("note".to_owned(), "a=b".to_owned())));
        assert!(assignment("note").is_err());
    }

    #[test]
    fn wrong_usage_and_a_wrong_configuration_end_with_2_everything_else_with_1() {
        assert_eq!(code(&Refused::usage("", "")), 2);
        assert_eq!(code(&Refused::failed("", "")), 1);
        assert_eq!(code(&ConfigError::Wrong(Vec::new()).into()), 2);
        assert_eq!(code(&anyhow::anyhow!("port in use")), 1);
    }

    #[test]
    fn a_chain_of_causes_is_one_sentence() {
        let error = anyhow::anyhow!("address in use").context("could not listen on 127.0.0.1:80");
        assert_eq!(sentence(&error, Language::En), "could not listen on 127.0.0.1:80: address in use");
        let error = anyhow::anyhow!("no answer").context("connection error: no answer");
        assert_eq!(sentence(&error, Language::En), "connection error: no answer");
    }
}
