//! What kind of file this is: the head that playbooks, directories and exercises share.

use crate::{
    text::Text,
    yaml::{
        Limits, Node, Problems, decode,
        fields::{Fields, Spot},
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
