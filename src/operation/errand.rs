//! Letters to role holders, in the service's own words: please telephone, please decide, and whatever else a chair
//! has to know. They are not letters of an alert: nobody answers them, and what they ask for stands on the board too.

use entity::{delivery, recipient};
use noroshi_core::{
    alert::Rule,
    id::{AlertId, DeliveryId, RecipientId},
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
        /// Where it leads in the service: `/incidents/inc_…/tasks`.
        path: String,
        /// How urgent it is.
        severity: Urgency,
    },
}

impl Errand {
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
    let token = app.key.role_token(DeliveryId::new(delivery.id));
    letter.link = Some(format!("{}/r/{token}", app.public_url()));
    let asked = rule.map_or_else(String::new, |rule| {
        fill(rule.plan.subject.get(language), language, |name| scene.value(name, language, app))
    });
    let who = row.map(|row| text(&row.name).get(language).to_owned()).unwrap_or_default();
    letter.asks = matches!(errand.about, Errand::Offer { .. } | Errand::Decide { .. });
    match &errand.about {
        Errand::Call { .. } => {
            letter.subject =
                if ja { format!("架電依頼 {who}") } else { format!("Please telephone {who}") };
            let phones = row.map(|row| phones(scene, row)).unwrap_or_default();
            let ask = rule.map(|rule| call_words(rule, language)).unwrap_or_default();
            letter.body = if ja {
                format!(
                    "{role} 様\n「{asked}」に {who} からの回答がありません。電話で確かめ、回答を代理で入力してください。\n{ask}\n電話: {phones}"
                )
            } else {
                format!(
                    "To: {role}\n{who} has not answered \"{asked}\". Please telephone them and type in their answer.\n{ask}\nTelephone: {phones}"
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
                    "{role} 様\n「{asked}」に {who} からの回答がないまま、手順の最後に達しました。判断してください。"
                )
            } else {
                format!(
                    "To: {role}\n{who} has not answered \"{asked}\" and the ladder has ended. Please decide."
                )
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
                format!("{role} 様\n「{asked}」に必要な数の回答がそろいません。判断してください。")
            } else {
                format!("To: {role}\nNot enough recipients have accepted \"{asked}\". Please decide.")
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
        Errand::Notice { subject, body, .. } => {
            letter.subject = subject.get(language).to_owned();
            let body = body.get(language);
            letter.body = if ja { format!("{role} 様\n{body}") } else { format!("To: {role}\n{body}") };
        }
    }
    letter
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
