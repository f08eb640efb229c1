//! A recipient's address has changed in the directory since its alert was raised: seen, and taken over by a person.

use std::{collections::BTreeSet, sync::Arc};

use entity::recipient;
use noroshi_core::{
    alert::Rule,
    directory::Directory,
    id::RecipientId,
    ladder,
    readdress::{Moved, adopt, contacts_in, moved, send_again, to_write_to},
    rights::Action,
    text::Text,
};
use sea_orm::ConnectionTrait;

use super::{
    Once, OperationError, Reply, Work,
    alert::over,
    answer::load,
    scene::{Scene, text},
    telling,
};
use crate::{app::App, store};

/// The directory in force, where it is another than the one an incident was started with.
pub async fn newer(
    app: &App,
    db: &impl ConnectionTrait,
    scene: &Scene,
) -> Result<Option<Arc<Directory>>, OperationError> {
    match store::directory::latest_id(db).await? {
        Some(id) if id != scene.incident.directory_version_id => {
            Ok(Some(app.library.directory(db, id).await?))
        }
        _ => Ok(None),
    }
}

/// The addresses of a recipient that the directory in force says otherwise.
///
/// - `ending`: its alert closes or cancels; it goes by the transports that were used, and by no new one.
pub fn of_recipient(
    directory: &Directory,
    rule: &Rule,
    row: &recipient::Model,
    ending: bool,
) -> Result<Vec<Moved>, OperationError> {
    let then = store::recipient::contacts(row)?;
    let via: &[String] = if ending { &[] } else { &rule.plan.via };
    let now = contacts_in(directory, row.agency.as_deref(), row.person.as_deref());
    Ok(now.map(|now| moved(&then, &now, via)).unwrap_or_default())
}

/// Takes the new addresses over and writes the alert there once more. The ladder stays where it is.
pub async fn readdress(
    mut work: Work<'_>,
    id: RecipientId,
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene, &recipient::Model) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::RaiseAlert, "send an alert to a new address")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let (scene, rule, mut row) = load(&work, id).await?;
    let alert = store::alert::get(&work.tx, noroshi_core::id::AlertId::new(row.alert_id)).await?;
    if !scene.is_open() && !alert.ending {
        return Err(OperationError::Closed(over()));
    }
    let nothing = || {
        OperationError::Closed(Text::both(
            "この宛先に、新しい連絡先はありません",
            "this recipient has no new address",
        ))
    };
    let directory = newer(work.app, &work.tx, &scene).await?.ok_or_else(nothing)?;
    let moved = of_recipient(&directory, &rule, &row, alert.ending)?;
    if moved.iter().all(|moved| moved.new.is_none()) {
        return Err(nothing());
    }
    if !matches!(row.state.as_str(), "waiting" | "to_decide" | "informed") {
        return Err(OperationError::Closed(Text::both(
            "この宛先は、もう回答済みか判断済みです",
            "this recipient has answered or is decided already",
        )));
    }
    let then = store::recipient::contacts(&row)?;
    let written = store::delivery::of_recipients(&work.tx, vec![row.id]).await?;
    let told: BTreeSet<(String, String)> =
        written.into_iter().map(|delivery| (delivery.contact, delivery.via)).collect();
    let to = to_write_to(&then, &moved, &rule.plan.via, &told);
    let contacts = adopt(&then, &moved);
    let book = scene.book(work.app, &rule, work.now);
    let view =
        ladder::Scene { rule: &rule, contacts: &contacts, book: &book, now: scene.timeline.own(work.now) };
    let (next, effects) = send_again(&view, &store::recipient::value(&row)?, &to);
    store::recipient::set_contacts(&mut row, &contacts);
    store::recipient::set_value(&mut row, &next, work.now);
    store::recipient::save(&work.tx, &mut row).await?;
    work.perform(&scene, &rule, &row, effects).await?;
    let line =
        telling::by(&work.actor, "readdressed", text(&row.name), say(&moved, !to.is_empty()), work.now);
    work.line(scene.id(), line);
    work.changed(scene.id(), "recipient");
    work.flush_quietly().await?;
    let body = reply(&mut work, &scene, &row).await?;
    let reply = work.keep(once, 200, body).await?;
    work.commit().await?;
    Ok(reply)
}

/// What was taken over. The addresses themselves stay in the directory: a chronology is printed and passed on.
fn say(moved: &[Moved], sent: bool) -> Text {
    let which: BTreeSet<&str> =
        moved.iter().filter_map(Moved::point).map(|point| point.transport.as_str()).collect();
    let which = which.into_iter().collect::<Vec<_>>().join("、");
    let (ja, en) = if sent {
        ("改め、新しい宛先へ送り直した", " and sent there again")
    } else {
        ("改めた", "")
    };
    Text::both(
        format!("台帳の変更に合わせて宛先({which})を{ja}"),
        format!("Took the directory's new address over ({which}){en}"),
    )
}
