//! Imports the sample slide that `cargo xtask assets` fetched.

use std::fs::File;

use anyhow::{Context, bail};
use store::files::sha256_of;

use super::JobContext;
use crate::cohorts::{self, SAMPLE_FILE, SAMPLE_SHA256};
use crate::import;

/// Checks and registers the sample slide; it is used where it lies.
pub fn run(context: &JobContext) -> anyhow::Result<()> {
    let path = context.assets_dir().join(SAMPLE_FILE);
    // Absolute, because a relative path means one in the data folder.
    let path = path.canonicalize().with_context(|| {
        format!("{SAMPLE_FILE} is not in the assets folder: run `cargo xtask assets`")
    })?;
    let (sha256, _) = sha256_of(File::open(&path)?)?;
    if sha256 != SAMPLE_SHA256 {
        bail!(
            "{SAMPLE_FILE} in the assets folder is not the expected file (SHA-256 {sha256}, expected {SAMPLE_SHA256}): \
             delete it and run `cargo xtask assets`"
        );
    }
    let checked = import::check(&path, None)?;
    context.wait(cohorts::add_sample_slide(context.store(), &path, checked))?;
    context.steps.at(1, 1)?;
    Ok(())
}
