//! How a page leaves the house: as HTML, or as a way to another page.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::{StatusCode, header},
};
use askama::Template;

use super::{
    answer::language_key,
    frame::{Frame, Room},
    roster::gaps,
    when::When,
};
use crate::{
    app::App,
    i18n::Words,
    store::{self, StoreError},
    web::{body, session::Caller},
};

/// What is needed to say moments to whoever asks.
pub fn when(request: &HttpRequest, app: &App) -> When {
    When { now: app.clock.now(), zone: app.zone, words: Words(body::language(request)) }
}

/// The frame of a page that belongs to no incident.
pub async fn frame(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    room: Room,
) -> Result<Frame, StoreError> {
    let db = app.store.read();
    let Some(row) = store::directory::latest(db).await? else {
        return Ok(frame_of(request, app, caller, room, String::new()));
    };
    let directory = app.library.directory(db, row.id).await?;
    let office = directory.office().get(body::language(request)).to_owned();
    let mut frame = frame_of(request, app, caller, room, office);
    frame.gaps = gaps(&directory, frame.when.now).count();
    Ok(frame)
}

/// The frame of a page whose head office is known.
pub fn frame_of(request: &HttpRequest, app: &App, caller: &Caller, room: Room, office: String) -> Frame {
    let csrf = caller.csrf.clone().unwrap_or_default();
    let mut frame = Frame::new(when(request, app), office, caller.actor.name.clone(), csrf, room);
    frame.demo = app.inbox.is_some();
    frame
}

/// The frame of a page before one is inside.
pub fn frame_outside(request: &HttpRequest, app: &App) -> Frame {
    Frame::new(when(request, app), String::new(), String::new(), String::new(), Room::Home)
}

/// A page.
pub fn html(request: &HttpRequest, page: &impl Template) -> HttpResponse {
    html_with(request, StatusCode::OK, page)
}

/// A page with a status of its own. A language that was picked by `?lang=` is remembered.
pub fn html_with(request: &HttpRequest, status: StatusCode, page: &impl Template) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    answer.content_type("text/html; charset=utf-8");
    if request.query_string().split('&').any(|pair| pair.starts_with("lang="))
        && !request.path().starts_with("/a/")
    {
        let cookie = Cookie::build("lang", language_key(body::language(request)))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .max_age(Duration::days(365))
            .finish();
        answer.cookie(cookie);
    }
    answer.body(page.render().expect("templates write into memory"))
}

/// Away to another page, by path.
pub fn see(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}

/// One value of the query.
pub fn asked(request: &HttpRequest, name: &str) -> Option<String> {
    let query = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string()).ok()?;
    query.0.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}
