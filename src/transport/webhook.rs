//! Signed webhooks (Standard Webhooks 1.0): a letter as JSON to a program outside.
//!
//! 1. The receiver's name is resolved, and every address it stands for has to be a machine of the public internet on a
//!    port that is allowed; what the operator names (`webhook.allow`) is allowed besides, and nothing else inside.
//! 2. The call goes to just these addresses, signed with every secret that is in force. `webhook-id` is the delivery's
//!    id and stays the same when the call is made again, so a receiver can tell a copy.
//! 3. 2xx is taken. 408, 425, 429 and 5xx mean later, when the receiver asks for it (`Retry-After`). 410 ends it for
//!    good; a redirect and whatever else is refused.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use noroshi_core::{playbook::Urgency, time::Timestamp};
use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, HeaderValue},
};
use serde::Serialize;
use tokio::{net::lookup_host, time::timeout};

use super::{
    Outcome,
    hook_url::HookUrl,
    http::{Answer, Call, Caller, Failure, Limits, Lines},
    letter::Letter,
    reach::special_use,
    reason,
    relay::Roots,
};
use crate::signature::HookSecret;

/// Stands for the receiver where none was asked.
const NOBODY: &str = "noroshi";

/// `[webhook]` and `[webhook_secrets]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// What signs, by name in lower case; several while one is being replaced. Empty: no webhook leaves.
    pub secrets: BTreeMap<String, Vec<HookSecret>>,
    /// Receivers inside the house, by address and port. They may be called without TLS.
    pub allow: Vec<SocketAddr>,
    /// Ports of receivers outside.
    pub ports: Vec<u16>,
    /// Calls at the same time.
    pub connections: usize,
    /// How long a call may take.
    pub limits: Limits,
}

/// Makes signed calls; shared by all workers.
#[derive(Debug)]
pub struct Hooks {
    config: WebhookConfig,
    caller: Caller,
}

impl Hooks {
    /// `roots`: whose certificates are trusted.
    pub fn new(config: WebhookConfig, roots: &Roots) -> Self {
        Self { caller: Caller::new(roots, config.limits, Lines::Kept), config }
    }

    /// Calls at the same time.
    pub const fn connections(&self) -> usize {
        self.config.connections
    }

    /// Hands over one letter. `now` counts how long lines are idle.
    pub async fn send(&self, letter: &Letter, now: Timestamp) -> Outcome {
        let hook: HookUrl = match letter.to.parse() {
            Ok(hook) => hook,
            Err(error) => {
                return Outcome::Refused { relay: NOBODY.to_owned(), reason: format!("{error}") };
            }
        };
        let relay = hook.to_string();
        let Some(secrets) = self.config.secrets.get(hook.secret()) else {
            let reason = format!("there is no secret \"{}\" in [webhook_secrets]", hook.secret());
            return Outcome::Closed { relay, reason };
        };
        let addresses = match self.addresses(&hook).await {
            Ok(addresses) => addresses,
            Err(Unfit::NotFound(reason)) => return Outcome::TryAgain { relay, reason },
            Err(Unfit::NotAllowed(reason)) => return Outcome::Refused { relay, reason },
        };
        let body = serde_json::to_vec(&Content::of(letter)).expect("a letter is JSON");
        let headers = signed(&letter.delivery.to_string(), letter.date, secrets, &body);
        let call = Call { method: Method::POST, url: hook.url().clone(), headers, body, addresses };
        match self.caller.call(call, now).await {
            Ok(answer) => judge(relay, &answer, hook.is_encrypted()),
            Err(Failure::NotReached(reason)) => Outcome::TryAgain { relay, reason },
            Err(Failure::Unknown(reason)) => Outcome::Unknown { relay, reason },
        }
    }

    /// Every address of the receiver, each one fit to be called. The call goes to these: a name that means something
    /// else a moment later changes nothing.
    async fn addresses(&self, hook: &HookUrl) -> Result<Vec<SocketAddr>, Unfit> {
        let found = match hook.host().parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, hook.port())],
            Err(_) => {
                let looking = lookup_host((hook.host(), hook.port()));
                match timeout(self.caller.limits().connect, looking).await {
                    Ok(Ok(found)) => found.collect(),
                    Ok(Err(error)) => return Err(Unfit::NotFound(format!("name not resolved: {error}"))),
                    Err(_) => return Err(Unfit::NotFound("name not resolved in time".to_owned())),
                }
            }
        };
        if found.is_empty() {
            return Err(Unfit::NotFound("the name has no address".to_owned()));
        }
        found.iter().try_for_each(|address| self.fits(*address, hook.is_encrypted()))?;
        Ok(found)
    }

    fn fits(&self, address: SocketAddr, encrypted: bool) -> Result<(), Unfit> {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        if self.config.allow.contains(&address) {
            return Ok(());
        }
        if let Some(what) = special_use(address.ip()) {
            return Err(Unfit::NotAllowed(format!(
                "{address} is not on the public internet ({what}) and not in webhook.allow"
            )));
        }
        if !encrypted {
            return Err(Unfit::NotAllowed("a receiver outside is called by https:// only".to_owned()));
        }
        if !self.config.ports.contains(&address.port()) {
            return Err(Unfit::NotAllowed(format!("port {} is not in webhook.ports", address.port())));
        }
        Ok(())
    }
}

/// Why a receiver is not called.
enum Unfit {
    /// Perhaps later.
    NotFound(String),
    /// Never as things are set up.
    NotAllowed(String),
}

/// The three headers of Standard Webhooks, and what the body is.
fn signed(id: &str, date: Timestamp, secrets: &[HookSecret], body: &[u8]) -> HeaderMap {
    let at = date.0.div_euclid(1000).to_string();
    let signatures: Vec<String> =
        secrets.iter().map(|secret| format!("v1,{}", secret.sign(id, &at, body))).collect();
    let value = |text: &str| HeaderValue::from_str(text).expect("ids, digits and base64 are ASCII");
    HeaderMap::from_iter([
        (reqwest::header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ("webhook-id".parse().expect("a header's name"), value(id)),
        ("webhook-timestamp".parse().expect("a header's name"), value(&at)),
        ("webhook-signature".parse().expect("a header's name"), value(&signatures.join(" "))),
    ])
}

fn judge(relay: String, answer: &Answer, encrypted: bool) -> Outcome {
    let said = answer.words();
    match answer.status {
        status if status.is_success() => {
            Outcome::Accepted { relay, reply: said, encrypted, message_id: None }
        }
        status if status.is_redirection() => {
            Outcome::Refused { relay, reason: format!("{status}: {}", reason::REDIRECTED) }
        }
        StatusCode::GONE => Outcome::Gone { relay, reason: said },
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => match answer.retry_after {
            Some(wait) => Outcome::Later { relay, reason: said, wait },
            None => Outcome::TryAgain { relay, reason: said },
        },
        _ if answer.is_for_now() => Outcome::TryAgain { relay, reason: said },
        _ => Outcome::Refused { relay, reason: said },
    }
}

/// The body of a call.
#[derive(Serialize)]
struct Content<'l> {
    r#type: &'static str,
    /// When it was written, RFC 3339 in UTC.
    timestamp: String,
    data: Data<'l>,
}

/// What the letter says.
#[derive(Serialize)]
struct Data<'l> {
    /// `dlv_…`, the same as `webhook-id`.
    delivery: String,
    /// `inc_…`
    incident: String,
    incident_number: u32,
    incident_title: &'l str,
    /// Whether nothing of this is real. Stands in subject and text too.
    drill: bool,
    /// Whether it may have come before.
    repeat: bool,
    severity: &'static str,
    /// 第n報; 0 where letters are not counted.
    number: u32,
    from: &'l str,
    to: &'l str,
    language: &'static str,
    /// Whole, with its marks.
    subject: String,
    /// Whole, with its marks and the link.
    text: String,
    link: Option<&'l str>,
    /// The deadline as the reader writes it.
    respond_by: Option<&'l str>,
    options: &'l [String],
}

impl<'l> Content<'l> {
    fn of(letter: &'l Letter) -> Self {
        let (subject, text) = letter.subject_and_text();
        Self {
            r#type: "noroshi.letter",
            timestamp: letter.date.rfc3339(chrono_tz::UTC),
            data: Data {
                delivery: letter.delivery.to_string(),
                incident: letter.incident.to_string(),
                incident_number: letter.incident_number,
                incident_title: &letter.incident_title,
                drill: letter.drill,
                repeat: letter.repeat,
                severity: match letter.urgency {
                    Urgency::Critical => "critical",
                    Urgency::High => "high",
                    Urgency::Normal => "normal",
                },
                number: letter.number,
                from: &letter.place,
                to: &letter.to_name,
                language: letter.language.key(),
                subject,
                text,
                link: letter.link.as_deref(),
                respond_by: letter.respond_by.as_deref(),
                options: &letter.options,
            },
        }
    }
}
