//! Tasks that wait for each other, or for a task that may not be there (R05).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    playbook::syntax::{Draft, TaskDraft},
    text::Text,
    yaml::Problems,
};

pub(super) fn all(draft: &Draft<'_>, problems: &Problems) {
    let tasks: BTreeMap<&str, &TaskDraft> =
        draft.tasks.iter().map(|task| (task.key.value.as_str(), task)).collect();
    for task in &draft.tasks {
        for required in &task.requires {
            if leads_to(&tasks, &required.value, &task.key.value) {
                problems.error(
                    "R05",
                    required.at,
                    &required.path,
                    Text::both(
                        format!(
                            "課題「{}」と「{}」が互いの完了を待っています。",
                            task.key.value, required.value
                        ),
                        format!(
                            "The tasks \"{}\" and \"{}\" wait for each other.",
                            task.key.value, required.value
                        ),
                    ),
                    Text::both("requires のどれかを外してください。", "Remove one of the \"requires\"."),
                );
            }
        }
        let Some(anchor) = &task.due_after else { continue };
        let hidden = tasks.get(anchor.value.as_str()).and_then(|anchor| anchor.when.as_ref());
        if hidden.is_some() && hidden != task.when.as_ref() {
            problems.error(
                "R05",
                anchor.at,
                &anchor.path,
                Text::both(
                    format!("期限の起点の課題「{}」は、条件(when)によっては現れません。", anchor.value),
                    format!(
                        "The due time hangs on the task \"{}\", which its own \"when\" can hide.",
                        anchor.value
                    ),
                ),
                Text::both(
                    "必ず現れる課題か incident.activated を起点にしてください。",
                    "Let it hang on a task that is always there, or on incident.activated.",
                ),
            );
        }
    }
}

fn leads_to(tasks: &BTreeMap<&str, &TaskDraft>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(key) = open.pop() {
        if key == to {
            return true;
        }
        if let Some(task) = tasks.get(key)
            && seen.insert(key)
        {
            open.extend(task.requires.iter().map(|required| required.value.as_str()));
        }
    }
    false
}
