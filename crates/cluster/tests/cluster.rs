//! The life of a private cluster: made, started, stopped, killed, adopted, refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it should be"
)]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cluster::{Cluster, ClusterError, Programs, Throwaway};
use rustix::process::{Pid, Signal, getpgid, getpgrp, kill_process, test_kill_process};

const WITH_POSTGRES: &str = env!("CARGO_BIN_EXE_with-postgres");

fn am_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder that an unprivileged account can reach.
fn data_dir() -> tempfile::TempDir {
    let folder = tempfile::Builder::new()
        .prefix("cluster-test-")
        .tempdir()
        .unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Runs one statement and returns what it prints.
fn psql(cluster: &Cluster, sql: &str) -> String {
    let output = Command::new("psql")
        .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
        .arg(cluster.url())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn pid(cluster: &Cluster) -> Pid {
    Pid::from_raw(cluster.pid().cast_signed()).unwrap()
}

/// A server of its own that holds a cluster until it is killed.
struct Holder {
    child: Child,
    url: String,
}

fn hold(place: impl AsRef<OsStr>) -> Holder {
    let mut child = Command::new(WITH_POSTGRES)
        .arg(place)
        .args(["sleep", "20"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let url = line.strip_prefix("DATABASE_URL=").expect(&line).to_owned();
    Holder { child, url }
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_cluster_keeps_what_was_written_and_leaves_nothing_running() {
    let data = data_dir();
    let cluster = Cluster::open(data.path()).unwrap();
    assert!(!cluster.was_adopted());
    psql(&cluster, "create table t as select 42 as x");
    let (pid, socket) = (pid(&cluster), cluster.socket_folder().to_owned());
    cluster.stop().unwrap();
    assert!(test_kill_process(pid).is_err());
    assert!(!socket.exists());

    let cluster = Cluster::open(data.path()).unwrap();
    assert_eq!(psql(&cluster, "select x from t"), "42");
    assert_eq!(psql(&cluster, "show listen_addresses"), "");
    assert_eq!(psql(&cluster, "show fsync"), "on");
    assert_eq!(psql(&cluster, "show server_encoding"), "UTF8");
}

#[test]
fn postgres_never_runs_as_root_and_nobody_else_can_open_its_folders() {
    let data = data_dir();
    let cluster = Cluster::open(data.path()).unwrap();
    let own = rustix::process::geteuid().as_raw();
    for private in [
        cluster.folder().join("cluster"),
        cluster.socket_folder().to_owned(),
    ] {
        let metadata = fs::metadata(&private).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o700, "{}", private.display());
        assert_eq!(metadata.uid() == own, !am_root());
        assert_ne!(metadata.uid(), 0);
    }
    let process = fs::metadata(format!("/proc/{}", cluster.pid())).unwrap();
    assert_eq!(
        process.uid(),
        fs::metadata(cluster.socket_folder()).unwrap().uid()
    );
}

#[test]
fn a_ctrl_c_in_the_terminal_does_not_reach_it() {
    let data = data_dir();
    let cluster = Cluster::open(data.path()).unwrap();
    let group = getpgid(Some(pid(&cluster))).unwrap();
    assert_eq!(group, pid(&cluster));
    assert_ne!(group, getpgrp());
}

#[test]
fn a_cluster_whose_server_was_killed_is_adopted() {
    let data = data_dir();
    let mut holder = hold(data.path());
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();

    let cluster = Cluster::open(data.path()).unwrap();
    assert!(cluster.was_adopted());
    assert_eq!(cluster.url(), holder.url);
    assert_eq!(psql(&cluster, "select 1"), "1");
    let pid = pid(&cluster);
    cluster.stop().unwrap();
    assert!(test_kill_process(pid).is_err() || !Path::new(&format!("/proc/{pid}/exe")).exists());
    assert!(!Cluster::open(data.path()).unwrap().was_adopted());
}

#[test]
fn a_folder_that_was_moved_under_its_postgres_is_refused_until_it_has_its_name_again() {
    let data = data_dir();
    let (before, moved) = (data.path().join("before"), data.path().join("moved"));
    let mut holder = hold(&before);
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
    fs::rename(&before, &moved).unwrap();

    let pid_file = moved.join("postgres/cluster/postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    let refused = Cluster::open(&moved).unwrap_err();
    assert!(matches!(refused, ClusterError::InUse { .. }), "{refused}");
    let pid = text.lines().next().unwrap();
    assert!(refused.to_string().contains(&format!("kill -INT {pid}")));
    // It works on, and can still be reached.
    assert_eq!(fs::read_to_string(&pid_file).unwrap(), text);
    let answer = Command::new("psql")
        .args(["-X", "-A", "-t", "-c", "select 1", &holder.url])
        .output();
    assert_eq!(answer.unwrap().stdout, b"1\n");

    // As another mount of the same folder is seen.
    std::os::unix::fs::symlink(&moved, &before).unwrap();
    let cluster = Cluster::open(&moved).unwrap();
    assert!(cluster.was_adopted());
    assert_eq!(cluster.url(), holder.url);
    fs::remove_file(&before).unwrap();
    let pid = self::pid(&cluster);
    cluster.stop().unwrap();
    assert!(!pid_file.exists() && Cluster::find_running(&moved).is_none());
    let arguments = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero()));
    assert!(arguments.map_or(true, |line| line.is_empty()));
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let data = data_dir();
    let mut holder = hold(data.path());
    let refused = Cluster::open(data.path()).unwrap_err();
    assert!(matches!(refused, ClusterError::Locked { .. }), "{refused}");
    assert!(refused.to_string().contains("another server is using"));
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
    Cluster::open(data.path()).unwrap();
}

#[test]
fn a_cluster_whose_postmaster_was_killed_recovers_what_was_committed() {
    let data = data_dir();
    let cluster = Cluster::open(data.path()).unwrap();
    psql(&cluster, "create table t as select 42 as x");
    let killed = pid(&cluster);
    kill_process(killed, Signal::KILL).unwrap();
    cluster.leave_running();
    let state = || fs::read_to_string(format!("/proc/{}/stat", killed.as_raw_nonzero()));
    until("it ends", || {
        state().map_or(true, |stat| stat.contains(") Z "))
    });

    let cluster = Cluster::open(data.path()).unwrap();
    assert!(!cluster.was_adopted());
    assert_ne!(pid(&cluster), killed);
    assert_eq!(psql(&cluster, "select x from t"), "42");
}

#[test]
fn a_pid_file_that_names_somebody_else_is_no_obstacle() {
    let data = data_dir();
    Cluster::open(data.path()).unwrap().stop().unwrap();
    let pid_file = data.path().join("postgres/cluster/postmaster.pid");
    let own = std::process::id();
    fs::write(
        &pid_file,
        format!("{own}\n/x\n1763880000\n5432\n/nowhere\n\n  1  2\nready   \n"),
    )
    .unwrap();
    let cluster = Cluster::open(data.path()).unwrap();
    assert!(!cluster.was_adopted());
    assert_eq!(psql(&cluster, "select 1"), "1");
}

#[test]
fn what_a_killed_initdb_left_is_cleared_away() {
    let data = data_dir();
    let left = data.path().join("postgres/cluster.new-1");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("PG_VERSION"), "15").unwrap();
    let cluster = Cluster::open(data.path()).unwrap();
    assert!(!left.exists());
    assert_eq!(psql(&cluster, "select 1"), "1");
}

#[test]
fn a_cluster_of_another_version_is_refused_untouched() {
    let data = data_dir();
    Cluster::open(data.path()).unwrap().stop().unwrap();
    let folder = data.path().join("postgres/cluster");
    fs::write(folder.join("PG_VERSION"), "9\n").unwrap();
    let before = listing(&folder);
    let refused = Cluster::open(data.path()).unwrap_err();
    assert!(
        matches!(refused, ClusterError::OtherVersion { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("was written by Postgres 9"));
    assert_eq!(listing(&folder), before);
}

/// Every file below a folder with its length and time.
fn listing(folder: &Path) -> Vec<(PathBuf, u64, i64, i64)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let data = entry.metadata().unwrap();
            if data.is_dir() {
                folders.push(entry.path());
            }
            found.push((entry.path(), data.len(), data.mtime(), data.mtime_nsec()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_long_path_of_the_data_folder_is_no_obstacle_to_the_socket() {
    let data = data_dir();
    let long = data
        .path()
        .join("a folder with a long name, and spaces".repeat(4));
    let cluster = Cluster::open(&long).unwrap();
    assert!(cluster.folder().as_os_str().len() > 150);
    let socket = cluster.socket_folder().join(".s.PGSQL.5432");
    assert!(socket.exists() && socket.as_os_str().len() <= 107);
    assert_eq!(psql(&cluster, "select 1"), "1");
}

#[test]
fn where_the_account_cannot_reach_the_data_folder_the_cluster_lies_elsewhere() {
    let closed = data_dir();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let data = closed.path().join("data");
    let cluster = Cluster::open(&data).unwrap();
    let folder = cluster.folder().to_owned();
    assert_eq!(folder.starts_with("/var/lib/marrowscope"), am_root());
    assert_eq!(fs::canonicalize(data.join("postgres")).unwrap(), folder);
    psql(&cluster, "create table t as select 42 as x");
    cluster.stop().unwrap();

    // The link goes with the data folder.
    let moved = closed.path().join("moved");
    fs::rename(&data, &moved).unwrap();
    let cluster = Cluster::open(&moved).unwrap();
    assert_eq!(psql(&cluster, "select x from t"), "42");
    cluster.stop().unwrap();
    if am_root() {
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn a_throwaway_cluster_leaves_nothing_behind_even_when_its_owner_is_killed() {
    let throwaway = Throwaway::start().unwrap();
    let folder = throwaway.cluster().folder().to_owned();
    let socket = throwaway.cluster().socket_folder().to_owned();
    assert!(folder.exists() && socket.exists());
    drop(throwaway);
    assert!(!folder.exists() && !socket.exists());

    let mut holder = hold("--throwaway");
    let host = holder.url.split(['@', ':']).nth(2).unwrap();
    let socket = PathBuf::from(host.replace("%2F", "/"));
    assert!(socket.exists());
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
    until("the socket goes", || !socket.exists());
}

#[test]
fn a_failing_script_is_named_with_what_postgres_says() {
    let throwaway = Throwaway::start().unwrap();
    let scripts = tempfile::tempdir().unwrap();
    fs::write(scripts.path().join("1.sql"), "create table t (x int)").unwrap();
    fs::write(scripts.path().join("2.sql"), "insert into t values ('a')").unwrap();
    let failed = throwaway.run_sql(scripts.path()).unwrap_err().to_string();
    assert!(
        failed.contains("2.sql") && failed.contains("invalid input syntax"),
        "{failed}"
    );
    assert_eq!(psql(throwaway.cluster(), "select count(*) from t"), "0");
}

/// Programs that only know their version.
fn fake(folder: &Path, version: &str) {
    fs::create_dir_all(folder).unwrap();
    for program in ["initdb", "postgres"] {
        script(
            &folder.join(program),
            &format!("echo 'postgres (PostgreSQL) {version}'"),
        );
    }
}

fn script(path: &Path, line: &str) {
    fs::write(path, format!("#!/bin/sh\n{line}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn without_programs_the_message_says_how_to_get_them() {
    let empty = tempfile::tempdir().unwrap();
    let error = Programs::find_in(empty.path().as_os_str(), empty.path(), None).unwrap_err();
    assert!(matches!(error, ClusterError::NotFound { .. }));
    let message = error.to_string();
    for way in ["apt-get install postgresql", "pg_config", "DATABASE_URL"] {
        assert!(message.contains(way), "{message}");
    }
}

#[test]
fn the_programs_of_pg_config_come_first_then_debians_newest_and_the_writers_before_both() {
    let root = tempfile::tempdir().unwrap();
    let (path, debian) = (root.path().join("path"), root.path().join("debian"));
    fs::create_dir_all(&path).unwrap();
    for (folder, version) in [
        ("9", "9.6.24"),
        ("14", "14.2 (Debian 14.2-1)"),
        ("17", "17beta1"),
    ] {
        fake(&debian.join(folder).join("bin"), version);
    }
    let major = |written_by| {
        Programs::find_in(path.as_os_str(), &debian, written_by)
            .unwrap()
            .major()
    };
    assert_eq!(
        major(None),
        17,
        "17 is newer than 9, though it sorts before it"
    );
    assert_eq!(major(Some(14)), 14);
    assert_eq!(major(Some(12)), 17);

    // pg_config of a machine that has only the client's library.
    let client = root.path().join("client");
    fs::create_dir_all(&client).unwrap();
    script(
        &path.join("pg_config"),
        &format!("echo {}", client.display()),
    );
    assert_eq!(major(None), 17);
    fake(&client, "16.1");
    assert_eq!(major(None), 16);
    assert_eq!(major(Some(14)), 14);
}
