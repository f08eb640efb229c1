//! Closing can be proposed some day (T09): metrics count from zero, and bounds do not exclude each other.

use std::collections::BTreeMap;

use crate::{text::Text, yaml::fields::Spot};

/// Looks at the conditions of `close.propose_when`; unknown metrics are told while they are read.
pub(super) fn can_come_true(root: &Spot<'_>) {
    if let Some(condition) = root.descend(&["close", "propose_when"]) {
        together(&condition, &mut BTreeMap::new());
    }
}

/// The values that a metric may still have, both included.
type Bounds<'a> = BTreeMap<&'a str, (i64, i64)>;

/// Narrows the bounds by everything that has to hold together, and tells what cannot.
fn together<'a>(condition: &Spot<'a>, bounds: &mut Bounds<'a>) {
    for part in condition.child("all").map(|all| all.elements()).unwrap_or_default() {
        together(&part, bounds);
    }
    // Each of several ways may be closed by itself.
    for part in condition.child("any").map(|any| any.elements()).unwrap_or_default() {
        together(&part, &mut bounds.clone());
    }
    let Some(metric) = condition.child("metric").and_then(|metric| metric.words()) else { return };
    for name in ["eq", "gte", "gt", "lte", "lt"] {
        let Some(test) = condition.child(name) else { continue };
        let Some(value) = test.words().and_then(|words| words.parse::<i64>().ok()) else { continue };
        let (least, most) = match name {
            "eq" => (value, value),
            "gte" => (value, i64::MAX),
            "gt" => (value.saturating_add(1), i64::MAX),
            "lte" => (0, value),
            _ => (0, value.saturating_sub(1)),
        };
        let (low, high) = bounds.entry(metric).or_insert((0, i64::MAX));
        let was_open = *low <= *high;
        (*low, *high) = ((*low).max(least), (*high).min(most));
        if was_open && *low > *high {
            test.error(
                "T09",
                Text::both(
                    format!("「{metric}」がこの条件を満たすことはありません。終結の提案が永久に出ません。"),
                    format!("\"{metric}\" can never be so: closing would never be proposed."),
                ),
                Text::both(
                    "指標は 0 以上です。ほかの条件と両立する値にしてください。",
                    "Metrics count from 0. Write a value that agrees with the other conditions.",
                ),
            );
        }
    }
}
