//! Raising an alert: recipients, first letters, links, timers, in one transaction.

use std::collections::BTreeMap;

use entity::{alert, recipient};
use noroshi_core::{
    addressee::Addressee,
    alert::{Rule, Tally, Verdict, judge},
    id::{AlertId, ChannelId, RecipientId},
    ladder::{self, Input, raise},
    playbook::{Count, Meaning, PartyRef, Quorum, StopOn},
    rights::Action,
    text::Text,
    time::{Timeline, Timestamp},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Invalid, OperationError, Reply, Work, errand::Errand, follow::FollowUp, news::News,
    recipients::Recipients, scene::Scene, telling, told::Told,
};
use crate::{
    failpoint::reached,
    store::{self, from_json, to_json},
};

/// What an alert belongs to besides its incident.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raised {
    /// Raised by closing, cancelling or merging; such alerts climb on although the incident is over.
    pub ending: bool,
    /// The alert that it follows up, and how.
    pub follows: Option<(AlertId, FollowUp)>,
    /// Everybody who was told hears of it, whomever the rule names.
    pub everybody: bool,
}

impl Raised {
    const fn reaches_all_told(self) -> bool {
        self.everybody || self.follows.is_some()
    }
}

/// Raises the alert `rule` to everybody it names.
///
/// - `told`: where given, only to these parties, at these addresses (closing and cancelling speak to exactly those
///   who were told before).
/// - `raised`: what it belongs to.
///
/// Returns the new alert's id and how many recipients it has.
pub async fn raise_alert(
    work: &mut Work<'_>,
    scene: &Scene,
    rule: &Rule,
    told: Option<&Told>,
    raised: Raised,
) -> Result<(AlertId, usize), OperationError> {
    let addressees = match told {
        Some(told) => told.addressees(scene, rule, raised.reaches_all_told()),
        None => scene.who().addressees(&rule.plan.to, work.now),
    };
    // 第n報 is counted among what each recipient was told of this incident.
    let mut told_before: BTreeMap<(Option<String>, Option<String>), i32> = BTreeMap::new();
    if !store::alert::of_incident(&work.tx, scene.id()).await?.is_empty() {
        let told = store::recipient::told(&work.tx, scene.id()).await?;
        told_before.extend(
            told.into_iter()
                .map(|(agency, person, told)| ((agency, person), i32::try_from(told).unwrap_or(i32::MAX))),
        );
    }
    let report =
        |to: &Addressee| told_before.get(&(to.agency.clone(), to.person.clone())).map_or(1, |told| told + 1);
    let alert_id = AlertId::new(work.app.chance.uuid(work.now));
    let row = alert::Model {
        id: alert_id.raw(),
        incident_id: scene.incident.id,
        key: rule.plan.key.clone(),
        number: addressees.iter().map(report).max().unwrap_or(1),
        rule: to_json(rule),
        state: "open".into(),
        missing: 0,
        ending: raised.ending,
        follows: raised.follows.map(|(alert, _)| alert.raw()),
        follow_up: raised.follows.map(|(_, kind)| kind.key().into()),
        raised_by: work.actor.id.clone(),
        raised_at_ms: work.now.0,
        decision: None,
    };
    let name = telling::alert_name(work.app, scene, rule, &row);
    store::alert::put(&work.tx, row).await?;
    reached("raise.alert");

    let book = scene.book(work.app, rule, work.now);
    let own_now = scene.timeline.own(work.now);
    let mut rows = Vec::with_capacity(addressees.len());
    let mut begun = Vec::with_capacity(addressees.len());
    for (position, addressee) in addressees.into_iter().enumerate() {
        let view = ladder::Scene { rule, contacts: &addressee.contacts, book: &book, now: own_now };
        let (value, effects) = raise(&view);
        let number_of = report(&addressee);
        let mut row = recipient::Model {
            id: work.app.chance.uuid(work.now),
            alert_id: alert_id.raw(),
            incident_id: scene.incident.id,
            position: i32::try_from(position).unwrap_or(i32::MAX),
            agency: addressee.agency,
            person: addressee.person,
            name: to_json(&addressee.name),
            report: number_of,
            outside: addressee.outside,
            // Its addresses, and where it stands, are put in below.
            ..Default::default()
        };
        store::recipient::set_contacts(&mut row, &addressee.contacts);
        store::recipient::set_value(&mut row, &value, work.now);
        rows.push(row);
        begun.push(effects);
    }
    let count = rows.len();
    for (row, effects) in rows.iter().zip(begun) {
        work.perform(scene, rule, row, effects).await?;
    }
    reached("raise.performed");
    store::recipient::put(&work.tx, rows).await?;
    reached("raise.recipients");

    let who = rule.plan.to.iter().map(|party| scene.party_name(party)).collect::<Vec<_>>();
    let to = Text::both(
        who.iter().map(|text| text.ja.as_str()).collect::<Vec<_>>().join("、"),
        who.iter().map(|text| text.en.as_deref().unwrap_or(&text.ja)).collect::<Vec<_>>().join(", "),
    );
    let told = Text::both(
        format!("{} を{count}宛先へ", name.ja),
        format!("{} to {count} recipients", name.en.clone().unwrap_or_default()),
    );
    let line = telling::line("alert", to, told.clone(), work.now);
    work.line(scene.id(), line);
    if let Some(channel) = channel_of(work, scene, rule).await? {
        work.say(scene, channel, &told);
    }
    work.changed(scene.id(), "alert");
    work.log([News::Alert { id: alert_id, incident: scene.id(), recipients: count }]);
    Ok((alert_id, count))
}

/// The channel an alert belongs to: its own, else `command`, else the first internal one.
async fn channel_of(
    work: &Work<'_>,
    scene: &Scene,
    rule: &Rule,
) -> Result<Option<ChannelId>, OperationError> {
    let channels = store::channel::of_incident(&work.tx, scene.id()).await?;
    let own = rule.plan.channel.as_deref();
    let own = own.and_then(|key| channels.iter().find(|channel| channel.key == key));
    match own {
        Some(channel) => Ok(Some(ChannelId::new(channel.id))),
        None => command_channel(work, scene).await,
    }
}

/// The channel of the head office: `command`, else the first internal one.
pub(super) async fn command_channel(
    work: &Work<'_>,
    scene: &Scene,
) -> Result<Option<ChannelId>, OperationError> {
    let channels = store::channel::of_incident(&work.tx, scene.id()).await?;
    let command = channels.iter().find(|channel| channel.key == "command");
    let found = command.or_else(|| channels.iter().find(|channel| !channel.outside));
    Ok(found.map(|channel| ChannelId::new(channel.id)))
}

/// Counts an alert's answers after one of its recipients has settled, and acts on the verdict.
///
/// Only alerts with a quorum below "all" need it. The caller has entered the incident, so two answers at once are
/// counted one after the other.
pub(super) async fn count_answers(
    work: &mut Work<'_>,
    scene: &Scene,
    rule: &Rule,
    alert: Uuid,
) -> Result<(), OperationError> {
    let quorum = rule.quorum();
    if quorum == Quorum::All {
        return Ok(());
    }
    let alert_id = AlertId::new(alert);
    let row = store::alert::get(&work.tx, alert_id).await?;
    if row.state != "open" {
        return Ok(());
    }
    let recipients = store::recipient::of_alert(&work.tx, alert_id).await?;
    let tally = tally(rule, &recipients);
    match judge(quorum, &tally) {
        Verdict::Open => {}
        Verdict::Reached => {
            store::alert::judge(&work.tx, alert, "reached", 0).await?;
            let told = Text::both(
                "必要な回答がそろった。残りの宛先への督促を止める",
                "Enough have answered; the rest may stand down",
            );
            let line =
                telling::line("quorum", telling::alert_name(work.app, scene, rule, &row), told, work.now);
            work.line(scene.id(), line);
            let rest = store::recipient::unsettled_of_alert(&work.tx, alert).await?;
            stop_all(work, scene, rest, StopOn::Superseded, true).await?;
        }
        Verdict::Short { missing } => {
            store::alert::judge(&work.tx, alert, "to_decide", i32::try_from(missing).unwrap_or(i32::MAX))
                .await?;
            let unit = match quorum {
                Quorum::Accept { count: Count::Teams, .. } => "隊",
                _ => "機関",
            };
            let told = Text::both(
                format!("必要数に届かない。不足{missing}{unit}。判断待ち"),
                format!("The quorum can no longer be reached: {missing} missing; a decision is due"),
            );
            let line = telling::line(
                "decision_due",
                telling::alert_name(work.app, scene, rule, &row),
                told,
                work.now,
            );
            work.line(scene.id(), line);
            work.log([News::DecisionDue { alert: alert_id, recipient: None, incident: scene.id() }]);
            if let Some(to) = rule.decider() {
                let about = Errand::Decide { recipient: None, alert: alert_id };
                work.write_to_role(scene, rule.plan.severity, to, about).await?;
            }
        }
    }
    work.changed(scene.id(), "alert");
    Ok(())
}

/// What an alert's recipients have said so far.
pub fn tally(rule: &Rule, recipients: &[recipient::Model]) -> Tally {
    let mut tally = Tally::default();
    for row in recipients {
        if matches!(row.state.as_str(), "waiting" | "to_decide") {
            tally.open += 1;
        }
        if row.acked_at_ms.is_some() || row.answered_at_ms.is_some() {
            tally.acked += 1;
        }
        let believed = row.answer.as_ref().filter(|answer| answer.get("suspect") != Some(&Value::Bool(true)));
        let option = believed.and_then(|answer| rule.option(answer.get("option")?.as_str()?));
        if option.is_some_and(|option| matches!(option.meaning, Meaning::Accept | Meaning::Arrival)) {
            tally.accepts += 1;
            tally.teams += row
                .answer
                .as_ref()
                .and_then(|answer| answer.get("fields")?.get("teams")?.as_u64())
                .and_then(|teams| u32::try_from(teams).ok())
                .unwrap_or(0);
        }
    }
    tally
}

/// Stops the ladders of these recipients.
///
/// - `tell`: whoever was told gets the alert's stand-down text, where it has one.
pub(super) async fn stop_all(
    work: &mut Work<'_>,
    scene: &Scene,
    recipients: Vec<Uuid>,
    why: StopOn,
    tell: bool,
) -> Result<(), OperationError> {
    for chunk in recipients.chunks(store::CHUNK) {
        let mut rows = Recipients::lock(work, chunk.to_vec()).await?;
        for id in chunk {
            let Some(row) = rows.get(*id) else { continue };
            let rule = work.app.library.rule(&work.tx, row.alert_id).await?;
            rows.step(work, scene, &rule, *id, &Input::Stopped { why, tell }).await?;
        }
        rows.save(work).await?;
    }
    Ok(())
}

/// Takes one input for one locked recipient: asks the core, performs the effects, saves the row. Returns whether
/// anything changed.
pub(super) async fn step(
    work: &mut Work<'_>,
    scene: &Scene,
    rule: &Rule,
    row: &mut recipient::Model,
    input: &Input,
) -> Result<bool, OperationError> {
    let changed = decide(work, scene, rule, row, input).await?;
    if changed {
        store::recipient::save(&work.tx, row).await?;
    }
    Ok(changed)
}

/// [`step`] without writing the row: whoever takes many writes them together ([`Recipients`]).
///
/// [`Recipients`]: super::recipients::Recipients
pub(super) async fn decide(
    work: &mut Work<'_>,
    scene: &Scene,
    rule: &Rule,
    row: &mut recipient::Model,
    input: &Input,
) -> Result<bool, OperationError> {
    let value = store::recipient::value(row)?;
    let contacts = store::recipient::contacts(row)?;
    let book = scene.book(work.app, rule, work.now);
    let view = ladder::Scene { rule, contacts: &contacts, book: &book, now: scene.timeline.own(work.now) };
    let (next, effects) = ladder::advance(&view, &value, input);
    let changed = next != value;
    if changed {
        store::recipient::set_value(row, &next, work.now);
        work.changed(scene.id(), "recipient");
    }
    work.perform(scene, rule, row, effects).await?;
    Ok(changed)
}

/// An alert by hand.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// `agency:…`, `role:…`, `roster.…`.
    pub to: Vec<String>,
    /// Key of the channel.
    pub channel: Option<String>,
    /// Subject line.
    pub subject: Text,
    /// Body.
    pub body: Text,
    /// Key of a response set of the playbook.
    pub responses: Option<String>,
    /// Key of a ladder of the playbook; absent is information only.
    pub ladder: Option<String>,
    /// Transports; absent is `email`.
    pub via: Option<Vec<String>>,
}

/// Raises an alert by hand in an open incident. `reply` writes the answer from the new alert's id and its count.
pub async fn by_hand(
    mut work: Work<'_>,
    scene: &Scene,
    wish: ByHand,
    once: Option<&super::Once>,
    reply: impl FnOnce(AlertId, usize) -> String,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::RaiseAlert, "raise an alert")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    work.enter([scene.incident.id]).await?;
    let now = store::incident::get(&work.tx, scene.id()).await?;
    if now.state != scene.incident.state || !scene.is_open() {
        return Err(OperationError::Closed(not_running(scene)));
    }
    let rule = rule_by_hand(scene, wish).map_err(OperationError::Invalid)?;
    let (alert, count) = raise_alert(&mut work, scene, &rule, None, Raised::default()).await?;
    let reply = work.keep(once, 201, reply(alert, count)).await?;
    work.commit().await?;
    Ok(reply)
}

/// What is said where an incident is over.
pub fn over() -> Text {
    Text::both("この事案は終わっています", "this incident is over")
}

/// What is said where an incident does not run.
pub fn not_running(scene: &Scene) -> Text {
    if scene.is_waiting() {
        return Text::both(
            "この事案はまだ発報していません。先に発報してください",
            "this incident has not been sent yet; send it first",
        );
    }
    over()
}

fn rule_by_hand(scene: &Scene, wish: ByHand) -> Result<Rule, Vec<Invalid>> {
    use noroshi_core::playbook::{AckRule, AlertPlan, Condition, Unit, Urgency};
    let mut problems = Vec::new();
    let mut to = Vec::new();
    for (place, name) in wish.to.iter().enumerate() {
        match party(name) {
            Some(party) if known(scene, &party) => to.push(party),
            _ => problems.push(Invalid::new(
                format!("to[{place}]"),
                format!("宛先 {name} は台帳にも手順書にもありません"),
                format!("{name} is neither in the directory nor in the playbook"),
            )),
        }
    }
    if to.is_empty() && problems.is_empty() {
        problems.push(Invalid::new("to", "宛先を1つ以上指定してください", "name at least one recipient"));
    }
    for (path, blank) in
        [("subject", wish.subject.ja.trim().is_empty()), ("body", wish.body.ja.trim().is_empty())]
    {
        if blank {
            problems.push(Invalid::new(path, "本文と件名を入れてください", "must not be empty"));
        }
    }
    let via = wish.via.unwrap_or_else(|| vec!["email".into()]);
    for (place, transport) in via.iter().enumerate() {
        if !scene.directory.transports.contains_key(transport) {
            problems.push(Invalid::new(
                format!("via[{place}]"),
                format!("伝送手段 {transport} は台帳にありません"),
                format!("the directory has no transport {transport}"),
            ));
        }
    }
    if let Some(channel) = &wish.channel
        && scene.playbook.channel(channel.strip_prefix("channel:").unwrap_or(channel)).is_none()
    {
        problems.push(Invalid::new(
            "channel",
            format!("チャンネル {channel} はありません"),
            format!("there is no channel {channel}"),
        ));
    }
    let responses = wish.responses.as_deref().map(|set| scene.playbook.responses(set).to_vec());
    if responses.as_ref().is_some_and(Vec::is_empty) {
        problems.push(Invalid::new(
            "responses",
            "その回答セットはありません",
            "there is no such response set",
        ));
    }
    let ladder = wish.ladder.as_deref().map(|key| scene.playbook.ladder(key).cloned());
    if matches!(ladder, Some(None)) {
        problems.push(Invalid::new("ladder", "その連絡手順はありません", "there is no such ladder"));
    }
    let ladder = ladder.flatten();
    if ladder.is_some() != responses.is_some() {
        problems.push(Invalid::new(
            "ladder",
            "回答を求めるなら responses と ladder の両方を、お知らせなら両方なしにしてください",
            "give both responses and ladder, or neither for information only",
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let ack = match &ladder {
        None => AckRule::None { because: Text::both("手で送るお知らせ", "information by hand") },
        Some(ladder) => {
            // The deadlines are those that the ladder's steps look at.
            let at =
                |wanted| ladder.steps.iter().find(|step| step.condition == Some(wanted)).map(|step| step.at);
            AckRule::Required {
                unit: Unit::Agency,
                read_by: at(Condition::Unread),
                ack_by: at(Condition::Unacked),
                respond_by: at(Condition::Unresponded),
                quorum: Quorum::All,
            }
        }
    };
    Ok(Rule {
        plan: AlertPlan {
            key: "by_hand".into(),
            send: None,
            to,
            via,
            channel: wish.channel.map(|key| key.strip_prefix("channel:").map(str::to_owned).unwrap_or(key)),
            severity: Urgency::High,
            subject: wish.subject,
            body: wish.body,
            sms: None,
            attach: Vec::new(),
            responses: wish.responses,
            ack,
            ladder: wish.ladder,
            stand_down: None,
        },
        responses: responses.unwrap_or_default(),
        ladder,
    })
}

/// Reads `agency:…`, `role:…`, `roster.…`.
pub fn party(name: &str) -> Option<PartyRef> {
    if let Some(key) = name.strip_prefix("agency:") {
        return Some(PartyRef::Agency(key.into()));
    }
    if let Some(key) = name.strip_prefix("role:") {
        return Some(PartyRef::Role(key.into()));
    }
    name.strip_prefix("roster.").map(|key| PartyRef::Roster(key.into()))
}

fn known(scene: &Scene, party: &PartyRef) -> bool {
    match party {
        PartyRef::Agency(key) => scene.directory.agencies.contains_key(key),
        PartyRef::Role(key) => {
            scene.playbook.role(key).is_some() || scene.directory.role_accounts.contains_key(key)
        }
        PartyRef::Roster(key) => scene.directory.rosters.contains_key(key),
    }
}

/// The current answer of a recipient, as it is kept with the row.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Given {
    /// Key of the option.
    pub option: String,
    /// The fields by key.
    pub fields: BTreeMap<String, Value>,
    /// Free words.
    pub note: String,
    /// The contact whose link was used, or the account that typed it in.
    pub by: String,
    /// Its name for people.
    pub by_name: String,
    /// Taken by telephone.
    pub proxy: bool,
    /// After its deadline, or after a decision.
    pub late: bool,
    /// When, real time.
    pub at_ms: i64,
    /// The mark of the browser that sent it; absent for an answer by telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Perhaps pressed by a mail scanner: it counts for nothing until a person has looked.
    #[serde(default)]
    pub suspect: bool,
}

impl Given {
    /// The real moment from which the answer is out of date: its option wants to be told again (`refresh_every`).
    ///
    /// Nobody is written to for it, as nobody is after an answer; the board shows it and the answer page asks.
    pub fn refresh_due(&self, rule: &Rule, timeline: &Timeline) -> Option<Timestamp> {
        let every = rule.option(&self.option)?.refresh_every?;
        timeline.real_time_of(timeline.own(Timestamp(self.at_ms)) + every)
    }
}

/// The answer in force of a recipient.
pub fn given(row: &recipient::Model) -> Result<Option<Given>, OperationError> {
    let id = RecipientId::new(row.id);
    Ok(row.answer.as_ref().map(|json| from_json("recipient", id, json)).transpose()?)
}
