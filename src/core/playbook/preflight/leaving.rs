//! When letters leave: how many wait for each way out of the house, and when the last of each wave is through.
//!
//! A way out takes so many letters a minute, one after the other, the most urgent first; letters to one mail domain, or
//! one receiver of webhooks, may have to keep a distance besides. What arrives at the end of a queue is a moment, not a promise: a relay that is slower
//! than before, or shared with others, takes longer.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use serde::Serialize;

use super::{Entry, Plan, PlannedAlert, What};
use crate::{alert::Rule, playbook::Urgency, time::Span};

/// How fast one way out of the house takes letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pace {
    /// The driver of the transports that go this way: `smtp`, `http_gateway`, `webhook`.
    pub driver: String,
    /// Letters a minute, at least 1.
    pub per_minute: u32,
    /// Letters a minute to one mail domain or receiver, where that is limited; at least 1.
    pub per_domain: Option<u32>,
    /// How that is known.
    pub basis: Basis,
}

/// How a pace is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Basis {
    /// So many were taken in the best of the minutes in which the way was busy.
    Measured {
        /// How many such minutes there were.
        minutes: usize,
    },
    /// The way was never busy for a minute: from the time that the letters so far took, and the connections. A handful
    /// of letters counts only where it was slower than what would be assumed.
    Timed {
        /// How many letters.
        letters: u64,
        /// What one took on average, in milliseconds.
        letter_ms: i64,
        /// How many leave at the same time.
        connections: u32,
    },
    /// Whoever asks says so.
    Given,
    /// Nothing, or next to nothing, was sent yet: so long for a letter is taken for granted.
    Assumed {
        /// For one letter, in milliseconds.
        letter_ms: i64,
        /// How many leave at the same time.
        connections: u32,
    },
}

/// What one minute of a way out has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minute {
    /// Letters that were taken.
    pub letters: u64,
    /// The time that they took, all together, in milliseconds.
    pub busy_ms: i64,
}

/// What a letter costs beside its conversation: its outcome is on disk before the next one goes.
const RECORDING_MS: i64 = 20;
/// What a letter is taken to cost where hardly any was sent yet.
const ASSUMED_MS: i64 = 1_000;
/// So many letters tell how fast a way is. Fewer were perhaps alone on it, and quick for that reason: what they took is
/// believed where it is slow, and promises nothing where it is fast.
const TELLING: u64 = 50;

impl Pace {
    /// The pace of a way out by what it has seen.
    ///
    /// - `connections`: how many letters leave at the same time, at least 1;
    /// - `per_domain`: letters a minute to one mail domain, where that is limited.
    pub fn of(driver: impl Into<String>, connections: u32, seen: &[Minute], per_domain: Option<u32>) -> Self {
        let connections = connections.max(1);
        // A minute in which at least half of the connections were at work all the time.
        let busy = |minute: &&Minute| minute.busy_ms >= i64::from(connections) * 30_000;
        let best = seen.iter().filter(busy).map(|minute| minute.letters).max();
        let letters: u64 = seen.iter().map(|minute| minute.letters).sum();
        let took: i64 = seen.iter().map(|minute| minute.busy_ms).sum();
        let letter_ms = took / i64::try_from(letters.max(1)).unwrap_or(i64::MAX) + RECORDING_MS;
        let per_minute = |letter_ms: i64| {
            u32::try_from(i64::from(connections) * 60_000 / letter_ms.max(1)).unwrap_or(u32::MAX)
        };
        let (per_minute, basis) = match best {
            Some(best) => (
                u32::try_from(best).unwrap_or(u32::MAX),
                Basis::Measured { minutes: seen.iter().filter(busy).count() },
            ),
            None if letters >= TELLING || letter_ms > ASSUMED_MS => {
                (per_minute(letter_ms), Basis::Timed { letters, letter_ms, connections })
            }
            None => (per_minute(ASSUMED_MS), Basis::Assumed { letter_ms: ASSUMED_MS, connections }),
        };
        Self {
            driver: driver.into(),
            per_minute: per_minute.max(1),
            per_domain: per_domain.map(|letters| letters.max(1)),
            basis,
        }
    }
}

/// What leaves by one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leaving {
    /// How fast.
    pub pace: Pace,
    /// The transports that go this way.
    pub via: Vec<String>,
    /// Letters in all.
    pub letters: usize,
    /// Letters that want to leave in the first minute.
    pub first_minute: usize,
    /// When the last one is through, milliseconds after the start.
    pub last_ms: i64,
    /// What wants to leave at one moment, in order of time.
    pub waves: Vec<Wave>,
}

/// The letters of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Wave {
    /// When they want to leave, milliseconds after the start.
    pub offset_ms: i64,
    /// How many.
    pub letters: usize,
    /// When the last of them is through, milliseconds after the start.
    pub last_ms: i64,
}

/// Recipients whose letters are overtaken by their own ladders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Overtaken {
    pub(super) pace: Pace,
    pub(super) via: Vec<String>,
    /// How many recipients have a letter that leaves only after the next step, or the answer, was due.
    pub(super) recipients: usize,
    /// By how much the latest letter is late.
    pub(super) by: Span,
}

/// When the letters of these entries leave, by way out; nothing where a drill keeps them in the house.
pub(super) fn leaving(plan: &Plan<'_>, entries: &[Entry]) -> Vec<Leaving> {
    let lanes = lanes(plan, entries);
    let lanes = lanes.into_iter().map(|lane| {
        let mut waves: BTreeMap<i64, Wave> = BTreeMap::new();
        for (entry, through) in &lane.letters {
            let offset_ms = entry.offset_ms;
            let wave = waves.entry(offset_ms).or_insert(Wave { offset_ms, letters: 0, last_ms: offset_ms });
            wave.letters += 1;
            wave.last_ms = wave.last_ms.max(*through);
        }
        Leaving {
            pace: lane.pace.clone(),
            via: lane.via(),
            letters: lane.letters.len(),
            first_minute: lane.letters.iter().filter(|(entry, _)| entry.offset_ms < 60_000).count(),
            last_ms: lane.letters.iter().map(|(_, through)| *through).max().unwrap_or(0),
            waves: waves.into_values().collect(),
        }
    });
    lanes.collect()
}

/// Whose letters leave too late for what the timetable says of them, by way out.
pub(super) fn overtaken(plan: &Plan<'_>, alerts: &[PlannedAlert], entries: &[Entry]) -> Vec<Overtaken> {
    // The moments at which something happens to a recipient, letters to others about it left out.
    let mut moments: BTreeMap<(&str, &str), BTreeSet<i64>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.what != What::RoleLetter) {
        if let Some(alert) = entry.alert.as_deref() {
            moments.entry((alert, &entry.recipient)).or_default().insert(entry.offset_ms);
        }
    }
    let answer_by: BTreeMap<&str, i64> = alerts
        .iter()
        .filter_map(|alert| {
            let by = Rule::of(plan.playbook, &alert.key)?.answer_by()?;
            Some((alert.key.as_str(), alert.offset_ms + by.0))
        })
        .collect();
    let lanes = lanes(plan, entries).into_iter().filter_map(|lane| {
        let mut late: BTreeSet<(&str, &str)> = BTreeSet::new();
        let mut by = 0;
        for (entry, through) in &lane.letters {
            let asks = matches!(entry.what, What::Letter | What::Resend | What::Notify);
            let Some(alert) = entry.alert.as_deref().filter(|_| asks) else { continue };
            let key = (alert, entry.recipient.as_str());
            let next = moments.get(&key).and_then(|all| all.range(entry.offset_ms + 1..).next());
            // A step that comes only after the deadline is not late for it.
            let answer_by = answer_by.get(alert).filter(|by| entry.offset_ms < **by);
            if next.into_iter().chain(answer_by).any(|moment| through > moment) {
                late.insert(key);
                by = by.max(through - entry.offset_ms);
            }
        }
        let (via, recipients) = (lane.via(), late.len());
        (recipients > 0).then(|| Overtaken { pace: lane.pace.clone(), via, recipients, by: Span(by) })
    });
    lanes.collect()
}

/// A way out with its letters, each with the moment at which it is through, in milliseconds after the start.
struct Lane<'l> {
    pace: &'l Pace,
    letters: Vec<(&'l Entry, i64)>,
}

impl Lane<'_> {
    fn via(&self) -> Vec<String> {
        let ways = self.letters.iter().filter_map(|(entry, _)| entry.way.as_ref());
        let via: BTreeSet<&str> = ways.map(|way| way.via.as_str()).collect();
        via.into_iter().map(str::to_owned).collect()
    }
}

fn lanes<'l>(plan: &'l Plan<'_>, entries: &'l [Entry]) -> Vec<Lane<'l>> {
    if plan.drill {
        return Vec::new();
    }
    let driver = |entry: &Entry| {
        let way = entry.way.as_ref().filter(|_| entry.what != What::Unserved)?;
        plan.directory.transports.get(&way.via).map(|transport| transport.driver.as_str())
    };
    let lanes = plan.paces.iter().map(|pace| {
        let own: Vec<&Entry> = entries.iter().filter(|entry| driver(entry) == Some(&pace.driver)).collect();
        let through = queue(plan, pace, &own);
        Lane { pace, letters: own.into_iter().zip(through).collect() }
    });
    lanes.filter(|lane| !lane.letters.is_empty()).collect()
}

/// To whom an address leads: the domain of a mail address, the host of a webhook. A telephone number stands alone.
fn receiver(address: &str) -> Option<&str> {
    match address.split_once("://") {
        Some((_, rest)) => rest.split(['/', '#']).next(),
        None => address.rsplit_once('@').map(|(_, domain)| domain),
    }
}

/// When each letter is through: one after the other, the most urgent of those that may leave first.
pub(super) fn queue(plan: &Plan<'_>, pace: &Pace, letters: &[&Entry]) -> Vec<i64> {
    // Microseconds: a fast way takes several letters in a millisecond.
    let span = |per_minute: u32| 60_000_000 / i64::from(per_minute);
    let cost = span(pace.per_minute);
    let urgency = |entry: &Entry| {
        let alert = entry.alert.as_deref().and_then(|key| plan.playbook.alert(key));
        alert.map_or(Urgency::default(), |alert| alert.severity)
    };
    let mut order: Vec<usize> = (0..letters.len()).collect();
    order.sort_by_key(|at| (letters[*at].offset_ms, urgency(letters[*at])));
    let mut free: BTreeMap<&str, i64> = BTreeMap::new();
    let mut coming: Vec<(i64, usize)> = Vec::with_capacity(order.len());
    for at in order {
        let due = letters[at].offset_ms * 1000;
        let domain = letters[at].way.as_ref().and_then(|way| receiver(&way.address));
        let open = match (pace.per_domain, domain) {
            (Some(limit), Some(domain)) => {
                let open = free.get(domain).map_or(due, |open| due.max(*open));
                free.insert(domain, open + span(limit));
                open
            }
            _ => due,
        };
        coming.push((open, at));
    }
    coming.sort_by_key(|(open, _)| *open);
    let mut through = vec![0; letters.len()];
    let (mut now, mut coming) = (0, coming.into_iter().peekable());
    let mut ready = BinaryHeap::new();
    loop {
        while let Some((open, at)) = coming.next_if(|(open, _)| *open <= now) {
            ready.push(Reverse((urgency(letters[at]), open, at)));
        }
        match (ready.pop(), coming.peek()) {
            (Some(Reverse((_, _, at))), _) => {
                now += cost;
                through[at] = (now + 999) / 1000;
            }
            (None, Some((open, _))) => now = *open,
            (None, None) => return through,
        }
    }
}
