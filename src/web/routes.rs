//! Every URL, one line each. The table is data: rights are tested over all of it.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, time::Duration};

use actix_web::{
    Error, HttpMessage, ResponseError, Route as Handler,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::{self, Next},
    web::{self, Data, ServiceConfig},
};
use futures_util::FutureExt;
use noroshi_core::rights::{Action, may};

use super::{
    api::{
        self, alert, channel, chronology, directory, doc, health, hook, incident, lifecycle, metrics,
        playbook, preflight, receipt, recipient, report, role, roster, task, trigger,
    },
    live, page,
    problem::WebError,
    session,
};
use crate::{app::App, measure};

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Whoever holds the link: the token in the path is the permit.
    Link,
    /// Whoever signs the body with a secret that the configuration holds, or has it in the address: the handler checks
    /// it.
    Signed,
    /// Whoever is known and may do this at least where the playbook names them; the verb asks again, exactly.
    May(Action),
}

/// One URL for one method.
#[derive(Clone, Copy)]
pub struct Route {
    /// `GET`, `POST` …
    pub method: &'static str,
    /// With parameters in braces.
    pub path: &'static str,
    /// Who may come in.
    pub access: Access,
    handler: fn() -> Handler,
}

const fn get(path: &'static str, access: Access, handler: fn() -> Handler) -> Route {
    Route { method: "GET", path, access, handler }
}
const fn post(path: &'static str, access: Access, handler: fn() -> Handler) -> Route {
    Route { method: "POST", path, access, handler }
}
const fn put(path: &'static str, access: Access, handler: fn() -> Handler) -> Route {
    Route { method: "PUT", path, access, handler }
}
const fn patch(path: &'static str, access: Access, handler: fn() -> Handler) -> Route {
    Route { method: "PATCH", path, access, handler }
}

use Access::{Link, May, Open, Signed};

const VIEW: Access = May(Action::View);

/// The whole table.
pub const ROUTES: &[Route] = &[
    // For machines that watch.
    get("/healthz", Open, || web::get().to(health::healthz)),
    get("/readyz", Open, || web::get().to(health::readyz)),
    get("/metrics", Open, || web::get().to(metrics::get)),
    get("/api/openapi.json", Open, || web::get().to(doc::openapi)),
    get("/api/docs", Open, || web::get().to(doc::docs)),
    // For programs.
    get("/api/v1/playbooks", VIEW, || web::get().to(playbook::list)),
    get("/api/v1/playbooks/{key}", VIEW, || web::get().to(playbook::get)),
    put("/api/v1/playbooks/{key}", May(Action::ImportPlaybook), || web::put().to(playbook::put)),
    post("/api/v1/playbooks/{key}/preflight", VIEW, || web::post().to(preflight::post)),
    get("/api/v1/playbooks/{key}/versions", VIEW, || web::get().to(playbook::versions)),
    get("/api/v1/playbooks/{key}/difference", VIEW, || web::get().to(playbook::compare)),
    get("/api/v1/directory", VIEW, || web::get().to(directory::get)),
    put("/api/v1/directory", May(Action::EditDirectory), || web::put().to(directory::put)),
    post("/api/v1/directory/import", May(Action::EditDirectory), || web::post().to(directory::import)),
    get("/api/v1/directory/export", VIEW, || web::get().to(directory::export)),
    get("/api/v1/rosters", VIEW, || web::get().to(roster::list)),
    get("/api/v1/covers", VIEW, || web::get().to(roster::covers)),
    post("/api/v1/covers", May(Action::Cover), || web::post().to(roster::add)),
    post("/api/v1/covers/{id}/end", May(Action::Cover), || web::post().to(roster::end)),
    get("/api/v1/incidents", VIEW, || web::get().to(incident::list)),
    post("/api/v1/incidents", May(Action::Start), || web::post().to(incident::start)),
    get("/api/v1/incidents/{id}", VIEW, || web::get().to(incident::get)),
    post("/api/v1/incidents/{id}/close", May(Action::Close), || web::post().to(incident::close)),
    post("/api/v1/incidents/{id}/cancel", May(Action::Cancel), || web::post().to(incident::cancel)),
    post("/api/v1/incidents/{id}/activate", May(Action::Start), || web::post().to(lifecycle::activate)),
    post("/api/v1/incidents/{id}/dismiss", May(Action::Start), || web::post().to(lifecycle::dismiss)),
    post("/api/v1/incidents/{id}/stabilise", May(Action::Close), || web::post().to(lifecycle::stabilise)),
    post("/api/v1/incidents/{id}/propose-close", May(Action::Talk), || {
        web::post().to(lifecycle::propose_close)
    }),
    post("/api/v1/incidents/{id}/keep-open", May(Action::Close), || web::post().to(lifecycle::keep_open)),
    post("/api/v1/incidents/{id}/review", May(Action::Close), || web::post().to(lifecycle::review)),
    post("/api/v1/incidents/{id}/merge", May(Action::Close), || web::post().to(lifecycle::merge)),
    post("/api/v1/alerts/{id}/follow-up", May(Action::RaiseAlert), || web::post().to(alert::follow_up)),
    post("/api/v1/recipients/{id}/release", May(Action::AnswerForOthers), || {
        web::post().to(recipient::release)
    }),
    get("/api/v1/trigger-events", VIEW, || web::get().to(trigger::list)),
    post("/api/v1/trigger-events", May(Action::Start), || web::post().to(trigger::report)),
    post("/api/v1/hooks/{key}", Signed, || web::post().to(hook::ring)),
    get("/api/v1/receipts/{key}", Signed, || web::get().to(receipt::get)),
    post("/api/v1/receipts/{key}", Signed, || web::post().to(receipt::post)),
    get("/api/v1/incidents/{id}/recipients", VIEW, || web::get().to(recipient::list)),
    get("/api/v1/incidents/{id}/roles", VIEW, || web::get().to(role::list)),
    post("/api/v1/incidents/{id}/roles/{key}/offer", May(Action::Seat), || web::post().to(role::offer)),
    post("/api/v1/incidents/{id}/roles/{key}/accept", May(Action::Talk), || web::post().to(role::accept)),
    post("/api/v1/incidents/{id}/roles/{key}/decline", May(Action::Talk), || web::post().to(role::decline)),
    post("/api/v1/incidents/{id}/roles/{key}/hand-over", May(Action::Seat), || {
        web::post().to(role::hand_over)
    }),
    post("/api/v1/incidents/{id}/roles/{key}/release", May(Action::Seat), || web::post().to(role::release)),
    get("/api/v1/incidents/{id}/alerts", VIEW, || web::get().to(alert::list)),
    post("/api/v1/incidents/{id}/alerts", May(Action::RaiseAlert), || web::post().to(alert::raise)),
    post("/api/v1/alerts/{id}/decide", May(Action::Decide), || web::post().to(alert::decide)),
    post("/api/v1/recipients/{id}/answer", May(Action::AnswerForOthers), || {
        web::post().to(recipient::answer)
    }),
    post("/api/v1/recipients/{id}/decide", May(Action::Decide), || web::post().to(recipient::decide)),
    post("/api/v1/recipients/{id}/readdress", May(Action::RaiseAlert), || {
        web::post().to(recipient::readdress)
    }),
    get("/api/v1/incidents/{id}/channels", VIEW, || web::get().to(channel::list)),
    get("/api/v1/channels/{id}/messages", VIEW, || web::get().to(channel::messages)),
    post("/api/v1/channels/{id}/messages", May(Action::Talk), || web::post().to(channel::post)),
    post("/api/v1/channels/{id}/read", VIEW, || web::post().to(channel::read)),
    get("/api/v1/incidents/{id}/chronology", VIEW, || web::get().to(chronology::list)),
    post("/api/v1/incidents/{id}/chronology", May(Action::Talk), || web::post().to(chronology::add)),
    get("/api/v1/incidents/{id}/chronology.csv", VIEW, || web::get().to(chronology::csv)),
    get("/api/v1/incidents/{id}/events", VIEW, || web::get().to(live::incident)),
    get("/api/v1/events", VIEW, || web::get().to(live::all)),
    get("/api/v1/incidents/{id}/tasks", VIEW, || web::get().to(task::list)),
    post("/api/v1/incidents/{id}/tasks", May(Action::Talk), || web::post().to(task::create)),
    patch("/api/v1/tasks/{id}", May(Action::Talk), || web::patch().to(task::change)),
    post("/api/v1/tasks/{id}/photos", May(Action::Talk), || web::post().to(task::add_photo)),
    get("/api/v1/photos/{id}", VIEW, || web::get().to(task::photo)),
    get("/api/v1/incidents/{id}/reports", VIEW, || web::get().to(report::list)),
    post("/api/v1/incidents/{id}/reports", May(Action::Talk), || web::post().to(report::write)),
    post("/api/v1/reports/{id}/approve", May(Action::Decide), || web::post().to(report::approve)),
    post("/api/v1/reports/{id}/return", May(Action::Decide), || web::post().to(report::send_back)),
    post("/api/v1/reports/{id}/decide", May(Action::Decide), || web::post().to(report::decide)),
    // Named by the interface, filled by later versions.
    get("/api/v1/exercises", VIEW, || web::get().to(api::not_yet)),
    post("/api/v1/exercises/{key}/runs", May(Action::Start), || web::post().to(api::not_yet)),
    post("/api/v1/runs/{id}/pause", May(Action::Start), || web::post().to(api::not_yet)),
    get("/api/v1/runs/{id}/report", VIEW, || web::get().to(api::not_yet)),
    // For people without an account.
    get("/a/{token}", Link, || web::get().to(page::link::get)),
    post("/a/{token}/opened", Link, || web::post().to(page::link::opened)),
    post("/a/{token}/answer", Link, || web::post().to(page::link::post)),
    get("/a/{token}/documents/{n}", Link, || web::get().to(page::link::document)),
    post("/a/{token}/wrong-address", Link, || web::post().to(page::link::wrong_address)),
    get("/r/{token}", Link, || web::get().to(page::errand::get)),
    post("/r/{token}/accept", Link, || web::post().to(page::errand::accept)),
    post("/r/{token}/decline", Link, || web::post().to(page::errand::decline)),
    post("/r/{token}/decide", Link, || web::post().to(page::errand::decide)),
    // For people who sign in.
    get("/static/{file}", Open, || web::get().to(page::asset::get)),
    get("/setup/{token}", Open, || web::get().to(page::door::setup)),
    post("/setup/{token}", Open, || web::post().to(page::door::set_up)),
    get("/login", Open, || web::get().to(page::door::login)),
    post("/login", Open, || web::post().to(page::door::sign_in)),
    post("/logout", VIEW, || web::post().to(page::door::logout)),
    get("/", VIEW, || web::get().to(page::home::get)),
    get("/incidents", VIEW, || web::get().to(page::home::incidents)),
    get("/playbooks/{key}/start", May(Action::Start), || web::get().to(page::start::get)),
    post("/playbooks/{key}/start", May(Action::Start), || web::post().to(page::start::post)),
    get("/playbooks", VIEW, || web::get().to(page::playbook::list)),
    get("/playbooks/{key}", VIEW, || web::get().to(page::playbook::get)),
    get("/playbooks/{key}/versions", VIEW, || web::get().to(page::version::versions)),
    get("/playbooks/{key}/difference", VIEW, || web::get().to(page::version::compare)),
    // Not under /playbooks: every word there may be the key of one.
    get("/import/playbook", May(Action::ImportPlaybook), || web::get().to(page::playbook_import::get)),
    post("/import/playbook", May(Action::ImportPlaybook), || web::post().to(page::playbook_import::post)),
    get("/playbooks/{key}/preflight", VIEW, || web::get().to(page::preflight::get)),
    get("/playbooks/{key}/preflight/letters", VIEW, || web::get().to(page::preflight::letters)),
    get("/incidents/{id}", VIEW, || web::get().to(page::board::get)),
    post("/incidents/{id}/stabilise", May(Action::Close), || web::post().to(page::life::stabilise)),
    post("/incidents/{id}/propose-close", May(Action::Talk), || web::post().to(page::life::propose_close)),
    post("/incidents/{id}/keep-open", May(Action::Close), || web::post().to(page::life::keep_open)),
    post("/incidents/{id}/review", May(Action::Close), || web::post().to(page::life::review)),
    get("/incidents/{id}/merge", May(Action::Close), || web::get().to(page::life::get)),
    post("/incidents/{id}/merge", May(Action::Close), || web::post().to(page::life::post)),
    get("/incidents/{id}/alerts/{aid}/follow-up", May(Action::RaiseAlert), || {
        web::get().to(page::follow::get)
    }),
    post("/incidents/{id}/alerts/{aid}/follow-up", May(Action::RaiseAlert), || {
        web::post().to(page::follow::post)
    }),
    post("/incidents/{id}/recipients/{rid}/release", May(Action::AnswerForOthers), || {
        web::post().to(page::life::release)
    }),
    get("/incidents/{id}/hold", VIEW, || web::get().to(page::hold::get)),
    post("/incidents/{id}/activate", May(Action::Start), || web::post().to(page::hold::activate)),
    post("/incidents/{id}/dismiss", May(Action::Start), || web::post().to(page::hold::dismiss)),
    get("/incidents/{id}/recipients/{rid}", VIEW, || web::get().to(page::recipient::get)),
    post("/incidents/{id}/recipients/{rid}/answer", May(Action::AnswerForOthers), || {
        web::post().to(page::recipient::answer)
    }),
    post("/incidents/{id}/recipients/{rid}/decide", May(Action::Decide), || {
        web::post().to(page::recipient::decide)
    }),
    post("/incidents/{id}/recipients/{rid}/readdress", May(Action::RaiseAlert), || {
        web::post().to(page::recipient::readdress)
    }),
    get("/incidents/{id}/alerts/{aid}", VIEW, || web::get().to(page::recipient::alert)),
    get("/incidents/{id}/alerts/{aid}/documents/{n}", VIEW, || web::get().to(page::document::get)),
    post("/incidents/{id}/alerts/{aid}/decide", May(Action::Decide), || {
        web::post().to(page::recipient::decide_alert)
    }),
    get("/incidents/{id}/roles/{key}", VIEW, || web::get().to(page::role::get)),
    post("/incidents/{id}/roles/{key}", May(Action::Talk), || web::post().to(page::role::post)),
    get("/incidents/{id}/tasks", VIEW, || web::get().to(page::tasks::get)),
    post("/incidents/{id}/tasks", May(Action::Talk), || web::post().to(page::tasks::add)),
    get("/incidents/{id}/tasks/{tid}", VIEW, || web::get().to(page::task::get)),
    post("/incidents/{id}/tasks/{tid}", May(Action::Talk), || web::post().to(page::task::post)),
    post("/incidents/{id}/tasks/{tid}/photos", May(Action::Talk), || web::post().to(page::task::photo)),
    get("/incidents/{id}/reports", VIEW, || web::get().to(page::reports::get)),
    get("/incidents/{id}/reports/{rid}", VIEW, || web::get().to(page::report::get)),
    post("/incidents/{id}/reports/{rid}", May(Action::Talk), || web::post().to(page::report::write)),
    post("/incidents/{id}/reports/{rid}/approve", May(Action::Decide), || {
        web::post().to(page::report::approve)
    }),
    post("/incidents/{id}/reports/{rid}/return", May(Action::Decide), || {
        web::post().to(page::report::send_back)
    }),
    post("/incidents/{id}/reports/{rid}/decide", May(Action::Decide), || {
        web::post().to(page::report::decide)
    }),
    get("/incidents/{id}/channels", VIEW, || web::get().to(page::channel::first)),
    get("/incidents/{id}/channels/{cid}", VIEW, || web::get().to(page::channel::get)),
    post("/incidents/{id}/channels/{cid}", May(Action::Talk), || web::post().to(page::channel::post)),
    get("/incidents/{id}/channels/{cid}/activity-log", VIEW, || web::get().to(page::activity::get)),
    post("/incidents/{id}/channels/{cid}/read", VIEW, || web::post().to(page::channel::read)),
    get("/incidents/{id}/chronology", VIEW, || web::get().to(page::chronology::get)),
    post("/incidents/{id}/chronology", May(Action::Talk), || web::post().to(page::chronology::post)),
    get("/incidents/{id}/letters", VIEW, || web::get().to(page::letters::get)),
    get("/incidents/{id}/close", May(Action::Close), || web::get().to(page::end::close)),
    post("/incidents/{id}/close", May(Action::Close), || web::post().to(page::end::do_close)),
    get("/incidents/{id}/cancel", May(Action::Cancel), || web::get().to(page::end::cancel)),
    post("/incidents/{id}/cancel", May(Action::Cancel), || web::post().to(page::end::do_cancel)),
    get("/triggers", VIEW, || web::get().to(page::triggers::get)),
    get("/directory", VIEW, || web::get().to(page::directory::get)),
    post("/directory/clear", May(Action::EditDirectory), || web::post().to(page::directory::clear)),
    get("/directory/agencies/{key}", VIEW, || web::get().to(page::directory::entry::agency)),
    get("/directory/people/{key}", VIEW, || web::get().to(page::directory::entry::person)),
    get("/directory/import", May(Action::EditDirectory), || web::get().to(page::directory::import::get)),
    post("/directory/import", May(Action::EditDirectory), || web::post().to(page::directory::import::post)),
    post("/directory/import/confirm", May(Action::EditDirectory), || {
        web::post().to(page::directory::import::confirm)
    }),
    post("/directory/import/discard", May(Action::EditDirectory), || {
        web::post().to(page::directory::import::discard)
    }),
    get("/rosters", VIEW, || web::get().to(page::roster::get)),
    post("/rosters/covers", May(Action::Cover), || web::post().to(page::roster::add)),
    post("/rosters/covers/{id}/end", May(Action::Cover), || web::post().to(page::roster::end)),
    post("/acting", VIEW, || web::post().to(page::roster::act_as)),
    get("/status", VIEW, || web::get().to(page::status::get)),
    get("/inbox", VIEW, || web::get().to(page::letters::inbox)),
    get("/inbox/{n}", VIEW, || web::get().to(page::letters::mail)),
    get("/inbox/{n}/html", VIEW, || web::get().to(page::letters::part)),
];

/// Puts every route in its place: each path with its methods, 405 for the others.
pub fn mount(config: &mut ServiceConfig) {
    let mut paths: BTreeMap<&str, Vec<&Route>> = BTreeMap::new();
    for route in ROUTES {
        paths.entry(route.path).or_default().push(route);
    }
    for (path, routes) in paths {
        let allowed: Vec<String> = routes.iter().map(|route| route.method.to_owned()).collect();
        let mut resource = web::resource(path);
        for route in routes {
            let check = middleware::from_fn(move |request: ServiceRequest, next| pass(route, request, next));
            resource = resource.route((route.handler)().wrap(check));
        }
        let refuse = move || {
            let allowed = allowed.clone();
            async move { Err::<actix_web::HttpResponse, _>(WebError::Method(allowed)) }
        };
        config.service(resource.default_service(web::route().to(refuse)));
    }
    config.default_service(web::route().to(nothing_here));
}

/// An address that is nobody's; under `/api/v1` only whoever is known hears of it.
async fn nothing_here(
    request: actix_web::HttpRequest,
    app: Data<App>,
) -> Result<actix_web::HttpResponse, WebError> {
    if request.path().starts_with("/api/v1") && session::caller(&app, &request).await?.is_none() {
        return Err(WebError::SignIn);
    }
    Err(WebError::NotFound)
}

/// What every route has around it: the access check, a floor under bugs, and the count of requests.
async fn pass<B: MessageBody + 'static>(
    route: &'static Route,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(app) = request.app_data::<Data<App>>().cloned() else {
        return Ok(request.error_response(WebError::NotFound).map_into_boxed_body());
    };
    let (began, asked) = (app.clock.now(), request.request().clone());
    let answer = match AssertUnwindSafe(check(route, request, next)).catch_unwind().await {
        Ok(answer) => answer?,
        // What the handler had begun is rolled back as its transaction is dropped; everybody else is served on.
        Err(_) => {
            let bug = WebError::Bug { request: app.chance.uuid(began), route: route.path };
            ServiceResponse::new(asked, bug.error_response())
        }
    };
    let took = app.clock.now() - began;
    measure::request(route.method, route.path, answer.status().as_u16(), took);
    Ok(answer)
}

async fn check<B: MessageBody + 'static>(
    route: &Route,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(patience) = patience(route) else { return served(route.access, request, next).await };
    let asked = request.request().clone();
    match tokio::time::timeout(patience, served(route.access, request, next)).await {
        Ok(answer) => answer,
        // What the database has not done by now it may still do: nobody is left to wait for it.
        Err(_) => {
            let answer = actix_web::ResponseError::error_response(&WebError::TooSlow);
            Ok(ServiceResponse::new(asked, answer))
        }
    }
}

/// How long somebody is kept waiting, at most. Files may come over a thin line for as long as they need.
fn patience(route: &Route) -> Option<Duration> {
    let brings_a_file =
        route.method == "PUT" || ["/photos", "/import"].iter().any(|word| route.path.contains(word));
    match route.access {
        _ if brings_a_file => None,
        // A person in a corridor with a finger on a button.
        Link => Some(Duration::from_secs(5)),
        Open | Signed | May(_) => Some(Duration::from_secs(15)),
    }
}

async fn served<B: MessageBody + 'static>(
    access: Access,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match admitted(access, &request).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            Ok(next.call(request).await?.map_into_boxed_body())
        }
        // An answer, not an error: it passes `problem::finish` and gets its words and headers there.
        Err(refused) => Ok(request.error_response(refused)),
    }
}

async fn admitted(access: Access, request: &ServiceRequest) -> Result<Option<session::Caller>, WebError> {
    let May(action) = access else { return Ok(None) };
    let app = request.app_data::<Data<App>>().ok_or(WebError::NotFound)?;
    let caller = session::caller(app, request.request()).await?.ok_or(WebError::SignIn)?;
    if !caller.actor.role.is_some_and(|role| may(role, action, true)) {
        return Err(WebError::Denied);
    }
    Ok(Some(caller))
}
