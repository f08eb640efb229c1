//! `/directory`: who can be reached how, and which addresses are doubtful: reported as wrong, or refused by a mail
//! server.

use askama::Template;

use super::frame::{Frame, Room};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/directory.html", config = "src/web/askama.toml")]
pub struct DirectoryPage {
    /// What stands around it.
    pub frame: Frame,
    /// Its title; empty where none was imported.
    pub title: String,
    /// When it was verified, and whether that is overdue, in words.
    pub verified: String,
    /// What was just done, in a sentence.
    pub done: Option<String>,
    /// Doubtful addresses.
    pub doubtful: Vec<Doubt>,
    /// Agencies by group.
    pub agencies: Vec<Group>,
    /// People, with their rosters.
    pub people: Vec<Entry>,
    /// Who is on duty now: roster and names.
    pub duty: Vec<(String, String)>,
}

/// A doubtful address.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// Names the mark; sent back by the button.
    pub id: String,
    /// Whose it is.
    pub whose: String,
    /// How and where: メール dmat@…
    pub address: String,
    /// What happened and when, in a sentence.
    pub what: String,
    /// What the recipient wrote.
    pub note: String,
}

/// A group of agencies.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its title.
    pub title: String,
    /// Its agencies.
    pub entries: Vec<Entry>,
}

/// An agency or a person.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name.
    pub name: String,
    /// Language, when verified, roster.
    pub detail: String,
    /// Ways in: 主 or 代替 with desk, transport, address, doubtful.
    pub ways: Vec<(String, String, String, bool)>,
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{frame, keep},
        *,
    };

    #[test]
    fn doubtful_addresses_stand_first_and_can_be_cleared() {
        let way = |a: &str, b: &str, c: &str, doubt| (a.to_owned(), b.to_owned(), c.to_owned(), doubt);
        let entry = |name: &str, doubt| Entry {
            name: name.into(),
            detail: "2026年11月1日に確認".into(),
            ways: vec![
                way("主 当直室", "メール", "dmat@hosp-a.example", doubt),
                way("代替 事務部", "電話", "000-0000-0000", false),
            ],
        };
        let page = DirectoryPage {
            frame: frame(Language::Ja, Room::Directory),
            title: "青葉県 連絡先台帳".into(),
            verified: "2026年11月1日に確認".into(),
            done: None,
            doubtful: vec![Doubt {
                id: "h1".into(),
                whose: "若葉市医師会 事務局".into(),
                address: "メール jimu@ishikai.example".into(),
                what: "11月24日(火) 03:24、メールサーバーが宛先を拒否しました。".into(),
                note: String::new(),
            }],
            agencies: vec![Group {
                title: "DMAT指定医療機関".into(),
                entries: vec![entry("A病院DMAT", true), entry("B病院DMAT", false)],
            }],
            people: vec![entry("佐藤（例）", false)],
            duty: vec![("本部当直".into(), "佐藤（例）".into())],
        };
        let html = keep("directory-ja", page.render().unwrap());
        assert!(html.find("jimu@ishikai.example") < html.find("A病院DMAT"));
    }
}
