//! Mail by SMTP through the site's relays.
//!
//! 1. The letter is written as MIME; an address that is none is refused at once, no relay is asked.
//! 2. The first relay in order of preference that is not set aside gets it, on a kept connection or a new one.
//! 3. A relay that cannot be reached, closes (421) or takes no mail at all is set aside, and the next one is asked.
//!    What a relay says about the recipient is the outcome: no other relay is asked to contradict it.
//!
//! A relay that accepted a letter and went silent leaves an unknown outcome: asking the next one might double it.

use lettre::transport::smtp::extension::ClientId;
use noroshi_core::time::Timestamp;

use super::{
    Outcome,
    address::Mailbox,
    breaker::Health,
    connection::Patience,
    letter::Letter,
    message::{Message, Sender},
    relay::{Passed, Relay, RelayUrl, Roots},
};

/// Stands for the relay where none was asked.
const NOBODY: &str = "noroshi";

/// What the mail transport needs to know.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// In order of preference.
    pub relays: Vec<RelayUrl>,
    /// The sender of every letter; its domain is that of every Message-ID.
    pub from: Mailbox,
    /// Where answers by mail go; the sender when `None`.
    pub reply_to: Option<Mailbox>,
    /// Connections to each relay at most, 1 to 256.
    pub connections: usize,
    /// The name of this machine in EHLO; its host name when `None`.
    pub helo: Option<String>,
    /// How long to wait for what.
    pub patience: Patience,
}

impl MailConfig {
    /// The mail part of the service's configuration.
    pub fn of(config: &crate::config::Config) -> Self {
        Self {
            relays: config.smtp.relays.clone(),
            from: config.smtp.from.clone(),
            reply_to: None,
            connections: config.delivery.connections,
            helo: None,
            patience: Patience::default(),
        }
    }
}

/// Sends letters; shared by all workers.
#[derive(Debug)]
pub struct Mailer {
    relays: Vec<Relay>,
    sender: Sender,
}

impl Mailer {
    /// Opens nothing yet: the first letter does.
    pub fn new(config: MailConfig, roots: &Roots) -> Self {
        let helo = config.helo.map_or_else(ClientId::default, ClientId::Domain);
        let relays = config.relays.into_iter();
        let relays =
            relays.map(|url| Relay::new(url, helo.clone(), roots, config.connections, config.patience));
        Self {
            relays: relays.collect(),
            sender: Sender {
                reply_to: config.reply_to.unwrap_or_else(|| config.from.clone()),
                from: config.from,
            },
        }
    }

    /// Hands over one letter. May be called by any number of tasks; each relay bounds its own connections.
    ///
    /// `now` is real time: the clock of back-off and idleness.
    pub async fn send(&self, letter: &Letter, now: Timestamp) -> Outcome {
        let message = match Message::of(letter, &self.sender) {
            Ok(message) => message,
            Err(error) => return Outcome::Refused { relay: NOBODY.to_owned(), reason: error.to_string() },
        };
        // Random enough, and the same for the same letter.
        let chance = letter.delivery.raw().as_u128() as u32;
        let (mut down, mut broke_off, mut not_ours) = (None, None, None);
        for relay in &self.relays {
            let passed = match relay.set_aside(now) {
                Some(reason) => Passed::Down(reason),
                None => match relay.deliver(&message, now, chance).await {
                    Ok(outcome) => return outcome,
                    Err(passed) => passed,
                },
            };
            let relay = relay.name().to_owned();
            match passed {
                Passed::Down(reason) => down = Some((relay, reason)),
                Passed::BrokeOff(reason) => broke_off = Some((relay, reason)),
                Passed::NotOurs(reason) => not_ours = Some((relay, reason)),
            }
        }
        match (broke_off, down, not_ours) {
            // It may be the letter's own fault.
            (Some((relay, reason)), _, _) => Outcome::TryAgain { relay, reason },
            // One that is there and does not take our mail is no way out that could come back by itself.
            (None, Some((relay, reason)), Some(_)) => Outcome::TryAgain { relay, reason },
            (None, Some((relay, reason)), None) => Outcome::Away { relay, reason },
            (None, None, Some((relay, reason))) => Outcome::Refused { relay, reason },
            (None, None, None) => {
                Outcome::Refused { relay: NOBODY.to_owned(), reason: super::reason::NO_RELAY.to_owned() }
            }
        }
    }

    /// How each relay fares, in order of preference.
    pub fn health(&self) -> Vec<Health> {
        self.relays.iter().map(Relay::health).collect()
    }

    /// Whether every relay is set aside. [`Mailer::look`] finds out when one is back.
    pub fn is_away(&self) -> bool {
        !self.relays.is_empty() && self.relays.iter().all(Relay::is_down)
    }

    /// Tries every relay without a letter: whether the way is encrypted, or what is wrong. For `doctor`.
    pub async fn probe(&self, now: Timestamp) -> Vec<(String, Result<bool, String>)> {
        let mut found = Vec::new();
        for relay in &self.relays {
            found.push((relay.name().to_owned(), relay.probe(now).await));
        }
        found
    }

    /// Tries those relays of which nothing is known: that one is down is told before the first alert is, and that it is
    /// back although no letter waits.
    pub async fn look(&self, now: Timestamp) {
        for relay in self.relays.iter().filter(|relay| relay.is_doubtful(now)) {
            // What is wrong stands in its health.
            let _ = relay.probe(now).await;
        }
    }

    /// Closes connections that have not been used for half a minute. To be called now and then.
    pub async fn tidy(&self, now: Timestamp) {
        for relay in &self.relays {
            relay.close_idle(Some(now)).await;
        }
    }

    /// Closes every connection that is not at work. For the end of the service.
    pub async fn close(&self) {
        for relay in &self.relays {
            relay.close_idle(None).await;
        }
    }
}
