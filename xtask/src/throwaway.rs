//! A Postgres cluster that lives as long as a value: for preparing queries, and for measuring the server.
//!
//! `store` has a better one for the tests; but `store` does not compile when its prepared queries are stale, and
//! mending that is what this one is for.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::fs::chown;
use rustix::process::{Gid, Pid, Signal, Uid, geteuid, kill_process};
use tempfile::TempDir;

use crate::process::Checked;

/// How long a new cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running cluster with one empty database; stopped and removed when dropped.
pub struct ThrowawayCluster {
    postgres: Child,
    programs: PathBuf,
    folder: TempDir,
}

impl ThrowawayCluster {
    /// Makes and starts one on a socket in a private folder.
    pub fn start() -> Result<Self> {
        let programs = find_programs()?;
        // Short, because the path of a socket may have 107 bytes at most.
        let folder = TempDir::with_prefix_in("marrowscope-", "/tmp")?;
        let account = Account::to_run_postgres()?;
        if let Some(account) = &account {
            chown(folder.path(), Some(account.uid), Some(account.gid))?;
        }
        let command = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.current_dir(folder.path());
            if let Some(account) = &account {
                command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
            }
            command
        };

        let data = folder.path().join("data");
        command("initdb")
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--pgdata",
            ])
            .arg(&data)
            .output_checked()?;
        let log = fs::File::create(folder.path().join("log"))?;
        let postgres = command("postgres")
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            // Nobody will miss it: no TCP, nothing waits for the disk.
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "synchronous_commit=off",
            ])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start postgres")?;
        let mut cluster = Self {
            postgres,
            programs,
            folder,
        };
        cluster.wait_until_it_answers()?;
        Ok(cluster)
    }

    /// Its URL, for `DATABASE_URL`.
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            self.folder.path().display()
        )
    }

    /// Runs the SQL files of a folder in the order of their names.
    pub fn migrate(&self, migrations: &Path) -> Result<()> {
        let mut files: Vec<_> = match fs::read_dir(migrations) {
            Ok(entries) => entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<_, _>>()?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", migrations.display()));
            }
        };
        files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
        files.sort();
        for file in files {
            self.psql()
                .arg("--single-transaction")
                .arg("--file")
                .arg(&file)
                .output_checked()?;
        }
        Ok(())
    }

    fn psql(&self) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.arg("--host").arg(self.folder.path()).args([
            "--username=postgres",
            "--dbname=postgres",
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
        ]);
        command
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let started = Instant::now();
        while self
            .psql()
            .args(["--command", "select 1"])
            .output_checked()
            .is_err()
        {
            if self.postgres.try_wait()?.is_some() || started.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                bail!("the throw-away Postgres does not answer\n{log}");
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for ThrowawayCluster {
    fn drop(&mut self) {
        // Immediate shutdown: it ends its children, and nothing in it is wanted any more.
        if kill_process(Pid::from_child(&self.postgres), Signal::QUIT).is_err() {
            return;
        }
        if let Err(error) = self.postgres.wait() {
            eprintln!("warning: the throw-away Postgres was not waited for: {error}");
        }
    }
}

/// The folder with `initdb` and `postgres`: `pg_config`'s, else the newest of Debian's.
fn find_programs() -> Result<PathBuf> {
    let configured = Command::new("pg_config")
        .arg("--bindir")
        .output_checked()
        .ok()
        .map(|dir| dir.trim().into());
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| {
            entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .collect()
        })
        .unwrap_or_default();
    versions.sort_by_key(|path| {
        path.file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok())
    });
    configured
        .into_iter()
        .chain(versions.iter().rev().map(|path| path.join("bin")))
        .find(|dir| {
            ["initdb", "postgres", "psql"]
                .iter()
                .all(|program| dir.join(program).is_file())
        })
        .context("no Postgres programs found; `scripts/bootstrap.sh` installs them")
}

/// Postgres refuses to run as root.
struct Account {
    uid: Uid,
    gid: Gid,
}

impl Account {
    /// Whom to become; nobody else when we are not root.
    fn to_run_postgres() -> Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::named(name, &accounts))
            .map(Some)
            .context("Postgres refuses to run as root, and there is no account postgres or nobody")
    }

    fn named(name: &str, accounts: &str) -> Option<Self> {
        let line = accounts
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(str::parse);
        let (uid, gid) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some(Self {
            uid: Uid::from_raw(uid),
            gid: Gid::from_raw(gid),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_with_its_two_numbers() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:103::/var/lib/postgresql:/bin/sh\n";
        let account = Account::named("postgres", accounts).unwrap();
        assert_eq!((account.uid.as_raw(), account.gid.as_raw()), (101, 103));
        assert!(Account::named("post", accounts).is_none());
    }

    #[test]
    fn a_cluster_starts_takes_migrations_in_order_and_leaves_nothing_behind() {
        let migrations = tempfile::tempdir().unwrap();
        fs::write(
            migrations.path().join("0002_b.sql"),
            "insert into a values (7);",
        )
        .unwrap();
        fs::write(
            migrations.path().join("0001_a.sql"),
            "create table a (n int);",
        )
        .unwrap();
        fs::write(migrations.path().join("README.md"), "not SQL").unwrap();
        let cluster = ThrowawayCluster::start().unwrap();
        cluster.migrate(migrations.path()).unwrap();
        let n = cluster
            .psql()
            .args([
                "--tuples-only",
                "--no-align",
                "--command",
                "select n from a",
            ])
            .output_checked();
        assert_eq!(n.unwrap().trim(), "7");

        fs::write(
            migrations.path().join("0003_c.sql"),
            "insert into nowhere values (1);",
        )
        .unwrap();
        let error = cluster.migrate(migrations.path()).unwrap_err();
        assert!(format!("{error:#}").contains("nowhere"), "{error:#}");

        let folder = cluster.folder.path().to_owned();
        drop(cluster);
        assert!(!folder.exists());
    }
}
