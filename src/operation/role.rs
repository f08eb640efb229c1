//! Chairs: offered, accepted, declined, handed over, released; by link, by a signed-in person, by telephone.

use entity::{delivery, incident_role, role_link};
use noroshi_core::{
    id::{DeliveryId, IncidentId, RecipientId},
    playbook::PartyRef,
    rights::Action,
    role::{Input, Refusal, State, View, Wish, advance},
    text::Text,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use super::{
    Actor, Invalid, Once, OperationError, Reply, Work,
    errand::{Errand, RoleLetter},
    scene::{Scene, text},
};
use crate::{
    key::token_hash,
    store::{self, StoreError, from_json, to_json},
};

/// The chairs of a new incident, all empty.
pub(super) fn chairs(work: &Work<'_>, scene: &Scene) -> Vec<incident_role::Model> {
    let roles = scene.playbook.roles.iter().enumerate();
    roles
        .map(|(position, role)| incident_role::Model {
            id: work.app.chance.uuid(work.now),
            incident_id: scene.incident.id,
            key: role.key.clone(),
            position: i32::try_from(position).unwrap_or(i32::MAX),
            title: to_json(&role.title),
            state: "vacant".into(),
            person: None,
            name: None,
            since_ms: work.now.0,
            accepted_at_ms: None,
            offered_to: None,
            offered_name: None,
            offered_by: None,
            offered_at_ms: None,
            offer_until_own_ms: None,
            offer_number: 0,
            asked: serde_json::Value::Array(Vec::new()),
        })
        .collect()
}

/// Offers every chair of a new incident; whoever starts it and may sit somewhere sits there at once.
pub(super) async fn begin(work: &mut Work<'_>, scene: &mut Scene) -> Result<(), OperationError> {
    let starter = work.actor.person.clone();
    for key in keys(scene) {
        take(work, scene, &key, Input::Begun { starter: starter.as_deref() }).await?;
    }
    Ok(())
}

/// The chair's timer has fired: an offer has expired, or others are on duty.
pub(super) async fn fired(
    work: &mut Work<'_>,
    scene: &mut Scene,
    id: uuid::Uuid,
    number: i32,
) -> Result<(), OperationError> {
    let Some(key) = scene.roles.iter().find(|role| role.id == id).map(|role| role.key.clone()) else {
        return Ok(());
    };
    take(work, scene, &key, Input::TimerFired { number: u32::try_from(number).unwrap_or(0) }).await?;
    Ok(())
}

/// A letter of an offer was refused or given up. When none of the others can arrive either, nobody waits for it.
pub(super) async fn undelivered(work: &mut Work<'_>, letter: &delivery::Model) -> Result<(), OperationError> {
    let Some(link) = store::role::link_of(&work.tx, letter.id).await? else { return Ok(()) };
    let (Some(role), Some(number)) = (link.role_id, link.offer_number) else { return Ok(()) };
    if store::role::offer_may_arrive(&work.tx, role, number).await? {
        return Ok(());
    }
    let mut scene = Scene::load(work.app, &work.tx, IncidentId::new(letter.incident_id)).await?;
    let key = scene.roles.iter().find(|row| row.id == role).map(|row| row.key.clone());
    if let (Some(key), true) = (key, scene.is_open()) {
        let number = u32::try_from(number).unwrap_or(0);
        take(work, &mut scene, &key, Input::Undelivered { number }).await?;
    }
    Ok(())
}

/// Others may be on duty: empty chairs are offered to whoever was not asked.
pub(super) async fn duty_changed(work: &mut Work<'_>, scene: &mut Scene) -> Result<(), OperationError> {
    for key in keys(scene) {
        take(work, scene, &key, Input::DutyChanged).await?;
    }
    Ok(())
}

/// Another directory has come into force: every empty chair is looked at by the running service, which knows to whom
/// letters can be written; whoever imports a directory may be a command on the same machine.
pub(super) async fn directory_changed(work: &mut Work<'_>, scene: &mut Scene) -> Result<(), OperationError> {
    let now = scene.timeline.own(work.now);
    for key in keys(scene) {
        let Some(row) = scene.role(&key) else { continue };
        let chair = store::role::chair(row)?;
        if chair.state() == State::Vacant {
            work.seat(scene, &key, &chair, vec![Wish::SetTimer(now)]).await?;
        }
    }
    Ok(())
}

/// The incident is over: nobody is asked any more. Holders stay for the record.
pub(super) async fn end(work: &mut Work<'_>, scene: &mut Scene) -> Result<(), OperationError> {
    for key in keys(scene) {
        let Some(row) = scene.role(&key) else { continue };
        let mut chair = store::role::chair(row)?;
        if chair.offer.take().is_some() {
            work.seat(scene, &key, &chair, Vec::new()).await?;
        }
    }
    Ok(())
}

fn keys(scene: &Scene) -> Vec<String> {
    scene.roles.iter().map(|role| role.key.clone()).collect()
}

/// Takes one input for one chair: asks the core, performs what it wishes. Returns whether anything changed.
async fn take(
    work: &mut Work<'_>,
    scene: &mut Scene,
    key: &str,
    input: Input<'_>,
) -> Result<bool, OperationError> {
    let row = scene.role(key).ok_or_else(|| StoreError::NotFound { what: "role", id: key.to_owned() })?;
    let chair = store::role::chair(row)?;
    let who = scene.who();
    let fill = who.fill(key, work.now);
    let askable: Vec<String> =
        fill.iter().filter(|person| !work.letter_points(scene, person).is_empty()).cloned().collect();
    let next_change = scene.directory.next_change(who.rosters(key), work.now);
    let view = View {
        fill: &fill,
        askable: &askable,
        accept_within: scene.playbook.role(key).map(|role| role.accept_within).unwrap_or_default(),
        now: scene.timeline.own(work.now),
        next_change: next_change.map(|at| scene.timeline.own(at)),
    };
    let (next, wishes) = advance(&view, &chair, input).map_err(|refusal| refused(scene, &refusal))?;
    if next == chair && wishes.is_empty() {
        return Ok(false);
    }
    let new_holder = next.holder.is_some() && next.holder != chair.holder;
    work.seat(scene, key, &next, wishes).await?;
    if new_holder && !matches!(input, Input::Begun { .. }) {
        pass_on_decisions(work, scene, key).await?;
        super::task::follow(work, scene).await?;
    }
    Ok(true)
}

/// What waits for the decision of a role is put before whoever has just taken it.
async fn pass_on_decisions(work: &mut Work<'_>, scene: &Scene, key: &str) -> Result<(), OperationError> {
    let role = PartyRef::Role(key.to_owned());
    for alert in store::alert::of_incident(&work.tx, scene.id()).await? {
        let id = noroshi_core::id::AlertId::new(alert.id);
        let rule = store::alert::rule(&alert)?;
        let severity = rule.plan.severity;
        if alert.state == "to_decide" && rule.decider() == Some(&role) {
            let about = Errand::Decide { recipient: None, alert: id };
            work.write_to_role(scene, severity, &role, about).await?;
        }
        for row in store::recipient::of_alert(&work.tx, id).await? {
            let raised: Option<PartyRef> =
                row.decider.as_ref().map(|json| from_json("recipient", row.id, json)).transpose()?;
            if row.state == "to_decide" && raised.as_ref().or(rule.decider()) == Some(&role) {
                let about = Errand::Decide { recipient: Some(RecipientId::new(row.id)), alert: id };
                work.write_to_role(scene, severity, &role, about).await?;
            }
        }
    }
    Ok(())
}

fn refused(scene: &Scene, refusal: &Refusal) -> OperationError {
    OperationError::Closed(match refusal {
        Refusal::Held(person) => {
            let name = scene.directory.people.get(person).map(|person| person.name.clone());
            let name = name.unwrap_or_else(|| Text::plain(person.clone()));
            Text::both(
                format!("この役割は{}さんが務めています", name.ja),
                format!("{} holds this role", name.en.as_deref().unwrap_or(&name.ja)),
            )
        }
        Refusal::NotAsked => Text::both(
            "この人には打診していません。本部長か管理者が打診してください",
            "this person was not asked; the commander or an administrator has to offer the role first",
        ),
        Refusal::NotHeld => Text::both("この役割は空席です", "nobody holds this role"),
    })
}

/// What somebody does with a chair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Asks a person of the directory to take an empty chair.
    Offer {
        /// Key of the person.
        to: String,
    },
    /// Takes it; `person` is whose word was typed in, absent is one's own.
    Accept {
        /// Key of the person.
        person: Option<String>,
    },
    /// Does not take it.
    Decline {
        /// Key of the person.
        person: Option<String>,
    },
    /// Asks a person of the directory to take over a chair that is held.
    HandOver {
        /// Key of the person.
        to: String,
    },
    /// Gives it up.
    Release,
}

/// Does something with a chair of an open incident. `reply` writes the answer from the chairs as they stand then.
pub async fn act(
    mut work: Work<'_>,
    id: IncidentId,
    key: &str,
    deed: Deed,
    once: Option<&Once>,
    reply: impl FnOnce(&Work<'_>, &Scene) -> String,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    work.enter([id.raw()]).await?;
    let mut scene = Scene::load(work.app, &work.tx, id).await?;
    let held = scene
        .role(key)
        .ok_or_else(|| StoreError::NotFound { what: "role", id: key.to_owned() })?
        .person
        .is_some();
    match &deed {
        Deed::Offer { .. } | Deed::HandOver { .. } | Deed::Release => must_seat(&work, &scene, key)?,
        Deed::Accept { .. } | Deed::Decline { .. } => {
            work.actor.must(Action::Talk, "take or decline a role")?;
        }
    }
    if !scene.is_open() {
        return Err(OperationError::Closed(super::alert::over()));
    }
    match deed {
        Deed::Offer { to } => {
            if held {
                return Err(OperationError::Closed(Text::both(
                    "この役割は埋まっています。引継ぎにしてください",
                    "somebody holds this role; hand it over instead",
                )));
            }
            let to = human(&scene, "to", &to)?;
            take(&mut work, &mut scene, key, Input::Offered { to: &to }).await?;
        }
        Deed::HandOver { to } => {
            if !held {
                return Err(refused(&scene, &Refusal::NotHeld));
            }
            let to = human(&scene, "to", &to)?;
            take(&mut work, &mut scene, key, Input::Offered { to: &to }).await?;
        }
        Deed::Accept { person } => {
            let by = whose(&work.actor, &scene, person.as_deref())?;
            take(&mut work, &mut scene, key, Input::Accepted { by: &by }).await?;
        }
        Deed::Decline { person } => {
            let by = whose(&work.actor, &scene, person.as_deref())?;
            take(&mut work, &mut scene, key, Input::Declined { by: &by }).await?;
        }
        Deed::Release => {
            take(&mut work, &mut scene, key, Input::Released).await?;
        }
    }
    let body = reply(&work, &scene);
    let reply = work.keep(once, 200, body).await?;
    work.commit().await?;
    Ok(reply)
}

/// Commanders and administrators seat people, besides them whoever holds the chair and whoever leads.
fn must_seat(work: &Work<'_>, scene: &Scene, key: &str) -> Result<(), OperationError> {
    let named = may_seat(scene, key, &work.actor, work.now);
    work.actor.must_named(Action::Seat, named, "seat somebody in a role")
}

/// Whether the playbook lets this person fill the chair: as its holder, or as the one who leads.
pub fn may_seat(scene: &Scene, key: &str, actor: &Actor, now: Timestamp) -> bool {
    let holder = scene.holders.get(key).cloned();
    holder.into_iter().chain(scene.leader(now)).any(|person| actor.is_person(&person))
}

/// A person of the directory who can hold a chair.
fn human(scene: &Scene, path: &str, key: &str) -> Result<String, OperationError> {
    match scene.directory.people.get(key) {
        Some(person) if person.human => Ok(key.to_owned()),
        _ => Err(OperationError::Invalid(vec![Invalid::new(
            path,
            format!("連絡先台帳に「{key}」という人はいません。台帳の人を選んでください"),
            format!("the directory has no person \"{key}\"; choose one of the directory"),
        )])),
    }
}

/// Whose word it is: the actor's own, or somebody's who said it by telephone.
fn whose(actor: &Actor, scene: &Scene, person: Option<&str>) -> Result<String, OperationError> {
    match (person, &actor.person) {
        (Some(person), _) => human(scene, "person", person),
        (None, Some(own)) => Ok(own.clone()),
        (None, None) => Err(OperationError::invalid(
            "person",
            "誰が引き受けるのか、台帳の人の鍵を入れてください（このアカウントは台帳の人と結ばれていません）",
            "name the person of the directory who takes it; this account is linked to none",
        )),
    }
}

/// A link of a letter to a role holder, with what the letter was about.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The row.
    pub link: role_link::Model,
    /// The letter.
    pub letter: delivery::Model,
    /// What it says.
    pub errand: RoleLetter,
}

impl Opened {
    /// The actor behind the link.
    pub fn actor(&self) -> Actor {
        Actor {
            id: format!("person:{}", self.link.person),
            name: text(&self.letter.name).ja,
            role: None,
            person: Some(self.link.person.clone()),
            acting: None,
        }
    }
}

/// What stands behind the token of a letter to a role holder.
pub async fn open(db: &impl ConnectionTrait, token: &str) -> Result<Opened, OperationError> {
    let unknown = || StoreError::NotFound { what: "link", id: String::new() };
    let link = store::role::link(db, &token_hash(token)).await?.ok_or_else(unknown)?;
    let letter = store::delivery::get(db, DeliveryId::new(link.delivery_id)).await?;
    let errand = letter.errand.as_ref().ok_or_else(unknown)?;
    let errand = from_json("delivery", DeliveryId::new(letter.id), errand)?;
    Ok(Opened { link, letter, errand })
}

/// Accepts or declines by the link of an offer. The link is the permit, and speaks for its person alone.
pub async fn answer_by_link(
    mut work: Work<'_>,
    opened: &Opened,
    accepts: bool,
) -> Result<(), OperationError> {
    let (Errand::Offer { .. }, PartyRef::Role(key)) = (&opened.errand.about, &opened.errand.role) else {
        return Err(StoreError::NotFound { what: "offer", id: String::new() }.into());
    };
    work.enter([opened.link.incident_id]).await?;
    let mut scene = Scene::load(work.app, &work.tx, IncidentId::new(opened.link.incident_id)).await?;
    if !scene.is_open() {
        return Err(OperationError::Closed(super::alert::over()));
    }
    let by = opened.link.person.as_str();
    let input = if accepts { Input::Accepted { by } } else { Input::Declined { by } };
    take(&mut work, &mut scene, key, input).await?;
    work.commit().await
}

/// Whether the link of a letter that asks for a decision may decide now: its reader holds the role, or nobody does.
pub fn may_decide_by_link(scene: &Scene, opened: &Opened) -> bool {
    if !opened.errand.about.decides() {
        return false;
    }
    match &opened.errand.role {
        PartyRef::Role(key) => scene.holders.get(key).is_none_or(|holder| *holder == opened.link.person),
        _ => true,
    }
}
