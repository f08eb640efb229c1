//! Debian's Chromium, driven through chromedriver. Pages are searched by role and accessible name, as a screen reader
//! finds things.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    str::FromStr,
};

use fantoccini::{Client, ClientBuilder, elements::Element, wd::Capabilities};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::wait::{SOON, until};

/// The widths at which pages are looked at: a telephone and a desk.
pub const PHONE: u32 = 390;
/// See [`PHONE`].
pub const DESK: u32 = 1280;

/// One browser with one window and an empty profile.
pub struct Browser {
    /// The WebDriver session, for what has no short way here.
    pub page: Client,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts one, `width` pixels wide.
    pub async fn start(width: u32) -> Self {
        Self::with(width, true).await
    }

    /// Starts one that runs no script of any page.
    pub async fn without_script(width: u32) -> Self {
        Self::with(width, false).await
    }

    async fn with(width: u32, script: bool) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own, so that Chromium's many processes end with it.
            .process_group(0)
            .spawn()
            .expect("chromedriver is installed (tests/run installs it)");
        let output = driver.stdout.take().expect("a piped output");
        let port = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            let port = lines.find_map(|line| {
                line.rsplit_once("successfully on port ")
                    .map(|(_, port)| port.trim_end_matches('.').to_owned())
            });
            // The pipe is emptied to its end, or chromedriver would block on it.
            std::thread::spawn(move || lines.for_each(drop));
            port
        })
        .await
        .expect("the reading thread ends")
        .expect("chromedriver says its port");
        let profile = tempfile::tempdir().expect("a temporary folder");
        let page = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities(&profile, width, script))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium starts");
        let browser = Self { page, driver, _profile: profile };
        browser.width(width).await;
        browser
    }

    /// Makes the page `width` CSS pixels wide. A window of Chromium cannot be narrower than some 500 pixels, so the
    /// page is told another width, as the developer tools do for a telephone.
    pub async fn width(&self, width: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 }),
        )
        .await;
    }

    /// Opens an address.
    pub async fn open(&self, address: &str) {
        self.page.goto(address).await.unwrap_or_else(|problem| panic!("{address}: {problem}"));
    }

    /// Everything the page shows as text.
    pub async fn text(&self) -> String {
        let text = self.page.execute("return document.body.innerText", Vec::new()).await;
        text.expect("the page has a body").as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page shows these words, without loading it again; otherwise tells what it shows instead.
    pub async fn shows(&self, words: &str) {
        let shown = tokio::time::timeout(SOON, async {
            // A page that is just being replaced cannot be read; the next try finds the new one.
            until(&format!("the page shows {words:?}"), 2 * SOON, async || {
                let text = self.page.execute("return document.body.innerText", Vec::new()).await.ok()?;
                text.as_str()?.contains(words).then_some(())
            })
            .await;
        });
        if shown.await.is_err() {
            let address = self.page.current_url().await.expect("the browser lives");
            panic!("{address} does not show {words:?} but:\n{}", self.text().await);
        }
    }

    /// Waits for the first visible thing with this role whose accessible name contains `name`.
    pub async fn find(&self, role: &str, name: &str) -> Element {
        until(&format!("the page has a {role} named {name:?}"), SOON, async || {
            let found = self.page.execute(FIND, vec![json!(role), json!(name)]).await.ok()?;
            let id = found.get(ELEMENT)?.as_str()?.to_owned();
            Some(Element::from_element_id(self.page.clone(), id.into()))
        })
        .await
    }

    /// How many visible things have this role and a name that contains `name`.
    pub async fn count(&self, role: &str, name: &str) -> usize {
        let found =
            self.page.execute(COUNT, vec![json!(role), json!(name)]).await.expect("the page can be asked");
        usize::try_from(found.as_u64().expect("a count")).expect("a small count")
    }

    /// Presses a button or follows a link.
    pub async fn press(&self, role: &str, name: &str) {
        self.tap(FIND, role, name).await;
    }

    /// Chooses a radio button or ticks a box by pressing its label, as a finger does.
    pub async fn choose(&self, role: &str, name: &str) {
        self.tap(FIND_LABEL, role, name).await;
    }

    /// Presses what `script` finds, scrolled as a person does: to where it is free of bars at the edges. A live page
    /// may put a newer piece in the place of the one that was found; a person then presses the newer one.
    async fn tap(&self, script: &str, role: &str, name: &str) {
        let script = format!(
            "const found = (() => {{ {script} }})();
             found?.scrollIntoView({{ block: 'center' }});
             return found"
        );
        until(&format!("the page has a {role} named {name:?}"), SOON, async || {
            let found = self.page.execute(&script, vec![json!(role), json!(name)]).await.ok()?;
            let id = found.get(ELEMENT)?.as_str()?.to_owned();
            match Element::from_element_id(self.page.clone(), id.into()).click().await {
                Ok(()) => Some(()),
                Err(problem) if problem.is_stale_element_reference() => None,
                Err(problem) => panic!("pressing the {role} {name:?}: {problem}"),
            }
        })
        .await;
    }

    /// Types into a field, over what stood there.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.find("textbox", name).await;
        field.clear().await.unwrap_or_else(|problem| panic!("clearing {name:?}: {problem}"));
        field.send_keys(text).await.unwrap_or_else(|problem| panic!("typing into {name:?}: {problem}"));
    }

    /// Whether the page is wider than its window: on a telephone nobody scrolls sideways.
    pub async fn overflows(&self) -> bool {
        let wider = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        self.page.execute(wider, Vec::new()).await.expect("the page can be measured") == Value::Bool(true)
    }

    /// Keeps a picture of the whole page as `NAME-WIDTH.png` in the folder of `TEST_SCREENSHOTS`, at both widths;
    /// does nothing where the variable is not set.
    pub async fn picture(&self, name: &str) {
        let Ok(folder) = std::env::var("TEST_SCREENSHOTS") else { return };
        let folder = PathBuf::from(folder);
        std::fs::create_dir_all(&folder).expect("the folder of TEST_SCREENSHOTS can be made");
        for width in [PHONE, DESK] {
            self.width(width).await;
            let shot =
                self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
            let png = shot["data"].as_str().expect("a picture");
            let png =
                base64::Engine::decode(&base64::engine::general_purpose::STANDARD, png).expect("base64");
            std::fs::write(folder.join(format!("{name}-{width}.png")), png)
                .expect("the picture can be written");
        }
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let call = DevTools { command: command.to_owned(), parameters };
        self.page.issue_cmd(call).await.unwrap_or_else(|problem| panic!("{command}: {problem}"))
    }

    /// Ends the browser in order.
    pub async fn close(self) {
        self.page.clone().close().await.expect("the session ends");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The minus names the whole group: chromedriver and every process of Chromium.
        let group = format!("-{}", self.driver.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.driver.wait();
    }
}

/// The name under which WebDriver hands out an element (W3C WebDriver, section 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The first visible element with role and name; the names are Chromium's own (`ComputedAccessibilityInfo`).
const FIND: &str = "
    const [role, name] = arguments;
    return [...document.querySelectorAll('*')].find(e =>
        e.computedRole === role && e.computedName.includes(name) && e.checkVisibility()) ?? null";
const FIND_LABEL: &str = "
    const [role, name] = arguments;
    const field = [...document.querySelectorAll('*')].find(e =>
        e.computedRole === role && e.computedName.includes(name) && e.checkVisibility());
    return field?.labels?.[0] ?? field ?? null";
const COUNT: &str = "
    const [role, name] = arguments;
    return [...document.querySelectorAll('*')].filter(e =>
        e.computedRole === role && e.computedName.includes(name) && e.checkVisibility()).length";

fn capabilities(profile: &TempDir, width: u32, script: bool) -> Capabilities {
    let mut arguments: Vec<String> = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--lang=ja",
        "--enable-blink-features=ComputedAccessibilityInfo",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.push(format!("--window-size={width},900"));
    arguments.push(format!("--user-data-dir={}", profile.path().display()));
    let mut preferences = json!({ "intl.accept_languages": "ja" });
    if !script {
        // 2 is "block" among Chromium's content settings.
        preferences["profile.managed_default_content_settings.javascript"] = json!(2);
    }
    let options = json!({ "args": arguments, "prefs": preferences });
    let mut capabilities = Capabilities::new();
    capabilities.insert("goog:chromeOptions".to_owned(), options);
    capabilities
}

/// A command of Chromium's developer tools, as chromedriver takes it.
#[derive(Debug)]
struct DevTools {
    command: String,
    parameters: Value,
}

impl fantoccini::wd::WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!("session/{}/goog/cdp/execute", session.expect("a session")))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}
