//! Standing in for somebody: whether it can be, before it is written down.

use std::collections::BTreeSet;

use super::{Cover, Directory};
use crate::{
    text::{Language, Text},
    time::{Span, Timestamp},
};

/// The longest cover: whoever is away for longer belongs off the roster.
const LONGEST: Span = Span::minutes(92 * 24 * 60);

/// Why a cover cannot be: the field that is wrong, and what to do.
pub type Conflict = (&'static str, Text);

impl Cover {
    /// Whether both speak of the same roster at some moment.
    fn meets(&self, other: &Self) -> bool {
        let same = self.roster.is_none() || other.roster.is_none() || self.roster == other.roster;
        same && self.from < other.to && other.from < self.to
    }
}

impl Directory {
    /// The rosters that a cover speaks of and in which its absent person has a place.
    pub fn rosters_of(&self, cover: &Cover) -> Vec<&str> {
        let keys = self.rosters.keys().map(String::as_str);
        keys.filter(|key| cover.roster.as_deref().is_none_or(|only| only == *key))
            .filter(|key| self.ever_on_duty(key).contains(&cover.absent.as_str()))
            .collect()
    }

    /// Everything that speaks against a cover, all at once; nothing where it can be.
    pub fn conflicts(&self, cover: &Cover, now: Timestamp) -> Vec<Conflict> {
        let mut found = self.unknown_names(cover);
        if cover.absent == cover.stand_in {
            found.push((
                "stand_in",
                Text::both("代わる人は、休む人とは別の人にしてください", "somebody else has to stand in"),
            ));
        }
        if cover.to <= cover.from {
            found.push((
                "to",
                Text::both("終わりを始まりより後にしてください", "the end must be later than the beginning"),
            ));
        } else if cover.to <= now {
            found.push((
                "to",
                Text::both(
                    "もう過ぎた時間です。これからの時間を入れてください",
                    "this time is over; give one that is to come",
                ),
            ));
        } else if cover.to - cover.from > LONGEST {
            found.push((
                "to",
                Text::both(
                    "代わりは92日までです。長く休むときは当番表を改めてください",
                    "a cover lasts 92 days at most; change the roster for a longer absence",
                ),
            ));
        }
        if found.is_empty() {
            found.extend(self.clashes(cover));
        }
        found
    }

    fn unknown_names(&self, cover: &Cover) -> Vec<Conflict> {
        let mut found = Vec::new();
        for (path, person) in [("absent", &cover.absent), ("stand_in", &cover.stand_in)] {
            if !self.people.get(person).is_some_and(|person| person.human) {
                found.push((
                    path,
                    Text::both(
                        format!("連絡先台帳に「{person}」という人はいません"),
                        format!("the directory has no person \"{person}\""),
                    ),
                ));
            }
        }
        if let Some(roster) = &cover.roster
            && !self.rosters.contains_key(roster)
        {
            found.push((
                "roster",
                Text::both(
                    format!("当番表「{roster}」はありません"),
                    format!("there is no roster \"{roster}\""),
                ),
            ));
        }
        found
    }

    /// The stand-in is on the same roster in that time: which roster, and what can be done.
    fn shared(&self, roster: &str, cover: &Cover, stand_in: &Text) -> Text {
        let title = self.rosters.get(roster).and_then(|found| found.title.clone());
        let title = title.unwrap_or_else(|| Text::plain(roster));
        let others = self.rosters_of(cover).len() > 1;
        let (then_ja, then_en) = match (&cover.roster, others) {
            (None, true) => (
                "代わる当番表を一つずつ選ぶか、別の人にしてください",
                "choose one roster at a time, or somebody else",
            ),
            _ => ("別の人にしてください", "choose somebody else"),
        };
        Text::both(
            format!("{}さんはその間、当番表「{}」で同じ当番に入っています。{then_ja}", stand_in.ja, title.ja),
            format!(
                "{} is on duty on the roster {} then anyway; {then_en}",
                stand_in.get(Language::En),
                title.get(Language::En)
            ),
        )
    }

    /// What else is planned for the two in that time.
    fn clashes(&self, cover: &Cover) -> Option<Conflict> {
        let name =
            |key: &str| self.people.get(key).map_or_else(|| Text::plain(key), |person| person.name.clone());
        let (absent, stand_in) = (name(&cover.absent), name(&cover.stand_in));
        let en = |text: &Text| text.en.clone().unwrap_or_else(|| text.ja.clone());
        for other in self.covers.iter().filter(|other| other.meets(cover)) {
            if other.absent == cover.absent {
                let who = name(&other.stand_in);
                return Some((
                    "from",
                    Text::both(
                        format!(
                            "{}さんの代わりは、その間{}さんに決まっています。先に取り消してください",
                            absent.ja, who.ja
                        ),
                        format!(
                            "{} already stands in for {} then; take that back first",
                            en(&who),
                            en(&absent)
                        ),
                    ),
                ));
            }
            if other.absent == cover.stand_in {
                return Some((
                    "stand_in",
                    Text::both(
                        format!("{}さんもその間休みです。別の人にしてください", stand_in.ja),
                        format!("{} is away then too; choose somebody else", en(&stand_in)),
                    ),
                ));
            }
            if other.stand_in == cover.absent {
                let who = name(&other.absent);
                return Some((
                    "absent",
                    Text::both(
                        format!(
                            "{}さんはその間{}さんの代わりです。先にそちらを取り消してください",
                            absent.ja, who.ja
                        ),
                        format!("{} stands in for {} then; take that back first", en(&absent), en(&who)),
                    ),
                ));
            }
        }
        let mut on_duty = BTreeSet::new();
        for roster in self.rosters_of(cover) {
            for shift in self.shifts(roster, cover.from, cover.to) {
                if !shift.people.contains(&cover.absent) {
                    continue;
                }
                if shift.people.contains(&cover.stand_in) {
                    return Some(("stand_in", self.shared(roster, cover, &stand_in)));
                }
                on_duty.insert(roster);
            }
        }
        on_duty.is_empty().then(|| {
            (
                "from",
                Text::both(
                    format!("{}さんはその間、当番に入っていません。代わりは要りません", absent.ja),
                    format!("{} is not on duty then; nobody has to stand in", en(&absent)),
                ),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "apiVersion: noroshi/v1\nkind: Directory\nmetadata: { key: t, title: t, verified_on: 2026-11-01 }\n\
        transports:\n  phone: { driver: human_call }\nagencies: {}\npeople:\n  sato: { name: 佐藤 }\n  suzuki: { name: 鈴木 }\n  \
        tanaka: { name: 田中 }\n  desk: { name: 窓口, human: false }\nrosters:\n  duty: { members: [sato, suzuki], rotate: daily, since: 2026-11-01, handover: \"08:30\" }\n  \
        both: { members: [sato, suzuki] }\n";

    fn directory() -> Directory {
        super::super::read(FILE.as_bytes()).0.expect("a small directory")
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(&format!("2026-11-{text}:00+09:00")).expect("a moment")
    }

    fn cover(roster: &str, absent: &str, stand_in: &str, from: &str, to: &str) -> Cover {
        let roster = (!roster.is_empty()).then(|| roster.to_owned());
        Cover { roster, absent: absent.into(), stand_in: stand_in.into(), from: at(from), to: at(to) }
    }

    /// The fields that speak against it, seen from 1 November.
    fn against(directory: &Directory, cover: &Cover) -> Vec<&'static str> {
        directory.conflicts(cover, at("01T00:00")).into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn a_cover_replaces_its_person_and_nobody_else() {
        let mut directory = directory();
        let night = cover("duty", "sato", "tanaka", "03T18:00", "04T06:00");
        assert_eq!(against(&directory, &night), [""; 0]);
        directory.covers.push(night);
        assert_eq!(directory.on_duty("duty", at("03T12:00")), ["sato"]);
        assert_eq!(directory.on_duty("duty", at("03T18:00")), ["tanaka"]);
        assert_eq!(directory.on_duty("duty", at("04T06:00")), ["sato"]);
        assert_eq!(directory.on_duty("both", at("03T18:00")), ["sato", "suzuki"], "on this roster alone");
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_field() {
        let mut directory = directory();
        for (wanted, fields) in [
            (cover("duty", "sato", "sato", "03T18:00", "03T12:00"), vec!["stand_in", "to"]),
            (cover("night", "nobody", "desk", "03T18:00", "04T06:00"), vec!["absent", "stand_in", "roster"]),
            (cover("duty", "sato", "tanaka", "02T09:00", "02T18:00"), vec!["from"]),
            (cover("both", "sato", "suzuki", "03T18:00", "04T06:00"), vec!["stand_in"]),
        ] {
            assert_eq!(against(&directory, &wanted), fields, "{wanted:?}");
        }
        let over =
            directory.conflicts(&cover("duty", "sato", "tanaka", "03T18:00", "04T06:00"), at("05T00:00"));
        assert_eq!(over.len(), 1);
        directory.covers.push(cover("", "sato", "tanaka", "03T09:00", "04T06:00"));
        for (wanted, field) in [
            (cover("duty", "sato", "suzuki", "03T18:00", "05T06:00"), "from"),
            (cover("both", "suzuki", "sato", "03T18:00", "05T06:00"), "stand_in"),
            (cover("duty", "tanaka", "suzuki", "03T18:00", "05T06:00"), "absent"),
        ] {
            assert_eq!(against(&directory, &wanted), [field], "{wanted:?}");
        }
        assert_eq!(against(&directory, &cover("duty", "sato", "tanaka", "05T09:00", "05T18:00")), [""; 0]);
    }
}
