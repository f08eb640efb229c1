//! What the columns of a sheet hold, told from its headings, in the many ways hospitals write them.

use super::super::{
    fold::for_search,
    tables::{Row, Sheet},
};
use crate::{addressee::Way, text::Language};

mod words;

use words::{MEDIA, SWITCHBOARD, WHOSE, WORDS, bare};

/// Headings are looked for in this many rows: a title, a date and a note may stand above them.
const ROWS_ABOVE: usize = 30;

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    /// The key of the entry.
    Key,
    /// The name of an agency.
    Title,
    /// The name of a person.
    Name,
    /// The name in another language.
    NameIn(Language),
    /// How the name is read.
    Kana,
    /// The groups of an agency.
    Group,
    /// Whether an agency is outside our house.
    Outside,
    /// Whether a human answers.
    Human,
    /// Where a person works.
    Post,
    /// The reader's language.
    Language,
    /// When the addresses were verified.
    VerifiedOn,
    /// The desk or the person in charge.
    Desk(Way),
    /// The key of the person in charge.
    Person(Way),
    /// An address.
    Address(Way, Medium),
}

/// What carries an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Medium {
    Mail,
    Mobile,
    Telephone,
    /// 連絡先: mail where there is an `@`, else a telephone number.
    Any,
    /// The transport of this key.
    Transport(String),
}

/// A column that is known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) column: Column,
    /// Its heading as it stands in the sheet.
    pub(super) heading: String,
}

/// The row of headings of a sheet.
#[derive(Clone, Debug)]
pub(super) struct Headings {
    /// The row they stand in.
    pub(super) row: u32,
    /// Whether the sheet is of people; else it is of agencies.
    pub(super) of_people: bool,
    /// The known columns by place, from 0.
    pub(super) columns: Vec<(usize, Known)>,
    /// Headings of columns that hold the same as one before.
    pub(super) twice: Vec<(usize, String)>,
    /// Headings that nobody knows.
    pub(super) unknown: Vec<String>,
    /// The words of the row, to pass over where it is printed on every page.
    words: Vec<String>,
}

impl Headings {
    /// The rows below the headings in which a known column holds something.
    pub(super) fn rows<'s>(&'s self, sheet: &'s Sheet) -> impl Iterator<Item = &'s Row> {
        let holds = |row: &Row| {
            self.columns.iter().any(|(at, _)| row.cells.get(*at).is_some_and(|cell| !cell.trim().is_empty()))
        };
        sheet.rows.iter().filter(move |row| row.number > self.row && holds(row) && words(row) != self.words)
    }

    /// Whether the sheet has such a column.
    pub(super) fn has(&self, column: &Column) -> bool {
        self.columns.iter().any(|(_, known)| known.column == *column)
    }
}

/// Finds the row of headings; `None` where none names agencies or people together with something else.
pub(super) fn find(sheet: &Sheet) -> Option<Headings> {
    let rows: Vec<&Row> = sheet.rows.iter().filter(|row| !row.is_empty()).take(ROWS_ABOVE).collect();
    let known = |row: &Row| -> Vec<Column> { row.cells.iter().filter_map(|cell| recognise(cell)).collect() };
    let names =
        |column: &Column| matches!(column, Column::Title | Column::Name | Column::Desk(_) | Column::Key);
    let is_one = |row: &Row| {
        let known = known(row);
        known.len() >= 2 && known.iter().any(names)
    };
    let first = rows.iter().position(|row| is_one(row))?;
    // Of two rows of headings the lower one says more: 連絡先 above メール and 電話.
    let lower = rows.get(first + 1).filter(|row| known(row).len() > known(rows[first]).len());
    let place = if lower.is_some() { first + 1 } else { first };
    let above = place.checked_sub(1).map(|above| spread(rows[above]));
    Some(read(rows[place], above.as_deref()))
}

/// A row of headings over several columns each: what stands left of an empty cell counts for it too.
fn spread(row: &Row) -> Vec<&str> {
    let mut last = "";
    row.cells
        .iter()
        .map(|cell| {
            if !cell.trim().is_empty() {
                last = cell;
            }
            last
        })
        .collect()
}

fn read(row: &Row, above: Option<&[&str]>) -> Headings {
    let mut headings = Headings {
        row: row.number,
        of_people: false,
        columns: Vec::new(),
        twice: Vec::new(),
        unknown: Vec::new(),
        words: words(row),
    };
    // メール below 代替連絡先 is the alternate's; where the row above says nothing of use, the heading stands alone.
    let below = |at: usize, cell: &str| -> Option<Column> {
        let (whose, way) = way(&bare(above?.get(at)?));
        let way = way.filter(|_| WHOSE.contains(&whose.as_str()))?;
        match recognise(cell)? {
            Column::Address(_, medium) => Some(Column::Address(way, medium)),
            Column::Person(_) => Some(Column::Person(way)),
            Column::Desk(_) | Column::Name | Column::Post => Some(Column::Desk(way)),
            _ => None,
        }
    };
    let found: Vec<(usize, String, Column)> = row
        .cells
        .iter()
        .enumerate()
        .filter_map(|(at, cell)| {
            let heading: String = cell.split_whitespace().collect::<Vec<_>>().join(" ");
            match below(at, cell).or_else(|| recognise(cell)) {
                Some(column) => Some((at, heading, column)),
                None => {
                    if !heading.is_empty() {
                        headings.unknown.push(heading);
                    }
                    None
                }
            }
        })
        .collect();
    let has = |wanted: &Column| found.iter().any(|(.., column)| column == wanted);
    let named = has(&Column::Name);
    headings.of_people = (named || has(&Column::Desk(Way::Primary)))
        && ![Column::Title, Column::Group, Column::Outside].iter().any(has);
    for (at, heading, column) in found {
        let column = match column {
            // The person in charge of an agency is its desk; in a list of people, 担当者 are the people themselves.
            Column::Name if !headings.of_people => Column::Desk(Way::Primary),
            Column::Post if !headings.of_people => Column::Desk(Way::Primary),
            Column::Desk(Way::Primary) if headings.of_people && named => Column::Post,
            Column::Desk(Way::Primary) if headings.of_people && !headings.has(&Column::Name) => Column::Name,
            other => other,
        };
        // 部署 and 担当者 together name the desk, 所属 and 役職 the post.
        let joins = matches!(column, Column::Desk(_) | Column::Post);
        if headings.has(&column) && !joins {
            headings.twice.push((at, heading));
        } else {
            headings.columns.push((at, Known { column, heading }));
        }
    }
    headings
}

fn words(row: &Row) -> Vec<String> {
    row.cells.iter().map(|cell| for_search(cell)).filter(|word| !word.is_empty()).collect()
}

/// What a heading says its column holds.
fn recognise(heading: &str) -> Option<Column> {
    if let Some((before, key)) = heading.split_once(['：', ':'])
        && before.trim_end().ends_with("経路")
    {
        let way = way(&for_search(before)).1.unwrap_or(Way::Primary);
        return Some(Column::Address(way, Medium::Transport(key.trim().to_owned())));
    }
    let folded = for_search(heading);
    let word: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
    let word = word.trim_end_matches("必須").trim_end_matches("任意");
    let (word, way) = way(word);
    if let Some(column) = WORDS.iter().find(|(known, _)| *known == word).map(|(_, column)| column.clone()) {
        return Some(match (column, way) {
            (Column::Desk(_), Some(way)) => Column::Desk(way),
            (Column::Person(_), Some(way)) => Column::Person(way),
            (Column::Name | Column::Post, Some(way)) => Column::Desk(way),
            (column, _) => column,
        });
    }
    // The switchboard is a second way in.
    if SWITCHBOARD.contains(&word.as_str()) {
        return Some(Column::Address(way.unwrap_or(Way::Alternate), Medium::Telephone));
    }
    let medium = MEDIA.iter().find_map(|(known, medium)| {
        let whose = word.strip_suffix(known.as_str())?.trim_end_matches('の');
        WHOSE.contains(&whose).then(|| medium.clone())
    })?;
    Some(Column::Address(way.unwrap_or(Way::Primary), medium))
}

/// Takes the words for primary and alternate out of a heading.
fn way(word: &str) -> (String, Option<Way>) {
    const ALTERNATE: [&str; 14] = [
        "代替",
        "予備",
        "第2",
        "第二",
        "副",
        "夜間",
        "休日",
        "時間外",
        "当直",
        "緊急",
        "2",
        "alternate",
        "secondary",
        "backup",
    ];
    const PRIMARY: [&str; 8] = ["主たる", "主", "正", "第1", "第一", "平日", "primary", "main"];
    let mut word = word.to_owned();
    let mut found = None;
    for (marks, way) in [(&ALTERNATE[..], Way::Alternate), (&PRIMARY[..], Way::Primary)] {
        for mark in marks {
            if let Some(at) = word.find(mark) {
                word.replace_range(at..at + mark.len(), "");
                found.get_or_insert(way);
            }
        }
    }
    if let Some(rest) = word.strip_suffix('1') {
        word = rest.to_owned();
        found.get_or_insert(Way::Primary);
    }
    (word.trim_start_matches('の').to_owned(), found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_known_in_many_spellings() {
        use Column::{Address, Desk, Kana, Key, Name, Title, VerifiedOn};
        use Medium::{Any, Mail, Mobile, Telephone};
        use Way::{Alternate, Primary};
        let table = [
            ("キー", Key),
            ("医療機関名", Title),
            ("施設名称（必須）", Title),
            ("氏　名", Name),
            ("ﾌﾘｶﾞﾅ", Kana),
            ("ふりがな", Kana),
            ("メールアドレス", Address(Primary, Mail)),
            ("E-mail", Address(Primary, Mail)),
            ("Ｅメール", Address(Primary, Mail)),
            ("担当者のメールアドレス", Address(Primary, Mail)),
            ("副メール", Address(Alternate, Mail)),
            ("メール2", Address(Alternate, Mail)),
            ("代替 メール", Address(Alternate, Mail)),
            ("予備 E-mail", Address(Alternate, Mail)),
            ("携帯電話番号", Address(Primary, Mobile)),
            ("主 携帯(SMS)", Address(Primary, Mobile)),
            ("電話番号", Address(Primary, Telephone)),
            ("ＴＥＬ", Address(Primary, Telephone)),
            ("代表電話", Address(Alternate, Telephone)),
            ("夜間電話", Address(Alternate, Telephone)),
            ("当直室電話", Address(Alternate, Telephone)),
            ("緊急連絡先", Address(Alternate, Any)),
            ("副連絡先", Address(Alternate, Any)),
            ("担当部署", Desk(Primary)),
            ("副担当者", Desk(Alternate)),
            ("最終\n確認日", VerifiedOn),
            ("主 経路:hook", Address(Primary, Medium::Transport("hook".into()))),
        ];
        for (heading, column) in table {
            assert_eq!(recognise(heading), Some(column), "{heading}");
        }
        for heading in ["備考", "住所", "郵便番号", "FAX", "No.", "病床数", "機関コード", "電話受付時間", ""]
        {
            assert_eq!(recognise(heading), None, "{heading}");
        }
    }

    #[test]
    fn what_is_exported_is_known() {
        let source = include_bytes!("../../../../playbooks/directory.example.yaml");
        let directory = crate::directory::read(source).0.expect("the example has no errors");
        for sheet in [
            super::super::super::tables::agencies(&directory),
            super::super::super::tables::people(&directory),
        ] {
            let headings = find(&sheet).expect("a row of headings");
            assert_eq!((headings.unknown, headings.twice), (Vec::new(), Vec::new()));
            assert_eq!(headings.columns.len(), sheet.rows[0].cells.len());
        }
    }
}
