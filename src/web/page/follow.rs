//! `/incidents/{id}/alerts/{aid}/follow-up`: 続報, 訂正, 撤回 to exactly those who got the alert.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{
    id::{AlertId, IncidentId},
    text::{Text, fill},
};

use super::{
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{frame_of, html, html_with, see},
};
use crate::{
    app::App,
    operation::{
        OperationError, Work,
        follow::{self, FollowUp},
        scene::Scene,
    },
    store,
    web::{
        body::{self, Posted},
        problem::WebError,
        session::Caller,
    },
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/follow.html", config = "src/web/askama.toml")]
pub struct FollowPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// `alr_…`
    pub alert: String,
    /// The former's subject and body as they read now.
    pub former: (String, String),
    /// How many recipients it has.
    pub recipients: usize,
    /// The chosen kind: `update correction withdrawal`.
    pub kind: String,
    /// The subject as typed.
    pub subject: String,
    /// The body as typed.
    pub text: String,
    /// What is wrong.
    pub problem: Option<String>,
    /// The idempotency key.
    pub once: String,
}

impl FollowPage {
    /// Key, name and what it does, of each kind.
    pub fn kinds(&self) -> [(&'static str, String, String); 3] {
        FollowUp::ALL.map(|kind| {
            let key = kind.key();
            let words = |tail: &str| self.frame.words.get(&format!("follow-{key}{tail}"));
            (key, words(""), words("-what"))
        })
    }
}

/// `GET /incidents/{id}/alerts/{aid}/follow-up`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    Ok(html(&request, &page(&request, &app, &caller, &path).await?))
}

/// `POST /incidents/{id}/alerts/{aid}/follow-up`.
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let mut page = page(&request, &app, &caller, &path).await?;
    let words = page.frame.words;
    page.kind = form.get("kind").unwrap_or_default().to_owned();
    page.subject = form.get("subject").unwrap_or_default().trim().to_owned();
    page.text = form.get("body").unwrap_or_default().trim().to_owned();
    let Some(kind) = FollowUp::from_key(&page.kind) else {
        page.problem = Some(words.get("follow-kind"));
        return Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    let id: AlertId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let clean = |text: &str| Text::plain(noroshi_core::answer::clean(text));
    let wish = follow::Wish { kind, subject: clean(&page.subject), body: clean(&page.text) };
    let once = form.once(&caller);
    let work = Work::begin(&app, caller.actor.clone()).await?;
    let (status, told) =
        match follow::follow_up(work, id, wish, once.as_ref(), |alert, _| alert.to_string()).await {
            Ok(crate::operation::Reply::Fresh(_, alert) | crate::operation::Reply::Again(_, alert)) => {
                return Ok(see(&format!("/incidents/{}#{alert}", path.0)));
            }
            Err(OperationError::Invalid(found)) => {
                let told = found.iter().map(|invalid| invalid.detail.get(words.0).to_owned());
                (StatusCode::UNPROCESSABLE_ENTITY, told.collect::<Vec<_>>().join(" "))
            }
            Err(OperationError::Closed(text)) => (StatusCode::CONFLICT, text.get(words.0).to_owned()),
            Err(error) => return Err(error.into()),
        };
    page.problem = Some(told);
    Ok(html_with(&request, status, &page))
}

async fn page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    path: &(String, String),
) -> Result<FollowPage, WebError> {
    let db = app.store.read();
    let id: IncidentId = path.0.parse().map_err(|_| WebError::NotFound)?;
    let alert = store::alert::get(db, path.1.parse().map_err(|_| WebError::NotFound)?).await?;
    if alert.incident_id != id.raw() {
        return Err(WebError::NotFound);
    }
    let scene = Scene::load(app, db, id).await?;
    let language = body::language(request);
    let office = scene.directory.office().get(language).to_owned();
    let frame = frame_of(request, app, caller, Room::Incidents, office);
    let rule = store::alert::rule(&alert)?;
    let said = |text: &Text| fill(text.get(language), language, |name| scene.value(name, language, app));
    let alert_id = AlertId::new(alert.id);
    Ok(FollowPage {
        head: facts::head(app, &scene, caller, &frame, Tab::Board).await?,
        former: (said(&rule.plan.subject), said(&rule.plan.body)),
        recipients: store::recipient::of_alert(db, alert_id).await?.len(),
        alert: alert_id.to_string(),
        kind: String::new(),
        subject: said(&rule.plan.subject),
        text: String::new(),
        problem: None,
        once: app.chance.token(),
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
    fn the_page_says_what_each_kind_does_and_to_how_many_it_goes() {
        for language in [Language::Ja, Language::En] {
            let page = FollowPage {
                frame: frame(language, Room::Incidents),
                head: head(language, false, Tab::Board),
                alert: "alr_1".into(),
                former: ("DMAT待機・出動照会".into(), "最大震度6強".into()),
                recipients: 5,
                kind: "correction".into(),
                subject: "DMAT待機・出動照会".into(),
                text: String::new(),
                problem: None,
                once: "once".into(),
            };
            let html = keep(&format!("follow-{}", language.key()), page.render().unwrap());
            assert!(html.contains("value=\"correction\" checked") && html.contains('5'));
        }
    }
}
