//! A plain HTTP client: no redirects followed, no cookies kept, every answer read whole.

use std::{sync::Once, time::Duration};

use serde_json::Value;

use super::wait::SOON;

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub text: String,
    /// What was asked, for messages.
    asked: String,
}

impl Reply {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Checks the status and gives the reply on.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.asked, self.text);
        self
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|problem| panic!("{} answered no JSON ({problem}): {}", self.asked, self.text))
    }
}

/// A client of one service, with or without a token.
#[derive(Clone, Debug)]
pub struct Api {
    base: String,
    token: Option<String>,
    http: reqwest::Client,
}

impl Api {
    /// A client that carries no token.
    pub fn open(base: &str) -> Self {
        Self { base: base.to_owned(), token: None, http: http() }
    }

    /// The same service with this token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The token it carries.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Sends one request; `path` is a path of this service or a whole address.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Reply {
        let reply = self.try_send(method, path, headers, body).await;
        reply.unwrap_or_else(|problem| panic!("{method} {path}: {problem:?}"))
    }

    /// [`Api::send`] to a service that may be gone before it has answered.
    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Reply, reqwest::Error> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let asked = format!("{method} {path}");
        let mut request = self.http.request(method, self.address(path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        read(asked, request.send().await?).await
    }

    /// POST with a form body to a service that may be gone before it has answered.
    pub async fn try_form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Reply, reqwest::Error> {
        let answer = self.http.post(self.address(path)).form(fields).send().await?;
        read(format!("POST {path}"), answer).await
    }

    /// The same service by another address: through a proxy.
    pub fn by(&self, address: &str) -> Self {
        Self { base: format!("http://{address}"), ..self.clone() }
    }

    /// POST of a file as the body.
    pub async fn upload(&self, path: &str, media_type: &str, bytes: Vec<u8>) -> Reply {
        let mut request = self.http.post(self.address(path)).header("content-type", media_type).body(bytes);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap_or_else(|problem| panic!("POST {path}: {problem:?}"));
        whole(format!("POST {path}"), answer).await
    }

    /// GET of a file.
    pub async fn download(&self, path: &str) -> Vec<u8> {
        let token = self.token.as_deref().expect("files are for whoever has a token");
        let answer = self.http.get(self.address(path)).bearer_auth(token).send().await;
        let answer = answer.unwrap_or_else(|problem| panic!("GET {path}: {problem:?}"));
        assert_eq!(answer.status(), 200, "GET {path}");
        answer.bytes().await.expect("the whole file").to_vec()
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], None).await
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[("content-type", "application/json")], Some(body.to_string())).await
    }

    /// POST with bytes.
    pub async fn send_bytes(&self, path: &str, kind: &str, bytes: &[u8]) -> Reply {
        let mut request =
            self.http.post(self.address(path)).header("content-type", kind).body(bytes.to_vec());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap_or_else(|problem| panic!("POST {path}: {problem:?}"));
        whole(format!("POST {path}"), answer).await
    }

    /// POST with a form body, as a page without script sends it.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let request = self.http.post(self.address(path)).form(fields);
        let answer = request.send().await.unwrap_or_else(|problem| panic!("POST {path}: {problem:?}"));
        whole(format!("POST {path}"), answer).await
    }

    /// All items of a list, page by page.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut after = String::new();
        loop {
            let join = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{join}limit=1000{after}")).await.expect(200).json();
            items.extend(page["items"].as_array().expect("a list has items").iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return items,
            }
        }
    }

    /// Opens a stream of server-sent events.
    pub async fn events(&self, path: &str, last_id: Option<&str>) -> Events {
        let mut request = self.http.get(self.address(path)).header("accept", "text/event-stream");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let answer = request.send().await.expect("the event stream opens");
        assert_eq!(answer.status().as_u16(), 200, "GET {path}");
        let kind =
            answer.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert!(kind.starts_with("text/event-stream"), "{path} is {kind}");
        Events { answer, buffer: Vec::new() }
    }

    fn address(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) }
    }
}

/// One server-sent event.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// `id:`
    pub id: String,
    /// `event:`
    pub event: String,
    /// `data:`
    pub data: String,
}

/// An open stream of events.
pub struct Events {
    answer: reqwest::Response,
    buffer: Vec<u8>,
}

impl Events {
    /// The next event that carries data; comments and pings are passed over.
    pub async fn next(&mut self) -> Event {
        let wait = tokio::time::timeout(SOON, async {
            loop {
                let text = String::from_utf8_lossy(&self.buffer).into_owned();
                if let Some((block, rest)) = text.split_once("\n\n") {
                    self.buffer = rest.as_bytes().to_vec();
                    let event = read_event(block);
                    if !event.data.is_empty() {
                        return event;
                    }
                    continue;
                }
                let chunk = self.answer.chunk().await.expect("the stream goes on");
                self.buffer.extend_from_slice(&chunk.expect("the stream does not end"));
            }
        });
        wait.await.expect("an event comes before the deadline")
    }
}

fn read_event(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "id" => event.id = value,
            "event" => event.event = value,
            "data" => event.data = value,
            _ => {}
        }
    }
    event
}

async fn read(asked: String, answer: reqwest::Response) -> Result<Reply, reqwest::Error> {
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    Ok(Reply { status, headers, text: answer.text().await?, asked })
}

/// An answer whose end has to come.
async fn whole(asked: String, answer: reqwest::Response) -> Reply {
    let reply = read(asked.clone(), answer).await;
    reply.unwrap_or_else(|problem| panic!("{asked}: {problem:?}"))
}

fn http() -> reqwest::Client {
    // reqwest is built without a TLS provider of its own and refuses to start without one.
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .expect("the first provider of this process");
    });
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // The service closes a line that has been idle for five seconds: a request that is written at that very moment
        // would be lost.
        .pool_idle_timeout(Duration::from_secs(3))
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(60))
        .build()
        .expect("a client")
}
