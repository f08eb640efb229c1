//! When closing is proposed, as the file says it, and whether it holds.

/// What a proposal looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Recipients that nobody has answered for or decided about, alerts whose quorum waits for a decision, and alerts
    /// that are still to be raised.
    pub alerts_unresolved: i64,
    /// Required tasks that are not done.
    pub tasks_required_open: i64,
    /// Teams that were promised or have arrived and have not been stood down.
    pub teams_active: i64,
    /// Reports that are late.
    pub reports_overdue: i64,
}

/// One of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// [`Metrics::alerts_unresolved`]
    AlertsUnresolved,
    /// [`Metrics::tasks_required_open`]
    TasksRequiredOpen,
    /// [`Metrics::teams_active`]
    TeamsActive,
    /// [`Metrics::reports_overdue`]
    ReportsOverdue,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 4] =
        [Self::AlertsUnresolved, Self::TasksRequiredOpen, Self::TeamsActive, Self::ReportsOverdue];

    /// The word in the file.
    pub const fn key(self) -> &'static str {
        match self {
            Self::AlertsUnresolved => "alerts.unresolved",
            Self::TasksRequiredOpen => "tasks.required_open",
            Self::TeamsActive => "teams.active",
            Self::ReportsOverdue => "reports.overdue",
        }
    }
}

impl Metrics {
    /// The number.
    pub const fn get(&self, metric: Metric) -> i64 {
        match metric {
            Metric::AlertsUnresolved => self.alerts_unresolved,
            Metric::TasksRequiredOpen => self.tasks_required_open,
            Metric::TeamsActive => self.teams_active,
            Metric::ReportsOverdue => self.reports_overdue,
        }
    }
}

/// When closing is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseWhen {
    /// All of these.
    All(Vec<CloseWhen>),
    /// Any of these.
    Any(Vec<CloseWhen>),
    /// One number; all of its bounds.
    Number(Metric, Vec<(super::Comparison, i64)>),
}

impl CloseWhen {
    /// Whether it holds of these numbers.
    pub fn holds(&self, metrics: &Metrics) -> bool {
        use super::Comparison::{Contains, Eq, Gt, Gte, Lt, Lte, Ne};
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(metrics)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(metrics)),
            Self::Number(metric, bounds) => bounds.iter().all(|(comparison, bound)| {
                let number = metrics.get(*metric);
                match comparison {
                    Eq => number == *bound,
                    Ne => number != *bound,
                    Gte => number >= *bound,
                    Gt => number > *bound,
                    Lte => number <= *bound,
                    Lt => number < *bound,
                    Contains => false,
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Comparison, *};

    fn zero(metric: Metric) -> CloseWhen {
        CloseWhen::Number(metric, vec![(Comparison::Eq, 0)])
    }

    #[test]
    fn a_proposal_holds_when_all_or_any_of_its_numbers_do() {
        let all = CloseWhen::All(vec![zero(Metric::AlertsUnresolved), zero(Metric::TeamsActive)]);
        let any = CloseWhen::Any(vec![zero(Metric::AlertsUnresolved), zero(Metric::TeamsActive)]);
        for (unresolved, teams, by_all, by_any) in
            [(0, 0, true, true), (0, 2, false, true), (1, 0, false, true), (1, 2, false, false)]
        {
            let metrics =
                Metrics { alerts_unresolved: unresolved, teams_active: teams, ..Metrics::default() };
            assert_eq!((all.holds(&metrics), any.holds(&metrics)), (by_all, by_any), "{metrics:?}");
        }
        let between =
            CloseWhen::Number(Metric::ReportsOverdue, vec![(Comparison::Gte, 1), (Comparison::Lt, 3)]);
        let overdue = |n| between.holds(&Metrics { reports_overdue: n, ..Metrics::default() });
        assert_eq!([overdue(0), overdue(1), overdue(2), overdue(3)], [false, true, true, false]);
    }
}
