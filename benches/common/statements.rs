//! What the statements of a fan-out take by themselves: the service's own, through `noroshi::store`, one after the other,
//! with nobody who writes letters, sends them or listens.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    time::Instant,
};

use entity::{attempt, delivery, link, recipient, timer};
use noroshi::store::{self, Store, delivery::Wanted};
use noroshi_core::{
    id::IncidentId,
    time::{Span, Timestamp},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::replay::{CLAIMED, TOGETHER};

/// What carries the letters.
const TRANSPORT: &str = "webhook";
const NODE: Uuid = Uuid::from_u128(7);
const LEASE: Span = Span::seconds(30);
const NOW: Timestamp = Timestamp(i64::MAX / 2);

/// What an alert has left in the file of a service that does not run, each row as it was before anything had left.
struct Fresh {
    incident: IncidentId,
    recipients: Vec<recipient::Model>,
    letters: Vec<delivery::Model>,
    links: Vec<link::Model>,
    timers: BTreeMap<Uuid, timer::Model>,
    attempts: BTreeMap<Uuid, attempt::Model>,
}

impl Fresh {
    async fn read(store: &Store) -> Self {
        let db = store.read();
        let first = delivery::Column::Letter.eq(0).and(delivery::Column::Transport.eq(TRANSPORT));
        let letters = delivery::Entity::find().filter(first);
        let mut letters = letters.all(db).await.expect("letters");
        for letter in &mut letters {
            letter.state = "queued".into();
            (letter.leased_by, letter.handed_at_ms, letter.ended_at_ms) = (None, None, None);
            (letter.relay, letter.encrypted, letter.fence, letter.attempts) = (None, None, 0, 0);
        }
        let mut recipients =
            recipient::Entity::find().order_by_asc(recipient::Column::Id).all(db).await.expect("recipients");
        for row in &mut recipients {
            (row.version, row.started_own_ms, row.started_at_ms) = (0, None, None);
            (row.due_own_ms, row.accepted_at_ms) = (None, None);
        }
        let timers = timer::Entity::find().all(db).await.expect("timers");
        let attempts = attempt::Entity::find().all(db).await.expect("tries");
        Self {
            incident: IncidentId::new(letters[0].incident_id),
            recipients,
            letters,
            links: link::Entity::find().all(db).await.expect("links"),
            timers: timers.into_iter().map(|row| (row.id, row)).collect(),
            attempts: attempts.into_iter().map(|row| (row.delivery_id, row)).collect(),
        }
    }
}

/// A letter on its way, and its recipient as it was read last.
struct UnderWay {
    letter: delivery::Model,
    recipient: recipient::Model,
}

/// Seconds for all statements of an alert to the recipients in the file of a service that does not run.
pub async fn statements_alone(service: &Path) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("noroshi.db");
    std::fs::copy(service.join("noroshi.db"), &file)
        .expect("the file of a service that was stopped in order");
    let store = Store::open(&format!("sqlite:{}", file.display())).await.expect("the service's file");
    let fresh = Fresh::read(&store).await;
    for table in ["attempt", "timer", "link", "delivery", "recipient"] {
        let empty = format!("delete from {table}");
        store.at_once().execute_unprepared(&empty).await.expect("a table of the bench");
    }
    let begin = Instant::now();
    let tx = store.begin().await.expect("a transaction");
    store::recipient::put(&tx, fresh.recipients.clone()).await.expect("recipients");
    store::delivery::put(&tx, fresh.letters.clone()).await.expect("letters");
    store::link::put(&tx, fresh.links.clone()).await.expect("links");
    tx.commit().await.expect("a commit");
    let (mut claimed, mut sent) = (VecDeque::new(), Vec::new());
    let mut accepted = 0;
    loop {
        if claimed.len() < TOGETHER as usize {
            claimed.extend(claim(&store).await);
        }
        let next: Vec<UnderWay> = claimed.drain(..claimed.len().min(TOGETHER as usize)).collect();
        if next.is_empty() && sent.is_empty() {
            break;
        }
        accepted += sent.len();
        sent = cycle(&store, &fresh, sent, next).await;
    }
    let seconds = begin.elapsed().as_secs_f64();
    assert_eq!(accepted, fresh.letters.len(), "every letter is on record");
    store.close().await;
    seconds
}

async fn claim(store: &Store) -> Vec<UnderWay> {
    let wanted =
        Wanted { transport: TRANSPORT, except: &[], before: None, untried: false, n: CLAIMED as u64 };
    let letters = store::delivery::claim(store.at_once(), wanted, NODE, NOW, LEASE).await.expect("a claim");
    let ids = letters.iter().filter_map(|letter| letter.recipient_id).collect();
    let rows = store::recipient::several(store.read(), ids).await.expect("recipients");
    let mut rows: BTreeMap<Uuid, recipient::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let under_way = letters.into_iter().filter_map(|letter| {
        let recipient = rows.remove(&letter.recipient_id?)?;
        Some(UnderWay { letter, recipient })
    });
    under_way.collect()
}

/// What `operation::delivery::record` writes and asks for: outcomes of those that were sent, and the next are handed over.
async fn cycle(
    store: &Store,
    fresh: &Fresh,
    mut sent: Vec<UnderWay>,
    mut next: Vec<UnderWay>,
) -> Vec<UnderWay> {
    let tx = store.begin().await.expect("a transaction");
    let letters: Vec<&delivery::Model> = next.iter().map(|one| &one.letter).collect();
    let handed = store::delivery::hand_over(&tx, &letters, NODE, NOW, LEASE).await.expect("handed over");
    let leases = sent.iter().map(|one| (one.letter.id, one.letter.fence)).collect();
    assert!(store::delivery::lost(&tx, leases).await.expect("leases").is_empty());
    let known = sent.iter().chain(&next).map(|one| (one.recipient.id, one.recipient.version)).collect();
    assert!(store::recipient::changed(&tx, known).await.expect("versions").is_empty());
    store::incident::get(&tx, fresh.incident).await.expect("the incident");
    store::incident::roles(&tx, fresh.incident).await.expect("its chairs");
    store::directory::latest_id(&tx).await.expect("the directory in force");
    store::cover::standing(&tx).await.expect("covers");
    let attempts = sent.iter().filter_map(|one| fresh.attempts.get(&one.letter.id)).cloned().collect();
    store::delivery::put_attempts(&tx, attempts).await.expect("tries");
    let before: Vec<recipient::Model> = sent.iter().chain(&next).map(|one| one.recipient.clone()).collect();
    sent.iter_mut().for_each(|one| one.recipient.accepted_at_ms = Some(NOW.0));
    for one in &mut next {
        let moment = Some(NOW.0);
        let row = &mut one.recipient;
        (row.started_own_ms, row.started_at_ms, row.due_own_ms) = (moment, moment, moment);
    }
    let now = sent.iter_mut().chain(&mut next).map(|one| &mut one.recipient);
    store::recipient::save_all(&tx, before.iter().zip(now).collect()).await.expect("recipients");
    let outcomes = sent.into_iter().map(|one| delivery::Model {
        state: "accepted".into(),
        leased_by: None,
        lease_until_ms: 0,
        relay: Some("relay".into()),
        encrypted: Some(false),
        ended_at_ms: Some(NOW.0),
        ..one.letter
    });
    store::delivery::save(&tx, outcomes.collect()).await.expect("outcomes");
    let timers = next.iter().filter_map(|one| fresh.timers.get(&one.recipient.id)).cloned().collect();
    store::timer::set(&tx, timers).await.expect("timers");
    store::event::put(&tx, fresh.incident, "recipient", NOW).await.expect("an event");
    tx.commit().await.expect("a commit");
    let recipients = next.into_iter().map(|one| one.recipient);
    handed.into_iter().zip(recipients).map(|(letter, recipient)| UnderWay { letter, recipient }).collect()
}
