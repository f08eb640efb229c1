//! What a playbook says about tasks: who does what by when, under which condition, with what as evidence.

use std::{cmp::Ordering, collections::BTreeMap};

use chrono::NaiveTime;
use serde_json::Value;

use super::{Ask, Playbook, Variable, VariableKind};
use crate::{
    text::Text,
    time::{Span, Timestamp},
    variable::JMA_INTENSITIES,
};

/// A group of tasks, as the checklist prints it (CSCATTT: 指揮、安全、情報伝達 …).
#[derive(Clone, Debug, PartialEq)]
pub struct TaskGroup {
    /// Title for people.
    pub title: Option<Text>,
    /// The items, in file order.
    pub items: Vec<TaskPlan>,
}

/// One task as the author planned it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskPlan {
    /// Readable key, unique in the playbook.
    pub key: String,
    /// Title for people.
    pub title: Text,
    /// Who does it: key of a role.
    pub role: String,
    /// When it should be done; `None` has no deadline and no reminders.
    pub due: Option<Due>,
    /// The condition under which it is there at all.
    pub when: Option<When>,
    /// Tasks that have to be settled before it: keys.
    pub requires: Vec<String>,
    /// Whether the incident waits for it: it counts in `tasks.required_open`, and its reminders come more often.
    pub required: bool,
    /// What whoever has done it gives as evidence: key `evidence`, required unless it is optional.
    pub evidence: Option<Ask>,
    /// Once done, it comes back, due so long afterwards.
    pub repeat_every: Option<Span>,
    /// The form that goes with it: a key of the playbook's forms or of the built-in ones.
    pub form: Option<String>,
    /// Not there from the beginning: made by hand, or by an answer that opens it.
    pub on_demand: bool,
}

impl TaskPlan {
    /// Whether its condition holds for these values; it is there without one.
    pub fn is_there(&self, playbook: &Playbook, values: &BTreeMap<String, Value>) -> bool {
        self.when.as_ref().is_none_or(|when| {
            let variable = playbook.variables.iter().find(|variable| variable.key == when.variable);
            when.holds(variable, values.get(&when.variable))
        })
    }
}

/// A deadline: a moment that something else sets, and the distance from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What it counts from.
    pub after: Anchor,
    /// How long after it.
    pub within: Span,
}

/// What a due time counts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// `incident.activated` and its kind.
    Incident(IncidentMoment),
    /// `task.<key>.done`: the first time that it was done, or decided to be not needed.
    TaskDone(String),
    /// `role.<key>.accepted`
    RoleAccepted(String),
    /// `alert.<key>.answered`: the first answer of any recipient. Later would be a deadline that silence postpones.
    AlertAnswered(String),
    /// `clock.HH:MM`: the next such wall time, of the site, from when the task is there.
    Clock(NaiveTime),
    /// `task.created`
    Created,
}

/// A moment in the life of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IncidentMoment {
    /// `incident.opened`
    Opened,
    /// `incident.activated`
    Activated,
    /// `incident.stabilised`
    Stabilised,
    /// `incident.closing`
    Closing,
    /// `incident.closed`
    Closed,
    /// `incident.cancelled`
    Cancelled,
}

impl IncidentMoment {
    /// Every moment with its word in the file, in the order of an incident's life.
    pub const ALL: [(&'static str, Self); 6] = [
        ("opened", Self::Opened),
        ("activated", Self::Activated),
        ("stabilised", Self::Stabilised),
        ("closing", Self::Closing),
        ("closed", Self::Closed),
        ("cancelled", Self::Cancelled),
    ];
}

/// A condition over one variable.
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    /// Key of the variable.
    pub variable: String,
    /// How it is compared.
    pub test: Test,
    /// With what: a scalar, or a list for `in`.
    pub value: Value,
}

/// How a variable is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// The list, or the text, contains the value.
    Contains,
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// At least.
    Gte,
    /// More than.
    Gt,
    /// At most.
    Lte,
    /// Less than.
    Lt,
    /// One of the listed values.
    In,
}

impl Test {
    /// Every test with its word in the file.
    pub const ALL: [(&'static str, Self); 8] = [
        ("contains", Self::Contains),
        ("eq", Self::Eq),
        ("ne", Self::Ne),
        ("gte", Self::Gte),
        ("gt", Self::Gt),
        ("lte", Self::Lte),
        ("lt", Self::Lt),
        ("in", Self::In),
    ];
}

impl When {
    /// Whether it holds for the value that the variable has.
    ///
    /// Intensities are compared by the scale of the agency, numbers as numbers, moments as moments, all else as words.
    /// A variable without a value lets the task be there: nobody knows yet that it is not needed.
    pub fn holds(&self, variable: Option<&Variable>, value: Option<&Value>) -> bool {
        let (Some(variable), Some(value)) = (variable, value) else { return true };
        let order = |wanted: &Value| compare(&variable.kind, value, wanted);
        let listed = |wanted: &Value| order(wanted) == Some(Ordering::Equal);
        match self.test {
            Test::Contains => match value {
                Value::Array(items) => items.iter().any(|item| words(item) == words(&self.value)),
                value => words(value).contains(&words(&self.value)),
            },
            Test::In => match &self.value {
                Value::Array(items) => items.iter().any(listed),
                one => listed(one),
            },
            Test::Eq => listed(&self.value),
            Test::Ne => !listed(&self.value),
            Test::Gte => order(&self.value).is_some_and(Ordering::is_ge),
            Test::Gt => order(&self.value).is_some_and(Ordering::is_gt),
            Test::Lte => order(&self.value).is_some_and(Ordering::is_le),
            Test::Lt => order(&self.value).is_some_and(Ordering::is_lt),
        }
    }
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn compare(kind: &VariableKind, value: &Value, wanted: &Value) -> Option<Ordering> {
    let (value, wanted) = (words(value), words(wanted));
    match kind {
        VariableKind::Int => Some(value.parse::<i64>().ok()?.cmp(&wanted.parse().ok()?)),
        VariableKind::JmaIntensity => {
            let place = |word: &str| JMA_INTENSITIES.iter().position(|known| *known == word);
            Some(place(&value)?.cmp(&place(&wanted)?))
        }
        VariableKind::Datetime => {
            Some(Timestamp::parse_rfc3339(&value)?.cmp(&Timestamp::parse_rfc3339(&wanted)?))
        }
        _ => Some(value.cmp(&wanted)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn variable(kind: VariableKind) -> Variable {
        let key = "x".to_owned();
        Variable {
            key,
            kind,
            from: None,
            required: false,
            default: None,
            words: Vec::new(),
            ask: None,
            max: None,
        }
    }

    #[test]
    fn conditions_compare_as_the_type_of_the_variable_says() {
        use VariableKind::{Enum, Int, JmaIntensity, List, Text};
        let intensity = || JmaIntensity;
        for (kind, value, test, wanted, holds) in [
            (intensity(), json!("6+"), Test::Gte, json!("6-"), true),
            (intensity(), json!("5+"), Test::Gte, json!("6-"), false),
            (intensity(), json!("7"), Test::Gt, json!("6+"), true),
            (Int, json!(10), Test::Gt, json!("9"), true),
            (Int, json!(9), Test::Lt, json!(10), true),
            (List, json!(["北部", "南部"]), Test::Contains, json!("南部"), true),
            (List, json!([]), Test::Contains, json!("南部"), false),
            (Text, json!("沖合の火災"), Test::Contains, json!("火災"), true),
            (Enum(vec![]), json!("夜"), Test::In, json!(["昼", "夜"]), true),
            (Enum(vec![]), json!("夜"), Test::Ne, json!("夜"), false),
            (Enum(vec![]), json!("夜"), Test::Eq, json!("夜"), true),
        ] {
            let when = When { variable: "x".into(), test, value: wanted };
            let of = variable(kind);
            assert_eq!(when.holds(Some(&of), Some(&value)), holds, "{when:?} of {value}");
        }
    }

    #[test]
    fn what_is_not_known_hides_no_task() {
        let when = When { variable: "x".into(), test: Test::Eq, value: json!("南部") };
        assert!(when.holds(Some(&variable(VariableKind::Text)), None));
    }
}
