//! The service put together: configuration → [`App`] → run.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::AtomicUsize},
};

use anyhow::Context;
use chrono_tz::Tz;
use noroshi_core::{
    problem::{Problem, Severity},
    tenure::Tenure,
    text::Language,
    time::{Span, Timestamp},
};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use crate::{
    bell::Bells,
    chance::Chance,
    clock::{Clock, SystemClock},
    config::{Config, DatabaseUrl, Heartbeat, network::Network},
    domains::Domains,
    in_hand::InHand,
    key::Key,
    library::Library,
    lifecycle::{Lifecycle, Signals},
    neighbours::Neighbours,
    operation::{self, Actor, OperationError, Work, absence::Absence, audit::Standing},
    password::Passwords,
    signature::HookSecret,
    store::{self, Store, event::Event},
    transport::{
        Transport, Transports,
        mail::{MailConfig, Mailer},
        relay::Roots,
        sms_gateway::Gateway,
        webhook::Hooks,
    },
    watch::Watch,
    worker::Answers,
};

pub mod hindrance;

/// Everything that a request or a worker may reach.
pub struct App {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Ids, tokens, jitter.
    pub chance: Arc<Chance>,
    /// Answer links hang on it.
    pub key: Key,
    /// The database.
    pub store: Store,
    /// Parsed playbooks and directories.
    pub library: Library,
    /// Wakes the workers.
    pub bells: Bells,
    /// Takes answers by link, many in one commit.
    pub answers: Answers,
    /// Tells live pages.
    pub live: broadcast::Sender<Event>,
    /// What changes on other nodes of the same database; `None` on the embedded one, which has no other nodes.
    pub neighbours: Option<Neighbours>,
    /// The ways out of the house, by the carrier that a delivery names.
    pub transports: Transports,
    /// Hashes passwords, a few at a time.
    pub passwords: Passwords,
    /// The site's time zone.
    pub zone: Tz,
    /// The site's language.
    pub locale: Language,
    /// This process among others on the same database.
    pub node: Uuid,
    /// Since when it serves.
    pub started_at: Timestamp,
    /// How long a claimed letter belongs to its node.
    pub lease: Span,
    /// Until when this node may count on the leases that it holds: after a pause, or cut off from the database, it finds
    /// out here that others have taken over, before it sends.
    pub tenure: Mutex<Tenure>,
    /// Letters on their way to mail relays at the same time.
    pub connections: usize,
    /// The letters that this process has leased and knows of.
    pub in_hand: Arc<InHand>,
    /// The mail domains that this node writes to.
    pub domains: Domains,
    /// Whether the forwarding headers of a proxy in front are believed.
    pub behind_proxy: bool,
    /// Mail scanners that press buttons.
    pub scanners: Vec<Network>,
    /// Whether cookies may travel only over TLS.
    pub secure_cookies: bool,
    /// The secrets of programs that ring, by name in lower case.
    pub hooks: BTreeMap<String, Vec<HookSecret>>,
    /// Whether the loops of this process go round.
    pub watch: Watch,
    /// For how many seconds one of them may stand.
    pub worker_patience: u32,
    /// The watcher elsewhere that misses this node.
    pub heartbeat: Option<Heartbeat>,
    /// Live pages that listen to this node.
    pub live_pages: AtomicUsize,
    /// Cancelled when the process stops: streams to live pages end then.
    pub stopping: CancellationToken,
    /// What is wrong, for the board and `/readyz`.
    pub troubles: Troubles,
    /// The demo's mail catcher.
    pub inbox: Option<crate::demo::catcher::Catcher>,
    public_url: OnceLock<String>,
    port: OnceLock<u16>,
    /// Held while this process serves the embedded database.
    _alone: Option<File>,
}

/// A playbook file that was refused.
#[derive(Clone, Debug)]
pub struct BrokenFile {
    /// Where it lies.
    pub file: PathBuf,
    /// The key that it gives itself, where it still says one.
    pub key: Option<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// When it was read.
    pub found_at: Timestamp,
}

/// What is wrong with the service, besides what the transports say of themselves.
#[derive(Debug, Default)]
pub struct Troubles {
    files: Mutex<Vec<BrokenFile>>,
    absences: Mutex<Vec<Absence>>,
    found: Mutex<Vec<Standing>>,
}

impl Troubles {
    /// Playbook files that are refused. `operation::playbook::broken_files` leaves out those mended meanwhile.
    pub fn files(&self) -> Vec<BrokenFile> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A good file of this key has come in.
    pub fn mended(&self, key: &str) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|broken| broken.key.as_deref() != Some(key));
    }

    /// What the auditor found and what still stands, the oldest first.
    pub fn standing(&self) -> Vec<Standing> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The auditor has looked.
    pub fn found(&self, standing: Vec<Standing>) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    /// When the service was away, the latest last.
    pub fn absences(&self) -> Vec<Absence> {
        self.absences.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The largest playbook file that is read.
const LARGEST_FILE: u64 = 2 * 1024 * 1024;

impl App {
    /// Opens the database, reads the key and puts the parts together. Binds nothing, sends nothing.
    ///
    /// - `serving`: whether this process serves: then it takes the embedded database for itself, and its leases back.
    pub async fn open(
        config: &Config,
        clock: Arc<dyn Clock>,
        chance: Arc<Chance>,
        transports: Transports,
        serving: bool,
    ) -> anyhow::Result<Self> {
        let (url, alone) = match &config.database.url {
            DatabaseUrl::Sqlite { path } => {
                let alone = serving.then(|| hindrance::serve_alone(path)).transpose()?;
                (format!("sqlite:{}", path.display()), alone)
            }
            DatabaseUrl::Postgres { url } => (url.clone(), None),
        };
        let store = Store::open(&url).await.with_context(|| hindrance::no_database(&config.database.url))?;
        let key = Key::read_or_make(&config.server.key_file, &chance)?;
        let neighbours = if store.is_embedded() {
            None
        } else {
            Some(Neighbours::new(store::event::newest(store.read()).await?))
        };
        let (live, _) = broadcast::channel(1024);
        crate::measure::books();
        let app = Self {
            node: chance.uuid(clock.now()),
            started_at: clock.now(),
            tenure: Mutex::default(),
            in_hand: Arc::default(),
            passwords: Passwords::new(Arc::clone(&chance)),
            clock,
            chance,
            key,
            store,
            library: Library::default(),
            bells: Bells::default(),
            answers: Answers::default(),
            live,
            neighbours,
            transports,
            zone: config.site.time_zone,
            locale: config.site.locale,
            lease: config.delivery.lease,
            connections: config.delivery.connections,
            domains: Domains::new(
                config.delivery.connections,
                config.webhook.connections,
                config.delivery.per_domain_per_second,
            ),
            behind_proxy: config.server.behind_proxy,
            scanners: config.server.scanners.clone(),
            secure_cookies: config.server.tls.is_some() || config.server.behind_proxy,
            hooks: config.hooks.clone(),
            watch: Watch::default(),
            worker_patience: config.watch.worker_patience,
            heartbeat: config.watch.heartbeat.clone(),
            live_pages: AtomicUsize::new(0),
            stopping: CancellationToken::new(),
            troubles: Troubles::default(),
            inbox: None,
            public_url: OnceLock::new(),
            port: OnceLock::new(),
            _alone: alone,
        };
        app.know_the_key().await?;
        Ok(app)
    }

    /// Where people reach the service, without a slash at its end.
    pub fn public_url(&self) -> &str {
        self.public_url.get().map_or("", String::as_str)
    }

    /// Says where people reach the service; the first word counts.
    pub fn set_public_url(&self, url: String) {
        let _ = self.public_url.set(url.trim_end_matches('/').to_owned());
    }

    /// Whether letters of a directory's transport with this driver can leave by a live incident.
    pub fn serves(&self, driver: &str) -> bool {
        match driver {
            "smtp" => self.transports.get("mail").is_some(),
            "webhook" | "http_gateway" => self.transports.get(driver).is_some(),
            noroshi_core::addressee::BY_HAND => true,
            _ => false,
        }
    }

    /// A node with another key must not serve the same database: its links would be unknown.
    async fn know_the_key(&self) -> anyhow::Result<()> {
        const FINGERPRINT: &str = "key_fingerprint";
        let ours = self.key.fingerprint();
        let work = Work::begin(self, Actor::system()).await?;
        match store::setting::get(&work.tx, FINGERPRINT).await? {
            Some(known) if known == ours => Ok(()),
            Some(_) => anyhow::bail!(
                "the key file does not belong to this database; put the key file of its first start in place (server.key_file)"
            ),
            None => {
                store::setting::put(&work.tx, FINGERPRINT, &ours).await?;
                work.commit().await?;
                Ok(())
            }
        }
    }

    /// What is done before the first request: leases back, absence noted.
    pub async fn resume(&self) -> Result<(), OperationError> {
        operation::delivery::take_back(self, self.store.is_embedded()).await?;
        let absences = operation::absence::note(self).await?;
        *self.troubles.absences.lock().unwrap_or_else(PoisonError::into_inner) = absences;
        if self.store.is_embedded() {
            operation::node::leave(self, None).await?;
        }
        operation::node::beat(self, false).await
    }

    /// The port of the pages, once they are open.
    pub fn port(&self) -> Option<u16> {
        self.port.get().copied()
    }

    /// Imports every playbook of a folder that has changed. A broken file changes nothing and is told.
    pub async fn import_folder(&self, dir: &Path) -> Result<(), OperationError> {
        let mut troubles = Vec::new();
        for file in yaml_files(dir) {
            let Some(source) = read_file(&file) else {
                warn!(file = %file.display(), "{} cannot be read", file.display());
                continue;
            };
            let kind = noroshi_core::document_kind(&source);
            if !matches!(kind, None | Some(noroshi_core::Kind::Playbook)) {
                continue;
            }
            let work = Work::begin(self, Actor::system()).await?;
            match operation::playbook::import_at_start(work, &source, file.parent().unwrap_or(dir)).await {
                Ok(done) => {
                    if done.changed {
                        info!(playbook = done.key, "Playbook {} {} is in force", done.key, done.version);
                        warn_of(&file, &done.problems);
                    }
                }
                Err(OperationError::Problems(problems)) => {
                    let first = problems.first();
                    let (line, column) = first.map_or((1, 1), |problem| (problem.at.line, problem.at.column));
                    let detail =
                        first.map(|problem| problem.detail.get(Language::En).to_owned()).unwrap_or_default();
                    warn!(
                        file = %file.display(),
                        problems = problems.len(),
                        "{}:{line}:{column}: {detail}; the file is not taken in",
                        file.display()
                    );
                    let key = noroshi_core::document_key(&source);
                    troubles.push(BrokenFile { file, key, problems, found_at: self.clock.now() });
                }
                Err(error) => return Err(error),
            }
        }
        *self.troubles.files.lock().unwrap_or_else(PoisonError::into_inner) = troubles;
        Ok(())
    }
}

/// Says in the log what the checker warns of in a file that was taken in.
fn warn_of(file: &Path, problems: &[Problem]) {
    for problem in problems.iter().filter(|problem| problem.severity == Severity::Warning) {
        let (line, column, detail) = (problem.at.line, problem.at.column, problem.detail.get(Language::En));
        warn!(file = %file.display(), code = problem.code, "{}:{line}:{column}: {detail}", file.display());
    }
}

/// `noroshi serve`: opens everything, serves until the stop.
///
/// Prints the address on stdout, and a one-time link while there is no account.
pub async fn serve(config: &Config) -> anyhow::Result<()> {
    let (life, signals) = (Lifecycle::new(), Signals::listen()?);
    let listener = hindrance::listen(config.server.bind)?;
    let mut transports = Transports::default().with("rehearsal", Transport::Rehearsal { catcher: None });
    if let Some(mailer) = mailer(config) {
        transports = transports.with("mail", Transport::Mail(mailer));
    }
    if let Some(hooks) = hooks(config) {
        transports = transports.with("webhook", Transport::Webhook(Box::new(hooks)));
    }
    if let Some(gateway) = gateway(config) {
        transports = transports.with("http_gateway", Transport::Sms(Box::new(gateway)));
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let app = App::open(config, clock, Arc::new(Chance::from_os()), transports, true).await?;
    let app = start(app, config, &life, listener).await?;
    if store::account::count(app.store.read()).await? == 0 {
        let work = Work::begin(&app, Actor::system()).await?;
        let token = operation::account::make_setup_link(work).await?;
        println!("set-up link (once, 24 h): {}/setup/{token}", app.public_url());
    }
    life.run(signals).await?;
    Ok(())
}

/// Starts workers and web on an opened service; says on stdout where it listens.
pub async fn start(
    app: App,
    config: &Config,
    life: &Lifecycle,
    listener: TcpListener,
) -> anyhow::Result<Arc<App>> {
    let bound = listener.local_addr().context("could not ask for the address of the pages")?;
    app.set_public_url(config.server.public_url_at(bound));
    let _ = app.port.set(bound.port());
    app.resume().await?;
    app.import_folder(&config.playbooks.dir).await?;
    let tls = config.server.tls.as_ref().map(crate::tls::server_config).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let app = Arc::new(app);
    let (stopping, stop) = (app.stopping.clone(), life.soft().clone());
    life.task(async move {
        stop.cancelled().await;
        stopping.cancel();
    });
    crate::worker::start(&app, life);
    crate::web::serve(&app, life, listener, tls).context("could not start the web server")?;
    println!("listening on {scheme}://{bound}");
    info!("Noroshi serves {}", app.public_url());
    Ok(app)
}

/// The mailer of a configuration; `None` without relays.
pub fn mailer(config: &Config) -> Option<Mailer> {
    let named = !config.smtp.relays.is_empty();
    named.then(|| Mailer::new(MailConfig::of(config), &Roots::of_this_machine()))
}

/// The way to programs; `None` without secrets to sign with.
pub fn hooks(config: &Config) -> Option<Hooks> {
    let signs = !config.webhook.secrets.is_empty();
    signs.then(|| Hooks::new(config.webhook.clone(), &Roots::of_this_machine()))
}

/// The SMS gateway; `None` without one.
pub fn gateway(config: &Config) -> Option<Gateway> {
    config.sms.clone().map(|sms| Gateway::new(sms, &Roots::of_this_machine()))
}

/// `*.yaml` and `*.yml` of a folder and its subfolders, in order; a missing folder has none.
pub fn yaml_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            // A link could lead round in a circle.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(_) if path.extension().is_some_and(|end| end == "yaml" || end == "yml") => {
                    found.push(path)
                }
                _ => {}
            }
        }
    }
    found.sort();
    found
}

fn read_file(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LARGEST_FILE + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
