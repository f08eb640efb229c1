//! `/incidents/{id}/recipients/{rid}`: one recipient. The evidence of every letter and try, every answer that ever
//! came, the answer taken by telephone, the decision.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use entity::recipient;
use noroshi_core::{
    alert::{ContactPoint, Rule},
    id::{AlertId, IncidentId, RecipientId},
    readdress::Moved,
    rights::{Action, may},
    text::Language,
    time::Timestamp,
};

use super::{
    answer::{AnswerForm, FieldKind, Typed},
    board::{Group, Row},
    decide::DecideForm,
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{asked, frame_of, html, html_with, see, when},
    mark::Mark,
    when::{Moment, When},
};
use crate::{
    app::App,
    i18n::Words,
    operation::{
        self, OperationError, Work,
        alert::{Given, given},
        scene::Scene,
    },
    store,
    web::{
        body::{self, Posted},
        problem::WebError,
        session::Caller,
    },
};

mod alert;
mod letter;

pub use alert::{AlertPage, alert, decide_alert};
pub use letter::LetterLine;
use letter::letter_line;

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/recipient.html", config = "src/web/askama.toml")]
pub struct RecipientPage {
    /// Whether it may be noted that its teams are back.
    pub may_release: bool,
    /// Since when they are back, in words.
    pub released: Option<String>,
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// How it stands, as on the board.
    pub row: Row,
    /// The alert: its line as on the board.
    pub alert: String,
    /// What was just done, in a sentence.
    pub done: Option<String>,
    /// The addresses that are others in the directory by now.
    pub moved: Option<MovedForm>,
    /// Every letter, newest first.
    pub letters: Vec<LetterLine>,
    /// Every answer, newest first.
    pub answers: Vec<AnswerLine>,
    /// Documents that went with the alert: where they are, and their file names.
    pub documents: Vec<(String, String)>,
    /// Telephone numbers of this recipient, desk and number.
    pub phones: Vec<(String, String)>,
    /// The form for an answer taken by telephone; none when the incident is over.
    pub proxy: Option<ProxyForm>,
    /// The form for the decision; none where nothing can be decided.
    pub decide: Option<DecideForm>,
}

/// The addresses that are others in the directory by now.
#[derive(Clone, Debug, Default)]
pub struct MovedForm {
    /// Desk and transport, the old address, the new one; 〔なし〕 where there is none.
    pub lines: Vec<(String, String, String)>,
    /// The idempotency key of the button; none where nothing can be sent again.
    pub once: Option<String>,
}

/// One answer as it came.
#[derive(Clone, Debug)]
pub struct AnswerLine {
    /// When it was stored.
    pub at: Moment,
    /// Its shape.
    pub mark: Mark,
    /// Its words.
    pub label: String,
    /// Its fields and note.
    pub details: String,
    /// Who answered, and who typed it in.
    pub by: String,
    /// Whether it is in force.
    pub current: bool,
}

/// The form for an answer taken by telephone.
#[derive(Clone, Debug, Default)]
pub struct ProxyForm {
    /// Buttons and fields.
    pub form: AnswerForm,
    /// With whom the person spoke.
    pub spoke_with: String,
    /// The idempotency key.
    pub once: String,
}

/// `GET /incidents/{id}/recipients/{rid}`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    let done = asked(&request, "done");
    let mut page = page(&request, &app, &caller, &path, &Typed::default()).await?;
    let clock = page.frame.clock();
    page.done = done.as_deref().and_then(|done| match done {
        "answer" => Some(page.frame.words.with("recipient-recorded", &[("clock", clock.into())])),
        "decide" => Some(page.frame.words.with("recipient-decided", &[("clock", clock.into())])),
        "readdress" => Some(page.frame.words.with("recipient-readdressed", &[("clock", clock.into())])),
        _ => None,
    });
    Ok(html(&request, &page))
}

/// `POST …/answer`: an answer taken by telephone.
pub async fn answer(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let rid: RecipientId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let mut typed = Typed::read(form.pairs().iter().cloned());
    let words = when(&request, &app).words;
    let spoke_with = typed.values.get("spoke_with").cloned().unwrap_or_default();
    // Whom one has spoken with belongs to the answer for good.
    let note = match (spoke_with.is_empty(), typed.note.is_empty()) {
        (true, _) => typed.note.clone(),
        (false, true) => words.with("recipient-spoke-note", &[("name", spoke_with.into())]),
        (false, false) => {
            format!(
                "{}{}{}",
                typed.note,
                words.get("list-join"),
                words.with("recipient-spoke-note", &[("name", spoke_with.into())])
            )
        }
    };
    let once = form.once(&caller);
    let work = Work::begin(&app, caller.actor.clone()).await?;
    let field = |key: &str| typed.value(key).map(str::to_owned);
    let wish = operation::answer::Typed { option: &typed.option, field: &field, note: &note };
    match operation::answer::on_behalf(work, rid, wish, once.as_ref(), async |_, _, _| Ok(String::new()))
        .await
    {
        Ok(_) => Ok(see(&format!("/incidents/{}/recipients/{}?done=answer", path.0, path.1))),
        Err(OperationError::Invalid(found)) => {
            for invalid in found {
                let key = invalid.path.strip_prefix("fields.").unwrap_or(&invalid.path).to_owned();
                typed.problems.insert(key, invalid.detail.get(words.0).to_owned());
            }
            let page = page(&request, &app, &caller, &path, &typed).await?;
            Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST …/decide`.
pub async fn decide(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let rid: RecipientId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let option = form.get("option").unwrap_or_default();
    let note = form.get("note").unwrap_or_default();
    let problem = if option.is_empty() {
        Some(when(&request, &app).words.get("decide-problem"))
    } else {
        let work = Work::begin(&app, caller.actor.clone()).await?;
        match operation::decision::decide(work, rid, option, note, None, None, async |_, _, _| {
            Ok(String::new())
        })
        .await
        {
            Ok(_) => return Ok(see(&format!("/incidents/{}/recipients/{}?done=decide", path.0, path.1))),
            Err(OperationError::Invalid(found)) => {
                let language = when(&request, &app).words.0;
                found.first().map(|invalid| invalid.detail.get(language).to_owned())
            }
            Err(error) => return Err(error.into()),
        }
    };
    let mut page = page(&request, &app, &caller, &path, &Typed::default()).await?;
    if let Some(form) = &mut page.decide {
        form.chosen = option.to_owned();
        form.note = note.to_owned();
        form.problem = problem;
    }
    Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// `POST …/readdress`: the alert once more, to the addresses of the directory in force.
pub async fn readdress(
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let rid: RecipientId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let once = form.once(&caller);
    let work = Work::begin(&app, caller.actor.clone()).await?;
    operation::readdress::readdress(work, rid, once.as_ref(), async |_, _, _| Ok(String::new())).await?;
    Ok(see(&format!("/incidents/{}/recipients/{}?done=readdress", path.0, path.1)))
}

/// What has moved, and whether the alert can be sent there.
fn moved_form(moved: &[Moved], may_send: bool, once: String, when: &When) -> Option<MovedForm> {
    let language = when.words.0;
    let address = |point: &Option<ContactPoint>| match point {
        Some(point) => point.address.clone(),
        None => when.words.get("directory-no-address"),
    };
    let lines = moved.iter().filter_map(|moved| {
        let point = moved.point()?;
        let whose = format!("{} {}", point.name.get(language), facts::transport(&point.transport, when));
        Some((whose, address(&moved.old), address(&moved.new)))
    });
    let lines: Vec<_> = lines.collect();
    let can_send = may_send && moved.iter().any(|moved| moved.new.is_some());
    (!lines.is_empty()).then(|| MovedForm { lines, once: can_send.then_some(once) })
}

async fn page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    path: &(String, String),
    typed: &Typed,
) -> Result<RecipientPage, WebError> {
    let id: IncidentId = path.0.parse().map_err(|_| WebError::NotFound)?;
    let rid: RecipientId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let db = app.store.read();
    let row = store::recipient::get(db, rid).await?;
    if row.incident_id != id.raw() {
        return Err(WebError::NotFound);
    }
    let scene = Scene::load(app, db, id).await?;
    let office = scene.directory.office().get(body::language(request)).to_owned();
    let frame = frame_of(request, app, caller, Room::Incidents, office);
    let (words, language, when) = (frame.words, frame.words.0, frame.when);
    let alerts = facts::alerts(app, &scene).await?;
    let alert = alerts.iter().find(|alert| alert.row.id == row.alert_id).ok_or(WebError::NotFound)?;
    let rule = &alert.rule;
    let deliveries = store::delivery::of_recipients(db, vec![row.id]).await?;
    let letters = facts::Letters::from([(row.id, deliveries.clone())]);
    let known = facts::alert_facts(app, &scene, alert, &letters, &when)?;
    let head = facts::head(app, &scene, caller, &frame, Tab::Board).await?;
    let line = Group::new(&known, head.drill, &frame).line;
    let rid_text = rid.to_string();
    let mine = known.recipients.iter().find(|facts| facts.id == rid_text).ok_or(WebError::NotFound)?;
    let shown = Row::new(mine, &known, &frame);

    let tries =
        store::delivery::attempts(db, deliveries.iter().map(|delivery| delivery.id).collect()).await?;
    let letters = deliveries.iter().rev().map(|delivery| letter_line(delivery, &tries, &when)).collect();
    let current = given(&row)?;
    let answers = store::recipient::answers(db, rid).await?;
    let newest = answers.last().map(|answer| answer.id);
    let answers = answers
        .iter()
        .rev()
        .map(|answer| {
            let as_given = Given {
                option: answer.option.clone(),
                fields: serde_json::from_value(answer.fields.clone()).unwrap_or_default(),
                note: answer.note.clone(),
                by: answer.by.clone(),
                by_name: answer.by_name.clone(),
                proxy: answer.proxy,
                late: answer.late,
                at_ms: answer.at_ms,
                client: None,
                suspect: answer.suspect,
            };
            let said = facts::answer_facts(rule, &as_given, None, &when);
            let teams = said.teams.map(|teams| frame.count("board-teams", teams)).unwrap_or_default();
            let arrives =
                said.arrival.map(|at| words.with("board-arrives", &[("clock", when.short(at).into())]));
            let late = said.late.then(|| words.get("board-late"));
            let suspect = said.suspect.then(|| words.get("doubt-word"));
            let details = [suspect, Some(teams), arrives, late, Some(said.details)];
            AnswerLine {
                at: when.moment(Timestamp(answer.at_ms)),
                mark: said.mark,
                label: said.label,
                details: details
                    .into_iter()
                    .flatten()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join(&words.get("list-join")),
                by: if answer.proxy {
                    frame.named("board-by-proxy", &answer.by_name)
                } else {
                    answer.by_name.clone()
                },
                current: newest == Some(answer.id) && current.is_some(),
            }
        })
        .collect();

    let over = !scene.is_open() && !alert.row.ending;
    let may_type = caller.actor.role.is_some_and(|role| may(role, Action::AnswerForOthers, false));
    let proxy = (!over && may_type && !rule.responses.is_empty()).then(|| ProxyForm {
        form: AnswerForm::new(&rule.responses, words, typed),
        spoke_with: typed.values.get("spoke_with").cloned().unwrap_or_default(),
        once: app.chance.token(),
    });
    let raised = row.decider.as_ref().and_then(|json| serde_json::from_value(json.clone()).ok());
    let theirs = raised
        .as_ref()
        .or(rule.decider())
        .is_some_and(|party| scene.is_theirs(party, &caller.actor, when.now));
    let may_decide = caller.actor.role.is_some_and(|role| may(role, Action::Decide, theirs));
    let undecided = matches!(row.state.as_str(), "waiting" | "to_decide");
    let decide =
        (may_decide && undecided && !rule.decide_options().is_empty()).then(|| decide_form(rule, language));
    let teams = operation::alert::tally(rule, std::slice::from_ref(&row)).teams;
    let may_release = may_type && scene.is_open() && teams > 0 && alert.row.state != "superseded";
    let released = row
        .released_at_ms
        .map(|at| words.with("released-at", &[("clock", when.short(Timestamp(at)).into())]));
    let may_send = !over
        && matches!(row.state.as_str(), "waiting" | "to_decide" | "informed")
        && caller.actor.role.is_some_and(|role| may(role, Action::RaiseAlert, false));
    let moved = alert.moved.get(&row.id).map_or(&[][..], Vec::as_slice);
    Ok(RecipientPage {
        moved: moved_form(moved, may_send, app.chance.token(), &when),
        may_release: may_release && released.is_none(),
        released,
        row: shown,
        alert: line,
        done: None,
        letters,
        answers,
        documents: documents(rule, &head.id, row.alert_id),
        phones: phones(&scene, &row, language)?,
        proxy,
        decide,
        frame,
        head,
    })
}

/// The documents of an alert: where they are, and their file names.
fn documents(rule: &Rule, incident: &str, alert: uuid::Uuid) -> Vec<(String, String)> {
    let alert = AlertId::new(alert);
    let documents = rule.plan.attach.iter().enumerate();
    documents
        .map(|(place, document)| {
            let path = format!("/incidents/{incident}/alerts/{alert}/documents/{place}");
            (path, document.file_name().to_owned())
        })
        .collect()
}

/// What can be decided, words for the form and for the reader.
pub fn decide_form(rule: &Rule, language: Language) -> DecideForm {
    let options = rule.decide_options().iter();
    let options = options.map(|option| (option.label.ja.clone(), option.label.get(language).to_owned()));
    DecideForm { options: options.collect(), ..DecideForm::default() }
}

/// Telephone numbers of a recipient: which contact with its desk, and number. Two desks may have the same name.
pub fn phones(
    scene: &Scene,
    row: &recipient::Model,
    language: Language,
) -> Result<Vec<(String, String)>, WebError> {
    let contacts = store::recipient::contacts(row)?;
    let is_phone = |key: &str| {
        scene.directory.transports.get(key).is_some_and(|transport| transport.driver == "human_call")
    };
    let primary = contacts.primary.iter().map(|point| ("call-primary", point));
    let alternate = contacts.alternate.iter().map(|point| ("call-alternate", point));
    let points = primary.chain(alternate).filter(|(_, point)| is_phone(&point.transport));
    let told = points.map(|(which, point)| {
        let desk = point.name.get(language).to_owned();
        (Words(language).with(which, &[("desk", desk.into())]), point.address.clone())
    });
    Ok(told.collect())
}

#[cfg(test)]
mod tests;
