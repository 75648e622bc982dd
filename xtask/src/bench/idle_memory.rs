//! How much memory a server takes that nobody uses.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cluster::Throwaway;

use super::{Measurement, Outcome};
use crate::web::{self, Variant};
use crate::workspace::Workspace;
use crate::{dev, run};

const TARGET_MB: f64 = 150.0;
const PATIENCE: Duration = Duration::from_secs(60);
/// What is done at the start has been done by then.
const SETTLE: Duration = Duration::from_secs(3);

/// Starts a server on an empty database and an empty data folder and reads how much of it is resident.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    web::build(workspace, Variant::Product)?;
    run::build_server(workspace)?;
    let database = Throwaway::start()?;
    let data = tempfile::tempdir()?;
    let log = tempfile::NamedTempFile::new()?;
    let args = ["--no-first-run", "--listen", "127.0.0.1:0", "--data-dir"].map(Into::into);
    let mut server = run::server(
        workspace,
        Variant::Product,
        &[&args[..], &[data.path().into()]].concat(),
    )
    .env("DATABASE_URL", database.url())
    .stdout(log.reopen()?)
    .stderr(log.reopen()?)
    .spawn()
    .context("cannot start the server")?;
    let ready = wait_until_ready(data.path(), || Ok(server.try_wait()?.is_none()));
    let resident = ready.and_then(|()| {
        thread::sleep(SETTLE);
        let status = fs::read_to_string(format!("/proc/{}/status", server.id()))?;
        resident_mb(&status).context("/proc tells no VmRSS")
    });
    dev::stop(server)?;
    let ours = resident.with_context(|| fs::read_to_string(log.path()).unwrap_or_default())?;
    Ok(Outcome::Measured(Measurement {
        ours,
        rival: None,
        target: Some(TARGET_MB),
    }))
}

/// Waits for the server's address, which it writes into its data folder, and for its word that it is ready.
fn wait_until_ready(data_dir: &Path, mut is_alive: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !is_ready(data_dir) {
        if !is_alive()? {
            bail!("the server has ended");
        }
        if started.elapsed() > PATIENCE {
            bail!("the server is not ready after {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

fn is_ready(data_dir: &Path) -> bool {
    let Some(address) = fs::read_to_string(data_dir.join("server.json"))
        .ok()
        .and_then(|text| address(&text))
    else {
        return false;
    };
    ureq::get(format!("http://{address}/readyz")).call().is_ok()
}

fn address(contact: &str) -> Option<String> {
    let contact: serde_json::Value = serde_json::from_str(contact).ok()?;
    Some(contact["address"].as_str()?.to_owned())
}

/// `VmRSS` of /proc/…/status, in units of 1,000,000 bytes.
fn resident_mb(status: &str) -> Option<f64> {
    let kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))?
        .parse()
        .ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_a_processes_status() {
        assert_eq!(
            resident_mb("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t  125000 kB\n"),
            Some(128.0)
        );
        assert_eq!(resident_mb("Name:\tx\n"), None);
        let own = fs::read_to_string("/proc/self/status").unwrap();
        assert!(resident_mb(&own).unwrap() > 0.5);
    }

    #[test]
    fn a_server_is_found_by_what_it_writes_beside_its_data() {
        assert_eq!(
            address(r#"{"address": "127.0.0.1:4711", "key": "x"}"#).as_deref(),
            Some("127.0.0.1:4711")
        );
        assert_eq!(address("{"), None);
    }

    #[test]
    fn a_server_that_ends_is_not_waited_for() {
        let data = tempfile::tempdir().unwrap();
        let started = Instant::now();
        assert!(wait_until_ready(data.path(), || Ok(false)).is_err());
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
