//! `/incidents/{id}`: the answer board. Who has it, who read it, who answered what, who is silent and whose turn is
//! next.
//!
//! 1. The handler fills facts ([`AlertFacts`], [`RecipientFacts`]) from the store; nothing in them is worded.
//! 2. [`BoardPage::new`] says them: mark, word, next step as a sentence, counts, forces. Pure, so tested here.
//! 3. `static/app.js` fetches the same page when something changed and exchanges the rows in place.
//!
//! Stuck rows stand first in their group at load; a live change never moves a row.

use std::hash::{DefaultHasher, Hash, Hasher};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{id::IncidentId, incident::State, time::Timestamp};

use super::{
    duty::Desk,
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave,
    mark::Mark,
    relay::{Evidence, Hill, relay},
    role::ChairLine,
    when::Moment,
};
use crate::{
    app::App,
    operation::scene::Scene,
    store,
    web::{body, problem::WebError, session::Caller},
};

/// What is known about one alert of the incident.
#[derive(Clone, Debug, Default)]
pub struct AlertFacts {
    /// `alr_…`.
    pub id: String,
    /// Whom it goes to, for the head of the group: DMAT指定医療機関.
    pub audience: String,
    /// The subject, without the drill mark.
    pub subject: String,
    /// Which report it is, from 1.
    pub number: u32,
    /// The alert that it follows up: id, subject, and how (`update correction withdrawal`).
    pub follows: Option<(String, String, String)>,
    /// The alert that has taken its place: id and subject.
    pub replaced: Option<(String, String)>,
    /// Raised by closing, cancelling or merging.
    pub ending: bool,
    /// When it was raised; `None` while it waits for its delay.
    pub raised: Option<Timestamp>,
    /// When it will be raised, where it is not yet.
    pub due: Option<Timestamp>,
    /// Until when an answer is wanted.
    pub respond_by: Option<Timestamp>,
    /// Until when an acknowledgement is wanted.
    pub ack_by: Option<Timestamp>,
    /// How many teams or answers are wanted, where the quorum is a number.
    pub target: Option<usize>,
    /// Every recipient is done and the quorum is not reached: since when, and by how much.
    pub short: Option<(Timestamp, usize)>,
    /// Its recipients.
    pub recipients: Vec<RecipientFacts>,
}

/// What is known about one recipient.
#[derive(Clone, Debug, Default)]
pub struct RecipientFacts {
    /// `rcp_…`.
    pub id: String,
    /// Name of the agency or person.
    pub name: String,
    /// The desks behind it: 当直室、代替: 事務部.
    pub desks: String,
    /// How far its ladder is.
    pub state: RecipientState,
    /// What is proven.
    pub evidence: Evidence,
    /// The answer in force.
    pub answer: Option<AnswerFacts>,
    /// The decision that ended the ladder.
    pub decision: Option<DecisionFacts>,
    /// What happens next when nobody does anything.
    pub next: Option<(Next, Timestamp)>,
    /// Since when a decision is due.
    pub to_decide_since: Option<Timestamp>,
    /// Why letters failed, in a sentence.
    pub failure: Option<String>,
    /// What was tried, in words: メール、代替、架電.
    pub tried: String,
    /// Whether the directory in force has other addresses for it.
    pub moved: bool,
}

/// How far a recipient's ladder is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecipientState {
    /// The ladder runs.
    #[default]
    Waiting,
    /// Answered.
    Answered,
    /// A person's decision is due.
    ToDecide,
    /// A person has decided.
    Decided,
    /// No longer needed.
    StoodDown,
    /// Nothing was asked.
    Informed,
}

/// An answer in force.
#[derive(Clone, Debug)]
pub struct AnswerFacts {
    /// Its words, from the playbook.
    pub label: String,
    /// Its shape.
    pub mark: Mark,
    /// Teams, where it names them.
    pub teams: Option<usize>,
    /// When they arrive, where it is told.
    pub arrival: Option<Timestamp>,
    /// The other fields and the note, in words.
    pub details: String,
    /// Who answered; with a proxy, who typed it.
    pub by: String,
    /// Whether it was taken by telephone and typed in.
    pub proxy: bool,
    /// Whether it came after the deadline.
    pub late: bool,
    /// Whether it was perhaps pressed by a mail scanner.
    pub suspect: bool,
    /// Whether it came after a person had decided.
    pub after_decision: bool,
    /// When it wants to be told again.
    pub refresh_due: Option<Timestamp>,
}

/// A decision in force.
#[derive(Clone, Debug)]
pub struct DecisionFacts {
    /// Its words, from the playbook.
    pub label: String,
    /// Who decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What happens next by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// The letter goes out.
    Send,
    /// A letter is tried again after a temporary refusal.
    Retry,
    /// The letter again, by these transports.
    Resend(String),
    /// The letter to the alternate contact.
    Alternate,
    /// The letter to somebody else.
    Notify(String),
    /// Somebody is asked to telephone.
    Call(String),
    /// Somebody is asked to decide.
    Decide(String),
    /// The arrival should be told again.
    Refresh,
}

/// What the board knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/board.html", config = "src/web/askama.toml")]
pub struct BoardPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// What waits for a person.
    pub waits: Vec<Wait>,
    /// Three or four lines of counts.
    pub counts: Vec<CountLine>,
    /// How many recipients there are.
    pub recipients: usize,
    /// The teams that come.
    pub forces: Option<Forces>,
    /// Who holds which role, or what is being done about the empty chair.
    pub roles: Vec<ChairLine>,
    /// What of the service itself is out of order, in sentences.
    pub troubles: Vec<String>,
    /// When the service was away and what became of the letters, in sentences.
    pub absences: Vec<String>,
    /// Closing is proposed: by whom and since when, in a sentence.
    pub proposal: Option<String>,
    /// It is over and has to be looked back at: until when, in words.
    pub review: Option<String>,
    /// One for each alert.
    pub groups: Vec<Group>,
}

/// One cell of the strip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Its shape; grey where the count is zero.
    pub mark: Mark,
    /// Its words.
    pub words: String,
    /// Of whom it speaks.
    pub whom: String,
    /// How many.
    pub count: usize,
    /// Where it leads.
    pub href: String,
    /// Whether it burns: a decision is due.
    pub burns: bool,
}

/// One line of counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountLine {
    /// 回答した
    pub words: String,
    /// The sum.
    pub sum: usize,
    /// The kinds: shape, words, how many, and the first row of that kind.
    pub kinds: Vec<(Mark, String, usize, String)>,
}

/// The teams that come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forces {
    /// The sentence before the number.
    pub promised: usize,
    /// 目標 6隊、条件付き 1、不足 1, in words.
    pub against: String,
    /// Magnets: short name and class.
    pub slots: Vec<(String, &'static str)>,
    /// Arrivals in order: clock, who, running total, whether under a condition.
    pub arrivals: Vec<(String, String, String, bool)>,
}

/// One alert.
#[derive(Clone, Debug)]
pub struct Group {
    /// `alr_…`.
    pub id: String,
    /// Whom it goes to.
    pub audience: String,
    /// 回答 4/5.
    pub tally: String,
    /// What was sent, when, and until when an answer is wanted.
    pub line: String,
    /// 不足1隊: the alert itself waits for a decision.
    pub short: Option<String>,
    /// What it belongs to among the alerts: words, and the id of the other one.
    pub linked: Vec<(String, String)>,
    /// Whether it was raised and may be followed up.
    pub may_follow: bool,
    /// Names of the five hills.
    pub hills: [String; 5],
    /// Its recipients, stuck ones first.
    pub rows: Vec<Row>,
}

/// How a row stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKind {
    /// Waits for a person's decision.
    Decide,
    /// Silent or failed.
    Alarm,
    /// Its ladder runs.
    Open,
    /// Answered, decided, no longer needed.
    Settled,
}

/// One recipient.
#[derive(Clone, Debug)]
pub struct Row {
    /// `rcp_…`.
    pub id: String,
    /// Changes with what is said, not with the clock: the script marks a row whose version changed.
    pub version: String,
    /// How it stands out.
    pub kind: RowKind,
    /// Name.
    pub name: String,
    /// The desks behind it.
    pub desks: String,
    /// Its shape.
    pub mark: Mark,
    /// Its word.
    pub word: String,
    /// The figure beside the word: teams and arrival.
    pub figure: String,
    /// A length of time beside the word, since this moment.
    pub since: Option<(Moment, String)>,
    /// The second line.
    pub sub: String,
    /// The evidence.
    pub relay: [Hill; 5],
    /// What happens next.
    pub next: Option<NextLine>,
}

/// The next step as a sentence.
#[derive(Clone, Debug)]
pub struct NextLine {
    /// 代替連絡先へ
    pub words: String,
    /// When; past for a decision that is due.
    pub at: Moment,
    /// A decision that is due: how long it has waited, and since when, in words.
    pub due: Option<(String, String)>,
}

impl Row {
    /// The classes of the row.
    pub const fn class(&self) -> &'static str {
        match self.kind {
            RowKind::Decide => "row open decide",
            RowKind::Alarm => "row open alarm",
            RowKind::Open => "row open",
            RowKind::Settled => "row settled",
        }
    }

    /// Whether a decision is due.
    pub fn decides(&self) -> bool {
        self.kind == RowKind::Decide
    }

    /// Says the facts of one recipient.
    pub fn new(facts: &RecipientFacts, alert: &AlertFacts, frame: &Frame) -> Self {
        let (kind, mark, word) = standing(facts, alert, frame);
        let waits = matches!(kind, RowKind::Decide | RowKind::Alarm | RowKind::Open);
        let sent = facts.evidence.accepted.or(alert.raised);
        let since = sent.filter(|_| waits).map(|at| (frame.when.moment(at), frame.when.since(at)));
        let mut row = Self {
            id: facts.id.clone(),
            version: String::new(),
            kind,
            name: facts.name.clone(),
            desks: facts.desks.clone(),
            mark,
            word,
            figure: facts.answer.as_ref().map(|answer| figure(answer, frame)).unwrap_or_default(),
            since,
            sub: with_moved(second_line(facts, frame), facts, frame),
            relay: relay(&facts.evidence, &frame.when),
            next: next_line(facts, frame),
        };
        row.version = row.version_of();
        row
    }

    /// Hashes what is said and leaves out what only the clock changes.
    fn version_of(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (self.kind, self.mark, &self.word, &self.figure, &self.sub).hash(&mut hasher);
        for hill in &self.relay {
            (hill.class(), &hill.told).hash(&mut hasher);
        }
        if let Some(next) = &self.next {
            (&next.words, next.at.millis, next.due.is_some()).hash(&mut hasher);
        }
        format!("{:016x}", hasher.finish())
    }
}

/// The second line, with the word that the directory has another address by now.
fn with_moved(line: String, facts: &RecipientFacts, frame: &Frame) -> String {
    if !facts.moved {
        return line;
    }
    let moved = frame.words.get("board-moved");
    if line.is_empty() { moved } else { format!("{line}{}{moved}", frame.words.get("list-join")) }
}

/// How a recipient stands, its shape and its word.
fn standing(facts: &RecipientFacts, alert: &AlertFacts, frame: &Frame) -> (RowKind, Mark, String) {
    let words = frame.words;
    let evidence = &facts.evidence;
    let opened = evidence.opened.is_some();
    let failed = evidence.failed.is_some() && evidence.accepted.is_none() && !opened;
    let unknown = evidence.unknown.is_some() && evidence.accepted.is_none() && !opened;
    let silent = |key: &str| (RowKind::Alarm, Mark::Silent, words.get(key));
    if let (RecipientState::Waiting | RecipientState::ToDecide | RecipientState::Informed, Some(answer)) =
        (facts.state, &facts.answer)
        && answer.suspect
    {
        let kind = if facts.state == RecipientState::ToDecide { RowKind::Decide } else { RowKind::Alarm };
        return (kind, Mark::Unknown, words.get("doubt-word"));
    }
    match (facts.state, &facts.answer) {
        (RecipientState::Answered, Some(answer)) => (RowKind::Settled, answer.mark, answer.label.clone()),
        (RecipientState::Answered, None) => (RowKind::Settled, Mark::Ok, words.get("board-answered-word")),
        (RecipientState::Decided, _) => (RowKind::Settled, Mark::Decided, words.get("board-decided-word")),
        (RecipientState::StoodDown, Some(answer)) => (RowKind::Settled, answer.mark, answer.label.clone()),
        (RecipientState::StoodDown, None) => {
            (RowKind::Settled, Mark::Rest, words.get("board-stood-down-word"))
        }
        (RecipientState::Informed, _) if failed => {
            (RowKind::Alarm, Mark::Fail, words.get("board-failed-word"))
        }
        (RecipientState::Informed, _) => (RowKind::Settled, Mark::Rest, words.get("board-informed-word")),
        (RecipientState::ToDecide, _) if failed => {
            (RowKind::Decide, Mark::Fail, words.get("board-failed-word"))
        }
        (RecipientState::ToDecide, Some(answer)) => (RowKind::Decide, answer.mark, answer.label.clone()),
        (RecipientState::ToDecide, None) => (RowKind::Decide, Mark::Silent, words.get("board-silent-word")),
        (RecipientState::Waiting, Some(answer)) => (RowKind::Open, answer.mark, answer.label.clone()),
        (RecipientState::Waiting, None) if failed => {
            (RowKind::Alarm, Mark::Fail, words.get("board-failed-word"))
        }
        (RecipientState::Waiting, None) if unknown => {
            (RowKind::Open, Mark::Unknown, words.get("board-unknown-word"))
        }
        (RecipientState::Waiting, None) => {
            let deadline = alert.ack_by.or(alert.respond_by);
            let over = deadline.is_some_and(|deadline| deadline <= frame.when.now);
            match (opened, over) {
                (true, true) => (RowKind::Alarm, Mark::Seen, words.get("board-read-word")),
                (true, false) => (RowKind::Open, Mark::Seen, words.get("board-read-word")),
                (false, true) => silent("board-silent-word"),
                (false, false) if evidence.accepted.is_none() => {
                    (RowKind::Open, Mark::Wait, words.get("board-queued-word"))
                }
                (false, false) => (RowKind::Open, Mark::Wait, words.get("board-unread-word")),
            }
        }
    }
}

/// `2隊 05:40着`.
fn figure(answer: &AnswerFacts, frame: &Frame) -> String {
    let teams = answer.teams.map(|teams| frame.count("board-teams", teams));
    let arrival =
        answer.arrival.map(|at| frame.words.with("board-arrives", &[("clock", frame.when.short(at).into())]));
    [teams, arrival].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Why it stands as it does: the failure, the details of the answer, what was tried.
fn second_line(facts: &RecipientFacts, frame: &Frame) -> String {
    let words = frame.words;
    let mut parts: Vec<String> = Vec::new();
    if let Some(decision) = &facts.decision {
        parts.push(format!("{} ({} {})", decision.label, decision.by, frame.when.short(decision.at)));
    }
    if let Some(answer) = &facts.answer {
        if answer.suspect {
            parts.push(words.with("doubt-why", &[("answer", answer.label.clone().into())]));
        }
        if answer.after_decision {
            parts.push(words.get("board-after-decision"));
        } else if answer.late {
            parts.push(words.get("board-late"));
        }
        if answer.proxy {
            parts.push(frame.named("board-by-proxy", &answer.by));
        }
        if let Some(due) = answer.refresh_due {
            let key = if due <= frame.when.now { "board-out-of-date" } else { "board-refresh" };
            parts.push(words.with(key, &[("clock", frame.when.short(due).into())]));
        }
        if !answer.details.is_empty() {
            parts.push(answer.details.clone());
        }
        if !answer.proxy && !answer.by.is_empty() {
            parts.push(answer.by.clone());
        }
    } else if let Some(failure) = &facts.failure {
        parts.push(failure.clone());
    } else if !facts.tried.is_empty() && facts.decision.is_none() {
        parts.push(facts.tried.clone());
    }
    parts.join(&words.get("list-join"))
}

fn next_line(facts: &RecipientFacts, frame: &Frame) -> Option<NextLine> {
    let words = frame.words;
    if facts.state == RecipientState::ToDecide {
        let since = facts.to_decide_since.unwrap_or(frame.when.now);
        let who = match &facts.next {
            Some((Next::Decide(who), _)) => frame.named("next-decision-of", who),
            _ => words.get("next-decision"),
        };
        let at = frame.when.moment(since);
        let told = words.with("next-since", &[("clock", at.clock.clone().into())]);
        return Some(NextLine { words: who, at, due: Some((frame.when.since(since), told)) });
    }
    let (next, at) = facts.next.as_ref()?;
    let named = |key: &str, name: &str| frame.named(key, name);
    let told = match next {
        Next::Send => words.get("next-send"),
        Next::Retry => words.get("next-retry"),
        Next::Resend(via) => named("next-resend", via),
        Next::Alternate => words.get("next-alternate"),
        Next::Notify(who) => named("next-notify", who),
        Next::Call(who) => named("next-call", who),
        Next::Decide(who) => named("next-decide", who),
        Next::Refresh => words.get("next-refresh"),
    };
    Some(NextLine { words: told, at: frame.when.moment(*at), due: None })
}

impl Group {
    /// Says the facts of one alert.
    pub fn new(alert: &AlertFacts, drill: bool, frame: &Frame) -> Self {
        let words = frame.words;
        let mut rows: Vec<Row> = alert.recipients.iter().map(|facts| Row::new(facts, alert, frame)).collect();
        rows.sort_by_key(|row| row.kind);
        let answered = alert.recipients.iter().filter(|facts| facts.is_answered()).count();
        let asked = alert.recipients.iter().filter(|facts| facts.state != RecipientState::Informed).count();
        let clock = |key: &str, at: Timestamp| words.with(key, &[("clock", frame.when.short(at).into())]);
        let mut line = vec![format!(
            "{}{} {}",
            if drill { words.get("drill-mark") } else { String::new() },
            alert.subject,
            words.with("report-number", &[("n", alert.number.into())])
        )];
        line.extend(alert.raised.map(|at| clock("board-raised", at)));
        if alert.raised.is_none() {
            line.extend(alert.due.map(|at| clock("board-will-be-raised", at)));
        }
        match (alert.respond_by, alert.ack_by) {
            (Some(at), _) => line.push(clock("board-respond-by", at)),
            (None, Some(at)) => line.push(clock("board-ack-by", at)),
            (None, None) => {}
        }
        Self {
            id: alert.id.clone(),
            audience: alert.audience.clone(),
            tally: match asked {
                0 => String::new(),
                _ => words.with("board-tally", &[("answered", answered.into()), ("asked", asked.into())]),
            },
            line: line.join("　"),
            linked: linked(alert, frame),
            may_follow: alert.raised.is_some() && alert.replaced.is_none() && !alert.ending,
            short: alert.short.map(|(_, missing)| frame.count("board-short", missing)),
            hills: relay(&Evidence::default(), &frame.when).map(|hill| hill.name),
            rows,
        }
    }
}

/// 「DMAT待機・出動照会」を受けた訂正; 「…」に替わりました.
fn linked(alert: &AlertFacts, frame: &Frame) -> Vec<(String, String)> {
    let words = frame.words;
    let follows = alert.follows.as_ref().map(|(id, subject, kind)| {
        let kind = words.get(&format!("follow-mark-{kind}"));
        let values = [("name", subject.clone().into()), ("kind", kind.into())];
        (words.with("follow-after", &values), id.clone())
    });
    let replaced =
        alert.replaced.as_ref().map(|(id, subject)| (frame.named("follow-replaced", subject), id.clone()));
    follows.into_iter().chain(replaced).collect()
}

impl RecipientFacts {
    fn is_answered(&self) -> bool {
        self.state == RecipientState::Answered || (self.answer.is_some() && self.evidence.acked.is_some())
    }
}

impl BoardPage {
    /// Says the facts.
    pub fn new(frame: Frame, head: Head, alerts: &[AlertFacts]) -> Self {
        let groups: Vec<Group> = alerts.iter().map(|alert| Group::new(alert, head.drill, &frame)).collect();
        let rows: Vec<&Row> = groups.iter().flat_map(|group| &group.rows).collect();
        Self {
            waits: waits(&rows, alerts, &head, &frame),
            counts: counts(&rows, &frame),
            recipients: rows.len(),
            forces: forces(alerts, &frame),
            roles: Vec::new(),
            troubles: Vec::new(),
            absences: Vec::new(),
            proposal: None,
            review: None,
            groups,
            frame,
            head,
        }
    }
}

impl BoardPage {
    /// Shows the chairs; empty ones wait for somebody.
    pub fn seat(&mut self, roles: Vec<ChairLine>) {
        let vacant: Vec<&ChairLine> = roles.iter().filter(|chair| chair.vacant).collect();
        if let Some(first) = vacant.first().filter(|_| self.head.is_open()) {
            let titles: Vec<&str> = vacant.iter().map(|chair| chair.title.as_str()).collect();
            self.waits.push(Wait {
                mark: Mark::Silent,
                words: self.frame.words.get("wait-vacant"),
                whom: titles.join(&self.frame.words.get("list-join")),
                count: vacant.len(),
                href: format!("/incidents/{}/roles/{}", self.head.id, first.key),
                burns: false,
            });
        }
        self.roles = roles;
    }
}

/// `GET /incidents/{id}`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, WebError> {
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let scene = Scene::load(&app, app.store.read(), id).await?;
    if scene.is_waiting() {
        return Ok(leave::see(&format!("/incidents/{id}/hold")));
    }
    let office = scene.directory.office().get(body::language(&request)).to_owned();
    let frame = leave::frame_of(&request, &app, &caller, Room::Incidents, office);
    let alerts = facts::alerts(&app, &scene).await?;
    let letters = facts::letters(&app, id).await?;
    let facts = facts::facts(&app, &scene, &alerts, &letters, &frame.when).await?;
    let head = facts::head(&app, &scene, &caller, &frame, Tab::Board).await?;
    let roles = facts::roles(&scene, &frame);
    let (troubles, absences) = facts::troubles(&app, &frame);
    let row = &scene.incident;
    let proposal = facts::proposal(&scene, &frame);
    let review = row.review_due_ms.filter(|_| scene.state() == State::Closed).map(|at| {
        let day = frame.when.day(Timestamp(at));
        frame.words.with("life-review-until", &[("day", day.into())])
    });
    let tasks = store::task::of_incident(app.store.read(), id).await?;
    let reports = store::report::of_incident(app.store.read(), id).await?;
    let duties = Desk { scene: &scene, frame: &frame, caller: &caller }.waits(&tasks, &reports);
    let mut page = BoardPage { troubles, absences, proposal, review, ..BoardPage::new(frame, head, &facts) };
    page.seat(roles);
    page.waits.extend(duties);
    // Where a decision is due, it burns first.
    page.waits.sort_by_key(|wait| !wait.burns);
    Ok(leave::html(&request, &page))
}

/// The strip: decisions, silence, failure, and answers that came after a decision.
fn waits(rows: &[&Row], alerts: &[AlertFacts], head: &Head, frame: &Frame) -> Vec<Wait> {
    let words = frame.words;
    let cell = |mark, key: &str, found: &[&&Row]| Wait {
        mark,
        words: words.get(key),
        whom: whom(found, frame),
        count: found.len(),
        href: found.first().map_or_else(|| "#board".to_owned(), |row| format!("#{}", row.id)),
        burns: false,
    };
    let of = |wanted: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| wanted(row)).collect::<Vec<_>>();
    let decide = of(&|row| row.kind == RowKind::Decide);
    let short: Vec<&AlertFacts> = alerts.iter().filter(|alert| alert.short.is_some()).collect();
    let mut first = cell(Mark::Decide, "wait-decide", &decide);
    first.count += short.len();
    first.burns = first.count > 0;
    if let Some(row) = decide.first() {
        let due = row.next.as_ref().and_then(|next| next.due.clone());
        if let (Some((elapsed, _)), 1) = (due, decide.len()) {
            first.whom =
                format!("{} {}", first.whom, words.with("wait-elapsed", &[("span", elapsed.into())]));
        }
        first.href = format!("/incidents/{}/recipients/{}#decide", head.id, row.id);
    } else if let Some(alert) = short.first() {
        first.whom = alert.audience.clone();
        first.href = format!("/incidents/{}/alerts/{}", head.id, alert.id);
    }
    let silent =
        of(&|row| row.mark == Mark::Silent || (row.kind == RowKind::Alarm && row.mark == Mark::Seen));
    let failed = of(&|row| matches!(row.mark, Mark::Fail | Mark::Unknown));
    let mut cells =
        vec![first, cell(Mark::Silent, "wait-silent", &silent), cell(Mark::Fail, "wait-failed", &failed)];
    let after: Vec<&RecipientFacts> = alerts
        .iter()
        .flat_map(|alert| &alert.recipients)
        .filter(|facts| facts.answer.as_ref().is_some_and(|answer| answer.after_decision))
        .collect();
    if let Some(facts) = after.first() {
        cells.push(Wait {
            mark: Mark::Late,
            words: words.get("wait-after-decision"),
            whom: facts.name.clone(),
            count: after.len(),
            href: format!("#{}", facts.id),
            burns: false,
        });
    }
    cells
}

fn whom(rows: &[&&Row], frame: &Frame) -> String {
    match rows {
        [] => frame.words.get("nobody"),
        [row] => row.name.clone(),
        [one, two] => format!("{}{}{}", one.name, frame.words.get("list-join"), two.name),
        [row, rest @ ..] => {
            let count = rest.len();
            frame.words.with("and-others", &[("name", row.name.clone().into()), ("n", count.into())])
        }
    }
}

/// 回答した, 待っている, 止まった, and what a decision has ended.
fn counts(rows: &[&Row], frame: &Frame) -> Vec<CountLine> {
    let line = |key: &str, wanted: &dyn Fn(&Row) -> bool| {
        let mut kinds: Vec<(Mark, String, usize, String)> = Vec::new();
        let mut sum = 0;
        for row in rows.iter().filter(|row| wanted(row)) {
            sum += 1;
            match kinds.iter_mut().find(|(mark, word, ..)| *mark == row.mark && *word == row.word) {
                Some((_, _, count, _)) => *count += 1,
                None => kinds.push((row.mark, row.word.clone(), 1, row.id.clone())),
            }
        }
        kinds.sort_by_key(|(mark, ..)| *mark);
        CountLine { words: frame.words.get(key), sum, kinds }
    };
    let ended = |row: &Row| matches!(row.mark, Mark::Decided | Mark::Rest);
    let stopped = |row: &Row| matches!(row.kind, RowKind::Decide | RowKind::Alarm);
    let mut lines = vec![
        line("count-answered", &|row| row.kind == RowKind::Settled && !ended(row)),
        line("count-waiting", &|row| row.kind == RowKind::Open),
        line("count-stopped", &stopped),
        line("count-ended", &ended),
    ];
    if lines[3].sum == 0 {
        lines.pop();
    }
    lines
}

/// A name as it stands on a magnet: whole words, or the first six wide characters.
fn short(name: &str) -> String {
    const HALF_WIDTHS: usize = 12;
    let width = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    let mut words = name.split_whitespace();
    let mut kept = words.next().unwrap_or_default().to_owned();
    for word in words {
        if width(&kept) + 1 + width(word) > HALF_WIDTHS {
            break;
        }
        kept = format!("{kept} {word}");
    }
    while width(&kept) > HALF_WIDTHS {
        kept.pop();
    }
    kept
}

/// The teams of all answers against the target, and their arrivals with a running total.
fn forces(alerts: &[AlertFacts], frame: &Frame) -> Option<Forces> {
    let teams_of = |facts: &RecipientFacts| {
        let answer = facts.answer.as_ref().filter(|answer| !answer.suspect)?;
        let teams = answer.teams?;
        matches!(answer.mark, Mark::Yes | Mark::Part | Mark::Ok).then_some((
            facts.name.clone(),
            teams,
            answer.mark == Mark::Part,
            answer.arrival,
        ))
    };
    let mut coming: Vec<_> = alerts.iter().flat_map(|alert| &alert.recipients).filter_map(teams_of).collect();
    let target: Option<usize> = alerts.iter().filter_map(|alert| alert.target).reduce(|a, b| a + b);
    if coming.is_empty() && target.is_none() {
        return None;
    }
    coming.sort_by_key(|(_, _, conditional, arrival)| (*conditional, arrival.unwrap_or(Timestamp(i64::MAX))));
    let sum =
        |wanted: bool| coming.iter().filter(|force| force.2 == wanted).map(|force| force.1).sum::<usize>();
    let (promised, conditional) = (sum(false), sum(true));
    let missing = target.map_or(0, |target| target.saturating_sub(promised + conditional));
    let mut against = Vec::new();
    against.extend(target.map(|target| frame.count("forces-target", target)));
    if conditional > 0 {
        against.push(frame.count("forces-conditional", conditional));
    }
    if missing > 0 {
        against.push(frame.count("forces-missing", missing));
    }
    let mut slots = Vec::new();
    for (name, teams, conditional, _) in &coming {
        let short = short(name);
        let slot = if *conditional { (format!("△{short}"), "maybe") } else { (short, "got") };
        slots.extend(std::iter::repeat_n(slot, *teams));
    }
    slots.extend(std::iter::repeat_n((frame.words.get("forces-gap"), "gap"), missing));
    let mut arriving: Vec<_> =
        coming.iter().filter_map(|(name, teams, c, at)| Some((name, *teams, *c, (*at)?))).collect();
    arriving.sort_by_key(|(.., at)| *at);
    let mut total = 0;
    let arrivals = arriving
        .into_iter()
        .map(|(name, teams, conditional, at)| {
            total += teams;
            let who =
                format!("{}{name} {}", if conditional { "△" } else { "" }, frame.count("board-teams", teams));
            (frame.when.short(at), who, frame.count("forces-total", total), conditional)
        })
        .collect();
    Some(Forces { promised, against: against.join(&frame.words.get("list-join")), slots, arrivals })
}

#[cfg(test)]
pub(super) mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::{
            frame::Room,
            sample::{self, at, keep},
        },
        *,
    };

    fn clocks(evidence: [&str; 5]) -> Evidence {
        let [accepted, delivered, opened, acked, answered] =
            evidence.map(|clock| (!clock.is_empty()).then(|| at(&format!("{clock}:00"))));
        let arrival_can_be_proven = delivered.is_some();
        Evidence {
            accepted,
            delivered,
            opened,
            acked,
            answered,
            arrival_can_be_proven,
            ..Evidence::default()
        }
    }

    fn recipient(id: u32, name: &str, desks: &str, evidence: Evidence) -> RecipientFacts {
        RecipientFacts {
            id: format!("rcp_{id:032x}"),
            name: name.into(),
            desks: desks.into(),
            evidence,
            ..RecipientFacts::default()
        }
    }

    fn answer(label: &str, mark: Mark, teams: usize, arrival: &str, details: &str) -> AnswerFacts {
        AnswerFacts {
            label: label.into(),
            mark,
            teams: (teams > 0).then_some(teams),
            arrival: (!arrival.is_empty()).then(|| at(&format!("{arrival}:00"))),
            details: details.into(),
            by: String::new(),
            proxy: false,
            late: false,
            suspect: false,
            refresh_due: None,
            after_decision: false,
        }
    }

    fn answered(facts: RecipientFacts, answer: AnswerFacts) -> RecipientFacts {
        RecipientFacts { state: RecipientState::Answered, answer: Some(answer), ..facts }
    }

    /// The facts of the reference board.
    pub fn facts() -> Vec<AlertFacts> {
        let refresh = |clock: &str| Some((Next::Refresh, at(&format!("{clock}:00"))));
        let misaki = RecipientFacts {
            state: RecipientState::ToDecide,
            to_decide_since: Some(at("03:44:00")),
            next: Some((Next::Decide("本部長".into()), at("03:44:00"))),
            tried: "メール、代替、架電（不在 03:31）".into(),
            ..recipient(1, "岬医療センター DMAT", "当直室、代替: 事務部", clocks(["03:14", "", "", "", ""]))
        };
        let mut matsubara = answered(
            recipient(
                2,
                "松原大学病院 DMAT",
                "救急部当直 村上",
                clocks(["03:14", "03:14", "03:16", "03:17", "03:19"]),
            ),
            answer("出動可", Mark::Yes, 2, "05:40", "8名、統括あり、自院車両"),
        );
        matsubara.next = refresh("04:19");
        let mut wakaba = answered(
            recipient(
                3,
                "若葉総合病院 DMAT",
                "DMAT事務局 岡",
                clocks(["03:14", "03:14", "03:15", "03:15", "03:22"]),
            ),
            answer("出動可", Mark::Yes, 1, "04:50", "4名、出発準備中"),
        );
        wakaba.next = refresh("04:22");
        let mut shiomi = answered(
            recipient(
                4,
                "潮見第一病院 DMAT",
                "当直医 野口",
                clocks(["03:14", "03:15", "03:25", "03:25", "03:31"]),
            ),
            answer("条件付き", Mark::Part, 1, "06:30", "国道の通行止めが解除されれば"),
        );
        shiomi.next = refresh("04:31");
        let mut by_phone = answer("出動不可", Mark::No, 0, "", "自院被災");
        by_phone.proxy = true;
        by_phone.by = "DMAT調整 伊藤".into();
        let kitazawa = answered(
            recipient(
                5,
                "北沢市民病院 DMAT",
                "防災センター",
                Evidence { by_phone: true, ..clocks(["03:14", "03:21", "", "03:28", "03:28"]) },
            ),
            by_phone,
        );
        let refused = RecipientFacts {
            failure: Some("宛先がありません（メールサーバーが拒否）。待たずに次へ".into()),
            next: Some((Next::Call("DMAT調整 伊藤".into()), at("03:48:00"))),
            ..recipient(
                6,
                "若葉市医師会",
                "事務局、代替: 会長宅（電話）",
                Evidence { failed: Some(at("03:24:00")), ..Evidence::default() },
            )
        };
        let read = RecipientFacts {
            next: Some((Next::Decide("本部長".into()), at("03:54:00"))),
            tried: "メール".into(),
            ..recipient(7, "青葉県医師会", "事務局 高梨", clocks(["03:24", "", "03:33", "", ""]))
        };
        let unknown = RecipientFacts {
            next: Some((Next::Resend("SMS".into()), at("03:48:30"))),
            tried: "届いたかどうか分からない".into(),
            ..recipient(
                8,
                "潮見市 危機対策課",
                "当直、代替: 課長",
                Evidence { unknown: Some(at("03:39:00")), ..Evidence::default() },
            )
        };
        let unread = RecipientFacts {
            next: Some((Next::Alternate, at("03:49:00"))),
            tried: "メール、SMS".into(),
            ..recipient(9, "若葉保健所", "当番 三浦、代替: 所長", clocks(["03:39", "03:44", "", "", ""]))
        };
        let fire = answered(
            recipient(
                10,
                "青葉消防本部",
                "指令センター",
                clocks(["03:14", "03:14", "03:16", "03:17", "03:17"]),
            ),
            answer("了解", Mark::Ok, 0, "", "指令台 当番"),
        );
        let call = answered(
            recipient(
                11,
                "南部広域消防組合",
                "警防課（代替連絡先）",
                clocks(["03:14", "03:14", "03:20", "03:20", "03:20"]),
            ),
            answer("電話求む", Mark::Call, 0, "", "搬送車両の台数の確認"),
        );
        let alert = |id: u32, audience: &str, subject: &str, raised: &str, by: &str, recipients| AlertFacts {
            id: format!("alr_{id:032x}"),
            audience: audience.into(),
            subject: subject.into(),
            number: 1,
            raised: Some(at(&format!("{raised}:00"))),
            respond_by: Some(at(&format!("{by}:00"))),
            recipients,
            ..AlertFacts::default()
        };
        let mut dmat = alert(
            1,
            "DMAT指定医療機関",
            "待機・出動照会",
            "03:14",
            "03:44",
            vec![kitazawa, shiomi, wakaba, misaki, matsubara],
        );
        dmat.target = Some(6);
        vec![
            dmat,
            alert(2, "医師会", "医療救護班の派遣照会", "03:24", "03:54", vec![read, refused]),
            alert(3, "行政・保健所", "救護所の開設予定", "03:39", "03:49", vec![unknown, unread]),
            alert(4, "消防", "医療本部設置の通知", "03:14", "03:29", vec![fire, call]),
        ]
    }

    fn page(language: Language, drill: bool, facts: &[AlertFacts]) -> BoardPage {
        let frame = sample::frame(language, Room::Incidents);
        let mut page = BoardPage::new(frame, sample::head(language, drill, Tab::Board), facts);
        let chair = |key: &str, title: &str, words: &str, held, vacant| ChairLine {
            key: key.into(),
            title: title.into(),
            words: words.into(),
            held,
            vacant,
        };
        page.seat(vec![
            chair("commander", "本部長", "佐藤 真由美", true, false),
            chair("liaison", "DMAT調整", "伊藤に打診中（03:51まで）", false, false),
            chair("planning", "情報・計画", "空席", false, true),
        ]);
        page
    }

    #[test]
    fn the_board_is_light_and_complete_in_both_modes_and_languages() {
        for (name, language, drill) in [
            ("board-ja", Language::Ja, false),
            ("board-en", Language::En, false),
            ("board-drill-ja", Language::Ja, true),
        ] {
            let mut page = page(language, drill, &facts());
            if drill {
                page.troubles = vec![
                    "メールの中継 127.0.0.1:2525 に03:40から届きません。届き次第、送り直します。".into(),
                ];
                page.absences = vec![
                    "03:20から03:22までサービスが止まっていました。期限の過ぎた送信は、順に送りました。"
                        .into(),
                ];
            }
            let html = keep(name, page.render().unwrap());
            assert!(html.len() < 60_000, "{name}: {} bytes", html.len());
            assert!(!html.contains("style="), "the policy forbids inline styles");
            assert_eq!(html.contains("【訓練】") || html.contains("訓練 EXERCISE"), drill);
            assert_eq!(html.contains("class=\"tape\""), drill);
        }
    }

    #[test]
    fn stuck_rows_stand_first_in_their_group() {
        let page = page(Language::Ja, false, &facts());
        let kinds: Vec<RowKind> = page.groups[0].rows.iter().map(|row| row.kind).collect();
        assert_eq!(kinds[0], RowKind::Decide);
        assert!(kinds[1..].iter().all(|kind| *kind == RowKind::Settled));
    }

    #[test]
    fn every_recipient_is_counted_once() {
        let page = page(Language::Ja, false, &facts());
        let sums: Vec<usize> = page.counts.iter().map(|line| line.sum).collect();
        assert_eq!(sums, [6, 3, 2]);
        assert_eq!(page.recipients, 11);
    }

    #[test]
    fn forces_run_up_and_conditional_ones_are_told_apart() {
        let forces = page(Language::Ja, false, &facts()).forces.unwrap();
        assert_eq!(forces.promised, 3);
        assert_eq!(forces.against, "目標 6隊、条件付き 1、不足 2");
        let totals: Vec<&str> = forces.arrivals.iter().map(|arrival| arrival.2.as_str()).collect();
        assert_eq!(totals, ["計1", "計3", "計4"]);
    }

    #[test]
    fn a_row_changes_its_version_with_its_facts_and_not_with_the_clock() {
        let alert = &facts()[2];
        let mut frame = sample::frame(Language::Ja, Room::Incidents);
        let version = |frame: &Frame, facts: &RecipientFacts| Row::new(facts, alert, frame).version;
        let before = version(&frame, &alert.recipients[1]);
        frame.when.now = at("03:47:40");
        assert_eq!(version(&frame, &alert.recipients[1]), before);
        let mut opened = alert.recipients[1].clone();
        opened.evidence.opened = Some(at("03:47:30"));
        assert_ne!(version(&frame, &opened), before);
    }

    #[test]
    fn a_board_without_recipients_says_so() {
        let html = keep("board-empty-ja", page(Language::Ja, false, &[]).render().unwrap());
        assert!(html.contains("まだ何も送っていません"));
    }
}
