//! What may start a playbook: sources, conditions, hold, dedupe, schedule, webhook.

use super::{Gathered, Thing, start::all_differ};
use crate::{
    playbook::{
        Again, Among, Bound, Comparison, Dedupe, EventTest, Hook, Mode, OnTimeout, Schedule, Source, Trigger,
    },
    recurrence::Recurrence,
    text::Text,
    time::Span,
    variable::JMA_INTENSITIES,
    yaml::{
        Value,
        fields::{Fields, Spot, shortened},
    },
};

/// How long a hold is where the file does not say.
const HOLD: Span = Span::minutes(3);

/// A trigger with the places of what checks look at.
pub(in crate::playbook) struct TriggerDraft {
    pub(in crate::playbook) trigger: Trigger,
    pub(in crate::playbook) path: String,
}

pub(super) fn triggers<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Vec<TriggerDraft> {
    let items = spot.some_items();
    all_differ(&items);
    items.iter().filter_map(|spot| trigger(spot, gathered)).collect()
}

fn trigger<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<TriggerDraft> {
    let fields = spot.fields()?;
    let key = fields.need("key").and_then(|spot| spot.key());
    let sources = Source::ALL.map(|source| (source.key(), source));
    let source = fields.need("source").and_then(|spot| spot.one_of(&sources));
    let mode = mode(&fields);
    let allow = fields
        .get("allow")
        .map(|spot| {
            spot.items()
                .iter()
                .filter_map(|spot| gathered.party(spot, &[Thing::Roster, Thing::Role]))
                .collect()
        })
        .unwrap_or_default();
    let confirm =
        fields.get("confirm").and_then(|spot| spot.one_of(&[("type_title", true), ("none", false)]));
    let dedupe = fields.get("dedupe").map(|spot| dedupe(&spot));
    let when = fields.get("when");
    let when = when.map(|spot| tests(&spot)).unwrap_or_default();
    let schedule = fields.get("schedule").map(|spot| schedule(&spot));
    let webhook = fields.get("webhook").map(|spot| webhook(&spot));
    let opens = matches!(mode, Some(Mode::OpenAndHold { .. } | Mode::OpenAndSend));
    if source.is_some_and(|source| source != Source::Manual) && opens && dedupe.is_none() {
        fields.missing("T01", "dedupe");
    }
    for (name, wanted) in [("schedule", Source::Schedule), ("webhook", Source::Webhook)] {
        if source == Some(wanted) && !fields.has(name) {
            fields.missing("R02", name);
        }
    }
    fields.finish();
    Some(TriggerDraft {
        path: spot.path.clone(),
        trigger: Trigger {
            key: key?,
            source: source?,
            allow,
            confirm_title: confirm.unwrap_or(false),
            mode: mode?,
            when,
            dedupe: dedupe.flatten(),
            schedule: schedule.flatten(),
            webhook: webhook.flatten(),
        },
    })
}

/// Mode and hold together. A value that could not be read has told its problem; the draft goes on without it.
fn mode(fields: &Fields<'_>) -> Option<Mode> {
    let words = ["suggest", "open_and_hold", "open_and_send"].map(|word| (word, word));
    let mode = fields.get("mode").map(|spot| spot.one_of(&words));
    let hold = fields.get("hold").map(|spot| spot.span());
    let timeouts = [("send", OnTimeout::Send), ("suggest", OnTimeout::Suggest)];
    let on_timeout = fields.get("on_hold_timeout").map(|spot| spot.one_of(&timeouts));
    if !matches!(mode, Some(None | Some("open_and_hold"))) {
        without_a_hold(fields);
    }
    match mode {
        None => Some(Mode::Suggest),
        Some(Some("open_and_hold")) => {
            if on_timeout.is_none() {
                fields.missing("T01", "on_hold_timeout");
            }
            Some(Mode::OpenAndHold {
                hold: hold.flatten().unwrap_or(HOLD),
                on_timeout: on_timeout.flatten().unwrap_or(OnTimeout::Suggest),
            })
        }
        Some(Some("open_and_send")) => Some(Mode::OpenAndSend),
        Some(found) => found.map(|_| Mode::Suggest),
    }
}

/// What speaks of a hold where nothing is held.
fn without_a_hold(fields: &Fields<'_>) {
    for name in ["hold", "on_hold_timeout"] {
        let Some(spot) = fields.spot.child(name) else { continue };
        spot.warning(
            "R06",
            Text::both(
                format!("{name} は使われません。保留するのは mode: open_and_hold だけです。"),
                format!("\"{name}\" is never used: only mode: open_and_hold holds anything."),
            ),
            Text::both(
                format!("mode: open_and_hold と書くか、{name} を消してください。"),
                format!("Write mode: open_and_hold, or remove \"{name}\"."),
            ),
        );
    }
}

fn dedupe(spot: &Spot<'_>) -> Option<Dedupe> {
    let fields = spot.fields()?;
    let by = fields.need("by").and_then(|spot| spot.string());
    let window = fields.need("window").and_then(|spot| spot.span());
    let thens = [("attach", Again::Attach), ("ignore", Again::Ignore), ("open", Again::Open)];
    let then = fields.need("then").and_then(|spot| spot.one_of(&thens));
    fields.finish();
    let by = by?;
    Some(Dedupe { by: by.strip_prefix("trigger.").unwrap_or(by).to_owned(), window: window?, then: then? })
}

/// Conditions about an event's values. Which values there are depends on the source, so any name is taken.
fn tests(spot: &Spot<'_>) -> Vec<EventTest> {
    let mut found = Vec::new();
    for (name, spot) in spot.entries() {
        match (&spot.node.value, name.strip_suffix("_in")) {
            (Value::Map(_), None) => found.extend(comparisons(&name, &spot)),
            (Value::List(_), short) => {
                if short.unwrap_or(&name) == INTENSITY {
                    spot.items().iter().for_each(intensity);
                }
                let words = spot.strings().into_iter().map(|word| word.value).collect();
                let name = short.unwrap_or(&name).to_owned();
                found.push(EventTest { name, bound: Bound::Among(Among::Words(words)) });
            }
            (Value::Scalar { .. }, Some(short)) => {
                let Some(words) = spot.string() else { continue };
                let among = match words.strip_prefix("site.") {
                    Some(key) => Among::Site(key.to_owned()),
                    None => {
                        if short == INTENSITY {
                            intensity(&spot);
                        }
                        Among::Words(vec![words.to_owned()])
                    }
                };
                found.push(EventTest { name: short.to_owned(), bound: Bound::Among(among) });
            }
            (Value::Scalar { .. }, None) => {
                if spot.string().is_some() {
                    if name == INTENSITY {
                        intensity(&spot);
                    }
                    let bound = Bound::Compare(Comparison::Eq, spot.node.to_json());
                    found.push(EventTest { name, bound });
                }
            }
            _ => {
                // Empty, or a map under `…_in`: the reader of texts tells what is wanted.
                spot.string();
            }
        }
    }
    found
}

/// The value whose words are those of the JMA scale.
const INTENSITY: &str = "max_intensity";

/// A level of the JMA scale, in quotes: any other word would never fire.
fn intensity(spot: &Spot<'_>) {
    let Some(words) = spot.words().filter(|words| !words.trim().is_empty()) else { return };
    if JMA_INTENSITIES.contains(&words) {
        spot.in_quotes();
        return;
    }
    let words = shortened(words);
    spot.error(
        "T02",
        Text::both(
            format!("「{words}」は震度階級ではありません。"),
            format!("\"{words}\" is no JMA intensity."),
        ),
        Text::both(
            format!("次のどれかを引用符付きで書いてください: {}", JMA_INTENSITIES.join(" ")),
            format!("Write one of these in quotes: {}.", JMA_INTENSITIES.join(" ")),
        ),
    );
}

fn comparisons(name: &str, spot: &Spot<'_>) -> Vec<EventTest> {
    let Some(fields) = spot.fields() else { return Vec::new() };
    let mut found = Vec::new();
    // An intensity is one level: it contains nothing.
    let of_intensity = name == INTENSITY;
    let known = Comparison::ALL.into_iter().filter(|(_, one)| !of_intensity || *one != Comparison::Contains);
    for (word, comparison) in known {
        let Some(bound) = fields.get(word) else { continue };
        if bound.string().is_none() {
            continue;
        }
        if of_intensity {
            intensity(&bound);
        }
        found.push(EventTest {
            name: name.to_owned(),
            bound: Bound::Compare(comparison, bound.node.to_json()),
        });
    }
    fields.finish();
    found
}

fn schedule(spot: &Spot<'_>) -> Option<Schedule> {
    let fields = spot.fields()?;
    let rrule = fields.need("rrule");
    let zone = fields.get("zone").and_then(|zone| {
        let words = zone.string()?;
        let known = words.parse::<chrono_tz::Tz>().ok();
        if known.is_none() {
            zone.not_a(
                words,
                "時間帯",
                "a time zone",
                Text::both("Asia/Tokyo のように書いてください。", "Write it like Asia/Tokyo."),
            );
        }
        known
    });
    let rrule = rrule.and_then(|spot| {
        let words = spot.string()?;
        let read = Recurrence::read(words, zone.unwrap_or(chrono_tz::Asia::Tokyo));
        if let Err(detail) = read {
            spot.error(
                "R02",
                detail,
                Text::both(
                    "FREQ=MONTHLY;BYDAY=1MO;BYHOUR=10;BYMINUTE=0 のように書いてください(RFC 5545)。",
                    "Write it like FREQ=MONTHLY;BYDAY=1MO;BYHOUR=10;BYMINUTE=0 (RFC 5545).",
                ),
            );
            return None;
        }
        Some(words.to_owned())
    });
    fields.finish();
    Some(Schedule { rrule: rrule?, zone })
}

fn webhook(spot: &Spot<'_>) -> Option<Hook> {
    let fields = spot.fields()?;
    let secret = fields.need("secret").and_then(|spot| spot.string().map(str::to_owned));
    let mut map = Vec::new();
    for (name, pointer) in fields.get("map").map(|spot| spot.entries()).unwrap_or_default() {
        let Some(words) = pointer.string() else { continue };
        if !words.starts_with('/') {
            pointer.not_a(
                words,
                "JSON ポインター",
                "a JSON pointer",
                Text::both("/event/id のように書いてください。", "Write it like /event/id."),
            );
        }
        map.push((name, words.to_owned()));
    }
    fields.finish();
    Some(Hook { secret: secret?, map })
}
