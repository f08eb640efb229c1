//! Tasks and situation reports of a start: when they are due, who is reminded, who decides; by the very functions that
//! run an incident.

use std::collections::BTreeMap;

use super::{Answers, Entry, WINDOW, What, course::Walk};
use crate::{
    playbook::{IncidentMoment, PartyRef, ReportPlan, TaskPlan},
    report,
    task::{self, Moments, Task, is_blocked},
    time::Timestamp,
};

/// A task's reminders are written down until their rhythm stays the same.
const REMINDERS: u16 = 4;

impl Walk<'_> {
    /// The first due time of every task that is there from the beginning and whose moment to count from is known.
    pub(super) fn tasks(&mut self) {
        let plan = self.plan;
        let there = |task: &&TaskPlan| !task.on_demand && task.is_there(plan.playbook, plan.values);
        let tasks: Vec<&TaskPlan> = plan.playbook.task_plans().filter(there).collect();
        let mut moments = self.moments();
        if plan.answers == Answers::All {
            self.all_done(&tasks, &mut moments);
        }
        let states: Vec<(&str, task::State)> =
            tasks.iter().map(|task| (task.key.as_str(), task::State::Open)).collect();
        for task in tasks {
            let Some(due) = moments.due(task, plan.at, plan.zone) else { continue };
            if plan.answers == Answers::All || is_blocked(&task.requires, &states) {
                // Done in time, or nobody is reminded of what cannot be done yet.
                let party = PartyRef::Role(task.role.clone());
                let person = self.who(due).people(&party, due).into_iter().next();
                let entry = Entry {
                    by: Some(party),
                    person_name: person.as_deref().and_then(|person| self.name_of(person)),
                    person,
                    ..self.of_task(task, due, What::TaskDue)
                };
                self.entries.push(entry);
            } else {
                self.undone(task, due);
            }
        }
    }

    /// What due times count from, as far as a start knows it.
    fn moments(&self) -> Moments {
        let at = self.plan.at;
        let begun = [IncidentMoment::Opened, IncidentMoment::Activated];
        let accepted = self.entries.iter().filter(|entry| entry.what == What::Accept).filter_map(|entry| {
            let role = entry.recipient.strip_prefix("role:")?;
            Some((role.to_owned(), at + crate::time::Span(entry.offset_ms)))
        });
        Moments {
            incident: begun.map(|moment| (moment, at)).into(),
            done: BTreeMap::new(),
            accepted: accepted.collect(),
            answered: self.answered.clone(),
        }
    }

    /// Every task is done when it is due, or when the last one that it waits for is done; one without a deadline as
    /// soon as it can be.
    fn all_done(&self, tasks: &[&TaskPlan], moments: &mut Moments) {
        let there = |key: &&String| tasks.iter().any(|task| task.key == **key);
        loop {
            let before = moments.done.len();
            for task in tasks {
                if moments.done.contains_key(&task.key) {
                    continue;
                }
                let due = moments.due(task, self.plan.at, self.plan.zone);
                let waits: Option<Vec<Timestamp>> =
                    task.requires.iter().filter(there).map(|key| moments.done.get(key).copied()).collect();
                let (Some(waits), true) = (waits, due.is_some() || task.due.is_none()) else { continue };
                let free = waits.into_iter().max().unwrap_or(self.plan.at);
                moments.done.insert(task.key.clone(), due.unwrap_or(free).max(free));
            }
            if moments.done.len() == before {
                return;
            }
        }
    }

    /// Nobody does it: its role is told, and reminded again and again.
    fn undone(&mut self, plan: &TaskPlan, due: Timestamp) {
        let rule = task::Rule { required: plan.required, repeat_every: plan.repeat_every };
        let followed = task::Input::Followed { due: Some(due), blocked: false };
        let (mut task, _) = task::advance(rule, &Task::new(), followed, self.plan.at);
        while let Some(now) = task.next_reminder.filter(|_| task.reminded <= REMINDERS) {
            let reminder = task.reminded;
            (task, _) = task::advance(rule, &task, task::Input::TimerFired { reminder }, now);
            let what = if reminder == 0 { What::TaskDue } else { What::TaskReminder };
            let every = task.next_reminder.filter(|_| reminder == REMINDERS).map(|next| (next - now).0);
            let entry = Entry { every_ms: every, ..self.of_task(plan, now, what) };
            self.ask(entry, &PartyRef::Role(plan.role.clone()), now);
        }
    }

    fn of_task(&self, plan: &TaskPlan, now: Timestamp, what: What) -> Entry {
        let entry = self.entry(None, format!("task:{}", plan.key), plan.title.clone(), now, what);
        Entry { line: self.plan.playbook.lines.of("tasks", &plan.key), ..entry }
    }

    /// Every report of the window, each to its end.
    pub(super) fn reports(&mut self) {
        let plan = self.plan;
        for kind in &plan.playbook.reports {
            let mut last = None;
            for number in 1.. {
                let due = kind.next_due(plan.at, last).filter(|due| *due <= plan.at + WINDOW);
                let Some(due) = due else { break };
                self.report(kind, number, due);
                last = Some(due);
            }
        }
    }

    /// One report to its end: written and approved when it is asked for, or missed until a person has to decide.
    fn report(&mut self, kind: &ReportPlan, number: i32, due: Timestamp) {
        let (mut value, _) = report::plan(due, due);
        while let Some(now) = value.timer {
            let fired = report::Input::TimerFired { stage: value.stage };
            value = self.happens(kind, number, value, &fired, now);
            if self.plan.answers == Answers::All {
                let written = report::Input::Submitted { approved: self.approves_own(kind, now) };
                value = self.happens(kind, number, value, &written, now);
                value = self.happens(kind, number, value, &report::Input::Approved, now);
            }
        }
    }

    /// Whether nobody else has to look at what the author wrote.
    fn approves_own(&self, kind: &ReportPlan, now: Timestamp) -> bool {
        let holder = |role: &String| self.seats.at(now).get(role);
        kind.approver
            .as_ref()
            .is_none_or(|approver| holder(approver).is_some() && holder(approver) == holder(&kind.author))
    }

    fn happens(
        &mut self,
        kind: &ReportPlan,
        number: i32,
        value: report::Report,
        input: &report::Input,
        now: Timestamp,
    ) -> report::Report {
        let (next, effects) = report::advance(&kind.if_missed, &value, input, now);
        for effect in effects {
            let (what, to) = match effect {
                report::Effect::AskAuthor { before } => {
                    let what = if before == 0 { What::ReportDue } else { What::ReportReminder };
                    (what, Some(PartyRef::Role(kind.author.clone())))
                }
                report::Effect::AskApprover { .. } => {
                    (What::ReportApproval, kind.approver.clone().map(PartyRef::Role))
                }
                report::Effect::AskDecision { to } => (What::Decide, Some(to)),
                report::Effect::Publish => (What::ReportSent, None),
                _ => continue,
            };
            let (key, name) = (format!("report:{}", kind.key), kind.name(number));
            let entry = Entry {
                line: self.plan.playbook.lines.of("reports", &kind.key),
                ..self.entry(None, key, name, now, what)
            };
            match to {
                Some(to) => self.ask(entry, &to, now),
                None => self.entries.push(entry),
            }
        }
        next
    }
}
