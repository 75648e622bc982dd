//! How much memory a server takes that nobody uses.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::Outcome;
use super::figure::{Aim, MEGABYTES, Measurement};
use super::server::{self, Server, Start};
use crate::workspace::Workspace;

const TARGET_MB: f64 = 150.0;
/// What is done at the start has been done by then.
const SETTLE: Duration = Duration::from_secs(3);

/// Starts a server on an empty database and an empty data folder and reads how much of it is resident.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    server::build(workspace)?;
    let server = Server::start(workspace, &Start::default())?;
    thread::sleep(SETTLE);
    let resident = server.resident_mb()?;
    server.stop()?;
    let measured = Measurement::of(MEGABYTES, resident);
    Ok(Outcome::Measured(vec![
        measured.aiming_at(Aim::Figure(TARGET_MB)),
    ]))
}
