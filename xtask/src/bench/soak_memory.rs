//! Whether the server's memory stays flat and within its bounds while somebody looks at many slides.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::figure::{Aim, MEGABYTES, Measurement};
use super::server::{self, Memory, Served, Server, Start};
use super::{Outcome, fetch, slides};
use crate::workspace::Workspace;

const TILES: usize = 10_000;
/// As a browser keeps them.
const CONNECTIONS: usize = 6;
/// So often is looked at the memory: whether a picture of 50 MB is just open makes single readings differ.
const STEPS: usize = 100;
/// What the server is told to keep.
const MEMORY: Memory = Memory {
    slides_mib: 256,
    tiles_mib: 48,
};
/// What it may take beyond that.
const REST_MB: f64 = 200.0;
/// What the second half may add: no more than what an allocator does not give back at once.
const GROWTH_MB: f64 = 10.0;
const SEED: u64 = 3;

/// The slides, 50 together: what each kind is made of and how many there are. Those that are held decoded take 200 MB among
/// themselves, so that the bound is one.
const KINDS: [Kind; 4] = [
    // Stored tiles pass through, lower levels are synthesised.
    Kind {
        name: "svs",
        source: slides::sample,
        said_of_it: &[],
        count: 24,
    },
    // Every tile is decoded.
    Kind {
        name: "jpeg2000.tif",
        source: slides::jpeg_2000,
        said_of_it: &[],
        count: 12,
    },
    // Without a pyramid: too large to be looked at as it is, so it gets one at import.
    Kind {
        name: "flat.tif",
        source: slides::flat,
        said_of_it: &[],
        count: 10,
    },
    // Without a pyramid and held decoded.
    Kind {
        name: "jpg",
        source: slides::picture,
        said_of_it: &["--mpp", "0.5"],
        count: 4,
    },
];

struct Kind {
    name: &'static str,
    source: fn(&Workspace) -> Result<std::path::PathBuf>,
    said_of_it: &'static [&'static str],
    count: usize,
}

/// The highest that was resident, and what the second half of the tiles added.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    server::build(workspace)?;
    let folder = tempfile::tempdir()?;
    let start = Start {
        memory: Some(MEMORY),
        ..Start::default()
    };
    let server = Server::start(workspace, &start)?;
    let mut tiles = Vec::new();
    for kind in &KINDS {
        let source = (kind.source)(workspace)?;
        for number in 0..kind.count {
            let file = folder.path().join(format!("{number}.{}", kind.name));
            copy(&source, &file, number).context("cannot copy a slide")?;
            let slide = server.import_with(&file, kind.said_of_it)?;
            tiles.push(all_tiles(&slide));
        }
    }
    server.quieten()?;
    let slides = tiles.len();
    let asked = mixed(tiles);

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
        "  {slides} slides; {before:.0} MB before, then {}, {after:.0} MB after",
        told.join(" ")
    );
    let most = resident.iter().copied().fold(before, f64::max);
    let bound = f64::from(MEMORY.slides_mib + MEMORY.tiles_mib) * f64::from(1 << 20) / 1e6;
    Ok(Outcome::Measured(vec![
        Measurement::of(MEGABYTES, most)
            .in_case("most that was resident")
            .aiming_at(Aim::Figure(bound + REST_MB)),
        Measurement::of(MEGABYTES, growth(&resident))
            .in_case("added by the second half")
            .aiming_at(Aim::Figure(GROWTH_MB)),
    ]))
}

/// TIFF and JPEG may end with bytes that nothing points to: another hash, the same pixels.
fn copy(from: &Path, to: &Path, number: usize) -> std::io::Result<()> {
    fs::copy(from, to)?;
    let mut file = OpenOptions::new().append(true).open(to)?;
    file.write_all(&number.to_le_bytes())
}

fn all_tiles(slide: &Served) -> Vec<String> {
    let mut tiles = Vec::new();
    for (level, info) in slide.levels.iter().enumerate() {
        let rows = info.height.div_ceil(info.tile_height.max(1));
        let columns = info.width.div_ceil(info.tile_width.max(1));
        for row in 0..rows {
            tiles.extend((0..columns).map(|column| slide.tile(level, column, row)));
        }
    }
    tiles
}

/// As many of each slide, of which each tile about as often as every other, from slide to slide in another order each time.
fn mixed(mut slides: Vec<Vec<String>>) -> Vec<String> {
    for (tiles, seed) in slides.iter_mut().zip(SEED..) {
        slides::shuffle(tiles, seed);
    }
    let mut asked = Vec::with_capacity(TILES + slides.len());
    let mut round = 0;
    while asked.len() < TILES && slides.iter().any(|tiles| !tiles.is_empty()) {
        slides::shuffle(&mut slides, SEED + round as u64);
        for tiles in &slides {
            asked.extend(tiles.get(round % tiles.len().max(1)).cloned());
        }
        round += 1;
    }
    asked.truncate(TILES);
    asked
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

    #[test]
    fn ten_thousand_tiles_are_spread_evenly_over_fifty_slides() {
        let count = KINDS.iter().map(|kind| kind.count).sum::<usize>();
        assert_eq!(count, 50);
        let slides = (0..count).map(|slide| {
            let tiles = 1 + 7 * slide;
            (0..tiles).map(|tile| format!("{slide}/{tile}")).collect()
        });
        let asked = mixed(slides.collect());
        assert_eq!(asked.len(), TILES);
        for slide in 0..count {
            let of_it = asked
                .iter()
                .filter(|path| path.starts_with(&format!("{slide}/")));
            assert_eq!(of_it.count(), TILES / count);
        }
        assert_ne!(asked[..50], asked[50..100]);
        assert!(mixed(vec![Vec::new()]).is_empty());
    }
}
