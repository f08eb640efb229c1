//! The process dies, or meets a bug, at every named place on the way of an alert (`src/failpoint.rs`): between trigger,
//! fan-out, claim, sending, record, escalation and answer, and inside each of them.

use std::{
    collections::BTreeSet,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::ExitStatus,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    support::{
        client::{Api, Reply},
        history::History,
        incident::Incident,
        playbooks::{DIRECTORY, QUICK, with},
        postgres::{Database, on_each_database},
        server::{Home, Server},
        smtp_sink::Sink,
        wait::until,
    },
    triggers::quake,
};

/// Every fail point of the source, and at which of its hits the process dies. One letter is in hand at most: there is
/// one connection.
const POINTS: &[(&str, &[u32])] = &[
    ("start.checked", &[1]),
    ("start.opened", &[1]),
    ("start.lit", &[1]),
    ("start.kept", &[1]),
    ("start.committed", &[1]),
    ("trigger.decided", &[1]),
    ("trigger.written", &[1]),
    ("trigger.committed", &[1]),
    ("raise.alert", &[1]),
    ("raise.recipients", &[2]),
    ("raise.performed", &[1]),
    ("write.timers", &[1, 2, 3]),
    ("write.deliveries", &[1, 2]),
    ("write.links", &[1]),
    ("write.lines", &[2]),
    ("write.events", &[3]),
    ("claim.committed", &[1, 3]),
    ("send.before", &[1, 3]),
    ("send.after", &[1, 3]),
    ("record.handed", &[1]),
    ("record.begun", &[1]),
    ("record.outcome", &[1, 2]),
    ("record.attempts", &[1]),
    ("record.committed", &[1, 3]),
    ("fire.due", &[1]),
    ("fire.step", &[1, 2]),
    ("fire.counted", &[1, 2]),
    ("fire.committed", &[1, 3]),
    ("answer.locked", &[1]),
    ("answer.taken", &[1]),
    ("answer.concluded", &[1]),
    ("answer.committed", &[1]),
];
/// Where a worker meets a bug.
const BUGS: &[&str] = &["claim.committed", "send.after", "record.outcome", "fire.step", "answer.taken"];
/// Services that run at the same time on each database.
const LANES: usize = 5;
/// A debug build on a shared machine; a lease of five seconds and a ladder of four are in it.
const PATIENCE: Duration = Duration::from_secs(90);

/// The fixture's playbook, climbing in four seconds, with a trigger that sends at once.
fn playbook() -> String {
    let mut text = QUICK.to_owned();
    for (from, to) in [
        ("at: 2s", "at: 1s"),
        ("at: 4s", "at: 2s"),
        ("at: 6s", "at: 3s"),
        ("at: 8s", "at: 4s"),
        ("read_by: 2s, ack_by: 4s, respond_by: 8s", "read_by: 1s, ack_by: 2s, respond_by: 4s"),
        (
            "allow: [roster.duty, roster.deputy] }",
            "allow: [roster.duty, roster.deputy] }\n  \
             - { key: jma, source: jma.earthquake, when: { max_intensity: { gte: \"6+\" } }, \
             mode: open_and_send, dedupe: { by: trigger.event_id, window: 12h, then: attach } }",
        ),
    ] {
        text = with(&text, from, to);
    }
    text
}

/// Asks for the incident of this case: the same again is the same incident.
async fn ask(api: &Api, case: &str) -> Result<Reply, reqwest::Error> {
    let body = |value: Value| Some(value.to_string());
    if case.starts_with("trigger.") {
        let event = quake("6+", case);
        let headers = [("content-type", "application/json"), ("idempotency-key", case)];
        return api.try_send("POST", "/api/v1/trigger-events", &headers, body(event)).await;
    }
    let start = json!({ "playbook": "quick", "mode": "live", "variables": {} });
    let headers = [("content-type", "application/json"), ("idempotency-key", case)];
    api.try_send("POST", "/api/v1/incidents", &headers, body(start)).await
}

/// What people do meanwhile: whoever starts asks again until it is said to be done, the eastern hospital answers its
/// first letter. What they were told is kept.
struct People<'a> {
    api: Api,
    anybody: Api,
    sink: &'a Sink,
    case: String,
    history: History,
    /// Letters to the eastern hospital that earlier cases had.
    earlier: usize,
    incident: Option<String>,
    answered: bool,
}

impl<'a> People<'a> {
    fn new(server: &Server, sink: &'a Sink, case: &str) -> Self {
        Self {
            api: server.api.clone(),
            anybody: server.anybody(),
            sink,
            case: case.to_owned(),
            history: History::default(),
            earlier: sink.received_by("dmat@east.example").len(),
            incident: None,
            answered: false,
        }
    }

    /// Does what is to be done now. A service that is away or busy is asked again later.
    async fn go_on(&mut self) {
        if self.incident.is_none() {
            let Ok(reply) = ask(&self.api, &self.case).await else { return };
            if reply.status == 201 {
                let told = reply.json();
                let id = if self.case.starts_with("trigger.") {
                    told["outcomes"][0]["incident"].clone()
                } else {
                    told["id"].clone()
                };
                let id = id.as_str().unwrap_or_else(|| panic!("no incident: {told:#}")).to_owned();
                self.history.started_as(&id);
                self.incident = Some(id);
            }
        }
        let letters = self.sink.received_by("dmat@east.example");
        if let Some(letter) = letters.get(self.earlier).filter(|_| !self.answered) {
            let form = [("option", "available"), ("teams", "2")];
            let path = format!("{}/answer", letter.link());
            if let Ok(reply) = self.anybody.try_form(&path, &form).await {
                self.answered = self.history.answered(letter, "available", &reply);
            }
        }
    }
}

/// One case: the armed service is asked, dies at its place, and is started again without it. Then nothing is missing,
/// nothing is twice that was not in hand, and the ladder has gone to its end.
async fn dies(server: &mut Server, sink: &Sink, point: &str, hit: u32, action: &str, nth: usize) {
    let case = format!("{point}:{hit}:{action}");
    server.kill_hard();
    server.home.fail_at(Some(&case));
    server.start().await;
    let mut people = People::new(server, sink, &case);
    let ended: ExitStatus = until(&format!("the process dies at {case}"), PATIENCE, async || {
        if let Some(status) = server.ended() {
            return Some(status);
        }
        people.go_on().await;
        None
    })
    .await;
    match action {
        "abort" => assert_eq!(ended.signal(), Some(6), "{case}: {ended}"),
        _ => assert_eq!(ended.code(), Some(1), "{case}: {ended}"),
    }
    server.home.fail_at(None);
    server.start().await;
    until(&format!("everything is done after {case}"), PATIENCE, async || {
        people.go_on().await;
        let incident = Incident::known(&server.api, people.incident.as_deref()?);
        let standby = incident.recipients_of("standby").await;
        let east = standby.iter().any(|one| one["agency"] == "hosp_east" && one["state"] == "answered");
        let decided = standby.iter().filter(|one| one["state"] == "to_decide");
        let decided = decided.filter(|one| one["next_step_at"].is_null()).count();
        (east && people.answered && decided == standby.len() - 1).then_some(())
    })
    .await;
    let incidents = server.api.list("/api/v1/incidents").await.len();
    assert_eq!(incidents, nth, "one incident for each case, also {case}");
    let found = people.history.check(server, sink, PATIENCE, 1).await;
    println!("{case} on {}: {found:?}", server.home.database().name());
}

/// Takes the cases one after the other, in lanes beside each other.
async fn each(database: &Database, cases: &[(&str, u32)], action: &str) {
    let next = AtomicUsize::new(0);
    let lane = async |database: Database| {
        let sink = Sink::start().await;
        let home = Home::new(database)
            .set("NOROSHI_DELIVERY__LEASE", "5s")
            .set("NOROSHI_DELIVERY__CONNECTIONS", "1")
            .relays(&[&sink])
            .playbook("quick.yaml", &playbook());
        let mut server = home.serve_with(DIRECTORY).await;
        let mut done = 0;
        while let Some((point, hit)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            done += 1;
            dies(&mut server, &sink, point, *hit, action, done).await;
        }
        // A bug is an error of the log.
        server.forget_log();
    };
    let lanes = (0..LANES.min(cases.len())).map(|_| async {
        match database {
            Database::Sqlite => lane(Database::Sqlite).await,
            Database::Postgres { .. } => database.another(&lane).await,
        }
    });
    futures_util::future::join_all(lanes).await;
}

/// F01, F03, F05, F06. The whole table, on each database.
#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_any_named_place_loses_nobody_and_doubles_only_what_was_in_hand() {
    let cases: Vec<(&str, u32)> =
        POINTS.iter().flat_map(|(name, hits)| hits.iter().map(|hit| (*name, *hit))).collect();
    on_each_database(async |database| each(&database, &cases, "abort").await).await;
}

/// F38. A bug in a worker ends the process in order; what it had in hand is as after a kill.
#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_any_worker_loses_nobody_and_doubles_only_what_was_in_hand() {
    let cases: Vec<(&str, u32)> = BUGS.iter().map(|name| (*name, 1)).collect();
    on_each_database(async |database| each(&database, &cases, "panic").await).await;
}

/// F38. A bug in the middle of a start is this request's alone: nothing of it is there, and the same again is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_bug_in_the_middle_of_a_start_leaves_nothing_half_done() {
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let mut home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", &playbook());
        home.fail_at(Some("start.lit:1:panic"));
        let server = home.serve_with(DIRECTORY).await;
        ask(&server.api, "bug").await.expect("a reply").expect(500);
        assert!(server.api.list("/api/v1/incidents").await.is_empty(), "nothing of it is there");
        let history = History::default();
        history.started(&ask(&server.api, "bug").await.expect("a reply").expect(201));
        history.check(&server, &sink, PATIENCE, 0).await;
        server.forget_log();
    })
    .await;
}

fn names_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the source").flatten() {
        let path = entry.path();
        if path.is_dir() {
            names_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a file of the source");
            let names = text.split("reached(\"").skip(1).filter_map(|rest| rest.split('"').next());
            found.extend(names.map(str::to_owned));
        }
    }
}

/// A place that no case dies at would look proved and would not be.
#[test]
fn every_fail_point_of_the_source_stands_in_the_table() {
    let mut source = BTreeSet::new();
    names_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut source);
    let table: BTreeSet<String> = POINTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(source, table);
    assert!(POINTS.iter().all(|(_, hits)| !hits.is_empty()));
    assert!(BUGS.iter().all(|name| table.contains(*name)));
}
