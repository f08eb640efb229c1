//! Roles and rosters as the directory fills them (A02, A03, T03).

use std::collections::BTreeSet;

use crate::{
    directory::Directory,
    playbook::{
        PartyRef, Target,
        syntax::{Draft, StepAction},
    },
    text::Text,
    yaml::Problems,
};

pub(super) fn all(draft: &Draft<'_>, directory: &Directory, problems: &Problems) {
    somebody_decides(draft, directory, problems);
    for trigger in &draft.triggers {
        let allow = &trigger.trigger.allow;
        if !trigger.trigger.is_manual() || allow.is_empty() {
            continue;
        }
        let known = allow.iter().all(|party| is_known(party, draft, directory));
        if known && allow.iter().all(|party| people(party, draft, directory).is_empty()) {
            problems.warning(
                "T03",
                trigger.at,
                format!("{}.allow", trigger.path),
                Text::both(
                    "起動を許された当番表に、だれもいません。",
                    "The rosters that may start this have nobody on them.",
                ),
                Text::both(
                    "台帳の当番表に人を入れてください。",
                    "Put people on the rosters of the directory.",
                ),
            );
        }
    }
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
        let deciders = people(party, draft, directory);
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
                    Target::Party(other) if other != party => {
                        humans.len() == 1 && people(other, draft, directory) == deciders
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
        PartyRef::Role(key) => draft.roles.iter().find(|role| role.value.key == *key).is_some_and(|role| {
            role.value.fill_from.iter().all(|from| match from {
                PartyRef::Roster(key) => directory.rosters.contains_key(key),
                _ => true,
            })
        }),
    }
}

/// Everybody who could ever be this party.
fn people<'d>(party: &PartyRef, draft: &Draft<'_>, directory: &'d Directory) -> BTreeSet<&'d str> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![party.clone()];
    while let Some(party) = open.pop() {
        match &party {
            PartyRef::Roster(key) => found.extend(directory.ever_on_duty(key)),
            PartyRef::Role(key) if seen.insert(key.clone()) => {
                let role = draft.roles.iter().find(|role| role.value.key == *key);
                open.extend(role.into_iter().flat_map(|role| role.value.fill_from.iter().cloned()));
            }
            _ => {}
        }
    }
    found
}
