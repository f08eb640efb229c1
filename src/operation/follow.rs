//! Following an alert up by hand: 続報, 訂正, 撤回, to exactly those who got the former, by the same transports.

use noroshi_core::{
    alert::Rule,
    id::{AlertId, IncidentId},
    playbook::{AckRule, StopOn},
    rights::Action,
    text::{Language, Text},
};

use super::{
    Invalid, Once, OperationError, Reply, Work,
    alert::{Raised, not_running, raise_alert, stop_all},
    scene::Scene,
    telling,
    told::Told,
};
use crate::store;

/// Longest subject, in characters.
const LONGEST_SUBJECT: usize = 120;
/// Longest body, in characters.
const LONGEST_BODY: usize = 4000;

/// How an alert follows up another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowUp {
    /// 続報: more is known. What was asked stays asked.
    Update,
    /// 訂正: the former was wrong. It is asked again, and the former asks no more.
    Correction,
    /// 撤回: the former no longer holds, and asks no more.
    Withdrawal,
}

impl FollowUp {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Update, Self::Correction, Self::Withdrawal];

    /// The word in table, form and API.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Correction => "correction",
            Self::Withdrawal => "withdrawal",
        }
    }

    /// Reads the word.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }
}

/// What is to be said.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How it follows the former.
    pub kind: FollowUp,
    /// Subject line, without the mark.
    pub subject: Text,
    /// Body.
    pub body: Text,
}

/// Follows an alert up.
///
/// 1. An update leaves the former as it is and asks nothing.
/// 2. A correction ends the former's ladders and asks the same again.
/// 3. A withdrawal ends them too, and asks for what the playbook's cancelling notice asks: that it was understood.
///
/// `reply` writes the answer from the new alert's id and its count.
pub async fn follow_up(
    mut work: Work<'_>,
    id: AlertId,
    wish: Wish,
    once: Option<&Once>,
    reply: impl FnOnce(AlertId, usize) -> String,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::RaiseAlert, "follow up an alert")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let incident = store::alert::get(&work.tx, id).await?.incident_id;
    work.enter([incident]).await?;
    let former = store::alert::get(&work.tx, id).await?;
    let scene = Scene::load(work.app, &work.tx, IncidentId::new(incident)).await?;
    if !scene.is_open() {
        return Err(OperationError::Closed(not_running(&scene)));
    }
    if former.state == "superseded" {
        return Err(OperationError::Closed(Text::both(
            "この連絡はすでに訂正または撤回されています。新しい方の連絡から続けてください",
            "this alert was corrected or withdrawn already; follow up the newer one",
        )));
    }
    let problems = problems(&wish);
    if !problems.is_empty() {
        return Err(OperationError::Invalid(problems));
    }
    let told = Told::of(&work.tx, &scene, Some(id)).await?;
    if wish.kind != FollowUp::Update {
        supersede(&mut work, &scene, &former).await?;
    }
    let mut rule = rule(&scene, store::alert::rule(&former)?, &wish);
    told.widen(&mut rule.plan.via);
    let raised = Raised { follows: Some((id, wish.kind)), ..Raised::default() };
    let (alert, count) = raise_alert(&mut work, &scene, &rule, Some(&told), raised).await?;
    let reply = work.keep(once, 201, reply(alert, count)).await?;
    work.commit().await?;
    Ok(reply)
}

fn problems(wish: &Wish) -> Vec<Invalid> {
    let mut problems = Vec::new();
    for (path, text, longest) in
        [("subject", &wish.subject, LONGEST_SUBJECT), ("body", &wish.body, LONGEST_BODY)]
    {
        if text.ja.trim().is_empty() {
            problems.push(Invalid::new(path, "件名と本文を入れてください", "must not be empty"));
        }
        let all = [Some(&text.ja), text.easy_ja.as_ref(), text.en.as_ref()];
        if all.into_iter().flatten().any(|text| text.chars().count() > longest) {
            problems.push(Invalid::new(
                path,
                format!("{longest}文字までです"),
                format!("at most {longest} characters"),
            ));
        }
    }
    problems
}

/// The former asks no more, and what of it has not left stays here.
async fn supersede(
    work: &mut Work<'_>,
    scene: &Scene,
    former: &entity::alert::Model,
) -> Result<(), OperationError> {
    let open = store::recipient::unsettled_of_alert(&work.tx, former.id).await?;
    stop_all(work, scene, open, StopOn::Superseded, false).await?;
    let all = store::recipient::of_alert(&work.tx, AlertId::new(former.id)).await?;
    work.gathered.withdrawals.extend(all.iter().map(|row| row.id));
    store::alert::judge(&work.tx, former.id, "superseded", 0).await?;
    let rule = store::alert::rule(former)?;
    let told = Text::both("新しい連絡に替わった。督促を止める", "Replaced by a newer alert; it asks no more");
    let line =
        telling::line("superseded", telling::alert_name(work.app, scene, &rule, former), told, work.now);
    work.line(scene.id(), line);
    Ok(())
}

/// The rule of the new alert: the former's, with new words and what its kind asks.
fn rule(scene: &Scene, former: Rule, wish: &Wish) -> Rule {
    let (ja, en) = match wish.kind {
        FollowUp::Update => ("【続報】", "[Update] "),
        FollowUp::Correction => ("【訂正】", "[Correction] "),
        FollowUp::Withdrawal => ("【撤回】", "[Withdrawn] "),
    };
    let marked = |text: &Text| Text {
        ja: format!("{ja}{}", text.ja),
        easy_ja: text.easy_ja.as_ref().map(|text| format!("{ja}{text}")),
        // Words in one language only are read by all; the mark follows the reader.
        en: Some(format!("{en}{}", text.get(Language::En))),
    };
    let mut rule = former;
    rule.plan.send = None;
    rule.plan.subject = marked(&wish.subject);
    rule.plan.body = wish.body.clone();
    rule.plan.sms = None;
    let notice = || {
        let key = scene.playbook.cancel.alert.as_deref()?;
        Rule::of(&scene.playbook, key).filter(|rule| rule.ladder.is_some())
    };
    match (wish.kind, notice()) {
        (FollowUp::Correction, _) => {}
        (FollowUp::Withdrawal, Some(notice)) => {
            rule.plan.attach = Vec::new();
            rule.responses = notice.responses;
            rule.ladder = notice.ladder;
            rule.plan.responses = notice.plan.responses;
            rule.plan.ladder = notice.plan.ladder;
            rule.plan.ack = notice.plan.ack;
            rule.plan.stand_down = None;
        }
        (FollowUp::Update | FollowUp::Withdrawal, _) => {
            let because = Text::both("手で送る続報", "a follow-up by hand");
            rule.plan.attach = Vec::new();
            rule.responses = Vec::new();
            rule.ladder = None;
            rule.plan.responses = None;
            rule.plan.ladder = None;
            rule.plan.ack = AckRule::None { because };
            rule.plan.stand_down = None;
        }
    }
    rule
}
