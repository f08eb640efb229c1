//! Chairs, tasks and reports in the timetable.

use super::*;

const DUTIES: &str = include_str!("../../../../../tests/it/fixture/duties.yaml");

fn world(answers: Answers, starter: Option<&'static str>) -> World {
    let playbook = with(PLAYBOOK, &[("close: {", &format!("{DUTIES}close: {{"))]);
    World { answers, starter, ..World::of(&playbook, DIRECTORY) }
}

/// Minutes, what, who is asked; letters left out.
fn of_duty<'t>(timetable: &'t Timetable, key: &str) -> Vec<(i64, What, Option<&'t str>)> {
    let entries = timetable.entries.iter().filter(|entry| entry.recipient == key);
    entries
        .filter(|entry| entry.what != What::RoleLetter)
        .map(|entry| (entry.offset_ms / 60_000, entry.what, entry.person.as_deref()))
        .collect()
}

#[test]
fn a_task_that_nobody_does_is_due_and_then_reminded_of_without_end() {
    let timetable = world(Answers::None, None).timetable();
    // The commander's chair is offered to p_duty for ten minutes, then to p_deputy; both in vain after twenty.
    assert_eq!(
        of_duty(&timetable, "task:objectives"),
        [
            (15, What::TaskDue, Some("p_deputy")),
            (20, What::TaskReminder, Some("p_duty")),
            (25, What::TaskReminder, Some("p_duty")),
            (35, What::TaskReminder, Some("p_duty")),
            (50, What::TaskReminder, Some("p_duty")),
        ]
    );
    let last = timetable
        .entries
        .iter()
        .rfind(|it| it.recipient == "task:objectives" && it.what == What::TaskReminder);
    assert_eq!(last.and_then(|entry| entry.every_ms), Some(15 * 60_000));
    for unknown in ["task:staff", "task:beds", "task:receive", "task:tidy", "task:north", "task:call_back"] {
        assert_eq!(of_duty(&timetable, unknown), [], "{unknown}");
    }
    // Started at 3:14, so 8:30 and a quarter of an hour are five and a half hours away.
    assert_eq!(of_duty(&timetable, "task:handover")[0].0, 5 * 60 + 31);
}

#[test]
fn each_due_time_names_its_line_and_the_letter_its_reader() {
    let playbook = with(PLAYBOOK, &[("close: {", &format!("{DUTIES}close: {{"))]);
    let timetable = world(Answers::None, None).timetable();
    for (key, words) in [("task:objectives", "key: objectives"), ("report:sitrep", "sitrep:")] {
        let entry = timetable.entries.iter().find(|entry| entry.recipient == key).expect(key);
        let line = playbook.lines().nth(entry.line.expect("a line") as usize - 1).unwrap();
        assert!(line.contains(words), "{line}");
        let letter = timetable.entries.iter().find(|it| it.recipient == key && it.what == What::RoleLetter);
        assert_eq!(letter.and_then(|it| it.way.as_ref()).map(|way| way.via.as_str()), Some("email"));
    }
}

#[test]
fn when_everybody_answers_whatever_counts_from_it_is_due() {
    let timetable = world(Answers::All, None).timetable();
    for (key, minutes) in [("objectives", 15), ("staff", 20), ("count", 30), ("beds", 60), ("receive", 40)] {
        let found = of_duty(&timetable, &format!("task:{key}"));
        assert_eq!(
            found.iter().map(|it| (it.0, it.1)).collect::<Vec<_>>(),
            [(minutes, What::TaskDue)],
            "{key}"
        );
    }
    assert!(timetable.entries.iter().all(|entry| entry.what != What::TaskReminder));
    let first: Vec<_> = of_duty(&timetable, "report:sitrep").into_iter().take(3).collect();
    assert_eq!(
        first,
        [
            (30, What::ReportDue, Some("p_liaison")),
            (30, What::ReportApproval, Some("p_duty")),
            (30, What::ReportSent, None),
        ]
    );
}

#[test]
fn a_report_that_nobody_writes_ends_at_a_person_and_the_next_comes_all_the_same() {
    let timetable = world(Answers::None, None).timetable();
    let found = of_duty(&timetable, "report:sitrep");
    let minutes: Vec<(i64, What)> = found.iter().map(|it| (it.0, it.1)).take(6).collect();
    assert_eq!(
        minutes,
        [
            (30, What::ReportDue),
            (35, What::ReportReminder),
            (40, What::Decide),
            (90, What::ReportDue),
            (95, What::ReportReminder),
            (100, What::Decide),
        ]
    );
    // Half an hour, one and a half, and then every three hours of the day.
    let due = found.iter().filter(|it| it.1 == What::ReportDue).map(|it| it.0);
    assert_eq!(due.collect::<Vec<_>>(), [30, 90, 300, 480, 660, 840, 1020, 1200, 1380]);
}

#[test]
fn whoever_starts_it_sits_in_the_chair_that_is_theirs_at_once() {
    let timetable = world(Answers::None, Some("p_deputy")).timetable();
    let commander = of_duty(&timetable, "role:commander");
    assert_eq!(commander, [(0, What::Accept, Some("p_deputy"))]);
    assert_eq!(timetable.roles[0].person.as_deref(), Some("p_deputy"));
    assert_eq!(of_duty(&timetable, "task:staff")[0].0, 20, "it counts from the acceptance");
    let decides = timetable.entries.iter().find(|it| it.recipient == "hosp_west" && it.what == What::Decide);
    assert_eq!(decides.and_then(|it| it.person.as_deref()), Some("p_deputy"));
    // Nobody takes the other chair: whoever leads is told.
    let vacant =
        timetable.entries.iter().find(|it| it.recipient == "role:liaison" && it.what == What::Vacant);
    assert_eq!(vacant.map(|it| it.offset_ms / 60_000), Some(10));
    let told = timetable
        .entries
        .iter()
        .find(|it| it.recipient == "role:liaison" && it.what == What::RoleLetter && it.offset_ms == 600_000);
    assert_eq!(told.and_then(|it| it.person.as_deref()), Some("p_deputy"));
}
