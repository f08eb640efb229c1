//! From the parser's events to the tree, within bounds.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks, StrInput};

use super::{
    Key, Limits, Node, Problems, Value, clamp, join,
    slips::{self, Slip},
};
use crate::{
    problem::Position,
    text::{Language, Text},
};

const MAX_DEPTH: usize = 64;
const MAX_ALIASES: usize = 100;

/// Reads one document into a tree; `None` where there is none. Problems are told, never returned; after a syntax
/// error the tree holds what stood before it.
pub fn parse(text: &str, limits: Limits, problems: &Problems) -> Option<Node> {
    let mut builder =
        Builder { problems, limits, open: Vec::new(), anchors: HashMap::new(), nodes: 0, aliases: 0 };
    let mut root: Option<Node> = None;
    let mut parser = Parser::new_from_str(text);
    let mut last = Position { line: 1, column: 1 };
    let mut documents = 0;
    loop {
        let (event, marks) = match next_event(&mut parser, last) {
            Step::Event(event, marks) => (event, marks),
            Step::End => break,
            Step::Broken(at, info) => {
                syntax_problem(problems, text, at, &info);
                break;
            }
        };
        last = place(&marks.start);
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents == 2 {
                problems.error(
                    "R02",
                    last,
                    "",
                    Text::both(
                        "1つのファイルに文書が2つ以上あります。",
                        "There is more than one document in this file.",
                    ),
                    Text::both(
                        "「---」で分けた文書は別のファイルにしてください。",
                        "Put what follows \"---\" into a file of its own.",
                    ),
                );
                break;
            }
        }
        match builder.take(event, &marks) {
            Ok(Some(node)) => root = root.or(Some(node)),
            Ok(None) => {}
            Err(Stopped) => break,
        }
    }
    let root = root.or_else(|| builder.close_all());
    if root.as_ref().is_none_or(|node| matches!(node.value, Value::Null)) && !problems.has_errors() {
        problems.error(
            "R02",
            Position { line: 1, column: 1 },
            "",
            Text::both("ファイルが空です。", "The file is empty."),
            Text::both(
                "apiVersion: noroshi/v1 と kind: から書き始めてください。",
                "Begin with apiVersion: noroshi/v1 and kind:.",
            ),
        );
    }
    root
}

enum Step<'a> {
    Event(Event<'a>, Marks),
    End,
    Broken(Position, String),
}

fn next_event<'a>(parser: &mut Parser<'a, StrInput<'a>>, last: Position) -> Step<'a> {
    match parser.next_event() {
        None => Step::End,
        Some(Ok((event, marks))) => Step::Event(event, marks),
        Some(Err(error)) => {
            let at = place(error.marker());
            Step::Broken(if at.line == 0 { last } else { at }, error.info().to_owned())
        }
    }
}

/// The parser counts columns from 0.
fn place(marker: &saphyr_parser::Marker) -> Position {
    Position { line: clamp(marker.line().max(1)), column: clamp(marker.col() + 1) }
}

fn syntax_problem(problems: &Problems, source: &str, at: Position, info: &str) {
    let Slip { at, detail, help } = slips::around(source, at, info);
    let detail = Text::both(
        format!("{}この先は読めていません。", detail.get(Language::Ja)),
        format!("{} Nothing after it could be read.", detail.get(Language::En)),
    );
    problems.error("R02", at, "", detail, help);
    problems.torn();
}

/// A bound was passed; the problem is told.
struct Stopped;

/// A list or map that is not closed yet.
struct Open {
    at: Position,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, names: HashMap<String, Position>, key: Pending },
}

/// What a map waits for.
enum Pending {
    /// The next key.
    Key,
    /// The value of this key.
    Value(Key),
    /// The value of a key that was refused: read and dropped.
    Dropped,
}

struct Builder<'p> {
    problems: &'p Problems,
    limits: Limits,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    aliases: usize,
}

impl Builder<'_> {
    /// Takes one event; gives the root when it is complete.
    fn take(&mut self, event: Event<'_>, marks: &Marks) -> Result<Option<Node>, Stopped> {
        let at = place(&marks.start);
        let end = place(&marks.end);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                self.count(1, at)?;
                let plain = style == ScalarStyle::Plain;
                let value = if plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                    Value::Null
                } else {
                    Value::Scalar { text: text.into_owned(), plain }
                };
                let node = Node { at, end, value };
                self.remember(anchor, &node)?;
                Ok(self.add(node))
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                self.begin(Open { at, anchor, kind: OpenKind::List(Vec::new()) })
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), at);
                let kind = OpenKind::Map { entries: Vec::new(), names: HashMap::new(), key: Pending::Key };
                self.begin(Open { at, anchor, kind })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end),
            Event::Alias(anchor) => self.alias(anchor, at),
            _ => Ok(None),
        }
    }

    fn begin(&mut self, open: Open) -> Result<Option<Node>, Stopped> {
        self.count(1, open.at)?;
        self.too_deep(self.open.len() + 1, open.at)?;
        self.open.push(open);
        Ok(None)
    }

    /// Closes the innermost list or map.
    fn close(&mut self, end: Position) -> Result<Option<Node>, Stopped> {
        let Some(open) = self.open.pop() else { return Ok(None) };
        let value = match open.kind {
            OpenKind::List(items) => Value::List(items),
            OpenKind::Map { entries, .. } => Value::Map(entries),
        };
        let node = Node { at: open.at, end, value };
        self.remember(open.anchor, &node)?;
        Ok(self.add(node))
    }

    /// Closes everything after a break: the tree as far as it was read.
    fn close_all(&mut self) -> Option<Node> {
        let mut root = None;
        while let Some(open) = self.open.last_mut() {
            // No alias follows, so nothing has to be remembered or counted any more.
            open.anchor = 0;
            let end = open.at;
            root = self.close(end).unwrap_or_default();
        }
        root
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<Option<Node>, Stopped> {
        self.aliases += 1;
        if self.aliases > MAX_ALIASES {
            return Err(self.stop(
                at,
                format!("別名(*)が {MAX_ALIASES} 個を超えています。"),
                format!("There are more than {MAX_ALIASES} aliases (*)."),
            ));
        }
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            // The anchor stands on a list or map that is still open: it would contain itself.
            return Err(self.stop(
                at,
                "別名(*)が自分自身を含んでいます。".to_owned(),
                "This alias (*) would contain itself.".to_owned(),
            ));
        };
        self.count(node.count(), at)?;
        self.too_deep(self.open.len() + node.depth(), at)?;
        Ok(self.add(node))
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), Stopped> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= self.limits.nodes {
            return Ok(());
        }
        let limit = self.limits.nodes;
        Err(self.stop(
            at,
            format!("値が多すぎます(上限は {limit} 個)。"),
            format!("There are too many values (the limit is {limit})."),
        ))
    }

    fn too_deep(&self, depth: usize, at: Position) -> Result<(), Stopped> {
        if depth <= MAX_DEPTH {
            return Ok(());
        }
        Err(self.stop(
            at,
            format!("入れ子が深すぎます(上限は {MAX_DEPTH} 段)。"),
            format!("This is nested too deeply (the limit is {MAX_DEPTH} levels)."),
        ))
    }

    fn stop(&self, at: Position, ja: String, en: String) -> Stopped {
        self.problems.error(
            "R02",
            at,
            self.path(),
            Text::both(ja, en),
            Text::both(
                "ファイルを小さく、単純にしてください。この先は読んでいません。",
                "Make the file smaller and simpler. Nothing after this place was read.",
            ),
        );
        self.problems.torn();
        Stopped
    }

    fn refuse_tag(&self, tagged: bool, at: Position) {
        if tagged {
            self.problems.error(
                "R02",
                at,
                self.path(),
                Text::both("タグ(!…)は使えません。", "Tags (!…) are not used here."),
                Text::both(
                    "タグを消し、値だけを書いてください。",
                    "Remove the tag and write the value alone.",
                ),
            );
        }
    }

    /// Keeps an anchored value for its aliases. The copy counts like any other value: anchors inside anchors would
    /// else multiply a large file in memory.
    fn remember(&mut self, anchor: usize, node: &Node) -> Result<(), Stopped> {
        if anchor > 0 {
            self.count(node.count(), node.at)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(())
    }

    /// The way to the value that is being read.
    fn path(&self) -> String {
        path_through(&self.open)
    }

    /// The way to the innermost open list or map.
    fn path_of_parent(&self) -> String {
        path_through(&self.open[..self.open.len().saturating_sub(1)])
    }

    /// Puts a complete value into the innermost open one; gives it back where it is the root.
    fn add(&mut self, node: Node) -> Option<Node> {
        let Some(open) = self.open.last_mut() else {
            return Some(node);
        };
        let mut fault = None;
        match &mut open.kind {
            OpenKind::List(items) => {
                fault = sexagesimal(&node).map(|fault| (format!("[{}]", items.len()), fault));
                items.push(node);
            }
            OpenKind::Map { entries, names, key } => match std::mem::replace(key, Pending::Key) {
                Pending::Key => match read_key(names, node) {
                    Ok(name) => *key = Pending::Value(name),
                    Err(refused) => {
                        fault = Some(*refused);
                        *key = Pending::Dropped;
                    }
                },
                Pending::Value(name) => {
                    fault = sexagesimal(&node).map(|fault| (name.name.clone(), fault));
                    entries.push((name, node));
                }
                Pending::Dropped => {}
            },
        }
        if let Some((name, fault)) = fault {
            let mut path = self.path_of_parent();
            join(&mut path, &name);
            self.problems.error("R02", fault.at, path, fault.detail, fault.help);
        }
        None
    }
}

fn path_through(open: &[Open]) -> String {
    let mut path = String::new();
    for open in open {
        match &open.kind {
            OpenKind::List(items) => path.push_str(&format!("[{}]", items.len())),
            OpenKind::Map { key: Pending::Value(key), .. } => join(&mut path, &key.name),
            OpenKind::Map { .. } => {}
        }
    }
    path
}

/// Something to refuse, before it is known where in the tree it stands.
struct Fault {
    at: Position,
    detail: Text,
    help: Text,
}

/// Whether tools for YAML 1.1 read this word as a boolean.
pub(super) fn is_boolean_like(word: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off", "true", "false"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn read_key(names: &mut HashMap<String, Position>, node: Node) -> Result<Key, Box<(String, Fault)>> {
    let Value::Scalar { text, plain } = node.value else {
        let fault = Fault {
            at: node.at,
            detail: Text::both("項目名がありません。", "A key has to be a word."),
            help: Text::both("「項目名: 値」の形で書いてください。", "Write \"key: value\"."),
        };
        return Err(Box::new((String::new(), fault)));
    };
    if plain && is_boolean_like(&text) {
        let fault = Fault {
            at: node.at,
            detail: Text::both(
                format!("項目名「{text}」は、YAML 1.1 の道具が真偽値として読みます。"),
                format!("Tools for YAML 1.1 read the key \"{text}\" as a boolean."),
            ),
            help: Text::both("別の項目名にしてください。", "Choose another key."),
        };
        return Err(Box::new((text, fault)));
    }
    if let Some(first) = names.get(&text) {
        let fault = Fault {
            at: node.at,
            detail: Text::both(
                format!("項目「{text}」が重複しています(最初は {} 行目)。", first.line),
                format!("The key \"{text}\" is given twice (first in line {}).", first.line),
            ),
            help: Text::both("どちらか一方だけを残してください。", "Keep one of the two."),
        };
        return Err(Box::new((text, fault)));
    }
    names.insert(text.clone(), node.at);
    Ok(Key { name: text, at: node.at })
}

/// Refuses plain `12:30`: tools for YAML 1.1 read it as the number 750.
fn sexagesimal(node: &Node) -> Option<Fault> {
    let Value::Scalar { text, plain: true } = &node.value else { return None };
    let parts = || text.split(':');
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (parts().count() > 1 && parts().all(digits)).then(|| Fault {
        at: node.at,
        detail: Text::both(
            format!("{text} は、道具によっては60進の数として読まれます。"),
            format!("Some tools read {text} as a number in base 60."),
        ),
        help: Text::both(
            format!("引用符を付けて \"{text}\" と書いてください。"),
            format!("Write \"{text}\" in quotes."),
        ),
    })
}

/// The value of `kind:` at the top of a file, without reading further than that. Works on broken files as far as they
/// can be read.
pub fn top_level_kind(source: &[u8]) -> Option<String> {
    const HEAD: usize = 64 << 10;
    let head = String::from_utf8_lossy(&source[..source.len().min(HEAD)]);
    let mut parser = Parser::new_from_str(head.strip_prefix('\u{feff}').unwrap_or(&head));
    let mut depth = 0_usize;
    let mut is_key = true;
    let mut kind_follows = false;
    while let Some(Ok((event, _))) = parser.next_event() {
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
            }
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    is_key = !is_key;
                }
            }
            Event::Scalar(text, ..) if depth == 1 => {
                if kind_follows {
                    return Some(text.into_owned());
                }
                kind_follows = is_key && text == "kind";
                is_key = !is_key;
            }
            Event::Alias(_) if depth == 1 => is_key = !is_key,
            _ => {}
        }
    }
    None
}
