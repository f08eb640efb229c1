//! One letter to a recipient, with every try.

use entity::{attempt, delivery};
use noroshi_core::time::Timestamp;

use super::super::{
    facts,
    mark::Mark,
    when::{Moment, When},
};
use crate::{operation::scene::text, transport::reason};

/// One letter: one transport to one contact point.
#[derive(Clone, Debug, Default)]
pub struct LetterLine {
    /// Why it was written: 最初の送信, 5分後の再送.
    pub why: String,
    /// How: メール.
    pub transport: String,
    /// To which desk.
    pub desk: String,
    /// To which address; shown to people of the house only.
    pub address: String,
    /// The mark of its state.
    pub mark: Option<Mark>,
    /// Its state in words.
    pub state: String,
    /// Every try and every piece of evidence: when, what.
    pub tries: Vec<(Moment, String)>,
}

pub(super) fn letter_line(delivery: &delivery::Model, tries: &[attempt::Model], when: &When) -> LetterLine {
    let words = when.words;
    let (mark, state) = match (delivery.state.as_str(), delivery.transport.as_str()) {
        ("queued", "phone") => (Mark::Wait, "delivery-call"),
        ("queued", _) => (Mark::Wait, "delivery-queued"),
        ("leased", _) => (Mark::Wait, "delivery-leased"),
        ("accepted", "rehearsal") => (Mark::Wait, "delivery-rehearsed"),
        ("accepted", _) => (Mark::Wait, "delivery-accepted"),
        ("delivered", _) => (Mark::Wait, "delivery-delivered"),
        ("refused", _) => (Mark::Fail, "delivery-refused"),
        ("given_up", _) => (Mark::Fail, "delivery-given-up"),
        ("withdrawn", _) => (Mark::Rest, "delivery-withdrawn"),
        _ => (Mark::Unknown, "delivery-unknown"),
    };
    let why = match delivery.occasion.as_str() {
        "alert" => "recipient-first-letter",
        "resend" => "recipient-resent",
        "notify" => "recipient-notified",
        "stand_down" => "recipient-stood-down",
        _ => "recipient-service-letter",
    };
    let mut told: Vec<(Moment, String)> = Vec::new();
    for attempt in tries.iter().filter(|attempt| attempt.delivery_id == delivery.id).rev() {
        let key = match attempt.outcome.as_str() {
            "accepted" if attempt.relay == "rehearsal" => "attempt-rehearsed",
            "accepted" => "attempt-accepted",
            "try_again" | crate::transport::AWAY => "attempt-again",
            "refused" => "attempt-refused",
            _ => "attempt-unknown",
        };
        let reply: String = reason::in_words(&attempt.reply).get(words.0).chars().take(200).collect();
        let at = when.moment(Timestamp(attempt.ended_at_ms));
        let said = match key {
            "attempt-rehearsed" => words.get(key),
            _ => format!("{} {} {reply}", words.get(key), attempt.relay).trim().to_owned(),
        };
        told.push((at, said));
    }
    if told.is_empty()
        && let (Some(reason), Some(at)) = (&delivery.reason, delivery.ended_at_ms)
    {
        told.push((when.moment(Timestamp(at)), reason::in_words(reason).get(words.0).to_owned()));
    }
    if delivery.encrypted == Some(false) && delivery.transport != "rehearsal" {
        let at = delivery.ended_at_ms.unwrap_or(delivery.created_at_ms);
        told.push((when.moment(Timestamp(at)), words.get("delivery-in-clear")));
    }
    LetterLine {
        why: words.get(why),
        transport: facts::transport(&delivery.via, when),
        desk: text(&delivery.name).get(words.0).to_owned(),
        address: delivery.address.clone(),
        mark: Some(mark),
        state: words.get(state),
        tries: told,
    }
}
