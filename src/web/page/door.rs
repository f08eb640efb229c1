//! The pages before one is inside: `/login` and `/setup/{token}`.

use askama::Template;

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use noroshi_core::{id::AccountId, rights::Role, text::Text, time::Span};

use super::{
    frame::{Frame, Room},
    leave::{asked, frame_outside, html, html_with, see},
};
use crate::{
    app::App,
    operation::{
        Actor, OperationError, Work,
        account::{self, GoodFor, NewAccount},
    },
    password::{self, Verdict},
    store,
    web::{
        attempts::Attempts,
        body::{self, Form, Posted},
        problem::WebError,
        session,
    },
};

/// `/login`.
#[derive(Clone, Debug, Template)]
#[template(path = "page/login.html", config = "src/web/askama.toml")]
pub struct LoginPage {
    /// What stands around it; without a person.
    pub frame: Frame,
    /// What was typed as the login name.
    pub login: String,
    /// Where to go afterwards, by path.
    pub next: String,
    /// What is wrong; the same for an unknown name and a wrong password.
    pub problem: Option<String>,
}

/// `/setup/{token}`: the one-time link that makes the first account, or one for a named person.
#[derive(Clone, Debug, Template)]
#[template(path = "page/setup.html", config = "src/web/askama.toml")]
pub struct SetupPage {
    /// What stands around it; without a person.
    pub frame: Frame,
    /// From the address.
    pub token: String,
    /// What was typed as the name.
    pub name: String,
    /// What was typed as the login name.
    pub login: String,
    /// Whether the link still works; only words without a form otherwise.
    pub usable: bool,
    /// Whether the link signs an account in that is there already: one button, nothing to fill in.
    pub signs_in: bool,
    /// What is wrong, by field: `name`, `login`, `password`, `again`.
    pub problems: Vec<(String, String)>,
}

impl SetupPage {
    /// What is wrong with one field.
    pub fn problem(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|(name, _)| name == field).map(|(_, words)| words.as_str())
    }
}

/// Where to go after signing in: a path of ours, never somebody else's address.
fn next(wish: Option<&str>) -> String {
    let wish = wish.unwrap_or("/");
    let ours = wish.starts_with('/') && !wish.starts_with("//") && !wish.contains('\\');
    if ours { wish.to_owned() } else { "/".to_owned() }
}

/// `GET /login`.
pub async fn login(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, WebError> {
    let wish = next(asked(&request, "next").as_deref());
    if session::caller(&app, &request).await?.is_some_and(|caller| caller.csrf.is_some()) {
        return Ok(see(&wish));
    }
    let page =
        LoginPage { frame: frame_outside(&request, &app), login: String::new(), next: wish, problem: None };
    Ok(html(&request, &page))
}

/// `POST /login`.
pub async fn sign_in(
    request: HttpRequest,
    app: Data<App>,
    attempts: Data<Attempts>,
    form: Form,
) -> Result<HttpResponse, WebError> {
    if body::foreign(&request) {
        return Err(WebError::Csrf);
    }
    let login = form.get("login").unwrap_or_default().trim().to_lowercase();
    let wish = next(form.get("next"));
    let from = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let now = app.clock.now();
    if let Err(seconds) = attempts.may(&login, from, now) {
        let frame = frame_outside(&request, &app);
        let wait = frame.when.length(Span::seconds(seconds.into()));
        let problem = Some(frame.words.with("login-too-many", &[("span", wait.into())]));
        let mut answer = html_with(
            &request,
            StatusCode::TOO_MANY_REQUESTS,
            &LoginPage { frame, login, next: wish, problem },
        );
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        return Ok(answer);
    }
    let found = store::account::by_login(app.store.read(), &login).await?;
    let found = found.filter(|account| account.disabled_at_ms.is_none());
    // An unknown name costs the same hash as a wrong password.
    let stored = found.as_ref().map(|account| account.password_hash.as_str());
    let verdict = app.passwords.verify(form.get("password").unwrap_or_default(), stored).await;
    let right = matches!(verdict, Ok(Verdict::Right { .. }));
    let Some(account) = found.filter(|_| right) else {
        attempts.failed(&login, from, now);
        let frame = frame_outside(&request, &app);
        let problem = Some(frame.words.get("login-problem"));
        let page = LoginPage { frame, login, next: wish, problem };
        return Ok(html_with(&request, StatusCode::UNAUTHORIZED, &page));
    };
    attempts.succeeded(&login, from);
    let work = Work::begin(&app, Actor::system()).await?;
    let signed_in = account::sign_in(work, AccountId::new(account.id)).await?;
    let mut answer = see(&wish);
    let _ = answer.add_cookie(&session::cookie(&app, &signed_in));
    Ok(answer)
}

/// `POST /logout`.
pub async fn logout(request: HttpRequest, app: Data<App>, _form: Posted) -> Result<HttpResponse, WebError> {
    if let Some(token) = session::session_token(&app, &request) {
        let work = Work::begin(&app, Actor::system()).await?;
        account::sign_out(work, &token).await?;
    }
    let mut answer = see("/login");
    let _ = answer.add_cookie(&session::no_cookie(&app));
    Ok(answer)
}

/// `GET /setup/{token}`.
pub async fn setup(
    request: HttpRequest,
    app: Data<App>,
    token: Path<String>,
) -> Result<HttpResponse, WebError> {
    let good_for = account::good_for(&app, &token).await?;
    let page = SetupPage {
        frame: frame_outside(&request, &app),
        usable: good_for != GoodFor::Nothing,
        signs_in: good_for == GoodFor::SignIn,
        token: token.into_inner(),
        name: String::new(),
        login: String::new(),
        problems: Vec::new(),
    };
    let status = if page.usable { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Ok(html_with(&request, status, &page))
}

/// `POST /setup/{token}`.
pub async fn set_up(
    request: HttpRequest,
    app: Data<App>,
    token: Path<String>,
    form: Form,
) -> Result<HttpResponse, WebError> {
    if body::foreign(&request) {
        return Err(WebError::Csrf);
    }
    let typed = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let good_for = account::good_for(&app, &token).await?;
    if good_for == GoodFor::SignIn {
        let signed_in = account::sign_in_by_link(Work::begin(&app, Actor::system()).await?, &token).await?;
        let mut answer = see("/");
        let _ = answer.add_cookie(&session::cookie(&app, &signed_in));
        return Ok(answer);
    }
    let mut page = SetupPage {
        frame: frame_outside(&request, &app),
        usable: good_for == GoodFor::Account,
        signs_in: false,
        token: token.into_inner(),
        name: typed("name"),
        login: typed("login"),
        problems: Vec::new(),
    };
    if !page.usable {
        return Ok(html_with(&request, StatusCode::NOT_FOUND, &page));
    }
    let password = typed("password");
    let language = page.frame.words.0;
    if let Err(refusal) = password::check(&password, &[&page.login, &page.name]) {
        page.problems.push(("password".to_owned(), refusal.text().get(language).to_owned()));
    } else if password != typed("again") {
        page.problems.push(("again".to_owned(), page.frame.words.get("setup-problem-again")));
    }
    if !page.problems.is_empty() {
        return Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let password_hash = app.passwords.hash(&password).await.map_err(|_| {
        OperationError::Closed(Text::both(
            "いま込み合っています。少し待ってからもう一度送ってください",
            "too many are signing in; try again in a moment",
        ))
    })?;
    let new = NewAccount {
        login: page.login.clone(),
        name: page.name.clone(),
        role: Role::Admin,
        person: None,
        password_hash,
    };
    let work = Work::begin(&app, Actor::system()).await?;
    match account::set_up(work, &page.token, new).await {
        Ok(signed_in) => {
            let mut answer = see("/");
            let _ = answer.add_cookie(&session::cookie(&app, &signed_in));
            Ok(answer)
        }
        Err(OperationError::Invalid(found)) => {
            let told =
                found.into_iter().map(|invalid| (invalid.path, invalid.detail.get(language).to_owned()));
            page.problems.extend(told);
            Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, keep},
        *,
    };

    fn outside(language: Language) -> Frame {
        let mut frame = frame(language, Room::Home);
        frame.person.clear();
        frame
    }

    #[test]
    fn the_door_asks_for_name_and_password_only() {
        let problem = Some("ログイン名かパスワードが違います。".to_owned());
        let page =
            LoginPage { frame: outside(Language::Ja), login: "sato".into(), next: "/".into(), problem };
        let html = keep("login-ja", page.render().unwrap());
        assert!(html.contains("autocomplete=\"current-password\"") && !html.contains("/directory"));
        let again = vec![("again".to_owned(), "2回のパスワードが違います。".to_owned())];
        let (token, name, login) = ("t0k3n".into(), "佐藤 真由美".into(), "sato".into());
        let page = SetupPage {
            frame: outside(Language::Ja),
            token,
            name,
            login,
            usable: true,
            signs_in: false,
            problems: again,
        };
        assert!(keep("setup-ja", page.render().unwrap()).contains("2回のパスワードが違います"));
    }
}
