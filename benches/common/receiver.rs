//! A bare receiver of webhooks: HTTP/1.1 with kept connections, every call answered at once with an empty 200.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A call that was kept whole.
#[derive(Clone, Debug)]
pub struct Call {
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Default)]
struct State {
    calls: AtomicUsize,
    connections: AtomicUsize,
    ids: Mutex<HashSet<String>>,
    kept: Mutex<Vec<Call>>,
}

/// The listener. Ends with its bench.
pub struct Receiver {
    state: Arc<State>,
    port: u16,
    _listener: JoinSet<()>,
}

impl Receiver {
    /// Starts one on a free port; of so many calls one is kept whole.
    pub async fn start(one_of: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let state = Arc::new(State::default());
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let state = Arc::clone(&state);
            async move {
                let mut open = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    while open.try_join_next().is_some() {}
                    state.connections.fetch_add(1, Ordering::Relaxed);
                    let state = Arc::clone(&state);
                    // A line that the other side closes is an ordinary end.
                    open.spawn(async move { drop(serve(stream, &state, one_of).await) });
                }
            }
        });
        Self { state, port, _listener: tasks }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Calls so far.
    pub fn calls(&self) -> usize {
        self.state.calls.load(Ordering::Relaxed)
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Different `webhook-id`s so far.
    pub fn ids(&self) -> usize {
        self.state.ids.lock().expect("nobody panics while it holds the set").len()
    }

    /// The calls that were kept whole.
    pub fn kept(&self) -> Vec<Call> {
        self.state.kept.lock().expect("nobody panics while it holds the list").clone()
    }
}

async fn serve(stream: TcpStream, state: &State, one_of: usize) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(16 * 1024, stream);
    let mut line = String::new();
    loop {
        let mut headers = Vec::new();
        let (mut length, mut close) = (0, false);
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
            match name.as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "connection" => close = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
            headers.push((name, value));
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        if let Some((_, id)) = headers.iter().find(|(name, _)| name == "webhook-id") {
            state.ids.lock().expect("nobody panics while it holds the set").insert(id.clone());
        }
        if state.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(one_of) {
            state.kept.lock().expect("nobody panics while it holds the list").push(Call { headers, body });
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
        if close {
            return stream.shutdown().await;
        }
    }
}
