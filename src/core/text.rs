//! Texts in several languages, and the `{{ name }}` substitution of playbook texts.
//!
//! `{{ name }}` is all there is: no loops, no conditions, no other tag. A value that is not known when a letter is
//! written prints 調整中 / "to follow" and never stops the letter.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A reader's language. Japanese is the source and the fallback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// Japanese.
    #[default]
    Ja,
    /// やさしい日本語: short sentences, easy words.
    EasyJa,
    /// English.
    En,
}

impl Language {
    /// The key in files and tables: `ja`, `easy_ja`, `en`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::EasyJa => "easy_ja",
            Self::En => "en",
        }
    }

    /// Reads the key; `None` for anything else.
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Ja, Self::EasyJa, Self::En].into_iter().find(|language| language.key() == key)
    }
}

/// A text as the author wrote it, in one to three languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Japanese, or the only language there is.
    pub ja: String,
    /// Easy Japanese, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub easy_ja: Option<String>,
    /// English, where given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Text {
    /// The same words for everybody.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { ja: text.into(), easy_ja: None, en: None }
    }

    /// Japanese and English.
    pub fn both(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { ja: ja.into(), easy_ja: None, en: Some(en.into()) }
    }

    /// The words for a reader of `language`; Japanese where that language is missing.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Ja => &self.ja,
            Language::EasyJa => self.easy_ja.as_deref().unwrap_or(&self.ja),
            Language::En => self.en.as_deref().unwrap_or(&self.ja),
        }
    }

    /// Every language that is there, with its words.
    pub fn variants(&self) -> impl Iterator<Item = (Language, &str)> {
        [
            (Language::Ja, Some(self.ja.as_str())),
            (Language::EasyJa, self.easy_ja.as_deref()),
            (Language::En, self.en.as_deref()),
        ]
        .into_iter()
        .filter_map(|(language, text)| Some((language, text?)))
    }
}

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Words that stay as they are.
    Words(&'a str),
    /// `{{ name }}`; the name without its blanks.
    Name(&'a str),
    /// A tag that is not of the form `{{ name }}`, for the checker to refuse; printed as it stands.
    Broken(&'a str),
}

/// How tags begin and end.
const OPENINGS: [(&str, &str); 4] = [("{{", "}}"), ("{%", "%}"), ("{#", "#}"), ("｛｛", "｝｝")];

/// Splits a template into its pieces, each with its byte offset, in order.
///
/// Broken are `{% … %}`, `{# … #}`, `｛｛ … ｝｝` in full width, an unclosed `{{`, and a name with other characters than letters of any script,
/// digits, `_` and `.`.
pub fn pieces(template: &str) -> Vec<(usize, Piece<'_>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < template.len() {
        let rest = &template[at..];
        let open = rest
            .match_indices(['{', '｛'])
            .map(|(at, _)| at)
            .find(|at| OPENINGS.iter().any(|(open, _)| rest[*at..].starts_with(open)));
        let Some(open) = open else {
            found.push((at, Piece::Words(rest)));
            break;
        };
        if open > 0 {
            found.push((at, Piece::Words(&rest[..open])));
        }
        let tag = &rest[open..];
        let close = OPENINGS.iter().find(|(open, _)| tag.starts_with(open)).map_or("}}", |(_, close)| close);
        let end = tag.find(close).map_or(tag.len(), |end| end + close.len());
        let whole = &tag[..end];
        let name = whole.strip_prefix("{{").and_then(|inner| inner.strip_suffix("}}")).map(str::trim);
        let piece = match name {
            Some(name) if is_name(name) => Piece::Name(name),
            _ => Piece::Broken(whole),
        };
        found.push((at + open, piece));
        at += open + end;
    }
    found
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

/// What stands where a value is not known yet.
pub const fn to_follow(language: Language) -> &'static str {
    match language {
        Language::Ja | Language::EasyJa => "調整中",
        Language::En => "to follow",
    }
}

/// Puts values into a template. `value` answers for a name; `None` prints 調整中 / "to follow".
pub fn fill<'v>(template: &str, language: Language, value: impl Fn(&str) -> Option<Cow<'v, str>>) -> String {
    let mut text = String::with_capacity(template.len() + 64);
    for (_, piece) in pieces(template) {
        match piece {
            Piece::Words(words) | Piece::Broken(words) => text.push_str(words),
            Piece::Name(name) => match value(name) {
                Some(value) => text.push_str(&value),
                None => text.push_str(to_follow(language)),
            },
        }
    }
    text
}

/// The mark that stands at the head of everything in a drill.
pub const DRILL_MARK: &str = "【訓練】";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_and_missing_ones_say_so() {
        let fill_in = |template: &str, language| {
            fill(template, language, |name| (name == "staging").then_some(Cow::Borrowed("運動公園")))
        };
        assert_eq!(fill_in("参集: {{ staging }}、{{x}}", Language::Ja), "参集: 運動公園、調整中");
        assert_eq!(fill_in("at {{staging}}, {{ x }}", Language::En), "at 運動公園, to follow");
    }

    #[test]
    fn values_are_never_read_as_templates() {
        let text = fill("{{ a }}", Language::Ja, |_| Some(Cow::Borrowed("{{ secret }}")));
        assert_eq!(text, "{{ secret }}");
    }

    #[test]
    fn other_tags_are_broken() {
        for template in
            ["{% if x %}", "{{ a | upper }}", "{{ a", "{{}}", "{# c #}", "{{ a..b }}", "｛｛ a ｝｝"]
        {
            assert!(matches!(pieces(template)[..], [(0, Piece::Broken(_))]), "{template}");
        }
        assert_eq!(pieces("x{{ 変数 }}y").len(), 3);
    }
}
