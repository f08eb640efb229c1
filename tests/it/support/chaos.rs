//! Bad weather on a line: a TCP proxy that cuts, holds back, slows and swallows what passes between a client and its
//! server, and heals again. It stands in front of a mail relay, of PostgreSQL, or of the service itself.

use std::{
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// What the line does with what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Clear,
    /// Every line is cut, and nobody is let in.
    Cut,
    /// Nothing passes in either direction, as when a cable is pulled or the other end is paused; it passes when the
    /// weather changes.
    Silent,
    /// Each packet comes so much later, in each direction half of it.
    Slow(Duration),
    /// What the client says passes; what is answered is lost, and the line breaks when the weather changes.
    NoReplies,
}

/// The proxy. Ends with its test.
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    lost: watch::Sender<()>,
    asked: Arc<AtomicU64>,
    _lines: JoinSet<()>,
}

impl Proxy {
    /// Stands in front of `to` (`HOST:PORT`).
    pub async fn to(to: &str) -> Self {
        Self::at("127.0.0.1", to).await
    }

    /// The same, where clients come in at another address of this machine.
    pub async fn at(host: &str, to: &str) -> Self {
        let listener = TcpListener::bind((host, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (weather, lost) = (watch::Sender::new(Weather::Clear), watch::Sender::new(()));
        let asked = Arc::new(AtomicU64::new(0));
        let mut lines = JoinSet::new();
        let sky = (weather.subscribe(), lost.subscribe());
        lines.spawn(listen(listener, to.to_owned(), sky, Arc::clone(&asked)));
        Self { address, weather, lost, asked, _lines: lines }
    }

    /// `HOST:PORT`, where clients come in.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on.
    pub fn weather(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Every line that is open now stays open and silent for ever, as when the other machine has lost its power or a
    /// firewall has forgotten it; new lines are as the weather is.
    pub fn lose_lines(&self) {
        self.lost.send_replace(());
    }

    /// Bytes that clients have said so far and that were handed on.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The weather, and that all lines are lost.
type Sky = (watch::Receiver<Weather>, watch::Receiver<()>);

async fn listen(listener: TcpListener, to: String, sky: Sky, asked: Arc<AtomicU64>) {
    // The lines belong to this task's set, so that they end with the proxy.
    let mut lines = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while lines.try_join_next().is_some() {}
        lines.spawn(line(client, to.clone(), sky.clone(), Arc::clone(&asked)));
    }
}

async fn line(client: TcpStream, to: String, (mut weather, mut lost): Sky, asked: Arc<AtomicU64>) {
    lost.mark_unchanged();
    if *weather.borrow_and_update() == Weather::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(&to).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut there = pin!(pump(from_client, to_server, weather.clone(), false, Some(&asked)));
    let mut back = pin!(pump(from_server, to_client, weather, true, None));
    // A line that ends on one side ends on both: what was still under way is lost, as on a real cut.
    tokio::select! {
        () = &mut there => {}
        () = &mut back => {}
        // The pumps stand still with both ends in their hands, until the test is over.
        _ = lost.changed() => std::future::pending().await,
    }
}

/// Carries bytes in one direction as the weather allows, until the line ends or is cut.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
    replies: bool,
    count: Option<&AtomicU64>,
) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let now = *weather.borrow_and_update();
        let read = tokio::select! {
            changed = weather.changed() => {
                let broken = now == Weather::NoReplies && replies;
                if changed.is_err() || *weather.borrow() == Weather::Cut || broken {
                    return;
                }
                continue;
            }
            read = from.read(&mut bytes), if now != Weather::Silent => read,
        };
        let Ok(read @ 1..) = read else { return };
        match now {
            Weather::Cut => return,
            Weather::NoReplies if replies => continue,
            Weather::Slow(by) => tokio::time::sleep(by / 2).await,
            Weather::Clear | Weather::Silent | Weather::NoReplies => {}
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
        if let Some(count) = count {
            count.fetch_add(read as u64, Ordering::Relaxed);
        }
    }
}
