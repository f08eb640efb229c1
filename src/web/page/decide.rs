//! The form that ends a ladder by a person's decision; the same for one recipient and for a whole alert.

/// What can be decided, and what was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecideForm {
    /// Sent as `option` (the playbook's Japanese words, word for word) and shown in the reader's language.
    pub options: Vec<(String, String)>,
    /// What was chosen in a form that came back.
    pub chosen: String,
    /// What was typed as the reason.
    pub note: String,
    /// What is wrong.
    pub problem: Option<String>,
}
