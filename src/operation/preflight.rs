//! Looking ahead: a stored playbook and the directory in force, with what the service knows of addresses and of
//! itself. Reads only.

use std::{collections::BTreeMap, sync::Arc};

use noroshi_core::{
    addressee::WhoIsWho,
    alert::Rule,
    directory::{Directory, SiteValue},
    id::{DeliveryId, IncidentId},
    playbook::{
        Playbook, Variable, VariableKind,
        preflight::{
            Answers, Health, Pace, Plan, Timetable,
            letters::{PlannedLetter, Specimen, known, letters},
            preflight,
        },
    },
    rights::Role,
    text::{Text, fill},
    time::{Span, Timestamp},
    variable::day_and_time,
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{letter::next_step, scene::Scene};
use crate::{
    app::App,
    key::TOKEN_CHARS,
    store::{self, StoreError},
    transport::{
        Transport,
        letter::{DrillWords, Letter},
        short::{Length, short_text},
    },
};

/// A playbook and its world before a start.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// The version that is looked at.
    pub version: entity::playbook_version::Model,
    /// The same, as the core reads it.
    pub playbook: Arc<Playbook>,
    /// The directory in force.
    pub directory: Arc<Directory>,
    health: Vec<Health>,
    paces: Vec<Pace>,
    admins: Vec<String>,
    commanders: Vec<String>,
}

/// What is asked of an outlook.
#[derive(Clone, Debug)]
pub struct Question {
    /// The values of the variables, as the core resolves them.
    pub values: BTreeMap<String, Value>,
    /// When it would start.
    pub at: Timestamp,
    /// Who answers.
    pub answers: Answers,
    /// Whether it would be a drill.
    pub drill: bool,
    /// The person who would start it.
    pub starter: Option<String>,
}

impl Outlook {
    /// Loads a version of a playbook, the one in force where none is named, with the directory in force.
    pub async fn load(
        app: &App,
        db: &impl ConnectionTrait,
        key: &str,
        number: Option<i32>,
    ) -> Result<Self, StoreError> {
        let missing = |what: &'static str| StoreError::NotFound { what, id: key.to_owned() };
        let version = match number {
            Some(number) => store::playbook::by_number(db, key, number).await?,
            None => store::playbook::latest(db, key).await?,
        };
        let version = version.ok_or_else(|| missing("playbook"))?;
        let directory =
            store::directory::latest(db).await?.ok_or_else(|| missing("directory for the playbook"))?;
        Self::of(app, db, version, directory.id).await
    }

    /// The outlook of an incident that waits: by its version of the playbook, and the directory in force, which it will
    /// be started with.
    pub async fn of_scene(app: &App, db: &impl ConnectionTrait, scene: &Scene) -> Result<Self, StoreError> {
        let version = store::playbook::version(db, scene.incident.playbook_version_id).await?;
        let latest = store::directory::latest_id(db).await?;
        Self::of(app, db, version, latest.unwrap_or(scene.incident.directory_version_id)).await
    }

    async fn of(
        app: &App,
        db: &impl ConnectionTrait,
        version: entity::playbook_version::Model,
        directory: Uuid,
    ) -> Result<Self, StoreError> {
        let health = store::directory::health(db).await?.into_iter().map(|row| Health {
            contact: row.contact,
            transport: row.transport,
            address: row.address,
            proved_at: row.proved_at_ms.map(Timestamp),
            doubtful: row.wrong_at_ms.is_some() || row.refused_at_ms.is_some(),
        });
        let accounts = store::account::all(db).await?;
        let people = |role: Role| {
            let able = accounts.iter().filter(|account| account.disabled_at_ms.is_none());
            let able = able.filter(|account| account.role == role.key());
            able.filter_map(|account| account.person.clone()).collect::<Vec<_>>()
        };
        Ok(Self {
            playbook: app.library.playbook(db, version.id).await?,
            directory: app.library.directory(db, directory).await?,
            version,
            health: health.collect(),
            paces: super::pace::paces(app, db).await?,
            admins: people(Role::Admin),
            commanders: people(Role::Commander),
        })
    }

    /// Makes the plan of a question, and something of it.
    pub fn with<T>(&self, app: &App, question: &Question, use_it: impl FnOnce(&Plan<'_>) -> T) -> T {
        let relays = app.transports.iter().find_map(|(_, transport)| match transport {
            Transport::Mail(mailer) => Some(mailer.health().len()),
            _ => None,
        });
        use_it(&Plan {
            playbook: &self.playbook,
            directory: &self.directory,
            values: &question.values,
            at: question.at,
            zone: app.zone,
            answers: question.answers,
            drill: question.drill,
            serves: &|driver| app.serves(driver),
            relays: Some(relays.unwrap_or(0)),
            paces: &self.paces,
            health: Some(&self.health),
            admins: &self.admins,
            commanders: &self.commanders,
            starter: question.starter.as_deref(),
        })
    }

    /// The timetable.
    pub fn timetable(&self, app: &App, question: &Question) -> Timetable {
        self.with(app, question, preflight)
    }
}

/// Where the answer link of a letter will stand.
pub const SPECIMEN_LINK: &str = "https://…/a/…";

/// The letters of a timetable as their readers would get them, each with the frame that the service puts around it;
/// the short message where it goes by SMS.
///
/// - `wanted`: whether a recipient's letters are looked at.
pub fn written(
    plan: &Plan<'_>,
    timetable: &Timetable,
    wanted: impl Fn(&str) -> bool,
) -> Vec<(PlannedLetter, Letter)> {
    let planned = letters(plan, timetable, Specimen { link: SPECIMEN_LINK }, wanted);
    let by_sms = |via: &String| {
        plan.directory.transports.get(via).is_some_and(|transport| transport.driver == "http_gateway")
    };
    planned
        .into_iter()
        .map(|planned| {
            let letter = framed(plan, planned.clone());
            let sms = planned.via.iter().any(by_sms).then(|| short_text(&letter));
            (PlannedLetter { sms, ..planned }, letter)
        })
        .collect()
}

/// How long a planned short message is on its way: with a link as long as a real one below `public_url`, where the
/// message that is shown has the short place for it. What the directory's `max_chars` cuts off is not taken off here.
pub fn sms_length(sms: &str, public_url: &str) -> Length {
    let link = format!("{public_url}/a/{}", "0".repeat(TOKEN_CHARS));
    Length::of(&sms.replace(SPECIMEN_LINK, &link))
}

/// A letter for programs.
///
/// - `public_url`: where people reach the service, as [`sms_length`] counts it.
pub fn letter_document((planned, letter): &(PlannedLetter, Letter), public_url: &str) -> Value {
    let words = letter.render();
    json!({
        "alert": planned.alert,
        "recipient": planned.recipient,
        "contact": planned.contact,
        "via": planned.via,
        "offset_ms": planned.offset_ms,
        "language": planned.language,
        "subject": words.subject,
        "text": words.text,
        "sms": planned.sms,
        "sms_segments": planned.sms.as_deref().map(|sms| sms_length(sms, public_url).segments),
    })
}

fn framed(plan: &Plan<'_>, planned: PlannedLetter) -> Letter {
    let Plan { playbook, directory, zone, .. } = *plan;
    let language = planned.language;
    let marks = &playbook.drills;
    let filled = |words: &Option<Text>| {
        words.as_ref().map(|text| fill(text.get(language), language, |name| known(plan, name, language)))
    };
    let rule = Rule::of(playbook, &planned.alert);
    let asks = !planned.options.is_empty();
    let raised = plan.at
        + playbook
            .alert(&planned.alert)
            .and_then(|alert| alert.send)
            .map_or_else(Span::default, |send| send.delay);
    let clock = |at: Timestamp| at.to_utc().with_timezone(&zone).format("%H:%M").to_string();
    let nobody = BTreeMap::new();
    let who = WhoIsWho { playbook, directory, holders: &nobody };
    let documents: Vec<String> = match &rule {
        Some(rule) if !planned.stand_down => {
            rule.plan.attach.iter().map(|one| one.file_name().to_owned()).collect()
        }
        _ => Vec::new(),
    };
    let next = rule.filter(|_| asks).and_then(|rule| {
        next_step(&rule, 0, false, language, |at| Some(clock(raised + at)), |party| who.name(party))
    });
    Letter {
        delivery: DeliveryId::new(Uuid::nil()),
        incident: IncidentId::new(Uuid::nil()),
        to: planned.address,
        to_name: planned.desk.get(language).to_owned(),
        language,
        drill: plan.drill,
        drill_words: DrillWords {
            prefix: filled(&marks.subject_prefix),
            top: filled(&marks.body_top),
            bottom: filled(&marks.body_bottom),
        },
        repeat: false,
        urgency: playbook.alert(&planned.alert).map(|alert| alert.severity).unwrap_or_default(),
        place: directory.office().get(language).to_owned(),
        incident_number: 0,
        incident_title: playbook.title.get(language).to_owned(),
        subject: planned.subject,
        number: planned.number,
        body: planned.body,
        short: planned.sms,
        max_chars: None,
        link: (asks || !documents.is_empty()).then(|| SPECIMEN_LINK.to_owned()),
        asks,
        desk_answers: true,
        documents,
        respond_by: planned.respond_by,
        options: planned.options,
        phone: desk_phone(plan),
        next_step: next,
        sent_at: day_and_time(plan.at + Span(planned.offset_ms), language, zone),
        planned_at: None,
        date: plan.at + Span(planned.offset_ms),
    }
}

/// The telephone number of the desk: the first variable that is one, else the site's.
fn desk_phone(plan: &Plan<'_>) -> Option<String> {
    let is_phone = |variable: &&Variable| variable.kind == VariableKind::Phone;
    let given = plan.playbook.variables.iter().find(is_phone);
    let given = given.and_then(|variable| plan.values.get(&variable.key)).and_then(Value::as_str);
    let site = || match plan.directory.site.get("eoc_phone") {
        Some(SiteValue::One(phone)) => Some(phone.as_str()),
        _ => None,
    };
    given.or_else(site).map(str::to_owned)
}
