//! `noroshi demo`: the whole service at work, with nothing to set up.
//!
//! A fresh database in a temporary folder, the example directory and playbooks, a mail catcher as the only relay, and a
//! drill already running. Its letters reach the catcher through `rehearsal`, which is wired to it here and to nothing
//! else; a live start goes the ordinary way of mail, whose only relay is the catcher too. The simulated agencies know
//! nothing but the mails that were caught.

pub mod agency;
pub mod catcher;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use anyhow::Context;
use noroshi_core::{
    rights::Role,
    text::Language,
    time::{Span, Timestamp},
};
use serde_json::Value;
use tokio_util::task::TaskTracker;

use crate::{
    app::{self, App},
    chance::Chance,
    clock::{Clock, SystemClock},
    config::Config,
    lifecycle::{Lifecycle, Signals},
    operation::{self, Actor, Work, account::NewAccount, incident::Start},
    store,
    transport::{Transport, Transports},
};
use catcher::Catcher;

const DIRECTORY: &[u8] = include_bytes!("../../playbooks/directory.example.yaml");
/// The shipped playbooks, so that a newcomer can start each of them as a drill.
const PLAYBOOKS: [&[u8]; 6] = [
    include_bytes!("../../playbooks/eq-6upper-initial.yaml"),
    include_bytes!("../../playbooks/mci-local.yaml"),
    include_bytes!("../../playbooks/major-tsunami-warning.yaml"),
    include_bytes!("../../playbooks/heavy-snow-notice.yaml"),
    include_bytes!("../../playbooks/comcheck-monthly.yaml"),
    include_bytes!("../../playbooks/hospital-power-failure.yaml"),
];
/// The one that is running when the newcomer comes in.
const PLAYBOOK_KEY: &str = "eq-6upper-initial";
/// Own seconds of the drill for each real one: half an hour of ladder takes a minute and a half.
const SPEED: u32 = 20;
/// Mails that the inbox keeps.
const KEPT: usize = 500;

/// Runs the demo until it is stopped.
pub async fn run(
    bind: SocketAddr,
    dir: Option<PathBuf>,
    speed: Option<u32>,
    language: Language,
) -> anyhow::Result<()> {
    let (life, signals) = (Lifecycle::new(), Signals::listen()?);
    let listener = app::hindrance::listen(bind)?;
    let (folder, _removed_at_the_end) = match dir {
        Some(dir) => {
            std::fs::create_dir_all(&dir)
                .with_context(|| format!("could not make the folder {}", dir.display()))?;
            (dir, None)
        }
        None => {
            let temporary = tempfile::tempdir().context("could not make a temporary folder")?;
            (temporary.path().to_owned(), Some(temporary))
        }
    };
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (catcher, smtp) = Catcher::start(any, KEPT, &TaskTracker::new(), life.soft().clone())
        .await
        .context("could not open the mail catcher on loopback")?;
    let config = config(bind, &folder, smtp)?;
    let transports = Transports::default()
        .with("mail", Transport::Mail(app::mailer(&config).context("the catcher is the relay")?))
        .with("rehearsal", Transport::Rehearsal { catcher: app::mailer(&config) });
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let mut app = App::open(&config, clock, Arc::new(Chance::from_os()), transports, true).await?;
    app.inbox = Some(catcher.clone());
    let speed = speed.unwrap_or(SPEED);
    fill(&app).await?;
    let app = app::start(app, &config, &life, listener).await?;
    let link = sign_in_link(&app).await?;
    start_drill(&app, speed).await?;
    agency::start(&catcher, &life, Arc::clone(&app.clock), speed);
    greet(&app, &link, language);
    life.run(signals).await?;
    Ok(())
}

fn config(bind: SocketAddr, folder: &std::path::Path, smtp: SocketAddr) -> anyhow::Result<Config> {
    let text = format!(
        "[server]\nbind = \"{bind}\"\n[database]\nurl = {}\n[smtp]\nrelays = [\"smtp://{smtp}\"]\n\
         from = \"北都道 保健医療福祉調整本部 <noroshi@eoc.hokuto.example>\"\n[playbooks]\ndir = {}\n",
        toml_text(&format!("sqlite:{}", folder.join("noroshi.db").display())),
        toml_text(&folder.join("playbooks").display().to_string()),
    );
    Ok(Config::parse(&text, "demo", [])?)
}

fn toml_text(text: &str) -> String {
    // A JSON string is a TOML basic string too.
    Value::from(text).to_string()
}

/// The example directory and playbooks; a folder that was used before has them already.
async fn fill(app: &App) -> anyhow::Result<()> {
    use operation::directory::{Shape, plan, put};
    let example = plan(app, &Actor::system(), DIRECTORY.to_vec(), Shape::Yaml, false)
        .await
        .context("could not read the example directory")?;
    let work = Work::begin(app, Actor::system()).await?;
    put(work, &example).await.context("could not import the example directory")?;
    for playbook in PLAYBOOKS {
        let work = Work::begin(app, Actor::system()).await?;
        operation::playbook::import(work, playbook, None)
            .await
            .context("could not import an example playbook")?;
    }
    Ok(())
}

/// An account for whoever watches, as the person on duty, and a link that signs it in once.
async fn sign_in_link(app: &App) -> anyhow::Result<String> {
    const LOGIN: &str = "demo";
    let known = store::account::by_login(app.store.read(), LOGIN).await?;
    let id = match known {
        Some(account) => noroshi_core::id::AccountId::new(account.id),
        None => {
            let person = on_duty(app).await?;
            let name = person.as_ref().map_or_else(|| "デモ".to_owned(), |(_, name)| name.clone());
            let new = NewAccount {
                login: LOGIN.to_owned(),
                name,
                role: Role::Admin,
                person: person.map(|(key, _)| key),
                // Nobody knows this password: the link is the only way in.
                password_hash: app.passwords.hash(&app.chance.token()).await?,
            };
            operation::account::add(Work::begin(app, Actor::system()).await?, new).await?
        }
    };
    let token = operation::account::make_sign_in_link(Work::begin(app, Actor::system()).await?, id).await?;
    Ok(format!("{}/setup/{token}", app.public_url()))
}

async fn on_duty(app: &App) -> anyhow::Result<Option<(String, String)>> {
    let Some(version) = store::directory::latest(app.store.read()).await? else { return Ok(None) };
    let directory = app.library.directory(app.store.read(), version.id).await?;
    let key = directory.on_duty("eoc_duty", app.clock.now()).first().map(|key| (*key).to_owned());
    Ok(key.and_then(|key| {
        let name = directory.people.get(&key)?.name.ja.clone();
        Some((key, name))
    }))
}

async fn start_drill(app: &App, speed: u32) -> anyhow::Result<()> {
    let now = app.clock.now();
    let minutes_ago = Timestamp(now.0 - Span::minutes(5).0);
    let variables: BTreeMap<String, Value> = [
        ("intensity", Value::from("6+")),
        ("epicenter", Value::from("北見野地方")),
        ("occurred_at", Value::from(minutes_ago.rfc3339(app.zone))),
        ("areas", Value::from(vec!["北見野地方", "網尻地方"])),
        ("staging", Value::from("北見野総合運動公園")),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    let wish = Start {
        playbook: PLAYBOOK_KEY.to_owned(),
        drill: true,
        variables,
        title: Some("震度6強 初動訓練".to_owned()),
        rate: Some(speed),
    };
    let actor = Actor { name: "デモ".to_owned(), ..Actor::system() };
    let work = Work::begin(app, actor).await?;
    let open = store::incident::open(&work.tx).await?;
    if open.is_empty() {
        operation::incident::start(work, wish, None, async |_, _| Ok(String::new())).await?;
    }
    Ok(())
}

fn greet(app: &App, link: &str, language: Language) {
    let url = app.public_url();
    if language == Language::En {
        println!("sign in (once):  {link}\ncaught mails:    {url}/inbox\nstop:            Ctrl+C");
    } else {
        println!(
            "サインイン（一度だけ有効）: {link}\n届いたメール:               {url}/inbox\n終了:                       Ctrl+C"
        );
    }
}
