//! Who may do what. One pure function, so that every route and page asks the same question.

/// What an account or token may do at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees everything, changes nothing.
    Observer,
    /// Talks, records, takes answers by telephone.
    Operator,
    /// Starts, closes, cancels and decides everywhere.
    Commander,
    /// Everything, directory and accounts included.
    Admin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 4] = [Self::Observer, Self::Operator, Self::Commander, Self::Admin];

    /// The word on the command line, in the table and in the API.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Observer => "observer",
            Self::Operator => "operator",
            Self::Commander => "commander",
            Self::Admin => "admin",
        }
    }

    /// Reads the word.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.key() == key)
    }
}

/// Something that somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Look at incidents, the directory's names, playbooks.
    View,
    /// Write messages and chronology entries, mark as read.
    Talk,
    /// Type in an answer taken by telephone.
    AnswerForOthers,
    /// Start an incident.
    Start,
    /// Raise an alert by hand.
    RaiseAlert,
    /// Decide where a ladder has ended.
    Decide,
    /// Offer a chair to somebody, hand it over, release it.
    Seat,
    /// Say that somebody stands in for somebody on a roster.
    Cover,
    /// Close an incident.
    Close,
    /// Cancel an incident.
    Cancel,
    /// Import playbooks, preflight is [`Action::View`].
    ImportPlaybook,
    /// Import the directory, clear address marks.
    EditDirectory,
    /// Make accounts and tokens.
    ManageAccounts,
}

/// Whether `role` may do `action`.
///
/// - `named`: the playbook names the actor for this: a trigger's `allow`, `cancel.allow`, `close.approve`, or it is
///   theirs to do: the decision and the chair as holder of the role, the cover as one of the roster. That gives the
///   right **besides** the role; an observer stays one.
pub fn may(role: Role, action: Action, named: bool) -> bool {
    let needed = match action {
        Action::View => Role::Observer,
        Action::Talk | Action::AnswerForOthers => Role::Operator,
        Action::Start | Action::Decide | Action::Seat | Action::Cover | Action::Close | Action::Cancel
            if named =>
        {
            Role::Operator
        }
        Action::Start
        | Action::RaiseAlert
        | Action::Decide
        | Action::Seat
        | Action::Cover
        | Action::Close
        | Action::Cancel => Role::Commander,
        Action::ImportPlaybook | Action::EditDirectory | Action::ManageAccounts => Role::Admin,
    };
    role >= needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_operator_may_start_and_an_unnamed_one_may_not() {
        assert!(may(Role::Operator, Action::Start, true));
        assert!(!may(Role::Operator, Action::Start, false));
        assert!(!may(Role::Observer, Action::Start, true));
        assert!(may(Role::Commander, Action::Start, false));
        assert!(!may(Role::Commander, Action::EditDirectory, true));
    }
}
