//! Reads a playbook file.
//!
//! 1. Every block is read into a [`Draft`]: the typed value as far as it could be read, and beside it what checks need
//!    and the typed value does not keep: places, references, templates, steps with holes.
//! 2. [`check`](rules) looks at the draft as a whole, with or without a directory.
//! 3. Without any error the draft becomes a [`Playbook`].
//!
//! A block that could not be read is left out of the draft; its key still counts as defined, so that one slip gives
//! one problem.

use std::cell::RefCell;

use chrono::NaiveDate;

use super::{
    CancelPlan, ClosePlan, DrillPlan, PartyRef, Playbook, Requires, Site, Text, Variable, check as rules,
};
use crate::{
    directory::Directory,
    document::{self, Kind},
    form::Form,
    problem::{Position, Problem},
    time::Span,
    yaml::{
        Limits, Node, Problems,
        fields::{Fields, Located, Spot},
    },
};

mod alerts;
mod ending;
mod ladders;
mod later;
mod reports;
mod responses;
mod start;
mod tasks;
mod triggers;

pub(super) use alerts::{AlertDraft, Deadline};
pub(super) use ladders::{LadderDraft, StepAction, StepDraft};
pub use reports::built_in_forms;
pub(super) use responses::ResponseSetDraft;
pub(super) use tasks::TaskDraft;

/// Reads a playbook: the checked value where there is no error, and every problem in the order of the file.
///
/// - `directory`: where it is known, references into it are checked too, and rules about addresses and people.
pub fn read(source: &[u8], directory: Option<&Directory>) -> (Option<Playbook>, Vec<Problem>) {
    check(source, &Site { directory, ..Site::default() })
}

/// Reads a playbook as [`read`] does, with every rule that can be judged by what is known of its site.
pub fn check(source: &[u8], site: &Site<'_>) -> (Option<Playbook>, Vec<Problem>) {
    check_without(None, source, site)
}

/// Checks with one rule switched off.
pub(super) fn check_without(
    rule: Option<&'static str>,
    source: &[u8],
    site: &Site<'_>,
) -> (Option<Playbook>, Vec<Problem>) {
    let problems = Problems::without(rule);
    let playbook = document::tree(source, Limits::PLAYBOOK, &problems).and_then(|(text, root)| {
        let fields = document::head(&root, Kind::Playbook, &problems)?;
        let draft = Draft::read(fields);
        rules::all(&draft, site, text, &problems);
        if problems.has_errors() { None } else { draft.into_playbook() }
    });
    (playbook, problems.into_sorted())
}

/// Reads a playbook that was checked when it was taken in: its shape alone, without asking its site again.
pub fn read_checked(source: &[u8]) -> Option<Playbook> {
    let problems = Problems::default();
    let (_, root) = document::tree(source, Limits::PLAYBOOK, &problems)?;
    let draft = Draft::read(document::head(&root, Kind::Playbook, &problems)?);
    if problems.has_errors() { None } else { draft.into_playbook() }
}

/// Reads every block without checking the whole.
#[cfg(test)]
pub(crate) fn read_only(fields: Fields<'_>) {
    Draft::read(fields);
}

/// What a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    Agency,
    Roster,
    Transport,
    /// A role of this file, or a role account of the directory.
    Role,
    /// A role of this file alone: somebody has to accept it.
    Chair,
    Channel,
    ResponseSet,
    Ladder,
    Alert,
    Task,
    Form,
}

/// A key that has to lead somewhere.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) thing: Thing,
    pub(super) key: Located<String>,
}

/// Where the readers of the parts put what concerns the whole file.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    references: RefCell<Vec<Reference>>,
    templates: RefCell<Vec<Spot<'a>>>,
}

impl<'a> Gathered<'a> {
    fn refer(&self, thing: Thing, key: Located<String>) {
        self.references.borrow_mut().push(Reference { thing, key });
    }

    /// A bare key of this kind.
    fn key_of(&self, thing: Thing, spot: &Spot<'a>) -> Option<Located<String>> {
        let key = spot.locate(spot.string()?.to_owned());
        self.refer(thing, key.clone());
        Some(key)
    }

    /// A list of bare keys of this kind.
    fn keys_of(&self, thing: Thing, spot: &Spot<'a>) -> Vec<Located<String>> {
        spot.items().iter().filter_map(|spot| self.key_of(thing, spot)).collect()
    }

    /// A text whose `{{ names }}` are checked.
    fn template(&self, spot: &Spot<'a>) -> Option<Text> {
        let text = spot.text()?;
        self.templates.borrow_mut().push(spot.clone());
        Some(text)
    }

    /// Somebody, of the kinds that are allowed here.
    fn party(&self, spot: &Spot<'a>, allowed: &[Thing]) -> Option<PartyRef> {
        let words = spot.string()?;
        let found = [("agency:", Thing::Agency), ("role:", Thing::Role), ("roster.", Thing::Roster)]
            .into_iter()
            .find_map(|(prefix, thing)| Some((thing, words.strip_prefix(prefix)?)))
            .filter(|(thing, key)| allowed.contains(thing) && !key.is_empty());
        let Some((thing, key)) = found else {
            let forms: Vec<&str> = allowed
                .iter()
                .map(|thing| match thing {
                    Thing::Agency => "\"agency:…\"",
                    Thing::Role => "\"role:…\"",
                    _ => "roster.…",
                })
                .collect();
            spot.not_a(
                words,
                "ここに書ける宛先",
                "somebody who can be named here",
                Text::both(
                    format!("{} の形で書いてください。", forms.join("、")),
                    format!("Write {}.", forms.join(" or ")),
                ),
            );
            return None;
        };
        self.refer(thing, spot.locate(key.to_owned()));
        let key = key.to_owned();
        Some(match thing {
            Thing::Agency => PartyRef::Agency(key),
            Thing::Role => PartyRef::Role(key),
            _ => PartyRef::Roster(key),
        })
    }

    /// `channel:…`
    fn channel(&self, spot: &Spot<'a>) -> Option<Located<String>> {
        let words = spot.string()?;
        let Some(key) = words.strip_prefix("channel:").filter(|key| !key.is_empty()) else {
            spot.not_a(
                words,
                "チャンネル",
                "a channel",
                Text::both("\"channel:…\" の形で書いてください。", "Write \"channel:…\"."),
            );
            return None;
        };
        Some(spot.locate(key.to_owned()))
    }
}

/// A playbook as far as it could be read.
pub(super) struct Draft<'a> {
    pub(super) root: &'a Node,
    metadata: Option<Metadata>,
    pub(super) requires: Option<RequiresDraft>,
    pub(super) variables: Vec<Located<Variable>>,
    pub(super) triggers: Vec<triggers::TriggerDraft>,
    pub(super) roles: Vec<Located<super::Role>>,
    pub(super) channels: Vec<Located<super::ChannelPlan>>,
    pub(super) response_sets: Vec<ResponseSetDraft>,
    pub(super) ladders: Vec<LadderDraft>,
    pub(super) alerts: Vec<AlertDraft<'a>>,
    pub(super) tasks: Vec<TaskDraft>,
    task_groups: Vec<super::TaskGroup>,
    reports: Vec<super::ReportPlan>,
    close: ClosePlan,
    pub(super) cancel: Option<Located<CancelPlan>>,
    drills: Option<DrillPlan>,
    forms: Vec<Form>,
    pub(super) waive: Vec<Located<super::Waiver>>,
    pub(super) references: Vec<Reference>,
    pub(super) templates: Vec<Spot<'a>>,
}

/// The contract with the directory, with places.
#[derive(Default)]
pub(super) struct RequiresDraft {
    pub(super) agencies: Vec<Located<String>>,
    pub(super) rosters: Vec<Located<String>>,
    pub(super) transports: Vec<Located<String>>,
    pub(super) role_accounts: Vec<Located<String>>,
}

struct Metadata {
    key: String,
    version: String,
    title: Text,
    owner: Option<String>,
    reviewed_on: Option<NaiveDate>,
    review_every: Option<Span>,
    basis: Vec<String>,
}

impl<'a> Draft<'a> {
    fn read(fields: Fields<'a>) -> Self {
        let gathered = Gathered::default();
        let metadata = fields.need("metadata").and_then(|spot| spot.fields()).and_then(read_metadata);
        let requires = fields.get("requires").and_then(|spot| read_requires(&spot));
        let variables = fields.get("variables").map(|spot| start::variables(&spot)).unwrap_or_default();
        let triggers =
            fields.need("triggers").map(|spot| triggers::triggers(&spot, &gathered)).unwrap_or_default();
        let roles = fields.need("roles").map(|spot| start::roles(&spot, &gathered)).unwrap_or_default();
        let channels =
            fields.need("channels").map(|spot| start::channels(&spot, &gathered)).unwrap_or_default();
        let response_sets = fields
            .get("response_sets")
            .map(|spot| responses::response_sets(&spot, &gathered))
            .unwrap_or_default();
        let ladders =
            fields.get("ladders").map(|spot| ladders::ladders(&spot, &gathered)).unwrap_or_default();
        let named = ending::alerts_of_the_end(&fields);
        let alerts =
            fields.need("alerts").map(|spot| alerts::alerts(&spot, &named, &gathered)).unwrap_or_default();
        let (task_groups, tasks) =
            fields.get("tasks").map(|spot| tasks::tasks(&spot, &gathered)).unwrap_or_default();
        let reports =
            fields.get("reports").map(|spot| reports::reports(&spot, &gathered)).unwrap_or_default();
        let close =
            fields.get("close").map(|spot| ending::close(&spot, &tasks, &gathered)).unwrap_or_default();
        let cancel = fields.need("cancel").and_then(|spot| ending::cancel(&spot, &gathered));
        let drills = fields.need("drills").and_then(|spot| later::drills(&spot, &gathered));
        let forms = fields.get("forms").map(|spot| reports::forms(&spot)).unwrap_or_default();
        let waive = document::waivers(&fields, Kind::Playbook);
        let root = fields.spot.node;
        fields.finish();
        Self {
            root,
            metadata,
            requires,
            variables,
            triggers,
            roles,
            channels,
            response_sets,
            ladders,
            alerts,
            tasks,
            task_groups,
            reports,
            close,
            cancel,
            drills,
            forms,
            waive,
            references: gathered.references.into_inner(),
            templates: gathered.templates.into_inner(),
        }
    }

    /// The keys that a block defines, readable or not.
    pub(super) fn defined(&self, block: &str) -> Vec<(&'a str, Position)> {
        self.root
            .get(block)
            .into_iter()
            .flat_map(|node| node.keys())
            .map(|key| (key.name.as_str(), key.at))
            .collect()
    }

    fn into_playbook(self) -> Option<Playbook> {
        let metadata = self.metadata?;
        let values = |list: Vec<Located<String>>| list.into_iter().map(|key| key.value).collect();
        Some(Playbook {
            key: metadata.key,
            version: metadata.version,
            title: metadata.title,
            owner: metadata.owner,
            reviewed_on: metadata.reviewed_on,
            review_every: metadata.review_every,
            basis: metadata.basis,
            requires: self.requires.map(|requires| Requires {
                agencies: values(requires.agencies),
                rosters: values(requires.rosters),
                transports: values(requires.transports),
                role_accounts: values(requires.role_accounts),
            }),
            variables: self.variables.into_iter().map(|variable| variable.value).collect(),
            triggers: self.triggers.into_iter().map(|draft| draft.trigger).collect(),
            roles: self.roles.into_iter().map(|role| role.value).collect(),
            channels: self.channels.into_iter().map(|channel| channel.value).collect(),
            response_sets: self.response_sets.into_iter().map(ResponseSetDraft::into_set).collect(),
            ladders: self.ladders.into_iter().map(LadderDraft::into_ladder).collect::<Option<_>>()?,
            alerts: self.alerts.into_iter().map(|draft| draft.plan).collect::<Option<_>>()?,
            tasks: self.task_groups,
            reports: self.reports,
            close: self.close,
            cancel: self.cancel?.value,
            drills: self.drills?,
            forms: self.forms,
            waive: self.waive.into_iter().map(|waiver| waiver.value).collect(),
            lines: super::Lines::of_file(self.root),
        })
    }
}

fn read_metadata(fields: Fields<'_>) -> Option<Metadata> {
    let key = fields.need("key").and_then(|spot| spot.key());
    let version = fields.need("version").and_then(|spot| spot.string().map(str::to_owned));
    let title = fields.need("title").and_then(|spot| spot.text());
    let owner = fields.get("owner").and_then(|spot| spot.string().map(str::to_owned));
    let reviewed_on = fields.get("reviewed_on").and_then(|spot| spot.date());
    let review_every = fields.get("review_every").and_then(|spot| spot.span());
    let basis = fields.get("basis").map(|spot| spot.strings()).unwrap_or_default();
    fields.finish();
    Some(Metadata {
        key: key?,
        version: version?,
        title: title?,
        owner,
        reviewed_on,
        review_every,
        basis: basis.into_iter().map(|line| line.value).collect(),
    })
}

fn read_requires(spot: &Spot<'_>) -> Option<RequiresDraft> {
    let fields = spot.fields()?;
    let list = |name| fields.get(name).map(|spot| spot.strings()).unwrap_or_default();
    let requires = RequiresDraft {
        agencies: list("agencies"),
        rosters: list("rosters"),
        transports: list("transports"),
        role_accounts: list("role_accounts"),
    };
    fields.finish();
    Some(requires)
}
