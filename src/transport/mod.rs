//! How letters leave the house.
//!
//! Cast: a [`Letter`] is plain data; a [`Transport`] hands it to somebody outside; an [`Outcome`] is
//! what is known afterwards. The deliver worker makes the first and records the last.
//!
//! 1. The worker claims deliveries, loads what each letter needs and calls [`Transport::send`], as many at once as
//!    there are connections; no database transaction is open meanwhile.
//! 2. `mail`: [`message`] writes the letter as MIME, [`relay`] lends a kept connection to the first relay that is
//!    up, [`connection`] has the SMTP conversation.
//! 3. The [`Outcome`] says how far the letter came. It is a result, not an error: a refusal is news about a contact.
//!
//! Deliberately absent: retries and their times (`core::retry` and the outbox), limits for each recipient domain
//! (the worker), knowledge of ladders and answers.

pub mod address;
pub mod connection;
pub mod letter;
pub mod mail;
pub mod message;
pub mod reason;
pub mod relay;
#[cfg(test)]
mod sink;
#[cfg(test)]
pub(crate) mod tests;

use noroshi_core::time::Timestamp;

use crate::transport::{letter::Letter, mail::Mailer};

/// What is known after a letter was handed over, or was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The relay took the letter and the responsibility for it. It says nothing about a person.
    Accepted {
        /// The relay that took it, without credentials.
        relay: String,
        /// Its words.
        reply: String,
        /// Whether the way to the relay was encrypted.
        encrypted: bool,
    },
    /// Not this time; the same letter may be sent again later.
    TryAgain {
        /// The relay that said so, or the last one that was tried.
        relay: String,
        /// Its words, or what happened to the connection.
        reason: String,
    },
    /// Never: this address or this letter is not taken.
    Refused {
        /// The relay that said so.
        relay: String,
        /// Its words.
        reason: String,
    },
    /// The whole letter was handed over and no word came back: it may have been taken or not.
    Unknown {
        /// The relay that went silent.
        relay: String,
        /// What happened.
        reason: String,
    },
}

impl Outcome {
    /// The word for it in the tries on record and in metrics.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::TryAgain { .. } => "try_again",
            Self::Refused { .. } => "refused",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The relay that said so.
    pub fn relay(&self) -> &str {
        match self {
            Self::Accepted { relay, .. }
            | Self::TryAgain { relay, .. }
            | Self::Refused { relay, .. }
            | Self::Unknown { relay, .. } => relay,
        }
    }
}

/// A way for letters out of the house. Decided once, at composition.
#[derive(Debug)]
pub enum Transport {
    /// By SMTP.
    Mail(Mailer),
    /// Nothing leaves the house: the delivery row is all there is, and the letter can be read on the incident's page.
    /// In the demo, what would go by mail is handed to the catcher of the same process, and to nothing else.
    Rehearsal {
        /// A mailer whose only relay is the catcher; only the demo has one.
        catcher: Option<Mailer>,
    },
}

impl Transport {
    /// Hands over one letter. `now` is real time: it becomes the letter's date and drives back-off and idleness.
    pub async fn send(&self, letter: &Letter, now: Timestamp) -> Outcome {
        match self {
            Self::Mail(mailer) => mailer.send(letter, now).await,
            Self::Rehearsal { catcher: Some(mailer) } if letter.to.contains('@') => {
                mailer.send(letter, now).await
            }
            Self::Rehearsal { .. } => Outcome::Accepted {
                relay: "rehearsal".to_owned(),
                reply: "kept in the house".to_owned(),
                encrypted: true,
            },
        }
    }
}

/// The transports of a service by the names that playbooks and deliveries use.
#[derive(Debug, Default)]
pub struct Transports(Vec<(String, Transport)>);

impl Transports {
    /// Makes `transport` known under `name` (`email`, `rehearsal`); a later one of the same name takes its place.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, transport: Transport) -> Self {
        let name = name.into();
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, transport));
        self
    }

    /// The transport of that name; `None` when the service has no driver for it.
    pub fn get(&self, name: &str) -> Option<&Transport> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, transport)| transport)
    }

    /// All of them, in order of registration.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Transport)> {
        self.0.iter().map(|(name, transport)| (name.as_str(), transport))
    }
}
