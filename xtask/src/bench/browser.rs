//! Benches that run in Chromium against a server of their own: scripts in `end2end/bench`.

use std::path::Path;

use anyhow::Result;

use super::server::{self, Server, Start};
use crate::e2e::Tools;
use crate::process::Checked;
use crate::workspace::Workspace;

/// What came of a script.
pub enum Said {
    /// Its last line.
    Figure(String),
    /// It could not be run on this machine, and why.
    NotHere(String),
}

/// Serves a slide and runs a script, which is told the server's address and the slide's code.
pub fn run(workspace: &Workspace, script: &str, slide: &Path) -> Result<Said> {
    let Ok(tools) = Tools::find(workspace) else {
        return Ok(Said::NotHere(
            "Node.js or Chromium is not installed (`scripts/bootstrap.sh test` installs both)"
                .into(),
        ));
    };
    let folder = workspace.root.join("end2end");
    tools.install_packages(&folder)?;
    server::build(workspace)?;
    let server = Server::start(workspace, &Start::default())?;
    let slide = server.import(slide)?;
    server.quieten()?;
    let said = tools
        .node(&folder)
        .arg(script)
        .args([server.url(""), slide.code])
        .env("MARROWSCOPE_CHROMIUM", tools.chromium())
        .output_checked()?;
    server.stop()?;
    let line = said.trim_end().lines().last().unwrap_or_default();
    eprintln!("  {line}");
    Ok(Said::Figure(line.to_owned()))
}
