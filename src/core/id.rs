//! Typed ids: a UUID that knows what it names.
//!
//! The text form `inc_0192…` (prefix, underscore, 32 hexadecimal digits) is the one that people see, in addresses,
//! mails and logs. The idea of one type for each kind is omicron's (`uuid-kinds`).

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an id names, and the prefix of its text form.
pub trait Kind {
    /// Three letters, without the underscore.
    const PREFIX: &'static str;
}

/// An id of one kind. Made by the rim from a clock and a source of chance, never in the core.
#[derive(Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Id<K: Kind>(Uuid, PhantomData<fn() -> K>);

impl<K: Kind> Id<K> {
    /// Takes a raw UUID as an id of this kind: for the store, which keeps raw UUIDs.
    pub const fn new(raw: Uuid) -> Self {
        Self(raw, PhantomData)
    }

    /// The raw UUID, for the store.
    pub const fn raw(self) -> Uuid {
        self.0
    }
}

/// The text is not an id of the wanted kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{text}\" is not an id of the form {prefix}_… with 32 hexadecimal digits")]
pub struct NotAnId {
    text: String,
    prefix: &'static str,
}

impl<K: Kind> FromStr for Id<K> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let refuse = || NotAnId { text: text.chars().take(80).collect(), prefix: K::PREFIX };
        let digits =
            text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or_else(refuse)?;
        let canonical = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let raw = canonical.then(|| Uuid::try_parse(digits).ok()).flatten().ok_or_else(refuse)?;
        Ok(Self::new(raw))
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, self.0.simple())
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> From<Id<K>> for String {
    fn from(id: Id<K>) -> Self {
        id.to_string()
    }
}

impl<K: Kind> TryFrom<String> for Id<K> {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl<K: Kind> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K: Kind> Copy for Id<K> {}
impl<K: Kind> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K: Kind> Eq for Id<K> {}
impl<K: Kind> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K: Kind> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K: Kind> std::hash::Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// One incident, live or drill.
#[derive(Debug)]
pub enum Incident {}
/// One alert of an incident, to many recipients.
#[derive(Debug)]
pub enum Alert {}
/// One addressee of one alert.
#[derive(Debug)]
pub enum Recipient {}
/// One message by one transport to one contact point.
#[derive(Debug)]
pub enum Delivery {}
/// A place where the people of an incident talk.
#[derive(Debug)]
pub enum Channel {}
/// One message in a channel.
#[derive(Debug)]
pub enum Message {}
/// A person who signs in.
#[derive(Debug)]
pub enum Account {}
/// Something happened, said a source.
#[derive(Debug)]
pub enum TriggerEvent {}
/// Somebody stands in for somebody on a roster.
#[derive(Debug)]
pub enum Cover {}
/// One task of an incident.
#[derive(Debug)]
pub enum Task {}
/// One situation report of an incident.
#[derive(Debug)]
pub enum Report {}
/// A photo that was taken as evidence.
#[derive(Debug)]
pub enum Photo {}

impl Kind for Incident {
    const PREFIX: &'static str = "inc";
}
impl Kind for Alert {
    const PREFIX: &'static str = "alr";
}
impl Kind for Recipient {
    const PREFIX: &'static str = "rcp";
}
impl Kind for Delivery {
    const PREFIX: &'static str = "dlv";
}
impl Kind for Channel {
    const PREFIX: &'static str = "chn";
}
impl Kind for Message {
    const PREFIX: &'static str = "msg";
}
impl Kind for Cover {
    const PREFIX: &'static str = "cov";
}
impl Kind for Account {
    const PREFIX: &'static str = "acc";
}
impl Kind for Task {
    const PREFIX: &'static str = "tsk";
}
impl Kind for Report {
    const PREFIX: &'static str = "rpt";
}
impl Kind for Photo {
    const PREFIX: &'static str = "pho";
}

impl Kind for TriggerEvent {
    const PREFIX: &'static str = "trg";
}

/// Names one incident.
pub type IncidentId = Id<Incident>;
/// Names one alert.
pub type AlertId = Id<Alert>;
/// Names one recipient of one alert.
pub type RecipientId = Id<Recipient>;
/// Names one delivery; it is the Message-ID of its mail.
pub type DeliveryId = Id<Delivery>;
/// Names one channel.
pub type ChannelId = Id<Channel>;
/// Names one message in a channel.
pub type MessageId = Id<Message>;
/// Names one account.
pub type AccountId = Id<Account>;
/// Names one trigger event.
pub type TriggerEventId = Id<TriggerEvent>;
/// Names one cover.
pub type CoverId = Id<Cover>;
/// Names one task.
pub type TaskId = Id<Task>;
/// Names one report.
pub type ReportId = Id<Report>;
/// Names one photo.
pub type PhotoId = Id<Photo>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = IncidentId::new(Uuid::from_u128(7));
        assert_eq!(id.to_string(), "inc_00000000000000000000000000000007");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn an_id_of_another_kind_or_form_is_refused() {
        for text in
            ["alr_00000000000000000000000000000007", "inc_7", "inc_0000000000000000000000000000000G", ""]
        {
            assert!(text.parse::<IncidentId>().is_err(), "{text}");
        }
    }
}
