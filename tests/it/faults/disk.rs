//! The disk is full: refused aloud, nothing half written, and on again when there is room.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::json;

use super::skipped;
use crate::support::{
    history::{History, chains_hold},
    incident::Incident,
    playbooks::{DIRECTORY, patient},
    postgres::Database,
    server::Home,
    smtp_sink::Sink,
    wait::{SOON, until},
};

/// A disk of its own, of so many bytes; it goes with the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, bytes: u64) -> Option<Self> {
        std::fs::create_dir(at).expect("a fresh folder");
        let size = format!("size={bytes}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.0.join("ballast")).expect("a file on the small disk");
        for size in [64 * 1024, 4096, 512, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("ballast")).expect("the ballast of our own");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

/// F22.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 24 * 1024 * 1024) else {
        return skipped("F22", "a tmpfs cannot be mounted here (root is needed)");
    };
    let (sink, history) = (Sink::start().await, History::default());
    let database = format!("sqlite:{}", disk.0.join("noroshi.db").display());
    let home = Home::new(Database::Sqlite).set("NOROSHI_DATABASE__URL", &database).relays(&[&sink]);
    // Where the tests look for it.
    std::os::unix::fs::symlink(disk.0.join("noroshi.db"), home.path().join("noroshi.db")).expect("a link");
    let server = home.playbook("quick.yaml", &patient()).serve_with(DIRECTORY).await;
    let body = json!({ "playbook": "quick", "mode": "live", "variables": {} });
    let first = server.api.post("/api/v1/incidents", &body).await.expect(201);
    history.started(&first);
    let incident = Incident::of(&server.api, &first);
    until("everybody is told", SOON, async || {
        incident.recipients().await.iter().all(|one| one["grade"] == "accepted").then_some(())
    })
    .await;

    disk.fill();
    // The database has some room of its own left; it is used up by what people say.
    let refused = until("there is no room left", Duration::from_secs(60), async || {
        let reply = server.api.post("/api/v1/incidents", &body).await;
        history.started(&reply);
        (reply.status != 201).then_some(reply)
    })
    .await;
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.header("retry-after").is_some());
    let known = server.api.list("/api/v1/incidents").await.len();
    server.api.post("/api/v1/incidents", &body).await.expect(503);
    assert_eq!(
        server.api.list("/api/v1/incidents").await.len(),
        known,
        "reading goes on, and nothing is half there"
    );
    assert_eq!(incident.recipients().await.len(), 4);

    disk.free();
    let again = until("it is taken again", SOON, async || {
        Some(server.api.post("/api/v1/incidents", &body).await).filter(|reply| reply.status == 201)
    })
    .await;
    history.started(&again);
    history.check(&server, &sink, Duration::from_secs(60), 8).await;
    chains_hold(&server).await;
    server.forget_log();
    drop(server);
}
