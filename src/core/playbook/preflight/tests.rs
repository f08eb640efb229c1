use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{problem::Severity, text::Language};

mod duties;
mod leaving;

const PLAYBOOK: &str = include_str!("../../../../tests/it/fixture/quick.yaml");
const DIRECTORY: &str = include_str!("../../../../tests/it/fixture/directory.yaml");

/// The fixtures with one text for another.
fn with(text: &str, changes: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "the fixture no longer has {from:?}");
        text = text.replace(from, to);
    }
    text
}

struct World {
    playbook: Playbook,
    directory: Directory,
    at: &'static str,
    answers: Answers,
    drill: bool,
    drivers: &'static [&'static str],
    paces: Vec<Pace>,
    health: Option<Vec<Health>>,
    starter: Option<&'static str>,
}

impl World {
    fn of(playbook: &str, directory: &str) -> Self {
        let (found, problems) = crate::directory::read(directory.as_bytes());
        let directory = found.unwrap_or_else(|| panic!("{problems:#?}"));
        let (found, problems) = crate::playbook::read(playbook.as_bytes(), Some(&directory));
        let playbook = found.unwrap_or_else(|| panic!("{problems:#?}"));
        Self {
            playbook,
            directory,
            at: "2026-11-24T03:14:00+09:00",
            answers: Answers::None,
            drill: false,
            drivers: &["smtp", "human_call"],
            paces: Vec::new(),
            health: None,
            starter: None,
        }
    }

    fn plan<T>(&self, use_it: impl FnOnce(&Plan<'_>) -> T) -> T {
        let given = BTreeMap::from([("place".to_owned(), serde_json::Value::from("沖"))]);
        let at = Timestamp::parse_rfc3339(self.at).expect("a moment");
        let values = values(&self.playbook, &self.directory, &given, at, chrono_tz::Asia::Tokyo);
        let values = values.expect("good values");
        let drivers = self.drivers;
        use_it(&Plan {
            playbook: &self.playbook,
            directory: &self.directory,
            values: &values,
            at,
            zone: chrono_tz::Asia::Tokyo,
            answers: self.answers,
            drill: self.drill,
            serves: &|driver| drivers.contains(&driver),
            relays: Some(2),
            paces: &self.paces,
            health: self.health.as_deref(),
            admins: &[],
            commanders: &[],
            starter: self.starter,
        })
    }

    fn timetable(&self) -> Timetable {
        self.plan(preflight)
    }
}

fn quick() -> World {
    World::of(PLAYBOOK, DIRECTORY)
}

fn of<'t>(timetable: &'t Timetable, alert: &str, recipient: &str) -> Vec<(i64, What, Option<&'t str>)> {
    let of_both = timetable
        .entries
        .iter()
        .filter(|entry| entry.alert.as_deref() == Some(alert) && entry.recipient == recipient);
    of_both
        .filter(|entry| entry.what != What::RoleLetter)
        .map(|entry| (entry.offset_ms / 1000, entry.what, entry.way.as_ref().map(|way| way.via.as_str())))
        .collect()
}

fn kinds(timetable: &Timetable) -> Vec<FindingKind> {
    timetable.findings.iter().map(|finding| finding.kind).collect()
}

#[test]
fn a_silent_hospital_climbs_to_the_commander_at_the_times_of_the_file() {
    let timetable = quick().timetable();
    assert_eq!(
        of(&timetable, "standby", "hosp_west"),
        [
            (0, What::Letter, Some("email")),
            (2, What::Resend, Some("email")),
            (4, What::Notify, Some("email")),
            (6, What::Call, None),
            (8, What::Decide, None),
        ]
    );
    assert!(timetable.entries.windows(2).all(|pair| pair[0].offset_ms <= pair[1].offset_ms));
    let recipients: usize = timetable.alerts.iter().map(|alert| alert.recipients).sum();
    assert_eq!(timetable.counts.decisions, recipients, "everybody ends at a person");
    let subject = &timetable.alerts[0].subject;
    assert_eq!((subject.get(Language::Ja), subject.get(Language::En)), ("出動照会 沖", "Can you deploy? 沖"));
}

#[test]
fn every_entry_names_its_line_of_the_file() {
    let timetable = quick().timetable();
    let line = |entry: &Entry| PLAYBOOK.lines().nth(entry.line.expect("a line") as usize - 1).unwrap();
    for entry in &timetable.entries {
        let wanted = match entry.what {
            What::Letter => entry.alert.clone().expect("an alert") + ":",
            What::Offer => entry.recipient.trim_start_matches("role:").to_owned() + ":",
            What::Resend => "do: resend".to_owned(),
            What::Notify => "do: notify".to_owned(),
            What::Call => "do: call".to_owned(),
            What::Decide => "do: decide".to_owned(),
            _ => continue,
        };
        assert!(line(entry).contains(&wanted), "{wanted}: {}", line(entry));
    }
}

#[test]
fn whoever_telephones_or_decides_gets_a_letter_by_each_address() {
    let timetable = quick().timetable();
    let asked: Vec<_> = timetable
        .entries
        .iter()
        .filter(|entry| entry.recipient == "hosp_west" && entry.what == What::RoleLetter)
        .map(|entry| {
            (entry.offset_ms, entry.person.as_deref(), entry.way.as_ref().map(|w| w.address.as_str()))
        })
        .collect();
    assert_eq!(
        asked,
        [
            (6_000, Some("p_liaison"), Some("liaison@eoc.example")),
            (8_000, Some("p_duty"), Some("duty@eoc.example")),
        ]
    );
}

#[test]
fn a_role_is_offered_to_one_after_the_other_while_nobody_accepts() {
    let offers = |timetable: &Timetable| -> Vec<(i64, Option<String>)> {
        let of_role = timetable
            .entries
            .iter()
            .filter(|entry| entry.what == What::Offer && entry.recipient == "role:commander");
        of_role.map(|entry| (entry.offset_ms / 60_000, entry.person.clone())).collect()
    };
    let silent = offers(&quick().timetable());
    assert_eq!(silent, [(0, Some("p_duty".to_owned())), (10, Some("p_deputy".to_owned()))]);
    let willing = World { answers: Answers::All, ..quick() }.timetable();
    assert_eq!(offers(&willing), [(0, Some("p_duty".to_owned()))]);
    assert!(willing.entries.iter().any(|entry| entry.what == What::Accept));
}

#[test]
fn a_delay_moves_the_whole_ladder() {
    let playbook = with(
        PLAYBOOK,
        &[(
            "  notice:\n    send: { event: incident.activated }",
            "  notice:\n    send: { event: incident.activated, delay: 10m }",
        )],
    );
    let timetable = World::of(&playbook, DIRECTORY).timetable();
    let seconds: Vec<i64> = of(&timetable, "notice", "fire_hq").iter().map(|entry| entry.0).collect();
    assert_eq!(seconds, [600, 600 + 1200, 600 + 1500]);
}

#[test]
fn whoever_answers_gets_nothing_more() {
    let timetable = World { answers: Answers::All, ..quick() }.timetable();
    assert_eq!(
        of(&timetable, "standby", "hosp_west"),
        [(0, What::Letter, Some("email")), (0, What::Answer, None)]
    );
}

#[test]
fn when_enough_have_answered_the_others_are_told_that_they_are_not_needed() {
    let playbook = with(
        PLAYBOOK,
        &[
            ("respond_by: 8s, quorum: all", "respond_by: 8s, quorum: { accept: 2 }"),
            (
                "    responses: deploy\n",
                "    responses: deploy\n    stand_down: { subject: 足りました, body: 待機を解いてください }\n",
            ),
        ],
    );
    let timetable = World { answers: Answers::All, ..World::of(&playbook, DIRECTORY) }.timetable();
    let third = of(&timetable, "standby", "hosp_south");
    assert_eq!(third, [(0, What::Letter, Some("email")), (0, What::StandDown, Some("email"))]);
    assert_eq!(of(&timetable, "standby", "hosp_west").last().map(|entry| entry.1), Some(What::Answer));
}

#[test]
fn answers_that_are_too_few_end_at_the_decider_of_the_alert() {
    let quorum = ("respond_by: 8s, quorum: all", "respond_by: 8s, quorum: { accept: 4 }");
    let playbook = with(PLAYBOOK, &[quorum]);
    let timetable = World { answers: Answers::All, ..World::of(&playbook, DIRECTORY) }.timetable();
    let whole = of(&timetable, "standby", "alert:standby");
    assert_eq!(whole, [(0, What::Decide, None)]);
}

#[test]
fn a_step_without_a_driver_is_passed_over_at_once_and_told() {
    let steps = [(
        "at: 2s, if: unread,      do: resend, to: same,      via: [email]",
        "at: 2s, if: unread, do: resend, to: same, via: [sms]",
    )];
    let directory = with(
        DIRECTORY,
        &[
            (
                "  phone: { driver",
                "  sms: { driver: http_gateway, proves: [accepted], max_chars: 100 }\n  phone: { driver",
            ),
            ("dmat@west.example, phone: \"0021\"", "dmat@west.example, sms: \"0021\""),
        ],
    );
    let playbook = with(
        &with(PLAYBOOK, &steps),
        &[
            ("transports: [email]", "transports: [email, sms]"),
            ("    responses: deploy\n", "    sms: \"出動照会→{{ alert.link }}\"\n    responses: deploy\n"),
        ],
    );
    let world = World::of(&playbook, &directory);
    let timetable = world.timetable();
    assert_eq!(
        of(&timetable, "standby", "hosp_west")[..4],
        [
            (0, What::Letter, Some("email")),
            (2, What::Unserved, Some("sms")),
            (2, What::NobodyReached, None),
            (2, What::Notify, Some("email")),
        ]
    );
    assert!(kinds(&timetable).contains(&FindingKind::Unserved));
    let drill = World { drill: true, ..world }.timetable();
    assert_eq!(
        of(&drill, "standby", "hosp_west")[1],
        (2, What::Resend, Some("sms")),
        "a drill writes every letter"
    );
    assert!(!kinds(&drill).contains(&FindingKind::Unserved));
}

#[test]
fn numbers_add_up_to_the_entries() {
    let timetable = quick().timetable();
    let letters =
        timetable.entries.iter().filter(|entry| entry.way.is_some() && entry.what != What::Unserved).count();
    let counts = &timetable.counts;
    assert_eq!(counts.letters, letters);
    assert_eq!(counts.transports.iter().map(|it| it.letters).sum::<usize>(), letters);
    let by_recipient: usize = counts.recipients.iter().flat_map(|it| it.letters.values()).sum();
    assert_eq!(by_recipient, letters);
    let west = counts.recipients.iter().find(|it| it.key == "hosp_west").expect("the hospital");
    assert_eq!((west.letters["email"], west.outside, west.first_ms, west.last_ms), (3, true, 0, 8_000));
    assert_eq!(counts.calls, 3, "three silent hospitals");
}

#[test]
fn a_telephone_wakes_at_night_and_a_mail_or_the_day_does_not() {
    let woken = |at: &'static str, drill: bool| -> Vec<String> {
        let world = World { at, drill, ..quick() };
        world.timetable().woken.into_iter().map(|woken| woken.contact).collect()
    };
    let night = woken("2026-11-24T03:14:00+09:00", false);
    assert_eq!(night, ["agency:hosp_east primary", "agency:hosp_west primary", "agency:hosp_south primary"]);
    assert!(woken("2026-11-24T13:14:00+09:00", false).is_empty());
    assert!(woken("2026-11-24T03:14:00+09:00", true).is_empty(), "a drill disturbs nobody");
    // Six seconds before the night ends: the calls come after it.
    assert!(woken("2026-11-24T06:59:55+09:00", false).is_empty());
    assert_eq!(woken("2026-11-24T21:59:55+09:00", false).len(), 3);
}

#[test]
fn a_sound_start_has_only_what_it_really_hangs_on() {
    let found = kinds(&quick().timetable());
    // The fixture has one driver that writes, and its liaison and commander are different people.
    assert_eq!(found, [FindingKind::OneTransport]);
}

/// What is found, after which changes of the files (from, to), about whom.
type Weakness<'a> = (FindingKind, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn each_weak_point_is_told_of_those_it_concerns() {
    let cases: [Weakness<'_>; 8] = [
        (
            FindingKind::LoneDecider,
            &[("deputy:  { members: [p_deputy] }", "deputy:  { members: [p_duty] }")],
            &["person:p_duty"],
        ),
        (
            FindingKind::OnePerson,
            &[("liaison: { members: [p_liaison] }", "liaison: { members: [p_duty] }")],
            &["person:p_duty"],
        ),
        (
            FindingKind::OneAddress,
            &[(
                "primary: { email: cmd@fire.example, phone: \"0041\" }, alternate: { email: yobi@fire-kanri.example, phone: \"0042\" }",
                "primary: { email: cmd@fire.example }, alternate: { email: cmd@fire.example }",
            )],
            &["fire_hq"],
        ),
        (FindingKind::OwnAlternate, &[("office@west-kanri.example", "office@west.example")], &["hosp_west"]),
        (
            FindingKind::SharedAddress,
            &[("phone: \"0022\"", "phone: \"００３２\"")],
            &["hosp_south", "hosp_west"],
        ),
        (
            FindingKind::SharedDomain,
            &[("office@west-kanri.example", "office@east-kanri.example")],
            &["hosp_east", "hosp_west"],
        ),
        (
            FindingKind::EmptyRoster,
            &[(
                "duty:    { members: [p_duty] }",
                "duty: { members: [p_duty], gaps: [{ from: 2026-11-24T00:00, to: 2026-11-25T00:00, because: 停電 }] }",
            )],
            &["roster.duty"],
        ),
        (
            FindingKind::VacantRole,
            &[(
                "liaison: { members: [p_liaison] }",
                "liaison: { members: [p_liaison], gaps: [{ from: 2026-11-24T00:00, to: 2026-11-25T00:00 }] }",
            )],
            &["role:liaison"],
        ),
    ];
    let sound: BTreeSet<FindingKind> = kinds(&quick().timetable()).into_iter().collect();
    for (kind, changes, subjects) in cases {
        assert!(!sound.contains(&kind), "{kind:?} is told of a sound start");
        let timetable = World::of(PLAYBOOK, &with(DIRECTORY, changes)).timetable();
        let finding = timetable.findings.iter().find(|finding| finding.kind == kind);
        let finding = finding.unwrap_or_else(|| panic!("{kind:?} is not told: {:#?}", timetable.findings));
        let keys: Vec<&str> = finding.subjects.iter().map(|subject| subject.key.as_str()).collect();
        assert_eq!(keys, subjects, "{kind:?}");
        assert!(finding.detail.en.is_some());
    }
}

#[test]
fn a_planned_gap_says_why() {
    let gap = (
        "duty:    { members: [p_duty] }",
        "duty: { members: [p_duty], gaps: [{ from: 2026-11-24T00:00, to: 2026-11-25T00:00, because: 停電 }] }",
    );
    let world = World::of(PLAYBOOK, &with(DIRECTORY, &[gap]));
    let told = |timetable: Timetable| {
        timetable
            .findings
            .iter()
            .find(|it| it.kind == FindingKind::EmptyRoster)
            .map(|it| it.detail.ja.clone())
    };
    assert!(told(world.timetable()).expect("told").contains("停電"));
    let later = World { at: "2026-11-25T00:00:00+09:00", ..world };
    assert_eq!(told(later.timetable()), None, "rosters are asked at the given moment");
}

#[test]
fn a_service_without_mail_reaches_nobody_and_says_so_first() {
    let timetable = World { drivers: &["human_call"], ..quick() }.timetable();
    assert_eq!(timetable.findings[0].kind, FindingKind::NotReached);
    assert_eq!(timetable.findings[0].severity, Severity::Error);
    assert_eq!(timetable.findings[0].subjects.len(), 4);
}

#[test]
fn proofs_older_than_ninety_days_do_not_count() {
    let at = Timestamp::parse_rfc3339("2026-11-24T03:14:00+09:00").expect("a moment");
    let day = |days: i64| Timestamp(at.0 - days * 86_400_000);
    let row = |address: &str, proved_at, doubtful| Health {
        contact: "agency:hosp_west primary".into(),
        transport: "email".into(),
        address: address.into(),
        proved_at,
        doubtful,
    };
    let unproved = |health: Option<Vec<Health>>| {
        let timetable = World { health, ..quick() }.timetable();
        timetable.unproved.map(|list| {
            list.into_iter().filter(|it| it.contact == "agency:hosp_west primary").collect::<Vec<_>>()
        })
    };
    assert_eq!(unproved(None), None, "without a database nothing is known");
    assert_eq!(unproved(Some(vec![row("dmat@west.example", Some(day(90)), false)])).expect("known"), []);
    let stale = unproved(Some(vec![row("dmat@west.example", Some(day(91)), false)])).expect("known");
    assert_eq!(stale[0].proved_at_ms, Some(day(91).0));
    let other = unproved(Some(vec![row("old@west.example", Some(day(1)), false)])).expect("known");
    assert_eq!(other[0].proved_at_ms, None, "a proof of a former address proves nothing");
    let doubtful = World { health: Some(vec![row("dmat@west.example", None, true)]), ..quick() }.timetable();
    assert_eq!(doubtful.findings[0].kind, FindingKind::Doubtful);
}

#[test]
fn each_contact_gets_its_letter_in_its_language() {
    let world = quick();
    let letters = world.plan(|plan| {
        letters::letters(plan, &preflight(plan), letters::Specimen { link: "https://x/a/…" }, |_| true)
    });
    let of = |contact: &str| letters.iter().find(|letter| letter.contact == contact).expect(contact);
    let (west, south) = (of("agency:hosp_west primary"), of("agency:hosp_south primary"));
    assert_eq!(west.subject, "出動照会 沖");
    assert_eq!(west.body, "沖で地震。出動の可否を回答してください。照会先: 000-000-0000");
    assert_eq!(west.respond_by.as_deref(), Some("03:14"));
    assert_eq!(south.subject, "Can you deploy? 沖");
    assert_eq!(south.options, ["Available", "Unavailable", "Checking"]);
    assert_eq!(of("agency:hosp_west alternate").offset_ms, 4_000);
    assert!(of("agency:fire_hq primary").body.contains("調整中"), "nobody has accepted the role yet");
}
