//! Debian's SMTP test pair and mail server, each started by the bench and stopped with it.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::server::free_port;

/// `smtp-sink`: takes letters as fast as this machine can. Given a file, it keeps all of them.
pub struct SmtpSink {
    child: Child,
    /// Where it listens.
    pub port: u16,
}

impl SmtpSink {
    /// Starts one; `program` is where it lies.
    pub fn start(program: &Path, keep: Option<&Path>) -> Self {
        let port = free_port();
        let mut command = Command::new(program);
        if let Some(file) = keep {
            command.arg("-D").arg(file);
        }
        let child = command
            // As root it wants to know as whom it shall run.
            .args(["-u", "root", "-m", "500", &format!("127.0.0.1:{port}"), "500"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("smtp-sink starts");
        listening(port);
        Self { child, port }
    }

    /// As a relay.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until somebody listens there.
pub fn listening(port: u16) {
    let end = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "nobody listens on port {port}");
        std::thread::yield_now();
    }
}

/// `smtp-source`: `count` letters of `size` bytes by 20 sessions whose connections are kept. Gives the time.
pub fn smtp_source(program: &Path, port: u16, count: usize, size: usize) -> Duration {
    let begin = Instant::now();
    let status = Command::new(program)
        .args(["-d", "-s", "20", "-m", &count.to_string(), "-l", &size.to_string()])
        .args(["-f", "bench@noroshi.example", "-t", "somebody@many.example"])
        .arg(format!("127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .status()
        .expect("smtp-source starts");
    assert!(status.success(), "smtp-source reports errors");
    begin.elapsed()
}

/// A Postfix of its own that keeps every letter on disk and relays it to `sink`.
pub struct Postfix {
    folder: tempfile::TempDir,
    /// Where it listens.
    pub port: u16,
}

impl Postfix {
    /// Starts one; `None` where the machine does not let us (it wants to be root).
    pub fn start(sink: u16) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("noroshi-postfix-").tempdir().ok()?;
        let port = free_port();
        let path = |name: &str| folder.path().join(name);
        for name in ["etc", "queue", "data"] {
            fs::create_dir(path(name)).ok()?;
        }
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\n\
             myhostname = postfix.example\nmydestination =\nrelayhost = [127.0.0.1]:{sink}\n\
             smtpd_relay_restrictions = permit_mynetworks, reject\ndefault_process_limit = 100\n\
             smtp_destination_concurrency_limit = 50\ndefault_destination_concurrency_limit = 50\n\
             initial_destination_concurrency = 50\nqmgr_message_active_limit = 20000\n\
             smtp_connection_cache_on_demand = yes\nmaillog_file = {log}\nmaillog_file_prefixes = {root}\n\
             alias_maps =\nalias_database =\n",
            queue = path("queue").display(),
            data = path("data").display(),
            log = path("log").display(),
            root = folder.path().display(),
        );
        fs::write(path("etc/main.cf"), main).ok()?;
        let master = fs::read_to_string("/usr/share/postfix/master.cf.dist")
            .or_else(|_| fs::read_to_string("/etc/postfix/master.cf"))
            .ok()?;
        let master: String = master
            .lines()
            .map(|line| match line.split_whitespace().next() {
                Some("smtp") if line.contains("inet") => {
                    format!("127.0.0.1:{port} inet n - n - - smtpd\n")
                }
                Some("pickup") => String::new(),
                // Nothing is chrooted: the folder has no copies of what a chroot needs.
                Some(first) if !first.starts_with('#') && !line.starts_with(char::is_whitespace) => {
                    let mut words: Vec<&str> = line.split_whitespace().collect();
                    if let Some(chroot) = words.get_mut(4) {
                        *chroot = "n";
                    }
                    words.join(" ") + "\n"
                }
                _ => format!("{line}\n"),
            })
            .collect();
        fs::write(path("etc/master.cf"), format!("{master}postlog unix-dgram n - n - 1 postlogd\n")).ok()?;
        let postfix = Self { folder, port };
        postfix.say("set-permissions");
        Command::new("chown").arg("postfix").arg(postfix.path("data")).status().ok()?;
        // Others than root work in these folders.
        Command::new("chmod").arg("755").arg(postfix.folder.path()).status().ok()?;
        if !postfix.say("start") {
            return None;
        }
        listening(port);
        Some(postfix)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn say(&self, word: &str) -> bool {
        let mut command = Command::new("/usr/sbin/postfix");
        command.arg("-c").arg(self.path("etc")).arg(word).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// How many letters it has not passed on yet.
    pub fn queued(&self) -> usize {
        let count = |name: &str| walk(&self.path("queue").join(name));
        ["incoming", "active", "deferred", "maildrop"].into_iter().map(count).sum()
    }
}

fn walk(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path()),
            Ok(_) => 1,
            Err(_) => 0,
        })
        .sum()
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.say("stop");
    }
}
