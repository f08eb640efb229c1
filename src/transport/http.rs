//! HTTP calls to somebody outside, within bounds of time and size.
//!
//! No redirect is followed, no proxy of the environment is used, nothing is decompressed, and of the answer's body at
//! most 64 kB are read; the rest is dropped with the connection.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use noroshi_core::time::{Span, Timestamp};
use reqwest::{Client, Method, Response, StatusCode, Url, header::HeaderMap, redirect::Policy};

use super::{letter::one_line, relay::Roots};

/// Of an answer's body this much is read.
pub(super) const MOST_BODY: usize = 64 * 1024;
/// Of an answer's words this much is kept as evidence, in characters.
const MOST_WORDS: usize = 200;

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until the name is resolved; and again until the connection stands, encrypted.
    pub connect: Duration,
    /// In all, the answer's body included.
    pub whole: Duration,
}

/// A line that was idle for so long is closed: before the shortest wait that is usual with servers, five seconds, so
/// that no call meets a line that is just being closed.
const IDLE: Duration = Duration::from_secs(3);
/// So many receivers are remembered at most. Beyond it all are forgotten: to learn one anew costs a new line.
const MOST_PEERS: usize = 500;

/// Makes calls.
#[derive(Debug)]
pub(super) struct Caller {
    tls: rustls::ClientConfig,
    limits: Limits,
    lines: Lines,
    peers: Mutex<HashMap<Peer, Client>>,
}

/// What becomes of a line after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// Kept for the next call to the same addresses. A call over a kept line may be lost with it, and nobody knows
    /// whether it arrived: only for receivers that know a copy.
    Kept,
    /// Closed: each call has its own.
    Single,
}

/// The other end of lines: a host by the addresses that its name stood for. Another address is another peer, so that
/// no call goes to a machine that was not looked at for it.
type Peer = (String, Vec<SocketAddr>);

/// A call as it is sent.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// The only addresses that the host's name stands for; empty: the machine's resolver is asked.
    pub(super) addresses: Vec<SocketAddr>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// How long the other side asks to be left alone.
    pub(super) retry_after: Option<Span>,
    pub(super) body: Vec<u8>,
    /// Whether the body ended by itself.
    pub(super) complete: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection: nothing was handed over.
    NotReached(String),
    /// Handed over, at least in part, and no answer.
    Unknown(String),
}

impl Caller {
    /// `roots`: whom to trust.
    pub(super) fn new(roots: &Roots, limits: Limits, lines: Lines) -> Self {
        Self { tls: roots.client_config(), limits, lines, peers: Mutex::default() }
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    /// Makes one call. `now` is real time: dates in `Retry-After` count from it.
    pub(super) async fn call(&self, call: Call, now: Timestamp) -> Result<Answer, Failure> {
        let client = self.client(&call).map_err(|error| Failure::NotReached(words(&error)))?;
        let request = client.request(call.method, call.url).headers(call.headers).body(call.body);
        match request.send().await {
            Ok(response) => Ok(read(response, now).await),
            Err(error) if error.is_connect() => Err(Failure::NotReached(words(&error))),
            Err(error) if error.is_timeout() => {
                let waited = self.limits.whole.as_secs();
                Err(Failure::Unknown(format!("no answer within {waited} s")))
            }
            Err(error) => Err(Failure::Unknown(words(&error))),
        }
    }

    /// Who makes this call: the same for all calls to one peer.
    fn client(&self, call: &Call) -> Result<Client, reqwest::Error> {
        let mut addresses = call.addresses.clone();
        addresses.sort_unstable();
        let peer = (call.url.host_str().unwrap_or_default().to_owned(), addresses);
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = peers.get(&peer) {
            return Ok(known.clone());
        }
        let mut client = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .http1_only()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(self.limits.connect)
            .timeout(self.limits.whole)
            .user_agent(concat!("Noroshi/", env!("CARGO_PKG_VERSION")));
        client = match self.lines {
            Lines::Kept => client.pool_idle_timeout(IDLE),
            Lines::Single => client.pool_max_idle_per_host(0),
        };
        if !call.addresses.is_empty() {
            client = client.resolve_to_addrs(&peer.0, &call.addresses);
        }
        let client = client.build()?;
        if peers.len() >= MOST_PEERS {
            peers.clear();
        }
        peers.insert(peer, client.clone());
        Ok(client)
    }
}

async fn read(mut response: Response, now: Timestamp) -> Answer {
    let status = response.status();
    let retry_after =
        response.headers().get("retry-after").and_then(|value| asked_wait(value.to_str().ok()?, now));
    let mut body = Vec::new();
    let complete = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = MOST_BODY - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() >= room {
                    break false;
                }
            }
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    Answer { status, retry_after, body, complete }
}

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn asked_wait(value: &str, now: Timestamp) -> Option<Span> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Span::seconds(i64::from(seconds)));
    }
    let at = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    Some(Timestamp(at.timestamp_millis()) - now).filter(|wait| wait.0 > 0)
}

/// The innermost reason of an error, without the address that was called: its path may be as good as a password.
fn words(error: &reqwest::Error) -> String {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    one_line(&reason.to_string())
}

impl Answer {
    /// `429 Too Many Requests: slow down`: the status and the beginning of the body, on one line.
    pub(super) fn words(&self) -> String {
        let body = one_line(&String::from_utf8_lossy(&self.body));
        let body: String = body.chars().take(MOST_WORDS).collect();
        match body.is_empty() {
            true => self.status.to_string(),
            false => format!("{}: {body}", self.status),
        }
    }

    /// Whether the same call may be taken later.
    pub(super) fn is_for_now(&self) -> bool {
        self.status.is_server_error() || matches!(self.status.as_u16(), 408 | 425 | 429)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::{
        io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
        net::TcpListener,
        task::JoinSet,
    };
    use tokio_util::task::AbortOnDropHandle;

    use super::*;

    #[test]
    fn a_wait_is_asked_for_in_seconds_or_by_a_date() {
        let now = Timestamp::parse_rfc3339("2026-11-24T03:14:00Z").unwrap();
        assert_eq!(asked_wait(" 120 ", now), Some(Span::minutes(2)));
        assert_eq!(asked_wait("Tue, 24 Nov 2026 03:14:30 GMT", now), Some(Span::seconds(30)));
        assert_eq!(asked_wait("Tue, 24 Nov 2026 03:13:30 GMT", now), None);
        assert_eq!(asked_wait("soon", now), None);
        assert_eq!(asked_wait("-5", now), None);
    }

    /// Calls one peer three times and says how many lines it took.
    async fn lines_of_three_calls(lines: Lines) -> usize {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&accepted);
        let _server = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                open.spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut line = String::new();
                    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
                        if line == "\r\n" {
                            stream
                                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                                .await
                                .unwrap();
                        }
                        line.clear();
                    }
                });
            }
        }));
        let limits = Limits { connect: Duration::from_secs(5), whole: Duration::from_secs(5) };
        let caller = Caller::new(&Roots::default(), limits, lines);
        for _ in 0..3 {
            let call = Call {
                method: Method::GET,
                url: format!("http://receiver.example:{}/", address.port()).parse().unwrap(),
                headers: HeaderMap::new(),
                body: Vec::new(),
                addresses: vec![address],
            };
            let answer = caller.call(call, Timestamp(0)).await;
            assert_eq!(answer.ok().map(|answer| answer.body), Some(b"ok".to_vec()));
        }
        accepted.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn calls_to_one_peer_share_a_line_where_the_peer_knows_a_copy() {
        assert_eq!(lines_of_three_calls(Lines::Kept).await, 1);
        assert_eq!(lines_of_three_calls(Lines::Single).await, 3);
    }
}
