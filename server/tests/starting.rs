//! The start of the program: what it refuses, and what it leaves behind when it is broken off.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::Place;

const QUIET: [&str; 1] = ["--no-first-run"];

#[test]
fn a_port_in_use_and_a_missing_site_are_told() {
    let place = Place::new();
    let server = place.serve(&QUIET);
    let taken = server.address().to_string();
    let other = Place::new();
    let output = other
        .command()
        .args(["--listen", &taken, "--no-first-run"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--listen"));

    std::fs::remove_file(other.folder.path().join("site/manifest.json")).unwrap();
    let output = other
        .command()
        .args(["--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("make run"));

    // The same folder twice.
    let output = place
        .command()
        .args(["--listen", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn an_address_that_others_can_reach_is_refused() {
    let place = Place::new();
    let output = place
        .command()
        .args(["--listen", "0.0.0.0:0"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("ssh -L") && said.contains("reverse proxy"),
        "{said}"
    );
    assert!(!place.data_dir().exists());
}

#[test]
fn a_start_that_is_broken_off_leaves_no_postgres_running() {
    let place = Place::new();
    let folder = place.data_dir().join("postgres");
    // While it makes the cluster, and while it starts the one that is there.
    for begun in [&folder, &folder.join("cluster/postmaster.pid")] {
        let mut server = place
            .command()
            .args(["--listen", "127.0.0.1:0", "--no-first-run"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("it begins", || begun.exists());
        kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
        // Not killed by the signal, but ended in good order.
        assert!(server.wait().unwrap().success(), "{}", begun.display());
        assert!(!folder.join("cluster/postmaster.pid").exists());
        assert_eq!(running_in(&folder), 0, "{}", begun.display());
    }
    assert!(folder.join("cluster/PG_VERSION").exists());
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// How many processes name the folder in their arguments.
fn running_in(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .filter(|arguments| String::from_utf8_lossy(arguments).contains(folder))
        .count()
}
