//! The house keeps its shape: three invariants of `src/README.md`, read off the source tree.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|problem| panic!("{}: {problem}", folder.display()))
    {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The program of a file: without comments, and without the tests at its end.
fn program(path: &Path) -> String {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
    let text = text.split("\n#[cfg(test)]").next().expect("split gives one part at least");
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |all, line| all + line + "\n")
}

/// Panics with the broken sentence when a file outside `rooms` (paths below `src`) has one of `words`.
fn only_in(sentence: &str, rooms: &[&str], words: &[&str]) {
    let source = root().join("src");
    for path in rust_files(&source) {
        let room = path.strip_prefix(&source).expect("below src").to_string_lossy().replace('\\', "/");
        if rooms.iter().any(|allowed| room.starts_with(allowed)) {
            continue;
        }
        // Without blanks, because the formatter breaks long chains of calls.
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        let program = squeezed(&program(&path));
        for word in words {
            assert!(
                !program.contains(&squeezed(word)),
                "{sentence}\nbroken by src/{room}, which has `{word}`"
            );
        }
    }
}

#[test]
fn only_operations_write() {
    only_in(
        "Only `operation` opens a write transaction; only `operation/perform.rs` turns effects into rows.",
        &["operation", "store"],
        &["begin_with_options", "store.begin(", "store.at_once(", ".transaction("],
    );
    only_in(
        "Only `operation` opens a write transaction; only `operation/perform.rs` turns effects into rows.",
        &["operation/perform.rs", "operation/perform/", "core"],
        &["Effect::", "Wish::Ask"],
    );
}

#[test]
fn entities_are_columns_and_relations() {
    let sentence = "An entity file contains columns and relations and nothing else.";
    for path in rust_files(&root().join("entity/src")) {
        if path.ends_with("lib.rs") {
            continue;
        }
        let program = program(&path);
        let rest = program.replace("impl ActiveModelBehavior for ActiveModel {}", "");
        for word in ["impl ", "fn ", "Serialize", "Deserialize", "async ", "noroshi_core"] {
            assert!(!rest.contains(word), "{sentence}\nbroken by {}, which has `{word}`", path.display());
        }
    }
}

#[test]
fn errors_become_http_in_one_place() {
    only_in(
        "Errors become HTTP in `web/problem.rs` and nowhere else.",
        &["web/problem.rs"],
        &["impl ResponseError", "impl actix_web::ResponseError", "problem+json"],
    );
}

#[test]
fn the_core_knows_no_runtime_no_database_and_no_clock() {
    let sentence = "`noroshi-core` depends on no async runtime, database, network or clock crate.";
    let manifest = std::fs::read_to_string(root().join("src/core/Cargo.toml")).expect("the core's manifest");
    let (_, dependencies) = manifest.split_once("[dependencies]").expect("a table of dependencies");
    let dependencies = dependencies.split("\n[").next().expect("split gives one part at least");
    for name in
        ["tokio", "futures", "sea-orm", "sqlx", "entity", "actix", "reqwest", "lettre", "rand", "tracing"]
    {
        let named = dependencies.lines().any(|line| line.starts_with(name));
        assert!(!named, "{sentence}\nbroken by {name} in src/core/Cargo.toml");
    }
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).expect("the workspace's manifest");
    let chrono = workspace.lines().find(|line| line.starts_with("chrono = ")).expect("a line for chrono");
    let features =
        chrono.split_once("features = [").map_or("", |(_, rest)| rest.split(']').next().unwrap_or(""));
    assert!(!features.contains("clock"), "{sentence}\nbroken by chrono's feature `clock`");
    for path in rust_files(&root().join("src/core")) {
        // The simulation is all tests: it may be told a seed.
        if path.to_string_lossy().contains("/core/simulation") {
            continue;
        }
        let program = program(&path);
        for word in ["async fn", "SystemTime", "Instant", "std::net", "std::fs", "std::env", "std::thread"] {
            assert!(!program.contains(word), "{sentence}\nbroken by {}, which has `{word}`", path.display());
        }
    }
}

#[test]
fn the_licence_is_the_one_that_the_manifest_names() {
    let licence = std::fs::read_to_string(root().join("LICENSE")).expect("a licence");
    assert!(licence.contains("Apache License") && licence.contains("Version 2.0, January 2004"));
    assert!(licence.lines().count() > 190, "the whole text");
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    assert!(manifest.contains("license = \"Apache-2.0\""));
}
