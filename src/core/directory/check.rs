//! What is only seen when the whole directory has been read: groups that hold nobody or themselves, limits that
//! playbooks are held to, the date of verification.

use super::{Directory, syntax::Parts};
use crate::{
    document,
    playbook::overdue,
    rule::Needs,
    text::Text,
    time::Timestamp,
    yaml::{Problems, fields::Spot},
};

/// Every rule, with those that need a moment where it is given.
pub(super) fn all(parts: &Parts, at: Option<Timestamp>, root: &Spot<'_>, problems: &Problems) {
    groups(parts, problems);
    limits(root);
    if let Some(metadata) = root.child("metadata") {
        overdue(
            at,
            &metadata,
            "verified_on",
            "verify_every",
            ("台帳の確認", "verification of this directory", "verified_on"),
        );
    }
    document::waive(&parts.waive, problems, |needs| needs == Needs::File);
}

/// What `site` says about limits has to be readable as such.
fn limits(root: &Spot<'_>) {
    let Some(site) = root.child("site") else { return };
    for name in ["decide_within_critical", "decide_within_high"] {
        site.child(name).map(|spot| spot.span());
    }
    site.child("most_tasks_in_15m").map(|spot| spot.count());
}

fn groups(parts: &Parts, problems: &Problems) {
    for (key, (at, path)) in &parts.groups {
        if contains_itself(&parts.directory, key) {
            problems.error(
                "R02",
                *at,
                path,
                Text::both(
                    format!("機関グループ「{key}」が自分自身を含んでいます。"),
                    format!("The group \"{key}\" contains itself."),
                ),
                Text::both("循環する所属を外してください。", "Remove the member that leads back to it."),
            );
        } else if parts.directory.expand(key).is_empty() && !problems.has_errors() {
            problems.warning(
                "R06",
                *at,
                path,
                Text::both(
                    format!("機関グループ「{key}」に機関がありません。"),
                    format!("The group \"{key}\" has no agency."),
                ),
                Text::both(
                    "所属する機関を書くか、グループを消してください。",
                    "Add members, or remove the group.",
                ),
            );
        }
    }
}

fn contains_itself(directory: &Directory, group: &str) -> bool {
    let members =
        |key: &str| directory.agencies.get(key).and_then(|agency| agency.members.as_deref()).unwrap_or(&[]);
    let mut seen = std::collections::BTreeSet::new();
    let mut open: Vec<&str> = members(group).iter().map(String::as_str).collect();
    while let Some(key) = open.pop() {
        if key == group {
            return true;
        }
        if seen.insert(key) {
            open.extend(members(key).iter().map(String::as_str));
        }
    }
    false
}
