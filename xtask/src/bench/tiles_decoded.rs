//! Tiles that have to be decoded, each asked for once, on one processor: ours against OpenSlide in C.
//!
//! What is compared: our server on one processor, asked over two connections from another, reads, decodes, encodes (JPEG,
//! quality 90, colours at full resolution) and sends each tile. OpenSlide, in one process on one processor, (a) only reads
//! and decodes: `openslide_read_region` in C, no encoding, no server; (b) also encodes, by Pillow (libjpeg-turbo), with the
//! same settings, still without a server. Against (a) we are at a disadvantage: what is ours beyond decoding counts.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::figure::{Measurement, Rival, TILES_PER_S, median};
use super::server::{self, Server, Start, on_processor};
use super::{Outcome, fetch, slides, threads};
use crate::workspace::Workspace;

const ROUNDS: usize = 3;
/// Enough to mean something, few enough not to take minutes.
const MOST_TILES: usize = 400;
/// One that waits while the other is served.
const CONNECTIONS: usize = 2;
const OURS_ON: usize = 0;
const CLIENT_ON: usize = 1;
const SEED: u64 = 2;

/// What `xtask/bench/decode_openslide.py` says.
#[derive(Debug, Deserialize)]
struct Decoded {
    engine: String,
    read_tiles_per_s: f64,
    jpeg_tiles_per_s: f64,
}

struct Case {
    name: &'static str,
    slide: PathBuf,
    level: usize,
}

/// JPEG 2000 at full resolution, and the first level that a slide of two levels lacks.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    if threads() < 2 {
        return Ok(Outcome::NotHere(
            "server and client need a processor each".into(),
        ));
    }
    server::build(workspace)?;
    let python = slides::python(workspace)?;
    let cases = [
        Case {
            name: "JPEG 2000, tiles of 256 px",
            slide: slides::jpeg_2000(workspace)?,
            level: 0,
        },
        Case {
            name: "a level that is not stored, from JPEG, tiles of 512 px",
            slide: slides::two_levels(workspace)?,
            level: 2,
        },
    ];
    let mut measured = Vec::new();
    for case in &cases {
        measured.extend(of_case(workspace, &python, case)?);
    }
    Ok(Outcome::Measured(measured))
}

fn of_case(workspace: &Workspace, python: &Path, case: &Case) -> Result<[Measurement; 2]> {
    let (mut loads, mut read, mut jpeg) = (Vec::new(), Vec::new(), Vec::new());
    let mut engine = String::new();
    for _ in 0..ROUNDS {
        // A new server each time: nothing is left in its caches.
        let start = Start {
            processor: Some(OURS_ON),
            ..Start::default()
        };
        let server = Server::start(workspace, &start)?;
        let slide = server.import(&case.slide)?;
        server.quieten()?;
        let level = slide.level(case.level)?;
        let mut places = level.whole_tiles();
        slides::shuffle(&mut places, SEED);
        // The last one opens the slide; it is asked for before the others and not counted.
        let first = places.pop().context("the level has no tile")?;
        places.truncate(MOST_TILES);
        let paths = |places: &[(u32, u32)]| -> Vec<_> {
            let path = |&(column, row)| slide.tile(case.level, column, row);
            places.iter().map(path).collect()
        };
        let host = server.address();
        fetch::each_once(host, &paths(&[first]), 1, None, 1.0)?;
        let load = fetch::each_once(
            host,
            &paths(&places),
            CONNECTIONS,
            Some(CLIENT_ON),
            level.tile_mpx(),
        )?;
        server.stop()?;
        let decoded = openslide(workspace, python, case, level.tile_width, &places)?;
        eprintln!(
            "  {}, {} tiles: ours {:.1} tiles/s, {} {:.1} tiles/s, with encoding {:.1} tiles/s",
            case.name,
            places.len(),
            load.tiles_per_s,
            decoded.engine,
            decoded.read_tiles_per_s,
            decoded.jpeg_tiles_per_s
        );
        loads.push(load);
        read.push(decoded.read_tiles_per_s);
        jpeg.push(decoded.jpeg_tiles_per_s);
        engine = decoded.engine;
    }
    let load = super::wrk::median(&loads);
    let row = |rival: String, figure| {
        Measurement::of(TILES_PER_S, load.tiles_per_s)
            .in_case(format!("{}, one processor, cold", case.name))
            .under(load)
            .beside(Rival::new(rival, figure))
    };
    Ok([
        row(format!("{engine} in C, read only"), median(read)),
        row(format!("{engine}, read, and JPEG by Pillow"), median(jpeg)),
    ])
}

fn openslide(
    workspace: &Workspace,
    python: &Path,
    case: &Case,
    tile_px: u32,
    places: &[(u32, u32)],
) -> Result<Decoded> {
    let mut command = Command::new(python);
    command
        .arg(workspace.root.join("xtask/bench/decode_openslide.py"))
        .arg(&case.slide)
        .args([case.level.to_string(), tile_px.to_string()]);
    let mut process = on_processor(command, Some(OURS_ON))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start OpenSlide")?;
    let stdin = process.stdin.take().context("OpenSlide takes no places")?;
    serde_json::to_writer(stdin, places)?;
    let output = process.wait_with_output()?;
    ensure!(
        output.status.success(),
        "OpenSlide failed ({})",
        output.status
    );
    let decoded: Decoded = serde_json::from_slice(&output.stdout)?;
    Ok(decoded)
}
