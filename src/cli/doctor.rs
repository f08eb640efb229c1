//! `noroshi doctor`: what keeps this installation from doing its work? One line each, with the cure.
//!
//! Looks and does not change, but for two things that are asked for: a letter with `--send-to`, and a database that is
//! there is migrated as by every command that touches it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use noroshi_core::{
    id::{Delivery, Incident},
    playbook::Urgency,
    text::{Language, Text},
    time::{Span, Timestamp},
};
use serde::Serialize;

use super::{Format, Setting, block_on, print, print_json};
use crate::{
    app::gateway,
    chance::Chance,
    clock::{Clock, SystemClock},
    config::{Config, ConfigError, DatabaseUrl},
    key::Key,
    store::Store,
    tls,
    transport::{
        Outcome,
        address::Address,
        letter::{DrillWords, Letter},
        mail::{MailConfig, Mailer},
        relay::Roots,
    },
};

/// Whom to send a letter to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  noroshi doctor\n  noroshi doctor --send-to duty@pref.example.jp")]
pub(crate) struct Args {
    /// Send one real test letter to this address
    #[arg(long, value_name = "ADDRESS")]
    send_to: Option<Address>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    Warning,
    Bad,
}

/// One thing that was looked at.
struct Finding {
    name: &'static str,
    state: State,
    says: Text,
}

fn good(name: &'static str, ja: impl Into<String>, en: impl Into<String>) -> Finding {
    Finding { name, state: State::Good, says: Text::both(ja, en) }
}

fn warning(name: &'static str, ja: impl Into<String>, en: impl Into<String>) -> Finding {
    Finding { name, state: State::Warning, says: Text::both(ja, en) }
}

fn bad(name: &'static str, ja: impl Into<String>, en: impl Into<String>) -> Finding {
    Finding { name, state: State::Bad, says: Text::both(ja, en) }
}

pub(crate) fn run(args: Args, setting: &Setting) -> anyhow::Result<ExitCode> {
    let findings = match setting.config() {
        Ok(config) => block_on(examine(&config, args.send_to, &SystemClock::default()))?,
        // A wrong configuration is what this command is there to tell; a file that is not there is wrong usage.
        Err(ConfigError::Wrong(problems)) => problems
            .into_iter()
            .map(|problem| {
                let says = |language| format!("{}: {}", problem.place, problem.says.get(language));
                bad("configuration", says(Language::Ja), says(Language::En))
            })
            .collect(),
        Err(unreadable) => return Err(unreadable.into()),
    };
    match args.format {
        Format::Json => print_json(&report(&findings, setting.language))?,
        Format::Text => print(&page(&findings, setting))?,
    }
    let healthy = findings.iter().all(|finding| finding.state != State::Bad);
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(
    config: &Config,
    send_to: Option<Address>,
    clock: &dyn Clock,
) -> anyhow::Result<Vec<Finding>> {
    let now = clock.now();
    let mut findings = configuration(config);
    findings.push(database(&config.database.url).await);
    findings.push(key(&config.server.key_file));
    findings.push(disk(&config.database.url));
    findings.push(the_clock(now));
    findings.push(certificate(config, now));
    findings.push(playbooks(&config.playbooks.dir));
    let mailer = mailer(config);
    findings.extend(relays(&mailer, now).await);
    findings.extend(webhooks(config));
    findings.extend(sms(config).await);
    if let Some(to) = send_to {
        findings.push(test_letter(&mailer, config, to, now).await);
    }
    mailer.close().await;
    Ok(findings)
}

fn configuration(config: &Config) -> Vec<Finding> {
    const NAME: &str = "configuration";
    let mut findings: Vec<Finding> = config
        .warnings()
        .into_iter()
        .map(|says| Finding { name: NAME, state: State::Warning, says })
        .collect();
    if findings.is_empty() {
        findings.push(good(NAME, "読めました。", "readable and complete"));
    }
    findings
}

async fn database(url: &DatabaseUrl) -> Finding {
    const NAME: &str = "database";
    if let DatabaseUrl::Sqlite { path } = url
        && !path.exists()
    {
        return good(
            NAME,
            format!("{url} はまだありません。最初の起動で作られます。"),
            format!("{url} is not there yet; the first start makes it"),
        );
    }
    let store = match Store::open(&url.secret_text()).await {
        Ok(store) => store,
        Err(cause) => {
            let cause = format!("{:#}", anyhow::Error::new(cause));
            return bad(
                NAME,
                format!(
                    "{url} を開けません ({cause})。database.url と、データベースが動いているかを確かめてください。"
                ),
                format!("could not open {url} ({cause}); check database.url, and whether the database runs"),
            );
        }
    };
    store.close().await;
    good(
        NAME,
        format!("{url} に届き、スキーマは最新です。"),
        format!("{url} is reached, its schema is up to date"),
    )
}

fn key(path: &Path) -> Finding {
    const NAME: &str = "key file";
    match Key::read(path) {
        Ok(Some(_)) => {
            let path = path.display();
            good(
                NAME,
                format!("{path} は正しい権限です。"),
                format!("{path} has the right length and rights"),
            )
        }
        Ok(None) => {
            let path = path.display();
            good(
                NAME,
                format!("{path} はまだありません。最初の起動で作られます。"),
                format!("{path} is not there yet; the first start makes it"),
            )
        }
        Err(cause) => {
            let cause = format!("{:#}", anyhow::Error::new(cause));
            bad(NAME, format!("鍵ファイルを使えません ({cause})。"), cause)
        }
    }
}

/// Less than this, and a long incident may fill the disk.
const LITTLE_SPACE: u64 = 1 << 30;
/// Less than this, and the next write may fail.
const NO_SPACE: u64 = 64 << 20;

fn disk(url: &DatabaseUrl) -> Finding {
    const NAME: &str = "disk";
    let folder = match url {
        DatabaseUrl::Sqlite { path } => match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        },
        DatabaseUrl::Postgres { .. } => Path::new("."),
    };
    let shown = folder.display();
    let free = match rustix::fs::statvfs(folder) {
        Ok(space) => space.f_bavail.saturating_mul(space.f_frsize),
        Err(cause) => {
            return bad(
                NAME,
                format!("フォルダー {shown} を調べられません ({cause})。作ってください。"),
                format!("could not look at the folder {shown} ({cause}); make it"),
            );
        }
    };
    if let (DatabaseUrl::Sqlite { .. }, Err(cause)) = (url, tempfile::tempfile_in(folder)) {
        return bad(
            NAME,
            format!(
                "フォルダー {shown} に書き込めません ({cause})。noroshi の利用者に書き込みを許してください。"
            ),
            format!(
                "could not write into the folder {shown} ({cause}); let the account that runs noroshi write there"
            ),
        );
    }
    let megabytes = free >> 20;
    let (ja, en) = (
        format!("{shown} の空きは {megabytes} MiB です。"),
        format!("{shown} is writable and has {megabytes} MiB free"),
    );
    match free {
        ..NO_SPACE => bad(NAME, format!("{ja}すぐに空けてください。"), format!("{en}; make room now")),
        NO_SPACE..LITTLE_SPACE => warning(NAME, format!("{ja}空けてください。"), format!("{en}; make room")),
        _ => good(NAME, ja, en),
    }
}

/// No moment before this one is now: the year in which this was written.
const WRITTEN: Timestamp = Timestamp(1_767_225_600_000);

/// Letters carry deadlines, so a clock that is wrong misleads people. Whether it is kept right is known to the daemon
/// that keeps it.
fn the_clock(now: Timestamp) -> Finding {
    const NAME: &str = "clock";
    let shown = now.to_utc().format("%Y-%m-%d %H:%M:%S UTC");
    if now < WRITTEN {
        return bad(
            NAME,
            format!("この機械の時計は {shown} です。合わせてください (timedatectl set-ntp true)。"),
            format!("the clock of this machine says {shown}; set it (timedatectl set-ntp true)"),
        );
    }
    let kept = ["/run/systemd/timesync/synchronized", "/run/chrony", "/var/run/ntpd.pid"];
    if kept.iter().any(|sign| Path::new(sign).exists()) {
        return good(
            NAME,
            format!("{shown}、自動で合わせられています。"),
            format!("{shown}, kept right over the network"),
        );
    }
    warning(
        NAME,
        format!("{shown}。自動で合わせられているか分かりません。timedatectl で確かめてください。"),
        format!("{shown}; nothing here seems to keep it right: check with timedatectl"),
    )
}

/// A certificate is renewed before this is left of it.
const RENEW_BEFORE: Span = Span(21 * 86_400_000);

fn certificate(config: &Config, now: Timestamp) -> Finding {
    const NAME: &str = "certificate";
    let Some(tls) = &config.server.tls else {
        return if config.server.behind_proxy {
            good(NAME, "プロキシが TLS を終端します。", "the proxy in front ends TLS")
        } else {
            good(NAME, "この機械の中だけなので要りません。", "not needed: only this machine is served")
        };
    };
    let wrong = |cause: tls::TlsError| {
        let cause = format!("{:#}", anyhow::Error::new(cause));
        bad(NAME, format!("証明書を使えません ({cause})。"), cause)
    };
    if let Err(cause) = tls::server_config(tls) {
        return wrong(cause);
    }
    let end = match tls::valid_until(tls) {
        Ok(Some(end)) => end,
        Ok(None) => {
            return warning(NAME, "有効期限を読めません。", "fits its key; when it ends could not be read");
        }
        Err(cause) => return wrong(cause),
    };
    let day = end.to_utc().with_timezone(&config.site.time_zone).format("%Y-%m-%d");
    if end <= now {
        bad(NAME, format!("{day} に切れました。更新してください。"), format!("ended on {day}; renew it"))
    } else if end - now < RENEW_BEFORE {
        warning(NAME, format!("{day} に切れます。更新してください。"), format!("ends on {day}; renew it"))
    } else {
        good(NAME, format!("{day} まで有効です。"), format!("fits its key and holds until {day}"))
    }
}

fn playbooks(dir: &PathBuf) -> Finding {
    const NAME: &str = "playbooks";
    let shown = dir.display();
    match fs::read_dir(dir) {
        Ok(_) => good(
            NAME,
            format!("{shown} を読めます。中身は noroshi playbook check {shown} で確かめられます。"),
            format!("{shown} is readable; what is in it is checked by: noroshi playbook check {shown}"),
        ),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => warning(
            NAME,
            format!("フォルダー {shown} がありません。playbooks.dir を確かめてください。"),
            format!("there is no folder {shown}; check playbooks.dir"),
        ),
        Err(cause) => bad(
            NAME,
            format!("{shown} を読めません ({cause})。権限を確かめてください。"),
            format!("could not read {shown} ({cause}); check its rights"),
        ),
    }
}

fn mailer(config: &Config) -> Mailer {
    // One conversation at a time is enough.
    let mail = MailConfig { connections: 1, ..MailConfig::of(config) };
    Mailer::new(mail, &Roots::of_this_machine())
}

async fn relays(mailer: &Mailer, now: Timestamp) -> Vec<Finding> {
    const NAME: &str = "relay";
    let probed = mailer.probe(now).await.into_iter();
    probed
        .map(|(relay, found)| match found {
            Ok(true) => good(NAME, format!("{relay} に暗号化して届きます。"), format!("{relay} is reached, encrypted")),
            Ok(false) => warning(
                NAME,
                format!("{relay} に届きますが、暗号化されません。証拠に「unencrypted」と記されます。"),
                format!("{relay} is reached in clear; the evidence of its letters will say unencrypted"),
            ),
            Err(cause) => bad(
                NAME,
                format!("{relay} に届きません ({cause})。smtp.relays と、中継サーバーが動いているかを確かめてください。"),
                format!("{relay} is not reached ({cause}); check smtp.relays, and whether the relay runs"),
            ),
        })
        .collect()
}

/// What signs, and whom inside the house it may reach; nothing where no webhook leaves.
fn webhooks(config: &Config) -> Option<Finding> {
    const NAME: &str = "webhook";
    let names: Vec<&str> = config.webhook.secrets.keys().map(String::as_str).collect();
    if names.is_empty() {
        return None;
    }
    let (names, inside) = (names.join(", "), config.webhook.allow.len());
    Some(good(
        NAME,
        format!("{names} の鍵で署名します。庁内の受け手は {inside} 件です。"),
        format!("signed by: {names}; receivers inside the house: {inside}"),
    ))
}

/// Whether the SMS gateway is there; nothing where there is none.
async fn sms(config: &Config) -> Option<Finding> {
    const NAME: &str = "sms gateway";
    let gateway = gateway(config)?;
    let name = gateway.name();
    Some(match gateway.probe().await {
        Ok(()) => good(
            NAME,
            format!("{name} に届きます。SMS は送っていません。"),
            format!("{name} is reached; no message was sent"),
        ),
        Err(cause) => bad(
            NAME,
            format!(
                "{name} に届きません ({cause})。sms.url と、外への通信が許されているかを確かめてください。"
            ),
            format!("{name} is not reached ({cause}); check sms.url, and whether this machine may go there"),
        ),
    })
}

async fn test_letter(mailer: &Mailer, config: &Config, to: Address, now: Timestamp) -> Finding {
    const NAME: &str = "test letter";
    let chance = Chance::from_os();
    let language = config.site.locale;
    let words = |ja: &str, en: &str| Text::both(ja, en).get(language).to_owned();
    let letter = Letter {
        delivery: chance.id::<Delivery>(now),
        incident: chance.id::<Incident>(now),
        to: to.to_string(),
        to_name: String::new(),
        language,
        drill: false,
        drill_words: DrillWords::default(),
        repeat: false,
        urgency: Urgency::Normal,
        place: "Noroshi".to_owned(),
        incident_number: 0,
        incident_title: words("送信試験", "Test of sending"),
        subject: words("送信試験", "Test of sending"),
        number: 0,
        body: words(
            "これは noroshi doctor による送信試験です。届いていれば、メールは送れています。返事は要りません。",
            "This is a test by noroshi doctor. If you read it, mail goes out. No answer is needed.",
        ),
        short: None,
        max_chars: None,
        link: None,
        respond_by: None,
        options: Vec::new(),
        phone: None,
        next_step: None,
        asks: true,
        desk_answers: true,
        documents: Vec::new(),
        sent_at: now.rfc3339(config.site.time_zone),
        planned_at: None,
        date: now,
    };
    match mailer.send(&letter, now).await {
        Outcome::Accepted { relay, reply, .. } => good(
            NAME,
            format!("{relay} が受け取りました ({reply})。届いたか、受信箱を確かめてください。"),
            format!("{relay} took it ({reply}); look into the inbox whether it arrives"),
        ),
        Outcome::Away { relay, reason }
        | Outcome::TryAgain { relay, reason }
        | Outcome::Later { relay, reason, .. }
        | Outcome::Refused { relay, reason }
        | Outcome::Gone { relay, reason }
        | Outcome::Closed { relay, reason }
        | Outcome::Unknown { relay, reason } => bad(
            NAME,
            format!(
                "送れませんでした ({relay}: {reason})。宛先、smtp.from、smtp.relays を確かめてください。"
            ),
            format!("not sent ({relay}: {reason}); check the address, smtp.from and smtp.relays"),
        ),
    }
}

#[derive(Serialize)]
struct Report<'a> {
    healthy: bool,
    checks: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    state: State,
    detail: &'a str,
}

fn report(findings: &[Finding], language: Language) -> Report<'_> {
    Report {
        healthy: findings.iter().all(|finding| finding.state != State::Bad),
        checks: findings
            .iter()
            .map(|Finding { name, state, says }| Line { name, state: *state, detail: says.get(language) })
            .collect(),
    }
}

fn page(findings: &[Finding], setting: &Setting) -> String {
    findings
        .iter()
        .map(|finding| {
            let state = match finding.state {
                State::Good => setting.say("良好", "good   "),
                State::Warning => setting.say("注意", "warning"),
                State::Bad => setting.say("異常", "BAD    "),
            };
            format!("{state}  {}: {}\n", finding.name, finding.says.get(setting.language))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn config(folder: &Path, more: &str) -> Config {
        let text = format!("[database]\nurl = \"sqlite:{}/noroshi.db\"\n{more}", folder.display());
        Config::parse(&text, "noroshi.toml", []).unwrap()
    }

    async fn examined(config: &Config) -> Vec<(&'static str, State)> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = ManualClock::at(Timestamp(1_800_000_000_000));
        let findings = examine(config, None, &clock).await.unwrap();
        findings.into_iter().map(|finding| (finding.name, finding.state)).collect()
    }

    #[tokio::test]
    async fn a_fresh_installation_lacks_nothing_but_relays_and_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let found = examined(&config(folder.path(), "")).await;
        assert!(found.iter().all(|(_, state)| *state != State::Bad), "{found:?}");
        assert!(found.contains(&("configuration", State::Warning)), "{found:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_relay_that_does_not_run_is_found() {
        let folder = tempfile::tempdir().unwrap();
        // Bound and closed again: nobody listens there.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let found =
            examined(&config(folder.path(), &format!("[smtp]\nrelays = [\"smtp://127.0.0.1:{port}\"]")))
                .await;
        assert!(found.contains(&("relay", State::Bad)), "{found:?}");
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_and_a_key_of_wrong_length_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("noroshi.key");
        fs::write(&key, "short").unwrap();
        let config =
            config(&folder.path().join("missing"), &format!("[server]\nkey_file = \"{}\"", key.display()));
        let found = examined(&config).await;
        assert!(found.contains(&("key file", State::Bad)), "{found:?}");
        assert!(found.contains(&("disk", State::Bad)), "{found:?}");
    }

    #[test]
    fn a_clock_of_the_past_is_found() {
        assert_eq!(the_clock(Timestamp(0)).state, State::Bad);
    }
}
