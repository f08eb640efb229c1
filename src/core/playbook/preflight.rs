//! The timetable: who would get what, when, by which transport, if it started now. Nothing is sent.
//!
//! 1. Each alert that the start raises gets its recipients, as the start itself would choose them.
//! 2. Each recipient climbs its ladder by the very [`advance`] that runs an incident, on a virtual clock that jumps from
//!    one due time to the next.
//! 3. What the ladder asks for becomes an [`Entry`].
//!
//! Every letter is taken to arrive: a timetable of refused addresses would be shorter, never longer. Deliberately
//! absent: alerts of closing and cancelling, which nobody can foresee.

use std::{borrow::Cow, collections::BTreeMap};

use chrono_tz::Tz;
use serde::Serialize;

use crate::{
    addressee::{Addressee, WhoIsWho},
    alert::{AddressBook, Rule},
    directory::{Directory, SiteValue},
    effect::{Effect, Occasion},
    ladder::{Input, Recipient, Scene, advance, raise},
    playbook::{AckRule, AlertPlan, CountsAs, IncidentEvent, Meaning, PartyRef, Playbook, ResponseOption},
    text::{Language, Text, fill},
    time::{Span, Timestamp},
    variable,
};

/// What a timetable is made for.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// A checked playbook.
    pub playbook: &'a Playbook,
    /// A checked directory.
    pub directory: &'a Directory,
    /// The values of the variables, as [`variable::resolve`] gives them; missing ones print 調整中.
    pub values: &'a BTreeMap<String, serde_json::Value>,
    /// When it would start.
    pub at: Timestamp,
    /// The zone in which moments are written in texts.
    pub zone: Tz,
    /// Who answers.
    pub answers: Answers,
    /// Whether the service has a driver of this name.
    pub serves: &'a dyn Fn(&str) -> bool,
}

/// Who answers in a timetable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Nobody: every ladder to its end.
    None,
    /// Everybody, as soon as the first letter is there.
    All,
}

/// Who would get what, when. Made by [`preflight`]; printed by the command line, the API and the start page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timetable {
    /// When it would start, in milliseconds since 1970 (UTC).
    pub at_ms: i64,
    /// The alerts that the start raises, in the order of the file.
    pub alerts: Vec<PlannedAlert>,
    /// Who would sit in which chair.
    pub roles: Vec<PlannedRole>,
    /// Everything that happens, in order of time.
    pub entries: Vec<Entry>,
}

impl Timetable {
    /// The timetable for programs: each moment also as RFC 3339 in `zone` (`at`), beside its offset.
    pub fn document(&self, zone: Tz) -> serde_json::Value {
        let start = Timestamp(self.at_ms);
        let mut document = serde_json::to_value(self).expect("a timetable has only text keys");
        document["at"] = start.rfc3339(zone).into();
        for list in ["alerts", "entries"] {
            for item in document[list].as_array_mut().into_iter().flatten() {
                let offset = item["offset_ms"].as_i64().unwrap_or(0);
                item["at"] = (start + Span(offset)).rfc3339(zone).into();
            }
        }
        document
    }
}

/// One alert of a timetable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedAlert {
    /// Its key.
    pub key: String,
    /// The subject line with its values, in Japanese.
    pub subject: String,
    /// When it is raised, milliseconds after the start.
    pub offset_ms: i64,
    /// How many recipients it has.
    pub recipients: usize,
}

/// A chair of a timetable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedRole {
    /// The role's key.
    pub role: String,
    /// The role's title.
    pub title: Text,
    /// Who is on duty for it; `None` where nobody is.
    pub person: Option<String>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// When, milliseconds after the start.
    pub offset_ms: i64,
    /// The alert's key.
    pub alert: String,
    /// The agency's or person's key; `role:…` or `roster.…` where nobody is behind it.
    pub recipient: String,
    /// The recipient's name.
    pub name: Text,
    /// What happens.
    pub what: What,
    /// Which step of the ladder it is, from 1; `None` for the first letters.
    pub step: Option<u16>,
    /// The line of the playbook that says so; `None` for the first letters.
    pub line: Option<u32>,
    /// The transport of a letter.
    pub via: Option<String>,
    /// The contact of a letter: `agency:hosp_a alternate`.
    pub contact: Option<String>,
    /// Who telephones or decides.
    pub by: Option<PartyRef>,
}

/// What happens at an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The first letter.
    Letter,
    /// The letter again.
    Resend,
    /// The letter to somebody else.
    Notify,
    /// A letter that cannot leave, because the service has no driver for its transport.
    Unserved,
    /// A step finds nobody to reach; the next one is taken at once.
    NobodyReached,
    /// A person is asked to telephone.
    Call,
    /// A person is asked to decide.
    Decide,
    /// The recipient answers.
    Answer,
}

/// Makes the timetable of a start.
pub fn preflight(plan: &Plan<'_>) -> Timetable {
    let mut alerts = Vec::new();
    let mut entries = Vec::new();
    for alert in &plan.playbook.alerts {
        let Some(send) = alert.send.filter(|send| send.event == IncidentEvent::Activated) else { continue };
        let Some(rule) = Rule::of(plan.playbook, &alert.key) else { continue };
        let addressees = plan.who().addressees(&alert.to, plan.at + send.delay);
        alerts.push(PlannedAlert {
            key: alert.key.clone(),
            subject: plan.subject(alert),
            offset_ms: send.delay.0,
            recipients: addressees.len(),
        });
        for addressee in addressees {
            plan.climb(&rule, &addressee, plan.at + send.delay, &mut entries);
        }
    }
    // Stable: what happens at the same time stays in the order of alerts and recipients.
    entries.sort_by_key(|entry| entry.offset_ms);
    Timetable { at_ms: plan.at.0, alerts, roles: plan.roles(), entries }
}

impl Plan<'_> {
    /// One recipient from the first letter to the end.
    fn climb(&self, rule: &Rule, addressee: &Addressee, raised: Timestamp, entries: &mut Vec<Entry>) {
        let mut now = raised;
        let book = self.book(rule, now);
        let scene = Scene { rule, contacts: &addressee.contacts, book: &book, now };
        let (mut recipient, effects) = raise(&scene);
        let reached = !recipient.pending.is_empty();
        self.note(rule, addressee, now, None, &effects, entries);
        if reached {
            let (started, _) = advance(&scene, &recipient, &Input::Tried);
            recipient = started;
            if let Some(option) = self.answer(rule) {
                let answered =
                    Input::Answered { meaning: option.meaning, counts_as: option.counts_as, at: now };
                (recipient, _) = advance(&scene, &recipient, &answered);
                entries.push(self.entry(rule, addressee, now, What::Answer, None));
            }
        }
        while let Some((due, next)) = self.next(rule, addressee, &recipient) {
            now = due;
            self.note(rule, addressee, now, Some(recipient.step), &next.1, entries);
            recipient = next.0;
        }
    }

    /// What happens at the recipient's due time; `None` when no timer runs.
    fn next(
        &self,
        rule: &Rule,
        addressee: &Addressee,
        recipient: &Recipient,
    ) -> Option<(Timestamp, (Recipient, Vec<Effect>))> {
        let due = recipient.due?;
        let book = self.book(rule, due);
        let scene = Scene { rule, contacts: &addressee.contacts, book: &book, now: due };
        let next = advance(&scene, recipient, &Input::TimerFired { step: recipient.step });
        // Each firing takes a step, so this ends; a firing that changes nothing would not.
        (next.0 != *recipient).then_some((due, next))
    }

    /// Turns what the ladder asks for into entries. `step` is the first step that was taken.
    fn note(
        &self,
        rule: &Rule,
        addressee: &Addressee,
        now: Timestamp,
        step: Option<u16>,
        effects: &[Effect],
        entries: &mut Vec<Entry>,
    ) {
        let mut step = step;
        for effect in effects {
            let is_first_letter =
                matches!(effect, Effect::Send(letter) if letter.occasion == Occasion::Alert);
            // Where no first letter can leave, the ladder begins with its first step at once.
            if step.is_none() && !is_first_letter {
                step = Some(0);
            }
            let entry = |what| self.entry(rule, addressee, now, what, step);
            match effect {
                Effect::Send(letter) => {
                    let what = match letter.occasion {
                        _ if letter.unserved => What::Unserved,
                        Occasion::Alert => What::Letter,
                        Occasion::Resend => What::Resend,
                        Occasion::Notify | Occasion::StandDown => What::Notify,
                    };
                    entries.push(Entry {
                        via: Some(letter.point.transport.clone()),
                        contact: Some(letter.point.contact.clone()),
                        ..entry(what)
                    });
                }
                Effect::AskCall { to } => entries.push(Entry { by: Some(to.clone()), ..entry(What::Call) }),
                Effect::AskDecision { to } => {
                    entries.push(Entry { by: Some(to.clone()), ..entry(What::Decide) })
                }
                Effect::Record(crate::effect::Fact::StepReachedNobody { .. }) => {
                    entries.push(entry(What::NobodyReached));
                    step = step.map(|step| step + 1);
                }
                Effect::SetTimer { .. } | Effect::DropTimer | Effect::Withdraw | Effect::Record(_) => {}
            }
        }
    }

    fn entry(
        &self,
        rule: &Rule,
        addressee: &Addressee,
        now: Timestamp,
        what: What,
        step: Option<u16>,
    ) -> Entry {
        let line = step.and_then(|step| Some(rule.ladder.as_ref()?.steps.get(usize::from(step))?.line));
        Entry {
            offset_ms: (now - self.at).0,
            alert: rule.plan.key.clone(),
            recipient: addressee.key().to_owned(),
            name: addressee.name.clone(),
            what,
            step: step.map(|step| step + 1),
            line,
            via: None,
            contact: None,
            by: None,
        }
    }

    /// The option that a willing recipient chooses; `None` where nobody answers.
    fn answer<'r>(&self, rule: &'r Rule) -> Option<&'r ResponseOption> {
        if self.answers == Answers::None || matches!(rule.plan.ack, AckRule::None { .. }) {
            return None;
        }
        let first = |meaning: Meaning| {
            rule.responses.iter().find(|option| {
                option.meaning == meaning && option.counts_as == CountsAs::Ack && option.after.is_none()
            })
        };
        first(Meaning::Accept).or_else(|| first(Meaning::Decline))
    }

    fn subject(&self, alert: &AlertPlan) -> String {
        fill(&alert.subject.ja, Language::Ja, |name| {
            if let Some(key) = name.strip_prefix("site.") {
                return Some(match self.directory.site.get(key)? {
                    SiteValue::One(one) => Cow::Borrowed(one.as_str()),
                    SiteValue::List(several) => Cow::Owned(several.join("、")),
                });
            }
            let variable = self.playbook.variables.iter().find(|variable| variable.key == name)?;
            Some(variable::shown(&variable.kind, self.values.get(name)?, Language::Ja, self.zone))
        })
    }

    fn who(&self) -> WhoIsWho<'_> {
        // Before a start nobody holds a role.
        static NOBODY: BTreeMap<String, String> = BTreeMap::new();
        WhoIsWho { playbook: self.playbook, directory: self.directory, holders: &NOBODY }
    }

    /// The addresses of the parties that the ladder's steps name.
    fn book(&self, rule: &Rule, now: Timestamp) -> AddressBook {
        self.who().book(rule, self.serves, now)
    }

    /// Who would sit in which chair: the first of each role's `fill` who is on duty.
    fn roles(&self) -> Vec<PlannedRole> {
        let roles = self.playbook.roles.iter();
        roles
            .map(|role| PlannedRole {
                role: role.key.clone(),
                title: role.title.clone(),
                person: self.who().people(&PartyRef::Role(role.key.clone()), self.at).into_iter().next(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYBOOK: &[u8] = include_bytes!("../../../playbooks/eq-6upper-initial.yaml");
    const DIRECTORY: &[u8] = include_bytes!("../../../playbooks/directory.example.yaml");

    fn timetable(answers: Answers, serves: &dyn Fn(&str) -> bool) -> Timetable {
        let directory = crate::directory::read(DIRECTORY).0.expect("the shipped directory");
        let playbook = crate::playbook::read(PLAYBOOK, Some(&directory)).0.expect("the shipped playbook");
        let values = BTreeMap::from([("intensity".to_owned(), serde_json::Value::from("6+"))]);
        preflight(&Plan {
            playbook: &playbook,
            directory: &directory,
            values: &values,
            at: Timestamp::parse_rfc3339("2026-11-24T03:14:00+09:00").expect("a moment"),
            zone: chrono_tz::Asia::Tokyo,
            answers,
            serves,
        })
    }

    fn of<'t>(timetable: &'t Timetable, alert: &str, recipient: &str) -> Vec<(i64, What, Option<&'t str>)> {
        timetable
            .entries
            .iter()
            .filter(|entry| entry.alert == alert && entry.recipient == recipient)
            .map(|entry| (entry.offset_ms / 1000, entry.what, entry.via.as_deref()))
            .collect()
    }

    #[test]
    fn a_silent_hospital_climbs_to_the_commander_at_the_times_of_the_file() {
        let timetable = timetable(Answers::None, &|_| true);
        assert_eq!(
            of(&timetable, "dmat_standby", "hosp_kitamino"),
            [
                (0, What::Letter, Some("email")),
                (0, What::Letter, Some("sms")),
                (300, What::Resend, Some("sms")),
                (600, What::Notify, Some("email")),
                (600, What::Notify, Some("phone")),
                (900, What::Call, None),
                (1800, What::Decide, None),
            ]
        );
        assert_eq!(timetable.alerts[0].subject, "DMAT待機・出動照会 最大震度6強 調整中");
        assert!(timetable.entries.windows(2).all(|pair| pair[0].offset_ms <= pair[1].offset_ms));
        let decisions = timetable.entries.iter().filter(|entry| entry.what == What::Decide);
        let recipients: usize = timetable.alerts.iter().map(|alert| alert.recipients).sum();
        assert_eq!(decisions.count(), recipients, "everybody ends at a person");
    }

    #[test]
    fn a_delay_moves_the_whole_ladder() {
        let timetable = timetable(Answers::None, &|_| true);
        let first = of(&timetable, "med_assoc_request", "med_assoc");
        assert_eq!((first[0].0, first.last().map(|entry| entry.0)), (600, Some(600 + 2700)));
    }

    #[test]
    fn a_step_without_a_driver_is_passed_over_at_once() {
        let timetable = timetable(Answers::None, &|driver| driver != "http_gateway");
        assert_eq!(
            of(&timetable, "dmat_standby", "hosp_monsawa"),
            [
                (0, What::Letter, Some("email")),
                (0, What::Unserved, Some("sms")),
                (300, What::Unserved, Some("sms")),
                (300, What::NobodyReached, None),
                (300, What::Notify, Some("phone")),
                (900, What::Call, None),
                (1800, What::Decide, None),
            ]
        );
    }

    #[test]
    fn whoever_answers_gets_nothing_more() {
        let timetable = timetable(Answers::All, &|_| true);
        assert_eq!(
            of(&timetable, "fire_notice", "fire_hq"),
            [(0, What::Letter, Some("email")), (0, What::Letter, Some("sms")), (0, What::Answer, None),]
        );
    }

    #[test]
    fn the_first_on_duty_sits_in_each_chair() {
        let timetable = timetable(Answers::None, &|_| true);
        let role = timetable.roles.iter().find(|role| role.role == "incident_commander").expect("the chair");
        assert_eq!(role.person.as_deref(), Some("p_sato"));
    }
}
