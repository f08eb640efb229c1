//! `/playbooks/{key}/start`: live or drill, the values, who would be told, and then once more.
//!
//! Two steps. The first asks; nothing is sent and nothing is stored. The second shows all of it again in the frame of
//! the chosen mode and asks for ticks and, where the playbook wants it, for its title typed by hand.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{
    addressee::WhoIsWho,
    answer::plain,
    directory::Directory,
    playbook::{
        IncidentEvent, PartyRef, Playbook,
        preflight::{Answers, values as look_ahead},
    },
    time::Timestamp,
    variable,
};
use serde_json::Value as Json;

use super::{
    frame::{Frame, Room},
    leave::{frame, html, html_with, see, when},
    line::Mode,
};
use crate::{
    app::App,
    operation::{
        self, OperationError, Reply, Work,
        incident::Start,
        preflight::{Outlook, Question},
    },
    store,
    web::{body::Posted, problem::WebError, session::Caller},
};

mod outlook;
mod value;

pub use outlook::Preflight;
pub(super) use outlook::{short, steps_in_words};
pub use value::Value;
pub(super) use value::value;

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/start.html", config = "src/web/askama.toml")]
pub struct StartPage {
    /// What stands around it.
    pub frame: Frame,
    /// The playbook's key.
    pub key: String,
    /// The playbook's title.
    pub title: String,
    /// Version and review, in words.
    pub version: String,
    /// Which step this is.
    pub step: StartStep,
    /// The chosen mode; nothing is chosen at first.
    pub mode: Option<Mode>,
    /// Why a drill cannot start now, where it cannot.
    pub no_drill: Option<String>,
    /// The values.
    pub values: Vec<Value>,
    /// What would be sent.
    pub preflight: Preflight,
    /// Whether the title has to be typed.
    pub type_title: bool,
    /// What was typed as the title.
    pub typed_title: String,
    /// Which ticks were set: checked, meant.
    pub ticks: (bool, bool),
    /// What is wrong as a whole.
    pub problem: Option<String>,
    /// What is wrong with the mode.
    pub mode_problem: Option<String>,
    /// What is wrong with the second step: title or ticks.
    pub confirm_problem: Option<String>,
    /// The idempotency key: the form sent twice starts once.
    pub once: String,
}

/// Which step of the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartStep {
    /// Mode and values.
    #[default]
    Ask,
    /// Everything again, with the button that starts.
    Confirm,
}

impl StartPage {
    /// The class of the body: the second step stands in the frame of its mode.
    pub fn class(&self) -> &'static str {
        match (self.step, self.mode) {
            (StartStep::Confirm, Some(Mode::Live)) => "live",
            (StartStep::Confirm, Some(Mode::Drill)) => "drill",
            _ => "house",
        }
    }

    /// Whether the second step of a drill is shown.
    pub fn confirms_drill(&self) -> bool {
        self.step == StartStep::Confirm && self.mode == Some(Mode::Drill)
    }

    /// Whether this mode is chosen.
    pub fn is(&self, mode: Mode) -> bool {
        self.mode == Some(mode)
    }

    /// 実災害として発動しますか。
    pub fn question(&self) -> String {
        self.frame.words.get(if self.is(Mode::Drill) { "start-really-drill" } else { "start-really-live" })
    }

    /// 12宛先に通知し、4人に役割を打診します。
    pub fn reach(&self) -> String {
        let key = if self.is(Mode::Drill) { "start-reach-drill" } else { "start-reach-live" };
        let values =
            [("recipients", self.preflight.recipients.into()), ("roles", self.preflight.roles.into())];
        self.frame.words.with(key, &values)
    }
}

/// How many recipients the alerts of a start have, each counted once for each alert.
pub fn recipients(playbook: &Playbook, directory: &Directory, now: Timestamp) -> usize {
    let started = playbook
        .alerts
        .iter()
        .filter(|alert| alert.send.is_some_and(|on| on.event == IncidentEvent::Activated));
    started.map(|alert| alert.to.iter().map(|party| members(directory, party, now)).sum::<usize>()).sum()
}

/// How many recipients a party stands for now.
fn members(directory: &Directory, party: &PartyRef, now: Timestamp) -> usize {
    match party {
        PartyRef::Agency(key) => directory.expand(key).len(),
        PartyRef::Roster(key) => directory.on_duty(key, now).len(),
        PartyRef::Role(_) => 1,
    }
}

/// `版 3.2.0、見直し 2026年10月1日`, and whether the review is overdue.
pub fn version(playbook: &Playbook, frame: &Frame) -> String {
    let words = frame.words;
    let mut parts = vec![words.with("start-version", &[("version", playbook.version.clone().into())])];
    if let Some(reviewed) = playbook.reviewed_on {
        let today = frame.when.now.to_utc().with_timezone(&frame.when.zone).date_naive();
        let every = playbook.review_every.map(|every| chrono::Duration::milliseconds(every.0));
        if every.is_some_and(|every| reviewed + every < today) {
            parts.push(words.get("start-review-over"));
        } else {
            parts.push(words.with("start-reviewed", &[("date", frame.when.date(reviewed).into())]));
        }
    }
    parts.join(&words.get("list-join"))
}

/// What was typed into the form.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    mode: Option<Mode>,
    pub(super) values: BTreeMap<String, String>,
    title: String,
    ticks: (bool, bool),
    step: String,
}

impl Wish {
    pub(super) fn read(pairs: &[(String, String)]) -> Self {
        let get = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let values = pairs
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("v-")?.to_owned(), value.clone())));
        Self {
            mode: get("mode").and_then(Mode::from_key),
            values: values.collect(),
            title: get("title").unwrap_or_default().to_owned(),
            ticks: (get("tick_checked").is_some(), get("tick_meant").is_some()),
            step: get("step").unwrap_or_default().to_owned(),
        }
    }

    pub(super) fn variables(&self) -> BTreeMap<String, Json> {
        let given = self.values.iter().filter(|(_, value)| !value.trim().is_empty());
        given.map(|(key, value)| (key.clone(), Json::from(value.clone()))).collect()
    }
}

/// `GET /playbooks/{key}/start`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    key: Path<String>,
) -> Result<HttpResponse, WebError> {
    let page = page(&request, &app, &caller, &key, &Wish::default(), StartStep::Ask).await?;
    Ok(html(&request, &page))
}

/// `POST /playbooks/{key}/start`: shows the second step, or starts.
pub async fn post(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    key: Path<String>,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let wish = Wish::read(form.pairs());
    let words = when(&request, &app).words;
    if wish.step == "ask" {
        let page = page(&request, &app, &caller, &key, &wish, StartStep::Ask).await?;
        return Ok(html(&request, &page));
    }
    // Everything that can be wrong is told on the step where it is mended.
    let mut first = page(&request, &app, &caller, &key, &wish, StartStep::Ask).await?;
    if wish.mode.is_none() {
        first.mode_problem = Some(words.get("start-problem-mode"));
    }
    let wrong = first.mode_problem.is_some() || first.values.iter().any(|value| value.problem.is_some());
    let no_drill = wish.mode == Some(Mode::Drill) && first.no_drill.is_some();
    if wrong || no_drill {
        return Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &first));
    }
    let mut second = page(&request, &app, &caller, &key, &wish, StartStep::Confirm).await?;
    if wish.step != "start" {
        return Ok(html(&request, &second));
    }
    second.confirm_problem = if wish.ticks != (true, true) {
        Some(words.get("start-problem-ticks"))
    } else if second.type_title && plain(&wish.title) != plain(&second.title) {
        Some(words.get("start-problem-title"))
    } else {
        None
    };
    if second.confirm_problem.is_some() {
        return Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &second));
    }
    let once = form.once(&caller);
    let start = Start {
        playbook: key.into_inner(),
        drill: wish.mode == Some(Mode::Drill),
        variables: wish.variables(),
        title: None,
        rate: None,
    };
    let work = Work::begin(&app, caller.actor.clone()).await?;
    match operation::incident::start(work, start, once.as_ref(), async |_, scene| Ok(scene.id().to_string()))
        .await
    {
        Ok(Reply::Fresh(_, id) | Reply::Again(_, id)) => Ok(see(&format!("/incidents/{id}"))),
        Err(OperationError::Invalid(found)) => {
            let told = found.iter().map(|invalid| invalid.detail.get(words.0).to_owned());
            second.confirm_problem = Some(told.collect::<Vec<_>>().join(" "));
            Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &second))
        }
        Err(OperationError::Closed(text)) => {
            second.confirm_problem = Some(text.get(words.0).to_owned());
            Ok(html_with(&request, StatusCode::CONFLICT, &second))
        }
        Err(error) => Err(error.into()),
    }
}

/// Why the reader cannot start it, and who can: said before anything is filled in.
fn may_not(caller: &Caller, playbook: &Playbook, directory: &Directory, frame: &Frame) -> Option<String> {
    let (words, now) = (frame.words, frame.when.now);
    operation::incident::may_start(&caller.actor, playbook, directory, now).err()?;
    let holders = BTreeMap::new();
    let who = WhoIsWho { playbook, directory, holders: &holders };
    let join = words.get("list-join");
    let mut parties = Vec::new();
    for (party, people) in operation::incident::starters(playbook, directory, now) {
        let name = |key: &String| directory.people.get(key).map(|person| person.name.get(words.0).to_owned());
        let people: Vec<String> = people.iter().filter_map(name).collect();
        let title = who.name(&party).get(words.0).to_owned();
        let said = match people.is_empty() {
            true => title,
            false => {
                words.with("start-who-now", &[("party", title.into()), ("names", people.join(&join).into())])
            }
        };
        if !parties.contains(&said) {
            parties.push(said);
        }
    }
    parties.push(words.get("start-who-always"));
    Some(words.with("start-may-not", &[("who", parties.join(&join).into())]))
}

async fn page(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    key: &str,
    wish: &Wish,
    step: StartStep,
) -> Result<StartPage, WebError> {
    let db = app.store.read();
    let frame = frame(request, app, caller, Room::Home).await?;
    let (words, language, when) = (frame.words, frame.words.0, frame.when);
    if store::directory::latest(db).await?.is_none() {
        let detail = ("directory", words.get("status-directory-none"));
        return Err(OperationError::invalid(detail.0, detail.1.clone(), detail.1).into());
    }
    let outlook = Outlook::load(app, db, key, None).await?;
    let (playbook, directory) = (&outlook.playbook, &outlook.directory);
    let given = wish.variables();
    let asked = wish.mode.is_some() || !wish.values.is_empty();
    let resolved = variable::resolve(playbook, directory, &given, when.now, app.zone);
    let problems = match (&resolved, asked) {
        (Err(found), true) => found.clone(),
        _ => Vec::new(),
    };
    let known = resolved.unwrap_or_default();
    let values = playbook
        .variables
        .iter()
        .map(|variable| {
            let typed = wish.values.get(&variable.key).map(String::as_str);
            value(variable, directory, typed, &known, &problems, &when)
        })
        .collect();
    let live_open = store::incident::open(db).await?.iter().any(|row| row.mode == "live");
    let no_drill = match (playbook.drills.allowed, live_open) {
        (false, _) => Some(words.get("start-no-drills")),
        (true, true) => Some(words.get("start-drill-while-live")),
        (true, false) => None,
    };
    let question = Question {
        values: look_ahead(playbook, directory, &given, when.now, app.zone).unwrap_or(known),
        at: when.now,
        answers: Answers::None,
        drill: wish.mode == Some(Mode::Drill),
        starter: caller.actor.person.clone(),
    };
    Ok(StartPage {
        key: key.to_owned(),
        title: playbook.title.get(language).to_owned(),
        version: version(playbook, &frame),
        step,
        mode: wish.mode,
        no_drill,
        values,
        preflight: short(app, &outlook, &question, &when),
        type_title: playbook.triggers.iter().any(|trigger| trigger.is_manual() && trigger.confirm_title),
        typed_title: wish.title.clone(),
        ticks: wish.ticks,
        problem: may_not(caller, playbook, directory, &frame),
        mode_problem: None,
        confirm_problem: None,
        once: app.chance.token(),
        frame,
    })
}

#[cfg(test)]
mod tests;
