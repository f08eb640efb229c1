//! JSON Schema (2020-12) of the three languages, so that editors complete and check while somebody writes.
//!
//! The schemas are written as YAML beside this file and read by the same reader as everything else. The tests hold
//! them against the readers: every key that a reader knows is in the schema, and every key of the schema is known to a
//! reader.

use serde_json::{Map, Value, json};

use crate::{
    document::Kind,
    yaml::{Limits, Problems, parse},
};

/// The schema of a language.
pub fn of(kind: Kind) -> Value {
    let (name, own) = match kind {
        Kind::Playbook => ("playbook", include_str!("schema/playbook.yaml")),
        Kind::Directory => ("directory", include_str!("schema/directory.yaml")),
        Kind::Exercise => ("exercise", include_str!("schema/exercise.yaml")),
    };
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("$id".to_owned(), json!(format!("urn:noroshi:v1:{name}")));
    schema.extend(read(own));
    let shared = read(include_str!("schema/common.yaml"));
    if let Some(Value::Object(definitions)) = schema.get_mut("$defs") {
        definitions.extend(shared);
    }
    Value::Object(schema)
}

fn read(text: &str) -> Map<String, Value> {
    let problems = Problems::default();
    match parse(text, Limits::PLAYBOOK, &problems).map(|root| root.to_json()) {
        Some(Value::Object(map)) if !problems.has_errors() => map,
        _ => unreachable!("the schemas are part of the program, and tests read them"),
    }
}

#[cfg(test)]
mod tests;
