//! Somebody sets the machine's clock while ladders climb: nothing comes early, nothing twice, nothing an hour late.

use std::path::{Path, PathBuf};

use super::skipped;
use crate::support::{
    incident::{Incident, moment},
    playbooks::{DIRECTORY, QUICK},
    postgres::on_each_database,
    server::{Home, Server},
    signed::{secret, signed, with_gauge},
    smtp_sink::{Sink, message_ids},
    wait::{SOON, now_ms, until},
};

/// The file that says where the service's clock stands.
const CLOCK: &str = "clock";

/// The library that moves the clock of one process.
fn libfaketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|path| path.exists())
}

/// What is wrong, in English.
async fn warnings(server: &Server) -> String {
    let reply = server.api.send("GET", "/readyz", &[("accept-language", "en")], None).await;
    reply.expect(200).json()["warnings"].to_string()
}

/// The service with a clock of its own, which stands so many seconds from the true time.
fn with_clock(home: Home, library: &Path, seconds: &str) -> Home {
    let clock = home.write(CLOCK, &format!("{seconds}\n"));
    home.set("LD_PRELOAD", library.to_str().expect("a path"))
        .set("FAKETIME_TIMESTAMP_FILE", clock.to_str().expect("a path"))
        .set("FAKETIME_NO_CACHE", "1")
        .set("DONT_FAKE_MONOTONIC", "1")
        .set("FAKETIME_DONT_FAKE_MONOTONIC", "1")
}

/// Somebody sets that clock; the warning that follows.
async fn set_clock(server: &Server, seconds: &str) -> String {
    // The file changes as a whole: half a number would be another jump.
    let next = server.home.write("clock.next", &format!("{seconds}\n"));
    std::fs::rename(next, server.home.path().join(CLOCK)).expect("a file of ours");
    until("the jump is told", SOON, async || {
        let warnings = warnings(server).await;
        warnings.contains("clock of this machine").then_some(warnings)
    })
    .await
}

/// F20. Whoever compares clocks with us compares with one that is right again, although the incident goes on by the time
/// before.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_right_signs_and_dates_rightly_at_once() {
    let Some(library) = libfaketime() else {
        return skipped("F20", "libfaketime is missing (apt-get install faketime)");
    };
    on_each_database(async |database| {
        let sink = Sink::start().await;
        let home = Home::new(database).relays(&[&sink]).set("NOROSHI_HOOKS__GAUGE", &secret(7));
        let home = home.playbook("quick.yaml", &with_gauge(QUICK));
        let server = with_clock(home, &library, "-3600").serve_with(DIRECTORY).await;
        Incident::start(&server.api, "quick", "live").await;
        sink.letters_to("dmat@west.example", 1, SOON).await;
        set_clock(&server, "+0").await;

        let body = r#"{"station":{"id":"s1","name":"青葉川"},"level":4}"#;
        let headers = signed(7, "m1", now_ms() / 1000, body);
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let call =
            server.anybody().send("POST", "/api/v1/hooks/gauge", &headers, Some(body.to_owned())).await;
        assert_eq!(call.expect(200).json()["items"][0]["outcomes"][0]["decision"], "hold");
        let alternate = sink.letters_to("office@west-kanri.example", 1, SOON).await.remove(0);
        let date = alternate.header("Date").expect("a date");
        let date = chrono::DateTime::parse_from_rfc2822(&date).expect("RFC 5322").timestamp_millis();
        assert!((now_ms() - date).abs() < 5 * 60_000, "dated {date}, and it is {}", now_ms());
    })
    .await;
}

/// F20.
#[tokio::test(flavor = "multi_thread")]
async fn a_jump_of_the_wall_clock_makes_nothing_early_nothing_twice_and_nothing_late() {
    let Some(library) = libfaketime() else {
        return skipped("F20", "libfaketime is missing (apt-get install faketime)");
    };
    for (jump, told) in [("+3600", "forward"), ("-3600", "back")] {
        on_each_database(async |database| {
            let sink = Sink::start().await;
            let home = Home::new(database).relays(&[&sink]).playbook("quick.yaml", QUICK);
            let server = with_clock(home, &library, "+0").serve_with(DIRECTORY).await;
            let incident = Incident::start(&server.api, "quick", "live").await;
            sink.letters_to("dmat@west.example", 1, SOON).await;
            // A step counts from the moment at which the first letter was handed over.
            let west = incident.recipient("standby", "hosp_west").await;
            let begun = moment(&west["deliveries"][0]["handed_at"]);
            let warning = set_clock(&server, jump).await;
            assert!(warning.contains(told) && warning.contains("1h"), "{warning}");

            let reminder = sink.letters_to("dmat@west.example", 2, SOON).await.remove(1);
            let alternate = sink.letters_to("office@west-kanri.example", 1, SOON).await.remove(0);
            incident.in_state("standby", "hosp_west", "to_decide", SOON).await;
            for (what, letter, at) in
                [("the reminder", &reminder, 2_000), ("the alternate", &alternate, 4_000)]
            {
                let after = letter.received_ms - begun;
                assert!(after >= at, "{what} of {at} ms came after {after} ms");
                println!("clock {jump}: {what} of {at} ms came after {after} ms");
            }
            let west = sink.received_by("dmat@west.example");
            assert_eq!((west.len(), message_ids(&west).len()), (2, 2), "nothing came twice");
            assert_eq!(sink.received_by("office@west-kanri.example").len(), 1);
            assert!(server.log().contains("clock of this machine was set"), "{}", server.log());

            let told = incident.chronology_text().await;
            assert_eq!(told.matches("変更前の時刻で続ける").count(), 1, "{told}");

            // When nothing hangs on it any more, the new time is followed.
            incident.close("終了").await.expect(200);
            until("the new time is followed", SOON, async || {
                let warnings = warnings(&server).await;
                (!warnings.contains("clock of this machine")).then_some(())
            })
            .await;
        })
        .await;
    }
}
