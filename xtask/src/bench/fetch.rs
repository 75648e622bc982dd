//! Asking for each of a list of tiles once: wrk asks for as long as it is told, and a second time finds it in a cache.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::thread::{CpuSet, sched_setaffinity};

use super::figure::{Latency, Load};

/// Asks for each path in turn, over several connections, from one processor where it is named.
pub fn each_once(
    host: &str,
    paths: &[String],
    connections: usize,
    processor: Option<usize>,
    tile_mpx: f64,
) -> Result<Load> {
    let next = AtomicUsize::new(0);
    let times = Mutex::new(Vec::with_capacity(paths.len()));
    let started = Instant::now();
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..connections)
            .map(|_| scope.spawn(|| ask(host, paths, &next, &times, processor)))
            .collect();
        askers.into_iter().try_for_each(|asker| {
            asker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let times = times
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    ensure!(times.len() == paths.len(), "not every tile was asked for");
    let tiles_per_s = paths.len() as f64 / seconds;
    Ok(Load {
        tiles_per_s,
        mpx_per_s: tiles_per_s * tile_mpx,
        latency_ms: Latency::of(times).context("there is no tile to ask for")?,
    })
}

fn ask(
    host: &str,
    paths: &[String],
    next: &AtomicUsize,
    times: &Mutex<Vec<f64>>,
    processor: Option<usize>,
) -> Result<()> {
    if let Some(processor) = processor {
        let mut alone = CpuSet::new();
        alone.set(processor);
        sched_setaffinity(None, &alone).context("cannot stay on one processor")?;
    }
    // Of its own, so that it keeps its connection.
    let agent = ureq::Agent::new_with_defaults();
    let mut own = Vec::new();
    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
        let asked = Instant::now();
        let mut answer = agent
            .get(format!("http://{host}{path}"))
            .call()
            .with_context(|| format!("no tile at {path}"))?;
        let bytes = answer.body_mut().read_to_vec()?;
        own.push(millis(asked.elapsed()));
        ensure!(bytes.starts_with(&[0xff, 0xd8]), "no JPEG at {path}");
    }
    let mut times = times
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    times.append(&mut own);
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers every request on every connection with a body; tells what was asked for.
    fn serve(body: &'static [u8]) -> (String, std::sync::mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (tell, stream) = (tell.clone(), stream.unwrap());
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    let mut stream = stream;
                    while let Some(Ok(first)) = lines.next() {
                        while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                        tell.send(first).unwrap();
                        let head =
                            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                        stream.write_all(head.as_bytes()).unwrap();
                        stream.write_all(body).unwrap();
                    }
                });
            }
        });
        (host, told)
    }

    #[test]
    fn each_tile_is_asked_for_once() {
        let (host, told) = serve(b"\xff\xd8 picture");
        let paths: Vec<_> = (0..50).map(|number| format!("/tile/{number}")).collect();
        let load = each_once(&host, &paths, 3, Some(0), 0.5).unwrap();
        assert!((load.mpx_per_s - load.tiles_per_s / 2.0).abs() < 1e-9);
        let mut asked: Vec<_> = (0..50).map(|_| told.recv().unwrap()).collect();
        assert!(told.try_recv().is_err());
        let mut wanted: Vec<_> = paths
            .iter()
            .map(|path| format!("GET {path} HTTP/1.1"))
            .collect();
        asked.sort();
        wanted.sort();
        assert_eq!(asked, wanted);
    }

    #[test]
    fn an_answer_that_is_no_picture_is_no_result() {
        let (host, _told) = serve(b"{}");
        let error = each_once(&host, &["/tile".to_owned()], 1, None, 1.0).unwrap_err();
        assert!(error.to_string().contains("no JPEG"), "{error}");
    }
}
