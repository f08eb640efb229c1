//! What each word of a ladder does, one sentence at a time. What holds for all ladders is in `laws`.

use super::*;
use crate::{
    playbook::{AlertPlan, Quorum, StandDown, Unit, Urgency},
    text::{Language, Text},
};

struct Hospital {
    rule: Rule,
    contacts: Contacts,
    book: AddressBook,
}

fn minute(n: i64) -> Timestamp {
    Timestamp(0) + Span::minutes(n)
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

fn role(key: &str) -> PartyRef {
    PartyRef::Role(key.into())
}

fn points(contact: &str, transports: &[&str]) -> Vec<ContactPoint> {
    let point = |transport: &&str| ContactPoint {
        contact: contact.to_owned(),
        name: Text::plain(contact),
        transport: (*transport).to_owned(),
        address: "0000".into(),
        language: Language::Ja,
    };
    transports.iter().map(point).collect()
}

fn step(at: i64, condition: Condition, action: Action) -> Step {
    Step { at: Span::minutes(at), condition: Some(condition), action, line: 1 }
}

fn resend(via: &[&str]) -> Action {
    Action::Resend { to: Target::Same, via: words(via) }
}

fn notify(to: Target, via: &[&str]) -> Action {
    Action::Notify { to, via: words(via) }
}

fn call() -> Action {
    Action::Call { to: Target::Party(role("liaison")), ask: None }
}

fn decide() -> Action {
    Action::Decide { to: Target::Party(role("chief")), options: Vec::new() }
}

/// A hospital with mail and SMS by day and a telephone by night, and this ladder.
fn hospital(steps: Vec<Step>, stop_on: &[StopOn]) -> Hospital {
    let rule = Rule {
        plan: AlertPlan {
            key: "standby".into(),
            send: None,
            to: vec![PartyRef::Agency("hospital".into())],
            via: words(&["email", "sms"]),
            channel: None,
            severity: Urgency::Critical,
            subject: Text::plain("待機"),
            body: Text::plain("待機"),
            sms: None,
            attach: Vec::new(),
            responses: None,
            ack: AckRule::Required {
                unit: Unit::Agency,
                read_by: None,
                ack_by: None,
                respond_by: None,
                quorum: Quorum::All,
            },
            ladder: Some("climb".into()),
            stand_down: None,
        },
        responses: Vec::new(),
        ladder: Some(Ladder { steps, stop_on: stop_on.to_vec() }),
    };
    Hospital {
        rule,
        contacts: Contacts {
            primary: points("day", &["email", "sms"]),
            alternate: points("night", &["phone"]),
        },
        book: AddressBook {
            by_hand: BTreeSet::new(),
            parties: [(role("chief"), points("chief", &["email"]))].into(),
            served: words(&["email", "sms", "phone"]).into_iter().collect(),
        },
    }
}

/// Resend after 5, notify after 10, call after 15, decide after 30 minutes.
fn full() -> Hospital {
    let steps = vec![
        step(5, Condition::Unread, resend(&["sms"])),
        step(10, Condition::Unacked, notify(Target::Alternate, &["email", "phone"])),
        step(15, Condition::Unacked, call()),
        step(30, Condition::Unresponded, decide()),
    ];
    hospital(steps, &[StopOn::Responded, StopOn::Superseded, StopOn::IncidentClosed])
}

impl Hospital {
    fn at(&self, now: Timestamp) -> Scene<'_> {
        Scene { rule: &self.rule, contacts: &self.contacts, book: &self.book, now }
    }

    /// Raises the alert at minute 0 and lets things happen. Returns what came of the last one.
    fn after(&self, happened: &[(i64, Input)]) -> (Recipient, Vec<Effect>) {
        let mut now = raise(&self.at(minute(0)));
        for (at, input) in happened {
            now = advance(&self.at(minute(*at)), &now.0, input);
        }
        now
    }
}

fn fired(step: u16) -> Input {
    Input::TimerFired { step }
}

fn failed(letter: u16) -> Input {
    Input::Failed { letter, at: minute(1) }
}

fn opened() -> Input {
    Input::Opened { at: minute(2) }
}

fn says(meaning: Meaning) -> Input {
    let counts_as = if meaning == Meaning::Seen { CountsAs::Read } else { CountsAs::Ack };
    Input::Answered { meaning, counts_as, at: minute(2) }
}

fn decided(then: Then) -> Input {
    Input::Decided { then }
}

fn stopped(why: StopOn) -> Input {
    Input::Stopped { why, tell: true }
}

/// Silence until the decision.
fn silence() -> Vec<(i64, Input)> {
    vec![(0, Input::Tried), (5, fired(0)), (10, fired(1)), (15, fired(2)), (30, fired(3))]
}

/// The letters among the effects: number, occasion, contact, transport.
fn letters(effects: &[Effect]) -> Vec<(u16, Occasion, &str, &str)> {
    let letter = |effect| match effect {
        &Effect::Send(Outgoing { letter, occasion, ref point, .. }) => {
            Some((letter, occasion, point.contact.as_str(), point.transport.as_str()))
        }
        _ => None,
    };
    effects.iter().filter_map(letter).collect()
}

fn taken(action: Action) -> Effect {
    Effect::Record(Fact::StepTaken { action, late_by: None, brought_forward: false })
}

fn brought_forward(action: Action) -> Effect {
    Effect::Record(Fact::StepTaken { action, late_by: None, brought_forward: true })
}

fn due(step: u16, at: i64) -> Effect {
    Effect::SetTimer { step, due: minute(at) }
}

fn asks_for_a_decision(of: &str) -> [Effect; 3] {
    let to = role(of);
    [Effect::DropTimer, Effect::Record(Fact::DecisionDue { to: to.clone() }), Effect::AskDecision { to }]
}

const QUIET: [Effect; 2] = [Effect::Withdraw, Effect::DropTimer];

#[test]
fn an_alert_begins_with_a_letter_for_each_address_and_without_a_clock() {
    let (recipient, effects) = full().after(&[]);
    assert_eq!(letters(&effects), [(0, Occasion::Alert, "day", "email"), (1, Occasion::Alert, "day", "sms")]);
    assert_eq!(effects.len(), 2);
    assert_eq!((recipient.state, recipient.started_at, recipient.due), (State::Waiting, None, None));
}

#[test]
fn an_answer_that_no_person_gave_is_taken_back_and_the_ladder_goes_on_where_it_stood() {
    let answered = [(0, Input::Tried), (5, fired(0)), (6, says(Meaning::Accept))];
    let (before, _) = full().after(&answered);
    assert_eq!((before.state, before.due), (State::Answered, None));
    let doubted = [&answered[..], &[(7, Input::Doubted)]].concat();
    let (after, effects) = full().after(&doubted);
    assert_eq!(effects, [due(1, 10)]);
    assert_eq!((after.state, after.step, after.due), (State::Waiting, 1, Some(minute(10))));
    assert_eq!(
        (after.evidence.opened_at, after.evidence.acked_at, after.evidence.answered_at),
        (None, None, None)
    );
    let (again, effects) = full().after(&[&doubted[..], &[(8, Input::Doubted)]].concat());
    assert_eq!((again, effects), (after, vec![]), "nothing is left to doubt");
    let (_, effects) = full().after(&[&doubted[..], &[(10, fired(1))]].concat());
    assert!(!letters(&effects).is_empty(), "the next step comes in its time");
}

#[test]
fn the_first_try_starts_the_ladder_and_later_ones_do_not() {
    let (recipient, effects) = full().after(&[(3, Input::Tried)]);
    assert_eq!(effects, [due(0, 8)]);
    assert_eq!((recipient.started_at, recipient.due), (Some(minute(3)), Some(minute(8))));
    let (again, effects) = full().after(&[(3, Input::Tried), (4, Input::Tried)]);
    assert_eq!((again, effects), (recipient, vec![]));
}

#[test]
fn a_lost_timer_is_set_again_and_a_letter_that_was_never_written_starts_the_clock() {
    let (before, _) = full().after(&[(3, Input::Tried)]);
    let (recipient, effects) = full().after(&[(3, Input::Tried), (5, Input::StepLost)]);
    assert_eq!((recipient, effects), (before, vec![due(0, 8)]));
    let (recipient, effects) = full().after(&[(4, Input::StepLost)]);
    assert_eq!((recipient.started_at, effects), (Some(minute(4)), vec![due(0, 9)]));
}

#[test]
fn a_refused_first_letter_counts_as_a_try() {
    let (recipient, effects) = full().after(&[(3, failed(0))]);
    assert_eq!(effects, [due(0, 8)]);
    assert_eq!(recipient.evidence.failed_at, Some(minute(1)));
}

#[test]
fn information_only_is_informed_at_once_and_never_climbs() {
    let mut hospital = full();
    hospital.rule.plan.ack = AckRule::None { because: Text::plain("周知のみ") };
    let (recipient, effects) = hospital.after(&[]);
    assert_eq!((recipient.state, letters(&effects).len()), (State::Informed, 2));
    for input in
        [Input::Tried, failed(0), fired(0), opened(), decided(Then::End), stopped(StopOn::Superseded)]
    {
        let (next, effects) = advance(&hospital.at(minute(60)), &recipient, &input);
        assert_eq!((next.state, effects), (State::Informed, vec![]), "{input:?}");
    }
    let (answered, effects) = advance(&hospital.at(minute(60)), &recipient, &says(Meaning::Accept));
    assert_eq!((answered.state, effects), (State::Answered, QUIET.to_vec()));
}

#[test]
fn information_only_without_an_address_says_that_nobody_was_told() {
    let mut hospital = full();
    hospital.rule.plan.ack = AckRule::None { because: Text::plain("周知のみ") };
    hospital.contacts.primary.clear();
    let (recipient, effects) = hospital.after(&[]);
    assert_eq!((recipient.state, effects), (State::Informed, vec![Effect::Record(Fact::NobodyTold)]));

    let mut unserved = full();
    unserved.rule.plan.ack = AckRule::None { because: Text::plain("周知のみ") };
    unserved.book.served.clear();
    let (_, effects) = unserved.after(&[]);
    assert_eq!(effects.last(), Some(&Effect::Record(Fact::NobodyTold)), "{effects:?}");
}

#[test]
fn resend_writes_to_the_same_contact_again() {
    let (recipient, effects) = full().after(&silence()[..2]);
    assert_eq!(letters(&effects), [(2, Occasion::Resend, "day", "sms")]);
    assert_eq!((&effects[0], &effects[2]), (&taken(resend(&["sms"])), &due(1, 10)));
    assert_eq!((recipient.step, recipient.pending), (1, [2].into()));
}

#[test]
fn notify_writes_to_the_alternate_by_the_transports_it_has() {
    let (_, effects) = full().after(&silence()[..3]);
    assert_eq!(letters(&effects), [(3, Occasion::Notify, "night", "phone")]);
    assert_eq!(effects.last(), Some(&due(2, 15)));
}

#[test]
fn notify_writes_to_somebody_else_whom_the_book_knows() {
    let to_chief = notify(Target::Party(role("chief")), &["email"]);
    let hospital =
        hospital(vec![step(5, Condition::Unread, to_chief), step(9, Condition::Unread, decide())], &[]);
    let (_, effects) = hospital.after(&[(0, Input::Tried), (5, fired(0))]);
    assert_eq!(letters(&effects), [(2, Occasion::Notify, "chief", "email")]);
}

#[test]
fn a_step_without_transports_of_its_own_goes_by_those_of_the_alert() {
    let hospital =
        hospital(vec![step(5, Condition::Unread, resend(&[])), step(9, Condition::Unread, decide())], &[]);
    let (_, effects) = hospital.after(&[(0, Input::Tried), (5, fired(0))]);
    assert_eq!(
        letters(&effects),
        [(2, Occasion::Resend, "day", "email"), (3, Occasion::Resend, "day", "sms")]
    );
}

#[test]
fn a_transport_named_twice_brings_one_letter() {
    let mut hospital = full();
    hospital.rule.plan.via = words(&["sms", "email", "sms"]);
    let (_, effects) = hospital.after(&[]);
    assert_eq!(letters(&effects), [(0, Occasion::Alert, "day", "sms"), (1, Occasion::Alert, "day", "email")]);
}

#[test]
fn call_asks_a_person_to_telephone() {
    let (_, effects) = full().after(&silence()[..4]);
    assert_eq!(effects, [taken(call()), Effect::AskCall { to: role("liaison") }, due(3, 30)]);
}

#[test]
fn decide_asks_a_person_and_stops_the_clock() {
    let (recipient, effects) = full().after(&silence());
    assert_eq!(effects, asks_for_a_decision("chief"));
    assert_eq!((recipient.state, recipient.due), (State::ToDecide, None));
}

#[test]
fn a_step_is_skipped_when_its_condition_no_longer_holds() {
    use Condition::{Unacked, Unread, Unresponded};
    let cases = [
        (Unread, None, true),
        (Unread, Some(opened()), false),
        (Unread, Some(says(Meaning::Seen)), false),
        (Unacked, Some(opened()), true),
        (Unacked, Some(says(Meaning::Seen)), true),
        (Unacked, Some(says(Meaning::Question)), false),
        (Unresponded, Some(opened()), true),
        (Unresponded, Some(says(Meaning::Question)), true),
        (Unresponded, Some(says(Meaning::Arrival)), true),
    ];
    for (condition, said, is_taken) in cases {
        let steps = vec![step(5, condition, resend(&["sms"])), step(9, Unresponded, decide())];
        let mut happened = vec![(0, Input::Tried)];
        happened.extend(said.clone().map(|said| (2, said)));
        happened.push((5, fired(0)));
        let (recipient, effects) = hospital(steps, &[]).after(&happened);
        assert_eq!(letters(&effects).len(), usize::from(is_taken), "{condition:?} {said:?}");
        assert_eq!((recipient.step, effects.last()), (1, Some(&due(1, 9))), "{condition:?} {said:?}");
    }
}

#[test]
fn the_last_step_is_taken_even_when_the_page_was_opened_and_nothing_said() {
    let hospital = hospital(vec![step(5, Condition::Unread, decide())], &[]);
    let (recipient, _) = hospital.after(&[(0, Input::Tried), (2, opened()), (5, fired(0))]);
    assert_eq!(recipient.state, State::ToDecide);
}

#[test]
fn the_last_step_asks_nobody_when_what_it_waits_for_has_been_said() {
    for (condition, ends) in
        [(Condition::Unacked, State::Answered), (Condition::Unresponded, State::ToDecide)]
    {
        let hospital = hospital(vec![step(5, condition, decide())], &[]);
        let happened = [(0, Input::Tried), (2, says(Meaning::Question)), (5, fired(0))];
        assert_eq!(hospital.after(&happened).0.state, ends, "{condition:?}");
    }
}

#[test]
fn an_early_or_outlived_timer_does_nothing() {
    let (before, _) = full().after(&silence()[..2]);
    for (at, step) in [(9, 1), (12, 0), (12, 2), (12, 999)] {
        let (after, effects) = advance(&full().at(minute(at)), &before, &fired(step));
        assert_eq!((after, effects), (before.clone(), vec![]), "step {step} at {at}");
    }
}

#[test]
fn overdue_timers_fire_one_after_the_other_and_say_how_late() {
    let hours = 120;
    let (recipient, effects) = full().after(&[(0, Input::Tried), (hours, fired(0))]);
    let late = |action, minutes| {
        Effect::Record(Fact::StepTaken {
            action,
            late_by: Some(Span::minutes(minutes).0),
            brought_forward: false,
        })
    };
    assert_eq!((&effects[0], &effects[2]), (&late(resend(&["sms"]), 115), &due(1, 10)));
    let (recipient, _) = advance(&full().at(minute(hours)), &recipient, &fired(1));
    let (recipient, effects) = advance(&full().at(minute(hours)), &recipient, &fired(2));
    assert_eq!(effects[0], late(call(), 105));
    let (recipient, effects) = advance(&full().at(minute(hours)), &recipient, &fired(3));
    assert_eq!((recipient.state, effects), (State::ToDecide, asks_for_a_decision("chief").to_vec()));
}

#[test]
fn one_of_two_failed_letters_leaves_the_ladder_alone() {
    let (recipient, effects) = full().after(&[(0, Input::Tried), (1, failed(0))]);
    assert_eq!((recipient.step, effects), (0, vec![]));
}

#[test]
fn when_every_letter_of_a_round_has_failed_the_next_step_is_taken_at_once() {
    let (recipient, effects) = full().after(&[(0, Input::Tried), (1, failed(0)), (1, failed(1))]);
    assert_eq!(effects[0], brought_forward(resend(&["sms"])));
    assert_eq!(letters(&effects), [(2, Occasion::Resend, "day", "sms")]);
    assert_eq!(effects.last(), Some(&due(1, 10)), "the step after it keeps its own time");
    assert_eq!(recipient.step, 1);
}

#[test]
fn the_only_letter_that_fails_at_its_first_try_starts_the_ladder_with_its_first_step() {
    let mut hospital = full();
    hospital.rule.plan.via = words(&["email"]);
    let (recipient, effects) = hospital.after(&[(3, failed(0))]);
    assert_eq!(effects[0], brought_forward(resend(&["sms"])));
    assert_eq!((recipient.started_at, effects.last()), (Some(minute(3)), Some(&due(1, 13))));
}

#[test]
fn a_letter_that_fails_twice_or_of_an_earlier_round_takes_no_step() {
    let begun = [(0, Input::Tried), (1, failed(0)), (1, failed(1))];
    let (before, _) = full().after(&begun);
    for letter in [0, 1, 99] {
        let (after, effects) = advance(&full().at(minute(2)), &before, &failed(letter));
        assert_eq!((after, effects), (before.clone(), vec![]), "letter {letter}");
    }
}

#[test]
fn a_step_that_reaches_nobody_is_passed_over_at_once_down_to_the_decision() {
    let mut hospital = hospital(
        vec![
            step(5, Condition::Unread, resend(&["fax"])),
            step(10, Condition::Unacked, notify(Target::Alternate, &["email"])),
            step(15, Condition::Unacked, notify(Target::Party(role("vacant")), &["email"])),
            step(30, Condition::Unresponded, decide()),
        ],
        &[],
    );
    hospital.contacts.alternate.clear();
    let (recipient, effects) = hospital.after(&[(0, Input::Tried), (5, fired(0))]);
    let nobody = |action| Effect::Record(Fact::StepReachedNobody { action });
    let mut expected = vec![
        nobody(resend(&["fax"])),
        nobody(notify(Target::Alternate, &["email"])),
        nobody(notify(Target::Party(role("vacant")), &["email"])),
    ];
    expected.extend(asks_for_a_decision("chief"));
    assert_eq!((recipient.state, effects), (State::ToDecide, expected));
}

#[test]
fn letters_that_the_service_cannot_send_are_kept_and_count_for_nothing() {
    let mut hospital = full();
    hospital.book.served = words(&["email"]).into_iter().collect();
    let (recipient, effects) = hospital.after(&[]);
    let unserved: Vec<bool> = effects
        .iter()
        .filter_map(|effect| if let Effect::Send(letter) = effect { Some(letter.unserved) } else { None })
        .collect();
    assert_eq!((unserved, recipient.pending), (vec![false, true], [0].into()));
}

#[test]
fn without_any_letter_that_can_leave_the_ladder_starts_with_its_first_step() {
    let mut hospital = full();
    hospital.contacts.primary.clear();
    let (recipient, effects) = hospital.after(&[]);
    assert_eq!(effects[0], Effect::Record(Fact::StepReachedNobody { action: resend(&["sms"]) }));
    assert_eq!(
        effects[1],
        brought_forward(notify(Target::Alternate, &["email", "phone"])),
        "the second step comes ten minutes before its time"
    );
    assert_eq!((recipient.started_at, effects.last()), (Some(minute(0)), Some(&due(2, 15))));
}

#[test]
fn an_unserved_hospital_without_an_alternate_goes_to_a_person_at_once() {
    let mut hospital = hospital(vec![step(5, Condition::Unread, decide())], &[]);
    hospital.book.served.clear();
    let (recipient, effects) = hospital.after(&[]);
    assert_eq!((recipient.state, &effects[2..]), (State::ToDecide, &asks_for_a_decision("chief")[..]));
}

#[test]
fn each_kind_of_answer_ends_the_ladders_that_wait_for_it() {
    use StopOn::{Acked, Read, Responded};
    let cases = [
        (opened(), vec![], State::Waiting),
        (opened(), vec![Read], State::Informed),
        (opened(), vec![Acked, Responded], State::Waiting),
        (says(Meaning::Seen), vec![Read], State::Informed),
        (says(Meaning::Seen), vec![Acked], State::Waiting),
        (says(Meaning::Question), vec![Acked], State::Answered),
        (says(Meaning::Question), vec![Responded], State::Waiting),
        (says(Meaning::Arrival), vec![Acked], State::Answered),
        (says(Meaning::Arrival), vec![Responded], State::Waiting),
        (says(Meaning::Accept), vec![Responded], State::Answered),
        (says(Meaning::Decline), vec![Acked], State::Answered),
        (says(Meaning::Accept), vec![], State::Answered),
    ];
    for (input, stop_on, state) in cases {
        let hospital = hospital(full().rule.ladder.unwrap().steps, &stop_on);
        let (recipient, effects) = hospital.after(&[(0, Input::Tried), (2, input.clone())]);
        let quiet = if state == State::Waiting { vec![] } else { QUIET.to_vec() };
        assert_eq!((recipient.state, effects), (state, quiet), "{input:?} {stop_on:?}");
    }
}

#[test]
fn evidence_keeps_the_first_moment_of_each_grade() {
    let happened = [
        (0, Input::Accepted { at: minute(1) }),
        (0, Input::Accepted { at: minute(2) }),
        (0, Input::Delivered { at: minute(3) }),
        (0, Input::Unknown { at: minute(4) }),
        (0, Input::Unknown { at: minute(5) }),
    ];
    let (recipient, effects) = full().after(&happened);
    let evidence = recipient.evidence;
    assert_eq!(
        (evidence.accepted_at, evidence.delivered_at, evidence.unknown_at),
        (Some(minute(1)), Some(minute(3)), Some(minute(4)))
    );
    assert_eq!(effects, []);
}

#[test]
fn an_answer_while_a_decision_is_due_makes_the_decision_needless() {
    let mut happened = silence();
    happened.push((31, says(Meaning::Decline)));
    let (recipient, effects) = full().after(&happened);
    assert_eq!((recipient.state, effects), (State::Answered, QUIET.to_vec()));
}

#[test]
fn an_answer_after_the_decision_is_written_down_once_and_changes_nothing_else() {
    let mut happened = silence();
    happened.extend([(31, decided(Then::End)), (40, says(Meaning::Accept))]);
    let (recipient, effects) = full().after(&happened);
    assert_eq!(
        (recipient.state, effects),
        (State::Decided, vec![Effect::Record(Fact::AnsweredAfterDecision)])
    );
    happened.push((41, says(Meaning::Accept)));
    assert_eq!(full().after(&happened), (recipient, vec![]));
}

#[test]
fn a_decision_that_ends_it_ends_it_at_any_time() {
    let (recipient, effects) = full().after(&[(0, Input::Tried), (3, decided(Then::End))]);
    assert_eq!((recipient.state, effects), (State::Decided, QUIET.to_vec()));
    let mut happened = silence();
    happened.push((31, decided(Then::End)));
    assert_eq!(full().after(&happened).0.state, State::Decided);
}

#[test]
fn an_extended_decision_comes_back_after_its_time() {
    let mut happened = silence();
    happened.push((32, decided(Then::Extend { by: Span::minutes(15) })));
    let (recipient, effects) = full().after(&happened);
    assert_eq!((recipient.state, effects), (State::Waiting, vec![due(3, 47)]));
    happened.push((46, fired(3)));
    assert_eq!(full().after(&happened), (recipient, vec![]));
    happened.push((47, fired(3)));
    let (recipient, effects) = full().after(&happened);
    assert_eq!((recipient.state, effects), (State::ToDecide, asks_for_a_decision("chief").to_vec()));
}

#[test]
fn a_raised_decision_is_asked_of_the_other_person_at_once() {
    let mut happened = silence();
    happened.push((32, decided(Then::Raise { to: role("governor") })));
    let (recipient, effects) = full().after(&happened);
    assert_eq!((recipient.state, effects), (State::Waiting, vec![due(3, 32)]));
    happened.push((32, fired(3)));
    let (recipient, effects) = full().after(&happened);
    assert_eq!((recipient.state, effects), (State::ToDecide, asks_for_a_decision("governor").to_vec()));
}

#[test]
fn a_decision_that_is_not_due_cannot_be_put_off() {
    let (before, _) = full().after(&silence()[..3]);
    for then in [Then::Extend { by: Span::minutes(15) }, Then::Raise { to: role("governor") }] {
        let (after, effects) = advance(&full().at(minute(11)), &before, &decided(then));
        assert_eq!((after, effects), (before.clone(), vec![]), "the call after 15 minutes is still made");
    }
}

#[test]
fn a_decision_put_off_twice_by_one_click_is_put_off_once() {
    let extend = decided(Then::Extend { by: Span::minutes(15) });
    let mut happened = silence();
    happened.push((32, extend.clone()));
    let (once, _) = full().after(&happened);
    happened.push((33, extend));
    assert_eq!(full().after(&happened), (once, vec![]));
}

fn with_stand_down() -> Hospital {
    let mut hospital = full();
    hospital.rule.plan.stand_down =
        Some(StandDown { subject: Text::plain("充足"), body: Text::plain("充足"), sms: None });
    hospital
}

#[test]
fn a_stopped_ladder_is_quiet_and_says_so_where_the_alert_has_words_for_it() {
    let (recipient, effects) = full().after(&[(0, Input::Tried), (3, stopped(StopOn::Superseded))]);
    assert_eq!((recipient.state, effects), (State::StoodDown, QUIET.to_vec()));
    let (recipient, effects) =
        with_stand_down().after(&[(0, Input::Tried), (3, stopped(StopOn::Superseded))]);
    assert_eq!(
        letters(&effects),
        [(2, Occasion::StandDown, "day", "email"), (3, Occasion::StandDown, "day", "sms")]
    );
    assert_eq!(&effects[..2], &QUIET);
    assert_eq!((recipient.state, recipient.pending), (State::StoodDown, BTreeSet::new()));
}

#[test]
fn whoever_was_told_nothing_is_not_told_to_stand_down() {
    let (recipient, effects) = with_stand_down().after(&[(3, stopped(StopOn::Superseded))]);
    assert_eq!((recipient.state, effects), (State::StoodDown, QUIET.to_vec()));
    let silently = Input::Stopped { why: StopOn::Superseded, tell: false };
    let (_, effects) = with_stand_down().after(&[(0, Input::Tried), (3, silently)]);
    assert_eq!(effects, QUIET);
}

#[test]
fn closing_the_incident_leaves_a_ladder_alone_that_does_not_stop_on_it() {
    let hospital = hospital(full().rule.ladder.unwrap().steps, &[StopOn::Responded]);
    let (before, _) = hospital.after(&[(0, Input::Tried)]);
    let closed = advance(&hospital.at(minute(3)), &before, &stopped(StopOn::IncidentClosed));
    assert_eq!(closed, (before.clone(), vec![]));
    let (superseded, _) = advance(&hospital.at(minute(3)), &before, &stopped(StopOn::Superseded));
    assert_eq!(superseded.state, State::StoodDown);
}

#[test]
fn whoever_has_an_end_is_left_alone_by_everything_that_comes_later() {
    let ends = [says(Meaning::Accept), decided(Then::End), stopped(StopOn::Superseded)];
    for end in ends {
        let (before, _) = with_stand_down().after(&[(0, Input::Tried), (3, end.clone())]);
        for input in [
            Input::Tried,
            fired(0),
            fired(3),
            decided(Then::End),
            decided(Then::Raise { to: role("governor") }),
            stopped(StopOn::Superseded),
            stopped(StopOn::IncidentClosed),
        ] {
            let (after, effects) = advance(&with_stand_down().at(minute(99)), &before, &input);
            assert_eq!((after, effects), (before.clone(), vec![]), "{end:?} then {input:?}");
        }
        let (after, effects) = advance(&with_stand_down().at(minute(99)), &before, &failed(0));
        assert_eq!((after.state, effects), (before.state, vec![]), "{end:?} then a failed letter");
    }
}
