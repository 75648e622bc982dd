//! Where things are: the repository, the target folder, the tools that the bootstrap found.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process::Checked;

/// The repository and its target folder.
pub struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder, wherever `CARGO_TARGET_DIR` or a configuration puts it.
    pub target: PathBuf,
}

impl Workspace {
    /// Asks cargo.
    pub fn locate() -> Result<Self> {
        #[derive(Deserialize)]
        struct Metadata {
            workspace_root: PathBuf,
            target_directory: PathBuf,
        }
        // `cargo run` tells where the sources are now; the built-in path is for a binary started by hand.
        let xtask_dir =
            env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let json = cargo(Path::new(&xtask_dir))
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output_checked()
            .context("cannot locate the workspace")?;
        let metadata: Metadata =
            serde_json::from_str(&json).context("cargo metadata answered something else")?;
        Ok(Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
        })
    }

    /// `cargo`, to be run at the root.
    pub fn cargo(&self) -> Command {
        cargo(&self.root)
    }

    /// Where the server keeps its data unless told otherwise.
    pub fn data_dir(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The server as [`crate::run::build_server`] builds it.
    pub fn server_binary(&self) -> PathBuf {
        self.target.join("debug/marrowscope")
    }

    /// A tool by the name of its variable (`MARROWSCOPE_NODE`, …): from the environment, else as the bootstrap found it.
    pub fn tool(&self, variable: &str) -> Option<PathBuf> {
        if let Some(path) = env::var_os(variable) {
            return Some(path.into());
        }
        let tools = env::var_os("MARROWSCOPE_TOOLS")
            .map_or_else(|| self.root.join(".tools"), PathBuf::from);
        let text = fs::read_to_string(tools.join("env")).ok()?;
        value_of(&text, variable).map(PathBuf::from)
    }
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    // What the outer `cargo run` says of xtask is not true of what is built now.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    command
}

fn value_of<'a>(text: &'a str, variable: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| *name == variable)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found_from_a_test() {
        let workspace = Workspace::locate().unwrap();
        assert!(workspace.root.join("xtask/src/workspace.rs").is_file());
        assert!(workspace.target.is_absolute());
    }

    #[test]
    fn a_tool_is_read_from_the_file_of_the_bootstrap() {
        let text = "MARROWSCOPE_NODE=/opt/a=b/node\nMARROWSCOPE_NPM=/x\n";
        assert_eq!(value_of(text, "MARROWSCOPE_NODE"), Some("/opt/a=b/node"));
        assert_eq!(value_of(text, "MARROWSCOPE_CHROMIUM"), None);
    }
}
