//! `/playbooks/{key}/preflight`: what a start would bring about, at a moment, with these values. Sends nothing, changes
//! nothing, and has no button that could.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{
    playbook::preflight::{self as core, Answers, Entry, Finding, Leaving, Timetable, What},
    problem::Severity,
    time::{Span, Timestamp},
    variable,
};

use super::{
    facts,
    frame::{Frame, Room},
    leave,
    mark::Mark,
    start::{Value, Wish, value, version},
    when::When,
};
use crate::{
    app::App,
    i18n,
    operation::preflight::{Outlook, Question, sms_length, written},
    web::{body::escape, problem::WebError, session::Caller},
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/preflight.html", config = "src/web/askama.toml")]
pub struct PreflightPage {
    /// What stands around it.
    pub frame: Frame,
    /// What was asked.
    pub asked: Asked,
    /// Weak points, worst first.
    pub findings: Vec<Weak>,
    /// Letters, calls, decisions.
    pub numbers: (usize, usize, usize),
    /// A sentence for each transport.
    pub transports: Vec<String>,
    /// How fast each way out of the house is.
    pub leaving: Vec<Way>,
    /// Who would be woken: when, who, how.
    pub woken: Vec<(String, String, String)>,
    /// Chairs: title, who is asked first, who stands behind.
    pub roles: Vec<(String, String, String)>,
    /// Everything in order of time.
    pub moments: Vec<Instant>,
    /// For each recipient: name, letters by transport, from when to when.
    pub recipients: Vec<(String, String, String)>,
    /// Addresses that nobody answered from: whose, address, when last.
    pub unproved: Vec<(String, String, String)>,
}

/// What was asked, for the form and for links to the same question.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The playbook's key.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Version and review, in words.
    pub version: String,
    /// As if it started then, in words.
    pub day: String,
    /// The moment for `datetime-local`.
    pub at: String,
    /// As a drill.
    pub drill: bool,
    /// Everybody answers.
    pub willing: bool,
    /// The values.
    pub values: Vec<Value>,
    /// What is wrong with the moment.
    pub problem: Option<String>,
    /// The question without who answers, for links: `at=…&v-place=…`.
    pub query: String,
}

/// A weak point.
#[derive(Clone, Debug)]
pub struct Weak {
    /// Its shape.
    pub mark: Mark,
    /// What it is.
    pub detail: String,
    /// Whom it concerns.
    pub subjects: String,
}

/// A way out of the house, and how long its letters take.
#[derive(Clone, Debug)]
pub struct Way {
    /// By what, and how many a minute.
    pub pace: String,
    /// How that is known.
    pub basis: String,
    /// How many letters, and when the last has left.
    pub sum: String,
    /// For each moment: when, how many letters, and when the last of them has left.
    pub waves: Vec<(String, String)>,
}

/// Everything that happens at one moment.
#[derive(Clone, Debug, Default)]
pub struct Instant {
    /// `03:24`, with the day where it is another; seconds where they matter.
    pub clock: String,
    /// `開始 +10分`.
    pub away: String,
    /// What happens.
    pub deeds: Vec<Deed>,
}

/// One thing that happens, to one or several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deed {
    /// The alert's key; empty for roles.
    pub alert: String,
    /// What happens, and by which transport.
    pub what: String,
    /// Whether nothing reaches anybody by it.
    pub fails: bool,
    /// Whether a person is asked.
    pub asks: bool,
    /// By whom.
    pub by: String,
    /// The line of the playbook.
    pub line: Option<u32>,
    /// To whom.
    pub names: Vec<String>,
}

/// A planned letter as its page shows it.
pub type LetterRow = (String, String, String, Option<(String, String)>, &'static str, String);

/// The letters that would arrive.
#[derive(Clone, Debug, Template)]
#[template(path = "page/preflight_letters.html", config = "src/web/askama.toml")]
pub struct LettersPage {
    /// What stands around it.
    pub frame: Frame,
    /// What was asked.
    pub asked: Asked,
    /// Recipients to choose from: key, name, whether it is chosen.
    pub recipients: Vec<(String, String, bool)>,
    /// The letters: to whom, when and how; subject; body; short form with its length.
    pub letters: Vec<LetterRow>,
    /// Whether some are left out.
    pub more: bool,
}

/// So many letters are shown at once.
const SHOWN: usize = 24;

/// What came with the address.
struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    fn of(request: &HttpRequest) -> Self {
        let query = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        Self { pairs: query.map(|query| query.0).unwrap_or_default() }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A question as it was asked, ready to be answered.
struct Prepared {
    outlook: Outlook,
    question: Question,
    asked: Asked,
}

impl Prepared {
    async fn read(
        app: &App,
        frame: &Frame,
        caller: &Caller,
        key: &str,
        query: &Query,
    ) -> Result<Self, WebError> {
        let (words, language) = (frame.words, frame.words.0);
        let number = query.get("version").and_then(|number| number.parse().ok());
        let outlook = Outlook::load(app, app.store.read(), key, number).await?;
        let typed = query.get("at").map(str::trim).filter(|text| !text.is_empty());
        let read = typed.map(|text| variable::moment(text, frame.when.now, app.zone));
        let at = read.flatten().unwrap_or(frame.when.now);
        let wish = Wish::read(&query.pairs);
        let given = wish.variables();
        let values = core::values(&outlook.playbook, &outlook.directory, &given, at, app.zone);
        let problems = values.as_ref().err().cloned().unwrap_or_default();
        let values = values.unwrap_or_default();
        let shown = outlook.playbook.variables.iter();
        let shown = shown.map(|it| {
            value(
                it,
                &outlook.directory,
                wish.values.get(&it.key).map(String::as_str),
                &values,
                &problems,
                &frame.when,
            )
        });
        let local = at.to_utc().with_timezone(&app.zone);
        let kept =
            |name: &str| matches!(name, "at" | "drill" | "version") || name.strip_prefix("v-").is_some();
        let pairs = query.pairs.iter().filter(|(name, value)| kept(name) && !value.is_empty());
        let pairs = pairs.map(|(name, value)| format!("{}={}", escape(name), escape(value)));
        let asked = Asked {
            key: key.to_owned(),
            title: outlook.playbook.title.get(language).to_owned(),
            version: version(&outlook.playbook, frame),
            day: words.with("preflight-when", &[("day", frame.when.day_and_clock(at).into())]),
            at: local.format("%Y-%m-%dT%H:%M").to_string(),
            drill: query.get("drill").is_some_and(|value| !value.is_empty()),
            willing: query.get("answers") == Some("all"),
            values: shown.collect(),
            problem: match (typed, read) {
                (Some(text), Some(None)) => {
                    Some(words.with("preflight-bad-at", &[("text", text.to_owned().into())]))
                }
                _ => None,
            },
            query: pairs.collect::<Vec<_>>().join("&"),
        };
        let answers = if asked.willing { Answers::All } else { Answers::None };
        let question =
            Question { values, at, answers, drill: asked.drill, starter: caller.actor.person.clone() };
        Ok(Self { outlook, question, asked })
    }

    /// 422 where something typed could not be taken; the page still shows what can be shown.
    fn status(&self) -> StatusCode {
        let wrong =
            self.asked.problem.is_some() || self.asked.values.iter().any(|value| value.problem.is_some());
        if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
    }
}

/// `GET /playbooks/{key}/preflight`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    key: Path<String>,
) -> Result<HttpResponse, WebError> {
    let frame = leave::frame(&request, &app, &caller, Room::Home).await?;
    let prepared = Prepared::read(&app, &frame, &caller, &key, &Query::of(&request)).await?;
    let timetable = prepared.outlook.timetable(&app, &prepared.question);
    let status = prepared.status();
    let page = page(frame, prepared.asked, &timetable);
    Ok(leave::html_with(&request, status, &page))
}

/// `GET /playbooks/{key}/preflight/letters`.
pub async fn letters(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    key: Path<String>,
) -> Result<HttpResponse, WebError> {
    let frame = leave::frame(&request, &app, &caller, Room::Home).await?;
    let query = Query::of(&request);
    let prepared = Prepared::read(&app, &frame, &caller, &key, &query).await?;
    let language = frame.words.0;
    let chosen = query.get("to").filter(|key| !key.is_empty());
    let status = prepared.status();
    let (recipients, mut all) = prepared.outlook.with(&app, &prepared.question, |plan| {
        let timetable = core::preflight(plan);
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for entry in timetable.entries.iter().filter(|entry| entry.alert.is_some() && entry.way.is_some()) {
            names.insert(entry.recipient.clone(), entry.name.get(language).to_owned());
        }
        (names, written(plan, &timetable, |key| chosen.is_none_or(|chosen| chosen == key)))
    });
    let more = all.len() > SHOWN;
    all.truncate(SHOWN);
    let letters = all.iter().map(|(planned, letter)| {
        let rendered = letter.render();
        let via = planned.via.iter().map(|via| facts::transport(via, &frame.when)).collect::<Vec<_>>();
        let at = frame.when.short(prepared.question.at + Span(planned.offset_ms));
        let (name, desk) = (planned.name.get(language), planned.desk.get(language));
        let whom = if name == desk { name.to_owned() } else { format!("{name} {desk}") };
        let join = frame.words.get("list-join");
        let sms = planned
            .sms
            .as_ref()
            .map(|sms| (i18n::pace::sms(sms_length(sms, app.public_url()), frame.words), sms.clone()));
        let lang = super::answer::lang(planned.language);
        (format!("{at} {whom}"), rendered.subject, rendered.text, sms, lang, via.join(&join))
    });
    let letters = letters.collect();
    let recipients = recipients
        .into_iter()
        .map(|(key, name)| {
            let is_chosen = chosen == Some(key.as_str());
            (key, name, is_chosen)
        })
        .collect();
    let page = LettersPage { letters, recipients, more, asked: prepared.asked, frame };
    Ok(leave::html_with(&request, status, &page))
}

/// Weak points in words.
pub fn weak_points(findings: &[Finding], when: &When) -> Vec<Weak> {
    let language = when.words.0;
    let weak = findings.iter().map(|finding| {
        let detail = finding.detail.get(language);
        let names = finding.subjects.iter().map(|subject| subject.name.get(language));
        // Whoever the sentence names already does not stand before it once more.
        let names: Vec<&str> = names.filter(|name| !detail.contains(name)).collect();
        Weak {
            mark: match finding.severity {
                Severity::Error => Mark::Fail,
                Severity::Warning => Mark::Part,
                Severity::Info => Mark::Unknown,
            },
            detail: detail.to_owned(),
            subjects: names.join(&when.words.get("list-join")),
        }
    });
    weak.collect()
}

fn page(frame: Frame, asked: Asked, timetable: &Timetable) -> PreflightPage {
    let (words, language, when) = (frame.words, frame.words.0, frame.when);
    let start = Timestamp(timetable.at_ms);
    let join = words.get("list-join");
    let clock = |offset_ms: i64| when.short(start + Span(offset_ms));
    let transports = timetable.counts.transports.iter().map(|it| {
        let values = [
            ("via", facts::transport(&it.via, &when).into()),
            ("letters", it.letters.into()),
            ("addresses", it.addresses.into()),
        ];
        let unserved = [("n", it.unserved.into())];
        let rest = (it.unserved > 0).then(|| words.with("preflight-transport-unserved", &unserved));
        words.with("preflight-transport", &values) + &rest.unwrap_or_default()
    });
    let woken = timetable.woken.iter().map(|it| {
        let via: Vec<String> = it.via.iter().map(|via| facts::transport(via, &when)).collect();
        let (name, desk) = (it.name.get(language), it.desk.get(language));
        let whom = if name == desk { name.to_owned() } else { format!("{name} {desk}") };
        (clock(it.offset_ms), whom, via.join(&join))
    });
    let roles = timetable.roles.iter().map(|role| {
        let name = role.name.as_ref().map(|name| name.get(language).to_owned());
        let behind = match (&name, role.behind) {
            (None, _) => String::new(),
            (_, 0) => words.get("preflight-role-alone"),
            (_, n) => words.with("preflight-role-behind", &[("n", n.into())]),
        };
        (
            role.title.get(language).to_owned(),
            name.unwrap_or_else(|| words.get("preflight-role-nobody")),
            behind,
        )
    });
    let recipients = timetable.counts.recipients.iter().map(|it| {
        let letters = it.letters.iter().map(|(via, n)| format!("{} {n}", facts::transport(via, &when)));
        let span = if it.first_ms == it.last_ms {
            clock(it.first_ms)
        } else {
            let values = [("first", clock(it.first_ms).into()), ("last", clock(it.last_ms).into())];
            words.with("preflight-first-last", &values)
        };
        (it.name.get(language).to_owned(), letters.collect::<Vec<_>>().join(&join), span)
    });
    let unproved = timetable.unproved.iter().flatten().map(|it| {
        let when_last = match it.proved_at_ms {
            Some(at) => words.with("preflight-proved", &[("day", when.day(Timestamp(at)).into())]),
            None => words.get("preflight-never"),
        };
        let address = format!("{} {}", facts::transport(&it.via, &when), it.address);
        (it.name.get(language).to_owned(), address, when_last)
    });
    PreflightPage {
        findings: weak_points(&timetable.findings, &when),
        numbers: (timetable.counts.letters, timetable.counts.calls, timetable.counts.decisions),
        transports: transports.collect(),
        leaving: timetable.leaving.iter().map(|leaving| way(leaving, &when)).collect(),
        woken: woken.collect(),
        roles: roles.collect(),
        moments: moments(timetable, &when),
        recipients: recipients.collect(),
        unproved: unproved.collect(),
        asked,
        frame,
    }
}

/// How fast a way out of the house is, in words.
fn way(leaving: &Leaving, when: &When) -> Way {
    let words = when.words;
    let via: Vec<String> = leaving.via.iter().map(|via| facts::transport(via, when)).collect();
    let values =
        [("via", via.join(&words.get("list-join")).into()), ("rate", leaving.pace.per_minute.into())];
    let away = |ms: i64| match (ms + 999) / 1000 {
        0 => words.get("preflight-at-start"),
        seconds => words.with("preflight-after", &[("span", when.length(Span::seconds(seconds)).into())]),
    };
    let sum = [
        ("first", leaving.first_minute.into()),
        ("letters", leaving.letters.into()),
        ("last", away(leaving.last_ms).into()),
    ];
    let waves = leaving.waves.iter().map(|wave| {
        let span = Span::seconds((wave.last_ms - wave.offset_ms + 999) / 1000);
        let told = [("n", wave.letters.into()), ("span", when.length(span).into())];
        (away(wave.offset_ms), words.with("preflight-leaving-within", &told))
    });
    Way {
        pace: words.with("preflight-leaving-pace", &values),
        basis: i18n::pace::basis(&leaving.pace.basis, words),
        sum: words.with("preflight-leaving-sum", &sum),
        waves: waves.collect(),
    }
}

/// The entries, those of one moment together, and within it those that differ only in whom they reach.
fn moments(timetable: &Timetable, when: &When) -> Vec<Instant> {
    let (words, start) = (when.words, Timestamp(timetable.at_ms));
    let mut moments: Vec<(i64, Instant)> = Vec::new();
    for entry in &timetable.entries {
        if moments.last().is_none_or(|(offset, _)| *offset != entry.offset_ms) {
            let at = start + Span(entry.offset_ms);
            let local = at.to_utc().with_timezone(&when.zone);
            let exact = entry.offset_ms % 60_000 != 0 || moments.last().is_some_and(|it| it.0 % 60_000 != 0);
            let clock = if exact { local.format("%H:%M:%S").to_string() } else { when.short(at) };
            let away = match entry.offset_ms {
                0 => words.get("preflight-at-start"),
                ms => words.with("preflight-after", &[("span", when.length(Span(ms)).into())]),
            };
            moments.push((entry.offset_ms, Instant { clock, away, deeds: Vec::new() }));
        }
        let deeds = &mut moments.last_mut().expect("just pushed").1.deeds;
        let (deed, name) = deed(entry, when);
        let known = deeds.iter_mut().find(|known| Deed { names: Vec::new(), ..(*known).clone() } == deed);
        match known {
            Some(known) if known.names.contains(&name) => {}
            Some(known) => known.names.push(name),
            None => deeds.push(Deed { names: vec![name], ..deed }),
        }
    }
    moments.into_iter().map(|(_, moment)| moment).collect()
}

fn deed(entry: &Entry, when: &When) -> (Deed, String) {
    let (words, language) = (when.words, when.words.0);
    let mut what = words.get(&format!("preflight-what-{}", entry.what.key()));
    if let Some(way) = &entry.way {
        what = format!("{what}　{}", facts::transport(&way.via, when));
    }
    let person = entry.person_name.as_ref().map(|name| name.get(language).to_owned());
    if let Some(every) = entry.every_ms {
        let span = when.length(Span(every));
        what = format!("{what}{}", words.with("preflight-every", &[("span", span.into())]));
    }
    let to_person = matches!(entry.what, What::RoleLetter);
    let asked = matches!(
        entry.what,
        What::Call
            | What::Decide
            | What::TaskDue
            | What::TaskReminder
            | What::ReportDue
            | What::ReportReminder
            | What::ReportApproval
    );
    let by = match (&entry.by, &person) {
        (Some(_), Some(person)) if asked => words.with("preflight-by", &[("name", person.clone().into())]),
        (Some(_), None) if asked => words.get("preflight-role-nobody"),
        _ => String::new(),
    };
    let name = entry.name.get(language);
    let name = match (entry.what, &person) {
        (What::Offer | What::Accept, Some(person)) => format!("{name} {person}"),
        (_, Some(person)) if to_person => person.clone(),
        _ => match entry.way.as_ref().map(|way| way.desk.get(language)).filter(|desk| *desk != name) {
            Some(desk) => format!("{name} {desk}"),
            None => name.to_owned(),
        },
    };
    let deed = Deed {
        alert: entry.alert.clone().unwrap_or_default(),
        what,
        fails: matches!(entry.what, What::Unserved | What::NobodyReached | What::NobodyTold | What::Vacant),
        asks: asked || entry.what == What::Offer,
        by,
        line: entry.line,
        names: Vec::new(),
    };
    (deed, name)
}
