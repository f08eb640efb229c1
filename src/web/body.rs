//! What comes with a request: JSON, forms, language, idempotency key.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web};
use noroshi_core::{text::Language, time::Timestamp};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{problem::WebError, session::Caller};
use crate::{
    app::App,
    operation::{Once, OperationError},
};

/// Largest JSON or form body; files go by [`Raw`].
pub(super) const LARGEST: usize = 1024 * 1024;

/// The reader's language: `?lang=`, the `lang` cookie, `Accept-Language`, the site's.
pub fn language(request: &HttpRequest) -> Language {
    let known = |key: &str| match key {
        "easy" => Some(Language::EasyJa),
        key => Language::from_key(key),
    };
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string()).ok();
    let asked =
        query.and_then(|query| query.0.into_iter().find(|(name, _)| name == "lang")).map(|(_, value)| value);
    if let Some(language) = asked.as_deref().and_then(known) {
        return language;
    }
    if let Some(language) = request.cookie("lang").and_then(|cookie| known(cookie.value())) {
        return language;
    }
    let accepted =
        request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    for tag in accepted.split(',') {
        let tag = tag.split(';').next().unwrap_or("").trim().to_lowercase();
        if tag.starts_with("ja") {
            return Language::Ja;
        }
        if tag.starts_with("en") {
            return Language::En;
        }
    }
    request.app_data::<web::Data<App>>().map_or(Language::Ja, |app| app.locale)
}

/// A request body as bytes, whatever its media type.
#[derive(Debug)]
pub struct Raw(pub web::Bytes);

impl FromRequest for Raw {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move { bytes.await.map(Self).map_err(|_| WebError::TooLarge) })
    }
}

/// A JSON body with what is needed to recognise the same request again.
#[derive(Debug)]
pub struct Body<T> {
    /// What was sent.
    pub value: T,
    hash: String,
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = web::Bytes::from_request(request, payload);
        let checked = check_session(request);
        let place = format!("{} {}\n", request.method(), request.path());
        Box::pin(async move {
            checked?;
            let bytes = bytes.await.map_err(|_| WebError::TooLarge)?;
            if bytes.len() > LARGEST {
                return Err(WebError::TooLarge);
            }
            let hash = hash(&[place.as_bytes(), &bytes]);
            // A POST without anything to say needs no body.
            let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
            let value = serde_json::from_slice(text).map_err(|error| refused(&error))?;
            Ok(Self { value, hash })
        })
    }
}

/// What is wrong with a JSON body: not JSON at all, or a member that cannot be taken.
fn refused(error: &serde_json::Error) -> WebError {
    if !error.is_data() {
        return not_json(error);
    }
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    let place = (error.line(), error.column());
    let quoted: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
    let member = quoted.first().copied().filter(|_| said.contains("field")).unwrap_or_default();
    let (ja, en) = match quoted.as_slice() {
        [name, ..] if said.starts_with("missing field") => {
            (format!("{name} がありません。入れてください"), format!("{name} is missing"))
        }
        [name] if said.starts_with("unknown field") => (
            format!("{name} という項目はありません。ここに入れる項目はありません"),
            format!("there is no member {name}; none is known here"),
        ),
        [name, known @ ..] if said.starts_with("unknown field") => (
            format!("{name} という項目はありません。使える項目: {}", known.join("、")),
            format!("there is no member {name}; known are: {}", known.join(", ")),
        ),
        [name, ..] if said.starts_with("duplicate field") => {
            (format!("{name} が二度あります。一度だけにしてください"), format!("{name} stands twice"))
        }
        _ => (format!("値の種類が違います（{}）", in_japanese(said)), said.to_owned()),
    };
    let (line, column) = place;
    let ja = format!("{ja}（{line}行 {column}桁）");
    OperationError::invalid(member, ja, format!("{en} (line {line}, column {column})")).into()
}

/// A body that is no JSON.
pub fn not_json(error: &serde_json::Error) -> WebError {
    let (line, column) = (error.line(), error.column());
    WebError::malformed(
        format!("JSON として読めません（{line}行 {column}桁）。かっこ、引用符、カンマを確かめてください。"),
        format!("not JSON: {error}"),
    )
}

/// `invalid type: string "x", expected a boolean` → 真偽値（true / false）が必要なところに、文字列 "x" があります.
fn in_japanese(said: &str) -> String {
    let kind = |words: &str| {
        let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
        let name = match word.trim_start_matches("an ").trim_start_matches("a ") {
            "string" => "文字列",
            "boolean" => "true か false",
            "integer" | "u8" | "u16" | "u32" | "u64" | "i32" | "i64" | "usize" => "整数",
            "floating" | "f64" => "数",
            "sequence" => "一覧 [ ]",
            "map" | "struct" => "項目の組 { }",
            "null" | "unit" => "null",
            _ => return words.to_owned(),
        };
        let value =
            if word == "struct" { "" } else { rest.trim_start_matches("value").trim_start_matches("point") };
        format!("{name} {}", value.trim()).trim().to_owned()
    };
    let said = said.split_once(": ").map_or(said, |(_, rest)| rest);
    match said.split_once(", expected ") {
        Some((found, wanted)) => {
            let wanted = wanted.trim_start_matches("an ").trim_start_matches("a ");
            format!("{} が必要なところに {} があります", kind(wanted), kind(found))
        }
        None => said.to_owned(),
    }
}

impl<T> Body<T> {
    /// The idempotency of this request, where its client asked for it.
    pub fn once(&self, request: &HttpRequest, caller: &Caller) -> Result<Option<Once>, WebError> {
        once(request, &caller.actor.id, self.hash.clone())
    }
}

/// The idempotency of a request whose body is a file.
pub fn raw_once(request: &HttpRequest, caller: &Caller, bytes: &[u8]) -> Result<Option<Once>, WebError> {
    let place = format!("{} {}\n", request.method(), request.path());
    once(request, &caller.actor.id, hash(&[place.as_bytes(), bytes]))
}

fn once(request: &HttpRequest, scope: &str, body_hash: String) -> Result<Option<Once>, WebError> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    let Some(key) = key else {
        return Err(OperationError::invalid(
            "Idempotency-Key",
            "1文字から255文字までの英数字にしてください",
            "must have 1 to 255 visible ASCII characters",
        )
        .into());
    };
    Ok(Some(Once { scope: scope.to_owned(), key: key.to_owned(), body_hash }))
}

fn hash(parts: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Refuses a request that changes something by a session's cookie alone: the cookie comes with every request of a
/// browser, wanted or not, so the session's form token is shown too. Programs send no cookie and need none.
pub fn check_session(request: &HttpRequest) -> Result<(), WebError> {
    let caller = request.extensions().get::<Caller>().cloned();
    match caller.and_then(|caller| caller.csrf) {
        None => Ok(()),
        Some(csrf) => {
            let sent =
                request.headers().get("x-csrf-token").map(header::HeaderValue::as_bytes).unwrap_or_default();
            check_token(request, &csrf, sent)
        }
    }
}

/// Refuses a form that is not our own page's.
pub(super) fn check_token(request: &HttpRequest, csrf: &str, sent: &[u8]) -> Result<(), WebError> {
    if foreign(request) || !bool::from(csrf.as_bytes().ct_eq(sent)) {
        return Err(WebError::Csrf);
    }
    Ok(())
}

/// Whether a browser says that the request comes from somebody else's page.
pub fn foreign(request: &HttpRequest) -> bool {
    let header =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // The browser's own word comes first: a page without referrer sends `Origin: null` even to itself.
    match header("sec-fetch-site").as_deref() {
        Some("same-origin" | "none") => return false,
        Some(_) => return true,
        None => {}
    }
    match (header("origin"), header("host")) {
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_none_or(|(_, place)| !place.eq_ignore_ascii_case(&host))
        }
        _ => false,
    }
}

/// A form that a signed-in person posted: its token is checked before anything else is read.
#[derive(Debug)]
pub struct Posted(Vec<(String, String)>);

impl FromRequest for Posted {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let form = Form::from_request(request, payload);
        let caller = request.extensions().get::<Caller>().cloned();
        let request = request.clone();
        Box::pin(async move {
            let form = form.await?;
            let csrf = caller.and_then(|caller| caller.csrf).ok_or(WebError::SignIn)?;
            check_token(&request, &csrf, form.get("csrf").unwrap_or_default().as_bytes())?;
            Ok(Self(form.0))
        })
    }
}

impl Posted {
    /// The first value under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        get(&self.0, name)
    }

    /// The idempotency of this form: its hidden `once`. The same form sent twice does its work once.
    pub fn once(&self, caller: &Caller) -> Option<Once> {
        let key = self.get("once").filter(|key| (16..=255).contains(&key.len()))?;
        let parts: Vec<&[u8]> =
            self.0.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]).collect();
        Some(Once {
            scope: format!("form {}", caller.actor.id),
            key: key.to_owned(),
            body_hash: hash(&parts),
        })
    }

    /// All names and values.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// A form of somebody without an account: the link, or the password in it, is the permit.
#[derive(Debug)]
pub struct Form(pub Vec<(String, String)>);

impl FromRequest for Form {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, WebError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            let bytes = bytes.await.map_err(|_| WebError::TooLarge)?;
            if bytes.len() > LARGEST {
                return Err(WebError::TooLarge);
            }
            let text = std::str::from_utf8(&bytes)
                .map_err(|_| WebError::malformed("UTF-8 で送ってください。", "not UTF-8"))?;
            let pairs = web::Query::<Vec<(String, String)>>::from_query(text)
                .map_err(|_| WebError::malformed("フォームとして読めません。", "not a form"))?;
            Ok(Self(pairs.into_inner()))
        })
    }
}

impl Form {
    /// The first value under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        get(&self.0, name)
    }
}

pub(super) fn get<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A text as it stands in a query string.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// A moment as the API writes it.
pub fn moment(app: &App, ms: i64) -> String {
    Timestamp(ms).rfc3339(app.zone)
}
