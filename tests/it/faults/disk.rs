//! The disk is full: refused aloud, nothing half written, and on again when there is room.

use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::json;

use super::skipped;
use crate::support::{
    client::Reply,
    cluster::Cluster,
    history::{History, chains_hold},
    incident::Incident,
    playbooks::{DIRECTORY, patient},
    postgres::Database,
    server::{Home, Server},
    smtp_sink::{Letter, Sink},
    wait::{SOON, until},
};

/// A disk of its own, of so many bytes; it goes with the test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, bytes: u64) -> Option<Self> {
        // PostgreSQL's own user has to pass through the folder around it.
        let around = at.parent().expect("a folder of ours");
        std::fs::set_permissions(around, PermissionsExt::from_mode(0o711)).expect("our own folder");
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

/// How long people may write until the room that the database has of its own is used up; and how long until the service
/// is well again.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the page says of an answer that is stored.
const STORED: [&str; 3] = ["受け付けました", "届きました", "is stored"];

/// F22.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 24 * 1024 * 1024) else {
        return skipped("F22", "a tmpfs cannot be mounted here (root is needed)");
    };
    let database = format!("sqlite:{}", disk.0.join("noroshi.db").display());
    let home = Home::new(Database::Sqlite).set("NOROSHI_DATABASE__URL", &database);
    // Where the tests look for it.
    std::os::unix::fs::symlink(disk.0.join("noroshi.db"), home.path().join("noroshi.db")).expect("a link");
    survives(&disk, home, None).await;
}

/// F22, where the database's server has the full disk: it may end, and is started again when there is room.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_database_server_is_told_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 160 * 1024 * 1024) else {
        return skipped("F22", "a tmpfs cannot be mounted here (root is needed)");
    };
    let Some(cluster) = Cluster::start_in(&disk.0) else {
        return skipped("F22", "a PostgreSQL server is missing (apt-get install postgresql)");
    };
    let home = Home::new(cluster.database());
    survives(&disk, home, Some(cluster)).await;
}

async fn survives(disk: &SmallDisk, home: Home, cluster: Option<Cluster>) {
    let (sink, history) = (Sink::start().await, History::default());
    let home = home.relays(&[&sink]).playbook("quick.yaml", &patient());
    let server = home.serve_with(DIRECTORY).await;
    let body = json!({ "playbook": "quick", "mode": "live", "variables": {} });
    let first = server.api.post("/api/v1/incidents", &body).await.expect(201);
    history.started(&first);
    let incident = Incident::of(&server.api, &first);
    until("everybody is told", SOON, async || {
        incident.recipients().await.iter().all(|one| one["grade"] == "accepted").then_some(())
    })
    .await;
    let east = sink.letters_to("dmat@east.example", 1, SOON).await.remove(0);
    let west = sink.letters_to("dmat@west.example", 1, SOON).await.remove(0);
    // Whoever looks at the page and then changes their mind is no scanner.
    server.anybody().post_form(&format!("{}/opened", east.link()), &[]).await;
    let (mut said, mut stored) = ("available", "available");
    assert!(history.answered(&east, said, &answer(&server, &east, said).await));

    disk.fill();
    // The database has some room of its own left; it is used up by what people say, who change their minds.
    let mut options = ["unavailable", "available"].into_iter().cycle();
    let refused = until("no answer is taken any more", PATIENCE, async || {
        said = options.next().expect("they change their minds for ever");
        let reply = answer(&server, &east, said).await;
        let taken = history.answered(&east, said, &reply);
        if taken {
            stored = said;
        }
        (!taken).then_some(reply)
    })
    .await;
    told_as_refused(&refused);
    let refused = until("no start is taken any more", PATIENCE, async || {
        let reply = server.api.post("/api/v1/incidents", &body).await;
        history.started(&reply);
        (reply.status != 201).then_some(reply)
    })
    .await;
    told_as_refused(&refused);
    told_as_refused(&answer(&server, &west, "available").await);
    // A server of a database ends when its log has no room either; then nobody reads.
    if cluster.as_ref().is_none_or(Cluster::runs) {
        let known = server.api.list("/api/v1/incidents").await.len();
        told_as_refused(&server.api.post("/api/v1/incidents", &body).await);
        assert_eq!(
            server.api.list("/api/v1/incidents").await.len(),
            known,
            "reading goes on, and nothing is half there"
        );
        assert_eq!(incident.recipients().await.len(), 4);
        assert_eq!(incident.recipient("standby", "hosp_east").await["answer"]["option"], stored);
    }

    disk.free();
    if let Some(cluster) = cluster.as_ref().filter(|cluster| !cluster.runs()) {
        cluster.start_again();
    }
    let again = until("a start is taken again", PATIENCE, async || {
        Some(server.api.post("/api/v1/incidents", &body).await).filter(|reply| reply.status == 201)
    })
    .await;
    history.started(&again);
    // A server that crashes may have stored what it had no time to say; never half of it.
    let kept = incident.recipient("standby", "hosp_east").await["answer"]["option"].clone();
    assert!(kept == stored || cluster.is_some() && kept == said, "{kept} after {stored} and {said}");
    for (letter, option) in [(&east, stored), (&west, "available")] {
        let reply = answer(&server, letter, option).await;
        assert!(history.answered(letter, option, &reply), "{}", reply.text);
    }
    history.check(&server, &sink, PATIENCE, 8).await;
    chains_hold(&server).await;
    server.forget_log();
    drop(server);
}

async fn answer(server: &Server, letter: &Letter, option: &str) -> Reply {
    let form = [("option", option), ("teams", "1"), ("reason", "人員不足")];
    server.anybody().post_form(&format!("{}/answer", letter.link()), &form).await
}

/// Nobody takes it for stored, and whoever asks is told to come again.
#[track_caller]
fn told_as_refused(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert!(reply.header("retry-after").is_some());
    assert!(STORED.iter().all(|words| !reply.text.contains(words)), "{}", reply.text);
}
