//! `/playbooks/{key}/versions` and `/playbooks/{key}/difference`: who brought in what, and what changed by it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{
    playbook::difference::{Change, ChangeKind, RunKind},
    text::Language,
    time::Timestamp,
};

use super::{
    frame::{Frame, Room},
    leave,
};
use crate::{
    app::App,
    operation::{playbook::changes, scene::text},
    store,
    web::{problem::WebError, session::Caller},
};

/// The versions of a playbook.
#[derive(Clone, Debug, Template)]
#[template(path = "page/versions.html", config = "src/web/askama.toml")]
pub struct VersionsPage {
    /// What stands around it.
    pub frame: Frame,
    /// The playbook's key.
    pub key: String,
    /// Its title.
    pub title: String,
    /// The newest first.
    pub versions: Vec<Version>,
}

/// One version.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its number.
    pub number: i32,
    /// The author's label.
    pub label: String,
    /// The first digits of its hash, in words.
    pub hash: String,
    /// When and by whom it was imported.
    pub imported: String,
    /// How many things changed against the one before; `None` for the first.
    pub changes: Option<usize>,
}

/// The difference between two versions.
#[derive(Clone, Debug, Template)]
#[template(path = "page/difference.html", config = "src/web/askama.toml")]
pub struct DifferencePage {
    /// What stands around it.
    pub frame: Frame,
    /// The playbook's key.
    pub key: String,
    /// Its title.
    pub title: String,
    /// The former: number and label.
    pub from: (i32, String),
    /// The later.
    pub to: (i32, String),
    /// Every version, to choose from.
    pub all: Vec<(i32, String)>,
    /// What changed.
    pub changes: Vec<Told>,
}

/// A change in words.
#[derive(Clone, Debug)]
pub struct Told {
    /// In one sentence.
    pub sentence: String,
    /// `added`, `removed`, `changed`, `reordered`: the class of its row.
    pub kind: &'static str,
    /// Its sign: +, −, ~.
    pub sign: &'static str,
    /// For texts: `same`, `gone`, `new`, with the words.
    pub runs: Vec<(&'static str, String)>,
    /// Line in the former and in the later file.
    pub lines: (Option<u32>, Option<u32>),
}

/// Changes in words.
pub fn told(changes: &[Change], language: Language) -> Vec<Told> {
    let told = changes.iter().map(|change| Told {
        sentence: change.sentence(language),
        kind: change.kind.key(),
        sign: match change.kind {
            ChangeKind::Added => "+",
            ChangeKind::Removed => "−",
            ChangeKind::Changed | ChangeKind::Reordered => "~",
        },
        runs: change
            .runs
            .iter()
            .map(|run| {
                let kind = match run.kind {
                    RunKind::Same => "same",
                    RunKind::Gone => "gone",
                    RunKind::New => "new",
                };
                (kind, run.text.clone())
            })
            .collect(),
        lines: (change.line_before, change.line_after),
    });
    told.collect()
}

/// `GET /playbooks/{key}/versions`.
pub async fn versions(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    key: Path<String>,
) -> Result<HttpResponse, WebError> {
    let frame = leave::frame(&request, &app, &caller, Room::Home).await?;
    let rows = store::playbook::history(app.store.read(), &key).await?;
    let newest = rows.first().ok_or(WebError::NotFound)?;
    let mut versions = Vec::with_capacity(rows.len());
    for (place, row) in rows.iter().enumerate() {
        let day = frame.when.day_and_clock(Timestamp(row.imported_at_ms));
        let values = [("day", day.into()), ("who", row.imported_by_name.clone().into())];
        let changed = match rows.get(place + 1) {
            Some(former) => Some(changes(&app, former, row).await?.len()),
            None => None,
        };
        versions.push(Version {
            number: row.number,
            label: row.version.clone(),
            hash: frame.named("playbook-hash", &row.sha256[..12]),
            imported: frame.words.with("playbook-imported", &values),
            changes: changed,
        });
    }
    let page = VersionsPage {
        key: newest.key.clone(),
        title: text(&newest.title).get(frame.words.0).to_owned(),
        versions,
        frame,
    };
    Ok(leave::html(&request, &page))
}

/// `GET /playbooks/{key}/difference?from=&to=`: the last step where nothing is named.
pub async fn compare(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    key: Path<String>,
) -> Result<HttpResponse, WebError> {
    let frame = leave::frame(&request, &app, &caller, Room::Home).await?;
    let number = |name: &str| leave::asked(&request, name).and_then(|number| number.parse().ok());
    let (former, later) = crate::web::api::playbook::two(&app, &key, number("from"), number("to")).await?;
    let all = store::playbook::history(app.store.read(), &key).await?;
    let changes = changes(&app, &former, &later).await?;
    let page = DifferencePage {
        title: text(&later.title).get(frame.words.0).to_owned(),
        from: (former.number, former.version),
        to: (later.number, later.version),
        all: all.into_iter().map(|row| (row.number, row.version)).collect(),
        changes: told(&changes, frame.words.0),
        key: later.key,
        frame,
    };
    Ok(leave::html(&request, &page))
}
