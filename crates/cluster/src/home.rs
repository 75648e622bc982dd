//! Where a cluster lies: its folder, its lock and the folder of its socket.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::ClusterError;
use crate::account::Account;
use crate::error::At;

/// Where clusters lie whose account cannot reach the data folder.
const ELSEWHERE: &str = "/var/lib/marrowscope";

/// How long a lock may outlive its holder.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// A Unix socket's path has 108 bytes, the last a zero.
const SOCKET_PATH_BYTES: usize = 107;

/// The folder of one cluster, locked for this process.
#[derive(Debug)]
pub(crate) struct Home {
    folder: PathBuf,
    pub(crate) account: Account,
    /// Held, never read: the system lets go of it when this process ends, however it ends.
    _lock: File,
}

impl Home {
    /// Finds or makes the folder and locks it.
    pub(crate) fn lock(data_dir: &Path) -> Result<Self, ClusterError> {
        fs::create_dir_all(data_dir).at("make the folder", data_dir)?;
        let data_dir = fs::canonicalize(data_dir).at("find", data_dir)?;
        let inside = data_dir.join("postgres");
        let account = Account::for_new_cluster()?;
        if inside.symlink_metadata().is_err() && !account.reaches(&data_dir) {
            let elsewhere = elsewhere(&data_dir);
            fs::create_dir_all(&elsewhere).at("make the folder", &elsewhere)?;
            std::os::unix::fs::symlink(&elsewhere, &inside).at("make the link", &inside)?;
        }
        match fs::read_link(&inside) {
            Ok(target) => fs::create_dir_all(&target).at("make the folder", &target)?,
            Err(_) => fs::create_dir_all(&inside).at("make the folder", &inside)?,
        }
        let folder = fs::canonicalize(&inside).at("find", &inside)?;

        let lock_path = folder.join("lock");
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&lock_path)
            .at("open", &lock_path)?;
        let begin = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                // A program that was killed while it started another one holds the lock a moment longer, in the copy
                // of itself that had not yet become the other one.
                Err(TryLockError::WouldBlock) if begin.elapsed() < LOCK_PATIENCE => {
                    sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(ClusterError::Locked { folder }),
                Err(TryLockError::Error(source)) => return Err(source).at("lock", &lock_path),
            }
        }

        let mut home = Self {
            folder,
            account,
            _lock: lock,
        };
        if let Ok(cluster) = fs::metadata(home.cluster()) {
            home.account = Account::of_owner(&home.cluster(), cluster.uid(), cluster.gid())?;
        }
        Ok(home)
    }

    /// What `initdb` makes and `postgres -D` takes.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.folder.join("cluster")
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    /// The major version that wrote the cluster, as text; none when there is no cluster yet.
    pub(crate) fn written_by(&self) -> Result<Option<String>, ClusterError> {
        let path = self.cluster().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).at("read", &path),
        }
    }

    /// A new empty folder for `initdb`, given to the account; what a killed one left is cleared away.
    pub(crate) fn fresh(&self) -> Result<PathBuf, ClusterError> {
        let entries = fs::read_dir(&self.folder).at("read", &self.folder)?;
        for entry in entries.flatten() {
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with("cluster.new-")
            {
                fs::remove_dir_all(entry.path()).at("remove", &entry.path())?;
            }
        }
        let fresh = self
            .folder
            .join(format!("cluster.new-{}", std::process::id()));
        self.make_private(&fresh)?;
        Ok(fresh)
    }

    /// Makes a folder that only the account can open.
    pub(crate) fn make_private(&self, folder: &Path) -> Result<(), ClusterError> {
        fs::DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .at("make the folder", folder)?;
        self.account.give(folder)
    }

    /// A new folder for the socket, which only the account can open.
    pub(crate) fn socket_folder(&self) -> Result<PathBuf, ClusterError> {
        let candidates = [std::env::temp_dir(), PathBuf::from("/tmp")];
        for parent in &candidates {
            let name_bytes = "/marrowscope-123456/.s.PGSQL.65535.lock".len();
            if parent.as_os_str().len() + name_bytes > SOCKET_PATH_BYTES
                || !self.account.reaches(parent)
            {
                continue;
            }
            let Ok(made) = tempfile::Builder::new()
                .prefix("marrowscope-")
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir_in(parent)
            else {
                continue;
            };
            self.account.give(made.path())?;
            return Ok(made.keep());
        }
        Err(ClusterError::NoSocketFolder {
            tried: candidates
                .map(|path| format!("'{}'", path.display()))
                .join(", "),
        })
    }
}

/// A folder under `/var/lib/marrowscope` that belongs to this data folder and no other.
fn elsewhere(data_dir: &Path) -> PathBuf {
    let digest = Sha256::digest(data_dir.as_os_str().as_encoded_bytes());
    let hash: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
    let name = data_dir
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    Path::new(ELSEWHERE).join(format!("{name}-{hash}"))
}
