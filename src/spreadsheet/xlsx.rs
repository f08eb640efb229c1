//! XLSX: read cell by cell within bounds, written as text.

use std::io::{self, Cursor, Read};

use calamine::{DataRef, Reader as _, Xlsx, XlsxError};
use noroshi_core::directory::tables::{Row, Sheet};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook};
use zip::ZipArchive;

use super::{MOST_CELLS, MOST_COLUMNS, MOST_ROWS, Unreadable};

/// Most bytes of all parts of a file together, unpacked. A list of 10,000 agencies has about ten million.
const MOST_UNPACKED: u64 = 96 * 1024 * 1024;
/// Most parts of a file.
const MOST_PARTS: usize = 2000;

/// The visible and hidden sheets of a file, in its order; what is merged stands in each of its cells.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Sheet>, Box<Unreadable>> {
    if !fits(bytes).map_err(|_| broken())? {
        return Err(Unreadable::too_large());
    }
    // The reader is somebody else's: what makes it fail is a broken file, and no reason for us to fail too.
    std::panic::catch_unwind(|| read_sheets(bytes)).unwrap_or_else(|_| Err(broken()))
}

/// Whether all parts together stay within bounds. They are really unpacked: what a zip says of itself may be wrong.
fn fits(bytes: &[u8]) -> zip::result::ZipResult<bool> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    if archive.len() > MOST_PARTS {
        return Ok(false);
    }
    let mut left = MOST_UNPACKED;
    for index in 0..archive.len() {
        let part = archive.by_index(index)?;
        left = left.saturating_sub(io::copy(&mut part.take(left + 1), &mut io::sink())?);
        if left == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn broken() -> Box<Unreadable> {
    Unreadable::new(
        ("Excel ブック(.xlsx)として読めません。", "This cannot be read as an Excel workbook (.xlsx)."),
        (
            "表計算ソフトで開けることを確かめ、.xlsx か CSV として保存し直してください。",
            "See whether a spreadsheet program opens it, and save it as .xlsx or CSV again.",
        ),
    )
}

fn read_sheets(bytes: &[u8]) -> Result<Vec<Sheet>, Box<Unreadable>> {
    let wrong = |_: XlsxError| broken();
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(wrong)?;
    let mut left = Left { rows: MOST_ROWS, cells: MOST_CELLS };
    let mut sheets = Vec::new();
    for name in book.sheet_names() {
        // A chart sheet has no cells.
        let Ok(mut cells) = book.worksheet_cells_reader(&name) else { continue };
        let mut rows: Vec<Row> = Vec::new();
        while let Some(cell) = cells.next_cell().map_err(wrong)? {
            let (row, column) = cell.get_position();
            let words = words(cell.get_value());
            if words.is_empty() {
                continue;
            }
            put(&mut rows, row, column, words, &mut left)?;
        }
        drop(cells);
        // Cells may stand in any order in a file that no spreadsheet wrote.
        rows.sort_by_key(|row| row.number);
        if rows.windows(2).any(|pair| pair[0].number == pair[1].number) {
            return Err(broken());
        }
        for region in book.merge_cells_by_sheet_name(&name).unwrap_or_default() {
            spread(&mut rows, region.start, region.end, &mut left)?;
        }
        sheets.push(Sheet { name, rows });
    }
    Ok(sheets)
}

/// How much may still come.
struct Left {
    rows: usize,
    cells: usize,
}

fn put(
    rows: &mut Vec<Row>,
    row: u32,
    column: u32,
    words: String,
    left: &mut Left,
) -> Result<(), Box<Unreadable>> {
    let column = column as usize;
    if column >= MOST_COLUMNS {
        return Ok(());
    }
    let number = row.saturating_add(1);
    if rows.last().is_none_or(|last| last.number != number) {
        left.rows = left.rows.checked_sub(1).ok_or_else(Unreadable::too_large)?;
        rows.push(Row { number, cells: Vec::new() });
    }
    let cells = &mut rows.last_mut().expect("it was put there just now").cells;
    let missing = (column + 1).saturating_sub(cells.len());
    left.cells = left.cells.checked_sub(missing).ok_or_else(Unreadable::too_large)?;
    cells.resize(cells.len().max(column + 1), String::new());
    cells[column] = words;
    Ok(())
}

/// Puts what a merged region shows into each of its cells: a 区分 that stands beside ten hospitals is that of all ten.
fn spread(
    rows: &mut [Row],
    start: (u32, u32),
    end: (u32, u32),
    left: &mut Left,
) -> Result<(), Box<Unreadable>> {
    let at = |number: u32| rows.partition_point(|row| row.number < number.saturating_add(1));
    let (first, behind) = (at(start.0), at(end.0.saturating_add(1)));
    let columns = start.1 as usize..(end.1 as usize).saturating_add(1).min(MOST_COLUMNS);
    let shown = rows.get(first).filter(|row| row.number == start.0.saturating_add(1));
    let Some(words) = shown.and_then(|row| row.cells.get(columns.start)).cloned() else { return Ok(()) };
    for row in rows.get_mut(first..behind).unwrap_or_default() {
        left.cells = left.cells.checked_sub(columns.len() + 1).ok_or_else(Unreadable::too_large)?;
        row.cells.resize(row.cells.len().max(columns.end), String::new());
        for column in columns.clone() {
            row.cells[column].clone_from(&words);
        }
    }
    Ok(())
}

/// A cell in words: whole numbers without a point, days as `2026-11-01`, errors as nothing.
fn words(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(words) | DataRef::DateTimeIso(words) | DataRef::DurationIso(words) => words.clone(),
        DataRef::SharedString(words) => (*words).to_owned(),
        DataRef::Bool(flag) => flag.to_string(),
        DataRef::DateTime(moment) if moment.is_datetime() => {
            let (year, month, day, ..) = moment.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        DataRef::DateTime(moment) => moment.as_f64().to_string(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

/// Sheets as an XLSX file. Every cell is text, so that no telephone number loses its zero.
///
/// - `made_at`: seconds since 1970, for the file's own note of its making.
pub fn write(sheets: &[Sheet], made_at: i64) -> Vec<u8> {
    let mut book = Workbook::new();
    if let Ok(made_at) = ExcelDateTime::from_timestamp(made_at) {
        book.set_properties(&DocProperties::new().set_creation_datetime(&made_at));
    }
    let (head, text) = (Format::new().set_bold(), Format::new().set_num_format("@"));
    for sheet in sheets {
        let page = book.add_worksheet();
        let filled = fill(page, sheet, &head, &text);
        filled.expect("names, texts and their number are within what a sheet holds");
    }
    book.save_to_buffer().expect("a workbook is written into memory")
}

fn fill(
    page: &mut rust_xlsxwriter::Worksheet,
    sheet: &Sheet,
    head: &Format,
    text: &Format,
) -> Result<(), rust_xlsxwriter::XlsxError> {
    /// The most characters of a cell.
    const LONGEST: usize = 32_767;
    page.set_name(&sheet.name)?;
    page.set_freeze_panes(1, 2)?;
    for row in &sheet.rows {
        for (column, cell) in (0u16..).zip(&row.cells) {
            if !cell.is_empty() {
                let words: String = cell.chars().take(LONGEST).collect();
                let format = if row.number == 1 { head } else { text };
                page.write_string_with_format(row.number - 1, column, words, format)?;
            }
        }
    }
    for (column, heading) in (0u16..).zip(sheet.rows.first().into_iter().flat_map(|row| &row.cells)) {
        let wide = ["機関名", "氏名", "メール", "フリガナ"].iter().any(|word| heading.contains(word));
        page.set_column_width(column, if wide { 30.0 } else { 16.0 })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn cells(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn what_is_written_is_read_back_with_every_zero() {
        let sheets = [
            Sheet::of("機関", [cells(&["機関名", "電話"]), cells(&["北見病院", "0157-24-3115"])]),
            Sheet::of("人", [cells(&["氏名"]), cells(&["=1+1"])]),
        ];
        assert_eq!(read(&write(&sheets, 1_790_000_000)).unwrap(), sheets);
    }

    #[test]
    fn numbers_days_and_merged_cells_are_read_as_they_are_shown() {
        let mut book = Workbook::new();
        let page = book.add_worksheet();
        page.write_string(2, 0, "区分").unwrap();
        page.write_string(2, 1, "機関名").unwrap();
        page.merge_range(3, 0, 4, 0, "DMAT", &Format::new()).unwrap();
        page.write_string(3, 1, "A病院").unwrap();
        page.write_string(4, 1, "B病院").unwrap();
        page.write_number(3, 2, 157_243_115.0).unwrap();
        let day = Format::new().set_num_format("yyyy/m/d");
        page.write_number_with_format(4, 2, 46_327.0, &day).unwrap();
        let sheets = read(&book.save_to_buffer().unwrap()).unwrap();
        let rows: Vec<_> = sheets[0].rows.iter().map(|row| (row.number, row.cells.join("|"))).collect();
        let wanted = [(3, "区分|機関名"), (4, "DMAT|A病院|157243115"), (5, "DMAT|B病院|2026-11-01")];
        assert_eq!(rows, wanted.map(|(row, cells)| (row, cells.to_owned())));
    }

    #[test]
    fn a_zip_bomb_and_a_far_cell_end_at_the_bounds() {
        let mut bomb = zip::ZipWriter::new(Cursor::new(Vec::new()));
        bomb.start_file("xl/workbook.xml", zip::write::SimpleFileOptions::default()).unwrap();
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..128 {
            bomb.write_all(&zeros).unwrap();
        }
        let bomb = bomb.finish().unwrap().into_inner();
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        assert_eq!(read(&bomb), Err(Unreadable::too_large()));

        let mut book = Workbook::new();
        let page = book.add_worksheet();
        page.write_string(0, 0, "機関名").unwrap();
        page.write_string(1_048_575, 16_383, "x").unwrap();
        let sheets = read(&book.save_to_buffer().unwrap()).unwrap();
        assert_eq!(sheets[0].rows.len(), 1);
    }

    #[test]
    fn another_zip_is_refused_in_a_sentence() {
        let mut other = zip::ZipWriter::new(Cursor::new(Vec::new()));
        other.start_file("a.txt", zip::write::SimpleFileOptions::default()).unwrap();
        assert_eq!(read(&other.finish().unwrap().into_inner()), Err(broken()));
        assert_eq!(read(b"PK\x03\x04 and nothing more"), Err(broken()));
    }

    proptest! {
        #[test]
        fn no_damage_makes_the_reader_fail(at in 0usize..4000, with in any::<u8>(), cut in 0usize..8000) {
            let sheets = [Sheet::of("機関", [cells(&["機関名", "電話"]), cells(&["北見病院", "0157"])])];
            let mut bytes = write(&sheets, 0);
            let place = at % bytes.len();
            bytes[place] = with;
            bytes.truncate(cut.max(4));
            let _ = read(&bytes);
        }

        /// A whole zip with one damaged part: what a checksum does not find.
        #[test]
        fn no_damaged_part_makes_the_reader_fail(
            part in 0usize..20,
            damage in proptest::collection::vec((0usize..3000, "[0-9A-Za-z<>/=\"&;#\\-]{0,6}"), 1..6),
        ) {
            let sheets = [Sheet::of("機関", [cells(&["機関名", "電話"]), cells(&["北見病院", "0157"])])];
            let whole = write(&sheets, 0);
            let mut archive = ZipArchive::new(Cursor::new(&whole)).unwrap();
            let mut damaged = zip::ZipWriter::new(Cursor::new(Vec::new()));
            let chosen = part % archive.len();
            for index in 0..archive.len() {
                let mut part = archive.by_index(index).unwrap();
                let mut bytes = Vec::new();
                part.read_to_end(&mut bytes).unwrap();
                if index == chosen {
                    for (at, with) in &damage {
                        let at = at % bytes.len().max(1);
                        let end = (at + with.len()).min(bytes.len());
                        bytes.splice(at..end, with.bytes());
                    }
                }
                damaged.start_file(part.name().unwrap(), zip::write::SimpleFileOptions::default()).unwrap();
                damaged.write_all(&bytes).unwrap();
            }
            let bytes = damaged.finish().unwrap().into_inner();
            let read = std::panic::catch_unwind(|| read_sheets(&bytes));
            prop_assert!(read.is_ok(), "the foreign reader panicked");
        }
    }
}
