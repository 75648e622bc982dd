//! Whether the server's memory stays flat and within its bounds while somebody looks at many slides.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::figure::{Aim, MEGABYTES, Measurement};
use super::server::{self, Server, Start};
use super::{Outcome, fetch, slides};
use crate::workspace::Workspace;

const SLIDES: usize = 50;
const TILES: usize = 10_000;
/// As a browser keeps them.
const CONNECTIONS: usize = 6;
/// So often is looked at the memory.
const STEPS: usize = 20;
/// What the server is configured to keep: open slides and encoded tiles, as `server::slides` has them.
const BOUND_MB: f64 = ((256 << 20) + (48 << 20)) as f64 / 1e6;
/// What it may take beyond that.
const REST_MB: f64 = 200.0;
/// What the second half may add: no more than what an allocator does not give back at once.
const GROWTH_MB: f64 = 10.0;
const SEED: u64 = 3;

/// The highest that was resident, and what the second half of the tiles added.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    server::build(workspace)?;
    let sample = slides::sample(workspace)?;
    let folder = tempfile::tempdir()?;
    let server = Server::start(workspace, &Start::default())?;
    let mut tiles = Vec::new();
    for number in 0..SLIDES {
        // A TIFF may end with bytes that nothing points to: another hash, the same pixels.
        let file = folder.path().join(format!("{number}.svs"));
        fs::copy(&sample, &file).context("cannot copy the sample slide")?;
        OpenOptions::new()
            .append(true)
            .open(&file)?
            .write_all(&number.to_le_bytes())?;
        let slide = server.import(&file)?;
        for (level, info) in slide.levels.iter().enumerate() {
            let rows = info.height.div_ceil(info.tile_height.max(1));
            let columns = info.width.div_ceil(info.tile_width.max(1));
            for row in 0..rows {
                tiles.extend((0..columns).map(|column| slide.tile(level, column, row)));
            }
        }
    }
    server.quieten()?;
    // Every tile about as often as every other, again and again in another order.
    let mut asked = Vec::with_capacity(TILES + tiles.len());
    let mut seed = SEED;
    while asked.len() < TILES {
        slides::shuffle(&mut tiles, seed);
        asked.extend_from_slice(&tiles);
        seed += 1;
    }
    asked.truncate(TILES);

    let before = server.resident_mb()?;
    let mut resident = Vec::with_capacity(STEPS);
    for part in asked.chunks(TILES.div_ceil(STEPS)) {
        fetch::each_once(server.address(), part, CONNECTIONS, None, 0.0)?;
        resident.push(server.resident_mb()?);
    }
    thread::sleep(Duration::from_secs(2));
    let after = server.resident_mb()?;
    server.stop()?;
    let told: Vec<_> = resident.iter().map(|mb| format!("{mb:.0}")).collect();
    eprintln!(
        "  {} different tiles of {SLIDES} slides; {before:.0} MB before, then {}, {after:.0} MB after",
        tiles.len(),
        told.join(" ")
    );
    let most = resident.iter().copied().fold(before, f64::max);
    Ok(Outcome::Measured(vec![
        Measurement::of(MEGABYTES, most)
            .in_case("most that was resident")
            .aiming_at(Aim::Figure(BOUND_MB + REST_MB)),
        Measurement::of(MEGABYTES, growth(&resident))
            .in_case("added by the second half")
            .aiming_at(Aim::Figure(GROWTH_MB)),
    ]))
}

/// How much higher the second half is than the first ended, by its last quarter: one high reading is no growth.
fn growth(resident: &[f64]) -> f64 {
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let quarter = resident.len() / 4;
    let (first, second) = resident.split_at(resident.len() / 2);
    mean(&second[second.len() - quarter..]) - mean(&first[first.len() - quarter..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_what_the_second_half_adds_at_its_end() {
        let flat = [50.0, 90.0, 100.0, 100.0, 101.0, 130.0, 100.0, 100.0];
        assert_eq!(growth(&flat), 0.0);
        let growing = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0];
        assert_eq!(growth(&growing), 40.0);
    }
}
