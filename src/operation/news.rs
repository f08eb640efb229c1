//! What the log says of a unit of work, once it is on disk. Every line about an incident stands here.
//!
//! Ids, counts and words of ours; never a name, an address or free text. A letter that a relay has taken is no news: of
//! those there are ten thousand.

use entity::delivery;
use noroshi_core::{
    id::{AlertId, DeliveryId, IncidentId, RecipientId},
    incident::State,
};
use tracing::info;

use super::scene::Scene;

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// An incident came to another state, or into being.
    Incident { id: IncidentId, playbook: String, mode: String, state: State },
    /// An alert was raised for so many recipients.
    Alert { id: AlertId, incident: IncidentId, recipients: usize },
    /// A letter was refused or given up, or it will never be known what became of it.
    Letter { id: DeliveryId, incident: IncidentId, transport: String, outcome: String },
    /// A recipient answered.
    Answer { recipient: RecipientId, incident: IncidentId, option: String, by_telephone: bool, suspect: bool },
    /// A person has to decide; without a recipient about the alert as a whole.
    DecisionDue { alert: AlertId, recipient: Option<RecipientId>, incident: IncidentId },
    /// A person has decided; without a recipient about the alert as a whole.
    Decision { alert: AlertId, recipient: Option<RecipientId>, incident: IncidentId },
    /// So many letters were taken back from leases that had ended: whoever held them is gone, or was too slow.
    TakenBack { letters: usize },
}

impl News {
    /// The state that an incident is in now.
    pub(super) fn of_incident(scene: &Scene) -> Self {
        Self::Incident {
            id: scene.id(),
            playbook: scene.playbook.key.clone(),
            mode: scene.incident.mode.clone(),
            state: scene.state(),
        }
    }

    /// What became of a letter, where it is bad news.
    pub(super) fn of_letter(delivery: &delivery::Model) -> Option<Self> {
        matches!(delivery.state.as_str(), "refused" | "given_up" | "unknown").then(|| Self::Letter {
            id: DeliveryId::new(delivery.id),
            incident: IncidentId::new(delivery.incident_id),
            transport: delivery.transport.clone(),
            outcome: delivery.state.clone(),
        })
    }

    /// Says it.
    pub(super) fn tell(&self) {
        match self {
            Self::Incident { id, playbook, mode, state } => {
                let state = state.key();
                info!(incident = %id, playbook, mode, state, "An incident is {state}");
            }
            Self::Alert { id, incident, recipients } => {
                info!(alert = %id, %incident, recipients, "An alert is raised");
            }
            Self::Letter { id, incident, transport, outcome } => {
                let said = match outcome.as_str() {
                    "unknown" => "What became of a letter is not known",
                    "given_up" => "A letter was given up",
                    _ => "A letter was refused",
                };
                info!(delivery = %id, %incident, transport, outcome, "{said}");
            }
            Self::Answer { recipient, incident, option, by_telephone, suspect } => {
                info!(%recipient, %incident, option, by_telephone, suspect, "A recipient answered");
            }
            Self::DecisionDue { alert, recipient, incident } => {
                let recipient = recipient.map(tracing::field::display);
                info!(%alert, recipient, %incident, "A decision is due");
            }
            Self::Decision { alert, recipient, incident } => {
                let recipient = recipient.map(tracing::field::display);
                info!(%alert, recipient, %incident, "A person has decided");
            }
            Self::TakenBack { letters } => {
                info!(letters, "Letters that had been under way were taken back");
            }
        }
    }
}
