//! A letter as a short message, and how long that is.
//!
//! What must be read stands whole, whatever the limit: the drill mark, （再送）, that it is late, the link. What does not
//! fit goes in this order: the words after the link, then the end of the words before it, cut with …. The link is never
//! shortened: a reader sees where it leads.

use noroshi_core::text::DRILL_MARK;

use super::letter::{Letter, one_line, without_mark};
use crate::i18n::Words;

/// How a gateway writes a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// 3GPP TS 23.038: Latin letters, 160 in a message.
    Gsm7,
    /// UTF-16, as soon as one character is outside of it: 70 in a message.
    Ucs2,
}

/// How long a text is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// How it is written.
    pub alphabet: Alphabet,
    /// Characters as the gateway counts them: UTF-16 units, or septets.
    pub units: usize,
    /// Messages that it is cut into, and that are paid for.
    pub segments: usize,
}

/// The characters of the GSM 7-bit default alphabet that take one septet.
const GSM7: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Those that take two.
const GSM7_TWO: &str = "^{}\\[~]|€\u{c}";

impl Length {
    /// Counts a text.
    pub fn of(text: &str) -> Self {
        let septets = text.chars().try_fold(0, |sum, c| match c {
            c if GSM7.contains(c) => Some(sum + 1),
            c if GSM7_TWO.contains(c) => Some(sum + 2),
            _ => None,
        });
        let (alphabet, units, alone, chained) = match septets {
            Some(septets) => (Alphabet::Gsm7, septets, 160, 153),
            None => (Alphabet::Ucs2, text.encode_utf16().count(), 70, 67),
        };
        let segments = if units <= alone { usize::from(units > 0) } else { units.div_ceil(chained) };
        Self { alphabet, units, segments }
    }
}

impl std::fmt::Display for Length {
    /// `UCS-2, 96 characters, 2 segments`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let alphabet = match self.alphabet {
            Alphabet::Gsm7 => "GSM-7",
            Alphabet::Ucs2 => "UCS-2",
        };
        let plural = if self.segments == 1 { "" } else { "s" };
        write!(f, "{alphabet}, {} characters, {} segment{plural}", self.units, self.segments)
    }
}

/// The short message of a letter: the playbook's short text, else its subject, with the link.
pub fn short_text(letter: &Letter) -> String {
    let words = Words(letter.language);
    let mut head = String::new();
    if letter.drill {
        head += DRILL_MARK;
        head += &words.get("letter-subject-drill");
    }
    if letter.repeat {
        head += &words.get("letter-subject-repeat");
    }
    if let Some(time) = &letter.planned_at {
        head += &words.with("letter-short-late", &[("time", one_line(time).into())]);
    }
    let own = match &letter.short {
        Some(short) => without_mark(short),
        None => match letter.incident_number {
            0 => without_mark(&letter.subject),
            number => {
                let number = words.with("letter-subject-incident", &[("number", number.to_string().into())]);
                format!("{}{number}", without_mark(&letter.subject)).trim_end().to_owned()
            }
        },
    };
    let link = letter.link.as_deref().map(one_line).unwrap_or_default();
    let (before, after) = match own.split_once(link.as_str()) {
        Some((before, after)) if !link.is_empty() => (before, after),
        _ => (own.as_str(), ""),
    };
    // Apart from the words around it, where those do not lead over to it themselves: a telephone would take what
    // follows for a part of the link.
    let leads = |c: char| matches!(c, '→' | ' ' | ':' | '：' | '>');
    let blank = |is_needed: bool| if is_needed && !link.is_empty() { " " } else { "" };
    let before = format!("{before}{}", blank(!before.is_empty() && !before.ends_with(leads)));
    let after = format!("{}{after}", blank(!after.is_empty() && !after.starts_with(' ')));
    let whole = format!("{head}{before}{link}{after}");
    let Some(most) = letter.max_chars.and_then(|most| usize::try_from(most).ok()) else { return whole };
    let without_tail = format!("{head}{before}{link}");
    for text in [whole, without_tail] {
        if fits(&text, most) {
            return text;
        }
    }
    let lead = before.trim_end_matches(leads);
    let joint = &before[lead.len()..];
    let mut kept: Vec<char> = lead.chars().collect();
    loop {
        let text = match kept.is_empty() {
            true => format!("{head}{link}"),
            false => format!("{head}{}…{joint}{link}", kept.iter().collect::<String>().trim_end()),
        };
        if kept.pop().is_none() || fits(&text, most) {
            return text;
        }
    }
}

/// Whether a text is no longer than so many characters, counted as the gateway counts them.
fn fits(text: &str, most: usize) -> bool {
    Length::of(text).units <= most
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::*;
    use crate::transport::tests::letter;

    fn short(words: &str) -> Letter {
        let link = "https://n.example/a/TOKEN".to_owned();
        Letter { short: Some(words.replace("LINK", &link)), link: Some(link), ..letter() }
    }

    #[test]
    fn a_message_is_counted_as_the_network_counts_it() {
        for (text, alphabet, units, segments) in [
            ("", Alphabet::Gsm7, 0, 0),
            ("a", Alphabet::Gsm7, 1, 1),
            (&"a".repeat(160), Alphabet::Gsm7, 160, 1),
            (&"a".repeat(161), Alphabet::Gsm7, 161, 2),
            (&"a".repeat(306), Alphabet::Gsm7, 306, 2),
            (&"€".repeat(80), Alphabet::Gsm7, 160, 1),
            (&"a".repeat(307), Alphabet::Gsm7, 307, 3),
            (&"震".repeat(70), Alphabet::Ucs2, 70, 1),
            (&"震".repeat(71), Alphabet::Ucs2, 71, 2),
            (&"震".repeat(134), Alphabet::Ucs2, 134, 2),
            (&"震".repeat(135), Alphabet::Ucs2, 135, 3),
            ("🔥", Alphabet::Ucs2, 2, 1),
        ] {
            assert_eq!(Length::of(text), Length { alphabet, units, segments }, "{text}");
        }
        assert_eq!(Length::of(&"震".repeat(96)).to_string(), "UCS-2, 96 characters, 2 segments");
    }

    #[test]
    fn the_playbooks_short_text_is_sent_with_its_marks_and_the_whole_link() {
        assert_eq!(short_text(&short("出動照会→LINK")), "出動照会→https://n.example/a/TOKEN");
        assert_eq!(short_text(&short("出動照会")), "出動照会 https://n.example/a/TOKEN");
        assert_eq!(short_text(&short("LINKを開く")), "https://n.example/a/TOKEN を開く");
        let drill = Letter { drill: true, repeat: true, ..short("【訓練】出動照会→LINK 以上") };
        assert_eq!(short_text(&drill), "【訓練】（再送）出動照会→https://n.example/a/TOKEN 以上");
    }

    #[test]
    fn without_a_short_text_the_subject_stands_there() {
        let letter = Letter { incident_number: 12, ..letter() };
        let text = short_text(&letter);
        assert!(text.starts_with("【待機・出動照会】最大震度6強 青葉県沖 事案12 https://"), "{text}");
        let silent = Letter { link: None, ..letter };
        assert_eq!(short_text(&silent), "【待機・出動照会】最大震度6強 青葉県沖 事案12");
    }

    #[test]
    fn what_does_not_fit_is_cut_in_the_words_and_never_in_mark_or_link() {
        let long =
            Letter { drill: true, repeat: true, ..short(&format!("{}→LINK 以上", "震度".repeat(60))) };
        for most in 0..200 {
            let text = short_text(&Letter { max_chars: Some(most), ..long.clone() });
            assert!(
                text.starts_with("【訓練】（再送）") && text.contains("https://n.example/a/TOKEN"),
                "{text}"
            );
            let least = Length::of("【訓練】（再送）https://n.example/a/TOKEN").units;
            assert!(Length::of(&text).units <= usize::try_from(most).unwrap().max(least), "{most}: {text}");
        }
        let text = short_text(&Letter { max_chars: Some(134), ..long });
        assert!(text.ends_with("…→https://n.example/a/TOKEN"), "{text}");
        assert_eq!(Length::of(&text).units, 134);
    }

    #[test]
    fn what_stands_after_the_link_goes_first() {
        let letter = Letter { max_chars: Some(35), ..short("出動照会→LINK 詳しくは本部まで") };
        assert_eq!(short_text(&letter), "出動照会→https://n.example/a/TOKEN");
    }

    #[test]
    fn an_english_drill_says_so_in_english_too() {
        let letter = Letter { drill: true, language: Language::En, ..short("Can you deploy? LINK") };
        assert_eq!(short_text(&letter), "【訓練】[DRILL] Can you deploy? https://n.example/a/TOKEN");
    }

    #[test]
    fn a_message_that_is_late_says_so_whatever_the_limit() {
        let letter =
            Letter {
                planned_at: Some("03:02".to_owned()), max_chars: Some(50), ..short("出動照会 LINK")
            };
        let text = short_text(&letter);
        assert!(
            text.starts_with("（遅延、03:02予定）") && text.ends_with("https://n.example/a/TOKEN"),
            "{text}"
        );
    }
}
