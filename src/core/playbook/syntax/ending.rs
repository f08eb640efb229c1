//! The end of an incident: when closing is proposed, who approves, what follows; who may cancel, and who hears of it.

use super::{Gathered, TaskDraft, Thing};
use crate::{
    playbook::{CancelPlan, ClosePlan, CloseWhen, Comparison, Metric},
    text::Text,
    yaml::{
        Value,
        fields::{Fields, Located, Spot},
    },
};

/// The alerts that closing and cancelling name: they need no `send`.
pub(super) fn alerts_of_the_end(fields: &Fields<'_>) -> Vec<String> {
    let root = fields.spot.node;
    let cancelling = root.get("cancel").and_then(|cancel| cancel.get("alert"));
    let closing = match root.get("close").and_then(|close| close.get("then")).map(|then| &then.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    let closing = closing.iter().filter_map(|item| item.get("alert"));
    closing.chain(cancelling).filter_map(|node| node.as_str().map(str::to_owned)).collect()
}

pub(super) fn close<'a>(spot: &Spot<'a>, tasks: &[TaskDraft], gathered: &Gathered<'a>) -> ClosePlan {
    let Some(fields) = spot.fields() else { return ClosePlan::default() };
    let propose_when = fields.get("propose_when");
    let propose_when = propose_when.and_then(|spot| conditions(&spot, tasks));
    let approve = fields.get("approve").and_then(|spot| gathered.key_of(Thing::Role, &spot));
    let mut alerts = Vec::new();
    let mut review_due = None;
    for spot in fields.get("then").map(|spot| spot.items()).unwrap_or_default() {
        let Some(fields) = spot.fields() else { continue };
        if fields.has("review") {
            fields.get("review").map(|spot| spot.one_of(&[("aar", ())]));
            review_due = fields.get("due").and_then(|spot| spot.span());
        } else if let Some(alert) = fields.need("alert").and_then(|spot| gathered.key_of(Thing::Alert, &spot))
        {
            alerts.push(alert.value);
        }
        fields.finish();
    }
    fields.finish();
    ClosePlan { propose_when, approve: approve.map(|role| role.value), alerts, review_due }
}

fn conditions(spot: &Spot<'_>, tasks: &[TaskDraft]) -> Option<CloseWhen> {
    let fields = spot.fields()?;
    let (all, any) = (fields.get("all"), fields.get("any"));
    if all.is_some() || any.is_some() {
        let parts = |spot: Spot<'_>| {
            spot.some_items().iter().filter_map(|item| conditions(item, tasks)).collect::<Vec<_>>()
        };
        let all = all.map(parts);
        let any = any.map(|spot| CloseWhen::Any(parts(spot)));
        fields.finish();
        return Some(match (all, any) {
            (Some(all), None) => CloseWhen::All(all),
            (None, Some(any)) => any,
            (all, any) => CloseWhen::All(all.into_iter().flatten().chain(any).collect()),
        });
    }
    let metric = fields.need("metric").and_then(|metric| {
        let name = metric.string()?;
        let found = Metric::ALL.into_iter().find(|known| known.key() == name);
        if found.is_none() {
            let known = Metric::ALL.map(Metric::key);
            metric.error(
                "T09",
                Text::both(
                    format!("指標「{name}」はありません。"),
                    format!("There is no metric \"{name}\"."),
                ),
                Text::both(
                    format!("次のどれかを書いてください: {}", known.join("、")),
                    format!("Write one of: {}.", known.join(", ")),
                ),
            );
        }
        for task in tasks.iter().filter(|_| found == Some(Metric::TasksRequiredOpen)) {
            let Some(place) = &task.endless else { continue };
            metric.error_of(
                "T09",
                place,
                Text::both(
                    format!(
                        "課題「{}」は必須でありながら繰り返すため、終結の提案が永久に出ません。",
                        task.key.value
                    ),
                    format!(
                        "The task \"{}\" is required and repeats, so closing can never be proposed.",
                        task.key.value
                    ),
                ),
                Text::both(
                    "required か repeat_every のどちらかを外してください。",
                    "Remove \"required\" or \"repeat_every\".",
                ),
            );
        }
        found
    });
    let tests = Comparison::ALL.into_iter().filter(|(_, comparison)| *comparison != Comparison::Contains);
    let mut bounds = Vec::new();
    let mut found = false;
    for (name, comparison) in tests {
        if let Some(spot) = fields.get(name) {
            found = true;
            bounds.extend(spot.int().map(|bound| (comparison, bound)));
        } else {
            found |= fields.has(name);
        }
    }
    if !found {
        fields.missing("R02", "eq");
    }
    fields.finish();
    Some(CloseWhen::Number(metric?, bounds))
}

pub(super) fn cancel<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<Located<CancelPlan>> {
    let fields = spot.fields()?;
    let allow = fields.get("allow").map(|spot| gathered.keys_of(Thing::Role, &spot)).unwrap_or_default();
    let require_reason = fields
        .get("require")
        .and_then(|spot| spot.one_of(&[("reason", true), ("nothing", false)]))
        .unwrap_or(false);
    let alert = fields.get("alert").and_then(|spot| gathered.key_of(Thing::Alert, &spot));
    fields.finish();
    Some(spot.locate(CancelPlan {
        allow: allow.into_iter().map(|role| role.value).collect(),
        require_reason,
        alert: alert.map(|alert| alert.value),
    }))
}
