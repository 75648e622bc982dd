//! What the system says of a process that may be a postmaster, and telling a start that it is no longer wanted.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Pid;

/// Ends a start that is under way: its clones are set and seen together.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// The start is no longer wanted.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The arguments of a running postmaster, separated by zeros. Everybody may see them; its working folder would need a
/// privilege that containers withhold even from root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandLine(String);

impl CommandLine {
    /// Of the process with this number; none when there is no such process or it is something else. The processes of
    /// sessions call themselves `postgres: …`, and one that has ended and was not yet collected has no arguments.
    pub(crate) fn of_postmaster(pid: Pid) -> Option<Self> {
        let pid = pid.as_raw_nonzero();
        let text = if Path::new("/proc/self/cmdline").exists() {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            String::from_utf8_lossy(&arguments).into_owned()
        } else {
            let ps = Command::new("ps")
                .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
                .output()
                .ok()?;
            // Every option of ours is one letter and its value.
            let line = String::from_utf8_lossy(&ps.stdout).trim().to_owned();
            line.replace(" -", "\0-").replace("\0-D ", "\0-D\0")
        };
        let program = Path::new(text.split('\0').next()?);
        (program.file_name()? == "postgres").then_some(Self(text))
    }

    /// The folder that it was started with, as it was called then.
    pub(crate) fn folder(&self) -> Option<&Path> {
        let (_, rest) = self.0.split_once("\0-D\0")?;
        rest.split('\0').next().map(Path::new)
    }

    /// Whether it was started with this very folder, under this name or another.
    pub(crate) fn is_on(&self, cluster: &Path) -> bool {
        let identity = |path: &Path| fs::metadata(path).map(|data| (data.dev(), data.ino()));
        self.folder().is_some_and(|folder| {
            folder == cluster
                || matches!((identity(folder), identity(cluster)), (Ok(a), Ok(b)) if a == b)
        })
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_not_postgres_is_no_postmaster() {
        let own = Pid::from_raw(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert_eq!(CommandLine::of_postmaster(own), None);
    }

    #[test]
    fn a_folder_is_known_under_every_name_and_no_other_is_taken_for_it() {
        let root = tempfile::tempdir().unwrap();
        let (folder, other, name) = (
            root.path().join("a folder"),
            root.path().join("a folder, too"),
            root.path().join("name"),
        );
        fs::create_dir(&folder).unwrap();
        fs::create_dir(&other).unwrap();
        std::os::unix::fs::symlink(&folder, &name).unwrap();
        let line = |folder: &Path| {
            let text = format!("/bin/postgres\0-D\0{}\0-p\05432\0", folder.display());
            CommandLine(text)
        };
        assert_eq!(line(&folder).folder(), Some(&*folder));
        assert!(line(&folder).is_on(&folder) && line(&name).is_on(&folder));
        assert!(!line(&other).is_on(&folder));
        fs::remove_file(&name).unwrap();
        assert!(!line(&name).is_on(&folder));
        assert_eq!(CommandLine("/bin/postgres\0".to_owned()).folder(), None);
    }
}
