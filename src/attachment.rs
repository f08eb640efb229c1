//! Documents beside a playbook's file: found, weighed, and taken in with the version that names them.
//!
//! A letter carries no document: during a disaster lines are thin, and gateways strip what is attached. The answer
//! page offers it to whoever wants it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read},
    path::Path,
};

use noroshi_core::{
    playbook::{
        Attachment, Playbook,
        difference::{Change, ChangeKind},
    },
    problem::{Problem, Severity},
    text::Text,
};

/// Most bytes of one document.
pub const LARGEST: u64 = 2 * 1024 * 1024;

/// A document that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// As the playbook names it.
    pub name: String,
    /// `application/pdf`, `image/jpeg` or `image/png`.
    pub media_type: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Finds every document that the playbook's alerts name, each once.
///
/// - `folder`: the folder of the playbook's file; `None` where the text came alone, by the API or a page: then the
///   documents of the `former` version are taken along.
///
/// Errors: every document that cannot be taken, at the place where the playbook names it.
pub fn gather(
    playbook: &Playbook,
    folder: Option<&Path>,
    former: &[entity::attachment::Model],
) -> Result<Vec<Document>, Vec<Problem>> {
    let mut found: BTreeMap<&str, Document> = BTreeMap::new();
    let mut problems = Vec::new();
    for attachment in playbook.alerts.iter().flat_map(|alert| &alert.attach) {
        if found.contains_key(attachment.name.as_str()) {
            continue;
        }
        match take(attachment, folder, former) {
            Ok(document) => drop(found.insert(&attachment.name, document)),
            Err(problem) => problems.push(*problem),
        }
    }
    if problems.is_empty() { Ok(found.into_values().collect()) } else { Err(problems) }
}

fn take(
    attachment: &Attachment,
    folder: Option<&Path>,
    former: &[entity::attachment::Model],
) -> Result<Document, Box<Problem>> {
    let name = &attachment.name;
    let refused = |detail, help| {
        let (at, path) = (attachment.at, attachment.path.clone());
        Box::new(Problem { code: "R01", severity: Severity::Error, at, path, detail, help })
    };
    let bytes = match folder {
        None => {
            let row = former.iter().find(|row| row.name == *name).ok_or_else(|| {
                refused(
                    Text::both(
                        format!("資料「{name}」がありません。"),
                        format!("The document \"{name}\" is not there."),
                    ),
                    Text::both(
                        "資料のある手順書は、資料を同じフォルダーに置いて noroshi playbook import で取り込んでください。",
                        "Bring a playbook with documents in by noroshi playbook import, with the documents beside it.",
                    ),
                )
            })?;
            row.bytes.clone()
        }
        Some(folder) => read(&folder.join(name)).map_err(|cause| {
            refused(
                Text::both(
                    format!("資料「{name}」を読めません ({cause})。"),
                    format!("The document \"{name}\" cannot be read: {cause}."),
                ),
                Text::both(
                    "手順書のファイルから見た場所に資料を置くか、名前を直してください。",
                    "Put the document there, counted from the playbook's folder, or mend its name.",
                ),
            )
        })?,
    };
    if bytes.len() as u64 > LARGEST {
        return Err(refused(
            Text::both(
                format!("資料「{name}」が 2 MiB を超えています。"),
                format!("The document \"{name}\" is larger than 2 MiB."),
            ),
            Text::both(
                "小さくしてください。災害時の回線は細くなります。",
                "Make it smaller: lines are thin in a disaster.",
            ),
        ));
    }
    let media_type = media_type(&bytes).ok_or_else(|| {
        refused(
            Text::both(
                format!("資料「{name}」は PDF、JPEG、PNG のどれでもありません。"),
                format!("The document \"{name}\" is neither PDF nor JPEG nor PNG."),
            ),
            Text::both("PDF にして置き直してください。", "Save it as PDF and put it there again."),
        )
    })?;
    Ok(Document { name: name.clone(), media_type, bytes })
}

/// The documents that are not as in the former version, told where the later one names them. One that is new or gone
/// is told with the line that names it.
pub fn changes(playbook: &Playbook, former: &[Known], later: &[Known]) -> Vec<Change> {
    let mut told = BTreeSet::new();
    let named = playbook.alerts.iter().flat_map(|alert| &alert.attach);
    let changed = named.filter(|it| told.insert(it.name.as_str())).filter_map(|named| {
        let of = |known: &'_ [Known]| known.iter().find(|it| it.name == named.name).cloned();
        let (before, after) = (of(former)?, of(later)?);
        (before != after).then(|| Change {
            block: "alerts".to_owned(),
            path: named.path.clone(),
            place: Text::both(format!("資料「{}」の中身", named.name), format!("document {}", named.name)),
            kind: ChangeKind::Changed,
            before: Some(before.in_words()),
            after: Some(after.in_words()),
            runs: Vec::new(),
            line_before: None,
            line_after: Some(named.at.line),
        })
    });
    changed.collect()
}

/// A document of a version, as far as another has to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    name: String,
    sha256: String,
    bytes: usize,
}

impl Known {
    /// What its row says.
    pub fn of_row(row: &entity::attachment::Model) -> Self {
        Self { name: row.name.clone(), sha256: row.sha256.clone(), bytes: row.bytes.len() }
    }

    /// What was found beside a file.
    pub fn of_document(document: &Document, sha256: String) -> Self {
        Self { name: document.name.clone(), sha256, bytes: document.bytes.len() }
    }

    /// `12 KiB (3f2a9c01)`
    fn in_words(&self) -> String {
        format!("{} KiB ({})", self.bytes.div_ceil(1024), &self.sha256[..8])
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a document is, by its first bytes: its name proves nothing.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("application/pdf"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        _ => None,
    }
}
