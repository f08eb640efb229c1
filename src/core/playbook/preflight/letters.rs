//! The words that each recipient would read.

use std::{borrow::Cow, collections::BTreeMap};

use super::{Plan, Timetable, What};
use crate::{
    alert::Rule,
    directory::SiteValue,
    playbook::{AlertPlan, Playbook},
    text::{Language, Text, fill},
    time::{Span, Timestamp},
    variable::{self, day_and_time},
};

/// A letter as one contact would get it, without the frame that the service puts around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedLetter {
    /// The alert's key.
    pub alert: String,
    /// The recipient's key.
    pub recipient: String,
    /// The recipient's name.
    pub name: Text,
    /// The contact: `agency:hosp_a primary`.
    pub contact: String,
    /// Its address, by the first transport that is used for it.
    pub address: String,
    /// The desk's name.
    pub desk: Text,
    /// By which transports.
    pub via: Vec<String>,
    /// When for the first time, milliseconds after the start.
    pub offset_ms: i64,
    /// The reader's language.
    pub language: Language,
    /// 第n報 for this recipient.
    pub number: u32,
    /// It only says: no longer needed.
    pub stand_down: bool,
    /// Subject line.
    pub subject: String,
    /// Body.
    pub body: String,
    /// The short form, where the alert has one.
    pub sms: Option<String>,
    /// Labels of the answers; empty where nothing is asked.
    pub options: Vec<String>,
    /// Until when an answer is asked for: `03:44`.
    pub respond_by: Option<String>,
}

/// Everything that is not known before a start stands in these places.
#[derive(Clone, Copy, Debug)]
pub struct Specimen<'s> {
    /// Where the answer link will stand.
    pub link: &'s str,
}

/// The letters of a timetable, each contact's once for each alert, in order of time.
///
/// - `wanted`: whether a recipient's letters are looked at.
pub fn letters(
    plan: &Plan<'_>,
    timetable: &Timetable,
    specimen: Specimen<'_>,
    wanted: impl Fn(&str) -> bool,
) -> Vec<PlannedLetter> {
    let mut found: Vec<PlannedLetter> = Vec::new();
    let mut places: BTreeMap<(&str, &str, &str, bool), usize> = BTreeMap::new();
    let mut numbers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut rules: BTreeMap<&str, Rule> = BTreeMap::new();
    for entry in &timetable.entries {
        let (Some(alert), Some(way)) = (entry.alert.as_deref(), &entry.way) else { continue };
        let stand_down = entry.what == What::StandDown;
        if matches!(entry.what, What::RoleLetter | What::Unserved) {
            continue;
        }
        let told = numbers.entry(&entry.recipient).or_default();
        if !told.contains(&alert) {
            told.push(alert);
        }
        if !wanted(&entry.recipient) {
            continue;
        }
        let number = told.iter().position(|told| *told == alert).map_or(1, |place| place + 1);
        let place = (alert, entry.recipient.as_str(), way.contact.as_str(), stand_down);
        if let Some(known) = places.get(&place) {
            if !found[*known].via.contains(&way.via) {
                found[*known].via.push(way.via.clone());
            }
            continue;
        }
        if !rules.contains_key(alert) {
            rules.extend(Rule::of(plan.playbook, alert).map(|rule| (alert, rule)));
        }
        let Some(rule) = rules.get(alert) else { continue };
        places.insert(place, found.len());
        found.push(write(plan, rule, entry, way, number, specimen));
    }
    found
}

fn write(
    plan: &Plan<'_>,
    rule: &Rule,
    entry: &super::Entry,
    way: &super::Way,
    number: usize,
    specimen: Specimen<'_>,
) -> PlannedLetter {
    let language = language_of(plan, &way.contact);
    let raised = rule.plan.send.map_or(Span::ZERO, |send| send.delay);
    let stand_down = rule.plan.stand_down.as_ref().filter(|_| entry.what == What::StandDown);
    let asks = stand_down.is_none() && !rule.responses.is_empty();
    let respond_by = rule.answer_by().filter(|_| asks).map(|by| {
        let at: Timestamp = plan.at + raised + by;
        at.to_utc().with_timezone(&plan.zone).format("%H:%M").to_string()
    });
    let value = |name: &str| match name {
        "alert.key" => Some(Cow::Borrowed(rule.plan.key.as_str())),
        "alert.number" => Some(Cow::Owned(number.to_string())),
        "alert.link" => (asks || (stand_down.is_none() && !rule.plan.attach.is_empty()))
            .then_some(Cow::Borrowed(specimen.link)),
        "alert.respond_by" => respond_by.as_deref().map(Cow::Borrowed),
        "recipient.name" => Some(Cow::Borrowed(way.desk.get(language))),
        "recipient.agency" => Some(Cow::Borrowed(entry.name.get(language))),
        _ => known(plan, name, language),
    };
    let (subject, body, sms) = match stand_down {
        Some(words) => (&words.subject, &words.body, &words.sms),
        None => (&rule.plan.subject, &rule.plan.body, &rule.plan.sms),
    };
    let filled = |text: &Text| fill(text.get(language), language, value);
    let first = rule.responses.iter().filter(|option| asks && option.after.is_none());
    PlannedLetter {
        alert: rule.plan.key.clone(),
        recipient: entry.recipient.clone(),
        name: entry.name.clone(),
        contact: way.contact.clone(),
        address: way.address.clone(),
        desk: way.desk.clone(),
        via: vec![way.via.clone()],
        offset_ms: entry.offset_ms,
        language,
        number: u32::try_from(number).unwrap_or(u32::MAX),
        stand_down: stand_down.is_some(),
        subject: filled(subject),
        body: filled(body),
        sms: sms.as_ref().map(filled),
        options: first.map(|option| option.label.get(language).to_owned()).collect(),
        respond_by,
    }
}

/// The subject of an alert with what is known before the start.
pub(super) fn subject(plan: &Plan<'_>, alert: &AlertPlan) -> Text {
    let filled = |language| fill(alert.subject.get(language), language, |name| known(plan, name, language));
    Text {
        ja: filled(Language::Ja),
        easy_ja: alert.subject.easy_ja.as_ref().map(|_| filled(Language::EasyJa)),
        // Values differ between languages even where the author's words do not.
        en: Some(filled(Language::En)),
    }
}

/// The value of a name that is known before a start; `None` prints 調整中.
pub fn known<'p>(plan: &Plan<'p>, name: &str, language: Language) -> Option<Cow<'p, str>> {
    let Plan { playbook, directory, values, .. } = *plan;
    if let Some(variable) = playbook.variables.iter().find(|variable| variable.key == name) {
        return Some(variable::told(variable, values.get(name)?, language, plan.zone));
    }
    if let Some(key) = name.strip_prefix("site.") {
        return Some(match directory.site.get(key)? {
            SiteValue::One(one) => Cow::Borrowed(one.as_str()),
            SiteValue::List(several) => {
                Cow::Owned(several.join(if language == Language::En { ", " } else { "、" }))
            }
        });
    }
    match name {
        "incident.title" => Some(Cow::Borrowed(playbook.title.get(language))),
        "incident.mode" => Some(Cow::Borrowed(if plan.drill { "drill" } else { "live" })),
        "incident.opened_at" => Some(Cow::Owned(day_and_time(plan.at, language, plan.zone))),
        _ => title_of_role(playbook, name).map(|title| Cow::Borrowed(title.get(language))),
    }
}

/// `role.<k>.title`. Who holds the role is not known before somebody has accepted it.
fn title_of_role<'p>(playbook: &'p Playbook, name: &str) -> Option<&'p Text> {
    let (key, what) = name.strip_prefix("role.")?.split_once('.')?;
    playbook.role(key).filter(|_| what == "title").map(|role| &role.title)
}

/// The language of whoever reads at a contact.
fn language_of(plan: &Plan<'_>, contact: &str) -> Language {
    let (kind, rest) = contact.split_once(':').unwrap_or_default();
    let key = rest.split(' ').next().unwrap_or_default();
    match kind {
        "agency" => plan.directory.agencies.get(key).map(|agency| agency.language),
        _ => plan.directory.people.get(key).map(|person| person.language),
    }
    .unwrap_or_default()
}
