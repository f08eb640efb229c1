//! Where the named things of a playbook stand in its file.

use std::collections::BTreeMap;

use crate::yaml::{Node, Value};

/// Line numbers of the blocks' entries, for whoever wants to show the place in the file: timetable, pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<(String, String), u32>);

impl Lines {
    /// Notes the entries of every block of a file.
    pub(crate) fn of_file(root: &Node) -> Self {
        let Value::Map(blocks) = &root.value else { return Self::default() };
        let entries = blocks.iter().flat_map(|(block, node)| {
            node.keys().map(|key| ((block.name.clone(), key.name.clone()), key.at.line))
        });
        // Tasks stand in groups and carry their keys inside.
        let groups =
            blocks.iter().filter(|(block, _)| block.name == "tasks").flat_map(|(_, node)| list(node));
        let tasks = groups.filter_map(|group| group.get("items")).flat_map(list).filter_map(|task| {
            let key = task.get("key")?;
            Some((("tasks".to_owned(), key.as_str()?.to_owned()), key.at.line))
        });
        Self(entries.chain(tasks).collect())
    }

    /// The line of an entry: `of("alerts", "dmat_standby")`, `of("tasks", "objectives")`.
    pub fn of(&self, block: &str, key: &str) -> Option<u32> {
        self.0.get(&(block.to_owned(), key.to_owned())).copied()
    }
}

fn list(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(nodes) => nodes,
        _ => &[],
    }
}
