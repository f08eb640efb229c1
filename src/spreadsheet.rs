//! Files that spreadsheets read and write: CSV in any of Excel's encodings, and XLSX.
//!
//! What comes in is bounded before it is opened, and what is wrong with a file as a whole is one sentence; what its
//! cells mean is the core's business (`noroshi_core::directory::import`).

mod csv;
mod xlsx;

use noroshi_core::{directory::tables::Sheet, text::Text};

pub use csv::write as write_csv;
pub use xlsx::write as write_xlsx;

/// Most rows of all sheets of a file.
const MOST_ROWS: usize = 100_000;
/// Most columns that are looked at.
const MOST_COLUMNS: usize = 300;
/// Most cells of all sheets of a file.
const MOST_CELLS: usize = 3_000_000;

/// Why a file cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What is wrong.
    pub detail: Text,
    /// What to do.
    pub help: Text,
}

impl Unreadable {
    fn new(detail: (&str, &str), help: (&str, &str)) -> Box<Self> {
        Box::new(Self { detail: Text::both(detail.0, detail.1), help: Text::both(help.0, help.1) })
    }

    fn too_large() -> Box<Self> {
        Self::new(
            ("表が大きすぎます。", "The spreadsheet is too large."),
            (
                "10万行、300万セルまでです。使っていないシートを消すか、ファイルを分けてください。",
                "It may hold 100,000 rows and 3,000,000 cells: remove sheets that are not needed, or split the file.",
            ),
        )
    }
}

/// Whether these are the first bytes of an XLSX file (or of any other zip).
pub fn is_xlsx(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// The sheets of a file: XLSX by its first bytes, else CSV.
pub fn read(bytes: &[u8]) -> Result<Vec<Sheet>, Box<Unreadable>> {
    if is_xlsx(bytes) {
        return xlsx::read(bytes);
    }
    if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(Unreadable::new(
            (
                "古い形式(.xls)か、パスワードの付いたファイルです。",
                "This is an old .xls file, or one with a password.",
            ),
            (
                "パスワードを外し、Excel ブック(.xlsx)として保存し直してください。",
                "Save it as an Excel workbook (.xlsx) without a password.",
            ),
        ));
    }
    csv::read(bytes)
}
