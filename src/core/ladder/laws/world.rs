//! The worlds in which the laws are tried: an alert with everybody whom it concerns.
//!
//! A [`Draft`] becomes YAML and is read like any file; a [`Bare`] rule is made without a file.

use proptest::{prelude::*, sample::subsequence};

use super::*;
use crate::{
    directory::{Contact, Directory},
    playbook::{AlertPlan, DecideOption, Playbook, Quorum, ResponseOption, StandDown, Unit, Urgency},
    text::{Language, Text},
};

const TRANSPORTS: [&str; 3] = ["email", "sms", "phone"];
const CONDITIONS: [&str; 3] = ["unread", "unacked", "unresponded"];
const STOPS: [&str; 5] = ["read", "acked", "responded", "superseded", "incident_closed"];
const PEOPLE: [&str; 4] = ["abe", "baba", "chiba", "doi"];
/// A morning on which nobody changes shifts while the test runs.
pub(crate) const START: Timestamp = Timestamp(1_795_000_000_000);
pub(super) const DAY: i64 = 86_400_000;

/// A playbook and a directory before they are written down.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
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

pub(crate) fn draft() -> impl Strategy<Value = Draft> {
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
            0..=1800 => "critical",
            1801..=3600 => "high",
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
    pub(crate) fn read(&self) -> (Playbook, Directory) {
        let (directory, problems) = crate::directory::read(self.directory().as_bytes());
        let directory = directory.unwrap_or_else(|| panic!("{problems:#?}\n{}", self.directory()));
        let (playbook, problems) = crate::playbook::read(self.playbook().as_bytes(), Some(&directory));
        let playbook = playbook.unwrap_or_else(|| panic!("{problems:#?}\n{}", self.playbook()));
        (playbook, directory)
    }

    /// The world of its alert.
    pub(crate) fn world_of(&self, (playbook, directory): &(Playbook, Directory)) -> World {
        World::of(playbook, directory, "call", &self.served)
    }

    pub(super) fn world(&self) -> World {
        self.world_of(&self.read())
    }
}

/// A rule without a file: long ladders, steps a millisecond apart or years long, `via` of any kind.
#[derive(Clone, Debug)]
pub(super) struct Bare {
    steps: Vec<(i64, usize, usize, usize, Vec<&'static str>)>,
    last_condition: Option<usize>,
    stops: Vec<StopOn>,
    primary: Vec<&'static str>,
    alternate: Vec<&'static str>,
    via: Vec<&'static str>,
    served: Vec<&'static str>,
}

pub(super) fn bare() -> impl Strategy<Value = Bare> {
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
    pub(super) fn world(&self) -> World {
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
                by_hand: BTreeSet::new(),
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

/// An alert with everybody whom it concerns.
pub(crate) struct World {
    pub(crate) rule: Rule,
    pub(crate) recipients: Vec<Contacts>,
    pub(crate) book: AddressBook,
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
        Self { rule, recipients, book: AddressBook { parties, served, by_hand: BTreeSet::new() } }
    }

    pub(crate) fn scene(&self, who: usize, now: Timestamp) -> Scene<'_> {
        Scene { rule: &self.rule, contacts: &self.recipients[who], book: &self.book, now }
    }

    pub(crate) fn steps(&self) -> &[Step] {
        self.rule.ladder.as_ref().map_or(&[], |ladder| &ladder.steps)
    }

    pub(crate) fn informs(&self) -> bool {
        matches!(self.rule.plan.ack, AckRule::None { .. })
    }

    pub(super) fn stops_on(&self, why: StopOn) -> bool {
        self.rule.ladder.as_ref().is_some_and(|ladder| ladder.stop_on.contains(&why))
    }

    /// What a person can decide.
    pub(crate) fn decisions(&self) -> Vec<Then> {
        self.rule.decide_options().iter().map(|option| option.then.clone()).collect()
    }
}
