//! The cellar of the simulated service: rows in memory. A transaction works on a copy that takes the place of the rows
//! when it is committed, so it happens as a whole or not at all.

use std::{collections::BTreeMap, rc::Rc};

use crate::{
    alert::{ContactPoint, State, Verdict},
    effect::Occasion,
    incident, ladder,
    playbook::{Meaning, OnTimeout},
    report, role, task,
    time::{Span, Timeline, Timestamp},
};

/// A row's place in its table.
pub(super) type Id = usize;

/// How long a letter is held by the process that claimed it.
pub(super) const LEASE: Span = Span::seconds(15);

/// One life of one node: a node that starts again is another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) node: usize,
    pub(super) life: u32,
}

#[derive(Clone)]
pub(super) struct Incident {
    pub(super) state: incident::State,
    pub(super) drill: bool,
    pub(super) timeline: Timeline,
    pub(super) on_timeout: OnTimeout,
    /// How its alert stands; `None` before it is raised.
    pub(super) verdict: Option<Verdict>,
    pub(super) chair: role::Chair,
    pub(super) task: task::Task,
    pub(super) report: Option<report::Report>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Key of the option.
    pub(super) option: String,
    pub(super) meaning: Meaning,
    pub(super) teams: u32,
    /// The contact whose link was used.
    pub(super) by: String,
}

#[derive(Clone)]
pub(super) struct Recipient {
    pub(super) incident: Id,
    /// Its place among the world's recipients.
    pub(super) who: usize,
    pub(super) value: ladder::Recipient,
    /// Every answer, in order; the last one is in force.
    pub(super) answers: Vec<Answer>,
}

/// What a letter is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    Alert { recipient: Id, letter: u16, occasion: Occasion },
    Offer { number: u32, to: String },
    Task,
    Report,
    Call { recipient: Id },
    Decision { recipient: Id },
    Shortage,
}

impl About {
    pub(super) const fn recipient(&self) -> Option<Id> {
        match self {
            Self::Alert { recipient, .. } => Some(*recipient),
            _ => None,
        }
    }

    pub(super) fn is_stand_down(&self) -> bool {
        matches!(self, Self::Alert { occasion: Occasion::StandDown, .. })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Queued,
    Leased,
    Accepted,
    Refused,
    GivenUp,
    Unknown,
    Withdrawn,
}

#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) incident: Id,
    /// It goes by the rehearsal's transport.
    pub(super) rehearsed: bool,
    /// A person carries it; the service never tries it.
    pub(super) by_hand: bool,
    pub(super) about: About,
    pub(super) point: Rc<ContactPoint>,
    pub(super) fate: Fate,
    pub(super) due: Timestamp,
    pub(super) holder: Option<Process>,
    pub(super) lease_until: Timestamp,
    pub(super) fence: u32,
    pub(super) handed: Option<Timestamp>,
    pub(super) attempts: u32,
    /// It goes out once more under the same Message-ID, because its outcome was never learned.
    pub(super) repeat: bool,
}

impl Delivery {
    pub(super) fn is_claimable(&self, now: Timestamp) -> bool {
        self.fate == Fate::Queued && !self.by_hand && self.due <= now
    }

    fn is_unsent(&self) -> bool {
        self.fate == Fate::Queued || (self.fate == Fate::Leased && self.handed.is_none())
    }
}

/// Whose timer it is; each has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Hold(Id),
    Step(Id),
    Chair(Id),
    Task(Id),
    Report(Id),
}

/// Real moment, and the number of what it was set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    pub(super) due: Timestamp,
    pub(super) number: u32,
}

#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) incidents: Vec<Incident>,
    pub(super) recipients: Vec<Recipient>,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) timers: BTreeMap<Subject, Timer>,
    /// What each request with a key has led to.
    pub(super) once: BTreeMap<u32, Option<Id>>,
    /// Incident and moment of everything the trigger has opened, by its dedupe key.
    pub(super) openings: Vec<(String, Id, Timestamp)>,
}

impl Tables {
    /// Leases due letters to a process.
    pub(super) fn claim(&mut self, holder: Process, now: Timestamp, most: usize) -> Vec<Id> {
        let due = self.deliveries.iter_mut().enumerate().filter(|(_, row)| row.is_claimable(now));
        let mut claimed = Vec::new();
        for (id, row) in due.take(most) {
            row.fate = Fate::Leased;
            row.holder = Some(holder);
            row.lease_until = now + LEASE;
            row.fence += 1;
            row.handed = None;
            claimed.push(id);
        }
        claimed
    }

    /// Notes that a letter is handed over; `false` where it was withdrawn or leased away meanwhile.
    pub(super) fn hand_over(&mut self, id: Id, holder: Process, now: Timestamp) -> bool {
        let row = &mut self.deliveries[id];
        let ours = row.fate == Fate::Leased && row.holder == Some(holder) && row.handed.is_none();
        if ours {
            row.handed = Some(now);
            row.lease_until = now + LEASE;
            row.attempts += 1;
        }
        ours
    }

    pub(super) fn holds(&self, id: Id, holder: Process, fence: u32) -> bool {
        let row = &self.deliveries[id];
        row.fate == Fate::Leased && row.holder == Some(holder) && row.fence == fence
    }

    pub(super) fn renew(&mut self, holder: Process, now: Timestamp) {
        let held = |row: &&mut Delivery| row.fate == Fate::Leased && row.holder == Some(holder);
        self.deliveries.iter_mut().filter(held).for_each(|row| row.lease_until = now + LEASE);
    }

    /// Letters whose lease has ended; all that are leased, where one process alone serves and has just started.
    pub(super) fn abandoned(&self, now: Timestamp, everyone: bool) -> Vec<Id> {
        let is = |row: &Delivery| row.fate == Fate::Leased && (everyone || row.lease_until < now);
        self.deliveries.iter().enumerate().filter(|(_, row)| is(row)).map(|(id, _)| id).collect()
    }

    /// Withdraws what has not left yet among the letters that `which` picks.
    pub(super) fn withdraw(&mut self, which: impl Fn(&Delivery) -> bool) {
        for row in self.deliveries.iter_mut().filter(|row| row.is_unsent() && which(row)) {
            row.fate = Fate::Withdrawn;
            row.holder = None;
        }
    }

    /// When there is something to do next; the past where something is overdue.
    pub(super) fn next_moment(&self) -> Option<Timestamp> {
        let timers = self.timers.values().map(|timer| timer.due);
        let letters = self.deliveries.iter().filter_map(|row| match row.fate {
            Fate::Queued if !row.by_hand => Some(row.due),
            Fate::Leased => Some(row.lease_until + Span(1)),
            _ => None,
        });
        timers.chain(letters).min()
    }

    pub(super) fn of_incident(&self, incident: Id) -> impl Iterator<Item = (Id, &Recipient)> {
        self.recipients.iter().enumerate().filter(move |(_, row)| row.incident == incident)
    }

    /// What is wrong between the rows and their timers; both are written in one transaction, so nothing ever is.
    pub(super) fn torn(&self) -> Option<String> {
        for (id, row) in self.recipients.iter().enumerate() {
            let line = self.incidents[row.incident].timeline;
            let wanted = row.value.due.and_then(|due| line.real_time_of(due));
            let wanted = wanted.map(|due| Timer { due, number: row.value.step.into() });
            let waits = (row.value.state == State::Waiting) && row.value.started_at.is_some();
            let found = self.timers.get(&Subject::Step(id)).copied();
            if found != wanted || (waits && found.is_none()) {
                return Some(format!(
                    "recipient {id} is {:?} and wants {wanted:?}, its timer is {found:?}",
                    row.value.state
                ));
            }
        }
        for (id, row) in self.incidents.iter().enumerate() {
            let real = |own: Option<Timestamp>| own.and_then(|own| row.timeline.real_time_of(own));
            let timer = |subject: Subject| self.timers.get(&subject).map(|timer| timer.due);
            let running = row.state.is_running();
            let wants = [
                (Subject::Task(id), real(row.task.next_reminder)),
                (Subject::Report(id), real(row.report.as_ref().and_then(|report| report.timer))),
            ];
            for (subject, due) in wants {
                if timer(subject) != due {
                    return Some(format!("{subject:?} wants {due:?}, its timer is {:?}", timer(subject)));
                }
            }
            let offered = row.chair.offer.as_ref().map(|offer| offer.until);
            if running && offered.is_some() && timer(Subject::Chair(id)) != real(offered) {
                return Some(format!("the offer of incident {id} has no timer"));
            }
            if (row.state == incident::State::Held) != timer(Subject::Hold(id)).is_some() {
                return Some(format!("incident {id} is {:?} and its hold's timer disagrees", row.state));
            }
        }
        None
    }
}
