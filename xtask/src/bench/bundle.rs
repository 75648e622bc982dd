//! What a browser loads before a page answers: the page that people come to first, and the page of a slide with its part.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::Outcome;
use super::figure::{Aim, KILOBYTES, Measurement};
use crate::web::{self, Variant};
use crate::workspace::Workspace;

const TARGET_KB: f64 = 300.0;

/// The brotli forms of WebAssembly, JavaScript and style sheet, in units of 1000 bytes.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    let manifest = web::build(workspace, Variant::Product)?;
    let files = manifest.files_of_every_page(&Variant::Product.folder(workspace));
    let measured = weigh(&files)?.aiming_at(Aim::Figure(TARGET_KB));
    Ok(Outcome::Measured(vec![measured]))
}

/// The same with what the page of a slide loads besides.
pub fn measure_slide(workspace: &Workspace) -> Result<Outcome> {
    let manifest = web::build(workspace, Variant::Product)?;
    let files = manifest.files_of_slide_page(&Variant::Product.folder(workspace));
    Ok(Outcome::Measured(vec![weigh(&files)?]))
}

fn weigh(files: &[PathBuf]) -> Result<Measurement> {
    let mut bytes = 0;
    for file in files {
        let brotli = web::brotli_form(file);
        let metadata = brotli
            .metadata()
            .with_context(|| format!("cannot read {}", brotli.display()))?;
        eprintln!(
            "  {:>8} bytes {}",
            metadata.len(),
            brotli.file_name().unwrap_or_default().to_string_lossy()
        );
        bytes += metadata.len();
    }
    Ok(Measurement::of(KILOBYTES, bytes as f64 / 1000.0))
}
