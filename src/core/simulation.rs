//! The whole engine in a simulated world: the core as it is, rows and relays in memory, a clock that only the dice move,
//! and every fault that may come between two steps.
//!
//! # Cast
//! - a [`Site`] is what a seed makes of a playbook, a directory, relays and people;
//! - [`store`] and [`hall`] stand for `store` and `operation`, [`nodes`] for the workers of each process;
//! - [`outside`] are the relays and the people;
//! - the [`History`] is what somebody outside has seen; the [`invariants`] are read from it.
//!
//! # Flow
//! 1. A storm of minutes or hours: triggers come, letters leave, people answer, nodes die, freeze and start again.
//! 2. [`Happening::Heal`] ends all faults, and time runs on until everything that was promised has come.
//! 3. Every invariant looks at the history and at the last rows.
//!
//! The same seed gives the same run: `NOROSHI_SEED=17 cargo test -p noroshi-core simulation` plays one again and,
//! where it fails, prints what happened. `NOROSHI_LONG=1` plays a hundred times as many.

mod hall;
mod history;
mod invariants;
mod nodes;
mod outside;
mod site;
mod store;

use std::collections::BTreeMap;

use self::{
    hall::Outcome,
    history::{Entry, History},
    nodes::Node,
    outside::Deed,
    site::Site,
    store::{Id, Process, Subject, Tables, Timer},
};
use crate::{
    dice::Dice,
    ladder::laws::world::START,
    time::{Span, Timestamp},
};

/// Runs in a CI run: less than a minute of one core.
const SEEDS: u64 = 6000;
/// After the storm: a letter is tried for three hours, a ladder takes less than two.
const CALM: Span = Span::minutes(6 * 60);
/// A run with more happenings never ends.
const MOST: usize = 200_000;

/// Something on the agenda.
#[derive(Clone, Debug)]
enum Happening {
    Wake(Process, Timestamp),
    /// A worker fires a timer of which it heard long ago.
    Echo(Process, Subject, Timer),
    Beat(Process),
    Leave(Process, usize),
    Reply(Process, usize, Outcome),
    Arrive {
        delivery: Id,
        repeat: bool,
    },
    Bounce(Id),
    Ask(Deed),
    Crash(usize),
    Start(usize),
    Pause(usize, Span),
    Resume(usize),
    Jump(Span),
    Heal,
}

impl Happening {
    /// Inside which process it happens.
    const fn inside(&self) -> Option<Process> {
        match self {
            Self::Wake(process, _)
            | Self::Echo(process, ..)
            | Self::Beat(process)
            | Self::Leave(process, _)
            | Self::Reply(process, ..) => Some(*process),
            _ => None,
        }
    }
}

struct Simulation {
    site: Site,
    dice: Dice,
    /// Time as it passes; the wall clock may be ahead of it.
    now: Timestamp,
    ahead: Span,
    agenda: BTreeMap<(Timestamp, u64), Happening>,
    planned: u64,
    nodes: Vec<Node>,
    tables: Tables,
    history: History,
    stormy: bool,
    /// When the run is over, once the storm is.
    end: Option<Timestamp>,
    /// A commit after which rows and timers disagreed.
    torn: Option<String>,
}

impl Simulation {
    fn of(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let site = Site::of(&mut dice);
        let nodes = (0..site.nodes).map(|_| Node::default()).collect();
        Self {
            site,
            dice,
            now: START,
            ahead: Span::ZERO,
            agenda: BTreeMap::new(),
            planned: 0,
            nodes,
            tables: Tables::default(),
            history: History::default(),
            stormy: true,
            end: None,
            torn: None,
        }
    }

    /// The wall clock, on which every node reads the time.
    fn clock(&self) -> Timestamp {
        self.now + self.ahead
    }

    fn plan(&mut self, wait: Span, happening: Happening) {
        self.planned += 1;
        self.agenda.insert((self.now + wait, self.planned), happening);
    }

    /// Plays the run to its end. Errors: what was found to be broken, in a sentence.
    fn play(&mut self) -> Result<(), String> {
        self.foresee();
        let mut happenings = 0;
        while let Some(((at, _), happening)) = self.agenda.pop_first() {
            if self.end.is_some_and(|end| at > end) {
                break;
            }
            self.now = at;
            self.happen(happening);
            happenings += 1;
            if let Some(torn) = &self.torn {
                return Err(format!("rows and timers disagree after a commit: {torn}"));
            }
            if happenings > MOST {
                return Err("the run never ends".to_owned());
            }
        }
        invariants::check(self)
    }

    /// What the storm brings: triggers, a drill, faults.
    fn foresee(&mut self) {
        let storm = Span(self.dice.between(60_000, 10_800_000));
        for node in 0..self.nodes.len() {
            self.plan(Span::ZERO, Happening::Start(node));
        }
        if self.dice.happens(300) {
            let rate = u32::try_from(self.dice.between(1, 60)).unwrap_or(1);
            self.plan(Span(1), Happening::Ask(Deed::Drill { key: 0, rate }));
        }
        for key in 1..=u32::try_from(self.dice.between(1, 4)).unwrap_or(1) {
            let id = format!("happening {}", self.dice.below(2));
            let wait = Span(self.dice.between(2, storm.0 / 4));
            self.plan(wait, Happening::Ask(Deed::Trigger { key, id: id.clone() }));
            if self.dice.happens(300) {
                // The caller asks twice, with the same key.
                let again = Span(wait.0 + self.dice.between(0, 10_000));
                self.plan(again, Happening::Ask(Deed::Trigger { key, id }));
            }
        }
        for _ in 0..self.dice.below(8) {
            let node = self.dice.below(self.nodes.len());
            let fault = match self.dice.below(5) {
                0 | 1 => Happening::Crash(node),
                2 | 3 => Happening::Pause(node, Span(self.dice.between(1_000, 120_000))),
                _ => Happening::Jump(Span(self.dice.between(1_000, 3_600_000))),
            };
            let early = *self.dice.pick(&[1, 10, 100]);
            let wait = Span(self.dice.between(0, storm.0 / early));
            self.plan(wait, fault);
        }
        self.plan(storm, Happening::Heal);
    }

    fn happen(&mut self, happening: Happening) {
        if let Some(process) = happening.inside() {
            if !self.lives(process) {
                return;
            }
            if self.nodes[process.node].paused {
                self.nodes[process.node].frozen.push(happening);
                return;
            }
        }
        let done = match happening {
            Happening::Wake(process, planned) => self.wake(process, planned),
            Happening::Echo(process, subject, timer) => self.echo(process, subject, timer),
            Happening::Beat(process) => self.beat(process),
            Happening::Reply(process, line, outcome) => self.reply(process, line, outcome),
            Happening::Start(node) => self.start(node),
            other => {
                self.befall(other);
                Ok(())
            }
        };
        // A process that died has left everything as it was committed; its next life finds it.
        drop(done);
    }

    /// What happens to the house from outside.
    fn befall(&mut self, happening: Happening) {
        match happening {
            Happening::Leave(process, line) => self.leave(process, line),
            Happening::Arrive { delivery, repeat } => self.arrive(delivery, repeat),
            Happening::Bounce(delivery) => self.bounce(delivery),
            Happening::Ask(deed) => self.ask(deed),
            Happening::Crash(node) if self.stormy => self.crash(node),
            Happening::Pause(node, length) if self.stormy && self.nodes[node].serves() => {
                self.nodes[node].paused = true;
                self.history.see(self.clock(), Entry::Paused { node });
                self.plan(length, Happening::Resume(node));
            }
            Happening::Resume(node) => self.resume(node),
            Happening::Jump(by) if self.stormy => {
                self.history.see(self.clock() + by, Entry::Jumped { from: self.clock() });
                self.ahead = Span(self.ahead.0 + by.0);
                self.ring_bells();
            }
            Happening::Heal => self.heal(),
            _ => {}
        }
    }

    /// From here on nothing fails any more.
    fn heal(&mut self) {
        self.stormy = false;
        self.end = Some(self.now + CALM);
        for node in 0..self.nodes.len() {
            self.resume(node);
            drop(self.start(node));
        }
        self.history.see(self.clock(), Entry::Healed);
    }

    /// A relay sends a letter back: any node that serves hears of it.
    fn bounce(&mut self, delivery: Id) {
        match self.nodes.iter().position(Node::serves) {
            Some(node) if self.transact(node, |work| work.bounced(delivery)).is_ok() => {}
            _ => self.plan(Span::seconds(10), Happening::Bounce(delivery)),
        }
    }
}

/// Plays one seed. Errors: what broke, and everything that happened.
fn run(seed: u64) -> Result<(), String> {
    let mut simulation = Simulation::of(seed);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| simulation.play()));
    let broken = match outcome {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(broken)) => broken,
        Err(_) => "the engine panicked; its words stand above".to_owned(),
    };
    Err(format!("{}\n{broken}\nNOROSHI_SEED={seed} plays it again", simulation.history))
}

#[test]
fn whatever_fails_in_whatever_order_every_invariant_holds() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("NOROSHI_SEED") {
        let outcome = run(seed);
        assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
        return;
    }
    let seeds = if number("NOROSHI_LONG").is_some_and(|long| long > 0) { SEEDS * 100 } else { SEEDS };
    for seed in 0..seeds {
        let outcome = run(seed);
        assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let history = |seed| {
        let mut simulation = Simulation::of(seed);
        let outcome = simulation.play();
        assert_eq!(outcome, Ok(()));
        simulation.history.to_string()
    };
    assert!(history(7).lines().count() > 10);
    assert_eq!(history(7), history(7));
    assert_ne!(history(7), history(8));
}
