//! Sheets of agencies and people, as hospitals keep them, into a changed directory.
//!
//! 1. `columns` finds the row of headings in each sheet and what each column holds.
//! 2. `cell` reads each value, whatever its width and spelling.
//! 3. `people`, then `agencies` put each row into a copy of the directory: matched by key, else by name.
//! 4. Every row that cannot be taken is told with its number and its column; the caller imports nothing then.
//!
//! An empty cell changes nothing, and what a sheet does not name stays. With `remove_missing` the sheets are the whole
//! list: what they do not name goes, and an empty cell empties the field.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    Directory, Transport,
    syntax::{AddressKind, address_kind},
    tables::{Sheet, first_of},
};
use crate::{
    problem::{Position, Problem, Severity},
    text::Text,
};

mod agencies;
mod cell;
mod columns;
mod people;
mod rows;

use columns::{Column, Headings, Medium};

/// More problems than anybody reads.
const MOST_PROBLEMS: usize = 1000;

/// What came of the sheets.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The directory as it would be.
    pub directory: Directory,
    /// What cannot be taken (errors), what looks wrong (warnings), what was passed over (information). `line` is the
    /// row as the spreadsheet numbers it, `column` the column from 1, `path` the column's heading, behind the name of
    /// its sheet where there is one.
    pub problems: Vec<Problem>,
}

/// Puts sheets into a directory; into a new one, with mail, SMS and telephone, where there is none yet.
///
/// - `today`: the date of verification of a new directory.
pub fn import(
    former: Option<&Directory>,
    sheets: &[Sheet],
    remove_missing: bool,
    today: NaiveDate,
) -> Imported {
    let mut work = Work {
        directory: former.cloned().unwrap_or_else(|| beginning(today)),
        problems: Vec::new(),
        remove_missing,
    };
    let mut read: Vec<(&Sheet, Headings)> = Vec::new();
    for sheet in sheets.iter().filter(|sheet| !sheet.is_empty()) {
        match columns::find(sheet) {
            Some(headings) => read.push((sheet, headings)),
            None => work.without_headings(sheet),
        }
    }
    if read.is_empty() {
        let place = Place { sheet: "", row: 1, column: 1, heading: "" };
        work.error(
            &place,
            ("見出しの行が見つかりません。", "There is no row of headings."),
            (
                "「機関名」か「氏名」の列と、「メール」「電話」などの列がある行を置いてください。",
                "Have a row with the heading 機関名 (agency) or 氏名 (name), and others like メール (e-mail) or 電話 (phone).",
            ),
        );
    }
    for (sheet, headings) in &read {
        work.headings(sheet, headings);
    }
    // People first: a contact may name one of them.
    let (people, agencies): (Vec<_>, Vec<_>) = read.into_iter().partition(|(_, headings)| headings.of_people);
    people::put(&mut work, &people);
    agencies::put(&mut work, &agencies);
    work.problems.sort_by(|a, b| (a.severity, &sheet_of(a), a.at).cmp(&(b.severity, &sheet_of(b), b.at)));
    Imported { directory: work.directory, problems: work.problems }
}

fn sheet_of(problem: &Problem) -> String {
    problem.path.split_once('!').map(|(sheet, _)| sheet.to_owned()).unwrap_or_default()
}

/// A directory before anything stands in it.
fn beginning(today: NaiveDate) -> Directory {
    let transport = |driver: &str, proves: &[&str], max_chars| Transport {
        driver: driver.to_owned(),
        proves: proves.iter().map(|word| (*word).to_owned()).collect(),
        max_chars,
    };
    let transports = [
        ("email", transport("smtp", &["accepted", "bounced"], None)),
        ("sms", transport("http_gateway", &["accepted", "delivered", "failed"], Some(134))),
        ("phone", transport("human_call", &["answered"], None)),
    ];
    Directory {
        key: "directory".into(),
        title: Text::both("連絡先台帳", "Directory"),
        verified_on: today,
        verify_every: None,
        site: BTreeMap::new(),
        transports: transports.map(|(key, transport)| (key.to_owned(), transport)).into(),
        people: BTreeMap::new(),
        agencies: BTreeMap::new(),
        rosters: BTreeMap::new(),
        role_accounts: BTreeMap::new(),
        covers: Vec::new(),
    }
}

/// A cell's place, for problems about it.
#[derive(Clone, Copy)]
struct Place<'s> {
    sheet: &'s str,
    row: u32,
    column: usize,
    heading: &'s str,
}

/// A sentence in Japanese and English.
type Said<'w> = (&'w str, &'w str);

/// An import under way.
struct Work {
    directory: Directory,
    problems: Vec<Problem>,
    remove_missing: bool,
}

impl Work {
    fn error(&mut self, place: &Place<'_>, detail: Said<'_>, help: Said<'_>) {
        self.tell(Severity::Error, place, detail, help);
    }

    fn warning(&mut self, place: &Place<'_>, detail: Said<'_>, help: Said<'_>) {
        self.tell(Severity::Warning, place, detail, help);
    }

    fn tell(&mut self, severity: Severity, place: &Place<'_>, detail: Said<'_>, help: Said<'_>) {
        let problem = Problem {
            code: "R02",
            severity,
            at: Position { line: place.row, column: u32::try_from(place.column).unwrap_or(u32::MAX) },
            path: match place.sheet {
                "" => place.heading.to_owned(),
                sheet => format!("{sheet}!{}", place.heading),
            },
            detail: Text::both(detail.0, detail.1),
            help: Text::both(help.0, help.1),
        };
        // An error still takes the place of something lesser, so that a full list never makes a file look right.
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        } else if severity == Severity::Error
            && let Some(lesser) = self.problems.iter_mut().find(|known| known.severity != Severity::Error)
        {
            *lesser = problem;
        }
    }

    fn without_headings(&mut self, sheet: &Sheet) {
        let place = Place { sheet: &sheet.name, row: 1, column: 1, heading: "" };
        let (ja, en) = (
            format!("シート「{}」には見出しの行がないので、読みません。", sheet.name),
            format!("The sheet \"{}\" has no row of headings and is passed over.", sheet.name),
        );
        self.tell(Severity::Info, &place, (&ja, &en), ("", ""));
    }

    /// Tells what is wrong with a sheet's headings, and which columns are passed over.
    fn headings(&mut self, sheet: &Sheet, headings: &Headings) {
        let place = |column: usize, heading| Place {
            sheet: &sheet.name,
            row: headings.row,
            column: column + 1,
            heading,
        };
        for (column, heading) in &headings.twice {
            self.error(
                &place(*column, heading),
                (
                    &format!("「{heading}」にあたる列が2つ以上あります。"),
                    &format!("There are several columns for \"{heading}\"."),
                ),
                (
                    "代替の連絡先なら「代替メール」「代替電話」のように見出しを変えてください。",
                    "For the second way in, change the heading to 代替メール, 代替電話.",
                ),
            );
        }
        for (column, known) in &headings.columns {
            if let Column::Address(_, medium) = &known.column
                && self.transport(medium).is_none()
                && *medium != Medium::Any
            {
                self.error(
                    &place(*column, &known.heading),
                    (
                        &format!("台帳に「{}」の経路がありません。", known.heading),
                        &format!("The directory has no transport for \"{}\".", known.heading),
                    ),
                    (
                        "台帳の transports に経路を足してから取り込むか、この列を外してください。",
                        "Add the transport to the directory first, or leave this column out.",
                    ),
                );
            }
        }
        if !headings.unknown.is_empty() {
            let names = headings.unknown.join("、");
            let (ja, en) = (format!("読まない列: {names}"), format!("Columns passed over: {names}"));
            self.tell(Severity::Info, &place(0, ""), (&ja, &en), ("", ""));
        }
        if headings.rows(sheet).next().is_none() {
            self.error(
                &place(0, ""),
                ("見出しの下に行がありません。", "There is no row below the headings."),
                ("1行以上書いてください。", "Write at least one row."),
            );
        }
    }

    /// The key of the transport that carries a medium.
    fn transport(&self, medium: &Medium) -> Option<&str> {
        let of = |usual, driver| first_of(&self.directory, usual, driver).map(String::as_str);
        match medium {
            Medium::Mail => of("email", "smtp"),
            Medium::Mobile => of("sms", "http_gateway"),
            Medium::Telephone => of("phone", "human_call"),
            Medium::Any => None,
            Medium::Transport(key) => {
                self.directory.transports.get_key_value(key).map(|(key, _)| key.as_str())
            }
        }
    }

    /// Reads an address into `reach`. What is empty changes nothing, or is taken out where the sheets are the whole.
    fn address(
        &mut self,
        place: &Place<'_>,
        medium: &Medium,
        typed: &str,
        reach: &mut BTreeMap<String, String>,
    ) {
        let medium = match medium {
            Medium::Any if typed.contains(['@', '＠']) => &Medium::Mail,
            Medium::Any => &Medium::Telephone,
            other => other,
        };
        // A column without a transport was told at its heading, unless it holds whatever is typed.
        let Some(transport) = self.transport(medium).map(str::to_owned) else {
            if !typed.is_empty() && !matches!(medium, Medium::Transport(_)) {
                self.error(
                    place,
                    (
                        "台帳にこの連絡先の経路がありません。",
                        "The directory has no transport for this address.",
                    ),
                    ("台帳の transports に経路を足してください。", "Add the transport to the directory."),
                );
            }
            return;
        };
        if typed.is_empty() {
            if self.remove_missing {
                reach.remove(&transport);
            }
            return;
        }
        let driver = self.directory.transports.get(&transport).map_or("", |known| &known.driver);
        let read = match address_kind(driver) {
            AddressKind::Mail => cell::mail(typed),
            AddressKind::Telephone => cell::telephone(typed),
            AddressKind::Hook | AddressKind::Other => Ok(typed.to_owned()),
        };
        if let Some(address) = self.take(place, read) {
            reach.insert(transport, address);
        }
    }

    /// The value, or its problem told.
    fn take<T>(&mut self, place: &Place<'_>, read: Result<T, cell::Wrong>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.error(place, wrong.detail, wrong.help);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
