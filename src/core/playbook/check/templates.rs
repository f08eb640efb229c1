//! `{{ names }}` in texts (R04), and how long a text can become.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    directory::Directory,
    playbook::{VariableKind, syntax::Draft},
    problem::Position,
    text::{Piece, Text, pieces},
    yaml::{
        Node, Problems,
        fields::{Spot, did_you_mean, shortened},
    },
};

const BUILT_IN: [&str; 13] = [
    "incident.id",
    "incident.title",
    "incident.opened_at",
    "incident.closed_at",
    "incident.cancel_reason",
    "incident.mode",
    "alert.key",
    "alert.number",
    "alert.link",
    "alert.respond_by",
    "recipient.name",
    "recipient.agency",
    "recipient.person.name",
];

/// The link counts as this many characters: an address of a site and a token.
pub(super) const LINK_CHARS: usize = 70;

const MOST_IN_ONE_TEXT: usize = 50;

/// Every name that some text uses.
pub(super) fn names(draft: &Draft<'_>) -> BTreeSet<String> {
    let texts = draft.templates.iter().flat_map(Spot::variants);
    let words = texts.filter_map(|spot| spot.node.as_str());
    words
        .flat_map(pieces)
        .filter_map(|(_, piece)| match piece {
            Piece::Name(name) => Some(name.to_owned()),
            _ => None,
        })
        .collect()
}

pub(super) fn all(draft: &Draft<'_>, directory: Option<&Directory>, source: &str, problems: &Problems) {
    let variables: BTreeSet<&str> = draft.defined("variables").into_iter().map(|(key, _)| key).collect();
    let roles: BTreeSet<&str> = draft.defined("roles").into_iter().map(|(key, _)| key).collect();
    let known = |name: &str| {
        if variables.contains(name) || BUILT_IN.contains(&name) {
            return true;
        }
        if let Some(key) = name.strip_prefix("site.") {
            return directory.is_none_or(|directory| directory.site.contains_key(key));
        }
        name.strip_prefix("role.")
            .and_then(|rest| rest.strip_suffix(".name").or_else(|| rest.strip_suffix(".title")))
            .is_some_and(|key| roles.contains(key))
    };
    let lines = Lines::of(source);
    for spot in draft.templates.iter().flat_map(Spot::variants) {
        if problems.is_full() {
            break;
        }
        let wrong = tags(&spot, &lines).into_iter().filter(|tag| match tag.piece {
            Piece::Words(_) => false,
            Piece::Name(name) => !known(name),
            Piece::Broken(_) => true,
        });
        // Finding a place reads the text again, so a text full of mistakes is told only at its beginning.
        for tag in wrong.take(MOST_IN_ONE_TEXT) {
            match tag.piece {
                Piece::Name(name) => {
                    let (detail, help) = unknown_name(name, &variables, &roles, directory);
                    spot.error_at("R04", (tag.at)(), detail, help);
                }
                _ => spot.error_at(
                    "R04",
                    (tag.at)(),
                    Text::both(
                        "文面の中で使える印は {{ 変数名 }} だけです。",
                        "The only tag that texts know is {{ name }}.",
                    ),
                    Text::both(
                        "{{ 変数名 }} の形に直すか、この部分を消してください。",
                        "Write {{ name }}, or remove this part.",
                    ),
                ),
            }
        }
    }
    sources(draft, directory, problems);
    for task in &draft.tasks {
        if let Some(name) = &task.when_variable
            && !variables.contains(name.value.as_str())
        {
            let (hint_ja, hint_en) = did_you_mean(&name.value, variables.iter().copied());
            problems.error(
                "R04",
                name.at,
                &name.path,
                Text::both(
                    format!("変数「{}」は宣言されていません。{hint_ja}", name.value),
                    format!("The variable \"{}\" is not declared.{hint_en}", name.value),
                ),
                Text::both(
                    "variables: に書き足すか、名前を直してください。",
                    "Declare it, or correct the name.",
                ),
            );
        }
    }
}

/// What is wrong with a name that nothing gives a value to, and what to write: a name with a dot is the service's own.
fn unknown_name(
    name: &str,
    variables: &BTreeSet<&str>,
    roles: &BTreeSet<&str>,
    directory: Option<&Directory>,
) -> (Text, Text) {
    let shown = shortened(name);
    if let Some(key) = name.strip_prefix("site.") {
        let known = directory.into_iter().flat_map(|directory| directory.site.keys().map(String::as_str));
        let (hint_ja, hint_en) = did_you_mean(key, known);
        let key = shortened(key);
        return (
            Text::both(
                format!("台帳の site に「{key}」がありません。{hint_ja}"),
                format!("The directory's site has no \"{key}\".{hint_en}"),
            ),
            Text::both(
                format!("台帳の site: に {key} を書き足すか、名前を直してください。"),
                format!("Add {key} to \"site:\" of the directory, or correct the name."),
            ),
        );
    }
    if let Some((key, part)) = name.strip_prefix("role.").and_then(|rest| rest.split_once('.')) {
        if roles.contains(key) {
            return (
                Text::both(
                    format!("役割の「{}」は文面に使えません。", shortened(part)),
                    format!("A role has no \"{}\".", shortened(part)),
                ),
                Text::both(
                    format!("{{{{ role.{key}.name }}}} か {{{{ role.{key}.title }}}} と書いてください。"),
                    format!("Write {{{{ role.{key}.name }}}} or {{{{ role.{key}.title }}}}."),
                ),
            );
        }
        let (hint_ja, hint_en) = did_you_mean(key, roles.iter().copied());
        let key = shortened(key);
        return (
            Text::both(
                format!("役割「{key}」はありません。{hint_ja}"),
                format!("There is no role \"{key}\".{hint_en}"),
            ),
            Text::both(
                format!("roles: に {key} を定義するか、名前を直してください。"),
                format!("Define {key} under \"roles:\", or correct the name."),
            ),
        );
    }
    let (hint_ja, hint_en) = did_you_mean(name, variables.iter().copied().chain(BUILT_IN));
    if name.contains('.') {
        return (
            Text::both(
                format!("「{shown}」という組み込みの値はありません。{hint_ja}"),
                format!("There is no built-in value \"{shown}\".{hint_en}"),
            ),
            Text::both(
                format!(
                    "使えるもの: {}、site.<台帳の site のキー>、role.<役割>.name、role.<役割>.title",
                    BUILT_IN.join("、")
                ),
                format!(
                    "Known are: {}, site.<key of the directory's site>, role.<key>.name, role.<key>.title.",
                    BUILT_IN.join(", ")
                ),
            ),
        );
    }
    (
        Text::both(
            format!("変数「{shown}」は宣言されていません。{hint_ja}"),
            format!("The variable \"{shown}\" is not declared.{hint_en}"),
        ),
        Text::both(
            format!("variables: に {shown} を書き足すか、名前を直してください。"),
            format!("Declare {shown} under \"variables:\", or correct the name."),
        ),
    )
}

/// A variable that comes from a key of the site which this directory does not have.
fn sources(draft: &Draft<'_>, directory: Option<&Directory>, problems: &Problems) {
    let Some(directory) = directory else { return };
    for variable in &draft.variables {
        let from = variable.value.from.as_deref().and_then(|from| from.strip_prefix("site."));
        let Some(key) = from.filter(|key| !directory.site.contains_key(*key)) else { continue };
        // Something else can still fill it.
        if variable.value.ask.is_some() || variable.value.default.is_some() || !variable.value.required {
            continue;
        }
        let path = format!("{}.from", variable.path);
        let at = draft
            .root
            .get("variables")
            .and_then(|block| block.get(&variable.value.key)?.get("from"))
            .map_or(variable.at, |node| node.at);
        problems.error(
            "R04",
            at,
            path,
            Text::both(
                format!("必須の変数「{}」の値になる site.{key} が台帳にありません。", variable.value.key),
                format!(
                    "The required variable \"{}\" comes from site.{key}, which this directory does not have.",
                    variable.value.key
                ),
            ),
            Text::both(
                format!("台帳の site: に {key} を書くか、ask か default を書いてください。"),
                format!(
                    "Add {key} to the directory's \"site:\", or give the variable \"ask\" or \"default\"."
                ),
            ),
        );
    }
}

/// A tag inside of a text, with the way to find its place.
pub(super) struct Tag<'t> {
    pub(super) piece: Piece<'t>,
    /// Reads the text again: to be asked only where there is something to tell.
    pub(super) at: Box<dyn Fn() -> Position + 't>,
}

/// The tags of one text, in order.
pub(super) fn tags<'t>(spot: &Spot<'t>, lines: &'t Lines<'t>) -> Vec<Tag<'t>> {
    let Some(words) = spot.words() else { return Vec::new() };
    let node = spot.node;
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    let parts = pieces(words);
    let ends = parts.iter().skip(1).map(|(offset, _)| *offset).chain([words.len()]);
    parts
        .iter()
        .zip(ends)
        .filter(|((_, piece), _)| !matches!(piece, Piece::Words(_)))
        .map(|((offset, piece), end)| {
            let tag = &words[*offset..end];
            let nth = *met.entry(tag).and_modify(|count| *count += 1).or_insert(0);
            Tag { piece: *piece, at: Box::new(move || lines.place(node, tag, nth).unwrap_or(node.at)) }
        })
        .collect()
}

/// The lines of the file, in which the places inside of texts are looked up.
pub(super) struct Lines<'s>(Vec<&'s str>);

impl<'s> Lines<'s> {
    pub(super) fn of(source: &'s str) -> Self {
        Self(source.split('\n').collect())
    }

    /// Where the `nth` occurrence of a tag inside of a scalar stands in the file; `None` where escapes or folded lines
    /// hide it.
    pub(super) fn place(&self, node: &Node, tag: &str, nth: usize) -> Option<Position> {
        let first = usize::try_from(node.at.line).ok()?.checked_sub(1)?;
        let last = usize::try_from(node.end.line).ok()?;
        let mut left = nth;
        for (index, line) in self.0.iter().enumerate().take(last).skip(first) {
            let skipped = if index == first { usize::try_from(node.at.column).ok()? - 1 } else { 0 };
            let start = line.char_indices().nth(skipped).map_or(line.len(), |(at, _)| at);
            for (at, _) in line[start..].match_indices(tag) {
                if left == 0 {
                    let column = line[..start + at].chars().count() + 1;
                    return Some(Position {
                        line: u32::try_from(index + 1).ok()?,
                        column: u32::try_from(column).ok()?,
                    });
                }
                left -= 1;
            }
        }
        None
    }
}

/// How many characters a text can have once its values are in: the longest that each variable may hold. A text
/// without `max`, a list and a name count as 40.
pub(super) fn longest(draft: &Draft<'_>, words: &str) -> usize {
    let of_variable = |name: &str| {
        let variable = draft.variables.iter().find(|variable| variable.value.key == name)?;
        let max = variable.value.max.map(|max| usize::try_from(max).unwrap_or(usize::MAX));
        Some(match &variable.value.kind {
            VariableKind::Text | VariableKind::List => max.unwrap_or(40),
            VariableKind::Int | VariableKind::Phone => max.unwrap_or(20),
            VariableKind::Enum(options) => {
                let words = variable.value.words.iter().flat_map(|words| words.variants());
                let all = options.iter().map(String::as_str).chain(words.map(|(_, words)| words));
                all.map(|option| option.chars().count()).max().unwrap_or(0)
            }
            // 11月24日(火) 03:07
            VariableKind::Datetime => 16,
            // 6強
            VariableKind::JmaIntensity => 2,
        })
    };
    let parts = pieces(words);
    parts.iter().fold(0_usize, |total, (_, piece)| {
        total.saturating_add(match piece {
            Piece::Words(words) | Piece::Broken(words) => words.chars().count(),
            Piece::Name("alert.link") => LINK_CHARS,
            Piece::Name("alert.number" | "incident.mode") => 4,
            Piece::Name(name) if name.ends_with("_at") || name.ends_with("_by") => {
                of_variable(name).unwrap_or(16)
            }
            Piece::Name(name) => of_variable(name).unwrap_or(40),
        })
    })
}
