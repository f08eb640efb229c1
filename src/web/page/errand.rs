//! `/r/{token}`: what a letter to a role holder asks, for somebody without an account at hand: take a role, decide,
//! telephone. The token in the path is the permit. GET changes nothing: a mail scanner is not a person.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use askama::Template;
use base64::{Engine, prelude::BASE64_STANDARD};
use entity::recipient;
use noroshi_core::{
    alert::Rule,
    id::{IncidentId, RecipientId},
    playbook::PartyRef,
    text::Language,
    time::Timestamp,
};
use sha2::{Digest, Sha256};

use super::{
    answer::{Deadline, LANGUAGES, Line, UnknownLinkPage, around, language_key, language_of_key, lines},
    decide::DecideForm,
    leave::{asked, see},
    recipient::{decide_form, phones},
    when::When,
};
use crate::{
    app::App,
    i18n::Words,
    operation::{
        OperationError, Work, decision,
        errand::Errand,
        letter,
        role::{self, Opened},
        scene::{Scene, text},
    },
    store::{self, StoreError, from_json},
    web::{
        body::{self, Form},
        problem::WebError,
    },
};

mod matter;

const STYLE: &str = include_str!("../static/answer.css");

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/errand.html", config = "src/web/askama.toml")]
pub struct ErrandPage {
    /// In the reader's language, or the one picked by `?lang=`.
    pub words: Words,
    /// From the address; the forms post to it.
    pub token: String,
    /// Whether it is a drill.
    pub drill: bool,
    /// The head office's name.
    pub office: String,
    /// Title of the incident.
    pub incident: String,
    /// Whose page it is.
    pub person: String,
    /// What it is about.
    pub subject: String,
    /// The letter's words.
    pub lines: Vec<Line>,
    /// How it stands, where nothing is asked any more or something was just taken: head, sentence, whether it is good.
    pub standing: Option<(String, String, bool)>,
    /// When the letter below was written, where things have moved on since.
    pub written: Option<String>,
    /// Until when an answer is waited for.
    pub deadline: Option<Deadline>,
    /// What is asked.
    pub asks: Asks,
    /// Numbers to call: desk and number.
    pub phones: Vec<(String, String)>,
    /// Where the rest stands, for whoever signs in.
    pub path: String,
    /// The desk's telephone number.
    pub phone: Option<String>,
    /// What is wrong with what was sent.
    pub problem: Option<String>,
}

/// What the page asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Nothing.
    Nothing,
    /// To take a role or not; `declining`: whether one may still say no.
    Role {
        /// An offer that runs can be declined, one that is over can only be taken.
        declining: bool,
    },
    /// To decide.
    Decision(DecideForm),
}

impl ErrandPage {
    /// `lang` of the page.
    pub fn lang(&self) -> &'static str {
        super::answer::lang(self.words.0)
    }

    /// The language's key, for the addresses of the forms.
    pub fn language(&self) -> &'static str {
        language_key(self.words.0)
    }

    /// The other languages: key, own name, `lang`.
    pub fn other_languages(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        LANGUAGES.into_iter().filter(|(key, ..)| *key != language_key(self.words.0)).collect()
    }

    /// The words before and after the deadline's clock.
    pub fn around_deadline(&self) -> (String, String) {
        around(self.words, "errand-by")
    }

    /// Whose page it is, in a sentence.
    pub fn only_for(&self) -> String {
        self.words.with("answer-only-for", &[("name", self.person.clone().into())])
    }

    /// The page's own style.
    pub fn style(&self) -> &'static str {
        STYLE
    }

    /// `Content-Security-Policy` of this page: its own style and nothing else.
    pub fn policy(&self) -> String {
        format!(
            "default-src 'none'; style-src 'sha256-{}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            BASE64_STANDARD.encode(Sha256::digest(STYLE.as_bytes())),
        )
    }
}

/// `GET /r/{token}`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    token: Path<String>,
) -> Result<HttpResponse, WebError> {
    let Some(opened) = find(&app, &token).await? else { return Ok(unknown(&request)) };
    Ok(leave(StatusCode::OK, &page(&request, &app, &token, &opened).await?))
}

/// `POST /r/{token}/accept`.
pub async fn accept(
    request: HttpRequest,
    app: Data<App>,
    token: Path<String>,
) -> Result<HttpResponse, WebError> {
    answer(&request, &app, &token, true).await
}

/// `POST /r/{token}/decline`.
pub async fn decline(
    request: HttpRequest,
    app: Data<App>,
    token: Path<String>,
) -> Result<HttpResponse, WebError> {
    answer(&request, &app, &token, false).await
}

async fn answer(
    request: &HttpRequest,
    app: &App,
    token: &str,
    accepts: bool,
) -> Result<HttpResponse, WebError> {
    let Some(opened) = find(app, token).await? else { return Ok(unknown(request)) };
    let work = Work::begin(app, opened.actor()).await?;
    match role::answer_by_link(work, &opened, accepts).await {
        Ok(()) => Ok(see(&here(request, token))),
        Err(error) => refused(request, app, token, &opened, error, "", "").await,
    }
}

/// `POST /r/{token}/decide`.
pub async fn decide(
    request: HttpRequest,
    app: Data<App>,
    token: Path<String>,
    form: Form,
) -> Result<HttpResponse, WebError> {
    let Some(opened) = find(&app, &token).await? else { return Ok(unknown(&request)) };
    let option = form.get("option").unwrap_or_default();
    let note = form.get("note").unwrap_or_default();
    if !opened.errand.about.decides() {
        return Ok(unknown(&request));
    }
    let work = Work::begin(&app, opened.actor()).await?;
    let done = match &opened.errand.about {
        Errand::Decide { recipient: Some(id), .. } => {
            let reply = async |_: &mut Work<'_>, _: &Scene, _: &recipient::Model| Ok(String::new());
            decision::decide(work, *id, option, note, Some(&opened), None, reply).await.map(drop)
        }
        Errand::Decide { recipient: None, alert } => {
            let done = decision::decide_alert(work, *alert, option, note, Some(&opened), None, String::new);
            done.await.map(drop)
        }
        Errand::Notice { matter, .. } => matter::decide(work, &opened, matter, option, note).await,
        Errand::Offer { .. } | Errand::Call { .. } => return Ok(unknown(&request)),
    };
    match done {
        Ok(()) => Ok(see(&here(&request, &token))),
        Err(error) => refused(&request, &app, &token, &opened, error, option, note).await,
    }
}

/// The page again, with what is wrong and with what was typed.
async fn refused(
    request: &HttpRequest,
    app: &App,
    token: &str,
    opened: &Opened,
    error: OperationError,
    option: &str,
    note: &str,
) -> Result<HttpResponse, WebError> {
    let mut page = page(request, app, token, opened).await?;
    let (status, problem) = match error {
        OperationError::Invalid(found) => {
            let words = found.first().map(|invalid| invalid.detail.get(page.words.0).to_owned());
            (StatusCode::UNPROCESSABLE_ENTITY, words)
        }
        OperationError::Closed(text) => (StatusCode::CONFLICT, Some(text.get(page.words.0).to_owned())),
        error => return Err(error.into()),
    };
    page.problem = problem;
    if let Asks::Decision(form) = &mut page.asks {
        form.chosen = option.to_owned();
        form.note = note.to_owned();
    }
    Ok(leave(status, &page))
}

async fn find(app: &App, token: &str) -> Result<Option<Opened>, OperationError> {
    match role::open(app.store.read(), token).await {
        Ok(opened) => Ok(Some(opened)),
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

fn leave(status: StatusCode, page: &ErrandPage) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, page.policy()))
        .body(page.render().expect("templates write into memory"))
}

fn here(request: &HttpRequest, token: &str) -> String {
    match asked(request, "lang").as_deref().and_then(language_of_key) {
        Some(language) => format!("/r/{token}?lang={}", language_key(language)),
        None => format!("/r/{token}"),
    }
}

async fn page(
    request: &HttpRequest,
    app: &App,
    token: &str,
    opened: &Opened,
) -> Result<ErrandPage, WebError> {
    let db = app.store.read();
    let scene = Scene::load(app, db, IncidentId::new(opened.link.incident_id)).await?;
    let picked = asked(request, "lang").as_deref().and_then(language_of_key);
    let language = picked.or_else(|| Language::from_key(&opened.letter.language)).unwrap_or_default();
    let when = When { now: app.clock.now(), zone: app.zone, words: Words(language) };
    // The letter as it was written, in the language that is read now.
    let letter = entity::delivery::Model { language: language.key().into(), ..opened.letter.clone() };
    let said = letter::write_all(app, vec![letter]).await?.swap_remove(0);
    let mut page = ErrandPage {
        words: when.words,
        token: token.to_owned(),
        drill: scene.is_drill(),
        office: scene.directory.office().get(language).to_owned(),
        incident: scene.title(language).replace(noroshi_core::text::DRILL_MARK, ""),
        person: said.to_name,
        subject: said.subject,
        lines: lines(&said.body),
        standing: None,
        written: None,
        deadline: None,
        asks: Asks::Nothing,
        phones: Vec::new(),
        path: format!("/incidents/{}", scene.id()),
        phone: scene.desk_phone(),
        problem: None,
    };
    if !scene.is_open() && !scene.is_waiting() {
        let ended = when.short(Timestamp(scene.incident.ended_at_ms.unwrap_or(when.now.0)));
        let said = when.words.with("errand-over-when", &[("clock", ended.into())]);
        page.standing = Some((when.words.get("errand-over"), said, false));
        return Ok(page);
    }
    match &opened.errand.about {
        Errand::Offer { number, until, .. } => offer(&mut page, &scene, opened, *number, *until, &when),
        Errand::Decide { recipient: Some(id), alert } => {
            let row = store::recipient::get(db, *id).await?;
            let rule = store::alert::rule(&store::alert::get(db, *alert).await?)?;
            page.path = format!("{}/recipients/{id}#decide", page.path);
            page.phones = phones(&scene, &row, language)?;
            decide_about(&mut page, &scene, opened, &rule, &row, &when)?;
        }
        Errand::Decide { recipient: None, alert } => {
            let row = store::alert::get(db, *alert).await?;
            let rule = store::alert::rule(&row)?;
            page.path = format!("{}/alerts/{alert}", page.path);
            let theirs =
                rule.decider() == Some(&opened.errand.role) && role::may_decide_by_link(&scene, opened);
            if row.state != "to_decide" {
                page.standing = Some(settled(when.words));
            } else if theirs {
                page.asks = Asks::Decision(decide_form(&rule, language));
            } else {
                page.standing = Some(somebody_elses(when.words));
            }
        }
        Errand::Call { recipient: id, .. } => {
            let row = store::recipient::get(db, *id).await?;
            page.path = format!("{}/recipients/{id}#proxy", page.path);
            page.phones = phones(&scene, &row, language)?;
            if row.state == "answered" {
                page.standing = Some(settled(when.words));
            }
        }
        Errand::Notice { matter, .. } => matter::stand(&mut page, app, &scene, opened, matter, &when).await?,
    }
    if page.standing.is_some() && !page.lines.is_empty() {
        let clock = when.short(Timestamp(opened.letter.created_at_ms));
        page.written = Some(when.words.with("errand-written", &[("clock", clock.into())]));
    }
    Ok(page)
}

/// How an offer stands for the reader of its letter.
fn offer(page: &mut ErrandPage, scene: &Scene, opened: &Opened, number: u32, until: Timestamp, when: &When) {
    let PartyRef::Role(key) = &opened.errand.role else { return };
    let Some(row) = scene.role(key) else { return };
    let words = when.words;
    page.path = format!("{}/roles/{key}", page.path);
    let name = |json: &Option<serde_json::Value>| {
        json.as_ref().map(|name| text(name).get(words.0).to_owned()).unwrap_or_default()
    };
    let person = Some(&opened.link.person);
    let running = row.offered_to.as_ref() == person && u32::try_from(row.offer_number) == Ok(number);
    match &row.person {
        Some(holder) if Some(holder) == person => {
            page.standing = Some((words.get("errand-yours"), words.get("errand-yours-why"), true));
            // What it asked for is done.
            page.lines.clear();
        }
        _ if running => {
            page.deadline = Some(Deadline { at: when.moment(until), left: when.left(until) });
            page.asks = Asks::Role { declining: true };
        }
        Some(_) => {
            let said = words.with("errand-taken-by", &[("name", name(&row.name).into())]);
            page.standing = Some((words.get("errand-taken"), said, false));
        }
        None => {
            let said = match &row.offered_to {
                Some(_) => words.with("errand-asked-now", &[("name", name(&row.offered_name).into())]),
                None => words.get("errand-nobody-asked"),
            };
            page.standing = Some((words.get("errand-offer-over"), said, false));
            page.asks = Asks::Role { declining: false };
        }
    }
}

/// How a decision about one recipient stands for the reader of its letter.
fn decide_about(
    page: &mut ErrandPage,
    scene: &Scene,
    opened: &Opened,
    rule: &Rule,
    row: &recipient::Model,
    when: &When,
) -> Result<(), WebError> {
    let raised: Option<PartyRef> = row
        .decider
        .as_ref()
        .map(|json| from_json("recipient", RecipientId::new(row.id), json))
        .transpose()?;
    let decider = raised.as_ref().or(rule.decider());
    if row.state != "to_decide" {
        page.standing = Some(settled(when.words));
    } else if decider == Some(&opened.errand.role) && role::may_decide_by_link(scene, opened) {
        page.asks = Asks::Decision(decide_form(rule, when.words.0));
    } else {
        page.standing = Some(somebody_elses(when.words));
    }
    Ok(())
}

fn settled(words: Words) -> (String, String, bool) {
    (words.get("errand-settled"), words.get("errand-settled-why"), true)
}

fn somebody_elses(words: Words) -> (String, String, bool) {
    (words.get("errand-not-yours"), words.get("errand-not-yours-why"), false)
}

#[cfg(test)]
mod tests {
    use super::{
        super::sample::{at, keep, when},
        *,
    };

    fn page(language: Language, asks: Asks) -> ErrandPage {
        let when = when(language);
        ErrandPage {
            words: when.words,
            token: "k7Q2mX9dTzk7Q2mX9dTz_w".into(),
            drill: false,
            office: "青葉県 保健医療福祉調整本部".into(),
            incident: "青葉県沖地震（最大震度6強）".into(),
            person: "佐藤（例）".into(),
            subject: "役割の打診 本部長（指揮）".into(),
            lines: lines("本部長（指揮）を引き受けてください。\n判断と架電の依頼が届きます。"),
            standing: None,
            written: None,
            deadline: Some(Deadline { at: when.moment(at("03:57:00")), left: when.left(at("03:57:00")) }),
            asks,
            phones: vec![("当直室".into(), "000-0000-0000".into())],
            path: "/incidents/inc_1/roles/incident_commander".into(),
            phone: Some("000-0000-0000".into()),
            problem: None,
        }
    }

    #[test]
    fn a_role_is_taken_by_one_button_and_the_page_is_small() {
        for language in super::super::sample::LANGUAGES {
            let html = page(language, Asks::Role { declining: true }).render().unwrap();
            let html = keep(&format!("errand-offer-{}", language.key()), html);
            assert!(html.contains("/accept") && html.contains("/decline") && !html.contains("<script"));
            assert!(html.len() < super::super::answer::WEIGHT_LIMIT, "{} bytes", html.len());
        }
        let late = page(Language::Ja, Asks::Role { declining: false }).render().unwrap();
        assert!(late.contains("/accept") && !late.contains("/decline"));
    }

    #[test]
    fn a_decision_has_its_options_as_buttons_and_nothing_is_chosen() {
        let options = ["代替隊を手配", "期限を延ばす"].map(|text| (text.to_owned(), text.to_owned()));
        let form = DecideForm { options: options.into(), ..DecideForm::default() };
        let html = ErrandPage { deadline: None, drill: true, ..page(Language::Ja, Asks::Decision(form)) };
        let html = keep("errand-decide-ja", html.render().unwrap());
        assert!(html.contains("代替隊を手配") && !html.contains(" checked"));
        assert!(html.contains("【訓練】") && html.contains("当直室 <b>000-0000-0000</b>"));
        let dials = |html: &str| html.matches("tel:000-0000-0000").count();
        assert_eq!(dials(&html), 1, "in a drill only our own desk is dialled");
        let live = page(Language::Ja, Asks::Decision(DecideForm::default())).render().unwrap();
        assert_eq!(dials(&live), 2);
    }
}
