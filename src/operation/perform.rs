//! The only place where the core's effects become rows: here those of recipients, in `perform/chair.rs` those of
//! chairs.

mod chair;

use std::collections::BTreeSet;

use entity::{delivery, link, message, recipient, report, role_link, task, timer};
use noroshi_core::{
    addressee::BY_HAND,
    alert::{ContactPoint, Rule},
    effect::{Effect, Outgoing},
    id::{AlertId, ChannelId, DeliveryId, RecipientId},
    playbook::{PartyRef, Urgency},
    report as reports,
    rights::Role,
    task as tasks,
    text::Text,
    time::Timestamp,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    OperationError, Work, duty,
    errand::{Errand, Matter, RoleLetter},
    news::News,
    scene::Scene,
    telling,
};
use crate::{
    domains::{domain_of, receiver_of},
    key::{answer_token_hash, token_hash},
    store::{self, to_json},
};

impl Work<'_> {
    /// Performs the effects of one recipient's change. Rows are gathered and written in batches at the end.
    pub(super) async fn perform(
        &mut self,
        scene: &Scene,
        rule: &Rule,
        row: &recipient::Model,
        effects: Vec<Effect>,
    ) -> Result<(), OperationError> {
        for effect in effects {
            match effect {
                Effect::Send(letter) => self.send(scene, rule, row, letter),
                Effect::SetTimer { step, due } => {
                    let timer = own_timer(scene, rule.plan.severity, "step", row.id, step, due);
                    self.gathered.timers.insert(row.id, Some(timer));
                }
                Effect::DropTimer => {
                    self.gathered.timers.insert(row.id, None);
                }
                Effect::Withdraw => {
                    self.gathered.withdrawals.insert(row.id);
                }
                Effect::AskCall { to } => {
                    let about = Errand::Call {
                        recipient: RecipientId::new(row.id),
                        alert: AlertId::new(row.alert_id),
                    };
                    self.write_to_role(scene, rule.plan.severity, &to, about).await?;
                }
                Effect::AskDecision { to } => {
                    let (alert, recipient) = (AlertId::new(row.alert_id), RecipientId::new(row.id));
                    let about = Errand::Decide { recipient: Some(recipient), alert };
                    self.log([News::DecisionDue { alert, recipient: Some(recipient), incident: scene.id() }]);
                    self.write_to_role(scene, rule.plan.severity, &to, about).await?;
                }
                Effect::Record(fact) => {
                    let line = telling::fact(self.app, scene, rule, row, &fact, self.now);
                    self.line(scene.id(), line);
                }
            }
        }
        Ok(())
    }

    /// Performs the effects of one task's change.
    pub(super) async fn perform_task(
        &mut self,
        scene: &Scene,
        row: &task::Model,
        effects: Vec<tasks::Effect>,
    ) -> Result<(), OperationError> {
        for effect in effects {
            match effect {
                tasks::Effect::SetTimer { reminder, due } => {
                    self.time(scene, "task", row.id, reminder, Some(due.0));
                }
                tasks::Effect::DropTimer => {
                    self.gathered.timers.insert(row.id, None);
                }
                tasks::Effect::Hush => {
                    self.hush(scene, &duty::of_task(row)).await?;
                }
                tasks::Effect::FellDue { noticed_late } => {
                    let line = duty::fell_due(scene, row, noticed_late, self.now);
                    self.line(scene.id(), line);
                }
                tasks::Effect::Remind { before } => {
                    let (role, letter) = duty::task_reminder(self.app, scene, row, before);
                    self.notify(scene, &role, letter).await?;
                }
                tasks::Effect::Again { due } => Box::pin(super::task::again(self, scene, row, due)).await?,
            }
        }
        Ok(())
    }

    /// Performs the effects of one report's change.
    pub(super) async fn perform_report(
        &mut self,
        scene: &Scene,
        row: &report::Model,
        effects: Vec<reports::Effect>,
    ) -> Result<(), OperationError> {
        let kind = super::report::kind_of(scene, row)?;
        for effect in effects {
            match effect {
                reports::Effect::SetTimer { stage, due } => {
                    self.time(scene, "report", row.id, stage, Some(due.0));
                }
                reports::Effect::DropTimer => {
                    self.gathered.timers.insert(row.id, None);
                }
                reports::Effect::Hush => {
                    self.hush(scene, &duty::of_report(row)).await?;
                }
                reports::Effect::AskAuthor { before } => {
                    let letter = duty::to_author(self.app, scene, kind, row, before);
                    self.notify(scene, &PartyRef::Role(kind.author.clone()), letter).await?;
                }
                reports::Effect::AskApprover { before } => {
                    if let Some(approver) = &kind.approver {
                        let told = super::report::told(self, scene, row).await?;
                        let letter = duty::to_approver(scene, kind, row, before, &told);
                        self.notify(scene, &PartyRef::Role(approver.clone()), letter).await?;
                    }
                }
                reports::Effect::TellReturned => {
                    let letter = duty::returned(kind, row);
                    self.notify(scene, &PartyRef::Role(kind.author.clone()), letter).await?;
                }
                reports::Effect::AskDecision { to } => {
                    let letter = duty::to_decider(kind, row);
                    self.notify(scene, &to, letter).await?;
                }
                reports::Effect::Missed => {
                    let line = duty::missed(scene, kind, row, self.now);
                    self.line(scene.id(), line);
                }
                reports::Effect::Publish => {
                    let told = super::report::told(self, scene, row).await?;
                    for channel in super::report::audience(self, scene, kind).await? {
                        self.say(scene, channel, &told);
                    }
                    let line = telling::line("report", kind.name(row.number), told, self.now);
                    self.line(scene.id(), line);
                }
                reports::Effect::Next => Box::pin(super::report::next(self, scene, row)).await?,
            }
        }
        Ok(())
    }

    /// A letter to a role that replaces the former one about the same thing, where that has not left yet.
    async fn notify(&mut self, scene: &Scene, role: &PartyRef, about: Errand) -> Result<(), OperationError> {
        let Errand::Notice { matter, severity, .. } = &about else { return Ok(()) };
        self.hush(scene, matter).await?;
        self.write_to_role(scene, *severity, role, about).await
    }

    /// Withdraws notices about this that have not left yet: it is settled, or a newer one says it again.
    async fn hush(&self, scene: &Scene, matter: &Matter) -> Result<(), OperationError> {
        let same = |errand: &Value| match serde_json::from_value::<RoleLetter>(errand.clone()) {
            Ok(RoleLetter { about: Errand::Notice { matter: known, .. }, .. }) => known.is_about(matter),
            _ => false,
        };
        Ok(store::delivery::withdraw_notices(&self.tx, scene.id(), same, self.now).await?)
    }

    /// Sets the one timer of a chair, a task or a report, where it waits for a moment (own time).
    pub(super) fn time(&mut self, scene: &Scene, kind: &str, id: Uuid, step: u16, due_own_ms: Option<i64>) {
        let Some(due) = due_own_ms.map(Timestamp) else { return };
        // Who leads comes first; reminders of duties after what alerts wait for.
        let urgency = if kind == "role" { Urgency::Critical } else { Urgency::High };
        self.gathered.timers.insert(id, Some(own_timer(scene, urgency, kind, id, step, due)));
    }

    fn send(&mut self, scene: &Scene, rule: &Rule, row: &recipient::Model, letter: Outgoing) {
        let id = RecipientId::new(row.id);
        let point = letter.point;
        let mut delivery = self.delivery(scene, rule.plan.severity, letter.occasion.key(), &point);
        let token = self.app.key.answer_token(id, &point.contact, 0);
        self.gathered.links.entry(answer_token_hash(&token)).or_insert_with_key(|hash| link::Model {
            token_hash: hash.clone(),
            delivery_id: delivery.id,
            generation: 0,
            revoked_at_ms: None,
            opened_by: serde_json::json!([]),
        });
        delivery.recipient_id = Some(row.id);
        delivery.letter = Some(i32::from(letter.letter));
        if letter.unserved {
            delivery.state = "refused".into();
            delivery.reason = Some(crate::transport::reason::no_driver(&point.transport));
            delivery.ended_at_ms = Some(self.now.0);
        }
        self.gathered.deliveries.push(delivery);
    }

    /// A delivery row that is due now. A drill's letter goes by `rehearsal`, whatever the directory says.
    fn delivery(
        &self,
        scene: &Scene,
        urgency: Urgency,
        occasion: &str,
        point: &ContactPoint,
    ) -> delivery::Model {
        let driver =
            scene.directory.transports.get(&point.transport).map_or("", |transport| &transport.driver);
        let transport = if scene.is_drill() { "rehearsal" } else { carrier(driver) };
        let planned = self.planned.map_or(self.now, |planned| planned.min(self.now));
        delivery::Model {
            id: self.app.chance.uuid(self.now),
            incident_id: scene.incident.id,
            recipient_id: None,
            letter: None,
            occasion: occasion.into(),
            via: point.transport.clone(),
            transport: transport.into(),
            contact: point.contact.clone(),
            name: to_json(&point.name),
            address: point.address.clone(),
            domain: match transport {
                "mail" => domain_of(&point.address),
                "webhook" => receiver_of(&point.address),
                _ => String::new(),
            },
            language: point.language.key().into(),
            errand: None,
            priority: scene.priority(urgency),
            state: "queued".into(),
            due_at_ms: planned.0,
            lease_until_ms: 0,
            leased_by: None,
            fence: 0,
            handed_at_ms: None,
            attempts: 0,
            repeat: false,
            reason: None,
            relay: None,
            encrypted: None,
            created_at_ms: planned.0,
            ended_at_ms: None,
        }
    }

    /// Writes to whoever holds a role, else to the next who may, else to administrators. It stands on the board
    /// whatever becomes of the letter.
    pub(super) async fn write_to_role(
        &mut self,
        scene: &Scene,
        severity: Urgency,
        role: &PartyRef,
        about: Errand,
    ) -> Result<(), OperationError> {
        let serves = |driver: &str| scene.serves(self.app, driver);
        let points = match scene.who().reader(role, serves, self.now) {
            Some((_, points)) => points,
            None => self.points_of_accounts(scene, &[Role::Admin]).await?,
        };
        self.write_letters(scene, severity, role, &about, points);
        Ok(())
    }

    /// Writes to everybody who is on duty for any of these, each person once; to administrators where that is nobody.
    pub(super) async fn write_to_everybody(
        &mut self,
        scene: &Scene,
        severity: Urgency,
        parties: &[PartyRef],
        about: Errand,
    ) -> Result<(), OperationError> {
        let mut written = BTreeSet::new();
        for party in parties {
            for person in scene.people(party, self.now) {
                if !written.insert(person.clone()) {
                    continue;
                }
                let points = self.letter_points(scene, &person);
                self.write_letters(scene, severity, party, &about, points);
            }
        }
        match (written.is_empty(), parties.first()) {
            // `write_to_role` falls back on the administrators.
            (true, Some(party)) => self.write_to_role(scene, severity, party, about).await,
            _ => Ok(()),
        }
    }

    /// Letters in the service's own words, each with a link of its own.
    pub(super) fn write_letters(
        &mut self,
        scene: &Scene,
        severity: Urgency,
        role: &PartyRef,
        about: &Errand,
        points: Vec<ContactPoint>,
    ) {
        let errand = to_json(&RoleLetter { role: role.clone(), about: about.clone() });
        for point in points {
            let mut delivery = self.delivery(scene, severity, about.occasion(), &point);
            delivery.errand = Some(errand.clone());
            let token = self.app.key.role_token(DeliveryId::new(delivery.id));
            let offer = match about {
                Errand::Offer { role_id, number, .. } => {
                    Some((*role_id, i32::try_from(*number).unwrap_or(i32::MAX)))
                }
                _ => None,
            };
            self.gathered.role_links.push(role_link::Model {
                token_hash: token_hash(&token),
                delivery_id: delivery.id,
                incident_id: scene.incident.id,
                person: point.contact.strip_prefix("person:").unwrap_or(&point.contact).to_owned(),
                role_id: offer.map(|(role, _)| role),
                offer_number: offer.map(|(_, number)| number),
                recipient_id: about.recipient().map(RecipientId::raw),
            });
            self.gathered.deliveries.push(delivery);
        }
    }

    /// The addresses of a person to which a letter can be written: a telephone number is for people.
    pub(super) fn letter_points(&self, scene: &Scene, person: &str) -> Vec<ContactPoint> {
        scene.who().letter_points(person, |driver| scene.serves(self.app, driver))
    }

    /// The addresses of the people behind the accounts of these roles, each person once.
    pub(super) async fn points_of_accounts(
        &self,
        scene: &Scene,
        roles: &[Role],
    ) -> Result<Vec<ContactPoint>, OperationError> {
        let accounts = store::account::all(&self.tx).await?;
        let people: BTreeSet<String> = accounts
            .into_iter()
            .filter(|account| {
                account.disabled_at_ms.is_none()
                    && Role::from_key(&account.role).is_some_and(|role| roles.contains(&role))
            })
            .filter_map(|account| account.person)
            .collect();
        Ok(people.iter().flat_map(|person| self.letter_points(scene, person)).collect())
    }

    /// Says something in a channel in the service's own name.
    pub(super) fn say(&mut self, scene: &Scene, channel: ChannelId, text: &Text) {
        self.gathered.messages.push(message::Model {
            id: self.app.chance.uuid(self.now),
            incident_id: scene.incident.id,
            channel_id: channel.raw(),
            at_ms: self.now.0,
            author: "system".into(),
            author_name: "Noroshi".into(),
            organisation: String::new(),
            text: to_json(text),
            mark: None,
            relayed_from: None,
        });
        self.changed(scene.id(), "channel");
    }
}

/// The carrier of a driver: `smtp` is mail, `human_call` a person with a telephone.
fn carrier(driver: &str) -> &str {
    match driver {
        "smtp" => "mail",
        BY_HAND => "phone",
        other => other,
    }
}

/// The one timer of a recipient, a task or a report: it carries the id of what it belongs to.
fn own_timer(
    scene: &Scene,
    urgency: Urgency,
    kind: &str,
    id: Uuid,
    step: u16,
    due: Timestamp,
) -> timer::Model {
    timer::Model {
        id,
        incident_id: scene.incident.id,
        kind: kind.into(),
        subject_key: None,
        step: i32::from(step),
        priority: scene.priority(urgency),
        due_own_ms: due.0,
        due_at_ms: scene.timeline.real_time_of(due).map(|at| at.0),
        fired_at_ms: None,
        late_by_ms: None,
    }
}
