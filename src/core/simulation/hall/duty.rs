//! What an incident asks of its own house: one chair, one task, one report.

use super::{About, Entry, Fate, Id, Subject, Work, staff};
use crate::{
    playbook::Then,
    report,
    role::{self, Refusal, View, Wish},
    task::{self, Task},
    time::Span,
};

impl Work<'_> {
    pub(super) fn take_up_duties(&mut self, incident: Id) {
        let own = self.own(incident);
        let _ = self.chair(incident, role::Input::Begun { starter: None });
        let due = Some(own + self.site.task_within);
        self.task(incident, task::Input::Followed { due, blocked: false });
        let (report, effects) = report::plan(own + self.site.report_within, own);
        self.tables.incidents[incident].report = Some(report);
        self.perform_report(incident, effects);
    }

    pub(super) fn drop_duties(&mut self, incident: Id) {
        self.tables.timers.remove(&Subject::Chair(incident));
        self.tables.withdraw(|row| row.incident == incident && matches!(row.about, About::Offer { .. }));
        self.task(incident, task::Input::Ended);
        self.report(incident, &report::Input::Ended);
    }

    /// Takes one input for the chair. Errors: what a person cannot have.
    pub(crate) fn chair(&mut self, incident: Id, input: role::Input<'_>) -> Result<(), Refusal> {
        let now = self.own(incident);
        let view = View {
            fill: &self.site.fill,
            askable: &self.site.askable,
            accept_within: self.site.accept_within,
            now,
            next_change: self.site.duty_changes.then(|| now + Span::minutes(120)),
        };
        let row = &mut self.tables.incidents[incident];
        if !row.state.is_running() {
            return Ok(());
        }
        let (chair, wishes) = role::advance(&view, &row.chair, input)?;
        let number = chair.number;
        let asked = chair.offer.as_ref().map(|offer| offer.to.clone());
        row.chair = chair;
        for wish in wishes {
            match wish {
                Wish::Ask => {
                    let Some(to) = asked.clone() else { continue };
                    let point = staff(&to);
                    self.write(incident, About::Offer { number, to }, point);
                }
                Wish::SetTimer(due) => self.set_timer(Subject::Chair(incident), incident, due, number),
                Wish::DropTimer => drop(self.tables.timers.remove(&Subject::Chair(incident))),
                Wish::WithdrawOffer { number } => self.tables.withdraw(|row| {
                    row.incident == incident
                        && matches!(row.about, About::Offer { number: known, .. } if known == number)
                }),
                Wish::TellVacant => self.seen.push(Entry::Told { incident, what: "vacant" }),
                Wish::TellHolder => self.seen.push(Entry::Told { incident, what: "not taken over" }),
                Wish::Record(role::Fact::Accepted { .. }) => {
                    self.seen.push(Entry::Told { incident, what: "seated" });
                }
                Wish::Record(_) => {}
            }
        }
        Ok(())
    }

    pub(super) fn chair_timer(&mut self, incident: Id, number: u32) {
        let _ = self.chair(incident, role::Input::TimerFired { number });
    }

    pub(crate) fn task(&mut self, incident: Id, input: task::Input) {
        let own = self.own(incident);
        let row = &mut self.tables.incidents[incident];
        let (task, effects) = task::advance(self.site.task, &row.task, input, own);
        row.task = task;
        for effect in effects {
            match effect {
                task::Effect::SetTimer { reminder, due } => {
                    self.set_timer(Subject::Task(incident), incident, due, reminder.into());
                }
                task::Effect::DropTimer => drop(self.tables.timers.remove(&Subject::Task(incident))),
                task::Effect::Hush => self.hush(incident, &About::Task),
                task::Effect::FellDue { .. } => {
                    self.seen.push(Entry::Told { incident, what: "task fell due" })
                }
                task::Effect::Remind { before } => {
                    self.hush(incident, &About::Task);
                    self.write(incident, About::Task, staff("chief"));
                    self.seen.push(Entry::Reminded { incident, what: "task", number: before, own });
                }
                task::Effect::Again { due } => {
                    self.tables.incidents[incident].task = Task::new();
                    self.seen.push(Entry::Told { incident, what: "task again" });
                    self.task(incident, task::Input::Followed { due: Some(due), blocked: false });
                }
            }
        }
    }

    pub(super) fn task_timer(&mut self, incident: Id, reminder: u16) {
        self.task(incident, task::Input::TimerFired { reminder });
    }

    pub(crate) fn report(&mut self, incident: Id, input: &report::Input) {
        let own = self.own(incident);
        let Some(report) = &self.tables.incidents[incident].report else { return };
        let (report, effects) = report::advance(&self.site.missed, report, input, own);
        self.tables.incidents[incident].report = Some(report);
        self.perform_report(incident, effects);
    }

    pub(super) fn report_timer(&mut self, incident: Id, stage: u16) {
        self.report(incident, &report::Input::TimerFired { stage });
    }

    /// Whoever decides about a missed report has decided.
    pub(crate) fn decide_report(&mut self, incident: Id, then: Then) {
        let deciding = |report: &report::Report| report.deciding.is_some();
        if self.tables.incidents[incident].report.as_ref().is_some_and(deciding) {
            self.seen.push(Entry::Told { incident, what: "report decided" });
            self.report(incident, &report::Input::Decided { then });
        }
    }

    fn perform_report(&mut self, incident: Id, effects: Vec<report::Effect>) {
        let own = self.own(incident);
        for effect in effects {
            let (what, number) = match effect {
                report::Effect::SetTimer { stage, due } => {
                    self.set_timer(Subject::Report(incident), incident, due, stage.into());
                    continue;
                }
                report::Effect::DropTimer => {
                    self.tables.timers.remove(&Subject::Report(incident));
                    continue;
                }
                report::Effect::Hush => {
                    self.hush(incident, &About::Report);
                    continue;
                }
                report::Effect::AskAuthor { before } => ("report to the author", before),
                report::Effect::AskApprover { before } => ("report to the approver", before),
                report::Effect::AskDecision { .. } => ("report to decide", 0),
                report::Effect::TellReturned => ("report returned", 0),
                report::Effect::Missed | report::Effect::Publish | report::Effect::Next => continue,
            };
            self.hush(incident, &About::Report);
            self.write(incident, About::Report, staff("chief"));
            self.seen.push(Entry::Reminded { incident, what, number, own });
        }
    }

    /// Letters about this that have not left yet are withdrawn.
    fn hush(&mut self, incident: Id, about: &About) {
        let queued = |row: &super::Delivery| row.fate == Fate::Queued;
        self.tables.withdraw(|row| row.incident == incident && row.about == *about && queued(row));
    }
}
