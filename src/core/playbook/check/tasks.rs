//! Tasks that wait for each other, or for a task that may not be there (R05).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    playbook::syntax::{Draft, TaskDraft},
    text::Text,
    yaml::{Problems, fields::Located},
};

pub(super) fn all(draft: &Draft<'_>, problems: &Problems) {
    let tasks: BTreeMap<&str, &TaskDraft> =
        draft.tasks.iter().map(|task| (task.key.value.as_str(), task)).collect();
    circles(draft, &tasks, problems);
    for task in &draft.tasks {
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

/// Tells each circle once, at the reference that closes it, by walking each task once.
fn circles(draft: &Draft<'_>, tasks: &BTreeMap<&str, &TaskDraft>, problems: &Problems) {
    let mut finished: BTreeSet<&str> = BTreeSet::new();
    for start in &draft.tasks {
        let mut on_the_way: Vec<(&TaskDraft, usize)> = vec![(start, 0)];
        let mut names: BTreeSet<&str> = BTreeSet::from([start.key.value.as_str()]);
        while let Some((task, next)) = on_the_way.last_mut() {
            let task = *task;
            let Some(required) =
                task.requires.get(*next).filter(|_| !finished.contains(task.key.value.as_str()))
            else {
                finished.insert(&task.key.value);
                names.remove(task.key.value.as_str());
                on_the_way.pop();
                continue;
            };
            *next += 1;
            if names.contains(required.value.as_str()) {
                circle(&task.key.value, required, problems);
            } else if let Some(task) =
                tasks.get(required.value.as_str()).filter(|_| !finished.contains(required.value.as_str()))
            {
                names.insert(&task.key.value);
                on_the_way.push((task, 0));
            }
        }
    }
}

fn circle(task: &str, required: &Located<String>, problems: &Problems) {
    problems.error(
        "R05",
        required.at,
        &required.path,
        Text::both(
            format!("課題「{task}」と「{}」が互いの完了を待っています。", required.value),
            format!("The tasks \"{task}\" and \"{}\" wait for each other.", required.value),
        ),
        Text::both("requires のどれかを外してください。", "Remove one of the \"requires\"."),
    );
}
