//! Letters to role holders, in the service's own words: please telephone, please decide, and whatever else a chair
//! has to know. They are not letters of an alert: nobody answers them, and what they ask for stands on the board too.

use entity::{delivery, recipient};
use noroshi_core::{
    alert::Rule,
    id::{AlertId, DeliveryId, IncidentId, RecipientId, ReportId, TaskId},
    playbook::{Action, PartyRef, Urgency},
    text::{Language, Text, fill},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    letter::{blank, clock, phones},
    scene::{Scene, text},
};
use crate::{app::App, i18n::Words, transport::letter::Letter};

/// A letter to whoever holds a role, as its delivery keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleLetter {
    /// The role, or whatever else the playbook names: it stands in the salutation.
    pub role: PartyRef,
    /// What it is about.
    pub about: Errand,
}

/// What a letter to a role holder is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Errand {
    /// A recipient is silent and has to be telephoned.
    Call {
        /// Who is silent.
        recipient: RecipientId,
        /// What was asked.
        alert: AlertId,
    },
    /// A ladder has ended, or a quorum can no longer be reached.
    Decide {
        /// About whom; `None` is about the alert as a whole.
        recipient: Option<RecipientId>,
        /// What was asked.
        alert: AlertId,
    },
    /// A chair is offered.
    Offer {
        /// The chair.
        role_id: Uuid,
        /// Number of the offer.
        number: u32,
        /// Until when, real time.
        until: Timestamp,
    },
    /// Anything else, in words that were known when the letter was asked for.
    Notice {
        /// Subject line; the service puts its marks before it.
        subject: Text,
        /// Body, without salutation.
        body: Text,
        /// What it speaks of.
        matter: Matter,
        /// What can be decided by its link, where it asks for a decision.
        options: Vec<Text>,
        /// How urgent it is.
        severity: Urgency,
    },
}

/// What a notice speaks of: where it leads, and whose state its page tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Matter {
    /// Whether to send what a trigger has opened.
    Hold,
    /// A task.
    Task {
        /// Which.
        id: TaskId,
    },
    /// A report.
    Report {
        /// Which.
        id: ReportId,
        /// Whether it did not come and has to be decided about.
        missed: bool,
    },
    /// A chair.
    Chair {
        /// Key of the role.
        key: String,
    },
    /// Whether to close.
    Closing,
    /// The look back.
    Review,
    /// An address that the directory holds.
    Address {
        /// Of which contact: `agency:hosp_a primary`.
        contact: String,
    },
}

impl Matter {
    /// Where it leads in the service: `/incidents/inc_…/tasks/tsk_…`.
    pub fn path(&self, incident: IncidentId) -> String {
        let tail = match self {
            Self::Address { .. } => return "/directory".to_owned(),
            Self::Hold => "/hold".to_owned(),
            Self::Task { id } => format!("/tasks/{id}"),
            Self::Report { id, .. } => format!("/reports/{id}"),
            Self::Chair { key } => format!("/roles/{key}"),
            Self::Closing => "/close".to_owned(),
            Self::Review => String::new(),
        };
        format!("/incidents/{incident}{tail}")
    }

    /// Whether two notices speak of the same thing.
    pub fn is_about(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Report { id, .. }, Self::Report { id: other, .. }) => id == other,
            _ => self == other,
        }
    }
}

impl Errand {
    /// Whether its link decides.
    pub const fn decides(&self) -> bool {
        matches!(
            self,
            Self::Decide { .. }
                | Self::Notice { matter: Matter::Report { missed: true, .. } | Matter::Closing, .. }
        )
    }

    /// The word that the delivery carries.
    pub const fn occasion(&self) -> &'static str {
        match self {
            Self::Call { .. } => "call",
            Self::Decide { .. } => "decide",
            Self::Offer { .. } => "offer",
            Self::Notice { .. } => "notice",
        }
    }

    /// The recipient it is about.
    pub const fn recipient(&self) -> Option<RecipientId> {
        match self {
            Self::Call { recipient, .. } => Some(*recipient),
            Self::Decide { recipient, .. } => *recipient,
            Self::Offer { .. } | Self::Notice { .. } => None,
        }
    }

    /// The alert it is about.
    pub const fn alert(&self) -> Option<AlertId> {
        match self {
            Self::Call { alert, .. } | Self::Decide { alert, .. } => Some(*alert),
            Self::Offer { .. } | Self::Notice { .. } => None,
        }
    }
}

/// Writes a letter to a role holder.
///
/// - `rule`, `row`: the alert's rule and the recipient that it is about, where it is about one.
pub(super) fn write(
    app: &App,
    scene: &Scene,
    rule: Option<&Rule>,
    row: Option<&recipient::Model>,
    delivery: &delivery::Model,
    errand: &RoleLetter,
) -> Letter {
    let severity = match &errand.about {
        Errand::Notice { severity, .. } => *severity,
        _ => rule.map_or(Urgency::High, |rule| rule.plan.severity),
    };
    let mut letter = blank(app, scene, severity, delivery);
    let language = letter.language;
    let ja = language != Language::En;
    let role = scene.party_name(&errand.role).get(language).to_owned();
    let to = salutation(scene, &errand.role, delivery, &role, ja);
    let token = app.key.role_token(DeliveryId::new(delivery.id));
    letter.link = Some(format!("{}/r/{token}", app.public_url()));
    let asked = rule.map_or_else(String::new, |rule| {
        fill(rule.plan.subject.get(language), language, |name| scene.value(name, language, app))
    });
    let who = row.map(|row| text(&row.name).get(language).to_owned()).unwrap_or_default();
    // Whoever asks is one's own house: there is no desk that takes the answer down.
    letter.desk_answers = false;
    letter.asks = matches!(errand.about, Errand::Offer { .. }) || errand.about.decides();
    match &errand.about {
        Errand::Call { .. } => {
            letter.subject =
                if ja { format!("架電依頼 {who}") } else { format!("Please telephone {who}") };
            let phones = row.map(|row| phones(scene, row)).unwrap_or_default();
            let ask = rule.map(|rule| call_words(rule, language)).unwrap_or_default();
            letter.body = if ja {
                format!(
                    "{to}「{asked}」に {who} からの回答がありません。電話で確かめ、回答を代理で入力してください。\n{ask}\n電話: {phones}"
                )
            } else {
                format!(
                    "{to}{who} has not answered \"{asked}\". Please telephone them and type in their answer.\n{ask}\nTelephone: {phones}"
                )
            };
        }
        Errand::Decide { recipient: Some(_), .. } => {
            letter.subject = if ja {
                format!("判断依頼 {who} 回答なし")
            } else {
                format!("Decision due: {who} has not answered")
            };
            letter.options = rule.map(|rule| labels(rule, language)).unwrap_or_default();
            letter.body = if ja {
                format!(
                    "{to}「{asked}」に {who} からの回答がないまま、手順の最後に達しました。判断してください。"
                )
            } else {
                format!("{to}{who} has not answered \"{asked}\" and the ladder has ended. Please decide.")
            };
        }
        Errand::Decide { recipient: None, .. } => {
            letter.subject = if ja {
                "判断依頼 必要数に届きません".to_owned()
            } else {
                "Decision due: not enough have answered".to_owned()
            };
            letter.options = rule.map(|rule| labels(rule, language)).unwrap_or_default();
            letter.body = if ja {
                format!("{to}「{asked}」に必要な数の回答がそろいません。判断してください。")
            } else {
                format!("{to}Not enough recipients have accepted \"{asked}\". Please decide.")
            };
        }
        Errand::Offer { until, .. } => {
            let words = Words(language);
            let by = clock(app, *until);
            letter.subject = words.with("offer-subject", &[("role", role.clone().into())]);
            letter.respond_by = Some(by.clone());
            letter.options = vec![words.get("offer-accept"), words.get("offer-decline")];
            letter.body = words.with("offer-body", &[("role", role.into()), ("clock", by.into())]);
        }
        Errand::Notice { subject, body, options, .. } => {
            letter.options = options.iter().map(|option| option.get(language).to_owned()).collect();
            letter.subject = subject.get(language).to_owned();
            let body = body.get(language);
            letter.body = format!("{to}{body}");
        }
    }
    letter
}

/// The line that names the role for which somebody reads it; none where the reader does not hold it: a vacant chair is
/// not written to.
fn salutation(scene: &Scene, party: &PartyRef, delivery: &delivery::Model, role: &str, ja: bool) -> String {
    let reader = delivery.contact.strip_prefix("person:").unwrap_or(&delivery.contact);
    match party {
        PartyRef::Role(key)
            if scene.playbook.role(key).is_some()
                && scene.holders.get(key).is_none_or(|holder| holder != reader) =>
        {
            String::new()
        }
        _ if ja => format!("{role} 様\n"),
        _ => format!("To: {role}\n"),
    }
}

/// What the ladder says to whoever telephones.
fn call_words(rule: &Rule, language: Language) -> String {
    let steps = rule.ladder.iter().flat_map(|ladder| &ladder.steps);
    let mut asks = steps.filter_map(|step| match &step.action {
        Action::Call { ask, .. } => ask.as_ref(),
        _ => None,
    });
    asks.next().map(|ask| ask.get(language).to_owned()).unwrap_or_default()
}

fn labels(rule: &Rule, language: Language) -> Vec<String> {
    rule.decide_options().iter().map(|option| option.label.get(language).to_owned()).collect()
}
