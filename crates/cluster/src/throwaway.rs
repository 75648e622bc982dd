//! A cluster in a temporary folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::error::At;
use crate::{Cluster, ClusterError, Durability, Interrupt, Programs};

/// A cluster that is gone, folder and all, when it is dropped or when this process ends, however it ends. It trusts the
/// machine not to lose power, which makes it fast.
#[derive(Debug)]
pub struct Throwaway {
    // Dropped in this order: first stopped, then no longer watched, then removed.
    cluster: Cluster,
    _watchdog: Watchdog,
    _folder: TempDir,
}

/// Clears up for an owner that was killed: it reads from a pipe whose other end is the owner's.
#[derive(Debug)]
struct Watchdog(Child);

impl Throwaway {
    /// Makes and starts one.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn start() -> Result<Self, ClusterError> {
        let temporary = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .prefix("marrowscope-throwaway-")
            .tempdir()
            .at("make a folder in", &temporary)?;
        let cluster = Self::open(folder.path())?;
        let watchdog = Watchdog::of(&cluster, folder.path())?;
        Ok(Self {
            cluster,
            _watchdog: watchdog,
            _folder: folder,
        })
    }

    /// Starts one in a folder that the caller removes.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn open(folder: &Path) -> Result<Cluster, ClusterError> {
        // The account that root steps down to has to pass through; the cluster inside is closed anyway.
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).at("open up", folder)?;
        Cluster::open_with(folder, Durability::Lost, &Interrupt::default())
    }

    /// The cluster itself.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Its address, as `DATABASE_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        self.cluster.url()
    }

    /// Runs the `.sql` files of a folder in the order of their names, each in one transaction, by `psql`.
    ///
    /// # Errors
    /// When one fails.
    pub fn run_sql(&self, folder: &Path) -> Result<(), ClusterError> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .at("read", folder)?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
            .collect();
        files.sort();
        let beside = Programs::find(None)?.folder().join("psql");
        let psql = if beside.is_file() {
            beside.as_path()
        } else {
            Path::new("psql")
        };
        for file in files {
            let output = Command::new(psql)
                .args(["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d"])
                .arg(self.url())
                .arg("-f")
                .arg(&file)
                .output()
                .at("run", psql)?;
            if !output.status.success() {
                return Err(ClusterError::Program {
                    program: format!("psql -f '{}'", file.display()),
                    output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
                });
            }
        }
        Ok(())
    }
}

impl Watchdog {
    fn of(cluster: &Cluster, folder: &Path) -> Result<Self, ClusterError> {
        let wait_then_clear_up = r#"cat >&2
            kill -INT "$1" || exit
            while [ -e "$2/postgres/cluster/postmaster.pid" ]; do sleep 0.05; done
            rm -rf "$2" "$3""#;
        Command::new("sh")
            .args(["-c", wait_then_clear_up, "sh"])
            .arg(cluster.pid().to_string())
            .arg(folder)
            .arg(cluster.socket_folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(Self)
            .at("watch over", folder)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // It has nothing left to do; that it may have ended is fine.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
