//! The end of an incident: closing and cancelling; and drills.

use super::{Gathered, TaskDraft, Thing};
use crate::{
    playbook::{CancelPlan, ClosePlan, DrillPlan},
    text::Text,
    yaml::{
        Value,
        fields::{Fields, Located, Spot},
    },
};

/// What a proposal to close may look at.
const METRICS: [&str; 4] = ["alerts.unresolved", "tasks.required_open", "teams.active", "reports.overdue"];

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
    if let Some(spot) = &propose_when {
        conditions(spot, tasks);
    }
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
    ClosePlan {
        propose_when: propose_when.map(|spot| spot.node.to_json()),
        approve: approve.map(|role| role.value),
        alerts,
        review_due,
    }
}

fn conditions(spot: &Spot<'_>, tasks: &[TaskDraft]) {
    let Some(fields) = spot.fields() else { return };
    let lists: Vec<_> = ["all", "any"].map(|name| fields.get(name)).into_iter().flatten().collect();
    if !lists.is_empty() {
        for list in lists {
            for item in list.some_items() {
                conditions(&item, tasks);
            }
        }
        fields.finish();
        return;
    }
    if let Some(metric) = fields.need("metric")
        && let Some(name) = metric.string()
    {
        if !METRICS.contains(&name) {
            metric.error(
                "T09",
                Text::both(
                    format!("指標「{name}」はありません。"),
                    format!("There is no metric \"{name}\"."),
                ),
                Text::both(
                    format!("次のどれかを書いてください: {}", METRICS.join("、")),
                    format!("Write one of: {}.", METRICS.join(", ")),
                ),
            );
        }
        for task in tasks.iter().filter(|_| name == "tasks.required_open") {
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
    }
    let tests = ["eq", "ne", "gte", "gt", "lte", "lt"];
    let found: Vec<_> = tests.map(|name| fields.get(name)).into_iter().flatten().collect();
    for test in &found {
        test.int();
    }
    if found.is_empty() && !tests.iter().any(|name| fields.has(name)) {
        fields.missing("R02", "eq");
    }
    fields.finish();
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

pub(super) fn drills<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<DrillPlan> {
    let fields = spot.fields()?;
    let allowed = fields.need("allowed").and_then(|spot| spot.flag());
    let mut plan = DrillPlan { allowed: false, subject_prefix: None, body_top: None, body_bottom: None };
    if let Some(fields) = fields.get("mark").and_then(|spot| spot.fields()) {
        let words = |name| fields.get(name).and_then(|spot| gathered.template(&spot));
        plan.subject_prefix = words("subject_prefix");
        plan.body_top = words("body_top");
        plan.body_bottom = words("body_bottom");
        fields.finish();
    }
    fields.finish();
    Some(DrillPlan { allowed: allowed?, ..plan })
}
