//! Imports the sample slide that `cargo xtask assets` fetched.

use anyhow::Context;

use super::JobContext;
use crate::cohorts;
use crate::import;

/// Checks and registers the sample slide; it is used where it lies.
pub fn run(context: &JobContext) -> anyhow::Result<()> {
    let path = context.assets_dir().join(cohorts::SAMPLE_FILE);
    // Absolute, because a relative path means one in the data folder.
    let path = path
        .canonicalize()
        .with_context(|| format!("cannot find {}: run `cargo xtask assets`", path.display()))?;
    let checked = import::check(&path, None)?;
    context.wait(cohorts::add_sample_slide(context.store(), &path, checked))?;
    context.steps.at(1, 1)?;
    Ok(())
}
