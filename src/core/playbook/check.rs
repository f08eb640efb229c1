//! What is only seen when the whole playbook has been read, and what only a directory can tell. The codes are those
//! of the language's rules; `playbooks/README.md` gives each with its reason.

use super::syntax::Draft;
use crate::{directory::Directory, yaml::Problems};

mod alerts;
mod ladders;
mod people;
mod references;
mod tasks;
mod templates;

/// Every rule that needs no history.
pub(super) fn all(draft: &Draft<'_>, directory: Option<&Directory>, source: &str, problems: &Problems) {
    references::all(draft, directory, problems);
    templates::all(draft, directory, source, problems);
    references::unused(draft, problems);
    tasks::all(draft, problems);
    ladders::all(draft, problems);
    alerts::all(draft, directory, problems);
    if let Some(directory) = directory {
        people::all(draft, directory, problems);
    }
    for waiver in &draft.waive {
        problems.waive(&waiver.value.code, &waiver.value.because);
    }
}
