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

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, anyhow};
use model::{DeviceChoice, Encoder};
use serde::{Deserialize, Serialize};
use store::Store;
use store::jobs::Claimed;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use crate::args::{Place, Serve};
use crate::device::Device;
use crate::progress::ProgressHub;

pub use steps::{Steps, Stopped};

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

/// The jobs' loop.
#[derive(Clone)]
pub struct Work {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    progress: ProgressHub,
    device: Arc<OnceLock<Device>>,
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
        self.shared.first_run.as_ref().context("this server was started with --no-first-run")
    }

    /// The device with the encoder on it; chosen and loaded when the first job needs it.
    pub fn device(&self) -> anyhow::Result<&Device> {
        if let Some(device) = self.shared.device.get() {
            return Ok(device);
        }
        let weights = self.shared.assets_dir.join(model::WEIGHTS_FILE);
        let (choice, info) = model::choose(self.shared.choice, |_| trial_in_a_child(&self.shared.assets_dir))?;
        let encoder = Encoder::load(&weights, &choice)?;
        tracing::info!("models run on {} {} ({}): {}", info.kind, info.name, info.backend, info.reason);
        let device = Device::start(encoder, info).context("cannot start the device thread")?;
        Ok(self.shared.device.get_or_init(|| device))
    }
}

/// A bad driver does not return an error, it ends the process: so the trial batch runs in a child.
fn trial_in_a_child(assets_dir: &std::path::Path) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let status = std::process::Command::new(program)
        .arg("trial-batch")
        .arg("--assets-dir")
        .arg(assets_dir)
        .stdin(std::process::Stdio::null())
        .status()
        .map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("the trial batch ended with {status}")) }
}

/// How a job ended.
enum End {
    Done,
    Stopped(Stopped),
    Failed(anyhow::Error),
}

impl Work {
    /// A loop that has not started yet.
    pub fn new(
        store: Store,
        progress: ProgressHub,
        device: Arc<OnceLock<Device>>,
        place: &Place,
        serve: &Serve,
        stopping: CancellationToken,
    ) -> Self {
        let first_run = (!serve.no_first_run).then(|| plan::FirstRun::new(serve));
        Self {
            shared: Arc::new(Shared {
                store,
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
                    plan::plan(&shared.store, shared.first_run.as_ref()).await?;
                }
                shared.store.jobs().claim().await
            };
            let pause = match next.await {
                Ok(Some(claimed)) => {
                    shared.progress.wake();
                    self.work_on(claimed).await;
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

    async fn work_on(&self, claimed: Claimed) {
        let shared = &self.shared;
        let steps = Steps::new(shared.stopping.clone());
        let keeper = tokio::spawn(steps::keep_lease(claimed.clone(), shared.store.clone(), steps.clone()));
        let context = JobContext { shared: shared.clone(), runtime: Handle::current(), steps: steps.clone() };
        let (sender, receiver) = oneshot::channel();
        let task = serde_json::from_value::<Task>(claimed.payload.clone()).context("this job is of a kind unknown to this version");
        let started = std::thread::Builder::new().name("job".into()).spawn(move || {
            crate::nice::be_nice();
            let end = match task.and_then(|task| execute(&task, &context)) {
                Ok(()) => End::Done,
                Err(error) => match error.downcast::<Stopped>() {
                    Ok(stopped) => End::Stopped(stopped),
                    Err(error) => End::Failed(error),
                },
            };
            sender.send(end).ok();
        });
        let end = match started {
            // A sender that is gone without a word: the job panicked.
            Ok(_) => receiver.await.unwrap_or_else(|_| End::Failed(anyhow!("the job broke off: a fault of the program"))),
            Err(error) => End::Failed(anyhow!(error).context("no thread for the job")),
        };
        keeper.abort();
        let jobs = shared.store.jobs();
        let (done, total) = steps.counts();
        let told = match end {
            End::Done => jobs.finish(&claimed, total.max(done)).await,
            End::Stopped(Stopped::Cancelled) => jobs.cancelled(&claimed, done).await,
            End::Stopped(Stopped::ServerStops) => jobs.release(&claimed, done).await,
            End::Stopped(Stopped::LeaseLost) => Ok(()),
            End::Failed(error) => {
                tracing::warn!(job = %claimed.id, kind = claimed.kind, "job {} failed: {error:#}", claimed.id);
                jobs.fail(&claimed, &format!("{error:#}")).await
            }
        };
        if let Err(error) = told {
            // Its lease runs out and it is taken up again.
            tracing::warn!(%error, job = %claimed.id, "the end of job {} could not be written down", claimed.id);
        }
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
