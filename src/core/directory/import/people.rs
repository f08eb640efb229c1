//! Rows of people.

use super::{
    super::{Directory, Person, fold::fold, tables::Sheet},
    Column, Headings, Place, Work, cell,
    rows::{About, Done, about, by_name, cells, first_time, new_key},
};
use crate::text::{Language, Text};

/// Puts every row of these sheets into the directory.
pub(super) fn put(work: &mut Work, sheets: &[(&Sheet, Headings)]) {
    let mut names = by_name(work.directory.people.iter().map(|(key, person)| (key, &person.name)));
    let mut done = Done::new();
    for (sheet, headings) in sheets {
        for row in headings.rows(sheet) {
            let cells: Vec<_> = cells(sheet, headings, row).collect();
            let of = |wanted: &Column| {
                cells.iter().find(|(_, column, words)| *column == wanted && !words.is_empty())
            };
            let (key, name) = (of(&Column::Key), of(&Column::Name));
            let Some((place, _, called)) = name.or(key) else {
                no_name(work, sheet, row.number);
                continue;
            };
            let typed = key.map(|(.., key)| key.as_str());
            let is_known = typed.is_some_and(|key| work.directory.people.contains_key(key));
            let key = match about(work, place, typed, called, is_known, &names) {
                About::Known(key) => key,
                About::New(typed) => {
                    let Some((.., name)) = name else {
                        no_name(work, sheet, row.number);
                        continue;
                    };
                    let key = typed.unwrap_or_else(|| {
                        new_key("p_", name, |key| work.directory.people.contains_key(key))
                    });
                    names.entry(fold(name)).or_default().push(key.clone());
                    key
                }
                About::Unclear => continue,
            };
            let says = cells.iter().map(|(.., words)| words.clone()).collect();
            if !first_time(work, &mut done, place, &key, called, says) {
                continue;
            }
            let mut person = work.directory.people.remove(&key).unwrap_or_else(|| blank(called));
            fill(work, &mut person, &cells);
            work.directory.people.insert(key, person);
        }
    }
    if work.remove_missing && !sheets.is_empty() {
        remove_missing(work, &done, sheets);
    }
}

fn blank(name: &str) -> Person {
    Person {
        name: Text::plain(name),
        kana: None,
        post: None,
        human: true,
        reach: Default::default(),
        language: Language::default(),
        verified_on: None,
    }
}

fn fill(work: &mut Work, person: &mut Person, cells: &[(Place<'_>, &Column, String)]) {
    let mut post = Vec::new();
    for (place, column, words) in cells {
        let empties = work.remove_missing;
        match column {
            Column::Address(_, medium) => work.address(place, medium, words, &mut person.reach),
            Column::Post => post.push(words.as_str()),
            Column::Kana => set(&mut person.kana, words, empties),
            Column::NameIn(Language::En) => set(&mut person.name.en, words, empties),
            Column::NameIn(_) => set(&mut person.name.easy_ja, words, empties),
            Column::VerifiedOn if words.is_empty() && empties => person.verified_on = None,
            _ if words.is_empty() => {}
            Column::Name => person.name.ja.clone_from(words),
            Column::Human => person.human = work.take(place, cell::flag(words)).unwrap_or(person.human),
            Column::Language => {
                person.language = work.take(place, cell::language(words)).unwrap_or(person.language);
            }
            Column::VerifiedOn => {
                person.verified_on = work.take(place, cell::day(words)).or(person.verified_on);
            }
            _ => {}
        }
    }
    if cells.iter().any(|(_, column, _)| **column == Column::Post) {
        set_text(&mut person.post, &joined(&post), work.remove_missing);
    }
}

/// Words of several columns that belong together: 救急科 部長.
pub(super) fn joined(words: &[&str]) -> String {
    words.iter().filter(|words| !words.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

/// Sets what is not empty; empties it where an empty cell says so.
pub(super) fn set(slot: &mut Option<String>, words: &str, empties: bool) {
    if !words.is_empty() {
        *slot = Some(words.to_owned());
    } else if empties {
        *slot = None;
    }
}

/// As [`set`]; the other languages stay while the Japanese words do.
pub(super) fn set_text(slot: &mut Option<Text>, words: &str, empties: bool) {
    if words.is_empty() {
        if empties {
            *slot = None;
        }
    } else if slot.as_ref().is_none_or(|text| text.ja != words) {
        *slot = Some(Text::plain(words));
    }
}

fn no_name(work: &mut Work, sheet: &Sheet, row: u32) {
    let place = Place { sheet: &sheet.name, row, column: 1, heading: "" };
    work.error(
        &place,
        ("氏名がありません。", "There is no name in this row."),
        ("氏名を書くか、この行を消してください。", "Write the name, or remove the row."),
    );
}

/// Takes out who is not named; who is still needed somewhere is told instead.
fn remove_missing(work: &mut Work, done: &Done, sheets: &[(&Sheet, Headings)]) {
    let gone: Vec<String> =
        work.directory.people.keys().filter(|key| !done.contains_key(*key)).cloned().collect();
    for key in gone {
        let needed = needed_by(&work.directory, &key);
        if needed.is_empty() {
            work.directory.people.remove(&key);
            continue;
        }
        let name =
            work.directory.people.get(&key).map_or_else(|| key.clone(), |person| person.name.ja.clone());
        let (sheet, headings) = &sheets[0];
        let place = Place { sheet: &sheet.name, row: headings.row, column: 1, heading: "" };
        let needed = needed.join("、");
        work.error(
            &place,
            (
                &format!("「{name}」({key})は表にありませんが、{needed} が使っています。"),
                &format!("\"{name}\" ({key}) is not in the sheet, and {needed} needs them."),
            ),
            (
                "表に足すか、先に当番表や窓口から外してください。",
                "Add them to the sheet, or take them off the roster or desk first.",
            ),
        );
    }
}

/// What names a person.
fn needed_by(directory: &Directory, person: &str) -> Vec<String> {
    let is = |key: &String| key == person;
    let rosters = directory.rosters.iter().filter(|(_, roster)| {
        roster.members.iter().any(is) || roster.overrides.iter().any(|other| other.members.iter().any(is))
    });
    let agencies = directory.agencies.iter().filter(|(_, agency)| {
        [&agency.primary, &agency.alternate].iter().any(|contact| contact.person.as_deref() == Some(person))
    });
    rosters
        .map(|(key, _)| format!("roster.{key}"))
        .chain(agencies.map(|(key, _)| format!("agency:{key}")))
        .collect()
}
