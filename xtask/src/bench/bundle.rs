//! What a browser loads before a page answers.

use anyhow::{Context, Result};

use super::Outcome;
use super::figure::{Aim, KILOBYTES, Measurement};
use crate::web::{self, Variant};
use crate::workspace::Workspace;

const TARGET_KB: f64 = 300.0;

/// The brotli forms of WebAssembly, JavaScript and style sheet, in units of 1000 bytes.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    let manifest = web::build(workspace, Variant::Product)?;
    let mut bytes = 0;
    for file in manifest.files(&Variant::Product.folder(workspace)) {
        let brotli = web::brotli_form(&file);
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
    let measured = Measurement::of(KILOBYTES, bytes as f64 / 1000.0);
    Ok(Outcome::Measured(vec![
        measured.aiming_at(Aim::Figure(TARGET_KB)),
    ]))
}
