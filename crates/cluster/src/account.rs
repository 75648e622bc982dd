//! The account that Postgres runs under, and running programs as it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{Gid, Uid};

use crate::ClusterError;
use crate::error::At;

/// Who runs Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// The user of this process.
    Own,
    /// Another user, as only root can ask for.
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// Root steps down to `postgres`, else `nobody`; anybody else stays.
    pub(crate) fn for_new_cluster() -> Result<Self, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        let passwd = Path::new("/etc/passwd");
        let users = fs::read_to_string(passwd).at("read", passwd)?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| entry(&users, name))
            .ok_or(ClusterError::NoAccount)
    }

    /// A cluster that is already there is run by its owner.
    pub(crate) fn of_owner(folder: &Path, uid: u32, gid: u32) -> Result<Self, ClusterError> {
        let own = rustix::process::geteuid();
        if own.is_root() && uid != 0 {
            Ok(Self::Other { uid, gid })
        } else if own.as_raw() == uid && uid != 0 {
            Ok(Self::Own)
        } else {
            Err(ClusterError::Foreign {
                folder: folder.to_owned(),
                owner: uid,
            })
        }
    }

    /// A command that this account will run: away from folders that it may not read, without the caller's `PG*`
    /// variables, which would change what Postgres does, and without the caller's terminal.
    pub(crate) fn command(self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .env_clear()
            .envs(
                ["PATH", "LD_LIBRARY_PATH"]
                    .iter()
                    .filter_map(|key| Some((key, std::env::var_os(key)?))),
            )
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        if let Self::Other { uid, gid } = self {
            // Leaves the supplementary groups of root behind, too.
            command.gid(gid).uid(uid);
        }
        command
    }

    /// Whether this account may pass through the folder. Asked of the system, which knows about access lists.
    pub(crate) fn reaches(self, folder: &Path) -> bool {
        self.command("test")
            .arg("-x")
            .arg(folder)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Hands the path to this account.
    pub(crate) fn give(self, path: &Path) -> Result<(), ClusterError> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => {
                rustix::fs::chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
                    .at("hand over", path)
            }
        }
    }
}

/// The account of a line like `postgres:x:101:104:…`; never root under another name.
fn entry(passwd: &str, name: &str) -> Option<Account> {
    let fields: Vec<&str> = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&name))?;
    let uid = fields.get(2)?.parse().ok()?;
    let gid = fields.get(3)?.parse().ok()?;
    (uid != 0).then_some(Account::Other { uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_by_its_whole_name_and_is_never_root() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgresql:x:7:7::/:\npostgres:x:101:104::/:/bin/sh\ntoor:x:0:0::/:\n";
        assert_eq!(
            entry(passwd, "postgres"),
            Some(Account::Other { uid: 101, gid: 104 })
        );
        assert_eq!(entry(passwd, "nobody"), None);
        assert_eq!(entry(passwd, "toor"), None);
    }
}
