//! What can go wrong with a private cluster.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no private cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No Postgres programs on this machine.
    #[error(
        "no Postgres found: looked for initdb and postgres in {looked}. Install them (Debian, Ubuntu: \
         `sudo apt-get install postgresql`), or put their folder on PATH so that `pg_config --bindir` names it, or set \
         DATABASE_URL to a Postgres that runs elsewhere"
    )]
    NotFound {
        /// Where they were sought.
        looked: String,
    },
    /// The cluster was written by another major version than the programs found.
    #[error(
        "the cluster in '{}' was written by Postgres {written_by}, but the programs in '{}' are Postgres {installed}. \
         Nothing was changed. Install Postgres {written_by} beside it, or bring the cluster over with pg_upgrade",
        folder.display(), programs.display()
    )]
    OtherVersion {
        /// The cluster's folder.
        folder: PathBuf,
        /// What stands in its `PG_VERSION`.
        written_by: String,
        /// Folder of the programs.
        programs: PathBuf,
        /// Their major version.
        installed: u32,
    },
    /// Another server has the folder.
    #[error("another server is using '{}': stop it, or choose another data folder", folder.display())]
    Locked {
        /// The cluster's folder.
        folder: PathBuf,
    },
    /// A postmaster that cannot be told from the one of this folder.
    #[error(
        "Postgres process {pid} may be using '{}': it was started in '{started_in}', and the folder seems to have been moved \
         since. Nothing was changed. Move the folder back, or stop that Postgres (`kill -INT {pid}`), and start again. \
         Only if it serves another folder, of which this one is a copy, remove '{}' instead",
        cluster.display(), pid_file.display()
    )]
    InUse {
        /// What `postgres -D` takes.
        cluster: PathBuf,
        /// The number of the process.
        pid: u32,
        /// The folder on its command line.
        started_in: String,
        /// The file that names it.
        pid_file: PathBuf,
    },
    /// The start was interrupted; what it had started is stopped.
    #[error("the start of Postgres was interrupted")]
    Interrupted,
    /// Root without an account to step down to.
    #[error(
        "Postgres refuses to run as root, and there is neither a user 'postgres' nor 'nobody': add one, start as \
         another user, or set DATABASE_URL"
    )]
    NoAccount,
    /// The folder belongs to somebody else.
    #[error(
        "the cluster in '{}' belongs to user {owner}: start as that user or as root",
        folder.display()
    )]
    Foreign {
        /// The cluster's folder.
        folder: PathBuf,
        /// Its owner's number.
        owner: u32,
    },
    /// No folder for the socket.
    #[error(
        "no folder for the Unix socket of Postgres: tried {tried}; it must be reachable and its path short (107 bytes \
         with the socket's name). Set TMPDIR to such a folder"
    )]
    NoSocketFolder {
        /// What was tried.
        tried: String,
    },
    /// A program could not do its work.
    #[error("{program} failed: {output}")]
    Program {
        /// Name of the program.
        program: String,
        /// What it said.
        output: String,
    },
    /// The postmaster ended instead of accepting connections.
    #[error("Postgres did not start. The end of '{}' says: {tail}", log.display())]
    NotStarted {
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// It took too long.
    #[error("Postgres did not {what} within {seconds} seconds; its log is '{}'", log.display())]
    Slow {
        /// What it should have done.
        what: &'static str,
        /// How long was waited.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {what} '{}'", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it did not work.
        source: io::Error,
    },
}

/// Says what was being done to which path.
pub(crate) trait At<T> {
    fn at(self, what: &'static str, path: &Path) -> Result<T, ClusterError>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, what: &'static str, path: &Path) -> Result<T, ClusterError> {
        self.map_err(|error| ClusterError::Io {
            what,
            path: path.to_owned(),
            source: error.into(),
        })
    }
}
