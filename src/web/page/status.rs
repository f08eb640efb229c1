//! `/status`: the service's health in sentences, each with what to do.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use askama::Template;
use noroshi_core::{
    problem::Severity,
    time::{Span, Timestamp},
};

use super::{
    frame::{Frame, Room},
    leave,
};
use crate::{
    app::App,
    domains::is_receiver,
    operation::{
        delivery::backlog,
        node::{self, NodeState},
        playbook::broken_files,
        scene::text,
    },
    store,
    web::{api::health::alarms, problem::WebError, session::Caller},
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/status.html", config = "src/web/askama.toml")]
pub struct StatusPage {
    /// What stands around it.
    pub frame: Frame,
    /// Database, relays, workers …
    pub parts: Vec<Part>,
    /// What is wrong in playbook and directory files.
    pub problems: Vec<FileProblem>,
    /// The playbooks in force: title, key with version, what beside.
    pub playbooks: Vec<(String, String, String)>,
    /// The binary's version.
    pub version: String,
}

/// One part of the service.
#[derive(Clone, Debug)]
pub struct Part {
    /// Whether it is well.
    pub well: bool,
    /// Its name.
    pub name: String,
    /// How it is, in a sentence.
    pub sentence: String,
    /// What to do, where something is to do.
    pub cure: String,
}

/// One problem of a file.
#[derive(Clone, Debug)]
pub struct FileProblem {
    /// `playbooks/eq.yaml:12:5`.
    pub place: String,
    /// `R02`.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub detail: String,
    /// What to write instead.
    pub help: String,
}

impl StatusPage {
    /// Whether everything is well.
    pub fn well(&self) -> bool {
        self.parts.iter().all(|part| part.well)
            && !self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// `GET /status`.
pub async fn get(request: HttpRequest, app: Data<App>, caller: Caller) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let frame = leave::frame(&request, &app, &caller, Room::Status).await?;
    let (words, language) = (frame.words, frame.words.0);
    let part = |well, name: String, sentence: String, cure: &str| Part {
        well,
        name,
        sentence,
        cure: if well || cure.is_empty() { String::new() } else { words.get(cure) },
    };
    let reached = app.store.ping().await.is_ok();
    let how = if reached { "status-database-well" } else { "status-database-ill" };
    let mut parts = vec![part(reached, words.get("status-database"), words.get(how), "status-database-cure")];
    for (carrier, relay) in app.transports.health() {
        let since = [("since", relay.since.map(|at| frame.when.short(at)).unwrap_or_default().into())];
        let (mut told, ill) = match (relay.up, relay.closed) {
            (true, false) => (words.get("status-relay-well"), "status-relay-cure"),
            (true, true) => (words.with("status-relay-closed", &since), "status-relay-closed-cure"),
            (false, _) => (words.with("status-relay-ill", &since), "status-relay-cure"),
        };
        let (name, cure) = match (carrier, ill) {
            ("mail", cure) => ("status-relay", cure),
            (_, "status-relay-cure") => ("status-gateway", "status-gateway-cure"),
            (_, cure) => ("status-gateway", cure),
        };
        if let Some(error) = relay.last_error.as_ref().filter(|_| !relay.is_well()) {
            told = format!("{told} {error}");
        }
        parts.push(part(relay.is_well(), frame.named(name, &relay.name), told, cure));
    }
    let held = app.domains.held(frame.when.now);
    if app.transports.get("webhook").is_some() && !held.iter().any(|(domain, _)| is_receiver(domain)) {
        parts.push(part(true, words.get("status-webhook"), words.get("status-webhook-well"), ""));
    }
    for (domain, until) in held {
        let name = if is_receiver(&domain) { "status-receiver" } else { "status-domain" };
        let told = words.with("status-held", &[("until", frame.when.short(until).into())]);
        parts.push(part(false, frame.named(name, &domain), told, "status-held-cure"));
    }
    if app.transports.get("mail").is_none() {
        let name = words.get("transport-email");
        parts.push(part(false, name, words.get("status-relay-none"), "status-relay-none-cure"));
    }
    for node in node::list(&app).await?.into_iter().filter(|node| !(app.store.is_embedded() && node.here)) {
        let name = frame.named(if node.here { "status-node-here" } else { "status-node" }, &node.name);
        let since = [("since", frame.when.short(node.at).into()), ("version", node.version.into())];
        let told = words.with(&format!("status-node-{}", node.state.key()), &since);
        parts.push(part(node.state != NodeState::Silent, name, told, "status-node-cure"));
    }
    for alarm in alarms(&app, words, |at| frame.when.short(at)) {
        parts.push(part(false, words.get("status-watch"), alarm, ""));
    }
    let (letters, wait) = backlog(&app).await?;
    let waiting = [("n", letters.into()), ("span", frame.when.length(wait).into())];
    let key = if letters == 0 { "status-outbox-empty" } else { "status-outbox" };
    parts.push(part(wait < LONG_WAIT, words.get("status-outbox-name"), words.with(key, &waiting), ""));
    let directory = store::directory::latest(db).await?.is_some();
    let told = words.get(if directory { "status-directory-well" } else { "status-directory-none" });
    parts.push(part(directory, words.get("status-directory"), told, ""));

    let mut problems = Vec::new();
    for (broken, _) in broken_files(&app, db).await? {
        for problem in broken.problems {
            problems.push(FileProblem {
                place: format!("{}:{}:{}", broken.file.display(), problem.at.line, problem.at.column),
                code: problem.code.to_owned(),
                severity: problem.severity,
                detail: problem.detail.get(language).to_owned(),
                help: problem.help.get(language).to_owned(),
            });
        }
    }
    let mut playbooks = Vec::new();
    for row in store::playbook::all_latest(db).await? {
        let title = text(&row.title).get(language).to_owned();
        let since = frame.when.day_and_clock(Timestamp(row.imported_at_ms));
        let since = words.with("status-in-force", &[("clock", since.into())]);
        playbooks.push((title, format!("{} {}", row.key, row.version), since));
    }
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(leave::html(&request, &StatusPage { frame, parts, problems, playbooks, version }))
}

/// A letter that has waited for so long is worth a word.
const LONG_WAIT: Span = Span::minutes(1);

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, keep},
        *,
    };

    #[test]
    fn every_fault_is_told_with_its_cure() {
        let part = |well, name: &str, sentence: &str, cure: &str| Part {
            well,
            name: name.into(),
            sentence: sentence.into(),
            cure: cure.into(),
        };
        let page = StatusPage {
            frame: frame(Language::Ja, Room::Status),
            parts: vec![
                part(true, "データベース", "SQLite noroshi.db に読み書きできます。", ""),
                part(
                    false,
                    "メールの中継",
                    "mail.aoba.example:587 に03:40から届きません。届き次第、送り直します。",
                    "中継の機械とネットワークを確かめてください。急ぐときは設定 smtp.relays に別の中継を加えます。",
                ),
            ],
            problems: vec![FileProblem {
                place: "playbooks/eq-6upper-initial.yaml:41:7".into(),
                code: "R02".into(),
                severity: Severity::Error,
                detail: "「lader」というキーはありません。".into(),
                help: "「ladder」と書いてください。".into(),
            }],
            playbooks: vec![(
                "震度6強以上 初動対応".into(),
                "eq-6upper-initial 3.2.0".into(),
                "11月20日(金) 10:02から有効".into(),
            )],
            version: "0.1.0".into(),
        };
        let html = keep("status-ja", page.render().unwrap());
        assert!(!page.well() && html.contains("eq-6upper-initial.yaml:41:7"));
    }
}
