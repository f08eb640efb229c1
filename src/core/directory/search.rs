//! Looking for agencies and people. Folded once for each version of the directory, so that a search only compares.

use std::collections::BTreeMap;

use super::{Agency, Contact, Directory, Person, fold::for_search};
use crate::text::Text;

/// Which list an entry stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An agency.
    Agency,
    /// A group of agencies.
    Group,
    /// A person.
    Person,
}

/// Something that can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which list it stands in.
    pub kind: Kind,
    /// Its key there.
    pub key: String,
    /// The keys of the groups that it belongs to, directly or through groups; for an agency only.
    pub groups: Vec<String>,
    folded: String,
}

/// Everything that can be found in one version of a directory: agencies and groups by reading, then people.
#[derive(Clone, Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
}

impl Index {
    /// Folds a whole directory.
    pub fn of(directory: &Directory) -> Self {
        let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (key, agency) in &directory.agencies {
            if agency.members.is_some() {
                for member in directory.expand(key) {
                    groups.entry(member).or_default().push(key.clone());
                }
            }
        }
        let title = |key: &String| directory.agencies.get(key).map(|group| &group.title);
        let mut entries = Vec::with_capacity(directory.agencies.len() + directory.people.len());
        for (key, agency) in &directory.agencies {
            let groups = groups.get(key.as_str()).cloned().unwrap_or_default();
            let titles: Vec<&Text> = groups.iter().filter_map(title).collect();
            let kind = if agency.members.is_some() { Kind::Group } else { Kind::Agency };
            let folded = of_agency(directory, key, agency, &titles);
            entries.push((by(&agency.kana, &agency.title), Entry { kind, key: key.clone(), groups, folded }));
        }
        for (key, person) in &directory.people {
            let folded = of_person(key, person);
            let entry = Entry { kind: Kind::Person, key: key.clone(), groups: Vec::new(), folded };
            entries.push((by(&person.kana, &person.name), entry));
        }
        // What has the same reading stands in the order of the keys, in which it was put.
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (people, agencies): (Vec<Entry>, Vec<Entry>) =
            entries.into_iter().map(|(_, entry)| entry).partition(|entry| entry.kind == Kind::Person);
        Self { entries: agencies.into_iter().chain(people).collect() }
    }

    /// The entries that hold every word of the query, in reading order; all of them for an empty query.
    ///
    /// Kana, width, case and voiced marks do not count, nor do the dashes of a telephone number.
    pub fn find<'i>(&'i self, query: &str) -> impl Iterator<Item = &'i Entry> {
        let words: Vec<String> = query.split_whitespace().map(word).filter(|word| !word.is_empty()).collect();
        self.entries.iter().filter(move |entry| words.iter().all(|word| entry.folded.contains(word.as_str())))
    }
}

/// A word of a query; of a telephone number only the digits.
fn word(typed: &str) -> String {
    let word = for_search(typed);
    if word.chars().all(|c| c.is_ascii_digit() || c == '-') { word.replace('-', "") } else { word }
}

/// What an entry is sorted by: its reading, else its name.
fn by(kana: &Option<String>, name: &Text) -> String {
    for_search(kana.as_deref().unwrap_or(&name.ja))
}

fn of_agency(directory: &Directory, key: &str, agency: &Agency, groups: &[&Text]) -> String {
    let mut words = Words::default();
    words.put(key);
    words.text(&agency.title);
    words.put(agency.kana.as_deref().unwrap_or_default());
    groups.iter().for_each(|title| words.text(title));
    for contact in [&agency.primary, &agency.alternate] {
        words.contact(contact);
        if let Some(person) = contact.person.as_deref().and_then(|key| directory.people.get(key)) {
            words.text(&person.name);
        }
    }
    words.folded
}

fn of_person(key: &str, person: &Person) -> String {
    let mut words = Words::default();
    words.put(key);
    words.text(&person.name);
    words.put(person.kana.as_deref().unwrap_or_default());
    person.post.iter().for_each(|post| words.text(post));
    person.reach.values().for_each(|address| words.address(address));
    words.folded
}

/// What is gathered of one entry. Words are kept apart, so that the end of one and the beginning of another are not
/// found as one word.
#[derive(Default)]
struct Words {
    folded: String,
}

impl Words {
    fn put(&mut self, words: &str) {
        self.folded.push_str(&for_search(words));
        self.folded.push('\n');
    }

    fn text(&mut self, text: &Text) {
        text.variants().for_each(|(_, words)| self.put(words));
    }

    fn contact(&mut self, contact: &Contact) {
        contact.name.iter().for_each(|name| self.text(name));
        contact.reach.values().for_each(|address| self.address(address));
    }

    /// An address, and its digits alone: nobody remembers where the dashes are.
    fn address(&mut self, address: &str) {
        self.put(address);
        if !address.contains('@') {
            let digits: String = for_search(address).chars().filter(char::is_ascii_digit).collect();
            self.put(&digits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::read;

    const SOURCE: &str = "
apiVersion: noroshi/v1
kind: Directory
metadata: { key: x, title: 台帳, verified_on: 2026-11-01 }
transports: { email: { driver: smtp }, phone: { driver: human_call } }
people:
  p_t: { name: 髙橋 渉, kana: たかはし わたる, post: 救急科, reach: { phone: '000-0000-1234' } }
agencies:
  dmat: { kind: group, title: DMAT指定医療機関, members: [a, b] }
  a: { title: 北見ガンセンター, kana: キタミガンセンター, primary: { email: dmat@a.example } }
  b: { title: 網尻総合病院, alternate: { name: 当直室, person: p_t } }
";

    fn found(query: &str) -> Vec<String> {
        let (directory, problems) = read(SOURCE.as_bytes());
        let index = Index::of(&directory.unwrap_or_else(|| panic!("{problems:?}")));
        index.find(query).map(|entry| entry.key.clone()).collect()
    }

    #[test]
    fn kana_width_case_and_voiced_marks_do_not_count() {
        for query in ["がんせんたー", "ｶﾞﾝｾﾝﾀｰ", "カ゛ンセンター", "きたみ がん", "ＤＭＡＴ＠ａ"]
        {
            assert_eq!(found(query), ["a"], "{query}");
        }
        assert_eq!(found("高橋"), ["b", "p_t"], "through the person behind a contact too");
        assert_eq!(found("00000001234"), ["p_t"]);
    }

    #[test]
    fn every_word_has_to_be_there_and_groups_count() {
        assert_eq!(found("dmat指定 当直"), ["b"]);
        assert_eq!(found("当直 がん"), [""; 0]);
        assert_eq!(found("").len(), 4);
    }
}
