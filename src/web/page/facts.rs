//! What the store knows of one incident, as the board's facts. Read-only; nothing is worded here but names.

use std::collections::BTreeMap;

use entity::{alert, delivery, recipient};
use noroshi_core::{
    alert::Rule,
    id::{AlertId, IncidentId, RecipientId},
    playbook::{AckRule, Count, DecideOption, Quorum},
    readdress::Moved,
    text::{Language, fill},
    time::{Span, Timestamp},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    board::{AlertFacts, AnswerFacts, DecisionFacts, RecipientFacts, RecipientState},
    relay::Evidence,
    when::When,
};
use crate::{
    app::App,
    operation::{
        alert::given,
        readdress,
        scene::{Scene, text},
    },
    store,
    web::problem::WebError,
};

mod answer;
mod head;
mod ladder;

pub use answer::{answer_facts, answer_fields, base_option};
pub use head::{absences, head, pairs, proposal, roles, told, troubles};
pub use ladder::transport;
use ladder::{failure, next, tried};

/// All rows of a list that is shown whole.
pub const ALL: u64 = i64::MAX as u64;

/// One alert with its rule and its recipients, as rows.
pub struct AlertRows {
    /// The row.
    pub row: alert::Model,
    /// The rule it was raised by.
    pub rule: Rule,
    /// 第n報: counted among the alerts that speak to any of the same parties.
    pub number: u32,
    /// Its recipients.
    pub recipients: Vec<recipient::Model>,
    /// The recipients whose addresses the directory in force says otherwise, with these.
    pub moved: BTreeMap<Uuid, Vec<Moved>>,
}

/// Everything that was sent for one recipient, oldest first.
pub type Letters = BTreeMap<Uuid, Vec<delivery::Model>>;

/// The alerts of an incident with their recipients, in the order in which they were raised.
pub async fn alerts(app: &App, scene: &Scene) -> Result<Vec<AlertRows>, WebError> {
    let (db, id) = (app.store.read(), scene.id());
    let newer = readdress::newer(app, db, scene).await?;
    let mut recipients: BTreeMap<Uuid, Vec<recipient::Model>> = BTreeMap::new();
    for row in store::recipient::of_incident(db, id, None, ALL).await? {
        recipients.entry(row.alert_id).or_default().push(row);
    }
    let mut found: Vec<AlertRows> = Vec::new();
    for row in store::alert::of_incident(db, id).await? {
        let rule = store::alert::rule(&row)?;
        let same = |other: &AlertRows| other.rule.plan.to.iter().any(|party| rule.plan.to.contains(party));
        let number = 1 + found.iter().filter(|other| same(other)).count();
        let recipients = recipients.remove(&row.id).unwrap_or_default();
        let mut moved = BTreeMap::new();
        if let Some(directory) = &newer {
            for recipient in &recipients {
                let found = readdress::of_recipient(directory, &rule, recipient, row.ending)?;
                if !found.is_empty() {
                    moved.insert(recipient.id, found);
                }
            }
        }
        found.push(AlertRows {
            row,
            rule,
            number: u32::try_from(number).unwrap_or(u32::MAX),
            recipients,
            moved,
        });
    }
    Ok(found)
}

/// Every letter of an incident by recipient.
pub async fn letters(app: &App, id: IncidentId) -> Result<Letters, WebError> {
    let mut letters = Letters::new();
    for row in store::delivery::to_recipients(app.store.read(), id).await? {
        if let Some(recipient) = row.recipient_id {
            letters.entry(recipient).or_default().push(row);
        }
    }
    Ok(letters)
}

/// The facts of every alert, the later ones that are not raised yet too.
pub async fn facts(
    app: &App,
    scene: &Scene,
    alerts: &[AlertRows],
    letters: &Letters,
    when: &When,
) -> Result<Vec<AlertFacts>, WebError> {
    let language = when.words.0;
    let mut found = Vec::with_capacity(alerts.len());
    for alert in alerts {
        let mut facts = alert_facts(app, scene, alert, letters, when)?;
        let subject = |other: &AlertRows| {
            let subject = other.rule.plan.subject.get(language);
            let said = fill(subject, language, |name| scene.value(name, language, app));
            (AlertId::new(other.row.id).to_string(), said)
        };
        let former = alerts.iter().find(|other| Some(other.row.id) == alert.row.follows);
        facts.follows = former.zip(alert.row.follow_up.clone()).map(|(former, kind)| {
            let (id, said) = subject(former);
            (id, said, kind)
        });
        let newer = alerts.iter().find(|other| {
            other.row.follows == Some(alert.row.id) && other.row.follow_up.as_deref() != Some("update")
        });
        facts.replaced = newer.map(subject);
        found.push(facts);
    }
    for timer in store::timer::of_incident(app.store.read(), scene.id()).await? {
        let Some(key) = timer.subject_key.as_deref().filter(|_| timer.kind == "raise") else { continue };
        if alerts.iter().any(|alert| alert.row.key == key) {
            continue;
        }
        let Some(plan) = scene.playbook.alert(key) else { continue };
        found.push(AlertFacts {
            id: format!("plan-{key}"),
            audience: audience(scene, &plan.to, language),
            subject: fill(plan.subject.get(language), language, |name| scene.value(name, language, app)),
            number: 1,
            due: timer.due_at_ms.map(Timestamp),
            ..AlertFacts::default()
        });
    }
    Ok(found)
}

/// Names of parties in one line.
pub fn audience(scene: &Scene, to: &[noroshi_core::playbook::PartyRef], language: Language) -> String {
    let names = to.iter().map(|party| scene.party_name(party).get(language).to_owned());
    names.collect::<Vec<_>>().join(if language == Language::En { ", " } else { "、" })
}

/// The facts of one alert.
pub fn alert_facts(
    app: &App,
    scene: &Scene,
    alert: &AlertRows,
    letters: &Letters,
    when: &When,
) -> Result<AlertFacts, WebError> {
    let language = when.words.0;
    let (rule, plan) = (&alert.rule, &alert.rule.plan);
    let raised = Timestamp(alert.row.raised_at_ms);
    // Deadlines count from the first try of the first letter; before it, from the raising.
    let started = alert.recipients.iter().filter_map(|row| row.started_own_ms).min().map(Timestamp);
    let from = started.unwrap_or_else(|| scene.timeline.own(raised));
    let real = |offset: Option<Span>| offset.and_then(|offset| scene.timeline.real_time_of(from + offset));
    let (ack_by, respond_by) = match plan.ack {
        AckRule::Required { ack_by, respond_by, .. } => (real(ack_by), real(respond_by)),
        AckRule::None { .. } => (None, None),
    };
    let target = match rule.quorum() {
        Quorum::Accept { n, count: Count::Teams } => usize::try_from(n).ok(),
        _ => None,
    };
    let mut recipients = Vec::with_capacity(alert.recipients.len());
    for row in &alert.recipients {
        let sent = letters.get(&row.id).map_or(&[][..], Vec::as_slice);
        let mut facts = recipient_facts(app, scene, rule, row, sent, when)?;
        facts.moved = alert.moved.contains_key(&row.id);
        recipients.push(facts);
    }
    Ok(AlertFacts {
        id: AlertId::new(alert.row.id).to_string(),
        audience: audience(scene, &plan.to, language),
        subject: fill(plan.subject.get(language), language, |name| scene.value(name, language, app)),
        number: alert.number,
        follows: None,
        replaced: None,
        ending: alert.row.ending,
        raised: Some(raised),
        due: None,
        respond_by,
        ack_by,
        target,
        short: (alert.row.state == "to_decide")
            .then(|| (raised, usize::try_from(alert.row.missing).unwrap_or(0))),
        recipients,
    })
}

/// The facts of one recipient.
pub fn recipient_facts(
    app: &App,
    scene: &Scene,
    rule: &Rule,
    row: &recipient::Model,
    letters: &[delivery::Model],
    when: &When,
) -> Result<RecipientFacts, WebError> {
    let language = when.words.0;
    let answer = given(row)?;
    let known = store::recipient::evidence(row);
    let proves = |via: &str| {
        scene
            .directory
            .transports
            .get(via)
            .is_some_and(|transport| transport.proves.iter().any(|p| p == "delivered"))
    };
    let evidence = Evidence {
        accepted: known.accepted_at,
        delivered: known.delivered_at,
        opened: known.opened_at,
        acked: known.acked_at,
        answered: known.answered_at,
        failed: known.failed_at,
        unknown: known.unknown_at,
        arrival_can_be_proven: known.delivered_at.is_some()
            || letters.iter().any(|letter| proves(&letter.via)),
        by_phone: answer.as_ref().is_some_and(|answer| answer.proxy),
    };
    let state = match row.state.as_str() {
        "answered" => RecipientState::Answered,
        "to_decide" => RecipientState::ToDecide,
        "decided" => RecipientState::Decided,
        "stood_down" => RecipientState::StoodDown,
        "informed" => RecipientState::Informed,
        _ => RecipientState::Waiting,
    };
    let decision = row.decision.as_ref().and_then(|json| decision(rule.decide_options(), json, language));
    let decided_at = decision.as_ref().map(|decision| decision.at);
    Ok(RecipientFacts {
        id: RecipientId::new(row.id).to_string(),
        name: text(&row.name).get(language).to_owned(),
        desks: desks(row, when)?,
        state,
        evidence,
        answer: answer.map(|answer| AnswerFacts {
            refresh_due: answer.refresh_due(rule, &scene.timeline).filter(|_| scene.is_open()),
            ..answer_facts(rule, &answer, decided_at, when)
        }),
        decision,
        next: next(app, scene, rule, row, letters, when),
        to_decide_since: row.decide_since_ms.map(Timestamp),
        failure: failure(letters, when),
        tried: tried(letters, when),
        moved: false,
    })
}

/// What was decided, in the reader's language. Kept is the playbook's Japanese label, word for word.
fn decision(options: &[DecideOption], json: &Value, language: Language) -> Option<DecisionFacts> {
    let word = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let label = [decided_label(options, word("option"), language), word("note")]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>();
    Some(DecisionFacts {
        label: label.join(" "),
        by: word("by"),
        at: Timestamp(json.get("at_ms")?.as_i64()?),
    })
}

/// An option of a decision in the reader's language.
pub fn decided_label(options: &[DecideOption], kept: String, language: Language) -> String {
    let known = options.iter().find(|option| option.label.ja == kept);
    known.map_or(kept, |option| option.label.get(language).to_owned())
}

/// The desks behind a recipient: 当直室、代替: 事務部.
fn desks(row: &recipient::Model, when: &When) -> Result<String, WebError> {
    let language = when.words.0;
    let contacts = store::recipient::contacts(row)?;
    let name = text(&row.name);
    let first = contacts.primary.first().map(|point| &point.name).filter(|desk| **desk != name);
    let second = contacts.alternate.first().map(|point| &point.name).filter(|desk| **desk != name);
    let mut parts = Vec::new();
    parts.extend(first.map(|desk| desk.get(language).to_owned()));
    parts.extend(second.map(|desk| {
        let desk = desk.get(language).to_owned();
        when.words.with("board-alternate", &[("name", desk.into())])
    }));
    Ok(parts.join(&when.words.get("list-join")))
}
