//! Whether the process lives, and whether this node can serve.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use noroshi_core::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    domains::is_receiver,
    i18n::Words,
    operation::{
        delivery::backlog,
        node::{self, NodeState},
        playbook::broken_files,
    },
    web::{
        body::{language, moment},
        problem::WebError,
        session::caller,
    },
};

/// A letter that has waited for so long is worth a word.
const LONG_WAIT_MS: i64 = 60_000;

/// A database that needs longer for a sign of life is away.
const SLOW: std::time::Duration = std::time::Duration::from_secs(2);

/// The process lives.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// Whether this node can serve.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready` or `unavailable`.
    pub status: &'static str,
    /// What is wrong without keeping the node from serving; only with a token or from this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
    /// The nodes on this database; only with a token or from this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<NodeView>>,
}

/// A node on this database.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeView {
    /// Machine and port.
    pub name: String,
    /// Its version of Noroshi.
    pub version: String,
    /// `serving`, `draining` or `silent`.
    pub state: &'static str,
    /// Its last sign of life.
    pub seen_at: String,
    /// Whether it is the one that answers.
    pub here: bool,
}

/// 503 only where this node cannot serve; a relay that is away does not take the board away.
pub async fn readyz(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, WebError> {
    let reached = tokio::time::timeout(SLOW, app.store.ping()).await.is_ok_and(|answer| answer.is_ok());
    let ready = reached && app.watch.standing(app.worker_patience).is_empty();
    let mut view =
        Readiness { status: if ready { "ready" } else { "unavailable" }, warnings: None, nodes: None };
    if trusted(&request, &app, reached).await? && reached {
        view.warnings = Some(warnings(&app, language(&request)).await?);
        view.nodes = Some(nodes(&app).await?);
    }
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    if !ready {
        answer.insert_header(("retry-after", "3"));
    }
    Ok(answer.json(view))
}

async fn nodes(app: &App) -> Result<Vec<NodeView>, WebError> {
    let seen = node::list(app).await?.into_iter().map(|node| NodeView {
        name: node.name,
        version: node.version,
        state: node.state.key(),
        seen_at: moment(app, node.at.0),
        here: node.here,
    });
    Ok(seen.collect())
}

/// Whether the reasons are for whoever asks: a program of this machine, or whoever has a token.
pub async fn trusted(request: &HttpRequest, app: &App, reached: bool) -> Result<bool, WebError> {
    let local = request.peer_addr().is_some_and(|peer| peer.ip().is_loopback()) && !forwarded(request);
    Ok(local || (reached && caller(app, request).await?.is_some()))
}

/// A request that a proxy on this machine hands on does not come from this machine.
fn forwarded(request: &HttpRequest) -> bool {
    ["x-forwarded-for", "forwarded"].iter().any(|name| request.headers().contains_key(*name))
}

/// Loops that stand and what the auditor found, each in one sentence; `at` writes a moment.
pub fn alarms(app: &App, words: Words, at: impl Fn(Timestamp) -> String) -> Vec<String> {
    let loops = app.watch.standing(app.worker_patience).into_iter().map(|loop_| {
        words.with("watch-standing", &[("name", loop_.name.into()), ("seconds", loop_.seconds.into())])
    });
    let findings = app.troubles.standing().into_iter().map(|found| {
        let incident = words.with("head-number", &[("n", found.number.into())]);
        let values =
            [("incident", incident.into()), ("n", found.items.into()), ("since", at(found.since).into())];
        words.with(&format!("finding-{}", found.kind), &values)
    });
    loops.chain(findings).collect()
}

/// Everything that is wrong, each in one sentence with what to do.
pub async fn warnings(
    app: &App,
    language: noroshi_core::text::Language,
) -> Result<Vec<String>, crate::operation::OperationError> {
    let ja = language != noroshi_core::text::Language::En;
    let mut found = alarms(app, Words(language), |at| moment(app, at.0));
    if app.transports.get("mail").is_none() {
        found.push(if ja {
            "メールの中継先が設定されていません。smtp.relays を設定してください。".to_owned()
        } else {
            "No mail relay is configured. Set smtp.relays.".to_owned()
        });
    }
    for (carrier, relay) in app.transports.health().filter(|(_, relay)| !relay.is_well()) {
        let since = relay.since.map(|at| moment(app, at.0)).unwrap_or_default();
        let (name, why) = (relay.name, relay.last_error.unwrap_or_default());
        let (what_ja, what_en) = match carrier {
            "mail" => ("メール中継", "mail relay"),
            _ => ("SMS の接続先", "SMS gateway"),
        };
        found.push(match (ja, relay.closed) {
            (true, false) => {
                format!("{what_ja} {name} に届きません（{since}から）。{why}。自動で再試行しています。")
            }
            (false, false) => {
                format!(
                    "The {what_en} {name} cannot be reached (since {since}): {why}. Trying again by itself."
                )
            }
            (true, true) => {
                format!("{what_ja} {name} が受け付けません（{since}から）。{why}。設定を確かめてください。")
            }
            (false, true) => {
                format!("The {what_en} {name} lets nobody in (since {since}): {why}. Check its settings.")
            }
        });
    }
    for (domain, until) in app.domains.held(app.clock.now()) {
        let until = moment(app, until.0);
        let (what_ja, what_en) = match is_receiver(&domain) {
            true => ("webhook の受け手", "webhook receiver"),
            false => ("宛先のドメイン", "mail domain"),
        };
        found.push(if ja {
            format!("{what_ja} {domain} への送信を {until} まで控えています。応答が遅いか、続けて断られました。")
        } else {
            format!("Letters to the {what_en} {domain} are held back until {until}: it was slow or put several off.")
        });
    }
    for (broken, has_former) in broken_files(app, app.store.read()).await? {
        let file = broken.file.display();
        let stands = match (has_former, ja) {
            (true, true) => "最後の正しい版が有効です",
            (true, false) => "the last good version stays in force",
            (false, true) => "取り込まれていません",
            (false, false) => "it is not imported",
        };
        for problem in &broken.problems {
            let (line, column) = (problem.at.line, problem.at.column);
            let (detail, help) = (problem.detail.get(language), problem.help.get(language));
            found.push(if ja {
                format!("手順書 {file}:{line}:{column} {} {detail} {help}（{stands}）", problem.code)
            } else {
                format!("Playbook {file}:{line}:{column} {} {detail}. {help} ({stands})", problem.code)
            });
        }
    }
    if let Some(by) = app.clock.jump() {
        let (way_ja, way_en) =
            if by.0 > 0 { ("進められました", "forward") } else { ("戻されました", "back") };
        let by = noroshi_core::time::Span::seconds((by.0.abs() + 500) / 1000);
        found.push(if ja {
            format!("この機械の時計が約{by}{way_ja}。動いている事案の期限は、変更前の時計のまま進みます。時計を確かめてください。事案がすべて終わると、新しい時刻に合わせます。")
        } else {
            format!("The clock of this machine was set {way_en} by about {by}. Running incidents go on by the time before. Check the clock; it is followed as soon as no incident runs.")
        });
    }
    for node in node::list(app).await?.into_iter().filter(|node| node.state == NodeState::Silent) {
        let (name, since) = (node.name, moment(app, node.at.0));
        found.push(if ja {
            format!("ノード {name} から {since} 以降、信号がありません。その機械とネットワークを確かめてください。仕事は他のノードが引き継ぎます。")
        } else {
            format!("Node {name} has been silent since {since}. Check its machine and network; the other nodes take over its work.")
        });
    }
    let (letters, wait) = backlog(app).await?;
    if wait.0 > LONG_WAIT_MS {
        found.push(if ja {
            format!("送信待ちが{letters}通あり、最も古いものは{wait}待っています。")
        } else {
            format!("{letters} letters wait to be sent, the oldest for {wait}.")
        });
    }
    Ok(found)
}
