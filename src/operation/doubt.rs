//! Answers that perhaps no person gave: mail scanners open links, and some press every button they find.
//!
//! Such an answer is kept and shown with 要確認, and counts for nothing: the ladder goes on until a person answers,
//! by the same link or by telephone. Speed alone makes nobody suspect. See quality, F32.

use entity::recipient;
use noroshi_core::{
    alert::Rule,
    ladder::Input,
    playbook::ResponseOption,
    time::{Span, Timestamp},
};

use super::{
    OperationError, Work,
    alert::{Given, decide},
    answers::Sent,
    scene::Scene,
};
use crate::store::{self, from_json, link::Link, to_json};

/// Two different answers within this time, by one browser that never showed the page, are not a change of mind.
const AT_ONCE: Span = Span::seconds(5);
/// Browsers of one link that are remembered.
const REMEMBERED: usize = 16;

/// What sent an answer, as far as can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Tells one browser from another without saying where it is: a keyed hash of its address and its name.
    pub mark: String,
    /// Whether its address is on the configured list of mail scanners.
    pub scanner: bool,
}

/// Remembers that a visible page was shown by this client.
pub(super) async fn remember(work: &Work<'_>, link: &Link, client: &Client) -> Result<(), OperationError> {
    let mut marks = opened_by(link)?;
    if !marks.contains(&client.mark) && marks.len() < REMEMBERED {
        marks.push(client.mark.clone());
        store::link::set_opened_by(&work.tx, &link.token_hash, to_json(&marks)).await?;
    }
    Ok(())
}

fn opened_by(link: &Link) -> Result<Vec<String>, OperationError> {
    Ok(from_json("link of recipient", link.recipient_id, &link.opened_by)?)
}

/// Whether a person has to look at this answer.
pub(super) fn is_suspect(
    sent: &Sent,
    option: &ResponseOption,
    before: Option<&Given>,
    now: Timestamp,
) -> Result<bool, OperationError> {
    if sent.client.scanner {
        return Ok(true);
    }
    let Some(before) = before else { return Ok(false) };
    let at_once = now - Timestamp(before.at_ms) < AT_ONCE;
    let same_client = before.client.as_ref() == Some(&sent.client.mark);
    // What follows an answer (an arrival after a yes) says nothing different.
    let different = before.option != option.key && option.after.is_none();
    Ok(at_once
        && same_client
        && (different || before.suspect)
        && !opened_by(&sent.link)?.contains(&sent.client.mark))
}

/// Keeps a suspect answer with its recipient and takes back the one that the same client gave just before. What a
/// person has said stands. The row is the caller's to write.
pub(super) async fn keep(
    work: &mut Work<'_>,
    scene: &Scene,
    rule: &Rule,
    row: &mut recipient::Model,
    before: Option<&Given>,
    given: &Given,
) -> Result<(), OperationError> {
    if before.is_some_and(|before| !before.suspect && before.client != given.client) {
        return Ok(());
    }
    row.answer = Some(to_json(given));
    decide(work, scene, rule, row, &Input::Doubted).await?;
    work.changed(scene.id(), "recipient");
    Ok(())
}
