//! The schemas against the readers and the files.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{
    document,
    yaml::{Node, fields::ReadMap},
};

const PLAYBOOK: &str = include_str!("../../../playbooks/eq-6upper-initial.yaml");
const DIRECTORY: &str = include_str!("../../../playbooks/directory.example.yaml");
const EXERCISE: &str = include_str!("../exercise/example.yaml");

fn files() -> [(Kind, &'static str); 6] {
    [
        (Kind::Playbook, PLAYBOOK),
        (Kind::Playbook, include_str!("every_key.playbook.yaml")),
        (Kind::Directory, DIRECTORY),
        (Kind::Directory, include_str!("every_key.directory.yaml")),
        (Kind::Exercise, EXERCISE),
        (Kind::Exercise, include_str!("every_key.exercise.yaml")),
    ]
}

fn tree(text: &str) -> Node {
    let problems = Problems::default();
    document::tree(text.as_bytes(), Limits::DIRECTORY, &problems).expect("a tree").1
}

/// The maps that a reader went through, with the keys it knows there.
fn read_maps(kind: Kind, text: &str) -> Vec<ReadMap> {
    let problems = Problems::default();
    let root = tree(text);
    let fields = document::head(&root, kind, &problems).expect("a head");
    match kind {
        Kind::Playbook => crate::playbook::syntax::read_only(fields),
        Kind::Directory => crate::directory::syntax::read_only(fields),
        Kind::Exercise => crate::exercise::read_only(fields, &problems),
    }
    assert!(!problems.read.borrow().is_empty());
    problems.read.take()
}

/// The schemas that stand for the value at the end of a way, references followed and choices opened.
fn at<'s>(root: &'s Value, way: &str) -> Vec<&'s Map<String, Value>> {
    let mut here = opened(root, root);
    let steps = way.replace('[', ".[");
    for step in steps.split('.').filter(|step| !step.is_empty()) {
        here = here
            .into_iter()
            .filter_map(|schema| {
                if step.starts_with('[') {
                    return schema.get("items");
                }
                schema
                    .get("properties")
                    .and_then(|keys| keys.get(step))
                    .or_else(|| schema.get("additionalProperties").filter(|others| others.is_object()))
            })
            .flat_map(|schema| opened(root, schema))
            .collect();
    }
    here
}

fn opened<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Map<String, Value>> {
    let Some(map) = schema.as_object() else { return Vec::new() };
    if let Some(name) = map.get("$ref").and_then(Value::as_str) {
        let target =
            root.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name} leads nowhere"));
        return opened(root, target);
    }
    match map.get("anyOf").and_then(Value::as_array) {
        Some(choices) => choices.iter().flat_map(|choice| opened(root, choice)).collect(),
        None => vec![map],
    }
}

#[test]
fn every_key_that_a_reader_knows_is_in_the_schema_and_the_reverse() {
    let mut told = Vec::new();
    for kind in [Kind::Playbook, Kind::Directory, Kind::Exercise] {
        let root = of(kind);
        // By the place of a map's schema in memory: what its readers know, and the way to it.
        let mut known: BTreeMap<*const Map<String, Value>, (BTreeSet<String>, String)> = BTreeMap::new();
        for (_, text) in files().iter().filter(|(of, _)| *of == kind) {
            for ReadMap { path, asked } in read_maps(kind, text) {
                let schemas = at(&root, &path);
                // Where one of several maps may stand, it is the one with the most keys in common.
                let has = |schema: &Map<String, Value>, key: &str| schema["properties"].get(key).is_some();
                let with_keys = schemas
                    .into_iter()
                    .filter(|schema| schema.contains_key("properties"))
                    .max_by_key(|schema| asked.iter().filter(|key| has(schema, key)).count());
                let Some(schema) = with_keys else {
                    told.push(format!("{kind:?}: {path} has no schema"));
                    continue;
                };
                let (keys, _) = known
                    .entry(std::ptr::from_ref(schema))
                    .or_insert_with(|| (BTreeSet::new(), path.clone()));
                keys.extend(asked.iter().map(|key| (*key).to_owned()));
                let stated: BTreeSet<&String> =
                    schema["properties"].as_object().into_iter().flat_map(Map::keys).collect();
                for key in asked.iter().filter(|key| !stated.contains(&(**key).to_owned())) {
                    told.push(format!("{kind:?}: the schema lacks {path}.{key}"));
                }
            }
        }
        walk(&root, &mut |schema| {
            let Some(stated) = schema.get("properties").and_then(Value::as_object) else { return };
            match known.get(&std::ptr::from_ref(schema)) {
                None => {
                    told.push(format!("{kind:?}: no example reads {:?}", stated.keys().collect::<Vec<_>>()))
                }
                Some((keys, path)) => {
                    for key in stated.keys().filter(|key| !keys.contains(*key)) {
                        told.push(format!("{kind:?}: no reader knows {path}.{key}"));
                    }
                }
            }
        });
    }
    told.sort();
    told.dedup();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// Every schema of a map whose keys are all known.
fn walk<'s>(value: &'s Value, visit: &mut impl FnMut(&'s Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            if map.get("additionalProperties") == Some(&Value::Bool(false)) {
                visit(map);
            }
            map.values().for_each(|value| walk(value, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

#[test]
fn every_shipped_file_and_example_fits_its_schema_and_a_slip_does_not() {
    for (kind, text) in files() {
        let validator = jsonschema::validator_for(&of(kind)).expect("a schema");
        let value = tree(text).to_json();
        let wrong: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{kind:?}\n{}", wrong.join("\n"));
        let mut slipped = value;
        slipped["metadta"] = json!({});
        assert!(!validator.is_valid(&slipped));
    }
}
