//! Writing letters: the outbox keeps what is needed to write one, not its text.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use entity::{delivery, recipient};
use noroshi_core::{
    alert::{ContactPoint, Rule},
    id::{AlertId, DeliveryId, IncidentId, RecipientId},
    playbook::{Action, PartyRef, Target, Urgency},
    text::{Language, Text, fill},
    time::{Span, Timestamp},
    variable::day_and_time,
};
use uuid::Uuid;

use super::{
    OperationError,
    errand::{self, RoleLetter},
    recipients::Recipients,
    scene::{Scene, Scenes, text},
};
use crate::{
    app::App,
    store::{self, StoreError, from_json},
    transport::letter::{DrillWords, Letter},
};

/// Letters that are to be written, and what has been loaded for them so far.
#[derive(Default)]
pub struct Desk {
    deliveries: Vec<delivery::Model>,
    scenes: Scenes,
    recipients: BTreeMap<Uuid, Arc<recipient::Model>>,
}

/// All that one letter is written from.
pub struct Draft {
    /// The letter as it stands in the outbox.
    pub delivery: delivery::Model,
    /// Whom it is to, or whom it is about.
    pub recipient: Option<Arc<recipient::Model>>,
    scene: Arc<Scene>,
    matter: Matter,
}

/// What a letter speaks of.
enum Matter {
    Alert(Arc<Rule>),
    Errand(Box<RoleLetter>, Option<Arc<Rule>>),
}

/// Writes the letters of a batch of deliveries, in their order.
pub async fn write_all(app: &App, deliveries: Vec<delivery::Model>) -> Result<Vec<Letter>, OperationError> {
    let drafts = Desk { deliveries, ..Desk::default() }.drafts(app).await?;
    Ok(drafts.iter().map(|draft| draft.write(app)).collect())
}

impl Desk {
    /// With what a transaction has loaded, as it left it.
    pub(super) fn new(deliveries: Vec<delivery::Model>, scenes: Scenes, recipients: Recipients) -> Self {
        Self { deliveries, scenes, recipients: recipients.into_rows() }
    }

    /// One draft for each letter, in their order; loads what is not there yet.
    pub async fn drafts(mut self, app: &App) -> Result<Vec<Draft>, OperationError> {
        let db = app.store.read();
        let mut errands = Vec::with_capacity(self.deliveries.len());
        for delivery in &self.deliveries {
            let id = DeliveryId::new(delivery.id);
            let errand: Option<RoleLetter> =
                delivery.errand.as_ref().map(|json| from_json("delivery", id, json)).transpose()?;
            errands.push(errand);
        }
        let about = |delivery: &delivery::Model, errand: &Option<RoleLetter>| {
            let of_errand = || errand.as_ref()?.about.recipient().map(RecipientId::raw);
            delivery.recipient_id.or_else(of_errand)
        };
        let pairs = self.deliveries.iter().zip(&errands);
        let mut missing: Vec<Uuid> = pairs.filter_map(|(delivery, errand)| about(delivery, errand)).collect();
        missing.retain(|id| !self.recipients.contains_key(id));
        if !missing.is_empty() {
            let rows = store::recipient::several(db, missing).await?;
            self.recipients.extend(rows.into_iter().map(|row| (row.id, Arc::new(row))));
        }
        let mut drafts = Vec::with_capacity(self.deliveries.len());
        for (delivery, errand) in self.deliveries.into_iter().zip(errands) {
            let scene = self.scenes.get(app, db, delivery.incident_id).await?;
            let recipient = about(&delivery, &errand).and_then(|id| self.recipients.get(&id)).cloned();
            let of_errand = || errand.as_ref()?.about.alert().map(AlertId::raw);
            let rule = match recipient.as_ref().map(|row| row.alert_id).or_else(of_errand) {
                None => None,
                Some(alert) => Some(app.library.rule(db, alert).await?),
            };
            let matter = match (errand, rule) {
                (Some(errand), rule) => Matter::Errand(Box::new(errand), rule),
                (None, Some(rule)) => Matter::Alert(rule),
                (None, None) => {
                    let id = DeliveryId::new(delivery.id).to_string();
                    let found = "no recipient".into();
                    return Err(StoreError::Corrupt { what: "delivery", id, found }.into());
                }
            };
            drafts.push(Draft { delivery, recipient, scene, matter });
        }
        Ok(drafts)
    }
}

impl Draft {
    /// Writes the letter.
    pub fn write(&self, app: &App) -> Letter {
        let Self { delivery, recipient, scene, matter } = self;
        match matter {
            Matter::Alert(rule) => to_recipient(app, scene, rule, recipient.as_deref(), delivery),
            Matter::Errand(errand, rule) => {
                errand::write(app, scene, rule.as_deref(), recipient.as_deref(), delivery, errand)
            }
        }
    }
}

/// A letter that is written so long after its moment says so.
const LATE: Span = Span::minutes(1);

pub(super) fn clock(app: &App, at: Timestamp) -> String {
    at.to_utc().with_timezone(&app.zone).format("%H:%M").to_string()
}

/// The same, with its day where that is another one than `now`'s.
pub(super) fn clock_or_day(app: &App, at: Timestamp, now: Timestamp, language: Language) -> String {
    let day = |at: Timestamp| at.to_utc().with_timezone(&app.zone).date_naive();
    if day(at) == day(now) { clock(app, at) } else { day_and_time(at, language, app.zone) }
}

/// The real moment that lies `offset` after the recipient's start.
fn moment(scene: &Scene, row: &recipient::Model, offset: Span) -> Option<Timestamp> {
    let started = Timestamp(row.started_own_ms?);
    scene.timeline.real_time_of(started + offset)
}

pub(super) fn blank(app: &App, scene: &Scene, urgency: Urgency, delivery: &delivery::Model) -> Letter {
    let language = Language::from_key(&delivery.language).unwrap_or_default();
    let marks = &scene.playbook.drills;
    let now = app.clock.now();
    let planned = Timestamp(delivery.created_at_ms);
    let filled = |words: &Option<Text>| {
        words.as_ref().map(|text| fill(text.get(language), language, |name| scene.value(name, language, app)))
    };
    Letter {
        delivery: DeliveryId::new(delivery.id),
        incident: IncidentId::new(delivery.incident_id),
        to: delivery.address.clone(),
        to_name: text(&delivery.name).get(language).to_owned(),
        language,
        drill: scene.is_drill(),
        drill_words: DrillWords {
            prefix: filled(&marks.subject_prefix),
            top: filled(&marks.body_top),
            bottom: filled(&marks.body_bottom),
        },
        repeat: delivery.repeat,
        urgency,
        place: scene.directory.office().get(language).to_owned(),
        incident_number: u32::try_from(scene.incident.number).unwrap_or_default(),
        incident_title: scene.title(language).to_owned(),
        subject: String::new(),
        number: 0,
        body: String::new(),
        short: None,
        max_chars: scene.directory.transports.get(&delivery.via).and_then(|transport| transport.max_chars),
        link: None,
        asks: false,
        desk_answers: true,
        documents: Vec::new(),
        respond_by: None,
        options: Vec::new(),
        phone: scene.desk_phone(),
        next_step: None,
        sent_at: day_and_time(now, language, app.zone),
        planned_at: (now - planned > LATE).then(|| clock_or_day(app, planned, now, language)),
        date: app.clock.wall(),
    }
}

fn to_recipient(
    app: &App,
    scene: &Scene,
    rule: &Rule,
    row: Option<&recipient::Model>,
    delivery: &delivery::Model,
) -> Letter {
    let mut letter = blank(app, scene, rule.plan.severity, delivery);
    let language = letter.language;
    let number = row.map_or(1, |row| u32::try_from(row.report).unwrap_or(1));
    let stand_down = (delivery.occasion == "stand_down").then_some(rule.plan.stand_down.as_ref()).flatten();
    let (subject, body, short) = match stand_down {
        Some(words) => (&words.subject, &words.body, &words.sms),
        None => (&rule.plan.subject, &rule.plan.body, &rule.plan.sms),
    };
    let asks = stand_down.is_none() && !rule.responses.is_empty();
    let documents = stand_down.is_none() && !rule.plan.attach.is_empty();
    let link = row.filter(|_| asks || documents).map(|row| {
        let token = app.key.answer_token(RecipientId::new(row.id), &delivery.contact, 0);
        format!("{}/a/{token}", app.public_url())
    });
    let respond_by =
        row.filter(|_| asks).and_then(|row| moment(scene, row, rule.answer_by()?)).map(|at| clock(app, at));
    let value = |name: &str| -> Option<Cow<'_, str>> {
        match name {
            "alert.key" => Some(Cow::Borrowed(rule.plan.key.as_str())),
            "alert.number" => Some(Cow::Owned(number.to_string())),
            "alert.link" => link.as_deref().map(Cow::Borrowed),
            "alert.respond_by" => respond_by.as_deref().map(Cow::Borrowed),
            "recipient.name" => Some(Cow::Owned(letter.to_name.clone())),
            "recipient.agency" => row.map(|row| Cow::Owned(text(&row.name).get(language).to_owned())),
            "recipient.person.name" => {
                scene.person_of(row?).map(|name| Cow::Owned(name.get(language).to_owned()))
            }
            _ => scene.value(name, language, app),
        }
    };
    letter.subject = fill(subject.get(language), language, value);
    letter.body = fill(body.get(language), language, value);
    letter.short = short.as_ref().map(|short| fill(short.get(language), language, value));
    letter.number = number;
    if asks {
        let first = rule.responses.iter().filter(|option| option.after.is_none());
        letter.options = first.map(|option| option.label.get(language).to_owned()).collect();
        letter.next_step = row.and_then(|row| {
            let from = usize::try_from(row.step).ok()?;
            let clock = |at| Some(clock(app, moment(scene, row, at).filter(|at| *at > app.clock.now())?));
            let contacts = store::recipient::contacts(row).unwrap_or_default();
            let among = |points: &[ContactPoint]| points.iter().any(|one| one.contact == delivery.contact);
            let is_alternate = among(&contacts.alternate) && !among(&contacts.primary);
            next_step(rule, from, is_alternate, language, clock, |party| scene.party_name(party))
        });
    }
    letter.asks = asks;
    if documents {
        letter.documents = rule.plan.attach.iter().map(|one| one.file_name().to_owned()).collect();
    }
    // A deadline that has passed asks nothing of anybody.
    let ahead =
        row.and_then(|row| moment(scene, row, rule.answer_by()?)).is_some_and(|at| at > app.clock.now());
    letter.respond_by = respond_by.filter(|_| ahead);
    letter.link = link;
    letter
}

/// What happens, and when, if nobody answers: 03:24までに回答がない場合、代替連絡先にも連絡します。
///
/// - `from`: the next step of the recipient;
/// - `is_alternate`: the reader is the alternate contact, who needs not hear that the alternate will be told;
/// - `clock`: the time of day at a distance from the start of the ladder, where that is known;
/// - `name`: the name of a party.
pub(super) fn next_step(
    rule: &Rule,
    from: usize,
    is_alternate: bool,
    language: Language,
    clock: impl Fn(Span) -> Option<String>,
    name: impl Fn(&PartyRef) -> Text,
) -> Option<String> {
    let steps = &rule.ladder.as_ref()?.steps;
    // The resend to the same address is no news to its reader; what involves somebody else is.
    let step = steps.iter().skip(from).find(|step| match step.action {
        Action::Resend { to: Target::Same, .. } => false,
        Action::Resend { to: Target::Alternate, .. } | Action::Notify { to: Target::Alternate, .. } => {
            !is_alternate
        }
        _ => true,
    })?;
    let at = clock(step.at)?;
    let who = |party: &Target| match party {
        Target::Party(party) => name(party).get(language).to_owned(),
        Target::Same | Target::Alternate => String::new(),
    };
    let ja = language != Language::En;
    Some(match &step.action {
        Action::Call { to, .. } if ja => format!("{at}までに回答がない場合、{}から電話します。", who(to)),
        Action::Call { to, .. } => format!("Without an answer by {at}, {} will telephone you.", who(to)),
        Action::Decide { to, .. } if ja => format!("{at}までに回答がない場合、{}が判断します。", who(to)),
        Action::Decide { to, .. } => format!("Without an answer by {at}, {} will decide.", who(to)),
        _ if ja => format!("{at}までに回答がない場合、代替連絡先にも連絡します。"),
        _ => format!("Without an answer by {at}, your alternate contact will be told too."),
    })
}

/// The telephone numbers of a recipient, the alternate contact's too.
pub fn phones(scene: &Scene, row: &recipient::Model) -> String {
    let contacts = store::recipient::contacts(row).unwrap_or_default();
    let is_phone = |key: &str| {
        scene
            .directory
            .transports
            .get(key)
            .is_some_and(|transport| transport.driver == noroshi_core::addressee::BY_HAND)
    };
    let numbers: Vec<String> = contacts
        .primary
        .iter()
        .chain(&contacts.alternate)
        .filter(|point| is_phone(&point.transport))
        .map(|point| point.address.clone())
        .collect();
    numbers.join("、")
}
