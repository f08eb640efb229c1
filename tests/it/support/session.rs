//! A person who is signed in, without a browser.

use super::server::Server;

const PASSWORD: &str = "狼煙-山から山へ-2026";

/// A signed-in person of the directory.
pub struct Session<'s> {
    server: &'s Server,
    cookie: String,
}

impl<'s> Session<'s> {
    /// Makes the account of this person, with this role, and signs in.
    pub async fn of(server: &'s Server, person: &str, role: &str) -> Self {
        let mut add =
            server.home.command(&["user", "add", "--person", person, "--login", person, "--role", role]);
        add.env("NOROSHI_PASSWORD", PASSWORD).stdin(std::process::Stdio::null());
        let added =
            tokio::task::spawn_blocking(move || add.output()).await.expect("a thread").expect("a process");
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let form = [("login", person), ("password", PASSWORD)];
        let inside = server.anybody().post_form("/login", &form).await.expect(303);
        let cookie =
            inside.header("set-cookie").expect("a session").split(';').next().expect("a value").to_owned();
        Self { server, cookie }
    }

    /// The page at `path`.
    pub async fn get(&self, path: &str) -> String {
        self.server.anybody().send("GET", path, &[("cookie", &self.cookie)], None).await.expect(200).text
    }

    /// Posts a form of the page at `from`, with its token; `status` is what has to come back.
    pub async fn post(&self, from: &str, path: &str, fields: &[(&str, &str)], status: u16) -> String {
        let page = self.get(from).await;
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let mut body = format!("csrf={}", csrf.expect("a form with its token"));
        for (name, value) in fields {
            body += &format!("&{name}={value}");
        }
        let headers =
            [("cookie", self.cookie.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        self.server.anybody().send("POST", path, &headers, Some(body)).await.expect(status).text
    }
}
