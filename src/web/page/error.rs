//! The page of an error: the same content as the problem document of the API.

use actix_web::{HttpMessage, HttpRequest, web::Data};
use askama::Template;
use noroshi_core::text::Language;

use super::{
    frame::{Frame, Room},
    when::When,
};
use crate::{
    app::App,
    i18n::Words,
    web::{problem::ProblemDocument, session::Caller},
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/error.html", config = "src/web/askama.toml")]
pub struct ErrorPage {
    /// What stands around it.
    pub frame: Frame,
    /// The HTTP status.
    pub status: u16,
    /// What happened.
    pub title: String,
    /// What the service did about it, and what can be done.
    pub detail: String,
    /// Every problem: where, what.
    pub problems: Vec<(String, String)>,
}

/// The document of an error as a page for the person who asked.
pub fn render(request: &HttpRequest, document: &ProblemDocument, language: Language) -> String {
    let app = request.app_data::<Data<App>>();
    let caller = request.extensions().get::<Caller>().cloned();
    let when = When {
        now: app.map_or(noroshi_core::time::Timestamp(0), |app| app.clock.now()),
        zone: app.map_or(chrono_tz::Tz::UTC, |app| app.zone),
        words: Words(language),
    };
    let person = caller.as_ref().map(|caller| caller.actor.name.clone()).unwrap_or_default();
    let csrf = caller.and_then(|caller| caller.csrf).unwrap_or_default();
    let page = ErrorPage {
        frame: Frame::new(when, String::new(), person, csrf, Room::Home),
        status: document.status,
        title: document.title.clone(),
        detail: document.detail.clone().unwrap_or_default(),
        problems: document
            .problems
            .iter()
            .map(|problem| (problem.path.clone(), problem.detail.clone()))
            .collect(),
    };
    page.render().expect("templates write into memory")
}

#[cfg(test)]
mod tests {
    use super::{
        super::sample::{frame, keep},
        *,
    };

    #[test]
    fn an_error_says_what_happened_and_what_can_be_done() {
        let page = ErrorPage {
            frame: frame(Language::Ja, Room::Home),
            status: 409,
            title: "いまはできません".into(),
            detail: "この事案は終わっています。一覧に戻ってください。".into(),
            problems: vec![("variables.intensity".into(), "「最大震度」を入れてください".into())],
        };
        assert!(keep("error-ja", page.render().unwrap()).contains("一覧に戻ってください"));
    }
}
