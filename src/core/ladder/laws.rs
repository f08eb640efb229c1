//! Laws that hold for every clean playbook, whatever happens in whatever order.
//!
//! 1. A [`Draft`] is generated, written as the YAML of a playbook and of a directory, and read: it checks clean by
//!    construction. Beside it goes a rule made without YAML, for sizes that nobody writes by hand ([`Bare`]).
//! 2. [`play`] raises the alert, keeps its own time and lets generated [`Event`]s happen to the recipients.
//! 3. Each law looks at every [`Moment`], or at where everybody stands when time has run on.

use proptest::{prelude::*, sample::subsequence, test_runner::TestCaseError};

use super::*;
use crate::{
    alert::{Tally, Verdict, judge},
    directory::{Contact, Directory},
    playbook::{AlertPlan, Count, DecideOption, Playbook, Quorum, ResponseOption, StandDown, Unit, Urgency},
    text::{Language, Text},
};

const TRANSPORTS: [&str; 3] = ["email", "sms", "phone"];
const CONDITIONS: [&str; 3] = ["unread", "unacked", "unresponded"];
const STOPS: [&str; 5] = ["read", "acked", "responded", "superseded", "incident_closed"];
const PEOPLE: [&str; 4] = ["abe", "baba", "chiba", "doi"];
/// A morning on which nobody changes shifts while the test runs.
const START: Timestamp = Timestamp(1_795_000_000_000);
const DAY: i64 = 86_400_000;

// --- what is generated ------------------------------------------------------------------------------------------

/// A playbook and a directory before they are written down.
#[derive(Clone, Debug)]
struct Draft {
    to: Vec<&'static str>,
    via: Vec<&'static str>,
    /// Primary and alternate addresses of three agencies: two in a group, one by itself.
    agencies: Vec<(Vec<&'static str>, Vec<&'static str>)>,
    people: Vec<Vec<&'static str>>,
    served: Vec<&'static str>,
    steps: Vec<DraftStep>,
    last: DraftStep,
    decide: Vec<&'static str>,
    stop_on: Option<Vec<&'static str>>,
    quorum: &'static str,
    extras: Vec<&'static str>,
    informs: bool,
    stand_down: bool,
    slack: i64,
}

#[derive(Clone, Debug)]
struct DraftStep {
    gap: i64,
    condition: Option<&'static str>,
    action: &'static str,
    to: &'static str,
    via: Option<Vec<&'static str>>,
}

fn transports(least: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(TRANSPORTS.to_vec(), least..=3).prop_shuffle()
}

fn draft_step() -> impl Strategy<Value = DraftStep> {
    let parties = &["role:chief", "role:deputy", "role:vacant", "roster.duty", "roster.nobody"];
    let call = (Just("call"), prop::sample::select(&parties[..]));
    let letter = (
        prop::sample::select(&["resend", "notify"][..]),
        prop::sample::select(
            &[
                "same",
                "alternate",
                "agency:both",
                "role:chief",
                "role:vacant",
                "roster.duty",
                "roster.nobody",
            ][..],
        ),
    );
    (
        1..900_i64,
        prop::sample::select(&CONDITIONS[..]),
        prop_oneof![1 => call, 3 => letter],
        prop::option::of(transports(1)),
    )
        .prop_map(|(gap, condition, (action, to), via)| DraftStep {
            gap,
            condition: Some(condition),
            action,
            to,
            via,
        })
}

fn last_step() -> impl Strategy<Value = DraftStep> {
    (
        1..900_i64,
        prop::option::of(prop::sample::select(&CONDITIONS[..])),
        prop::sample::select(&["role:chief", "role:deputy", "roster.duty"][..]),
    )
        .prop_map(|(gap, condition, to)| DraftStep { gap, condition, action: "decide", to, via: None })
}

fn draft() -> impl Strategy<Value = Draft> {
    let everybody =
        vec!["agency:both", "agency:solo", "role:chief", "role:vacant", "roster.duty", "roster.nobody"];
    let decide = vec!["延ばす, then: extend, by: 15m", "上げる, then: raise, to: \"role:deputy\""];
    let extras = vec![
        "meaning: accept, counts_as: read",
        "meaning: decline, counts_as: read",
        "meaning: question, counts_as: ack",
        "meaning: question, counts_as: read",
        "meaning: arrival, counts_as: ack, after: yes_we_can",
        "meaning: arrival, counts_as: read",
        "meaning: seen, counts_as: read",
    ];
    let quorums = &["all", "any", "1", "2", "{ accept: 3 }", "{ accept: 4, count: teams }"];
    let addresses = (
        prop::collection::vec((transports(0), transports(1)), 3),
        prop::collection::vec(transports(0), PEOPLE.len()),
        prop_oneof![2 => Just(TRANSPORTS.to_vec()), 1 => transports(0)],
    );
    let ladder = (
        prop::collection::vec(draft_step(), 0..6),
        last_step(),
        subsequence(decide, 0..=2),
        prop::option::of(subsequence(STOPS.to_vec(), 0..=5)),
    );
    let rest = (
        prop::sample::select(&quorums[..]),
        subsequence(extras, 0..=7),
        prop::bool::weighted(0.1),
        any::<bool>(),
        0..90_i64,
    );
    (subsequence(everybody, 1..=4), transports(1), addresses, ladder, rest).prop_map(
        |(to, via, (mut agencies, people, served), (steps, last, decide, stop_on), rest)| {
            // Rule A09: an agency has an address for the alert.
            for (primary, _) in &mut agencies {
                if !primary.iter().any(|transport| via.contains(transport)) {
                    primary.push(via[0]);
                }
            }
            let (quorum, extras, informs, stand_down, slack) = rest;
            Draft {
                to,
                via,
                agencies,
                people,
                served,
                steps,
                last,
                decide,
                stop_on,
                quorum,
                extras,
                informs,
                stand_down,
                slack,
            }
        },
    )
}

impl Draft {
    fn directory(&self) -> String {
        let reach = |who: &str, transports: &[&str]| {
            let addresses: Vec<String> = transports
                .iter()
                .map(|transport| match *transport {
                    "email" => format!("email: {who}@{who}.example"),
                    other => format!("{other}: \"0000\""),
                })
                .collect();
            format!("{{ {} }}", addresses.join(", "))
        };
        let mut text = String::from(
            "apiVersion: noroshi/v1\nkind: Directory\nmetadata: { key: d, title: 台帳, verified_on: 2026-11-01 }\n\
             transports:\n  email: { driver: smtp }\n  sms: { driver: http_gateway, max_chars: 134 }\n  \
             phone: { driver: human_call }\n\
             rosters:\n  duty: { members: [abe, baba] }\n  deputies: { members: [chiba, doi] }\n  \
             nobody: { members: [] }\npeople:\n",
        );
        for (name, transports) in PEOPLE.iter().zip(&self.people) {
            text +=
                &format!("  {name}: {{ name: {name}, human: true, reach: {} }}\n", reach(name, transports));
        }
        text += "agencies:\n  both: { kind: group, members: [first, second] }\n";
        for (name, (primary, alternate)) in ["first", "second", "solo"].iter().zip(&self.agencies) {
            let (primary, alternate) = (reach(name, primary), reach(name, alternate));
            text += &format!(
                "  {name}: {{ title: {name}, outside: true, primary: {primary}, alternate: {alternate} }}\n"
            );
        }
        text
    }

    fn playbook(&self) -> String {
        let list = |words: &[&str]| {
            format!("[{}]", words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", "))
        };
        let mut steps = String::new();
        let mut deadlines = [None; 3];
        let mut at = 0;
        for step in self.steps.iter().chain([&self.last]) {
            at += step.gap;
            steps += &format!("      - {{ at: {at}s, do: {}, to: \"{}\"", step.action, step.to);
            if let Some(condition) = step.condition {
                steps += &format!(", if: {condition}");
                let index = CONDITIONS.iter().position(|known| *known == condition).unwrap();
                // Rule A04: the deadline has passed when a step tests it.
                deadlines[index].get_or_insert((at - self.slack).max(0));
            }
            if let Some(via) = step.via.as_ref().filter(|_| step.action != "call") {
                steps += &format!(", via: {}", list(via));
            }
            if step.action == "decide" {
                let options: String =
                    self.decide.iter().map(|option| format!(", {{ label: {option} }}")).collect();
                steps += &format!(", final: true, options: [終える{options}]");
            }
            steps += " }\n";
        }
        if let Some(stops) = &self.stop_on {
            steps += &format!("    stop_on: {}\n", list(stops));
        }
        let severity = match at {
            ..=1800 => "critical",
            ..=3600 => "high",
            _ => "normal",
        };
        let unit = if self.to.iter().any(|party| party.starts_with("agency:")) { "agency" } else { "person" };
        let ack = if self.informs {
            "{ mode: none, because: 周知のみ }".to_owned()
        } else {
            let mut ack = format!("{{ unit: {unit}, quorum: {}", self.quorum);
            for (name, deadline) in ["read_by", "ack_by", "respond_by"].iter().zip(deadlines) {
                if let Some(seconds) = deadline {
                    ack += &format!(", {name}: {seconds}s");
                }
            }
            ack + " }"
        };
        let answers = if self.informs { "" } else { "    responses: replies\n    ladder: climb\n" };
        let stand_down =
            if self.stand_down { "    stand_down: { subject: 充足, body: 充足 }\n" } else { "" };
        let extras: String = (0..)
            .zip(&self.extras)
            .map(|(n, option)| format!("    - {{ key: extra{n}, label: その他{n}, {option} }}\n"))
            .collect();
        let (to, via) = (list(&self.to), list(&self.via));
        format!(
            "apiVersion: noroshi/v1\nkind: Playbook\nmetadata: {{ key: p, version: 1.0.0, title: 手順書 }}\n\
             triggers:\n  - {{ key: manual, source: manual, allow: [roster.duty] }}\n\
             roles:\n  chief: {{ title: 本部長, fill: {{ from: [roster.duty], accept_within: 10m }} }}\n  \
             deputy: {{ title: 副, fill: {{ from: [roster.deputies, roster.duty], accept_within: 10m }} }}\n  \
             vacant: {{ title: 空席, fill: {{ from: [roster.nobody], accept_within: 10m }} }}\n\
             channels:\n  command: {{ title: 本部, members: [\"role:*\"] }}\n\
             response_sets:\n  replies:\n    - {{ key: yes_we_can, label: 可, meaning: accept, counts_as: ack, \
             ask: [{{ key: teams, label: 隊数, type: int, min: 1, max: 9 }}] }}\n    \
             - {{ key: sorry, label: 不可, meaning: decline, counts_as: ack }}\n{extras}\
             ladders:\n  climb:\n    steps:\n{steps}\
             alerts:\n  call:\n    send: {{ event: incident.activated }}\n    to: {to}\n    via: {via}\n    \
             severity: {severity}\n    subject: 照会\n    body: 照会\n    sms: 照会\n    ack: {ack}\n{answers}{stand_down}  \
             taken_back:\n    to: {to}\n    via: {via}\n    subject: 取消\n    body: 取消\n    sms: 取消\n    \
             ack: {{ mode: none, because: 取消 }}\n\
             cancel: {{ allow: [chief], require: reason, alert: taken_back }}\ndrills: {{ allowed: true }}\n"
        )
    }

    /// Reads both files; every draft checks clean.
    fn world(&self) -> World {
        let (directory, problems) = crate::directory::read(self.directory().as_bytes());
        let directory = directory.unwrap_or_else(|| panic!("{problems:#?}\n{}", self.directory()));
        let (playbook, problems) = crate::playbook::read(self.playbook().as_bytes(), Some(&directory));
        let playbook = playbook.unwrap_or_else(|| panic!("{problems:#?}\n{}", self.playbook()));
        World::of(&playbook, &directory, "call", &self.served)
    }
}

/// A rule without a file: long ladders, steps a millisecond apart or years long, `via` of any kind.
#[derive(Clone, Debug)]
struct Bare {
    steps: Vec<(i64, usize, usize, usize, Vec<&'static str>)>,
    last_condition: Option<usize>,
    stops: Vec<StopOn>,
    primary: Vec<&'static str>,
    alternate: Vec<&'static str>,
    via: Vec<&'static str>,
    served: Vec<&'static str>,
}

fn bare() -> impl Strategy<Value = Bare> {
    let step = (prop_oneof![1..5_i64, 1..DAY], 0..3_usize, 0..3_usize, 0..4_usize, transports(0));
    let stops =
        vec![StopOn::Read, StopOn::Acked, StopOn::Responded, StopOn::Superseded, StopOn::IncidentClosed];
    (
        prop::collection::vec(step, 1..40),
        prop::option::of(0..3_usize),
        subsequence(stops, 0..=5),
        (transports(0), transports(0), transports(0), transports(0)),
    )
        .prop_map(|(steps, last_condition, stops, (primary, alternate, via, served))| Bare {
            steps,
            last_condition,
            stops,
            primary,
            alternate,
            via,
            served,
        })
}

impl Bare {
    fn world(&self) -> World {
        let conditions = [Condition::Unread, Condition::Unacked, Condition::Unresponded];
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let chief = PartyRef::Role("chief".into());
        let targets = [
            Target::Same,
            Target::Alternate,
            Target::Party(chief.clone()),
            Target::Party(PartyRef::Roster("x".into())),
        ];
        let mut at = 0;
        let mut steps = Vec::new();
        for (line, (gap, condition, action, target, via)) in (1..).zip(&self.steps) {
            at += gap;
            let (to, via) = (targets[*target].clone(), owned(via));
            let action = match action {
                0 => Action::Resend { to, via },
                1 => Action::Notify { to, via },
                _ => Action::Call { to: Target::Party(chief.clone()), ask: None },
            };
            steps.push(Step { at: Span(at), condition: Some(conditions[*condition]), action, line });
        }
        let option = |label: &str, then| DecideOption { label: Text::plain(label), then };
        let last = steps.last_mut().expect("at least one step");
        last.condition = self.last_condition.map(|index| conditions[index]);
        last.action = Action::Decide {
            to: Target::Party(chief.clone()),
            options: vec![
                option("終える", Then::End),
                option("延ばす", Then::Extend { by: Span::minutes(15) }),
                option("上げる", Then::Raise { to: PartyRef::Roster("x".into()) }),
            ],
        };
        let reply = |key: &str, meaning, counts_as| ResponseOption {
            key: key.into(),
            label: Text::plain(key),
            meaning,
            counts_as,
            ask: Vec::new(),
            after: None,
            refresh_every: None,
            opens_task: None,
        };
        let rule = Rule {
            plan: AlertPlan {
                key: "bare".into(),
                send: None,
                to: Vec::new(),
                via: owned(&self.via),
                channel: None,
                severity: Urgency::Normal,
                subject: Text::plain("照会"),
                body: Text::plain("照会"),
                sms: None,
                attach: Vec::new(),
                responses: None,
                ack: AckRule::Required {
                    unit: Unit::Agency,
                    read_by: None,
                    ack_by: None,
                    respond_by: None,
                    quorum: Quorum::All,
                },
                ladder: None,
                stand_down: Some(StandDown {
                    subject: Text::plain("充足"),
                    body: Text::plain("充足"),
                    sms: None,
                }),
            },
            responses: vec![
                reply("yes", Meaning::Accept, CountsAs::Ack),
                reply("why", Meaning::Question, CountsAs::Ack),
                reply("seen", Meaning::Seen, CountsAs::Read),
            ],
            ladder: Some(Ladder { steps, stop_on: self.stops.clone() }),
        };
        let points = |who: &str, transports: &[&'static str]| -> Vec<ContactPoint> {
            transports.iter().map(|transport| point(who, transport)).collect()
        };
        World {
            rule,
            recipients: vec![Contacts {
                primary: points("desk", &self.primary),
                alternate: points("night", &self.alternate),
            }],
            book: AddressBook {
                parties: [(chief, points("chief", &["email", "phone"]))].into(),
                served: owned(&self.served).into_iter().collect(),
            },
        }
    }
}

fn point(contact: &str, transport: &str) -> ContactPoint {
    ContactPoint {
        contact: contact.to_owned(),
        name: Text::plain(contact),
        transport: transport.to_owned(),
        address: format!("{contact} {transport}"),
        language: Language::Ja,
    }
}

// --- who is who -------------------------------------------------------------------------------------------------

/// An alert with everybody whom it concerns.
struct World {
    rule: Rule,
    recipients: Vec<Contacts>,
    book: AddressBook,
}

impl World {
    fn of(playbook: &Playbook, directory: &Directory, alert: &str, served: &[&str]) -> Self {
        let rule = Rule::of(playbook, alert).expect("the alert stands in the playbook");
        let desk = |contact: &Contact, name: &str| -> Vec<ContactPoint> {
            directory.reach(contact).into_keys().map(|transport| point(name, transport)).collect()
        };
        let people = |party: &PartyRef| -> Vec<Vec<ContactPoint>> {
            let on_duty: Vec<&str> = match party {
                PartyRef::Roster(key) => directory.on_duty(key, START),
                PartyRef::Role(key) => {
                    let from = &playbook.role(key).expect("a checked role").fill_from;
                    let rosters = from.iter().filter_map(|party| match party {
                        PartyRef::Roster(key) => Some(directory.on_duty(key, START)),
                        _ => None,
                    });
                    rosters.flatten().take(1).collect()
                }
                PartyRef::Agency(_) => Vec::new(),
            };
            let reach =
                |name: &&str| directory.people[*name].reach.keys().map(|key| point(name, key)).collect();
            on_duty.iter().map(reach).collect()
        };
        let agencies = |key: &str| -> Vec<Contacts> {
            let members = directory.expand(key).into_iter().map(|name| (name, &directory.agencies[name]));
            members
                .map(|(name, agency)| Contacts {
                    primary: desk(&agency.primary, name),
                    alternate: desk(&agency.alternate, &format!("{name} alternate")),
                })
                .collect()
        };
        let mut recipients = Vec::new();
        for party in &rule.plan.to {
            let mut found: Vec<Contacts> = match party {
                PartyRef::Agency(key) => agencies(key),
                _ => people(party)
                    .into_iter()
                    .map(|primary| Contacts { primary, alternate: Vec::new() })
                    .collect(),
            };
            if found.is_empty() {
                found.push(Contacts::default());
            }
            recipients.append(&mut found);
        }
        let targets =
            rule.ladder.iter().flat_map(|ladder| &ladder.steps).filter_map(|step| match &step.action {
                Action::Resend { to, .. } | Action::Notify { to, .. } => match to {
                    Target::Party(party) => Some(party),
                    _ => None,
                },
                _ => None,
            });
        let parties = targets
            .map(|party| {
                let points = match party {
                    PartyRef::Agency(key) => {
                        agencies(key).into_iter().flat_map(|found| found.primary).collect()
                    }
                    _ => people(party).into_iter().flatten().collect(),
                };
                (party.clone(), points)
            })
            .collect();
        let served = served.iter().map(|transport| (*transport).to_owned()).collect();
        Self { rule, recipients, book: AddressBook { parties, served } }
    }

    fn scene(&self, who: usize, now: Timestamp) -> Scene<'_> {
        Scene { rule: &self.rule, contacts: &self.recipients[who], book: &self.book, now }
    }

    fn steps(&self) -> &[Step] {
        self.rule.ladder.as_ref().map_or(&[], |ladder| &ladder.steps)
    }

    fn informs(&self) -> bool {
        matches!(self.rule.plan.ack, AckRule::None { .. })
    }

    fn stops_on(&self, why: StopOn) -> bool {
        self.rule.ladder.as_ref().is_some_and(|ladder| ladder.stop_on.contains(&why))
    }

    /// What a person can decide.
    fn decisions(&self) -> Vec<Then> {
        self.rule.decide_options().iter().map(|option| option.then.clone()).collect()
    }
}

// --- what happens -----------------------------------------------------------------------------------------------

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
    prop::collection::vec(event, 0..60)
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

type Verdicts = Result<(), TestCaseError>;
type Law<'l> = &'l mut dyn FnMut(&Moment<'_>) -> Verdicts;

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

    fn happen(&mut self, scene: Scene<'_>, world: &World, input: &Input, law: Law<'_>) -> Verdicts {
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
    fn run_on(&mut self, world: &World, who: usize, now: &mut Timestamp, law: Law<'_>) -> Verdicts {
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
fn play_out(draft: &Draft, bare: &Bare, events: &[Event], law: Law<'_>) -> Verdicts {
    for world in [draft.world(), bare.world()] {
        let (mut climbers, mut now) = play(&world, events, law)?;
        for (who, climber) in climbers.iter_mut().enumerate() {
            climber.run_on(&world, who, &mut now, law)?;
        }
    }
    Ok(())
}

// --- the laws ---------------------------------------------------------------------------------------------------

/// Whether somebody gets something by it.
fn speaks(effect: &Effect) -> bool {
    matches!(effect, Effect::Send(_) | Effect::AskCall { .. } | Effect::AskDecision { .. })
}

fn fires_when_due(moment: &Moment<'_>) -> Verdicts {
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

fn repeats_change_nothing(moment: &Moment<'_>) -> Verdicts {
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

fn is_quiet_after_an_answer(moment: &Moment<'_>) -> Verdicts {
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

fn ends_at_a_person(world: &World, events: &[Event]) -> Verdicts {
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
    prop::collection::vec((moment(), input), 0..80)
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_fires_early(draft in draft(), bare in bare(), events in events()) {
        play_out(&draft, &bare, &events, &mut fires_when_due)?;
    }

    #[test]
    fn a_repeated_input_changes_nothing(draft in draft(), bare in bare(), events in events()) {
        play_out(&draft, &bare, &events, &mut repeats_change_nothing)?;
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
        events in events(),
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
        play_out(&draft, &bare, &events, &mut |_| Ok(()))?;
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
