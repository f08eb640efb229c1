//! Photos as evidence of a task: taken in as they are, kept in the database, shown to whoever is signed in.

use entity::{photo, task};
use noroshi_core::{id::PhotoId, id::TaskId, rights::Action, text::Text};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Once, OperationError, Reply, Work, scene::Scene, task as tasks, telling};
use crate::store;

/// Largest photo.
pub const LARGEST: usize = 10 * 1024 * 1024;
/// Most photos of one task.
const MOST: usize = 20;

/// Adds a photo to a task that asks for one. What is in it stays in it: place and time of the camera too.
///
/// Errors: neither JPEG nor PNG by its first bytes, too large, too many, the task asks for none.
pub async fn add(
    mut work: Work<'_>,
    id: TaskId,
    name: &str,
    bytes: &[u8],
    once: Option<&Once>,
    reply: impl AsyncFnOnce(&mut Work<'_>, &Scene, &task::Model) -> Result<String, OperationError>,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::Talk, "add a photo")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    let media_type = checked(bytes)?;
    let (scene, mut row) = tasks::load(&work, id).await?;
    if row.state == "ended" || (!scene.is_open() && row.state != "open") {
        return Err(OperationError::Closed(super::alert::over()));
    }
    let plan = row.key.as_deref().and_then(|key| scene.playbook.task(key));
    let wanted = plan.and_then(|plan| plan.evidence.as_ref());
    if wanted.is_none_or(|ask| ask.kind != noroshi_core::playbook::AskKind::Photo) {
        return Err(OperationError::invalid(
            "photo",
            "この課題は写真を求めていません",
            "this task asks for no photo",
        ));
    }
    let mut photos = match row.evidence.take() {
        Some(Value::Array(photos)) => photos,
        _ => Vec::new(),
    };
    if photos.len() >= MOST {
        return Err(OperationError::invalid(
            "photo",
            format!("写真は1つの課題に{MOST}枚までです"),
            format!("a task has at most {MOST} photos"),
        ));
    }
    let photo = photo::Model {
        id: work.app.chance.uuid(work.now),
        incident_id: row.incident_id,
        task_id: row.id,
        media_type: media_type.into(),
        name: noroshi_core::answer::clean(name.trim()).chars().take(100).collect(),
        size_bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        sha256: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes: bytes.to_vec(),
        taken_in_at_ms: work.now.0,
        taken_in_by: work.actor.name.clone(),
    };
    photos.push(PhotoId::new(photo.id).to_string().into());
    row.evidence = Some(Value::Array(photos));
    let hash = photo.sha256.clone();
    store::task::put_photo(&work.tx, photo).await?;
    store::task::save(&work.tx, &mut row).await?;
    let told = Text::both(format!("写真を追加（SHA-256 {hash}）"), format!("Photo added (SHA-256 {hash})"));
    let line = telling::by(&work.actor, "task", tasks::title(&row), told, work.now);
    work.line(scene.id(), line);
    work.changed(scene.id(), "task");
    work.flush_quietly().await?;
    let body = reply(&mut work, &scene, &row).await?;
    let reply = work.keep(once, 201, body).await?;
    work.commit().await?;
    Ok(reply)
}

/// The media type by the first bytes, whatever the sender says it is.
fn checked(bytes: &[u8]) -> Result<&'static str, OperationError> {
    if bytes.len() > LARGEST {
        let megabytes = LARGEST / (1024 * 1024);
        return Err(OperationError::invalid(
            "photo",
            format!("写真は{megabytes}MBまでです。小さくしてから送ってください"),
            format!("a photo has at most {megabytes} MB: send a smaller one"),
        ));
    }
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Ok("image/jpeg"),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok("image/png"),
        _ => Err(OperationError::invalid(
            "photo",
            "JPEG か PNG の写真を選んでください",
            "choose a photo that is JPEG or PNG",
        )),
    }
}
