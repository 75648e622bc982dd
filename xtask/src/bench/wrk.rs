//! Load by `wrk`.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tempfile::NamedTempFile;

use super::figure::{Latency, Load};
use crate::process::Checked;
use crate::workspace::Workspace;

/// What to say where it is not installed.
pub const MISSING: &str =
    "the load generator wrk is not installed (Debian and Ubuntu: apt install wrk)";

/// The load generator.
pub struct Wrk {
    script: PathBuf,
}

/// Addresses in the order in which they are asked for.
pub struct Addresses {
    file: NamedTempFile,
    count: usize,
}

/// What `xtask/bench/tiles.lua` says in its last line; times in ms.
#[derive(Debug, Deserialize)]
struct Summary {
    answers: u64,
    seconds: f64,
    refused: u64,
    lost: u64,
    p50: f64,
    p95: f64,
    p99: f64,
}

impl Wrk {
    /// `None` where it is not installed.
    pub fn find(workspace: &Workspace) -> Option<Self> {
        // It has no way to be asked something and end well.
        let starts = Command::new("wrk").arg("--version").output().is_ok();
        starts.then(|| Self {
            script: workspace.root.join("xtask/bench/tiles.lua"),
        })
    }

    /// Asks for tiles of `tile_mpx` megapixels as fast as they come, over so many connections and seconds. `turn` counts the
    /// runs: each begins at another place of the list.
    pub fn load(
        &self,
        host: &str,
        addresses: &Addresses,
        turn: usize,
        connections: usize,
        seconds: u32,
        tile_mpx: f64,
    ) -> Result<Load> {
        // Steps of about 0.382 of the list, by which few turns come close to each other (the golden section).
        let first = (turn as f64 * 0.381_966 * addresses.count as f64) as usize;
        let said = Command::new("wrk")
            // Latency is counted by the script; one thread asks for more than two processors answer.
            .args(["-t1", "--timeout", "30s"])
            .arg(format!("-c{connections}"))
            .arg(format!("-d{seconds}s"))
            .arg("-s")
            .arg(&self.script)
            .arg(format!("http://{host}"))
            .arg("--")
            .arg(addresses.file.path())
            .arg(first.to_string())
            .output_checked()?;
        read(&said, tile_mpx)
    }
}

impl Addresses {
    /// At least one.
    pub fn new(addresses: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut file = NamedTempFile::new()?;
        let mut count = 0;
        for address in addresses {
            writeln!(file, "{address}")?;
            count += 1;
        }
        file.flush()?;
        ensure!(count > 0, "there is no tile to ask for");
        Ok(Self { file, count })
    }

    /// Where they stand, one a line.
    #[cfg(test)]
    fn path(&self) -> &std::path::Path {
        self.file.path()
    }
}

fn read(said: &str, tile_mpx: f64) -> Result<Load> {
    let line = said.trim_end().lines().last().unwrap_or_default();
    let summary: Summary =
        serde_json::from_str(line).with_context(|| format!("wrk said {said:?}"))?;
    ensure!(
        summary.answers > 0 && summary.refused == 0 && summary.lost == 0,
        "not every tile was answered: {line}"
    );
    let tiles_per_s = summary.answers as f64 / summary.seconds;
    Ok(Load {
        tiles_per_s,
        mpx_per_s: tiles_per_s * tile_mpx,
        latency_ms: Latency {
            p50: summary.p50,
            p95: summary.p95,
            p99: summary.p99,
        },
    })
}

/// The median of several runs, each of the figures by itself.
pub fn median(loads: &[Load]) -> Load {
    let of = |figure: fn(&Load) -> f64| super::figure::median(loads.iter().map(figure).collect());
    Load {
        tiles_per_s: of(|load| load.tiles_per_s),
        mpx_per_s: of(|load| load.mpx_per_s),
        latency_ms: Latency {
            p50: of(|load| load.latency_ms.p50),
            p95: of(|load| load.latency_ms.p95),
            p99: of(|load| load.latency_ms.p99),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = r#"Running 3s test
{"answers": 3000, "seconds": 3.0, "bytes": 1, "refused": 0, "lost": 0, "p50": 0.5, "p95": 1.5, "p99": 2.5}
"#;

    #[test]
    fn the_last_line_of_the_script_is_the_load() {
        let load = read(SAID, 0.25).unwrap();
        assert_eq!((load.tiles_per_s, load.mpx_per_s), (1000.0, 250.0));
        assert_eq!(load.latency_ms.p95, 1.5);
        assert!(read("nothing", 1.0).is_err());
    }

    #[test]
    fn a_run_in_which_a_tile_was_refused_or_lost_is_no_result() {
        for field in ["refused", "lost"] {
            let said = SAID.replace(&format!("\"{field}\": 0"), &format!("\"{field}\": 1"));
            assert_ne!(said, SAID);
            let error = read(&said, 1.0).unwrap_err();
            assert!(error.to_string().contains("not every tile"), "{error}");
        }
        let none = SAID.replace("\"answers\": 3000", "\"answers\": 0");
        assert!(read(&none, 1.0).is_err());
    }

    #[test]
    fn the_median_is_taken_of_each_figure() {
        let load = |figure: f64| Load {
            tiles_per_s: figure,
            mpx_per_s: figure,
            latency_ms: Latency {
                p50: 10.0 - figure,
                p95: figure,
                p99: figure,
            },
        };
        let median = median(&[load(1.0), load(3.0), load(2.0)]);
        assert_eq!((median.tiles_per_s, median.latency_ms.p50), (2.0, 8.0));
    }

    #[test]
    fn addresses_stand_one_a_line() {
        let addresses = Addresses::new(["/a".to_owned(), "/b".to_owned()]).unwrap();
        let text = std::fs::read_to_string(addresses.path()).unwrap();
        assert_eq!((text.as_str(), addresses.count), ("/a\n/b\n", 2));
        assert!(Addresses::new([]).is_err());
    }
}
