//! Who acts.

use noroshi_core::rights::{Action, Role, may};

use super::OperationError;

/// Whoever does something: a signed-in person, a program with a token, an outside recipient, or the service itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Stable name: `account:acc_…`, `token:…`, `contact:agency:hosp_a primary`, `system`.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// What it may do at most; `None` for recipients and the service.
    pub role: Option<Role>,
    /// The person of the directory behind an account.
    pub person: Option<String>,
    /// The role account of the directory that it acts as: 当直師長（佐藤） then stands as its name.
    pub acting: Option<String>,
}

impl Actor {
    /// The service itself.
    pub fn system() -> Self {
        Self { id: "system".into(), name: "Noroshi".into(), role: None, person: None, acting: None }
    }

    /// Refuses unless the actor's role gives the right.
    pub fn must(&self, action: Action, what: &'static str) -> Result<(), OperationError> {
        self.must_named(action, false, what)
    }

    /// Refuses unless the actor's role, or being named by the playbook, gives the right.
    pub fn must_named(&self, action: Action, named: bool, what: &'static str) -> Result<(), OperationError> {
        match self.role {
            Some(role) if may(role, action, named) => Ok(()),
            None if self.id == "system" => Ok(()),
            _ => Err(OperationError::Denied { actor: self.name.clone(), action: what }),
        }
    }

    /// Whether the actor is this person of the directory.
    pub fn is_person(&self, key: &str) -> bool {
        self.person.as_deref() == Some(key)
    }
}
