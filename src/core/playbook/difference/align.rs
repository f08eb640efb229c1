//! What belongs together in two lists, and in two texts.

use serde::Serialize;

use crate::yaml::{Node, Value};

/// A piece of a text that stayed, went or came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// What happened to it.
    pub kind: RunKind,
    /// The words.
    pub text: String,
}

/// What happened to a piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// It stands in both.
    Same,
    /// It is gone.
    Gone,
    /// It is new.
    New,
}

/// Most comparisons of one middle part; beyond, it is told as a whole.
const MOST: usize = 4_000_000;

/// Pairs of places of what both lists have in common, ascending in both: a longest common subsequence.
pub(super) fn common<T: PartialEq>(before: &[T], after: &[T]) -> Vec<(usize, usize)> {
    let head = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let tail =
        before[head..].iter().rev().zip(after[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&before[head..before.len() - tail], &after[head..after.len() - tail]);
    let mut found: Vec<(usize, usize)> = (0..head).map(|at| (at, at)).collect();
    if a.len().saturating_mul(b.len()) <= MOST {
        found.extend(longest(a, b).into_iter().map(|(x, y)| (x + head, y + head)));
    }
    found.extend((0..tail).map(|at| (before.len() - tail + at, after.len() - tail + at)));
    found
}

/// The longest common subsequence by the table of lengths (Wagner and Fischer 1974).
fn longest<T: PartialEq>(a: &[T], b: &[T]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut lengths = vec![0_u32; (a.len() + 1) * width];
    for (i, x) in a.iter().enumerate().rev() {
        for (j, y) in b.iter().enumerate().rev() {
            lengths[i * width + j] = if x == y {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            found.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

/// What became of the items of a list: pairs of places, in the order of the later list; what is gone stands where it
/// stood.
///
/// Items with names (`key`, `group`, `code`) belong together by name; others by what they do, and those in between
/// by their place.
pub(super) fn items(before: &[Node], after: &[Node]) -> Vec<(Option<usize>, Option<usize>)> {
    let names = |nodes: &[Node]| nodes.iter().map(name_of).collect::<Option<Vec<_>>>();
    if let (Some(was), Some(is)) = (names(before), names(after)) {
        let mut found: Vec<_> = is
            .iter()
            .enumerate()
            .map(|(at, name)| (was.iter().position(|other| other == name), Some(at)))
            .collect();
        let gone = was.iter().enumerate().filter(|(_, name)| !is.contains(name));
        found.extend(gone.map(|(at, _)| (Some(at), None)));
        return found;
    }
    let json = |nodes: &[Node]| nodes.iter().map(Node::to_json).collect::<Vec<_>>();
    let mut found = Vec::new();
    let (mut i, mut j) = (0, 0);
    let mut equal = common(&json(before), &json(after));
    equal.push((before.len(), after.len()));
    for (next_i, next_j) in equal {
        gap(before, after, (i, next_i), (j, next_j), &mut found);
        if next_i < before.len() && next_j < after.len() {
            found.push((Some(next_i), Some(next_j)));
        }
        (i, j) = (next_i + 1, next_j + 1);
    }
    found
}

/// Items between two that are equal: as many as before belong together by place, others by what they do.
fn gap(
    before: &[Node],
    after: &[Node],
    was: (usize, usize),
    is: (usize, usize),
    found: &mut Vec<(Option<usize>, Option<usize>)>,
) {
    if was.1 - was.0 == is.1 - is.0 {
        found.extend((was.0..was.1).zip(is.0..is.1).map(|(i, j)| (Some(i), Some(j))));
        return;
    }
    let does = |nodes: &[Node]| nodes.iter().map(does).collect::<Vec<_>>();
    let mut alike = common(&does(&before[was.0..was.1]), &does(&after[is.0..is.1]));
    alike.push((was.1 - was.0, is.1 - is.0));
    let (mut i, mut j) = (was.0, is.0);
    for (next_i, next_j) in alike {
        let (next_i, next_j) = (was.0 + next_i, is.0 + next_j);
        found.extend((i..next_i).map(|i| (Some(i), None)));
        found.extend((j..next_j).map(|j| (None, Some(j))));
        if next_i < was.1 && next_j < is.1 {
            found.push((Some(next_i), Some(next_j)));
        }
        (i, j) = (next_i + 1, next_j + 1);
    }
}

/// What an item does: the action and target of a step, the names of its fields for anything else.
fn does(node: &Node) -> Vec<String> {
    let said = |name: &str| node.get(name).and_then(Node::as_str).map(str::to_owned);
    match said("do") {
        Some(action) => [Some(action), said("to")].into_iter().flatten().collect(),
        None => node.keys().map(|key| key.name.clone()).collect(),
    }
}

/// What names an item of a list.
pub(super) fn name_of(node: &Node) -> Option<String> {
    if let Value::Scalar { text, .. } = &node.value {
        return Some(text.clone());
    }
    let by = |name: &&str| {
        let named = node.get(name)?;
        named.as_str().or_else(|| named.get("ja").and_then(Node::as_str)).map(str::to_owned)
    };
    ["key", "group", "code", "label"].iter().find_map(by)
}

/// What stayed, went and came between two texts, word by word; Japanese by characters.
pub(super) fn words(before: &str, after: &str) -> Vec<Run> {
    let (was, is) = (tokens(before), tokens(after));
    let mut runs: Vec<Run> = Vec::new();
    let mut add = |kind: RunKind, token: &str| match runs.last_mut() {
        Some(last) if last.kind == kind => last.text.push_str(token),
        _ => runs.push(Run { kind, text: token.to_owned() }),
    };
    let mut both = common(&was, &is);
    both.push((was.len(), is.len()));
    let (mut i, mut j) = (0, 0);
    for (next_i, next_j) in both {
        was[i..next_i].iter().for_each(|token| add(RunKind::Gone, token));
        is[j..next_j].iter().for_each(|token| add(RunKind::New, token));
        if next_i < was.len() && next_j < is.len() {
            add(RunKind::Same, is[next_j]);
        }
        (i, j) = (next_i + 1, next_j + 1);
    }
    runs
}

/// Words and numbers of ASCII, whole `{{ names }}`, and every other character by itself.
fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if rest.starts_with("{{") {
            rest.find("}}").map_or(2, |end| end + 2)
        } else if first.is_ascii_alphanumeric() {
            rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(end);
        found.push(token);
        rest = after;
    }
    found
}
