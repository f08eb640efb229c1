//! The values of a start: what was given, what the site knows, what the playbook falls back on.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeZone, Timelike};
use chrono_tz::Tz;
use serde_json::Value;

use crate::{
    answer::{clean, is_phone, plain},
    directory::{Directory, SiteValue},
    playbook::{Playbook, Variable, VariableKind},
    text::{Language, Text},
    time::Timestamp,
};

/// The scale of the Japan Meteorological Agency, weakest first.
pub const JMA_INTENSITIES: [&str; 9] = ["1", "2", "3", "4", "5-", "5+", "6-", "6+", "7"];

/// A value that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableProblem {
    /// The variable; or a name that the playbook does not declare.
    pub key: String,
    /// What is wrong and what to give instead.
    pub detail: Text,
}

/// Resolves every declared variable: given, else from the site, else the default.
///
/// - `given`: JSON values by name; texts are read as people type them.
/// - Returns the values by name, moments as RFC 3339; a variable without any value is left out (texts then print
///   調整中). Problems come all at once: unknown names, missing required values, values of the wrong kind.
pub fn resolve(
    playbook: &Playbook,
    directory: &Directory,
    given: &BTreeMap<String, Value>,
    now: Timestamp,
    zone: Tz,
) -> Result<BTreeMap<String, Value>, Vec<VariableProblem>> {
    let (values, problems) = read_all(playbook, directory, given, now, zone);
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// What [`resolve`] finds, the values that can be taken beside the problems: an event that starts a playbook by itself
/// may lack some, and a person fills them in.
pub fn read_all(
    playbook: &Playbook,
    directory: &Directory,
    given: &BTreeMap<String, Value>,
    now: Timestamp,
    zone: Tz,
) -> (BTreeMap<String, Value>, Vec<VariableProblem>) {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for key in given.keys().filter(|key| playbook.variables.iter().all(|variable| variable.key != **key)) {
        problems.push(VariableProblem {
            key: key.clone(),
            detail: Text::both(
                format!("変数 {key} はこの手順書にありません"),
                format!("this playbook has no variable {key}"),
            ),
        });
    }
    for variable in &playbook.variables {
        let stated = given.get(&variable.key).filter(|value| !is_blank(value)).cloned();
        let found = stated.or_else(|| preset(variable, directory));
        match found {
            Some(raw) => match read(variable, &raw, now, zone) {
                Ok(value) => {
                    values.insert(variable.key.clone(), value);
                }
                Err(detail) => problems.push(VariableProblem { key: variable.key.clone(), detail }),
            },
            None if variable.required => {
                let label = label(variable);
                problems.push(VariableProblem {
                    key: variable.key.clone(),
                    detail: Text::both(
                        format!("「{}」（{}）を入れてください", label.get(Language::Ja), variable.key),
                        format!("\"{}\" ({}) is required", label.get(Language::En), variable.key),
                    ),
                });
            }
            None => {}
        }
    }
    (values, problems)
}

/// What a variable holds before anybody has typed anything: the site's value, else the default.
pub fn preset(variable: &Variable, directory: &Directory) -> Option<Value> {
    let from_site = variable.from.as_deref().and_then(|from| from.strip_prefix("site.")).and_then(|key| {
        Some(match directory.site.get(key)? {
            SiteValue::One(one) => Value::from(one.clone()),
            SiteValue::List(several) => Value::from(several.clone()),
        })
    });
    from_site.or_else(|| variable.default.clone()).filter(|value| !is_blank(value))
}

/// The question of a variable, or its name.
pub fn label(variable: &Variable) -> Text {
    variable.ask.clone().unwrap_or_else(|| Text::plain(variable.key.clone()))
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        // An empty list prints like nothing at all: 調整中 is better.
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn read(variable: &Variable, raw: &Value, now: Timestamp, zone: Tz) -> Result<Value, Text> {
    let label = label(variable);
    let fail = |ja: String, en: String| {
        let name = &variable.key;
        Err(Text::both(
            format!("「{}」（{name}）{ja}", label.get(Language::Ja)),
            format!("\"{}\" ({name}) {en}", label.get(Language::En)),
        ))
    };
    let typed = match raw {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(_) if variable.kind == VariableKind::List => String::new(),
        _ => return fail("の形が違います".into(), "has the wrong type".into()),
    };
    let max = variable.max.unwrap_or(500);
    // Of a list, each item is measured.
    if variable.kind != VariableKind::List && typed.trim().chars().count() > max as usize {
        return fail(
            format!("が長すぎます。{max}文字までです"),
            format!("is too long: at most {max} characters"),
        );
    }
    let text = plain(&typed);
    match &variable.kind {
        VariableKind::Text => {
            // The default, left as it stood on a page in another language.
            let own =
                variable.words.iter().find(|words| words.variants().any(|(_, words)| words == typed.trim()));
            Ok(Value::from(own.map_or_else(|| clean(typed.trim()), |words| words.ja.clone())))
        }
        VariableKind::Int => match text.parse::<i64>() {
            Ok(number) => Ok(Value::from(number)),
            Err(_) => fail("は整数で入れてください".into(), "must be a whole number".into()),
        },
        VariableKind::Enum(options) => match options.iter().find(|option| is_option(variable, option, &text))
        {
            Some(option) => Ok(Value::from(option.clone())),
            None => fail(
                format!("は {} のどれかにしてください", options.join("、")),
                format!("must be one of {}", options.join(", ")),
            ),
        },
        VariableKind::JmaIntensity => match intensity(&text) {
            Some(known) => Ok(Value::from(known)),
            None => fail(
                "は震度（1 2 3 4 5- 5+ 6- 6+ 7）で入れてください".into(),
                "must be a JMA intensity: 1 2 3 4 5- 5+ 6- 6+ 7".into(),
            ),
        },
        VariableKind::Phone if is_phone(&text) => Ok(Value::from(clean(typed.trim()))),
        VariableKind::Phone => fail("は電話番号で入れてください".into(), "must be a telephone number".into()),
        VariableKind::Datetime => match moment(&text, now, zone) {
            Some(moment) => Ok(Value::from(moment.rfc3339(zone))),
            None => fail(
                "は 14:30 か 11月24日 14:30 のように入れてください".into(),
                "must be a moment like 2026-11-24T14:30:00+09:00 or 14:30".into(),
            ),
        },
        VariableKind::List => {
            let items: Vec<String> = match raw {
                Value::Array(items) => {
                    match items.iter().map(|item| item.as_str().map(|item| clean(item.trim()))).collect() {
                        Some(items) => items,
                        None => {
                            return fail(
                                "は文字列の一覧で入れてください".into(),
                                "must be a list of texts".into(),
                            );
                        }
                    }
                }
                _ => typed.split(['、', ',', '\n']).map(|item| clean(item.trim())).collect(),
            };
            if items.iter().any(|item| item.chars().count() > max as usize) {
                return fail(
                    format!("に長すぎる項目があります。{max}文字までです"),
                    format!("has an item that is too long: at most {max} characters"),
                );
            }
            Ok(Value::from(items.into_iter().filter(|item| !item.is_empty()).collect::<Vec<_>>()))
        }
    }
}

/// Whether somebody has typed this option, in any of its languages.
fn is_option(variable: &Variable, option: &str, typed: &str) -> bool {
    let words = variable.words.iter().find(|words| words.ja == option);
    let mut all = words.into_iter().flat_map(Text::variants).map(|(_, words)| words);
    plain(option) == typed || all.any(|words| plain(words) == typed)
}

/// `6+` from `6+`, `6強`, `震度6強`.
pub(crate) fn intensity(text: &str) -> Option<&'static str> {
    let text = text.trim_start_matches("震度").replace('弱', "-").replace('強', "+");
    JMA_INTENSITIES.into_iter().find(|known| *known == text)
}

/// RFC 3339, `2026-11-24 14:30`, `11月24日 14:30`, or a time of today (of yesterday when it would be ahead of now).
pub fn moment(text: &str, now: Timestamp, zone: Tz) -> Option<Timestamp> {
    if let Some(exact) = Timestamp::parse_rfc3339(text) {
        return Some(exact);
    }
    let local = now.to_utc().with_timezone(&zone);
    let at = |moment: NaiveDateTime| {
        zone.from_local_datetime(&moment).earliest().map(|found| Timestamp(found.timestamp_millis()))
    };
    for form in ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M"] {
        if let Ok(moment) = NaiveDateTime::parse_from_str(text, form) {
            return at(moment);
        }
    }
    let (date, clock) = text.rsplit_once(' ').map_or((None, text), |(date, clock)| (Some(date), clock));
    let clock = clock.replace('時', ":");
    let clock = clock.strip_suffix('分').unwrap_or(&clock);
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
    let day = match date {
        None => local.date_naive(),
        Some(date) => {
            let date = date.split('(').next()?.trim().replace('月', "/");
            let (month, day) = date.trim_end_matches('日').split_once('/')?;
            NaiveDate::from_ymd_opt(local.year(), month.parse().ok()?, day.parse().ok()?)?
        }
    };
    let moment = day.and_hms_opt(hour, minute, 0)?;
    let ahead = date.is_none() && (hour, minute) > (local.hour(), local.minute());
    at(if ahead { moment - chrono::Duration::days(1) } else { moment })
}

/// How a variable's value stands in a letter or on a page; options and defaults in the reader's words.
pub fn told<'v>(variable: &'v Variable, value: &'v Value, language: Language, zone: Tz) -> Cow<'v, str> {
    let own = value.as_str().and_then(|kept| variable.words.iter().find(|words| words.ja == kept));
    match own {
        Some(words) => Cow::Borrowed(words.get(language)),
        None => shown(&variable.kind, value, language, zone),
    }
}

/// How a value stands in a letter or on a page: intensities as 6強, moments as 11月24日(火) 03:07, lists with 、.
pub fn shown<'v>(kind: &VariableKind, value: &'v Value, language: Language, zone: Tz) -> Cow<'v, str> {
    let ja = language != Language::En;
    match value {
        Value::String(text) => match kind {
            VariableKind::JmaIntensity if ja => Cow::Owned(text.replace('-', "弱").replace('+', "強")),
            VariableKind::JmaIntensity => Cow::Owned(text.replace('-', " lower").replace('+', " upper")),
            VariableKind::Datetime => match Timestamp::parse_rfc3339(text) {
                Some(moment) => Cow::Owned(day_and_time(moment, language, zone)),
                None => Cow::Borrowed(text),
            },
            _ => Cow::Borrowed(text),
        },
        Value::Array(items) => {
            let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            Cow::Owned(words.join(if ja { "、" } else { ", " }))
        }
        other => Cow::Owned(other.to_string()),
    }
}

/// `11月24日(火) 03:07`, or `Tue 24 Nov 03:07`.
pub fn day_and_time(moment: Timestamp, language: Language, zone: Tz) -> String {
    let local = moment.to_utc().with_timezone(&zone);
    if language == Language::En {
        return local.format("%a %-d %b %H:%M").to_string();
    }
    let weekday = ["月", "火", "水", "木", "金", "土", "日"][local.weekday().num_days_from_monday() as usize];
    format!("{}月{}日({weekday}) {}", local.month(), local.day(), local.format("%H:%M"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ZONE: Tz = chrono_tz::Asia::Tokyo;
    /// 2026-11-24 03:19 in Tokyo.
    const NOW: Timestamp = Timestamp(1_795_457_940_000);

    #[test]
    fn moments_are_read_as_people_type_them() {
        for text in [
            "2026-11-24T03:07:00+09:00",
            "03:07",
            "11月24日 03:07",
            "11月24日(火) 3時07分",
            "2026-11-24 03:07",
        ] {
            let moment = moment(&plain(text), NOW, ZONE).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(day_and_time(moment, Language::Ja, ZONE), "11月24日(火) 03:07", "{text}");
        }
        assert_eq!(day_and_time(moment("23:50", NOW, ZONE).unwrap(), Language::En, ZONE), "Mon 23 Nov 23:50");
        assert_eq!(moment("later", NOW, ZONE), None);
    }

    fn of(kind: VariableKind) -> Variable {
        Variable {
            key: "x".into(),
            kind,
            from: None,
            required: false,
            default: None,
            words: Vec::new(),
            ask: None,
            max: Some(12),
        }
    }

    /// Every type: what people type, what is kept, how it is printed in Japanese and in English.
    #[test]
    fn every_type_is_read_kept_and_printed() {
        for (kind, typed, kept, ja, en) in [
            (VariableKind::Text, json!(" 青葉県沖 "), json!("青葉県沖"), "青葉県沖", "青葉県沖"),
            (VariableKind::Int, json!("１２"), json!(12), "12", "12"),
            (VariableKind::Int, json!(-3), json!(-3), "-3", "-3"),
            (VariableKind::Enum(vec!["陸".into(), "海".into()]), json!("海"), json!("海"), "海", "海"),
            (VariableKind::Phone, json!("０００-0000"), json!("０００-0000"), "０００-0000", "０００-0000"),
            (VariableKind::JmaIntensity, json!("震度５弱"), json!("5-"), "5弱", "5 lower"),
            (VariableKind::List, json!("北部、南部,"), json!(["北部", "南部"]), "北部、南部", "北部, 南部"),
            (
                VariableKind::List,
                json!(["北部", " 南部 "]),
                json!(["北部", "南部"]),
                "北部、南部",
                "北部, 南部",
            ),
        ] {
            let value =
                read(&of(kind.clone()), &typed, NOW, ZONE).unwrap_or_else(|why| panic!("{typed}: {why:?}"));
            assert_eq!(value, kept, "{typed}");
            let printed = |language| shown(&kind, &value, language, ZONE).into_owned();
            assert_eq!((printed(Language::Ja).as_str(), printed(Language::En).as_str()), (ja, en), "{typed}");
        }
    }

    #[test]
    fn every_type_refuses_what_it_is_not_with_its_own_sentence() {
        for (kind, typed, says) in [
            (VariableKind::Text, json!("あ".repeat(13)), "12文字まで"),
            (VariableKind::Text, json!({ "a": 1 }), "形が違います"),
            (VariableKind::Int, json!("3.5"), "整数"),
            (VariableKind::Enum(vec!["陸".into(), "海".into()]), json!("空"), "陸、海"),
            (VariableKind::Phone, json!("内線のみ"), "電話番号"),
            (VariableKind::JmaIntensity, json!("8"), "震度"),
            (VariableKind::Datetime, json!("きのう"), "14:30"),
            (VariableKind::List, json!(["北部", 3]), "文字列"),
            (VariableKind::List, json!(["あ".repeat(13)]), "12文字まで"),
        ] {
            let why = read(&of(kind), &typed, NOW, ZONE).expect_err(&typed.to_string());
            assert!(why.ja.contains(says) && why.en.is_some(), "{typed}: {why:?}");
        }
    }

    #[test]
    fn intensities_are_told_as_the_agency_does() {
        assert_eq!(intensity(&plain("震度６強")), Some("6+"));
        assert_eq!(intensity("8"), None);
        let shown_as =
            |language| shown(&VariableKind::JmaIntensity, &Value::from("6+"), language, ZONE).into_owned();
        assert_eq!((shown_as(Language::Ja), shown_as(Language::En)), ("6強".into(), "6 upper".into()));
    }

    #[test]
    fn options_and_defaults_are_told_in_the_readers_language() {
        let mut variable = of(VariableKind::Enum(vec!["全館".into(), "不明".into()]));
        variable.words = vec![Text::both("全館", "All floors"), Text::plain("不明")];
        let kept = read(&variable, &json!("all floors"), NOW, ZONE);
        assert!(kept.is_err(), "word for word");
        let kept = read(&variable, &json!("All floors"), NOW, ZONE).expect("an option in English");
        assert_eq!(kept, json!("全館"), "kept is the Japanese");
        assert_eq!(told(&variable, &kept, Language::En, ZONE), "All floors");
        assert_eq!(told(&variable, &kept, Language::Ja, ZONE), "全館");
        assert_eq!(told(&variable, &json!("不明"), Language::En, ZONE), "不明");
    }
}
