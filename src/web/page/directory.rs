//! `/directory`: who can be reached how, looked for by name, reading, number or address; and which addresses are
//! doubtful: reported as wrong, or refused by a mail server.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use askama::Template;
use entity::address_health;
use noroshi_core::{
    directory::search::Kind,
    rights::{Action, may},
};

use super::{
    frame::{Frame, Room},
    leave,
};
use crate::{
    app::App,
    operation::{Work, directory::clear_marks},
    store,
    web::{
        body::{Posted, escape},
        problem::WebError,
        session::Caller,
    },
};

pub mod entry;
pub mod import;
mod reader;

use reader::Reader;

/// Entries on a page.
const PER_PAGE: usize = 50;

/// What the page knows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Its title; empty where none was imported.
    pub title: String,
    /// When it was verified, and whether that is overdue, in words.
    pub verified: String,
    /// How many agencies and people are past their date, in words.
    pub stale: String,
    /// Doubtful addresses.
    pub doubtful: Vec<Doubt>,
    /// Who is on duty now: roster and names.
    pub duty: Vec<(String, String)>,
    /// Groups: key and title.
    pub groups: Vec<(String, String)>,
    /// How many entries there are in all.
    pub found: usize,
    /// Those of this page.
    pub entries: Vec<Entry>,
    /// This page, from 1, and how many there are.
    pub pages: (usize, usize),
}

/// `/directory`.
#[derive(Clone, Debug, Template)]
#[template(path = "page/directory.html", config = "src/web/askama.toml")]
pub struct DirectoryPage {
    /// What stands around it.
    pub frame: Frame,
    /// What was just done, in a sentence.
    pub done: Option<String>,
    /// What was asked for.
    pub wish: Wish,
    /// Whether the reader may import.
    pub may_edit: bool,
    /// What is shown.
    pub shown: Shown,
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The words.
    pub words: String,
    /// People instead of agencies.
    pub people: bool,
    /// Only this group's agencies.
    pub group: String,
    /// The page, from 1.
    pub page: usize,
}

impl Wish {
    fn of(request: &HttpRequest) -> Self {
        let asked = |name| leave::asked(request, name).unwrap_or_default();
        Self {
            words: asked("q"),
            people: asked("kind") == "people",
            group: asked("group"),
            page: asked("page").parse().unwrap_or(1).max(1),
        }
    }

    /// Whether this is the page that one comes to first.
    pub fn is_first(&self) -> bool {
        self.words.is_empty() && self.group.is_empty() && self.page == 1
    }

    /// The address of another page of the same list.
    pub fn at(&self, page: usize) -> String {
        let kind = if self.people { "people" } else { "agencies" };
        format!(
            "/directory?kind={kind}&q={}&group={}&page={page}#list",
            escape(&self.words),
            escape(&self.group)
        )
    }
}

/// A doubtful address.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// Names the mark; sent back by the button.
    pub id: String,
    /// Whose it is.
    pub whose: String,
    /// Transport and address.
    pub address: String,
    /// What was said about it, when.
    pub what: String,
    /// What the recipient wrote.
    pub note: String,
}

/// An agency or a person.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name.
    pub name: String,
    /// How it is read.
    pub kana: String,
    /// When verified.
    pub detail: String,
    /// Ways in: 主 or 代替 with desk, transport, address, doubtful.
    pub ways: Vec<(String, String, String, bool)>,
    /// Its own page.
    pub href: String,
}

/// `GET /directory`.
pub async fn get(request: HttpRequest, app: Data<App>, caller: Caller) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let frame = leave::frame(&request, &app, &caller, Room::Directory).await?;
    let done = leave::asked(&request, "cleared")
        .map(|name| frame.named("directory-cleared", &name))
        .or_else(|| leave::asked(&request, "imported").map(|_| frame.words.get("import-done")));
    let may_edit = caller.actor.role.is_some_and(|role| may(role, Action::EditDirectory, false));
    let wish = Wish::of(&request);
    let mut page = DirectoryPage { done, may_edit, shown: Shown::default(), wish, frame };
    let Some((version, directory)) = app.library.in_force(db).await? else {
        return Ok(leave::html(&request, &page));
    };
    let index = app.library.index(db, version).await?;
    let health = store::directory::health(db).await?;
    let doubts: Vec<&address_health::Model> =
        health.iter().filter(|row| row.wrong_at_ms.is_some() || row.refused_at_ms.is_some()).collect();
    let reader = Reader { directory: &directory, doubts: &doubts, when: &page.frame.when };

    let wish = &page.wish;
    let wanted = if wish.people { Kind::Person } else { Kind::Agency };
    let found: Vec<_> = index
        .find(&wish.words)
        .filter(|entry| entry.kind == wanted)
        .filter(|entry| wish.people || wish.group.is_empty() || entry.groups.contains(&wish.group))
        .collect();
    let pages = found.len().div_ceil(PER_PAGE).max(1);
    let this = wish.page.min(pages);
    let entries = found.iter().skip((this - 1) * PER_PAGE).take(PER_PAGE).filter_map(|entry| match wanted {
        Kind::Person => directory.people.get(&entry.key).map(|person| reader.person(&entry.key, person)),
        _ => directory.agencies.get(&entry.key).map(|agency| reader.agency(&entry.key, agency)),
    });
    let groups = index.find("").filter(|entry| entry.kind == Kind::Group).filter_map(|entry| {
        let group = directory.agencies.get(&entry.key)?;
        Some((entry.key.clone(), reader.words(&group.title)))
    });
    let shown = Shown {
        title: reader.words(&directory.title),
        verified: reader.verified(Some(directory.verified_on), directory.verify_every),
        stale: if wish.is_first() { reader.stale() } else { String::new() },
        doubtful: match wish.is_first() {
            true => doubts.iter().map(|row| reader.doubt(row)).collect(),
            false => Vec::new(),
        },
        duty: if wish.is_first() { reader.duty() } else { Vec::new() },
        groups: groups.collect(),
        found: found.len(),
        entries: entries.collect(),
        pages: (this, pages),
    };
    page.shown = shown;
    Ok(leave::html(&request, &page))
}

/// `POST /directory/clear`: somebody has looked into it.
pub async fn clear(app: Data<App>, caller: Caller, form: Posted) -> Result<HttpResponse, WebError> {
    let contact = form.get("id").unwrap_or_default();
    let work = Work::begin(&app, caller.actor).await?;
    clear_marks(work, contact).await?;
    Ok(leave::see(&format!("/directory?cleared={}", escape(form.get("whose").unwrap_or_default()))))
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
            kana: "えーびょういん".into(),
            detail: "2026年11月1日に確認".into(),
            ways: vec![
                way("主 当直室", "メール", "dmat@hosp-a.example", doubt),
                way("代替 事務部", "電話", "000-0000-0000", false),
            ],
            href: "/directory/agencies/hosp_a".into(),
        };
        let page = DirectoryPage {
            frame: frame(Language::Ja, Room::Directory),
            done: None,
            wish: Wish { page: 1, ..Wish::default() },
            may_edit: true,
            shown: Shown {
                title: "青葉県 連絡先台帳".into(),
                verified: "2026年11月1日に確認".into(),
                stale: "機関 3件、人 1件。".into(),
                doubtful: vec![Doubt {
                    id: "h1".into(),
                    whose: "若葉市医師会 事務局".into(),
                    address: "メール jimu@ishikai.example".into(),
                    what: "11月24日(火) 03:24、メールサーバーが宛先を拒否しました。".into(),
                    note: String::new(),
                }],
                duty: vec![("本部当直".into(), "佐藤（例）".into())],
                groups: vec![("dmat".into(), "DMAT指定医療機関".into())],
                found: 2,
                entries: vec![entry("A病院DMAT", true), entry("B病院DMAT", false)],
                pages: (1, 3),
            },
        };
        let html = keep("directory-ja", page.render().unwrap());
        assert!(html.find("jimu@ishikai.example") < html.find("A病院DMAT"));
        assert!(html.contains("/directory?kind=agencies&#38;q=&#38;group=&#38;page=2#list"), "{html}");
    }
}
