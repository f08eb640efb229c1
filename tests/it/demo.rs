//! The newcomer's one command.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::support::{
    browser::{Browser, DESK},
    postgres::Database,
    server::{Home, free_port, signal},
    wait::until,
};

/// A demo of its own, ended with the test.
struct Demo {
    child: Child,
    lines: Vec<String>,
    _home: Home,
}

impl Demo {
    /// Starts one and reads what it prints until the sign-in link has come.
    async fn start(extra: &[&str]) -> Self {
        let home = Home::new(Database::Sqlite);
        let bind = format!("127.0.0.1:{}", free_port());
        let mut command = home.command(&[&["demo", "--bind", &bind], extra].concat());
        command.env_remove("NOROSHI_DATABASE__URL").env_remove("NOROSHI_SERVER__BIND");
        command.env_remove("NOROSHI_SERVER__KEY_FILE").env_remove("NOROSHI_PLAYBOOKS__DIR");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        let output = child.stdout.take().expect("a piped output");
        let reading = tokio::task::spawn_blocking(move || {
            let mut reader = BufReader::new(output).lines().map_while(Result::ok);
            let mut lines = Vec::new();
            for line in reader.by_ref() {
                let found = line.contains("/setup/");
                lines.push(line);
                if found {
                    break;
                }
            }
            std::thread::spawn(move || reader.for_each(drop));
            lines
        });
        let lines = tokio::time::timeout(Duration::from_secs(60), reading).await;
        let lines = lines.expect("the demo prints its link in time").expect("the reading thread ends");
        Self { child, lines, _home: home }
    }

    /// The one-time link.
    fn link(&self) -> String {
        let words = self.lines.iter().flat_map(|line| line.split_whitespace());
        let found = words.into_iter().find(|word| word.contains("/setup/") && word.starts_with("http"));
        found.unwrap_or_else(|| panic!("no link among {:#?}", self.lines)).to_owned()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        signal(self.child.id(), "TERM");
        let status = self.child.wait();
        if !std::thread::panicking() {
            assert!(status.is_ok_and(|status| status.success()), "the demo stops in order");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_sees_a_drill_running_and_agencies_answering() {
    let demo = Demo::start(&["--speed", "60"]).await;
    let link = demo.link();
    let browser = Browser::start(DESK).await;
    browser.open(&link).await;
    let base = link.split("/setup/").next().expect("an address").to_owned();
    browser.press("button", "サインインする").await;
    browser.shows("【訓練】").await;
    browser.open(&format!("{base}/incidents")).await;
    browser.shows("【訓練】").await;
    let id = until("the drill has a board", Duration::from_secs(20), async || {
        let links = "return [...document.querySelectorAll('a[href]')].map(a => a.pathname)";
        let paths = browser.page.execute(links, Vec::new()).await.ok()?;
        let paths = paths.as_array()?.clone();
        paths.iter().filter_map(Value::as_str).find_map(|path| {
            let id = path.strip_prefix("/incidents/")?.split('/').next()?;
            id.starts_with("inc_").then(|| id.to_owned())
        })
    })
    .await;
    browser.open(&format!("{base}/incidents/{id}")).await;
    // The agencies are simulated, their letters, links and answers are not.
    let minute = Duration::from_secs(90);
    let fetch = "const [path, done] = [arguments[0], arguments[1]];
        fetch(path).then(r => r.json()).then(done, e => done(String(e)))";
    let recipients = async || {
        let path = serde_json::json!(format!("/api/v1/incidents/{id}/recipients?limit=1000"));
        let answer = browser.page.execute_async(fetch, vec![path]).await.ok()?;
        Some(answer["items"].as_array()?.clone())
    };
    until("one agency accepts and one declines", minute, async || {
        let all = recipients().await?;
        let options: Vec<&str> = all.iter().filter_map(|it| it["answer"]["option"].as_str()).collect();
        let accepts = options.iter().any(|option| ["available", "conditional"].contains(option));
        (accepts && options.contains(&"unavailable")).then_some(())
    })
    .await;
    until("one that never answers waits for a decision", minute, async || {
        recipients().await?.iter().any(|it| it["state"] == "to_decide").then_some(())
    })
    .await;
    let roles = async || {
        let path = serde_json::json!(format!("/api/v1/incidents/{id}/roles"));
        let answer = browser.page.execute_async(fetch, vec![path]).await.ok()?;
        Some(answer["items"].as_array()?.clone())
    };
    until("a colleague takes a role by the link of the mail", minute, async || {
        roles().await?.iter().any(|role| role["state"] == "accepted").then_some(())
    })
    .await;
    browser.picture("demo-board").await;
    browser.open(&format!("{base}/inbox")).await;
    browser.shows("【訓練】").await;
    browser.picture("demo-inbox").await;
    browser.close().await;
}
