//! How things are told in the chronology, in Japanese and English.

use std::borrow::Cow;

use entity::{alert, recipient};
use noroshi_core::{
    alert::Rule,
    effect::Fact,
    playbook::{Action, Target},
    text::{Language, Text, fill},
    time::{Span, Timestamp},
};

use super::{
    Actor,
    scene::{Scene, text},
};
use crate::{app::App, store::chronology::Line};

/// The service, as a party of the chronology.
pub fn service() -> Text {
    Text::both("システム", "System")
}

/// A line in the service's own name.
pub fn line(kind: &'static str, to: Text, told: Text, at: Timestamp) -> Line {
    Line { occurred_at: at, kind, from: service(), to, text: told, actor: Actor::system().id, corrects: None }
}

/// A line in an actor's name.
pub fn by(actor: &Actor, kind: &'static str, to: Text, told: Text, at: Timestamp) -> Line {
    Line {
        occurred_at: at,
        kind,
        from: Text::plain(actor.name.clone()),
        to,
        text: told,
        actor: actor.id.clone(),
        corrects: None,
    }
}

/// The alert's subject with the incident's values, for lines about it.
pub fn alert_name(app: &App, scene: &Scene, rule: &Rule, row: &alert::Model) -> Text {
    let number = row.number;
    let subject = subject(app, scene, rule);
    Text::both(
        format!("{}（第{number}報）", subject.ja),
        format!("{} (report {number})", subject.get(Language::En)),
    )
}

/// The subject with the incident's values; what differs from letter to letter is left out.
fn subject(app: &App, scene: &Scene, rule: &Rule) -> Text {
    let in_language = |language: Language| {
        let value = |name: &str| {
            let of_letter = name.starts_with("alert.") || name.starts_with("recipient.");
            if of_letter { Some(Cow::Borrowed("")) } else { scene.value(name, language, app) }
        };
        let filled = fill(rule.plan.subject.get(language), language, value);
        filled.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    Text::both(in_language(Language::Ja), in_language(Language::En))
}

/// What happened on a recipient's ladder.
pub fn fact(
    app: &App,
    scene: &Scene,
    rule: &Rule,
    row: &recipient::Model,
    fact: &Fact,
    at: Timestamp,
) -> Line {
    let name = text(&row.name);
    match fact {
        Fact::StepTaken { action, late_by, brought_forward } => {
            let mut told = step(scene, action);
            if let Some(late) = late_by {
                let late = Span(late / i64::from(scene.timeline.rate.max(1)));
                told = Text::both(
                    format!("{}（{late} 遅れて実施）", told.ja),
                    format!("{} (late by {late})", told.en.unwrap_or_default()),
                );
            }
            if *brought_forward {
                told = Text::both(
                    format!("{}（届けられなかったため繰り上げ）", told.ja),
                    format!(
                        "{} (brought forward: nothing before it could be delivered)",
                        told.en.unwrap_or_default()
                    ),
                );
            }
            line("step", name, told, at)
        }
        Fact::StepReachedNobody { action } => {
            let step = step(scene, action);
            let told = Text::both(
                format!("{} ができる宛先がない。次の手順へ繰り上げ", step.ja),
                format!("{}: no address for it, so the next step is taken now", step.en.unwrap_or_default()),
            );
            line("step", name, told, at)
        }
        Fact::DecisionDue { to } => {
            let who = scene.party_name(to);
            let ja = format!("「{}」に回答がない。{} の判断待ち", subject(app, scene, rule).ja, who.ja);
            let en =
                format!("No answer; waiting for the decision of {}", who.en.as_deref().unwrap_or(&who.ja));
            line("decision_due", name, Text::both(ja, en), at)
        }
        Fact::NobodyTold => {
            let subject = subject(app, scene, rule);
            let ja = format!("「{}」を届けられる連絡先がない。誰にも知らせていない", subject.ja);
            let en = format!(
                "No address for \"{}\": nobody was told",
                subject.en.as_deref().unwrap_or(&subject.ja)
            );
            line("delivery", name, Text::both(ja, en), at)
        }
        Fact::AnsweredAfterDecision => line(
            "answer",
            name,
            Text::both("決定後に回答あり。確認が必要", "Answered after the decision: please look"),
            at,
        ),
    }
}

/// A step in words.
pub fn step(scene: &Scene, action: &Action) -> Text {
    let whom = |to: &Target| match to {
        Target::Same => Text::both("同じ宛先", "the same contact"),
        Target::Alternate => Text::both("代替連絡先", "the alternate contact"),
        Target::Party(party) => scene.party_name(party),
    };
    let (to, ja, en) = match action {
        Action::Resend { to, .. } => (to, "へ再送", "Resent to"),
        Action::Notify { to, .. } => (to, "へ連絡", "Notified"),
        Action::Call { to, .. } => (to, "に架電を依頼", "Asked for a telephone call:"),
        Action::Decide { to, .. } => (to, "の判断", "Decision of"),
    };
    let who = whom(to);
    Text::both(format!("{}{ja}", who.ja), format!("{en} {}", who.en.as_deref().unwrap_or(&who.ja)))
}
