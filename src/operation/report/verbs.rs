//! What people do with a report: write it, approve it, send it back, decide about one that did not come.

use std::collections::BTreeMap;

use entity::report;
use noroshi_core::{
    answer::{clean, read},
    id::{IncidentId, ReportId},
    playbook::{Ask, PartyRef, ReportPlan, Then},
    report::{Input, State},
    rights::Action,
    text::Text,
};
use serde_json::{Value, json};

use super::{carried as carried_values, form_of, former, kind_of, step, values};
use crate::{
    operation::{
        AsTyped, Invalid, Once, OperationError, Reply, Work, alert::over, decision, role::Opened,
        scene::Scene, task::holds, telling,
    },
    store::{self, to_json},
};

/// Longest reason for sending a report back, and longest note of a decision, in characters.
const LONGEST_REASON: usize = 500;

/// What somebody writes.
pub struct Wish<'a> {
    /// Key of the report in the playbook; absent where it has only one kind.
    pub report: Option<String>,
    /// Which number; absent is the one whose turn it is.
    pub number: Option<i32>,
    /// What stands under a field, as it was typed; `None` was not sent, and keeps its former value where the playbook
    /// carries values forward.
    pub field: AsTyped<'a>,
    /// The keys that a program sent: one that the form does not have is said, not dropped.
    pub keys: Vec<String>,
    /// Whether it goes to the approver; otherwise it is only kept.
    pub submit: bool,
}

/// Writes a report. Whoever may approve it, or where nobody has to, sends it out at once.
pub async fn write(
    mut work: Work<'_>,
    incident: IncidentId,
    wish: Wish<'_>,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene, &report::Model) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::Talk, "write a report")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    work.enter([incident.raw()]).await?;
    let scene = Scene::load(work.app, &work.tx, incident).await?;
    if !scene.is_open() {
        return Err(OperationError::Closed(over()));
    }
    let rows = store::report::of_incident(&work.tx, incident).await?;
    let mut row = wanted(&work, &scene, &rows, &wish)?;
    let kind = kind_of(&scene, &row)?;
    if row.state == State::Submitted.key() && !may_approve(&work, &scene, kind) {
        return Err(OperationError::Closed(Text::both(
            "承認待ちです。直すには、承認者に差し戻してもらってください",
            "it waits for its approval; to change it, let the approver send it back",
        )));
    }
    let former = former(&rows, &row);
    let before = former.map(values).unwrap_or_default();
    let asks = &form_of(&scene, kind)?.fields;
    let carried = former.filter(|_| kind.carry_forward && row.fields.is_none());
    let carried = carried.map(|former| carried_values(asks, former)).unwrap_or_default();
    let unknown = unknown_fields(asks, &wish.keys);
    let fields = match typed(&work, asks, &row, &carried, &wish) {
        Err(OperationError::Invalid(mut found)) => {
            found.extend(unknown);
            return Err(OperationError::Invalid(found));
        }
        _ if !unknown.is_empty() => return Err(OperationError::Invalid(unknown)),
        fields => fields?,
    };
    let changed: Vec<&str> = asks
        .iter()
        .map(|ask| ask.key.as_str())
        .filter(|key| !before.is_empty() && before.get(*key) != fields.get(*key))
        .collect();
    row.fields = Some(to_json(&fields));
    row.changed = Some(to_json(&changed));
    row.written_at_ms = Some(work.now.0);
    row.written_by = Some(work.actor.name.clone());
    store::report::save(&work.tx, &mut row).await?;
    work.changed(scene.id(), "report");
    if wish.submit {
        let approved = kind.approver.is_none() || may_approve_as_holder(&work, &scene, kind);
        let said = if approved {
            Text::both("作成し、承認した", "Written and approved")
        } else {
            Text::both("作成し、承認を求めた", "Written, waiting for approval")
        };
        line(&mut work, &scene, kind, &row, said);
        step(&mut work, &scene, &mut row, &Input::Submitted { approved }).await?;
        if approved {
            include_earlier(&mut work, &scene, &row).await?;
        }
    }
    finish(work, &scene, &row, 201, once, reply).await
}

/// The report that is meant: by its number, else the latest one that is due, else the one that comes next.
fn wanted(
    work: &Work<'_>,
    scene: &Scene,
    rows: &[report::Model],
    wish: &Wish<'_>,
) -> Result<report::Model, OperationError> {
    let kinds: Vec<&str> = scene.playbook.reports.iter().map(|kind| kind.key.as_str()).collect();
    let key = match (&wish.report, kinds.as_slice()) {
        (Some(key), kinds) if kinds.contains(&key.as_str()) => key.as_str(),
        (None, [only]) => only,
        _ => {
            return Err(OperationError::invalid(
                "report",
                format!("どの報告かを選んでください: {}", kinds.join("、")),
                format!("choose which report: {}", kinds.join(", ")),
            ));
        }
    };
    let now = scene.timeline.own(work.now).0;
    let open: Vec<&report::Model> = rows
        .iter()
        .filter(|row| row.key == key && State::from_key(&row.state).is_some_and(State::is_open))
        .filter(|row| wish.number.is_none_or(|number| row.number == number))
        .collect();
    let due = open.iter().rev().find(|row| row.due_own_ms <= now);
    due.or(open.first()).map(|row| (*row).clone()).ok_or_else(|| {
        OperationError::Closed(Text::both(
            "いま作成する報告はありません",
            "there is no report to be written now",
        ))
    })
}

/// Reads what was typed. A field that was not sent keeps what was written before, else what is carried forward.
fn typed(
    work: &Work<'_>,
    asks: &[Ask],
    row: &report::Model,
    carried: &BTreeMap<String, Value>,
    wish: &Wish<'_>,
) -> Result<BTreeMap<String, Value>, OperationError> {
    let written = values(row);
    let kept = |key: &str| written.get(key).or(carried.get(key)).cloned();
    let (sent, left): (Vec<Ask>, Vec<Ask>) = asks
        .iter()
        .map(|ask| Ask { required: ask.required && wish.submit, ..ask.clone() })
        .partition(|ask| (wish.field)(&ask.key).is_some() || (ask.required && kept(&ask.key).is_none()));
    let mut fields = read(&sent, wish.field, work.now, work.app.zone).map_err(|found| {
        let problem = |p: noroshi_core::answer::FieldProblem| Invalid {
            path: format!("fields.{}", p.key),
            detail: p.detail,
        };
        OperationError::Invalid(found.into_iter().map(problem).collect())
    })?;
    fields.extend(left.into_iter().filter_map(|ask| Some((ask.key.clone(), kept(&ask.key)?))));
    Ok(fields)
}

/// What was sent for fields that the form does not have.
fn unknown_fields(asks: &[Ask], keys: &[String]) -> Vec<Invalid> {
    let known: Vec<&str> = asks.iter().map(|ask| ask.key.as_str()).collect();
    let unknown = keys.iter().filter(|key| !known.contains(&key.as_str()));
    unknown
        .map(|key| {
            Invalid::new(
                format!("fields.{key}"),
                format!("この報告に {key} という欄はありません。ある欄: {}", known.join("、")),
                format!("this report has no field {key}; it has: {}", known.join(", ")),
            )
        })
        .collect()
}

/// Approves a report that was written; it goes out to its audience.
pub async fn approve(
    mut work: Work<'_>,
    id: ReportId,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene, &report::Model) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let (scene, mut row) = load(&work, id).await?;
    let kind = kind_of(&scene, &row)?;
    must_approve(&work, &scene, kind)?;
    if row.state != State::Submitted.key() {
        return Err(not_submitted());
    }
    line(&mut work, &scene, kind, &row, Text::both("承認した", "Approved"));
    step(&mut work, &scene, &mut row, &Input::Approved).await?;
    include_earlier(&mut work, &scene, &row).await?;
    finish(work, &scene, &row, 200, once, reply).await
}

/// Sends a report back to its author, with the reason.
pub async fn send_back(
    mut work: Work<'_>,
    id: ReportId,
    reason: &str,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene, &report::Model) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let (scene, mut row) = load(&work, id).await?;
    let kind = kind_of(&scene, &row)?;
    must_approve(&work, &scene, kind)?;
    let reason = short("reason", reason)?;
    if reason.is_empty() {
        return Err(OperationError::invalid(
            "reason",
            "差し戻す理由を入れてください",
            "say why it goes back",
        ));
    }
    if row.state != State::Submitted.key() {
        return Err(not_submitted());
    }
    let said = Text::both(format!("差し戻し: {reason}"), format!("Sent back: {reason}"));
    line(&mut work, &scene, kind, &row, said);
    row.returned_because = Some(reason);
    step(&mut work, &scene, &mut row, &Input::Returned).await?;
    finish(work, &scene, &row, 200, once, reply).await
}

/// Decides about a report that did not come. `option` is one of the playbook's, word for word; `link` is the letter by
/// whose link somebody decides.
pub async fn decide(
    mut work: Work<'_>,
    id: ReportId,
    option: &str,
    note: &str,
    link: Option<&Opened>,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene, &report::Model) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let (scene, mut row) = load(&work, id).await?;
    let kind = kind_of(&scene, &row)?;
    let raised: Option<PartyRef> =
        row.decider.as_ref().map(|json| store::from_json("report", id, json)).transpose()?;
    decision::must_decide(&work, &scene, Some(raised.as_ref().unwrap_or(&kind.if_missed.decide_to)), link)?;
    if !State::from_key(&row.state).is_some_and(State::is_open) {
        return Err(OperationError::Closed(Text::both(
            "この報告に判断待ちはありません",
            "no decision is due about this report",
        )));
    }
    let chosen = decision::find(&kind.if_missed.options, option)?;
    if row.decide_since_ms.is_none() && !matches!(chosen.then, Then::End) {
        return Err(OperationError::Closed(Text::both(
            "まだ判断待ちになっていません。延長や上申は、判断待ちになってからできます",
            "no decision is due yet; it can be put off or raised only then",
        )));
    }
    let note = short("note", note)?;
    if matches!(chosen.then, Then::End) {
        row.decision = Some(decided(&work, &chosen.label.ja, &note));
    }
    let input = Input::Decided { then: chosen.then.clone() };
    line(&mut work, &scene, kind, &row, decision::told(chosen, &note));
    step(&mut work, &scene, &mut row, &input).await?;
    finish(work, &scene, &row, 200, once, reply).await
}

/// A report, with its incident's world; the incident is entered.
async fn load(work: &Work<'_>, id: ReportId) -> Result<(Scene, report::Model), OperationError> {
    work.enter([store::report::get(&work.tx, id).await?.incident_id]).await?;
    let row = store::report::get(&work.tx, id).await?;
    let scene = Scene::load(work.app, &work.tx, IncidentId::new(row.incident_id)).await?;
    if !scene.is_open() {
        return Err(OperationError::Closed(over()));
    }
    Ok((scene, row))
}

async fn finish(
    mut work: Work<'_>,
    scene: &Scene,
    row: &report::Model,
    status: u16,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene, &report::Model) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    work.flush_quietly().await?;
    let body = reply(&mut work, scene, row).await?;
    let reply = work.keep(once, status, body).await?;
    work.commit().await?;
    Ok(reply)
}

/// A later report stands for the earlier ones that nobody has sent out.
async fn include_earlier(
    work: &mut Work<'_>,
    scene: &Scene,
    row: &report::Model,
) -> Result<(), OperationError> {
    let kind = kind_of(scene, row)?;
    for mut earlier in store::report::of_kind(&work.tx, scene.id(), &row.key).await? {
        let open = State::from_key(&earlier.state).is_some_and(State::is_open);
        if open && earlier.number < row.number {
            let told = Text::both(
                format!("第{}報に含めた", row.number),
                format!("Included in report {}", row.number),
            );
            earlier.decision = Some(decided(work, &told.ja, ""));
            line(work, scene, kind, &earlier, told);
            step(work, scene, &mut earlier, &Input::Included).await?;
        }
    }
    Ok(())
}

fn decided(work: &Work<'_>, option: &str, note: &str) -> Value {
    json!({ "option": option, "note": note, "by": work.actor.name, "at_ms": work.now.0 })
}

fn line(work: &mut Work<'_>, scene: &Scene, kind: &ReportPlan, row: &report::Model, said: Text) {
    let line = telling::by(&work.actor, "report", kind.name(row.number), said, work.now);
    work.line(scene.id(), line);
}

fn not_submitted() -> OperationError {
    OperationError::Closed(Text::both(
        "この報告は承認待ちではありません",
        "this report does not wait for an approval",
    ))
}

fn short(path: &str, typed: &str) -> Result<String, OperationError> {
    let words = clean(typed.trim());
    if words.chars().count() > LONGEST_REASON {
        return Err(OperationError::invalid(
            path,
            format!("{LONGEST_REASON}文字までにしてください"),
            format!("at most {LONGEST_REASON} characters"),
        ));
    }
    Ok(words)
}

/// Whether the actor holds the role that approves.
fn may_approve_as_holder(work: &Work<'_>, scene: &Scene, kind: &ReportPlan) -> bool {
    kind.approver.as_deref().is_some_and(|role| holds(work, scene, role))
}

fn may_approve(work: &Work<'_>, scene: &Scene, kind: &ReportPlan) -> bool {
    must_approve(work, scene, kind).is_ok()
}

fn must_approve(work: &Work<'_>, scene: &Scene, kind: &ReportPlan) -> Result<(), OperationError> {
    let holder = may_approve_as_holder(work, scene, kind);
    work.actor.must_named(Action::Decide, holder, "approve a report")
}
