//! Roles and rosters as the directory fills them (A02, A03, T03, T05).

use std::collections::BTreeSet;

use chrono_tz::Tz;

use crate::{
    directory::{Directory, RoleAccount, roster::instant},
    playbook::{
        PartyRef, Role, Target,
        syntax::{Draft, StepAction},
    },
    text::Text,
    time::{Span, Timestamp},
    yaml::{Problems, Value, fields::Spot},
};

pub(super) fn all(
    draft: &Draft<'_>,
    directory: &Directory,
    at: Option<Timestamp>,
    root: &Spot<'_>,
    problems: &Problems,
) {
    somebody_decides(draft, directory, problems);
    somebody_may_start(draft, directory, at, root);
    if let Some(at) = at {
        no_empty_days(draft, directory, at, root);
    }
}

/// Somebody of those who may start it by hand is on duty; without a moment, ever on duty.
fn somebody_may_start(draft: &Draft<'_>, directory: &Directory, at: Option<Timestamp>, root: &Spot<'_>) {
    let blocks = root.child("triggers").map(|spot| spot.elements()).unwrap_or_default();
    for trigger in &draft.triggers {
        let allow = &trigger.trigger.allow;
        if !trigger.trigger.is_manual() {
            continue;
        }
        let nobody = |party: &PartyRef| match at {
            Some(at) => on_duty(party, draft, directory, at).is_empty(),
            None => who_could_be(party, draft, directory).is_empty(),
        };
        let known = allow.iter().all(|party| is_known(party, draft, directory));
        let block = blocks.iter().find(|block| block.path == trigger.path);
        if let Some(place) = block.and_then(|block| block.child("allow"))
            && known
            && allow.iter().all(nobody)
        {
            if allow.is_empty() {
                nobody_is_named(&place);
                continue;
            }
            place.warning(
                "T03",
                Text::both(
                    "起動を許された当番表に、いまだれもいません。",
                    "Nobody is on duty of the rosters that may start this.",
                ),
                Text::both(
                    "台帳の当番表に人を入れるか、別の当番表を書き足してください。",
                    "Put people on the rosters of the directory, or allow another roster.",
                ),
            );
        }
    }
}

/// `allow: []`: commanders and administrators are left, as where there is no `allow`.
fn nobody_is_named(allow: &Spot<'_>) {
    if !matches!(&allow.node.value, Value::List(list) if list.is_empty()) {
        return;
    }
    allow.warning(
        "T03",
        Text::both(
            "allow が空です。当番のだれも起動できません。",
            "\"allow\" is empty: nobody on duty may start this.",
        ),
        Text::both(
            "allow: [roster.…] のように書いてください。指揮者と管理者だけでよければ、allow を消してください。",
            "Write it like allow: [roster.…]; remove \"allow\" where commanders and administrators are enough.",
        ),
    );
}

/// How far ahead rosters are looked at.
const AHEAD: Span = Span::minutes(30 * 24 * 60);

/// Somebody can be asked for each role, and stands on each roster that is written to, on every one of the next 30
/// days.
fn no_empty_days(draft: &Draft<'_>, directory: &Directory, at: Timestamp, root: &Spot<'_>) {
    let mut seen = BTreeSet::new();
    let mut look = |party: &PartyRef, place: &Spot<'_>| {
        // An empty chair at the end of a ladder is A03.
        let is_told = who_could_be(party, draft, directory).is_empty() && decides(party, draft);
        if is_told || !is_known(party, draft, directory) || !seen.insert(party.to_string()) {
            return;
        }
        if let Some((from, zone)) = first_gap(party, draft, directory, at) {
            let day = from.to_utc().with_timezone(&zone).format("%Y-%m-%d %H:%M");
            place.error(
                "T05",
                Text::both(
                    format!("{day} に「{party}」の当番がだれもいません。"),
                    format!("Nobody is on duty for \"{party}\" at {day}."),
                ),
                if place.path.starts_with("roles.") {
                    Text::both(
                        "台帳の当番表に人を入れるか、fill に別の当番表を書き足してください。",
                        "Put somebody on the roster for that time, or add another roster to \"fill\".",
                    )
                } else {
                    Text::both(
                        "台帳の当番表に、その時間の人を入れるか、別の当番表あてにしてください。",
                        "Put somebody on the roster of the directory for that time, or name another roster here.",
                    )
                },
            );
        }
    };
    for role in &draft.roles {
        let key = &role.value.key;
        if let Some(place) = root.descend(&["roles", key, "fill", "from"]) {
            look(&PartyRef::Role(key.clone()), &place);
        }
    }
    let alerts = root.child("alerts").map(|spot| spot.children()).unwrap_or_default();
    let to = alerts.iter().filter_map(|(_, alert)| alert.child("to")).flat_map(|to| to.elements());
    let ladders = root.child("ladders").map(|spot| spot.children()).unwrap_or_default();
    let steps =
        ladders.iter().filter_map(|(_, ladder)| ladder.child("steps")).flat_map(|list| list.elements());
    for place in to.chain(steps.filter_map(|step| step.child("to"))) {
        let Some(words) = place.words() else { continue };
        if let Some(key) = words.strip_prefix("roster.") {
            look(&PartyRef::Roster(key.to_owned()), &place);
        } else if let Some(key) = words.strip_prefix("role:") {
            // A role of this file is looked at where it is filled.
            look(&PartyRef::Role(key.to_owned()), &place);
        }
    }
}

/// Whether some ladder ends at this party.
fn decides(party: &PartyRef, draft: &Draft<'_>) -> bool {
    let last = |to: &Target| matches!(to, Target::Party(decider) if decider == party);
    let mut ends = draft.ladders.iter().filter_map(|ladder| ladder.steps.last()?.to.as_ref());
    ends.any(|to| last(&to.value))
}

/// The first moment from `at` on, within the time that is looked ahead, at which nobody is on duty, with the roster's
/// wall time. Duty changes from somebody to nobody only where a gap or an override begins or ends.
fn first_gap(
    party: &PartyRef,
    draft: &Draft<'_>,
    directory: &Directory,
    at: Timestamp,
) -> Option<(Timestamp, Tz)> {
    let rosters = rosters(party, draft, Some(directory));
    let known = || rosters.iter().filter_map(|key| directory.rosters.get(*key));
    let zone = known().next()?.zone;
    let changes = known().flat_map(|roster| {
        let gaps = roster.gaps.iter().flat_map(|gap| [gap.from, gap.to]);
        let others = roster.overrides.iter().flat_map(|other| [other.from, other.to]);
        gaps.chain(others).map(|wall| instant(wall, roster.zone))
    });
    let mut moments: Vec<Timestamp> =
        changes.filter(|change| at < *change && *change < at + AHEAD).chain([at]).collect();
    moments.sort();
    let empty = |moment: &Timestamp| rosters.iter().all(|key| directory.on_duty(key, *moment).is_empty());
    moments.into_iter().find(empty).map(|moment| (moment, zone))
}

fn somebody_decides(draft: &Draft<'_>, directory: &Directory, problems: &Problems) {
    for ladder in &draft.ladders {
        let Some((last, earlier)) = ladder.steps.split_last() else { continue };
        if last.action != Some(StepAction::Decide) {
            continue;
        }
        let Some(to) = &last.to else { continue };
        let Target::Party(party) = &to.value else { continue };
        if !is_known(party, draft, directory) {
            continue;
        }
        // A role that could not be read whole may have the people who are looked for.
        if matches!(party, PartyRef::Role(key) if problems.has_error_under(&format!("roles.{key}"))) {
            continue;
        }
        let deciders = who_could_be(party, draft, directory);
        let humans: BTreeSet<&str> = deciders
            .iter()
            .copied()
            .filter(|key| directory.people.get(*key).is_some_and(|person| person.human))
            .collect();
        if deciders.is_empty() {
            problems.error(
                "A03",
                to.at,
                &to.path,
                Text::both(
                    format!("最後に判断する「{party}」に、当番表のだれもいません。"),
                    format!("Nobody on any roster can hold \"{party}\", which decides in the end."),
                ),
                Text::both(
                    "役割の fill か、台帳の当番表に人を入れてください。",
                    "Add people to its \"fill\", or to the rosters of the directory.",
                ),
            );
        } else if humans.is_empty() {
            problems.error(
                "A02",
                to.at,
                &to.path,
                Text::both(
                    format!("最後に判断する「{party}」に、人(human: true)がいません。"),
                    format!("Nobody who can hold \"{party}\" is a human (human: true)."),
                ),
                Text::both(
                    "台帳の人に human: true を付けてください。",
                    "Mark people of the directory with human: true.",
                ),
            );
        } else {
            let same = earlier.iter().any(|step| match &step.to {
                Some(to) => match &to.value {
                    Target::Party(other) => {
                        humans.len() == 1 && who_could_be(other, draft, directory) == deciders
                    }
                    _ => false,
                },
                None => false,
            });
            if same {
                problems.error(
                    "A03",
                    to.at,
                    &to.path,
                    Text::both(
                        format!("最後に判断する「{party}」は、前の段階で知らせた人と同じ1人だけです。"),
                        format!("\"{party}\", which decides in the end, is the one person whom an earlier step told."),
                    ),
                    Text::both(
                        "別の人も務められるように、fill に当番表を足してください。",
                        "Add a roster to its \"fill\", so that somebody else can hold it.",
                    ),
                );
            }
        }
    }
}

fn is_known(party: &PartyRef, draft: &Draft<'_>, directory: &Directory) -> bool {
    match party {
        PartyRef::Agency(key) => directory.agencies.contains_key(key),
        PartyRef::Roster(key) => directory.rosters.contains_key(key),
        PartyRef::Role(key) => match role(key, draft) {
            Some(role) => role.fill_from.iter().all(|from| match from {
                PartyRef::Roster(key) => directory.rosters.contains_key(key),
                _ => true,
            }),
            None => account(key, draft, directory).is_some(),
        },
    }
}

/// Everybody who could ever be this party.
pub(super) fn who_could_be<'d>(
    party: &PartyRef,
    draft: &Draft<'_>,
    directory: &'d Directory,
) -> BTreeSet<&'d str> {
    rosters(party, draft, Some(directory)).into_iter().flat_map(|key| directory.ever_on_duty(key)).collect()
}

fn on_duty<'d>(
    party: &PartyRef,
    draft: &Draft<'_>,
    directory: &'d Directory,
    at: Timestamp,
) -> BTreeSet<&'d str> {
    rosters(party, draft, Some(directory)).into_iter().flat_map(|key| directory.on_duty(key, at)).collect()
}

/// The rosters behind a party: itself, or those that fill the role, and the roles that fill it; a role account of the
/// directory is its roster.
pub(super) fn rosters<'d>(
    party: &'d PartyRef,
    draft: &'d Draft<'_>,
    directory: Option<&'d Directory>,
) -> Vec<&'d str> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![party];
    while let Some(party) = open.pop() {
        match party {
            PartyRef::Roster(key) => found.push(key.as_str()),
            PartyRef::Role(key) if seen.insert(key) => match role(key, draft) {
                Some(role) => open.extend(&role.fill_from),
                None => {
                    let account = directory.and_then(|directory| account(key, draft, directory));
                    found.extend(account.map(|account| account.roster.as_str()));
                }
            },
            _ => {}
        }
    }
    found
}

fn role<'d>(key: &str, draft: &'d Draft<'_>) -> Option<&'d Role> {
    draft.roles.iter().map(|role| &role.value).find(|role| role.key == key)
}

/// The role account of the directory that a role's key names, where this file has no such role.
fn account<'d>(key: &str, draft: &Draft<'_>, directory: &'d Directory) -> Option<&'d RoleAccount> {
    let is_ours = draft.defined("roles").iter().any(|(ours, _)| *ours == key);
    directory.role_accounts.get(key).filter(|_| !is_ours)
}
