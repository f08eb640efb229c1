//! How commands talk to a running service: `--server`, `NOROSHI_TOKEN`, problem documents in words.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::{Refused, Setting};
use crate::chance::Chance;

/// Which service.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// Address of the service [default: server.public_url of the configuration]
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<Url>,
}

/// A conversation with a running service.
pub(crate) struct Client<'a> {
    setting: &'a Setting,
    http: reqwest::Client,
    server: Url,
    token: String,
}

/// Every wait ends: connecting and the whole answer.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(30);
/// An order is given again when its answer was lost; the Idempotency-Key makes that harmless.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// RFC 9457, as far as a person reads it.
#[derive(Deserialize)]
struct ProblemDocument {
    title: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    problems: Vec<ProblemLine>,
}

#[derive(Deserialize)]
struct ProblemLine {
    #[serde(default)]
    path: String,
    #[serde(default)]
    detail: String,
}

impl<'a> Client<'a> {
    /// The service of `--server` or of the configuration, with the token of `NOROSHI_TOKEN`.
    pub(crate) fn new(args: ServerArgs, setting: &'a Setting) -> anyhow::Result<Self> {
        let token = std::env::var("NOROSHI_TOKEN").unwrap_or_default().trim().to_owned();
        if token.is_empty() {
            return Err(Refused::usage(
                "環境変数 NOROSHI_TOKEN がありません。「noroshi token create --name NAME --role commander」で作って\
                 入れてください。",
                "NOROSHI_TOKEN is not set; make a token with \"noroshi token create --name NAME --role commander\" \
                 and put it there",
            ));
        }
        let server = match args.server {
            Some(server) => server,
            None => {
                let text = setting.config()?.server.public_url();
                text.parse().with_context(|| format!("could not read the address {text}"))?
            }
        };
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("noroshi")
            .build()
            .context("could not set up HTTP")?;
        Ok(Self { setting, http, server, token })
    }

    /// Asks for a document about `what`.
    pub(crate) async fn get(&self, path: &str, what: &str) -> anyhow::Result<Value> {
        let response = self.send(Method::GET, path, None, None).await?;
        self.document(response, what).await
    }

    /// Gives an order about `what`; it is done at most once however often it has to be sent.
    pub(crate) async fn post(&self, path: &str, body: &Value, what: &str) -> anyhow::Result<Value> {
        let key = Chance::from_os().token();
        let mut tries = 1;
        loop {
            match self.send(Method::POST, path, Some(body), Some(&key)).await {
                Ok(response) => return self.document(response, what).await,
                Err(_) if tries < TRIES => tries += 1,
                Err(cause) => return Err(cause),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> anyhow::Result<Response> {
        let url = self.server.join(path).with_context(|| format!("could not form the address of {path}"))?;
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(&self.token)
            .header("accept", "application/json")
            .header("accept-language", self.setting.language.key().replace("easy_ja", "ja"));
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.send().await.map_err(|cause| {
            let cause = innermost(&cause);
            let server = &self.server;
            Refused::failed(
                format!("{server} に接続できません ({cause})。サービスが動いているか、--server を確かめてください。"),
                format!("could not reach {server} ({cause}); is the service running, and is --server right?"),
            )
        })
    }

    /// The answer's document, or the service's own words about why there is none.
    async fn document(&self, response: Response, what: &str) -> anyhow::Result<Value> {
        let status = response.status();
        let body = response.bytes().await.context("the answer of the service broke off")?;
        if status.is_success() {
            return serde_json::from_slice(&body).context("the answer of the service is not JSON");
        }
        if status == StatusCode::UNAUTHORIZED {
            return Err(Refused::failed(
                "トークンが正しくないか、取り消されています。NOROSHI_TOKEN を確かめてください。",
                "the service does not know this token; check NOROSHI_TOKEN",
            ));
        }
        if status == StatusCode::NOT_FOUND {
            return Err(Refused::failed(
                format!("サービスに「{what}」がありません。名前を確かめてください。"),
                format!("the service knows no \"{what}\"; check the name"),
            ));
        }
        let said = match serde_json::from_slice::<ProblemDocument>(&body) {
            Ok(problem) => in_words(problem),
            Err(_) => String::new(),
        };
        let said = if said.is_empty() { status.to_string() } else { said };
        Err(Refused::failed(said.clone(), said))
    }
}

fn in_words(problem: ProblemDocument) -> String {
    let head = problem.detail.or(problem.title).unwrap_or_default();
    let lines = problem.problems.iter().map(|line| match line.path.as_str() {
        "" => line.detail.clone(),
        path => format!("{path}: {}", line.detail),
    });
    std::iter::once(head).chain(lines).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n  ")
}

/// What is at the bottom of a chain of causes: "connection refused" rather than "error sending request".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_becomes_words() {
        let problem = serde_json::from_str(
            r#"{"type": "/problems/invalid", "title": "Not valid", "status": 422, "detail": "Two values are missing.",
                "problems": [{"path": "variables.max_intensity", "code": "R04", "detail": "is required"}]}"#,
        )
        .unwrap();
        assert_eq!(in_words(problem), "Two values are missing.\n  variables.max_intensity: is required");
    }
}
