//! `/incidents/{id}/close` and `/incidents/{id}/cancel`: the end of an incident, told to exactly those who were told of
//! it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{alert::Rule, id::IncidentId, incident::Verb, text::fill, time::Timestamp};

use super::{
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{frame_of, html, html_with, see},
};
use crate::{
    app::App,
    operation::{self, OperationError, Work, ending::last_alerts, scene::Scene, told::Told},
    store,
    web::{
        body::{self, Posted},
        problem::WebError,
        session::Caller,
    },
};

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The work is done.
    Close,
    /// It was a false alarm.
    Cancel,
}

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/end.html", config = "src/web/askama.toml")]
pub struct EndPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// Which end.
    pub end: End,
    /// What is still open, in sentences: 回答がない 2宛先, 判断待ち 1件.
    pub unfinished: Vec<String>,
    /// Who will be told: subject, and how many at how many addresses.
    pub letters: Vec<(String, String)>,
    /// When it was stabilised, in words.
    pub stabilised: Option<String>,
    /// Closing is proposed: by whom and since when, in a sentence.
    pub proposal: Option<String>,
    /// Whether a reason must be given.
    pub needs_reason: bool,
    /// What was typed as the reason.
    pub reason: String,
    /// Whether the tick was set.
    pub ticked: bool,
    /// What is wrong.
    pub problem: Option<String>,
}

impl EndPage {
    /// Whether it is a cancelling.
    pub fn cancels(&self) -> bool {
        self.end == End::Cancel
    }

    /// The words of this end: `end-close-…` or `end-cancel-…`.
    pub fn say(&self, key: &str) -> String {
        let end = if self.cancels() { "cancel" } else { "close" };
        self.frame.words.get(&format!("end-{end}-{key}"))
    }
}

/// `GET /incidents/{id}/close`.
pub async fn close(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, WebError> {
    Ok(html(&request, &page(&request, &app, &caller, &id, End::Close).await?))
}

/// `GET /incidents/{id}/cancel`.
pub async fn cancel(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, WebError> {
    Ok(html(&request, &page(&request, &app, &caller, &id, End::Cancel).await?))
}

/// `POST /incidents/{id}/close`.
pub async fn do_close(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    end(&request, &app, &caller, &id, &form, End::Close).await
}

/// `POST /incidents/{id}/cancel`.
pub async fn do_cancel(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    end(&request, &app, &caller, &id, &form, End::Cancel).await
}

async fn end(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    id: &str,
    form: &Posted,
    end: End,
) -> Result<HttpResponse, WebError> {
    let incident: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let mut page = page(request, app, caller, id, end).await?;
    page.reason = form.get("reason").unwrap_or_default().trim().to_owned();
    page.ticked = form.get("tick").is_some();
    let words = page.frame.words;
    if page.needs_reason && page.reason.is_empty() {
        page.problem = Some(words.get("end-problem-reason"));
    } else if !page.ticked {
        page.problem = Some(words.get("end-problem-tick"));
    } else {
        let work = Work::begin(app, caller.actor.clone()).await?;
        let done = match end {
            End::Close => {
                operation::ending::close(work, incident, &page.reason, None, |_| String::new()).await
            }
            End::Cancel => {
                operation::ending::cancel(work, incident, &page.reason, None, |_| String::new()).await
            }
        };
        match done {
            Ok(_) => return Ok(see(&format!("/incidents/{incident}"))),
            Err(OperationError::Invalid(found)) => {
                page.problem = found.first().map(|invalid| invalid.detail.get(words.0).to_owned());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(html_with(request, StatusCode::UNPROCESSABLE_ENTITY, &page))
}

async fn page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    id: &str,
    end: End,
) -> Result<EndPage, WebError> {
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let db = app.store.read();
    let scene = Scene::load(app, db, id).await?;
    let language = body::language(request);
    let frame =
        frame_of(request, app, caller, Room::Incidents, scene.directory.office().get(language).to_owned());
    let rows = store::recipient::of_incident(db, id, None, facts::ALL).await?;
    let count = |state: &str| rows.iter().filter(|row| row.state == state).count();
    let mut unfinished = Vec::new();
    let reports = operation::report::overdue(db, &scene, frame.when.now).await?;
    for (key, count) in [
        ("end-silent", count("waiting")),
        ("end-deciding", count("to_decide")),
        ("end-tasks", operation::task::required_open(db, &scene).await?),
        ("end-reports", usize::try_from(reports).unwrap_or(usize::MAX)),
    ] {
        if count > 0 {
            unfinished.push(frame.count(key, count));
        }
    }
    let verb = match end {
        End::Close => Verb::Close,
        End::Cancel => Verb::Cancel,
    };
    let told = Told::of(db, &scene, None).await?;
    let letter = |rule: Rule| {
        let subject = rule.plan.subject.get(language);
        let subject = fill(subject, language, |name| scene.value(name, language, app));
        let (parties, letters) = told.reach(&scene, &rule, end == End::Cancel);
        let reach = [("n", parties.into()), ("letters", letters.into())];
        (parties > 0).then(|| (subject, frame.words.with("end-reach", &reach)))
    };
    let letters = last_alerts(&scene.playbook, verb).into_iter().filter_map(letter).collect();
    Ok(EndPage {
        head: facts::head(app, &scene, caller, &frame, Tab::End).await?,
        end,
        unfinished,
        letters,
        stabilised: scene.incident.stabilised_at_ms.map(|at| {
            frame.words.with("life-stabilised", &[("clock", frame.when.short(Timestamp(at)).into())])
        }),
        proposal: facts::proposal(&scene, &frame),
        needs_reason: end == End::Cancel,
        reason: String::new(),
        ticked: false,
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
    fn both_ends_say_what_is_open_and_who_is_told() {
        for (name, end, drill) in [
            ("close", End::Close, false),
            ("cancel", End::Cancel, false),
            ("cancel-drill", End::Cancel, true),
        ] {
            let page = EndPage {
                frame: frame(Language::Ja, Room::Incidents),
                head: head(Language::Ja, drill, Tab::End),
                end,
                unfinished: vec!["回答がない宛先 2".into(), "判断待ち 1".into()],
                letters: vec![("待機解除・活動終了".into(), "12宛先（連絡先 14）".into())],
                stabilised: None,
                proposal: Some("手順書の条件がそろいました。".into()),
                needs_reason: end == End::Cancel,
                reason: String::new(),
                ticked: false,
                problem: None,
            };
            let html = keep(name, page.render().unwrap());
            assert!(html.contains("判断待ち 1") && html.contains("待機解除・活動終了"));
        }
    }
}
