//! A person decides where a ladder has ended, or earlier.

use noroshi_core::{
    id::{AlertId, IncidentId, RecipientId},
    ladder::Input,
    playbook::{DecideOption, PartyRef, Then},
    rights::Action,
    text::Text,
};
use serde_json::json;

use super::{
    Once, OperationError, Reply, Work,
    alert::{count_answers, step},
    answer::load,
    news::News,
    role::{Opened, may_decide_by_link},
    scene::{Scene, text},
    telling,
};
use crate::store;

/// Decides about one recipient. `option` is one of the last step's, word for word; `link` is the letter by whose link
/// somebody decides, instead of by the rights of an account.
pub async fn decide(
    mut work: Work<'_>,
    id: RecipientId,
    option: &str,
    note: &str,
    link: Option<&Opened>,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene, &entity::recipient::Model) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let (scene, rule, mut row) = load(&work, id).await?;
    let raised: Option<PartyRef> =
        row.decider.as_ref().map(|json| store::from_json("recipient", id, json)).transpose()?;
    must_decide(&work, &scene, raised.as_ref().or(rule.decider()), link)?;
    if !matches!(row.state.as_str(), "waiting" | "to_decide") {
        return Err(OperationError::Closed(Text::both(
            "この宛先は、もう回答済みか判断済みです",
            "this recipient has answered or is decided already",
        )));
    }
    let chosen = find(rule.decide_options(), option)?;
    if row.state == "waiting" && !matches!(chosen.then, Then::End) {
        // It would leap over the steps that still try to reach somebody.
        return Err(OperationError::Closed(Text::both(
            "まだ手順が進んでいます。延長や上申は、判断待ちになってからできます",
            "the ladder still runs; a decision can be put off or raised only when it is due",
        )));
    }
    let note = noroshi_core::answer::clean(note.trim());
    if matches!(chosen.then, Then::End) {
        row.decision = Some(json!({
            "option": chosen.label.ja,
            "note": note,
            "by": work.actor.name,
            "at_ms": work.now.0,
        }));
    }
    let input = Input::Decided { then: chosen.then.clone() };
    step(&mut work, &scene, &rule, &mut row, &input).await?;
    let name = text(&row.name);
    let line = telling::by(&work.actor, "decision", name, told(chosen, &note), work.now);
    work.line(scene.id(), line);
    let alert = AlertId::new(row.alert_id);
    work.log([News::Decision { alert, recipient: Some(id), incident: scene.id() }]);
    count_answers(&mut work, &scene, &rule, row.alert_id).await?;
    work.flush_quietly().await?;
    let body = reply(&mut work, &scene, &row).await?;
    let reply = work.keep(once, 200, body).await?;
    work.commit().await?;
    Ok(reply)
}

/// Decides about an alert whose quorum can no longer be reached.
pub async fn decide_alert(
    mut work: Work<'_>,
    id: AlertId,
    option: &str,
    note: &str,
    link: Option<&Opened>,
    once: Option<&Once>,
    reply: impl FnOnce() -> String,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    work.enter([store::alert::get(&work.tx, id).await?.incident_id]).await?;
    let row = store::alert::get(&work.tx, id).await?;
    let rule = store::alert::rule(&row)?;
    let scene = Scene::load(work.app, &work.tx, IncidentId::new(row.incident_id)).await?;
    must_decide(&work, &scene, rule.decider(), link)?;
    if row.state != "to_decide" {
        return Err(OperationError::Closed(Text::both(
            "この照会に判断待ちはありません",
            "no decision is due about this alert",
        )));
    }
    let chosen = find(rule.decide_options(), option)?;
    let note = noroshi_core::answer::clean(note.trim());
    let decision =
        json!({ "option": chosen.label.ja, "note": note, "by": work.actor.name, "at_ms": work.now.0 });
    store::alert::decide(&work.tx, row.id, decision).await?;
    let line = telling::by(
        &work.actor,
        "decision",
        telling::alert_name(work.app, &scene, &rule, &row),
        told(chosen, &note),
        work.now,
    );
    work.line(scene.id(), line);
    work.log([News::Decision { alert: id, recipient: None, incident: scene.id() }]);
    work.changed(scene.id(), "alert");
    let reply = work.keep(once, 200, reply()).await?;
    work.commit().await?;
    Ok(reply)
}

/// Refuses unless the decision is the actor's: by the link of the letter that asks for it, as holder of the role, or by
/// their own right.
pub(super) fn must_decide(
    work: &Work<'_>,
    scene: &Scene,
    to: Option<&PartyRef>,
    link: Option<&Opened>,
) -> Result<(), OperationError> {
    if let Some(opened) = link {
        if to == Some(&opened.errand.role) && may_decide_by_link(scene, opened) {
            return Ok(());
        }
        return Err(OperationError::Closed(Text::both(
            "この判断は、ほかの人が受け持っています",
            "this decision is somebody else's now",
        )));
    }
    let theirs = to.is_some_and(|party| scene.is_theirs(party, &work.actor, work.now));
    work.actor.must_named(Action::Decide, theirs, "decide")
}

/// The option that is meant, word for word in any language.
pub(super) fn find<'r>(
    options: &'r [DecideOption],
    option: &str,
) -> Result<&'r DecideOption, OperationError> {
    let wanted = option.trim();
    options.iter().find(|known| known.label.variants().any(|(_, words)| words == wanted)).ok_or_else(|| {
        let known: Vec<&str> = options.iter().map(|option| option.label.ja.as_str()).collect();
        OperationError::invalid(
            "option",
            format!("次のどれかを選んでください: {}", known.join("、")),
            format!("choose one of: {}", known.join(", ")),
        )
    })
}

/// A decision in words.
pub(super) fn told(chosen: &DecideOption, note: &str) -> Text {
    let label = &chosen.label;
    Text::both(
        format!("判断: {} {note}", label.ja).trim().to_owned(),
        format!("Decided: {} {note}", label.en.as_deref().unwrap_or(&label.ja)).trim().to_owned(),
    )
}
