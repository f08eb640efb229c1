//! How fast letters leave, and how long a short message is, in words.

use noroshi_core::playbook::preflight::Basis;

use super::Words;
use crate::transport::short::Length;

/// How long a short message is: its characters, and the messages that are paid for.
pub fn sms(length: Length, words: Words) -> String {
    let values = [("characters", length.units.into()), ("segments", length.segments.into())];
    words.with("preflight-words-sms", &values)
}

/// How a pace is known.
pub fn basis(basis: &Basis, words: Words) -> String {
    let timed = |key: &str, letters: u64, letter_ms: i64, connections: u32| {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one letter")]
        let seconds = format!("{:.2}", letter_ms as f64 / 1000.0);
        let seconds = seconds.trim_end_matches('0').trim_end_matches('.').to_owned();
        let values =
            [("letters", letters.into()), ("seconds", seconds.into()), ("connections", connections.into())];
        words.with(key, &values)
    };
    match *basis {
        Basis::Measured { minutes } => {
            words.with("preflight-leaving-measured", &[("minutes", minutes.into())])
        }
        Basis::Timed { letters, letter_ms, connections } => {
            timed("preflight-leaving-timed", letters, letter_ms, connections)
        }
        Basis::Given => words.get("preflight-leaving-given"),
        Basis::Assumed { letter_ms, connections } => {
            timed("preflight-leaving-assumed", 0, letter_ms, connections)
        }
    }
}
