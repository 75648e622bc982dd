//! How much memory a server takes that nobody uses.

use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Measurement, Outcome};
use crate::throwaway::ThrowawayCluster;
use crate::workspace::Workspace;
use crate::{dev, run, web};

const TARGET_MB: f64 = 150.0;
const PATIENCE: Duration = Duration::from_secs(60);
/// What is done at the start has been done by then.
const SETTLE: Duration = Duration::from_secs(3);

/// Starts a server on an empty database and an empty data folder and reads how much of it is resident.
pub fn measure(workspace: &Workspace) -> Result<Outcome> {
    web::build(workspace)?;
    run::build_server(workspace)?;
    let cluster = ThrowawayCluster::start()?;
    let data = tempfile::tempdir()?;
    let log = tempfile::NamedTempFile::new()?;
    // Free a moment ago; nothing else on this machine is asking for ports at random.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let args = [
        "--no-first-run".into(),
        "--data-dir".into(),
        data.path().into(),
        "--port".into(),
        port.to_string().into(),
    ];
    let mut server = run::server(workspace, &args)
        .env("DATABASE_URL", cluster.url())
        .stdout(log.reopen()?)
        .stderr(log.reopen()?)
        .spawn()
        .context("cannot start the server")?;
    let ready = wait_until_ready(port, || Ok(server.try_wait()?.is_none()));
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

fn wait_until_ready(port: u16, mut is_alive: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while ureq::get(format!("http://127.0.0.1:{port}/readyz"))
        .call()
        .is_err()
    {
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
    fn a_server_that_ends_is_not_waited_for() {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let started = Instant::now();
        assert!(wait_until_ready(port, || Ok(false)).is_err());
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
