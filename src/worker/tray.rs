//! Claimed letters that wait for a connection. The first ones whose domains have a place are taken, so a domain that
//! lets everybody wait does not stand in the way of those behind it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use noroshi_core::time::{Span, Timestamp};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    app::App,
    domains::{Domains, Verdict},
    operation::delivery::Claimed,
};

/// How often it is looked whether a pause is over.
const LOOK: Span = Span(250);

/// The letters of one lane, the most urgent first.
#[derive(Debug)]
pub(super) struct Tray {
    waiting: Mutex<Waiting>,
    /// As many letters are worth waiting here, of one domain and of all that could be taken at once: one for each
    /// sender.
    enough: usize,
    came: Notify,
    went: Notify,
    /// A domain has fewer letters here than are enough: more of it may be claimed.
    pub(super) drained: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The most urgent first.
    letters: VecDeque<Claimed>,
    /// How many of them each domain has.
    of_domain: BTreeMap<String, usize>,
    /// Some could not be taken when they were looked at last.
    clogged: bool,
}

impl Waiting {
    fn add(&mut self, letters: Vec<Claimed>) {
        for letter in &letters {
            *self.of_domain.entry(letter.delivery.domain.clone()).or_default() += 1;
        }
        self.letters.extend(letters);
        self.letters
            .make_contiguous()
            .sort_by_key(|Claimed { delivery, .. }| (delivery.priority, delivery.due_at_ms, delivery.id));
    }

    fn take(&mut self, at: usize) -> Option<Claimed> {
        let letter = self.letters.remove(at)?;
        let domain = &letter.delivery.domain;
        if let Some(count) = self.of_domain.get_mut(domain) {
            *count -= 1;
            if *count == 0 {
                self.of_domain.remove(domain);
            }
        }
        Some(letter)
    }

    fn of(&self, domain: &str) -> usize {
        self.of_domain.get(domain).copied().unwrap_or_default()
    }
}

/// A letter's place among those of its domain; given back when it is dropped.
pub(super) struct Place {
    app: Arc<App>,
    domain: String,
    verdict: Verdict,
}

impl Place {
    /// What the conversation says about the domain.
    pub(super) fn judged(mut self, verdict: Verdict) {
        self.verdict = verdict;
    }
}

impl Drop for Place {
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
        self.waiting().add(letters);
        self.look_again();
    }

    /// Whoever waits for letters looks whether one can be taken.
    pub(super) fn look_again(&self) {
        self.came.notify_one();
    }

    /// The first `n` letters whose domains have a place now, each with its place.
    pub(super) fn take(&self, app: &Arc<App>, n: usize) -> Vec<(Claimed, Place)> {
        let mut waiting = self.waiting();
        let now = app.clock.now();
        let (mut taken, mut full, mut at) = (Vec::new(), BTreeSet::new(), 0);
        while taken.len() < n
            && let Some(Claimed { delivery, .. }) = waiting.letters.get(at)
        {
            let domain = delivery.domain.clone();
            if full.contains(&domain) || !app.domains.enter(&domain, now) {
                full.insert(domain);
                at += 1;
                continue;
            }
            if waiting.of(&domain) == self.enough {
                self.drained.notify_one();
            }
            let place = Place { app: Arc::clone(app), domain, verdict: Verdict::Nothing };
            taken.extend(waiting.take(at).map(|letter| (letter, place)));
        }
        waiting.clogged |= !full.is_empty();
        // Of many letters that can all be taken some less are no news; that none of them can is.
        if waiting.clogged || waiting.letters.len() < self.enough {
            self.went.notify_waiters();
        }
        taken
    }

    /// Returns when letters came, and now and then while some wait: a pause may be over. Only one may listen.
    pub(super) async fn came(&self, app: &App) {
        let is_empty = self.waiting().letters.is_empty();
        tokio::select! {
            () = self.came.notified() => {}
            () = app.clock.sleep_until(app.clock.now() + LOOK), if !is_empty => {}
        }
    }

    /// The priority of the most urgent letter here.
    pub(super) fn most_urgent(&self) -> Option<i32> {
        self.waiting().letters.front().map(|letter| letter.delivery.priority)
    }

    /// Returns as soon as fewer letters than are enough could be taken at once.
    pub(super) async fn wants(&self, app: &App) {
        loop {
            let mut went = pin!(self.went.notified());
            went.as_mut().enable();
            if self.ready(app) < self.enough {
                return;
            }
            went.await;
        }
    }

    /// How many letters could be taken at once.
    fn ready(&self, app: &App) -> usize {
        let now = app.clock.now();
        let mut waiting = self.waiting();
        let open = waiting.of_domain.iter().filter(|(domain, _)| app.domains.is_open(domain, now));
        let ready = open.map(|(_, count)| count).sum();
        waiting.clogged = ready < waiting.letters.len();
        ready
    }

    /// The domains of which nothing more is to be claimed: enough letters wait here, or they are held back.
    pub(super) fn closed(&self, domains: &Domains, now: Timestamp) -> Vec<String> {
        let mut closed: BTreeSet<String> = domains.held(now).into_iter().map(|(name, _)| name).collect();
        let waiting = self.waiting();
        let enough =
            waiting.of_domain.iter().filter(|(name, count)| !name.is_empty() && **count >= self.enough);
        closed.extend(enough.map(|(name, _)| name.clone()));
        closed.into_iter().collect()
    }

    /// Letters here whose domain is held back: they wait better in the outbox.
    pub(super) fn held(&self, domains: &Domains, now: Timestamp) -> Vec<Uuid> {
        let held: BTreeSet<String> = domains.held(now).into_iter().map(|(name, _)| name).collect();
        let waiting = self.waiting();
        let letters = waiting.letters.iter().map(|letter| &letter.delivery);
        letters.filter(|letter| held.contains(&letter.domain)).map(|letter| letter.id).collect()
    }

    /// Takes letters out without sending them.
    pub(super) fn forget(&self, letters: &[Uuid]) {
        let mut waiting = self.waiting();
        let is_gone = |letter: &Claimed| letters.contains(&letter.delivery.id);
        while let Some(at) = waiting.letters.iter().position(is_gone) {
            waiting.take(at);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
