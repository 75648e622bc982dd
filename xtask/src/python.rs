//! Python, for what only its registry has: the assets, and the rivals of the benches.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::Checked;

/// `python -m pip`: of the `python3` on the path, or of a virtual environment made in `folder` where it has no pip.
pub fn pip(folder: &Path) -> Result<Command> {
    let on_the_path = Command::new("python3")
        .args(["-m", "pip", "--version"])
        .output_checked();
    let mut command = match on_the_path {
        Ok(_) => Command::new("python3"),
        Err(_) => Command::new(virtual_environment(folder)?),
    };
    command.args(["-m", "pip", "--disable-pip-version-check", "--no-input"]);
    Ok(command)
}

/// The Python of the virtual environment in `folder`, which is made when it is not there.
pub fn virtual_environment(folder: &Path) -> Result<std::path::PathBuf> {
    let python = folder.join("bin/python");
    if Command::new(&python)
        .args(["-m", "pip", "--version"])
        .output_checked()
        .is_err()
    {
        Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder).output_checked().context(
            "cannot make a Python virtual environment (Python 3.9 or newer with venv is needed; `scripts/bootstrap.sh` \
             installs it)",
        )?;
    }
    Ok(python)
}

/// Installs what a requirements file names into the environment that `python` belongs to.
pub fn install(python: &Path, requirements: &Path) -> Result<()> {
    Command::new(python)
        .args(["-m", "pip", "--disable-pip-version-check", "--no-input"])
        .args(["install", "--quiet", "--requirement"])
        .arg(requirements)
        .output_checked()
        .map(drop)
}
