//! Weak points of a start: what a single fault would take away, seen on the silent course.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Entry, Plan, What, course::Course, leaving::overtaken};
use crate::{
    addressee::{BY_HAND, WhoIsWho},
    playbook::{Action, PartyRef, Target},
    problem::Severity,
    text::Text,
    time::{Span, Timestamp},
};

mod shared;

/// How long a proof of an address stands.
pub const PROVED_FOR: Span = Span(90 * 24 * 3_600_000);

/// Something that is wrong or thin with a start at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// How bad: an error leaves somebody out, a warning hangs on one thing, an info is good to know.
    pub severity: Severity,
    /// What it is, in a sentence.
    pub detail: Text,
    /// Whom it concerns.
    pub subjects: Vec<Subject>,
}

/// Whom a finding concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// `hosp_a`, `person:p_sato`, `roster.eoc_duty`, `role:planning`.
    pub key: String,
    /// The name for people.
    pub name: Text,
}

impl Subject {
    fn new(key: impl Into<String>, name: &Text) -> Self {
        Self { key: key.into(), name: name.clone() }
    }
}

/// What kind of weak point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// No first letter can leave.
    NotReached,
    /// An alert that waits for no answer can be brought to nobody.
    NotTold,
    /// A ladder ends at a chair that nobody fills.
    NobodyDecides,
    /// A role for which nobody is on duty.
    VacantRole,
    /// An address that is known to be wrong.
    Doubtful,
    /// A roster without anybody at this moment.
    EmptyRoster,
    /// A transport without a driver.
    Unserved,
    /// Letters leave only after their ladder's next step, or the answer, was due.
    Overtaken,
    /// A ladder ends at one person with no other behind.
    LoneDecider,
    /// One person is the first for several chairs, or stands behind several recipients.
    OnePerson,
    /// Recipients, or people who decide, with one address.
    OneAddress,
    /// An agency without a second way in.
    NoAlternate,
    /// First and second way in share a person, a number or a mail domain.
    OwnAlternate,
    /// Several recipients have the same address.
    SharedAddress,
    /// The mail of several recipients hangs on one domain.
    SharedDomain,
    /// Everything travels by one transport.
    OneTransport,
    /// All mail goes through one relay.
    OneRelay,
    /// Addresses that nobody has answered from for a long time.
    Unproved,
}

/// An address that would be needed and is not proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unproved {
    /// `agency:hosp_a primary`.
    pub contact: String,
    /// Whose it is.
    pub name: Text,
    /// The transport.
    pub via: String,
    /// The address.
    pub address: String,
    /// When somebody last opened or answered there, in milliseconds since 1970; `None` is never.
    pub proved_at_ms: Option<i64>,
}

/// Looks for weak points on the silent course, worst first.
pub(super) fn look(plan: &Plan<'_>, course: &Course) -> (Vec<Finding>, Option<Vec<Unproved>>) {
    let look = Look { plan, course, findings: Vec::new() };
    look.all()
}

struct Look<'l> {
    plan: &'l Plan<'l>,
    course: &'l Course,
    findings: Vec<Finding>,
}

impl Look<'_> {
    fn all(mut self) -> (Vec<Finding>, Option<Vec<Unproved>>) {
        self.not_reached();
        self.deciders();
        self.roles();
        self.rosters();
        self.unserved();
        self.overtaken();
        self.recipients();
        self.shared();
        self.transports();
        let unproved = self.addresses();
        self.findings.sort_by_key(|finding| (finding.severity, finding.kind));
        (self.findings, unproved)
    }

    fn who(&self) -> WhoIsWho<'_> {
        static NOBODY: BTreeMap<String, String> = BTreeMap::new();
        WhoIsWho { playbook: self.plan.playbook, directory: self.plan.directory, holders: &NOBODY }
    }

    fn tell(&mut self, kind: FindingKind, severity: Severity, detail: Text, subjects: Vec<Subject>) {
        let mut seen = BTreeSet::new();
        let subjects = subjects.into_iter().filter(|subject| seen.insert(subject.key.clone())).collect();
        self.findings.push(Finding { kind, severity, detail, subjects });
    }

    /// Tells it only where it concerns somebody.
    fn tell_of(&mut self, kind: FindingKind, severity: Severity, subjects: Vec<Subject>, ja: &str, en: &str) {
        if !subjects.is_empty() {
            self.tell(kind, severity, Text::both(ja, en), subjects);
        }
    }

    /// The recipients of the start, each once.
    fn recipients_of_start(&self) -> BTreeMap<&str, &Text> {
        let of_alert = self.course.entries.iter().filter(|entry| entry.alert.is_some());
        of_alert.map(|entry| (entry.recipient.as_str(), &entry.name)).collect()
    }

    fn not_reached(&mut self) {
        let mut reached: BTreeMap<(&str, &str), bool> = BTreeMap::new();
        let mut names: BTreeMap<&str, &Text> = BTreeMap::new();
        for entry in &self.course.entries {
            let Some(alert) = entry.alert.as_deref() else { continue };
            *reached.entry((alert, &entry.recipient)).or_default() |= entry.what == What::Letter;
            names.insert(&entry.recipient, &entry.name);
        }
        let no_ladder: BTreeSet<(&str, &str)> = self
            .course
            .entries
            .iter()
            .filter(|entry| entry.what == What::NobodyTold)
            .filter_map(|entry| Some((entry.alert.as_deref()?, entry.recipient.as_str())))
            .collect();
        let left = reached.into_iter().filter(|(_, reached)| !reached);
        let (untold, left): (Vec<_>, Vec<_>) = left.partition(|(key, _)| no_ladder.contains(key));
        let subject = |((_, key), _): ((&str, &str), bool)| Subject::new(key, names[key]);
        let (untold, subjects) =
            (untold.into_iter().map(subject).collect(), left.into_iter().map(subject).collect());
        self.tell_of(
            FindingKind::NotReached,
            Severity::Error,
            subjects,
            "最初の連絡が1通も出せません。すぐに次の手順へ繰り上げます。",
            "No first letter can leave; the next step is taken at once.",
        );
        self.tell_of(
            FindingKind::NotTold,
            Severity::Error,
            untold,
            "届けられる連絡先がありません。回答を求めない連絡なので、次の手順もありません。",
            "There is no address to reach; nothing follows, because no answer is asked for.",
        );
    }

    /// Who decides at the end of each ladder, and whether anybody stands behind them.
    fn deciders(&mut self) {
        let mut ends: BTreeMap<PartyRef, Vec<&Entry>> = BTreeMap::new();
        for entry in self.course.entries.iter().filter(|entry| entry.what == What::Decide) {
            if let Some(by) = &entry.by {
                ends.entry(by.clone()).or_default().push(entry);
            }
        }
        for (party, entries) in ends {
            let at = entries.iter().map(|entry| entry.offset_ms).min().unwrap_or(0);
            let people = self.who().people(&party, self.plan.at + Span(at));
            let chair = self.who().name(&party);
            let en_chair = chair.en.clone().unwrap_or_else(|| chair.ja.clone());
            let n = entries.len();
            match &people[..] {
                [] => self.tell(
                    FindingKind::NobodyDecides,
                    Severity::Error,
                    Text::both(
                        format!("「{}」にだれもいません。{n} 件の判断を待つ人がいません。", chair.ja),
                        format!("Nobody fills \"{en_chair}\": {n} decisions would wait for nobody."),
                    ),
                    vec![Subject::new(party.to_string(), &chair)],
                ),
                [one] => {
                    let name = self.person_name(one);
                    self.tell(
                        FindingKind::LoneDecider,
                        Severity::Warning,
                        Text::both(
                            format!(
                                "「{}」は {} ひとりです。{n} 宛先の判断がその人で止まり、代わりがいません。",
                                chair.ja, name.ja
                            ),
                            format!(
                                "\"{en_chair}\" is {} alone: {n} decisions end there, with nobody behind.",
                                name.en.as_deref().unwrap_or(&name.ja)
                            ),
                        ),
                        vec![Subject::new(format!("person:{one}"), &name)],
                    );
                }
                _ => {}
            }
        }
    }

    fn person_name(&self, key: &str) -> Text {
        self.plan.directory.people.get(key).map_or_else(|| Text::plain(key), |person| person.name.clone())
    }

    fn roles(&mut self) {
        let vacant = self.course.roles.iter().filter(|role| role.person.is_none());
        let subjects = vacant.map(|role| Subject::new(format!("role:{}", role.role), &role.title)).collect();
        self.tell_of(
            FindingKind::VacantRole,
            Severity::Error,
            subjects,
            "この役割を引き受けられる当番が、この時刻にはいません。",
            "Nobody is on duty for this role at this moment.",
        );
        let mut first: BTreeMap<&str, Vec<&Text>> = BTreeMap::new();
        for role in &self.course.roles {
            if let Some(person) = &role.person {
                first.entry(person).or_default().push(&role.title);
            }
        }
        for (person, titles) in first.into_iter().filter(|(_, titles)| titles.len() > 1) {
            let ja: Vec<&str> = titles.iter().map(|title| title.ja.as_str()).collect();
            let en: Vec<&str> = titles.iter().map(|title| title.en.as_deref().unwrap_or(&title.ja)).collect();
            let name = self.person_name(person);
            self.tell(
                FindingKind::OnePerson,
                Severity::Warning,
                Text::both(
                    format!("{} が {}つの役割の最初の当番です（{}）。", name.ja, ja.len(), ja.join("、")),
                    format!(
                        "{} is first for {} roles ({}).",
                        name.en.as_deref().unwrap_or(&name.ja),
                        en.len(),
                        en.join(", ")
                    ),
                ),
                vec![Subject::new(format!("person:{person}"), &name)],
            );
        }
    }

    /// Rosters that the playbook names and on which nobody is on duty at this moment.
    fn rosters(&mut self) {
        let playbook = self.plan.playbook;
        let mut named: BTreeSet<&str> = BTreeSet::new();
        let steps = playbook.ladders.iter().flat_map(|named| &named.ladder.steps);
        let spoken_to = steps.filter_map(|step| match &step.action {
            Action::Resend { to: Target::Party(party), .. }
            | Action::Notify { to: Target::Party(party), .. }
            | Action::Call { to: Target::Party(party), .. }
            | Action::Decide { to: Target::Party(party), .. } => Some(party),
            _ => None,
        });
        let parties = playbook
            .roles
            .iter()
            .flat_map(|role| &role.fill_from)
            .chain(playbook.alerts.iter().flat_map(|alert| &alert.to))
            .chain(playbook.triggers.iter().flat_map(|trigger| &trigger.allow))
            .chain(spoken_to);
        for party in parties {
            if let PartyRef::Roster(key) = party {
                named.insert(key);
            }
        }
        for key in named {
            let Some(roster) = self.plan.directory.rosters.get(key) else { continue };
            if !self.plan.directory.on_duty(key, self.plan.at).is_empty() {
                continue;
            }
            let local = self.plan.at.to_utc().with_timezone(&roster.zone).naive_local();
            let gap = roster.gaps.iter().find(|gap| gap.from <= local && local < gap.to);
            let title = roster.title.clone().unwrap_or_else(|| Text::plain(key));
            let why = gap.and_then(|gap| gap.because.clone());
            let (ja, en) = match (gap, why) {
                (Some(_), Some(why)) => (
                    format!("この時刻は当番を置かない予定です（{}）。", why.ja),
                    format!("A planned gap at this moment ({}).", why.en.as_deref().unwrap_or(&why.ja)),
                ),
                (Some(_), None) => (
                    "この時刻は当番を置かない予定です。".to_owned(),
                    "A planned gap at this moment.".to_owned(),
                ),
                _ => {
                    ("この時刻の当番がいません。".to_owned(), "Nobody is on duty at this moment.".to_owned())
                }
            };
            let subject = Subject::new(format!("roster.{key}"), &title);
            self.tell(FindingKind::EmptyRoster, Severity::Warning, Text::both(ja, en), vec![subject]);
        }
    }

    fn unserved(&mut self) {
        let mut by: BTreeMap<&str, Vec<Subject>> = BTreeMap::new();
        for entry in self.course.entries.iter().filter(|entry| entry.what == What::Unserved) {
            if let Some(way) = &entry.way {
                by.entry(&way.via).or_default().push(Subject::new(&entry.recipient, &entry.name));
            }
        }
        for (via, subjects) in by {
            let n = subjects.len();
            let detail = Text::both(
                format!("経路 {via} は、このサービスでは送れません。{n} 通が出ないままになります。"),
                format!("The service cannot send by {via}: {n} letters would not leave."),
            );
            self.tell(FindingKind::Unserved, Severity::Warning, detail, subjects);
        }
    }

    /// Letters that the relays take too slowly for what the ladders expect.
    fn overtaken(&mut self) {
        for late in overtaken(self.plan, &self.course.alerts, &self.course.entries) {
            let (via, rate, n, by) = (late.via.join("、"), late.pace.per_minute, late.recipients, late.by);
            let detail = Text::both(
                format!(
                    "経路 {via} で出せるのは1分に約{rate}通です。{n} 宛先では、次の手順か回答期限の時刻までに連絡が出ません。\
                     手順は最初の連絡が出てから数えるので、最大 {by} 遅れます。"
                ),
                format!(
                    "{} takes about {rate} letters a minute: {n} recipients' letters leave only after their next step \
                     or answer was due. Ladders count from the first letter, so they run up to {by} late.",
                    late.via.join(", ")
                ),
            );
            self.tell(FindingKind::Overtaken, Severity::Warning, detail, Vec::new());
        }
    }

    /// Agencies with one address, or without a second way in.
    fn recipients(&mut self) {
        let (mut one, mut none_behind) = (Vec::new(), Vec::new());
        for (key, name) in self.recipients_of_start() {
            let Some(agency) = self.plan.directory.agencies.get(key) else { continue };
            let (primary, alternate) =
                (self.plan.directory.reach(&agency.primary), self.plan.directory.reach(&agency.alternate));
            let addresses: BTreeSet<&str> = primary.values().chain(alternate.values()).copied().collect();
            if addresses.len() == 1 {
                one.push(Subject::new(key, name));
            } else if alternate.is_empty() {
                none_behind.push(Subject::new(key, name));
            }
        }
        let decide = self.course.entries.iter().filter(|entry| entry.what == What::Decide);
        let deciders: BTreeSet<&str> = decide.filter_map(|entry| entry.person.as_deref()).collect();
        for person in deciders {
            if self.plan.directory.people.get(person).is_some_and(|person| person.reach.len() == 1) {
                one.push(Subject::new(format!("person:{person}"), &self.person_name(person)));
            }
        }
        self.tell_of(
            FindingKind::OneAddress,
            Severity::Warning,
            one,
            "連絡先が1つしかありません。それが使えないと、だれにも届きません。",
            "There is one address only; when it fails, nobody is reached.",
        );
        self.tell_of(
            FindingKind::NoAlternate,
            Severity::Warning,
            none_behind,
            "代替連絡先がありません。",
            "There is no alternate contact.",
        );
    }

    fn transports(&mut self) {
        let letters = self.course.entries.iter().filter(|entry| entry.what != What::Unserved);
        let used: BTreeSet<&str> =
            letters.filter_map(|entry| entry.way.as_ref()).map(|way| way.via.as_str()).collect();
        if let (Some(via), 1) = (used.first(), used.len()) {
            let detail = Text::both(
                format!("すべての連絡が経路 {via} だけを通ります。止まると、だれにも届きません。"),
                format!("Everything travels by {via} alone; when it fails, nobody is reached."),
            );
            self.tell(FindingKind::OneTransport, Severity::Warning, detail, Vec::new());
        }
        let by_mail = used.iter().any(|via| {
            self.plan.directory.transports.get(*via).is_some_and(|transport| transport.driver == "smtp")
        });
        if self.plan.relays == Some(1) && by_mail && !self.plan.drill {
            self.tell(
                FindingKind::OneRelay,
                Severity::Warning,
                Text::both(
                    "メールの中継サーバーが1台だけです。止まると、メールは届きません。",
                    "There is one mail relay only; when it is down, no mail arrives.",
                ),
                Vec::new(),
            );
        }
    }

    /// What is known, and not known, of the addresses that the silent course needs.
    fn addresses(&mut self) -> Option<Vec<Unproved>> {
        let health = self.plan.health?;
        let known: BTreeMap<(&str, &str, &str), _> = health
            .iter()
            .map(|row| ((row.contact.as_str(), row.transport.as_str(), row.address.as_str()), row))
            .collect();
        let oldest = Timestamp(self.plan.at.0.saturating_sub(PROVED_FOR.0));
        let (mut unproved, mut doubtful, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for entry in &self.course.entries {
            let Some(way) = &entry.way else { continue };
            let key = (way.contact.as_str(), way.via.as_str(), way.address.as_str());
            if !seen.insert(key) {
                continue;
            }
            let row = known.get(&key);
            let name = if entry.what == What::RoleLetter { &way.desk } else { &entry.name };
            if row.is_some_and(|row| row.doubtful) {
                let whose = way.contact.split_once(' ').map_or(way.contact.as_str(), |(whose, _)| whose);
                doubtful.push(Subject::new(format!("{whose} {}", way.via), name));
            }
            let proved_at = row.and_then(|row| row.proved_at);
            if proved_at.is_none_or(|at| at < oldest) {
                unproved.push(Unproved {
                    contact: way.contact.clone(),
                    name: name.clone(),
                    via: way.via.clone(),
                    address: way.address.clone(),
                    proved_at_ms: proved_at.map(|at| at.0),
                });
            }
        }
        self.tell_of(
            FindingKind::Doubtful,
            Severity::Error,
            doubtful,
            "宛先違い、または受け取り拒否の印が付いた連絡先です。台帳を直してください。",
            "Addresses marked as wrong or refused. Correct the directory.",
        );
        if !unproved.is_empty() {
            let (n, of) = (unproved.len(), seen.len());
            let detail = Text::both(
                format!(
                    "使う連絡先 {of} 件のうち {n} 件は、90日以内に開封も回答もありません（未確認を含む）。"
                ),
                format!("{n} of the {of} addresses needed were not proved within 90 days, or never."),
            );
            self.tell(FindingKind::Unproved, Severity::Info, detail, Vec::new());
        }
        Some(unproved)
    }
}

/// Whether a transport carries telephone numbers.
fn is_number(driver: &str) -> bool {
    matches!(driver, BY_HAND | "http_gateway")
}
