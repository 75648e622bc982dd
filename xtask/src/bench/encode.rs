//! Tiles per second of the default encoder: ours against ONNX Runtime on the CPU, against PyTorch on a graphics card,
//! from the same bytes to the same features, with the same weights and threads.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::figure::{Aim, Measurement, Rival, TILES_PER_S, median};
use super::{Outcome, threads};
use crate::process::Checked;
use crate::workspace::Workspace;
use crate::{assets, python};

/// Ours and the rival take turns, so that a busy minute of the machine's hits both.
const ROUNDS: usize = 3;
const SECONDS: &str = "8";

/// What a bench program says in its last line.
#[derive(Clone, Debug, Deserialize)]
struct Speed {
    engine: String,
    tiles_per_s: f64,
    /// Of the first tile; shows that both compute the same.
    first_features: Vec<f64>,
}

/// Against ONNX Runtime, in a virtual environment of the bench's own.
pub fn on_cpu(workspace: &Workspace) -> Result<Outcome> {
    let weights = weights(workspace)?;
    let python = python::virtual_environment(&workspace.target.join("bench-venv"))?;
    python::install(
        &python,
        &workspace.root.join("xtask/bench/requirements.txt"),
    )?;
    let program = build_ours(workspace)?;
    let threads = threads().to_string();
    let ours = || speed(ours(&program, "cpu", &weights).args(["--threads", &threads]));
    let rival = || {
        speed(rival(&python, workspace, "encode_ort.py", &weights).args(["--threads", &threads]))
    };
    take_turns(ours, rival)
}

/// Against PyTorch on the same card, where it is installed.
pub fn on_gpu(workspace: &Workspace) -> Result<Outcome> {
    if !has_graphics_card(Path::new("/dev")) {
        return Ok(Outcome::NotHere("there is no graphics card".into()));
    }
    let weights = weights(workspace)?;
    let program = build_ours(workspace)?;
    let ours = || speed(&mut ours(&program, "wgpu", &weights));
    let python = Path::new("python3");
    let has_rival = Command::new(python)
        .args(["-c", "import torch; assert torch.cuda.is_available()"])
        .output_checked()
        .is_ok();
    if has_rival {
        return take_turns(ours, || {
            speed(&mut rival(python, workspace, "encode_torch.py", &weights))
        });
    }
    let measured = Measurement::of(TILES_PER_S, ours()?.tiles_per_s);
    Ok(Outcome::Measured(vec![measured]))
}

fn weights(workspace: &Workspace) -> Result<PathBuf> {
    let folder = assets::folder(&workspace.data_dir())?;
    assets::ensure(workspace, &folder)?;
    Ok(assets::weights_file(&folder))
}

/// A card that Vulkan could know shows itself as a render node or by NVIDIA's own device.
fn has_graphics_card(dev: &Path) -> bool {
    dev.join("nvidia0").exists()
        || std::fs::read_dir(dev.join("dri")).is_ok_and(|nodes| {
            nodes
                .flatten()
                .any(|node| node.file_name().to_string_lossy().starts_with("renderD"))
        })
}

fn build_ours(workspace: &Workspace) -> Result<PathBuf> {
    workspace
        .cargo()
        // As `make run` builds it: what does the arithmetic is optimised there, too.
        .args(["build", "--example", "encode_bench"])
        .run_checked()?;
    Ok(workspace.target.join("debug/examples/encode_bench"))
}

fn ours(program: &Path, device: &str, weights: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--device", device, "--seconds", SECONDS, "--weights"])
        .arg(weights);
    command
}

fn rival(python: &Path, workspace: &Workspace, script: &str, weights: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .arg(workspace.root.join("xtask/bench").join(script))
        .args(["--seconds", SECONDS, "--weights"])
        .arg(weights);
    command
}

/// The medians of both after [`ROUNDS`] turns each; the target is to be as fast as the rival.
fn take_turns(
    mut ours: impl FnMut() -> Result<Speed>,
    mut rival: impl FnMut() -> Result<Speed>,
) -> Result<Outcome> {
    let (mut own, mut other) = (Vec::new(), Vec::new());
    let mut name = String::new();
    for _ in 0..ROUNDS {
        let (ours, rival) = (ours()?, rival()?);
        ensure!(
            agree(&ours.first_features, &rival.first_features),
            "{} and {} do not compute the same: {:?} and {:?}",
            ours.engine,
            rival.engine,
            ours.first_features,
            rival.first_features
        );
        own.push(ours.tiles_per_s);
        other.push(rival.tiles_per_s);
        name = rival.engine;
    }
    let measured = Measurement::of(TILES_PER_S, median(own))
        .beside(Rival::new(name, median(other)))
        .aiming_at(Aim::Ratio(1.0));
    Ok(Outcome::Measured(vec![measured]))
}

/// Alike enough to be the same network: 1 % leaves room for a card's own arithmetic, not for another padding.
fn agree(ours: &[f64], rival: &[f64]) -> bool {
    !ours.is_empty()
        && ours.len() == rival.len()
        && ours
            .iter()
            .zip(rival)
            .all(|(a, b)| (a - b).abs() <= 0.01 * b.abs().max(1.0))
}

fn speed(command: &mut Command) -> Result<Speed> {
    let output = command.output_checked()?;
    let line = output.trim_end().lines().last().unwrap_or_default();
    let speed: Speed =
        serde_json::from_str(line).with_context(|| format!("not a figure: {line:?}"))?;
    eprintln!("  {:>8.1} tiles/s {}", speed.tiles_per_s, speed.engine);
    Ok(speed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(figures: [f64; ROUNDS], engine: &str, feature: f64) -> impl FnMut() -> Result<Speed> {
        let mut figures = figures.into_iter();
        let engine = engine.to_owned();
        move || {
            let tiles_per_s = figures.next().context("asked once too often")?;
            Ok(Speed {
                engine: engine.clone(),
                tiles_per_s,
                first_features: vec![feature],
            })
        }
    }

    #[test]
    fn medians_are_compared_so_that_one_bad_turn_does_not_count() {
        let outcome = take_turns(
            turns([300.0, 10.0, 310.0], "ours", 0.5),
            turns([340.0, 350.0, 90.0], "other 1", 0.5),
        );
        let Outcome::Measured(measured) = outcome.unwrap() else {
            unreachable!("both were measured")
        };
        let [measured] = measured.try_into().unwrap();
        let measured: Measurement = measured;
        assert_eq!(measured.ours, 300.0);
        let rival = measured.rival.unwrap();
        assert_eq!((rival.name.as_str(), rival.figure), ("other 1", 340.0));
        assert_eq!(measured.aim, Some(Aim::Ratio(1.0)));
    }

    #[test]
    fn a_faster_but_different_network_is_no_result() {
        let error = take_turns(turns([1.0; 3], "ours", 0.5), turns([1.0; 3], "other", 0.6))
            .map(|_| ())
            .unwrap_err();
        assert!(
            error.to_string().contains("do not compute the same"),
            "{error}"
        );
        assert!(!agree(&[], &[]));
    }

    #[test]
    fn a_graphics_card_shows_itself_in_dev() {
        let dev = tempfile::tempdir().unwrap();
        assert!(!has_graphics_card(dev.path()));
        std::fs::create_dir(dev.path().join("dri")).unwrap();
        std::fs::write(dev.path().join("dri/card0"), "").unwrap();
        assert!(
            !has_graphics_card(dev.path()),
            "a display without a renderer"
        );
        std::fs::write(dev.path().join("dri/renderD128"), "").unwrap();
        assert!(has_graphics_card(dev.path()));
    }

    #[test]
    fn the_last_line_of_a_program_is_its_figure() {
        let json = r#"{"engine": "x", "tiles_per_s": 2.5, "first_features": [1.0], "threads": 2}"#;
        let figure = speed(Command::new("printf").arg("loading\n%s\n").arg(json)).unwrap();
        assert_eq!(figure.tiles_per_s, 2.5);
        assert!(speed(Command::new("echo").arg("no figure")).is_err());
    }
}
