//! `/incidents/{id}/recipients/{rid}`: one recipient. The evidence of every letter and try, every answer that ever
//! came, the answer taken by telephone, the decision.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use entity::{attempt, delivery, recipient};
use noroshi_core::{
    alert::{ContactPoint, Rule},
    id::{AlertId, IncidentId, RecipientId},
    readdress::Moved,
    rights::{Action, may},
    text::{Language, fill},
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
    operation::{
        self, OperationError, Work,
        alert::{Given, given},
        scene::{Scene, text},
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

/// One letter: one transport to one contact point.
#[derive(Clone, Debug, Default)]
pub struct LetterLine {
    /// Why it was written: 最初の送信, 5分後の再送.
    pub why: String,
    /// How: メール.
    pub transport: String,
    /// To which desk.
    pub desk: String,
    /// To which address; shown to people of the house only.
    pub address: String,
    /// The mark of its state.
    pub mark: Option<Mark>,
    /// Its state in words.
    pub state: String,
    /// Every try and every piece of evidence: when, what.
    pub tries: Vec<(Moment, String)>,
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

/// `/incidents/{id}/alerts/{aid}`: the decision about an alert whose quorum can no longer be met.
#[derive(Clone, Debug, Template)]
#[template(path = "page/alert.html", config = "src/web/askama.toml")]
pub struct AlertPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// `alr_…`.
    pub id: String,
    /// Whom it went to.
    pub audience: String,
    /// Its line as on the board.
    pub line: String,
    /// The letter's body.
    pub body: String,
    /// 不足2: what is missing, where something is.
    pub short: Option<String>,
    /// The recipients, as on the board.
    pub rows: Vec<Row>,
    /// The form; none where nothing is to decide.
    pub decide: Option<DecideForm>,
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
            };
            let said = facts::answer_facts(rule, &as_given, None, &when);
            let teams = said.teams.map(|teams| frame.count("board-teams", teams)).unwrap_or_default();
            let arrives =
                said.arrival.map(|at| words.with("board-arrives", &[("clock", when.short(at).into())]));
            let late = said.late.then(|| words.get("board-late"));
            let details = [Some(teams), arrives, late, Some(said.details)];
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

/// Telephone numbers of a recipient: desk and number.
pub fn phones(
    scene: &Scene,
    row: &recipient::Model,
    language: Language,
) -> Result<Vec<(String, String)>, WebError> {
    let contacts = store::recipient::contacts(row)?;
    let is_phone = |key: &str| {
        scene.directory.transports.get(key).is_some_and(|transport| transport.driver == "human_call")
    };
    let points =
        contacts.primary.iter().chain(&contacts.alternate).filter(|point| is_phone(&point.transport));
    Ok(points.map(|point| (point.name.get(language).to_owned(), point.address.clone())).collect())
}

fn letter_line(delivery: &delivery::Model, tries: &[attempt::Model], when: &When) -> LetterLine {
    let words = when.words;
    let (mark, state) = match (delivery.state.as_str(), delivery.transport.as_str()) {
        ("queued", "phone") => (Mark::Wait, "delivery-call"),
        ("queued", _) => (Mark::Wait, "delivery-queued"),
        ("leased", _) => (Mark::Wait, "delivery-leased"),
        ("accepted", "rehearsal") => (Mark::Wait, "delivery-rehearsed"),
        ("accepted", _) => (Mark::Wait, "delivery-accepted"),
        ("delivered", _) => (Mark::Wait, "delivery-delivered"),
        ("refused", _) => (Mark::Fail, "delivery-refused"),
        ("given_up", _) => (Mark::Fail, "delivery-given-up"),
        ("withdrawn", _) => (Mark::Rest, "delivery-withdrawn"),
        _ => (Mark::Unknown, "delivery-unknown"),
    };
    let why = match delivery.occasion.as_str() {
        "alert" => "recipient-first-letter",
        "resend" => "recipient-resent",
        "notify" => "recipient-notified",
        "stand_down" => "recipient-stood-down",
        _ => "recipient-service-letter",
    };
    let mut told: Vec<(Moment, String)> = Vec::new();
    for attempt in tries.iter().filter(|attempt| attempt.delivery_id == delivery.id).rev() {
        let key = match attempt.outcome.as_str() {
            "accepted" if attempt.relay == "rehearsal" => "attempt-rehearsed",
            "accepted" => "attempt-accepted",
            "try_again" => "attempt-again",
            "refused" => "attempt-refused",
            _ => "attempt-unknown",
        };
        let reply: String =
            crate::transport::reason::in_words(&attempt.reply).get(words.0).chars().take(200).collect();
        let at = when.moment(Timestamp(attempt.ended_at_ms));
        let said = match key {
            "attempt-rehearsed" => words.get(key),
            _ => format!("{} {} {reply}", words.get(key), attempt.relay).trim().to_owned(),
        };
        told.push((at, said));
    }
    if told.is_empty()
        && let (Some(reason), Some(at)) = (&delivery.reason, delivery.ended_at_ms)
    {
        told.push((
            when.moment(Timestamp(at)),
            crate::transport::reason::in_words(reason).get(words.0).to_owned(),
        ));
    }
    if delivery.encrypted == Some(false) && delivery.transport != "rehearsal" {
        told.push((when.moment(Timestamp(delivery.created_at_ms)), words.get("delivery-in-clear")));
    }
    LetterLine {
        why: words.get(why),
        transport: facts::transport(&delivery.via, when),
        desk: text(&delivery.name).get(words.0).to_owned(),
        address: delivery.address.clone(),
        mark: Some(mark),
        state: words.get(state),
        tries: told,
    }
}

/// `GET /incidents/{id}/alerts/{aid}`.
pub async fn alert(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<HttpResponse, WebError> {
    let page = alert_page(&request, &app, &caller, &path).await?;
    Ok(html(&request, &page))
}

/// `POST /incidents/{id}/alerts/{aid}/decide`.
pub async fn decide_alert(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    path: Path<(String, String)>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let aid: AlertId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let option = form.get("option").unwrap_or_default();
    let note = form.get("note").unwrap_or_default();
    if !option.is_empty() {
        let work = Work::begin(&app, caller.actor.clone()).await?;
        operation::decision::decide_alert(work, aid, option, note, None, None, String::new).await?;
        return Ok(see(&format!("/incidents/{}/alerts/{}", path.0, path.1)));
    }
    let mut page = alert_page(&request, &app, &caller, &path).await?;
    if let Some(form) = &mut page.decide {
        form.note = note.to_owned();
        form.problem = Some(page.frame.words.get("decide-problem"));
    }
    Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
}

async fn alert_page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    path: &(String, String),
) -> Result<AlertPage, WebError> {
    let id: IncidentId = path.0.parse().map_err(|_| WebError::NotFound)?;
    let aid: AlertId = path.1.parse().map_err(|_| WebError::NotFound)?;
    let scene = Scene::load(app, app.store.read(), id).await?;
    let language = body::language(request);
    let frame =
        frame_of(request, app, caller, Room::Incidents, scene.directory.office().get(language).to_owned());
    let alerts = facts::alerts(app, &scene).await?;
    let alert = alerts.iter().find(|alert| alert.row.id == aid.raw()).ok_or(WebError::NotFound)?;
    let letters = facts::letters(app, id).await?;
    let known = facts::alert_facts(app, &scene, alert, &letters, &frame.when)?;
    let head = facts::head(app, &scene, caller, &frame, Tab::Board).await?;
    let group = Group::new(&known, head.drill, &frame);
    let theirs =
        alert.rule.decider().is_some_and(|party| scene.is_theirs(party, &caller.actor, frame.when.now));
    let may_decide = caller.actor.role.is_some_and(|role| may(role, Action::Decide, theirs));
    let decide = (alert.row.state == "to_decide" && may_decide).then(|| decide_form(&alert.rule, language));
    let body = fill(alert.rule.plan.body.get(language), language, |name| match name {
        "alert.link" => Some("…".into()),
        _ => scene.value(name, language, app),
    });
    Ok(AlertPage {
        id: group.id,
        audience: group.audience,
        line: group.line,
        body,
        short: group.short,
        rows: group.rows,
        decide,
        frame,
        head,
    })
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::{
            board::{BoardPage, tests::facts},
            sample::{at, deploy, frame, head, keep},
        },
        *,
    };

    fn decide() -> DecideForm {
        let options = ["代替隊を手配", "期限を延ばす", "対象から外す"];
        DecideForm {
            options: options.map(|text| (text.to_owned(), text.to_owned())).into(),
            ..DecideForm::default()
        }
    }

    fn page(language: Language, row: usize) -> RecipientPage {
        let frame = frame(language, Room::Incidents);
        let head = head(language, false, Tab::Board);
        let board = BoardPage::new(frame.clone(), head.clone(), &facts());
        let moment = |clock: &str| frame.when.moment(at(clock));
        let letter = |why: &str, transport: &str, mark, state: &str, tries: &[(&str, &str)]| LetterLine {
            why: why.into(),
            transport: transport.into(),
            desk: "当直室".into(),
            address: "dmat@misaki.example".into(),
            mark: Some(mark),
            state: state.into(),
            tries: tries.iter().map(|(clock, what)| (moment(clock), (*what).to_owned())).collect(),
        };
        RecipientPage {
            may_release: true,
            released: None,
            row: board.groups[0].rows[row].clone(),
            alert: board.groups[0].line.clone(),
            done: None,
            moved: None,
            letters: vec![
                letter(
                    "30分後の判断",
                    "メール",
                    Mark::Wait,
                    "送信済み（本部長へ）",
                    &[("03:44:00", "受け付け 250")],
                ),
                letter("10分後の代替連絡先", "電話", Mark::Wait, "架電待ち", &[]),
                letter(
                    "10分後の代替連絡先",
                    "メール",
                    Mark::Fail,
                    "不達",
                    &[("03:24:02", "拒否 550: 宛先がありません")],
                ),
                letter(
                    "最初の送信",
                    "メール",
                    Mark::Wait,
                    "送信済み",
                    &[
                        ("03:14:03", "中継 mail.aoba.example が受け付け 250"),
                        ("03:14:01", "一時的な拒否 451、送り直し"),
                    ],
                ),
            ],
            answers: vec![AnswerLine {
                at: moment("03:33:00"),
                mark: Mark::Seen,
                label: "確認中（後で回答）".into(),
                details: String::new(),
                by: "当直室".into(),
                current: true,
            }],
            documents: Vec::new(),
            phones: vec![("当直室".into(), "000-0000-0000".into())],
            proxy: Some(ProxyForm {
                form: AnswerForm::new(&deploy(), frame.words, &Typed::default()),
                ..ProxyForm::default()
            }),
            decide: Some(decide()),
            frame,
            head,
        }
    }

    #[test]
    fn a_recipient_shows_every_letter_and_try_and_both_forms() {
        for language in [Language::Ja, Language::En] {
            let html = keep(&format!("recipient-{}", language.key()), page(language, 0).render().unwrap());
            assert!(html.contains("451") && html.contains("id=\"proxy\"") && html.contains("id=\"decide\""));
            assert!(!html.contains("style=") && !html.contains(" checked"));
        }
    }

    #[test]
    fn an_alert_without_its_quorum_asks_for_a_decision() {
        let frame = frame(Language::Ja, Room::Incidents);
        let head = head(Language::Ja, false, Tab::Board);
        let board = BoardPage::new(frame.clone(), head.clone(), &facts());
        let group = &board.groups[0];
        let page = AlertPage {
            id: group.id.clone(),
            audience: group.audience.clone(),
            line: group.line.clone(),
            body: "03:07頃、青葉県沖で最大震度6強。\n出動の可否を回答してください。".into(),
            short: Some("不足2".into()),
            rows: group.rows.clone(),
            decide: Some(decide()),
            frame,
            head,
        };
        let html = keep("alert-ja", page.render().unwrap());
        assert!(html.contains("不足2") && html.contains("代替隊を手配"));
    }
}
