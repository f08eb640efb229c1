//! A letter as MIME: headers of our own making, bodies by lettre, nothing in it that a relay could misread.
//!
//! Every line is ASCII and ends with CRLF; both bodies are base64, so neither a link nor a lone dot nor a bare line
//! feed of an author's text is ever a line of the mail (no broken links, no SMTP smuggling).

use lettre::message::{
    MultiPart, SinglePart,
    header::{ContentTransferEncoding, ContentType},
};
use noroshi_core::playbook::Urgency;

use super::{
    address::{Address, Mailbox, NotAnAddress, encoded},
    letter::Letter,
};

/// A letter ready for a relay.
#[derive(Clone, Debug)]
pub struct Message {
    /// Envelope sender.
    pub from: Address,
    /// Envelope recipient.
    pub to: Address,
    /// Headers and body, without the final dot.
    pub bytes: Vec<u8>,
}

/// Who writes.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The one fixed address of the service.
    pub from: Mailbox,
    /// Where answers by mail go.
    pub reply_to: Mailbox,
}

impl Message {
    /// Writes `letter` as MIME. Equal arguments give equal bytes, so that a repeated letter is the same
    /// mail but for its date and mark.
    pub fn of(letter: &Letter, sender: &Sender) -> Result<Self, NotAnAddress> {
        let to: Address = letter.to.parse()?;
        let rendered = letter.render();
        let domain = sender.from.address.domain();
        let thread = format!("<{}@{domain}>", letter.incident);

        let mut headers = vec![
            ("From", sender.from.header()),
            ("To", Mailbox { name: letter.to_name.clone(), address: to.clone() }.header()),
            ("Reply-To", sender.reply_to.header()),
            ("Subject", encoded(&rendered.subject)),
            ("Date", letter.date.to_utc().to_rfc2822()),
            ("Message-ID", format!("<{}@{domain}>", letter.delivery)),
            // No mail has the incident's own id: programs group the letters under it all the same (RFC 5322, 3.6.4).
            ("In-Reply-To", thread.clone()),
            ("References", thread),
            // RFC 3834: keeps absence notices from answering.
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("MIME-Version", "1.0".to_owned()),
        ];
        if letter.urgency == Urgency::Critical {
            headers.push(("Importance", "high".to_owned()));
            headers.push(("X-Priority", "1".to_owned()));
        }
        let mut bytes = Vec::with_capacity(16_384);
        for (name, value) in headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        // A fixed boundary: it cannot stand in base64, and lettre's own would need a source of chance.
        let body = MultiPart::alternative()
            .boundary(format!("_{}_", letter.delivery))
            .singlepart(part(ContentType::TEXT_PLAIN, rendered.text))
            .singlepart(part(ContentType::TEXT_HTML, rendered.html));
        bytes.extend_from_slice(&body.formatted());
        Ok(Self { from: sender.from.address.clone(), to, bytes })
    }
}

fn part(content_type: ContentType, text: String) -> SinglePart {
    SinglePart::builder().header(content_type).header(ContentTransferEncoding::Base64).body(text)
}
