//! Raising an alert to 1,000 mail recipients: `cargo bench --bench fanout`.
//!
//! The release binary on SQLite, a sink on loopback, and beside every figure a limit that was measured in the same
//! run against the same sink: the machines are shared, so only the ratios mean something. Ends by itself.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[expect(dead_code, reason = "the bench uses a part of what the tests stand on")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;
use support::{
    playbooks::{many, patient},
    postgres::Database,
    server::Home,
    smtp_sink::{Letter, Sink},
    wait::{now_ms, until},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinSet,
};

const RECIPIENTS: usize = 1_000;
/// Nothing here takes longer unless it is broken.
const DEADLINE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() {
    println!("alert to {RECIPIENTS} mail recipients, SQLite, sink on loopback");
    let (default_time, letters, resident) = product(None).await;
    let (one_time, _, _) = product(Some("1")).await;
    let bare_one = bare(&letters, 1).await;
    let bare_eight = bare(&letters, 8).await;
    let trivial = trivial_resident();

    let rate = |time: Duration| RECIPIENTS as f64 / time.as_secs_f64();
    let ratio = |ours: Duration, limit: Duration| ours.as_secs_f64() / limit.as_secs_f64();
    println!(
        "from 201 to the last mail accepted, 8 connections   {default_time:>8.2?}   (wanted: below 3 s)"
    );
    println!(
        "bare socket loop, 8 connections, same letters       {bare_eight:>8.2?}   ratio {:.1}",
        ratio(default_time, bare_eight)
    );
    println!(
        "the same by one connection                          {one_time:>8.2?}   {:.0} mails/s",
        rate(one_time)
    );
    println!(
        "bare socket loop, one connection                    {bare_one:>8.2?}   {:.0} mails/s, ratio {:.1}",
        rate(bare_one),
        ratio(one_time, bare_one)
    );
    println!(
        "resident memory at rest                             {:>5.1} MiB   (wanted: below 60 MiB)",
        mib(resident)
    );
    println!(
        "resident memory of `sleep`                          {:>5.1} MiB   ratio {:.0}",
        mib(trivial),
        resident as f64 / trivial as f64
    );
}

/// Starts the service, raises the alert, waits for the last 250. Gives the time from the 201 to it, the letters, and
/// the resident memory before anything was asked of the service.
async fn product(connections: Option<&str>) -> (Duration, Vec<Letter>, u64) {
    let sink = Sink::start().await;
    let mut home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
    if let Some(connections) = connections {
        home = home.set("NOROSHI_DELIVERY__CONNECTIONS", connections);
    }
    let server = home.serve_with(&many(RECIPIENTS)).await;
    let resident = resident_bytes(server.pid());
    let body = json!({ "playbook": "quick", "mode": "live", "variables": {} });
    server.api.post("/api/v1/incidents", &body).await.expect(201);
    let said = now_ms();
    until("every letter is accepted", DEADLINE, async || {
        (sink.accepted("@many.example") >= RECIPIENTS).then_some(())
    })
    .await;
    let letters = sink.received_by("@many.example");
    let last = letters.iter().filter_map(|letter| letter.accepted_ms).max().expect("a thousand letters");
    (Duration::from_millis(u64::try_from(last - said).unwrap_or(1).max(1)), letters, resident)
}

/// The same letters by plain sockets: one command, one reply, connections kept.
async fn bare(letters: &[Letter], connections: usize) -> Duration {
    let sink = Sink::start().await;
    let address = sink.url().trim_start_matches("smtp://").to_owned();
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for chunk in letters.chunks(letters.len().div_ceil(connections)) {
        let (chunk, address) = (chunk.to_vec(), address.clone());
        tasks.spawn(async move {
            let stream = TcpStream::connect(address).await.expect("the sink listens");
            stream.set_nodelay(true).expect("a TCP option");
            let (read, mut write) = stream.into_split();
            let mut read = BufReader::new(read);
            let mut reply = String::new();
            read.read_line(&mut reply).await.expect("a greeting");
            for letter in chunk {
                let stuffed = letter.raw.replace("\r\n.", "\r\n..");
                let rcpt = format!("RCPT TO:<{}>\r\n", letter.to[0]);
                let text = format!("{stuffed}.\r\n");
                for line in ["MAIL FROM:<bare@noroshi.example>\r\n", &rcpt, "DATA\r\n", &text] {
                    write.write_all(line.as_bytes()).await.expect("the sink reads");
                    reply.clear();
                    read.read_line(&mut reply).await.expect("a reply");
                    assert!(reply.starts_with(['2', '3']), "{reply}");
                }
            }
        });
    }
    tasks.join_all().await;
    let time = begin.elapsed();
    assert_eq!(sink.accepted(""), letters.len());
    time
}

fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a Linux kernel tells it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
}

fn trivial_resident() -> u64 {
    let mut child = Command::new("sleep").arg("60").spawn().expect("coreutils");
    // Until it sleeps it has not loaded all that it needs.
    let sleeps = || {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("the process lives");
        status.starts_with("Name:\tsleep") && status.contains("State:\tS")
    };
    while !sleeps() {
        std::thread::yield_now();
    }
    let bytes = resident_bytes(child.id());
    child.kill().expect("our own child can be killed");
    child.wait().expect("our own child can be waited for");
    bytes
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
