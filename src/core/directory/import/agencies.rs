//! Rows of agencies.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Agency, Contact, Directory, fold::fold, tables::Sheet},
    Column, Headings, Place, Work, cell,
    people::{joined, set, set_text},
    rows::{About, Done, about, by_name, cells, first_time, new_key},
};
use crate::{
    addressee::Way,
    text::{Language, Text},
};

/// Puts every row of these sheets into the directory.
pub(super) fn put(work: &mut Work, sheets: &[(&Sheet, Headings)]) {
    let agencies = work.directory.agencies.iter().filter(|(_, agency)| agency.members.is_none());
    let mut names = by_name(agencies.map(|(key, agency)| (key, &agency.title)));
    let mut groups = Groups::of(&work.directory);
    let mut done = Done::new();
    for (sheet, headings) in sheets {
        for row in headings.rows(sheet) {
            let cells: Vec<_> = cells(sheet, headings, row).collect();
            let of = |wanted: &Column| {
                cells.iter().find(|(_, column, words)| *column == wanted && !words.is_empty())
            };
            let (key, title) = (of(&Column::Key), of(&Column::Title));
            let Some((place, _, called)) = title.or(key) else {
                no_title(work, sheet, row.number);
                continue;
            };
            let typed = key.map(|(.., key)| key.as_str());
            if let Some((place, _, key)) = key
                && work.directory.agencies.get(key).is_some_and(|known| known.members.is_some())
            {
                is_a_group(work, place, key);
                continue;
            }
            let is_known = typed.is_some_and(|key| work.directory.agencies.contains_key(key));
            let key = match about(work, place, typed, called, is_known, &names) {
                About::Known(key) => key,
                About::New(typed) => {
                    if title.is_none() {
                        no_title(work, sheet, row.number);
                        continue;
                    }
                    let key = typed.unwrap_or_else(|| {
                        new_key("", called, |key| work.directory.agencies.contains_key(key))
                    });
                    names.entry(fold(called)).or_default().push(key.clone());
                    key
                }
                About::Unclear => continue,
            };
            let says = cells.iter().map(|(.., words)| words.clone()).collect();
            if !first_time(work, &mut done, place, &key, called, says) {
                continue;
            }
            let mut agency = work.directory.agencies.remove(&key).unwrap_or_else(|| blank(called));
            fill(work, &mut agency, &cells);
            // An address that cannot be read was told already.
            let typed = cells
                .iter()
                .any(|(_, column, words)| matches!(column, Column::Address(..)) && !words.is_empty());
            if !typed && agency.primary.reach.is_empty() && agency.alternate.reach.is_empty() {
                no_address(work, place, called);
            }
            work.directory.agencies.insert(key.clone(), agency);
            for (place, column, words) in &cells {
                if **column == Column::Group {
                    groups.join(work, place, &key, words);
                }
            }
        }
    }
    if sheets.is_empty() {
        return;
    }
    let of_groups = sheets.iter().any(|(_, headings)| headings.has(&Column::Group));
    if work.remove_missing {
        remove_missing(&mut work.directory, &done);
    }
    groups.settle(&mut work.directory, work.remove_missing && of_groups);
    shared_addresses(work, &done);
}

/// A new agency. What a hospital keeps in such a list is mostly outside of it.
fn blank(title: &str) -> Agency {
    Agency {
        title: Text::plain(title),
        kana: None,
        outside: true,
        members: None,
        primary: Contact::default(),
        alternate: Contact::default(),
        language: Language::default(),
        verified_on: None,
    }
}

fn fill(work: &mut Work, agency: &mut Agency, cells: &[(Place<'_>, &Column, String)]) {
    let empties = work.remove_missing;
    for way in [Way::Primary, Way::Alternate] {
        let contact = match way {
            Way::Primary => &mut agency.primary,
            Way::Alternate => &mut agency.alternate,
        };
        let mut desk = Vec::new();
        for (place, column, words) in cells {
            match column {
                Column::Address(of, medium) if *of == way => {
                    work.address(place, medium, words, &mut contact.reach);
                }
                Column::Desk(of) if *of == way => desk.push(words.as_str()),
                Column::Person(of) if *of == way => person(work, place, words, &mut contact.person),
                _ => {}
            }
        }
        if !desk.is_empty() {
            set_text(&mut contact.name, &joined(&desk), empties);
        }
    }
    for (place, column, words) in cells {
        match column {
            Column::Kana => set(&mut agency.kana, words, empties),
            Column::NameIn(Language::En) => set(&mut agency.title.en, words, empties),
            Column::NameIn(_) => set(&mut agency.title.easy_ja, words, empties),
            Column::VerifiedOn if words.is_empty() && empties => agency.verified_on = None,
            _ if words.is_empty() => {}
            Column::Title => agency.title.ja.clone_from(words),
            Column::Outside => agency.outside = work.take(place, cell::flag(words)).unwrap_or(agency.outside),
            Column::Language => {
                agency.language = work.take(place, cell::language(words)).unwrap_or(agency.language);
            }
            Column::VerifiedOn => {
                agency.verified_on = work.take(place, cell::day(words)).or(agency.verified_on);
            }
            _ => {}
        }
    }
}

fn person(work: &mut Work, place: &Place<'_>, key: &str, slot: &mut Option<String>) {
    if key.is_empty() {
        if work.remove_missing {
            *slot = None;
        }
    } else if work.directory.people.contains_key(key) {
        *slot = Some(key.to_owned());
    } else {
        work.error(
            place,
            (
                &format!("人「{key}」は台帳にいません。"),
                &format!("There is no person \"{key}\" in the directory."),
            ),
            (
                "人のシートに足すか、キーを直してください。",
                "Add them to the sheet of people, or correct the key.",
            ),
        );
    }
}

fn no_title(work: &mut Work, sheet: &Sheet, row: u32) {
    let place = Place { sheet: &sheet.name, row, column: 1, heading: "" };
    work.error(
        &place,
        ("機関名がありません。", "There is no agency in this row."),
        ("機関名を書くか、この行を消してください。", "Write the agency's name, or remove the row."),
    );
}

fn no_address(work: &mut Work, place: &Place<'_>, called: &str) {
    work.warning(
        place,
        (&format!("「{called}」に連絡先がありません。"), &format!("\"{called}\" has no address at all.")),
        (
            "メールか電話を書いてください。このままでは、何も届きません。",
            "Write a mail address or a telephone number; as it is, nothing reaches it.",
        ),
    );
}

fn new_group(work: &mut Work, place: &Place<'_>, name: &str) {
    work.warning(
        place,
        (
            &format!("グループ「{name}」は台帳にありません。新しく作ります。"),
            &format!("There is no group \"{name}\" in the directory; it will be made."),
        ),
        (
            "書き間違いなら直してください。新しいグループなら、このまま取り込めます。",
            "Correct it where it is misspelt; where it is meant, import it as it is.",
        ),
    );
}

fn is_a_group(work: &mut Work, place: &Place<'_>, key: &str) {
    work.error(
        place,
        (&format!("「{key}」は機関グループのキーです。"), &format!("\"{key}\" is the key of a group.")),
        ("機関には別のキーを使ってください。", "Use another key for the agency."),
    );
}

/// Who belongs to which group, while rows are read.
struct Groups {
    by_name: BTreeMap<String, String>,
    /// Whether the directory had groups before: a name that is not among them may be misspelt.
    had_some: bool,
    /// What the rows say, in their order: group and member.
    joined: Vec<(String, String)>,
}

impl Groups {
    fn of(directory: &Directory) -> Self {
        let groups = directory.agencies.iter().filter(|(_, agency)| agency.members.is_some());
        let by_name =
            groups.flat_map(|(key, group)| [(fold(&group.title.ja), key.clone()), (fold(key), key.clone())]);
        let by_name: BTreeMap<String, String> = by_name.collect();
        Self { had_some: !by_name.is_empty(), by_name, joined: Vec::new() }
    }

    /// A row says that its agency belongs to these groups; one that nobody knows is made.
    fn join(&mut self, work: &mut Work, place: &Place<'_>, member: &str, names: &str) {
        for name in
            names.split(['、', ',', '，', ';', '；', '\n']).map(str::trim).filter(|name| !name.is_empty())
        {
            let group = self.by_name.entry(fold(name)).or_insert_with(|| {
                let key = new_key("", name, |key| work.directory.agencies.contains_key(key));
                if self.had_some {
                    new_group(work, place, name);
                }
                let group = Agency { members: Some(Vec::new()), ..blank(name) };
                work.directory.agencies.insert(key.clone(), group);
                key
            });
            if group == member {
                work.error(
                    place,
                    ("グループと機関の名前が同じです。", "The group and the agency have the same name."),
                    ("グループの名前を変えてください。", "Give the group another name."),
                );
                continue;
            }
            self.joined.push((group.clone(), member.to_owned()));
        }
    }

    /// Puts the members in. Where the sheets are the whole, an agency is in the groups that its row names and in no
    /// other; a group that nobody is left in goes.
    fn settle(self, directory: &mut Directory, whole: bool) {
        let said: BTreeSet<(&str, &str)> =
            self.joined.iter().map(|(group, member)| (group.as_str(), member.as_str())).collect();
        let are_groups: BTreeSet<String> = directory
            .agencies
            .iter()
            .filter(|(_, agency)| agency.members.is_some())
            .map(|(key, _)| key.clone())
            .collect();
        for (key, agency) in &mut directory.agencies {
            let Some(members) = &mut agency.members else { continue };
            if whole {
                members.retain(|member| are_groups.contains(member) || said.contains(&(key, member)));
            }
            let mut there: BTreeSet<String> = members.iter().cloned().collect();
            for (group, member) in &self.joined {
                if group == key && there.insert(member.clone()) {
                    members.push(member.clone());
                }
            }
        }
        if whole {
            remove_empty_groups(directory);
        }
    }
}

/// Takes out the agencies that no row named.
fn remove_missing(directory: &mut Directory, done: &Done) {
    directory.agencies.retain(|key, agency| agency.members.is_some() || done.contains_key(key));
    let left: BTreeSet<String> = directory.agencies.keys().cloned().collect();
    let mut emptied = false;
    for agency in directory.agencies.values_mut() {
        if let Some(members) = &mut agency.members {
            let before = members.len();
            members.retain(|member| left.contains(member));
            emptied |= members.is_empty() && before > 0;
        }
    }
    if emptied {
        remove_empty_groups(directory);
    }
}

/// Takes out groups without members, and then those that are left without members by that.
fn remove_empty_groups(directory: &mut Directory) {
    loop {
        let empty: BTreeSet<String> = directory
            .agencies
            .iter()
            .filter(|(_, agency)| agency.members.as_ref().is_some_and(Vec::is_empty))
            .map(|(key, _)| key.clone())
            .collect();
        if empty.is_empty() {
            return;
        }
        directory.agencies.retain(|key, _| !empty.contains(key));
        for members in directory.agencies.values_mut().filter_map(|agency| agency.members.as_mut()) {
            members.retain(|member| !empty.contains(member));
        }
    }
}

/// Tells addresses that two agencies share, where a row names one of them: an answer from there would count for both.
fn shared_addresses(work: &mut Work, done: &Done) {
    let mut owners: BTreeMap<(&str, String), BTreeSet<&str>> = BTreeMap::new();
    for (key, agency) in &work.directory.agencies {
        for (transport, address) in agency.primary.reach.iter().chain(&agency.alternate.reach) {
            let digits: String = address.chars().filter(char::is_ascii_digit).collect();
            let same = if address.contains('@') { address.to_lowercase() } else { digits };
            owners.entry((transport, same)).or_default().insert(key);
        }
    }
    let mut shared: Vec<(String, u32, String, Vec<String>)> = Vec::new();
    for ((transport, _), owners) in owners.iter().filter(|(_, owners)| owners.len() > 1) {
        let rows = owners.iter().filter_map(|key| done.get(*key));
        // Told once, at the last row that has it.
        let Some((sheet, row, _)) = rows.max_by_key(|(_, row, _)| *row) else { continue };
        let names = owners.iter().filter_map(|key| work.directory.agencies.get(*key));
        let names = names.map(|agency| agency.title.ja.clone()).collect();
        shared.push((sheet.clone(), *row, (*transport).to_owned(), names));
    }
    for (sheet, row, transport, names) in shared {
        let place = Place { sheet: &sheet, row, column: 1, heading: "" };
        let names = names.join("、");
        work.warning(
            &place,
            (
                &format!("{names} の {transport} が同じ宛先です。"),
                &format!("{names} have the same {transport} address."),
            ),
            (
                "別の宛先があれば直してください。同じ人に2通届きます。",
                "Correct it where there is another: the same person gets two letters.",
            ),
        );
    }
}
