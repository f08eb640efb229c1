use super::*;

/// A way out by SMTP that takes so many letters a minute.
fn mail(per_minute: u32, per_domain: Option<u32>) -> Pace {
    let basis = Basis::Assumed { letter_ms: 1, connections: 1 };
    Pace { driver: "smtp".into(), per_minute, per_domain, basis }
}

#[test]
fn a_pace_is_what_a_busy_minute_took_else_what_the_letters_took_else_an_assumption() {
    let busy = |letters| Minute { letters, busy_ms: 8 * 45_000 };
    let quiet = Minute { letters: 10, busy_ms: 10 * 180 };
    let measured = Pace::of("smtp", 8, &[busy(590), quiet, busy(610)], None);
    assert_eq!((measured.per_minute, measured.basis), (610, Basis::Measured { minutes: 2 }));

    let timed = Pace::of("smtp", 8, &[quiet; 5], None);
    let basis = Basis::Timed { letters: 50, letter_ms: 200, connections: 8 };
    assert_eq!((timed.per_minute, timed.basis), (8 * 300, basis));

    let assumed = Pace::of("smtp", 8, &[], Some(0));
    let basis = Basis::Assumed { letter_ms: 1_000, connections: 8 };
    assert_eq!((assumed.per_minute, assumed.basis, assumed.per_domain), (480, basis, Some(1)));
    assert_eq!(Pace::of("smtp", 0, &[Minute { letters: 1, busy_ms: 900_000 }], None).per_minute, 1);
}

#[test]
fn a_handful_of_letters_may_slow_a_pace_and_never_makes_it_fast() {
    // One SMS that took 10 ms would make 8,000 a minute of 4 connections.
    let quick = Pace::of("http_gateway", 4, &[Minute { letters: 1, busy_ms: 10 }], None);
    assert_eq!(quick, Pace::of("http_gateway", 4, &[], None));
    let almost = Minute { letters: 49, busy_ms: 49 * 10 };
    assert_eq!(Pace::of("http_gateway", 4, &[almost], None).per_minute, 240);
    let enough = Minute { letters: 50, busy_ms: 50 * 10 };
    assert_eq!(Pace::of("http_gateway", 4, &[enough], None).per_minute, 8_000);

    let slow = Pace::of("smtp", 8, &[Minute { letters: 3, busy_ms: 3 * 1_980 }], None);
    let basis = Basis::Timed { letters: 3, letter_ms: 2_000, connections: 8 };
    assert_eq!((slow.per_minute, slow.basis), (240, basis));
}

#[test]
fn letters_leave_one_after_the_other_and_every_one_is_counted() {
    let world = World { paces: vec![mail(60, None)], ..quick() };
    let timetable = world.timetable();
    let [leaving] = &timetable.leaving[..] else { panic!("one way out: {:?}", timetable.leaving) };
    assert_eq!((leaving.letters, &leaving.via[..]), (timetable.counts.letters, &["email".to_owned()][..]));
    assert_eq!(leaving.waves.iter().map(|wave| wave.letters).sum::<usize>(), leaving.letters);
    let first = leaving.waves[0];
    assert!(first.letters >= 4, "{first:?}");
    assert_eq!((first.offset_ms, first.last_ms >= 1_000 * first.letters as i64), (0, true));
    // One letter a second without a pause as long as letters wait: here until the last of the first ten seconds.
    let early: usize =
        leaving.waves.iter().filter(|wave| wave.offset_ms < 9_000).map(|wave| wave.letters).sum();
    let through = leaving.waves.iter().filter(|wave| wave.offset_ms < 9_000).map(|wave| wave.last_ms).max();
    assert_eq!(through, Some(1_000 * early as i64));
}

#[test]
fn a_letter_that_its_own_ladder_overtakes_is_a_weak_point() {
    let slow = World { paces: vec![mail(12, None)], ..quick() }.timetable();
    let found = slow.findings.iter().find(|finding| finding.kind == FindingKind::Overtaken);
    let found = found.unwrap_or_else(|| panic!("{:?}", slow.findings));
    assert_eq!(found.severity, Severity::Warning);
    assert!(
        found.detail.ja.contains("1分に約12通") && found.detail.ja.contains("3 宛先"),
        "{}",
        found.detail.ja
    );

    let quick_enough = World { paces: vec![mail(6_000, None)], ..quick() }.timetable();
    assert!(!kinds(&quick_enough).contains(&FindingKind::Overtaken));
    let drill = World { paces: vec![mail(12, None)], drill: true, ..quick() }.timetable();
    assert!(!kinds(&drill).contains(&FindingKind::Overtaken) && drill.leaving.is_empty());
}

#[test]
fn what_is_most_urgent_leaves_first() {
    let later = with(
        PLAYBOOK,
        &[(
            "    severity: critical\n    subject: { ja: 医療本部設置",
            "    severity: normal\n    subject: { ja: 医療本部設置",
        )],
    );
    // At a letter a second the first reminders of the hospitals fall due while first letters still wait.
    let fire_leaves_before_a_reminder = |playbook: &str| {
        let world = World::of(playbook, DIRECTORY);
        let entries = world.timetable().entries;
        let letters: Vec<&Entry> = entries.iter().filter(|entry| entry.way.is_some()).collect();
        let through = world.plan(|plan| super::super::leaving::queue(plan, &mail(60, None), &letters));
        let of = |recipient: &str, what: What| {
            let at = letters.iter().position(|entry| entry.recipient == recipient && entry.what == what);
            through[at.expect("such a letter")]
        };
        of("fire_hq", What::Letter) < of("hosp_west", What::Resend)
    };
    assert!(fire_leaves_before_a_reminder(PLAYBOOK));
    assert!(!fire_leaves_before_a_reminder(&later));
}

#[test]
fn letters_to_one_domain_keep_their_distance() {
    let near =
        with(DIRECTORY, &[("dmat@west.example", "w@east.example"), ("dmat@south.example", "s@east.example")]);
    let last_of_first_wave = |directory: &str, limit| {
        let world = World { paces: vec![mail(60_000, limit)], ..World::of(PLAYBOOK, directory) };
        world.timetable().leaving[0].waves[0].last_ms
    };
    assert!(last_of_first_wave(&near, None) < 100);
    let held = last_of_first_wave(&near, Some(60));
    assert!(
        (2_000..2_100).contains(&held),
        "the third letter to the domain leaves after two seconds: {held}"
    );
}

#[test]
fn an_alert_that_reaches_nobody_and_waits_for_nothing_is_told() {
    let informing = with(
        PLAYBOOK,
        &[(
            "    responses: confirm\n    ack: { unit: agency, ack_by: 20m, quorum: all }\n    ladder: remind\n  stand_down:",
            "    ack: { mode: none, because: 周知のみ }\n  stand_down:",
        )],
    );
    let nowhere = with(
        DIRECTORY,
        &[("primary: { email: cmd@fire.example, phone: \"0041\" }", "primary: { phone: \"0041\" }")],
    );
    // The directory has changed since the playbook was checked.
    let (directory, _) = crate::directory::read(nowhere.as_bytes());
    let world = World { directory: directory.expect("a directory"), ..World::of(&informing, DIRECTORY) };
    let timetable = world.timetable();
    assert_eq!(of(&timetable, "notice", "fire_hq"), [(0, What::NobodyTold, None)]);
    let found = timetable.findings.iter().find(|finding| finding.kind == FindingKind::NotTold);
    assert_eq!(found.map(|found| found.subjects[0].key.as_str()), Some("fire_hq"));
    assert!(!kinds(&timetable).contains(&FindingKind::NotReached));
}
