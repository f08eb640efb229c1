//! Pages for people. A page is one file: what it knows, how it is asked for, what it takes.
//!
//! Every struct is plain data without a database handle, so that it can be rendered in a test. What differs between
//! languages is in `words`; what is decided (which row is red, what happens next) is decided before the template.

pub mod activity;
pub mod answer;
pub mod asset;
pub mod board;
pub mod call_list;
pub mod channel;
pub mod chronology;
pub mod decide;
pub mod directory;
pub mod document;
pub mod door;
pub mod duty;
pub mod end;
pub mod errand;
pub mod error;
pub mod facts;
pub mod follow;
pub mod frame;
pub mod hold;
pub mod home;
pub mod incident;
pub mod leave;
pub mod letters;
pub mod life;
pub mod line;
pub mod link;
pub mod mark;
pub mod pin;
pub mod playbook;
pub mod playbook_import;
pub mod preflight;
pub mod recipient;
pub mod relay;
pub mod report;
pub mod reports;
pub mod role;
pub mod roster;
#[cfg(test)]
pub mod sample;
pub mod start;
pub mod status;
pub mod task;
pub mod tasks;
pub mod triggers;
pub mod version;
pub mod when;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use noroshi_core::text::Language;

    use crate::i18n::Words;

    fn sources(folder: &Path, found: &mut String) {
        for entry in fs::read_dir(folder).expect("the source folder is there") {
            let path = entry.expect("its entries can be read").path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push_str(&fs::read_to_string(&path).expect("sources are text"));
            }
        }
    }

    /// Every word key that stands in quotes: `word-word…` with a prefix of the word files.
    #[test]
    fn every_word_that_a_page_asks_for_exists() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
        let mut text = String::new();
        sources(&root.join("page"), &mut text);
        sources(&root.join("template"), &mut text);
        let asked: BTreeSet<&str> = ["get(\"", "count(\"", "named(\"", "with(\"", "pattern(\"", "say(\""]
            .iter()
            .flat_map(|call| text.split(call).skip(1))
            .filter_map(|rest| rest.split_once('"').map(|(key, _)| key))
            .filter(|key| {
                key.contains('-')
                    && key.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit())
            })
            .collect();
        assert!(asked.len() > 150, "{} keys found", asked.len());
        for end in ["close", "cancel"] {
            for key in ["title", "what", "reason", "why", "tick", "go"] {
                let key = format!("end-{end}-{key}");
                assert_ne!(Words(Language::Ja).get(&key), key);
            }
        }
        let missing: Vec<&&str> = asked.iter().filter(|key| Words(Language::Ja).get(key) == **key).collect();
        assert!(missing.is_empty(), "without words: {missing:?}");
    }

    #[test]
    fn an_incident_is_never_called_by_the_word_for_a_near_miss() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/i18n/ja");
        let mut text = String::new();
        sources(&root, &mut text);
        let words = text.lines().filter(|line| !line.starts_with('#'));
        assert!(!words.clone().any(|line| line.contains("インシデント") || line.contains("クローズ")));
    }
}
