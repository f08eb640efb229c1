//! What the store knows of one incident, as the board's facts. Read-only; nothing is worded here but names.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveTime, TimeZone};
use chrono_tz::Tz;
use entity::{alert, delivery, recipient};
use noroshi_core::{
    alert::Rule,
    id::{AlertId, ChannelId, IncidentId, RecipientId},
    incident::State,
    playbook::{AckRule, Action, AskKind, Count, Meaning, PartyRef, Quorum, ResponseOption, Target},
    readdress::Moved,
    text::{DRILL_MARK, Language, fill},
    time::{Span, Timestamp},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    board::{AlertFacts, AnswerFacts, DecisionFacts, Next, RecipientFacts, RecipientState},
    frame::Frame,
    incident::{Head, Stage, Tab},
    mark::Mark,
    relay::Evidence,
    role::ChairLine,
    when::When,
};
use crate::{
    app::App,
    operation::{
        alert::{Given, given},
        readdress,
        scene::{Scene, text},
    },
    store,
    transport::Transport,
    web::{api::health::alarms, problem::WebError, session::Caller},
};

/// All rows of a list that is shown whole.
pub const ALL: u64 = i64::MAX as u64;

/// One alert with its rule and its recipients, as rows.
pub struct AlertRows {
    /// The row.
    pub row: alert::Model,
    /// The rule it was raised by.
    pub rule: Rule,
    /// 第n報: counted among the alerts that speak to any of the same parties.
    pub number: u32,
    /// Its recipients.
    pub recipients: Vec<recipient::Model>,
    /// The recipients whose addresses the directory in force says otherwise, with these.
    pub moved: BTreeMap<Uuid, Vec<Moved>>,
}

/// Everything that was sent for one recipient, oldest first.
pub type Letters = BTreeMap<Uuid, Vec<delivery::Model>>;

/// The alerts of an incident with their recipients, in the order in which they were raised.
pub async fn alerts(app: &App, scene: &Scene) -> Result<Vec<AlertRows>, WebError> {
    let (db, id) = (app.store.read(), scene.id());
    let newer = readdress::newer(app, db, scene).await?;
    let mut recipients: BTreeMap<Uuid, Vec<recipient::Model>> = BTreeMap::new();
    for row in store::recipient::of_incident(db, id, None, ALL).await? {
        recipients.entry(row.alert_id).or_default().push(row);
    }
    let mut found: Vec<AlertRows> = Vec::new();
    for row in store::alert::of_incident(db, id).await? {
        let rule = store::alert::rule(&row)?;
        let same = |other: &AlertRows| other.rule.plan.to.iter().any(|party| rule.plan.to.contains(party));
        let number = 1 + found.iter().filter(|other| same(other)).count();
        let recipients = recipients.remove(&row.id).unwrap_or_default();
        let mut moved = BTreeMap::new();
        if let Some(directory) = &newer {
            for recipient in &recipients {
                let found = readdress::of_recipient(directory, &rule, recipient, row.ending)?;
                if !found.is_empty() {
                    moved.insert(recipient.id, found);
                }
            }
        }
        found.push(AlertRows {
            row,
            rule,
            number: u32::try_from(number).unwrap_or(u32::MAX),
            recipients,
            moved,
        });
    }
    Ok(found)
}

/// Every letter of an incident by recipient.
pub async fn letters(app: &App, id: IncidentId) -> Result<Letters, WebError> {
    let mut letters = Letters::new();
    for row in store::delivery::of_incident(app.store.read(), id).await? {
        if let Some(recipient) = row.recipient_id {
            letters.entry(recipient).or_default().push(row);
        }
    }
    Ok(letters)
}

/// The facts of every alert, the later ones that are not raised yet too.
pub async fn facts(
    app: &App,
    scene: &Scene,
    alerts: &[AlertRows],
    letters: &Letters,
    when: &When,
) -> Result<Vec<AlertFacts>, WebError> {
    let language = when.words.0;
    let mut found = Vec::with_capacity(alerts.len());
    for alert in alerts {
        let mut facts = alert_facts(app, scene, alert, letters, when)?;
        let subject = |other: &AlertRows| {
            let subject = other.rule.plan.subject.get(language);
            let said = fill(subject, language, |name| scene.value(name, language, app));
            (AlertId::new(other.row.id).to_string(), said)
        };
        let former = alerts.iter().find(|other| Some(other.row.id) == alert.row.follows);
        facts.follows = former.zip(alert.row.follow_up.clone()).map(|(former, kind)| {
            let (id, said) = subject(former);
            (id, said, kind)
        });
        let newer = alerts.iter().find(|other| {
            other.row.follows == Some(alert.row.id) && other.row.follow_up.as_deref() != Some("update")
        });
        facts.replaced = newer.map(subject);
        found.push(facts);
    }
    for timer in store::timer::of_incident(app.store.read(), scene.id()).await? {
        let Some(key) = timer.subject_key.as_deref().filter(|_| timer.kind == "raise") else { continue };
        if alerts.iter().any(|alert| alert.row.key == key) {
            continue;
        }
        let Some(plan) = scene.playbook.alert(key) else { continue };
        found.push(AlertFacts {
            id: format!("plan-{key}"),
            audience: audience(scene, &plan.to, language),
            subject: fill(plan.subject.get(language), language, |name| scene.value(name, language, app)),
            number: 1,
            due: timer.due_at_ms.map(Timestamp),
            ..AlertFacts::default()
        });
    }
    Ok(found)
}

/// Names of parties in one line.
pub fn audience(scene: &Scene, to: &[noroshi_core::playbook::PartyRef], language: Language) -> String {
    let names = to.iter().map(|party| scene.party_name(party).get(language).to_owned());
    names.collect::<Vec<_>>().join(if language == Language::En { ", " } else { "、" })
}

/// The facts of one alert.
pub fn alert_facts(
    app: &App,
    scene: &Scene,
    alert: &AlertRows,
    letters: &Letters,
    when: &When,
) -> Result<AlertFacts, WebError> {
    let language = when.words.0;
    let (rule, plan) = (&alert.rule, &alert.rule.plan);
    let raised = Timestamp(alert.row.raised_at_ms);
    // Deadlines count from the first try of the first letter; before it, from the raising.
    let started = alert.recipients.iter().filter_map(|row| row.started_own_ms).min().map(Timestamp);
    let from = started.unwrap_or_else(|| scene.timeline.own(raised));
    let real = |offset: Option<Span>| offset.and_then(|offset| scene.timeline.real_time_of(from + offset));
    let (ack_by, respond_by) = match plan.ack {
        AckRule::Required { ack_by, respond_by, .. } => (real(ack_by), real(respond_by)),
        AckRule::None { .. } => (None, None),
    };
    let target = match rule.quorum() {
        Quorum::Accept { n, count: Count::Teams } => usize::try_from(n).ok(),
        _ => None,
    };
    let mut recipients = Vec::with_capacity(alert.recipients.len());
    for row in &alert.recipients {
        let sent = letters.get(&row.id).map_or(&[][..], Vec::as_slice);
        let mut facts = recipient_facts(scene, rule, row, sent, when)?;
        facts.moved = alert.moved.contains_key(&row.id);
        recipients.push(facts);
    }
    Ok(AlertFacts {
        id: AlertId::new(alert.row.id).to_string(),
        audience: audience(scene, &plan.to, language),
        subject: fill(plan.subject.get(language), language, |name| scene.value(name, language, app)),
        number: alert.number,
        follows: None,
        replaced: None,
        ending: alert.row.ending,
        raised: Some(raised),
        due: None,
        respond_by,
        ack_by,
        target,
        short: (alert.row.state == "to_decide")
            .then(|| (raised, usize::try_from(alert.row.missing).unwrap_or(0))),
        recipients,
    })
}

/// The facts of one recipient.
pub fn recipient_facts(
    scene: &Scene,
    rule: &Rule,
    row: &recipient::Model,
    letters: &[delivery::Model],
    when: &When,
) -> Result<RecipientFacts, WebError> {
    let language = when.words.0;
    let answer = given(row)?;
    let known = store::recipient::evidence(row);
    let proves = |via: &str| {
        scene
            .directory
            .transports
            .get(via)
            .is_some_and(|transport| transport.proves.iter().any(|p| p == "delivered"))
    };
    let evidence = Evidence {
        accepted: known.accepted_at,
        delivered: known.delivered_at,
        opened: known.opened_at,
        acked: known.acked_at,
        answered: known.answered_at,
        failed: known.failed_at,
        unknown: known.unknown_at,
        arrival_can_be_proven: known.delivered_at.is_some()
            || letters.iter().any(|letter| proves(&letter.via)),
        by_phone: answer.as_ref().is_some_and(|answer| answer.proxy),
    };
    let state = match row.state.as_str() {
        "answered" => RecipientState::Answered,
        "to_decide" => RecipientState::ToDecide,
        "decided" => RecipientState::Decided,
        "stood_down" => RecipientState::StoodDown,
        "informed" => RecipientState::Informed,
        _ => RecipientState::Waiting,
    };
    let decision = row.decision.as_ref().and_then(decision);
    let decided_at = decision.as_ref().map(|decision| decision.at);
    Ok(RecipientFacts {
        id: RecipientId::new(row.id).to_string(),
        name: text(&row.name).get(language).to_owned(),
        desks: desks(row, when)?,
        state,
        evidence,
        answer: answer.map(|answer| AnswerFacts {
            refresh_due: answer.refresh_due(rule, &scene.timeline).filter(|_| scene.is_open()),
            ..answer_facts(rule, &answer, decided_at, when)
        }),
        decision,
        next: next(scene, rule, row, letters, when),
        to_decide_since: row.decide_since_ms.map(Timestamp),
        failure: failure(letters, when),
        tried: tried(letters, when),
        moved: false,
    })
}

fn decision(json: &Value) -> Option<DecisionFacts> {
    let word = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let label =
        [word("option"), word("note")].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    Some(DecisionFacts {
        label: label.join(" "),
        by: word("by"),
        at: Timestamp(json.get("at_ms")?.as_i64()?),
    })
}

/// The desks behind a recipient: 当直室、代替: 事務部.
fn desks(row: &recipient::Model, when: &When) -> Result<String, WebError> {
    let language = when.words.0;
    let contacts = store::recipient::contacts(row)?;
    let name = text(&row.name);
    let first = contacts.primary.first().map(|point| &point.name).filter(|desk| **desk != name);
    let second = contacts.alternate.first().map(|point| &point.name).filter(|desk| **desk != name);
    let mut parts = Vec::new();
    parts.extend(first.map(|desk| desk.get(language).to_owned()));
    parts.extend(second.map(|desk| {
        let desk = desk.get(language).to_owned();
        when.words.with("board-alternate", &[("name", desk.into())])
    }));
    Ok(parts.join(&when.words.get("list-join")))
}

/// The option that an answer stands on: a follow-up (到着予定) stands on the one before it.
pub fn base_option<'r>(rule: &'r Rule, key: &str) -> Option<&'r ResponseOption> {
    let option = rule.option(key)?;
    match &option.after {
        Some(first) => rule.option(first).or(Some(option)),
        None => Some(option),
    }
}

/// An answer in force, as the board says it.
pub fn answer_facts(rule: &Rule, answer: &Given, decided_at: Option<Timestamp>, when: &When) -> AnswerFacts {
    let language = when.words.0;
    let option = base_option(rule, &answer.option);
    let at = Timestamp(answer.at_ms);
    let arrival_key =
        rule.responses.iter().filter(|option| option.meaning == Meaning::Arrival).find_map(|option| {
            option.ask.iter().find(|ask| ask.kind == AskKind::Time).map(|ask| ask.key.as_str())
        });
    let arrival = arrival_key
        .and_then(|key| answer.fields.get(key)?.as_str())
        .and_then(|clock| on_clock(clock, at, when.zone));
    let teams =
        answer.fields.get("teams").and_then(Value::as_u64).and_then(|teams| usize::try_from(teams).ok());
    let details = answer_fields(rule, answer, when)
        .into_iter()
        .filter(|(key, ..)| key != "teams" && Some(key.as_str()) != arrival_key)
        .map(|(_, label, value)| format!("{label} {value}"))
        .chain((!answer.note.is_empty()).then(|| answer.note.clone()))
        .collect::<Vec<_>>();
    AnswerFacts {
        label: option.map_or_else(|| answer.option.clone(), |option| option.label.get(language).to_owned()),
        mark: option.map_or(Mark::Ok, |option| Mark::of_answer(option, &rule.responses)),
        teams,
        arrival,
        details: details.join(&when.words.get("list-join")),
        by: answer.by_name.clone(),
        proxy: answer.proxy,
        late: answer.late,
        after_decision: decided_at.is_some_and(|decided| at > decided),
        refresh_due: None,
    }
}

/// The fields of an answer in the order of the form: key, words, value in words.
pub fn answer_fields(rule: &Rule, answer: &Given, when: &When) -> Vec<(String, String, String)> {
    let language = when.words.0;
    let mut found: Vec<(String, String, String)> = Vec::new();
    let option = base_option(rule, &answer.option);
    let chosen = option.into_iter().chain(rule.option(&answer.option));
    let follow = rule
        .responses
        .iter()
        .filter(|follow| follow.after.is_some() && follow.after.as_deref() == option.map(|o| o.key.as_str()));
    for ask in chosen.chain(follow).flat_map(|option| &option.ask) {
        if found.iter().any(|(key, ..)| *key == ask.key) {
            continue;
        }
        let Some(value) = answer.fields.get(&ask.key) else { continue };
        let value = match (value, &ask.kind) {
            (Value::Bool(true), _) => when.words.get("answer-yes"),
            (Value::Bool(false), _) => when.words.get("answer-no"),
            (Value::String(word), AskKind::Choice { options }) => options
                .iter()
                .find(|option| option.ja == *word)
                .map_or_else(|| word.clone(), |option| option.get(language).to_owned()),
            (Value::String(word), _) => word.clone(),
            (other, _) => other.to_string(),
        };
        found.push((ask.key.clone(), ask.label.get(language).to_owned(), value));
    }
    found
}

/// The first moment with this clock that lies not more than an hour before `near`.
fn on_clock(clock: &str, near: Timestamp, zone: Tz) -> Option<Timestamp> {
    let time = NaiveTime::parse_from_str(clock, "%H:%M").ok()?;
    let earliest = near.to_utc().with_timezone(&zone) - chrono::Duration::hours(1);
    (0..=1).find_map(|days| {
        let day = earliest.date_naive() + chrono::Duration::days(days);
        let moment = zone.from_local_datetime(&day.and_time(time)).earliest()?;
        (moment >= earliest).then(|| Timestamp(moment.timestamp_millis()))
    })
}

/// What happens next when nobody does anything.
fn next(
    scene: &Scene,
    rule: &Rule,
    row: &recipient::Model,
    letters: &[delivery::Model],
    when: &When,
) -> Option<(Next, Timestamp)> {
    let language = when.words.0;
    let who = |party: &PartyRef| scene.party_name(party).get(language).to_owned();
    if row.state == "to_decide" {
        let decider = row.decider.as_ref().and_then(|json| serde_json::from_value(json.clone()).ok());
        let party = decider.as_ref().or(rule.decider())?;
        return Some((Next::Decide(who(party)), when.now));
    }
    let unsent = letters
        .iter()
        .filter(|letter| matches!(letter.state.as_str(), "queued" | "leased") && letter.transport != "phone")
        .min_by_key(|letter| letter.due_at_ms);
    if let Some(letter) = unsent {
        let kind = if letter.attempts > 0 { Next::Retry } else { Next::Send };
        return Some((kind, Timestamp(letter.due_at_ms)));
    }
    if row.state != "waiting" {
        return None;
    }
    let due = scene.timeline.real_time_of(Timestamp(row.due_own_ms?))?;
    let step = rule.ladder.as_ref()?.steps.get(usize::try_from(row.step).ok()?)?;
    let via = |via: &[String]| {
        via.iter().map(|key| transport(key, when)).collect::<Vec<_>>().join(&when.words.get("list-join"))
    };
    let whom = |to: &Target| match to {
        Target::Party(party) => Some(who(party)),
        Target::Same | Target::Alternate => None,
    };
    let next = match &step.action {
        Action::Resend { to: Target::Alternate, .. } | Action::Notify { to: Target::Alternate, .. } => {
            Next::Alternate
        }
        Action::Resend { to, via: by } | Action::Notify { to, via: by } => match whom(to) {
            Some(name) => Next::Notify(name),
            None => Next::Resend(via(by)),
        },
        Action::Call { to, .. } => Next::Call(whom(to).unwrap_or_default()),
        Action::Decide { to, .. } => Next::Decide(whom(to).unwrap_or_default()),
    };
    Some((next, due))
}

/// A transport in words: メール.
pub fn transport(key: &str, when: &When) -> String {
    let word = format!("transport-{key}");
    let told = when.words.get(&word);
    if told == word { key.to_owned() } else { told }
}

fn failure(letters: &[delivery::Model], when: &When) -> Option<String> {
    let failed =
        letters.iter().rev().find(|letter| matches!(letter.state.as_str(), "refused" | "given_up"))?;
    let reason: String = failed.reason.clone().unwrap_or_default().chars().take(120).collect();
    Some(format!("{} {reason}", transport(&failed.via, when)).trim().to_owned())
}

fn tried(letters: &[delivery::Model], when: &When) -> String {
    let mut ways: Vec<String> = Vec::new();
    for letter in letters.iter().filter(|letter| letter.attempts > 0 || letter.state == "accepted") {
        let way = transport(&letter.via, when);
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways.join(&when.words.get("list-join"))
}

/// The head of an incident's pages.
pub async fn head(
    app: &App,
    scene: &Scene,
    caller: &Caller,
    frame: &Frame,
    tab: Tab,
) -> Result<Head, WebError> {
    let db = app.store.read();
    let language = frame.words.0;
    let recipients = store::recipient::of_incident(db, scene.id(), None, ALL).await?;
    let asked = recipients.iter().filter(|row| row.state != "informed");
    let mut unread = 0;
    for channel in store::channel::of_incident(db, scene.id()).await? {
        let id = ChannelId::new(channel.id);
        let readers = store::channel::readers(db, id).await?;
        let read_to = readers
            .iter()
            .find(|reader| reader.reader == caller.actor.id)
            .map_or(0, |reader| reader.read_at_ms);
        let messages = store::channel::messages(db, id, None, ALL).await?;
        unread += messages.iter().filter(|m| m.at_ms > read_to && m.author != caller.actor.id).count();
    }
    let mut facts = Vec::new();
    for row in scene.roles.iter().take(1) {
        let chair = ChairLine::of(scene, row, frame);
        facts.push((chair.title, chair.words));
    }
    let mut more = vec![(
        frame.words.get("head-playbook"),
        format!("{} {}", scene.playbook.title.get(language), scene.playbook.version),
    )];
    let newest = store::playbook::latest(db, &scene.playbook.key).await?;
    if let Some(newest) = newest.filter(|row| row.id != scene.incident.playbook_version_id) {
        let values = [("n", newest.number.into()), ("version", newest.version.into())];
        more.push((String::new(), frame.words.with("playbook-newer", &values)));
    }
    if scene.timeline.rate != 1 {
        more.push((
            frame.words.get("head-speed"),
            frame.words.with("head-times", &[("n", scene.timeline.rate.into())]),
        ));
    }
    let own_now = scene.timeline.own(frame.when.now).0;
    let tasks = store::task::of_incident(db, scene.id()).await?;
    let open = tasks.iter().filter(|row| row.state == "open");
    let late = open.clone().filter(|row| row.due_own_ms.is_some_and(|due| due < own_now)).count();
    let missing = store::report::overdue(db, scene.id(), Timestamp(own_now)).await?;
    let mut head = Head {
        id: scene.id().to_string(),
        drill: scene.is_drill(),
        title: scene.incident.title.replace(DRILL_MARK, ""),
        number: scene.incident.number,
        stage: match scene.state() {
            State::Proposed => Stage::Proposed,
            State::Held => Stage::Held,
            State::Active | State::Stabilised | State::Closing => Stage::Open,
            State::Closed => Stage::Closed,
            State::Reviewed => Stage::Reviewed,
            State::Cancelled => Stage::Cancelled,
            State::Merged => Stage::Merged,
        },
        facts,
        more,
        tab,
        answered: (
            recipients.iter().filter(|row| row.state == "answered" || row.acked_at_ms.is_some()).count(),
            asked.count(),
        ),
        tasks: (open.count(), late + usize::try_from(missing).unwrap_or(usize::MAX)),
        has_duties: !tasks.is_empty() || !scene.playbook.reports.is_empty() || scene.is_open(),
        unread,
        entries: store::chronology::length(db, scene.id()).await?,
        ..Head::default()
    };
    let since = scene.incident.activated_at_ms.unwrap_or(scene.incident.opened_at_ms);
    head.opened_at(frame, Timestamp(since), scene.incident.ended_at_ms.map(Timestamp));
    Ok(head)
}

/// How many parties a letter of this incident was handed over to, each once.
pub async fn told(app: &App, id: IncidentId) -> Result<usize, WebError> {
    let db = app.store.read();
    let letters = store::delivery::of_incident(db, id).await?;
    let reached: BTreeSet<_> = letters
        .iter()
        .filter(|letter| letter.attempts > 0)
        .filter_map(|letter| letter.recipient_id)
        .collect();
    let rows = store::recipient::of_incident(db, id, None, ALL).await?;
    let parties: BTreeSet<_> = rows
        .iter()
        .filter(|row| reached.contains(&row.id))
        .map(|row| (row.agency.clone(), row.person.clone()))
        .collect();
    Ok(parties.len())
}

/// That closing is proposed: by whom and since when, in a sentence.
pub fn proposal(scene: &Scene, frame: &Frame) -> Option<String> {
    let row = &scene.incident;
    let at = row.closing_at_ms.filter(|_| scene.state() == State::Closing)?;
    let key = match row.closing_by.as_deref() {
        Some("system") => "proposal-by-service",
        _ => "proposal-by-person",
    };
    Some(frame.words.with(key, &[("since", frame.when.since(Timestamp(at)).into())]))
}

/// Names and values of what a program sent, shortened, for one line.
pub fn pairs(content: &Value) -> Vec<(String, String)> {
    let short = |value: &Value| {
        let words = match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => {
                items.iter().map(|item| item.as_str().unwrap_or("…")).collect::<Vec<_>>().join("、")
            }
            other => other.to_string(),
        };
        words.chars().take(60).collect::<String>()
    };
    let all = content.as_object().into_iter().flatten();
    all.map(|(name, value)| (name.clone(), short(value))).collect()
}

/// The chairs for the board.
pub fn roles(scene: &Scene, frame: &Frame) -> Vec<ChairLine> {
    scene.roles.iter().map(|row| ChairLine::of(scene, row, frame)).collect()
}

/// What of the service is out of order, and when it was away: two lists of sentences.
pub fn troubles(app: &App, frame: &Frame) -> (Vec<String>, Vec<String>) {
    let words = frame.words;
    let mut troubles = alarms(app, words, |at| frame.when.short(at));
    for (_, transport) in app.transports.iter() {
        let Transport::Mail(mailer) = transport else { continue };
        for relay in mailer.health().into_iter().filter(|relay| !relay.up) {
            let since = relay.since.map(|at| frame.when.short(at)).unwrap_or_default();
            troubles
                .push(words.with("trouble-relay", &[("name", relay.name.into()), ("since", since.into())]));
        }
    }
    if !app.troubles.files().is_empty() {
        troubles.push(words.get("trouble-file"));
    }
    let away = app.troubles.away().map(|(from, to)| {
        let values = [("from", frame.when.short(from).into()), ("to", frame.when.short(to).into())];
        words.with("trouble-away", &values)
    });
    (troubles, away.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::{super::sample::at, *};

    #[test]
    fn a_clock_means_the_next_time_that_it_shows_this() {
        let zone = chrono_tz::Asia::Tokyo;
        assert_eq!(on_clock("05:40", at("03:19:00"), zone), Some(at("05:40:00")));
        assert_eq!(on_clock("03:10", at("03:19:00"), zone), Some(at("03:10:00")));
        let tomorrow = at("01:00:00") + Span::minutes(24 * 60);
        assert_eq!(on_clock("01:00", at("03:19:00"), zone), Some(tomorrow));
    }
}
