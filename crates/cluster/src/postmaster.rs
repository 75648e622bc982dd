//! The running postmaster: found by its file, watched, asked to stop.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::ClusterError;
use crate::error::At;
use crate::process::{CommandLine, Interrupt};

const POLL: Duration = Duration::from_millis(10);

/// What `postmaster.pid` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub(crate) pid: Pid,
    pub(crate) port: u16,
    pub(crate) socket_folder: PathBuf,
    pub(crate) status: String,
}

impl PidFile {
    pub(crate) fn path(cluster: &Path) -> PathBuf {
        cluster.join("postmaster.pid")
    }

    /// Reads the file; none while it is absent or not yet written to its end.
    pub(crate) fn read(cluster: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(Self::path(cluster)).ok()?)
    }

    /// Lines: pid, data folder, start time, port, socket folder, listen address, shared memory, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().collect();
        Some(Self {
            pid: Pid::from_raw(lines.first()?.trim().parse().ok()?)?,
            port: lines.get(3)?.trim().parse().ok()?,
            socket_folder: PathBuf::from(lines.get(4)?),
            status: lines.get(7)?.trim().to_owned(),
        })
    }

    /// The process as a plain number.
    pub(crate) fn number(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// The file of a postmaster that runs on this very folder. The number alone proves nothing: after a restart of the
    /// machine it may be anybody's.
    pub(crate) fn read_alive(cluster: &Path) -> Option<Self> {
        Self::read(cluster).filter(|file| {
            CommandLine::of_postmaster(file.pid).is_some_and(|line| line.is_on(cluster))
        })
    }
}

/// A postmaster that this process started or adopted.
#[derive(Debug)]
pub(crate) struct Postmaster {
    pid: Pid,
    origin: Origin,
    cluster: PathBuf,
    log: PathBuf,
}

/// Where a postmaster comes from, and so how it is known.
#[derive(Debug)]
enum Origin {
    Started(Child),
    /// With the arguments that it had; none when it has ended meanwhile.
    Adopted(Option<CommandLine>),
}

impl Postmaster {
    pub(crate) fn started(child: Child, cluster: PathBuf, log: PathBuf) -> Self {
        Self {
            pid: Pid::from_child(&child),
            origin: Origin::Started(child),
            cluster,
            log,
        }
    }

    pub(crate) fn adopted(pid: Pid, cluster: PathBuf, log: PathBuf) -> Self {
        Self {
            pid,
            origin: Origin::Adopted(CommandLine::of_postmaster(pid)),
            cluster,
            log,
        }
    }

    /// Waits until it accepts connections. Recovery after a crash may take its time.
    pub(crate) fn wait_until_ready(
        &mut self,
        interrupt: &Interrupt,
    ) -> Result<PidFile, ClusterError> {
        let limit = Duration::from_secs(120);
        let begin = Instant::now();
        while begin.elapsed() < limit {
            if let Some(file) = PidFile::read(&self.cluster)
                && file.pid == self.pid
                && file.status == "ready"
            {
                return Ok(file);
            }
            if !self.is_alive() {
                return Err(ClusterError::NotStarted {
                    tail: tail(&self.log),
                    log: self.log.clone(),
                });
            }
            if interrupt.is_set() {
                return Err(ClusterError::Interrupted);
            }
            sleep(POLL);
        }
        Err(self.slow("accept connections", limit))
    }

    /// Fast shutdown: open transactions are rolled back, everything committed is written, sessions end.
    pub(crate) fn stop(&mut self) -> Result<(), ClusterError> {
        let limit = Duration::from_secs(30);
        if self.ends_after(Signal::INT, limit)? {
            return Ok(());
        }
        tracing::warn!(
            "Postgres did not shut down within {limit:?}: ending it at once; the next start recovers"
        );
        if self.ends_after(Signal::QUIT, Duration::from_secs(10))? {
            return Ok(());
        }
        Err(self.slow("stop", limit))
    }

    fn ends_after(&mut self, signal: Signal, limit: Duration) -> Result<bool, ClusterError> {
        if !self.is_alive() {
            return Ok(true);
        }
        match kill_process(self.pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => {
                return Err(io::Error::from(error)).at("stop the Postgres of", &self.cluster);
            }
        }
        let begin = Instant::now();
        while begin.elapsed() < limit {
            if !self.is_alive() {
                return Ok(true);
            }
            sleep(POLL);
        }
        Ok(false)
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        match &mut self.origin {
            Origin::Started(child) => matches!(child.try_wait(), Ok(None)),
            Origin::Adopted(line) => {
                line.is_some() && CommandLine::of_postmaster(self.pid) == *line
            }
        }
    }

    fn slow(&self, what: &'static str, limit: Duration) -> ClusterError {
        ClusterError::Slow {
            what,
            seconds: limit.as_secs(),
            log: self.log.clone(),
        }
    }
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(2_000)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        Ok(String::from_utf8_lossy(&end).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_is_read_once_it_is_whole() {
        let whole =
            "4711\n/x/cluster\n1763880000\n5432\n/tmp/marrowscope-abc\n\n  1  2\nready   \n";
        let file = PidFile::parse(whole).unwrap();
        assert_eq!(file.pid.as_raw_nonzero().get(), 4711);
        assert_eq!(file.port, 5432);
        assert_eq!(file.socket_folder, Path::new("/tmp/marrowscope-abc"));
        assert_eq!(file.status, "ready");
        for end in 0..whole.find("ready").unwrap() {
            assert_eq!(PidFile::parse(&whole[..end]), None);
        }
        assert_eq!(PidFile::parse("0\n/x\n1\n5432\n/tmp\n\n1\nready\n"), None);
    }
}
