#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod account;
mod error;
mod home;
mod postmaster;
mod process;
mod programs;
mod throwaway;

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use error::At;
use home::Home;
use postmaster::{PidFile, Postmaster};
use process::CommandLine;

pub use error::ClusterError;
pub use process::Interrupt;
pub use programs::Programs;
pub use throwaway::Throwaway;

/// The cluster's only role; it owns everything.
pub const ROLE: &str = "marrowscope";

/// The database that `initdb` makes and that holds our tables.
pub const DATABASE: &str = "postgres";

/// Never opened as a port: it is only a part of the socket's name.
const PORT: u16 = 5432;

/// Small, because it shares the machine with encoding; nothing is replicated.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=40",
    "shared_buffers=32MB",
    "work_mem=8MB",
    "maintenance_work_mem=32MB",
    "max_parallel_workers_per_gather=0",
    "max_wal_size=512MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    "log_destination=stderr",
    "log_line_prefix=%m [%p] ",
];

/// What a cluster may skip whose data nobody needs after a crash.
const THROWAWAY_SETTINGS: &[&str] = &[
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_connections=200",
];

/// A log is cut at the next start when it is longer than this.
const LOG_BYTES: u64 = 4 << 20;

/// What becomes of the data when the machine loses power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    Kept,
    Lost,
}

/// A private cluster that runs. Dropping it stops it, as [`Cluster::stop`] does, but keeps quiet about errors.
#[derive(Debug)]
pub struct Cluster {
    home: Home,
    durability: Durability,
    postmaster: Option<Postmaster>,
    pid: u32,
    socket_folder: PathBuf,
    port: u16,
    adopted: bool,
}

impl Cluster {
    /// Starts the cluster of a data folder, making it first when there is none, or adopts it when a program that was
    /// killed left it running.
    ///
    /// # Errors
    /// See [`ClusterError`]; nothing that was there is changed then.
    pub fn open(data_dir: &Path) -> Result<Self, ClusterError> {
        Self::open_unless(data_dir, &Interrupt::default())
    }

    /// As [`Cluster::open`], but given up when the interrupt is set meanwhile: what was started is stopped again.
    ///
    /// # Errors
    /// See [`ClusterError`]; [`ClusterError::Interrupted`] when it was given up.
    pub fn open_unless(data_dir: &Path, interrupt: &Interrupt) -> Result<Self, ClusterError> {
        Self::open_with(data_dir, Durability::Kept, interrupt)
    }

    fn open_with(
        data_dir: &Path,
        durability: Durability,
        interrupt: &Interrupt,
    ) -> Result<Self, ClusterError> {
        let home = Home::lock(data_dir)?;
        let written_by = home.written_by()?;
        if written_by.is_some()
            && let Some(adopted) = Self::adopt(&home, interrupt)?
        {
            return Ok(Self::running(home, durability, adopted.0, adopted.1, true));
        }
        let programs = Programs::find(written_by.as_ref().and_then(|text| text.parse().ok()))?;
        match written_by {
            Some(written_by) if written_by != programs.major().to_string() => {
                return Err(ClusterError::OtherVersion {
                    folder: home.cluster(),
                    written_by,
                    programs: programs.folder().to_owned(),
                    installed: programs.major(),
                });
            }
            Some(_) => clear_stale(&home)?,
            None => initdb(&home, &programs, durability)?,
        }
        if interrupt.is_set() {
            return Err(ClusterError::Interrupted);
        }
        let socket_folder = home.socket_folder()?;
        let (postmaster, file) = start(&home, &programs, durability, &socket_folder, interrupt)?;
        Ok(Self::running(home, durability, postmaster, file, false))
    }

    /// A postmaster that already runs on this folder; one that is on its way down is waited for and counts as none.
    fn adopt(
        home: &Home,
        interrupt: &Interrupt,
    ) -> Result<Option<(Postmaster, PidFile)>, ClusterError> {
        let Some(file) = PidFile::read_alive(&home.cluster()) else {
            return Ok(None);
        };
        let mut postmaster = Postmaster::adopted(file.pid, home.cluster(), home.log());
        // Without its socket nobody can reach it: a cleaner of temporary folders may have been there.
        let has_socket = || socket(&file.socket_folder, file.port).exists();
        if file.status == "stopping" || (file.status == "ready" && !has_socket()) {
            postmaster.stop()?;
            return Ok(None);
        }
        match postmaster.wait_until_ready(interrupt) {
            Ok(file) => Ok(Some((postmaster, file))),
            Err(error @ ClusterError::Interrupted) => {
                postmaster.stop()?;
                remove_socket_folder(&file.socket_folder);
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    fn running(
        home: Home,
        durability: Durability,
        postmaster: Postmaster,
        file: PidFile,
        adopted: bool,
    ) -> Self {
        tracing::info!(
            folder = %home.folder().display(),
            socket = %socket(&file.socket_folder, file.port).display(),
            "{} a private Postgres", if adopted { "adopted" } else { "started" },
        );
        Self {
            home,
            durability,
            postmaster: Some(postmaster),
            pid: file.number(),
            socket_folder: file.socket_folder,
            port: file.port,
            adopted,
        }
    }

    /// Starts it again, at the same address, if it has ended without being asked to. Returns whether it had.
    ///
    /// # Errors
    /// When it does not start.
    pub fn revive(&mut self) -> Result<bool, ClusterError> {
        if self.postmaster.as_mut().is_none_or(Postmaster::is_alive) {
            return Ok(false);
        }
        let written_by = self.home.written_by()?.and_then(|text| text.parse().ok());
        let programs = Programs::find(written_by)?;
        clear_stale(&self.home)?;
        remove_socket_folder(&self.socket_folder);
        self.home.make_private(&self.socket_folder)?;
        let (postmaster, file) = start(
            &self.home,
            &programs,
            self.durability,
            &self.socket_folder,
            &Interrupt::default(),
        )?;
        self.pid = file.number();
        self.postmaster = Some(postmaster);
        Ok(true)
    }

    /// Stops it: open transactions are rolled back, everything committed is kept. Takes up to half a minute.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), ClusterError> {
        if let Some(mut postmaster) = self.postmaster.take() {
            postmaster.stop()?;
            remove_socket_folder(&self.socket_folder);
        }
        Ok(())
    }

    /// Lets go of it without stopping it: the next [`Cluster::open`] adopts it.
    pub fn leave_running(mut self) {
        self.postmaster = None;
    }

    /// The address of the postmaster that runs on the data folder, if one does.
    #[must_use]
    pub fn find_running(data_dir: &Path) -> Option<String> {
        let cluster = fs::canonicalize(data_dir.join("postgres"))
            .ok()?
            .join("cluster");
        let file = PidFile::read_alive(&cluster).filter(|file| file.status == "ready")?;
        Some(url(&file.socket_folder, file.port))
    }

    /// Whether it ran already when it was opened.
    #[must_use]
    pub const fn was_adopted(&self) -> bool {
        self.adopted
    }

    /// Its folder: `cluster`, `postgres.log`, `lock`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.home.folder()
    }

    /// The number of its postmaster's process.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// The folder of its socket.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        &self.socket_folder
    }

    /// The number in the socket's name.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its address, as `DATABASE_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        url(&self.socket_folder, self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!("{error}");
        }
    }
}

/// Makes the cluster beside its place and renames it into it.
fn initdb(home: &Home, programs: &Programs, durability: Durability) -> Result<(), ClusterError> {
    let fresh = home.fresh()?;
    let mut command = home.account.command(programs.initdb());
    command
        .arg("-D")
        .arg(&fresh)
        .args([
            "--encoding=UTF8",
            "--locale=C",
            // The socket's folder is closed to everybody else, and no other way leads in.
            "--auth-local=trust",
            "--auth-host=reject",
        ])
        .arg(format!("--username={ROLE}"));
    if durability == Durability::Lost {
        command.arg("--no-sync");
    }
    let path = programs.initdb();
    // A Ctrl-C in the terminal does not reach it: it takes seconds, and half of it is worth nothing.
    let output = command.process_group(0).output().at("run", &path)?;
    if !output.status.success() {
        return Err(ClusterError::Program {
            program: path.display().to_string(),
            output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    fs::rename(&fresh, home.cluster()).at("put in place", &fresh)?;
    File::open(home.folder())
        .and_then(|folder| folder.sync_all())
        .at("write", home.folder())
}

fn start(
    home: &Home,
    programs: &Programs,
    durability: Durability,
    socket_folder: &Path,
    interrupt: &Interrupt,
) -> Result<(Postmaster, PidFile), ClusterError> {
    let log_path = home.log();
    let log = File::options()
        .create(true)
        .append(true)
        .open(&log_path)
        .at("open", &log_path)?;
    if log.metadata().at("read", &log_path)?.len() > LOG_BYTES {
        log.set_len(0).at("cut", &log_path)?;
    }
    let mut command = home.account.command(programs.postgres());
    command
        .arg("-D")
        .arg(home.cluster())
        .args(["-p", &PORT.to_string()])
        .arg("-c")
        .arg(format!(
            "unix_socket_directories={}",
            socket_folder.display()
        ));
    let throwaway = match durability {
        Durability::Kept => [].iter(),
        Durability::Lost => THROWAWAY_SETTINGS.iter(),
    };
    for setting in SETTINGS.iter().chain(throwaway) {
        command.args(["-c", setting]);
    }
    let path = programs.postgres();
    let child = command
        .stdout(Stdio::from(log.try_clone().at("open", &log_path)?))
        .stderr(Stdio::from(log))
        .process_group(0)
        .spawn()
        .at("run", &path)?;
    let mut postmaster = Postmaster::started(child, home.cluster(), log_path);
    match postmaster.wait_until_ready(interrupt) {
        Ok(file) => Ok((postmaster, file)),
        Err(error) => {
            if let Err(error) = postmaster.stop() {
                tracing::error!("{error}");
            }
            remove_socket_folder(socket_folder);
            Err(error)
        }
    }
}

/// Clears what a postmaster left that did not get to clear up: the folder of its socket, and its file when the number
/// in it is now another process of the same account, which Postgres would take for itself. In all other cases Postgres
/// judges better, for it also looks for sessions that outlived their postmaster.
///
/// Nothing is cleared while the number belongs to a postmaster: if the folder was moved under it, it works here, and if
/// the folder is a copy, it works elsewhere. Nothing that a program may see tells the two apart for certain, so it is
/// neither stopped nor adopted.
fn clear_stale(home: &Home) -> Result<(), ClusterError> {
    let path = PidFile::path(&home.cluster());
    let Some(stale) = PidFile::read(&home.cluster()) else {
        return Ok(());
    };
    if let Some(line) = CommandLine::of_postmaster(stale.pid) {
        let started_in = line.folder().map(|folder| folder.display().to_string());
        return Err(ClusterError::InUse {
            cluster: home.cluster(),
            pid: stale.number(),
            started_in: started_in.unwrap_or_else(|| "a folder that it does not tell".to_owned()),
            pid_file: path,
        });
    }
    remove_socket_folder(&stale.socket_folder);
    if rustix::process::test_kill_process(stale.pid).is_ok() {
        fs::remove_file(&path).at("remove", &path)?;
    }
    Ok(())
}

/// Removes only what [`Home::socket_folder`] made.
fn remove_socket_folder(folder: &Path) {
    let ours = folder
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("marrowscope-"));
    if ours && let Err(error) = fs::remove_dir_all(folder) {
        tracing::debug!("'{}' stays: {error}", folder.display());
    }
}

fn socket(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!(".s.PGSQL.{port}"))
}

fn url(socket_folder: &Path, port: u16) -> String {
    let mut host = String::new();
    for byte in socket_folder.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            host.push(char::from(*byte));
        } else {
            host.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("postgres://{ROLE}@{host}:{port}/{DATABASE}")
}
