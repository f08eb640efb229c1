//! `/directory`: who can be reached how, and which addresses are doubtful: reported as wrong, or refused by a mail
//! server.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{HttpRequest, HttpResponse, web::Data};
use askama::Template;
use chrono::NaiveDate;
use entity::address_health;
use noroshi_core::{
    directory::{Agency, Directory, Person},
    text::Text,
    time::{Span, Timestamp},
};

use super::{
    facts,
    frame::{Frame, Room},
    leave,
    when::When,
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

/// `GET /directory`.
pub async fn get(request: HttpRequest, app: Data<App>, caller: Caller) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let frame = leave::frame(&request, &app, &caller, Room::Directory).await?;
    let (words, when) = (frame.words, frame.when);
    let health = store::directory::health(db).await?;
    let doubts: Vec<&address_health::Model> =
        health.iter().filter(|row| row.wrong_at_ms.is_some() || row.refused_at_ms.is_some()).collect();
    let done = leave::asked(&request, "cleared").map(|name| frame.named("directory-cleared", &name));
    let mut page = DirectoryPage {
        title: String::new(),
        verified: String::new(),
        done,
        doubtful: Vec::new(),
        agencies: Vec::new(),
        people: Vec::new(),
        duty: Vec::new(),
        frame,
    };
    let Some(row) = store::directory::latest(db).await? else { return Ok(leave::html(&request, &page)) };
    let directory = app.library.directory(db, row.id).await?;
    let reader = Reader { directory: &directory, doubts: &doubts, when: &when };
    page.title = directory.title.get(words.0).to_owned();
    page.verified = reader.verified(Some(directory.verified_on), directory.verify_every);
    page.doubtful = doubts.iter().map(|row| reader.doubt(row)).collect();
    page.agencies = reader.groups();
    page.people = directory.people.iter().map(|(key, person)| reader.person(key, person)).collect();
    page.duty = reader.duty();
    Ok(leave::html(&request, &page))
}

/// `POST /directory/clear`: somebody has looked into it.
pub async fn clear(app: Data<App>, caller: Caller, form: Posted) -> Result<HttpResponse, WebError> {
    let contact = form.get("id").unwrap_or_default();
    let work = Work::begin(&app, caller.actor).await?;
    clear_marks(work, contact).await?;
    Ok(leave::see(&format!("/directory?cleared={}", escape(form.get("whose").unwrap_or_default()))))
}

/// The directory with what is doubted about it, in words.
struct Reader<'d> {
    directory: &'d Directory,
    doubts: &'d [&'d address_health::Model],
    when: &'d When,
}

impl Reader<'_> {
    fn words(&self, text: &Text) -> String {
        text.get(self.when.words.0).to_owned()
    }

    fn verified(&self, on: Option<NaiveDate>, every: Option<Span>) -> String {
        let Some(on) = on else { return String::new() };
        let today = self.when.now.to_utc().with_timezone(&self.when.zone).date_naive();
        let overdue = every.is_some_and(|every| on + chrono::Duration::milliseconds(every.0) < today);
        let key = if overdue { "directory-verify-overdue" } else { "directory-verified" };
        self.when.words.with(key, &[("date", self.when.date(on).into())])
    }

    fn doubt(&self, row: &address_health::Model) -> Doubt {
        let at = |key: &str, ms: i64| {
            let at = self.when.day_and_clock(Timestamp(ms));
            self.when.words.with(key, &[("at", at.into())])
        };
        let refused = row.refused_at_ms.map(|ms| at("directory-refused", ms));
        let reported = row.wrong_at_ms.map(|ms| at("directory-reported", ms));
        let what: Vec<String> = [refused, reported].into_iter().flatten().collect();
        let note =
            row.wrong_note.clone().filter(|note| !note.is_empty()).or_else(|| row.refused_reason.clone());
        Doubt {
            id: row.contact.clone(),
            whose: self.whose(&row.contact),
            address: format!("{} {}", facts::transport(&row.transport, self.when), row.address),
            what: what.join(" "),
            note: note.unwrap_or_default(),
        }
    }

    /// The name behind `agency:hosp_a primary` or `person:p_sato`.
    fn whose(&self, contact: &str) -> String {
        let (kind, rest) = contact.split_once(':').unwrap_or(("", contact));
        let key = rest.split(' ').next().unwrap_or(rest);
        let name = match kind {
            "agency" => self.directory.agencies.get(key).map(|agency| self.words(&agency.title)),
            "person" => self.directory.people.get(key).map(|person| self.words(&person.name)),
            _ => None,
        };
        name.unwrap_or_else(|| contact.to_owned())
    }

    fn ways(
        &self,
        way: &str,
        contact: &str,
        reach: &BTreeMap<&str, &str>,
    ) -> Vec<(String, String, String, bool)> {
        reach
            .iter()
            .map(|(transport, address)| {
                let doubted = self.doubts.iter().any(|row| {
                    row.contact == contact && row.transport == *transport && row.address == *address
                });
                (way.to_owned(), facts::transport(transport, self.when), (*address).to_owned(), doubted)
            })
            .collect()
    }

    fn agency(&self, key: &str, agency: &Agency) -> Entry {
        let words = self.when.words;
        let mut ways = Vec::new();
        for (word, place, contact) in [
            ("directory-primary", "primary", &agency.primary),
            ("directory-alternate", "alternate", &agency.alternate),
        ] {
            let desk = contact.name.as_ref().map(|name| self.words(name)).unwrap_or_default();
            let way = format!("{} {desk}", words.get(word)).trim().to_owned();
            ways.extend(self.ways(&way, &format!("agency:{key} {place}"), &self.directory.reach(contact)));
        }
        let detail = self.verified(agency.verified_on, self.directory.verify_every);
        Entry { name: self.words(&agency.title), detail, ways }
    }

    fn person(&self, key: &str, person: &Person) -> Entry {
        let reach =
            person.reach.iter().map(|(transport, address)| (transport.as_str(), address.as_str())).collect();
        let detail = self.verified(person.verified_on, self.directory.verify_every);
        Entry {
            name: self.words(&person.name),
            detail,
            ways: self.ways("", &format!("person:{key}"), &reach),
        }
    }

    /// Agencies under their groups; those without a group come last. An agency of two groups stands in the first.
    fn groups(&self) -> Vec<Group> {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut groups = Vec::new();
        for (key, group) in self.directory.agencies.iter().filter(|(_, agency)| agency.members.is_some()) {
            let mut entries = Vec::new();
            for member in self.directory.expand(key) {
                if let Some(agency) = self.directory.agencies.get(member)
                    && seen.insert(member)
                {
                    entries.push(self.agency(member, agency));
                }
            }
            if !entries.is_empty() {
                groups.push(Group { title: self.words(&group.title), entries });
            }
        }
        let alone = self
            .directory
            .agencies
            .iter()
            .filter(|(key, agency)| agency.members.is_none() && !seen.contains(key.as_str()));
        let entries: Vec<Entry> = alone.map(|(key, agency)| self.agency(key, agency)).collect();
        if !entries.is_empty() {
            groups.push(Group { title: self.when.words.get("directory-agencies"), entries });
        }
        groups
    }

    fn duty(&self) -> Vec<(String, String)> {
        let name = |key: &&str| {
            self.directory.people.get(*key).map_or_else(|| (*key).to_owned(), |p| self.words(&p.name))
        };
        self.directory
            .rosters
            .iter()
            .map(|(key, roster)| {
                let title = roster.title.as_ref().map_or_else(|| key.clone(), |title| self.words(title));
                let names: Vec<String> =
                    self.directory.on_duty(key, self.when.now).iter().map(name).collect();
                let names = if names.is_empty() {
                    self.when.words.get("nobody")
                } else {
                    names.join(&self.when.words.get("list-join"))
                };
                (title, names)
            })
            .collect()
    }
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
