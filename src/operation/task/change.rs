//! A task is done, not needed, or open again; its evidence, its form, its note.

use entity::task;
use noroshi_core::{
    answer::{FieldProblem, LONGEST_NOTE, as_typed, clean, read},
    form,
    id::TaskId,
    playbook::{Ask, AskKind},
    rights::Action,
    task::{Input, State},
    text::Text,
};
use serde_json::Value;

use super::{english, follow, holds, load, step, title};
use crate::{
    operation::{AsTyped, Invalid, Once, OperationError, Reply, Work, alert::over, scene::Scene, telling},
    store::{self, to_json},
};

/// What somebody says about a task.
pub struct Change<'a> {
    /// What becomes of it; `None` only keeps what was typed.
    pub state: Option<State>,
    /// The evidence as it was typed or sent; `None` leaves what is there.
    pub evidence: Option<Value>,
    /// What stands under a field of its form, as it was typed.
    pub field: Option<AsTyped<'a>>,
    /// Free words, or the reason why it is not needed; `None` leaves what is there.
    pub note: Option<String>,
}

/// Marks a task as done, as not needed (with a reason), or opens it again; takes evidence, form and note.
pub async fn change(
    mut work: Work<'_>,
    id: TaskId,
    wish: Change<'_>,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene, &task::Model) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::Talk, "change a task")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let (scene, mut row) = load(&work, id).await?;
    may_change(&work, &scene, &row, wish.state)?;
    let typed = taken(&work, &scene, &row, &wish)?;
    let input = match wish.state {
        Some(State::Done) => Some(Input::Done),
        Some(State::NotNeeded) => Some(Input::NotNeeded),
        Some(State::Open) => Some(Input::Reopened),
        Some(State::Ended) | None => None,
    };
    if let Some(State::Open) = wish.state {
        may_reopen(&work, &scene, &row).await?;
    }
    if typed.differs_from(&row) {
        typed.into_row(&mut row);
        store::task::save(&work.tx, &mut row).await?;
        work.changed(scene.id(), "task");
        if State::from_key(&row.state).is_some_and(State::is_settled) {
            // What was recorded is never changed behind anybody's back.
            let said = told(&scene, &row);
            let said = Text::both(
                format!("記録を改めた: {}", said.ja),
                format!("Record changed: {}", english(&said)),
            );
            let line = telling::by(&work.actor, "task", title(&row), said, work.now);
            work.line(scene.id(), line);
        }
    }
    if let Some(input) = input
        && step(&mut work, &scene, &mut row, input).await?
    {
        let line = telling::by(&work.actor, "task", title(&row), told(&scene, &row), work.now);
        work.line(scene.id(), line);
        follow(&mut work, &scene).await?;
    }
    work.flush_quietly().await?;
    let body = reply(&mut work, &scene, &row).await?;
    let reply = work.keep(once, 200, body).await?;
    work.commit().await?;
    Ok(reply)
}

fn may_change(
    work: &Work<'_>,
    scene: &Scene,
    row: &task::Model,
    wish: Option<State>,
) -> Result<(), OperationError> {
    // What was planned for after the end is done after the end; everything else is over with the incident.
    if row.state == State::Ended.key() || (!scene.is_open() && row.state != State::Open.key()) {
        return Err(OperationError::Closed(over()));
    }
    match wish {
        Some(State::NotNeeded) => {
            let holder = holds(work, scene, &row.role);
            work.actor.must_named(Action::Decide, holder, "decide that a task is not needed")?;
            if row.state == State::Done.key() {
                return Err(OperationError::Closed(Text::both(
                    "この課題は完了しています。不要とするには、先に未完了へ戻してください",
                    "this task is done; open it again before it can be dropped",
                )));
            }
        }
        Some(State::Done) if row.state == State::NotNeeded.key() => {
            return Err(OperationError::Closed(Text::both(
                "この課題は不要と判断されています。完了とするには、先に未完了へ戻してください",
                "this task was decided to be not needed; open it again before it can be done",
            )));
        }
        Some(State::Done) if row.blocked => {
            let waits = row.key.as_deref().and_then(|key| scene.playbook.task(key));
            let waits = waits.map(|plan| plan.requires.as_slice()).unwrap_or_default();
            let names = |in_english: bool| {
                let titles = waits.iter().filter_map(|key| Some(&scene.playbook.task(key)?.title));
                let titles = titles.map(|title| if in_english { english(title) } else { &title.ja });
                titles.collect::<Vec<_>>().join(if in_english { ", " } else { "、" })
            };
            return Err(OperationError::Closed(Text::both(
                format!("先に終える課題があります: {}", names(false)),
                format!("another task comes first: {}", names(true)),
            )));
        }
        _ => {}
    }
    Ok(())
}

/// A task whose next turn is there already stays as it is.
async fn may_reopen(work: &Work<'_>, scene: &Scene, row: &task::Model) -> Result<(), OperationError> {
    let rows = store::task::of_incident(&work.tx, scene.id()).await?;
    let later = rows.iter().any(|other| {
        row.key.is_some()
            && other.key == row.key
            && other.number > row.number
            && other.recipient_id == row.recipient_id
    });
    if later {
        return Err(OperationError::Closed(Text::both(
            "次の回がもう始まっています",
            "its next turn has begun already",
        )));
    }
    Ok(())
}

/// What was typed, as values.
struct Taken {
    evidence: Option<Value>,
    fields: Option<Value>,
    note: String,
}

impl Taken {
    fn differs_from(&self, row: &task::Model) -> bool {
        self.evidence != row.evidence || self.fields != row.fields || self.note != row.note
    }

    fn into_row(self, row: &mut task::Model) {
        row.evidence = self.evidence;
        row.fields = self.fields;
        row.note = self.note;
    }
}

/// Reads what was typed; everything that is wrong is said at once. What is required is required to be done, and may
/// be missing before.
fn taken(
    work: &Work<'_>,
    scene: &Scene,
    row: &task::Model,
    wish: &Change<'_>,
) -> Result<Taken, OperationError> {
    let plan = row.key.as_deref().and_then(|key| scene.playbook.task(key));
    let done = wish.state == Some(State::Done);
    let mut invalid = Vec::new();
    let note = wish.note.as_ref().map_or_else(|| row.note.clone(), |note| clean(note.trim()));
    if note.chars().count() > LONGEST_NOTE {
        invalid.push(Invalid::new(
            "note",
            format!("備考は{LONGEST_NOTE}文字までにしてください"),
            format!("a note has at most {LONGEST_NOTE} characters"),
        ));
    }
    if wish.state == Some(State::NotNeeded) && note.is_empty() {
        invalid.push(Invalid::new("note", "不要とする理由を入れてください", "say why it is not needed"));
    }
    let relaxed = |asks: &[Ask]| -> Vec<Ask> {
        asks.iter().map(|ask| Ask { required: ask.required && done, ..ask.clone() }).collect()
    };
    let mut evidence = row.evidence.clone();
    if let Some(ask) = plan.and_then(|plan| plan.evidence.as_ref()) {
        if ask.kind == AskKind::Photo {
            if done && ask.required && evidence.is_none() {
                invalid.push(Invalid::new(
                    "evidence",
                    "写真を添えてから完了にしてください",
                    "add a photo before it is done",
                ));
            }
        } else if wish.evidence.is_some() || (done && evidence.is_none()) {
            let read_it = |typed: String| {
                read(&relaxed(std::slice::from_ref(ask)), |_| Some(typed.clone()), work.now, work.app.zone)
            };
            let sent = wish.evidence.as_ref().unwrap_or(&Value::Null);
            match as_typed(ask, sent).map_err(|problem| vec![problem]).and_then(read_it) {
                Ok(mut values) => evidence = values.remove("evidence"),
                Err(found) => {
                    invalid.extend(
                        found.into_iter().map(|p| Invalid { path: "evidence".into(), detail: p.detail }),
                    );
                }
            }
        }
    } else if wish.evidence.as_ref().is_some_and(|sent| !shown(sent).trim().is_empty()) {
        invalid.push(Invalid::new(
            "evidence",
            "この課題は記録を求めていません。備考に書いてください",
            "this task asks for no evidence: use the note",
        ));
    }
    let mut fields = row.fields.clone();
    let form = plan.and_then(|plan| form::find(&scene.playbook, plan.form.as_deref()?));
    if let Some(form) = form {
        if let Some(typed) = wish.field {
            match read(&relaxed(&form.fields), typed, work.now, work.app.zone) {
                Ok(values) => fields = Some(to_json(&values)),
                Err(found) => invalid.extend(found.into_iter().map(form_problem)),
            }
        } else if done {
            let kept = |key: &str| fields.as_ref()?.get(key).map(shown);
            if let Err(found) = read(&form.fields, kept, work.now, work.app.zone) {
                invalid.extend(found.into_iter().map(form_problem));
            }
        }
    }
    if invalid.is_empty() {
        Ok(Taken { evidence, fields, note })
    } else {
        Err(OperationError::Invalid(invalid))
    }
}

fn form_problem(found: FieldProblem) -> Invalid {
    Invalid { path: format!("fields.{}", found.key), detail: found.detail }
}

/// A value as somebody would type it.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What has become of a task, in words.
fn told(scene: &Scene, row: &task::Model) -> Text {
    let (ja, en) = match row.state.as_str() {
        "done" => ("完了", "Done"),
        "not_needed" => ("不要と判断", "Decided to be not needed"),
        _ => ("未完了に戻した", "Opened again"),
    };
    let plan = row.key.as_deref().and_then(|key| scene.playbook.task(key));
    let ask = plan.and_then(|plan| plan.evidence.as_ref());
    let evidence = |language| match (&row.evidence, ask) {
        (Some(Value::Array(photos)), Some(ask)) => format!(" {} {}", ask.label.get(language), photos.len()),
        (Some(value), Some(ask)) => {
            format!(" {} {}", ask.label.get(language), form::shown(ask, value, language))
        }
        _ => String::new(),
    };
    let note = if row.note.is_empty() { String::new() } else { format!("　{}", row.note) };
    use noroshi_core::text::Language::{En, Ja};
    Text::both(format!("{ja}{}{note}", evidence(Ja)), format!("{en}{}{note}", evidence(En)))
}
