//! What the file may say and the service does not execute yet: tasks, reports, drills, forms, waivers. All of it is read
//! strictly and its references are checked.

use super::{Gathered, Thing, start::all_differ};
use crate::{
    playbook::{DrillPlan, Form, ReportPlan, TaskGroup, TaskPlan, Waiver},
    text::Text,
    time::Span,
    yaml::fields::{Located, Spot},
};

/// Rules whose breach is a warning: only these can be waived.
const WAIVABLE: [&str; 17] = [
    "R06", "R07", "A05", "A07", "A08", "A10", "A14", "A15", "A16", "A17", "T03", "T04", "T06", "T07", "T10",
    "X13", "X15",
];

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
    pub(super) endless: Option<Located<()>>,
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

pub(super) fn waivers(spot: &Spot<'_>) -> Vec<Located<Waiver>> {
    spot.items().iter().filter_map(|spot| Some(spot.locate(waiver(spot)?))).collect()
}

fn waiver(spot: &Spot<'_>) -> Option<Waiver> {
    let fields = spot.fields()?;
    let code = fields.need("code").and_then(|spot| {
        let code = spot.string()?;
        if !WAIVABLE.contains(&code) {
            spot.error(
                "R02",
                Text::both(
                    format!("「{code}」は免除できません。警告だけを免除できます。"),
                    format!("\"{code}\" cannot be waived: only warnings can."),
                ),
                Text::both(
                    format!("免除できる規則: {}", WAIVABLE.join("、")),
                    format!("Rules that can be waived: {}.", WAIVABLE.join(", ")),
                ),
            );
            return None;
        }
        Some(code.to_owned())
    });
    let because = fields.need("because").and_then(|spot| spot.text());
    fields.finish();
    Some(Waiver { code: code?, because: because? })
}
