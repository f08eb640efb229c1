//! The languages of the page, and the words by which they are chosen.

use noroshi_core::text::Language;

/// Key, own name and `lang` of every language.
pub const LANGUAGES: [(&str, &str, &str); 3] =
    [("ja", "日本語", "ja"), ("easy", "やさしい日本語", "ja"), ("en", "English", "en")];

/// The key in addresses: `?lang=easy`.
pub const fn language_key(language: Language) -> &'static str {
    match language {
        Language::Ja => "ja",
        Language::EasyJa => "easy",
        Language::En => "en",
    }
}

/// The language of a key in an address.
pub fn language_of_key(key: &str) -> Option<Language> {
    [Language::Ja, Language::EasyJa, Language::En].into_iter().find(|language| language_key(*language) == key)
}

/// The attribute `lang`.
pub const fn lang(language: Language) -> &'static str {
    match language {
        Language::Ja | Language::EasyJa => "ja",
        Language::En => "en",
    }
}
