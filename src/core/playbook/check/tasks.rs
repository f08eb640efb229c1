//! Tasks that wait for each other, or for a task that may not be there (R05); too many at once (T07).

use std::collections::{BTreeMap, BTreeSet};

use super::Site;
use crate::{
    playbook::syntax::{Draft, TaskDraft},
    text::Text,
    time::Span,
    yaml::{
        Problems,
        fields::{Located, Spot},
    },
};

pub(super) fn all(draft: &Draft<'_>, site: &Site<'_>, root: &Spot<'_>, problems: &Problems) {
    one_person_can_do_them(site, root);
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

/// No role has more required tasks due in one quarter of an hour than a person can do. Due times are compared where
/// they count from the same event.
fn one_person_can_do_them(site: &Site<'_>, root: &Spot<'_>) {
    let window = Span::minutes(15);
    let most = site.word("most_tasks_in_15m").and_then(|word| word.parse().ok()).unwrap_or(7_usize);
    let groups = root.child("tasks").map(|spot| spot.elements()).unwrap_or_default();
    let tasks = groups.iter().filter_map(|group| group.child("items")).flat_map(|items| items.elements());
    let mut due: BTreeMap<(&str, &str), Vec<(Span, Spot<'_>)>> = BTreeMap::new();
    for task in tasks.filter(|task| task.child("required").is_some_and(|word| word.words() == Some("true"))) {
        let role = task.child("role").and_then(|spot| spot.words());
        let after = task.descend(&["due", "after"]).and_then(|spot| spot.words());
        let within = task.descend(&["due", "within"]);
        let Some((key, within)) = role.zip(after).zip(within) else { continue };
        if let Some(span) = within.as_span() {
            due.entry(key).or_default().push((span, within));
        }
    }
    for ((role, _), mut due) in due {
        due.sort_by_key(|(span, _)| *span);
        let crowded =
            due.iter().zip(due.iter().skip(most)).find(|((first, _), (last, _))| last.0 - first.0 < window.0);
        let Some((_, (_, place))) = crowded else { continue };
        place.warning(
            "T07",
            Text::both(
                format!("役割「{role}」の必須の課題が、同じ15分に {most} 件より多く重なります。"),
                format!(
                    "The role \"{role}\" has more than {most} required tasks due in the same 15 minutes."
                ),
            ),
            Text::both(
                "期限をずらすか、別の役割に分けてください。",
                "Let some be due later, or give them to another role.",
            ),
        );
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
                task.waits_for().nth(*next).filter(|_| !finished.contains(task.key.value.as_str()))
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
    let detail = if task == required.value {
        Text::both(
            format!("課題「{task}」が自分自身の完了を待っています。"),
            format!("The task \"{task}\" waits for itself."),
        )
    } else {
        Text::both(
            format!("課題「{task}」と「{}」が互いの完了を待っています。", required.value),
            format!("The tasks \"{task}\" and \"{}\" wait for each other.", required.value),
        )
    };
    let help = Text::both(
        "requires か due の after のどれかを外してください。",
        "Remove one of the \"requires\", or let the due time count from something else.",
    );
    problems.error("R05", required.at, &required.path, detail, help);
}
