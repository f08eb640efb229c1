//! The real binary: an installed service in a folder of its own ([`Home`]), and that service running ([`Server`]).

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::{
    client::Api,
    island::{Cable, Island, inside},
    postgres::Database,
    smtp_sink::Sink,
    wait::until,
};

/// How long a service may take to answer `/healthz`: a debug build on a shared machine migrates a database meanwhile.
const START: Duration = Duration::from_secs(60);
/// How long an orderly stop may take: the service itself gives up after 30 s.
const STOP: Duration = Duration::from_secs(40);

/// A folder with settings in which commands run and the service is started.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    database: Database,
    host: String,
    port: u16,
    settings: Vec<(String, String)>,
    island: Option<PathBuf>,
    fails_at: Option<String>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Printed {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Printed {
    /// Checks the exit code and gives the output on.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|problem| {
            panic!("no JSON document on stdout ({problem}):\n{}\n{}", self.out, self.err)
        })
    }
}

impl Home {
    /// An empty folder on this database, with no relay and an empty folder of playbooks.
    pub fn new(database: Database) -> Self {
        let folder = tempfile::Builder::new().prefix("noroshi-test-").tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("playbooks")).expect("a fresh folder");
        let host = "127.0.0.1".to_owned();
        Self { folder, database, host, port: free_port(), settings: Vec::new(), island: None, fails_at: None }
    }

    /// Another node's folder: the same database, key, settings and playbooks.
    pub fn beside(&self) -> Self {
        let other = Self::new(self.database.clone());
        let key = "noroshi.key";
        std::fs::copy(self.path().join(key), other.path().join(key)).expect("the first node made its key");
        for file in std::fs::read_dir(self.path().join("playbooks")).expect("our own folder").flatten() {
            let to = other.path().join("playbooks").join(file.file_name());
            std::fs::copy(file.path(), to).expect("a file of ours");
        }
        Self { settings: self.settings.clone(), ..other }
    }

    /// Sets one configuration key by its environment name.
    pub fn set(mut self, variable: &str, value: &str) -> Self {
        self.settings.retain(|(name, _)| name != variable);
        self.settings.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Serves on an island, at the far end of this cable to it; other commands run here.
    pub fn on(self, island: &Island, cable: &Cable) -> Self {
        // Without TLS it binds to other addresses than loopback only where somebody else cares for it.
        let home = self.set("NOROSHI_SERVER__BEHIND_PROXY", "true");
        Self { host: cable.there.clone(), island: Some(island.namespace()), ..home }
    }

    /// From now on `serve` fails there (`NAME:HIT:ACTION`, see `src/failpoint.rs`), or nowhere. No other command does.
    pub fn fail_at(&mut self, point: Option<&str>) {
        self.fails_at = point.map(str::to_owned);
    }

    /// Sends by these sinks, in order of preference.
    pub fn relays(self, sinks: &[&Sink]) -> Self {
        let urls: Vec<String> = sinks.iter().map(|sink| sink.url()).collect();
        self.set("NOROSHI_SMTP__RELAYS", &urls.join(","))
    }

    /// Puts a file into the folder of playbooks.
    pub fn playbook(self, name: &str, yaml: &str) -> Self {
        self.write(&format!("playbooks/{name}"), yaml);
        self
    }

    /// Writes a file below the service's folder and gives its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        path
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Changes the database as somebody with its own tools does.
    pub async fn change(&self, statement: &str) {
        self.database.change(self.path(), statement).await;
    }

    /// The port it serves on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address it serves on, without a slash at the end.
    pub fn base(&self) -> String {
        format!("http://{}", self.address())
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Runs one command of the binary to its end.
    pub async fn run(&self, arguments: &[&str]) -> Printed {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("the binary starts");
        let pid = child.id();
        let output = spawn_blocking(move || child.wait_with_output());
        match tokio::time::timeout(START, output).await {
            Ok(output) => {
                let output = output.expect("the waiting thread ends").expect("the command can be waited for");
                Printed {
                    code: output.status.code().unwrap_or(-1),
                    out: String::from_utf8_lossy(&output.stdout).into_owned(),
                    err: String::from_utf8_lossy(&output.stderr).into_owned(),
                }
            }
            Err(_) => {
                signal(pid, "KILL");
                panic!("noroshi {} did not end within {START:?}", arguments.join(" "));
            }
        }
    }

    /// Makes a token with this role.
    pub async fn token(&self, role: &str) -> String {
        let printed = self.run(&["token", "create", "--name", "test", "--role", role]).await.expect(0);
        printed.out.trim().to_owned()
    }

    /// Imports a directory from its YAML text.
    pub async fn import_directory(&self, yaml: &str) {
        let path = self.write("directory.yaml", yaml);
        self.run(&["directory", "import", path.to_str().expect("a path of ours")]).await.expect(0);
    }

    /// Imports the directory, makes an administrator's token, and serves.
    pub async fn serve_with(self, directory: &str) -> Server {
        self.import_directory(directory).await;
        self.serve().await
    }

    /// Makes an administrator's token and serves.
    pub async fn serve(self) -> Server {
        let token = self.token("admin").await;
        let api = Api::open(&self.base()).with_token(&token);
        let mut server = Server { home: self, api, child: None };
        server.start().await;
        server
    }

    /// The binary with this home's settings and nothing of the machine's own.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_noroshi");
        let mut command = match (&self.island, arguments) {
            (Some(island), ["serve"]) => inside(island, binary),
            _ => Command::new(binary),
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("NOROSHI_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(self.path())
            .env("NOROSHI_LOCALE", "en")
            .env("NOROSHI_DATABASE__URL", self.database.url(self.path()))
            .env("NOROSHI_SERVER__BIND", self.address())
            .env("NOROSHI_SERVER__KEY_FILE", self.path().join("noroshi.key"))
            .env("NOROSHI_PLAYBOOKS__DIR", self.path().join("playbooks"))
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        if let (Some(point), ["serve"]) = (&self.fails_at, arguments) {
            command.env("NOROSHI_FAIL_POINT", point);
        }
        command
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }
}

/// A running service. At its end, unless the test has already failed, it is stopped in order and must end with exit
/// code 0, without an ERROR line and without anything that the auditor had to set right; a failed test prints its log.
#[derive(Debug)]
pub struct Server {
    /// Its folder and settings.
    pub home: Home,
    /// A client with an administrator's token.
    pub api: Api,
    child: Option<Child>,
}

impl Server {
    /// A client without a token.
    pub fn anybody(&self) -> Api {
        Api::open(&self.home.base())
    }

    /// What it has logged since its folder was made.
    pub fn log(&self) -> String {
        self.home.log()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the service runs").id()
    }

    /// Cuts its power: SIGKILL, nothing is finished.
    pub fn kill_hard(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("our own child can be killed");
            child.wait().expect("our own child can be waited for");
        }
    }

    /// Starts it again on the same folder, database and port, after [`Server::kill_hard`] or [`Server::stop`].
    pub async fn start(&mut self) {
        assert!(self.child.is_none(), "the service runs already");
        loop {
            let log = File::options()
                .create(true)
                .append(true)
                .open(self.home.path().join("log"))
                .expect("the log");
            let mut command = self.home.command(&["serve"]);
            command.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
            let mut child = command.spawn().expect("the binary starts");
            let address = format!("{}/healthz", self.home.base());
            let open = Api::open(&self.home.base());
            let socket = self.home.address();
            let ended = until(&format!("{address} answers\n{}", self.home.log()), START, async || {
                if let Some(status) = child.try_wait().expect("our own child can be asked") {
                    return Some(Some(status));
                }
                // A refused connection is the ordinary state of a service that is still starting.
                tokio::net::TcpStream::connect(&socket).await.ok()?;
                (open.get(&address).await.status == 200).then_some(None)
            })
            .await;
            match ended {
                None => {
                    self.child = Some(child);
                    return;
                }
                // Somebody else took the port between the choice and the bind: the next one is tried. Other reasons
                // to end are the test's failure.
                Some(status) => {
                    let taken = std::net::TcpListener::bind(("127.0.0.1", self.home.port)).is_err();
                    assert!(taken, "the service ended with {status} at its start\n{}", self.home.log());
                    self.home.port = free_port();
                    let token = self.api.token().map(str::to_owned);
                    self.api = Api::open(&self.home.base());
                    if let Some(token) = token {
                        self.api = self.api.with_token(&token);
                    }
                }
            }
        }
    }

    /// Its exit status, where it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.as_mut()?.try_wait().expect("our own child can be asked")?;
        self.child = None;
        Some(status)
    }

    /// Its resident memory in KiB.
    pub fn memory(&self) -> u64 {
        self.of_memory("VmRSS:")
    }

    /// The most resident memory in KiB that it has had since [`Server::forget_peak`].
    pub fn peak(&self) -> u64 {
        self.of_memory("VmHWM:")
    }

    /// What it has now is the most from now on.
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").expect("our own process");
    }

    fn of_memory(&self, what: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("our own process");
        let line = status.lines().find(|line| line.starts_with(what)).expect("its memory");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// Its errors so far were what the test wanted to see.
    pub fn forget_log(&self) {
        std::fs::write(self.home.path().join("log"), "").expect("the log of our own");
    }

    /// Stops it in order and gives its exit status.
    pub fn stop(&mut self) -> Option<ExitStatus> {
        self.child.as_ref()?;
        signal(self.pid(), "TERM");
        let mut child = self.child.take()?;
        let end = Instant::now() + STOP;
        while Instant::now() < end {
            if let Some(status) = child.try_wait().expect("our own child can be asked") {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().expect("our own child can be killed");
        Some(child.wait().expect("our own child can be waited for"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.kill_hard();
            eprintln!("--- log of the service on {}\n{}", self.home.database.name(), self.log());
            return;
        }
        let status = self.stop();
        let log = self.log();
        // What the auditor had to set right nobody else may have lost.
        let signs = [" ERROR ", "panicked at", "The auditor set"];
        let errors: Vec<&str> =
            log.lines().filter(|line| signs.iter().any(|sign| line.contains(sign))).collect();
        assert!(errors.is_empty(), "the service logged errors:\n{}\n--- whole log\n{log}", errors.join("\n"));
        if let Some(status) = status {
            assert_eq!(status.code(), Some(0), "the service did not stop in order\n{log}");
        }
    }
}

/// Sends a signal by name to a process of ours.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), "--", &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "could not send {name} to {pid}");
}

/// A port that nobody listens on. Below the range from which the kernel takes ports for outgoing connections, so that
/// a service that is started again finds its port still free; each is given out once in this process.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 50).expect("below 50") * 200;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
