//! `noroshi chronology …`.

use std::process::ExitCode;

use entity::incident;
use noroshi_core::id::IncidentId;

use super::{Refused, Setting, block_on, open, print};
use crate::{app::App, config::Config, store};

/// What to do with the chronology.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  noroshi chronology verify")]
pub(crate) enum Command {
    /// Recompute the hash chain: has anything been changed or taken out?
    #[command(after_help = "Example:\n  noroshi chronology verify inc_0192f1c45d6e7a8b9c0d1e2f3a4b5c6d")]
    Verify {
        /// One incident [default: all]
        incident: Option<IncidentId>,
    },
}

pub(crate) fn run(command: Command, setting: &Setting) -> anyhow::Result<ExitCode> {
    match command {
        Command::Verify { incident } => block_on(verify(setting.config()?, incident, setting)),
    }
}

async fn verify(config: Config, incident: Option<IncidentId>, setting: &Setting) -> anyhow::Result<ExitCode> {
    let app = open(&config).await?;
    let (mut incidents, mut lines, mut broken) = (0, 0_i64, 0);
    for row in wanted(&app, incident).await? {
        incidents += 1;
        match store::chronology::verify(app.store.read(), IncidentId::new(row.id)).await? {
            Ok(length) => lines += i64::from(length),
            Err(at) => {
                broken += 1;
                let (number, line) = (row.number, at.seq);
                let says = setting.say(
                    format!("事案{number}: {line}行目で鎖が切れています。"),
                    format!("incident {number}: the chain breaks at line {line}"),
                );
                print(&format!("{says}\n"))?;
            }
        }
    }
    if broken > 0 {
        return Err(Refused::failed(
            "経過記録が書かれた後に変えられたか、失われています。誰がデータベースに触れたかを調べ、最後の複製と比べてください。",
            "the chronology was changed or lost after it was written; find out who touched the database, and compare \
             it with the last copy",
        ));
    }
    let says = setting.say(
        format!("事案{incidents}件、経過記録{lines}行。すべての鎖がつながっています。"),
        format!("{incidents} incidents, {lines} lines: every chain holds"),
    );
    print(&format!("{says}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// The incident that was named, or all of them.
async fn wanted(app: &App, incident: Option<IncidentId>) -> anyhow::Result<Vec<incident::Model>> {
    const PAGE: u64 = 500;
    let db = app.store.read();
    if let Some(id) = incident {
        return Ok(vec![store::incident::get(db, id).await?]);
    }
    let mut all: Vec<incident::Model> = Vec::new();
    loop {
        let after = all.last().map(|row| IncidentId::new(row.id));
        let page = store::incident::list(db, after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
