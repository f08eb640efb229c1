//! The call list on the board: whom to telephone, why, whose turn it is, and where the answer is typed in.
//!
//! A call is due while its recipient waits: because the ladder has come to a step that asks somebody to telephone, or
//! because the telephone is the way by which the playbook reaches this recipient. An answer, a decision or the end of
//! the incident takes it off the list.

use entity::{delivery, recipient};
use noroshi_core::{
    addressee::BY_HAND,
    id::RecipientId,
    playbook::{Action, PartyRef, Target},
    text::Text,
};

use super::{
    board::AlertFacts,
    facts::{AlertRows, Letters},
    frame::Frame,
    recipient::phones,
};
use crate::{
    operation::scene::{Scene, text},
    web::problem::WebError,
};

/// So many calls stand on the board unfolded; ten of them would hide the answers below.
pub const IN_VIEW: usize = 3;

/// One call that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `rcp_…`.
    pub recipient: String,
    /// Whom to call.
    pub name: String,
    /// Desk, number as it was typed, and number as a telephone takes it; the last is empty in a drill, where nobody is
    /// called.
    pub numbers: Vec<(String, String, String)>,
    /// Why, in a sentence.
    pub why: String,
    /// What to ask, in the playbook's words; empty where it says nothing.
    pub ask: String,
    /// Whose turn it is: the role, and who holds it.
    pub turn: String,
}

/// The calls that are due, in the order of the board.
///
/// - `facts`: what the board says of the same alerts, in the same order.
pub fn calls(
    scene: &Scene,
    alerts: &[AlertRows],
    facts: &[AlertFacts],
    letters: &Letters,
    frame: &Frame,
) -> Result<Vec<Call>, WebError> {
    let language = frame.words.0;
    let mut found = Vec::new();
    if !scene.is_open() {
        return Ok(found);
    }
    for (alert, said) in alerts.iter().zip(facts) {
        let why = |key: &str| frame.words.with(key, &[("what", said.subject.clone().into())]);
        for row in alert.recipients.iter().filter(|row| matches!(row.state.as_str(), "waiting" | "to_decide"))
        {
            let (why, ask, turn) = if let Some((party, ask)) = asked(alert, row) {
                let ask = ask.map(|ask| ask.get(language).to_owned()).unwrap_or_default();
                (why("call-why-silent"), ask, turn(scene, party, frame))
            } else if letters.get(&row.id).is_some_and(|sent| sent.iter().any(|letter| is_due(scene, letter)))
            {
                (why("call-why-way"), String::new(), frame.words.get("call-turn-anybody"))
            } else {
                continue;
            };
            let number = |(desk, number): (String, String)| {
                let dialled = if scene.is_drill() { String::new() } else { dialled(&number) };
                (desk, number, dialled)
            };
            found.push(Call {
                recipient: RecipientId::new(row.id).to_string(),
                name: text(&row.name).get(language).to_owned(),
                numbers: phones(scene, row, language)?.into_iter().map(number).collect(),
                why,
                ask,
                turn,
            });
        }
    }
    Ok(found)
}

/// Who is asked to telephone by the last step of that kind which was taken, and what they are to ask.
fn asked<'a>(alert: &'a AlertRows, row: &recipient::Model) -> Option<(&'a PartyRef, Option<&'a Text>)> {
    let steps = &alert.rule.ladder.as_ref()?.steps;
    let taken = usize::try_from(row.step).unwrap_or(0).min(steps.len());
    steps[..taken].iter().rev().find_map(|step| match &step.action {
        Action::Call { to: Target::Party(party), ask } => Some((party, ask.as_ref())),
        _ => None,
    })
}

/// Whether this is a letter that somebody has to bring by telephone. In a drill it has been stored at once.
fn is_due(scene: &Scene, letter: &delivery::Model) -> bool {
    let transport = scene.directory.transports.get(&letter.via);
    let by_hand = transport.is_some_and(|transport| transport.driver == BY_HAND);
    by_hand && matches!(letter.state.as_str(), "queued" | "leased" | "accepted")
}

/// The role, and who holds it.
fn turn(scene: &Scene, party: &PartyRef, frame: &Frame) -> String {
    let language = frame.words.0;
    let people = scene.people(party, frame.when.now);
    let holder = people.first().and_then(|person| scene.directory.people.get(person));
    let holder = holder.map(|person| person.name.get(language)).unwrap_or_default();
    format!("{} {holder}", scene.party_name(party).get(language)).trim_end().to_owned()
}

/// A number as a telephone takes it: digits, and a plus before them.
fn dialled(number: &str) -> String {
    let digits = number.chars().filter_map(|c| match c {
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10),
        '＋' => Some('+'),
        c if c.is_ascii_digit() || c == '+' => Some(c),
        _ => None,
    });
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_dialled_as_it_was_meant() {
        assert_eq!(dialled("０００-1234 内線5"), "00012345");
        assert_eq!(dialled("+81 90-0000-0000"), "+819000000000");
    }
}
