//! The one place where an error becomes HTTP: `application/problem+json` (RFC 9457) for programs, a page for people.
//!
//! | Error | Status | `type` | Log | Who acts |
//! |---|---|---|---|---|
//! | not JSON | 400 | `/problems/malformed` | debug | the client's author |
//! | nobody / no right | 401 / 403 | `/problems/denied` | info | the incident's owner |
//! | not found, or may not know | 404 | `/problems/not-found` | debug | the user |
//! | over | 409 | `/problems/closed` | info | nobody |
//! | changed meanwhile | 409 | `/problems/conflict` | info | the user, again |
//! | values that cannot be taken | 422 | `/problems/invalid` + `problems` | debug | the user |
//! | idempotency key reused | 422 | `/problems/key-reuse` | warn | the client's author |
//! | not there yet | 501 | `/problems/not-implemented` | info | nobody |
//! | database away | 503 + `Retry-After` | `/problems/unavailable` | error | the operator |
//! | database too slow, or its line broke during the commit | 503 + `Retry-After` | `/problems/unavailable` | error | the operator |
//! | bug | 500 | `about:blank` | error | the developer |

use std::fmt;

use actix_web::{
    Error, HttpRequest, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
};
use noroshi_core::text::{Language, Text};
use serde::Serialize;
use tracing::{error, info, warn};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    operation::{Invalid, OperationError},
    store::StoreError,
};

/// Anything that keeps a request from its answer.
#[derive(Debug)]
pub enum WebError {
    /// Nobody that we know: sign in, or send a token.
    SignIn,
    /// Known, but without the right.
    Denied,
    /// There is nothing here.
    NotFound,
    /// Something is here, but not for this method; with the methods that are.
    Method(Vec<String>),
    /// No secret verifies this call of a webhook.
    Unsigned,
    /// The body cannot be read at all.
    Malformed(Text),
    /// The body is too large.
    TooLarge,
    /// The form token is missing or another's.
    Csrf,
    /// Named by the interface, built later.
    NotYet,
    /// The database did not answer while somebody waited; whether it will still do what was asked is not known.
    TooSlow,
    /// Too many tries; again after so many seconds.
    TooMany(u32),
    /// The handler met a bug and panicked.
    Bug {
        /// Leads from what the reader sees to the line of the log.
        request: Uuid,
        /// The route's pattern.
        route: &'static str,
    },
    /// A verb was refused.
    Operation(OperationError),
}

impl WebError {
    /// What cannot be read at all, in one sentence for each language.
    pub fn malformed(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Malformed(Text::both(ja, en))
    }
}

impl fmt::Display for WebError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(error) => fmt::Display::fmt(error, f),
            other => write!(f, "{}", status(other)),
        }
    }
}

impl std::error::Error for WebError {}

impl<E: Into<OperationError>> From<E> for WebError {
    fn from(error: E) -> Self {
        Self::Operation(error.into())
    }
}

/// One thing that is wrong in a request or a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Detail {
    /// The way to the value: `variables.intensity`.
    pub path: String,
    /// Line in a file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column in a file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The rule of the linter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// `error`, `warning` or `info`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// What is wrong.
    pub detail: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// RFC 9457 section 3.1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// The stable name of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This case in words, and what can be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Everything that is wrong, at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Detail>,
}

/// A problem of a file in words of one language.
pub fn file_detail(problem: &noroshi_core::problem::Problem, language: Language) -> Detail {
    let severity = match problem.severity {
        noroshi_core::problem::Severity::Error => "error",
        noroshi_core::problem::Severity::Warning => "warning",
        noroshi_core::problem::Severity::Info => "info",
    };
    Detail {
        path: problem.path.clone(),
        line: Some(problem.at.line),
        column: Some(problem.at.column),
        code: Some(problem.code.to_owned()),
        severity: Some(severity.to_owned()),
        detail: problem.detail.get(language).to_owned(),
        help: Some(problem.help.get(language).to_owned()),
    }
}

fn status(error: &WebError) -> StatusCode {
    match error {
        WebError::SignIn | WebError::Unsigned => StatusCode::UNAUTHORIZED,
        WebError::Denied | WebError::Csrf => StatusCode::FORBIDDEN,
        WebError::NotFound => StatusCode::NOT_FOUND,
        WebError::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
        WebError::Malformed(_) => StatusCode::BAD_REQUEST,
        WebError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        WebError::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
        WebError::NotYet => StatusCode::NOT_IMPLEMENTED,
        WebError::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        WebError::Bug { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        WebError::Operation(error) => match error {
            OperationError::Denied { .. } => StatusCode::FORBIDDEN,
            OperationError::Closed(_) => StatusCode::CONFLICT,
            OperationError::Invalid(_) | OperationError::Problems(_) | OperationError::KeyReused => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            OperationError::Store(StoreError::NotFound { .. }) => StatusCode::NOT_FOUND,
            OperationError::Store(StoreError::Conflict { .. }) => StatusCode::CONFLICT,
            OperationError::Store(
                StoreError::Unavailable { .. } | StoreError::Doubtful { .. } | StoreError::Newer { .. },
            ) => StatusCode::SERVICE_UNAVAILABLE,
            OperationError::Store(StoreError::Corrupt { .. }) => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

/// The document of an error in one language.
pub fn document(error: &WebError, language: Language) -> ProblemDocument {
    let (kind, title, detail) = words(error);
    let problems = match error {
        WebError::Operation(OperationError::Invalid(found)) => {
            found.iter().map(|invalid| value_detail(invalid, language)).collect()
        }
        WebError::Operation(OperationError::Problems(found)) => {
            found.iter().map(|problem| file_detail(problem, language)).collect()
        }
        _ => Vec::new(),
    };
    ProblemDocument {
        kind: kind.to_owned(),
        title: title.get(language).to_owned(),
        status: status(error).as_u16(),
        detail: detail.map(|detail| detail.get(language).to_owned()),
        problems,
    }
}

fn value_detail(invalid: &Invalid, language: Language) -> Detail {
    Detail {
        path: invalid.path.clone(),
        line: None,
        column: None,
        code: None,
        severity: None,
        detail: invalid.detail.get(language).to_owned(),
        help: None,
    }
}

fn words(error: &WebError) -> (&'static str, Text, Option<Text>) {
    let detail = |ja: &str, en: &str| Some(Text::both(ja, en));
    match error {
        WebError::SignIn => (
            "/problems/denied",
            Text::both("サインインが必要です", "Sign in first"),
            detail("サインインするか、有効なトークンを送ってください。", "Sign in, or send a valid token."),
        ),
        WebError::Unsigned => (
            "/problems/denied",
            Text::both("署名を確かめられません", "The signature cannot be verified"),
            detail(
                "webhook-id、webhook-timestamp、webhook-signature を確かめてください。トリガーの名前、秘密鍵、時計（5分以内）のどれかが合っていません。",
                "Look at webhook-id, webhook-timestamp and webhook-signature: the trigger's name, the secret or the clock (within five minutes) does not match.",
            ),
        ),
        WebError::Denied | WebError::Operation(OperationError::Denied { .. }) => (
            "/problems/denied",
            Text::both("この操作はできません", "Not allowed"),
            detail(
                "あなたの権限ではこの操作はできません。本部長か管理者に頼んでください。",
                "Your role does not allow this. Ask the incident commander or an administrator.",
            ),
        ),
        WebError::Csrf => (
            "/problems/denied",
            Text::both("この画面は古くなっています", "This page is out of date"),
            detail(
                "画面を開き直して、もう一度操作してください。",
                "Open the page again and repeat what you did.",
            ),
        ),
        WebError::NotFound => ("/problems/not-found", not_found(), None),
        WebError::TooSlow | WebError::Operation(OperationError::Store(StoreError::Doubtful { .. })) => (
            "/problems/unavailable",
            Text::both("記録できたか、まだ分かりません", "Not known yet whether it was stored"),
            detail(
                "データベースの応答がありません。数秒後にもう一度操作してください。同じ操作を繰り返しても、二重にはなりません。",
                "The database does not answer. Repeat what you did in a few seconds; the same again is not done twice.",
            ),
        ),
        WebError::Method(allowed) => (
            "/problems/method",
            Text::both("この方法では使えません", "Wrong method"),
            Some(Text::both(
                format!("使えるのは {} です。", allowed.join("、")),
                format!("Use {}.", allowed.join(", ")),
            )),
        ),
        WebError::Malformed(why) => (
            "/problems/malformed",
            Text::both("読めない内容です", "The request cannot be read"),
            Some(why.clone()),
        ),
        WebError::TooLarge => (
            "/problems/too-large",
            Text::both("内容が大きすぎます", "The request is too large"),
            detail(
                "何も取り込んでいません。入力した文を短くするか、ファイルを小さくして、もう一度送ってください。",
                "Nothing was taken in. Shorten the text or make the file smaller, and send it again.",
            ),
        ),
        WebError::NotYet => (
            "/problems/not-implemented",
            Text::both("まだ使えません", "Not there yet"),
            detail("この機能は今後の版で使えるようになります。", "A later version will have this."),
        ),
        WebError::TooMany(seconds) => (
            "/problems/too-many",
            Text::both("試行が多すぎます", "Too many tries"),
            Some(Text::both(
                format!("{seconds}秒待ってから、もう一度試してください。"),
                format!("Wait {seconds} seconds and try again."),
            )),
        ),
        WebError::Bug { request, .. } => (
            "about:blank",
            Text::both("内部の誤り", "Internal error"),
            Some(Text::both(
                format!("何も変わっていません。管理者にこの番号を知らせてください: {request}"),
                format!("Nothing was changed. Please tell the administrator this number: {request}"),
            )),
        ),
        WebError::Operation(error) => match error {
            OperationError::Closed(text) => {
                ("/problems/closed", Text::both("いまはできません", "Not possible now"), Some(text.clone()))
            }
            OperationError::Invalid(_) => {
                ("/problems/invalid", Text::both("入力を直してください", "Some values cannot be taken"), None)
            }
            OperationError::Problems(_) => {
                ("/problems/invalid", Text::both("ファイルに誤りがあります", "The file has problems"), None)
            }
            OperationError::KeyReused => (
                "/problems/key-reuse",
                Text::both(
                    "同じ Idempotency-Key が別の内容に使われています",
                    "Idempotency-Key was used with another body",
                ),
                detail("新しい要求には新しいキーを使ってください。", "Use a new key for a new request."),
            ),
            OperationError::Store(StoreError::NotFound { .. }) => ("/problems/not-found", not_found(), None),
            OperationError::Store(StoreError::Conflict { .. }) => (
                "/problems/conflict",
                Text::both("同時に変更されました", "Changed by someone else meanwhile"),
                detail("画面を開き直して、もう一度操作してください。", "Look again and repeat what you did."),
            ),
            OperationError::Store(StoreError::Unavailable { .. } | StoreError::Newer { .. }) => (
                "/problems/unavailable",
                Text::both("いま記録できません", "The database is away"),
                detail(
                    "何も変わっていません。数秒後にもう一度操作してください。",
                    "Nothing was changed. Try again in a few seconds.",
                ),
            ),
            // Words of their own stand above.
            OperationError::Store(StoreError::Corrupt { .. } | StoreError::Doubtful { .. })
            | OperationError::Denied { .. } => (
                "about:blank",
                Text::both("内部の誤り", "Internal error"),
                detail("記録を管理者に知らせてください。", "Please tell the administrator."),
            ),
        },
    }
}

fn not_found() -> Text {
    Text::both("見つかりません", "Not found")
}

impl ResponseError for WebError {
    fn status_code(&self) -> StatusCode {
        status(self)
    }

    /// An answer without words: [`finish`] knows the reader and fills it in.
    fn error_response(&self) -> HttpResponse {
        log(self);
        let mut answer = HttpResponse::build(status(self));
        match self {
            Self::Operation(OperationError::Store(
                StoreError::Unavailable { .. } | StoreError::Newer { .. },
            )) => {
                answer.insert_header((header::RETRY_AFTER, "3"));
            }
            Self::TooSlow | Self::Operation(OperationError::Store(StoreError::Doubtful { .. })) => {
                answer.insert_header((header::RETRY_AFTER, "5"));
            }
            Self::TooMany(seconds) => {
                answer.insert_header((header::RETRY_AFTER, seconds.to_string()));
            }
            Self::Method(allowed) => {
                answer.insert_header((header::ALLOW, allowed.join(", ")));
            }
            Self::SignIn => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            Self::Bug { request, .. } => {
                answer.insert_header(("x-request-id", request.to_string()));
            }
            _ => {}
        }
        let mut answer = answer.finish();
        let documents = [Language::Ja, Language::En].map(|language| document(self, language));
        answer.extensions_mut().insert(Documents(documents));
        answer
    }
}

#[derive(Clone)]
struct Documents([ProblemDocument; 2]);

fn log(error: &WebError) {
    match error {
        WebError::Operation(OperationError::Store(
            cause @ (StoreError::Unavailable { .. }
            | StoreError::Doubtful { .. }
            | StoreError::Newer { .. }
            | StoreError::Corrupt { .. }),
        )) => {
            error!(error = cause as &dyn std::error::Error, "A request failed: {cause}");
        }
        WebError::Bug { request, route } => error!(%request, route, "A request to {route} met a bug"),
        WebError::TooSlow => error!("A request was given up: the database did not answer in time"),
        WebError::Operation(OperationError::KeyReused) => warn!("An idempotency key came with another body"),
        WebError::Operation(OperationError::Denied { action, .. }) => {
            info!(action, "Somebody without the right tried to {action}")
        }
        _ => {}
    }
}

/// The last hand on every answer: gives an error its words, as JSON under `/api` and as a page elsewhere.
pub async fn finish(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let for_programs = request.path().starts_with("/api/")
        || request.path().starts_with("/readyz")
        || request.path() == "/metrics";
    let answer = next.call(request).await?.map_into_boxed_body();
    let documents = answer.response().extensions().get::<Documents>().cloned();
    let Some(Documents([ja, en])) = documents else {
        return Ok(answer);
    };
    let language = super::body::language(answer.request());
    let document = if language == Language::En { en } else { ja };
    let wants_json = for_programs || accepts_json(answer.request());
    let (body, content_type) = if wants_json {
        (serde_json::to_string(&document)?, "application/problem+json")
    } else {
        (super::page::error::render(answer.request(), &document, language), "text/html; charset=utf-8")
    };
    let to_sign_in = !wants_json && document.status == 401;
    let (request, mut response) = answer.into_parts();
    if to_sign_in {
        let here = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let location = format!("/login?next={}", super::body::escape(here));
        response = HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish();
        return Ok(ServiceResponse::new(request, response));
    }
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    let response = response.set_body(BoxBody::new(body));
    Ok(ServiceResponse::new(request, response))
}

fn accepts_json(request: &HttpRequest) -> bool {
    request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("json") && !accept.contains("text/html"))
}
