//! Who is reached, and by how many ways (A07, A08, A09), and groups that hold nobody (R06).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{alerts::ladder_of, people};
use crate::{
    directory::{Contact, Directory},
    playbook::{
        PartyRef, Target,
        syntax::{AlertDraft, Draft, LadderDraft, StepAction, StepDraft},
    },
    text::Text,
    yaml::{Problems, fields::Located},
};

pub(super) fn all(draft: &Draft<'_>, directory: &Directory, problems: &Problems) {
    let mut ways = Ways { directory, agencies: HashSet::new(), people: HashSet::new(), problems };
    let mut told = BTreeSet::new();
    let gone_to: Vec<GoneTo<'_>> =
        draft.alerts.iter().map(|alert| GoneTo { alert, agencies: agencies(alert, directory) }).collect();
    for GoneTo { alert, agencies } in &gone_to {
        everybody_has_an_address(alert, agencies, directory, &mut told, problems);
        groups_hold_somebody(alert, directory, problems);
        quorum_can_be_met(alert, agencies.len(), draft, directory, problems);
        for to in &alert.to {
            ways.of(to, draft);
        }
    }
    for ladder in &draft.ladders {
        steps_reach_somebody(draft, ladder, &gone_to, directory, problems);
    }
}

/// An alert with the agencies that it goes to, looked up once.
struct GoneTo<'d> {
    alert: &'d AlertDraft<'d>,
    agencies: Vec<(&'d str, &'d Located<PartyRef>)>,
}

/// The agencies that an alert goes to, each once, with the place that names them.
pub(super) fn agencies<'d>(
    alert: &'d AlertDraft<'_>,
    directory: &'d Directory,
) -> Vec<(&'d str, &'d Located<PartyRef>)> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for to in &alert.to {
        let PartyRef::Agency(key) = &to.value else { continue };
        for member in directory.members(key) {
            if seen.insert(member) {
                found.push((member, to));
            }
        }
    }
    found
}

/// A group that stands for no agency: the alert would go to nobody.
fn groups_hold_somebody(alert: &AlertDraft<'_>, directory: &Directory, problems: &Problems) {
    for to in &alert.to {
        let PartyRef::Agency(key) = &to.value else { continue };
        if directory.agencies.contains_key(key) && directory.members(key).next().is_none() {
            problems.warning(
                "R06",
                to.at,
                &to.path,
                Text::both(
                    format!("機関グループ「{key}」に機関がないため、この宛先にはだれもいません。"),
                    format!("The group \"{key}\" has no agency: nobody is told here."),
                ),
                Text::both(
                    "台帳のグループに機関を入れるか、宛先から外してください。",
                    "Give the group members in the directory, or remove it here.",
                ),
            );
        }
    }
}

/// There are as many recipients as accepting answers are wanted (A14).
fn quorum_can_be_met(
    alert: &AlertDraft<'_>,
    agencies: usize,
    draft: &Draft<'_>,
    directory: &Directory,
    problems: &Problems,
) {
    let to_is_whole = alert.to_at.as_ref().is_some_and(|to| !problems.has_error_under(&to.path));
    let Some(wanted) = alert.ack.wanted.as_ref().filter(|_| to_is_whole) else { return };
    let people = alert.to.iter().map(|to| match &to.value {
        PartyRef::Agency(_) => 0,
        PartyRef::Role(_) => 1,
        roster => people::who_could_be(roster, draft, directory).len(),
    });
    let recipients = agencies + people.sum::<usize>();
    if usize::try_from(wanted.value).is_ok_and(|wanted| wanted <= recipients) {
        return;
    }
    problems.warning(
        "A14",
        wanted.at,
        &wanted.path,
        Text::both(
            format!(
                "受諾が {} 件必要ですが、宛先は多くても {recipients} 件です。そろうことがありません。",
                wanted.value
            ),
            format!(
                "{} accepting answers are wanted of {recipients} recipients at most: they can never come.",
                wanted.value
            ),
        ),
        Text::both(
            "quorum を宛先の数以下にするか、宛先を増やしてください。",
            "Make \"quorum\" no more than the recipients, or add recipients.",
        ),
    );
}

/// Told once for each agency, and not in each alert that goes to it by the same transports.
fn everybody_has_an_address(
    alert: &AlertDraft<'_>,
    agencies: &[(&str, &Located<PartyRef>)],
    directory: &Directory,
    told: &mut BTreeSet<(String, String)>,
    problems: &Problems,
) {
    let via_is_whole = alert.via_at.as_ref().is_some_and(|via| !problems.has_error_under(&via.path));
    if alert.via.is_empty() || !via_is_whole {
        return;
    }
    for (key, to) in agencies {
        let Some(agency) = directory.agencies.get(*key) else { continue };
        if !alert.via.iter().any(|transport| directory.reaches(&agency.primary, &transport.value)) {
            let via = words(&alert.via);
            if !told.insert(((*key).to_owned(), via.clone())) {
                continue;
            }
            problems.error(
                "A09",
                to.at,
                &to.path,
                Text::both(
                    format!("機関「{key}」には、この通知の経路({via})の宛先が1つもありません。"),
                    format!("The agency \"{key}\" has no address for any transport of this alert ({via})."),
                ),
                Text::both(
                    "台帳の primary に宛先を書くか、via に経路を足してください。",
                    "Add an address to its \"primary\", or a transport to \"via\".",
                ),
            );
        } else if !directory.has_address(&agency.alternate) && told.insert(((*key).to_owned(), String::new()))
        {
            problems.error(
                "A09",
                to.at,
                &to.path,
                Text::both(
                    format!("機関「{key}」に予備の連絡先(alternate)がありません。"),
                    format!("The agency \"{key}\" has no alternate contact."),
                ),
                Text::both(
                    "台帳の alternate に宛先を書いてください。",
                    "Add an \"alternate\" to the directory.",
                ),
            );
        }
    }
}

/// What a step sends to whom: everybody who climbs the ladder is looked up, and those are told who would get nothing.
fn steps_reach_somebody(
    draft: &Draft<'_>,
    ladder: &LadderDraft,
    gone_to: &[GoneTo<'_>],
    directory: &Directory,
    problems: &Problems,
) {
    let climbers = || {
        gone_to.iter().filter(|GoneTo { alert, .. }| {
            !alert.ack.is_none && ladder_of(draft, alert).is_some_and(|found| found.key == ladder.key)
        })
    };
    for step in &ladder.steps {
        let sends = matches!(step.action, Some(StepAction::Resend | StepAction::Notify));
        if !sends || problems.has_error_under(&step.place.path) {
            continue;
        }
        let mut missed: BTreeSet<String> = BTreeSet::new();
        for climbing in climbers() {
            let via = if step.via.is_empty() { &climbing.alert.via } else { &step.via };
            missed.extend(reached_by_none(step, climbing, via, draft, directory));
        }
        if missed.is_empty() {
            continue;
        }
        let via = step.via_at.as_ref().unwrap_or(&step.place);
        problems.warning(
            "A07",
            via.at,
            &via.path,
            Text::both(
                format!(
                    "この段階は、経路に合う宛先のない相手には何も送りません: {}",
                    some_of(&missed, "、", "ほか")
                ),
                format!(
                    "This step sends nothing to those without an address for it: {}.",
                    some_of(&missed, ", ", "and more:")
                ),
            ),
            Text::both(
                "台帳に宛先を足すか、via を見直してください。",
                "Add addresses to the directory, or change \"via\".",
            ),
        );
    }
}

/// The keys of those to whom this step would send nothing.
fn reached_by_none(
    step: &StepDraft,
    GoneTo { alert, agencies }: &GoneTo<'_>,
    via: &[Located<String>],
    draft: &Draft<'_>,
    directory: &Directory,
) -> BTreeSet<String> {
    let serves = |reach: &BTreeMap<&str, &str>| {
        via.iter().any(|transport| reach.contains_key(transport.value.as_str()))
    };
    let person = |key: &str| -> BTreeMap<&str, &str> {
        let person = directory.people.get(key);
        person
            .iter()
            .flat_map(|person| &person.reach)
            .map(|(transport, address)| (transport.as_str(), address.as_str()))
            .collect()
    };
    let agency = |key: &str, contact: fn(&crate::directory::Agency) -> &Contact| {
        let contact = directory.agencies.get(key).map(contact);
        contact.is_some_and(|it| via.iter().any(|transport| directory.reaches(it, &transport.value)))
    };
    let Some(to) = &step.to else { return BTreeSet::new() };
    let people_of = |party: &PartyRef| people::who_could_be(party, draft, directory);
    match &to.value {
        Target::Party(PartyRef::Agency(key)) => {
            let members = directory.members(key);
            members.filter(|key| !agency(key, |agency| &agency.primary)).map(str::to_owned).collect()
        }
        Target::Party(party) => {
            people_of(party).into_iter().filter(|key| !serves(&person(key))).map(str::to_owned).collect()
        }
        contact => {
            let is_primary = *contact == Target::Same;
            // Who cannot be reached at all is told by A09.
            let is_whole = |key: &&str| {
                directory.agencies.get(*key).is_some_and(|agency| {
                    let by_alert = alert
                        .via
                        .iter()
                        .any(|transport| directory.reaches(&agency.primary, &transport.value));
                    by_alert && directory.has_address(&agency.alternate)
                })
            };
            let of_agencies = agencies.iter().map(|(key, _)| *key).filter(is_whole).filter(|key| {
                !agency(key, if is_primary { |agency| &agency.primary } else { |agency| &agency.alternate })
            });
            // People have no alternate contact.
            let recipients = alert.to.iter().filter(|to| !matches!(to.value, PartyRef::Agency(_)));
            let of_people = recipients
                .flat_map(|to| people_of(&to.value))
                .filter(|key| !is_primary || !serves(&person(key)));
            of_agencies.chain(of_people).map(str::to_owned).collect()
        }
    }
}

/// The first of many keys, so that a sentence stays one.
fn some_of(keys: &BTreeSet<String>, between: &str, more: &str) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<&str> = keys.iter().take(SHOWN).map(String::as_str).collect();
    let rest = keys.len().saturating_sub(SHOWN);
    let tail = if rest > 0 { format!(" {more} {rest}") } else { String::new() };
    format!("{}{tail}", shown.join(between))
}

fn words(keys: &[Located<String>]) -> String {
    keys.iter().map(|key| key.value.as_str()).collect::<Vec<_>>().join(", ")
}

/// How many independent ways lead to each recipient (A08); each recipient is told of once.
struct Ways<'d, 'p> {
    directory: &'d Directory,
    agencies: HashSet<&'d str>,
    people: HashSet<String>,
    problems: &'p Problems,
}

impl Ways<'_, '_> {
    fn of(&mut self, to: &Located<PartyRef>, draft: &Draft<'_>) {
        let directory = self.directory;
        let mut faults: BTreeMap<Weakness, BTreeSet<String>> = BTreeMap::new();
        match &to.value {
            PartyRef::Agency(key) => {
                for key in directory.members(key) {
                    if self.agencies.insert(key)
                        && let Some(weakness) = self.weakness(key)
                    {
                        faults.entry(weakness).or_default().insert(key.to_owned());
                    }
                }
            }
            party => {
                for key in people::who_could_be(party, draft, directory) {
                    let ways = directory.people.get(key).map_or(0, |person| person.reach.len());
                    if self.people.insert(key.to_owned()) && ways < 2 {
                        faults.entry(Weakness::OneTransport).or_default().insert(key.to_owned());
                    }
                }
            }
        }
        for (weakness, keys) in faults {
            let ((ja, en), help) = weakness.words();
            self.problems.warning(
                "A08",
                to.at,
                &to.path,
                Text::both(
                    format!("{ja}: {}", some_of(&keys, "、", "ほか")),
                    format!("{en}: {}.", some_of(&keys, ", ", "and more:")),
                ),
                help,
            );
        }
    }

    /// What is weak about the ways to an agency. One that cannot be reached at all is another rule's.
    fn weakness(&self, key: &str) -> Option<Weakness> {
        let agency = self.directory.agencies.get(key)?;
        let (primary, alternate) =
            (self.directory.reach(&agency.primary), self.directory.reach(&agency.alternate));
        if primary.is_empty() || alternate.is_empty() {
            return None;
        }
        let transports: BTreeSet<_> = primary.keys().chain(alternate.keys()).collect();
        if transports.len() < 2 {
            return Some(Weakness::OneTransport);
        }
        if agency.primary.person.is_some() && agency.primary.person == agency.alternate.person {
            return Some(Weakness::SamePerson);
        }
        let share = |of: &dyn Fn(&str) -> Option<String>| {
            let first: BTreeSet<String> = primary.values().filter_map(|address| of(address)).collect();
            alternate.values().filter_map(|address| of(address)).any(|address| first.contains(&address))
        };
        if share(&number) {
            return Some(Weakness::SameNumber);
        }
        share(&domain).then_some(Weakness::SameDomain)
    }
}

/// Why two ways are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weakness {
    OneTransport,
    SamePerson,
    SameNumber,
    SameDomain,
}

impl Weakness {
    fn words(self) -> ((&'static str, &'static str), Text) {
        let help = |ja: &str, en: &str| Text::both(ja, en);
        match self {
            Self::OneTransport => (
                ("1つの経路でしか届かない宛先があります", "Reachable by one transport only"),
                help(
                    "台帳に別の経路の宛先を足してください。",
                    "Add an address of another transport to the directory.",
                ),
            ),
            Self::SamePerson => (
                (
                    "primary と alternate が同じ人の宛先があります",
                    "Primary and alternate contact are the same person",
                ),
                help(
                    "台帳の alternate を別の人にしてください。",
                    "Name somebody else as \"alternate\" in the directory.",
                ),
            ),
            Self::SameNumber => (
                (
                    "primary と alternate の電話番号が同じ宛先があります",
                    "Primary and alternate contact share a telephone number",
                ),
                help(
                    "台帳の alternate を別の番号にしてください。",
                    "Give \"alternate\" another number in the directory.",
                ),
            ),
            Self::SameDomain => (
                (
                    "primary と alternate のメールが同じドメインの宛先があります",
                    "Primary and alternate contact share a mail domain",
                ),
                help(
                    "台帳の alternate を、別のドメインか電話にしてください。",
                    "Give \"alternate\" another mail domain or a telephone number in the directory.",
                ),
            ),
        }
    }
}

/// The digits of a telephone number; a number of zeros alone is a sample and nobody's.
fn number(address: &str) -> Option<String> {
    if address.contains('@') {
        return None;
    }
    let narrow = |c: char| match c {
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10),
        c => c.is_ascii_digit().then_some(c),
    };
    let digits: String = address.chars().filter_map(narrow).collect();
    digits.chars().any(|digit| digit != '0').then_some(digits)
}

fn domain(address: &str) -> Option<String> {
    Some(address.rsplit_once('@')?.1.to_lowercase())
}
