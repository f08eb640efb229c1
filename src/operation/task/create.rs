//! A task that somebody adds by hand.

use entity::task;
use noroshi_core::{
    answer::{clean, plain},
    id::{IncidentId, TaskId},
    rights::Action,
    text::Text,
    time::Span,
};

use super::{blank, holds, of_plan, opened};
use crate::{
    operation::{Invalid, Once, OperationError, Reply, Work, alert::over, scene::Scene},
    store::{self, to_json},
};

/// Longest title of a task by hand, in characters.
const LONGEST_TITLE: usize = 200;
/// Longest time that a task by hand may have.
const LONGEST_WITHIN: Span = Span::minutes(14 * 24 * 60);

/// A task that somebody adds by hand: one of the playbook's on-demand tasks, or one of their own.
#[derive(Clone, Debug, Default)]
pub struct ByHand {
    /// Key of an on-demand task of the playbook; absent is one of their own.
    pub task: Option<String>,
    /// What is to be done; for a task of the playbook, whom or what it concerns.
    pub title: String,
    /// Key of the role that does it; absent is the playbook's, or one that the actor holds.
    pub role: Option<String>,
    /// Until when, counted from now, as it was typed (`15m`); absent is the playbook's, or no deadline.
    pub within: Option<String>,
    /// Whether the incident waits for it.
    pub required: bool,
}

/// Adds a task by hand. `reply` writes the answer from the new row.
pub async fn create(
    mut work: Work<'_>,
    incident: IncidentId,
    wish: ByHand,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene, &task::Model) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::Talk, "add a task")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    work.enter([incident.raw()]).await?;
    let scene = Scene::load(work.app, &work.tx, incident).await?;
    if !scene.is_open() {
        return Err(OperationError::Closed(over()));
    }
    let row = by_hand(&work, &scene, &wish).await?;
    let id = row.id;
    opened(&mut work, &scene, row).await?;
    work.flush_quietly().await?;
    let row = store::task::get(&work.tx, TaskId::new(id)).await?;
    let body = reply(&mut work, &scene, &row).await?;
    let reply = work.keep(once, 201, body).await?;
    work.commit().await?;
    Ok(reply)
}

async fn by_hand(work: &Work<'_>, scene: &Scene, wish: &ByHand) -> Result<task::Model, OperationError> {
    let mut invalid = Vec::new();
    let words = clean(wish.title.trim());
    if words.chars().count() > LONGEST_TITLE {
        invalid.push(Invalid::new(
            "title",
            format!("課題は{LONGEST_TITLE}文字までです"),
            format!("a title has at most {LONGEST_TITLE} characters"),
        ));
    }
    let plan = wish.task.as_deref().map(|key| scene.playbook.task(key).filter(|plan| plan.on_demand));
    if matches!(plan, Some(None)) {
        let known: Vec<&str> =
            scene.playbook.task_plans().filter(|plan| plan.on_demand).map(|plan| plan.key.as_str()).collect();
        invalid.push(Invalid::new(
            "task",
            format!("手で足せる課題は次のとおりです: {}", known.join("、")),
            format!("tasks that can be added: {}", known.join(", ")),
        ));
    }
    let plan = plan.flatten();
    if plan.is_none() && wish.task.is_none() && words.is_empty() {
        invalid.push(Invalid::new("title", "何をするかを入れてください", "say what is to be done"));
    }
    // Whoever holds a role and names none takes it on.
    let own = scene.playbook.roles.iter().map(|role| role.key.as_str()).find(|role| holds(work, scene, role));
    let role = wish.role.as_deref().or(plan.map(|plan| plan.role.as_str())).or(own);
    let is_known =
        |role: &str| scene.playbook.role(role).is_some() || scene.directory.role_accounts.contains_key(role);
    if !role.is_some_and(is_known) {
        let known: Vec<&str> = scene.playbook.roles.iter().map(|role| role.key.as_str()).collect();
        invalid.push(Invalid::new(
            "role",
            format!("担当する役割を選んでください: {}", known.join("、")),
            format!("choose the role that does it: {}", known.join(", ")),
        ));
    }
    let within = wish.within.as_deref().map(|typed| plain(typed).parse::<Span>());
    match &within {
        Some(Err(_)) => invalid.push(Invalid::new(
            "within",
            "期限は 15m、1h30m のように入れてください",
            "write the time like 15m or 1h30m",
        )),
        Some(Ok(within)) if *within > LONGEST_WITHIN => {
            invalid.push(Invalid::new(
                "within",
                "期限は14日までです",
                "a deadline lies at most 14 days ahead",
            ));
        }
        _ => {}
    }
    let Some(role) = role.filter(|_| invalid.is_empty()) else {
        return Err(OperationError::Invalid(invalid));
    };
    let due = within.and_then(Result::ok).map(|within| (scene.timeline.own(work.now) + within).0);
    Ok(match plan {
        Some(plan) => {
            let rows = store::task::of_incident(&work.tx, scene.id()).await?;
            let former =
                rows.iter().filter(|row| row.key.as_deref() == Some(&plan.key)).map(|row| row.number);
            task::Model {
                role: role.to_owned(),
                about: (!words.is_empty()).then(|| to_json(&Text::plain(words))),
                due_own_ms: due,
                required: plan.required || wish.required,
                ..of_plan(work, scene, plan, former.max().unwrap_or(0) + 1, None)
            }
        }
        None => task::Model {
            required: wish.required,
            due_own_ms: due,
            ..blank(work, scene, to_json(&Text::plain(words)), role)
        },
    })
}
