//! A PostgreSQL server of a test's own, which may be stopped and started again.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{postgres::Database, server::free_port};

/// One server with an empty database. Ends with its test.
pub struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Cluster {
    /// Makes one and starts it; `None` where this machine has no PostgreSQL server.
    pub fn start() -> Option<Self> {
        Self::start_in(&std::env::temp_dir())
    }

    /// The same with its data below this folder.
    pub fn start_in(parent: &Path) -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
        let programs =
            versions.map(|entry| entry.path().join("bin")).filter(|path| path.join("initdb").exists());
        let programs = programs.max()?;
        let folder = tempfile::Builder::new()
            .prefix("noroshi-cluster-")
            .tempdir_in(parent)
            .expect("a temporary folder");
        let cluster = Self { folder, programs, port: free_port() };
        if is_root() {
            // The server refuses to run as root; the package brings this user.
            let given = Command::new("chown").arg("postgres").arg(cluster.folder.path()).status();
            assert!(given.is_ok_and(|status| status.success()), "the folder cannot be given to postgres");
        }
        let made = ["-U", "noroshi", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"];
        cluster.run("initdb", &made);
        cluster.start_again();
        Some(cluster)
    }

    /// Its empty database.
    pub fn database(&self) -> Database {
        Database::Postgres { url: format!("postgres://noroshi@127.0.0.1:{}/postgres", self.port) }
    }

    /// Stops it as a crash does: every line is cut, nothing is finished.
    pub fn stop_at_once(&self) {
        self.run("pg_ctl", &["stop", "-w", "-m", "immediate"]);
    }

    /// Starts it on what the last one left.
    pub fn start_again(&self) {
        let folder = self.folder.path().display();
        let options = format!("-p {} -k {folder} -c listen_addresses=127.0.0.1", self.port);
        let log = self.folder.path().join("log");
        let log = log.to_str().expect("a path of ours");
        self.run("pg_ctl", &["start", "-w", "-t", "60", "-s", "-l", log, "-o", &options]);
    }

    /// Whether it has not ended by itself.
    pub fn runs(&self) -> bool {
        let status = self.command("pg_ctl", &["status"]).stdout(Stdio::null()).status();
        status.expect("pg_ctl runs").success()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) {
        // The server outlives the command: it must not hold a pipe of ours open.
        let errors = std::fs::File::create(self.folder.path().join("errors")).expect("a file of ours");
        let status = self.command(program, arguments).stdout(Stdio::null()).stderr(errors).status();
        let told = std::fs::read_to_string(self.folder.path().join("errors")).unwrap_or_default();
        assert!(status.is_ok_and(|status| status.success()), "{program}: {told}");
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(&program);
            command
        } else {
            Command::new(&program)
        };
        command.arg("-D").arg(self.data()).args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.stop_at_once();
        }
    }
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(Path::new("/proc/self")).expect("our own process"))
        == 0
}
