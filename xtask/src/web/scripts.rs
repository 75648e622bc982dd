//! `frontend` compiled to WebAssembly, and the JavaScript that loads it.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use super::fingerprint;
use crate::process::Checked;
use crate::steps::Step;
use crate::workspace::Workspace;

/// What the browser runs.
pub struct Scripts {
    /// The ES module; its default export takes the URL of the WebAssembly.
    pub js: Vec<u8>,
    /// The WebAssembly.
    pub wasm: Vec<u8>,
    /// Modules that the first one imports by path: path beside it → content.
    pub snippets: Vec<(PathBuf, Vec<u8>)>,
}

/// Compiles and binds.
pub fn make(workspace: &Workspace) -> Result<Scripts> {
    let step = Step::begin("Compiling for the browser (three minutes on two cores the first time)");
    workspace
        .cargo()
        .args([
            "build",
            "--package",
            "frontend",
            "--target",
            "wasm32-unknown-unknown",
            "--profile",
            "wasm",
        ])
        .run_checked()?;
    step.done();

    let step = Step::begin("Binding it to JavaScript");
    let folder = tempfile::tempdir()?;
    Bindgen::new()
        .input_path(
            workspace
                .target
                .join("wasm32-unknown-unknown/wasm/frontend.wasm"),
        )
        .web(true)?
        .out_name("marrowscope")
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder.path())
        .context("wasm-bindgen failed")?;

    let mut scripts = Scripts {
        js: Vec::new(),
        wasm: Vec::new(),
        snippets: Vec::new(),
    };
    for path in fingerprint::files(folder.path())? {
        let content = fs::read(folder.path().join(&path))?;
        match path.to_str() {
            Some("marrowscope.js") => scripts.js = content,
            Some("marrowscope_bg.wasm") => scripts.wasm = content,
            _ if path.extension() == Some(OsStr::new("js")) => {
                scripts.snippets.push((path, content))
            }
            _ => {}
        }
    }
    anyhow::ensure!(
        !scripts.js.is_empty() && !scripts.wasm.is_empty(),
        "wasm-bindgen wrote no module"
    );
    step.done();
    Ok(scripts)
}
