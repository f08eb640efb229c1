//! What one directory has that another has not, in its readers' terms: entry by entry, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Agency, Contact, Directory, Person, Roster, SiteValue, Transport, Turn};
use crate::text::{Language, Text};

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Title and dates of the directory itself.
    Metadata,
    /// A value of the site.
    Site,
    /// A transport.
    Transport,
    /// An agency or a group.
    Agency,
    /// A person.
    Person,
    /// A roster.
    Roster,
    /// A role account.
    RoleAccount,
}

impl Kind {
    /// How a reference to such an entry begins: `agency:`, `roster.`.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Metadata => "metadata.",
            Self::Site => "site.",
            Self::Transport => "transport:",
            Self::Agency => "agency:",
            Self::Person => "person:",
            Self::Roster => "roster.",
            Self::RoleAccount => "role_account:",
        }
    }
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is new.
    Added,
    /// It is other than before.
    Changed,
    /// It is no longer there.
    Removed,
}

/// An entry that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its kind.
    pub kind: Kind,
    /// Its key.
    pub key: String,
    /// Its name for people: the new one where there is one.
    pub name: Text,
    /// What became of it.
    pub fate: Fate,
    /// Each field that differs; of a new entry what it holds, of a removed one what it held.
    pub fields: Vec<FieldChange>,
}

impl Change {
    /// `agency:hosp_a`.
    pub fn reference(&self) -> String {
        format!("{}{}", self.kind.prefix(), self.key)
    }
}

/// A change in the words of one language, for programs and pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// `agency:hosp_a`.
    pub key: String,
    /// Its name.
    pub name: String,
    /// What became of it.
    pub change: Fate,
    /// Each field that differs.
    pub fields: Vec<ShownField>,
}

/// A field in the words of one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownField {
    /// `primary.email`.
    pub field: String,
    /// 主 メール.
    pub label: String,
    /// What stood there.
    pub old: Option<String>,
    /// What stands there now.
    pub new: Option<String>,
}

impl Change {
    /// The change for a reader of this language.
    pub fn shown(&self, language: Language) -> Shown {
        let fields = self.fields.iter().map(|field| ShownField {
            field: field.field.clone(),
            label: field.label.get(language).to_owned(),
            old: field.old.clone(),
            new: field.new.clone(),
        });
        Shown {
            key: self.reference(),
            name: self.name.get(language).to_owned(),
            change: self.fate,
            fields: fields.collect(),
        }
    }
}

/// The references of what met this fate.
pub fn references(changes: &[Change], fate: Fate) -> Vec<String> {
    changes.iter().filter(|change| change.fate == fate).map(Change::reference).collect()
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// The way to it inside of its entry: `primary.email`.
    pub field: String,
    /// Its name for people: 主 メール.
    pub label: Text,
    /// What stood there; of lists what is no longer in it.
    pub old: Option<String>,
    /// What stands there now; of lists what is new in it.
    pub new: Option<String>,
}

/// Everything that differs, by kind and key. `before` is `None` where there was no directory.
pub fn difference(before: Option<&Directory>, after: &Directory) -> Vec<Change> {
    let before: BTreeMap<_, _> = before.map(entries).unwrap_or_default();
    let after = entries(after);
    let places: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    places
        .into_iter()
        .filter_map(|place| {
            let (old, new) = (before.get(place), after.get(place));
            let (fate, name) = match (old, new) {
                (None, Some(new)) => (Fate::Added, &new.name),
                (Some(_), Some(new)) => (Fate::Changed, &new.name),
                (Some(old), None) => (Fate::Removed, &old.name),
                (None, None) => return None,
            };
            if old.zip(new).is_some_and(|(old, new)| old.fields == new.fields) {
                return None;
            }
            let fields = compare(old, new);
            Some(Change { kind: place.0, key: place.1.to_owned(), name: name.clone(), fate, fields })
        })
        .collect()
}

/// An entry laid out flat.
struct Entry {
    name: Text,
    /// In the order of the file: field and value.
    fields: Vec<(String, Value)>,
}

#[derive(Clone, PartialEq)]
enum Value {
    One(String),
    Several(Vec<String>),
}

impl Value {
    fn shown(&self) -> String {
        match self {
            Self::One(one) => one.clone(),
            Self::Several(several) => several.join("、"),
        }
    }
}

fn compare(old: Option<&Entry>, new: Option<&Entry>) -> Vec<FieldChange> {
    let fields = |entry: Option<&'_ Entry>| -> Vec<String> {
        entry.into_iter().flat_map(|entry| &entry.fields).map(|(field, _)| field.clone()).collect()
    };
    let value = |entry: Option<&'_ Entry>, field: &str| -> Option<Value> {
        entry?.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone())
    };
    let mut order = fields(new);
    order.extend(fields(old).into_iter().filter(|field| !fields(new).contains(field)));
    order
        .into_iter()
        .filter_map(|field| {
            let (before, after) = (value(old, &field), value(new, &field));
            if before == after {
                return None;
            }
            let (before, after) = match (before, after) {
                (Some(Value::Several(before)), Some(Value::Several(after))) => {
                    only_what_differs(before, after)
                }
                (before, after) => (before.map(|value| value.shown()), after.map(|value| value.shown())),
            };
            Some(FieldChange { label: label(&field), field, old: before, new: after })
        })
        .collect()
}

/// Of two lists what only one of them has; of the same words in another order, both.
fn only_what_differs(before: Vec<String>, after: Vec<String>) -> (Option<String>, Option<String>) {
    let (old, new): (BTreeSet<&String>, BTreeSet<&String>) =
        (before.iter().collect(), after.iter().collect());
    if old == new {
        return (Some(before.join("、")), Some(after.join("、")));
    }
    let left = |of: &[String], without: &BTreeSet<&String>| {
        let left: Vec<&str> = of.iter().filter(|word| !without.contains(word)).map(String::as_str).collect();
        (!left.is_empty()).then(|| left.join("、"))
    };
    (left(&before, &new), left(&after, &old))
}

/// What a field is called.
fn label(field: &str) -> Text {
    let (ja, en) = match field {
        "title" | "name" => ("名称", "name"),
        "kana" => ("ふりがな", "reading"),
        "post" => ("所属・役職", "post"),
        "human" => ("人が応答する", "answered by a human"),
        "outside" => ("院外", "outside"),
        "members" => ("構成", "members"),
        "language" => ("言語", "language"),
        "verified_on" => ("確認日", "verified on"),
        "verify_every" => ("確認の間隔", "verify every"),
        "driver" => ("方式", "driver"),
        "proves" => ("証明できること", "proves"),
        "max_chars" => ("最大文字数", "longest text"),
        "rotate" => ("交代", "rotation"),
        "zone" => ("時間帯", "time zone"),
        "overrides" => ("差し替え", "overrides"),
        "gaps" => ("空白", "gaps"),
        "roster" => ("当番表", "roster"),
        "value" => ("値", "value"),
        other => return place(other),
    };
    Text::both(ja, en)
}

/// `primary.email` → 主 メール.
fn place(field: &str) -> Text {
    let (way, rest) = field.split_once('.').unwrap_or(("", field));
    let (ja, en) = match way {
        "primary" => ("主", "primary"),
        "alternate" => ("代替", "alternate"),
        _ => ("", ""),
    };
    let named = match rest {
        "name" => Text::both(format!("{ja} 窓口"), format!("{en} desk")),
        "person" => Text::both(format!("{ja} 担当者"), format!("{en} person")),
        "email" => Text::both(format!("{ja} メール"), format!("{en} mail")),
        "sms" => Text::both(format!("{ja} 携帯(SMS)"), format!("{en} mobile (SMS)")),
        "phone" => Text::both(format!("{ja} 電話"), format!("{en} telephone")),
        transport => Text::both(format!("{ja} {transport}"), format!("{en} {transport}")),
    };
    Text::both(named.ja.trim(), named.en.unwrap_or_default().trim())
}

fn entries(directory: &Directory) -> BTreeMap<(Kind, &str), Entry> {
    let mut found = BTreeMap::new();
    let mut metadata = Layout::default();
    metadata.one("title", written(&directory.title));
    metadata.one("verified_on", directory.verified_on.to_string());
    metadata.maybe("verify_every", directory.verify_every.map(|every| every.to_string()));
    found.insert((Kind::Metadata, directory.key.as_str()), metadata.of(&directory.title));
    for (key, value) in &directory.site {
        let mut layout = Layout::default();
        match value {
            SiteValue::One(one) => layout.one("value", one.clone()),
            SiteValue::List(several) => layout.several("value", several.clone()),
        }
        found.insert((Kind::Site, key.as_str()), layout.of(&Text::plain(key)));
    }
    for (key, transport) in &directory.transports {
        found.insert((Kind::Transport, key.as_str()), of_transport(transport).of(&Text::plain(key)));
    }
    for (key, agency) in &directory.agencies {
        found.insert((Kind::Agency, key.as_str()), of_agency(agency).of(&agency.title));
    }
    for (key, person) in &directory.people {
        found.insert((Kind::Person, key.as_str()), of_person(person).of(&person.name));
    }
    for (key, roster) in &directory.rosters {
        let name = roster.title.clone().unwrap_or_else(|| Text::plain(key));
        found.insert((Kind::Roster, key.as_str()), of_roster(roster).of(&name));
    }
    for (key, account) in &directory.role_accounts {
        let mut layout = Layout::default();
        layout.one("title", written(&account.title));
        layout.one("roster", account.roster.clone());
        found.insert((Kind::RoleAccount, key.as_str()), layout.of(&account.title));
    }
    found
}

#[derive(Default)]
struct Layout(Vec<(String, Value)>);

impl Layout {
    fn one(&mut self, field: &str, value: String) {
        self.0.push((field.to_owned(), Value::One(value)));
    }

    fn maybe(&mut self, field: &str, value: Option<String>) {
        if let Some(value) = value {
            self.one(field, value);
        }
    }

    fn several(&mut self, field: &str, value: Vec<String>) {
        self.0.push((field.to_owned(), Value::Several(value)));
    }

    fn of(self, name: &Text) -> Entry {
        Entry { name: name.clone(), fields: self.0 }
    }
}

fn of_transport(transport: &Transport) -> Layout {
    let mut layout = Layout::default();
    layout.one("driver", transport.driver.clone());
    layout.several("proves", transport.proves.clone());
    layout.maybe("max_chars", transport.max_chars.map(|most| most.to_string()));
    layout
}

fn of_agency(agency: &Agency) -> Layout {
    let mut layout = Layout::default();
    layout.one("title", written(&agency.title));
    layout.maybe("kana", agency.kana.clone());
    layout.one("outside", agency.outside.to_string());
    if let Some(members) = &agency.members {
        layout.several("members", members.clone());
    }
    for (way, contact) in [("primary", &agency.primary), ("alternate", &agency.alternate)] {
        let Contact { name, person, reach } = contact;
        layout.maybe(&format!("{way}.name"), name.as_ref().map(written));
        layout.maybe(&format!("{way}.person"), person.clone());
        for (transport, address) in reach {
            layout.one(&format!("{way}.{transport}"), address.clone());
        }
    }
    layout.maybe("language", spoken(agency.language));
    layout.maybe("verified_on", agency.verified_on.map(|on| on.to_string()));
    layout
}

fn of_person(person: &Person) -> Layout {
    let mut layout = Layout::default();
    layout.one("name", written(&person.name));
    layout.maybe("kana", person.kana.clone());
    layout.maybe("post", person.post.as_ref().map(written));
    layout.one("human", person.human.to_string());
    for (transport, address) in &person.reach {
        layout.one(&format!("reach.{transport}"), address.clone());
    }
    layout.maybe("language", spoken(person.language));
    layout.maybe("verified_on", person.verified_on.map(|on| on.to_string()));
    layout
}

fn of_roster(roster: &Roster) -> Layout {
    let mut layout = Layout::default();
    layout.maybe("title", roster.title.as_ref().map(written));
    layout.several("members", roster.members.clone());
    layout.maybe(
        "rotate",
        roster.rotate.as_ref().map(|rotation| {
            let every = match rotation.every {
                Turn::Daily => "daily".to_owned(),
                Turn::Weekly => "weekly".to_owned(),
                Turn::Every(span) => span.to_string(),
            };
            format!("{every} {} {}", rotation.since, rotation.handover.format("%H:%M"))
        }),
    );
    layout.one("zone", roster.zone.name().to_owned());
    let period = |from: &chrono::NaiveDateTime, to: &chrono::NaiveDateTime| {
        format!("{} – {}", from.format("%Y-%m-%d %H:%M"), to.format("%Y-%m-%d %H:%M"))
    };
    let overrides = roster.overrides.iter();
    let overrides =
        overrides.map(|other| format!("{} {}", period(&other.from, &other.to), other.members.join("・")));
    layout.several("overrides", overrides.collect());
    layout.several("gaps", roster.gaps.iter().map(|gap| period(&gap.from, &gap.to)).collect());
    layout
}

fn spoken(language: Language) -> Option<String> {
    (language != Language::default()).then(|| language.key().to_owned())
}

/// Every language of a text.
fn written(text: &Text) -> String {
    text.variants().map(|(_, words)| words).collect::<Vec<_>>().join(" / ")
}

#[cfg(test)]
mod tests {
    use super::{super::read, *};

    fn directory(change: impl Fn(&str) -> String) -> Directory {
        let source = include_str!("../../../playbooks/directory.example.yaml");
        let (directory, problems) = read(change(source).as_bytes());
        directory.unwrap_or_else(|| panic!("{problems:?}"))
    }

    #[test]
    fn a_changed_address_is_told_with_the_old_and_the_new_one() {
        let before = directory(str::to_owned);
        let after = directory(|source| source.replace("dmat@kitamino-hosp", "saigai@kitamino-hosp"));
        let changes = difference(Some(&before), &after);
        let [change] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!((change.reference().as_str(), change.fate), ("agency:hosp_kitamino", Fate::Changed));
        let [field] = &change.fields[..] else { panic!("{change:?}") };
        assert_eq!((field.field.as_str(), field.label.ja.as_str()), ("primary.email", "主 メール"));
        assert_eq!(field.old.as_deref(), Some("dmat@kitamino-hosp.example"));
        assert_eq!(field.new.as_deref(), Some("saigai@kitamino-hosp.example"));
    }

    #[test]
    fn of_a_group_only_the_members_that_came_or_went_are_told() {
        let before = directory(str::to_owned);
        let after =
            directory(|source| source.replace("[hosp_kitamino, hosp_abashiri,", "[fire_hq, hosp_abashiri,"));
        let changes = difference(Some(&before), &after);
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].fields[0].old.as_deref(), Some("hosp_kitamino"));
        assert_eq!(changes[0].fields[0].new.as_deref(), Some("fire_hq"));
    }

    #[test]
    fn the_same_directory_differs_in_nothing_and_the_first_one_in_all() {
        let one = directory(str::to_owned);
        assert_eq!(difference(Some(&one), &one), []);
        let all = difference(None, &one);
        assert!(all.iter().all(|change| change.fate == Fate::Added));
        assert_eq!(all.iter().filter(|change| change.kind == Kind::Agency).count(), one.agencies.len());
    }
}
