//! Calls that are signed as Standard Webhooks has it, and a playbook that listens to them.

use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};

use super::playbooks::with;

/// The playbook with a trigger `gauge` besides, which opens and holds an incident for 20 minutes.
pub fn with_gauge(playbook: &str) -> String {
    let manual = "  - { key: manual, source: manual, allow: [roster.duty, roster.deputy] }";
    let gauge = "  - key: gauge\n    source: webhook\n    mode: open_and_hold\n    hold: 20m\n    on_hold_timeout: suggest\n    \
        when: { level: { gte: 3 } }\n    dedupe: { by: trigger.station, window: 1h, then: attach }\n    \
        webhook: { secret: GAUGE, map: { place: /station/name, station: /station/id, level: /level } }";
    with(playbook, manual, &format!("{manual}\n{gauge}"))
}

/// `whsec_` and base64 of 32 bytes of this value.
pub fn secret(byte: u8) -> String {
    format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode([byte; 32]))
}

/// The headers of a signed call (Standard Webhooks 1.0).
pub fn signed(byte: u8, id: &str, at_s: i64, body: &str) -> [(&'static str, String); 3] {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&[byte; 32]).expect("any key");
    mac.update(format!("{id}.{at_s}.{body}").as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at_s.to_string()),
        ("webhook-signature", format!("v1,{signature}")),
    ]
}
