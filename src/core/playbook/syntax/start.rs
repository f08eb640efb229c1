//! What a start needs: variables, roles, channels.

use std::collections::BTreeSet;

use super::{Gathered, Thing};
use crate::{
    playbook::{ChannelPlan, Member, Role, Variable, VariableKind},
    text::Text,
    time::{Span, Timestamp},
    variable::JMA_INTENSITIES,
    yaml::fields::{Fields, Located, Spot},
};

/// What is pinned at a channel's head.
const PINS: [&str; 4] = ["objectives", "ack_board", "latest_sitrep", "contact_list"];

pub(super) fn variables(spot: &Spot<'_>) -> Vec<Located<Variable>> {
    spot.entries().into_iter().filter_map(|(key, spot)| Some(spot.locate(variable(key, &spot)?))).collect()
}

fn variable(key: String, spot: &Spot<'_>) -> Option<Variable> {
    if key.contains('-') {
        spot.error(
            "R02",
            Text::both(
                format!("変数名「{key}」の「-」は、文面の {{{{ }}}} の中で使えません。"),
                format!("The \"-\" of the variable \"{key}\" cannot stand in {{{{ }}}}."),
            ),
            Text::both("「_」を使ってください。", "Use \"_\"."),
        );
    }
    let fields = spot.fields()?;
    let kinds = [
        ("text", VariableKind::Text),
        ("int", VariableKind::Int),
        ("enum", VariableKind::Enum(Vec::new())),
        ("datetime", VariableKind::Datetime),
        ("phone", VariableKind::Phone),
        ("list", VariableKind::List),
        ("jma_intensity", VariableKind::JmaIntensity),
    ];
    let kind = match fields.get("type") {
        Some(spot) => spot.one_of(&kinds),
        None => Some(VariableKind::Text),
    };
    let mut words: Vec<Text> = Vec::new();
    let kind = match kind {
        Some(VariableKind::Enum(_)) => {
            let options: Option<Vec<Text>> = fields
                .need("options")
                .map(|spot| spot.some_items().iter().filter_map(|spot| spot.text()).collect());
            options.map(|options| {
                let kept = options.iter().map(|option| option.ja.clone()).collect();
                words = options;
                VariableKind::Enum(kept)
            })
        }
        other => {
            if other.is_none() {
                fields.ignore("options");
            }
            other
        }
    };
    if kind == Some(VariableKind::List) {
        if let Some(of) = fields.get("of") {
            of.one_of(&[("text", ())]);
        }
    } else if kind.is_none() {
        fields.ignore("of");
    }
    let from = fields.get("from").and_then(|spot| {
        let words = spot.string()?;
        let known = ["trigger.", "site."]
            .iter()
            .any(|prefix| words.len() > prefix.len() && words.starts_with(prefix));
        if !known {
            spot.not_a(
                words,
                "値の出どころ",
                "a source of values",
                Text::both("trigger.… か site.… の形で書いてください。", "Write trigger.… or site.…."),
            );
        }
        known.then(|| words.to_owned())
    });
    let required = fields.get("required").and_then(|spot| spot.flag()).unwrap_or(false);
    let default = fields.get("default").and_then(|spot| match kind {
        // Free words may stand there in several languages; kept is the Japanese.
        Some(VariableKind::Text) => {
            let text = spot.text()?;
            let kept = text.ja.clone();
            words.push(text);
            Some(kept.into())
        }
        _ => default_of(&spot, kind.as_ref()),
    });
    let ask = fields.get("ask").and_then(|spot| spot.text());
    let max = fields.get("max").and_then(|spot| spot.count());
    default_fits(&fields, max.unwrap_or(500));
    let nothing_to_ask = required && !["from", "ask", "default"].iter().any(|name| fields.has(name));
    if nothing_to_ask {
        spot.error(
            "R04",
            Text::both(
                format!("必須の変数「{key}」の値がどこからも来ません。"),
                format!("The required variable \"{key}\" gets its value from nowhere."),
            ),
            Text::both(
                "from・ask・default のどれかを書いてください。",
                "Give it \"from\", \"ask\" or \"default\".",
            ),
        );
    }
    fields.finish();
    Some(Variable { key, kind: kind?, from, required, default, words, ask, max })
}

/// The default has to be a value that the variable could be given.
fn default_of(spot: &Spot<'_>, kind: Option<&VariableKind>) -> Option<serde_json::Value> {
    let words = || spot.string();
    match kind? {
        VariableKind::Int => spot.int().map(Into::into),
        VariableKind::List => {
            Some(spot.strings().into_iter().map(|word| serde_json::Value::String(word.value)).collect())
        }
        VariableKind::Enum(options) => {
            let choices: Vec<(&str, ())> = options.iter().map(|option| (option.as_str(), ())).collect();
            spot.one_of(&choices)?;
            words().map(Into::into)
        }
        VariableKind::JmaIntensity => {
            spot.one_of(&JMA_INTENSITIES.map(|word| (word, ())))?;
            spot.in_quotes();
            words().map(Into::into)
        }
        VariableKind::Phone => {
            let words = words()?;
            if !crate::directory::syntax::is_telephone_number(words) {
                spot.not_a(
                    words,
                    "電話番号",
                    "a telephone number",
                    Text::both(
                        "数字・+・-・空白(数字は2〜20桁)で書いてください。",
                        "Write digits, +, - and blanks (2 to 20 digits).",
                    ),
                );
                return None;
            }
            if crate::directory::syntax::is_a_number_to_others(words) {
                spot.in_quotes();
            }
            Some(words.into())
        }
        VariableKind::Datetime => {
            let words = words()?;
            if Timestamp::parse_rfc3339(words).is_none() {
                spot.not_a(
                    words,
                    "日時",
                    "a moment",
                    Text::both(
                        "2026-11-24T03:14:00+09:00 のように書いてください。",
                        "Write it like 2026-11-24T03:14:00+09:00.",
                    ),
                );
                return None;
            }
            Some(words.into())
        }
        VariableKind::Text => words().map(Into::into),
    }
}

/// A default that the start itself would refuse as too long.
fn default_fits(fields: &Fields<'_>, max: u32) {
    let Some(spot) = fields.get("default") else { return };
    let too_long =
        |spot: &Spot<'_>| spot.node.as_str().is_some_and(|words| words.chars().count() > max as usize);
    for spot in spot.variants().iter().filter(|spot| too_long(spot)) {
        spot.error(
            "R02",
            Text::both(
                format!("既定値が長すぎます(上限は {max} 文字)。"),
                format!("This default is too long (the limit is {max} characters)."),
            ),
            Text::both("短くするか、max を大きくしてください。", "Shorten it, or raise \"max\"."),
        );
    }
}

/// Tells elements of a list whose key (or label, or word) another one has. Returns whether there is none.
pub(super) fn all_differ(items: &[Spot<'_>]) -> bool {
    let mut seen = BTreeSet::new();
    let mut differ = true;
    for item in items {
        let node = item.node;
        let node = node.get("key").or_else(|| node.get("label")).unwrap_or(node);
        let node = node.get("ja").unwrap_or(node);
        let Some(word) = node.as_str() else { continue };
        if !seen.insert(word) {
            differ = false;
            item.error_at(
                "R02",
                node.at,
                Text::both(format!("「{word}」が重複しています。"), format!("\"{word}\" is given twice.")),
                Text::both("別の名前にしてください。", "Choose another name."),
            );
        }
    }
    differ
}

pub(super) fn roles<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Vec<Located<Role>> {
    spot.some_entries()
        .into_iter()
        .filter_map(|(key, spot)| Some(spot.locate(role(key, &spot, gathered)?)))
        .collect()
}

fn role<'a>(key: String, spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<Role> {
    let fields = spot.fields()?;
    let title = title_or_key(&fields, &key);
    let fill = fields.need("fill").and_then(|spot| {
        let fields = spot.fields()?;
        let from = fields.need("from").map(|spot| {
            spot.some_items()
                .iter()
                .filter_map(|spot| gathered.party(spot, &[Thing::Roster, Thing::Role]))
                .collect()
        });
        let accept_within = fields.get("accept_within").and_then(|spot| spot.span());
        if !fields.has("accept_within") {
            fields.missing("T05", "accept_within");
        }
        fields.finish();
        Some((from?, accept_within?))
    });
    fields.finish();
    let (fill_from, accept_within): (_, Span) = fill?;
    Some(Role { key, title, fill_from, accept_within })
}

fn title_or_key(fields: &Fields<'_>, key: &str) -> Text {
    fields.get("title").and_then(|spot| spot.text()).unwrap_or_else(|| Text::plain(key))
}

pub(super) fn channels<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Vec<Located<ChannelPlan>> {
    spot.some_entries()
        .into_iter()
        .filter_map(|(key, spot)| Some(spot.locate(channel(key, &spot, gathered)?)))
        .collect()
}

fn channel<'a>(key: String, spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<ChannelPlan> {
    let fields = spot.fields()?;
    let title = title_or_key(&fields, &key);
    let outside = fields
        .get("visibility")
        .and_then(|spot| spot.one_of(&[("internal", false), ("outside", true)]))
        .unwrap_or(false);
    let members = fields
        .get("members")
        .map(|spot| spot.items().iter().filter_map(|spot| member(spot, gathered)).collect())
        .unwrap_or_default();
    let relay_to = fields.get("relay_to").and_then(|spot| gathered.key_of(Thing::Channel, &spot));
    let pins = fields
        .get("pins")
        .map(|spot| {
            spot.items()
                .iter()
                .filter_map(|pin| {
                    let name = pin.one_of(&PINS.map(|word| (word, word)))?;
                    if outside && name == "contact_list" {
                        pin.error(
                            "T10",
                            Text::both(
                                "連絡先一覧(205A)を外部のチャンネルに掲示することはできません。",
                                "The contact list (205A) must not be pinned in an outside channel.",
                            ),
                            Text::both(
                                "内部のチャンネルに掲示してください。",
                                "Pin it in an internal channel.",
                            ),
                        );
                    }
                    Some(name.to_owned())
                })
                .collect()
        })
        .unwrap_or_default();
    // Whether reports may be sent there: looked at where a report names its audience.
    fields.get("broadcasts").map(|spot| spot.flag());
    let activity_log = fields.get("activity_log").and_then(|spot| gathered.key_of(Thing::Form, &spot));
    if outside && !fields.has("relay_to") {
        spot.warning(
            "T10",
            Text::both(
                format!("外部のチャンネル「{key}」の発言が本部に届きません。"),
                format!("Nobody at the head office hears what is said in the outside channel \"{key}\"."),
            ),
            Text::both(
                "relay_to: に内部のチャンネルを書いてください。",
                "Give it \"relay_to:\" with an internal channel.",
            ),
        );
    }
    fields.finish();
    Some(ChannelPlan {
        key,
        title,
        outside,
        members,
        relay_to: relay_to.map(|key| key.value),
        pins,
        activity_log: activity_log.map(|key| key.value),
    })
}

fn member<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<Member> {
    if spot.node.as_str() == Some("role:*") {
        return Some(Member::EveryRole);
    }
    gathered.party(spot, &[Thing::Agency, Thing::Role, Thing::Roster]).map(Member::Party)
}
