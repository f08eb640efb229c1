//! The relay: how far the signal has been carried. Five hills, one fire: 送信済み → 到達 → 既読 → 確認 → 回答.
//!
//! It is the evidence that nothing is called more than it is: a hill without proof stays a ring, a hill that the
//! transport cannot see is left out and says so, an unknown result is a question mark.

use noroshi_core::time::Timestamp;

use super::when::When;

/// What is proven about one recipient, best moment of all its deliveries. Filled from the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// A relay or gateway took a letter.
    pub accepted: Option<Timestamp>,
    /// A gateway proved that it arrived.
    pub delivered: Option<Timestamp>,
    /// A person looked at the page.
    pub opened: Option<Timestamp>,
    /// An answer that counts as an acknowledgement.
    pub acked: Option<Timestamp>,
    /// An accept or a decline.
    pub answered: Option<Timestamp>,
    /// Every letter so far was refused or given up.
    pub failed: Option<Timestamp>,
    /// It is not known whether a letter went out.
    pub unknown: Option<Timestamp>,
    /// Whether any transport used can prove arrival.
    pub arrival_can_be_proven: bool,
    /// The answer was taken by telephone.
    pub by_phone: bool,
}

/// How a hill is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fire {
    /// Reached.
    Lit,
    /// Reached last: the fire is here.
    Here,
    /// Not reached.
    Dark,
    /// Cannot be seen by this transport.
    Blank,
    /// Cannot be seen, and a later hill is lit: the way goes on.
    Passed,
    /// Refused.
    Lost,
    /// Not known.
    Dim,
}

/// One hill of the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hill {
    /// How it is drawn.
    pub fire: Fire,
    /// Its name: 送信済み.
    pub name: String,
    /// Its clock, or the word that stands instead.
    pub told: String,
    /// RFC 3339, where `told` is a clock.
    pub iso: Option<String>,
}

impl Hill {
    /// The class of the list item.
    pub const fn class(&self) -> &'static str {
        match self.fire {
            Fire::Lit => "lit",
            Fire::Here => "lit here",
            Fire::Dark => "",
            Fire::Blank => "blank",
            Fire::Passed => "blank passed",
            Fire::Lost => "lost",
            Fire::Dim => "dim",
        }
    }
}

/// The five hills of a recipient.
pub fn relay(evidence: &Evidence, when: &When) -> [Hill; 5] {
    let moments = [evidence.accepted, evidence.delivered, evidence.opened, evidence.acked, evidence.answered];
    let last = moments.iter().rposition(Option::is_some);
    let names = ["relay-accepted", "relay-delivered", "relay-opened", "relay-acked", "relay-answered"];
    std::array::from_fn(|n| {
        let hill = |fire, told: String| Hill { fire, name: when.words.get(names[n]), told, iso: None };
        let reached_later = last.is_some_and(|last| last > n);
        match moments[n] {
            Some(_) if n == 3 && evidence.by_phone => hill(Fire::Lit, when.words.get("relay-by-phone")),
            Some(at) => Hill {
                // Nobody has answered: the fire burns on the last hill that it reached.
                fire: if last == Some(n) && evidence.answered.is_none() { Fire::Here } else { Fire::Lit },
                iso: Some(when.iso(at)),
                ..hill(Fire::Lit, when.short(at))
            },
            None if n == 0 && evidence.unknown.is_some() => hill(Fire::Dim, when.words.get("relay-unknown")),
            None if n == 0 && evidence.failed.is_some() && !reached_later => Hill {
                iso: evidence.failed.map(|at| when.iso(at)),
                ..hill(Fire::Lost, evidence.failed.map(|at| when.short(at)).unwrap_or_default())
            },
            None if n == 1 && !evidence.arrival_can_be_proven => {
                let fire = if reached_later && moments[0].is_some() { Fire::Passed } else { Fire::Blank };
                hill(fire, when.words.get("relay-not-provable"))
            }
            None if reached_later => hill(Fire::Blank, "–".to_owned()),
            None => hill(Fire::Dark, "–".to_owned()),
        }
    })
}

#[cfg(test)]
mod tests {
    use noroshi_core::text::Language;

    use super::{
        super::sample::{at, when},
        *,
    };

    fn drawn(evidence: Evidence) -> [(Fire, String); 5] {
        relay(&evidence, &when(Language::Ja)).map(|hill| (hill.fire, hill.told))
    }

    #[test]
    fn a_mail_that_was_read_passes_the_hill_it_cannot_prove() {
        let read =
            Evidence { accepted: Some(at("03:14:00")), opened: Some(at("03:33:00")), ..Evidence::default() };
        assert_eq!(
            drawn(read),
            [
                (Fire::Lit, "03:14".into()),
                (Fire::Passed, "証明不可".into()),
                (Fire::Here, "03:33".into()),
                (Fire::Dark, "–".into()),
                (Fire::Dark, "–".into()),
            ]
        );
    }

    #[test]
    fn a_refused_letter_is_a_cross_and_an_unknown_one_a_question_mark() {
        let refused = Evidence { failed: Some(at("03:24:00")), ..Evidence::default() };
        assert_eq!(drawn(refused)[0], (Fire::Lost, "03:24".into()));
        let unknown = Evidence { unknown: Some(at("03:24:00")), ..Evidence::default() };
        assert_eq!(drawn(unknown)[0], (Fire::Dim, "不明".into()));
    }

    #[test]
    fn an_answer_by_telephone_was_never_read_on_the_page() {
        let told = at("03:28:00");
        let by_phone = Evidence {
            accepted: Some(at("03:14:00")),
            delivered: Some(at("03:21:00")),
            acked: Some(told),
            answered: Some(told),
            arrival_can_be_proven: true,
            by_phone: true,
            ..Evidence::default()
        };
        let drawn = drawn(by_phone);
        assert_eq!(drawn[2], (Fire::Blank, "–".into()));
        assert_eq!(drawn[3], (Fire::Lit, "電話".into()));
        assert_eq!(drawn[4], (Fire::Lit, "03:28".into()));
    }
}
