//! The outbox's side of the hall: claim letters, note that they are handed over, record what became of them.
//!
//! A connection hands over its next letter only after the outcome of its last is committed, so a kill can double at
//! most one letter for each connection.

use std::{collections::HashMap, sync::Arc};

use entity::{attempt, delivery, recipient};
use noroshi_core::{
    alert::ContactPoint,
    ladder::Input,
    retry,
    text::{Language, Text},
    time::{Span, Timestamp},
};
use tracing::warn;
use uuid::Uuid;

use super::{
    Actor, OperationError, Work,
    letter::Desk,
    news::News,
    recipients::Recipients,
    scene::{Scenes, text},
    telling,
};
pub use crate::store::delivery::Wanted;
use crate::{
    app::App,
    failpoint::reached,
    in_hand::Held,
    measure,
    store::{self, directory::Learned},
    transport::{AWAY, Outcome},
};

/// A letter that this node has leased.
#[derive(Debug)]
pub struct Claimed {
    /// The letter.
    pub delivery: delivery::Model,
    /// Its recipient, as it stood shortly after.
    pub recipient: Option<Arc<recipient::Model>>,
    /// As long as this lives, its lease is renewed.
    pub held: Held,
}

/// What became of one try.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The delivery as it was handed over.
    pub delivery: delivery::Model,
    /// Its recipient, as it stood then.
    pub recipient: Option<Arc<recipient::Model>>,
    /// When the try began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// What is known.
    pub outcome: Outcome,
}

/// Leases due letters to this node, the most urgent first.
pub async fn claim(app: &App, wanted: Wanted<'_>) -> Result<Vec<Claimed>, OperationError> {
    // A look without a lock first: most of the time nothing is due, and nothing is written then.
    match store::delivery::next_due(app.store.read(), wanted).await? {
        Some(due) if due <= app.clock.now() => {}
        _ => return Ok(Vec::new()),
    }
    let now = app.clock.now();
    let rows = store::delivery::claim(app.store.at_once(), wanted, app.node, now, app.lease).await?;
    let held: Vec<Held> = rows.iter().map(|row| app.in_hand.take(row.id)).collect();
    reached("claim.committed");
    // A help only: whoever is missing here, or changes before its letter leaves, is read there under lock.
    let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.recipient_id).collect();
    let read = store::recipient::several(app.store.read(), ids).await.unwrap_or_default();
    let recipients: HashMap<Uuid, Arc<recipient::Model>> =
        read.into_iter().map(|row| (row.id, Arc::new(row))).collect();
    let claimed = rows.into_iter().zip(held).map(|(delivery, held)| {
        let recipient = delivery.recipient_id.and_then(|id| recipients.get(&id)).cloned();
        Claimed { delivery, recipient, held }
    });
    Ok(claimed.collect())
}

/// Gives claimed letters back that cannot leave now.
pub async fn put_back(app: &App, ids: &[uuid::Uuid]) -> Result<(), OperationError> {
    Ok(store::delivery::put_back(app.store.at_once(), ids, app.node).await?)
}

/// When the next letter falls due that is wanted, whatever its domain.
pub async fn next_due(app: &App, wanted: Wanted<'_>) -> Result<Option<Timestamp>, OperationError> {
    Ok(store::delivery::next_due(app.store.read(), wanted).await?)
}

/// Records outcomes and notes what is handed over next, in one transaction.
///
/// Returns those of `next` that may leave, with what is needed to write them: what was withdrawn, or leased away,
/// meanwhile is not among them. The first try of a recipient's first letter starts its ladder.
pub async fn record(app: &App, tried: &[Tried], next: &[Claimed]) -> Result<Desk, OperationError> {
    let mut work = Work::begin(app, Actor::system()).await?;
    let letters = || tried.iter().map(|one| &one.delivery).chain(next.iter().map(|one| &one.delivery));
    work.enter(letters().map(|delivery| delivery.incident_id)).await?;
    let next_letters: Vec<&delivery::Model> = next.iter().map(|one| &one.delivery).collect();
    let handed = store::delivery::hand_over(&work.tx, &next_letters, app.node, work.now, app.lease).await?;
    if !handed.is_empty() {
        reached("record.handed");
    }
    let lease = |delivery: &delivery::Model| (delivery.id, delivery.fence);
    let lost =
        store::delivery::lost(&work.tx, tried.iter().map(|one| lease(&one.delivery)).collect()).await?;

    let letters = tried.iter().map(|one| &one.delivery).chain(&handed);
    let ids = letters.filter_map(|delivery| delivery.recipient_id).collect();
    let mut known: Vec<_> = tried.iter().filter_map(|one| one.recipient.clone()).collect();
    known.extend(next.iter().filter_map(|one| one.recipient.clone()));
    let mut rows = Recipients::read(&work, ids, known).await?;
    let mut scenes = Scenes::default();

    for delivery in &handed {
        let Some(row) = delivery.recipient_id.and_then(|id| rows.get(id)) else { continue };
        if row.started_own_ms.is_none() {
            let scene = scenes.get(app, &work.tx, row.incident_id).await?;
            let rule = app.library.rule(&work.tx, row.alert_id).await?;
            let id = row.id;
            rows.step(&mut work, &scene, &rule, id, &Input::Tried).await?;
            reached("record.begun");
        }
    }
    let tries = own_tries(&work, tried).await?;
    let mut attempts = Vec::with_capacity(tried.len());
    for one in tried {
        attempts.push(attempt(one));
        if lost.contains(&lease(&one.delivery)) {
            // Another lease has begun meanwhile, and what follows is its holder's to say. The try stays on record.
            measure::lease_lost();
            warn!(delivery = %one.delivery.id, "A lease was lost before the outcome was recorded");
            continue;
        }
        let tries = tries.get(&one.delivery.id).copied().unwrap_or(1);
        record_one(&mut work, &mut scenes, &mut rows, one, tries).await?;
        reached("record.outcome");
    }
    if !attempts.is_empty() {
        store::delivery::put_attempts(&work.tx, attempts).await?;
        reached("record.attempts");
    }
    rows.save(&work).await?;
    work.commit().await?;
    reached("record.committed");
    Ok(Desk::new(handed, scenes, rows))
}

async fn record_one(
    work: &mut Work<'_>,
    scenes: &mut Scenes,
    rows: &mut Recipients,
    one: &Tried,
    tries: u32,
) -> Result<(), OperationError> {
    let mut delivery = one.delivery.clone();
    let at = one.ended_at;
    delivery.leased_by = None;
    delivery.lease_until_ms = 0;
    let letter = delivery.letter.and_then(|letter| u16::try_from(letter).ok());
    let mut input = None;
    // A receipt that was faster than the answer which told us the message's id.
    let mut told = None;
    match &one.outcome {
        Outcome::Accepted { relay, encrypted, message_id, .. } => {
            delivery.state = "accepted".into();
            delivery.relay = Some(relay.clone());
            delivery.encrypted = Some(*encrypted);
            delivery.reason = None;
            delivery.ended_at_ms = Some(at.0);
            input = Some(Input::Accepted { at });
            if let Some(id) = message_id {
                told = store::receipt::bind(&work.tx, id, delivery.id, at).await?;
            }
        }
        Outcome::Away { relay, reason } => {
            delivery.relay = Some(relay.clone());
            delivery.reason = Some(reason.clone());
            let tries = u32::try_from(delivery.attempts).unwrap_or(u32::MAX);
            let delay = retry::delay_away(tries, work.app.chance.fraction());
            again(&mut delivery, work.now + delay);
        }
        Outcome::TryAgain { relay, reason } | Outcome::Later { relay, reason, .. } => {
            delivery.relay = Some(relay.clone());
            delivery.reason = Some(reason.clone());
            let chance = work.app.chance.fraction();
            let delay = match &one.outcome {
                Outcome::Later { wait, .. } => retry::delay_asked(tries, *wait, chance),
                _ => retry::delay_after(tries, chance),
            };
            match delay {
                Some(delay) => again(&mut delivery, work.now + delay),
                None => {
                    delivery.state = "given_up".into();
                    delivery.ended_at_ms = Some(at.0);
                    input = letter.map(|letter| Input::Failed { letter, at });
                }
            }
        }
        Outcome::Refused { relay, reason }
        | Outcome::Gone { relay, reason }
        | Outcome::Closed { relay, reason } => {
            delivery.state = "refused".into();
            delivery.relay = Some(relay.clone());
            delivery.reason = Some(reason.clone());
            delivery.ended_at_ms = Some(at.0);
            input = letter.map(|letter| Input::Failed { letter, at });
            let learned = match &one.outcome {
                Outcome::Refused { .. } => Some(Learned::Refused(reason.clone())),
                Outcome::Gone { .. } => Some(Learned::Gone(reason.clone())),
                _ => None,
            };
            if let Some(learned) = learned {
                store::directory::learn(&work.tx, &point(&delivery), &learned, work.now).await?;
            }
        }
        Outcome::Unknown { relay, reason } => {
            delivery.relay = Some(relay.clone());
            let delay = retry::delay_after(tries, work.app.chance.fraction());
            input = unknown(&mut delivery, reason, work.now, delay, at);
        }
    }
    let gone = matches!(one.outcome, Outcome::Gone { .. });
    settle(work, scenes, rows, &mut delivery, input, at).await?;
    if gone {
        let scene = scenes.get(work.app, &work.tx, delivery.incident_id).await?;
        super::receipt::tell_owner(work, &scene, &delivery).await?;
    }
    if let Some(fate) = told
        && let Some(input) = super::receipt::apply(&mut delivery, &fate, at)
    {
        settle(work, scenes, rows, &mut delivery, input, at).await?;
    }
    Ok(())
}

/// How often each of these letters was tried by a way that was there, this try included; whoever is not named was tried
/// once. Only what may be put off is asked for.
async fn own_tries(work: &Work<'_>, tried: &[Tried]) -> Result<HashMap<Uuid, u32>, OperationError> {
    let may_be_put_off = |one: &&Tried| {
        let is_put_off =
            matches!(one.outcome, Outcome::TryAgain { .. } | Outcome::Later { .. } | Outcome::Unknown { .. });
        is_put_off && one.delivery.attempts > 1
    };
    let ids: Vec<Uuid> = tried.iter().filter(may_be_put_off).map(|one| one.delivery.id).collect();
    let before = store::delivery::tries(&work.tx, ids, AWAY).await?;
    Ok(before
        .into_iter()
        .map(|(id, tries)| (id, u32::try_from(tries).unwrap_or(u32::MAX).saturating_add(1)))
        .collect())
}

/// The letter goes out once more, then.
fn again(delivery: &mut delivery::Model, due: Timestamp) {
    delivery.state = "queued".into();
    delivery.due_at_ms = due.0;
    delivery.handed_at_ms = None;
}

/// Writes what became of a delivery, tells it where it is bad news, and lets the recipient's ladder hear of it.
/// Rows of recipients are the caller's to save.
pub(super) async fn settle(
    work: &mut Work<'_>,
    scenes: &mut Scenes,
    rows: &mut Recipients,
    delivery: &mut delivery::Model,
    input: Option<Input>,
    at: Timestamp,
) -> Result<(), OperationError> {
    // A recipient who answered while the letter was under way gets no further try of it.
    let settled = delivery
        .recipient_id
        .and_then(|id| rows.get(id))
        .is_some_and(|row| !matches!(row.state.as_str(), "waiting" | "informed"));
    if delivery.state == "queued" && settled && delivery.occasion != "stand_down" {
        delivery.state = "withdrawn".into();
        delivery.ended_at_ms = Some(work.now.0);
    }
    work.gathered.outcomes.insert(delivery.id, delivery.clone());
    work.letters_due |= delivery.state == "queued";
    let scene = scenes.get(work.app, &work.tx, delivery.incident_id).await?;
    if matches!(delivery.state.as_str(), "refused" | "given_up" | "unknown") {
        let told = failed(delivery);
        let line = telling::line("delivery", text(&delivery.name), told, at);
        work.line(scene.id(), line);
    }
    if delivery.occasion == "offer" && matches!(delivery.state.as_str(), "refused" | "given_up") {
        work.write_outcomes().await?;
        super::role::undelivered(work, delivery).await?;
        scenes.forget(delivery.incident_id);
    }
    if let Some(row) = delivery.recipient_id.and_then(|id| rows.get(id)) {
        let (id, rule) = (row.id, work.app.library.rule(&work.tx, row.alert_id).await?);
        if let Some(input) = input {
            rows.step(work, &scene, &rule, id, &input).await?;
        }
        work.changed(scene.id(), "recipient");
    }
    Ok(())
}

/// The outcome was never learned. Mail and SMS are sent once more, with the same id and the mark （再送）; a webhook
/// again after `delay`, as often as any other call, because its receiver knows a copy by its id. If it stays unknown,
/// the ladder goes on.
fn unknown(
    delivery: &mut delivery::Model,
    reason: &str,
    now: Timestamp,
    delay: Option<Span>,
    at: Timestamp,
) -> Option<Input> {
    delivery.reason = Some(reason.to_owned());
    let next = match delivery.transport.as_str() {
        "webhook" => delay,
        _ => (!delivery.repeat).then_some(Span::ZERO),
    };
    let Some(delay) = next else {
        delivery.state = "unknown".into();
        delivery.ended_at_ms = Some(at.0);
        return delivery
            .letter
            .and_then(|letter| u16::try_from(letter).ok())
            .map(|letter| Input::Failed { letter, at });
    };
    delivery.repeat = true;
    again(delivery, now + delay);
    Some(Input::Unknown { at })
}

fn failed(delivery: &delivery::Model) -> Text {
    let reason = crate::transport::reason::in_words(delivery.reason.as_deref().unwrap_or(""));
    let (ja, en) = (reason.get(Language::Ja), reason.get(Language::En));
    match delivery.state.as_str() {
        "unknown" => Text::both(
            format!("送信結果が不明（{}）{ja}", delivery.via),
            format!("Outcome unknown ({}): {en}", delivery.via),
        ),
        _ => Text::both(
            format!("不達（{}）{ja}", delivery.via),
            format!("Not delivered ({}): {en}", delivery.via),
        ),
    }
}

fn point(delivery: &delivery::Model) -> ContactPoint {
    ContactPoint {
        contact: delivery.contact.clone(),
        name: text(&delivery.name),
        transport: delivery.via.clone(),
        address: delivery.address.clone(),
        language: Language::from_key(&delivery.language).unwrap_or_default(),
    }
}

fn attempt(one: &Tried) -> attempt::Model {
    let reply = match &one.outcome {
        Outcome::Accepted { reply, .. } => reply,
        Outcome::Away { reason, .. }
        | Outcome::TryAgain { reason, .. }
        | Outcome::Later { reason, .. }
        | Outcome::Refused { reason, .. }
        | Outcome::Gone { reason, .. }
        | Outcome::Closed { reason, .. }
        | Outcome::Unknown { reason, .. } => reason,
    };
    attempt::Model {
        delivery_id: one.delivery.id,
        number: one.delivery.attempts,
        started_at_ms: one.started_at.0,
        ended_at_ms: one.ended_at.0,
        outcome: one.outcome.key().into(),
        relay: one.outcome.relay().to_owned(),
        reply: reply.clone(),
    }
}

/// Of which of these letters the owner has taken the address down, and nobody has looked into it since: its words.
pub async fn gone(
    app: &App,
    letters: impl Iterator<Item = &delivery::Model> + Clone,
) -> Result<HashMap<Uuid, String>, OperationError> {
    let contacts = letters.clone().map(|letter| letter.contact.clone()).collect();
    let gone = store::directory::gone(app.store.read(), contacts).await?;
    let words = letters.filter_map(|letter| {
        let place = (letter.contact.clone(), letter.via.clone(), letter.address.clone());
        Some((letter.id, gone.get(&place)?.clone()))
    });
    Ok(words.collect())
}

/// Lengthens the leases of what this process has in hand; gives the moment of it, and until when they run now.
pub async fn renew(app: &App) -> Result<(Timestamp, Timestamp), OperationError> {
    let work = Work::begin(app, Actor::system()).await?;
    // After the moment was read: whatever was in hand by then is among them.
    let (now, letters) = (work.now, app.in_hand.ids());
    if !letters.is_empty() {
        store::delivery::renew(&work.tx, letters, app.node, now, app.lease).await?;
    }
    work.tx.commit().await?;
    Ok((now, now + app.lease))
}

/// Takes back letters whose lease has ended.
///
/// - `everyone`: all leases, at the start of the embedded database, which one process alone serves.
///
/// A letter that was never handed over goes back into the queue; one that was is unknown: never failed, never silently
/// accepted. Returns how many were taken back.
pub async fn take_back(app: &App, everyone: bool) -> Result<usize, OperationError> {
    // A look without a transaction first: most of the time there is nothing to take back.
    let now = app.clock.now();
    if store::delivery::abandoned(app.store.read(), now, everyone, 1, None).await?.is_empty() {
        return Ok(0);
    }
    let mut work = Work::begin(app, Actor::system()).await?;
    let seen = store::delivery::abandoned(&work.tx, work.now, everyone, 1000, None).await?;
    work.enter(seen.iter().map(|delivery| delivery.incident_id)).await?;
    let among = Some(seen.into_iter().map(|delivery| delivery.id).collect());
    let abandoned = store::delivery::abandoned(&work.tx, work.now, everyone, 1000, among).await?;
    let count = abandoned.len();
    let ids: Vec<Uuid> = abandoned.iter().filter_map(|delivery| delivery.recipient_id).collect();
    let mut rows = Recipients::lock(&work, ids).await?;
    let mut scenes = Scenes::default();
    for mut delivery in abandoned {
        match delivery.handed_at_ms {
            None => {
                delivery.state = "queued".into();
                delivery.leased_by = None;
                delivery.lease_until_ms = 0;
                work.letters_due = true;
                work.gathered.outcomes.insert(delivery.id, delivery);
            }
            Some(handed) => {
                let reason = crate::transport::reason::STOPPED.to_owned();
                let one = Tried {
                    started_at: Timestamp(handed),
                    ended_at: work.now,
                    outcome: Outcome::Unknown { relay: delivery.relay.clone().unwrap_or_default(), reason },
                    delivery,
                    recipient: None,
                };
                store::delivery::put_attempts(&work.tx, vec![attempt(&one)]).await?;
                // Asked for where a webhook is tried again, and no webhook's try ends as `Away`.
                let tries = u32::try_from(one.delivery.attempts).unwrap_or(u32::MAX);
                record_one(&mut work, &mut scenes, &mut rows, &one, tries).await?;
            }
        }
    }
    rows.save(&work).await?;
    work.log((count > 0).then_some(News::TakenBack { letters: count }));
    work.commit().await?;
    measure::taken_back(count);
    Ok(count)
}

/// How many letters wait, and for how long the oldest has been due.
pub async fn backlog(app: &App) -> Result<(u64, Span), OperationError> {
    let now = app.clock.now();
    let (letters, oldest) = store::delivery::backlog(app.store.read(), now).await?;
    Ok((letters, oldest.map_or(Span::ZERO, |oldest| now - oldest)))
}
