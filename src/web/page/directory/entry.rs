//! `/directory/agencies/{key}` and `/directory/people/{key}`: everything that is known of one entry.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use entity::address_health;
use noroshi_core::{
    addressee::{Way, agency_place, person_place},
    directory::{Agency, Person},
    text::Language,
    time::Timestamp,
};

use super::{
    super::{
        facts,
        frame::{Frame, Room},
        leave,
    },
    reader::Reader,
};
use crate::{
    app::App,
    store,
    web::{body::escape, problem::WebError, session::Caller},
};

/// What the page knows.
#[derive(Clone, Debug, Template)]
#[template(path = "page/directory_entry.html", config = "src/web/askama.toml")]
pub struct EntryPage {
    /// What stands around it.
    pub frame: Frame,
    /// Its name.
    pub name: String,
    /// Label and value of each fact.
    pub facts: Vec<(String, String)>,
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// Lists of other entries: title, and each with its name and address.
    pub lists: Vec<(String, Vec<(String, String)>)>,
}

/// One address and what is known of it.
#[derive(Clone, Debug)]
pub struct Address {
    /// 主 当直室.
    pub way: String,
    /// メール.
    pub transport: String,
    /// The address itself.
    pub address: String,
    /// What was learned of it, the worst first.
    pub health: Vec<String>,
    /// Refused, or reported as wrong.
    pub is_doubtful: bool,
}

/// `GET /directory/agencies/{key}`: an agency or a group.
pub async fn agency(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    key: Path<String>,
) -> Result<HttpResponse, WebError> {
    show(&request, &app, &caller, |teller| {
        let agency = teller.reader.directory.agencies.get(&*key)?;
        Some(teller.agency(&key, agency))
    })
    .await
}

/// `GET /directory/people/{key}`.
pub async fn person(
    request: HttpRequest,
    app: Data<App>,
    caller: Caller,
    key: Path<String>,
) -> Result<HttpResponse, WebError> {
    show(&request, &app, &caller, |teller| {
        let person = teller.reader.directory.people.get(&*key)?;
        Some(teller.person(&key, person))
    })
    .await
}

async fn show(
    request: &HttpRequest,
    app: &App,
    caller: &Caller,
    tell: impl FnOnce(&Teller<'_>) -> Option<EntryPage>,
) -> Result<HttpResponse, WebError> {
    let db = app.store.read();
    let frame = leave::frame(request, app, caller, Room::Directory).await?;
    let (_, directory) = app.library.in_force(db).await?.ok_or(WebError::NotFound)?;
    let health = store::directory::health(db).await?;
    let reader = Reader { directory: &directory, doubts: &[], when: &frame.when };
    let page = tell(&Teller { reader, health: &health, frame: &frame }).ok_or(WebError::NotFound)?;
    Ok(leave::html(request, &page))
}

struct Teller<'d> {
    reader: Reader<'d>,
    health: &'d [address_health::Model],
    frame: &'d Frame,
}

impl Teller<'_> {
    fn word(&self, key: &str) -> String {
        self.frame.words.get(key)
    }

    fn agency(&self, key: &str, agency: &Agency) -> EntryPage {
        let directory = self.reader.directory;
        let inside = if agency.outside { "directory-is-outside" } else { "directory-is-inside" };
        let mut facts = self.common(key, agency.kana.as_deref(), agency.language, agency.verified_on);
        facts.insert(0, (self.word("directory-outside"), self.word(inside)));
        let mut addresses = Vec::new();
        let ways = [
            ("directory-primary", Way::Primary, &agency.primary),
            ("directory-alternate", Way::Alternate, &agency.alternate),
        ];
        for (word, which, contact) in ways {
            let desk = contact.name.as_ref().map(|name| self.reader.words(name)).unwrap_or_default();
            let way = format!("{} {desk}", self.word(word)).trim().to_owned();
            for (transport, address) in directory.reach(contact) {
                addresses.push(self.address(&way, &agency_place(key, which), transport, address));
            }
        }
        let named = |key: &str| {
            let title = directory.agencies.get(key).map(|agency| self.reader.words(&agency.title));
            (title.unwrap_or_else(|| key.to_owned()), format!("/directory/agencies/{}", escape(key)))
        };
        let is_in = |group: &&String| directory.expand(group).contains(&key);
        let groups =
            directory.agencies.iter().filter(|(_, group)| group.members.is_some()).map(|(key, _)| key);
        let groups: Vec<_> =
            groups.filter(|group| *group != key).filter(is_in).map(|group| named(group)).collect();
        let members = agency.members.iter().flatten().map(|member| named(member)).collect();
        let person = |key: &String| {
            let person = directory.people.get(key)?;
            Some((self.reader.words(&person.name), format!("/directory/people/{}", escape(key))))
        };
        let people =
            [&agency.primary, &agency.alternate].into_iter().filter_map(|it| person(it.person.as_ref()?));
        self.page(
            self.reader.words(&agency.title),
            facts,
            addresses,
            vec![
                (self.word("directory-members"), members),
                (self.word("directory-member-of"), groups),
                (self.word("directory-people"), people.collect()),
            ],
        )
    }

    fn person(&self, key: &str, person: &Person) -> EntryPage {
        let directory = self.reader.directory;
        let mut facts = self.common(key, person.kana.as_deref(), person.language, person.verified_on);
        if let Some(post) = &person.post {
            facts.insert(0, (self.word("directory-post"), self.reader.words(post)));
        }
        if !person.human {
            facts.insert(0, (String::new(), self.word("directory-not-human")));
        }
        let address = |(transport, address): (&String, &String)| {
            self.address("", &person_place(key), transport, address)
        };
        let addresses = person.reach.iter().map(address).collect();
        let rosters = directory.rosters.keys().filter(|roster| directory.ever_on_duty(roster).contains(&key));
        let rosters = rosters.map(|roster| {
            let title = directory.rosters.get(roster).and_then(|roster| roster.title.as_ref());
            (title.map_or_else(|| roster.clone(), |title| self.reader.words(title)), String::new())
        });
        let desks = directory.agencies.iter().filter(|(_, agency)| {
            [&agency.primary, &agency.alternate].iter().any(|contact| contact.person.as_deref() == Some(key))
        });
        let desks = desks.map(|(key, agency)| {
            (self.reader.words(&agency.title), format!("/directory/agencies/{}", escape(key)))
        });
        self.page(
            self.reader.words(&person.name),
            facts,
            addresses,
            vec![
                (self.word("directory-rosters"), rosters.collect()),
                (self.word("directory-desk-of"), desks.collect()),
            ],
        )
    }

    fn page(
        &self,
        name: String,
        facts: Vec<(String, String)>,
        addresses: Vec<Address>,
        lists: Vec<(String, Vec<(String, String)>)>,
    ) -> EntryPage {
        let lists = lists.into_iter().filter(|(_, entries)| !entries.is_empty()).collect();
        EntryPage { frame: self.frame.clone(), name, facts, addresses, lists }
    }

    /// What agencies and people have in common.
    fn common(
        &self,
        key: &str,
        kana: Option<&str>,
        language: Language,
        verified_on: Option<chrono::NaiveDate>,
    ) -> Vec<(String, String)> {
        let mut facts = Vec::new();
        facts.extend(kana.map(|kana| (self.word("directory-kana"), kana.to_owned())));
        facts.push((
            self.word("directory-language"),
            self.word(&format!("directory-lang-{}", language.key())),
        ));
        let verified = match verified_on {
            Some(_) => self.reader.verified(verified_on, self.reader.directory.verify_every),
            None => self.word("directory-never-verified"),
        };
        facts.push((self.word("directory-verified-on"), verified));
        facts.push((self.word("directory-key"), key.to_owned()));
        facts
    }

    fn address(&self, way: &str, contact: &str, transport: &str, address: &str) -> Address {
        let known = self
            .health
            .iter()
            .find(|row| row.contact == contact && row.transport == transport && row.address == address);
        let told = |key: &str, ms: Option<i64>| {
            let at = self.frame.when.day_and_clock(Timestamp(ms?));
            Some(self.frame.words.with(key, &[("at", at.into())]))
        };
        let health: Vec<String> = known
            .into_iter()
            .flat_map(|row| {
                [
                    told("directory-health-refused", row.refused_at_ms),
                    told("directory-health-wrong", row.wrong_at_ms),
                    told("directory-health-proved", row.proved_at_ms),
                ]
            })
            .flatten()
            .collect();
        Address {
            way: way.to_owned(),
            transport: facts::transport(transport, &self.frame.when),
            address: address.to_owned(),
            is_doubtful: known.is_some_and(|row| row.refused_at_ms.is_some() || row.wrong_at_ms.is_some()),
            health: if health.is_empty() { vec![self.word("directory-health-unknown")] } else { health },
        }
    }
}
