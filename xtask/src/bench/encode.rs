//! Tiles per second of the default encoder: ours against ONNX Runtime on a CPU, against PyTorch on a GPU, with the
//! same weights, threads and batches.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Measurement, Outcome, Rival, threads};
use crate::process::Checked;
use crate::workspace::Workspace;
use crate::{assets, python};

/// Ours and the rival take turns, so that a busy minute of the machine's hits both.
const ROUNDS: usize = 3;
const SECONDS: &str = "8";

/// What a bench program says in its last line.
#[derive(Debug, Deserialize)]
struct Speed {
    engine: String,
    tiles_per_s: f64,
}

/// Against ONNX Runtime, in a virtual environment of the bench's own.
pub fn on_cpu(workspace: &Workspace) -> Result<Outcome> {
    let weights = weights(workspace)?;
    let python = python::virtual_environment(&workspace.target.join("bench-venv"))?;
    Command::new(&python)
        .args([
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--no-input",
            "install",
            "--quiet",
            "--requirement",
        ])
        .arg(workspace.root.join("xtask/bench/requirements.txt"))
        .output_checked()?;
    let threads = threads().to_string();
    let options = |command: &mut Command, batch: &str| {
        command
            .args([
                "--threads",
                &threads,
                "--batch",
                batch,
                "--seconds",
                SECONDS,
                "--weights",
            ])
            .arg(&weights);
    };
    let program = build_ours(workspace)?;
    let ours = || {
        let mut command = Command::new(&program);
        options(command.args(["--device", "cpu"]), "16");
        speed(&mut command)
    };
    let rival = || {
        let mut command = Command::new(&python);
        options(
            command.arg(workspace.root.join("xtask/bench/encode_ort.py")),
            "16",
        );
        speed(&mut command)
    };
    take_turns(ours, rival)
}

/// Against PyTorch, where it is installed.
pub fn on_gpu(_workspace: &Workspace) -> Result<Outcome> {
    Ok(Outcome::NotHere("there is no GPU".into()))
}

fn weights(workspace: &Workspace) -> Result<std::path::PathBuf> {
    assets::ensure(workspace, &workspace.data_dir())?;
    Ok(assets::weights_file(&workspace.data_dir()))
}

fn build_ours(workspace: &Workspace) -> Result<std::path::PathBuf> {
    workspace
        .cargo()
        .args(["build", "--release", "--example", "encode_bench"])
        .run_checked()?;
    Ok(workspace.target.join("release/examples/encode_bench"))
}

/// The medians of both after [`ROUNDS`] turns each; the target is to be as fast as the rival.
fn take_turns(
    ours: impl Fn() -> Result<Speed>,
    rival: impl Fn() -> Result<Speed>,
) -> Result<Outcome> {
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own.push(ours()?);
        other.push(rival()?);
    }
    let name = other
        .first()
        .map(|speed| speed.engine.clone())
        .unwrap_or_default();
    let figure = median(other.iter().map(|speed| speed.tiles_per_s).collect());
    let ours = median(own.iter().map(|speed| speed.tiles_per_s).collect());
    Ok(Outcome::Measured(Measurement {
        ours,
        rival: Some(Rival { name, figure }),
        target: Some(figure),
    }))
}

fn speed(command: &mut Command) -> Result<Speed> {
    let output = command.output_checked()?;
    let line = output.trim_end().lines().last().unwrap_or_default();
    let speed: Speed =
        serde_json::from_str(line).with_context(|| format!("not a figure: {line:?}"))?;
    eprintln!("  {:>8.1} tiles/s {}", speed.tiles_per_s, speed.engine);
    Ok(speed)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
