//! Words as people take them for the same: whatever the width, the case, the blanks, and how voiced marks were typed.

use unicode_normalization::UnicodeNormalization;

/// Words for telling whether two names are the same one: width, case, blanks and voiced marks do not count, the
/// characters themselves do (髙橋 and 高橋 are two families).
pub fn fold(words: &str) -> String {
    compose(words).nfkc().flat_map(char::to_lowercase).filter(|c| !c.is_whitespace()).collect()
}

/// Words for searching: as [`fold`], and ひらがな is カタカナ, 髙 is 高, and all dashes are one.
pub fn for_search(words: &str) -> String {
    fold(words).chars().map(|c| plain_form(hiragana(dash(c)))).collect()
}

/// Half-width kana in full width and voiced marks joined to their kana; everything else as typed.
pub fn widen_kana(words: &str) -> String {
    let mut wide = String::with_capacity(words.len());
    let mut half = String::new();
    for c in words.chars() {
        if ('\u{ff61}'..='\u{ff9f}').contains(&c) {
            half.push(c);
        } else {
            wide.extend(half.nfkc());
            half.clear();
            wide.push(c);
        }
    }
    wide.extend(half.nfkc());
    compose(&wide).nfc().collect()
}

/// One kind of dash for the many that look alike on paper.
pub(super) fn dash(c: char) -> char {
    match c {
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '－' => '-',
        other => other,
    }
}

/// The voiced marks that stand alone (か゛) become those that join (か + U+3099).
fn compose(words: &str) -> String {
    words
        .chars()
        .map(|c| match c {
            '\u{309b}' => '\u{3099}',
            '\u{309c}' => '\u{309a}',
            other => other,
        })
        .collect()
}

fn hiragana(c: char) -> char {
    match c {
        'ァ'..='ヶ' => char::from_u32(u32::from(c) - 0x60).unwrap_or(c),
        other => other,
    }
}

/// Forms of the same character that names are written with and that nobody types when searching.
fn plain_form(c: char) -> char {
    match c {
        '髙' => '高',
        '﨑' | '嵜' => '崎',
        '邊' | '邉' => '辺',
        '齋' | '齊' | '斎' => '斉',
        '澤' => '沢',
        '廣' => '広',
        '濵' | '濱' => '浜',
        '德' => '徳',
        '國' => '国',
        '櫻' => '桜',
        '龍' => '竜',
        '黑' => '黒',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_is_recognised_however_it_was_typed() {
        for typed in ["ｷﾀﾐ ﾀﾞｲｲﾁ", "キタミダイイチ", "キタミ　タ゛イイチ", "キタミタ\u{3099}イイチ"]
        {
            assert_eq!(fold(typed), "キタミダイイチ", "{typed}");
        }
        assert_eq!(fold("Ａ病院 DMAT"), "a病院dmat");
        assert_ne!(fold("髙橋"), fold("高橋"));
    }

    #[test]
    fn searching_knows_one_kind_of_kana_and_of_kanji() {
        assert_eq!(for_search("ｷﾀﾐ"), for_search("きたみ"));
        assert_eq!(for_search("髙橋 渉"), for_search("高橋渉"));
        assert_eq!(for_search("000－0000−2001"), "000-0000-2001");
    }

    #[test]
    fn only_kana_is_widened() {
        assert_eq!(widen_kana("ｶﾞﾝｾﾝﾀｰ（例）①"), "ガンセンター（例）①");
        assert_eq!(widen_kana("か゛"), "が");
    }
}
