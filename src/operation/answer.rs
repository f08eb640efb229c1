//! What a recipient says: looked at, answered, wrong address. By link, or typed in by somebody who telephoned.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use entity::{alert, answer, recipient};
use noroshi_core::{
    alert::{ContactPoint, Rule},
    answer::{LONGEST_NOTE, clean, read},
    id::{AlertId, IncidentId, RecipientId},
    ladder::Input,
    playbook::ResponseOption,
    rights::Action,
    text::{Language, Text},
    time::Timestamp,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Actor, AsTyped, Invalid, Once, OperationError, Reply, Work,
    alert::{Given, count_answers, decide, given, step},
    answers::Sent,
    doubt::{self, Client},
    news::News,
    recipients::Recipients,
    scene::{Scene, Scenes, text},
    telling,
};
use crate::{
    key::answer_token_hash,
    store::{self, StoreError, directory::Learned, link::Link, to_json},
};

/// What was typed.
pub struct Typed<'a> {
    /// Key of the option.
    pub option: &'a str,
    /// What stands under a field's key.
    pub field: AsTyped<'a>,
    /// Free words.
    pub note: &'a str,
}

/// The link of a token, unless it is unknown or revoked: both are the same to whoever asks.
pub async fn find_link(db: &impl sea_orm::ConnectionTrait, token: &str) -> Result<Link, OperationError> {
    let unknown = || StoreError::NotFound { what: "link", id: String::new() };
    let row = store::link::find(db, answer_token_hash(token)).await?.ok_or_else(unknown)?;
    if row.revoked_at_ms.is_some() {
        return Err(unknown().into());
    }
    Ok(row)
}

/// The actor behind a link.
pub fn actor(link: &Link) -> Actor {
    Actor {
        id: format!("contact:{}", link.contact),
        name: text(&link.name).ja,
        role: None,
        person: None,
        acting: None,
    }
}

/// A person looked at the page.
pub async fn opened(mut work: Work<'_>, link: &Link, client: &Client) -> Result<(), OperationError> {
    let (scene, rule, mut row) = load(&work, RecipientId::new(link.recipient_id)).await?;
    doubt::remember(&work, link, client).await?;
    let at = work.now;
    if step(&mut work, &scene, &rule, &mut row, &Input::Opened { at }).await? {
        prove(&mut work, &row, &link.contact)?;
        let told =
            Text::both("ページを開いた（既読。回答ではない）", "Opened the page (read, not an answer)");
        let line = said(&work.actor, &row, "opened", told, work.now);
        work.line(scene.id(), line);
        // Where reading is all that is waited for, the last one who reads settles what the quorum hangs on.
        count_answers(&mut work, &scene, &rule, row.alert_id).await?;
    }
    work.commit().await
}

/// What several answers in one transaction share: each is read once, and written once.
#[derive(Default)]
pub(super) struct Known {
    rows: Recipients,
    kept: Vec<answer::Model>,
    scenes: Scenes,
    alerts: BTreeMap<Uuid, (alert::Model, Arc<Rule>)>,
    /// The alerts that were answered.
    answered: BTreeSet<Uuid>,
}

impl Known {
    /// Locks the recipients who answer; their incidents are entered.
    pub(super) async fn lock(work: &Work<'_>, ids: Vec<Uuid>) -> Result<Self, OperationError> {
        Ok(Self { rows: Recipients::lock(work, ids).await?, ..Self::default() })
    }

    async fn alert(
        &mut self,
        work: &Work<'_>,
        id: Uuid,
    ) -> Result<(&alert::Model, Arc<Rule>), OperationError> {
        if let Entry::Vacant(empty) = self.alerts.entry(id) {
            let row = store::alert::get(&work.tx, AlertId::new(id)).await?;
            let rule = Arc::new(store::alert::rule(&row)?);
            empty.insert((row, rule));
        }
        let (row, rule) = &self.alerts[&id];
        Ok((row, Arc::clone(rule)))
    }

    /// Writes the answers, and what follows from all of them together: a quorum, deadlines that count from an answer.
    pub(super) async fn conclude(mut self, work: &mut Work<'_>) -> Result<(), OperationError> {
        store::recipient::put_answers(&work.tx, std::mem::take(&mut self.kept)).await?;
        self.rows.save(work).await?;
        for id in self.answered {
            let (alert, rule) = &self.alerts[&id];
            let scene = Scene::load(work.app, &work.tx, IncidentId::new(alert.incident_id)).await?;
            count_answers(work, &scene, rule, id).await?;
            super::task::answered(work, &scene, &alert.key).await?;
        }
        Ok(())
    }
}

/// Takes an answer by link, without what follows from it ([`Known::conclude`]). The same answer again changes nothing;
/// another one replaces it, both stay.
pub(super) async fn answer(
    work: &mut Work<'_>,
    known: &mut Known,
    sent: &Sent,
    typed: Typed<'_>,
) -> Result<(), OperationError> {
    let by = (work.actor.id.clone(), text(&sent.link.name).ja);
    let row = take(work, known, sent.link.recipient_id, typed, by, Some(sent)).await?;
    if given(&row)?.is_none_or(|given| !given.suspect) {
        prove(work, &row, &sent.link.contact)?;
    }
    Ok(())
}

/// Takes an answer by telephone, typed in by somebody of the house.
pub async fn on_behalf(
    mut work: Work<'_>,
    id: RecipientId,
    typed: Typed<'_>,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene, &recipient::Model) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::AnswerForOthers, "take an answer for somebody")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let by = (work.actor.id.clone(), work.actor.name.clone());
    let seen = store::recipient::get(&work.tx, id).await?;
    work.enter([seen.incident_id]).await?;
    let mut known = Known::lock(&work, vec![id.raw()]).await?;
    let row = take(&mut work, &mut known, id.raw(), typed, by, None).await?;
    known.conclude(&mut work).await?;
    let scene = Scene::load(work.app, &work.tx, IncidentId::new(row.incident_id)).await?;
    work.flush_quietly().await?;
    let body = reply(&mut work, &scene, &row).await?;
    let reply = work.keep(once, 200, body).await?;
    work.commit().await?;
    Ok(reply)
}

/// - `sent`: how it came; `None` by telephone.
async fn take(
    work: &mut Work<'_>,
    known: &mut Known,
    id: Uuid,
    typed: Typed<'_>,
    (by, by_name): (String, String),
    sent: Option<&Sent>,
) -> Result<recipient::Model, OperationError> {
    let unknown = || StoreError::NotFound { what: "recipient", id: id.to_string() };
    let mut row = known.rows.get(id).cloned().ok_or_else(unknown)?;
    let scene = known.scenes.get(work.app, &work.tx, row.incident_id).await?;
    let (alert, rule) = known.alert(work, row.alert_id).await?;
    // What closing and cancelling ask is answered afterwards; everything else is over with the incident.
    if !scene.is_open() && !alert.ending {
        return Err(OperationError::Closed(super::alert::over()));
    }
    if alert.state == "superseded" {
        return Err(OperationError::Closed(Text::both(
            "この連絡は訂正または撤回されました。新しい連絡に回答してください",
            "this alert was corrected or withdrawn; please answer the newer one",
        )));
    }
    let before = given(&row)?;
    let option = checked_option(&rule, before.as_ref(), typed.option)?;
    let note = clean(typed.note.trim());
    let mut invalid = Vec::new();
    if note.chars().count() > LONGEST_NOTE {
        invalid.push(Invalid::new(
            "note",
            format!("備考は{LONGEST_NOTE}文字までにしてください"),
            format!("a note has at most {LONGEST_NOTE} characters"),
        ));
    }
    let fields = read(&option.ask, typed.field, work.now, work.app.zone).unwrap_or_else(|problems| {
        let problems = problems.into_iter();
        invalid.extend(problems.map(|p| Invalid { path: format!("fields.{}", p.key), detail: p.detail }));
        BTreeMap::new()
    });
    if !invalid.is_empty() {
        return Err(OperationError::Invalid(invalid));
    }
    let fields = match (&option.after, &before) {
        // A follow-up (到着予定) adds to what was answered; it does not take the teams back.
        (Some(_), Some(before)) => {
            let mut merged = before.fields.clone();
            merged.extend(fields);
            merged
        }
        _ => fields,
    };
    let late = is_late(&scene, &rule, &row, work.now);
    let proxy = sent.is_none();
    let suspect = match sent {
        Some(sent) => doubt::is_suspect(sent, option, before.as_ref(), work.now)?,
        None => false,
    };
    let given = Given {
        option: option.key.clone(),
        fields,
        note,
        by,
        by_name,
        proxy,
        late: late || row.state == "decided",
        at_ms: work.now.0,
        client: sent.map(|sent| sent.client.mark.clone()),
        suspect,
    };
    let same = before.as_ref().is_some_and(|before| {
        before.option == given.option
            && before.fields == given.fields
            && before.note == given.note
            && before.suspect == given.suspect
    });
    if same {
        return Ok(row);
    }
    known.kept.push(answer::Model {
        id: work.app.chance.uuid(work.now),
        recipient_id: row.id,
        at_ms: work.now.0,
        option: given.option.clone(),
        fields: to_json(&given.fields),
        note: given.note.clone(),
        by: given.by.clone(),
        by_name: given.by_name.clone(),
        proxy,
        late: given.late,
        suspect,
    });
    work.log([News::Answer {
        recipient: RecipientId::new(row.id),
        incident: scene.id(),
        option: given.option.clone(),
        by_telephone: proxy,
        suspect,
    }]);
    if suspect {
        doubt::keep(work, &scene, &rule, &mut row, before.as_ref(), &given).await?;
        known.rows.put(row.clone());
        let line = said(&work.actor, &row, "answer", told(option, &given, before.is_some()), work.now);
        work.line(scene.id(), line);
        known.answered.insert(row.alert_id);
        return Ok(row);
    }
    row.answer = Some(to_json(&given));
    let input = Input::Answered { meaning: option.meaning, counts_as: option.counts_as, at: work.now };
    // Where the evidence was there already, the answer itself is new.
    decide(work, &scene, &rule, &mut row, &input).await?;
    work.changed(scene.id(), "recipient");
    known.rows.put(row.clone());
    let line = said(&work.actor, &row, "answer", told(option, &given, before.is_some()), work.now);
    work.line(scene.id(), line);
    known.answered.insert(row.alert_id);
    if let Some(key) = &option.opens_task {
        super::task::open_for(work, &scene, key, &row, &given.note).await?;
    }
    Ok(row)
}

fn checked_option<'r>(
    rule: &'r Rule,
    before: Option<&Given>,
    key: &str,
) -> Result<&'r ResponseOption, OperationError> {
    let Some(option) = rule.option(key) else {
        return Err(OperationError::invalid(
            "option",
            "回答を1つ選んでください",
            "choose one of the answers",
        ));
    };
    // An option `after` another stands only once that one was chosen (or itself: it may be refreshed).
    if let Some(first) = &option.after
        && before.is_none_or(|before| {
            before.option != *first
                && rule.option(&before.option).and_then(|o| o.after.as_ref()) != Some(first)
        })
    {
        let label = rule.option(first).map_or(first.as_str(), |option| option.label.get(Language::Ja));
        return Err(OperationError::invalid(
            "option",
            format!("先に「{label}」と回答してください"),
            format!("answer {first} first"),
        ));
    }
    Ok(option)
}

/// Whether the deadline for a full answer has passed.
fn is_late(scene: &Scene, rule: &Rule, row: &recipient::Model, now: Timestamp) -> bool {
    match (row.started_own_ms, rule.answer_by()) {
        (Some(started), Some(by)) => scene.timeline.own(now) > Timestamp(started) + by,
        _ => false,
    }
}

fn told(option: &ResponseOption, given: &Given, changed: bool) -> Text {
    let values = |language: Language| {
        option
            .ask
            .iter()
            .filter_map(|ask| Some((ask.label.get(language), given.fields.get(&ask.key)?)))
            .map(|(label, value)| match value {
                Value::String(text) => format!("{label} {text}"),
                other => format!("{label} {other}"),
            })
            .collect::<Vec<_>>()
    };
    let mut ja = vec![option.label.ja.clone()];
    ja.extend(values(Language::Ja));
    let mut en = vec![option.label.get(Language::En).to_owned()];
    en.extend(values(Language::En));
    if !given.note.is_empty() {
        ja.push(given.note.clone());
        en.push(given.note.clone());
    }
    let marks = [
        (changed, "回答を変更", "changed answer"),
        (given.proxy, "電話で聴取", "by telephone"),
        (given.late, "期限後", "late"),
        (
            given.suspect,
            "要確認。メールの検査装置が押した可能性",
            "to be checked: perhaps pressed by a mail scanner",
        ),
    ];
    for (holds, in_ja, in_en) in marks {
        if holds {
            ja.push(format!("（{in_ja}）"));
            en.push(format!("({in_en})"));
        }
    }
    Text::both(ja.join(" "), en.join(", "))
}

/// The reader says the address is the wrong one: it goes into the address health, and what was sent there counts as
/// not delivered, so that the ladder goes on at once.
pub async fn wrong_address(mut work: Work<'_>, link: &Link, note: &str) -> Result<(), OperationError> {
    let (scene, rule, mut row) = load(&work, RecipientId::new(link.recipient_id)).await?;
    let note: String = clean(note.trim()).chars().take(500).collect();
    let deliveries = store::delivery::of_recipients(&work.tx, vec![row.id]).await?;
    let mut told_points: Vec<ContactPoint> = Vec::new();
    for delivery in deliveries.iter().filter(|delivery| delivery.contact == link.contact) {
        let point = ContactPoint {
            contact: delivery.contact.clone(),
            name: text(&delivery.name),
            transport: delivery.via.clone(),
            address: delivery.address.clone(),
            language: Language::from_key(&delivery.language).unwrap_or_default(),
        };
        if !told_points.contains(&point) {
            store::directory::learn(&work.tx, &point, &Learned::Wrong(note.clone()), work.now).await?;
            told_points.push(point);
        }
        if let Some(letter) = delivery.letter.and_then(|letter| u16::try_from(letter).ok()) {
            let input = Input::Failed { letter, at: work.now };
            step(&mut work, &scene, &rule, &mut row, &input).await?;
        }
    }
    let told = Text::both(
        format!("宛先違い、または担当を外れたとの申告 {note}").trim().to_owned(),
        format!("Reported as wrong address or no longer in charge. {note}").trim().to_owned(),
    );
    let line = said(&work.actor, &row, "wrong_address", told, work.now);
    work.line(scene.id(), line);
    work.changed(scene.id(), "recipient");
    work.commit().await
}

/// A recipient, locked, its incident entered.
async fn locked(work: &Work<'_>, id: RecipientId) -> Result<recipient::Model, OperationError> {
    let seen = store::recipient::get(&work.tx, id).await?;
    work.enter([seen.incident_id]).await?;
    let row = store::recipient::lock(&work.tx, vec![id.raw()]).await?.pop();
    row.ok_or_else(|| StoreError::NotFound { what: "recipient", id: id.to_string() }.into())
}

/// A recipient, locked, with its incident's world and its alert's rule.
pub(super) async fn load(
    work: &Work<'_>,
    id: RecipientId,
) -> Result<(Scene, Rule, recipient::Model), OperationError> {
    let row = locked(work, id).await?;
    let rule = store::alert::rule(&store::alert::get(&work.tx, AlertId::new(row.alert_id)).await?)?;
    let scene = Scene::load(work.app, &work.tx, IncidentId::new(row.incident_id)).await?;
    Ok((scene, rule, row))
}

/// A line that the recipient says, or that is said for it.
fn said(
    actor: &Actor,
    row: &recipient::Model,
    kind: &'static str,
    told: Text,
    at: Timestamp,
) -> store::chronology::Line {
    store::chronology::Line {
        occurred_at: at,
        kind,
        from: text(&row.name),
        to: telling::service(),
        text: told,
        actor: actor.id.clone(),
        corrects: None,
    }
}

/// Somebody read there: the address works. Whoever answers at a contact proves all addresses written to there only
/// as far as this link: its transport is not known, so all of the contact's are marked.
fn prove(work: &mut Work<'_>, row: &recipient::Model, contact: &str) -> Result<(), OperationError> {
    let contacts = store::recipient::contacts(row)?;
    let spoken =
        contacts.primary.into_iter().chain(contacts.alternate).filter(|point| point.contact == contact);
    work.gathered.proved.extend(spoken.map(|point| (point.contact, point.transport, point.address)));
    Ok(())
}
