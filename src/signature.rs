//! Standard Webhooks 1.0: how a call is signed, by us and by those who call us.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A secret that caller and receiver share: 24 to 64 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct HookSecret(pub Vec<u8>);

impl HookSecret {
    /// Reads `whsec_` and base64.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim().strip_prefix("whsec_")?).ok()?;
        (24..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The signature of one call, in base64, without the version before it.
    ///
    /// - `at`: the call's timestamp as it is written, seconds since 1970.
    pub fn sign(&self, id: &str, at: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(format!("{id}.{at}.").as_bytes());
        mac.update(body);
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for HookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification (standard-webhooks, "Symmetric signature").
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = HookSecret::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#);
        assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_is_too_short_or_not_marked_is_none() {
        for text in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%%"] {
            assert_eq!(HookSecret::read(text), None, "{text}");
        }
    }
}
