use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::playbook::Dedupe;

fn trigger(mode: Mode, then: Again) -> Trigger {
    let when = vec![
        EventTest { name: "max_intensity".into(), bound: Bound::Compare(Comparison::Gte, json!("6+")) },
        EventTest { name: "area".into(), bound: Bound::Among(Among::Site("areas".into())) },
    ];
    Trigger {
        key: "jma".into(),
        source: Source::JmaEarthquake,
        allow: Vec::new(),
        confirm_title: false,
        mode,
        when,
        dedupe: Some(Dedupe { by: "event_id".into(), window: Span::minutes(60), then }),
        schedule: None,
        webhook: None,
    }
}

const HOLD: Mode = Mode::OpenAndHold { hold: Span::minutes(3), on_timeout: OnTimeout::Send };

fn directory() -> Directory {
    let yaml = "apiVersion: noroshi/v1\nkind: Directory\n\
        metadata: { key: x, title: x, verified_on: 2026-11-01 }\n\
        site: { areas: [青葉県北部, 青葉県南部] }\n\
        transports: { email: { driver: smtp, proves: [accepted] } }\n\
        people: { p: { name: x, human: true, reach: { email: a@b.example } } }\n\
        agencies: { a: { title: x, outside: true, primary: { email: a@b.example }, alternate: { email: c@d.example } } }\n";
    let (directory, problems) = crate::directory::read(yaml.as_bytes());
    directory.unwrap_or_else(|| panic!("{problems:#?}"))
}

fn quake(intensity: &str, areas: &[&str]) -> Event {
    Event {
        source: Source::JmaEarthquake,
        trigger: None,
        id: "20261124031400".into(),
        values: BTreeMap::from([("max_intensity".into(), json!(intensity)), ("areas".into(), json!(areas))]),
    }
}

fn incident(n: u128) -> IncidentId {
    IncidentId::new(Uuid::from_u128(n))
}

const NOW: Timestamp = Timestamp(1_795_457_940_000);

#[test]
fn an_event_opens_what_the_mode_says_and_only_where_every_condition_holds() {
    let hold = Decision::Hold { hold: Span::minutes(3), on_timeout: OnTimeout::Send };
    for (mode, decision) in
        [(HOLD, hold), (Mode::Suggest, Decision::Suggest), (Mode::OpenAndSend, Decision::Send)]
    {
        let trigger = trigger(mode, Again::Attach);
        for (intensity, areas, opens) in [
            ("6+", &["青葉県南部"][..], true),
            ("7", &["県外", "青葉県北部"], true),
            ("6強", &["青葉県北部"], true),
            ("6-", &["青葉県北部"], false),
            ("8", &["青葉県北部"], false),
            ("7", &["県外"], false),
            ("7", &[], false),
        ] {
            let found = decide(&trigger, &directory(), &quake(intensity, areas), &[], NOW);
            match opens {
                true => assert_eq!(found, decision, "{intensity} {areas:?}"),
                false => assert!(matches!(found, Decision::Nothing(_)), "{intensity} {areas:?}: {found:?}"),
            }
        }
    }
}

#[test]
fn what_does_not_hold_is_told_with_the_value_and_the_bound() {
    let found = decide(&trigger(HOLD, Again::Attach), &directory(), &quake("5-", &["青葉県北部"]), &[], NOW);
    let Decision::Nothing(test) = found else { panic!("{found:?}") };
    let name = Text::both("最大震度", "Intensity");
    let why = why_not(&name, &test, &quake("5-", &["青葉県北部"]));
    assert_eq!(why.ja, "条件に当たらない: 最大震度 は 5-（条件: 6+ 以上）");
    assert_eq!(why.en.as_deref(), Some("a condition does not hold: Intensity is 5- (wanted: 6+ or more)"));
    let empty = Event { values: BTreeMap::new(), ..quake("7", &[]) };
    let found = decide(&trigger(HOLD, Again::Attach), &directory(), &empty, &[], NOW);
    assert!(matches!(found, Decision::Nothing(test) if why_not(&name, &test, &empty).ja.contains("値なし")));
}

#[test]
fn full_width_digits_are_compared_as_numbers() {
    for (value, holds_it) in [("１０", true), ("９", true), ("８", false), ("10", true), ("多数", false)]
    {
        assert_eq!(compare(&json!(value), Comparison::Gte, &json!(9)), holds_it, "{value}");
    }
}

#[test]
fn the_same_happening_is_noted_ignored_or_opened_again_as_the_file_says() {
    let past = [Opening { incident: incident(7), at: NOW }];
    for (then, after, decision) in [
        (Again::Attach, 59, Decision::Attach(incident(7))),
        (Again::Ignore, 59, Decision::Ignore(incident(7))),
        (Again::Open, 59, Decision::Send),
        (Again::Attach, 60, Decision::Send),
    ] {
        let now = NOW + Span::minutes(after);
        let found =
            decide(&trigger(Mode::OpenAndSend, then), &directory(), &quake("7", &["青葉県北部"]), &past, now);
        assert_eq!(found, decision, "{then:?} after {after} minutes");
    }
}

#[test]
fn a_happening_is_known_by_the_value_that_the_file_names_or_by_the_sources_own_id() {
    let by = |name: &str| {
        let mut trigger = trigger(HOLD, Again::Attach);
        trigger.dedupe.as_mut().unwrap().by = name.into();
        dedupe_key(&trigger, &quake("7", &["a", "b"])).unwrap()
    };
    assert_eq!(by("event_id"), "20261124031400");
    assert_eq!(by("max_intensity"), "7");
    assert_eq!(by("nothing_such"), "20261124031400");
    let none = Trigger { dedupe: None, ..trigger(HOLD, Again::Attach) };
    assert_eq!(dedupe_key(&none, &quake("7", &[])), None);
}

#[test]
fn a_trigger_hears_its_own_source_and_its_own_name() {
    let jma = trigger(HOLD, Again::Attach);
    let event = quake("7", &[]);
    assert!(hears(&jma, &event));
    assert!(hears(&jma, &Event { trigger: Some("jma".into()), ..event.clone() }));
    assert!(!hears(&jma, &Event { trigger: Some("other".into()), ..event.clone() }));
    assert!(!hears(&jma, &Event { source: Source::Cap, ..event.clone() }));
    let manual = Trigger { source: Source::Manual, ..jma };
    assert!(!hears(&manual, &Event { source: Source::Manual, ..event }));
}

#[test]
fn silence_means_what_the_file_says_and_nothing_is_sent_without_its_values() {
    assert_eq!(after_hold(OnTimeout::Send, true), Decision::Send);
    assert_eq!(after_hold(OnTimeout::Suggest, true), Decision::Suggest);
    assert_eq!(after_hold(OnTimeout::Send, false), Decision::Suggest);
    assert_eq!(after_hold(OnTimeout::Suggest, false), Decision::Suggest);
}

#[test]
fn comparisons_know_intensities_numbers_and_words() {
    for (value, comparison, bound, holds) in [
        (json!("5+"), Comparison::Gt, json!("5-"), true),
        (json!("震度５弱"), Comparison::Lt, json!("5+"), true),
        (json!(4), Comparison::Eq, json!("4"), true),
        (json!(7.2), Comparison::Gte, json!(7), true),
        (json!("10"), Comparison::Gt, json!(9), true),
        (json!("大津波警報"), Comparison::Eq, json!("大津波警報"), true),
        (json!("大津波警報"), Comparison::Ne, json!("津波警報"), true),
        (json!("大津波警報"), Comparison::Contains, json!("津波警報"), true),
        (json!("大津波警報"), Comparison::Gt, json!("津波警報"), false),
        (json!(true), Comparison::Eq, json!(true), true),
        (json!(null), Comparison::Gte, json!(0), false),
    ] {
        assert_eq!(compare(&value, comparison, &bound), holds, "{value} {comparison:?} {bound}");
    }
}

proptest! {
    /// However often and whenever events come, one happening has one opening in its window.
    #[test]
    fn one_happening_is_never_opened_twice_in_its_window(
        steps in prop::collection::vec((0_i64..90, 0_usize..3), 1..60),
        attach in any::<bool>(),
    ) {
        let trigger = trigger(Mode::OpenAndSend, if attach { Again::Attach } else { Again::Ignore });
        let directory = directory();
        let mut openings: BTreeMap<String, Vec<Opening>> = BTreeMap::new();
        let mut now = NOW;
        for (place, (minutes, which)) in steps.into_iter().enumerate() {
            now = now + Span::minutes(minutes);
            let event = Event { id: format!("quake {which}"), ..quake("7", &["青葉県北部"]) };
            let key = dedupe_key(&trigger, &event).unwrap();
            let past = openings.entry(key).or_default();
            match decide(&trigger, &directory, &event, past, now) {
                Decision::Send => past.push(Opening { incident: incident(place as u128), at: now }),
                Decision::Attach(id) => prop_assert!(attach && past.last().unwrap().incident == id),
                Decision::Ignore(id) => prop_assert!(!attach && past.last().unwrap().incident == id),
                other => prop_assert!(false, "{other:?}"),
            }
        }
        for past in openings.values() {
            for pair in past.windows(2) {
                prop_assert!(pair[1].at - pair[0].at >= Span::minutes(60));
            }
        }
    }
}
