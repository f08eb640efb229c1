//! An incident with everything that decisions about it need: playbook, directory, chairs, clock.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use entity::incident_role;
use noroshi_core::{
    addressee::WhoIsWho,
    alert::{AddressBook, Rule},
    directory::{Directory, SiteValue},
    id::IncidentId,
    incident::{self, State, Verb},
    playbook::{PartyRef, Playbook, Urgency, VariableKind},
    text::{Language, Text, fill},
    time::{Timeline, Timestamp},
    variable,
};
use sea_orm::ConnectionTrait;
use serde_json::Value;

use super::{Actor, OperationError};
use crate::{
    app::App,
    store::{self, StoreError, from_json},
};

/// An incident and its world. The playbook is the one it was started with; the directory is the one in force: who is
/// on duty, and where they are reached, is asked of today's. What was resolved before stays in the rows.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The row.
    pub incident: entity::incident::Model,
    /// How its own time runs.
    pub timeline: Timeline,
    /// The playbook's version that it runs by.
    pub playbook: Arc<Playbook>,
    /// The directory in force.
    pub directory: Arc<Directory>,
    /// The directory that it was started with.
    pub first_directory: Arc<Directory>,
    /// Its chairs.
    pub roles: Vec<incident_role::Model>,
    /// Who holds which role, by role: person. Nobody else acts for it.
    pub holders: BTreeMap<String, String>,
    /// Who holds a role or is asked to, by role: person. Letters about it go there.
    seated: BTreeMap<String, String>,
    /// The values of its variables.
    pub values: BTreeMap<String, Value>,
}

impl Scene {
    /// Loads an incident's world.
    pub async fn load(app: &App, db: &impl ConnectionTrait, id: IncidentId) -> Result<Self, OperationError> {
        let incident = store::incident::get(db, id).await?;
        Self::of(app, db, incident).await
    }

    /// The world of a row that is loaded already.
    pub async fn of(
        app: &App,
        db: &impl ConnectionTrait,
        incident: entity::incident::Model,
    ) -> Result<Self, OperationError> {
        let id = IncidentId::new(incident.id);
        let roles = store::incident::roles(db, id).await?;
        let playbook = app.library.playbook(db, incident.playbook_version_id).await?;
        let first = app.library.directory(db, incident.directory_version_id).await?;
        let values = from_json("incident", id, &incident.variables)?;
        let newer = store::directory::latest_id(db).await?.filter(|id| *id != incident.directory_version_id);
        let mut scene = Self::new(incident, playbook, first, roles, values);
        if let Some(newer) = newer {
            scene.directory = app.library.directory(db, newer).await?;
        }
        Ok(scene)
    }

    /// The world of an incident from its parts, before another directory comes into force.
    pub fn new(
        incident: entity::incident::Model,
        playbook: Arc<Playbook>,
        directory: Arc<Directory>,
        roles: Vec<incident_role::Model>,
        values: BTreeMap<String, Value>,
    ) -> Self {
        let timeline = store::incident::timeline(&incident);
        let (holders, seated) = (BTreeMap::new(), BTreeMap::new());
        let first_directory = Arc::clone(&directory);
        let mut scene = Self {
            incident,
            timeline,
            playbook,
            directory,
            first_directory,
            roles: Vec::new(),
            holders,
            seated,
            values,
        };
        scene.seat(roles);
        scene
    }

    /// Puts the chairs in their place as they stand now.
    pub fn seat(&mut self, roles: Vec<incident_role::Model>) {
        let by_role = |who: &dyn Fn(&incident_role::Model) -> Option<String>| -> BTreeMap<String, String> {
            roles.iter().filter_map(|role| Some((role.key.clone(), who(role)?))).collect()
        };
        self.holders = by_role(&|role| role.person.clone());
        self.seated = by_role(&|role| role.person.clone().or_else(|| role.offered_to.clone()));
        self.roles = roles;
    }

    /// Its id.
    pub fn id(&self) -> IncidentId {
        IncidentId::new(self.incident.id)
    }

    /// Its title for a reader of this language: what somebody typed stands as it is, the playbook's own is translated.
    pub fn title(&self, language: Language) -> &str {
        let (given, own) = (&self.incident.title, &self.playbook.title);
        if *given == own.ja { own.get(language) } else { given }
    }

    /// What tells it apart from another one of the same title: the first value that somebody or something gave, else
    /// the first alert's subject.
    pub fn apart(&self, language: Language, app: &App) -> Option<String> {
        let variables = &self.playbook.variables;
        let value = variables.iter().find_map(|variable| self.value(&variable.key, language, app));
        let subject = || {
            let alert = self.playbook.alerts.first()?;
            Some(fill(alert.subject.get(language), language, |name| self.value(name, language, app)))
        };
        value.map(Cow::into_owned).or_else(subject)
    }

    /// Whether it is a drill.
    pub fn is_drill(&self) -> bool {
        self.incident.mode == "drill"
    }

    /// Its place in every queue, lower first: what is real goes before what is drilled.
    pub fn priority(&self, urgency: Urgency) -> i32 {
        let urgency = match urgency {
            Urgency::Critical => 0,
            Urgency::High => 1,
            Urgency::Normal => 2,
        };
        if self.is_drill() { urgency + 10 } else { urgency }
    }

    /// How far it is. Only our own code writes the column; a word that does not read back is over for everybody.
    pub fn state(&self) -> State {
        State::from_key(&self.incident.state).unwrap_or(State::Closed)
    }

    /// Whether it runs.
    pub fn is_open(&self) -> bool {
        self.state().is_running()
    }

    /// Whether it is proposed or held: nobody outside has heard of it.
    pub fn is_waiting(&self) -> bool {
        self.state().is_waiting()
    }

    /// Whether letters of a transport with this driver can leave for this incident.
    ///
    /// A drill uses `rehearsal` for all of them; live, mail needs a relay, and a telephone needs a person.
    pub fn serves(&self, app: &App, driver: &str) -> bool {
        self.is_drill() || app.serves(driver)
    }

    /// Its parties, looked up in its directory.
    pub fn who(&self) -> WhoIsWho<'_> {
        WhoIsWho { playbook: &self.playbook, directory: &self.directory, holders: &self.seated }
    }

    /// The people behind a role or roster at `now` (real time), the first to ask first.
    pub fn people(&self, party: &PartyRef, now: Timestamp) -> Vec<String> {
        self.who().people(party, now)
    }

    /// Who leads: the holder of the role that closes the incident, else of the first.
    pub fn leader(&self, now: Timestamp) -> Option<String> {
        let first = || self.playbook.roles.first().map(|role| &role.key);
        let key = self.playbook.close.approve.as_ref().or_else(first)?;
        self.holder(key, now)
    }

    /// Whether this is the actor's to decide: a role's holder has accepted it; of a roster, whoever is on duty.
    pub fn is_theirs(&self, party: &PartyRef, actor: &Actor, now: Timestamp) -> bool {
        match party {
            PartyRef::Role(key) if self.playbook.role(key).is_some() => {
                self.holders.get(key).is_some_and(|person| actor.is_person(person))
            }
            _ => self.people(party, now).iter().any(|person| actor.is_person(person)),
        }
    }

    /// Whether the actor holds a role of the playbook, or is on duty for a role account of the directory.
    pub fn holds(&self, role: &str, actor: &Actor, now: Timestamp) -> bool {
        self.is_theirs(&PartyRef::Role(role.to_owned()), actor, now)
    }

    /// Who holds a role of the playbook, or is on duty for a role account of the directory.
    pub fn holder(&self, role: &str, now: Timestamp) -> Option<String> {
        match self.playbook.role(role) {
            Some(_) => self.holders.get(role).cloned(),
            None => self.people(&PartyRef::Role(role.to_owned()), now).into_iter().next(),
        }
    }

    /// A chair of the incident.
    pub fn role(&self, key: &str) -> Option<&incident_role::Model> {
        self.roles.iter().find(|role| role.key == key)
    }

    /// The name of a party for people.
    pub fn party_name(&self, party: &PartyRef) -> Text {
        self.who().name(party)
    }

    /// The name of the person behind a recipient: itself, or whoever stands behind the agency's primary contact.
    pub fn person_of(&self, row: &entity::recipient::Model) -> Option<&Text> {
        let of_agency = || self.directory.agencies.get(row.agency.as_deref()?)?.primary.person.as_deref();
        let key = row.person.as_deref().or_else(of_agency)?;
        self.directory.people.get(key).map(|person| &person.name)
    }

    /// Who is who, for the parties that the rule's ladder names.
    pub fn book(&self, app: &App, rule: &Rule, now: Timestamp) -> AddressBook {
        self.who().book(rule, |driver| self.serves(app, driver), now)
    }

    /// The value of a template's name that does not depend on the letter; `None` where it is not known yet.
    pub fn value(&self, name: &str, language: Language, app: &App) -> Option<Cow<'_, str>> {
        if let Some(variable) = self.playbook.variables.iter().find(|variable| variable.key == name) {
            let value = self.values.get(name)?;
            return Some(variable::told(variable, value, language, app.zone));
        }
        let moment = |ms: i64| Cow::Owned(variable::day_and_time(Timestamp(ms), language, app.zone));
        let row = &self.incident;
        match name {
            "incident.id" => Some(Cow::Owned(self.id().to_string())),
            "incident.title" => Some(Cow::Borrowed(self.title(language))),
            "incident.mode" => Some(Cow::Borrowed(&row.mode)),
            "incident.opened_at" => Some(moment(row.opened_at_ms)),
            "incident.closed_at" => row.ended_at_ms.map(moment),
            "incident.cancel_reason" => row.end_reason.as_deref().map(Cow::Borrowed),
            _ => {
                if let Some(key) = name.strip_prefix("site.") {
                    return Some(match self.directory.site.get(key)? {
                        SiteValue::One(one) => Cow::Borrowed(one.as_str()),
                        SiteValue::List(several) => {
                            let list = Value::from(several.clone());
                            Cow::Owned(
                                variable::shown(&VariableKind::List, &list, language, app.zone).into_owned(),
                            )
                        }
                    });
                }
                let (key, what) = name.strip_prefix("role.")?.split_once('.')?;
                let role = self.role(key)?;
                match what {
                    "title" => Some(Cow::Owned(text(&role.title).get(language).to_owned())),
                    "name" => role.name.as_ref().map(|name| Cow::Owned(text(name).get(language).to_owned())),
                    _ => None,
                }
            }
        }
    }

    /// The telephone number of the desk: the first site value or variable that is one.
    pub fn desk_phone(&self) -> Option<String> {
        let variable = self.playbook.variables.iter().find(|variable| variable.kind == VariableKind::Phone);
        let given = variable.and_then(|variable| self.values.get(&variable.key)).and_then(Value::as_str);
        let site = || match self.directory.site.get("eoc_phone") {
            Some(SiteValue::One(phone)) => Some(phone.as_str()),
            _ => None,
        };
        given.or_else(site).map(str::to_owned)
    }
}

/// The state of an incident after a verb; an error that says why not, where it cannot be done now.
pub(super) fn after(scene: &Scene, verb: Verb) -> Result<State, OperationError> {
    let stabilised = scene.incident.stabilised_at_ms.is_some();
    incident::next(scene.state(), verb, stabilised).ok_or_else(|| {
        OperationError::Closed(match (scene.state(), verb) {
            (state, _) if state.is_waiting() => super::alert::not_running(scene),
            (state, Verb::Activate | Verb::Dismiss) if state.is_running() => {
                Text::both("この事案はすでに発報しています", "this incident has already been sent")
            }
            (State::Stabilised | State::Closing, Verb::Stabilise) => {
                Text::both("この事案はすでに安定化しています", "this incident is stabilised already")
            }
            (State::Closing, Verb::ProposeClose) => {
                Text::both("終結はすでに提案されています", "closing is proposed already")
            }
            (state, Verb::KeepOpen) if state.is_running() => {
                Text::both("終結は提案されていません", "closing is not proposed")
            }
            (state, Verb::Review) if state.is_running() => {
                Text::both("この事案はまだ終わっていません", "this incident is not over yet")
            }
            _ => super::alert::over(),
        })
    })
}

/// A text that a row keeps as JSON.
pub fn text(json: &Value) -> Text {
    // Only our own code writes these columns; a text that does not read back is shown as it stands.
    serde_json::from_value(json.clone()).unwrap_or_else(|_| Text::plain(json.to_string()))
}

/// Several scenes, each loaded once.
#[derive(Default)]
pub struct Scenes(BTreeMap<uuid::Uuid, Arc<Scene>>);

impl Scenes {
    /// The scene of an incident, loaded when it is first asked for.
    pub async fn get(
        &mut self,
        app: &App,
        db: &impl ConnectionTrait,
        id: uuid::Uuid,
    ) -> Result<Arc<Scene>, OperationError> {
        if let Some(scene) = self.0.get(&id) {
            return Ok(Arc::clone(scene));
        }
        let scene = Arc::new(Scene::load(app, db, IncidentId::new(id)).await?);
        self.0.insert(id, Arc::clone(&scene));
        Ok(scene)
    }

    /// Something of this incident's world has changed: it is loaded anew when it is asked for next.
    pub fn forget(&mut self, id: uuid::Uuid) {
        self.0.remove(&id);
    }
}

impl From<serde_json::Error> for OperationError {
    fn from(error: serde_json::Error) -> Self {
        Self::Store(StoreError::Corrupt { what: "row", id: String::new(), found: error.to_string() })
    }
}
