//! The nodes: processes with a memory of their own, which they lose when they die. What they do stands in `worker/`.

use super::{
    Happening, Simulation,
    hall::{Outcome, Work},
    history::Entry,
    store::{Id, LEASE, Process, Subject, Timer},
};
use crate::{
    tenure::Tenure,
    time::{Span, Timestamp},
};

/// Letters that one node hands over at the same time.
pub(super) const CONNECTIONS: usize = 2;
/// How long after something fell due a worker looks, at the latest.
pub(super) const LOOK: Span = Span::seconds(1);
const BEAT: Span = Span::seconds(3);

/// The process is dead; whatever it was about to do does not happen.
pub(super) struct Died;

/// A letter that a connection has handed over.
#[derive(Clone, Copy)]
pub(super) struct InHand {
    pub(super) delivery: Id,
    fence: u32,
    lease_until: Timestamp,
    pub(super) repeat: bool,
}

#[derive(Default)]
pub(super) struct Node {
    pub(super) life: u32,
    pub(super) up: bool,
    pub(super) paused: bool,
    /// What a paused process will see when it wakes up.
    pub(super) frozen: Vec<Happening>,
    wake_at: Option<Timestamp>,
    /// Until when it may count on its leases.
    tenure: Tenure,
    beats: bool,
    claimed: Vec<Id>,
    lines: [Option<InHand>; CONNECTIONS],
}

impl Node {
    pub(super) const fn serves(&self) -> bool {
        self.up && !self.paused
    }

    fn holds_letters(&self) -> bool {
        !self.claimed.is_empty() || self.lines.iter().any(Option::is_some)
    }
}

impl Simulation {
    fn process(&self, node: usize) -> Process {
        Process { node, life: self.nodes[node].life }
    }

    /// Whether this process still lives.
    pub(super) fn lives(&self, process: Process) -> bool {
        let node = &self.nodes[process.node];
        node.up && node.life == process.life
    }

    /// One transaction of a node. It may die right before the commit, and nothing has happened; or right after it, and
    /// nobody hears of it.
    pub(super) fn transact<T>(
        &mut self,
        node: usize,
        act: impl FnOnce(&mut Work<'_>) -> T,
    ) -> Result<T, Died> {
        let chance = f64::from(u32::try_from(self.dice.below(1000)).unwrap_or(0)) / 1000.0;
        let (now, tables) = (self.clock(), self.tables.clone());
        let mut work = Work { site: &self.site, tables, now, seen: Vec::new(), chance };
        let result = act(&mut work);
        let Work { tables, seen, .. } = work;
        self.may_die(node)?;
        self.tables = tables;
        for entry in seen {
            self.history.see(now, entry);
        }
        if self.torn.is_none() {
            self.torn = self.tables.torn();
        }
        self.ring_bells();
        self.may_die(node)?;
        Ok(result)
    }

    fn may_die(&mut self, node: usize) -> Result<(), Died> {
        if self.stormy && self.dice.happens(self.site.frail) {
            self.crash(node);
            return Err(Died);
        }
        Ok(())
    }

    pub(super) fn crash(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        if !node.up {
            return;
        }
        let in_hand = node.lines.iter().flatten().count();
        *node = Node { life: node.life + 1, ..Node::default() };
        self.history.see(self.clock(), Entry::Crashed { node: place, in_hand });
        let away = Span(self.dice.between(100, 120_000));
        self.plan(away, Happening::Start(place));
    }

    pub(super) fn start(&mut self, place: usize) -> Result<(), Died> {
        if self.nodes[place].up {
            return Ok(());
        }
        self.nodes[place].up = true;
        self.history.see(self.clock(), Entry::Started { node: place });
        if self.nodes.len() == 1 {
            // It is alone with its database: whatever is leased was left by its former life.
            self.transact(place, |work| work.take_back(true))?;
        }
        self.ring_bells();
        Ok(())
    }

    pub(super) fn resume(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        if std::mem::take(&mut node.paused) {
            for happening in std::mem::take(&mut node.frozen) {
                self.plan(Span::ZERO, happening);
            }
            self.history.see(self.clock(), Entry::Resumed { node: place });
        }
    }

    /// Every worker hears that there may be something to do, at the latest when it looks by itself.
    pub(super) fn ring_bells(&mut self) {
        let Some(due) = self.tables.next_moment() else { return };
        for place in 0..self.nodes.len() {
            let wait = Span((due - self.clock()).0.max(0) + self.dice.between(0, LOOK.0));
            let at = self.now + wait;
            let node = &mut self.nodes[place];
            if node.up && node.wake_at.is_none_or(|planned| planned > at) {
                node.wake_at = Some(at);
                let process = self.process(place);
                self.plan(wait, Happening::Wake(process, at));
            }
        }
    }

    /// A worker looks for what is due: timers, abandoned letters, letters to send.
    pub(super) fn wake(&mut self, process: Process, planned: Timestamp) -> Result<(), Died> {
        let place = process.node;
        if self.nodes[place].wake_at != Some(planned) {
            return Ok(());
        }
        self.nodes[place].wake_at = None;
        let now = self.clock();
        let timers = self.tables.timers.iter().map(|(subject, timer)| (*subject, *timer));
        let mut due: Vec<(Subject, Timer)> = timers.clone().filter(|(_, timer)| timer.due <= now).collect();
        due.sort_by_key(|(_, timer)| timer.due);
        let all: Vec<(Subject, Timer)> = timers.collect();
        if !all.is_empty() && self.dice.happens(30) {
            // A worker that is wrong about what is due, or has heard of it long ago.
            let (subject, timer) = *self.dice.pick(&all);
            let late = Span(self.dice.between(0, 1_200_000));
            self.plan(late, Happening::Echo(process, subject, timer));
            due.push((subject, timer));
        }
        for (subject, timer) in due {
            self.transact(place, |work| work.fire(subject, timer))?;
        }
        if !self.tables.abandoned(now, false).is_empty() {
            self.transact(place, |work| work.take_back(false))?;
        }
        self.send_on(place)?;
        self.ring_bells();
        Ok(())
    }

    pub(super) fn echo(&mut self, process: Process, subject: Subject, timer: Timer) -> Result<(), Died> {
        self.transact(process.node, |work| work.fire(subject, timer))
    }

    /// Claims what is due and gives every free connection a letter.
    fn send_on(&mut self, place: usize) -> Result<(), Died> {
        let process = self.process(place);
        let now = self.clock();
        if self.nodes[place].claimed.is_empty()
            && self.tables.deliveries.iter().any(|row| row.is_claimable(now))
        {
            let claimed = self.transact(place, |work| {
                let claimed = work.tables.claim(process, now, CONNECTIONS);
                work.seen.extend(claimed.iter().map(|id| Entry::Claimed { delivery: *id, by: process }));
                claimed
            })?;
            let node = &mut self.nodes[place];
            node.claimed = claimed;
            node.claimed.reverse();
            if !std::mem::replace(&mut node.beats, true) {
                self.plan(BEAT, Happening::Beat(process));
            }
        }
        while let Some(line) = self.nodes[place].lines.iter().position(Option::is_none)
            && let Some(next) = self.nodes[place].claimed.pop()
        {
            let in_hand = self.transact(place, |work| hand_over(work, next, process))?;
            self.take_in_hand(process, line, in_hand);
        }
        Ok(())
    }

    fn take_in_hand(&mut self, process: Process, line: usize, in_hand: Option<InHand>) {
        self.nodes[process.node].lines[line] = in_hand;
        if in_hand.is_some() {
            let writing = Span(self.dice.between(1, 50));
            self.plan(writing, Happening::Leave(process, line));
            if self.stormy && self.dice.happens(self.site.frail) {
                // The worst moment to fall asleep: the letter is handed over, and has not left.
                let asleep = Span(self.dice.between(1_000, 120_000));
                self.plan(Span::ZERO, Happening::Pause(process.node, asleep));
            }
        }
    }

    /// A letter is written and leaves, unless the node was away for too long and its lease has ended.
    pub(super) fn leave(&mut self, process: Process, line: usize) {
        let now = self.clock();
        let node = &mut self.nodes[process.node];
        let Some(in_hand) = node.lines[line] else { return };
        if node.tenure.holds(in_hand.lease_until, now) {
            self.history.see(now, Entry::Left { delivery: in_hand.delivery, by: process });
            self.hand_to_relay(process, line, in_hand);
        } else {
            node.lines[line] = None;
            self.ring_bells();
        }
    }

    /// The outcome is recorded together with the next letter's being handed over.
    pub(super) fn reply(&mut self, process: Process, line: usize, outcome: Outcome) -> Result<(), Died> {
        let place = process.node;
        let Some(in_hand) = self.nodes[place].lines[line].take() else { return Ok(()) };
        let next = self.nodes[place].claimed.pop();
        let next = self.transact(place, |work| {
            work.record(in_hand.delivery, process, in_hand.fence, outcome);
            next.and_then(|next| hand_over(work, next, process))
        })?;
        self.take_in_hand(process, line, next);
        self.send_on(place)
    }

    /// Leases are renewed while there is something to hold.
    pub(super) fn beat(&mut self, process: Process) -> Result<(), Died> {
        let place = process.node;
        self.nodes[place].beats = false;
        if self.nodes[place].holds_letters() {
            let now = self.clock();
            self.transact(place, |work| work.tables.renew(process, now))?;
            let node = &mut self.nodes[place];
            node.tenure = node.tenure.renewed(now, now + LEASE);
            node.beats = true;
            self.plan(BEAT, Happening::Beat(process));
        }
        Ok(())
    }
}

fn hand_over(work: &mut Work<'_>, id: Id, by: Process) -> Option<InHand> {
    work.hand_over(id, by).then(|| {
        let row = &work.tables.deliveries[id];
        InHand { delivery: id, fence: row.fence, lease_until: row.lease_until, repeat: row.repeat }
    })
}
