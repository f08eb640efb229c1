//! `noroshi incident …`: incidents of a running service.

use std::{collections::BTreeMap, fmt::Write as _, process::ExitCode};

use noroshi_core::{id::IncidentId, incident::State};
use serde_json::{Value, json};

pub(crate) use super::client::ServerArgs;
use super::{Format, Setting, assignment, block_on, client::Client, print, print_json};

/// What to do with incidents.
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Example:\n  noroshi incident start eq-6upper-initial --drill --set intensity=6+ --set occurred_at=03:07"
)]
pub(crate) enum Command {
    /// Start a playbook: alerts go out at once
    #[command(after_help = "Examples:\n  noroshi incident start eq-6upper-initial --drill\n  \
                            noroshi incident start eq-6upper-initial --set intensity=6+ --set occurred_at=03:07 --title '本震'")]
    Start(StartArgs),
    /// Show open incidents, or one incident with what is known of its letters
    #[command(after_help = "Examples:\n  noroshi incident status\n  \
                            noroshi incident status inc_0192f1c45d6e7a8b9c0d1e2f3a4b5c6d --format json")]
    Status(StatusArgs),
    /// Close an incident that is over
    #[command(after_help = "Example:\n  noroshi incident close inc_0192f1c45d6e7a8b9c0d1e2f3a4b5c6d \
                            --reason 'all forces are back'")]
    Close(EndArgs),
    /// Cancel an incident that should not have been started; those who were told are told
    #[command(after_help = "Example:\n  noroshi incident cancel inc_0192f1c45d6e7a8b9c0d1e2f3a4b5c6d \
                            --reason 'false report'")]
    Cancel(EndArgs),
}

/// What `start` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct StartArgs {
    /// The playbook's key
    playbook: String,
    /// An exercise: every letter carries the drill mark and none leaves the building
    #[arg(long)]
    drill: bool,
    /// A variable's value; may stand several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// What people call this incident
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What `status` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// The incident [default: all that are open]
    incident: Option<IncidentId>,
    #[command(flatten)]
    server: ServerArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What `close` and `cancel` take.
#[derive(Debug, clap::Args)]
pub(crate) struct EndArgs {
    /// The incident
    incident: IncidentId,
    /// Why, as it will stand in the chronology
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(crate) fn run(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    let (answer, format) = match command {
        Command::Start(args) => {
            let client = Client::new(args.server, setting)?;
            let variables: BTreeMap<String, String> = args.set.into_iter().collect();
            let mut order = json!({
                "playbook": &args.playbook,
                "mode": if args.drill { "drill" } else { "live" },
                "variables": variables,
            });
            if let Some(title) = args.title {
                order["title"] = title.into();
            }
            (block_on(client.post("/api/v1/incidents", &order, &args.playbook))?, args.format)
        }
        Command::Status(args) => {
            let client = Client::new(args.server, setting)?;
            let answer = match args.incident {
                Some(id) => block_on(client.get(&format!("/api/v1/incidents/{id}"), &id.to_string()))?,
                None => open_only(block_on(client.get("/api/v1/incidents?limit=10000", "incidents"))?),
            };
            (answer, args.format)
        }
        Command::Close(args) => (end("close", &args, setting)?, args.format),
        Command::Cancel(args) => (end("cancel", &args, setting)?, args.format),
    };
    match format {
        Format::Json => print_json(&answer)?,
        Format::Text => print(&page(&answer, setting))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn end(verb: &str, args: &EndArgs, setting: &Setting) -> anyhow::Result<Value> {
    let client = Client::new(args.server.clone(), setting)?;
    let mut order = json!({});
    if let Some(reason) = &args.reason {
        order["reason"] = reason.as_str().into();
    }
    let id = args.incident.to_string();
    block_on(client.post(&format!("/api/v1/incidents/{id}/{verb}"), &order, &id))
}

/// What is over is history: `status` is about now.
fn open_only(mut list: Value) -> Value {
    if let Some(items) = list["items"].as_array_mut() {
        let over = |incident: &Value| {
            incident["state"].as_str().and_then(State::from_key).is_some_and(State::is_over)
        };
        items.retain(|incident| !over(incident));
    }
    list
}

/// One line for each incident, and below it what is known of its letters.
fn page(answer: &Value, setting: &Setting) -> String {
    let one = [answer.clone()];
    let incidents = answer["items"].as_array().map_or(&one[..], Vec::as_slice);
    let mut page = String::new();
    for incident in incidents {
        let playbook = &incident["playbook"]["key"];
        let members = ["id", "mode", "state", "opened_at"].map(|name| &incident[name]);
        let known = members.into_iter().chain([playbook, &incident["title"]]).filter_map(Value::as_str);
        let _ = writeln!(page, "{}", known.collect::<Vec<_>>().join("  "));
        if let Some(counts) = incident["counts"].as_object() {
            let counts: Vec<String> =
                counts.iter().map(|(grade, count)| format!("{grade} {count}")).collect();
            let _ = writeln!(page, "    {}", counts.join("  "));
        }
    }
    if incidents.is_empty() {
        let _ = writeln!(page, "{}", setting.say("開いている事案はありません。", "No incident is open."));
    }
    page
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::*;

    fn setting() -> Setting {
        Setting { language: Language::En, config: None }
    }

    #[test]
    fn an_incident_is_one_line_with_its_counts_below() {
        let answer = json!({
            "id": "inc_1", "mode": "drill", "state": "activated", "opened_at": "2026-11-24T03:14:00+09:00",
            "playbook": {"key": "eq", "version": 2}, "title": "本震", "counts": {"answered": 3, "accepted": 7},
        });
        assert_eq!(
            page(&answer, &setting()),
            "inc_1  drill  activated  2026-11-24T03:14:00+09:00  eq  本震\n    accepted 7  answered 3\n"
        );
    }

    #[test]
    fn what_is_over_is_not_shown() {
        let list = open_only(
            json!({"items": [{"state": "closed"}, {"state": "cancelled"}, {"state": "merged"}], "next": null}),
        );
        assert_eq!(page(&list, &setting()), "No incident is open.\n");
    }
}
