//! The buttons of an incident's life: stabilised, closing proposed, kept open, looked back at, teams back; and
//! `/incidents/{id}/merge`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::id::IncidentId;

use super::{
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{frame_of, html, html_with, see},
};
use crate::{
    app::App,
    operation::{OperationError, Work, closing, merge, scene::Scene},
    store,
    web::{
        body::{self, Posted},
        problem::WebError,
        session::Caller,
    },
};

/// `POST /incidents/{id}/stabilise`.
pub async fn stabilise(
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    _form: Posted,
) -> Result<HttpResponse, WebError> {
    let work = Work::begin(&app, caller.actor).await?;
    closing::stabilise(work, incident(&id)?, None, async |_, _| Ok(String::new())).await?;
    Ok(see(&format!("/incidents/{id}/close#life")))
}

/// `POST /incidents/{id}/propose-close`.
pub async fn propose_close(
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    _form: Posted,
) -> Result<HttpResponse, WebError> {
    let work = Work::begin(&app, caller.actor).await?;
    closing::propose_close(work, incident(&id)?, None, async |_, _| Ok(String::new())).await?;
    Ok(see(&format!("/incidents/{id}")))
}

/// `POST /incidents/{id}/keep-open`.
pub async fn keep_open(
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    _form: Posted,
) -> Result<HttpResponse, WebError> {
    let work = Work::begin(&app, caller.actor).await?;
    closing::keep_open(work, incident(&id)?, None, async |_, _| Ok(String::new())).await?;
    Ok(see(&format!("/incidents/{id}")))
}

/// `POST /incidents/{id}/review`.
pub async fn review(
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    _form: Posted,
) -> Result<HttpResponse, WebError> {
    let work = Work::begin(&app, caller.actor).await?;
    closing::review(work, incident(&id)?, None, async |_, _| Ok(String::new())).await?;
    Ok(see(&format!("/incidents/{id}")))
}

/// `POST /incidents/{id}/recipients/{rid}/release`.
pub async fn release(
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    _form: Posted,
) -> Result<HttpResponse, WebError> {
    let recipient = path.1.parse().map_err(|_| WebError::NotFound)?;
    let work = Work::begin(&app, caller.actor).await?;
    closing::release(work, recipient, None, |_| String::new()).await?;
    Ok(see(&format!("/incidents/{}/recipients/{}", path.0, path.1)))
}

fn incident(id: &str) -> Result<IncidentId, WebError> {
    id.parse().map_err(|_| WebError::NotFound)
}

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/merge.html", config = "src/web/askama.toml")]
pub struct MergePage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// Incidents as which it may go on: id and name.
    pub targets: Vec<(String, String)>,
    /// The chosen one.
    pub chosen: String,
    /// How many parties were told and will hear where it goes on.
    pub told: usize,
    /// What is wrong.
    pub problem: Option<String>,
}

/// `GET /incidents/{id}/merge`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, WebError> {
    Ok(html(&request, &page(&request, &app, &caller, &id).await?))
}

/// `POST /incidents/{id}/merge`.
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let mut page = page(&request, &app, &caller, &id).await?;
    let words = page.frame.words;
    page.chosen = form.get("into").unwrap_or_default().to_owned();
    let into: Option<IncidentId> = page.chosen.parse().ok();
    let status = match into.filter(|_| form.get("tick").is_some()) {
        None => {
            page.problem = Some(words.get("merge-problem"));
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Some(into) => {
            let work = Work::begin(&app, caller.actor.clone()).await?;
            match merge::merge(work, incident(&id)?, into, None, async |_, _| Ok(String::new())).await {
                Ok(_) => return Ok(see(&format!("/incidents/{into}"))),
                Err(OperationError::Invalid(found)) => {
                    page.problem = found.first().map(|invalid| invalid.detail.get(words.0).to_owned());
                    StatusCode::UNPROCESSABLE_ENTITY
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    Ok(html_with(&request, status, &page))
}

async fn page(request: &HttpRequest, app: &App, caller: &Caller, id: &str) -> Result<MergePage, WebError> {
    let db = app.store.read();
    let scene = Scene::load(app, db, incident(id)?).await?;
    let office = scene.directory.office().get(body::language(request)).to_owned();
    let frame = frame_of(request, app, caller, Room::Incidents, office);
    let others = store::incident::open(db).await?;
    let others =
        others.into_iter().filter(|row| row.id != scene.incident.id && row.mode == scene.incident.mode);
    let name = |other: &Scene| {
        let row = &other.incident;
        let number = usize::try_from(row.number).unwrap_or_default();
        let since = frame.when.short(noroshi_core::time::Timestamp(row.opened_at_ms));
        let apart = other.apart(frame.words.0, app).unwrap_or_default();
        format!("{} {}　{apart}　{since}", frame.count("head-number", number), other.title(frame.words.0))
    };
    let mut targets = Vec::new();
    for row in others {
        let other = Scene::of(app, db, row).await?;
        targets.push((other.id().to_string(), name(&other)));
    }
    Ok(MergePage {
        head: facts::head(app, &scene, caller, &frame, Tab::End).await?,
        targets,
        chosen: String::new(),
        told: facts::told(app, scene.id()).await?,
        problem: None,
        frame,
    })
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, head, keep},
        *,
    };

    #[test]
    fn the_page_names_where_it_may_go_on() {
        for language in [Language::Ja, Language::En] {
            let page = MergePage {
                frame: frame(language, Room::Incidents),
                head: head(language, false, Tab::End),
                targets: vec![("inc_1".into(), "事案15 青葉県沖地震　03:14".into())],
                chosen: String::new(),
                told: 12,
                problem: None,
            };
            let html = keep(&format!("merge-{}", language.key()), page.render().unwrap());
            assert!(html.contains("事案15") && html.contains("12"));
        }
    }
}
