//! Mail addresses as people have them, and names beside them, made safe for headers and for SMTP commands.
//!
//! Old addresses of Japanese carriers break RFC 5322 (`taro..yamada.@docomo.ne.jp`); they are real and are reached
//! by quoting the local part. Everything else that is not an address is refused here, before any relay is asked.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::letter::one_line;

/// An address that may stand in an SMTP command and in a header as it prints.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// As it is sent: a dot-atom, or quoted.
    local: String,
    /// Letters, digits, hyphens and dots, or an address in brackets.
    domain: String,
}

/// The text is not a mail address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("\"{}\" is not a mail address", one_line(.0))]
pub struct NotAnAddress(String);

impl Address {
    /// What stands after the `@`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether a relay must speak SMTPUTF8 (RFC 6531) to take it.
    pub fn needs_utf8(&self) -> bool {
        !(self.local.is_ascii() && self.domain.is_ascii())
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let refuse = || NotAnAddress(text.chars().take(80).collect());
        let (local, domain) = text.trim().rsplit_once('@').ok_or_else(refuse)?;
        if local.is_empty() || local.len() > 64 || !is_domain(domain) {
            return Err(refuse());
        }
        let local = if local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom)) {
            local.to_owned()
        } else if local.chars().all(|c| c == '.' || is_atom(c)) {
            format!("\"{local}\"")
        } else if is_quoted(local) {
            local.to_owned()
        } else {
            return Err(refuse());
        };
        Ok(Self { local, domain: domain.to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// RFC 5322 section 3.2.3, and letters beyond ASCII (RFC 6532).
fn is_atom(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && c.is_alphanumeric())
}

/// `"…"` of printable ASCII without a quotation mark or backslash inside: nobody needs more, and nothing can leave it.
fn is_quoted(local: &str) -> bool {
    let inner = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| {
        !inner.is_empty() && inner.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\')
    })
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let literal = literal.strip_prefix("IPv6:").unwrap_or(literal);
        return literal.parse::<std::net::IpAddr>().is_ok();
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || (!c.is_ascii() && c.is_alphanumeric()))
    };
    domain.len() <= 253 && domain.split('.').all(is_label)
}

/// A name and an address: `青葉県 保健医療福祉調整本部 <noroshi@aoba.example>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// As people read it; may be empty.
    pub name: String,
    /// Where it leads.
    pub address: Address,
}

impl FromStr for Mailbox {
    type Err = NotAnAddress;

    /// Reads `name <address>`, `"name" <address>` and a bare address.
    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let bare = |text: &str| Ok(Self { name: String::new(), address: text.parse()? });
        let Some(before) = text.trim().strip_suffix('>') else { return bare(text) };
        let Some((name, address)) = before.rsplit_once('<') else { return bare(text) };
        Ok(Self { name: one_line(name.trim().trim_matches('"')), address: address.parse()? })
    }
}

impl Mailbox {
    /// The value of a `From`, `To` or `Reply-To` header.
    pub(super) fn header(&self) -> String {
        match encoded(&self.name) {
            name if name.is_empty() => format!("<{}>", self.address),
            // A quoted name may hold commas and brackets, an encoded one hides them.
            name if name.starts_with("=?") => format!("{name}\r\n <{}>", self.address),
            name => format!("\"{name}\" <{}>", self.address),
        }
    }
}

/// A text for a header, on one line when plain, as folded encoded words otherwise (RFC 2047).
///
/// Plain is only what no reader could take for anything else: an `=?` typed by somebody is encoded, so that it shows
/// as it was typed and is not decoded a second time, and so is everything with a quotation mark or a backslash.
pub(super) fn encoded(text: &str) -> String {
    /// An encoded word is at most 75 characters: `=?utf-8?B?` + 60 + `?=`, and 60 of base64 hold 45 bytes.
    const BYTES_PER_WORD: usize = 45;
    let text = one_line(text);
    let plain = text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\');
    if plain && !text.contains("=?") && text.len() <= 60 {
        return text;
    }
    let mut words: Vec<String> = vec![String::new()];
    for c in text.chars() {
        // Never in the middle of a character: each word is decoded alone.
        if words[words.len() - 1].len() + c.len_utf8() > BYTES_PER_WORD {
            words.push(String::new());
        }
        let last = words.len() - 1;
        words[last].push(c);
    }
    let words = words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    words.collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent_as(text: &str) -> Option<String> {
        text.parse::<Address>().ok().map(|address| address.to_string())
    }

    #[test]
    fn an_ordinary_address_stays_as_it_is() {
        for text in [
            "dmat@matsubara-univ.example",
            "a+b@x.example",
            "o'hara@x.example",
            "root@localhost",
            "a@[192.0.2.1]",
        ] {
            assert_eq!(sent_as(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn an_old_carrier_address_is_quoted() {
        assert_eq!(sent_as("taro..y@docomo.ne.jp").as_deref(), Some("\"taro..y\"@docomo.ne.jp"));
        assert_eq!(sent_as("hanako.@ezweb.ne.jp").as_deref(), Some("\"hanako.\"@ezweb.ne.jp"));
        assert_eq!(sent_as(".dot@docomo.ne.jp").as_deref(), Some("\".dot\"@docomo.ne.jp"));
    }

    #[test]
    fn what_could_leave_its_place_in_a_command_is_refused() {
        for text in [
            "",
            "@",
            "a@",
            "@b",
            "a b@c.example",
            "a@b c",
            "a>@b.example",
            "a@b.example>",
            "<a@b.example>",
            "a@b.example\r\nDATA",
            "a\r\n@b.example",
            "a\0@b.example",
            "\"a\"b\"@c.example",
            "\"a\\\"@c.example",
            "a@b..example",
            "a@-b.example",
            "a,b@c.example",
            "a@[x]",
            "a@b.example SIZE=1",
        ] {
            assert_eq!(sent_as(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_mailbox_is_read_in_its_three_forms() {
        for (text, name) in [
            ("Noroshi <n@x.example>", "Noroshi"),
            ("\"青葉県, 本部\" <n@x.example>", "青葉県, 本部"),
            ("n@x.example", ""),
        ] {
            let mailbox: Mailbox = text.parse().unwrap();
            assert_eq!(
                (mailbox.name.as_str(), mailbox.address.to_string()),
                (name, "n@x.example".to_owned())
            );
        }
        assert!("Noroshi <n@x.example".parse::<Mailbox>().is_err());
    }

    #[test]
    fn encoded_words_never_cut_a_character_and_never_pass_75_columns() {
        let text = "【訓練】待機・出動照会 最大震度6強 青葉県沖（03:44までに回答）第1報".repeat(3);
        for line in encoded(&text).split("\r\n ") {
            assert!(line.len() <= 75, "{line}");
            let inner = line.strip_prefix("=?utf-8?B?").and_then(|rest| rest.strip_suffix("?=")).unwrap();
            assert!(String::from_utf8(STANDARD.decode(inner).unwrap()).is_ok());
        }
    }

    #[test]
    fn an_encoded_word_that_somebody_typed_is_shown_and_not_decoded() {
        assert_eq!(encoded("plain words"), "plain words");
        assert!(!encoded("=?utf-8?B?DQpCY2M6IHg=?=").contains("DQpC"));
    }
}
