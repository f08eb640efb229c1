//! A request as the operator describes it: words with `{{ names }}`, filled for the place where they stand.

use std::borrow::Cow;

use noroshi_core::text::{Language, Piece, fill, pieces};
use reqwest::Url;

/// Where a value is put, and so how it has to be written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In an address: percent-encoded.
    Address,
    /// In a form: `application/x-www-form-urlencoded`.
    Form,
    /// Inside the quotation marks of a JSON string.
    Json,
    /// In a header, or in a plain body: as it is.
    Plain,
}

impl Place {
    /// The value as it may stand there, so that it cannot end its place.
    pub fn escape(self, value: &str) -> String {
        match self {
            Self::Address | Self::Form => {
                let mut url = Url::parse("data:,").expect("an address");
                url.query_pairs_mut().append_key_only(value);
                let encoded = url.query().unwrap_or_default();
                // A blank is `+` in a form; in a path that would be a plus sign.
                if self == Self::Address { encoded.replace('+', "%20") } else { encoded.to_owned() }
            }
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            Self::Plain => value.to_owned(),
        }
    }
}

/// Fills a template. `value` has to know every name, see [`names`].
pub fn filled(template: &str, place: Place, value: impl Fn(&str) -> Option<String>) -> String {
    fill(template, Language::En, |name| Some(Cow::Owned(place.escape(&value(name).unwrap_or_default()))))
}

/// The names that a template uses; an error is the tag that is not of the form `{{ name }}`.
pub fn names(template: &str) -> Result<Vec<&str>, &str> {
    let mut found = Vec::new();
    for (_, piece) in pieces(template) {
        match piece {
            Piece::Words(_) => {}
            Piece::Name(name) => found.push(name),
            Piece::Broken(tag) => return Err(tag),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_place() {
        let evil = "a&to=1 +\"}\\\n【訓練】%41";
        let put = |template, place| filled(template, place, |_| Some(evil.to_owned()));
        let form = put("to=0&text={{ text }}", Place::Form);
        let read: Vec<(String, String)> =
            Url::parse(&format!("data:,?{form}")).unwrap().query_pairs().into_owned().collect();
        assert_eq!(read, [("to".to_owned(), "0".to_owned()), ("text".to_owned(), evil.to_owned())]);
        let json: serde_json::Value =
            serde_json::from_str(&put(r#"{"text": "{{ text }}"}"#, Place::Json)).unwrap();
        assert_eq!(json["text"], evil);
        let url = Url::parse(&put("https://x.example/send/{{ text }}?t={{ text }}", Place::Address)).unwrap();
        assert_eq!(url.query_pairs().next().unwrap().1, evil);
        assert_eq!(url.path_segments().unwrap().count(), 2);
    }

    #[test]
    fn a_template_is_looked_through_for_its_names() {
        assert_eq!(names("a={{ to }}&b={{secret.key}}"), Ok(vec!["to", "secret.key"]));
        assert_eq!(names("a={{ to"), Err("{{ to"));
    }
}
