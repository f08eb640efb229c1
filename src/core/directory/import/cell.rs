//! Values as people type them into cells.

use chrono::NaiveDate;
use unicode_normalization::UnicodeNormalization;

use super::super::{
    fold::{dash, widen_kana},
    syntax::{is_mail_address, is_telephone_number},
};
use crate::text::Language;

/// What is wrong with a cell and what to write instead. The value itself may be personal data and is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) detail: (&'static str, &'static str),
    pub(super) help: (&'static str, &'static str),
}

/// A cell without what only looks: blanks around it, control characters, half-width kana. A dash or 「なし」 is empty.
pub(super) fn tidy(cell: &str) -> String {
    let words: String = cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = widen_kana(words.trim());
    let empty = ["-", "なし", "無し", "無", "該当なし", "未定", "n/a", "#n/a", "none"];
    let folded: String = words.nfkc().flat_map(char::to_lowercase).map(dash).collect();
    let dashes = folded.chars().all(|c| matches!(c, '-' | 'ー' | '〃'));
    if dashes || empty.contains(&folded.as_str()) { String::new() } else { words }
}

/// A mail address, whatever the width: `ｄｍａｔ＠…`, `mailto:…`, `北見 <dmat@…>`.
pub(super) fn mail(typed: &str) -> Result<String, Wrong> {
    let wide: String = typed.nfkc().collect();
    let inner = match (wide.find('<'), wide.rfind('>')) {
        (Some(from), Some(to)) if from < to => &wide[from + 1..to],
        _ => &wide,
    };
    let inner = inner.trim();
    let address = inner.strip_prefix("mailto:").unwrap_or(inner).trim();
    if address.matches('@').count() > 1 {
        return Err(Wrong {
            detail: ("メールアドレスが2つ以上あります。", "There are several mail addresses in one cell."),
            help: (
                "1つのセルに1つだけ書き、2つ目は「代替メール」の列に書いてください。",
                "Write one in each cell, and a second one into the column 代替メール.",
            ),
        });
    }
    if !is_mail_address(address) || address.chars().any(|c| !c.is_ascii_graphic() && c.is_ascii()) {
        return Err(Wrong {
            detail: ("メールアドレスとして正しくありません。", "This is not a mail address."),
            help: ("name@example.jp のように書いてください。", "Write it like name@example.jp."),
        });
    }
    Ok(address.to_owned())
}

/// A telephone number, whatever the width and the dashes: `０１５７－２４－３１１５`, `0157(24)3115`, `TEL 0157-24-3115`.
pub(super) fn telephone(typed: &str) -> Result<String, Wrong> {
    let plain: String = typed.nfkc().map(dash).collect();
    let plain = plain.trim();
    let start = plain
        .trim_start_matches(|c: char| c.is_ascii_alphabetic() || matches!(c, ':' | '.' | ' ' | '☎' | '℡'));
    let start = start.strip_prefix("電話").unwrap_or(start).trim_start_matches([':', ' ']);
    let mut number = String::new();
    for c in start.chars() {
        match c {
            '(' | ')' | '.' | 'ー' | '・' | '~' => number.push('-'),
            c => number.push(c),
        }
    }
    let number = number.trim_matches(|c| matches!(c, '-' | ' ')).replace("--", "-");
    let digits = number.chars().filter(char::is_ascii_digit).count();
    if number.contains("内線") {
        return Err(Wrong {
            detail: ("内線番号は書けません。", "An extension cannot be dialled from here."),
            help: (
                "外からかけられる番号だけにして、内線は「担当」の列に書いてください。",
                "Write the number that can be called from outside, and the extension into the column of the desk.",
            ),
        });
    }
    if digits > 13 {
        return Err(Wrong {
            detail: (
                "電話番号が2つ以上あるか、長すぎます。",
                "There are several numbers in one cell, or it is too long.",
            ),
            help: (
                "1つのセルに1つだけ書き、2つ目は「代替電話」の列に書いてください。",
                "Write one in each cell, and a second one into the column 代替電話.",
            ),
        });
    }
    if !is_telephone_number(&number) {
        return Err(Wrong {
            detail: ("電話番号として正しくありません。", "This is not a telephone number."),
            help: (
                "数字・+・-・空白(2〜20桁)で書いてください。",
                "Write digits, +, - and blanks (2 to 20 digits).",
            ),
        });
    }
    // What a spreadsheet took for a number has lost its zero: 157243115.
    if matches!(digits, 9 | 10) && !number.starts_with(['0', '+']) {
        return Err(Wrong {
            detail: ("電話番号の先頭の 0 がありません。", "The number has lost the 0 at its beginning."),
            help: (
                "表計算ソフトが数値として扱っています。セルの書式を「文字列」にして、0 から入れ直してください。",
                "The spreadsheet took it for a number. Format the cell as text and type it again from the 0 on.",
            ),
        });
    }
    Ok(number)
}

/// A day: `2026/11/1`, `2026年11月1日`, `令和8年11月1日`, `R8.11.1`, also with a time behind it.
pub(super) fn day(typed: &str) -> Result<NaiveDate, Wrong> {
    let plain: String = typed.nfkc().map(dash).flat_map(char::to_uppercase).collect();
    let era = [("令和", 2018), ("R", 2018), ("平成", 1988), ("H", 1988)];
    let (rest, before) = era
        .iter()
        .find_map(|(name, before)| Some((plain.trim().strip_prefix(name)?, *before)))
        .unwrap_or((plain.trim(), 0));
    let rest = rest.replace('元', "1");
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let read = || {
        let mut next = || numbers.next().filter(|part| part.len() <= 4)?.parse::<u32>().ok();
        let (year, month, day) = (next()?, next()?, next()?);
        NaiveDate::from_ymd_opt(before + i32::try_from(year).ok()?, month, day)
    };
    let date = Some(read).and_then(|mut read| read());
    date.filter(|date| (2000..2200).contains(&chrono::Datelike::year(date))).ok_or(Wrong {
        detail: ("日付として読めません。", "This cannot be read as a date."),
        help: ("2026-11-01 や 令和8年11月1日 のように書いてください。", "Write it like 2026-11-01."),
    })
}

/// Yes or no.
pub(super) fn flag(typed: &str) -> Result<bool, Wrong> {
    let plain: String = typed.nfkc().flat_map(char::to_lowercase).collect();
    match plain.as_str() {
        "はい" | "○" | "◯" | "〇" | "◎" | "1" | "true" | "yes" | "y" | "院外" | "外部" | "外" | "有" => {
            Ok(true)
        }
        "いいえ" | "×" | "✕" | "✗" | "x" | "0" | "false" | "no" | "n" | "院内" | "内部" | "内" => {
            Ok(false)
        }
        _ => Err(Wrong {
            detail: ("「はい」か「いいえ」ではありません。", "This is neither yes nor no."),
            help: ("はい・いいえ(または ○・×)で書いてください。", "Write はい (yes) or いいえ (no)."),
        }),
    }
}

/// A reader's language.
pub(super) fn language(typed: &str) -> Result<Language, Wrong> {
    let plain: String = typed.nfkc().flat_map(char::to_lowercase).collect();
    match plain.as_str() {
        "日本語" | "ja" | "japanese" => Ok(Language::Ja),
        "やさしい日本語" | "easy_ja" | "easy japanese" => Ok(Language::EasyJa),
        "英語" | "en" | "english" => Ok(Language::En),
        _ => Err(Wrong {
            detail: ("使えない言語です。", "This language is not known here."),
            help: (
                "日本語、やさしい日本語、英語のどれかを書いてください。",
                "Write 日本語, やさしい日本語 or 英語.",
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_are_read_in_any_width() {
        for typed in [
            "ｄｍａｔ＠ａ．ｅｘａｍｐｌｅ",
            " dmat@a.example ",
            "mailto:dmat@a.example",
            "救急部 <dmat@a.example>",
        ] {
            assert_eq!(mail(typed).as_deref(), Ok("dmat@a.example"), "{typed}");
        }
        for typed in ["dmat", "a@b、c@d.example", "a@b.example c@d.example", "@a.example", "da mat@a.example"]
        {
            assert!(mail(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn telephone_numbers_are_read_in_any_width() {
        let table = [
            ("０００－００００－２００１", "000-0000-2001"),
            ("0157(24)3115", "0157-24-3115"),
            ("（０１５７）２４ー３１１５", "0157-24-3115"),
            ("TEL: 0157‐24−3115", "0157-24-3115"),
            ("+81 157 24 3115", "+81 157 24 3115"),
            ("119", "119"),
        ];
        for (typed, number) in table {
            assert_eq!(telephone(typed).as_deref(), Ok(number), "{typed}");
        }
        for typed in [
            "なんでも",
            "0157-24-3115 / 0157-24-3116",
            "0157-24-3115（内線2200）",
            "157243115",
            "9012345678",
            "5",
        ] {
            assert!(telephone(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn days_are_read_in_the_calendars_that_people_use() {
        let first = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
        for typed in [
            "2026-11-01",
            "2026/11/1",
            "２０２６年１１月１日",
            "令和8年11月1日",
            "R8.11.1",
            "2026-11-01 00:00:00",
        ] {
            assert_eq!(day(typed), Ok(first), "{typed}");
        }
        assert_eq!(day("令和元年5月1日"), Ok(NaiveDate::from_ymd_opt(2019, 5, 1).unwrap()));
        for typed in ["11/1", "46327", "2026/13/1", "昨日", "99999999999999/1/1"] {
            assert!(day(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_dash_or_none_is_an_empty_cell() {
        for typed in ["", "　", "-", "－", "ー", "―", "なし", "N/A"] {
            assert_eq!(tidy(typed), "", "{typed}");
        }
        assert_eq!(tidy(" ｶﾞﾝｾﾝﾀｰ\n本館 "), "ガンセンター 本館");
    }
}
