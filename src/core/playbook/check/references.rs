//! References that lead nowhere (R01, R03) and keys that nobody names (R06).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    directory::Directory,
    form::BUILT_IN,
    playbook::syntax::{Draft, Reference, RequiresDraft, Thing},
    text::Text,
    yaml::{
        Problems,
        fields::{Located, did_you_mean, shortened},
        slip_in,
    },
};

pub(super) fn all(draft: &Draft<'_>, directory: Option<&Directory>, problems: &Problems) {
    let defined = defined(draft);
    let mut unlisted = BTreeSet::new();
    for reference in &draft.references {
        if problems.is_full() {
            break;
        }
        match reference.thing {
            Thing::Role if is_role_account(draft, directory, &reference.key.value) => {}
            Thing::Agency | Thing::Roster | Thing::Transport => {
                outside(draft, directory, reference, &mut unlisted, problems)
            }
            thing => {
                let keys = &defined[&thing];
                if !keys.contains(reference.key.value.as_str()) {
                    // A report without its readers is more than a slip in a name.
                    let is_audience = thing == Thing::Channel && reference.key.path.starts_with("reports.");
                    let code = if is_audience { "T08" } else { "R01" };
                    let accounts = directory.filter(|_| thing == Thing::Role);
                    let accounts = accounts.into_iter().flat_map(|directory| self::keys(directory, thing));
                    unknown(code, reference, keys.iter().copied().chain(accounts), problems);
                }
            }
        }
    }
    if let Some((requires, directory)) = draft.requires.as_ref().zip(directory) {
        satisfied(requires, directory, problems);
    }
}

/// Whether a role that this file does not define is a desk of the directory (当直師長): the directory has it, or
/// `requires` asks for it.
fn is_role_account(draft: &Draft<'_>, directory: Option<&Directory>, key: &str) -> bool {
    let asked = || draft.requires.as_ref().map(|requires| &requires.role_accounts);
    let is_asked = || asked().is_some_and(|list| list.iter().any(|entry| entry.value == key));
    directory.is_some_and(|directory| directory.role_accounts.contains_key(key)) || is_asked()
}

/// The keys of this file by kind.
fn defined<'a>(draft: &Draft<'a>) -> BTreeMap<Thing, BTreeSet<&'a str>> {
    let block = |name: &str| draft.defined(name).into_iter().map(|(key, _)| key).collect::<BTreeSet<_>>();
    let mut forms = block("forms");
    forms.extend(BUILT_IN.map(|(key, _, _)| key));
    BTreeMap::from([
        (Thing::Role, block("roles")),
        (Thing::Chair, block("roles")),
        (Thing::Channel, block("channels")),
        (Thing::ResponseSet, block("response_sets")),
        (Thing::Ladder, block("ladders")),
        (Thing::Alert, block("alerts")),
        (Thing::Task, task_keys(draft)),
        (Thing::Form, forms),
    ])
}

/// Tasks stand in lists inside of groups.
fn task_keys<'a>(draft: &Draft<'a>) -> BTreeSet<&'a str> {
    use crate::yaml::{Node, Value};
    fn items(node: &Node) -> &[Node] {
        match &node.value {
            Value::List(items) => items,
            _ => &[],
        }
    }
    let groups = draft.root.get("tasks").map_or(&[][..], items);
    let tasks = groups.iter().flat_map(|group| group.get("items").map_or(&[][..], items));
    tasks.filter_map(|task| task.get("key")?.as_str()).collect()
}

/// A key of the directory: by what the playbook requires, and by what the directory has. A key that `requires` does
/// not list is told where it is named first.
fn outside<'d>(
    draft: &'d Draft<'_>,
    directory: Option<&Directory>,
    reference: &'d Reference,
    unlisted: &mut BTreeSet<(Thing, &'d str)>,
    problems: &Problems,
) {
    let key = &reference.key.value;
    let listed = draft.requires.as_ref().map(|requires| list(requires, reference.thing));
    let is_listed = listed.map(|list| list.iter().any(|entry| entry.value == *key));
    let in_directory = directory.map(|directory| keys(directory, reference.thing).any(|known| known == key));
    match (is_listed, in_directory) {
        // Listed and absent from the directory is told at the list.
        (Some(true), _) | (None, Some(true) | None) => {}
        (Some(false), Some(true)) if !unlisted.insert((reference.thing, key)) => {}
        (Some(false), Some(true)) => problems.error(
            "R03",
            reference.key.at,
            &reference.key.path,
            Text::both(
                format!("{}「{key}」が requires に書かれていません。", name_ja(reference.thing)),
                format!("The {} \"{key}\" is not listed in \"requires\".", name_en(reference.thing)),
            ),
            Text::both(
                format!("requires.{} に {key} を書き足してください。", block(reference.thing)),
                format!("Add {key} to requires.{}.", block(reference.thing)),
            ),
        ),
        (Some(false), _) | (None, Some(false)) => {
            let listed = listed.into_iter().flatten().map(|entry| entry.value.as_str());
            let known = directory.into_iter().flat_map(|directory| keys(directory, reference.thing));
            unknown("R01", reference, listed.chain(known), problems);
        }
    }
}

fn satisfied(requires: &RequiresDraft, directory: &Directory, problems: &Problems) {
    for thing in [Thing::Agency, Thing::Roster, Thing::Transport, Thing::Role] {
        for entry in list(requires, thing) {
            if keys(directory, thing).any(|known| known == entry.value) {
                continue;
            }
            let key = shortened(&entry.value);
            let (hint_ja, hint_en) = did_you_mean(&entry.value, keys(directory, thing));
            let (ja, en) = match thing {
                Thing::Role => ("役割のアカウント", "role account"),
                thing => (name_ja(thing), name_en(thing)),
            };
            problems.error(
                "R03",
                entry.at,
                &entry.path,
                Text::both(
                    format!("この手順書に必要な{ja}「{key}」が台帳「{}」にありません。{hint_ja}", directory.key),
                    format!(
                        "This playbook needs the {en} \"{key}\", which the directory \"{}\" does not have.{hint_en}",
                        directory.key
                    ),
                ),
                Text::both(
                    "台帳に登録するか、名前を直してください。",
                    "Add it to the directory, or correct the name.",
                ),
            );
        }
    }
}

fn list(requires: &RequiresDraft, thing: Thing) -> &[Located<String>] {
    match thing {
        Thing::Agency => &requires.agencies,
        Thing::Roster => &requires.rosters,
        Thing::Role => &requires.role_accounts,
        _ => &requires.transports,
    }
}

fn keys(directory: &Directory, thing: Thing) -> Box<dyn Iterator<Item = &str> + '_> {
    match thing {
        Thing::Agency => Box::new(directory.agencies.keys().map(String::as_str)),
        Thing::Roster => Box::new(directory.rosters.keys().map(String::as_str)),
        Thing::Role => Box::new(directory.role_accounts.keys().map(String::as_str)),
        _ => Box::new(directory.transports.keys().map(String::as_str)),
    }
}

fn unknown<'n>(
    code: &'static str,
    reference: &Reference,
    known: impl Iterator<Item = &'n str>,
    problems: &Problems,
) {
    let key = &reference.key.value;
    let (hint_ja, hint_en) = did_you_mean(key, known);
    let key = shortened(key);
    let block = block(reference.thing);
    let help = match reference.thing {
        Thing::Agency | Thing::Roster | Thing::Transport => Text::both(
            format!("台帳(Directory)の {block} に「{key}」を登録するか、名前を直してください。"),
            format!("Add \"{key}\" to {block} of the directory, or correct the name."),
        ),
        _ => Text::both(
            format!("{block} に「{key}」を定義するか、名前を直してください。"),
            format!("Define \"{key}\" under {block}, or correct the name."),
        ),
    };
    problems.error(
        code,
        reference.key.at,
        &reference.key.path,
        Text::both(
            format!("{}「{key}」はありません。{hint_ja}", name_ja(reference.thing)),
            format!("There is no {} \"{key}\".{hint_en}", name_en(reference.thing)),
        ),
        slip_in(&reference.key.value).unwrap_or(help),
    );
}

const fn name_ja(thing: Thing) -> &'static str {
    match thing {
        Thing::Agency => "機関",
        Thing::Roster => "当番表",
        Thing::Transport => "経路",
        Thing::Role | Thing::Chair => "役割",
        Thing::Channel => "チャンネル",
        Thing::ResponseSet => "回答の選択肢",
        Thing::Ladder => "段階(ladder)",
        Thing::Alert => "通知",
        Thing::Task => "課題",
        Thing::Form => "様式",
    }
}

const fn name_en(thing: Thing) -> &'static str {
    match thing {
        Thing::Agency => "agency",
        Thing::Roster => "roster",
        Thing::Transport => "transport",
        Thing::Role | Thing::Chair => "role",
        Thing::Channel => "channel",
        Thing::ResponseSet => "response set",
        Thing::Ladder => "ladder",
        Thing::Alert => "alert",
        Thing::Task => "task",
        Thing::Form => "form",
    }
}

const fn block(thing: Thing) -> &'static str {
    match thing {
        Thing::Agency => "agencies",
        Thing::Roster => "rosters",
        Thing::Transport => "transports",
        Thing::Role | Thing::Chair => "roles",
        Thing::Channel => "channels",
        Thing::ResponseSet => "response_sets",
        Thing::Ladder => "ladders",
        Thing::Alert => "alerts",
        Thing::Task => "tasks",
        Thing::Form => "forms",
    }
}

/// Keys that this file defines and never uses. Channels are places and need no user; an alert without any trigger is
/// told as a missing `send`.
///
/// Where something could not be read or does not lead anywhere, its key may be the very one that looks unused: then
/// nothing is said about it until that is mended.
pub(super) fn unused(draft: &Draft<'_>, problems: &Problems) {
    if problems.has_error_of("R02") || problems.has_error_of("R01") {
        return;
    }
    let used = |thing: Thing, key: &str| {
        let is_thing = |of: Thing| of == thing || (thing == Thing::Role && of == Thing::Chair);
        draft.references.iter().any(|reference| is_thing(reference.thing) && reference.key.value == key)
    };
    let names = super::templates::names(draft);
    let blocks = [
        ("roles", Thing::Role),
        ("response_sets", Thing::ResponseSet),
        ("ladders", Thing::Ladder),
        ("forms", Thing::Form),
    ];
    for (block, thing) in blocks {
        for (key, at) in draft.defined(block) {
            let in_texts =
                thing == Thing::Role && names.iter().any(|name| name.starts_with(&format!("role.{key}.")));
            if !used(thing, key) && !in_texts {
                never_used(block, key, at, problems);
            }
        }
    }
    for (key, at) in draft.defined("variables").into_iter().filter(|_| !problems.has_error_of("R04")) {
        let in_tasks =
            draft.tasks.iter().any(|task| task.when_variable.as_ref().is_some_and(|name| name.value == key));
        if !names.contains(key) && !in_tasks {
            never_used("variables", key, at, problems);
        }
    }
}

fn never_used(block: &str, key: &str, at: crate::problem::Position, problems: &Problems) {
    problems.warning(
        "R06",
        at,
        format!("{block}.{key}"),
        Text::both(
            format!("{block} の「{key}」はどこでも使われていません。"),
            format!("\"{key}\" under {block} is never used."),
        ),
        Text::both("使うか、消してください。", "Use it, or remove it."),
    );
}
