//! An answer as it was typed, made into values.
//!
//! People type full-width digits and every kind of dash; nobody is scolded for that. All that is wrong is said at once.

use std::collections::BTreeMap;

use chrono::{Duration, NaiveTime};
use chrono_tz::Tz;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::{
    playbook::{Ask, AskKind},
    text::Text,
    time::{Span, Timestamp},
};

/// Longest note, in characters.
pub const LONGEST_NOTE: usize = 2000;

/// One field that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The name of the form field.
    pub key: String,
    /// What is wrong and what to type instead.
    pub detail: Text,
}

/// Full-width letters, digits and signs become ordinary ones; every dash becomes `-`.
pub fn plain(typed: &str) -> String {
    typed
        .nfkc()
        .map(|c| match c {
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | 'ー' | '－' => '-',
            other => other,
        })
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Reads the fields of an option or of a form.
///
/// - `typed`: what stands in the form under a field's key; absent and blank are the same.
/// - `now`, `zone`: for times given as a distance (`+90m`, `30分後`, `今すぐ`).
///
/// Returns the values by key: whole numbers and booleans as JSON numbers and booleans, times as `HH:MM` of the zone,
/// all else as text.
pub fn read(
    asks: &[Ask],
    typed: impl Fn(&str) -> Option<String>,
    now: Timestamp,
    zone: Tz,
) -> Result<BTreeMap<String, Value>, Vec<FieldProblem>> {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for ask in asks {
        let raw = typed(&ask.key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        match raw {
            None if ask.required => {
                problems.push(problem(ask, "を入れてください", "is missing: please fill it in"))
            }
            None => {}
            Some(raw) => match value(ask, &raw, now, zone) {
                Ok(value) => {
                    values.insert(ask.key.clone(), value);
                }
                Err(found) => problems.push(found),
            },
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// A program's value for a field as somebody would have typed it.
///
/// Errors: the value is no scalar that such a field can hold: a list, an object, `true` for a text.
pub fn as_typed(ask: &Ask, value: &Value) -> Result<String, FieldProblem> {
    let number = matches!(ask.kind, AskKind::Int { .. } | AskKind::Number);
    match (value, &ask.kind) {
        (Value::Null, _) => Ok(String::new()),
        (Value::String(text), _) => Ok(text.clone()),
        (Value::Number(typed), _) if number => Ok(typed.to_string()),
        (Value::Bool(typed), AskKind::Bool) => Ok(typed.to_string()),
        (_, AskKind::Bool) => Err(problem(ask, "は true か false で送ってください", "must be true or false")),
        _ if number => Err(problem(ask, "は数で送ってください", "must be a number")),
        _ => Err(problem(ask, "は文字列で送ってください", "must be a string")),
    }
}

fn problem(ask: &Ask, ja: &str, en: &str) -> FieldProblem {
    let label_en = ask.label.en.as_deref().unwrap_or(&ask.label.ja);
    FieldProblem {
        key: ask.key.clone(),
        detail: Text::both(format!("「{}」{ja}", ask.label.ja), format!("\"{label_en}\" {en}")),
    }
}

fn value(ask: &Ask, raw: &str, now: Timestamp, zone: Tz) -> Result<Value, FieldProblem> {
    let text = plain(raw);
    match &ask.kind {
        AskKind::Text { max } => {
            if raw.chars().count() > *max as usize {
                let en = format!("is too long: at most {max} characters");
                return Err(problem(ask, &format!("が長すぎます。{max}文字までにしてください"), &en));
            }
            Ok(Value::from(clean(raw)))
        }
        AskKind::Int { min, max } => {
            let digits = text.trim_end_matches(['隊', '名', '人', '班', '台']).trim();
            match digits.parse::<i64>() {
                Ok(number) if (*min..=*max).contains(&number) => Ok(Value::from(number)),
                _ => Err(problem(
                    ask,
                    &format!("は{min}から{max}までの数で入れてください"),
                    &format!("must be a whole number from {min} to {max}"),
                )),
            }
        }
        AskKind::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::from(number)),
            _ => Err(problem(ask, "は数で入れてください", "must be a number")),
        },
        AskKind::Time => time(&text, now, zone).map(Value::from).ok_or_else(|| {
            problem(
                ask,
                "は 14:30 のような時刻か、+30m、30分後 のように入れてください",
                "must be a time like 14:30, or a distance like +30m",
            )
        }),
        AskKind::Choice { options } => options
            .iter()
            .find(|option| option.variants().any(|(_, words)| words == raw || plain(words) == text))
            .map(|option| Value::from(option.ja.clone()))
            .ok_or_else(|| problem(ask, "は選択肢から選んでください", "must be one of the choices")),
        AskKind::Bool => match text.as_str() {
            "true" | "yes" | "1" | "on" | "はい" => Ok(Value::from(true)),
            "false" | "no" | "0" | "off" | "いいえ" => Ok(Value::from(false)),
            _ => Err(problem(ask, "は「はい」か「いいえ」で答えてください", "must be yes or no")),
        },
        AskKind::Phone => {
            if is_phone(&text) {
                Ok(Value::from(clean(raw)))
            } else {
                Err(problem(ask, "は電話番号（数字と - だけ）で入れてください", "must be a telephone number"))
            }
        }
        AskKind::Photo => Err(problem(ask, "は、ここでは送れません", "cannot be sent here")),
    }
}

/// A telephone number in plain characters: 2 to 20 digits, with `+`, `-`, blanks and brackets between.
pub fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    (2..=20).contains(&digits) && text.chars().all(|c| c.is_ascii_digit() || "+- ()#".contains(c))
}

/// Control characters have no place in anything that is shown, mailed or printed; line ends stay.
pub fn clean(text: &str) -> String {
    text.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect()
}

/// `HH:MM` of the zone from `14:30`, `14時30分`, `1430`, `今すぐ`, `+90m`, `30分後`, `2時間後`.
fn time(text: &str, now: Timestamp, zone: Tz) -> Option<String> {
    let local = now.to_utc().with_timezone(&zone);
    let after = |minutes: i64| Some((local + Duration::minutes(minutes)).format("%H:%M").to_string());
    if matches!(text, "今すぐ" | "now" | "0") {
        return after(0);
    }
    if let Some(span) = text.strip_prefix('+') {
        let span: Span = span.parse().or_else(|_| format!("{span}m").parse()).ok()?;
        return (span <= Span::minutes(14 * 24 * 60)).then(|| after(span.0 / 60_000)).flatten();
    }
    if let Some(minutes) = text.strip_suffix("分後") {
        return after(minutes.parse::<u16>().ok()?.into());
    }
    if let Some(hours) = text.strip_suffix("時間後") {
        return after(i64::from(hours.parse::<u8>().ok()?) * 60);
    }
    let clock = text.trim_end_matches('頃').trim_end_matches("ごろ");
    let clock = clock.strip_suffix('分').unwrap_or(clock).replace('時', ":");
    let clock = if clock.ends_with(':') { format!("{clock}00") } else { clock };
    let (hour, minute) = match clock.split_once(':') {
        Some(parts) => parts,
        None if clock.len() == 4 && clock.is_ascii() => clock.split_at(2),
        None => return None,
    };
    if hour.is_empty() || hour.len() > 2 || minute.len() != 2 {
        return None;
    }
    let time = NaiveTime::from_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)?;
    Some(time.format("%H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_sends_a_scalar_of_the_fields_kind() {
        let ask = |kind| Ask { key: "evidence".into(), label: Text::plain("記録"), kind, required: true };
        let text = ask(AskKind::Text { max: 20 });
        assert_eq!(as_typed(&text, &Value::from("済")).unwrap(), "済");
        let wrong = [serde_json::json!({}), serde_json::json!([]), Value::from(true), Value::from(3)];
        for value in wrong {
            assert!(as_typed(&text, &value).is_err(), "{value}");
        }
        let number = ask(AskKind::Number);
        assert_eq!(as_typed(&number, &Value::from(3)).unwrap(), "3");
        assert_eq!(as_typed(&number, &Value::from("３")).unwrap(), "３");
        assert!(as_typed(&number, &serde_json::json!([3])).is_err());
        assert_eq!(as_typed(&ask(AskKind::Bool), &Value::from(true)).unwrap(), "true");
    }
    fn ask(key: &str, kind: AskKind, required: bool) -> Ask {
        Ask { key: key.into(), label: Text::plain(key), kind, required }
    }

    /// 2026-11-24 03:19 in Tokyo.
    const NOW: Timestamp = Timestamp(1_795_457_940_000);

    #[test]
    fn full_width_numbers_and_times_are_taken() {
        let asks = [
            ask("teams", AskKind::Int { min: 1, max: 9 }, true),
            ask("eta", AskKind::Time, true),
            ask("tel", AskKind::Phone, false),
        ];
        let typed = |key: &str| match key {
            "teams" => Some("２隊".to_owned()),
            "eta" => Some("１４：３０".to_owned()),
            _ => Some("０９０ー１２３４―５６７８".to_owned()),
        };
        let values = read(&asks, typed, NOW, chrono_tz::Asia::Tokyo).unwrap();
        assert_eq!(values["teams"], 2);
        assert_eq!(values["eta"], "14:30");
        assert_eq!(values["tel"], "０９０ー１２３４―５６７８");
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let asks = [
            ask("teams", AskKind::Int { min: 1, max: 9 }, true),
            ask("eta", AskKind::Time, false),
            ask("reason", AskKind::Choice { options: vec![Text::plain("人員不足")] }, true),
        ];
        let typed = |key: &str| match key {
            "teams" => Some("たくさん".to_owned()),
            "eta" => Some("25:00".to_owned()),
            _ => None,
        };
        let problems = read(&asks, typed, NOW, chrono_tz::Asia::Tokyo).unwrap_err();
        assert_eq!(problems.iter().map(|p| p.key.as_str()).collect::<Vec<_>>(), ["teams", "eta", "reason"]);
    }

    #[test]
    fn distances_become_times_of_the_zone() {
        for (text, clock) in [
            ("+90m", "04:49"),
            ("30分後", "03:49"),
            ("今すぐ", "03:19"),
            ("2時間後", "05:19"),
            ("5時", "05:00"),
            ("0540", "05:40"),
            ("+30", "03:49"),
        ] {
            assert_eq!(time(text, NOW, chrono_tz::Asia::Tokyo).as_deref(), Some(clock), "{text}");
        }
        for text in ["", "5", "12:3", "aa:bb", "+", "+9999d", "99999分後", "１"] {
            assert_eq!(time(text, NOW, chrono_tz::Asia::Tokyo), None, "{text}");
        }
    }
}
