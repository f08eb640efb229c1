//! Behind `/a/{token}`: what the recipient's page is asked and told. The token in the path is the permit; there is no
//! session and no cookie. GET changes nothing: a mail scanner is not a person.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use entity::{alert, recipient};
use noroshi_core::{
    id::{AlertId, IncidentId, RecipientId},
    playbook::CountsAs,
    text::{Language, fill},
    time::Timestamp,
};
use std::borrow::Cow;

use super::{
    answer::{
        AnswerForm, AnswerPage, Deadline, FollowUp, Notice, Stored, Typed, UnknownLinkPage, language_key,
        language_of_key, lines,
    },
    facts::{answer_facts, answer_fields, base_option},
    leave::{asked, see},
    when::When,
};
use crate::{
    app::App,
    i18n::Words,
    key::answer_token_hash,
    operation::{
        OperationError, Work,
        alert::given,
        answer,
        answers::Sent,
        doubt::Client,
        scene::{Scene, text},
    },
    store::{self, StoreError, link::Link},
    web::{
        body::{self, Form},
        problem::WebError,
    },
};
use askama::Template;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// Shows the page.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    token: Path<String>,
) -> Result<HttpResponse, WebError> {
    let Some(link) = find(&app, &token).await? else { return Ok(unknown(&request)) };
    let page = page(&request, &app, &token, &link, Typed::default()).await?;
    Ok(leave(StatusCode::OK, &page))
}

/// The visible page tells that somebody looks at it.
pub async fn opened(
    request: HttpRequest,
    app: Data<App>,
    token: Path<String>,
) -> Result<HttpResponse, WebError> {
    let Some(link) = find(&app, &token).await? else { return Ok(unknown(&request)) };
    let work = Work::begin(&app, answer::actor(&link)).await?;
    answer::opened(work, &link, &client(&request, &app)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Takes an answer: away to the page when it is stored, the page with what was typed when it cannot be taken.
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    token: Path<String>,
    form: Form,
) -> Result<HttpResponse, WebError> {
    let Some(link) = find(&app, &token).await? else { return Ok(unknown(&request)) };
    let mut typed = Typed::read(form.0);
    let sent = Sent {
        link: link.clone(),
        option: typed.option.clone(),
        values: typed.values.clone(),
        note: typed.note.clone(),
        client: client(&request, &app),
    };
    match app.answers.take(sent).await {
        Ok(()) => Ok(see(&here(&request, &token, ""))),
        Err(OperationError::Invalid(found)) => {
            let language = reader(&request, &link);
            for invalid in found {
                let key = invalid.path.strip_prefix("fields.").unwrap_or(&invalid.path).to_owned();
                typed.problems.insert(key, invalid.detail.get(language).to_owned());
            }
            let page = page(&request, &app, &token, &link, typed).await?;
            Ok(leave(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(OperationError::Closed(_)) => {
            let page = page(&request, &app, &token, &link, Typed::default()).await?;
            Ok(leave(StatusCode::CONFLICT, &page))
        }
        Err(error) => Err(error.into()),
    }
}

/// A document of the alert, by its place in the playbook's list.
pub async fn document(
    request: HttpRequest,
    app: Data<App>,
    path: Path<(String, usize)>,
) -> Result<HttpResponse, WebError> {
    let (token, place) = path.into_inner();
    let Some(link) = find(&app, &token).await? else { return Ok(unknown(&request)) };
    let row = store::recipient::get(app.store.read(), RecipientId::new(link.recipient_id)).await?;
    super::document::serve(&app, AlertId::new(row.alert_id), place).await
}

/// "I am no longer in charge, the address is wrong."
pub async fn wrong_address(
    request: HttpRequest,
    app: Data<App>,
    token: Path<String>,
    form: Form,
) -> Result<HttpResponse, WebError> {
    let Some(link) = find(&app, &token).await? else { return Ok(unknown(&request)) };
    let work = Work::begin(&app, answer::actor(&link)).await?;
    answer::wrong_address(work, &link, form.get("note").unwrap_or_default()).await?;
    Ok(see(&here(&request, &token, "told=address")))
}

/// What asks, as far as can be told: where it is, and what it calls itself.
fn client(request: &HttpRequest, app: &App) -> Client {
    let told = request.connection_info().realip_remote_addr().and_then(|text| text.parse().ok());
    let address = told.filter(|_| app.behind_proxy).or_else(|| request.peer_addr().map(|peer| peer.ip()));
    let name = request.headers().get(header::USER_AGENT).map_or(&b""[..], |name| name.as_bytes());
    let place = address.map(|address: std::net::IpAddr| address.to_string()).unwrap_or_default();
    Client {
        mark: BASE64_URL_SAFE_NO_PAD.encode(&app.key.mac("client", &[place.as_bytes(), name])[..12]),
        scanner: address.is_some_and(|address| app.scanners.iter().any(|net| net.contains(address))),
    }
}

async fn find(app: &App, token: &str) -> Result<Option<Link>, OperationError> {
    match answer::find_link(app.store.read(), token).await {
        Ok(link) => Ok(Some(link)),
        Err(OperationError::Store(StoreError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

fn unknown(request: &HttpRequest) -> HttpResponse {
    let page = UnknownLinkPage { words: Words(body::language(request)) };
    HttpResponse::NotFound()
        .content_type("text/html; charset=utf-8")
        .body(page.render().expect("templates write into memory"))
}

fn leave(status: StatusCode, page: &AnswerPage) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, page.policy()))
        .body(page.render().expect("templates write into memory"))
}

/// The page's own address, in the language that was picked.
fn here(request: &HttpRequest, token: &str, query: &str) -> String {
    let picked = asked(request, "lang").as_deref().and_then(language_of_key);
    let lang = picked.map(|language| format!("lang={}", language_key(language)));
    let query: Vec<String> = lang.into_iter().chain((!query.is_empty()).then(|| query.to_owned())).collect();
    match query.is_empty() {
        true => format!("/a/{token}"),
        false => format!("/a/{token}?{}", query.join("&")),
    }
}

/// The reader's language: picked on the page, else the directory's for this contact.
fn reader(request: &HttpRequest, link: &Link) -> Language {
    let picked = asked(request, "lang").as_deref().and_then(language_of_key);
    picked.or_else(|| Language::from_key(&link.language)).unwrap_or_default()
}

async fn page(
    request: &HttpRequest,
    app: &App,
    token: &str,
    link: &Link,
    typed: Typed,
) -> Result<AnswerPage, WebError> {
    let db = app.store.read();
    let row = store::recipient::get(db, RecipientId::new(link.recipient_id)).await?;
    let alert = store::alert::get(db, AlertId::new(row.alert_id)).await?;
    let rule = store::alert::rule(&alert)?;
    let scene = Scene::load(app, db, IncidentId::new(row.incident_id)).await?;
    let number = u32::try_from(row.report).unwrap_or(1);
    let when = When { now: app.clock.now(), zone: app.zone, words: Words(reader(request, link)) };
    let (words, language) = (when.words, when.words.0);

    let answer = given(&row)?;
    let only_seen = |key: &str| rule.option(key).is_some_and(|option| option.counts_as == CountsAs::Read);
    let settled = answer.as_ref().filter(|answer| !answer.suspect && !only_seen(&answer.option));
    let over = !scene.is_open() && !alert.ending;
    let superseded = alert.state == "superseded";
    let wants_form = settled.is_none() && row.state != "stood_down";
    let changing = asked(request, "change").is_some() || !typed.problems.is_empty();
    let form = (!over && !superseded && !rule.responses.is_empty() && (wants_form || changing)).then(|| {
        let former = settled.filter(|_| typed.problems.is_empty()).map(|answer| Typed {
            option: base_option(&rule, &answer.option).map_or_else(String::new, |option| option.key.clone()),
            values: answer
                .fields
                .iter()
                .map(|(key, value)| {
                    (key.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                })
                .collect(),
            note: answer.note.clone(),
            ..Typed::default()
        });
        AnswerForm::new(&rule.responses, words, former.as_ref().unwrap_or(&typed))
    });
    let follow_ups = match settled.and_then(|answer| base_option(&rule, &answer.option)) {
        Some(base) if !over && !superseded && !changing => {
            FollowUp::all(&rule.responses, &base.key, words, &typed)
        }
        _ => Vec::new(),
    };
    let clock = |at: i64| when.short(Timestamp(at));
    let ended = clock(scene.incident.ended_at_ms.unwrap_or(when.now.0));
    let (merged, onward) = onward(app, link, &row, &alert, &scene, words).await?;
    let notice = match (&answer, row.state.as_str()) {
        _ if !typed.problems.is_empty() => Some(Notice::NotTaken),
        _ if over && scene.incident.state == "cancelled" => {
            Some(Notice::Cancelled(scene.incident.end_reason.clone().unwrap_or_default()))
        }
        _ if over && scene.incident.merged_into.is_some() => Some(Notice::Merged(merged.unwrap_or_default())),
        _ if over => Some(Notice::Closed(ended)),
        _ if superseded => Some(Notice::Superseded),
        _ if asked(request, "told").as_deref() == Some("address") => Some(Notice::AddressReported),
        (Some(answer), _) if answer.suspect => Some(Notice::Suspect),
        (Some(answer), _) if settled.is_none() => Some(Notice::Seen(clock(answer.at_ms))),
        (Some(answer), _) if answer.late => Some(Notice::TakenLate(clock(answer.at_ms))),
        (Some(answer), _) => Some(Notice::Taken(clock(answer.at_ms))),
        (None, "stood_down") => Some(Notice::StoodDown),
        (None, "decided") => Some(Notice::Decided),
        (None, "informed") => Some(Notice::NothingAsked),
        _ => None,
    };
    let refresh = settled.and_then(|answer| answer.refresh_due(&rule, &scene.timeline));
    let refresh = refresh.map(|due| words.with("answer-refresh", &[("clock", when.short(due).into())]));
    let stored = settled.map(|answer| {
        let facts = answer_facts(&rule, answer, None, &when);
        let mut lines: Vec<(String, String)> = answer_fields(&rule, answer, &when)
            .into_iter()
            .filter(|(key, ..)| key != "teams")
            .map(|(_, label, value)| (label, value))
            .collect();
        if !answer.note.is_empty() {
            lines.push((words.get("answer-note"), answer.note.clone()));
        }
        let by = match answer.proxy {
            true => words.with("answer-by-proxy", &[("name", answer.by_name.clone().into())]),
            false => answer.by_name.clone(),
        };
        lines.push((words.get("answer-answered-by"), by));
        Stored {
            mark: facts.mark,
            label: facts.label,
            figure: facts
                .teams
                .map(|teams| words.with("board-teams", &[("n", teams.into())]))
                .unwrap_or_default(),
            facts: lines,
        }
    });
    let by = rule.answer_by().zip(row.started_own_ms);
    let deadline = by.and_then(|(span, started)| scene.timeline.real_time_of(Timestamp(started) + span));
    let deadline = deadline.filter(|_| form.is_some() && settled.is_none() && row.state != "stood_down");
    let value = |name: &str| -> Option<Cow<'_, str>> {
        match name {
            // The reader is there already.
            "alert.link" => Some(Cow::Borrowed("")),
            "alert.key" => Some(Cow::Borrowed(rule.plan.key.as_str())),
            "alert.number" => Some(Cow::Owned(number.to_string())),
            "alert.respond_by" => deadline.map(|at| Cow::Owned(when.clock(at))),
            "recipient.name" => Some(Cow::Owned(text(&link.name).get(language).to_owned())),
            "recipient.agency" => Some(Cow::Owned(text(&row.name).get(language).to_owned())),
            "recipient.person.name" => {
                scene.person_of(&row).map(|name| Cow::Owned(name.get(language).to_owned()))
            }
            _ => scene.value(name, language, app),
        }
    };
    Ok(AnswerPage {
        words,
        token: token.to_owned(),
        drill: scene.is_drill(),
        office: scene.directory.office().get(language).to_owned(),
        recipient: text(&row.name).get(language).to_owned(),
        subject: fill(rule.plan.subject.get(language), language, value),
        incident: u32::try_from(scene.incident.number).unwrap_or_default(),
        number,
        sent: row.accepted_at_ms.or(row.started_at_ms).map(|at| when.moment(Timestamp(at))),
        now_clock: when.clock(when.now),
        deadline: deadline.map(|at| Deadline { at: when.moment(at), left: when.left(at) }),
        lines: lines(&fill(rule.plan.body.get(language), language, value)),
        documents: rule.plan.attach.iter().map(|one| one.file_name().to_owned()).collect(),
        notice,
        stored: stored.filter(|_| form.is_none()),
        form,
        refresh: refresh.filter(|_| !over && !follow_ups.is_empty()),
        follow_ups,
        phone: scene.desk_phone(),
        may_report_address: !over,
        onward,
    })
}

/// What has taken this question's place: the incident as which it goes on (事案15「…」), and the link to the newer
/// question for the same reader. A correction takes the place of what it corrects; a merged incident's questions are
/// those of the incident that it goes on as.
async fn onward(
    app: &App,
    link: &Link,
    row: &recipient::Model,
    alert: &alert::Model,
    scene: &Scene,
    words: Words,
) -> Result<(Option<String>, Option<String>), WebError> {
    let db = app.store.read();
    let mut target = scene.incident.clone();
    while let Some(next) = target.merged_into {
        target = store::incident::get(db, IncidentId::new(next)).await?;
    }
    let merged = target.id != scene.incident.id;
    if !merged && alert.state != "superseded" {
        return Ok((None, None));
    }
    let name = merged.then(|| {
        let number = u32::try_from(target.number).unwrap_or_default();
        format!("{}「{}」", words.with("head-number", &[("n", number.into())]), target.title)
    });
    let target = IncidentId::new(target.id);
    let mut newer = None;
    for other in store::alert::of_incident(db, target).await? {
        let follows = other.follows == Some(alert.id) && other.follow_up.as_deref() != Some("update");
        if other.ending || other.state == "superseded" && merged || (!merged && !follows) {
            continue;
        }
        let recipients = store::recipient::of_alert(db, AlertId::new(other.id)).await?;
        let same = |other: &&recipient::Model| other.agency == row.agency && other.person == row.person;
        if let Some(found) = recipients.iter().find(same) {
            let token = app.key.answer_token(RecipientId::new(found.id), &link.contact, 0);
            if store::link::find(db, answer_token_hash(&token)).await?.is_some() {
                newer = Some(token);
            }
        }
    }
    Ok((name, newer))
}
