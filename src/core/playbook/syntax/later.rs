//! What the file may say and the service does not execute yet, and the end of an incident: tasks, reports, closing,
//! cancelling, drills, forms. All of it is read strictly and its references are checked.

use super::{Gathered, Thing, start::all_differ};
use crate::{
    playbook::{CancelPlan, ClosePlan, DrillPlan, Form, ReportPlan, TaskGroup, TaskPlan},
    text::Text,
    time::Span,
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

/// A task with what checks look at.
pub(in crate::playbook) struct TaskDraft {
    pub(in crate::playbook) key: Located<String>,
    pub(in crate::playbook) requires: Vec<Located<String>>,
    /// The task that the due time hangs on.
    pub(in crate::playbook) due_after: Option<Located<String>>,
    /// The condition under which it is shown, as JSON.
    pub(in crate::playbook) when: Option<serde_json::Value>,
    /// The variable that `when` looks at.
    pub(in crate::playbook) when_variable: Option<Located<String>>,
    /// `repeat_every` of a required task.
    endless: Option<Located<()>>,
}

pub(super) fn tasks<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> (Vec<TaskGroup>, Vec<TaskDraft>) {
    let mut drafts = Vec::new();
    let mut groups = Vec::new();
    let mut every_item = Vec::new();
    for spot in spot.items() {
        let Some(fields) = spot.fields() else { continue };
        let title = fields.get("group").and_then(|spot| spot.text());
        let mut items = Vec::new();
        for spot in fields.need("items").map(|spot| spot.some_items()).unwrap_or_default() {
            if let Some((plan, draft)) = task(&spot, gathered) {
                items.push(plan);
                drafts.push(draft);
            }
            every_item.push(spot);
        }
        fields.finish();
        groups.push(TaskGroup { title, items });
    }
    all_differ(&every_item);
    (groups, drafts)
}

fn task<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<(TaskPlan, TaskDraft)> {
    let fields = spot.fields()?;
    let key = fields.need("key").and_then(|spot| Some(spot.locate(spot.key()?)));
    let title = fields.need("title").and_then(|spot| spot.text());
    let role = fields.need("role").and_then(|spot| gathered.key_of(Thing::Role, &spot));
    let mut due_after = None;
    let due = fields.get("due").and_then(|spot| {
        let fields = spot.fields()?;
        let after = fields.need("after").and_then(|spot| anchor(&spot, gathered, &mut due_after));
        let within = fields.need("within").and_then(|spot| spot.span());
        fields.finish();
        Some((after?, within?))
    });
    let when = fields.get("when");
    let when_variable = when.as_ref().and_then(when_variable);
    let requires =
        fields.get("requires").map(|spot| gathered.keys_of(Thing::Task, &spot)).unwrap_or_default();
    let required = fields.get("required").and_then(|spot| spot.flag()).unwrap_or(false);
    let repeats = fields.get("repeat_every").and_then(|spot| {
        spot.span()?;
        Some(spot.locate(()))
    });
    if let Some(fields) = fields.get("evidence").and_then(|spot| spot.fields()) {
        fields.need("type").map(|spot| {
            spot.one_of(
                &["text", "int", "number", "time", "choice", "bool", "phone", "photo"].map(|word| (word, ())),
            )
        });
        fields.get("label").map(|spot| spot.text());
        fields.get("optional").map(|spot| spot.flag());
        fields.get("options").map(|spot| spot.strings());
        fields.finish();
    }
    fields.get("form").map(|spot| gathered.key_of(Thing::Form, &spot));
    fields.get("on_demand").map(|spot| spot.flag());
    fields.finish();
    let key = key?;
    let draft = TaskDraft {
        key: key.clone(),
        requires,
        due_after,
        when: when.map(|spot| spot.node.to_json()),
        when_variable,
        endless: repeats.filter(|_| required),
    };
    let rest = spot.node.to_json();
    Some((TaskPlan { key: key.value, title: title?, role: role?.value, due, required, rest }, draft))
}

fn when_variable(spot: &Spot<'_>) -> Option<Located<String>> {
    let fields = spot.fields()?;
    let variable = fields.need("var").and_then(|spot| Some(spot.locate(spot.string()?.to_owned())));
    let tests = ["contains", "eq", "ne", "gte", "gt", "lte", "lt", "in"];
    if tests.map(|name| fields.get(name)).iter().flatten().count() != 1 {
        fields.spot.error(
            "R02",
            Text::both("条件は1つだけ書けます。", "A condition has exactly one test."),
            Text::both(
                format!("次のどれか1つを書いてください: {}", tests.join("、")),
                format!("Write one of: {}.", tests.join(", ")),
            ),
        );
    }
    fields.finish();
    variable
}

/// What a due time counts from: `incident.…`, `task.<k>.done`, `role.<k>.accepted`, `alert.<k>.answered`,
/// `clock.HH:MM`.
fn anchor<'a>(
    spot: &Spot<'a>,
    gathered: &Gathered<'a>,
    due_after: &mut Option<Located<String>>,
) -> Option<String> {
    let words = spot.string()?;
    let incident = ["opened", "activated", "stabilised", "closing", "closed", "cancelled"];
    let between = |prefix: &str, suffix: &str| words.strip_prefix(prefix)?.strip_suffix(suffix);
    if words == "task.created"
        || words.strip_prefix("incident.").is_some_and(|event| incident.contains(&event))
    {
    } else if let Some(key) = between("task.", ".done") {
        gathered.refer(Thing::Task, spot.locate(key.to_owned()));
        *due_after = Some(spot.locate(key.to_owned()));
    } else if let Some(key) = between("role.", ".accepted") {
        gathered.refer(Thing::Role, spot.locate(key.to_owned()));
    } else if let Some(key) = between("alert.", ".answered") {
        gathered.refer(Thing::Alert, spot.locate(key.to_owned()));
    } else if words
        .strip_prefix("clock.")
        .is_none_or(|time| chrono::NaiveTime::parse_from_str(time, "%H:%M").is_err())
    {
        spot.not_a(
            words,
            "期限の起点",
            "an anchor of a due time",
            Text::both(
                "incident.activated、task.<キー>.done、role.<キー>.accepted、alert.<キー>.answered、clock.HH:MM のどれかです。",
                "Write incident.activated, task.<key>.done, role.<key>.accepted, alert.<key>.answered or clock.HH:MM.",
            ),
        );
        return None;
    }
    Some(words.to_owned())
}

pub(super) fn reports<'a>(spot: &Spot<'a>, gathered: &Gathered<'a>) -> Vec<ReportPlan> {
    spot.entries().into_iter().filter_map(|(key, spot)| report(key, &spot, gathered)).collect()
}

fn report<'a>(key: String, spot: &Spot<'a>, gathered: &Gathered<'a>) -> Option<ReportPlan> {
    let fields = spot.fields()?;
    let title = fields.get("title").and_then(|spot| spot.text()).unwrap_or_else(|| Text::plain(key.clone()));
    fields.need("form").map(|spot| gathered.key_of(Thing::Form, &spot));
    fields.need("author").map(|spot| gathered.key_of(Thing::Role, &spot));
    fields.get("approver").map(|spot| gathered.key_of(Thing::Role, &spot));
    if let Some(spot) = fields.need("schedule") {
        schedule(&spot);
    }
    for spot in fields.get("audience").map(|spot| spot.items()).unwrap_or_default() {
        if let Some(channel) = gathered.channel(&spot) {
            gathered.refer(Thing::Channel, channel);
        }
    }
    fields.get("carry_forward").map(|spot| spot.flag());
    if let Some(fields) = fields.get("if_missed").and_then(|spot| spot.fields()) {
        for spot in fields.get("remind").map(|spot| spot.items()).unwrap_or_default() {
            spot.span();
        }
        if !fields.has("decide") {
            fields.missing("T08", "decide");
        }
        if let Some(fields) = fields.get("decide").and_then(|spot| spot.fields()) {
            fields.need("at").map(|spot| spot.span());
            fields.need("to").map(|spot| gathered.party(&spot, &[Thing::Role, Thing::Roster]));
            fields.get("final").map(|spot| spot.flag());
            fields.get("options").map(|spot| spot.strings());
            fields.finish();
        }
        fields.finish();
    } else if !fields.has("if_missed") {
        fields.missing("T08", "if_missed");
    }
    fields.finish();
    Some(ReportPlan { key, title, rest: spot.node.to_json() })
}

/// The stretches of a report's rhythm follow each other without gap or overlap; only the last may be open.
fn schedule(spot: &Spot<'_>) {
    let mut end: Option<Span> = Some(Span::ZERO);
    for (index, spot) in spot.some_items().into_iter().enumerate() {
        let Some(fields) = spot.fields() else { return };
        let from = fields.need("from").and_then(|spot| spot.span());
        let to = fields.get("to").map(|spot| spot.span());
        let every = fields.need("every").and_then(|spot| spot.span());
        fields.get("first").map(|spot| spot.span());
        fields.finish();
        let (Some(from), Some(_)) = (from, every) else { return };
        if end != Some(from) {
            spot.error(
                "T08",
                Text::both(
                    format!("報告の予定の {} 番目が、前の続きになっていません。", index + 1),
                    format!("Part {} of the schedule does not continue the one before it.", index + 1),
                ),
                Text::both(
                    "from を前の to と同じにしてください。最初は 0h です。",
                    "Make \"from\" the same as \"to\" of the part before; the first is 0h.",
                ),
            );
            return;
        }
        end = match to {
            Some(Some(to)) => Some(to),
            Some(None) => return,
            None => None,
        };
    }
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

pub(super) fn forms(spot: &Spot<'_>) -> Vec<Form> {
    spot.entries()
        .into_iter()
        .map(|(key, spot)| {
            spot.some_items();
            Form { key, fields: super::responses::asks(&spot) }
        })
        .collect()
}
