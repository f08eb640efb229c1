//! `noroshi user …`: accounts of people.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Read as _},
    process::ExitCode,
};

use noroshi_core::rights::Role;
use serde_json::json;

use super::{Format, Refused, Setting, actor, block_on, open, print, print_json, refused};
use crate::{
    app::App,
    config::Config,
    operation::{Work, account},
    password, store,
};

/// What to do with accounts.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  noroshi user add --person p_tanabe --role commander < password.txt")]
pub(crate) enum Command {
    /// Add an account; its password comes from NOROSHI_PASSWORD or from the first line of stdin
    #[command(
        after_help = "Examples:\n  noroshi user add --person p_tanabe --role commander < password.txt\n  \
                            NOROSHI_PASSWORD=… noroshi user add --login duty --name '当直' --role operator"
    )]
    Add(AddArgs),
    /// Let a person choose a new password
    #[command(after_help = "Example:\n  noroshi user reset p_tanabe")]
    Reset {
        /// The account's login name
        login: String,
    },
}

/// Who is added.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// The person's key in the directory
    #[arg(long, value_name = "KEY", required_unless_present = "login")]
    person: Option<String>,
    /// Login name [default: the person's key]
    #[arg(long)]
    login: Option<String>,
    /// Name for people [default: the person's name in the directory, or the login name]
    #[arg(long)]
    name: Option<String>,
    /// What the account may do
    #[arg(long, value_parser = super::role(), default_value = "commander")]
    role: Role,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(args) => block_on(add(setting.config()?, args, setting)),
        Command::Reset { .. } => Err(Refused::not_there_yet("user reset")),
    }
}

async fn add(config: Config, args: AddArgs, setting: &Setting) -> anyhow::Result<ExitCode> {
    let password = given_password()?;
    let app = open(&config).await?;
    let login = args.login.or_else(|| args.person.clone()).unwrap_or_default();
    let name = match (args.name, &args.person) {
        (Some(name), _) => name,
        (None, Some(person)) => name_of(&app, person).await?.unwrap_or_else(|| login.clone()),
        (None, None) => login.clone(),
    };
    password::check(&password, &[&login, &name]).map_err(|refusal| {
        let says = refusal.text();
        Refused::failed(says.ja.clone(), says.en.unwrap_or(says.ja))
    })?;
    // Outside of the transaction: it takes its time on purpose.
    let password_hash = app.passwords.hash(&password).await?;
    let work = Work::begin(&app, actor()).await.map_err(refused)?;
    let new = account::NewAccount {
        login: login.clone(),
        name: name.clone(),
        role: args.role,
        person: args.person.clone(),
        password_hash,
    };
    let id = account::add(work, new).await.map_err(refused)?;
    let role = args.role.key();
    match args.format {
        Format::Json => {
            print_json(&json!({"id": id, "login": login, "name": name, "role": role, "person": args.person}))?
        }
        Format::Text => print(&setting.say(
            format!("{name} ({login}、{role}) を追加しました。\n"),
            format!("added {name} ({login}, {role})\n"),
        ))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn name_of(app: &App, person: &str) -> anyhow::Result<Option<String>> {
    let Some(row) = store::directory::latest(app.store.read()).await? else { return Ok(None) };
    let directory = app.library.directory(app.store.read(), row.id).await?;
    Ok(directory.people.get(person).map(|person| person.name.get(app.locale).to_owned()))
}

/// Longer than any password, so that a file given by mistake is not read to its end.
const READ_AT_MOST: u64 = 4096;

/// Never from the arguments, which every account of the machine can see, and never asked for.
fn given_password() -> anyhow::Result<String> {
    if let Ok(password) = std::env::var("NOROSHI_PASSWORD")
        && !password.is_empty()
    {
        return Ok(password);
    }
    let mut line = String::new();
    if !io::stdin().is_terminal() {
        let mut first = io::BufReader::new(io::stdin().lock().take(READ_AT_MOST));
        first.read_line(&mut line).map_err(|cause| {
            Refused::usage(
                format!("標準入力からパスワードを読めません ({cause})。"),
                format!("could not read the password from stdin: {cause}"),
            )
        })?;
    }
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Refused::usage(
            "パスワードがありません。標準入力の1行目か、環境変数 NOROSHI_PASSWORD で渡してください。",
            "there is no password; give it as the first line of stdin or in NOROSHI_PASSWORD",
        ));
    }
    Ok(password.to_owned())
}
