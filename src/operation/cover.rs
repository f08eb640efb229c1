//! Somebody stands in for somebody on a roster, without a new directory; and who is on duty hears of it at once.

use entity::roster_cover;
use noroshi_core::{
    directory::{Cover, Directory},
    id::{CoverId, IncidentId},
    rights::{Action, may},
    text::Text,
    time::Timestamp,
};

use super::{Actor, Invalid, Once, OperationError, Reply, Work, role, scene::Scene, telling};
use crate::store::{self, StoreError};

/// Longest reason, in characters.
const LONGEST: usize = 200;

/// Writes a cover down. Errors: everything that speaks against it, each in one sentence.
pub async fn add(
    mut work: Work<'_>,
    cover: Cover,
    because: &str,
    once: Option<&Once>,
    reply: impl FnOnce(&roster_cover::Model) -> String,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let directory = in_force(&work).await?;
    must_cover(&work, &directory, &cover)?;
    let mut invalid: Vec<Invalid> = directory
        .conflicts(&cover, work.now)
        .into_iter()
        .map(|(path, detail)| Invalid { path: path.to_owned(), detail })
        .collect();
    let because = noroshi_core::answer::clean(because.trim());
    if because.chars().count() > LONGEST {
        invalid.push(Invalid::new(
            "because",
            format!("理由は{LONGEST}文字までです"),
            format!("a reason has at most {LONGEST} characters"),
        ));
    }
    if !invalid.is_empty() {
        return Err(OperationError::Invalid(invalid));
    }
    let row = roster_cover::Model {
        id: work.app.chance.uuid(work.now),
        roster: cover.roster.clone(),
        absent: cover.absent.clone(),
        stand_in: cover.stand_in.clone(),
        from_ms: cover.from.0,
        to_ms: cover.to.0,
        because,
        made_by: work.actor.id.clone(),
        made_by_name: work.actor.name.clone(),
        made_at_ms: work.now.0,
        ended_by_name: None,
        ended_at_ms: None,
    };
    store::cover::put(&work.tx, row.clone()).await?;
    tell(&mut work, &directory, &cover, "が", "の当番を代わる", "stands in for").await?;
    let reply = work.keep(once, 201, reply(&row)).await?;
    work.commit().await?;
    Ok(reply)
}

/// Takes a cover back: from now on the roster is as the directory says.
pub async fn end(
    mut work: Work<'_>,
    id: CoverId,
    once: Option<&Once>,
    reply: impl FnOnce(&roster_cover::Model) -> String,
) -> Result<Reply, OperationError> {
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let mut row = store::cover::get(&work.tx, id.raw()).await?;
    let cover = store::cover::cover(&row);
    let directory = in_force(&work).await?;
    must_cover(&work, &directory, &cover)?;
    if row.ended_at_ms.is_some() || row.to_ms <= work.now.0 {
        return Err(OperationError::Closed(Text::both(
            "この代わりはもう終わっています",
            "this cover is over already",
        )));
    }
    store::cover::end(&work.tx, row.id, &work.actor.name, work.now).await?;
    row.ended_at_ms = Some(work.now.0);
    row.ended_by_name = Some(work.actor.name.clone());
    tell(&mut work, &directory, &cover, "が", "の当番を代わるのを取りやめ", "no longer stands in for")
        .await?;
    let reply = work.keep(once, 200, reply(&row)).await?;
    work.commit().await?;
    Ok(reply)
}

async fn in_force(work: &Work<'_>) -> Result<std::sync::Arc<Directory>, OperationError> {
    let version = store::directory::latest_id(&work.tx)
        .await?
        .ok_or_else(|| StoreError::NotFound { what: "directory", id: String::new() })?;
    // Two covers at once would not see each other; the embedded database has one writer anyway.
    if !work.app.store.is_embedded() {
        store::directory::lock(&work.tx, version).await?;
    }
    Ok(work.app.library.directory(&work.tx, version).await?)
}

/// Commanders and administrators, and besides them the two it is about and whoever stands on the same roster.
fn must_cover(work: &Work<'_>, directory: &Directory, cover: &Cover) -> Result<(), OperationError> {
    let named = is_theirs(directory, cover, &work.actor);
    work.actor.must_named(Action::Cover, named, "say who stands in on a roster")
}

fn is_theirs(directory: &Directory, cover: &Cover, actor: &Actor) -> bool {
    let mates = directory.rosters_of(cover).into_iter().flat_map(|roster| directory.ever_on_duty(roster));
    mates.chain([cover.absent.as_str(), cover.stand_in.as_str()]).any(|person| actor.is_person(person))
}

/// Whether somebody may take this cover back.
pub fn may_end(directory: &Directory, cover: &Cover, actor: &Actor) -> bool {
    actor.role.is_some_and(|role| may(role, Action::Cover, is_theirs(directory, cover, actor)))
}

/// Every open incident hears of it, and empty chairs are offered to whoever is on duty now.
async fn tell(
    work: &mut Work<'_>,
    directory: &Directory,
    cover: &Cover,
    particle: &str,
    ja: &str,
    en: &str,
) -> Result<(), OperationError> {
    let name =
        |key: &str| directory.people.get(key).map_or_else(|| Text::plain(key), |person| person.name.clone());
    let (absent, stand_in) = (name(&cover.absent), name(&cover.stand_in));
    let english = |text: &Text| text.en.clone().unwrap_or_else(|| text.ja.clone());
    let clock = |at: Timestamp| at.to_utc().with_timezone(&work.app.zone).format("%m/%d %H:%M").to_string();
    let span = format!("{}–{}", clock(cover.from), clock(cover.to));
    let told = Text::both(
        format!("{} {particle} {} {ja}（{span}）", stand_in.ja, absent.ja),
        format!("{} {en} {} ({span})", english(&stand_in), english(&absent)),
    );
    let open = store::incident::open(&work.tx).await?;
    work.enter(open.iter().map(|incident| incident.id)).await?;
    for incident in open {
        let id = IncidentId::new(incident.id);
        let line = telling::by(&work.actor, "cover", telling::service(), told.clone(), work.now);
        work.line(id, line);
        let mut scene = Scene::load(work.app, &work.tx, id).await?;
        role::duty_changed(work, &mut scene).await?;
        work.changed(id, "role");
    }
    Ok(())
}
