//! Rebuilds what has changed and starts the server anew; the pages reload themselves (see [`Variant::Dev`]).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use notify::{RecursiveMode, Watcher};
use rustix::process::{Pid, Signal, kill_process};

use crate::web::Variant;
use crate::workspace::Workspace;
use crate::{run, web};

const WATCHED: [&str; 7] = [
    "app",
    "crates",
    "frontend",
    "migrations",
    "public",
    "server",
    "style",
];

/// An editor writes a file in several steps; this long after the last one all is written.
const QUIET: Duration = Duration::from_millis(200);
/// A server that has not drained by then is ended.
const DRAIN: Duration = Duration::from_secs(15);

/// Runs until interrupted.
pub fn dev(workspace: &Workspace, server_args: &[OsString]) -> Result<()> {
    let (_watcher, changes) = watch(workspace)?;
    run::prepare(workspace, Variant::Dev, server_args)?;
    let mut server = Some(start(workspace, server_args)?);
    loop {
        let changed = next_change(&changes)?;
        eprintln!(
            "{} has changed",
            changed
                .strip_prefix(&workspace.root)
                .unwrap_or(&changed)
                .display()
        );
        // What was built before goes on while the new does not compile.
        if let Err(error) =
            web::build(workspace, Variant::Dev).and_then(|_| run::build_server(workspace))
        {
            eprintln!("error: {error:#}");
            continue;
        }
        if let Some(server) = server.take() {
            stop(server)?;
        }
        server = Some(start(workspace, server_args)?);
    }
}

/// Watches for as long as the watcher lives.
fn watch(workspace: &Workspace) -> Result<(impl Watcher + use<>, Receiver<PathBuf>)> {
    let (sender, changes) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        if event.kind.is_create() || event.kind.is_modify() || event.kind.is_remove() {
            for path in event.paths.into_iter().filter(|path| is_source(path)) {
                // Nobody listens any more only when the program ends.
                let _ = sender.send(path);
            }
        }
    })?;
    for folder in WATCHED
        .map(|folder| workspace.root.join(folder))
        .iter()
        .filter(|folder| folder.exists())
    {
        watcher
            .watch(folder, RecursiveMode::Recursive)
            .with_context(|| format!("cannot watch {}", folder.display()))?;
    }
    Ok((watcher, changes))
}

/// Not what an editor writes for itself.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    !(name.starts_with(b".") || name.starts_with(b"#") || name.ends_with(b"~"))
}

/// Waits for a change and for the quiet after it; returns the first path.
fn next_change(changes: &Receiver<PathBuf>) -> Result<PathBuf> {
    let first = changes
        .recv()
        .context("the watch of the source folders ended")?;
    loop {
        match changes.recv_timeout(QUIET) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(first),
        }
    }
}

fn start(workspace: &Workspace, server_args: &[OsString]) -> Result<Child> {
    run::server(workspace, Variant::Dev, server_args)
        .spawn()
        .context("cannot start the server")
}

/// Asks a server to stop, waits until it has, and ends it when it does not.
pub fn stop(mut server: Child) -> Result<()> {
    if server.try_wait()?.is_some() {
        return Ok(());
    }
    kill_process(Pid::from_child(&server), Signal::TERM)?;
    let asked = Instant::now();
    while server.try_wait()?.is_none() {
        if asked.elapsed() > DRAIN {
            server.kill()?;
            server.wait()?;
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editors_own_files_are_no_change() {
        assert!(is_source(Path::new("app/src/lib.rs")));
        for name in ["app/src/.lib.rs.swp", "app/src/lib.rs~", "app/src/#lib.rs#"] {
            assert!(!is_source(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn changes_in_quick_succession_are_one() {
        let (sender, changes) = mpsc::channel();
        for name in ["a", "b", "c"] {
            sender.send(name.into()).unwrap();
        }
        assert_eq!(next_change(&changes).unwrap(), Path::new("a"));
        assert!(changes.try_recv().is_err());
    }

    #[test]
    fn a_server_is_asked_to_stop_with_a_signal_that_it_can_answer() {
        let server = std::process::Command::new("sh")
            .args([
                "-c",
                "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done",
            ])
            .stdout(std::process::Stdio::piped())
            .spawn();
        let mut server = server.unwrap();
        let mut ready = String::new();
        std::io::BufRead::read_line(
            &mut std::io::BufReader::new(server.stdout.take().unwrap()),
            &mut ready,
        )
        .unwrap();
        let asked = Instant::now();
        stop(server).unwrap();
        assert!(asked.elapsed() < DRAIN);
    }
}
