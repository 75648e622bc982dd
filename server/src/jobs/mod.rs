//! Long work: one heavy job at a time, each idempotent, each able to be killed anywhere and taken up again.
//!
//! Which jobs are wanted is derived from what is there ([`plan`]): a job that ended leaves its result, and the result is
//! what makes the next one wanted. So nothing can be lost between two jobs.

mod draw;
mod encode;
mod plan;
mod predict;
mod sample;
mod steps;
mod train;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use model::device::{DeviceChoice, DeviceKind, EncoderDevice, TrialError, TrialReport};
use model::encoder::Encoder;
use serde::{Deserialize, Serialize};
use store::files::Files;
use store::jobs::{Beat, Claim, Failure};
use store::{Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::args::{Place, Serve};
use crate::cohorts;
use crate::device::{Device, DeviceSlot};
use crate::progress::ProgressHub;

pub use steps::{Steps, Stopped};

/// How long the first batch on a graphics card may take, its compilation included.
const TRIAL_LIMIT: Duration = Duration::from_secs(120);

/// What a job does; its payload in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Import the sample slide.
    Sample,
    /// Draw the spot of a patient of the phantom cohort (place in the cohort) and import it.
    Draw(usize),
    /// Lay the tile grid of a slide and encode its tiles.
    Encode(String),
    /// Train a model on the phantom cohort.
    Train(String),
    /// Predict a slide with a model.
    Predict {
        /// Key of the model.
        model: String,
        /// Code of the slide.
        slide: String,
    },
}

impl Task {
    /// The kinds that this version works on.
    const KINDS: [&str; 5] = ["sample", "draw", "encode", "train", "predict"];

    /// The kind of job.
    fn kind(&self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Draw(_) => "draw",
            Self::Encode(_) => "encode",
            Self::Train(_) => "train",
            Self::Predict { .. } => "predict",
        }
    }
}

/// A failure that trying again cannot mend.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Hopeless(String);

/// The jobs' loop.
#[derive(Clone)]
pub struct Work {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    files: Files,
    progress: ProgressHub,
    device: Arc<DeviceSlot>,
    assets_dir: PathBuf,
    choice: DeviceChoice,
    first_run: Option<plan::FirstRun>,
    stopping: CancellationToken,
    wake: Notify,
}

/// What a running job can reach. Jobs run on threads of their own, so they may block.
pub struct JobContext {
    shared: Arc<Shared>,
    runtime: Handle,
    /// Progress out, cancellation in.
    pub steps: Steps,
}

impl JobContext {
    /// The database and the files.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The file store of the data folder.
    pub fn files(&self) -> &Files {
        &self.shared.files
    }

    /// Waits for the database.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Folder with the encoder weights and the sample slide.
    pub fn assets_dir(&self) -> &PathBuf {
        &self.shared.assets_dir
    }

    /// The phantom cohort of the first run.
    pub fn first_run(&self) -> anyhow::Result<&plan::FirstRun> {
        self.shared
            .first_run
            .as_ref()
            .context("this server was started with --no-first-run")
    }

    /// The device with the encoder on it; chosen and loaded when the first job needs it, and again when it has failed.
    pub fn device(&self) -> anyhow::Result<Device> {
        let Shared {
            assets_dir, choice, ..
        } = &*self.shared;
        self.shared.device.get_or_start(|failed| {
            let device = match failed {
                // Burn keeps its handle on a card for as long as the process lives: a lost one stays lost to it.
                Some(failed) if failed.kind == DeviceKind::Gpu && *choice == DeviceChoice::Auto => {
                    EncoderDevice::cpu(&format!(
                        "{} failed while it computed; the next start of the server tries it again",
                        failed.name
                    ))
                }
                _ => EncoderDevice::open(model::device::choose(*choice, || {
                    trial_in_a_child(assets_dir)
                })?)?,
            };
            let info = device.info().clone();
            let weights = assets_dir.join(model::encoder::EFFICIENTNET_LITE0.weights_file);
            let encoder = Encoder::load(&weights, &device)?;
            tracing::info!(
                "models run on the {} ({}, {}): {}",
                info.kind,
                info.name,
                info.backend,
                info.reason
            );
            let batch_tiles = encoder.batch_tiles();
            Device::start(encoder, batch_tiles, info).context("cannot start the device thread")
        })
    }
}

/// A bad driver does not return an error, it ends the process: so the trial batch runs in a child.
fn trial_in_a_child(assets_dir: &Path) -> Result<TrialReport, TrialError> {
    let program = std::env::current_exe().map_err(|error| TrialError::NotRun {
        message: error.to_string(),
    })?;
    let mut command = std::process::Command::new(program);
    command
        .arg("trial-batch")
        .arg("--assets-dir")
        .arg(assets_dir);
    model::device::trial_in_child(&mut command, TRIAL_LIMIT)
}

impl Work {
    /// A loop that has not started yet.
    pub fn new(
        store: Store,
        files: Files,
        progress: ProgressHub,
        device: Arc<DeviceSlot>,
        place: &Place,
        serve: &Serve,
        stopping: CancellationToken,
    ) -> Self {
        let first_run = (!serve.no_first_run).then(|| plan::FirstRun::new(serve));
        Self {
            shared: Arc::new(Shared {
                store,
                files,
                progress,
                device,
                assets_dir: place.assets_dir(),
                choice: serve.device,
                first_run,
                stopping,
                wake: Notify::new(),
            }),
        }
    }

    /// Looks for work now.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// Works until the server stops.
    pub async fn run(self) {
        let shared = &self.shared;
        let mut planned = false;
        while !shared.stopping.is_cancelled() {
            let next = async {
                if !planned {
                    // Before anybody asks what is encoded: slides of an older data folder lack what a newer encoder makes.
                    cohorts::ensure_encoders(&shared.store).await?;
                    plan::plan(&shared.store, shared.first_run.as_ref()).await?;
                }
                shared.store.jobs().claim(&Task::KINDS).await
            };
            let pause = match next.await {
                Ok(Some(claim)) => {
                    shared.progress.wake();
                    self.work_on(claim).await;
                    shared.progress.wake();
                    planned = false;
                    continue;
                }
                Ok(None) => {
                    planned = true;
                    Duration::from_secs(2)
                }
                Err(error) => {
                    tracing::warn!(%error, "no job could be taken");
                    Duration::from_secs(2)
                }
            };
            tokio::select! {
                () = shared.stopping.cancelled() => {}
                () = shared.wake.notified() => planned = false,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn work_on(&self, claim: Claim) {
        let shared = &self.shared;
        let (id, kind) = (claim.job.id, claim.job.kind.clone());
        let steps = Steps::new(shared.stopping.clone());
        let keeper = tokio::spawn(steps::keep_lease(
            claim.clone(),
            shared.store.clone(),
            steps.clone(),
        ));
        let context = JobContext {
            shared: shared.clone(),
            runtime: Handle::current(),
            steps: steps.clone(),
        };
        let (sender, receiver) = oneshot::channel();
        let task = claim.job.payload::<Task>();
        let started = std::thread::Builder::new()
            .name("job".into())
            .spawn(move || {
                crate::nice::be_nice();
                let ended = task
                    .map_err(anyhow::Error::from)
                    .and_then(|task| execute(&task, &context));
                sender.send(ended).ok();
            });
        let ended = match started {
            // A sender that is gone without a word: the job panicked.
            Ok(_) => receiver
                .await
                .unwrap_or_else(|_| Err(anyhow!("the job broke off: a fault of the program"))),
            Err(error) => Err(anyhow!(error).context("no thread for the job")),
        };
        keeper.abort();
        if let Err(error) = self.write_end(&claim, &steps, ended).await {
            // Its lease runs out and it is taken up again.
            tracing::warn!(%error, job = %id, "the end of {kind} job {id} could not be written down");
        }
    }

    async fn write_end(
        &self,
        claim: &Claim,
        steps: &Steps,
        ended: anyhow::Result<()>,
    ) -> Result<(), StoreError> {
        let jobs = self.shared.store.jobs();
        let (done, total) = steps.counts();
        match jobs.beat(claim, done, total).await? {
            Beat::Lost => return Ok(()),
            Beat::Continue | Beat::Cancel => {}
        }
        let error = match ended {
            Ok(()) => {
                // What follows is queued first: the queue is empty only when all is done.
                plan::plan(&self.shared.store, self.shared.first_run.as_ref()).await?;
                return jobs.finish(claim).await;
            }
            Err(error) => error,
        };
        match error.downcast_ref::<Stopped>() {
            Some(Stopped::Cancelled) => return jobs.cancelled(claim).await,
            Some(Stopped::ServerStops) => return jobs.release(claim).await,
            Some(Stopped::LeaseLost) => return Ok(()),
            None => {}
        }
        let (id, kind) = (claim.job.id, &claim.job.kind);
        // The words name no file, because they are shown. What the causes know of it is for the log.
        let causes = format!("{:?}", error.chain().collect::<Vec<_>>());
        tracing::warn!(job = %id, kind, causes, "{kind} job {id} failed: {error:#}");
        let failure = if error.is::<Hopeless>() {
            Failure::Final
        } else {
            Failure::Passing
        };
        jobs.fail(claim, &format!("{error:#}"), failure)
            .await
            .map(|_| ())
    }
}

fn execute(task: &Task, context: &JobContext) -> anyhow::Result<()> {
    match task {
        Task::Sample => sample::run(context),
        Task::Draw(patient) => draw::run(context, *patient),
        Task::Encode(slide) => encode::run(context, slide),
        Task::Train(model) => train::run(context, model),
        Task::Predict { model, slide } => predict::run(context, model, slide),
    }
}
