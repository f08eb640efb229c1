//! A mail relay: its address, the connections that are kept to it, and whether it is up.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use lettre::transport::smtp::{
    client::{Certificate, CertificateStore, TlsParameters},
    extension::ClientId,
};
use noroshi_core::time::{Span, Timestamp};
use rustls_pki_types::{CertificateDer, ServerName};
use serde::Deserialize;
use tokio::{sync::Semaphore, time::timeout};
use tokio_rustls::TlsConnector;

use super::{
    Outcome,
    breaker::{Breaker, Health},
    connection::{Connection, Failure, Opening, Patience, Tls},
    message::Message,
};

/// Carrier relays take at most a hundred letters in one conversation.
const LETTERS_PER_CONNECTION: u32 = 100;
/// A connection that has not been used for so long is closed: the relay may have closed it already.
const IDLE: Span = Span::seconds(30);
/// When letters to a relay are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// From the first byte, with a certificate that holds: `smtps://`.
    Implicit,
    /// By STARTTLS, or not at all: `?tls=required`, and whenever there is a password.
    Required,
    /// By STARTTLS where it is offered and works; otherwise in clear, and the evidence says so.
    Opportunistic,
}

/// The address of a relay: `smtp://host:port`, `smtps://user:password@host`, `smtp://host?tls=required`.
///
/// Prints without user and password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RelayUrl {
    /// Name or address, without brackets.
    pub host: String,
    /// 25 unless given; 465 for `smtps`, 587 with a password.
    pub port: u16,
    /// When letters are encrypted.
    pub security: Security,
    pub(super) credentials: Option<(String, String)>,
}

/// The text is not the address of a relay.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "not a relay: {because}; write smtp://host:port, smtps://user:password@host or smtp://host?tls=required"
)]
pub struct NotARelay {
    because: &'static str,
}

impl FromStr for RelayUrl {
    type Err = NotARelay;

    fn from_str(text: &str) -> Result<Self, NotARelay> {
        let refuse = |because| NotARelay { because };
        let (scheme, rest) =
            text.trim().split_once("://").ok_or(refuse("there is no smtp:// or smtps://"))?;
        let implicit = match scheme {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(refuse("the scheme is neither smtp nor smtps")),
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let required = match query {
            None => false,
            Some("tls=required") => true,
            Some(_) => return Err(refuse("after ? only tls=required is known")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, place) =
            rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        let credentials = match credentials {
            None => None,
            Some(pair) => {
                let (user, password) =
                    pair.split_once(':').ok_or(refuse("a user stands without a password"))?;
                let decode = |text| percent_decoded(text).ok_or(refuse("a % is not followed by two digits"));
                Some((decode(user)?, decode(password)?))
            }
        };
        let (host, port) = match place.strip_prefix('[').map(|inner| inner.split_once(']')) {
            Some(None) => return Err(refuse("a bracket is not closed")),
            Some(Some((host, after))) => (host, after.strip_prefix(':')),
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        if ServerName::try_from(host).is_err() {
            return Err(refuse("the host is neither a name nor an address"));
        }
        let security = match (implicit, required || credentials.is_some()) {
            (true, _) => Security::Implicit,
            (false, true) => Security::Required,
            (false, false) => Security::Opportunistic,
        };
        let usual = match (implicit, credentials.is_some()) {
            (true, _) => 465,
            (false, true) => 587,
            (false, false) => 25,
        };
        let port =
            port.map_or(Ok(usual), |port| port.parse().map_err(|_| refuse("the port is not a number")))?;
        Ok(Self { host: host.to_owned(), port, security, credentials })
    }
}

impl TryFrom<String> for RelayUrl {
    type Error = NotARelay;
    fn try_from(text: String) -> Result<Self, NotARelay> {
        text.parse()
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.security == Security::Implicit { "smtps" } else { "smtp" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// The certificates that are trusted at the root of a relay's chain.
#[derive(Clone, Debug, Default)]
pub struct Roots(Vec<CertificateDer<'static>>);

impl Roots {
    /// Those of this machine. Without any, every encrypted conversation fails its check.
    pub fn of_this_machine() -> Self {
        Self::only(rustls_native_certs::load_native_certs().certs)
    }

    /// These and no others; what is no certificate is left out.
    pub fn only(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        let readable =
            |certificate: &CertificateDer<'static>| rustls::RootCertStore::empty().add(certificate.clone());
        Self(certificates.into_iter().filter(|certificate| readable(certificate).is_ok()).collect())
    }

    /// TLS towards anybody whose certificate these vouch for.
    pub(super) fn client_config(&self) -> rustls::ClientConfig {
        let mut store = rustls::RootCertStore::empty();
        store.add_parsable_certificates(self.0.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows the versions of TLS")
            .with_root_certificates(store)
            .with_no_client_auth()
    }

    fn towards(&self, host: &str) -> Result<Tls, String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let mut parameters =
            TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::None);
        for certificate in &self.0 {
            let certificate =
                Certificate::from_der(certificate.to_vec()).map_err(|error| error.to_string())?;
            parameters = parameters.add_root_certificate(certificate);
        }
        let parameters = parameters.build_rustls().map_err(|error| error.to_string())?;
        Ok(Tls { name, connector: TlsConnector::from(Arc::new(self.client_config())), parameters })
    }
}

/// Why a relay gave no outcome for a letter.
pub(super) enum Passed {
    /// It is set aside for now.
    Down(String),
    /// It broke off over this letter, and is set aside for now.
    BrokeOff(String),
    /// It does not take this sender, but is well.
    NotOurs(String),
}

pub(super) struct Relay {
    url: RelayUrl,
    helo: ClientId,
    tls: Result<Tls, String>,
    patience: Patience,
    connections: usize,
    slots: Semaphore,
    breaker: Breaker,
    /// Kept connections with the time of their last letter, the latest last.
    parked: Mutex<Vec<(Connection, Timestamp)>>,
}

impl Relay {
    pub(super) fn new(
        url: RelayUrl,
        helo: ClientId,
        roots: &Roots,
        connections: usize,
        patience: Patience,
    ) -> Self {
        let connections = connections.max(1);
        Self {
            tls: roots.towards(&url.host),
            breaker: Breaker::new(url.to_string(), patience.connect),
            url,
            helo,
            patience,
            connections,
            slots: Semaphore::new(connections),
            parked: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.breaker.name()
    }

    pub(super) fn health(&self) -> Health {
        Health { in_use: self.connections - self.slots.available_permits(), ..self.breaker.health() }
    }

    /// See [`Breaker::set_aside`].
    pub(super) fn set_aside(&self, now: Timestamp) -> Option<String> {
        self.breaker.set_aside(now)
    }

    /// See [`Breaker::is_down`].
    pub(super) fn is_down(&self) -> bool {
        self.breaker.is_down()
    }

    /// Hands over one letter on a kept or a new connection. Waits for a free connection first; that wait ends because
    /// every letter before this one has a limit. `chance` spreads the back-off.
    pub(super) async fn deliver(
        &self,
        message: &Message,
        now: Timestamp,
        chance: u32,
    ) -> Result<Outcome, Passed> {
        let Ok(_slot) = self.slots.acquire().await else {
            return Err(Passed::Down("is being closed".to_owned()));
        };
        let handed = AtomicBool::new(false);
        let served = self.breaker.served();
        let outcome = match timeout(self.patience.whole, self.converse(message, now, &handed)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let words = format!("not done within {} s", self.patience.whole.as_secs_f32());
                if handed.load(Ordering::Acquire) {
                    Err(Failure::Unknown(words))
                } else {
                    Err(Failure::BrokeOff(words))
                }
            }
        };
        match &outcome {
            // It answered others meanwhile: this letter's domain let it wait, and that says nothing about the relay.
            Err(Failure::Relay(reason) | Failure::BrokeOff(reason)) if self.breaker.served() > served => {
                let (relay, reason) = (self.name().to_owned(), reason.clone());
                return Ok(Outcome::TryAgain { relay, reason });
            }
            Err(Failure::Relay(reason) | Failure::BrokeOff(reason)) => {
                self.breaker.failed(reason, now, chance);
            }
            Err(Failure::Unknown(reason)) => self.breaker.noted(reason),
            _ => self.breaker.worked(now),
        }
        let relay = self.name().to_owned();
        match outcome {
            Ok((reply, encrypted)) => Ok(Outcome::Accepted { relay, reply, encrypted, message_id: None }),
            Err(Failure::TryAgain(reason)) => Ok(Outcome::TryAgain { relay, reason }),
            Err(Failure::Refused(reason)) => Ok(Outcome::Refused { relay, reason }),
            Err(Failure::Unknown(reason)) => Ok(Outcome::Unknown { relay, reason }),
            Err(Failure::Relay(reason)) => Err(Passed::Down(reason)),
            Err(Failure::BrokeOff(reason)) => Err(Passed::BrokeOff(reason)),
            Err(Failure::Sender(reason)) => Err(Passed::NotOurs(reason)),
        }
    }

    async fn converse(
        &self,
        message: &Message,
        now: Timestamp,
        handed: &AtomicBool,
    ) -> Result<(String, bool), Failure> {
        loop {
            let kept = self.parked(now);
            let was_kept = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                None => self.open().await.map_err(Failure::Relay)?,
            };
            let result = connection.send(message, handed).await;
            let encrypted = connection.is_encrypted();
            if connection.is_usable() && connection.letters < LETTERS_PER_CONNECTION {
                self.kept().push((connection, now));
            } else if connection.is_usable() {
                connection.quit().await;
            }
            match result {
                // The relay closed it while it was kept: that says nothing about the relay.
                Err(Failure::Relay(_) | Failure::BrokeOff(_)) if was_kept => {
                    handed.store(false, Ordering::Release)
                }
                result => return result.map(|reply| (reply, encrypted)),
            }
        }
    }

    async fn open(&self) -> Result<Connection, String> {
        let tls = self.tls.as_ref().map_err(Clone::clone)?;
        Connection::open(&Opening { url: &self.url, helo: &self.helo, tls, patience: &self.patience }).await
    }

    /// The connection used last, if it is fresh.
    fn parked(&self, now: Timestamp) -> Option<Connection> {
        let mut kept = self.kept();
        while let Some((connection, used)) = kept.pop() {
            if now - used < IDLE {
                return Some(connection);
            }
        }
        None
    }

    /// Opens a connection and keeps it for the first letter: whether the way is encrypted, or what is wrong.
    pub(super) async fn probe(&self, now: Timestamp) -> Result<bool, String> {
        let late = |_| Err(format!("not done within {} s", self.patience.whole.as_secs_f32()));
        match timeout(self.patience.whole, self.open()).await.unwrap_or_else(late) {
            Ok(connection) => {
                self.breaker.reached(now);
                let encrypted = connection.is_encrypted();
                self.kept().push((connection, now));
                Ok(encrypted)
            }
            Err(reason) => {
                self.breaker.missed(&reason, now);
                Err(reason)
            }
        }
    }

    /// Whether a probe would tell something new: no letter is on its way, and the breaker does not know.
    pub(super) fn is_doubtful(&self, now: Timestamp) -> bool {
        self.slots.available_permits() == self.connections && self.breaker.is_doubtful(now)
    }

    /// Closes the connections that nobody has used for a while; all of them without `now`.
    pub(super) async fn close_idle(&self, now: Option<Timestamp>) {
        let idle = {
            let mut parked = self.kept();
            let (idle, kept) = std::mem::take(&mut *parked)
                .into_iter()
                .partition::<Vec<_>, _>(|(_, used)| now.is_none_or(|now| now - *used >= IDLE));
            *parked = kept;
            idle
        };
        for (connection, _) in idle {
            connection.quit().await;
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<(Connection, Timestamp)>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("name", &self.name()).finish_non_exhaustive()
    }
}
