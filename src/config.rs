//! The configuration: `noroshi.toml`, and the environment over it.
//!
//! One struct for each section, read and checked as a whole: every problem is told at once, each with its place and
//! its cure, and nothing half-read leaves this room. `config.default.toml` documents every key.

pub mod network;
mod reader;
mod transports;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::{Path, PathBuf},
};

use chrono_tz::Tz;
use noroshi_core::{
    text::{Language, Text},
    time::Span,
};
use reqwest::Url;

pub use transports::USUAL_SMS_CONNECTIONS;

use network::Network;
use reader::{Raw, Read, Settings, bool_of, list_of, number_of, one, text_of};

use crate::{
    signature::HookSecret,
    transport::{address::Mailbox, relay::RelayUrl, sms_gateway::SmsConfig, webhook::WebhookConfig},
};

/// The file that is read when `--config` names no other.
pub const DEFAULT_FILE: &str = "noroshi.toml";

/// Every key with its unit and default, as the operator reads it.
pub const DEFAULT_TOML: &str = include_str!("config.default.toml");

/// The whole configuration, checked. Made by the command line, consumed by composition.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where the service listens and is found.
    pub server: Server,
    /// Where everything is kept.
    pub database: Database,
    /// How mail leaves the house.
    pub smtp: Smtp,
    /// Where playbook files lie.
    pub playbooks: Playbooks,
    /// What is true for the whole installation.
    pub site: Site,
    /// How fast letters go out.
    pub delivery: Delivery,
    /// How signed webhooks leave the house.
    pub webhook: WebhookConfig,
    /// How short messages leave the house; `None`: not at all.
    pub sms: Option<SmsConfig>,
    /// Who watches the service.
    pub watch: Watch,
    /// `[hooks]`: the secrets of programs that ring, by name in lower case; several for the time of a change.
    pub hooks: BTreeMap<String, Vec<HookSecret>>,
}

/// `[server]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address and port to listen on; port 0 takes any free one.
    pub bind: SocketAddr,
    /// Where people reach the service, without a slash at the end; see [`Server::public_url`].
    pub public_url: Option<String>,
    /// Certificate and key; `None` is plain HTTP.
    pub tls: Option<Tls>,
    /// A reverse proxy ends TLS, and its forwarding headers are believed.
    pub behind_proxy: bool,
    /// Mail scanners that press buttons: their answers are shown and count for nothing.
    pub scanners: Vec<Network>,
    /// The key that answer links hang on; see [`crate::key`].
    pub key_file: PathBuf,
}

/// `server.tls_certificate` and `server.tls_key`: PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificate with its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Server {
    /// Where people reach the service, without a slash at the end.
    pub fn public_url(&self) -> String {
        self.public_url_at(self.bind)
    }

    /// The same when the port is known only after binding (port 0).
    pub fn public_url_at(&self, bound: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.public_url.clone().unwrap_or_else(|| format!("{scheme}://{bound}"))
    }
}

/// `[database]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Kind and place.
    pub url: DatabaseUrl,
}

/// Where everything is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// One file, one serving process.
    Sqlite {
        /// The file; made when missing.
        path: PathBuf,
    },
    /// A server, one or more nodes.
    Postgres {
        /// With user and password: not to be printed.
        url: String,
    },
}

impl DatabaseUrl {
    /// What [`crate::store::Store::open`] takes; with the password, not to be printed.
    pub fn secret_text(&self) -> String {
        match self {
            Self::Sqlite { path } => format!("sqlite:{}", path.display()),
            Self::Postgres { url } => url.clone(),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DatabaseUrl {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite:{}", path.display()),
            Self::Postgres { url } => match Url::parse(url) {
                Ok(url) => {
                    write!(f, "postgres://{}", url.host_str().unwrap_or("localhost"))?;
                    if let Some(port) = url.port() {
                        write!(f, ":{port}")?;
                    }
                    f.write_str(url.path())
                }
                Err(_) => f.write_str("postgres://…"),
            },
        }
    }
}

/// `[smtp]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// In order of preference; empty: no mail leaves.
    pub relays: Vec<RelayUrl>,
    /// The sender of all letters.
    pub from: Mailbox,
}

/// `[playbooks]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playbooks {
    /// Imported at start where changed; may be missing.
    pub dir: PathBuf,
}

/// `[site]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Of everything that people read.
    pub time_zone: Tz,
    /// Of pages and letters where nobody chose one.
    pub locale: Language,
}

/// `[delivery]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Connections to each relay at the same time, 1 to 256.
    pub connections: usize,
    /// Letters a second to one mail domain at most; `None`: no limit.
    pub per_domain_per_second: Option<NonZeroU32>,
    /// How long a claimed delivery belongs to a node after its last sign of life.
    pub lease: Span,
}

/// `[watch]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// For how many seconds a loop of a worker may stand before this node is not ready; twice as long ends the process.
    pub worker_patience: u32,
    /// The watcher elsewhere that misses us; `None`: nobody is told.
    pub heartbeat: Option<Heartbeat>,
}

/// `watch.heartbeat_url` and `watch.heartbeat_every`.
#[derive(Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Whoever knows it can keep the watcher quiet: not to be printed.
    pub url: Url,
    /// How often.
    pub every: Span,
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Heartbeat(every {})", self.every)
    }
}

/// One thing that is wrong in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// `noroshi.toml:12: server.bind`, or the name of the environment variable.
    pub place: String,
    /// What is wrong and what to write instead.
    pub says: Text,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("could not read the configuration file {}", path.display())]
    Unreadable {
        /// The file that was asked for.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        cause: io::Error,
    },
    /// Everything that is wrong, at once.
    #[error("{}", lines(.0, Language::En).join("\n"))]
    Wrong(Vec<ConfigProblem>),
}

impl ConfigError {
    /// One sentence for each problem, in the reader's language.
    pub fn lines(&self, language: Language) -> Vec<String> {
        match self {
            Self::Wrong(problems) => lines(problems, language),
            Self::Unreadable { path, cause } => {
                let text = Text::both(
                    format!("設定ファイル {} を読めません ({cause})。", path.display()),
                    format!("could not read the configuration file {}: {cause}", path.display()),
                );
                vec![text.get(language).to_owned()]
            }
        }
    }
}

fn lines(problems: &[ConfigProblem], language: Language) -> Vec<String> {
    problems.iter().map(|problem| format!("{}: {}", problem.place, problem.says.get(language))).collect()
}

impl Default for Config {
    /// What holds without a file and without environment.
    fn default() -> Self {
        Self::read(Settings::default()).expect("the defaults are a valid configuration")
    }
}

impl Config {
    /// Reads `file`, or `noroshi.toml` where it exists, and the environment over it.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(cause) if file.is_none() && cause.kind() == io::ErrorKind::NotFound => String::new(),
            Err(cause) => return Err(ConfigError::Unreadable { path: path.to_owned(), cause }),
        };
        Self::parse(&text, &path.display().to_string(), environment)
    }

    /// Reads a file's text, `name` being what problems call it, and the environment over it.
    pub fn parse(
        text: &str,
        name: &str,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = Settings::default();
        settings.add_file(text, name);
        settings.add_environment(environment);
        Self::read(settings)
    }

    fn read(mut settings: Settings) -> Result<Self, ConfigError> {
        let config = Self::take_from(&mut settings);
        let problems = settings.finish();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Wrong(problems)) }
    }

    /// Takes every key; where one is wrong its default stands in, so that reading goes on to the next.
    fn take_from(from: &mut Settings) -> Self {
        let database = Database {
            url: from.get("database", "url", DatabaseUrl::Sqlite { path: "noroshi.db".into() }, |raw| {
                database_url(&text_of(raw)?)
            }),
        };
        let bind = from.get("server", "bind", SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8080), |raw| {
            bind_address(&text_of(raw)?)
        });
        let public_url = from.get("server", "public_url", None, |raw| public_url(&text_of(raw)?).map(Some));
        let certificate = from.get("server", "tls_certificate", None, |raw| path(raw).map(Some));
        let key = from.get("server", "tls_key", None, |raw| path(raw).map(Some));
        let behind_proxy = from.get("server", "behind_proxy", false, bool_of);
        let scanners = from.get("server", "scanners", Vec::new(), networks);
        let key_file = from.get("server", "key_file", key_file_beside(&database.url), path);
        let tls = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(Tls { certificate, key }),
            (None, None) => None,
            (certificate, _) => {
                let missing = if certificate.is_some() { "tls_key" } else { "tls_certificate" };
                from.refuse(
                    format!("server.{missing}"),
                    Text::both(
                        "TLS には証明書と秘密鍵の両方が必要です。足りない方を書いてください。",
                        "a certificate needs its key and a key its certificate; add what is missing",
                    ),
                );
                None
            }
        };
        if !bind.ip().is_loopback() && tls.is_none() && !behind_proxy {
            from.refuse(
                "server.bind".to_owned(),
                Text::both(
                    format!(
                        "{bind} はこの機械の外から届きますが、TLS がありません。server.tls_certificate と \
                         server.tls_key を書くか、TLS を終端するプロキシがある場合は server.behind_proxy = true \
                         としてください。"
                    ),
                    format!(
                        "{bind} is reachable from other machines without TLS; set server.tls_certificate and \
                         server.tls_key, or server.behind_proxy = true where a proxy in front ends TLS"
                    ),
                ),
            );
        }
        let server = Server { bind, public_url, tls, behind_proxy, scanners, key_file };
        let sender = "Noroshi <noroshi@localhost>".parse().expect("the default sender is an address");
        let smtp = Smtp {
            relays: from.get("smtp", "relays", Vec::new(), relays),
            from: from.get("smtp", "from", sender, |raw| mailbox(&text_of(raw)?)),
        };
        let playbooks = Playbooks { dir: from.get("playbooks", "dir", "playbooks".into(), path) };
        let site = Site {
            time_zone: from.get("site", "time_zone", Tz::Asia__Tokyo, |raw| time_zone(&text_of(raw)?)),
            locale: from.get("site", "locale", Language::Ja, |raw| locale(&text_of(raw)?)),
        };
        let delivery = Delivery {
            connections: from.get("delivery", "connections", 8, |raw| number_of(raw, 1..=256)),
            per_domain_per_second: from.get("delivery", "per_domain_per_second", None, |raw| {
                number_of(raw, 0..=10_000).map(NonZeroU32::new)
            }),
            lease: from.get("delivery", "lease", Span::seconds(15), |raw| {
                span(&text_of(raw)?, Span::seconds(5), Span::minutes(10))
            }),
        };
        let every = from.get("watch", "heartbeat_every", Span::minutes(1), |raw| {
            span(&text_of(raw)?, Span::seconds(1), Span::minutes(60))
        });
        let url = from.get("watch", "heartbeat_url", None, |raw| heartbeat_url(&text_of(raw)?));
        let worker_patience = from.get("watch", "worker_patience", Span::seconds(60), |raw| {
            span(&text_of(raw)?, Span::seconds(5), Span::minutes(10))
        });
        let watch = Watch {
            worker_patience: u32::try_from(worker_patience.0 / 1000).unwrap_or(u32::MAX),
            heartbeat: url.map(|url| Heartbeat { url, every }),
        };
        let hooks = from.take_section("hooks", hook_secrets);
        let webhook = transports::webhook(from);
        let sms = transports::sms(from);
        Self { server, database, smtp, playbooks, site, delivery, webhook, sms, watch, hooks }
    }

    /// What is allowed and probably not meant, for the log at start and for `doctor`.
    pub fn warnings(&self) -> Vec<Text> {
        let mut warnings = Vec::new();
        if self.smtp.relays.is_empty() {
            warnings.push(Text::both(
                "smtp.relays が空です。メールは送られません。中継サーバーを書いてください。",
                "smtp.relays is empty, so no mail goes out; name a relay",
            ));
        }
        warnings.extend(transports::warnings(self));
        if self.server.public_url.is_none() && self.server.bind.ip().is_unspecified() {
            warnings.push(Text::both(
                "server.public_url がないため、メールのリンクは開けません。利用者から見える URL を書いてください。",
                "without server.public_url nobody can open the links in letters; set the address that people use",
            ));
        }
        warnings
    }
}

/// Addresses and networks.
fn networks(raw: &Raw) -> Read<Vec<Network>> {
    let texts = list_of(raw)?;
    match texts.iter().map(|text| text.parse()).collect() {
        Ok(networks) => Ok(networks),
        Err(()) => one(
            "IP アドレスかネットワークを書いてください（例 192.0.2.7、2001:db8::/32）。",
            "write IP addresses or networks, such as 192.0.2.7 or 2001:db8::/32",
        ),
    }
}

/// One or several secrets, as Standard Webhooks writes them: `whsec_` and base64 of 24 to 64 bytes.
fn hook_secrets(raw: &Raw) -> Read<Vec<HookSecret>> {
    let texts = list_of(raw)?.iter().map(|text| secret(text)).collect::<Read<Vec<_>>>()?;
    let secrets: Option<Vec<_>> = texts.iter().map(|text| HookSecret::read(text)).collect();
    match secrets.filter(|secrets| !secrets.is_empty()) {
        Some(secrets) => Ok(secrets),
        None => one(
            "whsec_ と、24〜64バイトを base64 にした文字列を書いてください。入れ替えの間は並べて書けます。",
            "write whsec_ followed by 24 to 64 bytes in base64; several may stand in a list while one is replaced",
        ),
    }
}

/// A secret as it stands there, or what is in the file behind `file:`.
fn secret(text: &str) -> Read<String> {
    let Some(path) = text.trim().strip_prefix("file:") else { return Ok(text.trim().to_owned()) };
    match fs::read_to_string(path) {
        Ok(content) => Ok(content.trim().to_owned()),
        Err(cause) => one(
            format!("秘密のファイル {path} を読めません ({cause})。"),
            format!("could not read the secret file {path}: {cause}"),
        ),
    }
}

fn database_url(text: &str) -> Read<DatabaseUrl> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return match Url::parse(text) {
            Ok(url) if url.has_host() => Ok(DatabaseUrl::Postgres { url: text.to_owned() }),
            _ => one(
                "PostgreSQL の URL を読めません。postgres://利用者:パスワード@ホスト/データベース の形で書き、\
                 記号は %XX としてください。",
                "not a PostgreSQL address; write postgres://USER:PASSWORD@HOST/NAME, special characters as %XX",
            ),
        };
    }
    let path = text.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    match path {
        Some(path) if !path.is_empty() && !path.starts_with(':') && !path.contains('?') => {
            Ok(DatabaseUrl::Sqlite { path: path.into() })
        }
        Some(_) => one(
            "SQLite はファイルに保存します。sqlite:パス の形で、「?」以下を付けずに書いてください。",
            "SQLite keeps everything in a file; write sqlite:PATH, without options after a question mark",
        ),
        None => one(
            "データベースは sqlite:パス または postgres://利用者:パスワード@ホスト/データベース で書いてください。",
            "write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME",
        ),
    }
}

/// PostgreSQL has no file to stand beside: the folder in which the service is started.
fn key_file_beside(database: &DatabaseUrl) -> PathBuf {
    match database {
        DatabaseUrl::Sqlite { path } => path.with_file_name("noroshi.key"),
        DatabaseUrl::Postgres { .. } => "noroshi.key".into(),
    }
}

fn bind_address(text: &str) -> Read<SocketAddr> {
    let address = match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        None => text.parse().ok(),
    };
    address.map_or_else(
        || {
            one(
                format!("「{text}」は IP アドレスとポートではありません。例: 127.0.0.1:8080、[::1]:8080"),
                format!("\"{text}\" is not an IP address with a port; write for example 127.0.0.1:8080 or [::1]:8080"),
            )
        },
        Ok,
    )
}

fn public_url(text: &str) -> Read<String> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    match url {
        Some(url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        None => one(
            "http:// または https:// とホスト名 (とポート) だけを書いてください。例: https://noroshi.pref.example.jp",
            "write http:// or https:// with a host and no path, for example https://noroshi.pref.example.jp",
        ),
    }
}

/// The address is a secret, so the problem does not repeat it.
fn heartbeat_url(text: &str) -> Read<Option<Url>> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Some(url)),
        _ => one(
            "http:// または https:// で始まる URL を書いてください。",
            "write an address that starts with http:// or https://",
        ),
    }
}

fn relays(raw: &reader::Raw) -> Read<Vec<RelayUrl>> {
    let (mut relays, mut problems) = (Vec::new(), Vec::new());
    for (index, text) in list_of(raw)?.iter().enumerate() {
        match text.parse() {
            Ok(relay) => relays.push(relay),
            // The address may hold a password, so the problem tells its number and not its text.
            Err(wrong) => problems.push(Text::both(
                format!(
                    "{}番目の中継サーバーを読めません ({wrong})。smtp://ホスト:ポート か \
                     smtps://利用者:パスワード@ホスト の形で、記号は %XX として書いてください。",
                    index + 1
                ),
                format!("relay {} is {wrong}", index + 1),
            )),
        }
    }
    if problems.is_empty() { Ok(relays) } else { Err(problems) }
}

fn mailbox(text: &str) -> Read<Mailbox> {
    text.parse().or_else(|_| {
        one(
            format!("「{text}」は差出人ではありません。例: Noroshi <noroshi@pref.example.jp>"),
            format!("\"{text}\" is not a sender; write for example Noroshi <noroshi@pref.example.jp>"),
        )
    })
}

fn time_zone(text: &str) -> Read<Tz> {
    text.parse().or_else(|_| {
        one(
            format!("「{text}」という時間帯はありません。IANA の名前で書いてください。例: Asia/Tokyo、UTC"),
            format!("there is no time zone \"{text}\"; write a name of the IANA database, for example Asia/Tokyo or UTC"),
        )
    })
}

fn locale(text: &str) -> Read<Language> {
    Language::from_key(text).map_or_else(
        || {
            one(
                format!("「{text}」という言語はありません。ja、easy_ja、en のどれかを書いてください。"),
                format!("there is no language \"{text}\"; write ja, easy_ja or en"),
            )
        },
        Ok,
    )
}

fn span(text: &str, least: Span, most: Span) -> Read<Span> {
    match text.parse::<Span>() {
        Ok(span) if (least..=most).contains(&span) => Ok(span),
        _ => one(
            format!("「{text}」は使えません。{least} から {most} までの時間を書いてください。例: 15s、2m"),
            format!("\"{text}\" does not do; write a time from {least} to {most}, for example 15s or 2m"),
        ),
    }
}

fn path(raw: &reader::Raw) -> Read<PathBuf> {
    let text = text_of(raw)?;
    if text.is_empty() {
        return one("パスが空です。", "the path is empty; write one or leave the key out");
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        Config::parse(text, "noroshi.toml", environment).map_err(|error| error.lines(Language::En))
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        assert_eq!(parse(DEFAULT_TOML, &[]), Ok(Config::default()));
    }

    #[test]
    fn every_key_is_documented() {
        let mut section = "";
        let documented: Vec<String> = DEFAULT_TOML
            .lines()
            .filter_map(|line| {
                section = line.strip_prefix('[').map_or(section, |rest| rest.trim_end_matches(']'));
                let key = line.trim_start_matches("# ").split_once(" = ")?.0;
                (!key.contains(' ')).then(|| format!("{section}.{key}"))
            })
            .collect();
        let mut settings = Settings::default();
        Config::take_from(&mut settings);
        let mut known = settings.known_keys();
        known.retain(|key| !documented.contains(key));
        assert_eq!(known, Vec::<String>::new());
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let config = parse(
            "[server]\nbind = \"127.0.0.1:1\"\n[delivery]\nconnections = 3",
            &[
                ("NOROSHI_SERVER__BIND", "127.0.0.1:2"),
                ("NOROSHI_DELIVERY__CONNECTIONS", "4"),
                ("NOROSHI_SERVER__BEHIND_PROXY", "true"),
                ("NOROSHI_SMTP__RELAYS", "smtp://a.example:2525, smtps://u:p%40ss@b.example"),
                ("NOROSHI_TOKEN", "not configuration"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap();
        assert_eq!(config.server.bind.port(), 2);
        assert_eq!(config.delivery.connections, 4);
        assert!(config.server.behind_proxy);
        assert_eq!(config.smtp.relays.len(), 2);
        assert_eq!(config.smtp.relays[1].to_string(), "smtps://b.example:465");
    }

    #[test]
    fn every_problem_is_told_at_once_with_its_place() {
        let problems = parse(
            "[server]\nbnid = \"x\"\nbind = \"nowhere\"\n\n[delivery]\nconnections = 257\n[sever]\nbind = 1\n",
            &[("NOROSHI_SITE__TIMEZONE", "Asia/Tokyo"), ("NOROSHI_SITE__LOCALE", "fr")],
        )
        .unwrap_err();
        let starts = [
            "noroshi.toml:3: server.bind: \"nowhere\" is not an IP address",
            "NOROSHI_SITE__LOCALE: there is no language \"fr\"",
            "noroshi.toml:6: delivery.connections: ",
            "noroshi.toml:2: server.bnid: there is no such key; did you mean server.bind?",
            "noroshi.toml:8: sever.bind: there is no such key; did you mean server.bind?",
            "NOROSHI_SITE__TIMEZONE: there is no such key; did you mean NOROSHI_SITE__TIME_ZONE?",
        ];
        for start in starts {
            assert!(problems.iter().any(|problem| problem.starts_with(start)), "{start} in {problems:#?}");
        }
        assert_eq!(problems.len(), starts.len(), "{problems:#?}");
    }

    #[test]
    fn a_file_that_is_no_toml_is_refused_with_its_line() {
        let problems = parse("[server]\nbind = \n", &[]).unwrap_err();
        assert!(problems[0].starts_with("noroshi.toml:2:"), "{problems:?}");
    }

    #[test]
    fn plain_http_does_not_leave_the_machine() {
        let bind = "[server]\nbind = \"0.0.0.0:80\"\n";
        let problems = parse(bind, &[]).unwrap_err();
        assert!(problems[0].contains("behind_proxy = true"), "{problems:?}");
        assert!(parse(&format!("{bind}behind_proxy = true"), &[]).is_ok());
        let tls = format!("{bind}tls_certificate = \"a.crt\"\ntls_key = \"a.key\"");
        assert_eq!(parse(&tls, &[]).unwrap().server.public_url(), "https://0.0.0.0:80");
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let problems = parse("[server]\ntls_certificate = \"a.crt\"", &[]).unwrap_err();
        assert!(problems[0].starts_with("server.tls_key: "), "{problems:?}");
    }

    #[test]
    fn the_key_file_stands_beside_the_sqlite_file() {
        let config = parse("[database]\nurl = \"sqlite:/var/lib/noroshi/state.db\"", &[]).unwrap();
        assert_eq!(config.server.key_file, Path::new("/var/lib/noroshi/noroshi.key"));
        assert_eq!(Config::default().server.key_file, Path::new("noroshi.key"));
    }

    #[test]
    fn databases_of_other_kinds_are_refused() {
        for url in
            ["mysql://localhost/x", "sqlite::memory:", "sqlite:", "postgres://", "sqlite:a.db?mode=ro", ""]
        {
            assert!(parse(&format!("[database]\nurl = \"{url}\""), &[]).is_err(), "{url}");
        }
    }

    #[test]
    fn passwords_never_show() {
        let config = parse(
            "[database]\nurl = \"postgres://noroshi:geheim@db.example/noroshi\"\n\
             [smtp]\nrelays = [\"smtps://u:geheim@mail.example\"]",
            &[],
        )
        .unwrap();
        assert!(!format!("{config:?}").contains("geheim"), "{config:?}");
        assert_eq!(config.database.url.to_string(), "postgres://db.example/noroshi");
        let problems = parse("[smtp]\nrelays = [\"smpt://u:geheim@mail.example\"]", &[]).unwrap_err();
        assert!(!problems.concat().contains("geheim"), "{problems:?}");
    }

    #[test]
    fn a_public_url_is_scheme_host_and_port() {
        let url = |text: &str| parse(&format!("[server]\npublic_url = \"{text}\""), &[]);
        assert_eq!(
            url("https://noroshi.example.jp/").unwrap().server.public_url(),
            "https://noroshi.example.jp"
        );
        for wrong in ["noroshi.example.jp", "https://a/b", "ftp://a", "https://u:p@a", "https://a?x"] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sender_may_have_a_japanese_name() {
        let config = parse("[smtp]\nfrom = \"災害対策本部 <saigai@pref.example.jp>\"", &[]).unwrap();
        assert_eq!(config.smtp.from.name, "災害対策本部");
    }

    #[test]
    fn an_empty_variable_is_as_good_as_none_except_for_lists() {
        let config = parse(
            "[smtp]\nrelays = [\"smtp://a.example\"]",
            &[("NOROSHI_SERVER__TLS_KEY", ""), ("NOROSHI_SMTP__RELAYS", "")],
        )
        .unwrap();
        assert_eq!(config.server.tls, None);
        assert_eq!(config.smtp.relays, []);
    }
}
