//! Writing the slide that the other figures are measured on.

use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Outcome;
use super::figure::{Aim, Measurement, SECONDS};
use crate::formats;
use crate::process::Checked;
use crate::workspace::Workspace;

const TARGET_SECONDS: f64 = 60.0;

#[derive(Deserialize)]
struct Figure {
    side_px: u32,
    bytes: u64,
    seconds: f64,
}

/// 50,000 × 50,000 px, drawing included.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    let program = formats::write_slide_program(workspace)?;
    let output = Command::new(program)
        .arg(workspace.target.join("bench.ome.tif"))
        .output_checked()?;
    let line = output.trim_end().lines().last().unwrap_or_default();
    let figure: Figure =
        serde_json::from_str(line).with_context(|| format!("not a figure: {line:?}"))?;
    eprintln!(
        "  {} px wide and high, {} MB",
        figure.side_px,
        figure.bytes / 1_000_000
    );
    let measured = Measurement::of(SECONDS, figure.seconds);
    Ok(Outcome::Measured(vec![
        measured.aiming_at(Aim::Figure(TARGET_SECONDS)),
    ]))
}
