//! What kind of file this is: the head that playbooks, directories and exercises share.

use crate::{
    rule::{self, Needs, RULES, Rule},
    text::Text,
    yaml::{
        Limits, Node, Problems, decode,
        fields::{Fields, Located, Spot},
        parse, top_level_kind,
    },
};

/// The one version of the languages.
pub const API_VERSION: &str = "noroshi/v1";

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What is done: portable, no personal data.
    Playbook,
    /// Who and where: local, personal data.
    Directory,
    /// How a playbook is drilled.
    Exercise,
}

impl Kind {
    /// The word in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Playbook => "Playbook",
            Self::Directory => "Directory",
            Self::Exercise => "Exercise",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Playbook, Self::Directory, Self::Exercise].into_iter().find(|kind| kind.name() == name)
    }
}

/// The kind that a file says it is, for folders; `None` where it says none. Works on files that are broken further
/// down, so that their problems can be told.
pub fn document_kind(source: &[u8]) -> Option<Kind> {
    Kind::from_name(&top_level_kind(source)?)
}

/// The key that a file gives itself, `metadata.key`; works on files that are broken further down, like
/// [`document_kind`].
pub fn document_key(source: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(source);
    let mut lines = text.lines().skip_while(|line| !line.starts_with("metadata:"));
    let head = lines.next()?;
    let inside = lines.take_while(|line| line.trim().is_empty() || line.starts_with([' ', '\t', '#']));
    let key = |line: &str| {
        let mut own = line.match_indices("key:").map(|(at, _)| at);
        let at = own.find(|at| line[..*at].ends_with([' ', '{', ',']))?;
        let value = line[at + "key:".len()..].trim_start();
        let end = |c: char| c.is_whitespace() || matches!(c, ',' | '}' | '#');
        let value = value.split(end).next().unwrap_or_default().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    };
    std::iter::once(head).chain(inside).find_map(key)
}

/// The tree of a file and its words, which the places inside of texts are looked up in.
pub(crate) fn tree<'s>(source: &'s [u8], limits: Limits, problems: &Problems) -> Option<(&'s str, Node)> {
    let text = decode(source, limits, problems)?;
    Some((text, parse(text, limits, problems)?))
}

/// Reads the head; `None` where the file is not of this kind at all, so that reading on would only confuse.
pub(crate) fn head<'a>(root: &'a Node, kind: Kind, problems: &'a Problems) -> Option<Fields<'a>> {
    let fields = Spot::root(root, problems).fields()?;
    if let Some(spot) = fields.need("apiVersion")
        && let Some(version) = spot.string()
        && version != API_VERSION
    {
        spot.error(
            "R02",
            Text::both(
                format!("版「{version}」は読めません。"),
                format!("The version \"{version}\" is not known."),
            ),
            Text::both(format!("{API_VERSION} と書いてください。"), format!("Write {API_VERSION}.")),
        );
    }
    let Some(spot) = fields.need("kind") else { return Some(fields) };
    let said = spot.string();
    if said == Some(kind.name()) {
        return Some(fields);
    }
    if let Some(said) = said {
        spot.error(
            "R02",
            Text::both(
                format!("このファイルは {} ではなく「{said}」です。", kind.name()),
                format!("This file is not a {}, but \"{said}\".", kind.name()),
            ),
            Text::both(format!("{} と書いてください。", kind.name()), format!("Write {}.", kind.name())),
        );
    }
    said.and_then(Kind::from_name).is_none().then_some(fields)
}

/// A warning that the author waives.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiver {
    /// The rule.
    pub code: String,
    /// Why it is right to break it here.
    pub because: Text,
}

/// Reads the block `waive:` of a file. Only rules whose breach is a warning in files of this kind can be waived.
pub(crate) fn waivers(fields: &Fields<'_>, kind: Kind) -> Vec<Located<Waiver>> {
    let block = fields.get("waive");
    block.iter().flat_map(Spot::items).filter_map(|spot| waiver(&spot, kind)).collect()
}

/// The waiver with the place of its code.
fn waiver(spot: &Spot<'_>, kind: Kind) -> Option<Located<Waiver>> {
    let fields = spot.fields()?;
    let code = fields.need("code").and_then(|spot| {
        let code = spot.string()?;
        let known = |rule: &&Rule| rule.can_be_waived() && rule.is_of_exercises() == (kind == Kind::Exercise);
        if !RULES.iter().filter(known).any(|rule| rule.code == code) {
            let codes: Vec<_> = RULES.iter().filter(known).map(|rule| rule.code).collect();
            spot.error(
                "R02",
                Text::both(
                    format!("「{code}」は免除できません。警告だけを免除できます。"),
                    format!("\"{code}\" cannot be waived: only warnings can."),
                ),
                Text::both(
                    format!("免除できる規則: {}", codes.join("、")),
                    format!("Rules that can be waived: {}.", codes.join(", ")),
                ),
            );
            return None;
        }
        Some(spot.locate(code.to_owned()))
    });
    let because = fields.need("because").and_then(|spot| spot.text());
    fields.finish();
    let Located { value: code, at, path } = code?;
    Some(Located { value: Waiver { code, because: because? }, at, path })
}

/// Waives what the author waives, and tells the waivers that waive nothing, as far as the checker could see.
///
/// - `sees`: whether every breach of rules with these needs could be found.
pub(crate) fn waive(waivers: &[Located<Waiver>], problems: &Problems, sees: impl Fn(Needs) -> bool) {
    for Located { value: Waiver { code, because }, at, path } in waivers {
        let waived = problems.waive(code, because);
        let could_be_seen = rule::find(code).is_some_and(|rule| sees(rule.needs));
        // An error may hide the very warning.
        if waived || !could_be_seen || problems.has_errors() {
            continue;
        }
        problems.warning(
            "R06",
            *at,
            path,
            Text::both(
                format!("この免除({code})が免除するものはありません。"),
                format!("This waiver of {code} waives nothing."),
            ),
            Text::both("免除を消してください。", "Remove the waiver."),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_file_still_says_its_key() {
        for (text, key) in [
            ("kind: Playbook\nmetadata: { key: gauge, title: x }\nvariables: [", Some("gauge")),
            ("metadata:\n  title: x\n  key: \"eq-6\" # ours\nroles: {", Some("eq-6")),
            ("metadata:\n  title: x\nroles:\n  - { key: other }\n", None),
            ("- key: other\n", None),
        ] {
            assert_eq!(document_key(text.as_bytes()).as_deref(), key, "{text}");
        }
    }
}
