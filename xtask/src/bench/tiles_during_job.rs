//! How long a stored tile takes while the server encodes another slide on the CPU.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Outcome;
use super::figure::{Aim, MILLIS, Measurement};
use super::server::{self, Job, Server, Start};
use super::slides;
use super::wrk::{self, Addresses, Wrk};
use crate::assets;
use crate::workspace::Workspace;

const CONNECTIONS: usize = 4;
/// The median of them counts: one may meet what the machine does besides.
const ROUNDS: usize = 3;
const SECONDS: u32 = 10;
const TARGET_MS: f64 = 20.0;
/// Laying the grid of a large slide takes its time.
const PATIENCE: Duration = Duration::from_secs(240);
const SEED: u64 = 4;

/// The slide that is looked at is the one that is encoded: both want the same file.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    let Some(wrk) = Wrk::find(workspace) else {
        return Ok(Outcome::NotHere(wrk::MISSING.into()));
    };
    server::build(workspace)?;
    let file = slides::large(workspace)?;
    let folder = assets::folder(&workspace.data_dir())?;
    assets::ensure(workspace, &folder)?;
    let start = Start {
        assets: Some(&folder),
        ..Start::default()
    };
    let server = Server::start(workspace, &start)?;
    let slide = server.import(&file)?;
    let level = slide.level(0)?;
    let mut places = level.whole_tiles();
    slides::shuffle(&mut places, SEED);
    let addresses = Addresses::new(
        places
            .iter()
            .map(|&(column, row)| slide.tile(0, column, row)),
    )?;

    let mut before = wait_until_encoding(&server, &slide.code)?;
    let mut loads = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let started = Instant::now();
        let load = wrk.load(
            server.address(),
            &addresses,
            round,
            CONNECTIONS,
            SECONDS,
            level.tile_mpx(),
        )?;
        let after = encoding(&server, &slide.code)?;
        let after = after.context("the job ended while tiles were timed")?;
        let encoded = after.done - before.done;
        ensure!(
            after.id == before.id && encoded > 0,
            "nothing was encoded while tiles were timed"
        );
        eprintln!(
            "  {:.0} tiles/s with {CONNECTIONS} connections, p50 {:.2} p95 {:.2} p99 {:.2} ms, while {:.0} tiles/s were encoded \
             ({} of {})",
            load.tiles_per_s,
            load.latency_ms.p50,
            load.latency_ms.p95,
            load.latency_ms.p99,
            encoded as f64 / started.elapsed().as_secs_f64(),
            after.done,
            after.total
        );
        loads.push(load);
        before = after;
    }
    let load = wrk::median(&loads);
    server.stop()?;
    Ok(Outcome::Measured(vec![
        Measurement::of(MILLIS, load.latency_ms.p95)
            .in_case(format!("{CONNECTIONS} connections, p95"))
            .under(load)
            .aiming_at(Aim::Figure(TARGET_MS)),
    ]))
}

/// Waits until the first tiles of a slide are encoded.
fn wait_until_encoding(server: &Server, code: &str) -> Result<Job> {
    let started = Instant::now();
    loop {
        if let Some(job) = encoding(server, code)?
            && job.done > 0
        {
            return Ok(job);
        }
        if started.elapsed() > PATIENCE {
            bail!("no tile is encoded after {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// The running job that encodes a slide.
fn encoding(server: &Server, code: &str) -> Result<Option<Job>> {
    let mut jobs = server.queue()?.jobs.into_iter();
    Ok(jobs.find(|job| {
        job.kind == "encode" && job.state == "running" && job.slide.as_deref() == Some(code)
    }))
}
