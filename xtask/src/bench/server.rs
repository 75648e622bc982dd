//! Our own server, as people run it, on a database and a data folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cluster::Throwaway;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tempfile::{NamedTempFile, TempDir};

use crate::process::Checked;
use crate::web::{self, Variant};
use crate::workspace::Workspace;
use crate::{dev, run};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; it ends, and what it wrote goes, when this is dropped.
pub struct Server {
    // Ends before its database does.
    process: Process,
    program: PathBuf,
    address: String,
    data: TempDir,
    database: Throwaway,
}

/// A process that is asked to end when this is dropped.
pub struct Process(Option<Child>);

/// How a server is started.
#[derive(Default)]
pub struct Start<'a> {
    /// The only processor that it may use; any when none is named.
    pub processor: Option<usize>,
    /// Where the encoder's weights are, if it is to encode what is imported.
    pub assets: Option<&'a Path>,
    /// What it may keep; its own default when nothing is said.
    pub memory: Option<Memory>,
}

/// What a server may keep in memory, MiB.
#[derive(Clone, Copy)]
pub struct Memory {
    /// Of open slides.
    pub slides_mib: u32,
    /// Of tiles that it encoded.
    pub tiles_mib: u32,
}

/// A slide that a server knows.
#[derive(Debug)]
pub struct Served {
    /// As in its address.
    pub code: String,
    /// Of its pixels, as in its address.
    pub version: String,
    /// Full resolution first.
    pub levels: Vec<Level>,
}

/// One level of a slide, px of the level.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Level {
    pub width: u32,
    pub height: u32,
    pub tile_width: u32,
    pub tile_height: u32,
}

/// The queue, as `/api/v1/jobs` tells it.
#[derive(Debug, Deserialize)]
pub struct Queue {
    pub jobs: Vec<Job>,
}

/// One job of it.
#[derive(Debug, Deserialize)]
pub struct Job {
    pub id: i64,
    pub kind: String,
    pub slide: Option<String>,
    pub state: String,
    pub done: i64,
    pub total: i64,
}

/// Builds the server and the browser's part, as far as they are not there.
pub fn build(workspace: &Workspace) -> Result<()> {
    web::build(workspace, Variant::Product)?;
    run::build_server(workspace)
}

impl Server {
    /// Starts one without a first run and waits until it is ready.
    pub fn start(workspace: &Workspace, how: &Start) -> Result<Self> {
        let database = Throwaway::start()?;
        let data = tempfile::tempdir()?;
        let log = NamedTempFile::new()?;
        let mut args = ["--no-first-run", "--listen", "127.0.0.1:0", "--data-dir"]
            .map(Into::into)
            .to_vec();
        args.push(data.path().into());
        // Without weights what is imported is not encoded, and nothing else is done than what is measured.
        let nothing = data.path().join("no-assets");
        args.extend(["--assets-dir".into(), how.assets.unwrap_or(&nothing).into()]);
        args.extend(["--device", "cpu"].map(Into::into));
        if let Some(Memory {
            slides_mib,
            tiles_mib,
        }) = how.memory
        {
            args.push(format!("--slide-memory={slides_mib}").into());
            args.push(format!("--tile-cache={tiles_mib}").into());
        }
        let server = run::server(workspace, Variant::Product, &args);
        let mut process = on_processor(server, how.processor)
            .env("DATABASE_URL", database.url())
            .stdout(log.reopen()?)
            .stderr(log.reopen()?)
            .spawn()
            .map(Process::of)
            .context("cannot start the server")?;
        let address = wait_until_ready(data.path(), || process.is_alive())
            .with_context(|| fs::read_to_string(log.path()).unwrap_or_default())?;
        Ok(Self {
            process,
            program: workspace.server_binary(),
            address,
            data,
            database,
        })
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its resident memory, units of 1,000,000 bytes.
    pub fn resident_mb(&self) -> Result<f64> {
        let id = self.process.id().context("the server has ended")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        resident_mb(&status).context("/proc tells no VmRSS")
    }

    /// Imports a file as a person does.
    pub fn import(&self, file: &Path) -> Result<Served> {
        self.import_with(file, &[])
    }

    /// Imports a file of which something has to be said besides.
    pub fn import_with(&self, file: &Path, said_of_it: &[&str]) -> Result<Served> {
        let said = Command::new(&self.program)
            .arg("import")
            .arg(file)
            .args(said_of_it)
            .arg("--data-dir")
            .arg(self.data.path())
            .env("DATABASE_URL", self.database.url())
            .output_checked()?;
        let code = imported_code(&said).with_context(|| format!("no code in {said:?}"))?;
        self.slide(code)
    }

    fn slide(&self, code: &str) -> Result<Served> {
        #[derive(Deserialize)]
        struct Detail {
            summary: Summary,
            pyramid: Pyramid,
        }
        #[derive(Deserialize)]
        struct Summary {
            version: String,
        }
        #[derive(Deserialize)]
        struct Pyramid {
            levels: Vec<Level>,
        }
        let detail: Detail = self.get(&format!("/api/v1/slides/{code}"))?;
        Ok(Served {
            code: code.into(),
            version: detail.summary.version,
            levels: detail.pyramid.levels,
        })
    }

    /// What is under way.
    pub fn queue(&self) -> Result<Queue> {
        self.get("/api/v1/jobs")
    }

    /// Cancels what was queued by imports, and waits until nothing runs.
    pub fn quieten(&self) -> Result<()> {
        let started = Instant::now();
        loop {
            let queue = self.queue()?;
            let unfinished = queue.jobs.iter().filter(|job| job.is_unfinished());
            let mut all_ended = true;
            for job in unfinished {
                all_ended = false;
                // One that ended in the meantime cannot be cancelled, and need not be.
                let _ = ureq::post(self.url(&format!("/api/v1/jobs/{}/cancel", job.id)))
                    .header("Origin", self.url(""))
                    .send_empty();
            }
            if all_ended {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                bail!("jobs are still running after {} s", PATIENCE.as_secs());
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let text = ureq::get(self.url(path))
            .call()
            .with_context(|| format!("the server does not answer {path}"))?
            .body_mut()
            .read_to_string()?;
        serde_json::from_str(&text).with_context(|| format!("{path} answered something else"))
    }

    /// An address of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends it and tells if that went wrong.
    pub fn stop(mut self) -> Result<()> {
        self.process.stop()
    }
}

impl Process {
    /// Takes charge of a process.
    pub fn of(child: Child) -> Self {
        Self(Some(child))
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> Result<bool> {
        match &mut self.0 {
            Some(child) => Ok(child.try_wait()?.is_none()),
            None => Ok(false),
        }
    }

    fn id(&self) -> Option<u32> {
        self.0.as_ref().map(Child::id)
    }

    /// Asks it to end and waits until it has.
    pub fn stop(&mut self) -> Result<()> {
        self.0.take().map_or(Ok(()), dev::stop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("a process of the bench could not be ended: {error:#}");
        }
    }
}

impl Served {
    /// The address of a pyramid tile.
    pub fn tile(&self, level: usize, column: u32, row: u32) -> String {
        let Self { code, version, .. } = self;
        format!("/slides/{code}/{version}/tiles/{level}/{column}/{row}")
    }

    /// A level by its number.
    pub fn level(&self, level: usize) -> Result<Level> {
        let found = self.levels.get(level).copied();
        found.with_context(|| format!("slide {} has no level {level}", self.code))
    }
}

impl Level {
    /// Columns and rows of the tiles that lie in the level as a whole, row by row: all of them have as many pixels.
    pub fn whole_tiles(self) -> Vec<(u32, u32)> {
        let columns = self.width / self.tile_width.max(1);
        let rows = self.height / self.tile_height.max(1);
        (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (column, row)))
            .collect()
    }

    /// Megapixels of a whole tile.
    pub fn tile_mpx(self) -> f64 {
        f64::from(self.tile_width) * f64::from(self.tile_height) / 1e6
    }
}

impl Job {
    /// Whether it waits or runs.
    pub fn is_unfinished(&self) -> bool {
        matches!(self.state.as_str(), "queued" | "running")
    }
}

/// A command that may use one processor only.
pub fn on_processor(command: Command, processor: Option<usize>) -> Command {
    let Some(processor) = processor else {
        return command;
    };
    let mut pinned = Command::new("taskset");
    pinned
        .args(["--cpu-list", &processor.to_string()])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => pinned.env(name, value),
            None => pinned.env_remove(name),
        };
    }
    pinned
}

fn imported_code(said: &str) -> Option<&str> {
    let rest = said.trim().strip_prefix("This is slide ")?;
    rest.split([':', '.'])
        .next()
        .filter(|code| !code.is_empty())
}

/// Waits for the server's address, which it writes into its data folder, and for its word that it is ready.
fn wait_until_ready(data_dir: &Path, mut is_alive: impl FnMut() -> Result<bool>) -> Result<String> {
    let started = Instant::now();
    loop {
        if let Some(address) = ready_address(data_dir) {
            return Ok(address);
        }
        if !is_alive()? {
            bail!("the server has ended");
        }
        if started.elapsed() > PATIENCE {
            bail!("the server is not ready after {} s", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn ready_address(data_dir: &Path) -> Option<String> {
    let contact = fs::read_to_string(data_dir.join("server.json")).ok()?;
    let address = address(&contact)?;
    let answer = ureq::get(format!("http://{address}/readyz")).call();
    answer.is_ok().then_some(address)
}

fn address(contact: &str) -> Option<String> {
    let contact: serde_json::Value = serde_json::from_str(contact).ok()?;
    Some(contact.get("address")?.as_str()?.to_owned())
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

    #[test]
    fn an_import_says_the_code() {
        let through = "This is slide S-0001: http://127.0.0.1:3000/slides/S-0001\n";
        assert_eq!(imported_code(through), Some("S-0001"));
        let directly = "This is slide S-2. It is encoded and predicted when the server runs.\n";
        assert_eq!(imported_code(directly), Some("S-2"));
        assert_eq!(imported_code("no"), None);
    }

    #[test]
    fn only_whole_tiles_are_asked_for() {
        let level = Level {
            width: 2220,
            height: 500,
            tile_width: 240,
            tile_height: 240,
        };
        let places = level.whole_tiles();
        assert_eq!(places.len(), 9 * 2);
        assert_eq!((places[0], places[17]), ((0, 0), (8, 1)));
        assert!((level.tile_mpx() - 0.0576).abs() < 1e-12);
    }

    #[test]
    fn a_pinned_command_keeps_its_arguments_and_variables() {
        let mut command = Command::new("program");
        command.arg("--flag").env("NAME", "value");
        let pinned = on_processor(command, Some(1));
        let args: Vec<_> = pinned.get_args().collect();
        assert_eq!(args, ["--cpu-list", "1", "program", "--flag"]);
        assert_eq!(pinned.get_envs().count(), 1);
    }

    #[test]
    fn a_process_ends_with_whoever_has_charge_of_it() {
        let mut process = Process::of(Command::new("sleep").arg("60").spawn().unwrap());
        assert!(process.is_alive().unwrap());
        let id = process.id().unwrap();
        drop(process);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }
}
