//! What has to hold after every run, whatever failed. Each function is one sentence; it reads the history, and of the
//! rows only what a letter is about and how everything stands in the end.

mod climb;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Simulation,
    history::Entry,
    nodes::{CONNECTIONS, LOOK},
    store::{About, Delivery, Fate, Id, Process},
};
use crate::{
    alert::{State, Verdict},
    effect::Occasion,
    playbook::{Meaning, Quorum, Then},
    report, role,
    time::{Span, Timestamp},
};

type Checked = Result<(), String>;
type Law = fn(&Simulation) -> Checked;

/// A worker's look, and what its steps may take.
const SLACK: Span = Span(LOOK.0 + 1000);
/// How long a line of slow letters may take in the end.
const BACKLOG: Span = Span::minutes(20);

/// Checks all of them. Errors: the first that is broken.
pub(super) fn check(run: &Simulation) -> Checked {
    let laws: [(&str, Law); 12] = [
        ("I1", every_accepted_trigger_reaches_everybody),
        ("I1", the_same_request_leads_to_one_incident),
        ("I2", nobody_gets_a_letter_twice_unless_it_was_in_flight_at_a_fault),
        ("I2", nothing_leaves_without_a_lease),
        ("I3", climb::a_step_is_taken_iff_due_and_unanswered),
        ("I3", timers_fire_late_only_by_downtime),
        ("I3", reminders_come_once_each_and_never_early),
        ("I4", an_answer_is_never_lost_nor_anybody_elses),
        ("I6", drills_and_real_traffic_never_mix),
        ("I8", climb::what_cannot_be_delivered_goes_on_at_once),
        ("I8", nothing_ends_in_silence),
        ("I8", an_empty_chair_and_a_missed_report_are_told_of),
    ];
    for (name, law) in laws {
        law(run).map_err(|broken| format!("{name} is broken: {broken}"))?;
    }
    Ok(())
}

fn must(holds: bool, broken: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(broken()) }
}

/// Every trigger answered 2xx leads to at least one try for each recipient and channel, or to a reason on record.
fn every_accepted_trigger_reaches_everybody(run: &Simulation) -> Checked {
    let said = run.history.iter().filter_map(|(_, entry)| match entry {
        Entry::Said { incident: Some(incident), .. } => Some(*incident),
        _ => None,
    });
    let tried: BTreeSet<Id> = run
        .history
        .iter()
        .filter_map(
            |(_, entry)| if let Entry::HandedOver { delivery, .. } = entry { Some(*delivery) } else { None },
        )
        .collect();
    let via = &run.site.world.rule.plan.via;
    for incident in said {
        must(incident < run.tables.incidents.len(), || {
            format!("incident {incident} was said and is not there")
        })?;
        if run.tables.incidents[incident].verdict.is_none() {
            continue;
        }
        let everybody = &run.site.world.recipients;
        let rows: Vec<_> = run.tables.of_incident(incident).collect();
        must(rows.len() == everybody.len(), || format!("incident {incident} forgot somebody"))?;
        for (recipient, row) in rows {
            for point in everybody[row.who].primary.iter().filter(|point| via.contains(&point.transport)) {
                let first = |row: &Delivery| {
                    matches!(&row.about, About::Alert { recipient: to, occasion: Occasion::Alert, .. } if *to == recipient)
                        && *row.point == *point
                };
                let found = run.tables.deliveries.iter().position(first);
                let Some(id) = found else {
                    return Err(format!("no letter for recipient {recipient} by {}", point.transport));
                };
                let row = &run.tables.deliveries[id];
                let reason = row.by_hand || matches!(row.fate, Fate::Refused | Fate::Withdrawn);
                must(tried.contains(&id) || reason, || {
                    format!("letter {id} to recipient {recipient} was never tried and is {:?}", row.fate)
                })?;
            }
        }
    }
    let end = run.clock();
    for (id, row) in run.tables.deliveries.iter().enumerate() {
        let lies = row.is_claimable(Timestamp(end.0 - BACKLOG.0))
            || (row.fate == Fate::Leased && row.lease_until < Timestamp(end.0 - BACKLOG.0));
        must(!lies, || format!("letter {id} was left lying: {:?}", row.fate))?;
    }
    Ok(())
}

/// The same request again is the same incident.
fn the_same_request_leads_to_one_incident(run: &Simulation) -> Checked {
    let mut led_to = BTreeMap::new();
    for (_, entry) in run.history.iter() {
        if let Entry::Said { key, incident } = entry {
            let before = *led_to.entry(*key).or_insert(*incident);
            must(before == *incident, || format!("request {key} led to {before:?} and {incident:?}"))?;
        }
    }
    let opened = run.history.iter().filter(|(_, entry)| matches!(entry, Entry::Opened { .. })).count();
    must(opened == run.tables.incidents.len(), || format!("{opened} incidents were opened"))?;
    let rung = run.tables.once.values().flatten().collect::<BTreeSet<_>>().len();
    must(rung == opened, || format!("{opened} incidents for {rung} happenings"))
}

/// Nobody gets the same letter twice, except letters in flight at a fault: one for each connection, with the same
/// Message-ID and the mark （再送）.
fn nobody_gets_a_letter_twice_unless_it_was_in_flight_at_a_fault(run: &Simulation) -> Checked {
    let mut arrived: BTreeMap<Id, (u32, u32)> = BTreeMap::new();
    // Hand-overs of which no certain outcome is on record.
    let mut in_doubt: BTreeMap<Id, u32> = BTreeMap::new();
    let mut letters = BTreeMap::new();
    for (_, entry) in run.history.iter() {
        match entry {
            Entry::HandedOver { delivery, .. } => *in_doubt.entry(*delivery).or_default() += 1,
            Entry::Recorded { delivery, fate: Fate::Accepted | Fate::Refused, .. } => {
                *in_doubt.entry(*delivery).or_insert(1) -= 1;
            }
            Entry::Arrived { delivery, repeat, .. } => {
                let (first, again) = arrived.entry(*delivery).or_default();
                *(if *repeat { again } else { first }) += 1;
            }
            Entry::Crashed { in_hand, node } => {
                must(*in_hand <= CONNECTIONS, || format!("node {node} had {in_hand} letters in flight"))?
            }
            Entry::Wrote { recipient, letter, delivery, .. } => {
                let before = letters.insert((*recipient, *letter), *delivery);
                must(before.is_none(), || {
                    format!("recipient {recipient} was written letter {letter} twice")
                })?;
            }
            _ => {}
        }
    }
    for (delivery, (first, again)) in arrived {
        let doubt = in_doubt.get(&delivery).copied().unwrap_or_default();
        must(first <= 1 && again <= 1, || {
            format!("letter {delivery} came {first} times and {again} times again")
        })?;
        must(again == 0 || doubt > 0, || {
            format!("letter {delivery} came again although it was known to be there")
        })?;
    }
    Ok(())
}

/// A letter leaves by the process that holds it; one that has lost its lease sends nothing.
fn nothing_leaves_without_a_lease(run: &Simulation) -> Checked {
    let mut holder: BTreeMap<Id, Process> = BTreeMap::new();
    for (_, entry) in run.history.iter() {
        match entry {
            Entry::Claimed { delivery, by } => drop(holder.insert(*delivery, *by)),
            Entry::TakenBack { delivery } => drop(holder.remove(delivery)),
            Entry::Left { delivery, by } => must(holder.get(delivery) == Some(by), || {
                format!("letter {delivery} left by {by:?}, while {:?} holds it", holder.get(delivery))
            })?,
            _ => {}
        }
    }
    Ok(())
}

/// A timer fires never early, and late only by the time in which nobody could fire it.
fn timers_fire_late_only_by_downtime(run: &Simulation) -> Checked {
    let absences = Absences::of(run);
    for (at, entry) in run.history.iter() {
        let Entry::Fired { subject, due, .. } = entry else { continue };
        must(at >= *due, || format!("{subject:?} fired at {at:?}, due at {due:?}"))?;
        let excuse = absences.excuse(*due, at);
        must(at - *due <= excuse, || format!("{subject:?} fired {} late, excused {excuse}", at - *due))?;
    }
    let end = run.clock();
    let mut timers = run.tables.timers.iter();
    let forgotten = timers.find(|(_, timer)| end - timer.due > SLACK);
    must(forgotten.is_none(), || format!("{forgotten:?} was forgotten"))
}

/// Reminders of one thing are numbered without a gap, and the first is not early.
fn reminders_come_once_each_and_never_early(run: &Simulation) -> Checked {
    let mut due: BTreeMap<Id, Timestamp> = BTreeMap::new();
    let mut last: BTreeMap<Id, u16> = BTreeMap::new();
    for (_, entry) in run.history.iter() {
        match entry {
            Entry::Raised { incident, own, .. } => {
                due.entry(*incident).or_insert(*own);
            }
            Entry::Told { incident, what: "task again" } => {
                last.remove(incident);
            }
            Entry::Reminded { incident, what: "task", number, own } => {
                let early = due.get(incident).is_some_and(|begun| *own < *begun + run.site.task_within);
                must(!early, || {
                    format!("the task of incident {incident} was reminded of before it was due")
                })?;
                let expected = last.get(incident).map_or(0, |last| last + 1);
                // Taken up again, it is reminded of from the beginning.
                must(*number == expected || *number == 0, || {
                    format!("reminder {number} of the task of incident {incident} came instead of {expected}")
                })?;
                last.insert(*incident, *number);
            }
            Entry::Reminded { incident, what: "report to the author", own, .. } => {
                let early = due.get(incident).is_some_and(|begun| *own < *begun + run.site.report_within);
                must(!early, || {
                    format!("the report of incident {incident} was asked for before it was due")
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// An answer that was answered 2xx is kept, with whoever gave it, at the recipient that gave it, and ends its ladder.
fn an_answer_is_never_lost_nor_anybody_elses(run: &Simulation) -> Checked {
    for (at, entry) in run.history.iter() {
        let Entry::Answered { recipient, by, option, meaning } = entry else { continue };
        let row = &run.tables.recipients[*recipient];
        let kept = row.answers.iter().any(|answer| answer.option == *option);
        must(kept, || format!("the answer {option} of recipient {recipient} is lost"))?;
        let links =
            run.tables.deliveries.iter().filter(|letter| letter.about.recipient() == Some(*recipient));
        let theirs = links.map(|letter| letter.point.contact.as_str()).chain(["telephone"]);
        must(theirs.into_iter().any(|contact| contact == by), || {
            format!("{by} never had a link of recipient {recipient}")
        })?;
        if matches!(meaning, Meaning::Accept | Meaning::Decline) {
            let evidence = row.value.evidence.answered_at;
            must(evidence.is_some_and(|first| first <= at), || {
                format!("recipient {recipient} has answered at {at:?}, its row says {evidence:?}")
            })?;
            must(row.value.state.is_settled(), || {
                format!("recipient {recipient} has answered and is {:?}", row.value.state)
            })?;
        }
    }
    Ok(())
}

/// Drill traffic never leaves the drill; real traffic is never marked as drill.
fn drills_and_real_traffic_never_mix(run: &Simulation) -> Checked {
    let mut drills = BTreeMap::new();
    for (_, entry) in run.history.iter() {
        match entry {
            Entry::Opened { incident, drill } => drop(drills.insert(*incident, *drill)),
            Entry::Arrived { delivery, incident, drill_mark, rehearsal, .. } => {
                let drill = drills[incident];
                must(drill == *drill_mark && drill == *rehearsal, || {
                    format!("letter {delivery}: drill {drill}, mark {drill_mark}, rehearsed {rehearsal}")
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whoever is not reached is put before a person: asked to decide, in time, and waiting for nothing else.
fn nothing_ends_in_silence(run: &Simulation) -> Checked {
    let mut due: BTreeMap<Id, u32> = BTreeMap::new();
    let mut asked: BTreeMap<Id, u32> = BTreeMap::new();
    let mut postponed: BTreeMap<Id, Timestamp> = BTreeMap::new();
    for (_, entry) in run.history.iter() {
        match entry {
            Entry::DecisionDue { recipient, .. } => *due.entry(*recipient).or_default() += 1,
            Entry::DecisionAsked { recipient } => *asked.entry(*recipient).or_default() += 1,
            Entry::Decided { recipient, then: Then::Extend { by }, own } => {
                postponed.insert(*recipient, *own + *by);
            }
            _ => {}
        }
    }
    must(due == asked, || format!("decisions due: {due:?}, asked for: {asked:?}"))?;
    for (id, row) in run.tables.recipients.iter().enumerate() {
        let incident = &run.tables.incidents[row.incident];
        match row.value.state {
            State::ToDecide => must(asked.contains_key(&id), || {
                format!("recipient {id} waits for a decision and nobody was asked")
            })?,
            State::Waiting => {
                let Some(started) = row.value.started_at else { continue };
                let last = run.site.world.steps().last().map_or(Span::ZERO, |step| step.at);
                let limit = postponed.get(&id).copied().unwrap_or(started + last);
                let now = incident.timeline.own(run.clock());
                let slack = Span(SLACK.0 * i64::from(incident.timeline.rate));
                must(now <= limit + slack, || {
                    format!("recipient {id} still waits at {now:?}, after {limit:?}")
                })?;
            }
            _ => {}
        }
    }
    for (id, row) in run.tables.incidents.iter().enumerate() {
        let open = run.tables.of_incident(id).any(|(_, row)| !row.value.state.is_settled());
        let judged = row.verdict != Some(Verdict::Open) || run.site.world.rule.quorum() == Quorum::All;
        must(open || judged || row.state.is_over(), || {
            format!("nobody of incident {id} is waited for any more, and its quorum was never judged")
        })?;
        if let Some(Verdict::Short { .. }) = row.verdict {
            let told = run.history.iter().any(
                |(_, entry)| matches!(entry, Entry::Told { incident, what: "short" } if *incident == id),
            );
            must(told, || format!("the alert of incident {id} falls short and nobody was told"))?;
        }
    }
    Ok(())
}

/// A chair that nobody takes, and a report that does not come, are put before a person.
fn an_empty_chair_and_a_missed_report_are_told_of(run: &Simulation) -> Checked {
    for (id, row) in run.tables.incidents.iter().enumerate().filter(|(_, row)| row.state.is_running()) {
        let told = |wanted: &str| {
            run.history.iter().any(|(_, entry)| match entry {
                Entry::Told { incident, what } | Entry::Reminded { incident, what, .. } => {
                    *incident == id && *what == wanted
                }
                _ => false,
            })
        };
        if row.chair.state() == role::State::Vacant {
            must(told("vacant"), || format!("the chair of incident {id} is empty and nobody was told"))?;
        }
        let Some(report) = &row.report else {
            return Err(format!("incident {id} has no report"));
        };
        if report.state.is_open() && report.timer.is_none() {
            let asked = told("report to decide") && report.deciding.is_some();
            must(asked, || format!("the report of incident {id} waits for nobody"))?;
        }
        if report.state == report::State::Skipped {
            must(told("report decided"), || format!("the report of incident {id} was dropped silently"))?;
        }
    }
    Ok(())
}

/// When nobody served, on the wall clock; a leap of the clock is a moment in which nobody could.
struct Absences {
    times: Vec<(Timestamp, Timestamp)>,
    faults: Vec<Timestamp>,
}

impl Absences {
    fn of(run: &Simulation) -> Self {
        let mut serving = BTreeSet::new();
        let mut since = Some(crate::ladder::laws::world::START);
        let (mut times, mut faults) = (Vec::new(), Vec::new());
        for (at, entry) in run.history.iter() {
            match entry {
                Entry::Started { node } | Entry::Resumed { node } => {
                    serving.insert(*node);
                    times.extend(since.take().map(|since| (since, at)));
                }
                Entry::Crashed { node, .. } | Entry::Paused { node } => {
                    serving.remove(node);
                    if serving.is_empty() {
                        since.get_or_insert(at);
                    }
                }
                Entry::Jumped { from } => times.push((*from, at)),
                _ => continue,
            }
            faults.push(at);
        }
        Self { times, faults }
    }

    /// How late a timer of `due` may fire at `at`: every absence, and after each fault a worker's look.
    fn excuse(&self, due: Timestamp, at: Timestamp) -> Span {
        let within = |(from, to): &(Timestamp, Timestamp)| ((*to).min(at) - (*from).max(due)).0.max(0);
        let away: i64 = self.times.iter().map(within).sum();
        let faults = self.faults.iter().filter(|fault| **fault >= due && **fault <= at).count();
        let looks = i64::try_from(faults).unwrap_or(i64::MAX) + 1;
        Span(away + looks * SLACK.0)
    }
}
