//! Settings as they were written, with their places, and how one is taken out and read.

use std::{collections::BTreeMap, ffi::OsString, fmt::Display, ops::RangeInclusive, str::FromStr};

use noroshi_core::text::Text;
use toml::de::{DeTable, DeValue};

use super::ConfigProblem;

/// A value that was read, or everything that is wrong with it.
pub(super) type Read<T> = Result<T, Vec<Text>>;

/// One problem and nothing else.
pub(super) fn one<T>(ja: impl Into<String>, en: impl Into<String>) -> Read<T> {
    Err(vec![Text::both(ja, en)])
}

/// A value as it was written. The environment knows only texts, so texts are read as whatever is wanted.
#[derive(Debug)]
pub(super) enum Raw {
    Text(String),
    Whole(i64),
    Bool(bool),
    List(Vec<String>),
    /// A date, a fraction, a table, a list of other things than texts and whole numbers.
    Other,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    raw: Raw,
}

#[derive(Debug)]
enum Place {
    File(String),
    Variable(String),
}

/// Everything that was written, until it is taken out.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// By section and key.
    entries: BTreeMap<(String, String), Entry>,
    problems: Vec<ConfigProblem>,
    /// What was asked for: the keys that exist.
    known: Vec<(&'static str, &'static str)>,
}

impl Settings {
    /// Adds the settings of a TOML file; a line that is no TOML is a problem.
    pub(super) fn add_file(&mut self, text: &str, name: &str) {
        let line = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let place = format!("{name}:{}", line(error.span().map_or(0, |span| span.start)));
            let message = error.message();
            self.refuse(
                place,
                Text::both(
                    format!("TOML として読めません ({message})。"),
                    format!("not readable as TOML: {message}"),
                ),
            );
        }
        if !errors.is_empty() {
            return;
        }
        for (section, content) in table.get_ref() {
            let Some(keys) = content.get_ref().as_table() else {
                self.refuse(
                    format!("{name}:{}: {}", line(section.span().start), section.get_ref()),
                    Text::both(
                        "節の外に書かれています。[server] などの節の中に書いてください。",
                        "stands outside of every section; put it under [server] or another section",
                    ),
                );
                continue;
            };
            for (key, value) in keys {
                let (section, key_name) = (section.get_ref().to_string(), key.get_ref().to_string());
                let place = format!("{name}:{}: {section}.{key_name}", line(key.span().start));
                let entry = Entry { place: Place::File(place), raw: Raw::of(value.get_ref()) };
                self.entries.insert((section, key_name), entry);
            }
        }
    }

    /// Lays the variables `NOROSHI_<SECTION>__<KEY>` over what is there.
    pub(super) fn add_environment(&mut self, environment: impl IntoIterator<Item = (OsString, OsString)>) {
        for (name, value) in environment {
            let Some(name) = name.to_str() else { continue };
            let Some((section, key)) = name.strip_prefix("NOROSHI_").and_then(|rest| rest.split_once("__"))
            else {
                continue;
            };
            let Ok(value) = value.into_string() else {
                self.refuse(name.to_owned(), Text::both("UTF-8 ではありません。", "the value is not UTF-8"));
                continue;
            };
            let entry = Entry { place: Place::Variable(name.to_owned()), raw: Raw::Text(value) };
            self.entries.insert((section.to_lowercase(), key.to_lowercase()), entry);
        }
    }

    /// Takes a setting out and reads it; the default where it is not there or wrong.
    pub(super) fn get<T>(
        &mut self,
        section: &'static str,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Raw) -> Read<T>,
    ) -> T {
        self.known.push((section, key));
        let Some(entry) = self.entries.remove(&(section.to_owned(), key.to_owned())) else { return default };
        match read(&entry.raw) {
            Ok(value) => value,
            // `docker compose` and the like hand over variables that nobody filled in.
            Err(_) if matches!((&entry.place, &entry.raw), (Place::Variable(_), Raw::Text(text)) if text.is_empty()) => {
                default
            }
            Err(problems) => {
                for says in problems {
                    self.refuse(entry.place.to_string(), says);
                }
                default
            }
        }
    }

    /// Takes every setting of a section whose keys the operator chooses, by key in lower case; a value that cannot be
    /// read is a problem.
    pub(super) fn take_section<T>(
        &mut self,
        section: &str,
        read: impl Fn(&Raw) -> Read<T>,
    ) -> BTreeMap<String, T> {
        let keys: Vec<_> = self.entries.keys().filter(|(of, _)| of == section).cloned().collect();
        let mut taken = BTreeMap::new();
        for place in keys {
            let Some(entry) = self.entries.remove(&place) else { continue };
            match read(&entry.raw) {
                Ok(value) => {
                    taken.insert(place.1.to_lowercase(), value);
                }
                Err(problems) => {
                    for says in problems {
                        self.refuse(entry.place.to_string(), says);
                    }
                }
            }
        }
        taken
    }

    /// Adds a problem.
    pub(super) fn refuse(&mut self, place: String, says: Text) {
        self.problems.push(ConfigProblem { place, says });
    }

    /// `section.key` of everything that was asked for.
    #[cfg(test)]
    pub(super) fn known_keys(&self) -> Vec<String> {
        self.known.iter().map(|(section, key)| format!("{section}.{key}")).collect()
    }

    /// All problems; what nobody asked for is one.
    pub(super) fn finish(mut self) -> Vec<ConfigProblem> {
        for ((section, key), entry) in std::mem::take(&mut self.entries) {
            let nearest = self
                .known
                .iter()
                .map(|known| {
                    (distance(&format!("{section}.{key}"), &format!("{}.{}", known.0, known.1)), known)
                })
                .min()
                .filter(|(distance, _)| *distance <= 3);
            let (ja, en) = match nearest {
                Some((_, (section, key))) => {
                    let name = match entry.place {
                        Place::File(_) => format!("{section}.{key}"),
                        Place::Variable(_) => format!("NOROSHI_{section}__{key}").to_uppercase(),
                    };
                    (
                        format!("そのような項目はありません。{name} のことですか。"),
                        format!("did you mean {name}?"),
                    )
                }
                None => (
                    "そのような項目はありません。消すか、config.default.toml の項目名で書いてください。"
                        .to_owned(),
                    "remove it, or write a key of config.default.toml".to_owned(),
                ),
            };
            self.refuse(entry.place.to_string(), Text::both(ja, format!("there is no such key; {en}")));
        }
        self.problems
    }
}

impl Raw {
    fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Self::Other, Self::Whole)
            }
            DeValue::Boolean(value) => Self::Bool(*value),
            DeValue::Array(items) => items
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::String(text) => Some(text.to_string()),
                    DeValue::Integer(number) => Some(number.to_string()),
                    _ => None,
                })
                .collect::<Option<_>>()
                .map_or(Self::Other, Self::List),
            _ => Self::Other,
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(place) | Self::Variable(place) => f.write_str(place),
        }
    }
}

/// Reads a text.
pub(super) fn text_of(raw: &Raw) -> Read<String> {
    match raw {
        Raw::Text(text) => Ok(text.trim().to_owned()),
        _ => one("文字列を \"…\" の形で書いてください。", "write a text in quotation marks"),
    }
}

/// Reads `true` or `false`.
pub(super) fn bool_of(raw: &Raw) -> Read<bool> {
    match raw {
        Raw::Bool(value) => Ok(*value),
        Raw::Text(text) if text.trim() == "true" => Ok(true),
        Raw::Text(text) if text.trim() == "false" => Ok(false),
        _ => one("true か false を書いてください。", "write true or false"),
    }
}

/// Reads a whole number within a range.
pub(super) fn number_of<N>(raw: &Raw, range: RangeInclusive<N>) -> Read<N>
where
    N: TryFrom<i64> + FromStr + PartialOrd + Display,
{
    let number = match raw {
        Raw::Whole(number) => N::try_from(*number).ok(),
        Raw::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    match number.filter(|number| range.contains(number)) {
        Some(number) => Ok(number),
        None => {
            let (least, most) = range.into_inner();
            one(
                format!("{least} から {most} までの整数を書いてください。"),
                format!("write a whole number from {least} to {most}"),
            )
        }
    }
}

/// Reads a list of texts; from the environment comma separated.
pub(super) fn list_of(raw: &Raw) -> Read<Vec<String>> {
    match raw {
        Raw::List(items) => Ok(items.clone()),
        Raw::Text(text) => {
            Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
        }
        _ => one(
            "文字列の並びを [\"…\", \"…\"] の形で書いてください。",
            "write a list of texts: [\"…\", \"…\"]",
        ),
    }
}

/// How many letters have to be changed, added or removed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
