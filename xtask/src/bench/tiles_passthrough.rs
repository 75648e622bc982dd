//! Tiles that the file stores as JPEG: ours against DeepZoom and large_image, of the same slide at the same places.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Outcome;
use super::figure::{Aim, Load, MILLIS, Measurement, Rival, TILES_PER_S};
use super::rivals::{self, Rivals};
use super::server::{self, Server, Start};
use super::slides;
use super::wrk::{self, Addresses, Wrk};
use crate::workspace::Workspace;

/// All take turns, so that a busy minute of the machine's hits each.
const ROUNDS: usize = 3;
const SECONDS: u32 = 3;
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// By how much ours is to be faster, by the rival's key.
const AIMS: [(&str, f64); 3] = [
    ("openslide", 50.0),
    ("li-openslide", 25.0),
    ("li-tiff", 3.0),
];
/// Longest p95 at this many connections, ms.
const LATENCY_AIM: (usize, f64) = (16, 2.0);
const SEED: u64 = 1;

/// Of two slides: one that is too large for our cache, and one that fits into everybody's. Large_image keeps the tiles that it
/// made; of the small slide it makes each once and then hands it out, so what is compared are two HTTP servers. The aims are
/// about making tiles, and hold for the large one.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    let Some(wrk) = Wrk::find(workspace) else {
        return Ok(Outcome::NotHere(wrk::MISSING.into()));
    };
    server::build(workspace)?;
    let python = slides::python(workspace)?;
    let mut measured = Vec::new();
    let large = slides::large(workspace)?;
    measured.extend(of_slide(
        workspace,
        &wrk,
        &python,
        "slide of 50,000 px",
        &large,
    )?);
    let sample = slides::sample(workspace)?;
    let without_aims = of_slide(workspace, &wrk, &python, "sample slide", &sample)?
        .into_iter()
        .map(|row| Measurement { aim: None, ..row });
    measured.extend(without_aims);
    Ok(Outcome::Measured(measured))
}

/// Whoever is asked for tiles.
struct Contestant<'a> {
    key: &'a str,
    name: &'a str,
    host: &'a str,
    addresses: Addresses,
}

fn of_slide(
    workspace: &Workspace,
    wrk: &Wrk,
    python: &Path,
    name: &str,
    file: &Path,
) -> Result<Vec<Measurement>> {
    let server = Server::start(workspace, &Start::default())?;
    let slide = server.import(file)?;
    server.quieten()?;
    let rivals = Rivals::start(workspace, python, file)?;
    let level = slide.level(0)?;
    let mut places = level.whole_tiles();
    slides::shuffle(&mut places, SEED);

    let own = places
        .iter()
        .map(|&(column, row)| slide.tile(0, column, row));
    let mut contestants = vec![Contestant {
        key: "ours",
        name: "ours",
        host: server.address(),
        addresses: Addresses::new(own)?,
    }];
    for (key, offered) in &rivals.offered {
        ensure!(
            offered.tile_px == level.tile_width && level.tile_width == level.tile_height,
            "{} has other tiles than the slide",
            offered.name
        );
        let theirs = places
            .iter()
            .map(|&(column, row)| rivals::tile(key, offered, column, row));
        contestants.push(Contestant {
            key,
            name: &offered.name,
            host: rivals.address(),
            addresses: Addresses::new(theirs)?,
        });
    }

    let mut measured = Vec::new();
    let mut turn = 0;
    for connections in CONNECTIONS {
        let mut loads = vec![Vec::new(); contestants.len()];
        for _ in 0..ROUNDS {
            for (contestant, loads) in contestants.iter().zip(&mut loads) {
                let Contestant {
                    host, addresses, ..
                } = contestant;
                let mpx = level.tile_mpx();
                let load = wrk
                    .load(host, addresses, turn, connections, SECONDS, mpx)
                    .with_context(|| contestant.name.to_owned())?;
                loads.push(load);
            }
            turn += 1;
        }
        let medians: Vec<_> = contestants
            .iter()
            .zip(loads)
            .map(|(contestant, loads)| (contestant, wrk::median(&loads)))
            .collect();
        for (contestant, load) in &medians {
            tell(name, connections, contestant.name, load);
        }
        measured.extend(rows(name, connections, &medians));
    }
    server.stop()?;
    Ok(measured)
}

fn rows(slide: &str, connections: usize, medians: &[(&Contestant, Load)]) -> Vec<Measurement> {
    let Some(((_, ours), rivals)) = medians.split_first() else {
        return Vec::new();
    };
    let case = match connections {
        1 => format!("{slide}, 1 connection"),
        _ => format!("{slide}, {connections} connections"),
    };
    let mut rows: Vec<_> = rivals
        .iter()
        .map(|(rival, load)| {
            let beside = Rival {
                load: Some(*load),
                ..Rival::new(rival.name, load.tiles_per_s)
            };
            let row = Measurement::of(TILES_PER_S, ours.tiles_per_s)
                .in_case(&case)
                .under(*ours)
                .beside(beside);
            match AIMS.iter().find(|(key, _)| *key == rival.key) {
                Some(&(_, ratio)) => row.aiming_at(Aim::Ratio(ratio)),
                None => row,
            }
        })
        .collect();
    let (of_aim, most) = LATENCY_AIM;
    if connections == of_aim {
        rows.push(
            Measurement::of(MILLIS, ours.latency_ms.p95)
                .in_case(format!("{case}, p95"))
                .under(*ours)
                .aiming_at(Aim::Figure(most)),
        );
    }
    rows
}

fn tell(slide: &str, connections: usize, name: &str, load: &Load) {
    let Load {
        tiles_per_s,
        mpx_per_s,
        latency_ms,
    } = load;
    eprintln!(
        "  {slide}, {connections:>2} connections {tiles_per_s:>8.0} tiles/s {mpx_per_s:>7.0} Mpx/s, p50 {:.2} p95 {:.2} p99 \
         {:.2} ms, {name}",
        latency_ms.p50, latency_ms.p95, latency_ms.p99
    );
}

#[cfg(test)]
mod tests {
    use super::super::figure::Latency;
    use super::*;

    #[test]
    fn each_rival_has_its_row_and_its_aim_and_sixteen_connections_one_for_the_latency() {
        let load = |tiles_per_s| Load {
            tiles_per_s,
            mpx_per_s: 1.0,
            latency_ms: Latency {
                p50: 1.0,
                p95: 2.5,
                p99: 3.0,
            },
        };
        let contestant = |key: &'static str| Contestant {
            key,
            name: key,
            host: "",
            addresses: Addresses::new(["/".to_owned()]).unwrap(),
        };
        let (ours, tiff) = (contestant("ours"), contestant("li-tiff"));
        let medians = [(&ours, load(900.0)), (&tiff, load(300.0))];
        let rows = rows("slide", 16, &medians);
        assert_eq!(rows[0].case, "slide, 16 connections");
        assert_eq!(rows[0].aim, Some(Aim::Ratio(3.0)));
        assert_eq!(rows[0].rival.as_ref().unwrap().figure, 300.0);
        let latency = &rows[1];
        assert_eq!((latency.ours, latency.aim), (2.5, Some(Aim::Figure(2.0))));
        assert_eq!(latency.case, "slide, 16 connections, p95");
        let alone = super::rows("slide", 1, &medians);
        assert_eq!(alone[0].case, "slide, 1 connection");
        assert_eq!(alone.len(), 1);
    }
}
