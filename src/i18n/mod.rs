//! The service's own words, by key, in the reader's language (Fluent).
//!
//! There is no global "current language": a [`Words`] is made for each request (page) or each recipient (letter).
//! Texts of playbooks are content, not words of the service: they carry their own languages.

use std::{borrow::Cow, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use noroshi_core::text::Language;
use unic_langid::{LanguageIdentifier, langid};

pub mod pace;

const JA: &[&str] = &[
    include_str!("ja/page.ftl"),
    include_str!("ja/answer.ftl"),
    include_str!("ja/letter.ftl"),
    include_str!("ja/triggers.ftl"),
    include_str!("ja/directory.ftl"),
    include_str!("ja/playbook.ftl"),
    include_str!("ja/preflight.ftl"),
    include_str!("ja/role.ftl"),
    include_str!("ja/activity.ftl"),
    include_str!("ja/duty.ftl"),
    include_str!("ja/errand.ftl"),
    include_str!("ja/doubt.ftl"),
    include_str!("ja/call.ftl"),
    include_str!("ja/watch.ftl"),
];
const EN: &[&str] = &[
    include_str!("en/page.ftl"),
    include_str!("en/answer.ftl"),
    include_str!("en/letter.ftl"),
    include_str!("en/triggers.ftl"),
    include_str!("en/directory.ftl"),
    include_str!("en/playbook.ftl"),
    include_str!("en/preflight.ftl"),
    include_str!("en/role.ftl"),
    include_str!("en/activity.ftl"),
    include_str!("en/duty.ftl"),
    include_str!("en/errand.ftl"),
    include_str!("en/doubt.ftl"),
    include_str!("en/call.ftl"),
    include_str!("en/watch.ftl"),
];
/// Only what differs from Japanese; the rest falls back.
const EASY_JA: &[&str] = &[include_str!("easy_ja.ftl")];

type Bundle = FluentBundle<FluentResource>;

static BUNDLES: LazyLock<[Bundle; 3]> =
    LazyLock::new(|| [bundle(langid!("ja"), JA), bundle(langid!("ja"), EASY_JA), bundle(langid!("en"), EN)]);

fn bundle(language: LanguageIdentifier, files: &[&str]) -> Bundle {
    let mut bundle = Bundle::new_concurrent(vec![language]);
    // Isolation marks would stand in mails and CSV as stray characters.
    bundle.set_use_isolating(false);
    for file in files {
        let resource = FluentResource::try_new((*file).to_owned())
            .expect("the word files that are compiled in are valid (i18n tests)");
        bundle.add_resource(resource).expect("no key stands twice (i18n tests)");
    }
    bundle
}

/// The words of one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words(pub Language);

impl Words {
    /// The words of `key`. A key that does not exist gives the key itself; the tests keep that from happening.
    pub fn get(&self, key: &str) -> String {
        self.format(key, &FluentArgs::new())
    }

    /// The words of `key` with values: `words.with("rows", &[("count", 3.into())])`.
    pub fn with(&self, key: &str, values: &[(&str, FluentValue<'static>)]) -> String {
        let args = values.iter().map(|(name, value)| (Cow::Borrowed(*name), value.clone())).collect();
        self.format(key, &args)
    }

    fn format(&self, key: &str, args: &FluentArgs<'_>) -> String {
        let [ja, easy_ja, en] = &*BUNDLES;
        let order: [&Bundle; 2] = match self.0 {
            Language::Ja => [ja, ja],
            Language::EasyJa => [easy_ja, ja],
            Language::En => [en, ja],
        };
        for bundle in order {
            if let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) {
                return bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned();
            }
        }
        key.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Key → the variables its pattern names.
    fn keys(files: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::new();
        for file in files {
            let mut key = String::new();
            for line in file.lines().filter(|line| !line.starts_with('#')) {
                if let Some((name, _)) =
                    line.split_once('=').filter(|_| !line.starts_with([' ', '[', '*', '}']))
                {
                    key = name.trim().to_owned();
                    assert!(found.insert(key.clone(), BTreeSet::new()).is_none(), "{key} stands twice");
                }
                for variable in line.split('$').skip(1) {
                    let name =
                        variable.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-');
                    found.get_mut(&key).expect("a pattern follows its key").insert(name.collect());
                }
            }
        }
        found
    }

    #[test]
    fn both_languages_have_the_same_keys_with_the_same_variables() {
        assert_eq!(keys(JA), keys(EN));
    }

    #[test]
    fn easy_japanese_only_says_again_what_japanese_says() {
        let ja = keys(JA);
        for (key, variables) in keys(EASY_JA) {
            assert_eq!(ja.get(&key), Some(&variables), "{key}");
        }
    }

    #[test]
    fn every_word_file_is_read() {
        for language in [Language::Ja, Language::EasyJa, Language::En] {
            assert_eq!(Words(language).get("no-such-key"), "no-such-key");
        }
    }
}
