use proptest::prelude::*;

use super::*;
use crate::{playbook::Due, text::Text};

const MINUTE: i64 = 60_000;
const REQUIRED: Rule = Rule { required: true, repeat_every: None };

fn at(minutes: i64) -> Timestamp {
    Timestamp(minutes * MINUTE)
}

fn due_at(minutes: i64) -> Task {
    let followed = Input::Followed { due: Some(at(minutes)), blocked: false };
    advance(REQUIRED, &Task::new(), followed, at(0)).0
}

#[test]
fn reminders_begin_at_the_deadline_and_come_again_and_again() {
    let mut task = due_at(15);
    assert_eq!(task.next_reminder, Some(at(15)));
    let mut moments = Vec::new();
    for reminder in 0..7 {
        let now = task.next_reminder.unwrap();
        moments.push(now.0 / MINUTE);
        let (next, effects) = advance(REQUIRED, &task, Input::TimerFired { reminder }, now);
        assert!(effects.contains(&Effect::Remind { before: reminder }), "{effects:?}");
        assert_eq!(
            effects.iter().filter(|e| matches!(e, Effect::FellDue { .. })).count(),
            usize::from(reminder == 0)
        );
        task = next;
    }
    assert_eq!(moments, [15, 20, 25, 35, 50, 65, 80]);
}

#[test]
fn a_timer_that_fires_twice_reminds_once() {
    let (task, _) = advance(REQUIRED, &due_at(15), Input::TimerFired { reminder: 0 }, at(15));
    assert_eq!(advance(REQUIRED, &task, Input::TimerFired { reminder: 0 }, at(15)), (task.clone(), vec![]));
}

#[test]
fn a_timer_that_fires_too_early_is_set_again() {
    let (task, effects) = advance(REQUIRED, &due_at(15), Input::TimerFired { reminder: 0 }, at(14));
    assert_eq!((task, effects), (due_at(15), vec![Effect::SetTimer { reminder: 0, due: at(15) }]));
}

#[test]
fn a_deadline_noticed_late_says_so() {
    let (_, effects) = advance(REQUIRED, &due_at(15), Input::TimerFired { reminder: 0 }, at(40));
    assert_eq!(effects[0], Effect::FellDue { noticed_late: Some(Span::minutes(25)) });
}

#[test]
fn nobody_is_reminded_of_what_cannot_be_done_yet() {
    let blocked = Input::Followed { due: Some(at(15)), blocked: true };
    let (task, effects) = advance(REQUIRED, &due_at(15), blocked, at(1));
    assert_eq!((task.next_reminder, effects), (None, vec![Effect::DropTimer]));
    assert_eq!(task.due, Some(at(15)), "its deadline stands");
    let free = Input::Followed { due: None, blocked: false };
    let (_, effects) = advance(REQUIRED, &task, free, at(30));
    assert_eq!(
        effects,
        [Effect::SetTimer { reminder: 0, due: at(30) }],
        "what is free too late is told at once"
    );
}

#[test]
fn a_deadline_once_set_stands() {
    let later = Input::Followed { due: Some(at(99)), blocked: false };
    assert_eq!(advance(REQUIRED, &due_at(15), later, at(3)), (due_at(15), vec![]));
}

#[test]
fn a_repeating_task_comes_back_after_it_was_done_and_not_after_it_was_dropped() {
    let rule = Rule { required: false, repeat_every: Some(Span::minutes(120)) };
    let (done, effects) = advance(rule, &due_at(15), Input::Done, at(20));
    assert_eq!(effects, [Effect::DropTimer, Effect::Hush, Effect::Again { due: at(140) }]);
    assert_eq!(advance(rule, &done, Input::Done, at(21)).1, [], "a second press does nothing");
    assert_eq!(advance(rule, &due_at(15), Input::NotNeeded, at(20)).1, [Effect::DropTimer, Effect::Hush]);
}

#[test]
fn a_task_that_was_not_done_after_all_is_reminded_of_anew() {
    let (done, _) = advance(REQUIRED, &due_at(15), Input::Done, at(20));
    let (open, effects) = advance(REQUIRED, &done, Input::Reopened, at(21));
    assert_eq!(open.state, State::Open);
    assert_eq!(effects, [Effect::SetTimer { reminder: 0, due: at(26) }]);
}

#[test]
fn every_anchor_gives_its_deadline() {
    let moments = Moments {
        incident: BTreeMap::from([(IncidentMoment::Activated, at(1))]),
        done: BTreeMap::from([("a".into(), at(2))]),
        accepted: BTreeMap::from([("chief".into(), at(3))]),
        answered: BTreeMap::from([("standby".into(), at(4))]),
    };
    let plan = |after| TaskPlan {
        key: "t".into(),
        title: Text::plain("t"),
        role: "chief".into(),
        due: Some(Due { after, within: Span::minutes(10) }),
        when: None,
        requires: Vec::new(),
        required: false,
        evidence: None,
        repeat_every: None,
        form: None,
        on_demand: false,
    };
    for (anchor, due) in [
        (Anchor::Incident(IncidentMoment::Activated), Some(at(11))),
        (Anchor::Incident(IncidentMoment::Stabilised), None),
        (Anchor::TaskDone("a".into()), Some(at(12))),
        (Anchor::TaskDone("b".into()), None),
        (Anchor::RoleAccepted("chief".into()), Some(at(13))),
        (Anchor::AlertAnswered("standby".into()), Some(at(14))),
        (Anchor::Created, Some(at(15))),
    ] {
        assert_eq!(moments.due(&plan(anchor.clone()), at(5), Tz::UTC), due, "{anchor:?}");
    }
    assert_eq!(moments.due(&TaskPlan { due: None, ..plan(Anchor::Created) }, at(5), Tz::UTC), None);
}

#[test]
fn a_clock_anchor_is_the_next_such_wall_time() {
    let moment = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
    let clock = |text: &str| chrono::NaiveTime::parse_from_str(text, "%H:%M").unwrap();
    for (zone, time, from, expected) in [
        (chrono_tz::Asia::Tokyo, "08:30", "2026-11-24T03:14:00+09:00", "2026-11-24T08:30:00+09:00"),
        (chrono_tz::Asia::Tokyo, "03:14", "2026-11-24T03:14:00+09:00", "2026-11-24T03:14:00+09:00"),
        (chrono_tz::Asia::Tokyo, "03:13", "2026-12-31T03:14:00+09:00", "2027-01-01T03:13:00+09:00"),
        // Half past one does not exist on this day: the next minute that does.
        (chrono_tz::Europe::London, "01:30", "2026-03-29T00:10:00+00:00", "2026-03-29T02:00:00+01:00"),
        (chrono_tz::Europe::London, "01:30", "2026-10-25T00:50:00+00:00", "2026-10-26T01:30:00+00:00"),
    ] {
        assert_eq!(next_clock(clock(time), moment(from), zone), moment(expected), "{time} after {from}");
    }
}

#[test]
fn a_task_waits_until_one_of_each_kind_that_it_requires_is_settled() {
    let requires = ["a".to_owned(), "b".to_owned()];
    for (others, blocked) in [
        (vec![], false),
        (vec![("a", State::Open)], true),
        (vec![("a", State::Done)], false),
        (vec![("a", State::Done), ("a", State::Open)], false),
        (vec![("a", State::NotNeeded), ("b", State::Open)], true),
        (vec![("c", State::Open)], false),
    ] {
        assert_eq!(is_blocked(&requires, &others), blocked, "{others:?}");
    }
}

fn inputs() -> impl Strategy<Value = Vec<(Input, i64)>> {
    let due = prop_oneof![Just(None), (0..200_i64).prop_map(|m| Some(at(m)))];
    let input = prop_oneof![
        4 => (due, any::<bool>()).prop_map(|(due, blocked)| Input::Followed { due, blocked }),
        6 => (0..12_u16).prop_map(|reminder| Input::TimerFired { reminder }),
        1 => Just(Input::Done),
        1 => Just(Input::NotNeeded),
        1 => Just(Input::Reopened),
        1 => Just(Input::Ended),
    ];
    prop::collection::vec((input, 0..60_i64), 0..60)
}

proptest! {
    /// Nothing is reminded after it was settled, no reminder comes before its deadline, and an open task that could
    /// be done and is due always has its next reminder: it never falls silent.
    #[test]
    fn reminders_go_on_until_somebody_has_settled_it(
        inputs in inputs(), required: bool, repeats in prop::option::of(1..300_i64),
    ) {
        let rule = Rule { required, repeat_every: repeats.map(Span::minutes) };
        let mut task = Task::new();
        let mut now = at(0);
        let mut timer = None;
        for (input, minutes) in inputs {
            now = now + Span::minutes(minutes);
            let (next, effects) = advance(rule, &task, input, now);
            for effect in &effects {
                match effect {
                    Effect::SetTimer { reminder, due } => timer = Some((*reminder, *due)),
                    Effect::DropTimer => timer = None,
                    Effect::Remind { .. } => {
                        prop_assert_eq!(next.state, State::Open);
                        prop_assert!(!next.blocked && task.due.is_some_and(|due| due <= now));
                    }
                    Effect::Again { .. } => prop_assert_eq!((task.state, next.state), (State::Open, State::Done)),
                    Effect::FellDue { .. } | Effect::Hush => {}
                }
            }
            let waits = next.state == State::Open && !next.blocked && next.due.is_some();
            prop_assert_eq!(timer.is_some(), waits, "{:?} after {:?}", next, input);
            prop_assert_eq!(timer, next.next_reminder.map(|due| (next.reminded, due)));
            // The same input once more changes nothing but what a timer's turn of its own does.
            if !matches!(input, Input::Reopened) {
                let (again, effects) = advance(rule, &next, input, now);
                let harmless = |e: &Effect| matches!(e, Effect::SetTimer { .. });
                prop_assert!(effects.iter().all(harmless), "{:?} twice: {:?}", input, effects);
                prop_assert_eq!(again, next.clone());
            }
            task = next;
        }
    }
}
