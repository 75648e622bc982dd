//! From the arguments to a server that listens, and back to a folder at rest.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::serve::ListenerExt;
use store::files::Files;
use store::{OpenError, Postgres};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::args::{Arguments, Command, Place, Serve};
use crate::device::DeviceSlot;
use crate::guard::Hosts;
use crate::jobs::Work;
use crate::key::ServerKey;
use crate::metrics::Metrics;
use crate::progress::ProgressHub;
use crate::slides::{Memory, Slides};
use crate::state::{AppState, Site};
use crate::turns::{Bounds, Turns};

/// How long open requests may take to end after the signal to stop.
const DRAIN: Duration = Duration::from_secs(5);
/// Requests that read terms at once: megabytes each, and of 16 connections to the database the pages need some.
const TERMS_AT_ONCE: usize = 4;

/// Does what the command line asks for.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let Some(Command::TrialBatch) = arguments.command {
        let weights = arguments
            .place
            .assets_dir()
            .join(model::encoder::EFFICIENTNET_LITE0.weights_file);
        println!(
            "{}",
            serde_json::to_string(&model::device::trial_batch(&weights)?)?
        );
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = match arguments.command {
        Some(Command::Import(import)) => {
            runtime.block_on(crate::import::from_command_line(&arguments.place, import))
        }
        _ => {
            // Whatever computes on all cores steps back for the threads that serve.
            rayon::ThreadPoolBuilder::new()
                .start_handler(|_| crate::nice::be_nice())
                .build_global()
                .ok();
            runtime.block_on(serve(arguments.place, arguments.serve))
        }
    };
    // A piece of work that does not end in time is cut off: every job can be taken up again.
    runtime.shutdown_timeout(Duration::from_secs(2));
    result
}

/// Ctrl-C and SIGTERM. From its making on neither ends the process by itself.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them. One that came before counts.
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn serve(place: Place, serve: Serve) -> anyhow::Result<()> {
    let started = Instant::now();
    // The port first: when it is taken, nothing else has been touched.
    let listener = TcpListener::bind(serve.listen).await.with_context(|| {
        format!("cannot listen on {}: is another server running? --listen ADDRESS:PORT takes another port", serve.listen)
    })?;
    let address = listener.local_addr()?;
    let site = site(&serve.site_dir)?;
    std::fs::create_dir_all(&place.data_dir)
        .with_context(|| format!("cannot make the data folder {}", place.data_dir.display()))?;
    let files = Files::open(&place.data_dir)?;
    let mut signals = StopSignals::listen()?;
    let url = place.database_url.as_deref();
    let opened = Postgres::open_unless(url, &place.data_dir, signals.recv()).await;
    if matches!(opened, Err(OpenError::Interrupted)) {
        tracing::info!("stopped while the database was starting");
        return Ok(());
    }
    let postgres = opened?;
    tracing::info!("database: {}", postgres.place());
    let result = serve_with(
        listener,
        address,
        site,
        &postgres,
        files,
        &place,
        &serve,
        started,
        &mut signals,
    )
    .await;
    // Only now that nothing is served any more.
    postgres.stop().await?;
    result
}

async fn serve_with(
    listener: TcpListener,
    address: SocketAddr,
    site: Site,
    postgres: &Postgres,
    files: Files,
    place: &Place,
    serve: &Serve,
    started: Instant,
    signals: &mut StopSignals,
) -> anyhow::Result<()> {
    let store = postgres.store().clone();
    let stopping = CancellationToken::new();
    let progress = ProgressHub::start(store.clone(), stopping.clone());
    let device = Arc::new(DeviceSlot::empty());
    let work = Work::new(
        store.clone(),
        files.clone(),
        progress.clone(),
        device.clone(),
        place,
        serve,
        stopping.clone(),
    );
    let memory = Memory {
        slides: u64::from(serve.slide_memory) << 20,
        pictures: u64::from(serve.tile_cache) << 20,
    };
    let metrics = Arc::new(Metrics::new());
    let state = AppState {
        slides: Slides::new(store.clone(), files.clone(), memory, Arc::clone(&metrics)),
        terms: Turns::new(Bounds::of(TERMS_AT_ONCE)),
        files,
        metrics,
        key: Arc::new(ServerKey::publish(&place.data_dir, address)?),
        database: postgres.place().into(),
        progress,
        work: work.clone(),
        device,
        site: Arc::new(site),
        stopping: stopping.clone(),
        started,
        store,
    };
    let router = crate::routes::router(state, Hosts::new(address, &serve.allow_hosts));
    let jobs = tokio::spawn(work.run());
    let shutdown = {
        let stopping = stopping.clone();
        async move { stopping.cancelled().await }
    };
    // A tile is one answer: its last packet must not wait for the receipt of the one before.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "answers may wait for each other's receipt");
        }
    });
    let server = tokio::spawn(
        axum::serve(listener, router)
            .with_graceful_shutdown(shutdown)
            .into_future(),
    );
    tracing::info!("listening on http://{address}");
    tracing::info!("{}", domain::NOT_FOR_DIAGNOSIS);

    signals.recv().await;
    tracing::info!("stopping");
    stopping.cancel();
    if tokio::time::timeout(DRAIN, server).await.is_err() {
        tracing::warn!(
            "requests still open after {} s were cut off",
            DRAIN.as_secs()
        );
    }
    // The job under way puts itself back into the queue at its next step.
    if tokio::time::timeout(DRAIN, jobs).await.is_err() {
        tracing::warn!("a job did not stop in time; it is taken up again at the next start");
    }
    Ok(())
}

/// The names of the browser's files, as the build wrote them.
fn site(dir: &Path) -> anyhow::Result<Site> {
    let manifest = dir.join("manifest.json");
    let text = match std::fs::read(&manifest) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!(
                "{} is missing: `make run` builds the browser's part, or name its folder with --site-dir",
                manifest.display()
            )
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", manifest.display()));
        }
    };
    let assets = serde_json::from_slice(&text)
        .with_context(|| format!("{} is damaged; build it anew", manifest.display()))?;
    Ok(Site {
        dir: dir.to_owned(),
        assets,
    })
}
