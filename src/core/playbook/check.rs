//! What is only seen when the whole playbook has been read, and what only its site can tell: the directory, the
//! moment, the playbooks beside it. The codes are those of the table in [`crate::rule`].
//!
//! The checks read the draft, and the tree of the file itself where only a place or a word is wanted: shape has been
//! told by the readers, so that a check passes over in silence what it cannot read.

use super::syntax::Draft;
use crate::{
    directory::{Directory, SiteValue},
    document,
    rule::Needs,
    time::{Span, Timestamp},
    yaml::{Problems, fields::Spot},
};

mod alerts;
mod cancelling;
mod contacts;
mod dates;
mod ending;
mod ladders;
mod letters;
mod neighbours;
mod people;
mod references;
mod reports;
mod tasks;
mod templates;

pub(crate) use dates::overdue;
pub use neighbours::Neighbour;

/// What is known of the site that a playbook is checked for. All of it may be unknown: then the rules that need it
/// are silent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Site<'s> {
    /// Who and where.
    pub directory: Option<&'s Directory>,
    /// The moment from which rosters, planned gaps and dates are looked at.
    pub at: Option<Timestamp>,
    /// The playbooks of the site, the former version of this one among them; `None` where they are not known.
    pub neighbours: Option<&'s [Neighbour]>,
}

impl Site<'_> {
    /// A length of time from the directory's block `site`.
    fn span(&self, key: &str) -> Option<Span> {
        self.word(key)?.parse().ok()
    }

    fn word(&self, key: &str) -> Option<&str> {
        match self.directory?.site.get(key)? {
            SiteValue::One(word) => Some(word),
            SiteValue::List(_) => None,
        }
    }

    fn sees(&self, needs: Needs) -> bool {
        match needs {
            Needs::File => true,
            Needs::Directory => self.directory.is_some(),
            Needs::Moment => self.directory.is_some() && self.at.is_some(),
            // Which of two neighbours is told of the other depends on who came first.
            Needs::Neighbours => false,
        }
    }
}

/// Every rule that can be judged.
pub(super) fn all(draft: &Draft<'_>, site: &Site<'_>, source: &str, problems: &Problems) {
    let directory = site.directory;
    let root = Spot::root(draft.root, problems);
    references::all(draft, directory, problems);
    templates::all(draft, directory, source, problems);
    references::unused(draft, problems);
    tasks::all(draft, site, &root, problems);
    ladders::all(draft, directory, &root, problems);
    alerts::all(draft, site, problems);
    letters::all(draft, directory, source, problems);
    cancelling::reaches_everybody(draft, directory, problems);
    cancelling::every_alert_is_raised(draft, problems);
    reports::all(draft, directory, &root);
    ending::can_come_true(&root);
    if let Some(directory) = directory {
        contacts::all(draft, directory, problems);
        people::all(draft, directory, site.at, &root, problems);
        areas_are_known(directory, &root);
    }
    dates::review(site.at, &root);
    neighbours::all(site, source, &root);
    document::waive(&draft.waive, problems, |needs| site.sees(needs));
}

/// The areas of a trigger's condition are areas of the site (T02).
fn areas_are_known(directory: &Directory, root: &Spot<'_>) {
    use crate::text::Text;
    let help = || {
        Text::both(
            "台帳の site: areas: に書いてある区域か、その一覧(site.areas)を書いてください。",
            "Write areas of the directory's \"site: areas:\", or that list itself (site.areas).",
        )
    };
    let triggers = root.child("triggers").map(|spot| spot.elements()).unwrap_or_default();
    for area_in in triggers.iter().filter_map(|trigger| trigger.descend(&["when", "area_in"])) {
        if let Some(name) = area_in.words() {
            let list = name.strip_prefix("site.").and_then(|key| directory.site.get(key));
            if !matches!(list, Some(SiteValue::List(_))) {
                area_in.error(
                    "T02",
                    Text::both(
                        format!("区域の一覧「{name}」が台帳の site にありません。"),
                        format!("The directory's site has no list of areas \"{name}\"."),
                    ),
                    help(),
                );
            }
            continue;
        }
        let known = match directory.site.get("areas") {
            Some(SiteValue::List(areas)) => areas.as_slice(),
            _ => &[],
        };
        for area in area_in.elements() {
            let Some(name) = area.words().filter(|name| !known.iter().any(|area| area == name)) else {
                continue;
            };
            area.error(
                "T02",
                Text::both(
                    format!("区域「{name}」は台帳の site.areas にありません。"),
                    format!("The directory's site.areas do not have the area \"{name}\"."),
                ),
                help(),
            );
        }
    }
}
