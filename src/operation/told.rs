//! Who was told of an incident, and at which addresses: closing, cancelling, correcting and merging speak to exactly
//! those.

use std::collections::{BTreeMap, BTreeSet};

use noroshi_core::{
    addressee::Addressee,
    alert::{ContactPoint, Contacts, Rule},
    id::AlertId,
    playbook::PartyRef,
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{
    OperationError,
    scene::{Scene, text},
};
use crate::store;

/// Who was told of an incident so far, and at which addresses.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// In the order in which they were first told.
    pub(super) parties: Vec<Addressee>,
}

impl Told {
    /// Everybody to whom a letter was handed over, with exactly those addresses as their first way in.
    ///
    /// - `alert`: where given, the recipients of this alert alone, and all of them: who has not been reached yet is
    ///   told at the addresses at which it would have been.
    pub async fn of(
        db: &impl ConnectionTrait,
        scene: &Scene,
        alert: Option<AlertId>,
    ) -> Result<Self, OperationError> {
        let mut recipients = store::recipient::of_incident(db, scene.id(), None, u64::MAX >> 1).await?;
        if let Some(alert) = alert {
            recipients.retain(|row| row.alert_id == alert.raw());
        }
        let mut used: BTreeMap<Uuid, Vec<ContactPoint>> = BTreeMap::new();
        for delivery in store::delivery::to_recipients(db, scene.id()).await? {
            let (Some(recipient), true) = (delivery.recipient_id, delivery.attempts > 0) else { continue };
            let point = ContactPoint {
                contact: delivery.contact,
                name: text(&delivery.name),
                transport: delivery.via,
                address: delivery.address,
                language: noroshi_core::text::Language::from_key(&delivery.language).unwrap_or_default(),
            };
            let points = used.entry(recipient).or_default();
            if !points.contains(&point) {
                points.push(point);
            }
        }
        let mut told = Self::default();
        let mut places: BTreeMap<(Option<String>, Option<String>), usize> = BTreeMap::new();
        for row in recipients {
            let known = store::recipient::contacts(&row)?;
            let points = match used.remove(&row.id) {
                Some(points) => points,
                None if alert.is_some() => known.primary.clone(),
                None => continue,
            };
            let place = *places.entry((row.agency.clone(), row.person.clone())).or_insert_with(|| {
                told.parties.push(Addressee {
                    agency: row.agency.clone(),
                    person: row.person.clone(),
                    party: String::new(),
                    name: text(&row.name),
                    outside: row.outside,
                    contacts: Contacts { primary: Vec::new(), alternate: known.alternate },
                });
                told.parties.len() - 1
            });
            let primary = &mut told.parties[place].contacts.primary;
            for point in points {
                if !primary.contains(&point) {
                    primary.push(point);
                }
            }
        }
        Ok(told)
    }

    /// Adds the transports that were used to those of an alert.
    pub fn widen(&self, via: &mut Vec<String>) {
        for transport in self.transports() {
            if !via.contains(&transport) {
                via.push(transport);
            }
        }
    }

    /// The agencies among them.
    pub fn agencies(&self) -> Vec<PartyRef> {
        self.parties.iter().filter_map(|party| Some(PartyRef::Agency(party.agency.clone()?))).collect()
    }

    /// How many parties an alert would go to, and at how many addresses.
    ///
    /// - `everybody`: see `Told::addressees`.
    pub fn reach(&self, scene: &Scene, rule: &Rule, everybody: bool) -> (usize, usize) {
        let parties = self.addressees(scene, rule, everybody);
        (parties.len(), parties.iter().map(|party| party.contacts.primary.len()).sum())
    }

    /// Whether nobody was told anything.
    pub fn is_empty(&self) -> bool {
        self.parties.is_empty()
    }

    /// Those who were told and whom the alert names. A person whom a step told has no agency and always hears of it.
    ///
    /// - `everybody`: whomever the alert names, as a cancellation does.
    pub(super) fn addressees(&self, scene: &Scene, rule: &Rule, everybody: bool) -> Vec<Addressee> {
        if everybody {
            return self.parties.clone();
        }
        // Whoever was told as a member of a group is stood down, whether it is still in that group or not.
        let directories = [&scene.first_directory, &scene.directory];
        let groups = rule.plan.to.iter().filter_map(|party| match party {
            PartyRef::Agency(key) => Some(key),
            _ => None,
        });
        let named: BTreeSet<&str> =
            groups.flat_map(|key| directories.iter().flat_map(move |it| it.expand(key))).collect();
        self.parties
            .iter()
            .filter(|party| party.agency.as_deref().is_none_or(|key| named.contains(key)))
            .cloned()
            .collect()
    }

    /// The transports that were used.
    pub fn transports(&self) -> Vec<String> {
        let used: BTreeSet<&String> = self
            .parties
            .iter()
            .flat_map(|party| party.contacts.primary.iter().map(|point| &point.transport))
            .collect();
        used.into_iter().cloned().collect()
    }
}
