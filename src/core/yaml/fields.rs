//! Typed values out of the tree: each reader tells its problem and gives `None`, and the caller goes on.
//!
//! A [`Spot`] is one value with the way to it. [`Fields`] reads the keys of a map; it remembers which keys were asked
//! for, so that [`Fields::finish`] can refuse the others and suggest what was meant.

use std::{cell::RefCell, str::FromStr};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::{
    Key, Node, Problems, Value,
    slips::{self, Wanted},
};
use crate::{example, problem::Position, text::Text, time::Span};

/// Guesses at what was meant cost time; nobody reads more of them for one map.
const MOST_HINTS: usize = 100;

/// One value of a file, the way to it, and where its problems go.
#[derive(Clone, Debug)]
pub struct Spot<'a> {
    /// The value.
    pub node: &'a Node,
    /// The way to it: `alerts.dmat_standby.to[0]`.
    pub path: String,
    problems: &'a Problems,
}

/// A value that was read, with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// What was read.
    pub value: T,
    /// Where it stands.
    pub at: Position,
    /// The way to it.
    pub path: String,
}

impl<'a> Spot<'a> {
    /// The whole file.
    pub fn root(node: &'a Node, problems: &'a Problems) -> Self {
        Self { node, path: String::new(), problems }
    }

    /// A value read here, with this place.
    pub fn locate<T>(&self, value: T) -> Located<T> {
        Located { value, at: self.node.at, path: self.path.clone() }
    }

    /// Tells an error at this value.
    pub fn error(&self, code: &'static str, detail: Text, help: Text) {
        self.problems.error(code, self.node.at, &self.path, detail, help);
    }

    /// Tells an error of this value at a place inside of it.
    pub fn error_at(&self, code: &'static str, at: Position, detail: Text, help: Text) {
        self.problems.error(code, at, &self.path, detail, help);
    }

    /// Tells a warning of this value at a place inside of it.
    pub fn warning_at(&self, code: &'static str, at: Position, detail: Text, help: Text) {
        self.problems.warning(code, at, &self.path, detail, help);
    }

    /// Tells an error at another value of the same file.
    pub fn error_of<T>(&self, code: &'static str, place: &Located<T>, detail: Text, help: Text) {
        self.problems.error(code, place.at, &place.path, detail, help);
    }

    /// Tells a warning at this value.
    pub fn warning(&self, code: &'static str, detail: Text, help: Text) {
        self.problems.warning(code, self.node.at, &self.path, detail, help);
    }

    /// Tells information at this value.
    pub fn info(&self, code: &'static str, detail: Text, help: Text) {
        self.problems.info(code, self.node.at, &self.path, detail, help);
    }

    /// The value of a key, where this is a map that has it; nothing is told where it is not. For checks over the whole
    /// file, after its readers have told what is wrong with its shape.
    pub fn child(&self, name: &str) -> Option<Spot<'a>> {
        Some(self.below(name, self.node.get(name)?))
    }

    /// The value at the end of a way of keys.
    pub fn descend(&self, way: &[&str]) -> Option<Spot<'a>> {
        way.iter().try_fold(self.clone(), |spot, name| spot.child(name))
    }

    /// The entries of a map or the elements of a list, with their keys or their indexes as text; nothing is told
    /// where this is neither.
    pub fn children(&self) -> Vec<(String, Spot<'a>)> {
        match &self.node.value {
            Value::Map(entries) => {
                entries.iter().map(|(key, node)| (key.name.clone(), self.below(&key.name, node))).collect()
            }
            Value::List(items) => {
                let element = |(index, node)| {
                    let name = format!("[{index}]");
                    let spot = self.below(&name, node);
                    (name, spot)
                };
                items.iter().enumerate().map(element).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The elements of a list, or nothing.
    pub fn elements(&self) -> Vec<Spot<'a>> {
        match &self.node.value {
            Value::List(_) => self.children().into_iter().map(|(_, spot)| spot).collect(),
            _ => Vec::new(),
        }
    }

    /// The words of a scalar, or nothing.
    pub fn words(&self) -> Option<&'a str> {
        self.node.as_str()
    }

    /// The words of a list of scalars, or nothing.
    pub fn list_of_words(&self) -> Vec<&'a str> {
        self.elements().iter().filter_map(Spot::words).collect()
    }

    /// The length of time that stands here, or nothing.
    pub fn as_span(&self) -> Option<Span> {
        self.words()?.parse().ok()
    }

    fn wrong(&self, wanted_ja: &str, wanted_en: &str) {
        let help = || Text::both(format!("{wanted_ja}を書いてください。"), format!("Write {wanted_en}."));
        let slip = self.node.as_str().and_then(slips::in_value);
        self.wrong_with(wanted_ja, wanted_en, slip.unwrap_or_else(help));
    }

    /// The same where a list or a map is wanted: what was most likely meant.
    fn no(&self, wanted: Wanted, wanted_ja: &str, wanted_en: &str) {
        let help = || Text::both(format!("{wanted_ja}を書いてください。"), format!("Write {wanted_en}."));
        let slip = self.node.as_str().and_then(|word| slips::in_word(&shortened(word), wanted));
        self.wrong_with(wanted_ja, wanted_en, slip.unwrap_or_else(help));
    }

    fn wrong_with(&self, wanted_ja: &str, wanted_en: &str, help: Text) {
        self.error(
            "R02",
            Text::both(
                format!("{wanted_ja}を書くところに、{}があります。", self.node.value.name_ja()),
                format!("This has to be {wanted_en}, and is {}.", self.node.value.name_en()),
            ),
            help,
        );
    }

    /// The words of a scalar, not empty.
    pub fn string(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Scalar { text, .. } if !text.trim().is_empty() => Some(text),
            _ => {
                self.wrong("文字列", "a text");
                None
            }
        }
    }

    /// A text: words, or a map of `ja`, `easy_ja`, `en` with `ja` at least.
    pub fn text(&self) -> Option<Text> {
        if !matches!(self.node.value, Value::Map(_)) {
            return self.string().map(Text::plain);
        }
        let fields = self.fields()?;
        let ja = fields.need("ja").and_then(|spot| spot.string());
        let easy_ja = fields.get("easy_ja").and_then(|spot| spot.string());
        let en = fields.get("en").and_then(|spot| spot.string());
        fields.finish();
        Some(Text { ja: ja?.to_owned(), easy_ja: easy_ja.map(str::to_owned), en: en.map(str::to_owned) })
    }

    /// The scalars of a text, one for each language that is there.
    pub fn variants(&self) -> Vec<Spot<'a>> {
        match &self.node.value {
            Value::Map(entries) => entries.iter().map(|(key, node)| self.below(&key.name, node)).collect(),
            _ => vec![self.clone()],
        }
    }

    /// A readable key: letters of any script, digits, `_` and `-`.
    pub fn key(&self) -> Option<String> {
        let word = self.string()?;
        if is_key(word) {
            return Some(word.to_owned());
        }
        self.error("R02", not_a_key(word), slips::in_value(word).unwrap_or_else(key_help));
        None
    }

    /// `true` or `false`, without quotation marks.
    pub fn flag(&self) -> Option<bool> {
        match &self.node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => {
                self.wrong("true か false", "true or false");
                None
            }
        }
    }

    /// A whole number, without quotation marks.
    pub fn int(&self) -> Option<i64> {
        let number = match &self.node.value {
            Value::Scalar { text, plain: true } => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong("整数", "a whole number");
        }
        number
    }

    /// A whole number from 1 on.
    pub fn count(&self) -> Option<u32> {
        let number = self.int()?;
        let count = u32::try_from(number).ok().filter(|count| *count > 0);
        if count.is_none() {
            self.error(
                "R02",
                Text::both(
                    format!("{number} は使えません。1 以上の整数です。"),
                    format!("{number} does not fit: this is a whole number from 1 on."),
                ),
                Text::both("1 以上の整数を書いてください。", "Write a whole number from 1 on."),
            );
        }
        count
    }

    /// Tells words that have to stand in quotes and do not: other readers of YAML make a number of `7` or
    /// `0312345678`, and drop what a number does not have.
    pub fn in_quotes(&self) {
        let Value::Scalar { text, plain: true } = &self.node.value else { return };
        let words = shortened(text);
        self.error(
            "R02",
            Text::both(
                format!("「{words}」に引用符がありません。道具によっては数として読み、+ や先頭の 0 を失います。"),
                format!("\"{words}\" stands without quotes: other tools read a number, and drop a + or a leading 0."),
            ),
            Text::both(
                format!("引用符を付けて \"{words}\" と書いてください。"),
                format!("Write it in quotes: \"{words}\"."),
            ),
        );
    }

    /// A length of time.
    pub fn span(&self) -> Option<Span> {
        self.parsed(
            Text::both(
                "90s、15m、1h30m、14d のように書いてください。",
                "Write it like 90s, 15m, 1h30m or 14d.",
            ),
            "時間の長さ",
            "a length of time",
        )
    }

    /// A day.
    pub fn date(&self) -> Option<NaiveDate> {
        self.parsed(
            Text::both("2026-11-01 のように書いてください。", "Write it like 2026-11-01."),
            "日付",
            "a date",
        )
    }

    /// A time of day, hours and minutes.
    pub fn time_of_day(&self) -> Option<NaiveTime> {
        let words = self.string()?;
        let time = NaiveTime::parse_from_str(words, "%H:%M").ok();
        if time.is_none() {
            self.not_a(
                words,
                "時刻",
                "a time of day",
                Text::both(
                    "\"08:30\" のように引用符を付けて書いてください。",
                    "Write it in quotes, like \"08:30\".",
                ),
            );
        }
        time
    }

    /// A moment of local wall time; a day alone is its first minute.
    pub fn wall_time(&self) -> Option<NaiveDateTime> {
        let words = self.string()?;
        let moment = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(words, form).ok())
            .or_else(|| words.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN)));
        if moment.is_none() {
            self.not_a(
                words,
                "日時",
                "a date and time",
                Text::both("2026-12-31T08:30 のように書いてください。", "Write it like 2026-12-31T08:30."),
            );
        }
        moment
    }

    fn parsed<T: FromStr>(&self, help: Text, name_ja: &str, name_en: &str) -> Option<T> {
        let words = self.string()?;
        let value = words.parse().ok();
        if value.is_none() {
            self.not_a(words, name_ja, name_en, help);
        }
        value
    }

    /// Tells that these words are not of the wanted kind.
    pub fn not_a(&self, words: &str, name_ja: &str, name_en: &str, help: Text) {
        let help = slips::in_value(words).unwrap_or(help);
        let words = shortened(words);
        self.error(
            "R02",
            Text::both(
                format!("「{words}」は{name_ja}ではありません。"),
                format!("\"{words}\" is not {name_en}."),
            ),
            help,
        );
    }

    /// One of these words.
    pub fn one_of<T: Clone>(&self, choices: &[(&str, T)]) -> Option<T> {
        let word = self.string()?;
        let found = choices.iter().find(|(name, _)| *name == word).map(|(_, value)| value.clone());
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let (hint_ja, hint_en) = did_you_mean(word, names.iter().copied());
            let slip = slips::in_value(word);
            let word = shortened(word);
            self.error(
                "R02",
                Text::both(
                    format!("「{word}」は使えません。{hint_ja}"),
                    format!("\"{word}\" is not known here.{hint_en}"),
                ),
                slip.unwrap_or_else(|| {
                    Text::both(
                        format!("次のどれかを書いてください: {}", names.join("、")),
                        format!("Write one of: {}.", names.join(", ")),
                    )
                }),
            );
        }
        found
    }

    /// The fields of a map.
    pub fn fields(&self) -> Option<Fields<'a>> {
        match &self.node.value {
            Value::Map(entries) => Some(Fields {
                spot: self.clone(),
                entries,
                asked: RefCell::default(),
                ignored: RefCell::default(),
                missing: RefCell::default(),
            }),
            _ => {
                self.no(Wanted::Map, "「項目: 値」の組", "a map of \"key: value\"");
                None
            }
        }
    }

    /// The elements of a list.
    pub fn items(&self) -> Vec<Spot<'a>> {
        match &self.node.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, node)| Spot {
                    node,
                    path: format!("{}[{index}]", self.path),
                    problems: self.problems,
                })
                .collect(),
            _ => {
                self.no(Wanted::List, "一覧([…] または - …)", "a list ([…] or - …)");
                Vec::new()
            }
        }
    }

    /// The elements of a list that has to have at least one.
    pub fn some_items(&self) -> Vec<Spot<'a>> {
        let items = self.items();
        if matches!(&self.node.value, Value::List(list) if list.is_empty()) {
            self.error(
                "R02",
                Text::both("一覧が空です。", "This list is empty."),
                Text::both("1つ以上書いてください。", "Write at least one element."),
            );
        }
        items
    }

    /// The entries of a map whose keys the author chose.
    pub fn entries(&self) -> Vec<(String, Spot<'a>)> {
        let Value::Map(entries) = &self.node.value else {
            self.no(Wanted::Map, "「キー: 値」の組", "a map of \"key: value\"");
            return Vec::new();
        };
        for (key, _) in entries {
            if !is_key(&key.name) {
                let path = self.path_to(&key.name);
                self.problems.error("R02", key.at, path, not_a_key(&key.name), key_help());
            }
        }
        entries.iter().map(|(key, node)| (key.name.clone(), self.below(&key.name, node))).collect()
    }

    /// The entries of a map that has to have at least one.
    pub fn some_entries(&self) -> Vec<(String, Spot<'a>)> {
        let entries = self.entries();
        if matches!(&self.node.value, Value::Map(map) if map.is_empty()) {
            self.error(
                "R02",
                Text::both("中身が空です。", "This map is empty."),
                Text::both("1つ以上書いてください。", "Write at least one entry."),
            );
        }
        entries
    }

    /// The words of a list.
    pub fn strings(&self) -> Vec<Located<String>> {
        self.items().iter().filter_map(|spot| Some(spot.locate(spot.string()?.to_owned()))).collect()
    }

    fn below(&self, name: &str, node: &'a Node) -> Spot<'a> {
        Spot { node, path: self.path_to(name), problems: self.problems }
    }

    fn path_to(&self, name: &str) -> String {
        let mut path = self.path.clone();
        super::join(&mut path, name);
        path
    }
}

/// A map that was read, and the keys that its reader knows: the schema is compared with them.
#[cfg(test)]
#[derive(Clone, Debug)]
pub(crate) struct ReadMap {
    pub(crate) path: String,
    pub(crate) asked: Vec<&'static str>,
}

/// The keys of one map, while they are being read.
#[derive(Debug)]
pub struct Fields<'a> {
    /// The map itself.
    pub spot: Spot<'a>,
    entries: &'a [(Key, Node)],
    asked: RefCell<Vec<&'static str>>,
    ignored: RefCell<Vec<&'static str>>,
    missing: RefCell<Vec<Missing>>,
}

/// A key that is not there, told when all keys are known: a misspelt key is one fault and not two.
#[derive(Debug)]
struct Missing {
    code: &'static str,
    name: &'static str,
    detail: Text,
    help: Text,
}

impl<'a> Fields<'a> {
    /// The value of an optional key. An empty value is a problem.
    pub fn get(&self, name: &'static str) -> Option<Spot<'a>> {
        self.asked.borrow_mut().push(name);
        let (key, node) = self.entries.iter().find(|(key, _)| key.name == name)?;
        let spot = self.spot.below(name, node);
        if matches!(node.value, Value::Null) {
            self.spot.problems.error(
                "R02",
                key.at,
                spot.path,
                Text::both(format!("「{name}」の値がありません。"), format!("\"{name}\" has no value.")),
                Text::both("値を書くか、項目ごと消してください。", "Write a value, or remove the key."),
            );
            return None;
        }
        Some(spot)
    }

    /// The value of a mandatory key.
    pub fn need(&self, name: &'static str) -> Option<Spot<'a>> {
        let found = self.get(name);
        if found.is_none() && !self.has(name) {
            self.missing("R02", name);
        }
        found
    }

    /// Tells that a key is missing, at its owner.
    pub fn missing(&self, code: &'static str, name: &'static str) {
        let help = match example::of(self.kind(), &self.spot.path, name) {
            Some(example) => Text::both(
                format!("次のように書き足してください: {name}: {example}"),
                format!("Add it like this: {name}: {example}"),
            ),
            None => Text::both(format!("「{name}:」を書き足してください。"), format!("Add \"{name}:\".")),
        };
        let detail = Text::both(
            format!("必須の項目「{name}」がありません。"),
            format!("The key \"{name}\" is missing."),
        );
        self.missing_because(code, name, detail, help);
    }

    /// What the file says it is, where this map is the file itself.
    fn kind(&self) -> Option<&str> {
        let is_file = self.spot.path.is_empty();
        self.entries.iter().find(|(key, _)| is_file && key.name == "kind")?.1.as_str()
    }

    /// Tells that a key is missing, at its owner, in the words of a rule.
    pub fn missing_because(&self, code: &'static str, name: &'static str, detail: Text, help: Text) {
        self.missing.borrow_mut().push(Missing { code, name, detail, help });
    }

    /// Whether an unknown key of this map was most likely meant to be this one. To be asked when every known key has
    /// been asked for.
    pub fn is_misspelt(&self, name: &str) -> bool {
        let asked = self.asked.borrow();
        let ignored = self.ignored.borrow();
        self.entries
            .iter()
            .map(|(key, _)| key.name.as_str())
            .filter(|key| !asked.contains(key) && !ignored.contains(key))
            .take(MOST_HINTS)
            .any(|key| nearest(key, asked.iter().copied()) == Some(name))
    }

    /// Whether the key is there, whatever its value.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.name == name)
    }

    /// The key's own place, where it is there.
    pub fn place_of(&self, name: &str) -> Option<Position> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.at)
    }

    /// The entries that nobody asked for yet, for maps with fixed and free keys.
    pub fn others(&self) -> Vec<(String, Spot<'a>)> {
        let asked = self.asked.borrow();
        self.entries
            .iter()
            .filter(|(key, _)| !asked.contains(&key.name.as_str()))
            .map(|(key, node)| (key.name.clone(), self.spot.below(&key.name, node)))
            .collect()
    }

    /// Knows a key without reading it: not suggested, and not refused.
    pub fn ignore(&self, name: &'static str) {
        self.ignored.borrow_mut().push(name);
    }

    /// Refuses every key that nobody asked for, and tells what is missing.
    pub fn finish(self) {
        #[cfg(test)]
        self.spot
            .problems
            .read
            .borrow_mut()
            .push(ReadMap { path: self.spot.path.clone(), asked: self.asked.borrow().clone() });
        for Missing { code, name, detail, help } in self.missing.take() {
            let is_told = self.spot.problems.has_refused_key_in(&self.spot.path);
            if !self.is_misspelt(name) && !is_told && !self.spot.problems.is_torn() {
                let path = self.spot.path_to(name);
                self.spot.problems.error(code, self.spot.node.at, path, detail, help);
            }
        }
        let asked = self.asked.borrow();
        let ignored = self.ignored.borrow();
        let is_known = |name: &str| asked.contains(&name) || ignored.contains(&name);
        let unknown = self.entries.iter().map(|(key, _)| key).filter(|key| !is_known(&key.name));
        for (index, key) in unknown.enumerate() {
            let name = key.name.as_str();
            let names = asked.iter().copied().filter(|_| index < MOST_HINTS);
            let (hint_ja, hint_en) = did_you_mean(name, names);
            let known = asked.join(", ");
            let slip = slips::in_key(name);
            let name = shortened(name);
            self.spot.problems.error(
                "R02",
                key.at,
                self.spot.path_to(&key.name),
                Text::both(
                    format!("「{name}」という項目はありません。{hint_ja}"),
                    format!("There is no key \"{name}\" here.{hint_en}"),
                ),
                slip.unwrap_or_else(|| {
                    Text::both(format!("ここに書ける項目: {known}"), format!("Keys known here: {known}."))
                }),
            );
        }
    }
}

impl Value {
    const fn name_ja(&self) -> &'static str {
        match self {
            Self::Null => "空の値",
            Self::Scalar { text, .. } if text.is_empty() => "空の文字列",
            Self::Scalar { .. } => "ほかの値",
            Self::List(_) => "一覧",
            Self::Map(_) => "「項目: 値」の組",
        }
    }

    const fn name_en(&self) -> &'static str {
        match self {
            Self::Null => "empty",
            Self::Scalar { text, .. } if text.is_empty() => "an empty text",
            Self::Scalar { .. } => "something else",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Whether a word can be a readable key.
pub fn is_key(word: &str) -> bool {
    !word.is_empty()
        && word.chars().count() <= 64
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

fn not_a_key(word: &str) -> Text {
    let word = shortened(word);
    Text::both(format!("「{word}」はキーとして使えません。"), format!("\"{word}\" cannot be a key."))
}

fn key_help() -> Text {
    Text::both(
        "文字・数字・_・- だけで、64文字以内にしてください。",
        "Use letters, digits, _ and - only, at most 64.",
    )
}

/// The beginning of words that an author may have made very long.
pub fn shortened(words: &str) -> String {
    const MOST: usize = 60;
    match words.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", &words[..cut]),
        None => words.to_owned(),
    }
}

/// "Did you mean …?" in both languages, or nothing; ready to stand behind a sentence.
pub fn did_you_mean<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> (String, String) {
    match nearest(word, names) {
        Some(name) => (format!("「{name}」のことですか。"), format!(" Did you mean \"{name}\"?")),
        None => (String::new(), String::new()),
    }
}

/// The name that a slip of the fingers could have meant.
pub fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let length = word.chars().count();
    if length > 64 {
        return None;
    }
    let most = (length / 3).max(1);
    names
        .take(2000)
        .filter(|name| name.chars().count().abs_diff(length) <= most)
        .map(|name| (distance(word, name), name))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| name)
}

/// Edits between two words; two exchanged neighbours are one edit (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substituted.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_fingers_are_recognised() {
        let names = || ["subject", "body", "severity", "respond_by"].into_iter();
        assert_eq!(nearest("sujbect", names()), Some("subject"));
        assert_eq!(nearest("respondby", names()), Some("respond_by"));
        assert_eq!(nearest("colour", names()), None);
    }
}
