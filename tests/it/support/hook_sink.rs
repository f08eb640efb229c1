//! A real HTTP listener on loopback that keeps every request and answers as it is told: a webhook's receiver, or the
//! gateway of an SMS provider.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::wait::{now_ms, until};

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// When its body had come, milliseconds since 1970.
    pub at_ms: i64,
    /// `POST`.
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Request {
    /// The first header of this name (lower case).
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("no header {name} in {self:#?}"))
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|problem| panic!("{problem}: {}", self.body))
    }

    /// The body as a form.
    pub fn form(&self) -> Vec<(String, String)> {
        let url = format!("http://x/?{}", self.body).parse::<reqwest::Url>().expect("a form");
        url.query_pairs().into_owned().collect()
    }
}

/// What the sink does with a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers: status, headers, body.
    Say(u16, Vec<(&'static str, String)>, String),
    /// 200 and a body without end.
    Pour,
    /// 200 and a small body that would be [`BOMB`] bytes when it was unpacked.
    Bomb,
    /// Begins with this, and goes on without end, one letter at a time.
    Drip(&'static str),
    /// Nothing, as long as the other side waits.
    Hang,
    /// Closes the line.
    Drop,
    /// Answers like the first, when [`HookSink::release`] was called.
    Withhold(String),
}

/// What [`Act::Bomb`] would unpack to.
pub const BOMB: usize = 64 << 20;
/// Between two letters of [`Act::Drip`].
const DRIP: Duration = Duration::from_millis(50);

impl Act {
    /// An empty answer of this status.
    pub fn status(status: u16) -> Self {
        Self::Say(status, Vec::new(), String::new())
    }
}

type Conduct = dyn Fn(usize, &Request) -> Act + Send + Sync;

struct State {
    conduct: Box<Conduct>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    poured: AtomicUsize,
    released: watch::Sender<bool>,
}

/// The listener. Ends with its test.
pub struct HookSink {
    state: Arc<State>,
    port: u16,
    _listener: JoinSet<()>,
}

impl HookSink {
    /// Starts one on a free port; `conduct` gets the number of the request, from 0, and the request.
    pub async fn start(conduct: impl Fn(usize, &Request) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let state = Arc::new(State {
            conduct: Box::new(conduct),
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            poured: AtomicUsize::new(0),
            released: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let state = Arc::clone(&state);
            async move {
                let mut open = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    state.connections.fetch_add(1, Ordering::SeqCst);
                    let state = Arc::clone(&state);
                    // A line that the other side closes is an ordinary end.
                    open.spawn(async move { drop(serve(stream, &state).await) });
                }
            }
        });
        Self { state, port, _listener: tasks }
    }

    /// One that answers everything with 200 and nothing.
    pub async fn yes() -> Self {
        Self::start(|_, _| Act::status(200)).await
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Everything that has come.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().expect("no test panics while it holds the list").clone()
    }

    /// How often somebody has connected.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Bytes that [`Act::Pour`] could hand over.
    pub fn poured(&self) -> usize {
        self.state.poured.load(Ordering::SeqCst)
    }

    /// Lets what is withheld go.
    pub fn release(&self) {
        self.state.released.send_replace(true);
    }

    /// Waits until so many requests have come.
    pub async fn wait(&self, n: usize, deadline: Duration) -> Vec<Request> {
        until(&format!("{n} requests have come"), deadline, async || {
            let requests = self.requests();
            (requests.len() >= n).then_some(requests)
        })
        .await
    }
}

/// Nothing but zeros, packed once.
fn bomb() -> &'static [u8] {
    static PACKED: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut gzip = Command::new("gzip");
        gzip.args(["-9", "--stdout"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut gzip = gzip.spawn().expect("gzip is on every machine");
        let mut input = gzip.stdin.take().expect("its input");
        let fed = std::thread::spawn(move || input.write_all(&vec![0; BOMB]));
        let packed = gzip.wait_with_output().expect("gzip ends").stdout;
        fed.join().expect("no panic").expect("gzip reads to the end");
        packed
    });
    &PACKED
}

async fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await?;
    let mut parts = first.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (parts.next(), parts.next()) else { return Ok(()) };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let request = Request { at_ms: now_ms(), method, path, headers, body };
    let number = {
        let mut requests = state.requests.lock().expect("no test panics while it holds the list");
        requests.push(request.clone());
        requests.len() - 1
    };
    let answer = match (state.conduct)(number, &request) {
        Act::Say(status, headers, body) => {
            let headers: String =
                headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            format!("HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
        }
        Act::Withhold(body) => {
            let mut released = state.released.subscribe();
            released.wait_for(|released| *released).await.ok();
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        }
        Act::Bomb => {
            let body = bomb();
            let length = body.len();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body).await?;
            return stream.shutdown().await;
        }
        Act::Drip(beginning) => {
            stream.write_all(beginning.as_bytes()).await?;
            // Ends when the other side closes.
            loop {
                tokio::time::sleep(DRIP).await;
                stream.write_all(b"x").await?;
            }
        }
        Act::Drop => return Ok(()),
        Act::Hang => {
            // Ends when the other side closes.
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await?;
            return Ok(());
        }
        Act::Pour => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            let chunk = [b'x'; 8192];
            loop {
                stream.write_all(&chunk).await?;
                state.poured.fetch_add(chunk.len(), Ordering::SeqCst);
            }
        }
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
