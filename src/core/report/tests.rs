use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000;

fn at(minutes: i64) -> Timestamp {
    Timestamp(minutes * MINUTE)
}

fn role(key: &str) -> PartyRef {
    PartyRef::Role(key.into())
}

/// Due after an hour, reminded after 5 minutes, decided after 10.
fn rule() -> IfMissed {
    IfMissed {
        remind: vec![Span::minutes(5)],
        decide_at: Span::minutes(10),
        decide_to: role("commander"),
        options: Vec::new(),
    }
}

fn due() -> Report {
    plan(at(60), at(0)).0
}

/// Lets the timer fire until a person decides; returns the minutes and what was done then.
fn silence(mut report: Report) -> (Report, Vec<(i64, Vec<Effect>)>) {
    let mut told = Vec::new();
    while let Some(now) = report.timer {
        let (next, effects) = advance(&rule(), &report, &Input::TimerFired { stage: report.stage }, now);
        let effects = effects.into_iter().filter(|effect| !matches!(effect, Effect::SetTimer { .. }));
        told.push((now.0 / MINUTE, effects.collect()));
        report = next;
    }
    (report, told)
}

#[test]
fn a_missed_report_is_asked_for_reminded_of_and_ends_at_a_person() {
    let (report, told) = silence(due());
    assert_eq!(
        told,
        [
            (60, vec![Effect::Next, Effect::AskAuthor { before: 0 }]),
            (65, vec![Effect::AskAuthor { before: 1 }]),
            (70, vec![Effect::Missed, Effect::AskDecision { to: role("commander") }]),
        ]
    );
    assert_eq!((report.state, report.deciding), (State::Due, Some(role("commander"))));
}

#[test]
fn a_report_that_waits_for_its_approver_reminds_the_approver_and_ends_at_a_person_too() {
    let (submitted, effects) = advance(&rule(), &due(), &Input::Submitted { approved: false }, at(58));
    assert_eq!(
        effects,
        [Effect::Hush, Effect::AskApprover { before: 0 }, Effect::SetTimer { stage: 0, due: at(60) }]
    );
    let (_, told) = silence(submitted);
    let minutes: Vec<i64> = told.iter().map(|(minute, _)| *minute).collect();
    assert_eq!(minutes, [60, 65, 70]);
    assert_eq!(told[1].1, [Effect::AskApprover { before: 1 }]);
}

#[test]
fn the_next_one_to_act_gets_the_time_that_the_first_one_had() {
    let (late, _) = advance(&rule(), &due(), &Input::TimerFired { stage: 0 }, at(60));
    let (submitted, effects) = advance(&rule(), &late, &Input::Submitted { approved: false }, at(64));
    assert_eq!(effects.last(), Some(&Effect::SetTimer { stage: 1, due: at(69) }));
    let (returned, effects) = advance(&rule(), &submitted, &Input::Returned, at(66));
    assert_eq!(effects, [Effect::Hush, Effect::TellReturned, Effect::SetTimer { stage: 1, due: at(71) }]);
    assert_eq!(returned.state, State::Returned);
}

#[test]
fn an_approved_report_goes_out_once_and_the_next_one_is_there() {
    let (submitted, _) = advance(&rule(), &due(), &Input::Submitted { approved: false }, at(50));
    let (approved, effects) = advance(&rule(), &submitted, &Input::Approved, at(52));
    assert_eq!(effects, [Effect::DropTimer, Effect::Hush, Effect::Publish, Effect::Next]);
    assert_eq!(advance(&rule(), &approved, &Input::Approved, at(53)).1, []);
    let (_, effects) = advance(&rule(), &due(), &Input::Submitted { approved: true }, at(50));
    assert!(effects.contains(&Effect::Publish));
}

#[test]
fn a_decision_ends_it_puts_it_off_or_gives_it_to_somebody_else() {
    let (missed, _) = silence(due());
    let decided = |then| advance(&rule(), &missed, &Input::Decided { then }, at(72));
    let (report, effects) = decided(Then::End);
    assert_eq!(
        (report.state, effects),
        (State::Skipped, vec![Effect::DropTimer, Effect::Hush, Effect::Next])
    );
    let (report, effects) = decided(Then::Extend { by: Span::minutes(10) });
    assert_eq!(effects, [Effect::SetTimer { stage: 2, due: at(82) }, Effect::AskAuthor { before: 2 }]);
    let (_, told) = silence(report);
    assert_eq!(told, [(82, vec![Effect::Missed, Effect::AskDecision { to: role("commander") }])]);
    let (report, effects) = decided(Then::Raise { to: role("chief") });
    assert_eq!(report.deciding, Some(role("chief")));
    assert!(effects.contains(&Effect::AskDecision { to: role("chief") }));
}

fn inputs() -> impl Strategy<Value = Vec<(Input, i64)>> {
    let input = prop_oneof![
        8 => (0..5_u16).prop_map(|stage| Input::TimerFired { stage }),
        2 => any::<bool>().prop_map(|approved| Input::Submitted { approved }),
        1 => Just(Input::Approved),
        2 => Just(Input::Returned),
        1 => Just(Input::Decided { then: Then::End }),
        2 => (1..20_i64).prop_map(|m| Input::Decided { then: Then::Extend { by: Span::minutes(m) } }),
        1 => Just(Input::Decided { then: Then::Raise { to: role("chief") } }),
        1 => Just(Input::Included),
        1 => Just(Input::Ended),
    ];
    prop::collection::vec((input, 0..40_i64), 0..60)
}

proptest! {
    /// An open report always has a timer or a person who decides; a settled one has neither and says nothing more; it
    /// goes out at most once; and left alone it ends at a person.
    #[test]
    fn every_report_ends_in_an_approval_or_at_a_person(
        inputs in inputs(), remind in prop::collection::vec(0..30_i64, 0..4), decide_at in 0..40_i64,
    ) {
        let mut remind: Vec<Span> = remind.into_iter().map(Span::minutes).collect();
        remind.sort_unstable();
        let rule = IfMissed { remind, decide_at: Span::minutes(decide_at), ..rule() };
        let (mut report, _) = plan(at(60), at(0));
        let mut now = at(0);
        let mut published = 0;
        for (input, minutes) in inputs {
            now = now + Span::minutes(minutes);
            let (next, effects) = advance(&rule, &report, &input, now);
            published += effects.iter().filter(|effect| **effect == Effect::Publish).count();
            if !report.state.is_open() {
                prop_assert!(effects.is_empty() && next == report);
            }
            prop_assert_eq!(next.state.is_open(), next.timer.is_some() || next.deciding.is_some());
            prop_assert!(!(next.timer.is_some() && next.deciding.is_some()));
            report = next;
        }
        prop_assert!(published <= 1);
        for _ in 0..10 {
            if let Some(due) = report.timer {
                report = advance(&rule, &report, &Input::TimerFired { stage: report.stage }, due.max(now)).0;
            }
        }
        prop_assert!(!report.state.is_open() || report.deciding.is_some());
    }
}
