//! Claimed letters that wait for a connection. A sender takes the first one whose domain has a place, so a domain
//! that lets everybody wait does not stand in the way of those behind it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use noroshi_core::time::{Span, Timestamp};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    app::App,
    domains::{Domains, Verdict},
    operation::delivery::Claimed,
};

/// How often whoever waits looks whether a pause is over.
const LOOK: Span = Span(250);

/// The letters of one lane, the most urgent first.
#[derive(Debug)]
pub(super) struct Tray {
    waiting: Mutex<VecDeque<Claimed>>,
    /// As many letters are worth waiting here, of one domain and of all that could be taken at once: one for each
    /// sender.
    enough: usize,
    came: Notify,
    went: Notify,
    /// A domain has fewer letters here than are enough: more of it may be claimed.
    pub(super) drained: Notify,
}

/// A letter's place among those of its domain; given back when it is dropped.
pub(super) struct Place<'a> {
    app: &'a App,
    domain: String,
    verdict: Verdict,
}

impl Place<'_> {
    /// What the conversation says about the domain.
    pub(super) fn judged(mut self, verdict: Verdict) {
        self.verdict = verdict;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.app.domains.leave(&self.domain, self.verdict, self.app.clock.now());
    }
}

impl Tray {
    /// An empty one for so many senders.
    pub(super) fn new(senders: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            enough: senders,
            came: Notify::new(),
            went: Notify::new(),
            drained: Notify::new(),
        }
    }

    /// Adds letters.
    pub(super) fn put(&self, letters: Vec<Claimed>) {
        let mut waiting = self.waiting();
        waiting.extend(letters);
        waiting
            .make_contiguous()
            .sort_by_key(|Claimed { delivery, .. }| (delivery.priority, delivery.due_at_ms, delivery.id));
        drop(waiting);
        self.came.notify_waiters();
    }

    /// The first letter whose domain has a place now, with that place.
    pub(super) fn take_now<'a>(&self, app: &'a App) -> Option<(Claimed, Place<'a>)> {
        let mut waiting = self.waiting();
        let now = app.clock.now();
        let at = waiting.iter().position(|letter| app.domains.enter(&letter.delivery.domain, now))?;
        let letter = waiting.remove(at)?;
        if waiting.iter().filter(|other| other.delivery.domain == letter.delivery.domain).count() + 1
            == self.enough
        {
            self.drained.notify_one();
        }
        self.went.notify_waiters();
        let domain = letter.delivery.domain.clone();
        Some((letter, Place { app, domain, verdict: Verdict::Nothing }))
    }

    /// The same, as soon as there is one.
    pub(super) async fn take<'a>(&self, app: &'a App) -> (Claimed, Place<'a>) {
        loop {
            let mut came = pin!(self.came.notified());
            came.as_mut().enable();
            if let Some(taken) = self.take_now(app) {
                return taken;
            }
            tokio::select! {
                () = came => {}
                () = app.clock.sleep_until(app.clock.now() + LOOK) => {}
            }
        }
    }

    /// The priority of the most urgent letter here.
    pub(super) fn most_urgent(&self) -> Option<i32> {
        self.waiting().front().map(|letter| letter.delivery.priority)
    }

    /// Returns as soon as fewer letters than are enough could be taken at once.
    pub(super) async fn wants(&self, app: &App) {
        loop {
            let mut went = pin!(self.went.notified());
            went.as_mut().enable();
            let now = app.clock.now();
            let ready = self
                .waiting()
                .iter()
                .filter(|letter| app.domains.is_open(&letter.delivery.domain, now))
                .count();
            if ready < self.enough {
                return;
            }
            went.await;
        }
    }

    /// The domains of which nothing more is to be claimed: enough letters wait here, or they are held back.
    pub(super) fn closed(&self, domains: &Domains, now: Timestamp) -> Vec<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for Claimed { delivery, .. } in
            self.waiting().iter().filter(|letter| !letter.delivery.domain.is_empty())
        {
            *counts.entry(delivery.domain.clone()).or_default() += 1;
        }
        let mut closed: BTreeSet<String> = domains.held(now).into_iter().map(|(name, _)| name).collect();
        closed
            .extend(counts.into_iter().filter(|(_, count)| *count >= self.enough).map(|(domain, _)| domain));
        closed.into_iter().collect()
    }

    /// Letters here whose domain is held back: they wait better in the outbox.
    pub(super) fn held(&self, domains: &Domains, now: Timestamp) -> Vec<Uuid> {
        let held: BTreeSet<String> = domains.held(now).into_iter().map(|(name, _)| name).collect();
        let waiting = self.waiting();
        let letters = waiting.iter().map(|letter| &letter.delivery);
        letters.filter(|letter| held.contains(&letter.domain)).map(|letter| letter.id).collect()
    }

    /// Takes letters out without sending them.
    pub(super) fn forget(&self, letters: &[Uuid]) {
        self.waiting().retain(|letter| !letters.contains(&letter.delivery.id));
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Claimed>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
