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

/// The number has no digits.
pub const NOT_A_NUMBER: &str = "not a telephone number that can be dialled";
/// The other side took everything and said nothing.
pub const BROKE_OFF: &str = "the answer broke off";
/// A program sent us elsewhere.
pub const REDIRECTED: &str = "redirects are not followed";

/// Beginnings and ends of what the ways besides mail say, with their Japanese.
const TOLD: &[(&str, &str)] = &[
    ("there is no secret ", "署名の鍵が設定されていません（[webhook_secrets]）"),
    ("no answer within ", "時間内に返事がありません"),
    ("name not resolved", "宛先の名前が引けません"),
    ("a receiver outside is called by https:// only", "外部の受け手には https:// でしか送れません"),
];

/// A stored reason for people.
pub fn in_words(reason: &str) -> Text {
    let ja = match reason {
        STOPPED => "引き渡しから記録までの間にサービスが止まりました",
        NO_RELAY => "メールの中継先が設定されていません（smtp.relays）",
        NO_SUCH_TRANSPORT => "この経路の送り手がありません",
        NOT_A_NUMBER => "かけられる電話番号ではありません",
        BROKE_OFF => "返事が途中で切れました",
        _ if reason.ends_with(REDIRECTED) => "転送を求められました（転送には従いません）",
        _ if reason.ends_with("not in webhook.allow") => {
            "庁内の宛先ですが、許可されていません（webhook.allow）"
        }
        _ if reason.ends_with("is not in webhook.ports") => "許可されていないポートです（webhook.ports）",
        _ if reason.starts_with("no driver for the transport ") => "この経路の送り手が設定されていません",
        _ => match TOLD.iter().find(|(beginning, _)| reason.starts_with(beginning)) {
            Some((_, ja)) => ja,
            None => return Text::plain(reason),
        },
    };
    Text::both(ja, reason)
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::*;

    #[test]
    fn what_the_service_says_itself_is_told_in_the_readers_language() {
        for own in [
            no_driver("sms").as_str(),
            STOPPED,
            NO_RELAY,
            NO_SUCH_TRANSPORT,
            NOT_A_NUMBER,
            BROKE_OFF,
            "307 Temporary Redirect: redirects are not followed",
            "127.0.0.1:80 is not on the public internet (this machine) and not in webhook.allow",
            "port 8443 is not in webhook.ports",
            "no answer within 15 s",
        ] {
            assert!(!in_words(own).get(Language::Ja).is_ascii(), "{own}");
            assert_eq!(in_words(own).get(Language::En), own);
        }
        assert_eq!(in_words("550 no such user").get(Language::Ja), "550 no such user");
    }
}
