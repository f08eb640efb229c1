//! Which entry a row is about, and whether another row was about it before.

use std::collections::BTreeMap;

use super::{
    super::{
        fold::fold,
        tables::{Row, Sheet},
    },
    Place, Work, cell,
    columns::{Column, Headings},
};
use crate::{text::Text, yaml::fields::is_key};

/// Rows that have been put already, by key: where they stand and what they say.
pub(super) type Done = BTreeMap<String, (String, u32, Vec<String>)>;

/// Whether no row has spoken of this entry yet; else the second one is told.
pub(super) fn first_time(
    work: &mut Work,
    done: &mut Done,
    place: &Place<'_>,
    key: &str,
    name: &str,
    says: Vec<String>,
) -> bool {
    if let Some((sheet, row, said)) = done.get(key) {
        told_twice(work, place, name, (sheet, *row), *said == says);
        return false;
    }
    done.insert(key.to_owned(), (place.sheet.to_owned(), place.row, says));
    true
}

/// The cells of a row whose columns are known, with their places.
pub(super) fn cells<'s>(
    sheet: &'s Sheet,
    headings: &'s Headings,
    row: &'s Row,
) -> impl Iterator<Item = (Place<'s>, &'s Column, String)> {
    headings.columns.iter().map(move |(column, known)| {
        let place =
            Place { sheet: &sheet.name, row: row.number, column: column + 1, heading: &known.heading };
        (place, &known.column, cell::tidy(row.cells.get(*column).map_or("", String::as_str)))
    })
}

/// A readable key made of a name, that nobody has yet.
pub(super) fn new_key(prefix: &str, name: &str, taken: impl Fn(&str) -> bool) -> String {
    use unicode_normalization::UnicodeNormalization;
    const READ_OTHERWISE: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let mut key = String::from(prefix);
    for c in name.nfkc() {
        let c = if c.is_alphanumeric() || c == '-' { c } else { '_' };
        if c != '_' || !key.ends_with('_') {
            key.push(c);
        }
    }
    let key: String = key.chars().take(48).collect();
    let key = key.trim_matches('_');
    let key = match key.is_empty() || READ_OTHERWISE.contains(&key.to_lowercase().as_str()) {
        true => format!("entry_{key}"),
        false => key.to_owned(),
    };
    let numbers = std::iter::once(key.clone()).chain((2..).map(|n| format!("{key}_{n}")));
    numbers.into_iter().find(|key| !taken(key)).expect("numbers do not end")
}

/// Entries by folded name, for rows without a key.
pub(super) fn by_name<'d>(
    names: impl Iterator<Item = (&'d String, &'d Text)>,
) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, name) in names {
        found.entry(fold(&name.ja)).or_default().push(key.clone());
    }
    found
}

/// Which entry a row is about.
pub(super) enum About {
    /// One that is there.
    Known(String),
    /// A new one, with the key that was typed for it.
    New(Option<String>),
    /// Told already.
    Unclear,
}

/// Finds the entry of a row: by its key, else by its name.
pub(super) fn about(
    work: &mut Work,
    place: &Place<'_>,
    key: Option<&str>,
    name: &str,
    is_known: bool,
    names: &BTreeMap<String, Vec<String>>,
) -> About {
    if let Some(key) = key {
        if is_known {
            return About::Known(key.to_owned());
        }
        if !is_key(key) {
            work.error(
                place,
                (&format!("「{key}」はキーとして使えません。"), &format!("\"{key}\" cannot be a key.")),
                (
                    "文字・数字・_・- だけで、64文字以内にしてください。",
                    "Use letters, digits, _ and - only, at most 64.",
                ),
            );
            return About::Unclear;
        }
        return About::New(Some(key.to_owned()));
    }
    match names.get(&fold(name)).map(Vec::as_slice) {
        None | Some([]) => About::New(None),
        Some([one]) => About::Known(one.clone()),
        Some(several) => {
            let keys = several.join("、");
            work.error(
                place,
                (
                    &format!("「{name}」は台帳に2つ以上あります({keys})。"),
                    &format!("There are several \"{name}\" in the directory ({keys})."),
                ),
                (
                    "「キー」の列を足して、どれかを書いてください。",
                    "Add a column キー (key) that says which.",
                ),
            );
            About::Unclear
        }
    }
}

/// Tells a row that speaks of an entry that another row has spoken of before.
pub(super) fn told_twice(
    work: &mut Work,
    place: &Place<'_>,
    name: &str,
    before: (&str, u32),
    the_same: bool,
) {
    let (sheet, row) = before;
    let at = if sheet.is_empty() || sheet == place.sheet {
        String::new()
    } else {
        format!("シート「{sheet}」の")
    };
    let at_en = if at.is_empty() { String::new() } else { format!(" of \"{sheet}\"") };
    let detail = (
        format!("「{name}」は{at}{row}行にもあります。"),
        format!("\"{name}\" stands in row {row}{at_en} too."),
    );
    let detail = (detail.0.as_str(), detail.1.as_str());
    if the_same {
        work.warning(
            place,
            detail,
            ("同じ内容なので1つとして読みます。", "They say the same and count as one."),
        );
    } else {
        work.error(
            place,
            detail,
            (
                "1行にまとめてください。2つ目の連絡先は「代替メール」「代替電話」の列に書きます。",
                "Make one row of them; a second way in goes into the columns 代替メール, 代替電話.",
            ),
        );
    }
}
