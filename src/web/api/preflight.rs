//! Looking ahead: the timetable of a start. Sends nothing.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use noroshi_core::{
    playbook::preflight::{self, Answers},
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    app::App,
    operation::{
        Invalid, OperationError,
        preflight::{Outlook, Question, letter_document, written},
    },
    web::{body::Body, problem::WebError, session::Caller},
};

/// What is to be looked at without sending.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreflightRequest {
    /// Values of its variables by name; missing ones print 調整中.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub variables: BTreeMap<String, Value>,
    /// When it would start, RFC 3339; now where absent.
    pub at: Option<String>,
    /// `none` (every ladder to its end) or `all`.
    pub answers: Option<String>,
    /// Who would start it: a person's key; whoever asks where absent.
    pub starter: Option<String>,
    /// As a drill: every letter is written and marked.
    #[serde(default)]
    pub drill: bool,
    /// Number of the version; the one in force where absent.
    pub version: Option<i32>,
    /// The letters too, as each recipient would read them; `sms_segments` says how many messages the short form takes.
    #[serde(default)]
    pub letters: bool,
}

/// The timetable: who would get what, when, by which transport, if it started then. Sends nothing.
///
/// `findings` are weak points, worst first; `leaving` says for each way out of the house how many letters it takes a
/// minute, how that is known, and when the last of each moment has left; `woken` whose telephone would ring at night;
/// `unproved` addresses that nobody has answered from for 90 days; `entries` everything in order of time, with the line
/// of the playbook.
#[utoipa::path(post, path = "/api/v1/playbooks/{key}/preflight", tag = "playbooks", params(("key" = String, Path)),
    request_body = PreflightRequest,
    responses((status = 200, description = "findings, counts, leaving, woken, unproved, alerts, roles and entries", body = Object),
        (status = 422, body = crate::web::problem::ProblemDocument)))]
pub async fn post(
    app: Data<App>,
    key: Path<String>,
    caller: Caller,
    body: Body<PreflightRequest>,
) -> Result<HttpResponse, WebError> {
    let wish = body.value;
    let outlook = Outlook::load(&app, app.store.read(), &key, wish.version).await?;
    let mut invalid = Vec::new();
    let at = match wish.at.as_deref() {
        None => app.clock.now(),
        Some(text) => Timestamp::parse_rfc3339(text).unwrap_or_else(|| {
            invalid.push(Invalid::new(
                "at",
                "2026-11-24T03:14:00+09:00 の形で入れてください",
                "must be like 2026-11-24T03:14:00+09:00",
            ));
            app.clock.now()
        }),
    };
    let starter = wish.starter.or(caller.actor.person);
    if starter.as_ref().is_some_and(|key| !outlook.directory.people.contains_key(key)) {
        invalid.push(Invalid::new(
            "starter",
            "連絡先台帳の人の鍵を入れてください",
            "must be the key of a person of the directory",
        ));
    }
    let answers = match wish.answers.as_deref() {
        None | Some("none") => Answers::None,
        Some("all") => Answers::All,
        Some(_) => {
            invalid.push(Invalid::new("answers", "none か all にしてください", "must be none or all"));
            Answers::None
        }
    };
    let values = preflight::values(&outlook.playbook, &outlook.directory, &wish.variables, at, app.zone);
    let values = values.unwrap_or_else(|found| {
        let found = found.into_iter();
        invalid.extend(found.map(|p| Invalid { path: format!("variables.{}", p.key), detail: p.detail }));
        BTreeMap::new()
    });
    if !invalid.is_empty() {
        return Err(OperationError::Invalid(invalid).into());
    }
    let question = Question { values, at, answers, drill: wish.drill, starter };
    let document = outlook.with(&app, &question, |plan| {
        let timetable = preflight::preflight(plan);
        let mut document = timetable.document(app.zone);
        if wish.letters {
            let letters = written(plan, &timetable, |_| true);
            document["letters"] = letters.iter().map(|one| letter_document(one, app.public_url())).collect();
        }
        document["version"] = json!({"number": outlook.version.number, "version": outlook.version.version});
        document
    });
    Ok(HttpResponse::Ok().json(document))
}
