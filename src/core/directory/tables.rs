//! The directory as sheets: rows and columns that a spreadsheet shows and that [`import`](super::import) reads back.

use super::{Contact, Directory};
use crate::text::Language;

/// A sheet, as it was read or as it is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// The name on its tab; empty for a file that has no tabs.
    pub name: String,
    /// Its rows in order; empty ones may be left out.
    pub rows: Vec<Row>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number as the spreadsheet shows it, from 1.
    pub number: u32,
    /// Its cells from the left.
    pub cells: Vec<String>,
}

impl Row {
    /// Whether nothing stands in it.
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}

impl Sheet {
    /// Whether nothing stands in it.
    pub fn is_empty(&self) -> bool {
        self.rows.iter().all(Row::is_empty)
    }

    /// A sheet of these rows, numbered from 1.
    pub fn of(name: &str, rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        let rows = (1..).zip(rows).map(|(number, cells)| Row { number, cells });
        Self { name: name.to_owned(), rows: rows.collect() }
    }
}

/// The agencies, one in a row. Groups stand in the column グループ of their members.
pub fn agencies(directory: &Directory) -> Sheet {
    let mut groups: std::collections::BTreeMap<&str, Vec<&str>> = std::collections::BTreeMap::new();
    for (key, agency) in &directory.agencies {
        for member in agency.members.iter().flatten() {
            groups.entry(member).or_default().push(key);
        }
    }
    let ways = ways(directory);
    let mut head: Vec<String> =
        ["キー", "機関名", "英語名", "やさしい日本語名", "フリガナ", "グループ", "院外"]
            .map(str::to_owned)
            .into();
    for way in ["主", "代替"] {
        head.extend([format!("{way} 窓口"), format!("{way} 担当者キー")]);
        head.extend(ways.iter().map(|(_, heading)| format!("{way} {heading}")));
    }
    head.extend(["言語", "確認日"].map(str::to_owned));
    let row = |(key, agency): (&String, &super::Agency)| {
        let groups = groups.get(key.as_str()).map(|keys| keys.join("、")).unwrap_or_default();
        let mut row = vec![
            key.clone(),
            agency.title.ja.clone(),
            agency.title.en.clone().unwrap_or_default(),
            agency.title.easy_ja.clone().unwrap_or_default(),
            agency.kana.clone().unwrap_or_default(),
            groups,
            if agency.outside { "はい" } else { "いいえ" }.to_owned(),
        ];
        for contact in [&agency.primary, &agency.alternate] {
            let Contact { name, person, reach } = contact;
            row.push(name.as_ref().map(|name| name.ja.clone()).unwrap_or_default());
            row.push(person.clone().unwrap_or_default());
            row.extend(ways.iter().map(|(transport, _)| reach.get(*transport).cloned().unwrap_or_default()));
        }
        row.push(spoken(agency.language).to_owned());
        row.push(agency.verified_on.map(|on| on.to_string()).unwrap_or_default());
        row
    };
    let rows = directory.agencies.iter().filter(|(_, agency)| agency.members.is_none()).map(row);
    Sheet::of("機関", std::iter::once(head).chain(rows))
}

/// The people, one in a row.
pub fn people(directory: &Directory) -> Sheet {
    let ways = ways(directory);
    let mut head: Vec<String> =
        ["キー", "氏名", "英語名", "やさしい日本語名", "フリガナ", "所属・役職", "人が応答"]
            .map(str::to_owned)
            .into();
    head.extend(ways.iter().map(|(_, heading)| heading.clone()));
    head.extend(["言語", "確認日"].map(str::to_owned));
    let row = |(key, person): (&String, &super::Person)| {
        let mut row = vec![
            key.clone(),
            person.name.ja.clone(),
            person.name.en.clone().unwrap_or_default(),
            person.name.easy_ja.clone().unwrap_or_default(),
            person.kana.clone().unwrap_or_default(),
            person.post.as_ref().map(|post| post.ja.clone()).unwrap_or_default(),
            if person.human { "はい" } else { "いいえ" }.to_owned(),
        ];
        row.extend(
            ways.iter().map(|(transport, _)| person.reach.get(*transport).cloned().unwrap_or_default()),
        );
        row.push(spoken(person.language).to_owned());
        row.push(person.verified_on.map(|on| on.to_string()).unwrap_or_default());
        row
    };
    Sheet::of("人", std::iter::once(head).chain(directory.people.iter().map(row)))
}

/// The transports that have a column, each with its heading: メール for the first of its kind, 経路:key for another.
fn ways(directory: &Directory) -> Vec<(&str, String)> {
    let usual =
        [("email", "smtp", "メール"), ("sms", "http_gateway", "携帯(SMS)"), ("phone", "human_call", "電話")];
    let mut ways: Vec<(&str, String)> = Vec::new();
    for (key, transport) in &directory.transports {
        let heading = usual.iter().find(|(usual, driver, _)| {
            *driver == transport.driver && first_of(directory, usual, driver) == Some(key)
        });
        ways.push((
            key,
            heading.map_or_else(|| format!("経路:{key}"), |(.., heading)| (*heading).to_owned()),
        ));
    }
    // Mail, mobile, telephone, then the others.
    ways.sort_by_key(|(_, heading)| {
        usual.iter().position(|(.., usual)| usual == heading).unwrap_or(usual.len())
    });
    ways
}

/// The transport that a column without a key of its own means: the one of the usual key, else the first of its driver.
pub(super) fn first_of<'d>(directory: &'d Directory, usual: &str, driver: &str) -> Option<&'d String> {
    let of = |(_, known): &(&String, &super::Transport)| known.driver == driver;
    let usual = directory.transports.get_key_value(usual).filter(of);
    usual.or_else(|| directory.transports.iter().find(of)).map(|(key, _)| key)
}

fn spoken(language: Language) -> &'static str {
    match language {
        Language::Ja => "日本語",
        Language::EasyJa => "やさしい日本語",
        Language::En => "英語",
    }
}
