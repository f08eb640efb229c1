//! How the costs grow with the size of an alert and with what lies behind (goal P7): `cargo bench --bench growth`.
//!
//! The release binary on SQLite. A cost that is measured at three sizes is put into the form a·N^b; b and how well the
//! form fits (r²) are told. First an alert to 100, 1,000 and 10,000 recipients; then the same small incident beside 10,
//! 100 and 1,000 closed ones of 100 recipients each. The file is looked at too: bytes for each recipient and message.
//! Ends by itself after some three minutes.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[expect(dead_code, reason = "the bench uses a part of what the benches share")]
mod common;
#[expect(dead_code, reason = "the bench uses a part of what the tests stand on")]
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use common::{Runs, fit::Fit, goal, process, rows};
use support::{
    incident::Incident,
    playbooks::{QUICK, many, patient, with},
    postgres::Database,
    server::{Home, Server},
    smtp_sink::Sink,
    wait::until,
};

/// Alerts of these sizes, with how often each is raised.
const SIZES: [(usize, usize); 3] = [(100, 9), (1_000, 5), (10_000, 1)];
/// Closed incidents behind the one that is measured.
const HISTORY: [usize; 3] = [10, 100, 1_000];
/// Recipients of an incident, of those that are over as well as of those that run.
const EACH: usize = 100;
/// How often what is measured beside a history is done.
const TIMES: usize = 15;
/// Nothing here takes longer unless it is broken.
const DEADLINE: Duration = Duration::from_secs(120);
/// The most that a letter and its recipient may take in the file.
const BYTES: f64 = 1_024.0;

#[tokio::main]
async fn main() {
    println!("growth with the size of an alert and with history, SQLite, sink on loopback");
    with_recipients().await;
    with_history().await;
}

async fn with_recipients() {
    let (mut whole, mut cpu) = (Fit::default(), Fit::default());
    for (recipients, times) in SIZES {
        let sink = Sink::start().await;
        let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &patient());
        let mut server = home.serve_with(&many(recipients)).await;
        let before = size(&mut server).await;
        server.start().await;
        let (mut walls, mut costs) = (Runs::default(), Runs::default());
        for time in 1..=times {
            let (begin, used) = (Instant::now(), process::cpu(server.pid()));
            Incident::start(&server.api, "quick", "live").await;
            until("every letter has come", DEADLINE, async || {
                (sink.accepted("@many.example") >= time * recipients).then_some(())
            })
            .await;
            walls.add(begin.elapsed().as_secs_f64() * 1_000.0);
            costs.add((process::cpu(server.pid()) - used).as_secs_f64() * 1_000.0);
        }
        let bytes = (size(&mut server).await - before) / (recipients * times) as f64;
        println!(
            "alert to {recipients:>6}: {} ms until the last letter, {} ms of CPU, {bytes:.0} bytes for each",
            walls.told(0),
            costs.told(0)
        );
        whole.add(recipients as f64, walls.at(0.5));
        cpu.add(recipients as f64, costs.at(0.5));
        if recipients == SIZES[2].0 {
            weights(&server).await;
            goal(
                "bytes of the file for each recipient and message",
                format!("{bytes:.0}"),
                "1024",
                bytes <= BYTES,
            );
        }
    }
    for (what, fit) in [("time until the last letter", whole), ("CPU until the last letter", cpu)] {
        let (b, r2) = fit.exponent();
        goal(
            &format!("{what}, growth with recipients"),
            format!("b {b:.2}, r² {r2:.3}"),
            "b ≤ 1.05",
            b <= 1.05,
        );
    }
}

/// Bytes of the file, everything in it itself. The service is stopped for it.
async fn size(server: &mut Server) -> f64 {
    server.stop();
    let mut db = rows::open(server.home.path()).await;
    let bytes =
        rows::number(&mut db, "select page_count * page_size from pragma_page_count, pragma_page_size").await;
    rows::close(db).await;
    bytes as f64
}

/// Which tables and indexes of the file weigh most.
async fn weights(server: &Server) {
    let mut db = rows::open(server.home.path()).await;
    let each = SIZES[2].0;
    for (name, bytes) in rows::weights(&mut db).await.into_iter().take(14) {
        println!("    {:>6.0} bytes for each recipient: {name}", bytes as f64 / each as f64);
    }
    rows::close(db).await;
}

async fn with_history() {
    let mut fits: Vec<(&str, Fit)> = Vec::new();
    let sink = Sink::start().await;
    // Ladders whose first step comes soon, so that a timer's tick can be watched, and whose last does not end in the way.
    let quick = with(&with(QUICK, "at: 6s", "at: 15m"), "at: 8s", "at: 30m");
    let home = Home::new(Database::Sqlite).relays(&[&sink]).playbook("quick.yaml", &quick);
    let mut server = home.serve_with(&many(EACH)).await;
    let old = Incident::start(&server.api, "quick", "live").await;
    let letters = sink.letters_to("@many.example", EACH, DEADLINE).await;
    for letter in &letters {
        answer(&server, &letter.link()).await;
    }
    old.close("over").await.expect(200);
    sink.letters_to("@many.example", 2 * EACH, DEADLINE).await;
    server.stop();
    let mut copies = 1;
    for history in HISTORY {
        let mut db = rows::open(server.home.path()).await;
        if copies == 1 {
            // What closing asked of people is over as well.
            let over = "delete from timer where incident_id in (select id from incident where number = 1); \
                        update recipient set state = 'answered', due_own_ms = null where state <> 'informed'";
            rows::run(&mut db, over).await;
        }
        rows::run(&mut db, "begin").await;
        rows::copy_incident(&mut db, 1, copies, history - copies).await;
        rows::run(&mut db, "commit").await;
        copies = history;
        let closed = rows::number(&mut db, "select count(*) from incident where state = 'closed'").await;
        assert!(closed >= history as i64, "{closed} closed incidents");
        rows::close(db).await;
        server.start().await;
        println!("beside {history} closed incidents of {EACH} recipients:");
        let used = process::cpu_share(server.pid(), Duration::from_secs(5)).await;
        println!("    {:<34} {:.2} %", "CPU of a core at rest", used * 100.0);
        for (what, runs) in measure(&server, &sink).await {
            println!("    {what:<34} {} ms", runs.told(2));
            match fits.iter_mut().find(|(name, _)| *name == what) {
                Some((_, fit)) => fit.add(history as f64, runs.at(0.5)),
                None => fits.push((what, Fit::of(history as f64, runs.at(0.5)))),
            }
        }
        server.stop();
    }
    for (what, fit) in fits {
        let (b, r2) = fit.exponent();
        goal(&format!("{what}, growth with history"), format!("b {b:.2}, r² {r2:.3}"), "b ≤ 0.1", b <= 0.1);
    }
}

/// What is done again and again beside each history, in milliseconds.
async fn measure(server: &Server, sink: &Sink) -> Vec<(&'static str, Runs)> {
    let names = ["trigger, said", "trigger, last letter", "answer", "board page", "home page", "timer tick"];
    let mut runs: Vec<(&'static str, Runs)> = names.map(|name| (name, Runs::default())).into();
    let ms = |begin: Instant| begin.elapsed().as_secs_f64() * 1_000.0;
    for time in 0..TIMES {
        let before = sink.accepted("@many.example");
        let begin = Instant::now();
        let incident = Incident::start(&server.api, "quick", "live").await;
        runs[0].1.add(ms(begin));
        until("every letter has come", DEADLINE, async || {
            (sink.accepted("@many.example") >= before + EACH).then_some(())
        })
        .await;
        runs[1].1.add(ms(begin));
        let letters = sink.received_by("@many.example");
        let letters = &letters[before..before + EACH];
        for letter in &letters[..4] {
            let begin = Instant::now();
            answer(server, &letter.link()).await;
            runs[2].1.add(ms(begin));
        }
        for (run, path) in [(3, format!("/incidents/{}", incident.id)), (4, "/".to_owned())] {
            let begin = Instant::now();
            server.api.get(&path).await.expect(200);
            runs[run].1.add(ms(begin));
        }
        // The first incidents of each history are watched until their ladders take a step; the others are cancelled
        // before.
        if time < 3 {
            let mut db = rows::open(server.home.path()).await;
            let due = rows::due_by_address(&mut db, &incident.id).await;
            rows::leave(db).await;
            until("the first step is taken", DEADLINE, async || {
                (sink.accepted("@many.example") >= before + 2 * EACH - 4).then_some(())
            })
            .await;
            for letter in &sink.received_by("@many.example")[before + EACH..before + 2 * EACH - 4] {
                let due = due[&letter.to[0]];
                runs[5].1.add((letter.received_ms - due).max(1) as f64);
            }
        }
        let before = sink.accepted("@many.example");
        incident.cancel("enough").await.expect(200);
        until("the cancelling has come", DEADLINE, async || {
            (sink.accepted("@many.example") >= before + EACH).then_some(())
        })
        .await;
    }
    runs
}

async fn answer(server: &Server, link: &str) {
    let fields = [("option", "available"), ("teams", "2")];
    server.anybody().post_form(&format!("{link}/answer"), &fields).await.expect(303);
}
