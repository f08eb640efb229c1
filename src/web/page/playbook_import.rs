//! `/import/playbook`: a playbook is pasted or chosen, checked, compared with the one in force, and only then taken.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use noroshi_core::problem::Severity;

use super::{
    frame::{Frame, Room},
    leave,
    playbook::{Fault, faults},
    version::{Told, told},
};
use crate::{
    app::App,
    operation::{
        OperationError, Work,
        playbook::{Imported, import, look},
    },
    web::{problem::WebError, session::Caller, upload::Upload},
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/playbook_import.html", config = "src/web/askama.toml")]
pub struct ImportPage {
    /// What stands around it.
    pub frame: Frame,
    /// What was pasted.
    pub source: String,
    /// What is wrong as a whole.
    pub problem: Option<String>,
    /// Errors, or the warnings that are left.
    pub faults: Vec<Fault>,
    /// What would become of it, where it can be taken.
    pub ready: Option<Ready>,
}

/// A playbook that can be taken.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Its key and title's version label.
    pub key: String,
    /// What would happen, in a sentence.
    pub sentence: String,
    /// The number that it would get; `None` where there is nothing to take.
    pub number: Option<i32>,
    /// Names exactly what was looked at: content and the version that it would replace.
    pub seen: String,
    /// What changes against the version in force.
    pub changes: Vec<Told>,
    /// Whether there is a version to compare with.
    pub compared: bool,
}

/// `GET /import/playbook`.
pub async fn get(request: HttpRequest, app: Data<App>, caller: Caller) -> Result<HttpResponse, WebError> {
    let frame = leave::frame(&request, &app, &caller, Room::Home).await?;
    let page = ImportPage { frame, source: String::new(), problem: None, faults: Vec::new(), ready: None };
    Ok(leave::html(&request, &page))
}

/// `POST /import/playbook`: looks, or takes what was looked at.
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    form: Upload,
) -> Result<HttpResponse, WebError> {
    let frame = leave::frame(&request, &app, &caller, Room::Home).await?;
    // A browser sends line ends as CRLF; the file has LF, and its hash must not depend on the way in.
    let source = form.get("source").unwrap_or_default().replace("\r\n", "\n");
    let work = Work::begin(&app, caller.actor.clone()).await?;
    let mut page = ImportPage { frame, source, problem: None, faults: Vec::new(), ready: None };
    let (words, when) = (page.frame.words, page.frame.when);
    let found = match look(work, page.source.as_bytes()).await {
        Ok(found) => found,
        Err(OperationError::Problems(problems)) => {
            page.problem = Some(page.frame.count("playbook-import-broken", problems.len()));
            page.faults = faults(&problems, &page.source, &when);
            return Ok(leave::html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
        Err(error) => return Err(error.into()),
    };
    let seen = seen(&found);
    if form.get("step") == Some("import") {
        if form.get("seen") == Some(seen.as_str()) {
            let work = Work::begin(&app, caller.actor.clone()).await?;
            let done = import(work, page.source.as_bytes(), None).await?;
            return Ok(leave::see(&format!("/playbooks/{}?imported={}", done.key, done.number)));
        }
        page.problem = Some(words.get("playbook-import-moved"));
    }
    let warnings: Vec<_> =
        found.problems.iter().filter(|problem| problem.severity != Severity::Info).cloned().collect();
    page.faults = faults(&warnings, &page.source, &when);
    let number = found.changed.then_some(found.number);
    page.ready = Some(Ready {
        sentence: match (number, found.former) {
            (None, _) => words.get("playbook-import-unchanged"),
            (Some(_), None) => words.get("playbook-import-first"),
            (Some(to), Some(from)) => {
                words.with("playbook-import-next", &[("from", from.into()), ("to", to.into())])
            }
        },
        key: format!("{} {}", found.key, found.version),
        number,
        seen,
        changes: told(&found.changes, words.0),
        compared: found.former.is_some() && found.changed,
    });
    Ok(leave::html(&request, &page))
}

fn seen(found: &Imported) -> String {
    format!("{} {}", found.sha256, found.former.unwrap_or(0))
}
