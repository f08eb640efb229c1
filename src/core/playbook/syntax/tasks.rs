//! Reads the block `tasks`.

use serde_json::Value as Json;

use super::{Gathered, Thing, start::all_differ};
use crate::{
    playbook::{Anchor, Ask, AskKind, Due, IncidentMoment, TaskGroup, TaskPlan, Test, When},
    text::Text,
    yaml::fields::{Located, Spot, did_you_mean},
};

/// A task with what checks look at.
pub(in crate::playbook) struct TaskDraft {
    pub(in crate::playbook) key: Located<String>,
    pub(in crate::playbook) requires: Vec<Located<String>>,
    /// The task that the due time hangs on.
    pub(in crate::playbook) due_after: Option<Located<String>>,
    /// The condition under which it is shown, as JSON.
    pub(in crate::playbook) when: Option<Json>,
    /// The variable that `when` looks at.
    pub(in crate::playbook) when_variable: Option<Located<String>>,
    /// `repeat_every` of a required task.
    pub(in crate::playbook) endless: Option<Located<()>>,
}

impl TaskDraft {
    /// The tasks that have to be done before this one can be done or can be late.
    pub(in crate::playbook) fn waits_for(&self) -> impl Iterator<Item = &Located<String>> {
        let is_required = |key: &str| self.requires.iter().any(|required| required.value == key);
        let due = self.due_after.iter().filter(move |anchor| !is_required(&anchor.value));
        self.requires.iter().chain(due)
    }
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
        Some(Due { after: after?, within: within? })
    });
    let when_at = fields.get("when");
    let condition = when_at.as_ref().and_then(condition);
    let requires =
        fields.get("requires").map(|spot| gathered.keys_of(Thing::Task, &spot)).unwrap_or_default();
    let required = fields.get("required").and_then(|spot| spot.flag()).unwrap_or(false);
    let repeats = fields.get("repeat_every").and_then(|spot| Some(spot.locate(spot.span()?)));
    let evidence = fields.get("evidence").and_then(|spot| evidence(&spot));
    let form = fields.get("form").and_then(|spot| gathered.key_of(Thing::Form, &spot));
    let on_demand = fields.get("on_demand").and_then(|spot| spot.flag()).unwrap_or(false);
    fields.finish();
    let key = key?;
    let plan = TaskPlan {
        key: key.value.clone(),
        title: title?,
        role: role?.value,
        due,
        when: condition.as_ref().map(|(when, _)| when.clone()),
        requires: requires.iter().map(|task| task.value.clone()).collect(),
        required,
        evidence,
        repeat_every: repeats.as_ref().map(|every| every.value),
        form: form.map(|form| form.value),
        on_demand,
    };
    let draft = TaskDraft {
        key,
        requires,
        due_after,
        when: when_at.map(|spot| spot.node.to_json()),
        when_variable: condition.map(|(_, variable)| variable),
        endless: repeats.filter(|_| required).map(|every| Located {
            value: (),
            at: every.at,
            path: every.path,
        }),
    };
    Some((plan, draft))
}

/// `{ var: areas, contains: 南部 }`, with the place of the variable's name.
fn condition(spot: &Spot<'_>) -> Option<(When, Located<String>)> {
    let fields = spot.fields()?;
    let variable = fields.need("var").and_then(|spot| Some(spot.locate(spot.string()?.to_owned())));
    let found = Test::ALL.map(|(name, test)| Some((test, fields.get(name)?)));
    let found: Vec<_> = found.into_iter().flatten().collect();
    if found.len() != 1 {
        let names = Test::ALL.map(|(name, _)| name);
        fields.spot.error(
            "R02",
            Text::both("条件は1つだけ書けます。", "A condition has exactly one test."),
            Text::both(
                format!("次のどれか1つを書いてください: {}", names.join("、")),
                format!("Write one of: {}.", names.join(", ")),
            ),
        );
    }
    fields.finish();
    let variable = variable?;
    let (test, spot) = found.into_iter().next()?;
    let when = When { variable: variable.value.clone(), test, value: spot.node.to_json() };
    Some((when, variable))
}

/// What whoever has done it gives: one field, required unless it says that it is optional.
fn evidence(spot: &Spot<'_>) -> Option<Ask> {
    let fields = spot.fields()?;
    let kinds = [
        ("text", AskKind::Text { max: 500 }),
        ("int", AskKind::Int { min: 0, max: i64::from(i32::MAX) }),
        ("number", AskKind::Number),
        ("time", AskKind::Time),
        ("choice", AskKind::Choice { options: Vec::new() }),
        ("bool", AskKind::Bool),
        ("phone", AskKind::Phone),
        ("photo", AskKind::Photo),
    ];
    let kind = fields.need("type").and_then(|spot| spot.one_of(&kinds));
    let label = fields.get("label").and_then(|spot| spot.text());
    let optional = fields.get("optional").map_or(Some(false), |spot| spot.flag());
    let kind = match kind {
        Some(AskKind::Choice { .. }) => fields.need("options").map(|spot| {
            let items = spot.some_items();
            all_differ(&items);
            AskKind::Choice { options: items.iter().filter_map(|spot| spot.text()).collect() }
        }),
        other => {
            fields.get("options").map(|spot| spot.strings());
            other
        }
    };
    fields.finish();
    let kind = kind?;
    let label = label.unwrap_or_else(|| match kind {
        AskKind::Photo => Text::both("写真", "Photo"),
        _ => Text::both("記録", "Evidence"),
    });
    Some(Ask { key: "evidence".into(), label, kind, required: !optional? })
}

/// What a due time counts from.
fn anchor<'a>(
    spot: &Spot<'a>,
    gathered: &Gathered<'a>,
    due_after: &mut Option<Located<String>>,
) -> Option<Anchor> {
    let words = spot.string()?;
    let between = |prefix: &str, suffix: &str| {
        let key = words.strip_prefix(prefix)?.strip_suffix(suffix)?;
        Some(spot.locate(key.to_owned()))
    };
    let moment = words
        .strip_prefix("incident.")
        .and_then(|event| IncidentMoment::ALL.into_iter().find(|(name, _)| *name == event));
    if words == "task.created" {
        return Some(Anchor::Created);
    }
    if let Some((_, moment)) = moment {
        return Some(Anchor::Incident(moment));
    }
    if let Some(key) = between("task.", ".done") {
        gathered.refer(Thing::Task, key.clone());
        *due_after = Some(key.clone());
        return Some(Anchor::TaskDone(key.value));
    }
    if let Some(key) = between("role.", ".accepted") {
        gathered.refer(Thing::Chair, key.clone());
        return Some(Anchor::RoleAccepted(key.value));
    }
    if let Some(key) = between("alert.", ".answered") {
        gathered.refer(Thing::Alert, key.clone());
        return Some(Anchor::AlertAnswered(key.value));
    }
    let clock = words.strip_prefix("clock.").map(|time| chrono::NaiveTime::parse_from_str(time, "%H:%M"));
    if let Some(Ok(time)) = clock {
        return Some(Anchor::Clock(time));
    }
    let moments = IncidentMoment::ALL.map(|(name, _)| format!("incident.{name}"));
    let fixed = moments.iter().map(String::as_str).chain(["task.created"]);
    let (hint_ja, hint_en) = did_you_mean(words, fixed);
    spot.not_a(
        words,
        "期限の起点",
        "an anchor of a due time",
        Text::both(
            format!(
                "次のどれかを書いてください: {}、task.created、task.<キー>.done、role.<キー>.accepted、alert.<キー>.answered、clock.HH:MM。{hint_ja}",
                moments.join("、")
            ),
            format!(
                "Write one of: {}, task.created, task.<key>.done, role.<key>.accepted, alert.<key>.answered, clock.HH:MM.{hint_en}",
                moments.join(", ")
            ),
        ),
    );
    None
}
