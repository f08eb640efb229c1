//! Why a letter did not leave, in the reader's language. What a mail relay says stays as it said it; what the service
//! says itself is kept in English, for programs, and told in words here.

use noroshi_core::text::Text;

/// No transport of this name can send.
pub fn no_driver(transport: &str) -> String {
    format!("no driver for the transport {transport} is configured")
}

/// Killed while a letter was on its way.
pub const STOPPED: &str = "the service stopped between handing over and recording";
/// There is no relay at all.
pub const NO_RELAY: &str = "no relay is set up (smtp.relays)";
/// The address has no mail server.
pub const NO_SUCH_TRANSPORT: &str = "no such transport";

/// A stored reason for people.
pub fn in_words(reason: &str) -> Text {
    let ja = match reason {
        STOPPED => "引き渡しから記録までの間にサービスが止まりました",
        NO_RELAY => "メールの中継先が設定されていません（smtp.relays）",
        NO_SUCH_TRANSPORT => "この経路の送り手がありません",
        _ if reason.starts_with("no driver for the transport ") => "この経路の送り手が設定されていません",
        _ => return Text::plain(reason),
    };
    Text::both(ja, reason)
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::*;

    #[test]
    fn what_the_service_says_itself_is_told_in_the_readers_language() {
        for own in [no_driver("sms").as_str(), STOPPED, NO_RELAY, NO_SUCH_TRANSPORT] {
            assert!(!in_words(own).get(Language::Ja).is_ascii(), "{own}");
            assert_eq!(in_words(own).get(Language::En), own);
        }
        assert_eq!(in_words("550 no such user").get(Language::Ja), "550 no such user");
    }
}
