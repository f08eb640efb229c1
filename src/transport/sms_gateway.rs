//! SMS by whatever HTTP gateway the configuration describes.
//!
//! 1. The letter becomes a short text ([`super::short`]), the number is written as the gateway wants it.
//! 2. Address, headers and body are filled from templates, each value escaped for its place, and sent once.
//! 3. The answer is a success by its status and, where told, by a value in it; where told, the gateway's own id for the
//!    message is kept, so that a receipt can say what became of it.

use std::{collections::BTreeMap, fmt};

use noroshi_core::time::Timestamp;
use regex::Regex;
use reqwest::{
    Method, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

use super::{
    Outcome,
    blanks::{Place, filled},
    breaker::{Breaker, Health},
    http::{Answer, Call, Caller, Failure, Limits, Lines},
    letter::Letter,
    reason,
    relay::Roots,
    short::{Length, short_text},
};

/// A secret of the configuration: a password, a token. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What the body of a request is, and so how values are written in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/x-www-form-urlencoded`
    Form,
    /// `application/json`
    Json,
}

impl Format {
    /// How a value is written in such a body.
    pub const fn place(self) -> Place {
        match self {
            Self::Form => Place::Form,
            Self::Json => Place::Json,
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Form => "application/x-www-form-urlencoded",
            Self::Json => "application/json",
        }
    }
}

/// Where a value stands in an answer or in a receipt.
#[derive(Clone, Debug)]
pub enum Spot {
    /// In JSON, or in the fields of a form: a pointer (RFC 6901).
    Pointer(String),
    /// In any text: the first group of the pattern, or all that it matches.
    Pattern(Regex),
}

impl PartialEq for Spot {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pointer(one), Self::Pointer(two)) => one == two,
            (Self::Pattern(one), Self::Pattern(two)) => one.as_str() == two.as_str(),
            _ => false,
        }
    }
}

impl Spot {
    /// The value there; `None` where there is none.
    pub fn find(&self, text: &str, json: &Value) -> Option<String> {
        match self {
            Self::Pointer(pointer) => match json.pointer(pointer)? {
                Value::String(text) => Some(text.clone()),
                Value::Null | Value::Array(_) | Value::Object(_) => None,
                other => Some(other.to_string()),
            },
            Self::Pattern(pattern) => {
                let found = pattern.captures(text)?;
                let value = found.get(1).or_else(|| found.get(0))?;
                Some(value.as_str().to_owned())
            }
        }
    }
}

/// How a gateway tells what became of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipts {
    /// Stands in the address that the gateway calls.
    pub key: Secret,
    /// Where the id stands: the gateway's own, or ours (`{{ id }}`).
    pub id_at: Spot,
    /// Where the word for the state stands.
    pub state_at: Spot,
    /// Words that mean: it arrived.
    pub delivered: Vec<String>,
    /// Words that mean: it will not arrive.
    pub failed: Vec<String>,
}

/// `[sms]` and `[sms_secrets]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SmsConfig {
    /// The address, a template.
    pub url: String,
    /// `POST`, `PUT` or `GET`.
    pub method: Method,
    /// Names and values, the values templates.
    pub headers: Vec<(String, String)>,
    /// The body, a template; empty with `GET`.
    pub body: String,
    /// What the body is.
    pub format: Format,
    /// `{{ from }}`: the sender that the gateway has registered.
    pub from: String,
    /// `81`, for numbers that are written without a country.
    pub country_code: String,
    /// `{{ secret.name }}`
    pub secrets: BTreeMap<String, Secret>,
    /// Besides a status of 2xx, this value has to be there …
    pub success_at: Option<Spot>,
    /// … and be one of these; empty: anything will do.
    pub success_is: Vec<String>,
    /// Values at the same spot that mean: later.
    pub again_is: Vec<String>,
    /// Where the gateway's id for the message stands.
    pub id_at: Option<Spot>,
    /// How it tells what became of a message.
    pub receipts: Option<Receipts>,
    /// Messages on their way to the gateway at the same time.
    pub connections: usize,
    /// How long a request may take.
    pub limits: Limits,
}

/// Names that a template may use besides `secret.…`.
pub const NAMES: [&str; 5] = ["to", "to_e164", "text", "from", "id"];

/// Sends short messages; shared by all workers.
#[derive(Debug)]
pub struct Gateway {
    config: SmsConfig,
    caller: Caller,
    /// Its name is host and port, for the evidence.
    breaker: Breaker,
}

impl Gateway {
    /// `roots`: whose certificates are trusted.
    pub fn new(config: SmsConfig, roots: &Roots) -> Self {
        let name = config.filled_url("0", "0", "", "").map_or_else(String::new, |url| {
            let port = url.port_or_known_default().unwrap_or(443);
            format!("{}:{port}", url.host_str().unwrap_or_default())
        });
        let breaker = Breaker::new(name, config.limits.whole);
        Self { caller: Caller::new(roots, config.limits, Lines::Single), config, breaker }
    }

    /// Messages at the same time.
    pub const fn connections(&self) -> usize {
        self.config.connections
    }

    /// How the gateway tells what became of a message.
    pub const fn receipts(&self) -> Option<&Receipts> {
        self.config.receipts.as_ref()
    }

    /// Host and port.
    pub fn name(&self) -> &str {
        self.breaker.name()
    }

    /// How it fares.
    pub fn health(&self) -> Health {
        self.breaker.health()
    }

    /// Whether it is set aside, and not yet to be asked again.
    pub fn is_away(&self, now: Timestamp) -> bool {
        self.breaker.is_resting(now)
    }

    /// Whether it is set aside, and its rest is over.
    pub fn is_on_trial(&self, now: Timestamp) -> bool {
        self.breaker.is_down() && !self.breaker.is_resting(now)
    }

    /// Whether anybody listens there, without a message; otherwise what is wrong. For `doctor`.
    pub async fn probe(&self) -> Result<(), String> {
        let connecting = tokio::net::TcpStream::connect(self.name());
        match tokio::time::timeout(self.config.limits.connect, connecting).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no connection in time".to_owned()),
        }
    }

    /// Hands over one letter as a short message. `now` is real time.
    pub async fn send(&self, letter: &Letter, now: Timestamp) -> Outcome {
        let relay = self.name().to_owned();
        let Some(number) = Number::read(&letter.to, &self.config.country_code) else {
            return Outcome::Refused { relay, reason: reason::NOT_A_NUMBER.to_owned() };
        };
        let text = short_text(letter);
        let length = Length::of(&text);
        let call = match self.config.call(&number, &text, &letter.delivery.to_string()) {
            Ok(call) => call,
            Err(reason) => return Outcome::Closed { relay, reason },
        };
        if let Some(reason) = self.breaker.set_aside(now) {
            return Outcome::Away { relay, reason };
        }
        let encrypted = call.url.scheme() == "https";
        let answer = self.caller.call(call, now).await;
        // Nobody is behind it: says nothing of the number, and the next letter would hear the same.
        let is_away = matches!(&answer, Ok(answer) if matches!(answer.status.as_u16(), 502..=504));
        let outcome = match answer {
            Ok(answer) => self.judge(&answer, encrypted, &length),
            Err(Failure::NotReached(reason)) => {
                self.breaker.failed(&reason, now, letter.delivery.raw().as_u128() as u32);
                return Outcome::Away { relay, reason };
            }
            Err(Failure::Unknown(reason)) => Outcome::Unknown { relay, reason },
        };
        let outcome = match outcome {
            Outcome::TryAgain { relay, reason } if is_away => Outcome::Away { relay, reason },
            outcome => outcome,
        };
        match &outcome {
            Outcome::Away { reason, .. } | Outcome::Later { reason, .. } if is_away => {
                self.breaker.failed(reason, now, letter.delivery.raw().as_u128() as u32);
            }
            Outcome::Closed { reason, .. } => self.breaker.shut(reason, now),
            Outcome::Unknown { reason, .. } => self.breaker.noted(reason),
            _ => self.breaker.worked(now),
        }
        outcome
    }

    fn judge(&self, answer: &Answer, encrypted: bool, length: &Length) -> Outcome {
        let config = &self.config;
        let relay = self.name().to_owned();
        let text = String::from_utf8_lossy(&answer.body);
        let json = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        let value = config.success_at.as_ref().map(|spot| spot.find(&text, &json));
        let says = |words: &[String]| matches!(&value, Some(Some(value)) if words.contains(value));
        let said = config.without_secrets(answer.words());
        if answer.status.is_success() {
            let is_success = match &value {
                None => true,
                Some(value) => value.is_some() && (config.success_is.is_empty() || says(&config.success_is)),
            };
            if is_success {
                let message_id = config.id_at.as_ref().and_then(|spot| spot.find(&text, &json));
                return Outcome::Accepted {
                    relay,
                    reply: format!("{said} ({length})"),
                    encrypted,
                    message_id,
                };
            }
            if !answer.complete && matches!(value, Some(None)) {
                return Outcome::Unknown { relay, reason: reason::BROKE_OFF.to_owned() };
            }
        }
        if says(&config.again_is) || answer.is_for_now() {
            return match answer.retry_after {
                Some(wait) => Outcome::Later { relay, reason: said, wait },
                None => Outcome::TryAgain { relay, reason: said },
            };
        }
        // Our own password or setting: it says nothing of the number.
        if matches!(answer.status.as_u16(), 300..=399 | 401 | 403 | 404 | 405 | 407) {
            return Outcome::Closed { relay, reason: said };
        }
        Outcome::Refused { relay, reason: said }
    }
}

impl SmsConfig {
    /// The request for one message.
    fn call(&self, number: &Number, text: &str, id: &str) -> Result<Call, String> {
        let value = |name: &str| self.value(name, &number.national, &number.international, text, id);
        let url = self
            .filled_url(&number.national, &number.international, text, id)
            .ok_or_else(|| "sms.url is not an address".to_owned())?;
        let mut headers = HeaderMap::new();
        if self.method != Method::GET {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.format.media_type()));
        }
        for (name, template) in &self.headers {
            let name: HeaderName =
                name.parse().map_err(|_| "a header of sms.headers has no name".to_owned())?;
            let content = HeaderValue::from_str(&filled(template, Place::Plain, value));
            let mut content = content.map_err(|_| format!("the header {name} cannot carry its value"))?;
            content.set_sensitive(true);
            headers.insert(name, content);
        }
        let body = filled(&self.body, self.format.place(), value).into_bytes();
        Ok(Call { method: self.method.clone(), url, headers, body, addresses: Vec::new() })
    }

    /// The address with its values; `None` where it is none.
    pub fn filled_url(&self, national: &str, international: &str, text: &str, id: &str) -> Option<Url> {
        let value = |name: &str| self.value(name, national, international, text, id);
        let url = Url::parse(&filled(&self.url, Place::Address, value)).ok()?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
    }

    fn value(&self, name: &str, national: &str, international: &str, text: &str, id: &str) -> Option<String> {
        Some(match name {
            "to" => national.to_owned(),
            "to_e164" => international.to_owned(),
            "text" => text.to_owned(),
            "from" => self.from.clone(),
            "id" => id.to_owned(),
            _ => self.secrets.get(name.strip_prefix("secret.")?)?.0.clone(),
        })
    }

    /// A gateway may say our password back to us.
    fn without_secrets(&self, mut text: String) -> String {
        for secret in self.secrets.values().filter(|secret| secret.0.len() >= 4) {
            text = text.replace(&secret.0, "…");
        }
        text
    }
}

/// A telephone number in both ways of writing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Number {
    /// `09012345678`; with a plus where it was written with one.
    national: String,
    /// `+819012345678`
    international: String,
}

impl Number {
    /// Reads a number as people type it: full-width digits, hyphens, blanks.
    fn read(typed: &str, country_code: &str) -> Option<Self> {
        let mut digits = String::new();
        for c in typed.trim().chars() {
            match c {
                '0'..='9' => digits.push(c),
                '０'..='９' => digits.push(char::from_digit(u32::from(c) - u32::from('０'), 10)?),
                _ => {}
            }
        }
        if digits.len() < 2 {
            return None;
        }
        if typed.trim().starts_with(['+', '＋']) {
            let international = format!("+{digits}");
            return Some(Self { national: international.clone(), international });
        }
        let international = format!("+{country_code}{}", digits.strip_prefix('0').unwrap_or(&digits));
        Some(Self { national: digits, international })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_in_both_ways() {
        for (typed, national, international) in [
            ("090-1234-5678", "09012345678", "+819012345678"),
            ("０９０ー１２３４ー５６７８", "09012345678", "+819012345678"),
            ("+81 90 1234 5678", "+819012345678", "+819012345678"),
            ("0000", "0000", "+81000"),
        ] {
            let number = Number::read(typed, "81").unwrap();
            assert_eq!((number.national.as_str(), number.international.as_str()), (national, international));
        }
        assert_eq!(Number::read("内線", "81"), None);
    }

    #[test]
    fn a_value_is_found_in_json_and_in_text() {
        let json = serde_json::json!({"messages": [{"status": 0, "id": "m1"}]});
        let pointer = |text: &str| Spot::Pointer(text.to_owned()).find("", &json);
        assert_eq!(pointer("/messages/0/status").as_deref(), Some("0"));
        assert_eq!(pointer("/messages/0/id").as_deref(), Some("m1"));
        assert_eq!((pointer("/messages/0"), pointer("/nothing")), (None, None));
        let pattern = |text: &str| Spot::Pattern(Regex::new(text).unwrap()).find("OK ID: a-1\n", &json);
        assert_eq!(pattern(r"ID: (\S+)").as_deref(), Some("a-1"));
        assert_eq!(pattern("^OK").as_deref(), Some("OK"));
        assert_eq!(pattern("^ERR"), None);
    }
}
