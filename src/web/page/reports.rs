//! `/incidents/{id}/reports`: every kind of situation report, what went out, what is due, what comes next.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use entity::report;
use noroshi_core::{
    id::{IncidentId, ReportId},
    report::State,
    time::Timestamp,
};

use super::{
    duty::Desk,
    facts,
    frame::{Frame, Room},
    incident::{Head, Stage, Tab},
    leave::{frame_of, html},
    mark::Mark,
    when::Moment,
};
use crate::{
    app::App,
    operation::scene::Scene,
    store,
    web::{body, problem::WebError, session::Caller},
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/reports.html", config = "src/web/askama.toml")]
pub struct ReportsPage {
    /// What stands around it.
    pub frame: Frame,
    /// The incident.
    pub head: Head,
    /// One for each kind.
    pub kinds: Vec<Kind>,
}

/// One kind of report.
#[derive(Clone, Debug)]
pub struct Kind {
    /// The section's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Who writes, who approves, who hears it.
    pub facts: Vec<String>,
    /// When the next one is due.
    pub next: Option<Moment>,
    /// Newest first.
    pub lines: Vec<ReportLine>,
}

/// One report.
#[derive(Clone, Debug)]
pub struct ReportLine {
    /// `rpt_…`.
    pub id: String,
    /// Changes with whatever the line shows.
    pub version: String,
    /// 状況報告 第2報.
    pub name: String,
    /// Its shape.
    pub mark: Mark,
    /// Its state in a word.
    pub word: String,
    /// `late`, `open`, `decide` or `settled`.
    pub class: &'static str,
    /// When it is due.
    pub due: Moment,
    /// Who wrote and who approved, or what was decided.
    pub detail: String,
    /// What the reader can do now: words on the button, whether it burns.
    pub act: (String, bool),
}

impl ReportsPage {
    /// `期限 03:29`.
    pub fn due(&self, due: &Moment) -> String {
        self.frame.words.with("tasks-due", &[("clock", due.clock.clone().into())])
    }

    /// `次は 04:44`.
    pub fn next(&self, next: &Moment) -> String {
        self.frame.words.with("reports-next", &[("clock", next.clock.clone().into())])
    }
}

/// `GET /incidents/{id}/reports`.
pub async fn get(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    id: Path<String>,
) -> Result<HttpResponse, WebError> {
    let id: IncidentId = id.parse().map_err(|_| WebError::NotFound)?;
    let db = app.store.read();
    let scene = Scene::load(&app, db, id).await?;
    let language = body::language(&request);
    let office = scene.directory.office().get(language).to_owned();
    let frame = frame_of(&request, &app, &caller, Room::Incidents, office);
    let words = frame.words;
    let rows = store::report::of_incident(db, id).await?;
    let desk = Desk { scene: &scene, frame: &frame, caller: &caller };
    let own_now = scene.timeline.own(frame.when.now).0;
    let kinds = scene.playbook.reports.iter().map(|plan| {
        let of_kind: Vec<&report::Model> = rows.iter().filter(|row| row.key == plan.key).collect();
        let next = of_kind.iter().find(|row| row.state == State::Due.key() && row.due_own_ms > own_now);
        let channels = plan.audience.iter().filter_map(|key| scene.playbook.channel(key));
        let channels: Vec<&str> = channels.map(|channel| channel.title.get(language)).collect();
        let mut facts = vec![frame.named("reports-author", &desk.holder(&plan.author))];
        facts
            .extend(plan.approver.as_deref().map(|role| frame.named("reports-approver", &desk.holder(role))));
        if !channels.is_empty() {
            facts.push(frame.named("reports-audience", &channels.join(&words.get("list-join"))));
        }
        Kind {
            id: format!("k-{}", plan.key),
            title: plan.title.get(language).to_owned(),
            facts,
            next: next.map(|row| desk.moment(row.due_own_ms)),
            lines: of_kind.iter().rev().map(|row| line(&desk, row)).collect(),
        }
    });
    let kinds = kinds.collect();
    let head = facts::head(&app, &scene, &caller, &frame, Tab::Tasks).await?;
    Ok(html(&request, &ReportsPage { head, kinds, frame }))
}

fn line(desk: &Desk<'_>, row: &report::Model) -> ReportLine {
    let words = desk.frame.words;
    let (mark, word, class) = desk.report_state(row);
    let signed = |key: &str, at: Option<i64>, by: &Option<String>| {
        let clock = desk.frame.when.short(Timestamp(at?));
        Some(words.with(key, &[("clock", clock.into()), ("name", by.clone()?.into())]))
    };
    let decision = row.decision.as_ref().map(|json| {
        let word = |key: &str| json.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let kind = desk.scene.playbook.report(&row.key);
        let options = kind.map(|kind| kind.if_missed.options.as_slice()).unwrap_or_default();
        let label = facts::decided_label(options, word("option"), words.0);
        format!("{label} {} {}", word("note"), word("by"))
    });
    let detail = [
        signed("report-written", row.written_at_ms, &row.written_by),
        signed("report-approved", row.approved_at_ms, &row.approved_by),
        decision,
    ];
    let open = State::from_key(&row.state).is_some_and(State::is_open) && desk.scene.is_open();
    let name = desk.report_name(row);
    let act = match row.state.as_str() {
        _ if open && row.decide_since_ms.is_some() && desk.may_decide(row) => {
            (words.get("reports-decide"), true)
        }
        "submitted" if open && desk.may_approve(row) => (words.get("reports-approve"), true),
        "due" | "returned" if open && desk.may_write() => (desk.frame.named("reports-write", &name), false),
        _ => (words.get("reports-look"), false),
    };
    ReportLine {
        id: ReportId::new(row.id).to_string(),
        version: format!("{}-{class}", row.version),
        name,
        mark,
        word,
        class,
        due: desk.moment(row.due_own_ms),
        detail: detail.into_iter().flatten().collect::<Vec<_>>().join("　"),
        act,
    }
}
