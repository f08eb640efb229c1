//! CSV as Excel and its relatives write it: UTF-8 with or without a mark, Shift_JIS, UTF-16; commas, semicolons or
//! tabs; line breaks inside of quotation marks.
//!
//! Rows are counted as the spreadsheet shows them: an empty line is a row, a line break inside of a cell is none.

use std::borrow::Cow;

use encoding_rs::{Encoding, SHIFT_JIS};
use noroshi_core::directory::tables::{Row, Sheet};

use super::{MOST_CELLS, MOST_COLUMNS, MOST_ROWS, Unreadable};

/// The one sheet of a CSV file.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Sheet>, Box<Unreadable>> {
    let text = decode(bytes)?;
    let delimiter = delimiter(&text);
    let mut rows: Vec<Row> = Vec::new();
    let mut cells: Vec<String> = Vec::new();
    let mut cell = String::new();
    let mut count = 0;
    let mut number = 1;
    // The row in which an open quotation mark stands.
    let mut open: Option<u32> = None;
    let mut chars = text.chars().peekable();
    loop {
        let c = chars.next();
        match c {
            Some('"') if open.is_some() => {
                if chars.next_if_eq(&'"').is_some() {
                    cell.push('"');
                } else {
                    open = None;
                }
            }
            Some(c) if open.is_some() => cell.push(c),
            Some('"') if cell.trim().is_empty() => {
                cell.clear();
                open = Some(number);
            }
            Some(c) if c == delimiter => {
                if cells.len() < MOST_COLUMNS {
                    cells.push(std::mem::take(&mut cell));
                }
                cell.clear();
            }
            Some('\n' | '\r') | None => {
                if c == Some('\r') {
                    chars.next_if_eq(&'\n');
                }
                if cells.len() < MOST_COLUMNS {
                    cells.push(std::mem::take(&mut cell));
                }
                cell.clear();
                count += cells.len();
                let row = Row { number, cells: std::mem::take(&mut cells).into_iter().map(plain).collect() };
                if !row.is_empty() {
                    rows.push(row);
                }
                if rows.len() > MOST_ROWS || count > MOST_CELLS || number == u32::MAX {
                    return Err(Unreadable::too_large());
                }
                if c.is_none() {
                    break;
                }
                number += 1;
            }
            Some(c) => cell.push(c),
        }
    }
    if let Some(row) = open {
        return Err(Unreadable::new(
            (
                &format!("{row}行で始まる引用符(\")が閉じていません。"),
                &format!("The quotation mark that opens in row {row} is never closed."),
            ),
            ("引用符を閉じるか、消してください。", "Close it, or remove it."),
        ));
    }
    Ok(vec![Sheet { name: String::new(), rows }])
}

/// A cell that was kept from being read as a formula, without its apostrophe.
fn plain(cell: String) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(is_formula) => rest.to_owned(),
        _ => cell,
    }
}

fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Box<Unreadable>> {
    let text = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => {
            let (text, _, broken) = encoding.decode(bytes);
            (!broken).then_some(text)
        }
        None => match std::str::from_utf8(bytes) {
            Ok(text) => Some(text.into()),
            Err(_) => SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes),
        },
    };
    let text = text.ok_or_else(|| {
        Unreadable::new(
            ("文字コードが分かりません。", "The encoding of this file is not known."),
            (
                "「CSV UTF-8(コンマ区切り)」か Excel ブック(.xlsx)として保存し直してください。",
                "Save it as \"CSV UTF-8\" or as an Excel workbook (.xlsx).",
            ),
        )
    })?;
    if text.contains('\0') {
        return Err(Unreadable::new(
            ("CSV でも XLSX でもありません。", "This is neither CSV nor XLSX."),
            (
                "表計算ソフトで CSV か .xlsx として保存してください。",
                "Save it as CSV or .xlsx in a spreadsheet program.",
            ),
        ));
    }
    Ok(text)
}

/// What parts the cells: whatever stands most often in the beginning, outside of quotation marks.
fn delimiter(text: &str) -> char {
    let mut count = [(0, ','), (0, '\t'), (0, ';')];
    let mut is_quoted = false;
    for c in text.chars().take(10_000) {
        if c == '"' {
            is_quoted = !is_quoted;
        } else if let Some((count, _)) = count.iter_mut().find(|(_, delimiter)| *delimiter == c && !is_quoted)
        {
            *count += 1;
        }
    }
    count.iter().rev().max_by_key(|(count, _)| *count).map_or(',', |(_, delimiter)| *delimiter)
}

/// Whether Excel would take a cell that begins so for a formula.
fn is_formula(first: char) -> bool {
    matches!(first, '=' | '+' | '-' | '@' | '\t' | '\r')
}

/// A sheet as Excel opens it by a double click: UTF-8 with its mark, CRLF. Whatever could be a formula gets an
/// apostrophe, which `read` takes off again.
pub fn write(sheet: &Sheet) -> Vec<u8> {
    let mut text = String::from("\u{feff}");
    for row in &sheet.rows {
        let cells: Vec<String> = row.cells.iter().map(|cell| quoted(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text.into_bytes()
}

fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(is_formula) { "'" } else { "" };
    if cell.contains(['"', ',', ';', '\t', '\n', '\r']) || cell != cell.trim() {
        return format!("\"{guard}{}\"", cell.replace('"', "\"\""));
    }
    format!("{guard}{cell}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(bytes: &[u8]) -> Vec<(u32, Vec<String>)> {
        let sheets = read(bytes).unwrap();
        sheets[0].rows.iter().map(|row| (row.number, row.cells.clone())).collect()
    }

    fn cells(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    const LIST: &str = "機関名,メール\r\n\r\n\"北見,病院\n本館\",a@a.example\r\n髙橋医院,b@b.example\r\n";

    #[test]
    fn excels_encodings_are_recognised_and_rows_counted_as_excel_does() {
        let wanted = [
            (1, cells(&["機関名", "メール"])),
            (3, cells(&["北見,病院\n本館", "a@a.example"])),
            (4, cells(&["髙橋医院", "b@b.example"])),
        ];
        let (shift_jis, _, lost) = SHIFT_JIS.encode(LIST);
        assert!(!lost);
        let utf16: Vec<u8> =
            std::iter::once(0xfeff).chain(LIST.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        for bytes in [LIST.as_bytes(), format!("\u{feff}{LIST}").as_bytes(), &shift_jis, &utf16] {
            assert_eq!(rows(bytes), wanted);
        }
    }

    #[test]
    fn tabs_and_semicolons_part_cells_too() {
        assert_eq!(rows("機関名\tメール\nA\tb".as_bytes())[1].1, ["A", "b"]);
        assert_eq!(rows("機関名;メール\nA;b".as_bytes())[1].1, ["A", "b"]);
    }

    #[test]
    fn what_is_no_csv_is_refused_in_a_sentence() {
        assert!(read(b"\xff\x00\x01\x80 binary").is_err());
        let open = read("機関名\n\"北見".as_bytes()).unwrap_err();
        assert_eq!(open.detail.ja, "2行で始まる引用符(\")が閉じていません。");
    }

    #[test]
    fn a_formula_is_written_as_words_and_read_as_it_was() {
        let sheet = Sheet::of("", [cells(&["=HYPERLINK(\"x\")", "+81-157", "@a", "-", "'b", "1,2"])]);
        let bytes = write(&sheet);
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert_eq!(text, "\u{feff}\"'=HYPERLINK(\"\"x\"\")\",'+81-157,'@a,'-,'b,\"1,2\"\r\n");
        assert_eq!(read(&bytes).unwrap(), [sheet]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = read(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(cell in "[^\\x00]{1,20}") {
            let sheet = Sheet::of("", [vec!["x".to_owned(), cell.clone(), "y".to_owned()]]);
            let read = read(&write(&sheet)).unwrap();
            // An apostrophe before a formula is the guard itself.
            let guarded = cell.strip_prefix('\'').is_some_and(|rest| rest.starts_with(is_formula));
            prop_assume!(!guarded);
            prop_assert_eq!(&read[0].rows[0].cells[1], &cell);
        }
    }
}
