//! `frontend` compiled to WebAssembly and cut into parts, and the JavaScript that loads them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;
use wasm_split_cli_support::{Options, transform};

use super::{fingerprint, sections};
use crate::process::Checked;
use crate::steps::Step;
use crate::workspace::Workspace;

/// The ES module; its default export takes the URL of the main WebAssembly.
pub const JS: &str = "marrowscope.js";
/// The main WebAssembly.
pub const WASM: &str = "marrowscope_bg.wasm";
/// Loads the parts; imported by the ES module, from which it imports in turn.
const LOADER: &str = "parts.js";
/// As `app` names the part that only the page of a slide needs.
const SLIDE_PAGE: &str = "slide_page";

/// What the browser runs: modules that name each other by relative paths, so that they must lie in one folder.
pub struct Scripts {
    /// Path in the folder → content.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// The WebAssembly that only the page of a slide needs.
    pub slide: Vec<PathBuf>,
}

impl Scripts {
    /// The modules that [`JS`] imports.
    pub fn modules(&self) -> impl Iterator<Item = &Path> {
        self.files
            .keys()
            .map(PathBuf::as_path)
            .filter(|path| path.extension() == Some(OsStr::new("js")) && *path != Path::new(JS))
    }
}

/// Compiles, cuts and binds.
pub fn make(workspace: &Workspace) -> Result<Scripts> {
    let step = Step::begin("Compiling for the browser (three minutes on two cores the first time)");
    // The relocations say which function and which data refer to which.
    workspace
        .cargo()
        .args([
            "rustc",
            "--package",
            "frontend",
            "--target",
            "wasm32-unknown-unknown",
            "--profile",
            "wasm",
            "--",
            "-Clink-arg=--emit-relocs",
        ])
        .run_checked()?;
    step.done();

    let step = Step::begin("Cutting it into parts and binding it to JavaScript");
    let linked = workspace
        .target
        .join("wasm32-unknown-unknown/wasm/frontend.wasm");
    let linked = fs::read(&linked).with_context(|| format!("cannot read {}", linked.display()))?;
    let (unbound, folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let unbound = unbound.path().join("main.wasm");
    let slide = split(&linked, &unbound, folder.path())?;
    // The parts find in the main module what it exports for them, by its linker's names.
    Bindgen::new()
        .input_path(unbound)
        .web(true)?
        .out_name("marrowscope")
        .typescript(false)
        .keep_lld_exports(true)
        .demangle(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder.path())
        .context("wasm-bindgen failed")?;

    let mut files = BTreeMap::new();
    for path in fingerprint::files(folder.path())? {
        let mut content = fs::read(folder.path().join(&path))?;
        if path.extension() == Some(OsStr::new("wasm")) {
            content = sections::without_custom(&content)
                .with_context(|| format!("{} is damaged", path.display()))?;
        }
        files.insert(path, content);
    }
    for needed in [JS, WASM, LOADER].map(Path::new) {
        anyhow::ensure!(
            files.contains_key(needed),
            "wasm-bindgen wrote no {}",
            needed.display()
        );
    }
    step.done();
    Ok(Scripts { files, slide })
}

/// Writes the main module to `main`, and the parts with their loader into `folder`. Returns what the page of a slide
/// needs, relative to the folder.
fn split(linked: &[u8], main: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let (js, loader) = (format!("./{JS}"), format!("./{LOADER}"));
    let mut options = Options::new(linked);
    options.output_dir = folder;
    options.main_out_path = main;
    options.main_module = &js;
    options.link_name = &loader;
    options.emit_dwarf = false;
    let mut parts = transform(options)
        .map_err(|error| anyhow!("{error:#}"))
        .context("cannot cut the WebAssembly into parts")?
        .prefetch_map;
    let slide = parts
        .remove(SLIDE_PAGE)
        .filter(|slide| !slide.is_empty())
        .context("the page of a slide is no part of its own")?;
    anyhow::ensure!(
        parts.is_empty(),
        "the manifest does not know the parts {:?}",
        parts.keys()
    );
    Ok(slide
        .into_iter()
        .map(|name| PathBuf::from(name + ".wasm"))
        .collect())
}
