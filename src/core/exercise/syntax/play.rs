//! What is played: simulated responders, faults, injects; and what is expected of the players.

use super::{Known, between, leads_somewhere, parties};
use crate::{
    exercise::{
        Expectation, ExpectationKind, ExpectationState, Fault, FaultMode, Inject, InjectKind, Reply, Respond,
        Responder,
    },
    playbook::Playbook,
    text::Text,
    time::Span,
    yaml::{
        Value,
        fields::{Fields, Spot},
    },
};

pub(super) fn responders(spot: &Spot<'_>, known: &Known<'_>) -> Vec<Responder> {
    spot.entries().into_iter().filter_map(|(key, spot)| responder(key, &spot, known)).collect()
}

fn responder(key: String, spot: &Spot<'_>, known: &Known<'_>) -> Option<Responder> {
    let fields = spot.fields()?;
    let read = fields.get("read").and_then(|spot| {
        if spot.words() == Some("never") {
            return None;
        }
        let fields = spot.fields()?;
        let after = fields.need("after").and_then(|spot| between(&spot));
        fields.finish();
        after
    });
    let respond = match fields.get("respond") {
        Some(spot) if spot.words() == Some("never") => Some(Respond::Never),
        Some(spot) => respond(&spot, known),
        None => Some(Respond::Never),
    };
    let answer = fields.get("answer").and_then(|spot| {
        let fields = spot.fields()?;
        let p = fields.need("p").and_then(|spot| probability(&spot));
        let after = fields.need("after").and_then(|spot| between(&spot));
        fields.finish();
        Some((p?, after?))
    });
    fields.finish();
    Some(Responder { key, read, respond: respond?, answer })
}

fn respond(spot: &Spot<'_>, known: &Known<'_>) -> Option<Respond> {
    let fields = spot.fields()?;
    let sequence = fields.get("sequence");
    let one_of = fields.get("one_of");
    if sequence.is_some() == one_of.is_some() {
        spot.error(
            "R02",
            Text::both(
                "sequence か one_of のどちらか1つを書きます。",
                "This takes either \"sequence\" or \"one_of\".",
            ),
            Text::both("どちらか1つにしてください。", "Write one of the two."),
        );
    }
    let replies = |spot: &Spot<'_>, likely: bool| -> Vec<(Option<f64>, Reply)> {
        spot.some_items().iter().filter_map(|spot| reply(spot, likely, known)).collect()
    };
    let sequence = sequence.map(|spot| replies(&spot, false).into_iter().map(|(_, reply)| reply).collect());
    let one_of = one_of
        .map(|spot| replies(&spot, true).into_iter().filter_map(|(p, reply)| Some((p?, reply))).collect());
    fields.finish();
    sequence.map(Respond::Sequence).or(one_of.map(Respond::OneOf))
}

fn reply(spot: &Spot<'_>, likely: bool, known: &Known<'_>) -> Option<(Option<f64>, Reply)> {
    let fields = spot.fields()?;
    let p = if likely { fields.need("p").and_then(|spot| probability(&spot)) } else { None };
    let pick = fields.need("pick").and_then(|spot| {
        let key = spot.key()?;
        known.look_up(&spot, "response option", "回答の選択肢", &key, |playbook| {
            let options = playbook.response_sets.iter().flat_map(|set| &set.options);
            options.map(|option| option.key.as_str()).collect()
        });
        Some(key)
    });
    let after = fields.need("after").and_then(|spot| between(&spot));
    let values = match fields.get("fields") {
        Some(spot) => {
            spot.entries();
            spot.node.to_json()
        }
        None => serde_json::Value::Object(serde_json::Map::new()),
    };
    fields.finish();
    Some((p, Reply { pick: pick?, after: after?, fields: values }))
}

fn probability(spot: &Spot<'_>) -> Option<f64> {
    let words = spot.string()?;
    let p = words.parse::<f64>().ok().filter(|p| (0.0..=1.0).contains(p));
    if p.is_none() {
        let help = Text::both("0 から 1 までの数です。", "Write a number from 0 to 1.");
        spot.not_a(words, "確率", "a probability", help);
    }
    p
}

pub(super) fn faults(spot: &Spot<'_>, known: &Known<'_>) -> Vec<Fault> {
    spot.items().iter().filter_map(|spot| fault(spot, known)).collect()
}

fn fault(spot: &Spot<'_>, known: &Known<'_>) -> Option<Fault> {
    let fields = spot.fields()?;
    let key = fields.need("key").and_then(|spot| spot.key());
    let at = fields.need("at").and_then(|spot| spot.span());
    let lasts = fields.get("for").and_then(|spot| spot.span());
    let transport = fields.get("transport").and_then(|spot| spot.key());
    let mode = fields.need("mode").and_then(|spot| {
        spot.one_of(&[
            ("reject", FaultMode::Reject),
            ("bounce_later", FaultMode::BounceLater),
            ("delay", FaultMode::Delay),
            ("drop", FaultMode::Drop),
            ("duplicate", FaultMode::Duplicate),
            ("reorder", FaultMode::Reorder),
            ("restart_server", FaultMode::RestartServer),
            ("db_slow", FaultMode::DbSlow),
            ("clock_skew", FaultMode::ClockSkew),
        ])
    });
    let matching = fields.get("match").map(|spot| parties(&spot, known)).unwrap_or_default();
    let by = fields.get("by").and_then(|spot| between(&spot));
    if mode == Some(FaultMode::Delay) && !fields.has("by") {
        fields.missing("R02", "by");
    }
    fields.finish();
    Some(Fault { key: key?, at: at?, lasts, transport, mode: mode?, matching, by })
}

pub(super) fn msel(spot: &Spot<'_>, known: &Known<'_>) -> Vec<Inject> {
    spot.items().iter().filter_map(|spot| inject(spot, known)).collect()
}

fn inject(spot: &Spot<'_>, known: &Known<'_>) -> Option<Inject> {
    let fields = spot.fields()?;
    let id = fields.need("id").and_then(|spot| spot.key());
    let kind = fields.need("kind").and_then(|spot| {
        spot.one_of(&[
            ("trigger", InjectKind::Trigger),
            ("message", InjectKind::Message),
            ("on_demand", InjectKind::OnDemand),
            ("contingency", InjectKind::Contingency),
        ])
    });
    let at = fields.get("at").and_then(|spot| spot.span());
    if kind.is_some_and(|kind| kind != InjectKind::OnDemand) && !fields.has("at") {
        fields.missing("R02", "at");
    }
    let words = |name| fields.get(name).and_then(|spot| spot.text());
    let from = words("from");
    let to = fields.get("to").map(|spot| hearers(&spot, known)).unwrap_or_default();
    let ways = ["chat", "email", "sms", "phone_script", "radio_script", "paper"].map(|word| (word, word));
    let via = fields.get("via").and_then(|spot| spot.one_of(&ways)).map(str::to_owned);
    let content = words("content");
    let attach = fields.get("attach").map(|spot| spot.strings()).unwrap_or_default();
    let expected = words("expected");
    let objective = objective(&fields, known);
    let controller_note = words("controller_note");
    let condition = fields.get("if").and_then(|spot| {
        let fields = spot.fields()?;
        let expectation = fields.need("expectation").and_then(|spot| spot.key());
        let state = fields.need("is").and_then(|spot| {
            spot.one_of(&[
                ("pending", ExpectationState::Pending),
                ("met", ExpectationState::Met),
                ("partly", ExpectationState::Partly),
                ("missed", ExpectationState::Missed),
                ("not_observed", ExpectationState::NotObserved),
            ])
        });
        fields.finish();
        Some((expectation?, state?))
    });
    let trigger = fields.get("do").and_then(|spot| {
        let fields = spot.fields()?;
        let key = fields.need("trigger").and_then(|spot| {
            let key = spot.key()?;
            known.look_up(&spot, "trigger", "起動条件", &key, |playbook| {
                playbook.triggers.iter().map(|trigger| trigger.key.as_str()).collect()
            });
            Some(key)
        });
        let with = fields.get("with").map_or(serde_json::Value::Null, |spot| {
            spot.entries();
            spot.node.to_json()
        });
        fields.finish();
        Some((key?, with))
    });
    let wanted: &[&str] = match kind {
        Some(InjectKind::Trigger) => &["do"],
        Some(InjectKind::Contingency) => &["if", "content"],
        Some(InjectKind::Message | InjectKind::OnDemand) => &["content"],
        None => &[],
    };
    for name in ["do", "if", "content"] {
        if wanted.contains(&name) && !fields.has(name) {
            fields.missing("R02", name);
        }
    }
    fields.finish();
    Some(Inject {
        id: id?,
        at,
        kind: kind?,
        from,
        to,
        via,
        content,
        attach: attach.into_iter().map(|name| name.value).collect(),
        expected,
        objective,
        controller_note,
        condition,
        trigger,
    })
}

/// Parties and channels.
fn hearers(spot: &Spot<'_>, known: &Known<'_>) -> Vec<String> {
    let hearer = |spot: &Spot<'_>| {
        let words = spot.string()?;
        match words.strip_prefix("channel:").filter(|key| !key.is_empty()) {
            Some(key) => known.look_up(spot, "channel", "チャンネル", key, channels),
            None => drop(super::party(spot, known)?),
        }
        Some(words.to_owned())
    };
    spot.items().iter().filter_map(hearer).collect()
}

fn channels(playbook: &Playbook) -> Vec<&str> {
    playbook.channels.iter().map(|channel| channel.key.as_str()).collect()
}

fn objective(fields: &Fields<'_>, known: &Known<'_>) -> Option<String> {
    let spot = fields.get("objective")?;
    let key = spot.key()?;
    leads_somewhere(&spot, "objective", "評価の軸", &key, known.objectives.iter().map(String::as_str));
    Some(key)
}

pub(super) fn expectations(spot: &Spot<'_>, known: &Known<'_>) -> Vec<Expectation> {
    spot.some_items().iter().filter_map(|spot| expectation(spot, known)).collect()
}

fn expectation(spot: &Spot<'_>, known: &Known<'_>) -> Option<Expectation> {
    let fields = spot.fields()?;
    let id = fields.need("id").and_then(|spot| spot.key());
    let objective = objective(&fields, known);
    let kind = fields.need("type").and_then(|spot| {
        spot.one_of(&[
            ("response", ExpectationKind::Response),
            ("ack", ExpectationKind::Ack),
            ("human_takeover", ExpectationKind::HumanTakeover),
            ("alternate_path", ExpectationKind::AlternatePath),
            ("report", ExpectationKind::Report),
            ("task", ExpectationKind::Task),
            ("post", ExpectationKind::Post),
            ("document", ExpectationKind::Document),
            ("manual", ExpectationKind::Manual),
            ("invariant", ExpectationKind::Invariant),
        ])
    });
    let target = fields.get("target").and_then(|spot| target(&spot, known));
    let unit = match fields.get("unit") {
        Some(spot) => spot.one_of(&[("agency", false), ("person", true)]),
        None => Some(false),
    };
    let at_least = fields.get("at_least").and_then(|spot| spot.count());
    let within = fields.get("within").and_then(|spot| spot.span());
    let points = fields.get("points").and_then(|spot| spot.count());
    let partial = fields.get("partial").map(|spot| spot.items().iter().filter_map(partial).collect());
    let expires = fields.get("expires").and_then(|spot| spot.span());
    let scale = fields.get("scale").map(|spot| scale(&spot)).unwrap_or_default();
    let evaluator = fields.get("evaluator").and_then(|spot| spot.string().map(str::to_owned));
    let agency = fields.get("agency").and_then(|spot| spot.key());
    let while_fault = fields.get("while_fault").and_then(|spot| {
        let key = spot.key()?;
        leads_somewhere(&spot, "fault", "障害", &key, known.faults.iter().map(String::as_str));
        Some(key)
    });
    let question = fields.get("question").and_then(|spot| spot.text());
    let rules = ["no_outside_delivery", "no_unmarked_letter", "no_lost_letter"].map(|word| (word, word));
    let rule = fields.get("rule").and_then(|spot| spot.one_of(&rules)).map(str::to_owned);
    let fails_all = fields.get("fail").and_then(|spot| spot.one_of(&[("whole_exercise", true)]));
    let wanted: &[&'static str] = match kind {
        Some(ExpectationKind::Invariant) => &["rule"],
        Some(ExpectationKind::Manual) => &["question", "points"],
        Some(_) => &["target", "within", "points"],
        None => &[],
    };
    for name in wanted.iter().filter(|name| !fields.has(name)) {
        fields.missing("R02", name);
    }
    fields.finish();
    Some(Expectation {
        id: id?,
        objective,
        kind: kind?,
        target,
        by_person: unit?,
        at_least,
        within,
        points,
        partial: partial.unwrap_or_default(),
        expires,
        scale,
        evaluator,
        agency,
        while_fault,
        question,
        rule,
        fails_all: fails_all.unwrap_or(false),
    })
}

/// What of the playbook an expectation is about.
fn target(spot: &Spot<'_>, known: &Known<'_>) -> Option<String> {
    let words = spot.string()?;
    let kinds: [(&str, &str, &str, fn(&Playbook) -> Vec<&str>); 4] = [
        ("alert:", "alert", "通知", |playbook| {
            playbook.alerts.iter().map(|alert| alert.key.as_str()).collect()
        }),
        ("report:", "report", "報告", |playbook| {
            playbook.reports.iter().map(|report| report.key.as_str()).collect()
        }),
        ("task:", "task", "課題", |playbook| {
            let items = playbook.tasks.iter().flat_map(|group| &group.items);
            items.map(|task| task.key.as_str()).collect()
        }),
        ("channel:", "channel", "チャンネル", channels),
    ];
    let found = kinds.iter().find_map(|(prefix, what, what_ja, keys)| {
        Some((words.strip_prefix(prefix).filter(|key| !key.is_empty())?, what, what_ja, keys))
    });
    let Some((key, what, what_ja, keys)) = found else {
        let help = Text::both(
            "\"alert:…\"、\"report:…\"、\"task:…\"、\"channel:…\" の形で書いてください。",
            "Write \"alert:…\", \"report:…\", \"task:…\" or \"channel:…\".",
        );
        spot.not_a(words, "評価の対象", "what an expectation can be about", help);
        return None;
    };
    known.look_up(spot, what, what_ja, key, *keys);
    Some(words.to_owned())
}

fn partial(spot: &Spot<'_>) -> Option<(Span, u32)> {
    let fields = spot.fields()?;
    let within = fields.need("within").and_then(|spot| spot.span());
    let points = fields.need("points").and_then(|spot| spot.count());
    fields.finish();
    Some((within?, points?))
}

/// What a person's judgements are worth: `{ done: 10, partly: 5, not_done: 0, not_observed: null }`.
fn scale(spot: &Spot<'_>) -> Vec<(String, Option<u32>)> {
    let worth = |(key, spot): (String, Spot<'_>)| {
        if matches!(spot.node.value, Value::Null) {
            return Some((key, None));
        }
        let points = spot.int()?;
        let fits = u32::try_from(points).ok();
        if fits.is_none() {
            let help = Text::both("0 以上の整数か null です。", "Write a whole number from 0 on, or null.");
            spot.not_a(&points.to_string(), "点数", "a number of points", help);
        }
        Some((key, Some(fits?)))
    };
    spot.entries().into_iter().filter_map(worth).collect()
}
