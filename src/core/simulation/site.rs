//! The site that a seed makes: its playbook and directory, its relays, its people, how many nodes serve it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::{
    dice::Dice,
    directory::Directory,
    ladder::laws::world::{World, draft},
    playbook::{Again, DecideOption, Dedupe, IfMissed, Mode, OnTimeout, PartyRef, Source, Then, Trigger},
    task,
    text::Text,
    time::Span,
};

/// What the other end does with letters to one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Takes,
    /// Takes it after up to a minute, longer than a lease.
    Slow,
    Refuses,
    /// Wants it again later, so many times of a thousand.
    Defers(usize),
    /// Takes it and sends it back.
    Bounces,
}

/// Everything that a seed decides before the first second.
pub(super) struct Site {
    pub(super) world: World,
    pub(super) directory: Directory,
    pub(super) trigger: Trigger,
    /// Who may sit in the one chair, and to whom of them a letter can be written.
    pub(super) fill: Vec<String>,
    pub(super) askable: Vec<String>,
    pub(super) accept_within: Span,
    pub(super) duty_changes: bool,
    pub(super) task: task::Rule,
    pub(super) task_within: Span,
    pub(super) missed: IfMissed,
    pub(super) report_within: Span,
    pub(super) approved_at_once: bool,
    natures: BTreeMap<String, Nature>,
    /// Nodes on one database; alone, a node takes every lease back at its start.
    pub(super) nodes: usize,
    /// How likely people answer, of a thousand.
    pub(super) talkative: usize,
    /// How likely a commit ends with the process, of a thousand, before it and after it.
    pub(super) frail: usize,
}

impl Site {
    pub(super) fn of(dice: &mut Dice) -> Self {
        let draft = {
            let mut seed = [0; 16];
            seed[..8].copy_from_slice(&dice.roll().to_le_bytes());
            seed[8..].copy_from_slice(&dice.roll().to_le_bytes());
            let chance = TestRng::from_seed(RngAlgorithm::XorShift, &seed);
            let mut runner = TestRunner::new_with_rng(Config::default(), chance);
            draft().new_tree(&mut runner).expect("a draft is always found").current()
        };
        let files = draft.read();
        let mut world = draft.world_of(&files);
        if dice.happens(500) {
            world.book.by_hand = BTreeSet::from(["phone".to_owned()]);
        }
        let people: Vec<String> = ["abe", "baba", "chiba"].map(str::to_owned).into();
        let fill: Vec<String> = people.into_iter().filter(|_| dice.happens(700)).collect();
        let askable = fill.iter().filter(|_| dice.happens(800)).cloned().collect();
        let option = |label: &str, then| DecideOption { label: Text::plain(label), then };
        Self {
            world,
            directory: files.1,
            trigger: trigger(dice),
            fill,
            askable,
            accept_within: Span::seconds(dice.between(5, 900)),
            duty_changes: dice.happens(500),
            task: task::Rule {
                required: dice.happens(500),
                repeat_every: dice.happens(300).then(|| Span::minutes(40)),
            },
            task_within: Span::minutes(dice.between(0, 60)),
            missed: IfMissed {
                remind: (0..dice.between(0, 3)).map(|n| Span::minutes(n * 5)).collect(),
                decide_at: Span::minutes(dice.between(11, 30)),
                decide_to: PartyRef::Role("chief".into()),
                options: vec![
                    option("終える", Then::End),
                    option("延ばす", Then::Extend { by: Span::minutes(15) }),
                ],
            },
            report_within: Span::minutes(dice.between(0, 60)),
            approved_at_once: dice.happens(500),
            natures: BTreeMap::new(),
            nodes: 1 + dice.below(3),
            talkative: dice.below(700),
            frail: *dice.pick(&[0, 3, 10, 40]),
        }
    }

    /// How the other end treats this address, the same in the whole run.
    pub(super) fn nature(&mut self, address: &str, dice: &mut Dice) -> Nature {
        if let Some(nature) = self.natures.get(address) {
            return *nature;
        }
        let defers = Nature::Defers(*dice.pick(&[300, 700, 1000]));
        let nature = *dice.pick(&[
            Nature::Takes,
            Nature::Takes,
            Nature::Takes,
            Nature::Slow,
            Nature::Refuses,
            defers,
            Nature::Bounces,
        ]);
        self.natures.insert(address.to_owned(), nature);
        nature
    }
}

fn trigger(dice: &mut Dice) -> Trigger {
    let hold = Span::seconds(dice.between(1, 600));
    let mode = *dice.pick(&[
        Mode::Suggest,
        Mode::OpenAndHold { hold, on_timeout: OnTimeout::Send },
        Mode::OpenAndHold { hold, on_timeout: OnTimeout::Suggest },
        Mode::OpenAndSend,
        Mode::OpenAndSend,
        Mode::OpenAndSend,
    ]);
    let then = *dice.pick(&[Again::Attach, Again::Ignore, Again::Open]);
    let dedupe = Dedupe { by: "event_id".into(), window: Span::minutes(dice.between(1, 720)), then };
    Trigger {
        key: "hook".into(),
        source: Source::Webhook,
        allow: Vec::new(),
        confirm_title: false,
        mode,
        when: Vec::new(),
        dedupe: dice.happens(800).then_some(dedupe),
        schedule: None,
        webhook: None,
    }
}
