//! Addresses that have changed in the directory while an alert waits for its answers.
//!
//! An alert keeps the addresses it was raised with. [`moved`] says which of them are others now; a person may then
//! take the new ones over ([`adopt`]) and have the alert written there once more ([`send_again`]). The ladder stays
//! where it is.

use std::collections::BTreeSet;

use crate::{
    addressee::{agency_contacts, person_points},
    alert::{ContactPoint, Contacts, State},
    directory::Directory,
    effect::{Effect, Occasion, Outgoing},
    ladder::{Recipient, Scene},
};

/// An address that is another now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// As it was when the alert was raised; `None` where the transport had no address.
    pub old: Option<ContactPoint>,
    /// As it is now; `None` where the directory has none any more.
    pub new: Option<ContactPoint>,
}

impl Moved {
    /// The point itself: where it stands and by which transport.
    pub fn point(&self) -> Option<&ContactPoint> {
        self.new.as_ref().or(self.old.as_ref())
    }
}

/// The addresses of an agency or person in a directory; `None` for a recipient with nobody behind it.
pub fn contacts_in(directory: &Directory, agency: Option<&str>, person: Option<&str>) -> Option<Contacts> {
    match (agency, person) {
        (Some(key), _) => Some(agency_contacts(directory, key)),
        (None, Some(key)) => Some(Contacts { primary: person_points(directory, key), alternate: Vec::new() }),
        (None, None) => None,
    }
}

/// The addresses that differ, in the order of the contacts.
///
/// - `via`: the alert's transports. A first contact that has got an address for one of them has moved too.
pub fn moved(then: &Contacts, now: &Contacts, via: &[String]) -> Vec<Moved> {
    let same = |a: &ContactPoint, b: &ContactPoint| a.contact == b.contact && a.transport == b.transport;
    let find = |of: &Contacts, point: &ContactPoint| {
        of.primary.iter().chain(&of.alternate).find(|other| same(other, point)).cloned()
    };
    let mut found = Vec::new();
    for old in then.primary.iter().chain(&then.alternate) {
        let new = find(now, old);
        if new.as_ref().is_none_or(|new| new.address != old.address) {
            found.push(Moved { old: Some(old.clone()), new });
        }
    }
    for new in now.primary.iter().filter(|new| via.contains(&new.transport)) {
        if find(then, new).is_none() {
            found.push(Moved { old: None, new: Some(new.clone()) });
        }
    }
    found
}

/// The contacts with the new addresses in the places of the old ones.
pub fn adopt(then: &Contacts, moved: &[Moved]) -> Contacts {
    let replaced = |points: &[ContactPoint]| -> Vec<ContactPoint> {
        let now = |point: &ContactPoint| match moved.iter().find(|it| it.old.as_ref() == Some(point)) {
            Some(moved) => moved.new.clone(),
            None => Some(point.clone()),
        };
        points.iter().filter_map(now).collect()
    };
    let mut contacts = Contacts { primary: replaced(&then.primary), alternate: replaced(&then.alternate) };
    contacts.primary.extend(moved.iter().filter(|it| it.old.is_none()).filter_map(|it| it.new.clone()));
    contacts
}

/// The new addresses that the alert is to be written to: those of the first contact by the alert's transports, and
/// those of whoever has been written to before (`told`: contact and transport).
pub fn to_write_to(
    then: &Contacts,
    moved: &[Moved],
    via: &[String],
    told: &BTreeSet<(String, String)>,
) -> Vec<ContactPoint> {
    let is_first = |moved: &Moved| match &moved.old {
        Some(old) => then.primary.contains(old) && via.contains(&old.transport),
        None => true,
    };
    let was_told = |point: &ContactPoint| told.contains(&(point.contact.clone(), point.transport.clone()));
    moved
        .iter()
        .filter_map(|moved| Some((moved, moved.new.as_ref()?)))
        .filter(|(moved, new)| is_first(moved) || was_told(new))
        .map(|(_, new)| new.clone())
        .collect()
}

/// Writes the alert to these points once more. State, step and timer stay; only whoever has not answered gets more
/// letters.
pub fn send_again(scene: &Scene<'_>, recipient: &Recipient, to: &[ContactPoint]) -> (Recipient, Vec<Effect>) {
    let mut next = recipient.clone();
    let mut effects = Vec::new();
    if !matches!(recipient.state, State::Waiting | State::ToDecide | State::Informed) {
        return (next, effects);
    }
    for point in to {
        let letter = next.next_letter;
        next.next_letter += 1;
        let unserved = !scene.book.served.contains(&point.transport);
        // The step that follows failure waits for this letter too.
        if !unserved && next.state == State::Waiting {
            next.pending.insert(letter);
        }
        let point = point.clone();
        effects.push(Effect::Send(Outgoing { letter, occasion: Occasion::Resend, point, unserved }));
    }
    (next, effects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Text};

    fn point(contact: &str, transport: &str, address: &str) -> ContactPoint {
        ContactPoint {
            contact: contact.into(),
            name: Text::plain("当直室"),
            transport: transport.into(),
            address: address.into(),
            language: Language::Ja,
        }
    }

    fn contacts(mail: &str, phone: &str) -> Contacts {
        Contacts {
            primary: vec![point("agency:a primary", "email", mail)],
            alternate: vec![point("agency:a alternate", "phone", phone)],
        }
    }

    const NOBODY: BTreeSet<(String, String)> = BTreeSet::new();

    #[test]
    fn a_changed_address_takes_the_place_of_the_old_one_and_is_written_to() {
        let (then, now) = (contacts("old@a.example", "000-1"), contacts("new@a.example", "000-2"));
        let via = ["email".to_owned()];
        let moved = moved(&then, &now, &via);
        assert_eq!(moved.len(), 2);
        assert_eq!(adopt(&then, &moved), now);
        assert_eq!(
            to_write_to(&then, &moved, &via, &NOBODY),
            now.primary,
            "the telephone was not called yet"
        );
        let called = [("agency:a alternate".to_owned(), "phone".to_owned())].into();
        assert_eq!(to_write_to(&then, &moved, &via, &called).len(), 2);
    }

    #[test]
    fn what_is_gone_and_what_is_new_by_the_alerts_transports_has_moved() {
        let then = contacts("old@a.example", "000-1");
        let mut now = then.clone();
        now.primary =
            vec![point("agency:a primary", "sms", "000-3"), point("agency:a primary", "fax", "000-4")];
        let found = moved(&then, &now, &["email".to_owned(), "sms".to_owned()]);
        let shown: Vec<_> = found
            .iter()
            .map(|it| {
                (it.old.as_ref().map(|p| p.address.as_str()), it.new.as_ref().map(|p| p.address.as_str()))
            })
            .collect();
        assert_eq!(shown, [(Some("old@a.example"), None), (None, Some("000-3"))]);
        assert_eq!(adopt(&then, &found).primary, now.primary[..1]);
        assert_eq!(moved(&then, &then, &["email".to_owned()]), []);
    }
}
