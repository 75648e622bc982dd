//! What is wrong without running anything, cheapest first.

use std::process::Command;

use anyhow::{Context, Result};

use crate::prepare;
use crate::process::Checked;
use crate::steps::Step;
use crate::workspace::Workspace;

/// Formatting, clippy for the server's side and for the browser's, and the prepared queries.
pub fn lint(workspace: &Workspace) -> Result<()> {
    let step = Step::begin("Checking the formatting");
    workspace
        .cargo()
        .args(["fmt", "--all", "--check"])
        .run_checked()
        .context("`cargo fmt --all` mends it")?;
    step.done();

    prepare::check(workspace)?;

    // `ssr` and `hydrate` never meet in one build, so each side is looked at by itself.
    let step = Step::begin("Clippy, the browser's side");
    workspace
        .cargo()
        .args([
            "clippy",
            "--package",
            "frontend",
            "--target",
            "wasm32-unknown-unknown",
            "--",
            "--deny",
            "warnings",
        ])
        .run_checked()?;
    step.done();
    Ok(())
}

/// Clippy for the server's side, with more settings for cargo.
pub fn clippy_server(workspace: &Workspace, settings: impl FnOnce(&mut Command)) -> Result<()> {
    let step = Step::begin("Clippy, the server's side (some minutes the first time)");
    let mut cargo = workspace.cargo();
    cargo.args(["clippy", "--all-targets"]);
    settings(&mut cargo);
    cargo.args(["--", "--deny", "warnings"]).run_checked()?;
    step.done();
    Ok(())
}
