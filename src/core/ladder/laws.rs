//! Laws that hold for every clean playbook, whatever happens in whatever order.
//!
//! 1. A [`Draft`] is generated, written as the YAML of a playbook and of a directory, and read: it checks clean by
//!    construction. Beside it goes a rule made without YAML, for sizes that nobody writes by hand ([`Bare`]).
//! 2. [`play`] raises the alert, keeps its own time and lets generated [`Event`]s happen to the recipients.
//! 3. Each law looks at every [`Moment`], or at where everybody stands when time has run on.

use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestCaseError},
};

use self::world::{Bare, DAY, Draft, START, World, bare, draft};
use super::*;
use crate::{
    alert::{Tally, Verdict, judge},
    playbook::{Count, Quorum},
};

pub(crate) mod world;

/// Something that happens, to the recipient that `who` picks.
#[derive(Clone, Debug)]
enum Event {
    Wait(i64),
    /// Time goes on until the recipient's timer falls due, give or take some milliseconds.
    UntilDue(usize, i64),
    Tried(usize),
    Accepted(usize),
    Delivered(usize),
    Unknown(usize),
    Failed(usize, usize),
    Opened(usize),
    Answered(usize, usize),
    /// The timer fires, whether it is time or not.
    Timer(usize),
    /// A timer fires that was never set, or long ago.
    StrayTimer(usize, u16),
    Decided(usize, usize),
    Stopped(usize, bool, bool),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let who = 0..8_usize;
    let event = prop_oneof![
        3 => prop_oneof![0..5_000_i64, 0..1_200_000_i64, Just(DAY)].prop_map(Event::Wait),
        4 => (who.clone(), -2..3_i64).prop_map(|(who, by)| Event::UntilDue(who, by)),
        4 => who.clone().prop_map(Event::Tried),
        1 => who.clone().prop_map(Event::Accepted),
        1 => who.clone().prop_map(Event::Delivered),
        1 => who.clone().prop_map(Event::Unknown),
        5 => (who.clone(), 0..9_usize).prop_map(|(who, letter)| Event::Failed(who, letter)),
        1 => who.clone().prop_map(Event::Opened),
        2 => (who.clone(), 0..9_usize).prop_map(|(who, option)| Event::Answered(who, option)),
        8 => who.clone().prop_map(Event::Timer),
        2 => (who.clone(), 0..9_u16).prop_map(|(who, step)| Event::StrayTimer(who, step)),
        2 => (who.clone(), 0..3_usize).prop_map(|(who, option)| Event::Decided(who, option)),
        1 => (who, any::<bool>(), any::<bool>()).prop_map(|(who, over, tell)| Event::Stopped(who, over, tell)),
    ];
    prop::collection::vec(event, 0..50)
}

/// One input and what came of it.
struct Moment<'a> {
    scene: Scene<'a>,
    before: &'a Recipient,
    input: &'a Input,
    after: &'a Recipient,
    effects: &'a [Effect],
    /// When the next step falls due by the words of the playbook; `None` while no clock runs.
    planned: Option<Timestamp>,
}

type Checked = Result<(), TestCaseError>;
type Law<'l> = &'l mut dyn FnMut(&Moment<'_>) -> Checked;

/// One recipient with its outbox and its timer, as a service keeps them; and what the test knows by itself.
struct Climber {
    recipient: Recipient,
    timer: Option<(u16, Timestamp)>,
    queued: BTreeSet<u16>,
    letters: u16,
    /// The first try.
    started: Option<Timestamp>,
    /// When a postponed decision comes back.
    postponed: Option<Timestamp>,
    /// Somebody was asked to decide, and has not decided.
    asked: bool,
}

impl Climber {
    fn raise(world: &World, who: usize) -> Self {
        let (recipient, effects) = raise(&world.scene(who, START));
        let mut climber = Self {
            recipient,
            timer: None,
            queued: BTreeSet::new(),
            letters: 0,
            started: None,
            postponed: None,
            asked: false,
        };
        climber.perform(&effects);
        let first_letter_leaves = effects.iter().any(
            |effect| matches!(effect, Effect::Send(letter) if letter.occasion == Occasion::Alert && !letter.unserved),
        );
        climber.started = (!world.informs() && !first_letter_leaves).then_some(START);
        climber
    }

    fn perform(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Send(letter) => {
                    assert_eq!(letter.letter, self.letters, "letters are numbered without a gap");
                    self.letters += 1;
                    if !letter.unserved {
                        self.queued.insert(letter.letter);
                    }
                }
                Effect::SetTimer { step, due } => self.timer = Some((*step, *due)),
                Effect::DropTimer => self.timer = None,
                Effect::Withdraw => self.queued.clear(),
                Effect::AskDecision { .. } => self.asked = true,
                Effect::AskCall { .. } | Effect::Record(_) => {}
            }
        }
    }

    fn planned(&self, world: &World) -> Option<Timestamp> {
        if self.recipient.state != State::Waiting {
            return None;
        }
        let step = world.steps()[usize::from(self.recipient.step)].at;
        self.postponed.or(self.started.map(|started| started + step))
    }

    fn happen(&mut self, scene: Scene<'_>, world: &World, input: &Input, law: Law<'_>) -> Checked {
        let before = self.recipient.clone();
        let planned = self.planned(world);
        let (after, effects) = advance(&scene, &before, input);
        law(&Moment { scene, before: &before, input, after: &after, effects: &effects, planned })?;
        self.perform(&effects);
        if matches!(input, Input::Tried | Input::Failed { .. }) {
            self.started.get_or_insert(scene.now);
        }
        if let Input::Decided { then } = input
            && before.state == State::ToDecide
        {
            self.asked = false;
            match then {
                Then::End => {}
                Then::Extend { by } => self.postponed = Some(scene.now + *by),
                Then::Raise { .. } => self.postponed = Some(scene.now),
            }
        }
        self.recipient = after;
        // A restart loses nothing: what the row says and what the timer says is one thing.
        let by_row = self.recipient.due.map(|due| (self.recipient.step, due));
        prop_assert_eq!(by_row, self.timer, "row and timer differ after {:?}", input);
        Ok(())
    }

    fn input(&self, world: &World, event: &Event, now: Timestamp) -> Option<Input> {
        let at = now;
        Some(match event {
            Event::Wait(_) | Event::UntilDue(..) => return None,
            Event::Tried(_) => Input::Tried,
            Event::Accepted(_) => Input::Accepted { at },
            Event::Delivered(_) => Input::Delivered { at },
            Event::Unknown(_) => Input::Unknown { at },
            Event::Failed(_, letter) => Input::Failed { letter: u16::try_from(*letter).unwrap(), at },
            Event::Opened(_) => Input::Opened { at },
            Event::Answered(_, option) => {
                let options = &world.rule.responses;
                let option = options.get(option % options.len().max(1))?;
                Input::Answered { meaning: option.meaning, counts_as: option.counts_as, at }
            }
            Event::Timer(_) => Input::TimerFired { step: self.timer?.0 },
            Event::StrayTimer(_, step) => Input::TimerFired { step: *step },
            Event::Decided(_, option) => {
                let decisions = world.decisions();
                Input::Decided { then: decisions.get(option % decisions.len().max(1))?.clone() }
            }
            Event::Stopped(_, over, tell) => Input::Stopped {
                why: if *over { StopOn::IncidentClosed } else { StopOn::Superseded },
                tell: *tell,
            },
        })
    }

    /// Letters are tried, timers fire on time, and nobody says anything.
    fn run_on(&mut self, world: &World, who: usize, now: &mut Timestamp, law: Law<'_>) -> Checked {
        for _ in 0..200 {
            let input = match self.timer {
                None if !self.queued.is_empty() && self.started.is_none() => Input::Tried,
                None => return Ok(()),
                Some((step, due)) => {
                    *now = (*now).max(due);
                    Input::TimerFired { step }
                }
            };
            self.happen(world.scene(who, *now), world, &input, law)?;
        }
        prop_assert!(false, "the ladder never ends");
        Ok(())
    }
}

/// Lets the events happen, and shows every moment to the law. Returns everybody and the time.
fn play(world: &World, events: &[Event], law: Law<'_>) -> Result<(Vec<Climber>, Timestamp), TestCaseError> {
    let mut now = START;
    let mut climbers: Vec<Climber> =
        (0..world.recipients.len()).map(|who| Climber::raise(world, who)).collect();
    for event in events {
        let who = match event {
            Event::Wait(by) => {
                now = now + Span(*by);
                continue;
            }
            Event::Tried(who)
            | Event::Accepted(who)
            | Event::Delivered(who)
            | Event::Unknown(who)
            | Event::Opened(who)
            | Event::Timer(who)
            | Event::UntilDue(who, _)
            | Event::Failed(who, _)
            | Event::Answered(who, _)
            | Event::StrayTimer(who, _)
            | Event::Decided(who, _)
            | Event::Stopped(who, ..) => who % climbers.len(),
        };
        let climber = &mut climbers[who];
        if let (Event::UntilDue(_, by), Some((_, due))) = (event, climber.timer) {
            now = now.max(due + Span(*by));
        }
        if let Some(input) = climber.input(world, event, now) {
            climber.happen(world.scene(who, now), world, &input, law)?;
        }
    }
    Ok((climbers, now))
}

/// Plays both kinds of world and lets time run on to every ladder's end.
fn play_out(draft: &Draft, bare: &Bare, events: &[Event], law: Law<'_>) -> Checked {
    for world in [draft.world(), bare.world()] {
        let (mut climbers, mut now) = play(&world, events, law)?;
        for (who, climber) in climbers.iter_mut().enumerate() {
            climber.run_on(&world, who, &mut now, law)?;
        }
    }
    Ok(())
}

/// Whether somebody gets something by it.
fn speaks(effect: &Effect) -> bool {
    matches!(effect, Effect::Send(_) | Effect::AskCall { .. } | Effect::AskDecision { .. })
}

fn fires_when_due(moment: &Moment<'_>) -> Checked {
    let now = moment.scene.now;
    if matches!(moment.input, Input::TimerFired { .. }) {
        let due = moment.planned.is_some_and(|planned| now >= planned);
        if !due {
            prop_assert_eq!(moment.effects, [], "before {:?}, at {:?}", moment.planned, now);
            prop_assert_eq!(moment.after, moment.before);
        }
    }
    // Only failed letters, and steps that reach nobody, bring the next step forward.
    let failed = matches!(moment.input, Input::Failed { .. });
    let mut passed_over = false;
    for effect in moment.effects {
        match effect {
            Effect::Record(Fact::StepTaken { brought_forward: true, .. }) => {
                prop_assert!(failed || passed_over, "brought forward by {:?}", moment.input);
            }
            Effect::Record(Fact::StepReachedNobody { .. }) => passed_over = true,
            Effect::SetTimer { step, due } if !matches!(moment.input, Input::Decided { .. }) => {
                let ladder = moment.scene.rule.ladder.as_ref();
                let at = ladder.map(|ladder| ladder.steps[usize::from(*step)].at);
                prop_assert_eq!(
                    Some(*due),
                    moment.after.started_at.zip(at).map(|(started, at)| started + at)
                );
            }
            _ => {}
        }
    }
    Ok(())
}

fn repeats_change_nothing(moment: &Moment<'_>) -> Checked {
    let (again, effects) = advance(&moment.scene, moment.after, moment.input);
    prop_assert_eq!(&again, moment.after, "{:?} twice", moment.input);
    prop_assert_eq!(effects, [], "{:?} twice", moment.input);
    // A timer that came too early has not been heard; everything else is old news a day later too.
    let unheard = matches!(moment.input, Input::TimerFired { .. }) && moment.before == moment.after;
    if !unheard {
        let later = Scene { now: moment.scene.now + Span(DAY), ..moment.scene };
        let (again, effects) = advance(&later, moment.after, moment.input);
        prop_assert_eq!(&again, moment.after, "{:?} again a day later", moment.input);
        prop_assert_eq!(effects, [], "{:?} again a day later", moment.input);
    }
    Ok(())
}

/// A timer that is lost is set again as it was; whoever waits for nothing gets none.
fn finds_a_lost_step(moment: &Moment<'_>) -> Checked {
    let (after, effects) = advance(&moment.scene, moment.after, &Input::StepLost);
    match (moment.after.state, moment.after.due) {
        (State::Waiting, Some(due)) => {
            prop_assert_eq!(effects, [Effect::SetTimer { step: moment.after.step, due }]);
            prop_assert_eq!(&after, moment.after);
        }
        (State::Waiting, None) => prop_assert!(after.due.is_some() && effects.len() == 1, "{:?}", effects),
        _ => prop_assert_eq!((&after, effects), (moment.after, Vec::new())),
    }
    Ok(())
}

fn is_quiet_after_an_answer(moment: &Moment<'_>) -> Checked {
    let was_over = moment.before.state.is_settled();
    let has_answered = moment.after.evidence.answered_at.is_some();
    for effect in moment.effects.iter().filter(|effect| speaks(effect)) {
        match effect {
            Effect::Send(letter) if letter.occasion == Occasion::StandDown => {
                let is_told = matches!(moment.input, Input::Stopped { tell: true, .. });
                prop_assert!(is_told && !was_over);
                prop_assert_eq!(moment.after.state, State::StoodDown);
                prop_assert!(moment.scene.rule.plan.stand_down.is_some());
            }
            _ => prop_assert!(!was_over && !has_answered, "{:?} after {:?}", effect, moment.input),
        }
    }
    if has_answered {
        prop_assert!(moment.after.state.is_settled(), "an answer leaves it {:?}", moment.after.state);
    }
    if moment.after.state.is_settled() {
        prop_assert_eq!(moment.after.due, None);
        // An end stays an end; only who was told nothing has to come back may still answer.
        let stays = moment.before.state == moment.after.state
            || !was_over
            || (moment.before.state == State::Informed && moment.after.state == State::Answered);
        prop_assert!(stays, "{:?} became {:?}", moment.before.state, moment.after.state);
    }
    Ok(())
}

fn ends_at_a_person(world: &World, events: &[Event]) -> Checked {
    let silent = &mut |_: &Moment<'_>| Ok(());
    let (mut climbers, mut now) = play(world, events, silent)?;
    for (who, climber) in climbers.iter_mut().enumerate() {
        climber.run_on(world, who, &mut now, silent)?;
        for then in world.decisions().iter().rev() {
            let evidence = &climber.recipient.evidence;
            match climber.recipient.state {
                State::Waiting => prop_assert!(false, "nobody will ever notice: {:?}", climber.recipient),
                State::Informed => prop_assert!(
                    world.informs() || (world.stops_on(StopOn::Read) && evidence.opened_at.is_some())
                ),
                State::Answered => {
                    prop_assert!(evidence.acked_at.is_some() || evidence.answered_at.is_some());
                }
                State::ToDecide => prop_assert!(climber.asked, "nobody was asked to decide"),
                State::Decided | State::StoodDown => {}
            }
            climber.happen(world.scene(who, now), world, &Input::Decided { then: then.clone() }, silent)?;
            climber.run_on(world, who, &mut now, silent)?;
        }
        // The first option ends it (rule A02), so after all of them nobody waits any more.
        prop_assert!(climber.recipient.state.is_settled(), "{:?}", climber.recipient);
    }
    Ok(())
}

/// Inputs that no service would send: unknown letters and steps, clocks that jump, decisions that nobody offered.
fn nonsense() -> impl Strategy<Value = Vec<(Timestamp, Input)>> {
    let moment = || {
        prop_oneof![
            4 => (0..2 * DAY).prop_map(|after| START + Span(after)),
            1 => prop::sample::select(&[i64::MIN, -1, 0, i64::MAX][..]).prop_map(Timestamp),
        ]
    };
    let answer = (
        prop::sample::select(
            &[Meaning::Accept, Meaning::Decline, Meaning::Arrival, Meaning::Seen, Meaning::Question][..],
        ),
        prop::sample::select(&[CountsAs::Ack, CountsAs::Read][..]),
    );
    let then = prop_oneof![
        Just(Then::End),
        (0..i64::MAX).prop_map(|by| Then::Extend { by: Span(by) }),
        Just(Then::Raise { to: PartyRef::Role("stranger".into()) }),
    ];
    let why = prop::sample::select(&[StopOn::Superseded, StopOn::IncidentClosed, StopOn::Read][..]);
    let input = prop_oneof![
        2 => Just(Input::Tried),
        1 => Just(Input::StepLost),
        1 => moment().prop_map(|at| Input::Accepted { at }),
        1 => moment().prop_map(|at| Input::Delivered { at }),
        1 => moment().prop_map(|at| Input::Unknown { at }),
        4 => (prop_oneof![0..6_u16, any::<u16>()], moment()).prop_map(|(letter, at)| Input::Failed { letter, at }),
        1 => moment().prop_map(|at| Input::Opened { at }),
        1 => (answer, moment())
            .prop_map(|((meaning, counts_as), at)| Input::Answered { meaning, counts_as, at }),
        6 => prop_oneof![4 => 0..6_u16, 1 => any::<u16>()].prop_map(|step| Input::TimerFired { step }),
        2 => then.prop_map(|then| Input::Decided { then }),
        1 => (why, any::<bool>()).prop_map(|(why, tell)| Input::Stopped { why, tell }),
    ];
    prop::collection::vec((moment(), input), 0..50)
}

/// What one recipient says in the end.
#[derive(Clone, Copy, Debug)]
enum Said {
    Accepts {
        teams: u32,
    },
    Declines,
    /// It was silent, and a person decided.
    Nothing,
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        (0..4_u32).prop_map(|teams| Said::Accepts { teams }),
        Just(Said::Declines),
        Just(Said::Nothing),
    ]
}

fn quorum() -> impl Strategy<Value = Quorum> {
    prop_oneof![
        Just(Quorum::All),
        Just(Quorum::Any),
        (1..9_u32).prop_map(|n| Quorum::Accept { n, count: Count::Answers }),
        (1..9_u32).prop_map(|n| Quorum::Accept { n, count: Count::Teams }),
    ]
}

/// How much of what the quorum counts has come in, and how much is wanted.
fn counted(quorum: Quorum, said: &[Said]) -> (usize, usize) {
    let count = |counts: &dyn Fn(&Said) -> usize| said.iter().map(counts).sum();
    match quorum {
        Quorum::All => (0, usize::MAX),
        Quorum::Any => (count(&|said| usize::from(!matches!(said, Said::Nothing))), 1),
        Quorum::Accept { n, count: Count::Answers } => {
            (count(&|said| usize::from(matches!(said, Said::Accepts { .. }))), n as usize)
        }
        Quorum::Accept { n, count: Count::Teams } => {
            let teams = |said: &Said| if let Said::Accepts { teams } = said { *teams as usize } else { 0 };
            (count(&teams), n as usize)
        }
    }
}

/// A thousand generated playbooks for each law. The default source of chance is dear without optimisation.
fn a_thousand() -> ProptestConfig {
    ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(a_thousand())]

    #[test]
    fn nothing_fires_early(draft in draft(), bare in bare(), events in events()) {
        play_out(&draft, &bare, &events, &mut fires_when_due)?;
    }

    #[test]
    fn a_repeated_input_changes_nothing(draft in draft(), bare in bare(), events in events()) {
        play_out(&draft, &bare, &events, &mut repeats_change_nothing)?;
    }

    #[test]
    fn whoever_waits_finds_a_lost_step_again(draft in draft(), bare in bare(), events in events()) {
        play_out(&draft, &bare, &events, &mut finds_a_lost_step)?;
    }

    #[test]
    fn whoever_has_answered_gets_nothing_more(draft in draft(), bare in bare(), events in events()) {
        play_out(&draft, &bare, &events, &mut is_quiet_after_an_answer)?;
    }

    #[test]
    fn everybody_ends_in_an_answer_or_at_a_person(draft in draft(), bare in bare(), events in events()) {
        ends_at_a_person(&draft.world(), &events)?;
        ends_at_a_person(&bare.world(), &events)?;
    }
    #[test]
    fn nothing_that_happens_makes_the_engine_panic(
        draft in draft(),
        bare in bare(),
        nonsense in nonsense(),
    ) {
        for world in [draft.world(), bare.world()] {
            for who in 0..world.recipients.len() {
                let (mut recipient, _) = raise(&world.scene(who, START));
                for (now, input) in &nonsense {
                    (recipient, _) = advance(&world.scene(who, *now), &recipient, input);
                    let waits = recipient.state == State::Waiting;
                    prop_assert!(!waits || usize::from(recipient.step) < world.steps().len());
                    prop_assert!(waits || recipient.due.is_none());
                }
            }
        }
    }

    #[test]
    fn a_quorum_is_reached_when_enough_have_answered_and_short_only_when_nobody_is_left(
        quorum in quorum(),
        said in prop::collection::vec(said(), 0..12),
    ) {
        let mut before = Verdict::Open;
        for heard in 0..=said.len() {
            let (heard, silent) = said.split_at(heard);
            let count = |is: fn(&Said) -> bool| u32::try_from(heard.iter().filter(|said| is(said)).count()).unwrap();
            let teams = heard.iter().map(|said| if let Said::Accepts { teams } = said { *teams } else { 0 }).sum();
            let tally = Tally {
                open: u32::try_from(silent.len()).unwrap(),
                acked: count(|said| !matches!(said, Said::Nothing)),
                accepts: count(|said| matches!(said, Said::Accepts { .. })),
                teams,
            };
            let verdict = judge(quorum, &tally);
            let (got, wanted) = counted(quorum, heard);
            prop_assert_eq!(verdict == Verdict::Reached, got >= wanted, "{:?} of {:?}", quorum, heard);
            if before == Verdict::Reached {
                prop_assert_eq!(verdict, Verdict::Reached, "enough stays enough");
            }
            if let Verdict::Short { missing } = verdict {
                prop_assert!(silent.is_empty(), "somebody may still answer");
                prop_assert_eq!(missing as usize, wanted - got);
            } else if silent.is_empty() && quorum != Quorum::All {
                prop_assert_eq!(verdict, Verdict::Reached, "everybody has spoken, so it is decided");
            }
            // One more answer never makes it worse, nobody more is missing for it.
            let more = Tally { acked: tally.acked + 1, accepts: tally.accepts + 1, teams: tally.teams + 1, ..tally };
            match (verdict, judge(quorum, &more)) {
                (Verdict::Reached, after) => prop_assert_eq!(after, Verdict::Reached),
                (Verdict::Short { missing }, Verdict::Short { missing: after }) => prop_assert!(after < missing),
                (Verdict::Open, Verdict::Short { .. }) => prop_assert!(false, "short by an answer"),
                _ => {}
            }
            before = verdict;
        }
    }
}
