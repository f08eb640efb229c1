//! YAML as a small tree of values that know where they stand.
//!
//! Cast: [`parse`] reads the parser's events into [`Node`]s; [`Problems`] collects what is wrong; [`fields`] reads
//! typed values out of the tree and goes on after each problem.
//!
//! 1. Size, encoding and control characters are looked at before anything is parsed.
//! 2. The events build the tree. Depth, number of values and number of aliases are bounded, so that a bomb ends at
//!    the bound and never in memory.
//! 3. Duplicate keys, keys that YAML 1.1 reads as booleans, tags and `12:30` are problems, and reading goes on. Only
//!    a syntax error or a bound ends it; what was read until then is kept.
//!
//! Deliberately absent: deserializing into types (serde stops at the first error), tags, merge keys, several
//! documents in one file.

use std::cell::{Cell, RefCell};

use crate::{
    problem::{Position, Problem, Severity},
    text::{Language, Text},
};

pub mod fields;
mod slips;
mod tree;

pub use slips::in_value as slip_in;
pub use tree::{parse, top_level_kind};

/// How much one file may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest file, in bytes.
    pub bytes: usize,
    /// Most values, aliases counted as often as they are used.
    pub nodes: usize,
}

impl Limits {
    /// For playbooks and exercises: 1 MiB, 20,000 values.
    pub const PLAYBOOK: Self = Self { bytes: 1 << 20, nodes: 20_000 };
    /// For directories: 32 MiB, 5,000,000 values.
    pub const DIRECTORY: Self = Self { bytes: 32 << 20, nodes: 5_000_000 };
}

/// More problems than anybody reads; what comes after them is counted and not kept.
const MAX_PROBLEMS: usize = 1000;

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// The first character of the value.
    pub at: Position,
    /// The place behind its last character.
    pub end: Position,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Words as they stand in the file; `plain` without quotation marks.
    Scalar {
        /// The words, unescaped.
        text: String,
        /// Whether they stand without quotation marks, so that `true` and `5` have their meaning.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map in file order, without duplicate keys.
    Map(Vec<(Key, Node)>),
}

/// The key of a map's entry.
#[derive(Clone, Debug)]
pub struct Key {
    /// The word.
    pub name: String,
    /// Its first character.
    pub at: Position,
}

impl Node {
    /// The value of a key, where this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The keys, where this is a map.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        let entries: &[(Key, Node)] = match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        };
        entries.iter().map(|(key, _)| key)
    }

    /// The words, where this is a scalar.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The value as JSON: plain `true`, `false` and whole numbers become themselves, everything else text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Scalar { text, plain: true } if text == "true" => Json::Bool(true),
            Value::Scalar { text, plain: true } if text == "false" => Json::Bool(false),
            Value::Scalar { text, plain: true } => match text.parse::<i64>() {
                // `007` and `+5` stay as typed.
                Ok(number) if number.to_string() == *text => number.into(),
                _ => Json::String(text.clone()),
            },
            Value::Scalar { text, plain: false } => Json::String(text.clone()),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|(key, node)| (key.name.clone(), node.to_json())).collect())
            }
        }
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::count).sum(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
            _ => 0,
        }
    }

    fn depth(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// The problems of one file while it is being read. Kept behind a shared reference, so that many readers of parts of
/// one tree can add to it.
#[derive(Debug, Default)]
pub struct Problems {
    found: RefCell<Vec<Problem>>,
    torn: Cell<bool>,
    off: Option<&'static str>,
    #[cfg(test)]
    pub(crate) read: RefCell<Vec<fields::ReadMap>>,
}

impl Problems {
    /// With one rule switched off: its breaches are not told. For the proof that a rule is what tells a fault.
    pub fn without(rule: Option<&'static str>) -> Self {
        Self { off: rule, ..Self::default() }
    }

    /// The file is refused for this.
    pub fn error(&self, code: &'static str, at: Position, path: impl Into<String>, detail: Text, help: Text) {
        self.push(Problem { code, severity: Severity::Error, at, path: path.into(), detail, help });
    }

    /// Shown, and refused by `check --strict`.
    pub fn warning(
        &self,
        code: &'static str,
        at: Position,
        path: impl Into<String>,
        detail: Text,
        help: Text,
    ) {
        self.push(Problem { code, severity: Severity::Warning, at, path: path.into(), detail, help });
    }

    /// Told, nothing more.
    pub fn info(&self, code: &'static str, at: Position, path: impl Into<String>, detail: Text, help: Text) {
        self.push(Problem { code, severity: Severity::Info, at, path: path.into(), detail, help });
    }

    fn push(&self, problem: Problem) {
        debug_assert!(crate::rule::find(problem.code).is_some(), "{} stands in no table", problem.code);
        if self.off == Some(problem.code) {
            return;
        }
        let mut found = self.found.borrow_mut();
        // An error still takes the place of a warning, so that a full list never makes a file look right.
        if found.len() < MAX_PROBLEMS {
            found.push(problem);
        } else if problem.severity == Severity::Error
            && let Some(warning) = found.iter_mut().find(|known| known.severity != Severity::Error)
        {
            *warning = problem;
        }
    }

    /// Whether there are so many problems that nothing more is kept but errors in place of warnings.
    pub fn is_full(&self) -> bool {
        self.found.borrow().len() >= MAX_PROBLEMS
    }

    /// Turns every warning of a rule into information, with the author's reason behind it. Returns whether there was
    /// one.
    pub fn waive(&self, code: &str, because: &Text) -> bool {
        let mut waived = false;
        for problem in self.found.borrow_mut().iter_mut() {
            if problem.code == code && problem.severity == Severity::Warning {
                problem.severity = Severity::Info;
                problem.help = Text::both(
                    format!("免除されています: {}", because.get(Language::Ja)),
                    format!("Waived: {}", because.get(Language::En)),
                );
                waived = true;
            }
        }
        waived
    }

    /// Whether an error was found at this path or below it.
    pub fn has_error_under(&self, path: &str) -> bool {
        self.found.borrow().iter().any(|problem| {
            problem.severity == Severity::Error
                && problem
                    .path
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// Whether a key of the map at this path was refused because other tools read it as a boolean: it may be the one
    /// that seems to be missing.
    pub fn has_refused_key_in(&self, path: &str) -> bool {
        self.found.borrow().iter().any(|problem| {
            let key = match path {
                "" => Some(problem.path.as_str()),
                path => problem.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')),
            };
            problem.code == "R02" && key.is_some_and(tree::is_boolean_like)
        })
    }

    /// Whether there is an error by this rule.
    pub fn has_error_of(&self, code: &str) -> bool {
        self.found.borrow().iter().any(|problem| problem.severity == Severity::Error && problem.code == code)
    }

    /// Whether there is any error.
    pub fn has_errors(&self) -> bool {
        self.found.borrow().iter().any(|problem| problem.severity == Severity::Error)
    }

    /// The file could not be read to its end: what seems to be missing or to lead nowhere may stand in the rest.
    pub fn torn(&self) {
        self.torn.set(true);
    }

    /// Whether the rest of the file is unknown.
    pub fn is_torn(&self) -> bool {
        self.torn.get()
    }

    /// Everything found, in the order of the file, each problem once. Of a torn file only what is wrong with the
    /// shape of what was read: everything else waits until the rest can be read too.
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        if self.torn.get() {
            found.retain(|problem| problem.code == "R02");
        }
        // At one place as they were found: what is missing in a map, in the order in which one would write it.
        found.sort_by(|a, b| (a.at, a.code).cmp(&(b.at, b.code)));
        let mut told: Vec<Problem> = Vec::with_capacity(found.len());
        for problem in found {
            let beside = told.iter().rev().take_while(|known| known.at == problem.at);
            if !beside.into_iter().any(|known| *known == problem) {
                told.push(problem);
            }
        }
        told
    }
}

/// The words of a file as text; `None` where they are none, with the problem told.
pub fn decode<'a>(source: &'a [u8], limits: Limits, problems: &Problems) -> Option<&'a str> {
    let start = Position { line: 1, column: 1 };
    if source.len() > limits.bytes {
        problems.error(
            "R02",
            start,
            "",
            Text::both(
                format!("ファイルが大きすぎます({} バイト。上限は {} バイト)。", source.len(), limits.bytes),
                format!("The file is too large ({} bytes; the limit is {}).", source.len(), limits.bytes),
            ),
            Text::both("ファイルを分けてください。", "Split the file."),
        );
        return None;
    }
    let text = match std::str::from_utf8(source) {
        Ok(text) => text,
        Err(error) => {
            let readable = String::from_utf8_lossy(&source[..error.valid_up_to()]);
            problems.error(
                "R02",
                end_of(&readable),
                "",
                Text::both("UTF-8 の文字ではありません。", "This is not UTF-8."),
                Text::both("ファイルを UTF-8 で保存し直してください。", "Save the file as UTF-8."),
            );
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    if let Some(offset) = text.find(control) {
        problems.error(
            "R02",
            end_of(&text[..offset]),
            "",
            Text::both(
                "文字でないデータ(制御文字)が含まれています。",
                "There is a control character here: this is not a text file.",
            ),
            Text::both("YAML のテキストファイルを指定してください。", "Give a YAML text file."),
        );
        return None;
    }
    Some(text)
}

/// The place behind the last character.
fn end_of(text: &str) -> Position {
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    Position { line: clamp(line), column: clamp(column) }
}

fn clamp(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Lengthens a path by a key, or by an index in brackets.
fn join(path: &mut String, name: &str) {
    if !path.is_empty() && !name.is_empty() && !name.starts_with('[') {
        path.push('.');
    }
    path.push_str(name);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, Vec<Problem>) {
        let problems = Problems::default();
        let tree = decode(text.as_bytes(), Limits::PLAYBOOK, &problems)
            .and_then(|text| parse(text, Limits::PLAYBOOK, &problems));
        (tree, problems.into_sorted())
    }

    fn places(text: &str) -> Vec<(u32, u32)> {
        read(text).1.iter().map(|problem| (problem.at.line, problem.at.column)).collect()
    }

    #[test]
    fn values_know_their_line_and_column_in_characters() {
        let (tree, problems) = read("題名: \"震度６強\"\n一覧:\n  - {あ: い}\n");
        assert_eq!(problems, []);
        let tree = tree.unwrap();
        assert_eq!(tree.get("題名").unwrap().at, Position { line: 1, column: 5 });
        let Value::List(items) = &tree.get("一覧").unwrap().value else { panic!() };
        assert_eq!(items[0].get("あ").unwrap().at, Position { line: 3, column: 9 });
    }

    #[test]
    fn reading_goes_on_after_a_duplicate_key_a_boolean_key_a_tag_and_a_time() {
        assert_eq!(places("a: 1\na: 2\non: 3\nb: !!str 4\nc: 12:30\n"), [(2, 1), (3, 1), (4, 10), (5, 4)]);
    }

    #[test]
    fn what_is_not_one_yaml_document_is_refused_with_its_place() {
        assert_eq!(places(""), [(1, 1)]);
        assert_eq!(places("# only words\n"), [(1, 1)]);
        assert_eq!(places("a: b\n---\nc: d\n"), [(2, 1)]);
        assert_eq!(places("a: \u{1}\n"), [(1, 4)]);
        assert_eq!(places("a: [1\nb: 2\n").len(), 1);
        let problems = Problems::default();
        assert!(decode(b"a: b\n\xff\xfe", Limits::PLAYBOOK, &problems).is_none());
        assert_eq!(problems.into_sorted()[0].at, Position { line: 2, column: 1 });
    }

    #[test]
    fn bombs_end_at_the_bounds() {
        let mut laughs = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
        for (name, before) in
            ["b", "c", "d", "e", "f", "g", "h"].iter().zip(["a", "b", "c", "d", "e", "f", "g"])
        {
            let many = vec![format!("*{before}"); 9].join(", ");
            laughs.push_str(&format!("{name}: &{name} [{many}]\n"));
        }
        let bombs = [
            laughs,
            "[".repeat(1 << 20),
            "- ".repeat(1 << 19),
            "{a: ".repeat(1 << 18),
            "- a\n".repeat(1 << 18),
            format!("a: &a [{}]\n", "*a, ".repeat(200)),
            format!("a: &a x\nb: [{}]\n", "*a, ".repeat(200)),
            "x".repeat((1 << 20) + 1),
        ];
        for bomb in bombs {
            let (_, problems) = read(&bomb);
            assert_eq!(problems.len(), 1, "{}", &bomb[..60]);
            assert_eq!(problems[0].code, "R02");
        }
    }

    #[test]
    fn a_broken_file_still_tells_its_kind() {
        assert_eq!(top_level_kind(b"apiVersion: x\nkind: Playbook\na: [").as_deref(), Some("Playbook"));
        assert_eq!(
            top_level_kind("a: {kind: no}\nkind: Directory\n".as_bytes()).as_deref(),
            Some("Directory")
        );
        assert_eq!(top_level_kind(b"\xff\x00"), None);
    }
}
