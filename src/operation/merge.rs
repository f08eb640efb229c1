//! Two incidents about the same: one goes on, the other ends in it.

use noroshi_core::{
    alert::Rule,
    id::IncidentId,
    incident::Verb,
    playbook::{AckRule, AlertPlan, Urgency},
    rights::Action,
    text::{Language, Text},
};

use super::{
    Once, OperationError, Reply, Work,
    alert::{Raised, command_channel, raise_alert},
    ending::finish,
    scene::{Scene, after},
    telling,
    told::Told,
};
use crate::store;

/// Merges an incident into another one that runs: its ladders end, and whoever was told of it is told once where it
/// goes on.
pub async fn merge(
    mut work: Work<'_>,
    id: IncidentId,
    into: IncidentId,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::Close, "merge incidents")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    work.enter([id.raw(), into.raw()]).await?;
    let mut scene = Scene::load(work.app, &work.tx, id).await?;
    let target = match Scene::load(work.app, &work.tx, into).await {
        Err(OperationError::Store(store::StoreError::NotFound { .. })) => {
            return Err(OperationError::invalid("into", "その事案はありません", "there is no such incident"));
        }
        found => found?,
    };
    let state = after(&scene, Verb::Merge)?;
    if id == into || scene.incident.mode != target.incident.mode || !target.is_open() {
        return Err(OperationError::invalid(
            "into",
            "進行中の別の事案を選んでください（訓練は訓練に、実災害は実災害に）",
            "must be another incident that runs (a drill goes into a drill, a live one into a live one)",
        ));
    }
    let (from_ja, from_en) = names(&scene);
    let (to_ja, to_en) = names(&target);
    let told = Told::of(&work.tx, &scene, None).await?;
    scene.incident.merged_into = Some(into.raw());
    finish(&mut work, &mut scene, state, Some(&format!("{to_ja}に統合"))).await?;
    if !told.is_empty() {
        let link = format!("{}/incidents/{into}", work.app.public_url());
        let mut rule = notice(
            Text::both(format!("【統合】{to_ja}に一本化します"), format!("[Merged] It goes on as {to_en}")),
            Text::both(
                format!(
                    "{from_ja}は、{to_ja}に統合しました。\n以後の連絡と回答は{to_ja}で行います。\n{from_ja}への回答は要りません。\n{to_ja}（サインインして見る）:\n{link}"
                ),
                format!(
                    "{from_en} was merged into {to_en}.\nFrom now on, letters and answers are about {to_en}.\nNo answer about {from_en} is needed any more.\n{to_en}, for whoever can sign in:\n{link}"
                ),
            ),
        );
        rule.plan.to = told.agencies();
        told.widen(&mut rule.plan.via);
        let raised = Raised { ending: true, everybody: true, ..Raised::default() };
        raise_alert(&mut work, &scene, &rule, Some(&told), raised).await?;
    }
    let took = Text::both(format!("{from_ja}を統合"), format!("{from_en} was merged into this one"));
    let line = telling::by(&work.actor, "merged", telling::service(), took.clone(), work.now);
    work.line(into, line);
    if let Some(channel) = command_channel(&work, &target).await? {
        work.say(&target, channel, &took);
    }
    work.changed(into, "incident");
    work.flush_quietly().await?;
    let body = reply(&mut work, &scene).await?;
    let reply = work.keep(once, 200, body).await?;
    work.commit().await?;
    Ok(reply)
}

/// `事案12「青葉県沖の地震」`
fn names(scene: &Scene) -> (String, String) {
    let (number, title) = (scene.incident.number, scene.title(Language::Ja));
    (format!("事案{number}「{title}」"), format!("Incident {number} ({})", scene.title(Language::En)))
}

/// News in the service's own words.
fn notice(subject: Text, body: Text) -> Rule {
    Rule {
        plan: AlertPlan {
            key: "merged".into(),
            send: None,
            to: Vec::new(),
            via: Vec::new(),
            channel: None,
            severity: Urgency::High,
            subject,
            body,
            sms: None,
            attach: Vec::new(),
            responses: None,
            ack: AckRule::None { because: Text::both("統合のお知らせ", "news of a merger") },
            ladder: None,
            stand_down: None,
        },
        responses: Vec::new(),
        ladder: None,
    }
}
