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
    answer::plain,
    directory::Directory,
    playbook::{
        Action, IncidentEvent, Ladder, PartyRef, Playbook, Target, Variable, VariableKind,
        preflight::{Answers, values as look_ahead},
    },
    time::{Span, Timestamp},
    variable,
};
use serde_json::Value as Json;

use super::{
    facts,
    frame::{Frame, Room},
    leave::{frame, html, html_with, see, when},
    line::Mode,
    mark::Mark,
    preflight::weak_points,
    when::When,
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

/// One value that the playbook asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// The variable's key; the form field is `v-` and this.
    pub key: String,
    /// The question.
    pub label: String,
    /// Where the value in the box comes from: 台帳, 手順書.
    pub from: String,
    /// What stands in the box.
    pub value: String,
    /// What a reader sees for it in the second step: 6強 for `6+`.
    pub shown: String,
    /// Choices, value and words; empty for a free box.
    pub choices: Vec<(String, String)>,
    /// `inputmode`.
    pub keys: &'static str,
    /// How to write it.
    pub hint: String,
    /// Whether a start without it is refused.
    pub required: bool,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// What would be sent, by the playbook's timetable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// How many alerts.
    pub alerts: usize,
    /// How many recipients.
    pub recipients: usize,
    /// How many people are asked to take a role.
    pub roles: usize,
    /// When, to whom, what, how many.
    pub rows: Vec<(String, String, String, usize)>,
    /// What happens without an answer: after how long, what.
    pub silence: Vec<(String, String)>,
    /// Weak points: of whom, what.
    pub warnings: Vec<(String, String)>,
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
        problem: None,
        mode_problem: None,
        confirm_problem: None,
        once: app.chance.token(),
        frame,
    })
}

/// One value for the form.
///
/// - `typed`: what stood in its box.
/// - `known`: the values as they are understood.
pub(super) fn value(
    variable: &Variable,
    directory: &Directory,
    typed: Option<&str>,
    known: &BTreeMap<String, Json>,
    problems: &[variable::VariableProblem],
    when: &When,
) -> Value {
    let (words, language) = (when.words, when.words.0);
    let preset = variable::preset(variable, directory);
    let from_site = variable.from.as_deref().is_some_and(|from| from.starts_with("site."));
    let written = |value: &Json| match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect::<Vec<_>>().join("、"),
        other => other.to_string(),
    };
    let from = match (&preset, typed) {
        (Some(preset), typed) if typed.is_none_or(|typed| typed == written(preset)) => {
            words.get(if from_site { "start-from-directory" } else { "start-from-playbook" })
        }
        _ => String::new(),
    };
    let choices = match &variable.kind {
        VariableKind::Enum(options) => {
            options.iter().map(|option| (option.clone(), option.clone())).collect()
        }
        VariableKind::JmaIntensity => variable::JMA_INTENSITIES
            .iter()
            .map(|level| {
                let shown =
                    variable::shown(&variable.kind, &Json::from(*level), language, when.zone).into_owned();
                ((*level).to_owned(), shown)
            })
            .collect(),
        _ => Vec::new(),
    };
    let shown = known
        .get(&variable.key)
        .map(|value| variable::shown(&variable.kind, value, language, when.zone).into_owned());
    Value {
        label: variable::label(variable).get(language).to_owned(),
        from,
        value: typed.map(str::to_owned).or_else(|| preset.as_ref().map(written)).unwrap_or_default(),
        shown: shown.unwrap_or_default(),
        choices,
        keys: match variable.kind {
            VariableKind::Int => "numeric",
            VariableKind::Phone => "tel",
            _ => "text",
        },
        hint: match variable.kind {
            VariableKind::Datetime => words.get("start-hint-time"),
            VariableKind::List => words.get("start-hint-list"),
            _ => String::new(),
        },
        required: variable.required,
        problem: problems
            .iter()
            .find(|problem| problem.key == variable.key)
            .map(|problem| problem.detail.get(language).to_owned()),
        key: variable.key.clone(),
    }
}

/// What would be sent when it starts now, and what happens without answers: the short form of the timetable.
pub(super) fn short(app: &App, outlook: &Outlook, question: &Question, when: &When) -> Preflight {
    let (words, language) = (when.words, when.words.0);
    let playbook = &outlook.playbook;
    let timetable = outlook.timetable(app, question);
    let join = words.get("list-join");
    let rows = timetable.alerts.iter().map(|alert| {
        let after = match alert.offset_ms {
            0 => words.get("start-at-once"),
            ms => words.with("start-after", &[("span", when.length(Span(ms)).into())]),
        };
        let whom: Vec<&str> = alert.to.iter().map(|name| name.get(language)).collect();
        (after, whom.join(&join), alert.subject.get(language).to_owned(), alert.recipients)
    });
    let mut rows: Vec<_> = timetable.alerts.iter().map(|alert| alert.offset_ms).zip(rows).collect();
    rows.sort_by_key(|(offset_ms, _)| *offset_ms);
    // The ladder of the most urgent alert stands for the others.
    let urgency = |key: &str| playbook.alert(key).map(|alert| alert.severity);
    let laddered = timetable
        .alerts
        .iter()
        .filter(|alert| playbook.alert(&alert.key).is_some_and(|alert| alert.ladder.is_some()));
    let ladder = laddered
        .min_by_key(|alert| urgency(&alert.key))
        .and_then(|alert| playbook.ladder(playbook.alert(&alert.key)?.ladder.as_deref()?));
    let party = |party: &PartyRef| match party {
        PartyRef::Role(key) => playbook.role(key).map(|role| role.title.get(language).to_owned()),
        PartyRef::Agency(key) => {
            outlook.directory.agencies.get(key).map(|agency| agency.title.get(language).to_owned())
        }
        PartyRef::Roster(key) => {
            let roster = outlook.directory.rosters.get(key);
            roster.and_then(|roster| roster.title.as_ref()).map(|title| title.get(language).to_owned())
        }
    };
    let mut silence = steps_in_words(ladder, &party, when);
    if !silence.is_empty() {
        silence.push((words.get("start-silence-after"), words.get("start-silence-red")));
    }
    let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
    Preflight {
        alerts: rows.len(),
        recipients: rows.iter().map(|(.., count)| *count).sum(),
        roles: timetable.roles.len(),
        rows,
        silence,
        warnings: weak_points(&timetable.findings, when)
            .into_iter()
            .filter(|weak| weak.mark != Mark::Unknown)
            .map(|weak| (weak.subjects, weak.detail))
            .collect(),
    }
}

/// The steps of a ladder: after how long, what.
pub(super) fn steps_in_words(
    ladder: Option<&Ladder>,
    party: &dyn Fn(&PartyRef) -> Option<String>,
    when: &When,
) -> Vec<(String, String)> {
    let words = when.words;
    let join = words.get("list-join");
    let name = |of: &PartyRef| party(of).unwrap_or_else(|| of.to_string());
    let steps = ladder.into_iter().flat_map(|ladder| &ladder.steps).map(|step| {
        let named = |key: &str, name: String| words.with(key, &[("name", name.into())]);
        let told = match &step.action {
            Action::Resend { to: Target::Alternate, .. } | Action::Notify { to: Target::Alternate, .. } => {
                words.get("start-silence-alternate")
            }
            Action::Resend { to: Target::Party(party), .. }
            | Action::Notify { to: Target::Party(party), .. } => named("start-silence-notify", name(party)),
            Action::Resend { via, .. } | Action::Notify { via, .. } => {
                let ways = via.iter().map(|via| facts::transport(via, when)).collect::<Vec<_>>();
                named("start-silence-resend", ways.join(&join))
            }
            Action::Call { to: Target::Party(party), .. } => named("start-silence-call", name(party)),
            Action::Decide { to: Target::Party(party), .. } => named("start-silence-decide", name(party)),
            Action::Call { .. } => named("start-silence-call", String::new()),
            Action::Decide { .. } => named("start-silence-decide", String::new()),
        };
        (when.length(step.at), told)
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, keep},
        *,
    };

    fn page(language: Language, step: StartStep, mode: Option<Mode>) -> StartPage {
        let intensity = ["5-", "5+", "6-", "6+", "7"].map(|value| (value.to_owned(), value.to_owned()));
        let value = |key: &str, label: &str, value: &str, from: &str, required| Value {
            key: key.into(),
            label: label.into(),
            from: from.into(),
            value: value.into(),
            shown: value.into(),
            keys: "text",
            required,
            ..Value::default()
        };
        let mut first = value("intensity", "最大震度", "6+", "", true);
        first.choices = intensity.into();
        first.shown = "6強".into();
        let mut when = value("occurred_at", "発生時刻", "03:07", "", true);
        when.hint = "例 03:07、11月24日 03:07".into();
        let row =
            |when: &str, whom: &str, what: &str, n| (when.to_owned(), whom.to_owned(), what.to_owned(), n);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        StartPage {
            frame: frame(language, Room::Home),
            key: "eq-6upper-initial".into(),
            title: "震度6強以上 初動対応".into(),
            version: "版 3.2.0、見直し 2026年10月1日".into(),
            step,
            mode,
            no_drill: None,
            values: vec![
                first,
                when,
                value("epicenter", "震源", "調査中", "手順書", false),
                value("callback", "照会先の電話", "000-0000-0000", "台帳", true),
                value("staging", "参集拠点", "未定（追って連絡）", "手順書", false),
            ],
            preflight: Preflight {
                alerts: 5,
                recipients: 12,
                roles: 4,
                rows: vec![
                    row("すぐ", "DMAT指定医療機関", "待機・出動照会", 5),
                    row("すぐ", "消防", "医療本部設置の通知", 2),
                    row("10分後", "医師会", "医療救護班の派遣照会", 2),
                    row("10分後", "赤十字", "救護班の派遣照会", 1),
                    row("25分後", "行政・保健所", "救護所の開設予定", 2),
                ],
                silence: vec![
                    pair("5分", "SMSで再送"),
                    pair("10分", "代替連絡先"),
                    pair("15分", "人が架電"),
                    pair("30分", "本部長の判断"),
                    pair("以後", "赤で残る"),
                ],
                warnings: vec![pair(
                    "岬医療センター",
                    "SMSの番号がありません。5分後の再送は代替連絡先へ繰り上げます。",
                )],
            },
            type_title: true,
            typed_title: String::new(),
            ticks: (false, false),
            problem: None,
            mode_problem: None,
            confirm_problem: None,
            once: "0192".into(),
        }
    }

    #[test]
    fn the_first_step_asks_and_says_that_nothing_was_sent() {
        for language in [Language::Ja, Language::En] {
            let html = keep(
                &format!("start-{}", language.key()),
                page(language, StartStep::Ask, None).render().unwrap(),
            );
            assert!(!html.contains(" checked"), "no mode is chosen for the person");
            assert!(!html.contains("style="));
        }
    }

    #[test]
    fn the_second_step_stands_in_the_frame_of_its_mode() {
        let live = page(Language::Ja, StartStep::Confirm, Some(Mode::Live));
        let drill = page(Language::Ja, StartStep::Confirm, Some(Mode::Drill));
        let mut wrong = live.clone();
        wrong.confirm_problem = Some("手順書の名前が違います。下の名前をそのまま入力してください。".into());
        let live = keep("start-confirm-live-ja", live.render().unwrap());
        let drill = keep("start-confirm-drill-ja", drill.render().unwrap());
        keep("start-confirm-wrong-ja", wrong.render().unwrap());
        assert!(live.contains("実災害として発動する") && !live.contains("class=\"tape\""));
        assert!(drill.contains("訓練として開始する") && drill.contains("class=\"tape\""));
    }
}
