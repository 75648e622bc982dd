//! What every route can reach.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRef;
use domain::ids::JobId;
use domain::view::{DeviceView, Status};
use store::files::Files;
use store::{Page, Store};
use tokio_util::sync::CancellationToken;

use crate::device::DeviceSlot;
use crate::jobs::Work;
use crate::key::ServerKey;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::progress::ProgressHub;
use crate::slides::Slides;
use crate::turns::Turns;

/// How many slides a list holds at most.
pub const ALL_SLIDES: Page = Page::first(10_000);

/// The browser's part.
#[derive(Clone, Debug)]
pub struct Site {
    /// Folder with `pkg/` and `public/`.
    pub dir: PathBuf,
    /// The names of its files.
    pub assets: app::SiteAssets,
}

/// What every route can reach.
#[derive(Clone, FromRef)]
pub struct AppState {
    /// The database and the files.
    pub store: Store,
    /// The files of the data folder.
    pub files: Files,
    /// The open slides.
    pub slides: Slides,
    /// Turns to read terms.
    #[from_ref(skip)]
    pub terms: Turns,
    /// How far the queue is.
    pub progress: ProgressHub,
    /// The jobs' loop.
    pub work: Work,
    /// What runs the models; chosen when a job needs it.
    #[from_ref(skip)]
    pub device: Arc<DeviceSlot>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The browser's part.
    #[from_ref(skip)]
    pub site: Arc<Site>,
    /// Where the database is, in words.
    #[from_ref(skip)]
    pub database: Arc<str>,
    /// Opens what only the command line may do.
    #[from_ref(skip)]
    pub key: Arc<ServerKey>,
    /// Ends the long-lived streams when the server stops.
    pub stopping: CancellationToken,
    /// When the server started.
    #[from_ref(skip)]
    pub started: Instant,
}

/// What pictures need of it, which is cheaper to hand to each request.
#[derive(Clone)]
pub struct PictureState {
    /// The open slides.
    pub slides: Slides,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What terms need of it.
#[derive(Clone)]
pub struct TermsState {
    /// The database.
    pub store: Store,
    /// Turns to ask it.
    pub turns: Turns,
}

impl AppState {
    /// The part that terms need.
    pub fn for_terms(&self) -> TermsState {
        TermsState {
            store: self.store.clone(),
            turns: self.terms.clone(),
        }
    }

    /// The part that pictures need.
    pub fn for_pictures(&self) -> PictureState {
        PictureState {
            slides: self.slides.clone(),
            metrics: Arc::clone(&self.metrics),
        }
    }

    /// The state of the server.
    pub async fn status(&self) -> Result<Status, Problem> {
        let totals = self.store.totals().await?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: self.started.elapsed().as_secs(),
            database: self.database.to_string(),
            device: self.device.last().map(|device| {
                let info = device.info();
                DeviceView {
                    kind: info.kind.to_string(),
                    name: info.name.clone(),
                    backend: info.backend.clone(),
                    reason: info.reason.clone(),
                }
            }),
            resident_bytes: resident_bytes(),
            slides: totals.slides,
            tiles_encoded: totals.tiles_encoded,
        })
    }

    /// Stops a job.
    pub async fn cancel_job(&self, job: JobId) -> Result<(), Problem> {
        self.store.jobs().cancel(job).await?;
        self.progress.wake();
        Ok(())
    }

    /// Queues a failed or cancelled job again.
    pub async fn retry_job(&self, job: JobId) -> Result<(), Problem> {
        self.store.jobs().retry(job).await?;
        self.work.wake();
        self.progress.wake();
        Ok(())
    }
}

/// Resident memory of this process, bytes.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
