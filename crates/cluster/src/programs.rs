//! Finding the installed Postgres programs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ClusterError;

/// Where Debian and Ubuntu install the versions side by side.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The installed `initdb` and `postgres` of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
    major: u32,
}

impl Programs {
    /// Finds them by `pg_config --bindir`, then in the newest `/usr/lib/postgresql/*/bin`. Among several versions the
    /// one that `written_by` names comes first.
    ///
    /// # Errors
    /// When there are none.
    pub fn find(written_by: Option<u32>) -> Result<Self, ClusterError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self::find_in(&path, Path::new(DEBIAN), written_by)
    }

    /// As [`Programs::find`], with the search path and Debian's folder given.
    ///
    /// # Errors
    /// When there are none.
    pub fn find_in(
        path: &OsStr,
        debian: &Path,
        written_by: Option<u32>,
    ) -> Result<Self, ClusterError> {
        let folders: Vec<_> = bindir(path).into_iter().chain(versions(debian)).collect();
        let mut found: Vec<_> = folders
            .iter()
            .filter_map(|folder| Self::at(folder))
            .collect();
        let best = found
            .iter()
            .position(|programs| Some(programs.major) == written_by)
            .unwrap_or(0);
        if best < found.len() {
            return Ok(found.swap_remove(best));
        }
        let pg_config = match bindir(path) {
            Some(folder) => format!("'{}' (pg_config --bindir)", folder.display()),
            None => "what pg_config names (there is no pg_config)".to_owned(),
        };
        Err(ClusterError::NotFound {
            looked: format!("{pg_config} and '{}/*/bin'", debian.display()),
        })
    }

    /// The programs in a folder, if both are there and say their version.
    fn at(folder: &Path) -> Option<Self> {
        if !folder.join("initdb").is_file() {
            return None;
        }
        let said = output(Command::new(folder.join("postgres")).arg("--version"))?;
        // postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1); a beta says 18beta1
        let version = said.split_whitespace().nth(2)?;
        let digits = version
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(version.len());
        Some(Self {
            folder: folder.to_owned(),
            major: version.get(..digits)?.parse().ok()?,
        })
    }

    /// The folder that holds them.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Their major version.
    #[must_use]
    pub const fn major(&self) -> u32 {
        self.major
    }

    pub(crate) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }
}

fn bindir(path: &OsStr) -> Option<PathBuf> {
    let said = output(Command::new("pg_config").arg("--bindir").env("PATH", path))?;
    Some(PathBuf::from(said.trim()))
}

/// Debian's program folders, newest first.
fn versions(debian: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(debian)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
