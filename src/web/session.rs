//! Who asks: a program with a token, or a signed-in person with the session's cookie.

use std::{future::Ready, future::ready};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    cookie::{Cookie, SameSite, time::OffsetDateTime},
    dev::Payload,
    http::header,
};

use super::problem::WebError;
use crate::{
    app::App,
    operation::{
        Actor,
        account::{self, SignedIn},
    },
};

/// Whoever asks. A handler that takes it is never reached by anybody else: the route's access check puts it there.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who, and with which role.
    pub actor: Actor,
    /// The session's form token; `None` for programs, which send no cookies.
    pub csrf: Option<String>,
}

impl FromRequest for Caller {
    type Error = WebError;
    type Future = Ready<Result<Self, WebError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or(WebError::SignIn))
    }
}

/// Finds out who asks; `None` for nobody that we know.
pub async fn caller(app: &App, request: &HttpRequest) -> Result<Option<Caller>, WebError> {
    if let Some(value) = request.headers().get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        let Some(token) = token.map(str::trim).filter(|token| token.len() >= 32) else { return Ok(None) };
        return Ok(account::by_token(app, token).await?.map(|actor| Caller { actor, csrf: None }));
    }
    let Some(cookie) = request.cookie(cookie_name(app)) else { return Ok(None) };
    let found = account::by_session(app, cookie.value()).await?;
    Ok(found.map(|(actor, csrf)| Caller { actor, csrf: Some(csrf) }))
}

/// `__Host-` binds the cookie to this host and to TLS; plain HTTP on loopback cannot carry it.
fn cookie_name(app: &App) -> &'static str {
    if app.secure_cookies { "__Host-noroshi" } else { "noroshi" }
}

/// The cookie of a new session.
pub fn cookie(app: &App, signed_in: &SignedIn) -> Cookie<'static> {
    let ends = OffsetDateTime::from_unix_timestamp(signed_in.ends_at.0 / 1000).ok();
    let mut cookie = base(app, signed_in.token.clone());
    cookie.set_expires(ends);
    cookie
}

/// The cookie that takes a session's cookie away.
pub fn no_cookie(app: &App) -> Cookie<'static> {
    let mut cookie = base(app, String::new());
    cookie.make_removal();
    cookie
}

fn base(app: &App, value: String) -> Cookie<'static> {
    Cookie::build(cookie_name(app), value)
        .path("/")
        .http_only(true)
        .secure(app.secure_cookies)
        .same_site(SameSite::Lax)
        .finish()
}

/// The session cookie of a request, for signing out.
pub fn session_token(app: &App, request: &HttpRequest) -> Option<String> {
    request.cookie(cookie_name(app)).map(|cookie| cookie.value().to_owned())
}
