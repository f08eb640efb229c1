//! Lines that a person writes into the chronology: what came by paper, radio or telephone, and corrections.

use noroshi_core::{id::IncidentId, rights::Action, text::Text, time::Timestamp};

use super::{Invalid, Once, OperationError, Reply, Work};
use crate::store::{self, chronology::Line};

/// A line by hand.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// When it happened; absent is now.
    pub occurred_at: Option<Timestamp>,
    /// Who said or did it.
    pub from: String,
    /// Whom it concerns.
    pub to: String,
    /// What.
    pub text: String,
    /// The line that it corrects.
    pub corrects: Option<i32>,
}

/// Adds a line. Its kind is `entry`, or `correction`.
pub async fn write(
    mut work: Work<'_>,
    incident: IncidentId,
    entry: Entry,
    once: Option<&Once>,
    reply: impl FnOnce(&entity::chronology::Model) -> String,
) -> Result<Reply, OperationError> {
    work.actor.must(Action::Talk, "write into the chronology")?;
    if let Some(again) = work.once(once).await? {
        return Ok(again);
    }
    store::incident::get(&work.tx, incident).await?;
    let mut invalid = Vec::new();
    let text = noroshi_core::answer::clean(entry.text.trim());
    if text.is_empty() {
        invalid.push(Invalid::new("text", "内容を入れてください", "the text must not be empty"));
    }
    for (path, value, most) in [("text", &text, 4000), ("from", &entry.from, 200), ("to", &entry.to, 200)] {
        if value.chars().count() > most {
            invalid.push(Invalid::new(
                path,
                format!("{most}文字までです"),
                format!("at most {most} characters"),
            ));
        }
    }
    let occurred_at = entry.occurred_at.unwrap_or(work.now);
    if occurred_at.0 > work.now.0 + 60_000 {
        invalid.push(Invalid::new("occurred_at", "まだ起きていない時刻です", "lies in the future"));
    }
    if let Some(seq) = entry.corrects
        && (seq < 1
            || store::chronology::list(&work.tx, incident, seq - 1, 1)
                .await?
                .first()
                .is_none_or(|row| row.seq != seq))
    {
        invalid.push(Invalid::new(
            "corrects",
            format!("№{seq} はありません"),
            format!("there is no line {seq}"),
        ));
    }
    if !invalid.is_empty() {
        return Err(OperationError::Invalid(invalid));
    }
    let line = Line {
        occurred_at,
        kind: if entry.corrects.is_some() { "correction" } else { "entry" },
        from: Text::plain(noroshi_core::answer::clean(entry.from.trim())),
        to: Text::plain(noroshi_core::answer::clean(entry.to.trim())),
        text: Text::plain(text),
        actor: work.actor.id.clone(),
        corrects: entry.corrects,
    };
    work.line(incident, line);
    work.flush_quietly().await?;
    let written = store::chronology::newest(&work.tx, incident, None, 1).await?.pop();
    let written = written.expect("a line was just written in this transaction");
    let reply = work.keep(once, 201, reply(&written)).await?;
    work.commit().await?;
    Ok(reply)
}
