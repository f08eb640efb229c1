//! `/rosters`: who is on duty now and next, the fortnight ahead with its gaps, who stands in for whom, and the role
//! accounts that one may act as.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use chrono::NaiveDateTime;
use noroshi_core::{
    directory::{
        Cover, Directory,
        roster::{Shift, instant},
    },
    id::CoverId,
    rights::{Action, may},
    time::{Span, Timestamp},
};

use super::{
    frame::{Frame, Room},
    leave::{self, html, html_with, see},
    line::Line,
    mark::Mark,
};
use crate::{
    app::App,
    operation::{OperationError, Work, account, cover},
    store,
    web::{
        api::roster::in_force,
        body::Posted,
        problem::WebError,
        session::{self, Caller},
    },
};

/// How far ahead gaps are shown.
pub const AHEAD: Span = Span::minutes(14 * 24 * 60);
/// Most shifts that are listed for one roster.
const MOST: usize = 60;

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/rosters.html", config = "src/web/askama.toml")]
pub struct RostersPage {
    /// What stands around it.
    pub frame: Frame,
    /// Every roster.
    pub rosters: Vec<RosterPart>,
    /// Who stands in for whom, now and to come.
    pub covers: Vec<CoverLine>,
    /// The role accounts.
    pub accounts: Vec<AccountLine>,
    /// The form, for whoever may write a cover down.
    pub form: Option<CoverForm>,
}

/// One roster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RosterPart {
    /// Readable key.
    pub key: String,
    /// Title for people.
    pub title: String,
    /// The zone of its clocks, where it is not the site's.
    pub zone: String,
    /// Who is on duty; empty where nobody is.
    pub now: String,
    /// The next change, in a sentence.
    pub next: Option<String>,
    /// Times without anybody in the fortnight ahead.
    pub gaps: Vec<String>,
    /// The fortnight: from when, who, why; whether nobody is there.
    pub shifts: Vec<(String, String, String, bool)>,
    /// How many more there are than are listed.
    pub more: usize,
}

/// Somebody stands in for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverLine {
    /// `cov_…`.
    pub id: String,
    /// In a sentence.
    pub words: String,
    /// Where, when, why, by whom it was written down.
    pub detail: String,
    /// Whether this person may take it back.
    pub may_end: bool,
}

/// A role account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLine {
    /// Readable key.
    pub key: String,
    /// 当直師長
    pub title: String,
    /// Who is on duty for it.
    pub now: String,
    /// Whether this person may act as it now.
    pub mine: bool,
    /// Whether this person does.
    pub acting: bool,
}

/// What was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverForm {
    /// Everybody who can be named: key, name.
    pub people: Vec<(String, String)>,
    /// The rosters: key, title.
    pub rosters: Vec<(String, String)>,
    /// Key of the roster; empty is all.
    pub roster: String,
    /// Key of the person.
    pub absent: String,
    /// Key of the person.
    pub stand_in: String,
    /// As the browser sends it: `2026-11-24T08:30`.
    pub from: String,
    /// As the browser sends it.
    pub to: String,
    /// Why.
    pub because: String,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// `GET /rosters`.
pub async fn get(request: HttpRequest, app: Data<App>, caller: Caller) -> Result<HttpResponse, WebError> {
    Ok(html(&request, &page(&request, &app, &caller).await?))
}

/// `POST /rosters/covers`.
pub async fn add(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let value = |name: &str| form.get(name).unwrap_or_default().trim().to_owned();
    let time = |name: &str| -> Option<Timestamp> {
        let wall = NaiveDateTime::parse_from_str(&value(name), "%Y-%m-%dT%H:%M").ok()?;
        Some(instant(wall, app.zone))
    };
    let mut problems = Vec::new();
    let (from, to) = (time("from"), time("to"));
    let named = !value("absent").is_empty() && !value("stand_in").is_empty();
    if let (Some(from), Some(to), true) = (from, to, named) {
        let roster = Some(value("roster")).filter(|roster| !roster.is_empty());
        let cover = Cover { roster, absent: value("absent"), stand_in: value("stand_in"), from, to };
        let work = Work::begin(&app, caller.actor.clone()).await?;
        let once = form.once(&caller);
        match cover::add(work, cover, &value("because"), once.as_ref(), |_| String::new()).await {
            Ok(_) => return Ok(see("/rosters#covers")),
            Err(OperationError::Invalid(found)) => problems = found,
            Err(error) => return Err(error.into()),
        }
    }
    let mut page = page(&request, &app, &caller).await?;
    let words = page.frame.words;
    if let Some(typed) = &mut page.form {
        typed.roster = value("roster");
        typed.absent = value("absent");
        typed.stand_in = value("stand_in");
        typed.from = value("from");
        typed.to = value("to");
        typed.because = value("because");
        typed.problems = problems.into_iter().map(|problem| problem.detail.get(words.0).to_owned()).collect();
        if !named {
            typed.problems.push(words.get("cover-problem-who"));
        }
        if from.is_none() || to.is_none() {
            typed.problems.push(words.get("cover-problem-time"));
        }
    }
    Ok(html_with(&request, StatusCode::UNPROCESSABLE_ENTITY, &page))
}

/// `POST /rosters/covers/{id}/end`.
pub async fn end(
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
    _form: Posted,
) -> Result<HttpResponse, WebError> {
    let id: CoverId = id.parse().map_err(|_| WebError::NotFound)?;
    let work = Work::begin(&app, caller.actor).await?;
    cover::end(work, id, None, |_| String::new()).await?;
    Ok(see("/rosters#covers"))
}

/// `POST /acting`: act as a role account from now on, or as oneself.
pub async fn act_as(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    form: Posted,
) -> Result<HttpResponse, WebError> {
    let token = session::session_token(&app, &request).ok_or(WebError::SignIn)?;
    let role = form.get("role").filter(|role| !role.is_empty());
    let work = Work::begin(&app, caller.actor).await?;
    account::act_as(work, &token, role).await?;
    Ok(see("/rosters#accounts"))
}

/// What the home page says of times without anybody on duty.
pub fn gap_lines(directory: &Directory, frame: &Frame) -> Vec<Line> {
    let lines = gaps(directory, frame.when.now).map(|(key, gap)| Line {
        mark: Some(Mark::Silent),
        href: format!("/rosters#{key}"),
        words: frame.named("roster-gap-home", &title(directory, key, frame)),
        detail: span(&gap, frame),
        end: String::new(),
        mode: None,
    });
    lines.collect()
}

/// The rosters that have nobody on duty at some time of the fortnight ahead, each with its first such time.
pub fn gaps(directory: &Directory, now: Timestamp) -> impl Iterator<Item = (&str, Shift)> {
    directory.rosters.keys().filter_map(move |key| {
        let mut shifts = directory.shifts(key, now, now + AHEAD).into_iter();
        Some((key.as_str(), shifts.find(|shift| shift.people.is_empty())?))
    })
}

fn title(directory: &Directory, key: &str, frame: &Frame) -> String {
    let title = directory.rosters.get(key).and_then(|roster| roster.title.as_ref());
    title.map_or_else(|| key.to_owned(), |title| title.get(frame.words.0).to_owned())
}

fn span(shift: &Shift, frame: &Frame) -> String {
    let clock = |at: Timestamp| frame.when.day_and_clock(at);
    frame.words.with("roster-span", &[("from", clock(shift.from).into()), ("to", clock(shift.to).into())])
}

async fn page(request: &HttpRequest, app: &App, caller: &Caller) -> Result<RostersPage, WebError> {
    let frame = leave::frame(request, app, caller, Room::Rosters).await?;
    let Some(directory) = in_force(app).await? else {
        return Ok(RostersPage {
            frame,
            rosters: Vec::new(),
            covers: Vec::new(),
            accounts: Vec::new(),
            form: None,
        });
    };
    let rows = store::cover::standing(app.store.read()).await?;
    let desk = Desk { directory: &directory, covers: &rows, frame: &frame, caller };
    let covers = rows.iter().filter(|row| row.to_ms > frame.when.now.0).map(|row| desk.cover(row)).collect();
    let form = desk.form();
    Ok(RostersPage {
        rosters: directory.rosters.keys().map(|key| desk.roster(key)).collect(),
        covers,
        accounts: desk.accounts(),
        form,
        frame,
    })
}

/// What is needed to say things about rosters.
struct Desk<'a> {
    directory: &'a Directory,
    covers: &'a [entity::roster_cover::Model],
    frame: &'a Frame,
    caller: &'a Caller,
}

impl Desk<'_> {
    fn name(&self, key: &str) -> String {
        let found = self.directory.people.get(key);
        found.map_or_else(|| key.to_owned(), |person| person.name.get(self.frame.words.0).to_owned())
    }

    fn names<'k>(&self, people: impl IntoIterator<Item = &'k str>) -> String {
        let names: Vec<String> = people.into_iter().map(|key| self.name(key)).collect();
        names.join(&self.frame.words.get("list-join"))
    }

    fn roster(&self, key: &str) -> RosterPart {
        // A roster speaks in its own wall time.
        let own = self.directory.rosters.get(key).map_or(self.frame.when.zone, |roster| roster.zone);
        let mut frame = self.frame.clone();
        frame.when.zone = own;
        let (frame, now) = (&frame, frame.when.now);
        let shifts = self.directory.shifts(key, now, now + AHEAD);
        let people = |shift: &Shift| self.names(shift.people.iter().map(String::as_str));
        let next = shifts.get(1).map(|shift| {
            let who = if shift.people.is_empty() { frame.words.get("roster-nobody") } else { people(shift) };
            let clock = frame.when.short(shift.from);
            frame.words.with("roster-next", &[("clock", clock.into()), ("name", who.into())])
        });
        let gaps = shifts.iter().filter(|shift| shift.people.is_empty()).map(|shift| {
            let because = shift.because.as_ref().map(|because| because.get(frame.words.0));
            format!("{} {}", span(shift, frame), because.unwrap_or_default()).trim().to_owned()
        });
        let lines = shifts.iter().take(MOST).map(|shift| {
            let why = match (&shift.because, shift.why) {
                (Some(because), _) => because.get(frame.words.0).to_owned(),
                (None, noroshi_core::directory::roster::Why::Override) => frame.words.get("roster-override"),
                (None, _) => String::new(),
            };
            let covered =
                self.directory.covers_at(key, shift.from).into_iter().map(|cover| self.stands_in(cover));
            let why = std::iter::once(why)
                .chain(covered)
                .filter(|why| !why.is_empty())
                .collect::<Vec<_>>()
                .join("　");
            let vacant = shift.people.is_empty();
            let who = if vacant { frame.words.get("roster-nobody") } else { people(shift) };
            (frame.when.day_and_clock(shift.from), who, why, vacant)
        });
        RosterPart {
            key: key.to_owned(),
            title: title(self.directory, key, frame),
            zone: if own == self.frame.when.zone { String::new() } else { own.name().to_owned() },
            now: self.names(self.directory.on_duty(key, now)),
            next,
            gaps: gaps.collect(),
            shifts: lines.collect(),
            more: shifts.len().saturating_sub(MOST),
        }
    }

    /// `佐藤（例）の代わり（研修）`
    fn stands_in(&self, cover: &Cover) -> String {
        let row = self.covers.iter().find(|row| store::cover::cover(row) == *cover);
        let because = row.map(|row| row.because.as_str()).filter(|because| !because.is_empty());
        let name = ("name", self.name(&cover.absent).into());
        match because {
            Some(because) => self
                .frame
                .words
                .with("roster-covers-because", &[name, ("because", because.to_owned().into())]),
            None => self.frame.words.with("roster-covers", &[name]),
        }
    }

    fn cover(&self, row: &entity::roster_cover::Model) -> CoverLine {
        let frame = self.frame;
        let cover = store::cover::cover(row);
        let clock = |at: Timestamp| frame.when.day_and_clock(at);
        let on = match &row.roster {
            Some(key) => title(self.directory, key, frame),
            None => frame.words.get("cover-all-rosters"),
        };
        let when = frame
            .words
            .with("roster-span", &[("from", clock(cover.from).into()), ("to", clock(cover.to).into())]);
        let by = frame.words.with(
            "cover-made-by",
            &[("name", row.made_by_name.clone().into()), ("clock", clock(Timestamp(row.made_at_ms)).into())],
        );
        let parts = [on, when, row.because.clone(), by];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        CoverLine {
            id: CoverId::new(row.id).to_string(),
            words: frame.words.with(
                "cover-says",
                &[("absent", self.name(&row.absent).into()), ("stand_in", self.name(&row.stand_in).into())],
            ),
            detail: parts.join("　"),
            may_end: cover::may_end(self.directory, &cover, &self.caller.actor),
        }
    }

    fn accounts(&self) -> Vec<AccountLine> {
        let actor = &self.caller.actor;
        let accounts = self.directory.role_accounts.iter().map(|(key, account)| {
            let on_duty = self.directory.on_duty(&account.roster, self.frame.when.now);
            AccountLine {
                key: key.clone(),
                title: account.title.get(self.frame.words.0).to_owned(),
                mine: on_duty.iter().any(|person| actor.is_person(person)),
                acting: actor.acting.as_ref() == Some(key),
                now: self.names(on_duty),
            }
        });
        accounts.collect()
    }

    /// The form, filled for this person's next absence.
    fn form(&self) -> Option<CoverForm> {
        let actor = &self.caller.actor;
        let stands =
            |key: &&String| self.directory.ever_on_duty(key).iter().any(|person| actor.is_person(person));
        let named = self.directory.rosters.keys().any(|key| stands(&key));
        if !actor.role.is_some_and(|role| may(role, Action::Cover, named)) {
            return None;
        }
        let human = self.directory.people.iter().filter(|(_, person)| person.human);
        Some(CoverForm {
            people: human.map(|(key, _)| (key.clone(), self.name(key))).collect(),
            rosters: self
                .directory
                .rosters
                .keys()
                .map(|key| (key.clone(), title(self.directory, key, self.frame)))
                .collect(),
            absent: actor.person.clone().filter(|_| named).unwrap_or_default(),
            ..CoverForm::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, keep},
        *,
    };

    #[test]
    fn gaps_are_said_in_words_before_the_list_and_covers_can_be_taken_back() {
        for language in [Language::Ja, Language::En] {
            let page = RostersPage {
                frame: frame(language, Room::Rosters),
                rosters: vec![
                    RosterPart {
                        key: "eoc_duty".into(),
                        title: "本部当番".into(),
                        zone: String::new(),
                        now: "佐藤（例）".into(),
                        next: Some("11月25日(水) 08:30から 鈴木（例）".into()),
                        gaps: vec!["12月1日(火) 08:30から 12月2日(水) 08:30 年末の休み".into()],
                        shifts: vec![
                            ("11月24日(火) 03:47".into(), "佐藤（例）".into(), String::new(), false),
                            ("12月1日(火) 08:30".into(), "当番なし".into(), "年末の休み".into(), true),
                        ],
                        more: 3,
                    },
                    RosterPart { key: "empty".into(), title: "予備".into(), ..RosterPart::default() },
                ],
                covers: vec![CoverLine {
                    id: "cov_1".into(),
                    words: "佐藤（例）の代わりに鈴木（例）".into(),
                    detail: "本部当番　11月24日 18:00から 11月25日 08:30".into(),
                    may_end: true,
                }],
                accounts: vec![AccountLine {
                    key: "head_nurse".into(),
                    title: "当直師長".into(),
                    now: "佐藤（例）".into(),
                    mine: true,
                    acting: false,
                }],
                form: Some(CoverForm {
                    people: vec![("p_sato".into(), "佐藤（例）".into())],
                    rosters: vec![("eoc_duty".into(), "本部当番".into())],
                    absent: "p_sato".into(),
                    problems: vec!["佐藤（例）さんはその間、当番に入っていません。代わりは要りません".into()],
                    ..CoverForm::default()
                }),
            };
            let html = keep(&format!("rosters-{}", language.key()), page.render().unwrap());
            assert!(!html.contains("style=") && html.contains("/rosters/covers/cov_1/end"));
            assert!(html.find("年末の休み") < html.find("<table"), "the gap stands before the list");
        }
    }
}
