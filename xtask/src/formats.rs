//! Slides of other formats, made of the sample slide by other programs, and what OpenSlide reads from them: for the tests of
//! `slide`, never committed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::hash::{sha256, sha256_of_file};
use crate::process::Checked;
use crate::steps::Step;
use crate::workspace::Workspace;
use crate::{assets, python};

/// Where the slides lie in the folder of assets.
const FOLDER: &str = "formats";
/// Names what the slides were made of; they are made anew when that changes.
const STAMP: &str = "made-of";
/// Side of the slide that our own writer contributes, px: with the marks of more than one repeat of its field.
const WRITTEN_SIDE: &str = "5000";

/// Sees to it that the slides lie in the folder of assets, which has the sample slide already.
pub fn ensure(workspace: &Workspace, assets: &Path) -> Result<()> {
    let folder = assets.join(FOLDER);
    let scripts = workspace.root.join("crates/slide/fixtures");
    let (script, requirements) = (
        scripts.join("formats.py"),
        scripts.join("formats-requirements.txt"),
    );
    let sample = assets::sample_file(assets);

    let step = Step::begin("Making slides of other formats for the tests");
    let written = workspace.target.join("written.ome.tif");
    let program = write_slide_program(workspace)?;
    std::process::Command::new(program)
        .arg(&written)
        .arg(WRITTEN_SIDE)
        .output_checked()?;
    let mut made_of = String::new();
    for file in [&script, &requirements, &sample, &written] {
        made_of +=
            &sha256_of_file(file).with_context(|| format!("cannot read {}", file.display()))?;
    }
    let stamp = sha256(made_of.as_bytes());
    if fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == stamp) {
        step.done();
        return Ok(());
    }

    let environment = workspace.target.join("formats-venv");
    let python = python::virtual_environment(&environment)?;
    std::process::Command::new(&python)
        .args(["-m", "pip", "--disable-pip-version-check", "--no-input"])
        .args(["install", "--quiet", "--prefer-binary", "--requirement"])
        .arg(&requirements)
        .output_checked()
        .context("pip could not install the programs that write the other formats (Python 3.11 or newer)")?;
    let made = TempDir::with_prefix_in(assets::LEFTOVER, assets)
        .with_context(|| format!("cannot write in {}", assets.display()))?;
    std::process::Command::new(&python)
        .arg(&script)
        .args([&sample, &written])
        .arg(made.path())
        .output_checked()?;
    fs::write(made.path().join(STAMP), &stamp)?;
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace {}", folder.display()));
        }
        _ => fs::rename(made.keep(), &folder)
            .with_context(|| format!("cannot make {}", folder.display()))?,
    }
    step.done();
    Ok(())
}

/// The program that writes a slide to measure with, built.
pub fn write_slide_program(workspace: &Workspace) -> Result<std::path::PathBuf> {
    workspace
        .cargo()
        .args(["build", "--quiet", "--example", "bench_slide"])
        .run_checked()?;
    Ok(workspace.target.join("debug/examples/bench_slide"))
}
