//! Holds the dependency table of ARCHITECTURE.md: which crate of ours may use which, and what never gets into the browser.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

/// Crate → those of ours that it may depend on, for building and for its tests alike.
const TABLE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("stats", &[]),
    ("slide", &["domain"]),
    ("phantom", &["domain"]),
    ("composition", &["domain", "phantom"]),
    ("cluster", &[]),
    ("store", &["cluster", "domain"]),
    ("model", &["domain", "stats"]),
    ("app", &["domain", "store"]),
    ("frontend", &["app"]),
    (
        "server",
        &[
            "app",
            "composition",
            "domain",
            "model",
            "phantom",
            "slide",
            "stats",
            "store",
        ],
    ),
    ("xtask", &["cluster"]),
];

/// A dependency that a crate may have only when one of its features is on: crate, dependency, feature.
const ONLY_WITH: &[(&str, &str, &str)] = &[("app", "store", "ssr")];

/// Starts of names that the browser must not load.
const NOT_IN_THE_BROWSER: &[&str] = &["tokio", "sqlx", "burn", "cubecl", "wgpu", "store", "model"];

#[test]
fn every_crate_depends_only_on_those_that_the_table_allows() {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let violations = violations(&serde_json::from_str(&metadata).unwrap());
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn the_browser_gets_no_server() {
    let tree = cargo(&[
        "tree",
        "--locked",
        "--package",
        "frontend",
        "--target",
        "wasm32-unknown-unknown",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let names: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(
        names.contains("app") && names.contains("leptos"),
        "not the tree that was asked for:\n{tree}"
    );
    let unwanted: Vec<_> = names
        .iter()
        .filter(|name| NOT_IN_THE_BROWSER.iter().any(|start| is_of(name, start)))
        .collect();
    assert!(unwanted.is_empty(), "in the wasm build: {unwanted:?}");
}

#[test]
fn a_breach_of_the_table_is_found() {
    let dependency =
        |name: &str| json!({"name": name, "path": "/x", "kind": null, "optional": false});
    let package = |name: &str, dependencies: Vec<Value>| json!({"name": name, "dependencies": dependencies, "features": {}});
    let optional = json!({"name": "store", "path": "/x", "kind": null, "optional": true});

    let allowed = json!({"packages": [
        package("model", vec![dependency("domain"), json!({"name": "burn", "path": null, "kind": null, "optional": false})]),
        {"name": "app", "dependencies": [optional], "features": {"ssr": ["dep:store"], "hydrate": []}},
    ]});
    assert!(
        violations(&allowed).is_empty(),
        "{:?}",
        violations(&allowed)
    );

    let breaches = [
        (
            "slide must not see model",
            package("slide", vec![dependency("model")]),
        ),
        ("nothing but the table's crates", package("new", vec![])),
        (
            "store without a feature",
            package("app", vec![dependency("store")]),
        ),
        (
            "store under hydrate",
            json!({"name": "app", "dependencies": [optional], "features": {"ssr": ["dep:store"], "hydrate": ["store/x"]}}),
        ),
        (
            "in tests too",
            package(
                "domain",
                vec![json!({"name": "stats", "path": "/x", "kind": "dev", "optional": false})],
            ),
        ),
    ];
    for (what, package) in breaches {
        let found = violations(&json!({"packages": [package]}));
        assert_eq!(found.len(), 1, "{what}: {found:?}");
    }
}

#[test]
fn a_crate_is_known_by_its_name_and_not_by_a_likeness() {
    assert!(is_of("burn", "burn") && is_of("burn-core", "burn") && is_of("tokio_util", "tokio"));
    assert!(!is_of("modelling", "model") && !is_of("burnish", "burn"));
}

/// A line for every dependency that the table does not allow, in the words of `cargo metadata`.
fn violations(metadata: &Value) -> Vec<String> {
    let table: BTreeMap<_, _> = TABLE.iter().copied().collect();
    let mut violations = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(allowed) = table.get(name) else {
            violations.push(format!("{name} is not in the table"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            if dependency["path"].is_null() {
                continue;
            }
            let of = dependency["name"].as_str().unwrap();
            if !allowed.contains(&of) {
                violations.push(format!("{name} must not depend on {of}"));
            } else if let Some((_, _, feature)) = ONLY_WITH
                .iter()
                .find(|(user, used, _)| (*user, *used) == (name, of))
                && !only_with(package, dependency, of, feature)
            {
                violations.push(format!(
                    "{name} may depend on {of} only with its feature {feature}"
                ));
            }
        }
    }
    violations
}

/// Whether no feature but `wanted` turns the dependency on.
fn only_with(package: &Value, dependency: &Value, of: &str, wanted: &str) -> bool {
    let turns_it_on = |item: &Value| {
        let item = item.as_str().unwrap();
        item.strip_prefix("dep:").unwrap_or(item).split('/').next() == Some(of)
    };
    dependency["optional"] == json!(true)
        && package["features"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(feature, _)| *feature != wanted)
            .all(|(_, items)| !items.as_array().unwrap().iter().any(turns_it_on))
}

/// Whether `name` is `family` or one of its parts (`burn`, `burn-core`).
fn is_of(name: &str, family: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

fn cargo(args: &[&str]) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
