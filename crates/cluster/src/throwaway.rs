//! A cluster in a temporary folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::error::At;
use crate::{Cluster, ClusterError, Durability, Programs};

/// A cluster that is gone, folder and all, when it is dropped. It trusts the machine not to lose power, which makes it
/// fast.
#[derive(Debug)]
pub struct Throwaway {
    // Dropped in this order: first stopped, then removed.
    cluster: Cluster,
    _folder: TempDir,
}

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
        Ok(Self {
            cluster,
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
        Cluster::open_with(folder, Durability::Lost)
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
