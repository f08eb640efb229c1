//! How letters leave the house.
//!
//! Cast: a [`Letter`] is plain data; a [`Transport`] hands it to somebody outside; an [`Outcome`] is
//! what is known afterwards. The deliver worker makes the first and records the last.
//!
//! 1. The worker claims deliveries, loads what each letter needs and calls [`Transport::send`], as many at once as
//!    there are connections; no database transaction is open meanwhile.
//! 2. `mail`: [`message`] writes the letter as MIME, [`relay`] lends a kept connection to the first relay that is
//!    up, [`connection`] has the SMTP conversation. [`breaker`] knows whether a relay or gateway is up.
//! 3. `webhook`: a signed call to a [`hook_url`], after `reach` has looked where it leads. `sms_gateway`: the [`short`]
//!    text by the request that the configuration describes ([`blanks`]). Both call by [`http`].
//! 4. The [`Outcome`] says how far the letter came. It is a result, not an error: a refusal is news about a contact.
//!
//! Deliberately absent: retries and their times (`core::retry` and the outbox), limits for each recipient domain
//! (the worker), knowledge of ladders and answers.

pub mod address;
pub mod blanks;
pub mod breaker;
pub mod connection;
pub mod hook_url;
pub mod http;
pub mod letter;
pub mod mail;
pub mod message;
mod reach;
pub mod reason;
pub mod relay;
pub mod short;
#[cfg(test)]
mod sink;
pub mod sms_gateway;
#[cfg(test)]
pub(crate) mod tests;
pub mod webhook;

use noroshi_core::time::{Span, Timestamp};

use crate::transport::{breaker::Health, letter::Letter, mail::Mailer, sms_gateway::Gateway, webhook::Hooks};

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
        /// The gateway's own id for the message, by which a receipt names it.
        message_id: Option<String>,
    },
    /// It did not leave, because no way out is there: it says nothing of the letter, which waits for one.
    Away {
        /// The relay or gateway that was tried last.
        relay: String,
        /// What keeps it away.
        reason: String,
    },
    /// Not this time; the same letter may be sent again later.
    TryAgain {
        /// The relay that said so, or the last one that was tried.
        relay: String,
        /// Its words, or what happened to the connection.
        reason: String,
    },
    /// Not this time, and the other side says how long it wants to be left alone.
    Later {
        /// Who said so.
        relay: String,
        /// Its words.
        reason: String,
        /// How long.
        wait: Span,
    },
    /// Never: this address or this letter is not taken.
    Refused {
        /// The relay that said so.
        relay: String,
        /// Its words.
        reason: String,
    },
    /// Never, nor any other letter to this address: its owner has taken it down.
    Gone {
        /// Who said so.
        relay: String,
        /// Its words.
        reason: String,
    },
    /// The way itself is closed: a wrong password, a setting that is missing. It says nothing of the address.
    Closed {
        /// Where it ends.
        relay: String,
        /// Why.
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

/// The key of [`Outcome::Away`]: such a try says nothing of the letter.
pub const AWAY: &str = "away";

impl Outcome {
    /// The word for it in the tries on record and in metrics.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Away { .. } => AWAY,
            Self::TryAgain { .. } | Self::Later { .. } => "try_again",
            Self::Refused { .. } | Self::Gone { .. } | Self::Closed { .. } => "refused",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The relay that said so.
    pub fn relay(&self) -> &str {
        match self {
            Self::Accepted { relay, .. }
            | Self::Away { relay, .. }
            | Self::TryAgain { relay, .. }
            | Self::Later { relay, .. }
            | Self::Refused { relay, .. }
            | Self::Gone { relay, .. }
            | Self::Closed { relay, .. }
            | Self::Unknown { relay, .. } => relay,
        }
    }
}

/// A way for letters out of the house. Decided once, at composition.
#[derive(Debug)]
pub enum Transport {
    /// By SMTP.
    Mail(Mailer),
    /// By a signed call to a program.
    Webhook(Box<Hooks>),
    /// By SMS.
    Sms(Box<Gateway>),
    /// Nothing leaves the house: the delivery row is all there is, and the letter can be read on the incident's page.
    /// In the demo, what would go by mail is handed to the catcher of the same process, and to nothing else.
    Rehearsal {
        /// A mailer whose only relay is the catcher; only the demo has one.
        catcher: Option<Mailer>,
    },
}

impl Transport {
    /// Hands over one letter. `now` is real time: it drives back-off and idleness.
    pub async fn send(&self, letter: &Letter, now: Timestamp) -> Outcome {
        match self {
            Self::Mail(mailer) => mailer.send(letter, now).await,
            Self::Webhook(hooks) => hooks.send(letter, now).await,
            Self::Sms(gateway) => gateway.send(letter, now).await,
            Self::Rehearsal { catcher: Some(mailer) } if letter.is_mail() => mailer.send(letter, now).await,
            Self::Rehearsal { .. } => Outcome::Accepted {
                relay: "rehearsal".to_owned(),
                reply: "kept in the house".to_owned(),
                encrypted: true,
                message_id: None,
            },
        }
    }

    /// Whether no letter can leave this way at present: what has been tried once waits until it is back.
    pub fn is_away(&self, now: Timestamp) -> bool {
        match self {
            Self::Mail(mailer) => mailer.is_away(),
            Self::Sms(gateway) => gateway.is_away(now),
            // Each receiver of webhooks is held back for itself.
            Self::Webhook(_) | Self::Rehearsal { .. } => false,
        }
    }

    /// Whether one letter is to find out if it is back, while the others wait for that one.
    pub fn is_on_trial(&self, now: Timestamp) -> bool {
        matches!(self, Self::Sms(gateway) if gateway.is_on_trial(now))
    }
}

/// The transports of a service by the names that playbooks and deliveries use.
#[derive(Debug, Default)]
pub struct Transports(Vec<(String, Transport)>);

impl Transports {
    /// Makes `transport` known under `name` (`mail`, `webhook`, `http_gateway`, `rehearsal`); a later one of the same name takes its place.
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

    /// How each relay and gateway fares, with the transport that it carries.
    pub fn health(&self) -> impl Iterator<Item = (&str, Health)> {
        self.iter().flat_map(|(name, transport)| {
            let health = match transport {
                Transport::Mail(mailer) => mailer.health(),
                Transport::Sms(gateway) => vec![gateway.health()],
                // Receivers of webhooks are held back like mail domains; a rehearsal stays in the house.
                Transport::Webhook(_) | Transport::Rehearsal { .. } => Vec::new(),
            };
            health.into_iter().map(move |health| (name, health))
        })
    }

    /// All of them, in order of registration.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Transport)> {
        self.0.iter().map(|(name, transport)| (name.as_str(), transport))
    }
}
