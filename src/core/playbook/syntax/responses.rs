//! The buttons of an answer page, and the fields behind them.

use super::{Gathered, Thing, start::all_differ};
use crate::{
    playbook::{Ask, AskKind, CountsAs, Meaning, ResponseOption, ResponseSet},
    text::Text,
    yaml::fields::{Fields, Located, Spot},
};

/// A response set as far as it could be read.
pub(in crate::playbook) struct ResponseSetDraft {
    pub(in crate::playbook) key: Located<String>,
    pub(in crate::playbook) options: Vec<Located<ResponseOption>>,
    /// Whether every option could be read.
    pub(in crate::playbook) whole: bool,
}

impl ResponseSetDraft {
    pub(super) fn into_set(self) -> ResponseSet {
        ResponseSet {
            key: self.key.value,
            options: self.options.into_iter().map(|option| option.value).collect(),
        }
    }
}

pub(super) fn response_sets<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Vec<ResponseSetDraft> {
    let sets = spot.entries().into_iter().map(|(key, spot)| {
        let items = spot.some_items();
        let options: Vec<_> = items
            .iter()
            .filter_map(|spot| {
                let fields = spot.fields()?;
                Some(spot.locate(response_option(fields, gathered)?))
            })
            .collect();
        let whole = !items.is_empty() && options.len() == items.len();
        let whole = whole & all_differ(&items);
        ResponseSetDraft { key: spot.locate(key), options, whole }
    });
    sets.collect()
}

fn response_option<'a>(fields: Fields<'a>, gathered: &Gathered<'a>) -> Option<ResponseOption> {
    let key = fields.need("key").and_then(|spot| spot.key());
    let label = fields.need("label").and_then(|spot| spot.text());
    let meaning = fields.need("meaning").and_then(|spot| {
        spot.one_of(&[
            ("accept", Meaning::Accept),
            ("decline", Meaning::Decline),
            ("arrival", Meaning::Arrival),
            ("seen", Meaning::Seen),
            ("question", Meaning::Question),
        ])
    });
    let counts_as = fields.need("counts_as").and_then(|spot| {
        let counts_as = spot.one_of(&[("ack", CountsAs::Ack), ("read", CountsAs::Read)])?;
        if meaning == Some(Meaning::Seen) && counts_as == CountsAs::Ack {
            spot.error(
                "A11",
                Text::both(
                    "「見た」(meaning: seen)は回答に数えられません。",
                    "An option that only says \"seen\" cannot count as an acknowledgement.",
                ),
                Text::both("counts_as: read にしてください。", "Write counts_as: read."),
            );
        }
        Some(counts_as)
    });
    let ask = fields.get("ask").map(|spot| asks(&spot)).unwrap_or_default();
    let after = fields.get("after").and_then(|spot| spot.string().map(str::to_owned));
    let refresh_every = fields.get("refresh_every").and_then(|spot| spot.span());
    let opens_task = fields.get("opens_task").and_then(|spot| gathered.key_of(Thing::Task, &spot));
    fields.finish();
    Some(ResponseOption {
        key: key?,
        label: label?,
        meaning: meaning?,
        counts_as: counts_as?,
        ask,
        after,
        refresh_every,
        opens_task: opens_task.map(|key| key.value),
    })
}

/// The fields of an answer or a form.
pub(super) fn asks(spot: &Spot<'_>) -> Vec<Ask> {
    let items = spot.items();
    all_differ(&items);
    items.iter().filter_map(ask).collect()
}

fn ask(spot: &Spot<'_>) -> Option<Ask> {
    let fields = spot.fields()?;
    let key = fields.need("key").and_then(|spot| spot.key());
    let label = fields.need("label").and_then(|spot| spot.text());
    let kind = fields.need("type").and_then(|spot| {
        spot.one_of(&[
            ("text", "text"),
            ("int", "int"),
            ("time", "time"),
            ("choice", "choice"),
            ("bool", "bool"),
            ("phone", "phone"),
            ("number", "number"),
            ("photo", "photo"),
        ])
    });
    let kind = match kind {
        Some("text") => {
            let max = fields.get("max").and_then(|spot| spot.count());
            Some(AskKind::Text { max: max.unwrap_or(500) })
        }
        Some("int") => {
            let min = fields.get("min").and_then(|spot| spot.int()).unwrap_or(0);
            let max = fields.get("max").and_then(|spot| {
                let max = spot.int()?;
                if max < min {
                    spot.error(
                        "R02",
                        Text::both(
                            "最大が最小より小さくなっています。",
                            "The largest value is below the smallest.",
                        ),
                        Text::both("max を min 以上にしてください。", "Make \"max\" at least \"min\"."),
                    );
                    return None;
                }
                Some(max)
            });
            Some(AskKind::Int { min, max: max.unwrap_or(i64::from(i32::MAX)) })
        }
        Some("choice") => fields.need("options").map(|spot| {
            let items = spot.some_items();
            all_differ(&items);
            AskKind::Choice { options: items.iter().filter_map(|spot| spot.text()).collect() }
        }),
        Some("time") => Some(AskKind::Time),
        Some("bool") => Some(AskKind::Bool),
        Some("phone") => Some(AskKind::Phone),
        Some("number") => Some(AskKind::Number),
        Some("photo") => Some(AskKind::Photo),
        _ => {
            for name in ["min", "max", "options"] {
                fields.ignore(name);
            }
            None
        }
    };
    let required = fields.get("required").map_or(Some(false), |spot| spot.flag());
    fields.finish();
    Some(Ask { key: key?, label: label?, kind: kind?, required: required? })
}
