//! The server of the rivals: `xtask/bench/rivals.py` behind uvicorn.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tempfile::NamedTempFile;

use super::server::Process;
use crate::workspace::Workspace;

const PATIENCE: Duration = Duration::from_secs(60);
const WORKERS: &str = "2";

/// Its address and what it offers; it ends when this is dropped.
pub struct Rivals {
    _process: Process,
    address: String,
    /// By key, as in their addresses.
    pub offered: BTreeMap<String, Offered>,
}

/// One rival.
#[derive(Debug, Deserialize)]
pub struct Offered {
    /// With its version.
    pub name: String,
    /// The number that it gives the full resolution.
    pub level: u32,
    /// Side of its tiles, px.
    pub tile_px: u32,
}

#[derive(Deserialize)]
struct Info {
    rivals: BTreeMap<String, Offered>,
    missing: BTreeMap<String, String>,
}

impl Rivals {
    /// Starts it on a slide.
    pub fn start(workspace: &Workspace, python: &Path, slide: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let log = NamedTempFile::new()?;
        let mut process = Command::new(python)
            .args(["-m", "uvicorn", "rivals:app", "--workers", WORKERS])
            .args(["--no-access-log", "--log-level", "warning"])
            .args(["--port", &port.to_string(), "--app-dir"])
            .arg(workspace.root.join("xtask/bench"))
            .env("MARROWSCOPE_BENCH_SLIDE", slide)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(log.reopen()?)
            .stderr(log.reopen()?)
            .spawn()
            .map(Process::of)
            .context("cannot start the rivals' server")?;
        let started = Instant::now();
        let info = loop {
            if let Ok(mut answer) = ureq::get(format!("http://{address}/info")).call() {
                break answer.body_mut().read_to_string()?;
            }
            if !process.is_alive()? || started.elapsed() > PATIENCE {
                let said = std::fs::read_to_string(log.path()).unwrap_or_default();
                bail!("the rivals' server does not answer: {said}");
            }
            thread::sleep(Duration::from_millis(100));
        };
        let info: Info = serde_json::from_str(&info).context("the rivals are not listed")?;
        for (key, why) in info.missing {
            eprintln!("  {key} is left out: {why}");
        }
        Ok(Self {
            _process: process,
            address,
            offered: info.rivals,
        })
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// The address of a rival's tile at full resolution.
pub fn tile(key: &str, offered: &Offered, column: u32, row: u32) -> String {
    format!("/{key}/{}/{column}_{row}.jpeg", offered.level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rival_offers_is_read_and_its_tiles_are_found() {
        let text = r#"{"rivals": {"li-tiff": {"name": "x 1", "level": 4, "tile_px": 240}}, "missing": {"openslide": "no"}}"#;
        let info: Info = serde_json::from_str(text).unwrap();
        let offered = &info.rivals["li-tiff"];
        assert_eq!(offered.tile_px, 240);
        assert_eq!(tile("li-tiff", offered, 3, 5), "/li-tiff/4/3_5.jpeg");
    }
}
