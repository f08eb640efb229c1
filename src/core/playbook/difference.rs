//! The difference between two versions of a playbook, in the playbook's own terms.
//!
//! # Cast
//! - [`difference`] compares two files value by value and gives [`Change`]s in the order of the later file;
//! - `places` says where a change is: "ladder deploy_ladder, step 2, at";
//! - `align` finds what belongs together in two lists, and what changed within a text.
//!
//! # Flow
//! 1. Both files become trees. Comments, blanks, quotation marks and `600s` for `10m` are no differences.
//! 2. Named things are compared by their keys, lists of things by what names them, steps by what they do.
//! 3. Texts are compared word by word, in each language.
//!
//! It speaks the language's words where it knows them and the file's own where it does not, so that a new field of the
//! language is told from its first day. Deliberately absent: renamed keys (they are one thing less and one more).

use serde::Serialize;

use crate::{
    text::{Language, Text},
    time::Span,
    yaml::{Limits, Node, Problems, Value, decode, parse},
};

mod align;
mod places;

pub use align::{Run, RunKind};
use places::Place;

/// One thing that is not as before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The block of the file: `ladders`.
    pub block: String,
    /// The way to it through the later file, or the former one where it is gone: `ladders.climb.steps[2].at`.
    pub path: String,
    /// Where it is, in words.
    pub place: Text,
    /// What happened to it.
    pub kind: ChangeKind,
    /// What stood there; `None` where it is new.
    pub before: Option<String>,
    /// What stands there; `None` where it is gone.
    pub after: Option<String>,
    /// For texts: what stayed, went and came, in order. Empty for everything else.
    pub runs: Vec<Run>,
    /// Its line in the former file.
    pub line_before: Option<u32>,
    /// Its line in the later file.
    pub line_after: Option<u32>,
}

/// What happened to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
    /// The same things in another order.
    Reordered,
}

impl ChangeKind {
    /// The word in the API.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Reordered => "reordered",
        }
    }
}

/// A sentence names values up to this length, in characters; longer ones stand beside it.
const TELLABLE: usize = 40;

impl Change {
    /// The change in one sentence: `はしご climb 第2段の時刻: 10m → 8m`.
    pub fn sentence(&self, language: Language) -> String {
        let ja = language != Language::En;
        let place = self.place.get(language);
        let short = |value: &Option<String>| {
            value
                .as_deref()
                .filter(|text| text.chars().count() <= TELLABLE && !text.contains('\n'))
                .map(str::to_owned)
        };
        let (before, after) = (short(&self.before), short(&self.after));
        let colon = if ja { "：" } else { ": " };
        match (self.kind, before, after) {
            (ChangeKind::Changed, Some(before), Some(after)) => format!("{place}{colon}{before} → {after}"),
            (ChangeKind::Changed, ..) if ja => format!("{place}の文面を変更"),
            (ChangeKind::Changed, ..) => format!("{place}: words changed"),
            (ChangeKind::Reordered, Some(before), Some(after)) if ja => {
                format!("{place}の順番を変更：{before} → {after}")
            }
            (ChangeKind::Reordered, Some(before), Some(after)) => {
                format!("{place}: order changed, {before} → {after}")
            }
            (ChangeKind::Reordered, ..) if ja => format!("{place}の順番を変更"),
            (ChangeKind::Reordered, ..) => format!("{place}: order changed"),
            (ChangeKind::Added, _, Some(value)) if ja => format!("{place}に {value} を追加"),
            (ChangeKind::Added, _, Some(value)) => format!("{place}: {value} added"),
            (ChangeKind::Added, ..) if ja => format!("{place}を追加"),
            (ChangeKind::Added, ..) => format!("{place} added"),
            (ChangeKind::Removed, Some(value), _) if ja => format!("{place}から {value} を削除"),
            (ChangeKind::Removed, Some(value), _) => format!("{place}: {value} removed"),
            (ChangeKind::Removed, ..) if ja => format!("{place}を削除"),
            (ChangeKind::Removed, ..) => format!("{place} removed"),
        }
    }
}

/// Compares two files. Files that cannot be read have no difference: only checked ones are compared.
pub fn difference(before: &[u8], after: &[u8]) -> Vec<Change> {
    let tree = |source| {
        let problems = Problems::default();
        parse(decode(source, Limits::PLAYBOOK, &problems)?, Limits::PLAYBOOK, &problems)
    };
    let mut found = Found::default();
    if let (Some(before), Some(after)) = (tree(before), tree(after)) {
        for (key, pair) in pairs(&before, &after) {
            if !matches!(key, "apiVersion" | "kind") {
                found.compare(&Place::block(key), pair.0, pair.1);
            }
        }
    }
    found.0
}

/// A value in the former and in the later file.
type Pair<'n> = (Option<&'n Node>, Option<&'n Node>);

/// The entries of two maps by key: those of the later one in its order, then those that are gone.
fn pairs<'n>(before: &'n Node, after: &'n Node) -> Vec<(&'n str, Pair<'n>)> {
    let later = after.keys().map(|key| (key.name.as_str(), (before.get(&key.name), after.get(&key.name))));
    let gone = before.keys().filter(|key| after.get(&key.name).is_none());
    later.chain(gone.map(|key| (key.name.as_str(), (before.get(&key.name), None)))).collect()
}

#[derive(Default)]
struct Found(Vec<Change>);

impl Found {
    fn compare(&mut self, place: &Place, before: Option<&Node>, after: Option<&Node>) {
        match (before, after) {
            (None, None) => {}
            (Some(before), Some(after)) => self.compare_both(place, before, after),
            (before, after) => self.one_sided(place, before, after),
        }
    }

    /// Something that stands in one of the files only. A whole block is told thing by thing.
    fn one_sided(&mut self, place: &Place, before: Option<&Node>, after: Option<&Node>) {
        let node = before.or(after).expect("one of both is there");
        if place.is_block_of_things() {
            for key in node.keys() {
                let of = |side: Option<&'_ Node>| side.and_then(|node| node.get(&key.name)).is_some();
                let value = node.get(&key.name);
                let (was, is) = (value.filter(|_| of(before)), value.filter(|_| of(after)));
                self.compare(&place.thing(&key.name), was, is);
            }
            return;
        }
        let kind = if before.is_none() { ChangeKind::Added } else { ChangeKind::Removed };
        // A thing with a key is told by its key; what a field holds is told with it.
        let told = |node: Option<&Node>| node.filter(|_| !place.is_thing()).map(shown);
        self.tell(place, kind, (told(before), before), (told(after), after));
    }

    fn compare_both(&mut self, place: &Place, before: &Node, after: &Node) {
        if is_text(before) && is_text(after) && place.may_be_text() {
            self.compare_texts(place, before, after);
            return;
        }
        match (&before.value, &after.value) {
            (Value::Map(_), Value::Map(_)) => {
                for (key, (was, is)) in pairs(before, after) {
                    let inner = if place.is_block_of_things() { place.thing(key) } else { place.field(key) };
                    self.compare(&inner, was, is);
                }
            }
            (Value::List(was), Value::List(is)) => self.compare_lists(place, (was, before), (is, after)),
            _ if same(before, after) => {}
            _ => self.tell(
                place,
                ChangeKind::Changed,
                (Some(shown(before)), Some(before)),
                (Some(shown(after)), Some(after)),
            ),
        }
    }

    /// Texts in their languages; a plain one is Japanese.
    fn compare_texts(&mut self, place: &Place, before: &Node, after: &Node) {
        for language in ["ja", "easy_ja", "en"] {
            let of = |node: &Node| match &node.value {
                Value::Map(_) => node.get(language).and_then(Node::as_str).map(str::to_owned),
                _ if language == "ja" => node.as_str().map(str::to_owned),
                _ => None,
            };
            let (was, is) = (of(before), of(after));
            if was == is {
                continue;
            }
            let kind = match (&was, &is) {
                (None, _) => ChangeKind::Added,
                (_, None) => ChangeKind::Removed,
                _ => ChangeKind::Changed,
            };
            let runs = align::words(was.as_deref().unwrap_or(""), is.as_deref().unwrap_or(""));
            let several = matches!(before.value, Value::Map(_)) || matches!(after.value, Value::Map(_));
            let place = if several { place.language(language) } else { place.clone() };
            self.tell(&place, kind, (was, Some(before)), (is, Some(after)));
            let told = self.0.last_mut().expect("just told");
            // Short values stand in the sentence; runs are for words that one reads.
            if kind == ChangeKind::Changed {
                told.runs = runs;
            }
        }
    }

    fn compare_lists(&mut self, place: &Place, before: (&[Node], &Node), after: (&[Node], &Node)) {
        let (was, is) = (before.0, after.0);
        if was.iter().chain(is).all(|node| matches!(node.value, Value::Scalar { .. })) {
            self.compare_words(place, before, after);
            return;
        }
        let matched = align::items(was, is);
        if matched
            .windows(2)
            .any(|pair| matches!((pair[0], pair[1]), ((Some(a), Some(_)), (Some(b), Some(_))) if a > b))
        {
            let names =
                |nodes: &[Node]| nodes.iter().filter_map(align::name_of).collect::<Vec<_>>().join("、");
            self.tell(
                place,
                ChangeKind::Reordered,
                (Some(names(was)), Some(before.1)),
                (Some(names(is)), Some(after.1)),
            );
        }
        for (old, new) in matched {
            let (old_node, new_node) = (old.map(|at| &was[at]), new.map(|at| &is[at]));
            let node = new_node.or(old_node).expect("one of both is there");
            let inner = place.item(new.or(old).unwrap_or(0), align::name_of(node));
            self.compare(&inner, old_node, new_node);
        }
    }

    /// Lists of words: what came, what went, or only their order.
    fn compare_words(&mut self, place: &Place, before: (&[Node], &Node), after: (&[Node], &Node)) {
        let words =
            |nodes: &[Node]| nodes.iter().filter_map(Node::as_str).map(str::to_owned).collect::<Vec<_>>();
        let (was, is) = (words(before.0), words(after.0));
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        if was == is {
            return;
        }
        if sorted(&was) == sorted(&is) {
            self.tell(
                place,
                ChangeKind::Reordered,
                (Some(was.join("、")), Some(before.1)),
                (Some(is.join("、")), Some(after.1)),
            );
            return;
        }
        let (mut gone, mut come) = (was.clone(), is.clone());
        for word in &is {
            if let Some(at) = gone.iter().position(|other| other == word) {
                gone.remove(at);
            }
        }
        for word in &was {
            if let Some(at) = come.iter().position(|other| other == word) {
                come.remove(at);
            }
        }
        let at = |nodes: &'_ [Node], word: &str| nodes.iter().position(|node| node.as_str() == Some(word));
        for word in come {
            let node = at(after.0, &word).map(|at| &after.0[at]);
            self.tell(place, ChangeKind::Added, (None, None), (Some(word), node));
        }
        for word in gone {
            let node = at(before.0, &word).map(|at| &before.0[at]);
            self.tell(place, ChangeKind::Removed, (Some(word), node), (None, None));
        }
    }

    fn tell(
        &mut self,
        place: &Place,
        kind: ChangeKind,
        before: (Option<String>, Option<&Node>),
        after: (Option<String>, Option<&Node>),
    ) {
        self.0.push(Change {
            block: place.block_name().to_owned(),
            path: place.path(),
            place: place.words(),
            kind,
            before: before.0,
            after: after.0,
            runs: Vec::new(),
            line_before: before.1.map(|node| node.at.line),
            line_after: after.1.map(|node| node.at.line),
        });
    }
}

/// A text of the language: words, or words in languages.
fn is_text(node: &Node) -> bool {
    match &node.value {
        Value::Scalar { .. } => true,
        Value::Map(entries) => {
            !entries.is_empty()
                && entries.iter().all(|(key, node)| {
                    Language::from_key(&key.name).is_some() && matches!(node.value, Value::Scalar { .. })
                })
        }
        _ => false,
    }
}

/// Whether two values mean the same: `10m` and `600s` do.
fn same(before: &Node, after: &Node) -> bool {
    if before.to_json() == after.to_json() {
        return true;
    }
    let span = |node: &Node| node.as_str().and_then(|text| text.parse::<Span>().ok());
    matches!((span(before), span(after)), (Some(before), Some(after)) if before == after)
}

/// A value as one would say it: words as they stand, lists with 、, maps with their names.
fn shown(node: &Node) -> String {
    match &node.value {
        Value::Null => "–".to_owned(),
        Value::Scalar { text, .. } => text.clone(),
        Value::List(items) => items.iter().map(shown).collect::<Vec<_>>().join("、"),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(key, node)| format!("{} {}", key.name, shown(node)));
            entries.collect::<Vec<_>>().join("、")
        }
    }
}

#[cfg(test)]
mod tests;
