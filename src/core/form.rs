//! Forms: lists of fields that go with tasks and reports. Those of a playbook, and the built-in ones.
//!
//! The built-in forms are written in the playbook's own words (`form/built_in.yaml`), so that an author who wants
//! another one copies it and changes what differs.

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    playbook::{Ask, AskKind, Playbook},
    text::{Language, Text},
};

/// A form.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// Readable key.
    pub key: String,
    /// Its fields, in the order of the page.
    pub fields: Vec<Ask>,
}

/// The built-in forms by key, with their titles.
pub const BUILT_IN: [(&str, &str, &str); 7] = [
    ("ics201", "事案概要・初動ブリーフィング（ICS 201）", "Incident briefing (ICS 201)"),
    ("ics202", "活動方針・目標（ICS 202）", "Incident objectives (ICS 202)"),
    ("ics205a", "連絡先一覧（ICS 205A）", "Communications list (ICS 205A)"),
    ("ics209", "状況報告（ICS 209）", "Incident status summary (ICS 209)"),
    ("ics214", "活動記録（ICS 214）", "Activity log (ICS 214)"),
    ("methane", "METHANE報告", "METHANE report"),
    ("emis_urgent", "EMIS緊急時入力", "EMIS emergency input"),
];

/// The form of this key: the playbook's own, else a built-in one.
pub fn find<'p>(playbook: &'p Playbook, key: &str) -> Option<&'p Form> {
    let own = playbook.forms.iter().find(|form| form.key == key);
    own.or_else(|| crate::playbook::built_in_forms().iter().find(|form| form.key == key))
}

/// The title of a form for people: a playbook's own form has its key.
pub fn title(key: &str) -> Text {
    let known = BUILT_IN.iter().find(|(name, _, _)| *name == key);
    known.map_or_else(|| Text::plain(key), |(_, ja, en)| Text::both(*ja, *en))
}

/// How a value of a field is shown: choices and yes or no in the reader's language, all else as it was given.
pub fn shown<'v>(ask: &'v Ask, value: &'v Value, language: Language) -> Cow<'v, str> {
    match (&ask.kind, value) {
        (AskKind::Choice { options }, Value::String(chosen)) => {
            let option = options.iter().find(|option| option.ja == *chosen);
            Cow::Borrowed(option.map_or(chosen.as_str(), |option| option.get(language)))
        }
        (_, Value::Bool(yes)) => Cow::Borrowed(match (yes, language) {
            (true, Language::En) => "yes",
            (false, Language::En) => "no",
            (true, _) => "はい",
            (false, _) => "いいえ",
        }),
        (_, Value::String(words)) => Cow::Borrowed(words),
        (_, other) => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_form_has_fields_in_both_languages() {
        let forms = crate::playbook::built_in_forms();
        assert_eq!(
            forms.iter().map(|form| form.key.as_str()).collect::<Vec<_>>(),
            BUILT_IN.map(|(key, _, _)| key)
        );
        for form in forms {
            assert!(form.fields.len() >= 5, "{}", form.key);
            for ask in &form.fields {
                assert!(ask.label.en.is_some(), "{}.{} has no English label", form.key, ask.key);
            }
        }
    }
}
