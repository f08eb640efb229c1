//! The pages before one is inside: `/login` and `/setup/{token}`.

use askama::Template;

use super::frame::{Frame, Room};

/// `/login`.
#[derive(Clone, Debug, Template)]
#[template(path = "page/login.html", config = "src/web/askama.toml")]
pub struct LoginPage {
    /// What stands around it; without a person.
    pub frame: Frame,
    /// What was typed as the login name.
    pub login: String,
    /// Where to go afterwards, by path.
    pub next: String,
    /// What is wrong; the same for an unknown name and a wrong password.
    pub problem: Option<String>,
}

/// `/setup/{token}`: the one-time link that makes the first account, or one for a named person.
#[derive(Clone, Debug, Template)]
#[template(path = "page/setup.html", config = "src/web/askama.toml")]
pub struct SetupPage {
    /// What stands around it; without a person.
    pub frame: Frame,
    /// From the address.
    pub token: String,
    /// What was typed as the name.
    pub name: String,
    /// What was typed as the login name.
    pub login: String,
    /// Whether the link still works; only words without a form otherwise.
    pub usable: bool,
    /// What is wrong, by field: `name`, `login`, `password`, `again`.
    pub problems: Vec<(String, String)>,
}

impl SetupPage {
    /// What is wrong with one field.
    pub fn problem(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|(name, _)| name == field).map(|(_, words)| words.as_str())
    }
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, keep},
        *,
    };

    fn outside(language: Language) -> Frame {
        let mut frame = frame(language, Room::Home);
        frame.person.clear();
        frame
    }

    #[test]
    fn the_door_asks_for_name_and_password_only() {
        let problem = Some("ログイン名かパスワードが違います。".to_owned());
        let page =
            LoginPage { frame: outside(Language::Ja), login: "sato".into(), next: "/".into(), problem };
        let html = keep("login-ja", page.render().unwrap());
        assert!(html.contains("autocomplete=\"current-password\"") && !html.contains("/directory"));
        let again = vec![("again".to_owned(), "2回のパスワードが違います。".to_owned())];
        let (token, name, login) = ("t0k3n".into(), "佐藤 真由美".into(), "sato".into());
        let page =
            SetupPage { frame: outside(Language::Ja), token, name, login, usable: true, problems: again };
        assert!(keep("setup-ja", page.render().unwrap()).contains("2回のパスワードが違います"));
    }
}
