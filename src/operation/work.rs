//! One transaction: who acts, when, and what is to be written at its end.

use std::collections::{BTreeMap, BTreeSet};

use entity::{delivery, idempotency, link, message, role_link, timer};
use noroshi_core::{id::IncidentId, incident::State, time::Timestamp};
use uuid::Uuid;

use super::{Actor, OperationError, news::News, scene::Scene};
use crate::{
    app::App,
    failpoint::reached,
    store::{self, chronology::Line},
};

/// A unit of work. Dropped without [`Work::commit`], it changes nothing.
pub struct Work<'a> {
    /// The service.
    pub app: &'a App,
    /// The transaction.
    pub tx: store::Transaction,
    /// The real moment of everything in it.
    pub now: Timestamp,
    /// Who acts.
    pub actor: Actor,
    /// The moment for which what is done now was planned; its letters say so where that is long ago.
    pub(super) planned: Option<Timestamp>,
    pub(super) gathered: Gathered,
    /// After it letters are due that were not before.
    pub(super) letters_due: bool,
    /// The earliest of the timers that were set, in real time.
    next_timer: Option<Timestamp>,
    told: Vec<store::event::Event>,
    /// What the log says after it.
    news: Vec<News>,
}

/// What is to be written at the end, in batches.
#[derive(Default)]
pub(super) struct Gathered {
    /// Recipients whose unsent letters are withdrawn.
    pub withdrawals: BTreeSet<Uuid>,
    /// The last wish for each timer: set, or drop.
    pub timers: BTreeMap<Uuid, Option<timer::Model>>,
    pub deliveries: Vec<delivery::Model>,
    /// What became of letters; read from the database it is as it was.
    pub outcomes: BTreeMap<Uuid, delivery::Model>,
    /// Offers, by chair and number, whose unsent letters are withdrawn.
    pub withdrawn_offers: Vec<(Uuid, i32)>,
    pub role_links: Vec<role_link::Model>,
    /// Addresses from which somebody spoke.
    pub proved: BTreeSet<store::directory::Place>,
    pub links: BTreeMap<Vec<u8>, link::Model>,
    pub messages: Vec<message::Model>,
    pub lines: BTreeMap<IncidentId, Vec<Line>>,
    pub events: BTreeSet<(IncidentId, &'static str)>,
}

/// A request that creates, so that the same request again creates nothing more.
#[derive(Clone, Debug)]
pub struct Once {
    /// Who asks: keys of different askers never meet.
    pub scope: String,
    /// The `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of what was asked, method and path included.
    pub body_hash: String,
}

/// The answer to a request that creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Done now.
    Fresh(u16, String),
    /// Done before; the first answer again.
    Again(u16, String),
}

impl<'a> Work<'a> {
    /// Opens the transaction and reads the clock.
    pub async fn begin(app: &'a App, actor: Actor) -> Result<Self, OperationError> {
        let tx = app.store.begin().await?;
        Ok(Self {
            app,
            tx,
            now: app.clock.now(),
            actor,
            planned: None,
            gathered: Gathered::default(),
            letters_due: false,
            next_timer: None,
            told: Vec::new(),
            news: Vec::new(),
        })
    }

    /// From here to its end this work alone changes what belongs to these incidents.
    ///
    /// Every verb that changes rows of an incident enters first and reads afterwards. One writer for each incident is
    /// what SQLite gives anyway; on PostgreSQL it rules out that two transactions lock rows in opposite orders. Nothing
    /// is lost by it: all of them end at the one head of the incident's chronology.
    pub async fn enter(&self, incidents: impl IntoIterator<Item = Uuid>) -> Result<(), OperationError> {
        let incidents: BTreeSet<Uuid> = incidents.into_iter().collect();
        if !incidents.is_empty() && !self.app.store.is_embedded() {
            store::incident::lock(&self.tx, incidents.into_iter().collect()).await?;
        }
        Ok(())
    }

    /// The first answer to this request, if it was asked before.
    ///
    /// Errors: [`OperationError::KeyReused`] where the key came with another body.
    pub async fn once(&self, once: Option<&Once>) -> Result<Option<Reply>, OperationError> {
        let Some(once) = once else { return Ok(None) };
        match store::idempotency::find(&self.tx, &once.scope, &once.key).await? {
            None => Ok(None),
            Some(row) if row.body_hash != once.body_hash => Err(OperationError::KeyReused),
            Some(row) => Ok(Some(Reply::Again(u16::try_from(row.status).unwrap_or(200), row.body))),
        }
    }

    /// Keeps the answer for whoever asks the same again, in this transaction.
    pub async fn keep(
        &self,
        once: Option<&Once>,
        status: u16,
        body: String,
    ) -> Result<Reply, OperationError> {
        if let Some(once) = once {
            let row = idempotency::Model {
                scope: once.scope.clone(),
                key: once.key.clone(),
                body_hash: once.body_hash.clone(),
                status: status.into(),
                body: body.clone(),
                created_at_ms: self.now.0,
            };
            store::idempotency::put(&self.tx, row).await?;
        }
        Ok(Reply::Fresh(status, body))
    }

    /// Adds a line to the chronology of an incident.
    pub fn line(&mut self, incident: IncidentId, line: Line) {
        self.gathered.lines.entry(incident).or_default().push(line);
    }

    /// Tells live pages that something changed.
    pub fn changed(&mut self, incident: IncidentId, kind: &'static str) {
        self.gathered.events.insert((incident, kind));
    }

    /// Tells the log, after the commit.
    pub(super) fn log(&mut self, news: impl IntoIterator<Item = News>) {
        self.news.extend(news);
    }

    /// Writes how far an incident is; `before` is the state that it was loaded with.
    pub(super) async fn save_incident(&mut self, scene: &Scene, before: State) -> Result<(), OperationError> {
        store::incident::save(&self.tx, &scene.incident, before).await?;
        self.log((scene.state() != before).then(|| News::of_incident(scene)));
        Ok(())
    }

    async fn flush(&mut self) -> Result<Vec<store::event::Event>, OperationError> {
        let gathered = std::mem::take(&mut self.gathered);
        self.log(gathered.outcomes.values().filter_map(News::of_letter));
        store::delivery::save(&self.tx, gathered.outcomes.into_values().collect()).await?;
        let withdrawals: Vec<Uuid> = gathered.withdrawals.into_iter().collect();
        store::delivery::withdraw(&self.tx, &withdrawals, self.now).await?;
        store::role::withdraw_errands(&self.tx, &withdrawals, self.now).await?;
        for (role, number) in gathered.withdrawn_offers {
            store::role::withdraw_offer(&self.tx, role, number, self.now).await?;
        }
        let (set, dropped): (Vec<_>, Vec<_>) =
            gathered.timers.into_iter().partition(|(_, timer)| timer.is_some());
        let due = set.iter().filter_map(|(_, timer)| timer.as_ref()?.due_at_ms).map(Timestamp);
        self.next_timer = due.chain(self.next_timer).min();
        self.letters_due |= !gathered.deliveries.is_empty();
        store::timer::drop(&self.tx, dropped.into_iter().map(|(id, _)| id).collect()).await?;
        let timers = !set.is_empty();
        store::timer::set(&self.tx, set.into_iter().filter_map(|(_, timer)| timer).collect()).await?;
        if timers {
            reached("write.timers");
        }
        store::directory::prove(&self.tx, &gathered.proved, self.now).await?;
        let deliveries = !gathered.deliveries.is_empty();
        store::delivery::put(&self.tx, gathered.deliveries).await?;
        if deliveries {
            reached("write.deliveries");
        }
        store::role::put_links(&self.tx, gathered.role_links).await?;
        let links = !gathered.links.is_empty();
        store::link::put(&self.tx, gathered.links.into_values().collect()).await?;
        if links {
            reached("write.links");
        }
        if !gathered.messages.is_empty() {
            store::channel::put_messages(&self.tx, gathered.messages).await?;
        }
        for (incident, lines) in gathered.lines {
            store::chronology::append(&self.tx, incident, &lines, self.now).await?;
            reached("write.lines");
            self.gathered.events.insert((incident, "chronology"));
        }
        let mut events = Vec::new();
        for (incident, kind) in gathered.events.into_iter().chain(std::mem::take(&mut self.gathered.events)) {
            events.push(store::event::put(&self.tx, incident, kind, self.now).await?);
            reached("write.events");
        }
        Ok(events)
    }

    /// Writes now what has become of letters, for whoever asks the database next.
    pub(super) async fn write_outcomes(&mut self) -> Result<(), OperationError> {
        let outcomes = std::mem::take(&mut self.gathered.outcomes);
        self.log(outcomes.values().filter_map(News::of_letter));
        Ok(store::delivery::save(&self.tx, outcomes.into_values().collect()).await?)
    }

    /// Writes what has gathered so far; its events are told after the commit.
    pub async fn flush_quietly(&mut self) -> Result<(), OperationError> {
        let events = self.flush().await?;
        self.told.extend(events);
        Ok(())
    }

    /// Writes everything and commits. From here on a power cut loses nothing.
    pub async fn commit(mut self) -> Result<(), OperationError> {
        self.flush_quietly().await?;
        self.tx.commit().await?;
        if self.letters_due {
            self.app.bells.deliver.ring();
        }
        if let Some(due) = self.next_timer {
            self.app.bells.timers.set(due);
        }
        self.news.iter().for_each(News::tell);
        for event in self.told {
            if let Some(neighbours) = &self.app.neighbours {
                neighbours.tell(&event);
            }
            // Nobody listening is no failure: live pages ask again by number.
            let _ = self.app.live.send(event);
        }
        Ok(())
    }
}
