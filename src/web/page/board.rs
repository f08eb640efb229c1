//! `/incidents/{id}`: the answer board. Who has it, who read it, who answered what, who is silent and whose turn is
//! next.
//!
//! 1. The handler fills facts ([`AlertFacts`], [`RecipientFacts`]) from the store; nothing in them is worded.
//! 2. [`BoardPage::new`] says them: mark, word, next step as a sentence, counts, forces. Pure, so tested here.
//! 3. `static/app.js` fetches the same page when something changed and exchanges the rows in place.
//!
//! Stuck rows stand first in their group at load; a live change never moves a row.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use noroshi_core::{id::IncidentId, incident::State, time::Timestamp};

use super::{
    call_list::{self, Call},
    duty::Desk,
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave,
    mark::Mark,
    role::ChairLine,
};
use crate::{
    app::App,
    operation::scene::Scene,
    store,
    web::{body, problem::WebError, session::Caller},
};

mod counts;
mod forces;
mod group;
mod known;
mod row;
mod strip;

pub use counts::CountLine;
pub use forces::Forces;
pub use group::Group;
pub use known::{AlertFacts, AnswerFacts, DecisionFacts, Next, RecipientFacts, RecipientState};
pub use row::{NextLine, Row, RowKind};
pub use strip::Wait;

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
    /// Whom to telephone.
    pub calls: Vec<Call>,
    /// One for each alert.
    pub groups: Vec<Group>,
}

impl BoardPage {
    /// Says the facts.
    pub fn new(frame: Frame, head: Head, alerts: &[AlertFacts]) -> Self {
        let groups: Vec<Group> = alerts.iter().map(|alert| Group::new(alert, head.drill, &frame)).collect();
        let rows: Vec<&Row> = groups.iter().flat_map(|group| &group.rows).collect();
        // What a newer alert has replaced asks nothing any more and is not counted.
        let replaced = |id: &str| alerts.iter().any(|alert| alert.id == id && alert.replaced.is_some());
        let current = groups.iter().filter(|group| !replaced(&group.id)).flat_map(|group| &group.rows);
        let current: Vec<&Row> = current.collect();
        Self {
            waits: strip::waits(&rows, alerts, &head, &frame),
            counts: counts::counts(&current, &frame),
            recipients: current.len(),
            forces: forces::forces(alerts, &frame),
            roles: Vec::new(),
            troubles: Vec::new(),
            absences: Vec::new(),
            proposal: None,
            review: None,
            calls: Vec::new(),
            groups,
            frame,
            head,
        }
    }

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
    let troubles = facts::troubles(&app, &frame).await?;
    let absences = facts::absences(&app, &frame, &scene.incident);
    let row = &scene.incident;
    let proposal = facts::proposal(&scene, &frame);
    let review = row.review_due_ms.filter(|_| scene.state() == State::Closed).map(|at| {
        let day = frame.when.day(Timestamp(at));
        frame.words.with("life-review-until", &[("day", day.into())])
    });
    let tasks = store::task::of_incident(app.store.read(), id).await?;
    let reports = store::report::of_incident(app.store.read(), id).await?;
    let duties = Desk { scene: &scene, frame: &frame, caller: &caller }.waits(&tasks, &reports);
    let calls = call_list::calls(&scene, &alerts, &facts, &letters, &frame)?;
    let mut page =
        BoardPage { troubles, absences, proposal, review, calls, ..BoardPage::new(frame, head, &facts) };
    page.seat(roles);
    if duties.iter().any(|wait| wait.burns) {
        // No empty "decisions: none" beside a decision about a report.
        page.waits.retain(|wait| wait.mark != Mark::Decide || wait.count > 0);
    }
    page.waits.extend(duties);
    // Where a decision is due, it burns first.
    page.waits.sort_by_key(|wait| !wait.burns);
    Ok(leave::html(&request, &page))
}

#[cfg(test)]
pub(super) mod tests;
