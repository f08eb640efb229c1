//! The addresses in a recipient's row, as they were when the alert was raised. What they share with the row, or with most
//! others, is left out: there is such a row for everybody who ever got an alert.

use entity::recipient::Model;
use noroshi_core::{
    addressee::{Way, agency_place, person_place},
    alert::{ContactPoint, Contacts},
    id::RecipientId,
    text::{Language, Text},
};
use sea_orm::prelude::Json;
use serde::{Deserialize, Serialize, Serializer};

use super::{StoreError, from_json, to_json};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    primary: Vec<Point>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternate: Vec<Point>,
}

/// Written as a list, of which only the first two have to be there: `["email", "desk@aoba.example"]`.
#[derive(Deserialize)]
struct Point {
    transport: String,
    address: String,
    /// Where it does not stand under the recipient's own key.
    #[serde(default)]
    contact: Option<String>,
    /// Where it is not the recipient's own.
    #[serde(default)]
    name: Option<Text>,
    /// Where it is not Japanese.
    #[serde(default)]
    language: Option<Language>,
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { transport, address, contact, name, language } = self;
        match (contact, name, language) {
            (None, None, None) => (transport, address).serialize(serializer),
            _ => (transport, address, contact, name, language).serialize(serializer),
        }
    }
}

/// What the row keeps of these addresses; its agency or person and its name stand there already.
pub(super) fn keep(row: &Model, contacts: &Contacts) -> Json {
    let name: Option<Text> = from_json("recipient", row.id, &row.name).ok();
    let points = |points: &[ContactPoint], way: Way| {
        let place = place(row, way);
        let point = |point: &ContactPoint| Point {
            transport: point.transport.clone(),
            address: point.address.clone(),
            contact: (place.as_ref() != Some(&point.contact)).then(|| point.contact.clone()),
            name: (name.as_ref() != Some(&point.name)).then(|| point.name.clone()),
            language: (point.language != Language::default()).then_some(point.language),
        };
        points.iter().map(point).collect()
    };
    to_json(&Kept {
        primary: points(&contacts.primary, Way::Primary),
        alternate: points(&contacts.alternate, Way::Alternate),
    })
}

/// The addresses that the row keeps.
pub(super) fn read(row: &Model) -> Result<Contacts, StoreError> {
    let id = RecipientId::new(row.id);
    let kept: Kept = from_json("recipient", id, &row.contacts)?;
    let name: Text = from_json("recipient", id, &row.name)?;
    let points = |points: Vec<Point>, way: Way| {
        let place = place(row, way);
        let point = |point: Point| ContactPoint {
            contact: point.contact.or_else(|| place.clone()).unwrap_or_default(),
            name: point.name.unwrap_or_else(|| name.clone()),
            transport: point.transport,
            address: point.address,
            language: point.language.unwrap_or_default(),
        };
        points.into_iter().map(point).collect()
    };
    Ok(Contacts {
        primary: points(kept.primary, Way::Primary),
        alternate: points(kept.alternate, Way::Alternate),
    })
}

/// Where the recipient's own contact stands in the directory.
fn place(row: &Model, way: Way) -> Option<String> {
    let agency = row.agency.as_deref().map(|key| agency_place(key, way));
    agency.or_else(|| row.person.as_deref().map(person_place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(agency: Option<&str>, person: Option<&str>) -> Model {
        Model {
            agency: agency.map(str::to_owned),
            person: person.map(str::to_owned),
            name: to_json(&Text::plain("青葉病院")),
            ..Default::default()
        }
    }

    fn point(contact: &str, name: &str, language: Language) -> ContactPoint {
        ContactPoint {
            contact: contact.into(),
            name: Text::plain(name),
            transport: "email".into(),
            address: "desk@aoba.example".into(),
            language,
        }
    }

    /// What is kept, once it is known to read back as it was.
    #[track_caller]
    fn kept(mut row: Model, primary: ContactPoint, alternate: Option<ContactPoint>) -> String {
        let contacts = Contacts { primary: vec![primary], alternate: alternate.into_iter().collect() };
        row.contacts = keep(&row, &contacts);
        assert_eq!(read(&row).unwrap(), contacts);
        row.contacts.to_string()
    }

    #[test]
    fn of_its_own_contact_a_recipient_keeps_the_address_alone() {
        let own = point("agency:aoba primary", "青葉病院", Language::Ja);
        let second = point("agency:aoba alternate", "青葉病院", Language::Ja);
        let address = r#"[["email","desk@aoba.example"]]"#;
        assert_eq!(
            kept(row(Some("aoba"), None), own, Some(second)),
            format!(r#"{{"alternate":{address},"primary":{address}}}"#)
        );
        let person = point("person:p_sato", "青葉病院", Language::Ja);
        assert_eq!(kept(row(None, Some("p_sato")), person, None), format!(r#"{{"primary":{address}}}"#));
    }

    #[test]
    fn what_differs_from_the_recipient_is_kept_with_the_address() {
        let desk = point("agency:aoba primary", "当直室", Language::Ja);
        assert!(kept(row(Some("aoba"), None), desk, None).contains("当直室"));
        let english = point("agency:aoba primary", "青葉病院", Language::En);
        assert!(kept(row(Some("aoba"), None), english, None).ends_with(r#",null,null,"en"]]}"#));
        // A role's holder: the recipient has no key of its own.
        let holder = point("person:p_sato", "佐藤", Language::EasyJa);
        assert!(kept(row(None, None), holder, None).contains("person:p_sato"));
        // Taken over from the other contact.
        let crossed = point("agency:aoba alternate", "青葉病院", Language::Ja);
        assert!(
            kept(row(Some("aoba"), None), crossed, None).contains(r#""agency:aoba alternate",null,null]"#)
        );
    }

    #[test]
    fn rows_in_which_everything_was_kept_are_read_as_they_are() {
        let points = [point("agency:aoba primary", "当直室", Language::Ja)];
        let mut old = row(Some("aoba"), None);
        old.contacts = to_json(&Contacts { primary: points.to_vec(), alternate: Vec::new() });
        assert_eq!(read(&old).unwrap().primary, points);
    }
}
