//! The OpenAPI document, made from the code's own types, and a page that shows it without anything from elsewhere.

use std::fmt::Write;

use actix_web::{HttpResponse, web::Json};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        path::Operation,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{
    alert, channel, chronology, directory, hook, incident, lifecycle, playbook, preflight, receipt,
    recipient, report, role, roster, task, trigger,
};
use crate::web::{live, problem::ProblemDocument};

/// Every route under `/api/v1`.
#[derive(OpenApi)]
#[openapi(
    info(title = "Noroshi", description = "Disaster-response coordination. Errors are RFC 9457 problem documents; every \
        POST that creates takes Idempotency-Key; lists take `limit` and `after`."),
    paths(
        playbook::list, playbook::get, playbook::put, playbook::versions, playbook::compare, preflight::post,
        directory::get, directory::put, directory::import, directory::export,
        incident::list, incident::start, incident::get, incident::close, incident::cancel,
        lifecycle::activate, lifecycle::dismiss, lifecycle::stabilise, lifecycle::propose_close,
        lifecycle::keep_open, lifecycle::review, lifecycle::merge,
        trigger::list, trigger::report, hook::ring, receipt::get, receipt::post,
        recipient::list, recipient::answer, recipient::decide, recipient::readdress, recipient::release,
        alert::list, alert::raise, alert::decide, alert::follow_up,
        role::list, role::offer, role::accept, role::decline, role::hand_over, role::release,
        roster::list, roster::covers, roster::add, roster::end,
        channel::list, channel::messages, channel::post, channel::read,
        chronology::list, chronology::add, chronology::csv,
        live::incident, live::all,
        task::list, task::create, task::change, task::add_photo, task::photo,
        report::list, report::write, report::approve, report::send_back, report::decide,
        later::exercises, later::run, later::pause, later::run_report,
    ),
    components(schemas(ProblemDocument)),
    modifiers(&Token),
    security(("token" = []))
)]
pub struct Document;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// Routes that the interface names and later versions fill: 501 until then.
mod later {
    macro_rules! later {
        ($($name:ident $method:ident $path:literal)*) => {$(
            #[utoipa::path($method, path = $path, tag = "later", responses((status = 501, description = "not there yet")))]
            #[expect(dead_code, reason = "only its description is used; the route table names not_yet")]
            pub(super) async fn $name() {}
        )*};
    }
    later! {
        exercises get "/api/v1/exercises"
        run post "/api/v1/exercises/{key}/runs"
        pause post "/api/v1/runs/{id}/pause"
        run_report get "/api/v1/runs/{id}/report"
    }
}

/// `GET /api/openapi.json`
pub async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}

/// `GET /api/docs`: a plain page, readable without a network.
pub async fn docs() -> HttpResponse {
    let document = Document::openapi();
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>Noroshi API</title><link rel=\"stylesheet\" href=\"",
    );
    page.push_str(crate::web::page::asset::address("noroshi.css"));
    page.push_str(
        "\"></head><body><main class=\"wrap\"><h1>Noroshi API</h1><p><a href=\"/api/openapi.json\">openapi.json</a> \
         holds every field of every request and answer.</p>",
    );
    for (path, item) in &document.paths.paths {
        let operations = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                entry(&mut page, method, path, operation);
            }
        }
    }
    page.push_str("</main></body></html>");
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}

fn entry(page: &mut String, method: &str, path: &str, operation: &Operation) {
    let summary = operation.summary.as_deref().or(operation.description.as_deref()).unwrap_or_default();
    // Everything here comes from our own sources; nothing needs escaping but what Rust docs may hold.
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = write!(
        page,
        "<section class=\"sec\"><h2>{method} <code>{path}</code></h2><p>{}</p><ul>",
        escaped(summary)
    );
    for parameter in operation.parameters.iter().flatten() {
        let utoipa::openapi::RefOr::T(parameter) = parameter else { continue };
        let words = parameter.description.as_deref().unwrap_or_default();
        let _ = write!(page, "<li><code>{}</code> {}</li>", parameter.name, escaped(words));
    }
    for status in operation.responses.responses.keys() {
        let _ = write!(page, "<li>{status}</li>");
    }
    page.push_str("</ul></section>");
}
