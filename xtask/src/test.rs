//! All that continuous integration runs, cheapest first.

use anyhow::Result;

use crate::process::Checked;
use crate::steps::{self, Step};
use crate::workspace::Workspace;
use crate::{assets, e2e, formats, lint};

/// Lint, assets, native tests, the browser's part, tests in a browser.
pub fn test(workspace: &Workspace) -> Result<()> {
    eprintln!(
        "On two cores this takes up to an hour the first time, most of it for the dependencies, then minutes."
    );
    lint::lint(workspace)?;
    let assets = assets::folder(&workspace.data_dir())?;
    assets::ensure(workspace, &assets)?;

    formats::ensure(workspace, &assets)?;

    let step = Step::begin("Native tests (some fifteen minutes of building the first time)");
    workspace
        .cargo()
        .arg("test")
        .env("MARROWSCOPE_ASSETS", &assets)
        .run_checked()?;
    step.done();

    e2e::e2e(workspace, &[])?;
    eprintln!("All tests passed in {}.", steps::elapsed());
    Ok(())
}
