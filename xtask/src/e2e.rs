//! The tests in a real browser: Playwright drives the installed Chromium against a server that the tests start.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::Checked;
use crate::steps::Step;
use crate::web::Variant;
use crate::workspace::Workspace;
use crate::{assets, made, run};

/// Builds what the tests need, installs Playwright when its lock file has changed, runs it with `playwright_args`.
///
/// The tests find everything by variables: `MARROWSCOPE_SERVER` (the program), `MARROWSCOPE_SITE_DIR`,
/// `MARROWSCOPE_ASSETS` (folder of weights and sample slide), `MARROWSCOPE_GOLDEN` (JSON: the slide with known marks and
/// where they are) and `MARROWSCOPE_CHROMIUM`.
pub fn e2e(workspace: &Workspace, playwright_args: &[OsString]) -> Result<()> {
    run::prepare(workspace, Variant::Product, &[])?;
    let tools = Tools::find(workspace)?;
    let folder = workspace.root.join("end2end");
    tools.install_packages(&folder)?;

    let golden = golden(workspace)?;

    let step = Step::begin("Tests in a real browser");
    tools
        .node(&folder)
        .args(["node_modules/@playwright/test/cli.js", "test"])
        .args(playwright_args)
        .env("MARROWSCOPE_SERVER", workspace.server_binary())
        .env("MARROWSCOPE_SITE_DIR", Variant::Product.folder(workspace))
        .env("MARROWSCOPE_ASSETS", assets::folder(&workspace.data_dir())?)
        .env("MARROWSCOPE_GOLDEN", golden)
        .env("MARROWSCOPE_CHROMIUM", &tools.chromium)
        .run_checked()?;
    step.done();
    Ok(())
}

/// The slide with known marks and where they are, as JSON.
fn golden(workspace: &Workspace) -> Result<String> {
    let slide = workspace.target.join("e2e/golden.tif");
    let said = made::drawn(workspace, "golden_slide", &slide)?;
    let places: serde_json::Value = serde_json::from_str(&said).context(
        "the program that draws the slide with known marks does not tell where they are",
    )?;
    Ok(serde_json::json!({ "file": slide, "places": places }).to_string())
}

/// Node.js, npm and the browser.
pub struct Tools {
    node: PathBuf,
    /// npm's script, run by `node`: the `npm` on the path may belong to another Node.js.
    npm: PathBuf,
    chromium: PathBuf,
}

impl Tools {
    /// As the environment or the bootstrap names them.
    pub fn find(workspace: &Workspace) -> Result<Self> {
        let tool = |variable| {
            workspace.tool(variable).with_context(|| {
                format!(
                    "{variable} is not known: `scripts/bootstrap.sh test` installs and finds it"
                )
            })
        };
        Ok(Self {
            node: tool("MARROWSCOPE_NODE")?,
            npm: tool("MARROWSCOPE_NPM")?,
            chromium: tool("MARROWSCOPE_CHROMIUM")?,
        })
    }

    /// The browser's program.
    pub fn chromium(&self) -> &Path {
        &self.chromium
    }

    /// `node`, to be run in a folder.
    pub fn node(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.node);
        command
            .current_dir(folder)
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        command
    }

    /// Installs what the folder's lock file names, when it has changed.
    pub fn install_packages(&self, folder: &Path) -> Result<()> {
        let lock = fs::read(folder.join("package-lock.json"))
            .context("end2end/package-lock.json is missing")?;
        let installed = folder.join("node_modules/.installed");
        let wanted = crate::hash::sha256(&lock);
        if fs::read_to_string(&installed).is_ok_and(|hash| hash == wanted) {
            return Ok(());
        }
        let step = Step::begin("Installing Playwright");
        self.node(folder)
            .arg(&self.npm)
            .args(["ci", "--no-audit", "--no-fund"])
            .run_checked()?;
        fs::write(&installed, wanted)?;
        step.done();
        Ok(())
    }
}
