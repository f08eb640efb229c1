//! The only place where the core's effects become rows: here those of recipients, in `perform/chair.rs` those of
//! chairs.

mod chair;

use std::collections::BTreeSet;

use entity::{delivery, link, message, recipient, role_link, timer};
use noroshi_core::{
    addressee::BY_HAND,
    alert::{ContactPoint, Rule},
    effect::{Effect, Outgoing},
    id::{AlertId, ChannelId, DeliveryId, RecipientId},
    playbook::{PartyRef, Urgency},
    rights::Role,
    text::Text,
    time::Timestamp,
};

use super::{
    OperationError, Work,
    errand::{Errand, RoleLetter},
    scene::Scene,
    telling,
};
use crate::{
    key::token_hash,
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
                    let timer = step_timer(scene, row, step, due);
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
                    let about = Errand::Decide {
                        recipient: Some(RecipientId::new(row.id)),
                        alert: AlertId::new(row.alert_id),
                    };
                    self.write_to_role(scene, rule.plan.severity, &to, about).await?;
                }
                Effect::Record(fact) => {
                    let line = telling::fact(scene, rule, row, &fact, self.now);
                    self.line(scene.id(), line);
                }
            }
        }
        Ok(())
    }

    fn send(&mut self, scene: &Scene, rule: &Rule, row: &recipient::Model, letter: Outgoing) {
        let id = RecipientId::new(row.id);
        let point = letter.point;
        let token = self.app.key.answer_token(id, &point.contact, 0);
        self.gathered.links.entry(token_hash(&token)).or_insert_with_key(|hash| link::Model {
            token_hash: hash.clone(),
            recipient_id: row.id,
            contact: point.contact.clone(),
            name: to_json(&point.name),
            language: point.language.key().into(),
            generation: 0,
            revoked_at_ms: None,
        });
        let mut delivery = self.delivery(scene, rule.plan.severity, letter.occasion.key(), &point);
        delivery.recipient_id = Some(row.id);
        delivery.letter = Some(i32::from(letter.letter));
        if letter.unserved {
            delivery.state = "refused".into();
            delivery.reason = Some(format!("no driver for the transport {} is configured", point.transport));
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
        let urgency = match urgency {
            Urgency::Critical => 0,
            Urgency::High => 1,
            Urgency::Normal => 2,
        };
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
            language: point.language.key().into(),
            errand: None,
            // What is real goes before what is drilled.
            priority: if scene.is_drill() { urgency + 10 } else { urgency },
            state: "queued".into(),
            due_at_ms: self.now.0,
            lease_until_ms: 0,
            leased_by: None,
            handed_at_ms: None,
            attempts: 0,
            repeat: false,
            reason: None,
            relay: None,
            encrypted: None,
            created_at_ms: self.now.0,
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
        let mut points = Vec::new();
        for person in scene.people(role, self.now) {
            points = self.letter_points(scene, &person);
            if !points.is_empty() {
                break;
            }
        }
        if points.is_empty() {
            points = self.points_of_accounts(scene, &[Role::Admin]).await?;
        }
        self.write_letters(scene, severity, role, &about, points);
        Ok(())
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
        let by_letter = |point: &ContactPoint| {
            let transport = scene.directory.transports.get(&point.transport);
            transport.is_some_and(|transport| {
                transport.driver != BY_HAND && scene.serves(self.app, &transport.driver)
            })
        };
        scene.who().person_points(person).into_iter().filter(by_letter).collect()
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

/// The one timer of a recipient: it carries the recipient's id.
fn step_timer(scene: &Scene, row: &recipient::Model, step: u16, due: Timestamp) -> timer::Model {
    timer::Model {
        id: row.id,
        incident_id: row.incident_id,
        kind: "step".into(),
        subject_id: Some(row.id),
        subject_key: None,
        step: i32::from(step),
        due_own_ms: due.0,
        due_at_ms: scene.timeline.real_time_of(due).map(|at| at.0),
        fired_at_ms: None,
        late_by_ms: None,
    }
}
