//! Writes a directory as the YAML that [`read`](super::read) reads back to the same directory.
//!
//! An import from a spreadsheet goes through here: its result is stored, exported and checked as any other file.

use std::fmt::Write as _;

use super::{
    Agency, Contact, Directory, Gap, Override, Person, RoleAccount, Roster, Rotation, SiteValue, Transport,
    Turn,
};
use crate::text::{Language, Text};

/// The whole directory as a file.
pub fn write(directory: &Directory) -> String {
    let Directory {
        key,
        title,
        verified_on,
        verify_every,
        site,
        transports,
        people,
        agencies,
        rosters,
        role_accounts,
        // Who stands in is written down in the service, not in the file.
        covers: _,
    } = directory;
    let mut metadata = vec![("key", quoted(key)), ("title", text(title))];
    metadata.push(("verified_on", verified_on.to_string()));
    metadata.extend(verify_every.map(|every| ("verify_every", every.to_string())));
    let mut file = format!("apiVersion: noroshi/v1\nkind: Directory\nmetadata: {}\n", flow(&metadata));
    block(&mut file, "site", site.iter(), false, |value| match value {
        SiteValue::One(one) => quoted(one),
        SiteValue::List(several) => list(several),
    });
    block(&mut file, "transports", transports.iter(), true, transport);
    block(&mut file, "people", people.iter(), true, person);
    let zone = match site.get("zone") {
        Some(SiteValue::One(zone)) => zone.parse().unwrap_or(chrono_tz::Tz::Asia__Tokyo),
        _ => chrono_tz::Tz::Asia__Tokyo,
    };
    block(&mut file, "rosters", rosters.iter(), false, |roster| written_roster(roster, zone));
    block(&mut file, "role_accounts", role_accounts.iter(), false, |account| {
        let RoleAccount { title, roster } = account;
        flow(&[("title", text(title)), ("roster", quoted(roster))])
    });
    block(&mut file, "agencies", agencies.iter(), true, agency);
    file
}

/// A map with an entry on each line; an empty one only where the file needs it.
fn block<'d, T: 'd>(
    file: &mut String,
    name: &str,
    entries: impl ExactSizeIterator<Item = (&'d String, &'d T)>,
    mandatory: bool,
    value: impl Fn(&T) -> String,
) {
    if entries.len() == 0 {
        if mandatory {
            let _ = writeln!(file, "{name}: {{}}");
        }
        return;
    }
    let _ = writeln!(file, "{name}:");
    for (key, entry) in entries {
        let _ = writeln!(file, "  {}: {}", quoted(key), value(entry));
    }
}

fn transport(transport: &Transport) -> String {
    let Transport { driver, proves, max_chars } = transport;
    let mut fields = vec![("driver", quoted(driver))];
    if !proves.is_empty() {
        fields.push(("proves", list(proves)));
    }
    fields.extend(max_chars.map(|most| ("max_chars", most.to_string())));
    flow(&fields)
}

fn person(person: &Person) -> String {
    let Person { name, kana, post, human, reach, language, verified_on } = person;
    let mut fields = vec![("name", text(name))];
    fields.extend(kana.as_ref().map(|kana| ("kana", quoted(kana))));
    fields.extend(post.as_ref().map(|post| ("post", text(post))));
    if !human {
        fields.push(("human", "false".into()));
    }
    if !reach.is_empty() {
        let addresses: Vec<(&str, String)> =
            reach.iter().map(|(transport, address)| (transport.as_str(), quoted(address))).collect();
        fields.push(("reach", flow(&addresses)));
    }
    fields.extend(spoken(*language));
    fields.extend(verified_on.map(|on| ("verified_on", on.to_string())));
    flow(&fields)
}

fn agency(agency: &Agency) -> String {
    let Agency { title, kana, outside, members, primary, alternate, language, verified_on } = agency;
    let mut fields = Vec::new();
    if members.is_some() {
        fields.push(("kind", "group".into()));
    }
    fields.push(("title", text(title)));
    fields.extend(kana.as_ref().map(|kana| ("kana", quoted(kana))));
    if *outside {
        fields.push(("outside", "true".into()));
    }
    fields.extend(members.as_ref().map(|members| ("members", list(members))));
    for (name, contact) in [("primary", primary), ("alternate", alternate)] {
        if *contact != Contact::default() {
            fields.push((name, written_contact(contact)));
        }
    }
    fields.extend(spoken(*language));
    fields.extend(verified_on.map(|on| ("verified_on", on.to_string())));
    flow(&fields)
}

fn written_contact(contact: &Contact) -> String {
    let Contact { name, person, reach } = contact;
    let mut fields = Vec::new();
    fields.extend(name.as_ref().map(|name| ("name", text(name))));
    fields.extend(person.as_ref().map(|person| ("person", quoted(person))));
    fields.extend(reach.iter().map(|(transport, address)| (transport.as_str(), quoted(address))));
    flow(&fields)
}

fn written_roster(roster: &Roster, site_zone: chrono_tz::Tz) -> String {
    let Roster { title, members, rotate, zone, overrides, gaps } = roster;
    let mut fields = Vec::new();
    fields.extend(title.as_ref().map(|title| ("title", text(title))));
    fields.push(("members", list(members)));
    if let Some(Rotation { every, since, handover }) = rotate {
        let every = match every {
            Turn::Daily => "daily".into(),
            Turn::Weekly => "weekly".into(),
            Turn::Every(span) => flow(&[("every", span.to_string())]),
        };
        fields.push(("rotate", every));
        fields.push(("since", since.to_string()));
        fields.push(("handover", quoted(&handover.format("%H:%M").to_string())));
    }
    if *zone != site_zone {
        fields.push(("zone", quoted(zone.name())));
    }
    if !overrides.is_empty() {
        let overrides = overrides.iter().map(|Override { from, to, members, because }| {
            let mut fields = vec![("from", wall(*from)), ("to", wall(*to)), ("members", list(members))];
            fields.extend(because.as_ref().map(|because| ("because", text(because))));
            flow(&fields)
        });
        fields.push(("overrides", format!("[{}]", overrides.collect::<Vec<_>>().join(", "))));
    }
    if !gaps.is_empty() {
        let gaps = gaps.iter().map(|Gap { from, to, because }| {
            let mut fields = vec![("from", wall(*from)), ("to", wall(*to))];
            fields.extend(because.as_ref().map(|because| ("because", text(because))));
            flow(&fields)
        });
        fields.push(("gaps", format!("[{}]", gaps.collect::<Vec<_>>().join(", "))));
    }
    flow(&fields)
}

fn spoken(language: Language) -> Option<(&'static str, String)> {
    (language != Language::default()).then(|| ("language", language.key().to_owned()))
}

fn wall(moment: chrono::NaiveDateTime) -> String {
    quoted(&moment.format("%Y-%m-%dT%H:%M:%S").to_string())
}

fn flow(fields: &[(&str, String)]) -> String {
    if fields.is_empty() {
        return "{}".into();
    }
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{}: {value}", quoted(key))).collect();
    format!("{{ {} }}", fields.join(", "))
}

fn list(words: &[String]) -> String {
    format!("[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "))
}

fn text(text: &Text) -> String {
    let Text { ja, easy_ja, en } = text;
    if easy_ja.is_none() && en.is_none() {
        return quoted(ja);
    }
    let mut fields = vec![("ja", quoted(ja))];
    fields.extend(easy_ja.as_ref().map(|words| ("easy_ja", quoted(words))));
    fields.extend(en.as_ref().map(|words| ("en", quoted(words))));
    flow(&fields)
}

/// Words as a scalar: as they are where nobody could take them for anything else, else in quotation marks.
fn quoted(words: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@');
    let taken = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    if words.starts_with(char::is_alphabetic)
        && words.chars().all(harmless)
        && !taken.contains(&words.to_ascii_lowercase().as_str())
    {
        return words.to_owned();
    }
    let mut scalar = String::with_capacity(words.len() + 2);
    scalar.push('"');
    for c in words.chars() {
        match c {
            '"' | '\\' => scalar.extend(['\\', c]),
            '\n' => scalar.push_str("\\n"),
            '\t' => scalar.push_str("\\t"),
            '\r' => scalar.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                let _ = write!(scalar, "\\u{:04x}", u32::from(c));
            }
            c => scalar.push(c),
        }
    }
    scalar.push('"');
    scalar
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::read, *};

    fn again(directory: &Directory) -> Directory {
        let file = write(directory);
        let (read, problems) = read(file.as_bytes());
        read.unwrap_or_else(|| panic!("{problems:#?}\n{file}"))
    }

    #[test]
    fn the_example_is_the_same_after_writing_and_reading() {
        let (example, _) = read(include_bytes!("../../../playbooks/directory.example.yaml"));
        let example = example.expect("the example has no errors");
        assert_eq!(again(&example), example);
    }

    fn words() -> impl Strategy<Value = String> {
        // What is only blanks is no text for the reader.
        prop_oneof!["[\\PC\\n\\t\"'#:{}\\[\\],&*!|>%@`-]{0,12}[a-zあ-んァ-ヶ亜-熙]", "[a-z0-9:.~-]{1,6}"]
    }

    fn texts() -> impl Strategy<Value = Text> {
        (words(), prop::option::of(words()), prop::option::of(words())).prop_map(|(ja, easy_ja, en)| Text {
            ja,
            easy_ja,
            en,
        })
    }

    fn keys() -> impl Strategy<Value = String> {
        "[a-zあ-ん亜-腕0-9_-]{1,8}".prop_filter("keys that other tools read as booleans", |key| {
            !["y", "n", "yes", "no", "on", "off", "true", "false"].contains(&key.as_str())
        })
    }

    prop_compose! {
        fn contacts()(name in prop::option::of(texts()), mail in prop::option::of("[a-z.+]{1,8}@[a-z]{1,8}\\.example"),
                      phone in prop::option::of("[0-9]{2,5}-[0-9]{2,4}")) -> Contact {
            let reach = [("email", mail), ("phone", phone)];
            let reach = reach.into_iter().filter_map(|(key, address)| Some((key.to_owned(), address?)));
            Contact { name, person: None, reach: reach.collect() }
        }
    }

    prop_compose! {
        fn directories()(
            title in texts(),
            site in prop::collection::btree_map(keys(), prop_oneof![
                words().prop_map(SiteValue::One),
                prop::collection::vec(words(), 0..3).prop_map(SiteValue::List),
            ], 0..3),
            agencies in prop::collection::btree_map(keys(), (texts(), any::<bool>(), contacts(), contacts(), prop::option::of(words())), 0..5),
            people in prop::collection::btree_map(keys(), (texts(), prop::option::of(texts()), any::<bool>(), contacts()), 0..4),
            group in any::<bool>(),
            turn in prop_oneof![Just(None), Just(Some(Turn::Daily)), Just(Some(Turn::Every(crate::time::Span::minutes(90))))],
            language in prop_oneof![Just(Language::Ja), Just(Language::EasyJa), Just(Language::En)],
        ) -> Directory {
            let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
            let transports = [("email", "smtp"), ("phone", "human_call")];
            let transports = transports.map(|(key, driver)| {
                (key.to_owned(), Transport { driver: driver.into(), proves: vec!["accepted".into()], max_chars: Some(134) })
            });
            let mut agencies: std::collections::BTreeMap<String, Agency> = agencies.into_iter().map(|(key, (title, outside, primary, alternate, kana))| {
                (key, Agency { title, kana, outside, members: None, primary, alternate, language, verified_on: Some(day) })
            }).collect();
            if group {
                let members = Some(agencies.keys().cloned().collect());
                agencies.insert("すべて".into(), Agency {
                    title: title.clone(), kana: None, outside: true, members, primary: Contact::default(),
                    alternate: Contact::default(), language: Language::Ja, verified_on: None,
                });
            }
            let people: std::collections::BTreeMap<String, Person> = people.into_iter().map(|(key, (name, post, human, contact))| {
                (key, Person { name, kana: None, post, human, reach: contact.reach, language, verified_on: None })
            }).collect();
            let at = day.and_hms_opt(8, 30, 0).unwrap();
            let roster = Roster {
                title: Some(title.clone()), members: people.keys().cloned().collect(),
                rotate: turn.map(|every| Rotation { every, since: day, handover: at.time() }),
                zone: chrono_tz::Tz::America__New_York,
                overrides: vec![Override { from: at, to: at + chrono::Duration::days(1), members: people.keys().cloned().collect(), because: Some(title.clone()) }],
                gaps: vec![Gap { from: at, to: at + chrono::Duration::hours(3), because: None }],
            };
            Directory {
                key: "x".into(), title: title.clone(), verified_on: day, verify_every: Some(crate::time::Span::minutes(1440)),
                site, transports: transports.into(), people, agencies,
                rosters: [("当番".to_owned(), roster)].into(),
                role_accounts: [("r".to_owned(), RoleAccount { title, roster: "当番".into() })].into(),
                covers: Vec::new(),
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_a_directory_holds_is_read_back_as_it_was(directory in directories()) {
            prop_assert_eq!(again(&directory), directory);
        }
    }
}
