//! What a browser loads before a page answers.

use anyhow::{Context, Result};

use super::{Measurement, Outcome};
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
    Ok(Outcome::Measured(Measurement {
        ours: bytes as f64 / 1000.0,
        rival: None,
        target: Some(TARGET_KB),
    }))
}
