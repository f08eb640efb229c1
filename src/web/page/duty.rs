//! Tasks and reports as pages show them: lines, what is late, what waits for whom.

use entity::{report, task};
use noroshi_core::{
    id::{ReportId, TaskId},
    playbook::{Anchor, AskKind, IncidentMoment, PartyRef},
    report::State as ReportState,
    rights::{Action, may},
    task::State,
    text::Language,
    time::Timestamp,
};

use super::{board::Wait, frame::Frame, line::Line, mark::Mark, when::Moment};
use crate::{
    operation::{
        report as reports,
        scene::{Scene, text},
        task as tasks,
    },
    web::session::Caller,
};

/// One task in a list.
#[derive(Clone, Debug)]
pub struct TaskLine {
    /// `tsk_…`.
    pub id: String,
    /// Changes with whatever the line shows.
    pub version: String,
    /// What is to be done.
    pub title: String,
    /// Whom or what it concerns; empty for most.
    pub about: String,
    /// `本部長 佐藤`.
    pub who: String,
    /// Whether the reader holds the role.
    pub mine: bool,
    /// Whether the incident waits for it.
    pub required: bool,
    /// Its shape.
    pub mark: Mark,
    /// Its state in a word.
    pub word: String,
    /// `late`, `open`, `blocked` or `settled`.
    pub class: &'static str,
    /// When it is due.
    pub due: Option<Moment>,
    /// How long it is late.
    pub late: Option<String>,
    /// Small words: what it waits for, which turn, who settled it, its note.
    pub detail: String,
    /// How it is done from the list.
    pub act: Act,
}

/// How a task is done from the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Not from here: only looked at.
    Look,
    /// There is something to fill in first.
    FillIn,
    /// By one button.
    Press,
    /// By one value and a button.
    Give {
        /// Words beside the value.
        label: String,
        /// `inputmode`.
        keys: &'static str,
        /// What stands there already.
        value: String,
    },
}

/// What is the same for all lines of one page.
pub struct Desk<'p> {
    /// The incident.
    pub scene: &'p Scene,
    /// What stands around the page.
    pub frame: &'p Frame,
    /// The reader.
    pub caller: &'p Caller,
}

impl Desk<'_> {
    fn language(&self) -> Language {
        self.frame.words.0
    }

    /// A moment of the incident's own time.
    pub fn moment(&self, own: i64) -> Moment {
        let at = self.scene.timeline.real_time_of(Timestamp(own)).unwrap_or(Timestamp(own));
        self.frame.when.moment(at)
    }

    fn own_now(&self) -> i64 {
        self.scene.timeline.own(self.frame.when.now).0
    }

    /// `本部長 佐藤`, or that the chair is empty.
    pub fn holder(&self, role: &str) -> String {
        let title = self.scene.party_name(&PartyRef::Role(role.to_owned()));
        let of_chair = self.scene.role(role).and_then(|row| row.name.as_ref()).map(text);
        let on_duty = || {
            let person = self.scene.holder(role, self.frame.when.now)?;
            self.scene.directory.people.get(&person).map(|person| person.name.clone())
        };
        let name = of_chair
            .or_else(on_duty)
            .map_or_else(|| self.frame.words.get("role-empty"), |name| name.get(self.language()).to_owned());
        format!("{} {name}", title.get(self.language()))
    }

    /// Whether the reader holds this role.
    pub fn holds(&self, role: &str) -> bool {
        self.scene.holds(role, &self.caller.actor, self.frame.when.now)
    }

    /// Whether the reader may do this, where `named` says that it is theirs as holder of a role.
    pub fn may(&self, action: Action, named: bool) -> bool {
        self.caller.actor.role.is_some_and(|role| may(role, action, named))
    }

    /// Whether the reader may write.
    pub fn may_write(&self) -> bool {
        self.may(Action::Talk, false)
    }

    /// One task as a line. `all`: every task of the incident.
    pub fn task(&self, all: &[task::Model], row: &task::Model) -> TaskLine {
        let words = self.frame.words;
        let language = self.language();
        let plan = row.key.as_deref().and_then(|key| self.scene.playbook.task(key));
        let state = State::from_key(&row.state).unwrap_or(State::Open);
        let late = state == State::Open && row.due_own_ms.is_some_and(|due| due < self.own_now());
        let (mark, word, class) = match state {
            State::Done => (Mark::Ok, "tasks-done-word", "settled"),
            State::NotNeeded => (Mark::Decided, "tasks-not-needed-word", "settled"),
            State::Ended => (Mark::Rest, "tasks-ended-word", "settled"),
            State::Open if late => (Mark::Late, "tasks-late-word", "late"),
            State::Open if row.blocked => (Mark::Rest, "tasks-blocked-word", "blocked"),
            State::Open => (Mark::Wait, "tasks-open-word", "open"),
        };
        let waits = if state == State::Open { tasks::waits_for(self.scene, all, row) } else { Vec::new() };
        let mut detail = Vec::new();
        if state == State::Open
            && row.due_own_ms.is_none()
            && let Some(anchor) = self.anchor(row)
        {
            detail.push(self.frame.named("tasks-due-later", &anchor));
        }
        if !waits.is_empty() {
            let titles =
                waits.iter().filter_map(|key| Some(self.scene.playbook.task(key)?.title.get(language)));
            let titles = titles.collect::<Vec<_>>().join(&words.get("list-join"));
            detail.push(self.frame.named("tasks-waits-for", &titles));
        }
        if row.number > 1 && plan.is_some_and(|plan| plan.repeat_every.is_some()) {
            detail.push(words.with("tasks-turn", &[("n", row.number.into())]));
        }
        if state == State::Open && row.reminded > 1 {
            detail.push(words.with("tasks-reminded", &[("n", row.reminded.into())]));
        }
        if let (Some(at), Some(by)) = (row.settled_at_ms, &row.settled_by) {
            let clock = self.frame.when.short(Timestamp(at));
            detail.push(
                words.with("tasks-settled-by", &[("clock", clock.into()), ("name", by.clone().into())]),
            );
        }
        if state.is_settled() && !row.note.is_empty() {
            detail.push(row.note.clone());
        }
        TaskLine {
            id: TaskId::new(row.id).to_string(),
            version: format!(
                "{}-{late}-{}",
                row.version,
                self.scene.holder(&row.role, self.frame.when.now).unwrap_or_default()
            ),
            title: text(&row.title).get(language).to_owned(),
            about: row.about.as_ref().map(|about| text(about).get(language).to_owned()).unwrap_or_default(),
            who: self.holder(&row.role),
            mine: self.holds(&row.role),
            required: row.required,
            mark,
            word: words.get(word),
            class,
            due: row.due_own_ms.map(|due| self.moment(due)),
            late: late.then(|| {
                let due = row.due_own_ms.and_then(|due| self.scene.timeline.real_time_of(Timestamp(due)));
                self.frame.when.since(due.unwrap_or(self.frame.when.now))
            }),
            detail: detail.join("　"),
            act: self.act(row, state),
        }
    }

    fn act(&self, row: &task::Model, state: State) -> Act {
        let over = !self.scene.is_open() && state != State::Open;
        if state != State::Open || row.blocked || over || !self.may_write() {
            return Act::Look;
        }
        let plan = row.key.as_deref().and_then(|key| self.scene.playbook.task(key));
        let Some(plan) = plan else { return Act::Press };
        if plan.form.is_some() {
            return Act::FillIn;
        }
        let Some(ask) = &plan.evidence else { return Act::Press };
        let keys = match ask.kind {
            AskKind::Int { .. } => "numeric",
            AskKind::Number => "decimal",
            AskKind::Phone => "tel",
            AskKind::Text { .. } | AskKind::Time => "text",
            AskKind::Choice { .. } | AskKind::Bool | AskKind::Photo => return Act::FillIn,
        };
        Act::Give {
            label: ask.label.get(self.language()).to_owned(),
            keys,
            value: row.evidence.as_ref().map(tasks::shown).unwrap_or_default(),
        }
    }

    /// What a deadline that is not set yet counts from, in words.
    pub fn anchor(&self, row: &task::Model) -> Option<String> {
        let plan = row.key.as_deref().and_then(|key| self.scene.playbook.task(key))?;
        let playbook = &self.scene.playbook;
        let language = self.language();
        let named = |key: &str, name: &str| Some(self.frame.named(key, name));
        match &plan.due.as_ref()?.after {
            Anchor::TaskDone(key) => named("task-anchor-task", playbook.task(key)?.title.get(language)),
            Anchor::RoleAccepted(key) => named("task-anchor-role", playbook.role(key)?.title.get(language)),
            Anchor::AlertAnswered(key) => named(
                "task-anchor-alert",
                noroshi_core::text::fill(playbook.alert(key)?.subject.get(language), language, |_| {
                    Some("…".into())
                })
                .as_str(),
            ),
            Anchor::Incident(IncidentMoment::Stabilised) => {
                Some(self.frame.words.get("task-anchor-stabilised"))
            }
            Anchor::Incident(_) => Some(self.frame.words.get("task-anchor-end")),
            Anchor::Clock(_) | Anchor::Created => None,
        }
    }

    /// One report as a line: its mark, its state in a word, the class of its colour.
    pub fn report_state(&self, row: &report::Model) -> (Mark, String, &'static str) {
        let state = ReportState::from_key(&row.state).unwrap_or(ReportState::Due);
        let passed = row.due_own_ms <= self.own_now();
        let (mark, word, class) = match state {
            _ if row.decide_since_ms.is_some() => (Mark::Decide, "report-to-decide-word", "decide"),
            ReportState::Due if passed => (Mark::Late, "report-late-word", "late"),
            ReportState::Due => (Mark::Wait, "report-planned-word", "open"),
            ReportState::Submitted => (Mark::Seen, "report-submitted-word", "open"),
            ReportState::Returned => (Mark::Call, "report-returned-word", "open"),
            ReportState::Approved => (Mark::Ok, "report-approved-word", "settled"),
            ReportState::Skipped => (Mark::Decided, "report-skipped-word", "settled"),
            ReportState::Ended => (Mark::Rest, "report-ended-word", "settled"),
        };
        (mark, self.frame.words.get(word), class)
    }

    /// 状況報告 第2報.
    pub fn report_name(&self, row: &report::Model) -> String {
        match reports::kind_of(self.scene, row) {
            Ok(kind) => kind.name(row.number).get(self.language()).to_owned(),
            Err(_) => row.key.clone(),
        }
    }

    /// Whether the reader may decide about this report.
    pub fn may_decide(&self, row: &report::Model) -> bool {
        let Ok(kind) = reports::kind_of(self.scene, row) else { return false };
        let raised = row.decider.as_ref().and_then(|json| serde_json::from_value(json.clone()).ok());
        let party = raised.as_ref().unwrap_or(&kind.if_missed.decide_to);
        self.may(Action::Decide, self.scene.is_theirs(party, &self.caller.actor, self.frame.when.now))
    }

    /// Whether the reader may approve this report.
    pub fn may_approve(&self, row: &report::Model) -> bool {
        let Ok(kind) = reports::kind_of(self.scene, row) else { return false };
        kind.approver.as_deref().is_some_and(|role| self.may(Action::Decide, self.holds(role)))
    }

    /// The cells of the board's strip: reports to be decided, late tasks, missing reports.
    pub fn waits(&self, tasks: &[task::Model], reports: &[report::Model]) -> Vec<Wait> {
        let words = self.frame.words;
        let here = format!("/incidents/{}", self.scene.id());
        let mut waits = Vec::new();
        let deciding: Vec<&report::Model> =
            reports.iter().filter(|row| row.decide_since_ms.is_some()).collect();
        if let Some(first) = deciding.first() {
            waits.push(Wait {
                mark: Mark::Decide,
                words: words.get("wait-report-decide"),
                whom: self.report_name(first),
                count: deciding.len(),
                href: format!("{here}/reports/{}#decide", ReportId::new(first.id)),
                burns: true,
            });
        }
        let late: Vec<TaskLine> =
            tasks.iter().map(|row| self.task(tasks, row)).filter(|line| line.late.is_some()).collect();
        if let Some(first) = late.first() {
            waits.push(Wait {
                mark: Mark::Late,
                words: words.get("wait-tasks-late"),
                whom: format!("{}（{}）", first.title, first.who),
                count: late.len(),
                href: format!("{here}/tasks#{}", first.id),
                burns: false,
            });
        }
        let missing = |row: &&report::Model| self.report_state(row).2 == "late";
        let missing: Vec<&report::Model> = reports.iter().filter(missing).collect();
        if let Some(first) = missing.first() {
            waits.push(Wait {
                mark: Mark::Late,
                words: words.get("wait-report-late"),
                whom: self.report_name(first),
                count: missing.len(),
                href: format!("{here}/reports/{}", ReportId::new(first.id)),
                burns: false,
            });
        }
        waits
    }

    /// What waits for the reader, for the home page: their late tasks, reports to write, approve or decide about.
    pub fn mine(&self, tasks: &[task::Model], reports: &[report::Model], incident: &str) -> Vec<Line> {
        let here = format!("/incidents/{}", self.scene.id());
        let mut lines = Vec::new();
        for line in
            tasks.iter().map(|row| self.task(tasks, row)).filter(|line| line.mine && line.late.is_some())
        {
            lines.push(Line {
                mark: Some(Mark::Late),
                href: format!("{here}/tasks/{}", line.id),
                words: self.frame.named("home-task", &line.title),
                detail: incident.to_owned(),
                end: self
                    .frame
                    .words
                    .with("tasks-elapsed", &[("span", line.late.unwrap_or_default().into())]),
                mode: None,
            });
        }
        for row in reports {
            let Ok(kind) = reports::kind_of(self.scene, row) else { continue };
            let (mark, word, class) = self.report_state(row);
            let writes = matches!(row.state.as_str(), "due" | "returned") && self.holds(&kind.author);
            let key = if row.decide_since_ms.is_some() && self.may_decide(row) {
                "home-report-decide"
            } else if row.state == "submitted" && self.may_approve(row) {
                "home-report-approve"
            } else if writes && (class == "late" || row.state == "returned") {
                "home-report-write"
            } else {
                continue;
            };
            lines.push(Line {
                mark: Some(mark),
                href: format!("{here}/reports/{}", ReportId::new(row.id)),
                words: self.frame.named(key, &self.report_name(row)),
                detail: incident.to_owned(),
                end: word,
                mode: None,
            });
        }
        lines
    }
}
