//! One SMTP conversation with one relay: opening, letters one after another, closing.
//!
//! lettre speaks the protocol; the stream under it is ours (`Wire`), because lettre writes a body and its final dot
//! apart on a socket that waits for acknowledgements, which costs 40 ms for each letter. The wire holds back what is
//! written until an answer is read: one write for each command, and the whole MAIL/RCPT/DATA group in one where the
//! relay takes it (PIPELINING, RFC 2920).

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use lettre::transport::smtp::{
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters},
    extension::{ClientId, Extension},
    response::{Response, Severity},
};
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    letter::one_line,
    message::Message,
    relay::{RelayUrl, Security},
};

/// How long each part of a conversation may take. Shorter than RFC 5321 allows: another relay or another way waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the connection stands, for each address of the relay.
    pub connect: Duration,
    /// Until the answer to a command.
    pub command: Duration,
    /// Until the answer to the final dot: some relays look at the letter first.
    pub dot: Duration,
    /// For one letter on one relay in all.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(8),
            command: Duration::from_secs(20),
            dot: Duration::from_secs(60),
            whole: Duration::from_secs(100),
        }
    }
}

/// What a conversation needs to begin.
pub(super) struct Opening<'a> {
    pub(super) url: &'a RelayUrl,
    pub(super) helo: &'a ClientId,
    pub(super) tls: &'a Tls,
    pub(super) patience: &'a Patience,
}

/// TLS towards one relay, with the roots that are trusted.
pub(super) struct Tls {
    pub(super) name: ServerName<'static>,
    /// TLS from the first byte.
    pub(super) connector: TlsConnector,
    /// For lettre's STARTTLS.
    pub(super) parameters: TlsParameters,
}

/// Why a letter was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The relay is not reached, or in no state to take letters; nothing was handed over.
    Relay(String),
    /// It broke off over this letter; nothing was handed over.
    BrokeOff(String),
    /// The relay takes no letters from this sender.
    Sender(String),
    /// This recipient or this letter not now.
    TryAgain(String),
    /// This recipient or this letter never.
    Refused(String),
    /// Handed over, no answer.
    Unknown(String),
}

/// A conversation that stands.
pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    wire: Arc<AtomicBool>,
    encrypted: bool,
    pipelining: bool,
    utf8: bool,
    /// A refused recipient has left a transaction open.
    unfinished: bool,
    broken: bool,
    patience: Patience,
    /// Letters handed over so far.
    pub(super) letters: u32,
}

impl Connection {
    /// Opens a conversation as the relay's address says; the error is a sentence for the log and the board.
    pub(super) async fn open(opening: &Opening<'_>) -> Result<Self, String> {
        let Opening { url, helo, tls, patience } = opening;
        let (stream, wire) = connect(url, patience).await?;
        let (mut smtp, wire, encrypted) = if url.security == Security::Implicit {
            let sealed =
                within(patience.connect, "TLS", tls.connector.connect(tls.name.clone(), stream)).await?;
            (greet(Box::new(Sealed(sealed)), helo, patience).await?, wire, true)
        } else {
            let mut smtp = greet(Box::new(stream), helo, patience).await?;
            let offered = smtp.can_starttls();
            let upgraded = match offered {
                true => {
                    within(patience.command, "STARTTLS", smtp.starttls(tls.parameters.clone(), helo)).await
                }
                false => Ok(()),
            };
            match upgraded {
                Ok(()) => (smtp, wire, offered),
                // Whoever can break STARTTLS can as well hide it, so this costs no safety; it is never silent.
                Err(reason) if url.security == Security::Opportunistic => {
                    tracing::warn!(relay = %url, reason, "TLS with relay {url} failed, letters go unencrypted");
                    let (stream, wire) = connect(url, patience).await?;
                    (greet(Box::new(stream), helo, patience).await?, wire, false)
                }
                Err(reason) => return Err(reason),
            }
        };
        if url.security == Security::Required && !encrypted {
            return Err(
                "offers no TLS, and letters are not to go in clear (tls=required or a password)".to_owned()
            );
        }
        // lettre keeps the rest of the relay's abilities to itself.
        let abilities = within(patience.command, "EHLO", smtp.command(format!("EHLO {helo}\r\n"))).await?;
        if let Some((user, password)) = &url.credentials {
            let credentials = Credentials::new(user.clone(), password.clone());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            within(patience.command, "sign-in", smtp.auth(&mechanisms, &credentials)).await?;
        }
        Ok(Self {
            encrypted,
            pipelining: abilities.message().any(|line| line.trim().eq_ignore_ascii_case("PIPELINING")),
            utf8: smtp.server_info().supports_feature(Extension::SmtpUtfEight),
            unfinished: false,
            broken: false,
            patience: **patience,
            letters: 0,
            smtp,
            wire,
        })
    }

    /// Whether the way is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Whether another letter can follow.
    pub(super) fn is_usable(&self) -> bool {
        !self.broken
    }

    /// Hands over one letter and gives the relay's words. `handed` is set while the final dot may be on its way.
    pub(super) async fn send(&mut self, message: &Message, handed: &AtomicBool) -> Result<String, Failure> {
        let result = self.converse(message, handed).await;
        // What is answered late would be taken for the answer to the next letter.
        if let Err(Failure::Relay(_) | Failure::BrokeOff(_) | Failure::Unknown(_)) = &result {
            self.broken = true;
        }
        result
    }

    async fn converse(&mut self, message: &Message, handed: &AtomicBool) -> Result<String, Failure> {
        self.letters += 1;
        let utf8 = message.from.needs_utf8() || message.to.needs_utf8();
        if utf8 && !self.utf8 {
            return Err(Failure::Refused(
                "the relay does not take addresses beyond ASCII (SMTPUTF8)".to_owned(),
            ));
        }
        if self.unfinished {
            self.command("RSET\r\n").await.map_err(|error| Failure::Relay(error.words))?;
            self.unfinished = false;
        }
        let mail = format!("MAIL FROM:<{}>{}\r\n", message.from, if utf8 { " SMTPUTF8" } else { "" });
        let rcpt = format!("RCPT TO:<{}>\r\n", message.to);
        self.unfinished = true;
        let (sender, recipient, data) = if self.pipelining {
            let sender = self.command(&format!("{mail}{rcpt}DATA\r\n")).await;
            // All three answers come, whatever the first one says.
            (sender, self.answer().await, self.answer().await)
        } else {
            let sender = self.command(&mail).await;
            let recipient = if sender.is_ok() { self.command(&rcpt).await } else { Err(Negative::skipped()) };
            let data =
                if recipient.is_ok() { self.command("DATA\r\n").await } else { Err(Negative::skipped()) };
            (sender, recipient, data)
        };
        // The relay waits for a body although it refused the recipient: hanging up is the one safe answer.
        self.broken |= data.is_ok() && (sender.is_err() || recipient.is_err());
        sender.map_err(|error| match error.severity() {
            // Not about the recipient: the relay's disk is full, its load too high, its sender list closed.
            Severity::PermanentNegativeCompletion => Failure::Sender(error.words),
            _ => Failure::Relay(error.words),
        })?;
        recipient.map_err(Negative::about_the_letter)?;
        data.map_err(Negative::about_the_letter)?;

        handed.store(true, Ordering::Release);
        let answer = timeout(self.patience.dot, self.smtp.message(&message.bytes)).await;
        let answer = answer.map_err(|_| Negative::silent(self.patience.dot)).and_then(|answer| Ok(answer?));
        // As long as a byte is left on our side, the final dot is.
        let lost = |words| {
            if self.wire.load(Ordering::Acquire) { Failure::BrokeOff(words) } else { Failure::Unknown(words) }
        };
        let answer = answer
            .map_err(|error| if error.code.is_none() { lost(error.words) } else { error.about_the_letter() });
        handed.store(false, Ordering::Release);
        self.unfinished = false;
        Ok(words(&answer?))
    }

    /// Says good-bye; whatever comes back.
    pub(super) async fn quit(mut self) {
        const ENOUGH: Duration = Duration::from_secs(2);
        let _ = timeout(ENOUGH, self.smtp.quit()).await;
    }

    async fn command(&mut self, text: &str) -> Result<Response, Negative> {
        let answer = timeout(self.patience.command, self.smtp.command(text)).await;
        answer.map_err(|_| Negative::silent(self.patience.command)).and_then(|answer| Ok(answer?))
    }

    async fn answer(&mut self) -> Result<Response, Negative> {
        let answer = timeout(self.patience.command, self.smtp.read_response()).await;
        answer.map_err(|_| Negative::silent(self.patience.command)).and_then(|answer| Ok(answer?))
    }
}

/// An answer that is not a yes, or none.
#[derive(Debug)]
struct Negative {
    /// `None` when the connection is lost or silent.
    code: Option<u16>,
    words: String,
}

impl Negative {
    fn silent(after: Duration) -> Self {
        Self { code: None, words: format!("no answer within {} s", after.as_secs_f32()) }
    }

    /// In place of the answer to a command that was not given.
    fn skipped() -> Self {
        Self { code: Some(503), words: String::new() }
    }

    fn severity(&self) -> Severity {
        match self.code {
            Some(500..) => Severity::PermanentNegativeCompletion,
            _ => Severity::TransientNegativeCompletion,
        }
    }

    fn about_the_letter(self) -> Failure {
        match self.code {
            // 421 closes the connection; it says nothing about the recipient.
            None | Some(421) => Failure::BrokeOff(self.words),
            Some(500..) => Failure::Refused(self.words),
            Some(_) => Failure::TryAgain(self.words),
        }
    }
}

impl From<lettre::transport::smtp::Error> for Negative {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        let text = std::error::Error::source(&error).map(ToString::to_string);
        match error.status() {
            Some(code) => {
                let text = text.unwrap_or_default();
                Self { code: code.to_string().parse().ok(), words: shortened(&format!("{code} {text}")) }
            }
            None => Self { code: None, words: shortened(&text.unwrap_or_else(|| error.to_string())) },
        }
    }
}

fn words(response: &Response) -> String {
    let text = response.message().collect::<Vec<_>>().join(" ");
    shortened(&format!("{} {text}", response.code()))
}

/// What a stranger wrote, fit for a log line and a table cell.
fn shortened(text: &str) -> String {
    one_line(text).chars().take(300).collect()
}

async fn connect(url: &RelayUrl, patience: &Patience) -> Result<(Wire, Arc<AtomicBool>), String> {
    let addresses =
        within(patience.connect, "name look-up", lookup_host((url.host.as_str(), url.port))).await?;
    let mut last = "its name has no address".to_owned();
    for address in addresses {
        match within(patience.connect, "connecting", TcpStream::connect(address)).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(|error| error.to_string())?;
                return Ok(Wire::over(stream));
            }
            Err(reason) => last = reason,
        }
    }
    Err(last)
}

async fn greet(
    stream: Box<dyn AsyncTokioStream>,
    helo: &ClientId,
    patience: &Patience,
) -> Result<AsyncSmtpConnection, String> {
    within(patience.command, "greeting", AsyncSmtpConnection::connect_with_transport(stream, helo)).await
}

/// Ends a wait, and says what was waited for.
async fn within<T, E: std::error::Error>(
    limit: Duration,
    what: &str,
    attempt: impl Future<Output = Result<T, E>>,
) -> Result<T, String> {
    match timeout(limit, attempt).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            // Some libraries print their cause themselves.
            let mut words = error.to_string();
            if let Some(cause) =
                error.source().map(ToString::to_string).filter(|cause| !words.contains(cause))
            {
                words = format!("{words}: {cause}");
            }
            Err(shortened(&format!("{what} failed: {}", words.replace("Connection error: ", ""))))
        }
        Err(_) => Err(format!("{what}: no answer within {} s", limit.as_secs_f32())),
    }
}

/// A TCP stream that holds back what is written until something is read.
struct Wire {
    tcp: TcpStream,
    held: Vec<u8>,
    gone: usize,
    /// Whether bytes wait on our side; shared with the [`Connection`].
    waiting: Arc<AtomicBool>,
    /// After STARTTLS, until TLS begins: one byte at a time, so that no clear text that somebody slipped in behind
    /// the relay's answer stays in lettre's reader and is taken for an encrypted answer (CVE-2011-0411 and its kin).
    careful: bool,
}

impl Wire {
    const HOLD_BYTES: usize = 128 * 1024;

    fn over(tcp: TcpStream) -> (Self, Arc<AtomicBool>) {
        let waiting = Arc::new(AtomicBool::new(false));
        (Self { tcp, held: Vec::new(), gone: 0, waiting: waiting.clone(), careful: false }, waiting)
    }

    fn poll_let_go(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.held.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while self.gone < self.held.len() {
            match ready!(Pin::new(&mut self.tcp).poll_write(cx, &self.held[self.gone..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.gone += written,
            }
        }
        self.held.clear();
        self.gone = 0;
        self.waiting.store(false, Ordering::Release);
        // A relay that answers three commands in three writes waits for our acknowledgement of the first answer
        // before it sends the second: 40 ms for each letter. Linux forgets the wish, so it is said each time.
        #[cfg(target_os = "linux")]
        let _ = self.tcp.set_quickack(true);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.held.len() > Self::HOLD_BYTES {
            ready!(self.poll_let_go(cx))?;
        }
        self.careful = bytes == b"STARTTLS\r\n";
        self.held.extend_from_slice(bytes);
        self.waiting.store(true, Ordering::Release);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_let_go(cx))?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_let_go(cx))?;
        if !self.careful {
            return Pin::new(&mut self.tcp).poll_read(cx, into);
        }
        let mut one = [0; 1];
        let mut byte = ReadBuf::new(&mut one);
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut byte))?;
        into.put_slice(byte.filled());
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("tcp", &self.tcp).finish_non_exhaustive()
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}

/// TLS from the first byte, in the shape that lettre takes.
#[derive(Debug)]
struct Sealed(TlsStream<Wire>);

impl AsyncWrite for Sealed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl AsyncRead for Sealed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncTokioStream for Sealed {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().0.peer_addr()
    }
}
