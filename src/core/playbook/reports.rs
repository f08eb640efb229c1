//! What a playbook says about situation reports: which form, by whom, in which rhythm, to whom, and what happens when
//! one does not come.

use super::{DecideOption, PartyRef};
use crate::{
    text::{Language, Text},
    time::{Span, Timestamp},
};

/// A report as the author planned it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportPlan {
    /// Readable key.
    pub key: String,
    /// Title for people.
    pub title: Text,
    /// The form: a key of the playbook's forms or of the built-in ones.
    pub form: String,
    /// The role that writes it.
    pub author: String,
    /// The role that approves it; `None` goes out as it was written.
    pub approver: Option<String>,
    /// Its rhythm, stretch by stretch, without gap or overlap.
    pub schedule: Vec<Stretch>,
    /// The channels that hear it, by key.
    pub audience: Vec<String>,
    /// Whether the form begins with the values of the report before.
    pub carry_forward: bool,
    /// What happens when it does not come.
    pub if_missed: IfMissed,
}

/// A stretch of time with one rhythm, counted from the activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Where it begins.
    pub from: Span,
    /// Where it ends; `None` goes on for ever.
    pub to: Option<Span>,
    /// The distance from one report to the next.
    pub every: Span,
    /// The distance of the first one from the beginning; `every` where it is not given.
    pub first: Option<Span>,
}

/// What happens when a report does not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMissed {
    /// Whoever has to act is reminded so long after it was due, ascending.
    pub remind: Vec<Span>,
    /// A person decides so long after it was due.
    pub decide_at: Span,
    /// Who decides.
    pub decide_to: PartyRef,
    /// What can be decided; at least one of them ends it.
    pub options: Vec<DecideOption>,
}

impl ReportPlan {
    /// The name of the n-th of its kind: 状況報告 第2報.
    pub fn name(&self, number: i32) -> Text {
        let english = self.title.get(Language::En);
        Text::both(format!("{} 第{number}報", self.title.ja), format!("{english}, report {number}"))
    }

    /// When the next report is due after the one that was due at `last`; `None` for `last` is the first of all.
    ///
    /// Due moments lie in `(from, to]` of their stretch, all counted from `origin`, the activation. `None` where the
    /// schedule has come to its end.
    pub fn next_due(&self, origin: Timestamp, last: Option<Timestamp>) -> Option<Timestamp> {
        let passed = last.map(|last| last - origin);
        self.schedule.iter().find_map(|stretch| stretch.next(passed)).map(|distance| origin + distance)
    }
}

impl Stretch {
    /// The first due moment of this stretch that lies after `passed`.
    fn next(&self, passed: Option<Span>) -> Option<Span> {
        let every = self.every.0.max(1);
        let first = self.from.0.saturating_add(self.first.unwrap_or(self.every).0);
        let due = match passed {
            Some(Span(passed)) if passed >= first => {
                let steps = (passed - first) / every + 1;
                first.saturating_add(steps.saturating_mul(every))
            }
            _ => first,
        };
        self.to.is_none_or(|Span(to)| due <= to).then_some(Span(due))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Span = Span::minutes(60);
    const ORIGIN: Timestamp = Timestamp(1_000);

    fn plan(schedule: Vec<Stretch>) -> ReportPlan {
        ReportPlan {
            key: "sitrep".into(),
            title: Text::plain("状況報告"),
            form: "ics209".into(),
            author: "planning".into(),
            approver: None,
            schedule,
            audience: Vec::new(),
            carry_forward: true,
            if_missed: IfMissed {
                remind: vec![Span::minutes(5)],
                decide_at: Span::minutes(10),
                decide_to: PartyRef::Role("commander".into()),
                options: Vec::new(),
            },
        }
    }

    fn hours(n: i64) -> Span {
        Span(n * HOUR.0)
    }

    #[test]
    fn the_rhythm_changes_with_time() {
        let plan = plan(vec![
            Stretch { from: Span::ZERO, to: Some(hours(6)), every: HOUR, first: Some(Span::minutes(30)) },
            Stretch { from: hours(6), to: Some(hours(24)), every: hours(3), first: None },
            Stretch { from: hours(24), to: None, every: hours(12), first: None },
        ]);
        let mut minutes = Vec::new();
        let mut last = None;
        for _ in 0..15 {
            last = plan.next_due(ORIGIN, last);
            minutes.push((last.unwrap() - ORIGIN).0 / 60_000);
        }
        let expected = [30, 90, 150, 210, 270, 330, 540, 720, 900, 1080, 1260, 1440, 2160, 2880, 3600];
        assert_eq!(minutes, expected);
    }

    #[test]
    fn a_schedule_that_ends_gives_no_more_reports() {
        let plan = plan(vec![Stretch { from: Span::ZERO, to: Some(hours(2)), every: HOUR, first: None }]);
        assert_eq!(plan.next_due(ORIGIN, Some(ORIGIN + HOUR)), Some(ORIGIN + hours(2)));
        assert_eq!(plan.next_due(ORIGIN, Some(ORIGIN + hours(2))), None);
    }

    proptest! {
        #[test]
        fn due_moments_ascend_and_none_is_passed_over(
            every in 1_i64..500, first in 0_i64..500, length in 1_i64..3000, late in 0_i64..5000,
        ) {
            let plan = plan(vec![
                Stretch { from: Span::ZERO, to: Some(Span(length)), every: Span(every), first: Some(Span(first)) },
                Stretch { from: Span(length), to: None, every: Span(every * 2), first: None },
            ]);
            let next = plan.next_due(ORIGIN, Some(ORIGIN + Span(late))).unwrap();
            prop_assert!(next > ORIGIN + Span(late));
            // Nothing lies between: the moment before it leads to the same one.
            prop_assert_eq!(plan.next_due(ORIGIN, Some(Timestamp(next.0 - 1))), Some(next));
        }
    }
}
