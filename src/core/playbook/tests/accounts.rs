//! A role account of the directory (当直師長) is named as a role is: `role:nurse`.

use std::collections::BTreeMap;

use super::{SMALL, SMALL_DIRECTORY, broken, directory, told};
use crate::{
    addressee::WhoIsWho,
    playbook::{PartyRef, Playbook, read, read_checked},
    time::Timestamp,
};

/// Wherever a role can be named; the role itself stands in the places of `NURSE`.
const NAMES: &[(&str, &str)] = &[
    ("source: manual, allow: [roster.duty]", "source: manual, allow: [\"role:NURSE\"]"),
    ("members: [\"role:*\"]", "members: [\"role:*\", \"role:NURSE\"]"),
    ("to: alternate, via: [email, phone]", "to: \"role:NURSE\", via: [email]"),
    ("decide, to: \"role:chief\"", "decide, to: \"role:NURSE\""),
    ("to: [\"agency:hospitals\"]", "to: [\"agency:hospitals\", \"role:NURSE\"]"),
    (
        "to: [\"agency:hospitals\"]\n    via: [email, sms]\n    subject: 取消",
        "to: [\"agency:hospitals\", \"role:NURSE\"]\n    via: [email, sms]\n    subject: 取消",
    ),
    ("from: [roster.duty, roster.deputy]", "from: [\"role:NURSE\", roster.deputy]"),
    ("cancel: { allow: [chief]", "cancel: { allow: [NURSE]"),
    (
        "cancel:",
        "tasks:\n  - items:\n      - { key: count, title: 数える, role: NURSE }\nreports:\n  sitrep: { form: ics209, author: NURSE, schedule: [{ from: 0h, every: 1h }], if_missed: { decide: { at: 5m, to: \"role:NURSE\" } } }\ncancel:",
    ),
];

fn playbook(requires: &str) -> String {
    let (text, _) = broken(SMALL, NAMES);
    text.replace("NURSE", "nurse").replace("variables:", &format!("{requires}variables:"))
}

fn with_account() -> String {
    broken(
        SMALL_DIRECTORY,
        &[
            ("agencies:\n", "role_accounts:\n  nurse: { title: 当直師長, roster: duty }\nagencies:\n"),
            ("duty: { members: [sato]", "duty: { members: [sato, tanaka], since: 2026-11-24"),
            ("sato@eoc.example }", "sato@eoc.example, sms: \"0000\" }"),
            ("tanaka@eoc.example }", "tanaka@eoc.example, sms: \"0000\" }"),
        ],
    )
    .0
}

#[test]
fn a_playbook_that_names_a_desk_of_the_directory_is_sound_there_and_nowhere_else() {
    let text = playbook("");
    assert_eq!(read(text.as_bytes(), Some(&directory(&with_account()))).1, []);
    for elsewhere in [Some(directory(SMALL_DIRECTORY)), None] {
        let (_, problems) = read(text.as_bytes(), elsewhere.as_ref());
        let unknown: Vec<_> = problems.iter().filter(|problem| problem.code == "R01").collect();
        assert_eq!(unknown.len(), text.matches("nurse").count(), "{problems:#?}");
        assert!(unknown.iter().all(|problem| problem.detail.ja.contains("役割「nurse」")), "{unknown:#?}");
    }
    // Nobody accepts a desk, so that nothing can count from it.
    let due = text.replace("role: nurse }", "role: nurse, due: { after: role.nurse.accepted, within: 5m } }");
    let (_, problems) = read(due.as_bytes(), Some(&directory(&with_account())));
    assert_eq!(told(&problems).iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["R01"], "{problems:#?}");
}

#[test]
fn a_desk_that_is_required_is_told_where_the_directory_lacks_it() {
    let requires = "requires: { agencies: [hospitals], rosters: [duty, deputy], transports: [email, sms, phone], role_accounts: [nurse] }\n";
    let text = playbook(requires);
    assert_eq!(read(text.as_bytes(), None).1, []);
    assert_eq!(read(text.as_bytes(), Some(&directory(&with_account()))).1, []);
    let (_, problems) = read(text.as_bytes(), Some(&directory(SMALL_DIRECTORY)));
    let codes: Vec<_> = problems.iter().map(|problem| (problem.code, problem.path.as_str())).collect();
    assert_eq!(codes, [("R03", "requires.role_accounts[0]")], "{problems:#?}");
}

#[test]
fn a_desk_without_anybody_cannot_decide() {
    let empty =
        with_account().replace("members: [sato, tanaka], since: 2026-11-24, rotate: daily", "members: []");
    let (_, problems) = read(playbook("").as_bytes(), Some(&directory(&empty)));
    assert!(problems.iter().any(|problem| problem.code == "A03"), "{problems:#?}");
}

/// The directory of the day may lack the desk, or the group; what was taken in is read all the same.
#[test]
fn a_version_that_was_taken_in_is_read_without_its_directory_and_finds_who_is_on_duty() {
    let playbook: Playbook = read_checked(playbook("").as_bytes()).expect("a playbook");
    let directory = directory(&with_account());
    let nobody = BTreeMap::new();
    let who = WhoIsWho { playbook: &playbook, directory: &directory, holders: &nobody };
    let now = Timestamp::parse_rfc3339("2026-11-24T09:00:00+09:00").unwrap();
    let nurse = PartyRef::Role("nurse".into());
    assert_eq!(who.people(&nurse, now), ["sato"]);
    assert_eq!(who.rosters("chief").into_iter().collect::<Vec<_>>(), ["deputy", "duty"]);
    assert_eq!(who.name(&nurse).ja, "当直師長");
    let told: Vec<_> = who.addressees(&playbook.alerts[0].to, now).into_iter().map(|it| it.party).collect();
    assert_eq!(told, ["agency:hosp_a", "person:sato"]);
}
