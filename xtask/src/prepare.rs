//! `.sqlx`: what Postgres answers about every query in `store`, so that the build needs no database.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use cluster::Throwaway;
use serde_json::Value;

use crate::lint;
use crate::steps::Step;
use crate::web::fingerprint;
use crate::workspace::Workspace;

/// File name → content.
type Answers = BTreeMap<String, String>;

/// What the answers depend on, and the answers.
const SOURCES: &[&str] = &[
    ".sqlx",
    "crates/domain",
    "crates/store",
    "migrations",
    "Cargo.toml",
    "Cargo.lock",
];

/// Remakes `.sqlx`.
pub fn write(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join(".sqlx");
    let fresh = ask(workspace)?;
    let committed = read(&folder)?;
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for name in committed.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(folder.join(name))
            .with_context(|| format!("cannot remove .sqlx/{name}"))?;
    }
    for (name, content) in &fresh {
        if committed.get(name) != Some(content) {
            fs::write(folder.join(name), content)
                .with_context(|| format!("cannot write .sqlx/{name}"))?;
        }
    }
    eprintln!("{} queries in .sqlx", fresh.len());
    Ok(())
}

/// Clippy for the server's side; fails too when [`write`] would change something that matters. Asks no database when nothing
/// has changed since it did.
pub fn check(workspace: &Workspace) -> Result<()> {
    let stamp = workspace.target.join("prepared");
    let inputs = fingerprint(&workspace.root, SOURCES)?;
    if fs::read_to_string(&stamp).is_ok_and(|checked| checked == inputs) {
        return lint::clippy_server(workspace, |_| ());
    }
    let differences = differences(&read(&workspace.root.join(".sqlx"))?, &ask(workspace)?);
    if !differences.is_empty() {
        bail!(
            ".sqlx differs from the queries; `cargo xtask prepare` remakes it\n{}",
            differences.join("\n")
        );
    }
    fs::write(&stamp, inputs).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(())
}

/// Lets clippy, which compiles `store` anyway, do so against a throw-away cluster, and returns what the macros wrote down.
fn ask(workspace: &Workspace) -> Result<Answers> {
    let step = Step::begin("Starting a throw-away Postgres, to ask it about the queries");
    let cluster = Throwaway::start()?;
    cluster.run_sql(&workspace.root.join("migrations"))?;
    step.done();
    let answers = tempfile::tempdir()?;
    // The macros only write when they run.
    for source in sources_with_queries(workspace)? {
        File::open(&source)
            .and_then(|file| file.set_modified(SystemTime::now()))
            .with_context(|| format!("cannot touch {}", source.display()))?;
    }
    lint::clippy_server(workspace, |cargo| {
        cargo
            // .cargo/config.toml forces it to "true" for everybody else.
            .args([
                "--config",
                r#"env.SQLX_OFFLINE.value="false""#,
                "--config",
                "env.SQLX_OFFLINE.force=true",
            ])
            .env("SQLX_OFFLINE_DIR", answers.path())
            .env("DATABASE_URL", cluster.url());
    })?;
    read(answers.path())
}

/// The file of each target of `store`.
fn sources_with_queries(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let store = workspace.root.join("crates/store");
    let mut sources = vec![store.join("src/lib.rs")];
    let tests = store.join("tests");
    let entries = fs::read_dir(&tests)
        .with_context(|| format!("cannot read the folder {}", tests.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    Ok(sources)
}

fn read(folder: &Path) -> Result<Answers> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Answers::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    let mut answers = Answers::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") {
            answers.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(answers)
}

/// A line for each query whose answer is missing, superfluous or other than it was.
fn differences(committed: &Answers, fresh: &Answers) -> Vec<String> {
    let missing = fresh
        .iter()
        .filter(|(name, _)| !committed.contains_key(*name))
        .map(|(_, new)| ("missing", new));
    let superfluous = committed
        .iter()
        .filter(|(name, _)| !fresh.contains_key(*name))
        .map(|(_, old)| ("superfluous", old));
    let changed = fresh
        .iter()
        .filter(|(name, new)| {
            committed
                .get(*name)
                .is_some_and(|old| essence(old) != essence(new))
        })
        .map(|(_, new)| ("changed", new));
    missing
        .chain(superfluous)
        .chain(changed)
        .map(|(what, answer)| format!("{what}: {}", query(answer)))
        .collect()
}

/// The answer without `nullable`, which follows the plan, and so differs between versions of Postgres.
fn essence(answer: &str) -> Option<Value> {
    let mut value: Value = serde_json::from_str(answer).ok()?;
    value
        .get_mut("describe")?
        .as_object_mut()?
        .remove("nullable");
    Some(value)
}

/// The SQL on one line.
fn query(answer: &str) -> String {
    let value: Value = serde_json::from_str(answer).unwrap_or_default();
    value["query"]
        .as_str()
        .unwrap_or(answer)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(entries: &[(&str, &str, &str)]) -> Answers {
        entries
            .iter()
            .map(|(sql, column, nullable)| {
                let describe = format!(r#"{{"columns": ["{column}"], "nullable": [{nullable}]}}"#);
                (
                    format!("query-{sql}.json"),
                    format!(r#"{{"query": "{sql}", "describe": {describe}}}"#),
                )
            })
            .collect()
    }

    #[test]
    fn missing_superfluous_and_changed_answers_are_told_by_their_sql() {
        let committed = answers(&[("select 1", "int4", "false"), ("select 2", "int4", "false")]);
        let fresh = answers(&[("select 2", "text", "false"), ("select 3", "int4", "false")]);
        assert_eq!(
            differences(&committed, &fresh),
            [
                "missing: select 3",
                "superfluous: select 1",
                "changed: select 2"
            ]
        );
        assert!(differences(&fresh, &fresh).is_empty());
    }

    #[test]
    fn what_depends_on_the_version_of_postgres_is_no_difference() {
        let one = answers(&[("select 1", "int4", "false")]);
        let other = answers(&[("select 1", "int4", "null")]);
        assert!(differences(&one, &other).is_empty());
    }

    #[test]
    fn a_damaged_answer_is_a_difference() {
        let fresh = answers(&[("select 1", "int4", "false")]);
        let damaged = fresh
            .keys()
            .map(|name| (name.clone(), String::from("{")))
            .collect();
        assert_eq!(differences(&damaged, &fresh), ["changed: select 1"]);
    }
}
