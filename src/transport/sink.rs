//! A small SMTP server for the tests of this folder, which answers as the test wants.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::relay::{RelayUrl, Roots};

/// What the sink does instead of saying yes.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Say(&'static str),
    /// Never answers.
    Hang,
    /// Closes the connection without a word.
    Drop,
}

/// At which word of the conversation: `GREETING EHLO AUTH MAIL RCPT DATA` (the command), `BODY` (a few bytes of the
/// letter have come), `DOT` (all of it has).
type Script = dyn Fn(&str, usize) -> Option<Act> + Send + Sync;

/// How the sink handles TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    Never,
    Offered,
    /// Offered, and a line of clear text is slipped in behind the answer.
    OfferedWithInjection,
    /// Offered, with a certificate that was good until the end of January 2020.
    OfferedExpired,
    FromTheStart,
}

pub(super) struct Sink {
    pub(super) port: u16,
    pub(super) letters: Arc<Mutex<Vec<Letter>>>,
    pub(super) connections: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

/// What came in, and how.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) mail: String,
    pub(super) rcpt: String,
    /// As it came, dots still stuffed.
    pub(super) bytes: Vec<u8>,
    pub(super) encrypted: bool,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sink {
    pub(super) async fn yes() -> Self {
        Self::with(Tls::Never, |_, _| None).await
    }

    /// `script` gets the word and the number of letters taken so far.
    pub(super) async fn saying(script: impl Fn(&str, usize) -> Option<Act> + Send + Sync + 'static) -> Self {
        Self::with(Tls::Never, script).await
    }

    pub(super) async fn with(
        tls: Tls,
        script: impl Fn(&str, usize) -> Option<Act> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let letters = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let script: Arc<Script> = Arc::new(script);
        let (kept, counted) = (letters.clone(), connections.clone());
        let task = tokio::spawn(async move {
            let mut talks = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (letters, script) = (kept.clone(), script.clone());
                talks.spawn(async move {
                    // Whatever goes wrong, the other side notices.
                    let _ = match tls {
                        Tls::FromTheStart => match acceptor(tls).accept(stream).await {
                            Ok(stream) => talk(stream, tls, true, &letters, &script).await.map(drop),
                            Err(error) => Err(error),
                        },
                        _ => match talk(stream, tls, false, &letters, &script).await {
                            Ok(Some(stream)) => match acceptor(tls).accept(stream).await {
                                Ok(stream) => talk(stream, tls, true, &letters, &script).await.map(drop),
                                Err(error) => Err(error),
                            },
                            other => other.map(drop),
                        },
                    };
                });
            }
        });
        Self { port, letters, connections, task }
    }

    pub(super) fn url(&self) -> RelayUrl {
        format!("smtp://127.0.0.1:{}", self.port).parse().unwrap()
    }

    pub(super) fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The root that the sink's certificate hangs on. Both were made for these tests and are good for nothing else.
pub(super) fn roots() -> Roots {
    Roots::only([CertificateDer::from_pem_slice(include_bytes!("test_tls/ca.pem")).unwrap()])
}

/// The root that the expired certificate hangs on; itself it holds.
pub(super) fn roots_of_expired() -> Roots {
    Roots::only([CertificateDer::from_pem_slice(include_bytes!("test_tls/expired_ca.pem")).unwrap()])
}

fn acceptor(tls: Tls) -> TlsAcceptor {
    let certificate: &[u8] = match tls {
        Tls::OfferedExpired => include_bytes!("test_tls/expired.pem"),
        _ => include_bytes!("test_tls/relay.pem"),
    };
    let certificate = CertificateDer::from_pem_slice(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("test_tls/relay.key")).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Gives the stream back when it is to be encrypted.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    tls: Tls,
    encrypted: bool,
    letters: &Mutex<Vec<Letter>>,
    script: &Arc<Script>,
) -> std::io::Result<Option<S>> {
    let mut stream = BufReader::new(stream);
    let (mut mail, mut rcpt, mut refused) = (String::new(), String::new(), false);
    let mut word = if encrypted && tls != Tls::FromTheStart { String::new() } else { "GREETING".to_owned() };
    let mut line = String::new();
    loop {
        let taken = letters.lock().unwrap().len();
        let answer = match script(&word, taken) {
            Some(Act::Say(words)) => words.to_owned(),
            Some(Act::Drop) => return Ok(None),
            Some(Act::Hang) => {
                std::future::pending::<()>().await;
                String::new()
            }
            None => match word.as_str() {
                "" => String::new(),
                "GREETING" => "220 sink".to_owned(),
                "EHLO"
                    if matches!(tls, Tls::Offered | Tls::OfferedExpired | Tls::OfferedWithInjection)
                        && !encrypted =>
                {
                    "250-sink\r\n250-STARTTLS\r\n250 PIPELINING".to_owned()
                }
                "EHLO" => "250-sink\r\n250-PIPELINING\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME".to_owned(),
                "STARTTLS" if tls == Tls::OfferedWithInjection => {
                    "220 go\r\n250-sink\r\n250 AUTH PLAIN".to_owned()
                }
                "STARTTLS" => "220 go".to_owned(),
                "AUTH" => "235 welcome".to_owned(),
                "DATA" if refused => "554 no valid recipients".to_owned(),
                "DATA" => "354 go on".to_owned(),
                "QUIT" => "221 bye".to_owned(),
                _ => "250 ok".to_owned(),
            },
        };
        if !answer.is_empty() {
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
            stream.flush().await?;
        }
        match word.as_str() {
            "STARTTLS" => return Ok(Some(stream.into_inner())),
            "QUIT" => return Ok(None),
            "MAIL" | "RCPT" => refused |= !answer.starts_with('2'),
            "RSET" => refused = false,
            "DATA" if answer.starts_with("354") => {
                if let Some(Act::Drop) = script("BODY", taken) {
                    stream.read_exact(&mut [0; 16]).await?;
                    return Ok(None);
                }
                let mut bytes = Vec::new();
                while !bytes.ends_with(b"\r\n.\r\n") {
                    if stream.read_until(b'\n', &mut bytes).await? == 0 {
                        return Ok(None);
                    }
                }
                bytes.truncate(bytes.len() - 3);
                refused = false;
                let answer = match script("DOT", taken) {
                    Some(Act::Say(words)) => words,
                    Some(Act::Drop) => return Ok(None),
                    Some(Act::Hang) => std::future::pending().await,
                    None => {
                        let letter = Letter { mail: mail.clone(), rcpt: rcpt.clone(), bytes, encrypted };
                        letters.lock().unwrap().push(letter);
                        "250 2.0.0 taken as 42"
                    }
                };
                stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
                stream.flush().await?;
            }
            _ => {}
        }
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        word = line.split([' ', '\r']).next().unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            "MAIL" => mail = line.trim_end().to_owned(),
            "RCPT" => rcpt = line.trim_end().to_owned(),
            _ => {}
        }
    }
}
