//! `/playbooks` and `/playbooks/{key}`: which playbooks there are, and one of them as people read it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{
    directory::Directory,
    playbook::{AckRule, AlertPlan, IncidentEvent, PartyRef, Playbook},
    problem::{Problem, Severity},
    rights::{Action, may},
    time::{Span, Timestamp},
    variable,
};

use super::{
    facts,
    frame::{Frame, Room},
    leave,
    line::{Line, Mode},
    mark::Mark,
    start,
    when::When,
};
use crate::{
    app::App,
    operation::{playbook::InForce, scene::text},
    store,
    web::{problem::WebError, session::Caller},
};

/// The list of playbooks.
#[derive(Clone, Debug, Template)]
#[template(path = "page/playbooks.html", config = "src/web/askama.toml")]
pub struct PlaybooksPage {
    /// What stands around it.
    pub frame: Frame,
    /// Those in force.
    pub playbooks: Vec<Line>,
    /// Whether this person may bring one in.
    pub may_import: bool,
}

/// One playbook.
#[derive(Clone, Debug, Template)]
#[template(path = "page/playbook.html", config = "src/web/askama.toml")]
pub struct PlaybookPage {
    /// What stands around it.
    pub frame: Frame,
    /// Its key.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Number, label, review, hash, in words.
    pub facts: Vec<String>,
    /// Who imported it, and when.
    pub imported: String,
    /// The number of this version.
    pub number: i32,
    /// Where it is not in force: a sentence that says which is.
    pub superseded: Option<String>,
    /// What was just done.
    pub done: Option<String>,
    /// What the checker says against the directory in force.
    pub problems: Vec<Fault>,
    /// What stands there when there is none.
    pub sound: String,
    /// Its alerts.
    pub alerts: Vec<AlertCard>,
    /// Its roles: title, how they are filled.
    pub roles: Vec<(String, String)>,
    /// The values that it asks for.
    pub variables: Vec<(String, String)>,
    /// What starts it.
    pub triggers: Vec<(String, String)>,
    /// Plans and rules it rests on.
    pub basis: Vec<String>,
    /// The lines of the file.
    pub source: Vec<String>,
}

/// A problem with the line that has it.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its shape.
    pub mark: Mark,
    /// `R01`.
    pub code: String,
    /// Line and column.
    pub at: (u32, u32),
    /// What is wrong.
    pub detail: String,
    /// What to write instead.
    pub help: String,
    /// The line up to the place, and from it on.
    pub line: (String, String),
}

/// An alert as people read it.
#[derive(Clone, Debug)]
pub struct AlertCard {
    /// Its key.
    pub key: String,
    /// Its line in the file.
    pub line: Option<u32>,
    /// When it is sent.
    pub when: String,
    /// To whom, by what.
    pub to: String,
    /// By what.
    pub via: String,
    /// Its subject, names of values in braces.
    pub subject: String,
    /// Its body.
    pub body: String,
    /// The answers, or why there are none.
    pub answers: String,
    /// The deadlines.
    pub deadlines: String,
    /// What happens without an answer: after how long, what.
    pub silence: Vec<(String, String)>,
}

/// `GET /playbooks`.
pub async fn list(request: HttpRequest, app: Data<App>, caller: Caller) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let frame = leave::frame(&request, &app, &caller, Room::Home).await?;
    let in_force = InForce::read(&app, db).await?;
    let mut playbooks = Vec::new();
    for row in store::playbook::all_latest(db).await? {
        let playbook = app.library.playbook(db, row.id).await?;
        let problems = in_force.problems(&row, frame.when.now);
        let bad = problems.iter().filter(|problem| problem.severity != Severity::Info).count();
        let broken = problems.iter().any(|problem| problem.severity == Severity::Error);
        let facts = [
            frame.count("playbook-number", row.number as usize),
            start::version(&playbook, &frame),
            frame.named("playbook-hash", &row.sha256[..8]),
        ];
        playbooks.push(Line {
            mark: Some(match (broken, bad) {
                (true, _) => Mark::Fail,
                (_, 0) => Mark::Hill,
                _ => Mark::Part,
            }),
            href: format!("/playbooks/{}", row.key),
            words: text(&row.title).get(frame.words.0).to_owned(),
            detail: facts.join(&frame.words.get("list-join")),
            end: if bad > 0 { frame.count("playbook-problem-count", bad) } else { String::new() },
            mode: None,
        });
    }
    let may_import = may_import(&caller);
    Ok(leave::html(&request, &PlaybooksPage { frame, playbooks, may_import }))
}

/// `GET /playbooks/{key}`, `?version=2` for an earlier one.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    key: Path<String>,
) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let frame = leave::frame(&request, &app, &caller, Room::Home).await?;
    let (words, language, when) = (frame.words, frame.words.0, frame.when);
    let newest = store::playbook::latest(db, &key).await?.ok_or(WebError::NotFound)?;
    let asked = leave::asked(&request, "version").and_then(|number| number.parse().ok());
    let row = match asked.filter(|number| *number != newest.number) {
        Some(number) => store::playbook::by_number(db, &key, number).await?.ok_or(WebError::NotFound)?,
        None => newest.clone(),
    };
    let playbook = app.library.playbook(db, row.id).await?;
    let in_force = InForce::read(&app, db).await?;
    let problems = in_force.problems(&row, when.now);
    let directory = &in_force.directory;
    let day = when.day_and_clock(Timestamp(row.imported_at_ms));
    let reader = Reader { playbook: &playbook, directory: directory.as_deref(), when: &when };
    let page = PlaybookPage {
        title: playbook.title.get(language).to_owned(),
        facts: vec![
            frame.count("playbook-number", row.number as usize),
            start::version(&playbook, &frame),
            frame.named("playbook-hash", &row.sha256[..12]),
        ],
        imported: words
            .with("playbook-imported", &[("day", day.into()), ("who", row.imported_by_name.clone().into())]),
        number: row.number,
        superseded: (row.number != newest.number)
            .then(|| frame.count("playbook-not-in-force", newest.number as usize)),
        done: leave::asked(&request, "imported")
            .and_then(|number| number.parse().ok())
            .map(|number: usize| frame.count("playbook-import-done", number)),
        problems: faults(&problems, &row.source, &when),
        sound: words.get(if directory.is_some() { "playbook-no-problem" } else { "playbook-no-directory" }),
        alerts: playbook.alerts.iter().map(|alert| reader.alert(alert)).collect(),
        roles: reader.roles(),
        variables: reader.variables(),
        triggers: reader.triggers(),
        basis: playbook.basis.clone(),
        source: row.source.lines().map(str::to_owned).collect(),
        key: row.key,
        frame,
    };
    Ok(leave::html(&request, &page))
}

/// Whether this person may bring playbooks in.
pub fn may_import(caller: &Caller) -> bool {
    caller.actor.role.is_some_and(|role| may(role, Action::ImportPlaybook, false))
}

/// Problems with the lines that have them.
pub fn faults(problems: &[Problem], source: &str, when: &When) -> Vec<Fault> {
    let lines: Vec<&str> = source.lines().collect();
    let language = when.words.0;
    let faults = problems.iter().map(|problem| {
        let line = lines.get(problem.at.line.saturating_sub(1) as usize).copied().unwrap_or_default();
        let column = problem.at.column.saturating_sub(1) as usize;
        Fault {
            mark: match problem.severity {
                Severity::Error => Mark::Fail,
                Severity::Warning => Mark::Part,
                Severity::Info => Mark::Unknown,
            },
            code: problem.code.to_owned(),
            at: (problem.at.line, problem.at.column),
            detail: problem.detail.get(language).to_owned(),
            help: problem.help.get(language).to_owned(),
            line: (line.chars().take(column).collect(), line.chars().skip(column).collect()),
        }
    });
    faults.collect()
}

/// Says what a playbook holds.
struct Reader<'r> {
    playbook: &'r Playbook,
    directory: Option<&'r Directory>,
    when: &'r When,
}

impl Reader<'_> {
    fn party(&self, party: &PartyRef) -> Option<String> {
        let language = self.when.words.0;
        let name = match party {
            PartyRef::Role(key) => match self.playbook.role(key) {
                Some(role) => Some(&role.title),
                None => self.directory?.role_accounts.get(key).map(|account| &account.title),
            },
            PartyRef::Agency(key) => self.directory?.agencies.get(key).map(|agency| &agency.title),
            PartyRef::Roster(key) => self.directory?.rosters.get(key)?.title.as_ref(),
        };
        name.map(|name| name.get(language).to_owned())
    }

    fn parties(&self, parties: &[PartyRef]) -> String {
        let names = parties.iter().map(|party| self.party(party).unwrap_or_else(|| party.to_string()));
        names.collect::<Vec<_>>().join(&self.when.words.get("list-join"))
    }

    fn alert(&self, alert: &AlertPlan) -> AlertCard {
        let (words, language) = (self.when.words, self.when.words.0);
        let join = words.get("list-join");
        let when = match alert.send {
            None => words.get("playbook-when-named"),
            Some(send) => {
                let event = words.get(match send.event {
                    IncidentEvent::Activated => "playbook-when-activated",
                    IncidentEvent::Stabilised => "playbook-when-stabilised",
                    IncidentEvent::Closing => "playbook-when-closing",
                    IncidentEvent::Cancelled => "playbook-when-cancelled",
                });
                match send.delay {
                    Span::ZERO => event,
                    delay => {
                        let span = self.when.length(delay);
                        event + &words.with("playbook-delay", &[("span", span.into())])
                    }
                }
            }
        };
        let options = alert.responses.as_deref().map(|set| self.playbook.responses(set)).unwrap_or_default();
        let labels: Vec<&str> = options.iter().map(|option| option.label.get(language)).collect();
        let by = |key: &str, span: Option<Span>| {
            Some(words.with(key, &[("span", self.when.length(span?).into())]))
        };
        let (answers, deadlines) = match &alert.ack {
            AckRule::None { because } => {
                let because = because.get(language).to_owned();
                (words.with("playbook-no-answer", &[("because", because.into())]), String::new())
            }
            AckRule::Required { read_by, ack_by, respond_by, .. } => {
                let all = [
                    by("playbook-read-by", *read_by),
                    by("playbook-ack-by", *ack_by),
                    by("playbook-respond-by", *respond_by),
                ];
                (labels.join(&join), all.into_iter().flatten().collect::<Vec<_>>().join(&join))
            }
        };
        let ladder = alert.ladder.as_deref().and_then(|key| self.playbook.ladder(key));
        AlertCard {
            key: alert.key.clone(),
            line: self.playbook.lines.of("alerts", &alert.key),
            when,
            to: self.parties(&alert.to),
            via: alert.via.iter().map(|via| facts::transport(via, self.when)).collect::<Vec<_>>().join(&join),
            subject: alert.subject.get(language).to_owned(),
            body: alert.body.get(language).trim_end().to_owned(),
            answers,
            deadlines,
            silence: start::steps_in_words(ladder, &|party| self.party(party), self.when),
        }
    }

    fn roles(&self) -> Vec<(String, String)> {
        let words = self.when.words;
        let roles = self.playbook.roles.iter().map(|role| {
            let values = [
                ("from", self.parties(&role.fill_from).into()),
                ("span", self.when.length(role.accept_within).into()),
            ];
            (role.title.get(words.0).to_owned(), words.with("playbook-role-from", &values))
        });
        roles.collect()
    }

    fn variables(&self) -> Vec<(String, String)> {
        let words = self.when.words;
        let variables = self.playbook.variables.iter().map(|it| {
            let preset = self.directory.and_then(|directory| variable::preset(it, directory));
            let shown =
                preset.as_ref().map(|value| variable::told(it, value, words.0, self.when.zone).into_owned());
            (variable::label(it).get(words.0).to_owned(), shown.unwrap_or_default())
        });
        variables.collect()
    }

    fn triggers(&self) -> Vec<(String, String)> {
        let words = self.when.words;
        let triggers = self.playbook.triggers.iter().map(|trigger| match trigger.is_manual() {
            true => (words.get("playbook-manual"), self.parties(&trigger.allow)),
            false => (trigger.source.key().to_owned(), trigger.key.clone()),
        });
        triggers.collect()
    }
}
